"""A paid clip on its way to the disk: stalls, ranges, dead links, full disks, folders that cannot be written."""

from __future__ import annotations

import asyncio
import json
import os
import tempfile
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING

import httpx
import pytest
from common import FIELDS, assert_whole, creates, until
from kernels import ended, start_and_tell

import wan_nb
from wan_nb.log.states import Event, Status
from wan_nb.maintenance.doctor import examine

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

PROMPT = "a cat walks"


def recorded(session: wan_nb.Session) -> list[tuple[int, str]]:
    """Status and Content-Range of every answer from now on."""
    seen: list[tuple[int, str]] = []

    async def note(response: httpx.Response) -> None:
        if "dashscope-result" in response.url.path:
            seen.append((response.status_code, response.headers.get("Content-Range", "")))

    session.workspace.account.client._http.event_hooks = {"response": [note]}
    return seen


@pytest.mark.parametrize("stall", [0.0, 600.0], ids=["cut", "stalled"])
def test_a_broken_download_goes_on_where_it_was(session, simulator, cat, stall) -> None:
    seen = recorded(session)
    session.workspace.account.client._http.timeout = httpx.Timeout(0.5, connect=10.0)
    simulator.faults(endpoint="download", truncate=20_000, stall=stall)
    run = session.submit(PROMPT, first_frame=cat, **FIELDS).wait(timeout=120)
    size = run.row.bytes
    assert seen == [(200, ""), (206, f"bytes 20000-{size - 1}/{size}")]
    assert_whole(session, simulator)


def test_a_download_broken_again_and_again_never_starts_over(session, simulator, cat) -> None:
    seen = recorded(session)
    simulator.faults(endpoint="download", truncate=9_000, times=2)
    session.submit(PROMPT, first_frame=cat, **FIELDS).wait(timeout=120)
    offsets = [0, *(int(said.removeprefix("bytes ").partition("-")[0]) for _, said in seen[1:])]
    assert offsets == [9_000 * n for n in range(3)]
    assert_whole(session, simulator)


def test_another_object_under_the_same_link_is_not_mixed_in(session, simulator, cat) -> None:
    """A server that changes the file between two attempts: what was there is thrown away, not continued."""
    simulator.faults(endpoint="download", truncate=20_000)
    real, first = session.workspace.account.client.download, [True]

    async def changing(url, part, **options):
        if not first.pop():
            content = part.read_bytes()
            part.write_bytes(b"\0" * len(content))
            options["etag"] = '"another"'
        first.append(False)
        return await real(url, part, **options)

    session.workspace.account.client.download = changing
    assert session.submit(PROMPT, first_frame=cat, **FIELDS).wait(timeout=120).video
    assert_whole(session, simulator)


def test_a_dead_link_is_renewed_by_one_look(session, simulator, cat) -> None:
    """The link has expired, the task is still known."""
    seen = recorded(session)
    simulator.limits(link_life=0.0)
    real, looks = session.workspace.account.client.get, []

    async def get(task_id):
        looks.append(task_id)
        if looks and session.log.find(status=Status.DOWNLOADING):
            simulator.limits(link_life=3600.0)
        return await real(task_id)

    session.workspace.account.client.get = get
    assert session.submit(PROMPT, first_frame=cat, **FIELDS).wait(timeout=120).video
    assert [status for status, _ in seen] == [403, 200]
    assert_whole(session, simulator)


def test_one_look_that_knows_no_task_does_not_give_up_a_paid_clip(settings, simulator, cat) -> None:
    simulator.faults(endpoint="download", times=-1, status=404)
    with wan_nb.Session(**settings) as session, pytest.raises(wan_nb.errors.DownloadFailed):
        session.submit(PROMPT, first_frame=cat, **FIELDS).wait()
    simulator.clear_faults()
    simulator.faults(endpoint="get", word="UNKNOWN")
    with wan_nb.Session(**settings) as session:
        (run,) = session.resume(wait=True)
        assert run.status is Status.SUCCEEDED
        assert_whole(session, simulator)


class NoLocks:
    """What keeps two sessions of one process from fetching the same clip, taken away."""

    def setdefault(self, key: str, lock: asyncio.Lock) -> asyncio.Lock:
        return lock


def test_two_kernels_that_fetch_one_clip_do_not_write_into_each_others_file(settings, simulator, cat) -> None:
    """One names its file at the very moment at which the other one has just begun to write."""
    simulator.config(run=3600.0)
    first, second = wan_nb.Session(**settings), wan_nb.Session(**settings)
    with first, second:
        first.workspace.loop.shared.downloading = NoLocks()  # two processes share none
        run = first.submit(PROMPT, first_frame=cat, **FIELDS)
        one, other = first.workspace, second.workspace
        committing, named, wrote = asyncio.Event(), asyncio.Event(), threading.Event()
        real, settle = other.account.client.download, one.store.commit

        async def late(url, part, **options):
            await committing.wait()
            part.write_bytes(b"the first bytes")
            wrote.set()
            await named.wait()
            return await real(url, part, **options)

        def commit(part, name):
            one.loop.call(committing.set)
            assert wrote.wait(60)
            path = settle(part, name)
            sizes.append(path.stat().st_size)
            one.loop.call(named.set)
            return path

        sizes: list[int] = []
        other.account.client.download, one.store.commit = late, commit
        (same,) = second.resume()
        simulator.do(run.row.task_id, "finish")
        assert run.wait(timeout=120).video
        assert same.wait(timeout=120).video
        assert sizes == [run.row.bytes]
        # The run has ended with the first file; the other kernel puts its own away a moment later.
        until(lambda: not [*(one.store.root / "videos").glob(".*.part")], "the other one to end")
        assert_whole(first, simulator)
    assert creates(simulator) == (1, 1)


