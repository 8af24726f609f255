"""What each verb of ``%wan`` does: it reads the words, calls what Python calls too, and returns what is to be shown."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from wan_nb.engine.run import Run
from wan_nb.engine.states import FINAL
from wan_nb.errors import InvalidOption, Refused
from wan_nb.studies.study import Study

if TYPE_CHECKING:
    from wan_nb.ui.verbs import Call

__all__ = [
    "adopt",
    "again",
    "bundle",
    "cancel",
    "compare",
    "connect",
    "cost",
    "doctor",
    "fill",
    "forget",
    "login",
    "rank",
    "rate",
    "report",
    "resume",
    "runs",
    "show",
    "vote",
]


def runs(call: Call) -> Any:
    """Show runs as a DataFrame."""
    filters: dict[str, Any] = {}
    for word in call.words:
        key, equals, value = str(word).partition("=")
        if not equals:
            raise InvalidOption(f"{word!s:.60} is no filter.", remedy="Write key=value, such as status=SUCCEEDED.")
        several = key not in {"text", "prompt", "negative_prompt", "note", "since", "until"} and "," in value
        filters[key] = value.split(",") if several else value
    return call.session.runs(**filters, **call.given)


def show(call: Call) -> Any:
    """Show a run with its clip, or a study with its plan or its runs."""
    from wan_nb.ui.show import show_run

    embed = call.given.get("embed")
    thing = call.run() if embed else call.thing()
    if not isinstance(thing, Run):
        return thing
    thing.session.bring([thing.row])
    return show_run(thing, embed=True) if embed else thing


def resume(call: Call) -> Any:
    """Take up every unfinished run, also of a kernel that died."""
    from wan_nb.ui.show import show_runs

    runs = call.session.resume(wait=call.given.get("wait", False))
    if not runs:
        print("Nothing is under way.")  # noqa: T201  # an empty answer would leave a doubt
        return None
    return show_runs(call.session, [run.id for run in runs])


def adopt(call: Call) -> Any:
    """Take in tasks that this log does not know; without an ID, list them."""
    if call.words:
        return call.session.adopt(*map(str, call.words))
    strangers = call.session.strangers()
    if not strangers:
        print("Every task of the account's last 24 h is in this log.")  # noqa: T201  # see _resume
    return strangers or None


def cancel(call: Call) -> Any:
    """Cancel what still waits; a running task ends by itself and is billed."""
    if [*call.words] == ["all"]:
        runs = [Run(call.session, row.run_id) for row in call.session.log.open_rows()]
    elif isinstance(thing := call.thing(), Study):
        runs = [run for run in thing.runs if run.status not in FINAL]
    else:
        return thing.cancel()
    canceled, left = 0, 0
    for run in reversed(runs):  # the newest first: what waits here still costs nothing
        try:
            run.cancel()
            canceled += 1
        except Refused:
            left += 1
    still = f" {left} already running: the service cannot stop a running task, and bills its clip." if left else ""
    print(f"{canceled} canceled.{still}" if runs else "Nothing is under way.")  # noqa: T201  # a sum has no run to show
    return None


def again(call: Call) -> Any:
    """Buy another clip of a request, changed by options of %%wan."""
    return call.run().again(**call.given)


def rate(call: Call) -> Any:
    """Give a run 1 to 5 stars."""
    *before, stars = call.words or ("nothing",)
    if str(stars) not in {"1", "2", "3", "4", "5"}:
        raise InvalidOption(f"a rating is 1 to 5, not {stars!s:.20}.", remedy="%wan rate ID 4, or %wan rate 4.")
    return replace(call, words=tuple(before)).run().rate(int(stars))


def compare(call: Call) -> Any:
    """Show clips side by side on one clock."""
    from wan_nb.ui import desk

    things = [call.thing(place) for place in range(len(call.words))] or [call.study()]
    if len(things) == 1 and isinstance(things[0], Study):
        return things[0].compare()
    return desk.compare([run for thing in things for run in (thing.runs if isinstance(thing, Study) else [thing])])


def vote(call: Call) -> Any:
    """Ask for blind votes on pairs of clips."""
    return call.study().vote()


def rank(call: Call) -> Any:
    """Tell what the votes say, and how surely."""
    return call.study().ranking()


def report(call: Call) -> Any:
    """Write one HTML file that needs nothing else."""
    return call.study().report(call.given.get("output"))


def cost(call: Call) -> Any:
    """Tell what was spent, and how much of the budget is left."""
    from wan_nb.engine.cost import cost_of

    return cost_of(call.session)


def fill(call: Call) -> Any:
    """Show the form: controls, preview and price."""
    from wan_nb.ui.form import form

    return form(*call.words, session=call.session)


def connect(call: Call) -> Any:
    """Choose the service."""
    from wan_nb import default

    call.magics.told_of = default.connect(str(call.words[0]) if call.words else None)
    return call.magics.told_of


def login(call: Call) -> Any:
    """Ask for a key without showing it; it stays in memory."""
    from wan_nb import default

    if call.magics.in_batch:
        raise InvalidOption("nobody is there to type a key.", remedy="Set DASHSCOPE_API_KEY before the kernel starts.")
    call.magics.told_of = default.login(service=str(call.words[0]) if call.words else None)
    return call.magics.told_of


def doctor(call: Call) -> Any:
    """Check key, service, clock, disk, files and versions, each with its remedy."""
    from wan_nb.engine.doctor import examine

    return examine(call.session, mend=call.given.get("mend", False))


def bundle(call: Call) -> Any:
    """Pack clips, sidecars, table and an index page into one file to take home."""
    from wan_nb.engine.bundle import pack

    target = str(call.words[0]) if call.words else "wan_runs.zip"
    filters = {"study": str(call.words[1])} if len(call.words) > 1 else {}
    return pack(call.session, target, **filters)


def forget(call: Call) -> Any:
    """Delete the files of a run; its row and its cost stay."""
    if not call.words:
        raise InvalidOption("%wan forget deletes files: say of which run.", remedy="%wan forget ID")
    run = call.run()
    call.session.forget(run.id)
    return run
