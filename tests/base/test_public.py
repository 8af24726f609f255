"""What the public functions say to values of the wrong kind: our errors, in a few lines, whatever comes in."""

from __future__ import annotations

import copy
import pickle
import re
import subprocess
import sys
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from simulator_control import configure

import wan_nb
from wan_nb.api import catalog
from wan_nb.errors import Detached, InvalidOption, WanError
from wan_nb.handles import default
from wan_nb.public_functions import guard

ODD: dict[str, Any] = {
    "None": None, "0": 0, "-1": -1, "1.5": 1.5, "nan": float("nan"), "True": True, "empty": "", "word": "x",
    "NUL": "a\0b", "surrogate": "\ud800", "long": "x" * 5000, "bytes": b"x", "list": ["x"], "list of None": [None],
    "empty list": [], "dict": {"a": 1}, "empty dict": {}, "set": {1}, "object": object(), "class": int,
    "array": np.array([1, 2]), "path": Path("nope"), "function": len, "range": range(3), "huge": 10**400,
}  # fmt: skip


@pytest.fixture(scope="module")
def world(tmp_path_factory, photos):
    """A session of a simulator of its own with a clip and a study, as the default session."""
    folder = tmp_path_factory.mktemp("world")
    session = default.connect("simulator", speed=50, folder=folder / "wan_runs", patience=1.0)
    configure(session, clips="tiny")
    cat = photos / "cat.jpg"
    run = session.submit("a cat", first_frame=cat, duration=2).wait()
    study = session.study({"calm": "a", "wild": "b"}, name="w", first_frame=cat, duration=2, seeds=[1])
    study.submit(max_cost=10).wait()
    yield session, run, study, cat
    default.close()


def fields(cat: Path, **given: Any) -> dict[str, Any]:
    return {"first_frame": cat, "duration": 2, **given}


CALLS = {
    "submit prompt": lambda s, r, w, c, v: s.submit(prompt=v, **fields(c)),
    "study variants": lambda s, r, w, c, v: s.study(variants=v, **fields(c)),
    "study seeds": lambda s, r, w, c, v: s.study(["a", "b"], seeds=v, **fields(c)),
    "study vary": lambda s, r, w, c, v: s.study(["a", "b"], vary=v, **fields(c)),
    "study vary values": lambda s, r, w, c, v: s.study(["a", "b"], first_frame=c, vary={"duration": v}),
    "study name": lambda s, r, w, c, v: s.study(["a", "b"], name=v, **fields(c)),
    "study wait": lambda s, r, w, c, v: w.wait(v),
    "study compare": lambda s, r, w, c, v: w.compare(columns=v),
    "study ballot": lambda s, r, w, c, v: w.ballot(rater=v),
    "study report": lambda s, r, w, c, v: w.report(v, media="none"),
    "submit name": lambda s, r, w, c, v: s.submit("a cat", name=v, **fields(c)),
    "submit take": lambda s, r, w, c, v: s.submit("a cat", take=v, **fields(c)),
    "submit again": lambda s, r, w, c, v: s.submit("a cat", again=v, **fields(c)),
    "submit progress": lambda s, r, w, c, v: s.submit("a cat", progress=v, **fields(c)),
    "run": lambda s, r, w, c, v: wan_nb.run(v),
    "cancel": lambda s, r, w, c, v: wan_nb.cancel(v),
    "again": lambda s, r, w, c, v: wan_nb.again(v),
    "adopt": lambda s, r, w, c, v: wan_nb.adopt(v),
    "resume": lambda s, r, w, c, v: wan_nb.resume(wait=v),
    "session": lambda s, r, w, c, v: wan_nb.Session(v).close(),
    "session base_url": lambda s, r, w, c, v: wan_nb.Session(base_url=v).close(),
    "session api_key": lambda s, r, w, c, v: wan_nb.Session("beijing", api_key=v).close(),
    "session folder": lambda s, r, w, c, v: wan_nb.Session(folder=v).close(),
    "session log": lambda s, r, w, c, v: wan_nb.Session(log=v).log.close(),
    "session media": lambda s, r, w, c, v: wan_nb.Session(media=v).close(),
    "session gap": lambda s, r, w, c, v: wan_nb.Session(gap=v).close(),
    "session patience": lambda s, r, w, c, v: wan_nb.Session(patience=v).close(),
    "session speed": lambda s, r, w, c, v: wan_nb.Session(speed=v).close(),
    "bundle": lambda s, r, w, c, v: wan_nb.bundle(v),
    "compare": lambda s, r, w, c, v: wan_nb.compare(v),
    "compare columns": lambda s, r, w, c, v: wan_nb.compare(w, columns=v),
    "vote": lambda s, r, w, c, v: wan_nb.vote(v),
    "vote rater": lambda s, r, w, c, v: wan_nb.vote("w", rater=v),
    "vote mode": lambda s, r, w, c, v: wan_nb.vote("w", mode=v),
    "report": lambda s, r, w, c, v: wan_nb.report(v, media="none"),
    "report path": lambda s, r, w, c, v: wan_nb.report("w", v, media="none"),
    "report media": lambda s, r, w, c, v: wan_nb.report("w", "r.html", media=v),
    "report max_bytes": lambda s, r, w, c, v: wan_nb.report("w", "r.html", media="none", max_bytes=v),
    "board": lambda s, r, w, c, v: v is None or wan_nb.board(v),
    "form": lambda s, r, w, c, v: wan_nb.form(v),
    "doctor": lambda s, r, w, c, v: v in (None, True) if isinstance(v, bool | None) else wan_nb.doctor(mend=v),
    "runs measures": lambda s, r, w, c, v: wan_nb.runs(measures=v),
    "runs status": lambda s, r, w, c, v: wan_nb.runs(status=v),
    "runs study": lambda s, r, w, c, v: wan_nb.runs(study=v),
    "runs since": lambda s, r, w, c, v: wan_nb.runs(since=v),
    "runs text": lambda s, r, w, c, v: wan_nb.runs(text=v),
    "runs nonsense": lambda s, r, w, c, v: wan_nb.runs(nonsense=v),
    "rate": lambda s, r, w, c, v: r.rate(v),
    "note": lambda s, r, w, c, v: r.note(v),
    "tag": lambda s, r, w, c, v: r.tag(v),
    "wait": lambda s, r, w, c, v: r.wait(v),
    "frame": lambda s, r, w, c, v: r.frame(v),
    "tail": lambda s, r, w, c, v: r.tail(v),
    "row": lambda s, r, w, c, v: s.row(v),
    "forget": lambda s, r, w, c, v: s.forget(v),
    "strip": lambda s, r, w, c, v: s.workspace.strip(v),
    "video": lambda s, r, w, c, v: s.video(v),
    "spent": lambda s, r, w, c, v: s.spent(v),
    "material": lambda s, r, w, c, v: s.material(v, "first_frame"),
    "material field": lambda s, r, w, c, v: s.material(c, v),
    **{
        f"request {name}": lambda s, r, w, c, v, name=name: s.request("a cat", **fields(c, **{name: v}))
        for name in [f.name for f in catalog.FIELDS if f.name != "prompt"]
    },
}


