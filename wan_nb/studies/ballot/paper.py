"""What a ballot file asks: pairs of clips by random names, and what these stand for."""

from __future__ import annotations

import secrets
from collections import defaultdict
from dataclasses import asdict, dataclass
from itertools import combinations
from typing import TYPE_CHECKING, Any

from wan_nb.errors import InvalidOption

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["Paper"]


@dataclass(frozen=True, slots=True)
class Paper:
    """A ballot on paper, so to speak: it lies in the log, and the file holds its names and pairs alone.

    Attributes
    ----------
    ballot : str
        What it is known by.
    criterion : str
        What is asked; empty for "which clip is better".
    clips : dict
        Block, variant and run by random name.
    blocks : list of list of list of str
        Pairs of names, block by block. Which name stands first is drawn so that each variant stands first as often as
        second against each other one; a page turns all of them around, or none.
    """

    ballot: str
    criterion: str
    clips: dict[str, dict[str, str]]
    blocks: list[list[list[str]]]

    @classmethod
    def draw(cls, clips: Mapping[tuple[str, str], str], criterion: str) -> Paper:
        """Draw names, order and sides for the clips of a study: run by block and variant."""
        chance = secrets.SystemRandom()
        names = {cell: secrets.token_hex(6) for cell in clips}
        variants: dict[str, list[str]] = defaultdict(list)
        for block, variant in clips:
            variants[block].append(variant)
        blocks = [block for block, found in variants.items() if len(found) > 1]
        chance.shuffle(blocks)
        first: dict[tuple[str, str], bool] = {}
        pairs = []
        for block in blocks:
            asked = list(combinations(sorted(variants[block]), 2))
            chance.shuffle(asked)
            for pair in asked:
                first[pair] = not first.get(pair, chance.random() < 0.5)
            pairs.append([[names[block, name] for name in (p if first[p] else p[::-1])] for p in asked])
        told = {
            names[cell]: {"block": cell[0], "variant": cell[1], "run": run}
            for cell, run in clips.items()
            if cell[0] in blocks
        }
        return cls(secrets.token_hex(8), criterion, told, pairs)

    @classmethod
    def read(cls, recorded: Mapping[str, Any]) -> Paper:
        """As it lies in the log."""
        return cls(**{name: recorded[name] for name in ("ballot", "criterion", "clips", "blocks")})

    def recorded(self) -> dict[str, Any]:
        """Plain values, for the log."""
        return asdict(self)

    def vote(self, vote: Mapping[str, Any]) -> dict[str, Any]:
        """A vote about names of this ballot as a vote about runs.

        Raises
        ------
        InvalidOption
            It is about another pair or answers another question.
        """
        sides = [str(vote[side]) for side in ("left_run", "right_run")]
        asked = any(pair in (sides, sides[::-1]) for block in self.blocks for pair in block)
        if not asked or (vote.get("criterion") or "") != self.criterion:
            raise InvalidOption("a vote in it is about a pair that this ballot did not ask about.")
        left, right = (self.clips[name] for name in sides)
        return {
            **vote,
            "block": left["block"],
            "left_run": left["run"],
            "right_run": right["run"],
            "left_variant": left["variant"],
            "right_variant": right["variant"],
        }
