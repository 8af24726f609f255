"""How honest the ranking is: simulated voters with known preferences, 2 000 repeats a row.

    python tests/bench/ranking.py [--repeats N] [--only coverage,spread,pairs,reference]

Writes ``tests/bench/results/ranking.json``. What is simulated: Davidson voters with a preference for the left side of
0.3 logit and ties (nu 0.7, a quarter of votes between equals); "spread" is the standard deviation, in logits, of the
luck of single clips around their variant. Bars: coverage of 95 % intervals 0.93 to 0.99; false positives at most 0.06,
none on one seed; right winner in 90 % with at most half the votes of random pairs. What decides, and how often
wrongly, is in ``decisions.py``.
"""

from __future__ import annotations

import argparse
import json
import platform
import time
from pathlib import Path

import numpy as np

from wan_nb.studies.ballot.ballot import next_pair as pairs
from wan_nb.studies.ranking.model import Votes, fit_stack
from wan_nb.studies.ranking.posterior import best, contrasts
from wan_nb.studies.ranking.rule import settled

SIDE, NU = 0.3, 0.7
STACK = 200
"""Tables fitted at once: enough to hide Python, little enough for the cache."""


def answers(rng, theta, luck, left, right, block, *, side=SIDE, nu=NU):
    """0.5 left, -0.5 right, 0 tie, for arrays (tables, votes)."""
    table = np.arange(len(left))[:, None]
    gap = theta[left] + luck[table, block, left] - theta[right] - luck[table, block, right] + side
    left_odds, right_odds = np.exp(gap / 2), np.exp(-gap / 2)
    at = rng.random(gap.shape) * (left_odds + right_odds + nu)
    return np.where(at < left_odds, 0.5, np.where(at < left_odds + right_odds, -0.5, 0.0))


def stacks(repeats):
    return [min(STACK, repeats - start) for start in range(0, repeats, STACK)]


def simulate(rng, tables, theta, votes, blocks, spread, *, nu=NU):
    """Random pairs, seeds in turn."""
    k = len(theta)
    left = rng.integers(k, size=(tables, votes))
    right = (left + rng.integers(1, k, size=left.shape)) % k
    block = np.broadcast_to(np.arange(votes) % blocks, left.shape).copy()
    luck = rng.normal(0, 1, (tables, blocks, k)) * spread
    result = answers(rng, theta, luck, left, right, block, nu=nu)
    return Votes(left, right, block, result, np.ones(left.shape), k, blocks)


def coverage(repeats, rng):
    """95 % intervals of strengths against the truth, every vote on its own seed and on 12 seeds."""
    rows = []
    for k, gap in ((4, 0.6), (8, 0.5)):
        theta = gap * (np.arange(k) - (k - 1) / 2)
        for votes in (12, 24, 48, 96):
            for blocks in (votes, 12) if votes > 12 else (votes,):
                inside = []
                for tables in stacks(repeats):
                    posterior = fit_stack(simulate(rng, tables, theta, votes, blocks, 0.0))
                    low, high = (posterior.quantile(contrasts(k), p) for p in (0.025, 0.975))
                    inside.append((low <= theta) & (theta <= high))
                share = np.concatenate(inside).mean(axis=0)
                rows.append(
                    {"variants": k, "gap": gap, "votes": votes, "seeds": blocks, "coverage": share.mean()}
                    | {"lowest_variant": share.min(), "highest_variant": share.max()}
                )
                say(rows[-1])
    return rows


