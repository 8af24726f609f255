"""When votes decide."""

from __future__ import annotations

from wan_nb.studies.votes import MIN_BLOCKS

__all__ = ["MIN_VOTES", "SURE", "settled"]

MIN_VOTES = 8

SURE = 0.996
"""Probability of being stronger, asked of the first against each other variant by itself, that decides.

People look after every vote, so it must hold however often it is asked: with 0.95, 20 to 30 % of sessions between
equals end in a winner. It does not fall with the number of variants, because hopeless ones would then help one of two
equals to win (``tests/bench/decisions.py``)."""


def settled(sure: float, votes: int, blocks: int) -> bool:
    """Whether to stop asking.

    >>> settled(0.999, votes=20, blocks=6), settled(0.999, votes=30, blocks=1), settled(0.995, votes=99, blocks=40)
    (True, False, False)
    """
    return votes >= MIN_VOTES and blocks >= MIN_BLOCKS and sure >= SURE
