"""What turns one prompt into another, in runs of words."""

from __future__ import annotations

import re
from typing import Literal

from markupsafe import Markup

from wan_nb.html.elements import tag
from wan_nb.html.text import escape

__all__ = ["Kind", "alike", "diff_html", "word_diff"]

Kind = Literal["same", "gone", "new"]

# A word, one sign of a script that does not part its words, a gap, or a mark.
_CJK = "\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff"
_WORDS = re.compile(rf'[{_CJK}]|[^\s{_CJK},.;:!?()"]+|\s+|[,.;:!?()"]')
_MOST_CELLS = 2_000_000  # beyond, a table of all pairs costs seconds; the middle is then replaced whole


def word_diff(before: str, after: str) -> list[tuple[Kind, str]]:
    """Runs of unchanged, removed and added words that lead from one text to the other.

    Joining the ``same`` and ``gone`` runs gives `before` back exactly, the ``same`` and ``new`` runs `after`.

    Examples
    --------
    >>> word_diff("a cat walks slowly", "a cat runs slowly")
    [('same', 'a cat '), ('gone', 'walks'), ('new', 'runs'), ('same', ' slowly')]
    """
    left, right = _WORDS.findall(before), _WORDS.findall(after)
    head = 0
    while head < min(len(left), len(right)) and left[head] == right[head]:
        head += 1
    tail = 0
    while tail < min(len(left), len(right)) - head and left[-1 - tail] == right[-1 - tail]:
        tail += 1
    middle = _middle(left[head : len(left) - tail], right[head : len(right) - tail])
    same: list[tuple[Kind, str]] = [("same", word) for word in left[:head]]
    return _runs([*same, *middle, *(("same", word) for word in left[len(left) - tail :])])


def _middle(a: list[str], b: list[str]) -> list[tuple[Kind, str]]:
    """The longest common subsequence as steps."""
    if len(a) * len(b) > _MOST_CELLS:
        return [*(("gone", word) for word in a), *(("new", word) for word in b)]
    length = [[0] * (len(b) + 1) for _ in range(len(a) + 1)]
    for i in range(len(a) - 1, -1, -1):
        row, below = length[i], length[i + 1]
        for j in range(len(b) - 1, -1, -1):
            row[j] = below[j + 1] + 1 if a[i] == b[j] else max(below[j], row[j + 1])
    steps: list[tuple[Kind, str]] = []
    i = j = 0
    while i < len(a) and j < len(b):
        if a[i] == b[j]:
            steps.append(("same", a[i]))
            i, j = i + 1, j + 1
        elif length[i + 1][j] >= length[i][j + 1]:
            steps.append(("gone", a[i]))
            i += 1
        else:
            steps.append(("new", b[j]))
            j += 1
    return [*steps, *(("gone", word) for word in a[i:]), *(("new", word) for word in b[j:])]


def _runs(steps: list[tuple[Kind, str]]) -> list[tuple[Kind, str]]:
    """Between two unchanged words all that went stands before all that came; a gap alone does not part two changes."""
    runs: list[tuple[Kind, str]] = []
    open_: dict[Kind, str] = {"gone": "", "new": "", "same": ""}  # the stretch that is still growing, in this order

    def flush() -> None:
        for kind, text in open_.items():
            if text and kind == "same" and runs and runs[-1][0] == "same":
                runs[-1] = ("same", runs[-1][1] + text)
            elif text:
                runs.append((kind, text))
            open_[kind] = ""

    for kind, word in steps:
        changing = bool(open_["gone"] or open_["new"])
        if kind == "same" and (word.strip() or not changing):
            flush()
            open_["same"] = word
            flush()
        elif kind == "same":
            open_["same"] += word
        else:
            open_["gone"] += open_["same"]
            open_["new"] += open_["same"]
            open_["same"] = ""
            open_[kind] += word
    flush()
    return runs


_ALIKE = 0.35
"""Share of the signs of two texts that have to be the same for the difference to be read word by word."""


_SHORT = 40
"""Signs of texts that are read at a glance, marked or not."""


def alike(before: str, after: str) -> bool:
    """Whether two texts have so much in common that their difference tells more than they do.

    >>> alike("a cat walks slowly", "a cat runs slowly"), alike("a cat", "rain on neon streets at night, a slow dolly")
    (True, False)
    """
    if max(len(before), len(after)) <= _SHORT:
        return True
    same = sum(len(text.strip()) for kind, text in word_diff(before, after) if kind == "same")
    return same >= _ALIKE * max(len(before), len(after), 1)


def diff_html(before: str, after: str) -> Markup:
    """The second text as HTML, with what was removed in ``<del>`` and what was added in ``<ins>``; unlike ones plainly.

    >>> diff_html("a <cat>", "a <dog>")
    Markup('a <del>&lt;cat&gt;</del><ins>&lt;dog&gt;</ins>')
    """
    if not alike(before, after):
        return escape(after)
    marks = {"gone": "del", "new": "ins"}
    runs = word_diff(before, after)
    return Markup().join(tag(marks[kind], text) if kind in marks else escape(text) for kind, text in runs)