def spread(repeats, rng):
    """Two equal variants, 30 votes: how often 0 is outside the 95 % interval, and how often the stop rule fires."""
    rows = []
    difference = np.array([[1.0, -1.0, 0.0, 0.0]])
    for sd in (0.0, 1.0, 2.0):
        for blocks in (1, 3, 4, 5, 6, 10, 30):
            outside, decided = [], []
            for tables in stacks(repeats):
                posterior = fit_stack(simulate(rng, tables, np.zeros(2), 30, blocks, sd, nu=0.2))
                low, high = (posterior.quantile(difference, p)[:, 0] for p in (0.025, 0.975))
                outside.append((low > 0) | (high < 0))
                top = best(posterior).max(axis=1)
                decided.append([settled(p, 30, blocks) for p in top])
            wrong, stopped = np.concatenate(outside).mean(), np.concatenate(decided).mean()
            rows.append(
                {"spread": sd, "seeds": blocks, "votes_per_seed": 30 // blocks, "false_positives": wrong}
                | {"coverage": 1 - wrong, "decided": stopped}
            )
            say(rows[-1])
    return rows


class Sessions:
    """Many voting sessions side by side; fitted every few votes, each pair chosen by the code that users run."""

    def __init__(self, rng, tables, theta, blocks, sd, length):
        self.rng, self.theta, self.blocks = rng, theta, blocks
        self.luck = rng.normal(0, 1, (tables, blocks, len(theta))) * sd
        self.left, self.right, self.block = (np.zeros((tables, length), dtype=np.intp) for _ in range(3))
        self.result = np.zeros((tables, length))
        self.load = np.zeros((tables, blocks, len(theta)))

    def fit(self, votes):
        parts = (a[:, :votes] for a in (self.left, self.right, self.block, self.result))
        return fit_stack(Votes(*parts, np.ones((len(self.left), votes)), len(self.theta), self.blocks))

    def vote(self, number, posterior):
        rng, k, tables = self.rng, len(self.theta), np.arange(len(self.left))
        if posterior is None:
            one = rng.integers(k, size=len(tables))
            other = (one + rng.integers(1, k, size=len(tables))) % k
        else:
            allowed = ~np.eye(k, dtype=bool)
            draws = posterior.draw(rng, 60)
            one, other = np.array([pairs.top_two(d, allowed, rng) for d in draws]).T
        load = self.load[tables, :, one] + self.load[tables, :, other] + rng.random((len(tables), self.blocks)) / 2
        block = load.argmin(axis=1)
        np.add.at(self.load, (tables, block, one), 1)
        np.add.at(self.load, (tables, block, other), 1)
        swap = rng.random(len(tables)) < 0.5
        self.left[:, number], self.right[:, number] = np.where(swap, other, one), np.where(swap, one, other)
        self.block[:, number] = block
        now = slice(number, number + 1)
        self.result[:, now] = answers(
            rng, self.theta, self.luck, self.left[:, now], self.right[:, now], self.block[:, now]
        )


def winners(repeats, rng):
    """Six variants 0.6 logit apart on 12 seeds: share of sessions whose leader is the best, after so many votes."""
    theta = 0.6 * (np.arange(6) - 2.5)
    found = {}
    for picker, length in (("thompson", 75), ("random", 150)):
        hits = []
        for tables in stacks(repeats):
            sessions = Sessions(rng, tables, theta, 12, 0.0, length)
            posterior, right = None, []
            for number in range(length):
                if number and number % 5 == 0 and (picker == "thompson" or number % 15 == 0):
                    posterior = sessions.fit(number)
                    mean = np.einsum("tg,tgi->ti", posterior.weight, posterior.mean[..., :6])
                    right.append(mean.argmax(axis=1) == 5)
                sessions.vote(number, posterior if picker == "thompson" else None)
            hits.append(np.array(right))
        step = 5 if picker == "thompson" else 15
        share = np.concatenate(hits, axis=1).mean(axis=1)
        found[picker] = {str(step * (i + 1)): value for i, value in enumerate(share)}
        say({picker: found[picker]})
    needed = {p: next((int(n) for n, s in curve.items() if s >= 0.9), None) for p, curve in found.items()}
    half = needed["random"] is None or (needed["thompson"] or 1e9) * 2 <= needed["random"]
    return {"right": found, "votes_for_90_percent": needed, "random_tried_up_to": 135, "at_most_half": bool(half)}


def reference(repeats, rng):
    """Largest difference to ``evalica.newman`` over random tables, prior and side off."""
    import evalica

    words = {0.5: evalica.Winner.X, -0.5: evalica.Winner.Y, 0.0: evalica.Winner.Draw}
    worst, tables = 0.0, min(100, repeats)
    for k in (3, 5, 8):
        for _ in range(tables // 3):
            votes = simulate(rng, 1, rng.normal(0, 0.5, k), 40 * k, 40 * k, 0.0)
            ours = fit_stack(votes, prior_sd=None, side_sd=None, tie_sd=None, grid=np.zeros(1)).mean[0, 0]
            table = [[f"{i}" for i in side[0]] for side in (votes.left, votes.right)]
            theirs = evalica.newman(*table, [words[r] for r in votes.result[0]], tolerance=1e-13, limit=100_000)
            log = np.log(theirs.scores.sort_index().to_numpy())
            worst = max(
                worst, np.abs(ours[:k] - ours[:k].mean() - log + log.mean()).max(), abs(np.exp(ours[-1]) - 2 * theirs.v)
            )
    say(worst)
    return {"tables": 3 * (tables // 3), "largest_difference": worst}


def say(row):
    print(json.dumps(row, default=lambda v: round(float(v), 4)), flush=True)


PARTS = {"coverage": coverage, "spread": spread, "pairs": winners, "reference": reference}


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=2000)
    parser.add_argument("--only", default=",".join(PARTS))
    options = parser.parse_args()
    path = Path(__file__).parent / "results" / "ranking.json"
    result = json.loads(path.read_text()) if path.exists() else {}
    for name in options.only.split(","):
        started = time.perf_counter()
        found = PARTS[name](options.repeats, np.random.default_rng(7))
        result[name] = {"repeats": options.repeats, "seconds": round(time.perf_counter() - started), "found": found}
    result["machine"] = {"python": platform.python_version(), "numpy": np.__version__}
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps(result, indent=1, default=lambda v: round(float(v), 4)) + "\n")


if __name__ == "__main__":
    main()
