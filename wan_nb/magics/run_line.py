"""What a ``%wan`` line does: find the verb, read its words and options, do it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from wan_nb.arguments import shown
from wan_nb.errors import InvalidOption, did_you_mean, nearest
from wan_nb.grammar import options
from wan_nb.grammar.template import expand
from wan_nb.grammar.variants import silenced
from wan_nb.magics.call import Call
from wan_nb.magics.verbs import VERBS
from wan_nb.terminal import say

if TYPE_CHECKING:
    from wan_nb.magics.call import Verb
    from wan_nb.magics.notebook import Notebook

__all__ = ["run_line"]


def run_line(notebook: Notebook, line: str) -> Any:
    """Run a ``%wan`` line.

    Raises
    ------
    InvalidOption
        No such verb or option (the nearest is named), or too many arguments.
    """
    line, silent = silenced(line)
    words = options.split(line)
    if not words:
        notebook.session().views.show_all()
        return None
    name, *rest = words
    if name in options.HELP.spellings:
        return _print_help(None)
    if name not in VERBS:
        cell = name.startswith("-")  # one % too few
        near = ["%wan --help"] if name == "help" else nearest(name, VERBS)
        raise InvalidOption(
            f"%wan has no verb {shown(name)}.",
            remedy="With two %, %%wan begins a cell that makes a clip."
            if cell
            else did_you_mean(near, "%wan --help lists them."),
        )
    verb = VERBS[name]

    def filled(word: str) -> Any:
        return expand(word, notebook.names, allow_objects=True)

    given, found = options.parse(rest, (*verb.options, options.HELP), filled, where=f"%wan {name}")
    if given.pop("help", False):
        return _print_help(verb)
    if verb.most is not None and len(found) > verb.most:
        raise InvalidOption(
            f"%wan {name} takes {verb.arguments or 'no argument'}, not {shown(found[verb.most], typed=True)} too."
        )
    result = verb.act(Call(notebook, tuple(found), given))
    return None if silent else result


def _print_help(verb: Verb | None) -> None:
    from wan_nb.magics import help as manual

    say(manual.verb_help(verb) if verb else manual.line_help())
