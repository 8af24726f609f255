"""What is looked at of clips later is made once, in one pass each, and what is made is kept."""

from __future__ import annotations

import _thread
import hashlib
import shutil
import threading
import time
from typing import TYPE_CHECKING

import media_files as make
import pytest

import wan_nb
from wan_nb.engine import all_cores
from wan_nb.errors import Detached
from wan_nb.log.row import Row
from wan_nb.log.states import Status
from wan_nb.media import video
from wan_nb.studies import prepared
from wan_nb.studies.measures.measures import MEASURE_VERSION, MEASURES, measure
from wan_nb.studies.prepared import look_through, prepare

if TYPE_CHECKING:
    from wan_nb.engine.loop import Worker


@pytest.fixture(scope="module")
def file(tmp_path_factory):
    return make.clip(tmp_path_factory.mktemp("clips") / "a.mp4", 1)


def put(workspace, number, file) -> Row:
    """A run with a clip of its own content."""
    name = f"videos/{number:012x}.mp4"
    path = workspace.store.root / name
    shutil.copyfile(file, path)
    with path.open("ab") as more:
        more.write((8 + number).to_bytes(4, "big") + b"free" + bytes(number))
    sha256 = hashlib.sha256(path.read_bytes()).hexdigest()
    return Row(f"{number:012x}", status=Status.SUCCEEDED, video=name, video_sha256=sha256, has_audio=True)


def made_of(workspace) -> dict[str, int]:
    """Files that are made of clips, with the moment."""
    return {path.name: path.stat().st_mtime_ns for path in (workspace.store.root / "proxies").iterdir()}


def test_everything_comes_of_one_decoding_and_only_once(workspace, file, monkeypatch) -> None:
    rows, decoded = [put(workspace, number, file) for number in range(3)], []
    upright = video.Upright.__call__
    monkeypatch.setattr(video.Upright, "__call__", lambda self, frame: decoded.append(1) or upright(self, frame))
    numbers = prepare(workspace, [*rows, *rows], light=True)
    assert len(decoded) == 3 * 24
    assert set(numbers) == {row.video_sha256 for row in rows}
    assert numbers[rows[0].video_sha256] == measure(workspace.video(rows[0]))
    assert (
        workspace.log.measures([rows[1].video_sha256], MEASURE_VERSION)[rows[1].video_sha256].keys() == MEASURES.keys()
    )
    there = made_of(workspace)
    assert sorted(there) == sorted(
        f"{row.video_sha256}.{what}" for row in rows for what in ("960g10.mp4", "sound.m4a", "strip.jpg")
    )
    decoded.clear()
    assert prepare(workspace, rows, light=True) == numbers
    for row in rows:
        workspace.strip(row), workspace.light(row)
    assert decoded == []
    assert made_of(workspace) == there


def test_a_clip_that_does_not_play_is_left_out(workspace, file) -> None:
    good, bad = put(workspace, 1, file), put(workspace, 2, file)
    workspace.video(bad).write_bytes(b"no clip")
    assert set(prepare(workspace, [good, bad], light=True)) == {good.video_sha256}
    assert len(made_of(workspace)) == 3


def test_an_interrupt_keeps_what_is_done_and_the_next_call_does_the_rest(workspace, file, capsys, monkeypatch) -> None:
    rows = [put(workspace, number, file) for number in range(10)]
    made, two = [], threading.Event()

    def until_two_are_done(*args, between, **kwargs):
        while two.is_set():  # no further one is begun before the interrupt, however late that comes
            between()
            time.sleep(0.002)
        made.append(look_through(*args, between=between, **kwargs))
        if len(made) >= 2:
            two.set()
        return made[-1]

    def stop() -> None:
        assert two.wait(60)
        _thread.interrupt_main()

    watching = threading.Thread(target=stop)
    with monkeypatch.context() as patch:
        patch.setattr(prepared, "look_through", until_two_are_done)
        watching.start()
        with pytest.raises(Detached, match=r"Stopped: \d+ of 10 are done and kept\. The same call does the rest\."):
            prepare(workspace, rows, light=True)
        watching.join()
    done = made_of(workspace)
    assert 6 <= len(done) < 30
    assert not [name for name in done if name.startswith(".")]
    assert len(prepare(workspace, rows, light=True)) == 10
    after = made_of(workspace)
    assert len(after) == 30
    assert done.items() <= after.items()


def test_work_on_all_cores_ends_where_one_of_it_fails() -> None:
    begun, done = [], []

    def work(number, between) -> None:
        begun.append(number)
        if number == 3:
            raise ValueError(number)
        while number > 3:
            between()

    with pytest.raises(ValueError, match="3"):
        all_cores.on_all_cores(work, range(1000), done.append)
    assert len(begun) < 1000
    for each in threading.enumerate():
        if each.name.startswith("wan_nb-core"):
            each.join(60)
            assert not each.is_alive()


async def _endless(worker: Worker) -> None:
    def work() -> None:
        while True:
            worker.between()

    await worker.do(work)


def test_a_clip_is_looked_through_once_it_has_come(simulator, tmp_path, monkeypatch) -> None:
    monkeypatch.setenv("WAN_NB_PREPARE", "1")
    with wan_nb.Session(base_url=simulator.url, api_key=simulator.key, folder=tmp_path / "own", gap=0.02) as session:
        run = session.submit("a cat walks", duration=2).wait()
        row, workspace = run.row, session.workspace
        while not workspace.log.measures([row.video_sha256], MEASURE_VERSION):
            time.sleep(0.01)
        names = {
            path.name.partition(".")[2] for path in (workspace.store.root / "proxies").glob(f"{row.video_sha256}*")
        }
        assert names >= {"960g10.mp4", "strip.jpg"}


def test_only_a_clip_that_has_come_is_looked_through(session) -> None:
    """What a person says of a clip, or who asks for it again, begins no work."""
    told = []
    session.workspace.runner.arrived = told.append
    run = session.submit("a cat walks", duration=2).wait()
    run.rate(4)
    run.tag("glow")
    session.submit("a cat walks", duration=2).wait()
    assert [(row.run_id, row.status, bool(row.video_sha256)) for row in told] == [(run.id, "SUCCEEDED", True)]


def test_closing_does_not_wait_for_what_is_looked_through(session) -> None:
    runner = session.workspace.runner
    working = session.workspace.loop.start(_endless(runner.background))
    while not any(each.name == "wan_nb-background" for each in threading.enumerate()):
        time.sleep(0.01)
    session.close()
    assert working.done() or working.cancel()
    assert not [each for each in threading.enumerate() if each.name == "wan_nb-background"]
