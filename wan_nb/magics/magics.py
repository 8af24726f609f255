"""``%wan`` and ``%%wan``: registered in a few milliseconds, everything else is loaded when it is used.

A magic here reads its text, calls what Python calls too, and returns what that returns. Options and verbs are tables
(`wan_nb.grammar.options`, `wan_nb.magics.verbs`) from which help, completion and the reference are read as well.
"""

from __future__ import annotations

import sys
from contextlib import contextmanager
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any

from IPython.core.magic import Magics, cell_magic, line_magic, magics_class, no_var_expand
from traitlets import Any as AnyValue
from traitlets import Bool, Dict, Float, TraitError, Unicode, Union, observe, validate
from traitlets.config import Config

from wan_nb.magics.first_line import BEFORE_IPYTHON, BEHIND_IPYTHON

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from IPython.core.interactiveshell import InteractiveShell

    from wan_nb.magics.notebook import Notebook

__all__ = ["WanMagics", "load", "unload"]


def _notebook() -> type[Notebook]:
    from wan_nb.magics.notebook import Notebook

    return Notebook


def _run_line() -> Callable[[Notebook, str], Any]:
    from wan_nb.magics.run_line import run_line

    return run_line


def _run_cell() -> Callable[[Notebook, str, str], Any]:
    import wan_nb.api.checks  # noqa: F401  # imported late by what comes next
    from wan_nb.magics.run_cell import run_cell

    return run_cell


@magics_class
class WanMagics(Magics):
    """Wan clips in a cell. ``%wan --help`` and ``%%wan --help`` tell the rest."""

    service = Unicode(
        "",
        help="Service of new sessions: simulator, beijing, singapore or a base URL. Empty: what the environment says.",
    ).tag(config=True)
    budget = Union(
        [Float(), Dict()],
        default_value=None,
        allow_none=True,
        help="Most that this log may spend in any 24 h: a number, or one per currency such as {'CNY': 50, 'USD': 7}.",
    ).tag(config=True)
    user = Unicode(
        "", help="Who buys and votes. Empty: WAN_NB_USER, JUPYTERHUB_USER, or the login unless many share it."
    ).tag(config=True)
    model = Unicode("", help="Model of cells that name none. Empty: it follows from what is given.").tag(config=True)
    wait = Bool(
        None,
        allow_none=True,
        help="Whether %%wan waits until the clip is there. None: only where no front end listens.",
    ).tag(config=True)
    embed = AnyValue(
        "auto",
        help="Whether an output holds the clip itself: 'auto' (a light copy of at most 1 MB where the clip's file is"
        " out of the page's reach), 'never', or for every clip up to how many MB; 20 MB of a notebook in all.",
    ).tag(config=True)
    notify = Bool(
        False,
        help="Tell a person whose tab is hidden when a run or study has ended: by a notification of the browser, which"
        " asks for leave once, and by the tab's title. The switch on a board does the same.",
    ).tag(config=True)
    tracebacks = Bool(False, help="Show whole tracebacks instead of one to three lines.").tag(config=True)

    @cached_property
    def notebook(self) -> Notebook:
        """What is known of the notebook in which the magics are typed."""
        from wan_nb.engine import loop

        return loop.load(_notebook)()

    @no_var_expand
    @line_magic
    def wan(self, line: str) -> Any:
        """Runs, studies and the service: ``%wan VERB``. Alone it shows the live board of this session."""
        with self._call() as notebook:
            from wan_nb.engine import loop

            return loop.load(_run_line)(notebook, line)

    @no_var_expand
    @cell_magic("wan")  # type: ignore[arg-type]  # IPython types the decorator for its argument-free form only
    def wan_cell(self, line: str, cell: str) -> Any:
        """Make a clip: the options stand on the line, the cell is the prompt."""
        with self._call() as notebook:
            from wan_nb.engine import loop

            return loop.load(_run_cell)(notebook, line, cell)

    @validate("service", "budget", "embed", "model")
    def _validated(self, proposal: Any) -> Any:
        from wan_nb.engine.endpoint import address
        from wan_nb.errors import InvalidOption
        from wan_nb.settings import Settings, environment

        name, value = proposal["trait"].name, proposal["value"]
        try:
            told = Settings.resolve({}, **{"workspace": environment().get("WAN_NB_WORKSPACE"), name: value})
            address(told.service, told.workspace)
        except InvalidOption as error:
            raise TraitError(str(error)) from None  # of all errors, traitlets takes the value back for this one only
        return value

    @observe("service", "budget", "user", "embed", "model", "notify")
    def _configure(self, change: Any) -> None:
        from wan_nb.handles import default

        default.configure(**{change["name"]: None if change["new"] == "" else change["new"]})

    @contextmanager
    def _call(self) -> Iterator[Notebook]:
        from wan_nb.errors import Detached, WanError
        from wan_nb.public_functions import guard

        assert self.shell is not None
        notebook = self.notebook
        before, notebook.caller = notebook.caller, _locals_of_caller()  # a magic may run inside of another
        notebook.variables, notebook.wait, notebook.service_set = self.shell.user_ns, self.wait, bool(self.service)
        try:
            with guard():  # between two waits, each of which has words of its own
                yield notebook
        except (WanError, Detached) as error:
            if self.tracebacks:
                vars(error)["_render_traceback_"] = partial(_whole, self.shell, error)
            raise
        finally:
            notebook.caller = before


