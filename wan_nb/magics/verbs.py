"""The verbs of ``%wan``: what each does, and the table that dispatch, ``--help``, completion and the reference read.

A verb reads its words, calls what Python calls too, and returns what is to be shown.
"""

from __future__ import annotations

import shlex
from dataclasses import replace
from typing import Any

from wan_nb.api.catalog import CURRENCIES
from wan_nb.arguments import shown, whole
from wan_nb.errors import InvalidOption, NotFound, Refused, shortened
from wan_nb.grammar import options
from wan_nb.grammar.options import Option
from wan_nb.handles.run import Run
from wan_nb.handles.study import Study
from wan_nb.html.text import STATES, label
from wan_nb.log.reading.near_values import why_none
from wan_nb.log.states import FINAL, Status
from wan_nb.magics.call import Call, Verb
from wan_nb.magics.changed_order import another_take
from wan_nb.studies.votes import as_given
from wan_nb.terminal import say

__all__ = ["VERBS"]

_STATUS = {look.word: str(status) for status, look in STATES.items()}


def runs(call: Call) -> Any:
    """Show runs as a DataFrame.

    The newest come first. A filter is a column by value, or by several values with commas between them; a state also by
    the word that boards show, such as ``done``. ``since`` and
    ``until`` take a day or a time, ``text`` must stand in the prompt.

        %wan runs study=walk status=FAILED,CANCELED
        %wan runs since=2026-11-22 text=cat --limit 5
    """
    filters: dict[str, Any] = {}
    for word in call.words:
        key, equals, value = str(word).partition("=")
        if not equals:
            raise InvalidOption(
                f"{shown(word, typed=True)} is no filter.", remedy="Write key=value, such as status=done."
            )
        if key == "status":  # also in the words of boards and tables
            value = ",".join(_STATUS.get(one.strip().lower(), one) for one in value.split(","))
        several = key not in {"text", "words", "prompt", "negative_prompt", "note", "since", "until"} and "," in value
        filters[key] = value.split(",") if several else value
    found = call.session.runs(**filters, **call.given)
    if found.empty:
        say(why_none(call.session.log, filters))
    return found


def find(call: Call) -> Any:
    """Look for words in prompts, notes, tags and labels.

    Each word must stand somewhere, in any case; a part of one will do. Shows the clips, and returns their DataFrame.

        %wan find glow
        %wan find neon rain --limit 20
    """
    words = " ".join(map(str, call.words))
    if not words.strip():
        raise InvalidOption("say which words are looked for.", remedy="%wan find glow")
    found = call.session.find(words, **call.given)
    if found.empty:
        say(f"No prompt, note, tag or label has {shown(words, typed=True)} in it.")
    else:
        found.wan.play()
    return found


def show(call: Call) -> Any:
    """Show a run with its clip, or a study.

    A clip plays from its file beside the notebook. Where readers will not have that file, ``--embed`` puts it into the
    notebook itself, which grows by as much.

        %wan show 3f9c
        %wan show walk
    """
    from wan_nb.widgets.output.outputs import display
    from wan_nb.widgets.output.static_outputs import run_bundle, runs_bundle

    embed = call.given.get("embed")
    if not embed and (several := call.labelled()):
        display(runs_bundle(call.session.workspace, several))
        return None
    thing = call.run() if embed else call.thing()
    if not isinstance(thing, Run):
        return thing
    thing.session.workspace.bring([thing.row])
    if not embed:
        return thing
    display(run_bundle(thing.session.workspace, thing.row, embed=True))
    return None


def resume(call: Call) -> Any:
    """Go on with every unfinished run, also of a kernel that died.

    Nothing is sent again: tasks are looked at by their ids, clips that are ready are fetched, and runs whose submit was
    never answered are looked for in the account's list. With nothing under way it says so.

        %wan resume --wait
    """
    runs = call.session.resume(wait=call.given.get("wait", False))
    if not runs:
        say("Nothing is under way.")
        return None
    call.session.views.show([run.row for run in runs])
    return None


