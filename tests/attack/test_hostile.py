"""Text from outside, through a real session: prompts, names, remarks, what the service says, names of files."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest
from common import FIELDS, assert_whole

import wan_nb
from wan_nb.errors import WanError

EVIL = {
    "markup": "<script>alert(1)</script><img src=x onerror=alert(1)>",
    "terminal": "\x1b[2J\x1b]0;owned\x07\x1b[31mred\x9b31m",
    "bidi": "\u202etxt.exe\u2066\u2069\u200f",
    "nul": "a\x00b",
    "path": "../../../../etc/passwd",
    "device": "CON.mp4 NUL COM1: aux",
    "sql": "'; DROP TABLE runs; --",
    "format": "{0} %s {{name}} ${HOME} `id` $(id)",
    "lone": "\ud83d half a pair",
    "lines": "one\r\ntwo\n---\nthree\u2028four",
}
CONTROLS = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")


def shown(error: BaseException) -> str:
    """An error as a notebook shows it."""
    return "\n".join(error._render_traceback_())


@pytest.mark.parametrize("name", ["lone", "nul"])
def test_what_cannot_be_sent_is_refused_before_anything_is(session, simulator, cat, name) -> None:
    with pytest.raises(WanError) as caught:
        session.submit(EVIL[name], first_frame=cat, **FIELDS)
    assert not re.search("[\x00\ud800-\udfff]", shown(caught.value))
    assert simulator.counters()["creates_received"] == 0
    assert session.log.find() == []


@pytest.mark.parametrize("name", [name for name in EVIL if name not in {"lone", "nul"}])
def test_a_prompt_arrives_comes_back_and_is_shown_as_text(session, simulator, cat, tmp_path, name) -> None:
    evil = EVIL[name]
    run = session.submit(evil, first_frame=cat, name=evil[:40], tags=[evil], **FIELDS)
    run.wait().note(evil)
    sent = simulator.tasks()[0]["body"]["input"]["prompt"]
    assert sent == run.row.prompt == evil
    assert list(session.runs()["prompt"]) == [evil]
    bundle = run._repr_mimebundle_()
    assert not CONTROLS.search(bundle["text/plain"].replace("\n", ""))
    assert not CONTROLS.search(repr(run))
    assert "<script" not in bundle["text/html"]
    assert "<img src=x" not in bundle["text/html"]
    assert_whole(session, simulator)
    outside = {path.name for path in tmp_path.iterdir()}
    assert outside == {"wan_runs"}


@pytest.mark.parametrize("name", [name for name in EVIL if name != "lone"])
def test_what_the_service_says_is_text(session, simulator, cat, name) -> None:
    """In refusals, in failures, in codes and in words of state."""
    evil = EVIL[name]
    simulator.faults(endpoint="create", status=400, code=evil, message=evil)
    with pytest.raises(WanError) as caught:
        session.submit("a cat walks", first_frame=cat, **FIELDS)
    assert not CONTROLS.search(shown(caught.value)), shown(caught.value)
    assert len(shown(caught.value).splitlines()) <= 3
    simulator.faults(endpoint="create", fail={"code": evil, "message": evil})
    run = session.submit("a cat walks", first_frame=cat, **FIELDS)
    with pytest.raises(WanError) as caught:
        run.wait()
    assert not CONTROLS.search(shown(caught.value)), shown(caught.value)
    bundle = run._repr_mimebundle_()
    assert "<script" not in bundle["text/html"]
    assert not CONTROLS.search(bundle["text/plain"].replace("\n", ""))


def test_a_megabyte_of_message_is_cut(session, simulator, cat) -> None:
    simulator.faults(endpoint="create", status=400, code="X" * 1_000_000, message="long " * 200_000)
    with pytest.raises(WanError) as caught:
        session.submit("a cat walks", first_frame=cat, **FIELDS)
    assert len(shown(caught.value)) < 3_000
    row = session.log.find()[0]
    assert len(row.error_message) < 3_000
    with pytest.raises(WanError, match="5,000"):
        session.submit("long " * 200_000, first_frame=cat, **FIELDS)


@pytest.mark.parametrize(
    "name", ["<img src=x onerror=alert(1)>.jpg", "a\x1b[31mb.jpg", "\u202egpj.exe", "-rf.jpg", "a\nb.jpg", "%00..jpg"]
)
def test_names_of_files_are_text_and_become_no_names_of_ours(session, simulator, cat, tmp_path, name) -> None:
    frame = tmp_path / name
    shutil.copy(cat, frame)
    run = session.submit("a cat walks", first_frame=frame, **FIELDS).wait()
    bundle = run._repr_mimebundle_()
    assert "<img src=x" not in bundle["text/html"]
    assert not CONTROLS.search(bundle["text/plain"].replace("\n", ""))
    assert_whole(session, simulator)
    frame.write_bytes(b"no picture")
    with pytest.raises(WanError) as caught:
        session.submit("a cat runs", first_frame=frame, **FIELDS)
    assert not CONTROLS.search(shown(caught.value)), shown(caught.value)


@pytest.mark.parametrize("task_id", ["../../../x", "a/../../b", "con", "\x00", "é" * 300, "?x=1", "#", ""])
def test_ids_that_a_person_types_are_no_paths(session, simulator, task_id) -> None:
    with pytest.raises(WanError) as caught:
        session.adopt(task_id)
    assert not CONTROLS.search(shown(caught.value)), shown(caught.value)
    with pytest.raises(WanError) as caught:
        session.run(task_id)
    assert not CONTROLS.search(shown(caught.value)), shown(caught.value)


def test_a_task_id_of_the_service_is_no_path(session, simulator, cat) -> None:
    simulator.faults(endpoint="create", patch={"output": {"task_id": "../../etc/passwd"}})
    with pytest.raises(WanError):
        session.submit("a cat walks", first_frame=cat, **FIELDS).wait(timeout=0.5)
    assert not list(Path(session.folder).rglob("passwd*"))


@pytest.mark.parametrize("kind", [wan_nb.errors.WanError, wan_nb.errors.Detached])
def test_a_traceback_has_no_controls(kind) -> None:
    for evil in EVIL.values():
        assert not CONTROLS.search(shown(kind(evil)))