@pytest.mark.parametrize("called", CALLS)
def test_odd_values_get_an_answer_or_a_short_error_of_ours(called, world, capsys) -> None:
    for name, value in ODD.items():
        try:
            CALLS[called](*world, value)
        except WanError as error:
            text = str(error)
            assert len(text) <= 600, (name, text)
            assert text.count("\n") < 3, (name, text)
        except Exception as error:
            pytest.fail(f"{called}({name}): {type(error).__name__}: {error}")


@pytest.mark.parametrize("call", ["submit", "study", "run", "compare", "doctor", "connect"])
def test_an_argument_that_there_is_not_is_named(call, world) -> None:
    with pytest.raises((TypeError, WanError), match="nonsense"):
        getattr(wan_nb, call)(nonsense=1)


def test_prompt_and_variants_have_names(world) -> None:
    _, run, study, cat = world
    assert wan_nb.submit(prompt="a cat", first_frame=cat, duration=2) == run
    again = wan_nb.study(variants={"calm": "a", "wild": "b"}, name="w", first_frame=cat, duration=2, seeds=[1])
    assert again.runs == study.runs


# --- handles


def test_tags_are_words_or_a_list_of_them(world) -> None:
    _, _, study, _ = world
    run = study.runs[0]
    assert run.tag(["one", "two"]).tag("three", "one").row.tags == ("one", "two", "three")
    with pytest.raises(InvalidOption, match="tags takes words"):
        run.tag(3)


def test_handles_of_one_run_are_one(world) -> None:
    session, run, study, _ = world
    assert run == wan_nb.run(run.id) == session.run(run.id[:6])
    assert len({run, wan_nb.run(run.id)}) == 1
    assert run != study.runs[0]
    assert run != run.id
    assert copy.deepcopy(run) == run == copy.copy(run)


def status_of(run: wan_nb.Run) -> str:
    return str(run.status)


def test_run_goes_to_another_process(world) -> None:
    _, run, *_ = world
    text = pickle.dumps(run)
    assert pickle.loads(text).session is run.session
    with get_context("spawn").Pool(1) as pool:
        assert pool.apply(status_of, (run,)) == "SUCCEEDED"


def test_session_and_study_say_why_they_do_not(world) -> None:
    session, _, study, _ = world
    for thing in (session, study):
        with pytest.raises(WanError, match="a session stays in its process"):
            pickle.dumps(thing)