def adopt(call: Call) -> Any:
    """Take in tasks that this log does not know; without an ID, list them.

    For tasks of the last 24 h that were submitted elsewhere, and to settle an uncertain run when several are possible.

        %wan adopt
        %wan adopt 0385dc79-5ff8-4d82-bcb6-123456789abc
    """
    if call.words:
        return call.session.adopt(*map(str, call.words))
    strangers = call.session.strangers()
    if not strangers:
        say("Every task of the account's last 24 h is in this log.")
    return strangers or None


def cancel(call: Call) -> Any:
    """Cancel what still waits; a running task ends by itself and is billed.

    ``all`` cancels everything of this log that still waits, the newest first. Interrupting a cell cancels nothing.

        %wan cancel 3f9c
        %wan cancel all
    """
    if [*call.words] == ["all"]:
        runs = [Run(call.session, row.run_id) for row in call.session.log.open_rows()]
    elif len(runs := call.runs()) == 1:
        return call.session.run(runs[0].id).cancel()
    runs = [run for run in runs if run.status not in FINAL]
    canceled, left = 0, 0
    for run in reversed(runs):  # the newest first: what waits here still costs nothing
        try:
            run.cancel()
            canceled += 1
        except Refused:
            left += 1
    still = f" {left} already running: the service cannot stop a running task, and bills its clip." if left else ""
    say(f"{canceled} canceled.{still}" if runs else "Nothing is under way.")
    return None


def again(call: Call) -> Any:
    """Buy the next take of a run, or its request changed by options of %%wan.

    Without a seed of its own the new clip gets another one. The cell goes on showing the take that it showed, and the
    `--take N` that shows the new one is said. A cell that is run again asks before it makes one more; where nobody sits
    at the notebook it needs --max-cost.

    Of a study it plans the winner, or with --whole all variants, in another resolution or by another model.

        %wan again
        %wan again 3f9c --duration 10
        %wan again walk --resolution 1080P
    """
    thing = call.things()[0] if call.words else None
    if hasattr(thing, "plan"):
        return call.session.again(thing, **call.given)
    call.given.pop("whole", None)
    run = call.run()
    if call.given.keys() - {"max_cost"}:
        return run.again(**call.given)  # what is there already costs nothing
    return another_take(call.notebook, run, call.words, **call.given)


def rate(call: Call) -> Any:
    """Give a run 1 to 5 stars.

    Stars are a column of `%wan runs`, for sorting. To find out which prompt is better, `%wan vote`.

        %wan rate 4
        %wan rate 3f9c 4
    """
    *before, stars = call.words or (None,)
    if stars is None or isinstance(stars, Run):
        raise InvalidOption("say how many stars, 1 to 5.", remedy="%wan rate ID 4, or %wan rate 4.")
    chosen = whole(stars, "a rating is 1 to 5", 1, 5, typed=True, remedy="%wan rate ID 4, or %wan rate 4.")
    return replace(call, words=tuple(before)).run().rate(chosen)


def note(call: Call) -> Any:
    """Keep a remark with a run; an empty one removes it.

    One text, in quotes, goes to the last run. Before it may stand which run is meant.

        %wan note "the tail drifts"
        %wan note 3f9c the tail drifts
    """
    if not call.words:
        raise InvalidOption("say what is to be noted.", remedy='%wan note "the tail drifts"')
    if len(call.words) == 1:
        if not isinstance(call.words[0], str):
            raise InvalidOption("say what is to be noted.", remedy='%wan note ID "the tail drifts"')
        return replace(call, words=()).run().note(call.words[0])
    try:
        run = call.run()
    except NotFound as error:
        raise InvalidOption(error.message, remedy="Put the remark in quotes to give it to the last run.") from error
    return run.note(" ".join(map(str, call.words[1:])))


def tag(call: Call) -> Any:
    """Give tags to a run, or to all runs of a study or label.

    One word tags the last run, several with commas between them too. Before it may stand which runs are meant.

        %wan tag keep
        %wan tag calm keep,bright
    """
    return _tagged(call, "tag")