# --- disks


def _limited(settings, cat, told) -> None:
    """A kernel whose files may have 20 kB: what the disk says when it is full."""
    import resource

    with wan_nb.Session(**settings) as session:
        run = session.submit(PROMPT, first_frame=cat, **FIELDS)
        session.store.open()
        resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, resource.getrlimit(resource.RLIMIT_FSIZE)[1]))
        try:
            run.wait()
        except Exception as error:
            told.send((type(error).__name__, str(error)))


def _unwritable(settings, cat, told) -> None:
    """A kernel whose folder of clips became read-only, as a share does."""
    with wan_nb.Session(**settings) as session:
        run = session.submit(PROMPT, first_frame=cat, **FIELDS)
        videos = session.store.root / "videos"
        videos.chmod(0o555)
        if os.geteuid() == 0:
            for path in [session.folder, *session.folder.rglob("*")]:
                if path != videos:
                    os.chown(path, 65534, 65534)
            os.seteuid(65534)  # nothing is read-only for root
        told.send("ready")
        told.recv()
        try:
            run.wait()
        except Exception as error:
            told.send((type(error).__name__, str(error)))


def test_a_full_disk_loses_nothing(settings, simulator, cat) -> None:
    simulator.config(run=1.0)
    child, told = start_and_tell(_limited, {**settings, "log": f"sqlite:///{settings['folder']}/elsewhere.db"}, cat)
    kind, said = told.recv()
    ended(child)
    told.close()
    assert (kind, "File too large" in said or "disk" in said) in {("DownloadFailed", True), ("LogError", True)}, said
    later = {**settings, "log": f"sqlite:///{settings['folder']}/elsewhere.db"}
    with wan_nb.Session(**later) as session:
        assert not list((session.store.root / "videos").iterdir())
        (run,) = session.resume(wait=True)
        assert run.status is Status.SUCCEEDED
        assert_whole(session, simulator)
    assert creates(simulator) == (1, 1)


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A folder that another user gets through to: pytest closes its own ones, also to tests that run beside it."""
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        for above in (folder, *folder.parents):
            if not above.stat().st_mode & 0o001:
                above.chmod(above.stat().st_mode | 0o011)
        yield folder / "wan_runs"


def test_a_folder_that_cannot_be_written_is_said_and_loses_nothing(settings, simulator, cat, open_folder) -> None:
    root, settings = open_folder, {**settings, "folder": open_folder}
    simulator.config(run=3600.0)
    child, told = start_and_tell(_unwritable, settings, cat)
    assert told.recv() == "ready"
    simulator.do(simulator.tasks()[0]["task_id"], "finish")
    told.send("go")
    kind, said = told.recv()
    ended(child)
    told.close()
    assert kind == "DownloadFailed"
    assert "Permission denied" in said
    (root / "videos").chmod(0o755)
    with wan_nb.Session(**settings) as session:
        (run,) = session.resume(wait=True)
        assert run.status is Status.SUCCEEDED
        assert_whole(session, simulator)
    assert creates(simulator) == (1, 1)


def test_a_strip_that_cannot_be_made_does_not_hold_up_the_clip(session, simulator, cat) -> None:
    session.store.open()
    proxies = session.store.root / "proxies"
    proxies.rmdir()
    proxies.write_text("a file where the folder should be")
    real = session.store.open
    session.store.open = lambda: real() if proxies.is_dir() else None
    run = session.submit(PROMPT, first_frame=cat, **FIELDS).wait(timeout=120)
    assert run.status is Status.SUCCEEDED
    assert_whole(session, simulator)


# --- a check never destroys


@pytest.fixture
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """No pauses between two attempts at one download."""
    monkeypatch.setattr("wan_nb.engine.retry.backoff", lambda *_, **__: 0.0)


def serving(session: wan_nb.Session, change: Callable[[bytes], bytes]) -> list[bytes]:
    """Let the service deliver every clip changed, with a length that fits; what came each time."""
    real, came = session.workspace.account.client.download, []

    async def download(url, part, **_options):
        etag = await real(url, part)
        came.append(change(part.read_bytes()))
        part.write_bytes(came[-1])
        return etag

    session.workspace.account.client.download = download
    return came


def trimmed(clip: bytes) -> bytes:
    """The last edit list says a little less than there is, as after a cut in a player."""
    place = clip.rindex(b"elst") + 12
    length = int.from_bytes(clip[place : place + 4], "big")
    return clip[:place] + (length - 50).to_bytes(4, "big") + clip[place + 4 :]


def unknown_pictures(clip: bytes) -> bytes:
    return clip.replace(b"avc1", b"zzz1")


def test_a_clip_that_its_edit_list_trims_is_a_whole_clip(session, simulator, cat) -> None:
    came = serving(session, trimmed)
    run = session.submit(PROMPT, first_frame=cat, **FIELDS).wait(timeout=120)
    assert (run.status, run.row.error_code, run.row.error_message) == (Status.SUCCEEDED, None, None)
    assert [run.video.read_bytes()] == came


def test_a_paid_clip_that_cannot_be_checked_is_kept_and_said(session, simulator, cat, at_once) -> None:
    came = serving(session, unknown_pictures)
    run = session.submit(PROMPT, first_frame=cat, **FIELDS).wait(timeout=120)
    assert run.status is Status.SUCCEEDED
    assert run.error is None
    assert len(came) == 2, "a second look at what came, and no more"
    assert run.video.read_bytes() == came[0]
    assert (run.row.bytes, run.row.width, run.row.has_audio) == (len(came[0]), None, None)
    said = "Kept as it was delivered, but not checked: the clip has video of a kind that nothing here can decode."
    bundle = run._repr_mimebundle_()
    assert said in bundle["text/plain"]
    assert said in bundle["text/html"]
    assert "<video" in bundle["text/html"], "the browser may play what this machine cannot"
    assert "nothing here can decode" in json.loads(run.video.with_suffix(".json").read_text())["unchecked"]
    (note,) = [finding for finding in examine(session.workspace) if "could not be checked" in finding.said]
    assert run.id[:8] in note.said
    assert session.submit(PROMPT, first_frame=cat, **FIELDS).reused
    assert session.runs().loc[run.id, "error_code"] == "Unchecked"
    assert creates(simulator) == (1, 1)


def test_a_kept_clip_is_not_given_up_after_a_crash(settings, simulator, cat, at_once) -> None:
    """It has its name, and the kernel ends before the log knows; then the link is dead and the task forgotten."""
    with wan_nb.Session(**settings) as session:
        serving(session, unknown_pictures)
        run = session.submit(PROMPT, first_frame=cat, **FIELDS)
        real = session.workspace.account.write

        async def write(run_id, event=None, **facts):
            if event is Event.FETCHED:
                raise OSError("the kernel ends here")
            return await real(run_id, event, **facts)

        session.workspace.account.write = write
        with pytest.raises(wan_nb.errors.WanError, match="ends here"):
            run.wait(timeout=120)
        clip = session.store.path(session.store.name(run.id)).read_bytes()
    simulator.clock(25 * 3600.0)
    with wan_nb.Session(**settings) as session:
        (run,) = session.resume(wait=True)
        assert (run.status, run.row.error_code) == (Status.SUCCEEDED, "Unchecked")
        assert run.video.read_bytes() == clip


@pytest.mark.parametrize("later", ["whole", "forgotten"])
def test_a_clip_that_always_comes_cut_off_is_said_and_never_thrown_away(
    settings, simulator, cat, later, at_once
) -> None:
    """Its length is as stated. While the link lives a whole one may still come; after that, what came is the clip."""
    simulator.faults(endpoint="download", truncate=0.7, short=True, times=-1)
    with wan_nb.Session(**settings) as session:
        run = session.submit(PROMPT, first_frame=cat, **FIELDS)
        with pytest.raises(wan_nb.errors.DownloadFailed, match="the file is cut off: its mdat box"):
            run.wait(timeout=120)
        assert run.status is Status.DOWNLOADING
        whole = (simulator.state / "clips" / f"{run.row.task_id}.mp4").read_bytes()
    simulator.clear_faults()
    if later == "forgotten":
        simulator.clock(25 * 3600.0)
    with wan_nb.Session(**settings) as session:
        session.workspace.account.watcher._clock = lambda: time.time() + (25 * 3600.0 if later == "forgotten" else 0.0)
        (run,) = session.resume(wait=True)
        assert run.status is Status.SUCCEEDED
        if later == "whole":
            assert_whole(session, simulator)
        else:
            part = run.video.read_bytes()
            assert whole.startswith(part)
            assert len(part) == int(len(whole) * 0.7)
            assert "cut off" in run.row.error_message
        assert sorted(path.name for path in run.video.parent.iterdir()) == [f"{run.id}.json", f"{run.id}.mp4"]
    assert creates(simulator) == (1, 1)


def test_what_is_no_film_is_never_kept(session, simulator, cat, at_once) -> None:
    serving(session, lambda clip: b"\0" * len(clip))
    with pytest.raises(wan_nb.errors.DownloadFailed, match="no whole clip"):
        session.submit(PROMPT, first_frame=cat, **FIELDS).wait(timeout=120)
    assert not list((session.store.root / "videos").iterdir())