def test_run_of_a_log_at_a_url_says_why_it_does_not(world) -> None:
    _, run, *_ = world
    other = copy.copy(run)
    other._session = type(
        "Session", (), {"settings": run.session.settings.moved(log="postgresql://me:secret@db/wan")}
    )()
    with pytest.raises(WanError, match="may hold a password") as caught:
        pickle.dumps(other)
    assert "secret" not in str(caught.value)


# --- what libraries and the system raise


def test_errors_of_system_and_libraries_become_ours() -> None:
    import av
    import httpx
    import sqlalchemy as sa
    from PIL import Image

    for error in (
        PermissionError(13, "Permission denied", "/no"),
        OSError(28, "No space left on device"),
        httpx.InvalidURL("port"),
        sa.exc.OperationalError("x" * 5000, {}, Exception("disk")),
        Image.DecompressionBombError("large"),
        av.error.InvalidDataError(1, "bad"),
        UnicodeEncodeError("ascii", "ü", 0, 1, "no"),
        RecursionError("deep"),
    ):
        with pytest.raises(WanError) as caught, guard():
            raise error
        assert len(str(caught.value)) < 400
        assert caught.value.__cause__ is error
        assert isinstance(caught.value, OSError) == isinstance(error, OSError)
    with pytest.raises(KeyError), guard():  # a fault of ours is not dressed up
        raise KeyError("x")


@pytest.mark.parametrize(
    ("inside", "call"),
    [
        ("wan_nb.reporting.report.write_report", lambda s, r, w: w.report(media="none")),
        ("wan_nb.media.clips.frame", lambda s, r, w: r.frame()),
        ("wan_nb.log.reading.queries.to_frame", lambda s, r, w: wan_nb.runs()),
        ("wan_nb.maintenance.bundle.zipfile.ZipFile", lambda s, r, w: wan_nb.bundle("x.zip")),
        ("wan_nb.maintenance.cost.cost_of", lambda s, r, w: wan_nb.cost()),
    ],
)
def test_interrupt_outside_the_waits_is_short(inside, call, world, monkeypatch) -> None:
    def stop(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(inside, stop)
        with pytest.raises(Detached, match="Stopped") as caught:
            call(*world[:3])
    assert len(caught.value._render_traceback_()) <= 3


@pytest.mark.parametrize("blocked", ["wan_runs", "wan_runs/videos", "wan_runs/runs.db"])
def test_a_file_or_folder_in_the_way_is_said(blocked, simulator, tmp_path) -> None:
    place = tmp_path / blocked
    place.parent.mkdir(exist_ok=True)
    if blocked.endswith(".db"):
        place.mkdir()
    else:
        place.write_text("in the way")
    with wan_nb.Session(base_url=simulator.url, api_key=simulator.key) as session, pytest.raises(WanError) as caught:
        session.runs()
    assert len(str(caught.value)) < 400


def test_working_directory_that_goes_while_the_session_is_open(simulator, photos, tmp_path) -> None:
    code = (
        "import os, sys, wan_nb\n"
        "os.mkdir('gone'); os.chdir('gone')\n"
        f"s = wan_nb.Session(base_url={simulator.url!r}, api_key='k', folder={str(tmp_path / 'wan_runs')!r})\n"
        "os.rmdir(os.getcwd())\n"
        f"print(s.submit('a cat', first_frame={str(photos / 'cat.jpg')!r}, duration=2).wait().status, repr(s))\n"
        "try:\n    s.study(name='none').report()\nexcept wan_nb.errors.WanError as error:\n    print(error.message)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120, check=False)
    assert done.stdout.startswith("SUCCEEDED <Session"), done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("value", ["always", "", -1, 0, 21, float("nan"), True, [], [1, 2]])
def test_embed_is_auto_never_or_megabytes(value) -> None:
    import numpy as np

    from wan_nb.settings import Settings

    assert Settings.resolve({}, embed="never").embed == "never"
    assert Settings.resolve({}, embed=1.5).embed == 1.5
    for odd in (value, np.array([value, value], dtype=object)):
        with pytest.raises(InvalidOption):
            Settings.resolve({}, embed=odd)


@pytest.mark.parametrize(
    ("call", "hint"),
    [
        (lambda: wan_nb.study("a cat", "a dog"), r"Several variants are one list: \[a, b\].*name=, seeds="),
        (lambda: wan_nb.submit("a cat", "cat.jpg"), r"by name: .*first_frame="),
        (lambda: wan_nb.compare("a", "b"), "columns="),
        (lambda: wan_nb.session().study("a", "b", "c"), "Several variants"),
    ],
)
def test_too_many_values_are_a_list_or_go_by_name(call, hint) -> None:
    with pytest.raises(InvalidOption, match=r"without a name, not [23]") as refused:
        call()
    assert re.search(hint, refused.value.remedy)