def untag(call: Call) -> Any:
    """Take tags away from a run, or from all runs of a study or label.

    A tag that a run does not have changes nothing.

        %wan untag keep
        %wan untag walk keep
    """
    return _tagged(call, "untag")


def _tagged(call: Call, verb: str) -> Any:
    if not call.words or not isinstance(call.words[-1], str):
        raise InvalidOption("say which tag is meant.", remedy=f"%wan {verb} keep")
    *who, words = call.words if len(call.words) == 1 else (call.words[0], [str(word) for word in call.words[1:]])
    meant = replace(call, words=tuple(who))
    try:
        runs = meant.runs() if who else [meant.run()]
    except NotFound as error:
        raise InvalidOption(error.message, remedy=f"Several tags of the last run: %wan {verb} keep,bright") from error
    before = [run.row.tags for run in runs]
    for run in runs:
        run.tag(words) if verb == "tag" else run.untag(words)
    if len(runs) == 1:
        return runs[0]
    changed = sum(run.row.tags != tags for run, tags in zip(runs, before, strict=True))
    say(f"{changed} of {len(runs)} runs changed.")
    return None


def compare(call: Call) -> Any:
    """Play clips side by side; without a name, the last two of the same picture.

    Play, step, loop, wipe and swap in place; each row of a study is a picture with a seed, each column a variant.
    Labels are seen here: a decision is made with `%wan vote`.

        %wan compare
        %wan compare walk
        %wan compare 3f9c 77ab
    """
    return call.session.compare(call.things() or None)


def vote(call: Call) -> Any:
    """Ask for blind votes on pairs of clips.

    Each pair has the same picture and seed; sides are shuffled, labels hidden. Keys: 1 or 2 is better, 0 the same, 9
    both bad, u undo, s skip, hold x to swap in place. Stop when you like; what was answered is kept. Who votes is the
    user of the session, or `--rater`; what others say is not told before one's own sitting has ended. With ``-o`` it
    writes a page instead, on which people without a notebook vote; `%wan votes` reads what they send back.

        %wan vote walk
        %wan vote walk --rater Ada --criterion "moves less"
        %wan vote walk -o walk-ballot.html
    """
    study, given = call.study(), dict(call.given)
    if (path := given.pop("output", None)) is None:
        return study.vote(**{"rater": call.notebook.user(), **given})
    if "rater" in given:
        raise InvalidOption("a ballot page asks for the name itself: leave --rater out.", field="rater")
    return study.ballot_file(path, **given)


def votes(call: Call) -> Any:
    """Take votes files into a study, write one, or show its votes.

    With ``-o`` it writes. Each vote is taken once, so a file may be read again. Votes of another study or of other
    clips are refused, with the reason. ``--rater`` says whose they are where the file does not; when writing, whose to
    write. While you have pairs left, those of others are left out; `--all` tells them.

        %wan votes walk votes/*.json
        %wan votes walk -o me.json
    """
    files = [word for word in call.words if isinstance(word, str) and word.endswith(".json")]
    rest = [word for word in call.words if word not in files]
    study = replace(call, words=tuple(rest)).study()
    given = dict(call.given)
    path, everybody = given.pop("output", None), given.pop("all", False)
    if files and path is not None:
        raise InvalidOption("-o writes votes and a file is read: do one after the other.", field="output")
    if path is not None:
        return study.write_votes(path, **given)
    if files:
        return study.read_votes(*files, **given)
    import pandas as pd

    told, rater = study.votes(), call.notebook.user() or study.session.workspace.user
    if untold := study.ranking(everybody=everybody).untold():
        say(untold)
        told = [vote for vote in told if vote.get("rater") == rater]
    elif not told:
        say(f"No votes yet. %wan vote {shlex.quote(study.name)} begins.")
    return pd.DataFrame(as_given(told))


