"""What a race decides, and for how many clips, beside a grid with the ranking's rule and a grid with a sign test.

python tests/bench/race.py [--sessions N] [--only table,grid,two_raters,anytime] [--cells TEXT] [--anew]

All three are judged by the functions that users run; only raters and clips are simulated.
"""

from __future__ import annotations

import math
from dataclasses import replace
from itertools import combinations

import numpy as np
from cells import run
from decisions import Sessions, World, best_two, outcome, rate

from wan_nb.studies.race.evidence import first_winner, leads, log_evidence
from wan_nb.studies.race.race_plan import BEATS, BEATS_STRICT
from wan_nb.studies.race.steering import FIRST_SEEDS, NEXT_SEEDS, survivors
from wan_nb.studies.ranking.model import Votes, fit_stack
from wan_nb.studies.ranking.posterior import best

CLIPS = 240
STACK = 100
DRAWS = 4000


class Answers:
    """Votes on all pairs of all seeds of sessions side by side, each pair by each rater, drawn as in `decisions`."""

    def __init__(self, world, tables, rng, raters=1):
        self.k, self.seeds, self.raters, self.rng = len(world.theta), world.seeds, raters, rng
        self.room = Sessions(replace(world, votes=1), tables, rng)
        self.pairs = np.array([*combinations(range(self.k), 2)])
        # As in the product, the sides of a pair are by chance in twos.
        shape = (tables, -(-world.seeds * raters // 2), len(self.pairs))
        first = rng.random(shape) < 0.5
        swap = np.stack([first, ~first], axis=2).reshape(tables, -1, len(self.pairs))[:, : world.seeds * raters]
        swap = swap.reshape(tables, world.seeds, raters, -1).swapaxes(2, 3)
        one, other = (self.pairs[:, i][None, None, :, None] for i in (0, 1))
        self.left, self.right = np.where(swap, other, one), np.where(swap, one, other)
        at, seed = np.arange(tables)[:, None, None, None], np.arange(world.seeds)[None, :, None, None]
        gap = self.room.strength[at, seed, self.left] - self.room.strength[at, seed, self.right]
        if world.defect == "a rater who gets tired":
            gap = gap * np.linspace(1, 0, world.seeds)[None, :, None, None]
        self.result = self.room.answers(gap, self.left, self.right, np.zeros_like(self.left))

    def scores(self, running, live, seeds):
        """Votes won less lost (live, seeds, k), of the pairs that both run."""
        running, (one, other) = running[live, :seeds], self.pairs.T
        asked = (running[:, :, one] & running[:, :, other])[..., None]
        left, right = self.left[live, :seeds], self.right[live, :seeds]
        won = np.where(asked, 2 * self.result[live, :seeds], 0.0)
        names = range(self.k)
        return np.stack([(((left == i) * won) - ((right == i) * won)).sum((2, 3)) for i in names], axis=-1)

    def votes(self, running, seeds, live):
        """The votes on the first seeds, of the pairs that run, for the ranking."""
        running, flat = running[live, :seeds], (len(live), -1)
        asked = (running[:, :, self.pairs[:, 0]] & running[:, :, self.pairs[:, 1]])[..., None]
        part = [a[live, :seeds].reshape(flat) for a in (self.left, self.right)]
        shape = self.left[live, :seeds].shape
        block = np.broadcast_to(np.arange(seeds)[None, :, None, None], shape).reshape(flat)
        weight = np.broadcast_to(asked, shape).reshape(flat).astype(float)
        columns = [*part, block, self.result[live, :seeds].reshape(flat), weight]
        # Votes that were not asked for go to the end, and off it where no session has one.
        order = np.argsort(-weight, axis=1, kind="stable")[:, : int(weight.sum(1).max())]
        return Votes(*(np.take_along_axis(a, order, 1) for a in columns), self.k, seeds)


def run_race(world, sessions, rng, *, raters=1, clips=CLIPS):
    """Winner (-1: none), clips and votes of each session; a race at E 20 is the beginning of one at 40."""
    k = len(world.theta)
    world = replace(world, seeds=FIRST_SEEDS + NEXT_SEEDS * max(0, (clips - FIRST_SEEDS * k) // (2 * NEXT_SEEDS)))
    ends = {beats: [] for beats in (BEATS, BEATS_STRICT)}
    for start in range(0, sessions, STACK):
        tables = min(STACK, sessions - start)
        answers = Answers(world, tables, rng, raters)
        running = np.zeros((tables, world.seeds, k), dtype=bool)
        running[:, :FIRST_SEEDS] = True
        seeds, spent, live, point = FIRST_SEEDS, np.full(tables, FIRST_SEEDS * k), np.arange(tables), None
        told = {beats: (np.full(tables, -1), spent.copy(), np.zeros(tables, int)) for beats in ends}
        while True:
            part = running[live, :seeds]
            log_e = log_evidence(leads(answers.scores(running, live, seeds), part))
            for beats, (winner, bought, votes) in told.items():
                still = winner[live] < 0
                found, at = (a[still] for a in first_winner(log_e, part, beats))
                count = part.sum(2)[still]
                asked = (count * (count - 1) // 2).cumsum(1) * raters
                at = np.where(found >= 0, at, seeds) - 1
                winner[live[still]], bought[live[still]] = found, spent[live[still]]
                votes[live[still]] = asked[np.arange(len(at)), at]
            live = live[told[BEATS_STRICT][0][live] < 0]
            if not len(live):
                break
            last = running[live, seeds - 1]
            # From where the step before ended, one step of the fit is enough to steer by.
            posterior = fit_stack(answers.votes(running, seeds, live), near=None if point is None else point[live])
            point = np.zeros((tables, posterior.point.shape[1])) if point is None else point
            point[live] = posterior.point
            going = survivors(best(posterior, DRAWS, among=last), last)
            cost = going.sum(1) * NEXT_SEEDS
            can = (spent[live] + cost <= clips) & (seeds + NEXT_SEEDS <= world.seeds)
            live, going, cost = live[can], going[can], cost[can]
            if not len(live):
                break
            running[live, seeds : seeds + NEXT_SEEDS] = going[:, None]
            spent[live] += cost
            seeds += NEXT_SEEDS
        for beats, end in told.items():
            ends[beats].append(end)
    return {beats: [np.concatenate(part) for part in zip(*end, strict=True)] for beats, end in ends.items()}


def sign_test(world, sessions, rng):
    """The first ahead of each other by a two-sided sign test over seeds at 5 %, for each number of seeds (rows)."""
    k, most = len(world.theta), 2 * CLIPS // len(world.theta)
    world = replace(world, seeds=most)
    table = binomial_tails(most)
    found = []
    for start in range(0, sessions, STACK):
        tables = min(STACK, sessions - start)
        running = np.ones((tables, most, k), dtype=bool)
        scores = Answers(world, tables, rng).scores(running, np.arange(tables), most)
        top = scores.cumsum(1).argmax(2)
        lead = leads(scores, running)
        above, below = ((lead * sign > 0).cumsum(1) for sign in (1, -1))
        at, seed = np.arange(tables)[:, None], np.arange(most)[None]
        sure = table[above[at, seed, top], below[at, seed, top]] <= 0.05
        sure &= (above > below)[at, seed, top]
        sure |= np.arange(k) == top[..., None]
        found.append(np.where(sure.all(2), top, -1))
    return np.concatenate(found).T


def binomial_tails(most):
    """Two-sided p of so many for and so many against."""
    tail = np.ones((most + 1, most + 1))
    for n in range(1, most + 1):
        lower = np.cumsum([math.comb(n, i) / 2**n for i in range(n + 1)])
        for a in range(n + 1):
            tail[a, n - a] = min(1.0, 2 * lower[min(a, n - a)])
    return tail


def shares(winner, equal):
    """False and right winners: where two are equally best, each winner is false."""
    false = (winner >= 0) if equal else (winner > 0)
    found = {"false": rate(false.sum(), len(winner))}
    return found if equal else found | {"right": rate((winner == 0).sum(), len(winner))}


def table(sessions, seed, cell):
    """One world: the race at both e-values, and grids with a sign test."""
    world, equal = TABLE[cell]
    rng, k = np.random.default_rng(seed), len(world.theta)
    found = {}
    for beats, (winner, clips, votes) in run_race(world, sessions, np.random.default_rng(seed)).items():
        found[f"race, E {beats:g}"] = shares(winner, equal) | {"clips": clips.mean(), "votes": votes.mean()}
    seeds = CLIPS // k
    winners = sign_test(world, sessions, rng)
    pairs = k * (k - 1) // 2
    found["fixed grid, sign test"] = shares(winners[seeds - 1], equal) | {"clips": seeds * k, "votes": seeds * pairs}
    if not equal:
        power = (winners == 0).mean(1)
        enough = np.flatnonzero(power >= found["race, E 20"]["right"]["value"])
        if len(enough):
            # Power rises in steps; a single lucky number of seeds is no design.
            as_good = next((n for n in enough if (power[n : n + 4] >= power[n] - 0.02).all()), enough[0])
            found["fixed grid as good as the race"] = {"clips": (as_good + 1) * k, "votes": (as_good + 1) * pairs}
    return found


def grid(sessions, seed, cell):
    """The same world as a grid whose seeds are bought as votes come in, judged by the ranking after each."""
    world, equal = TABLE[cell]
    rng, k = np.random.default_rng(seed), len(world.theta)
    seeds = CLIPS // k
    world = replace(world, seeds=seeds, votes=max(seeds, 48 + 16 * k))
    ends, winner = outcome(world, sessions, rng)
    share = ends["decided"]["value"]
    bought = Sessions(world, 1, rng).bought
    clips = share * k * bought(int(ends.get("votes", 0)) - 1) + (1 - share) * CLIPS if share else CLIPS
    votes = share * ends.get("votes", 0) + (1 - share) * world.length
    return shares(winner, equal) | {"clips": clips, "votes": votes}


def two_raters(sessions, seed, cell):
    """The same race with a second, independent vote on each pair."""
    world, equal = TABLE[cell]
    winner, clips, votes = run_race(world, sessions, np.random.default_rng(seed), raters=2)[BEATS]
    return shares(winner, equal) | {"clips": clips.mean(), "votes": votes.mean()}


def anytime(sessions, seed, cell):
    """Two equals, a look after each of 1 000 seeds: how often E ever passes, for each direction and in all."""
    found, rng = {}, np.random.default_rng(seed)
    seen = []
    for start in range(0, sessions, 50):
        answers = attacked(cell, min(50, sessions - start), rng)
        running = np.ones((*answers.shape[:2], 2), dtype=bool)
        log_e = log_evidence(leads(np.stack([answers, -answers], axis=-1), running))
        seen.append(np.stack([log_e[..., 0, 1].max(1), log_e[..., 1, 0].max(1)], 1))
    top = np.concatenate(seen)
    for name, beats in (("E 20", BEATS), ("E 40", BEATS_STRICT)):
        over = top >= math.log(beats)
        found[name] = {
            "one": rate(over[:, 0].sum(), len(over)),
            "other": rate(over[:, 1].sum(), len(over)),
            "either": rate(over.any(1).sum(), len(over)),
        }
    return found


def attacked(cell, tables, rng, looks=1000):
    """Scores of the first of two equals, a vote a seed."""
    luck = {"unequal luck": (2.0, 0.5), "a rater who gets tired": (2.0, 2.0)}.get(cell, (0.0, 0.0))
    strength = rng.normal(size=(tables, looks, 2)) * np.array(luck)
    side = 0.8 if cell == "side bias 0.8" else 0.3
    log_nu = math.log(2.0) if cell == "ties 50 %" else math.log(0.7)
    swap = np.where(rng.random((tables, looks)) < 0.5, 1, -1)
    care = np.linspace(1, 0, looks) if cell == "a rater who gets tired" else 1.0
    gap = care * (strength[..., 0] - strength[..., 1]) + swap * side
    total = np.exp(gap / 2) + np.exp(-gap / 2) + math.exp(log_nu)
    at = rng.random(gap.shape)
    return np.where(at < np.exp(gap / 2) / total, 1.0, np.where(at > 1 - np.exp(-gap / 2) / total, -1.0, 0.0))


def worlds():
    for k in (2, 3, 5, 8):
        yield f"{k} variants, two equally best", (World(best_two(k), 1.0), True)
        for gap in (0.5, 1.0, 1.5):
            yield f"{k} variants, gap {gap}", (World((gap, *[0.0] * (k - 1)), 1.0), False)


TABLE = dict(worlds())
ATTACKS = ("plain", "side bias 0.8", "ties 50 %", "unequal luck", "a rater who gets tired")
ALL = {
    "table": (table, TABLE),
    "grid": (grid, TABLE),
    "two_raters": (two_raters, TABLE),
    "anytime": (anytime, ATTACKS),
}


if __name__ == "__main__":
    run(__doc__, ALL, "race", seed=11, clips=CLIPS, luck=1.0)
