"""Whether what the ranking decides is so: simulated raters in many worlds, looked at after every vote.

python tests/bench/decisions.py [--sessions N] [--only false,right,forecast,coverage] [--cells TEXT] [--anew]
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from statistics import NormalDist

import numpy as np
from cells import run

from wan_nb.studies.ballot.next_pair import top_two
from wan_nb.studies.ranking.forecast import SEEDS, chances
from wan_nb.studies.ranking.model import Votes, fit_stack
from wan_nb.studies.ranking.posterior import lead
from wan_nb.studies.ranking.rule import MIN_VOTES, SURE, settled
from wan_nb.studies.votes import MIN_BLOCKS, share

STACK = 100
NU = 0.7
"""How often simulated people are level, between equals."""


@dataclass(frozen=True)
class World:
    """What is true, and how people answer.

    Attributes
    ----------
    theta : tuple of float
        Strengths, logits.
    sigma : float
        Standard deviation of the luck of one clip.
    pictures, raters : int
    taste : float
        Standard deviation, per variant, of what a picture and a rater add, where there are several.
    ties : str
        ``davidson`` or ``rao-kupper``.
    defect : str
    seeds, votes : int
        Most seeds bought, most votes given.
    """

    theta: tuple[float, ...]
    sigma: float = 0.0
    pictures: int = 1
    raters: int = 1
    taste: float = 0.0
    ties: str = "davidson"
    defect: str = ""
    seeds: int = 48
    votes: int = 0

    @property
    def length(self):
        return self.votes or 48 + 16 * len(self.theta)


class Sessions:
    """Voting sessions of one world side by side, each pair chosen by the code that users run."""

    def __init__(self, world, tables, rng):
        self.world, self.rng, self.tables = world, rng, tables
        k, b = len(world.theta), world.seeds
        self.k = k
        spare = rng.normal(size=(tables, b, k)) * world.sigma
        if world.defect == "every clip under two seeds":
            spare[:, 1::2] = spare[:, ::2]
        of_picture = rng.normal(size=(tables, world.pictures, k)) * (world.taste if world.pictures > 1 else 0)
        self.picture = np.broadcast_to(np.arange(b) % world.pictures, (tables, b))
        self.strength = np.array(world.theta) + spare + of_picture[:, np.arange(b) % world.pictures]
        self.taste = rng.normal(size=(tables, world.raters, k)) * (world.taste if world.raters > 1 else 0)
        n = world.length
        self.left, self.right, self.block, self.rater = (np.zeros((tables, n), dtype=np.intp) for _ in range(4))
        self.result = np.zeros((tables, n))
        self.load = np.zeros((tables, b, k))
        self.stays = np.full((tables, b), -1)

    def bought(self, number):
        world = self.world
        return min(world.seeds, max(8, 4 * -(-(number + 1) * world.seeds // world.length // 4)))

    def fit(self, live, number, near=None):
        # Of two seeds with the same clips the ranking makes one block.
        block = self.block // 2 if self.world.defect == "every clip under two seeds" else self.block
        parts = (a[live, :number] for a in (self.left, self.right, block, self.result))
        b = self.bought(max(number - 1, 0))
        many = self.world
        return fit_stack(
            Votes(
                *parts,
                np.ones((len(live), number)),
                self.k,
                b,
                self.rater[live, :number] if many.raters > 1 else None,
                np.ascontiguousarray(self.picture[live, :b]) if many.pictures > 1 else None,
                many.raters,
                many.pictures,
            ),
            near=near,
        )

    def vote(self, live, number, posterior):
        rng, k, rows, world = self.rng, self.k, np.arange(len(live)), self.world
        shown = k - (world.defect == "one variant never shown")
        if posterior is None:
            one = rng.integers(shown, size=len(live))
            other = (one + rng.integers(1, shown, size=len(live))) % shown
        else:
            allowed = ~np.eye(k, dtype=bool)
            allowed[shown:] = allowed[:, shown:] = False
            one, other = np.array([top_two(d, allowed, rng) for d in posterior.draw(rng, 60)]).T
        b, load = self.bought(number), self.load[live]
        block = (load[rows, :, one] + load[rows, :, other] + rng.random((len(live), load.shape[1])) / 2)[:, :b].argmin(
            1
        )
        if world.defect == "winner stays":
            # The winner of the last pair of a seed is shown again on it, against whoever is next.
            block = np.full(len(live), number // (k - 1) % b)
            step = number % (k - 1)
            kept = self.stays[live, block]
            one = np.where(step == 0, 0, kept)
            order = (np.arange(k)[None] + block[:, None]) % k
            one = order[:, 0] if step == 0 else kept
            other = order[:, step + 1]
        self.load[live, block, one] += 1
        self.load[live, block, other] += 1
        swap = rng.random(len(live)) < 0.5
        left, right = np.where(swap, other, one), np.where(swap, one, other)
        rater = np.full(len(live), number % world.raters)
        s, t = self.strength, self.taste
        gap = s[live, block, left] + t[live, rater, left] - s[live, block, right] - t[live, rater, right]
        if world.defect == "a cycle":
            gap = gap + np.where((right - left) % k == 1, 1.0, np.where((left - right) % k == 1, -1.0, 0))
        answer = self.answers(gap, left, right, rater)
        won = np.where(answer > 0, left, np.where(answer < 0, right, one))
        self.stays[live, block] = won
        self.left[live, number], self.right[live, number], self.block[live, number] = left, right, block
        self.rater[live, number], self.result[live, number] = rater, answer

    def answers(self, gap, left, right, rater):
        rng, world = self.rng, self.world
        side = 2.0 if world.defect == "prefers the left" else 0.3
        gap = gap + side
        if world.ties == "rao-kupper":
            edge = 0.6
            p_left, p_right = 1 / (1 + np.exp(edge - gap)), 1 / (1 + np.exp(edge + gap))
        else:
            total = np.exp(gap / 2) + np.exp(-gap / 2) + NU
            p_left, p_right = np.exp(gap / 2) / total, np.exp(-gap / 2) / total
        at = rng.random(gap.shape)
        result = np.where(at < p_left, 0.5, np.where(at < p_left + p_right, -0.5, 0.0))
        if world.defect == "half of the answers flipped":
            result = np.where(rng.random(gap.shape) < 0.5, -result, result)
        if world.defect == "two variants are the same clips":
            result = np.where(np.maximum(left, right) == 1, np.where(np.minimum(left, right) == 0, 0.0, result), result)
        return result


def false(sessions, seed, name):
    """Share of sessions that end with a winner though two are equally best; asked after every vote."""
    world = WORLDS[name]
    return outcome(world, sessions, np.random.default_rng(seed))[0] | {"bar": 0.05}


def right(sessions, seed, name):
    """Two variants 2 logits apart, 40 seeds, a vote on each: share of sessions that end with the better one."""
    found, winner = outcome(GAPS[name], sessions, np.random.default_rng(seed))
    return found | {"right": rate((winner == 0).sum(), len(winner)), "wrong": rate((winner == 1).sum(), len(winner))}


def outcome(world, sessions, rng):
    """How sessions of a world end: shares and means, and the winner of each (-1: not decided)."""
    winner, votes, seeds = (np.full(sessions, -1) for _ in range(3))
    for start in range(0, sessions, STACK):
        tables = min(STACK, sessions - start)
        room, live, posterior = Sessions(world, tables, rng), np.arange(tables), None
        for number in range(world.length + 1):
            if number >= 4:
                posterior = room.fit(live, number, posterior.point if posterior else None)
                first, _, sure = lead(posterior)
                if (close := np.flatnonzero(sure >= SURE - 0.002)).size and number >= MIN_VOTES:
                    # What a simulation takes one step to is what users are told only nearly.
                    first[close], _, sure[close] = lead(room.fit(live[close], number))
                twice = 1 + (world.defect == "every clip under two seeds")
                shown = [len(set(row)) for row in (room.block[live, :number] // twice)]
                out = np.array([settled(p, number, b) for p, b in zip(sure, shown, strict=True)])
                out &= world.defect != "one variant never shown"  # who was never shown keeps everybody from winning
                at = start + live[out]
                winner[at], votes[at], seeds[at] = first[out], number, np.array(shown)[out]
                live = live[~out]
                if not len(live):
                    break
                posterior = replace(posterior, **{f: getattr(posterior, f)[~out] for f in PARTS})
            if number < world.length:
                room.vote(live, number, posterior)
    ended = winner >= 0
    mean = {"votes": votes[ended].mean(), "seeds": seeds[ended].mean()} if ended.any() else {}
    return {"decided": rate(ended.sum(), sessions)} | mean, winner


def forecast(sessions, seed, name):
    """Two variants, gaps N(0, 1), a vote a seed: chances said at 8 and at 24 seeds, and how often they came true.

    "soon" are the sessions in which half were said to decide within so many seeds, "late" those in which a chance
    within 100 was said. At the stop: the share of seeds that was said, and the true one.
    """
    sigma, most = {"same luck": 0.0, "luck 1": 1.0}[name], 124
    z, rng = NormalDist().inv_cdf(SURE), np.random.default_rng(seed)
    when, said, stop = np.full(sessions, 10**6), {8: [], 24: []}, []
    for start in range(0, sessions, STACK):
        tables = min(STACK, sessions - start)
        room = Sessions(World((0.0, 0.0), sigma, seeds=most, votes=most), tables, rng)
        gap = rng.normal(size=tables)
        room.strength[:, :, 0] += gap[:, None]
        live, posterior = np.arange(tables), None
        for number in range(most + 1):
            if number >= 4:
                posterior = room.fit(live, number, posterior.point if posterior else None)
                first, _, sure = lead(posterior)
                new = (sure >= SURE) & (number >= MIN_VOTES) & (when[start : start + tables] > most)
                when[start + np.flatnonzero(new)] = number
                if not sigma and new.any():
                    share = posterior.share(np.array([[1.0, -1, 0, 0]]))[:, 0]
                    true = 1 / (1 + np.exp(-gap))
                    stop += [
                        (share[i], true[i]) if first[i] == 0 else (1 - share[i], 1 - true[i])
                        for i in np.flatnonzero(new)
                    ]
            if number in said:
                for i in live:
                    one = replace(posterior, **{f: getattr(posterior, f)[i : i + 1] for f in PARTS})
                    said[number].append(chances(one, blocks=number, least=MIN_BLOCKS, z=z))
            if number < most:
                room.vote(live, number, posterior)
    found = {}
    for number, chance in said.items():
        still = when > number
        by, wait = np.array(chance)[still], when[still] - number
        soon = by[:, -1] >= 0.5
        half = SEEDS[np.argmax(by >= 0.5, axis=1)]
        at_half = by[np.arange(len(by)), half - 1]
        found[f"at {number} seeds"] = {
            "soon": {"said": at_half[soon].mean(), "true": rate((wait <= half)[soon].sum(), soon.sum())},
            "late": {"said": by[~soon, -1].mean(), "true": rate((wait <= 100)[~soon].sum(), (~soon).sum())},
        }
    if stop:
        found["at the stop"] = dict(zip(("share said", "true share"), np.mean(stop, axis=0), strict=True))
    return found


def coverage(sessions, seed, name):
    """Share of 95 % intervals, between the two strongest at a fixed number of votes, that hold the truth."""
    world, rng = COVERED[name], np.random.default_rng(seed)
    inside = 0
    for start in range(0, sessions, STACK):
        room = Sessions(world, tables := min(STACK, sessions - start), rng)
        live = np.arange(tables)
        for number in range(world.length):
            room.vote(live, number, None)
        posterior = room.fit(live, world.length)
        between = np.zeros((1, len(world.theta) + 2))
        between[0, :2] = 1, -1
        low, high = (posterior.quantile(between, p)[:, 0] for p in (0.025, 0.975))
        gap = as_asked(world, world.theta[0] - world.theta[1])
        inside += ((low <= gap) & (gap <= high)).sum()
    return {"inside": rate(inside, sessions), "bar": [0.93, 0.98]}


def as_asked(world, gap):
    """The gap that lone votes on lucky clips show."""
    at = gap + world.sigma * math.sqrt(2) * np.linspace(-8, 8, 4001)
    likely = np.exp(-(np.linspace(-8, 8, 4001) ** 2) / 2)
    total = np.exp(at / 2) + np.exp(-at / 2) + NU
    return math.log((likely * np.exp(at / 2) / total).sum() / (likely * np.exp(-at / 2) / total).sum())


def rate(hits, of):
    """A share with its 95 % interval of chance in the simulation."""
    found = share(int(hits), int(of))
    return found and {"value": found.value, "low": found.low, "high": found.high, "of": found.n}


PARTS = ("mean", "cov", "weight", "point")


def best_two(variants):
    """Two equally best, the others 2 logits worse."""
    return (0.0, 0.0, *[-2.0] * (variants - 2))


THREE = World(best_two(3))
WORLDS = (
    {f"{k} variants, luck {s}": World(best_two(k), float(s)) for k in (2, 3, 4, 5, 8) for s in (0, 1, 2)}
    | {
        "4 pictures, 1 rater": replace(THREE, sigma=1.0, pictures=4, taste=1.0),
        "4 pictures alike": replace(THREE, sigma=1.0, pictures=4),
        "2 raters": replace(THREE, sigma=1.0, raters=2, taste=1.0),
        "3 raters": replace(THREE, sigma=1.0, raters=3, taste=1.0),
        "4 raters": replace(THREE, sigma=1.0, raters=4, taste=1.0),
        "4 pictures, 2 raters": replace(THREE, sigma=1.0, pictures=4, raters=2, taste=1.0),
        "Rao-Kupper raters": replace(THREE, sigma=1.0, ties="rao-kupper"),
    }
    | {
        defect: replace(THREE, sigma=1.0, defect=defect)
        for defect in (
            "prefers the left",
            "winner stays",
            "half of the answers flipped",
            "two variants are the same clips",
            "every clip under two seeds",
            "one variant never shown",
        )
    }
    | {"a cycle": World((0.0, 0.0, 0.0), 1.0, defect="a cycle")}
)
GAPS = {
    f"2 logits, luck {sigma}{about}": World((2.0, 0.0), float(sigma), seeds=40, votes=votes, **several)
    for about, votes, several in (
        ("", 40, {}),
        (", 4 pictures", 40, {"pictures": 4}),
        (", 2 raters", 80, {"raters": 2}),
    )
    for sigma in (0, 1)
}


def spaced(variants, **world):
    """Half a logit apart; 12 votes a variant on 24 seeds."""
    theta = tuple(0.5 * (variants - 1) / 2 - 0.5 * np.arange(variants))
    return World(theta, seeds=24, votes=12 * variants, **world)


COVERED = (
    {f"{k} variants, {n} pictures": spaced(k, pictures=n, taste=0.5) for k in range(2, 9) for n in (1, 2, 4)}
    | {f"{k} variants, {n} raters": spaced(k, raters=n, taste=0.5) for k in (2, 4, 8) for n in (2, 3, 4)}
    | {f"{k} variants, luck {sigma}": spaced(k, sigma=float(sigma)) for k in range(2, 9) for sigma in (1, 2)}
)
ALL = {
    "false": (false, WORLDS),
    "right": (right, GAPS),
    "forecast": (forecast, ("same luck", "luck 1")),
    "coverage": (coverage, COVERED),
}


if __name__ == "__main__":
    run(__doc__, ALL, "decisions", seed=7, sure=SURE)