def rank(call: Call) -> Any:
    """Tell what the votes say, and how sure that is.

    Shares of new seeds with 95 % intervals, counted in seeds and not in votes. It says "not decided" until it is. While
    you have pairs left to vote on, what others said is left out; `--all` tells it.

        %wan rank walk
        %wan rank walk --criterion "moves less"
    """
    study, given = call.study(), dict(call.given)
    call.notebook.user()
    return study.ranking(everybody=given.pop("all", False), **given)


def report(call: Call) -> Any:
    """Write one HTML file that needs nothing else.

    Plan, prompts, clips, votes, ranking, measures and costs; it plays in any browser, without network. For a client it
    holds what was chosen, the clips and the prompts, and no figure. While you have pairs left to vote on, what others
    said is left out; `--all` tells it.

        %wan report walk -o walk.html
        %wan report walk --for client -o walk.html
    """
    call.notebook.user()
    given = {"audience": call.given.get("for", "maker"), "everybody": call.given.get("all", False)}
    return call.study().report(call.given.get("output"), **given)


def deliver(call: Call) -> Any:
    """Pack clips for people without Python into one zip.

    Readable file names, the winner first, and a page that plays them from any disk, with the prompts in plain words; no
    price, no id, no statistics. All clips of the study that are done, or those of the runs and variants that are named.

        %wan deliver walk -o finals.zip
        %wan deliver walk calm 3f9c
        %wan deliver {{cat}} -o cat.zip
    """
    output, runs = call.given.get("output"), list(call.words)
    last = call.session.last
    if not runs and isinstance(last, Run) and last.row.study not in call.session.log.studies():
        call, runs = replace(call, words=(last,)), [last]
    if not runs or isinstance(call.things()[0], Study):
        return call.study().deliver(output, runs=runs[1:] or None)
    meant = [call.runs(place) for place in range(len(runs))]
    rows = [run.row for some in meant for run in some if len(some) == 1 or run.status == Status.SUCCEEDED]
    if {row.study for row in rows} & {*call.session.log.studies()}:
        return call.study().deliver(output, runs=runs)
    from wan_nb.reporting.delivery import deliver as pack

    return pack(call.session.workspace, rows, output or "clips.zip")


def budget(call: Call) -> Any:
    """Set what a job may cost, or tell what is left of it.

    A job is all runs under a name, or with it as a tag; without a name it is the whole log. A bare number is in the
    currency of the service, `off` takes the budget away, `--user` sets the share of one person and `--each` that of
    each. A budget belongs to who has set it. What was refused is told; rehearsals on the simulator never are.

        %wan budget walk CNY 150
        %wan budget CNY 5 --each
    """
    words = [*map(str, call.words)]
    name = words.pop(0) if words and (len(words) == 1 or words[0].upper() not in CURRENCIES) else None
    if len(words) > 1 and words[1].upper() in CURRENCIES:
        words.reverse()
    currency = words.pop(0) if len(words) > 1 else None
    if words:
        call.notebook.user()
    return call.session.budget(name, *words, currency=currency, **call.given)


def cost(call: Call) -> Any:
    """Tell what was spent, and how much of the budget is left; with a name, what that job has cost.

    Simulated runs are told apart and cost nothing. The budget holds for any 24 hours, over all notebooks of the log:

        %wan cost walk
        %config WanMagics.budget = {"CNY": 20, "USD": 3}
    """
    return call.session.cost(*map(str, call.words))


def form(call: Call) -> Any:
    """Show the form: controls, preview and price.

    Nothing is sent before its button is pressed. With an ID it begins with the request of that run.

        %wan form
        %wan form 3f9c
    """
    return call.session.form(*([call.run()] if call.words else []))


def connect(call: Call) -> Any:
    """Choose the service.

    SERVICE is ``simulator``, ``beijing``, ``singapore`` or a base URL. Without it the present one stays; in a new
    kernel that is the real service if there is a key, else the simulator. What is under way goes on; `%wan resume`
    shows it again.

        %wan connect simulator
    """
    from wan_nb.handles import default

    call.notebook.announced = default.connect(str(call.words[0]) if call.words else None)
    return call.notebook.announced


