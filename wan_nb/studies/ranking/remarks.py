"""What stands under a ranking, race or plan, one finding a function: whole sentences, none where there is nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wan_nb.html.ranking import of_100

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from wan_nb.studies.votes import Agreement, Share

__all__ = [
    "ACROSS_MODELS",
    "across_models",
    "number",
    "only_one",
    "questions",
    "raters_agree",
    "same_answer_again",
    "unusable",
    "votes_left_out",
]

ACROSS_MODELS = (
    "Models differ in everything at once: how they read a prompt, motion, sound, frame rate, price. Votes tell whose "
    "clips are liked better, not why, and the same seed means nothing to two models."
)

_BETTER = "which clip is better"

_AGAINST = -0.3
"""Krippendorff's alpha below which raters answer against each other; a little below 0 is chance."""


def number(count: int, word: str) -> str:
    """A count with its word.

    >>> number(1, "seed"), number(3, "seed")
    ('1 seed', '3 seeds')
    """
    return f"{count} {word}" if count == 1 else f"{count} {word}s"


def questions(criterion: str, others: Sequence[str]) -> list[str]:
    """What was asked, and what else was, by votes that are not counted."""
    asked = [f'Asked was: "{criterion}".'] if criterion else []
    return asked + [
        f'Other votes answer "{other or _BETTER}", and do not count here: study.ranking(criterion={other!r}).'
        for other in others
    ]


def across_models(models: Mapping[str, str]) -> list[str]:
    """What variants of several models are, and what votes about them can tell.

    >>> across_models({"a": "m1", "b": "m2"})[0], across_models({"a": "m1", "b": "m1"})
    ('Its variants are of 2 models: a is by m1, b by m2.', [])
    """
    count = len(set(models.values()))
    if count < 2:
        return []
    named = [f"{name} {'is ' * (not at)}by {model}" for at, (name, model) in enumerate(models.items())]
    told = "" if all(model in name for name, model in models.items()) else f": {', '.join(named)}"
    return [f"Its variants are of {count} models{told}.", ACROSS_MODELS]


def only_one(counts: Mapping[str, int]) -> list[str]:
    """Of what there is one alone.

    >>> only_one({"picture": 1, "rater": 3})
    ['One picture: what another picture would say is not known.']
    """
    ones = [word for word, count in counts.items() if count == 1]
    return [f"One {' and one '.join(ones)}: what another {' or '.join(ones)} would say is not known."] if ones else []


def same_answer_again(same: Share | None) -> list[str]:
    """How far raters agree with themselves."""
    if same is None:
        return []
    times = "1 time" if same.n == 1 else f"{same.n} times"
    return [
        f"Asked again with sides swapped: the same answer {round(same.value * same.n)} of {times} ({_of_each(same)})."
    ]


def raters_agree(agreement: Agreement | None) -> list[str]:
    """How far raters agree with each other."""
    if agreement is None:
        return []
    same = agreement.same
    said = f"Two raters give the same answer about {of_100(same.value)} of 100 pairs ({_of_each(same)})"
    if agreement.alpha is None or agreement.low is None or agreement.high is None:
        return [f"{said}."]
    alpha = f"{agreement.alpha:z.2f} ({agreement.low:z.2f} to {agreement.high:z.2f})"
    found = [f"{said}; Krippendorff's alpha {alpha}: 0 is chance, 1 is full."]
    if agreement.alpha < _AGAINST:
        found.append("The raters disagree more than chance would: there may be no one best for all of them.")
    return found


def unusable(both_bad: Share | None) -> list[str]:
    """How often neither clip was usable."""
    return [f"Both clips unusable in {100 * both_bad.value:.0f} % of the votes."] if both_bad and both_bad.value else []


def votes_left_out(count: int) -> list[str]:
    """How many votes are about variants that are not ranked."""
    about = "is about a variant that is" if count == 1 else "are about variants that are"
    return [f"{number(count, 'vote')} {about} not ranked and left out."] if count else []


def _of_each(share: Share) -> str:
    return f"{of_100(share.low)} to {of_100(share.high)} of 100"
