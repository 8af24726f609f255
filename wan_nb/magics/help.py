"""What ``--help`` and ``?`` say, and the tables of the reference: all read from the tables of options and verbs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wan_nb.api import catalog
from wan_nb.grammar import options
from wan_nb.magics.verbs import VERBS

if TYPE_CHECKING:
    from collections.abc import Iterable

    from wan_nb.magics.call import Verb

__all__ = ["cell_help", "line_help", "option_table", "verb_help", "verb_table"]

_CELL = r"""
Make a clip: the options stand on the line, the cell below is the prompt.

    %%wan --first-frame cat.jpg --duration 5 --out walk
    A cat walks slowly towards the camera.

What is sent (every setting each time, also those left at their default). Media are a path, an http(s) URL or a
{{{{variable}}}} that holds a path, bytes, a picture, a numpy array or a run:
{request}

Together go, by model:
{modes}

What the notebook does with it:
{notebook}

Variants: a line `---`, or `--- label`, begins one; variants x seeds x --vary make a study.

    %%wan -f cat.jpg --seeds 1,2,3 --name walk --max-cost 30
    --- calm
    a cat walks slowly towards the camera
    --- fast
    a cat dashes across the room

{{{{name}}}} and {{{{obj.attr}}}} are replaced by your variables; \{{{{ is literal.
Single braces, $, %, < and quotes are plain text.
A `;` at the end silences the output. Running the same cell again costs nothing; --take 2 is another clip.
"""

_LINE = """
Runs, studies and the service. `%wan` alone shows the live board of this session.

{verbs}

Without an ID a verb means the last run or study of this session. An ID may be any unique beginning.
`%wan VERB --help` tells more about one, `%%wan --help` how to make a clip.
"""


def cell_help() -> str:
    """Help of ``%%wan``."""
    modes = "\n".join(f"  {name}: {'; '.join(mode.told for mode in catalog.MODELS[name].modes)}" for name in _MAIN)
    return _CELL.strip().format(
        request=options.describe(options.REQUEST), notebook=options.describe(options.NOTEBOOK), modes=modes
    )


_MAIN = tuple(row.name for family in catalog.FAMILIES for row in family.ROWS)


def line_help() -> str:
    """Help of ``%wan``."""
    rows = [(verb.usage, verb.help) for verb in VERBS.values()]
    width = max(len(left) for left, _ in rows)
    return _LINE.strip().format(verbs="\n".join(f"  {left:<{width}}  {right}" for left, right in rows))


def verb_help(verb: Verb) -> str:
    """Help of one verb."""
    told = options.describe((*verb.options, options.HELP))
    more = verb.told.replace("``", "`")
    return f"%wan {verb.usage}\n\n{more}\n\n{told}\n\nIn Python: {verb.python}"


def option_table() -> str:
    """The options of ``%%wan`` as a Markdown table."""
    rows = [(f"`{options.usage(option)}`", option.help) for option in options.CELL]
    return _table(("option", "what it does"), rows)


def verb_table() -> str:
    """The verbs of ``%wan`` as a Markdown table, each with the same in Python."""
    rows = [(f"`%wan {verb.usage}`", verb.help, f"`{verb.python}`") for verb in VERBS.values()]
    return _table(("verb", "what it does", "in Python"), rows)


def _table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    lines = [head, tuple("---" for _ in head), *rows]
    return "\n".join("| " + " | ".join(cell.replace("|", r"\|") for cell in line) + " |" for line in lines)