def login(call: Call) -> Any:
    """Ask for a key without showing it; it stays in memory.

    A key belongs to one region: SERVICE is ``beijing``, ``singapore`` or a base URL. Without it the present one, or
    Beijing after the simulator. The key is gone when the kernel ends.

        %wan login singapore
    """
    from wan_nb.handles import default

    if call.notebook.in_batch:
        raise InvalidOption("nobody is there to type a key.", remedy="Set DASHSCOPE_API_KEY before the kernel starts.")
    call.notebook.announced = default.login(service=str(call.words[0]) if call.words else None)
    return call.notebook.announced


def doctor(call: Call) -> Any:
    """Check key, service, clock, disk, files and versions, each with its remedy.

    ✓ is good, ! is worth knowing, ✕ has to be mended; the worst come first. The service is asked one free
    question.

        %wan doctor
        %wan doctor --mend
    """
    return call.session.doctor(mend=call.given.get("mend", False))


def bundle(call: Call) -> Any:
    """Pack clips, their requests, a table and a page that plays them into one file to take home.

    Everything in the log, or one study of it. Unpacked, ``index.html`` shows and plays the clips in any browser.

        %wan bundle walk.zip walk
    """
    target = str(call.words[0]) if call.words else "wan_runs.zip"
    filters: dict[str, Any] = {}
    if len(call.words) > 1:
        thing = call.words[1]
        named = isinstance(thing, str) and thing in call.session.log.studies()
        filters = {"study": thing} if named else {"run_id": [run.id for run in call.runs(1)]}
    return call.session.bundle(target, **filters)


def forget(call: Call) -> Any:
    """Delete the files of runs; their rows and their cost stay.

    It asks first: there is no way back, since the service keeps no clip for longer than a day.

        %wan forget 3f9c
    """
    if not call.words:
        raise InvalidOption("%wan forget deletes files: say of which run.", remedy="%wan forget ID")
    runs = call.runs()
    told = ", ".join(f"{run.id[:8]} ({shortened(label(run.row), 40)})" for run in runs[:4])
    more = f" and {len(runs) - 4} more" if len(runs) > 4 else ""
    if not call.confirmed(f"Delete the clip{'' if len(runs) == 1 else 's'} of {told}{more} for good?"):
        say("Nothing was deleted.")
        return None
    for run in runs:
        run.session.workspace.forget(run.id)
        say(f"The files of run {run.id[:8]} are deleted; its row and its cost stay.")
    return runs[0] if len(runs) == 1 else None


def fresh(call: Call) -> Any:
    """Begin a new log; the old one and its clips are moved into a folder beside it.

    It asks first. Clips are not deleted: the folder renamed back to ``wan_runs`` is the log again. Other notebooks that
    have the old log open say so before they buy.

        %wan fresh
    """
    from wan_nb.handles import default
    from wan_nb.maintenance.fresh import what_is_lost

    if not call.confirmed(f"Move aside {what_is_lost(call.session.workspace)}"):
        say("Nothing was moved.")
        return None
    aside = default.fresh()
    say(f"A new log begins. The old one is {aside}.")
    return None


def _number(value: Any) -> int:
    return whole(value, "--limit must be a whole number from 1", 1, typed=True)