def _locals_of_caller() -> dict[str, Any]:
    """Local variables of the code that called a magic: of its function, or of the cell itself.

    IPython tells them to line magics only, and counts frames for it, which a decorator or a magic around this one makes
    more.
    """
    frame = sys._getframe(1)
    while frame.f_back is not None and frame.f_globals.get("__name__", "").partition(".")[0] in _BETWEEN:
        frame = frame.f_back
    return dict(frame.f_locals)


_BETWEEN = frozenset({"wan_nb", "IPython", "contextlib", "decorator"})
"""Packages whose frames lie between a magic and the code that called it."""


def _whole(shell: InteractiveShell, error: BaseException) -> list[str]:
    """The whole traceback; the Verbose one shows variables of every frame."""
    from wan_nb.sanitize import redact

    told = shell.InteractiveTB.structured_traceback(type(error), error, error.__traceback__)
    return redact("\n".join(told)).split("\n")


def load(shell: InteractiveShell) -> None:
    """Register the magics and their completion. Loading twice is loading once."""
    unload(shell)
    magics = _configured(shell)
    shell.register_magics(magics)
    for kind, name in (("line", "wan"), ("cell", "wan_cell")):
        # Attributes of a bound method are its function's: a plain function that IPython's `?` asks for the docstring.
        vars(WanMagics)[name].getdoc = _document(kind)
    shell.Completer.custom_matchers.append(_Matcher(shell))
    shell.input_transformers_cleanup[:0] = BEFORE_IPYTHON
    shell.input_transformers_cleanup.extend(BEHIND_IPYTHON)


def _configured(shell: InteractiveShell) -> WanMagics:
    """The magics as the shell's configuration wants them, but for values that they refuse.

    ``%config`` leaves such a value in the configuration of the shell, where it would keep the extension from loading.
    """
    magics = WanMagics(shell, config=Config())
    for name, value in shell.config[WanMagics.__name__].items():
        try:
            magics.update_config(Config({WanMagics.__name__: {name: value}}))
        except TraitError as error:
            from wan_nb.sanitize import logger

            logger(__name__).warning("WanMagics.%s is left as it was: %s", name, error)
    return magics


def unload(shell: InteractiveShell) -> None:
    """Take away magics, configuration, completion and input transformer."""
    manager = shell.magics_manager
    found = manager.registry.pop(WanMagics.__name__, None)
    for kind in ("line", "cell"):
        if getattr(manager.magics[kind].get("wan"), "__self__", None) is found is not None:
            del manager.magics[kind]["wan"]
    shell.configurables[:] = [known for known in shell.configurables if known is not found]
    matchers = shell.Completer.custom_matchers
    matchers[:] = [matcher for matcher in matchers if not isinstance(matcher, _Matcher)]
    cleanup = shell.input_transformers_cleanup
    cleanup[:] = [transform for transform in cleanup if transform not in (*BEFORE_IPYTHON, *BEHIND_IPYTHON)]


class _Matcher:
    """What IPython's completer asks. It suppresses the others: with Jedi on, `repr` and `reversed` would come first."""

    matcher_api_version = 2
    matcher_identifier = "wan_nb"
    matcher_priority = 100.0

    def __init__(self, shell: InteractiveShell) -> None:
        self._shell = shell
        self.__qualname__ = self.matcher_identifier  # IPython asks every matcher for it, as if all were functions

    def __call__(self, context: Any) -> dict[str, Any]:
        if "%wan" not in context.full_text:
            return {"completions": []}
        from wan_nb.magics.completion import match

        own = [name for name in self._shell.user_ns if name not in self._shell.user_ns_hidden]
        return match(context, own)


def _document(kind: str) -> Callable[[], str]:
    def getdoc() -> str:
        from wan_nb.magics import help as manual

        return manual.cell_help() if kind == "cell" else manual.line_help()

    return getdoc
