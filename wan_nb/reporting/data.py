"""What a report is made of."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypedDict

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from wan_nb.widgets.clip_pages import Clip

__all__ = ["Ranked", "StudyData"]


class Ranked(TypedDict, total=False):
    """One line of the ranking: ``strength`` in logits with its 95 % interval, ``p_best`` 0 to 1, counts of votes."""

    variant: str
    strength: float
    low: float
    high: float
    p_best: float
    wins: int
    losses: int
    ties: int


class StudyData(TypedDict, total=False):
    """What a report is made of. Only ``name`` and ``clips`` are needed; a part that is missing is left out.

    Attributes
    ----------
    name, created : str
        Of the study; ``created`` is shown as it is.
    clips : sequence of Clip
        In study order, those that failed included: the report says what is not there.
    plan : sequence of mapping
        One row a block, shown with its own column names.
    prompts : mapping of str to str
        Prompt by variant, the base of the word diff first; taken from the clips when missing.
    sentences : sequence of str
        What the votes say, the most important first.
    ranking : sequence of Ranked
        Best first.
    votes : sequence of mapping
        As stored.
    definitions : mapping of str to str
        What each measure means, with unit and range.
    costs : mapping of str to float
        Billed, by currency; simulated clips cost nothing.
    versions : mapping of str to str
    notes : sequence of str
        Warnings about the study.
    cell, python : str
        How to make it again: the ``%%wan`` cell and the Python.
    """

    name: str
    created: str
    clips: Sequence[Clip]
    plan: Sequence[Mapping[str, Any]]
    prompts: Mapping[str, str]
    sentences: Sequence[str]
    ranking: Sequence[Ranked]
    votes: Sequence[Mapping[str, Any]]
    definitions: Mapping[str, str]
    costs: Mapping[str, float]
    versions: Mapping[str, str]
    notes: Sequence[str]
    cell: str
    python: str