_LIMIT = Option("limit", "At most so many, the newest.", _number, metavar="N")
_EMBED = Option("embed", "Put the clip itself into the notebook, for readers who do not have the file.")
_WAIT = Option("wait", "Wait until all have ended.")
_OUTPUT = Option(
    "output", "File to write; the study's name without it.", short="o", metavar="FILE", suffixes=(".html",)
)
_FOR = Option("for", "Whom it is for.", metavar="WHOM", choices=("maker", "client"))
_RATER = Option("rater", "Name of who votes.", metavar="NAME")
_PAGE = replace(_OUTPUT, help="Write a page for people without a notebook instead.")
_VOTES = replace(_OUTPUT, help="File to write the votes to.", suffixes=(".json",))
_ZIP = replace(_OUTPUT, suffixes=(".zip",))
_ALL = Option("all", "What everybody says, although you have pairs left.")
_USER = Option("user", "Whose share it is.", metavar="NAME")
_EACH = Option("each", "The share of each person who has none of their own.")
_YES = Option("yes", "Do not ask.")
_MEND = Option("mend", "Repair what can be repaired: the log, unfinished runs, partial files, clips that were renamed.")

VERBS: dict[str, Verb] = {
    verb.name: verb
    for verb in (
        Verb("runs", "[key=value ...]", "wan_nb.runs(status='SUCCEEDED')", runs, None, (_LIMIT,), "filter"),
        Verb("show", "[ID|STUDY]", "wan_nb.run(id)", show, 1, (_EMBED,), "thing"),
        Verb("resume", "", "wan_nb.resume()", resume, 0, (_WAIT,)),
        Verb("adopt", "[TASK_ID ...]", "wan_nb.adopt(task_id)", adopt, None),
        Verb("cancel", "[ID|STUDY|all]", "wan_nb.cancel(id)", cancel, 1, completes="open"),
        Verb(
            "again",
            "[ID] [options]",
            "wan_nb.again(id)",
            again,
            1,
            (*options.REQUEST, options.MAX_COST, options.WHOLE),
            "run",
        ),
        Verb("rate", "[ID] 1..5", "run.rate(4)", rate, 2, completes="run"),
        Verb("note", "[ID] TEXT", "run.note('the tail drifts')", note, None, completes="run"),
        Verb("tag", "[ID|STUDY] TAG", "run.tag('keep')", tag, None, completes="thing"),
        Verb("untag", "[ID|STUDY] TAG", "run.untag('keep')", untag, None, completes="thing"),
        Verb("find", "WORDS", "wan_nb.find('glow')", find, None, (_LIMIT,)),
        Verb("compare", "[STUDY|ID ...]", "study.compare()", compare, None, completes="thing"),
        Verb("vote", "[STUDY]", "study.vote()", vote, 1, (_RATER, options.CRITERION, _PAGE), "study"),
        Verb(
            "votes", "[STUDY] [FILE ...]", "study.read_votes('me.json')", votes, None, (_VOTES, _RATER, _ALL), "study"
        ),
        Verb("rank", "[STUDY]", "study.ranking()", rank, 1, (_ALL, options.CRITERION), "study"),
        Verb("report", "[STUDY]", "study.report('walk.html')", report, 1, (_OUTPUT, _FOR, _ALL), "study"),
        Verb("deliver", "[STUDY] [ID|VARIANT ...]", "study.deliver('finals.zip')", deliver, None, (_ZIP,), "thing"),
        Verb(
            "budget", "[NAME] [CNY|USD] [AMOUNT|off]", "wan_nb.budget('walk', 150)", budget, 3, (_USER, _EACH), "study"
        ),
        Verb("cost", "[NAME]", "wan_nb.cost()", cost, 1, completes="study"),
        Verb("form", "[ID]", "wan_nb.form()", form, 1, completes="run"),
        Verb("connect", "[SERVICE]", "wan_nb.connect('simulator')", connect, 1, completes="service"),
        Verb("login", "[SERVICE]", "wan_nb.login()", login, 1, completes="service"),
        Verb("doctor", "", "wan_nb.doctor()", doctor, 0, (_MEND,)),
        Verb("bundle", "[FILE.zip] [STUDY]", "wan_nb.bundle('walk.zip')", bundle, 2, completes="zip"),
        Verb("forget", "ID", "wan_nb.session().forget(id)", forget, 1, (_YES,), "run"),
        Verb("fresh", "", "wan_nb.fresh()", fresh, 0, (_YES,)),
    )
}
"""Every verb, in the order of the help."""
