"""A media folder that was moved or is not mounted: nothing is bought again, nothing is called lost."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING, Any

import pytest

from wan_nb.errors import LogError, NotFound
from wan_nb.handles.session import Session

if TYPE_CHECKING:
    from pathlib import Path


def session(simulator: Any, tmp_path: Path, media: str = "media") -> Session:
    places = {"folder": tmp_path / "own", "log": tmp_path / "runs.db", "media": tmp_path / media}
    return Session(base_url=simulator.url, api_key=simulator.key, gap=0.02, **places)


def submit(at: Session, photos: Path, prompt: str = "a cat") -> Any:
    return at.submit(prompt, first_frame=photos / "cat.jpg", duration=2)


def test_a_folder_that_is_gone_buys_nothing_and_loses_nothing(simulator, tmp_path, photos) -> None:
    media = tmp_path / "media"
    with session(simulator, tmp_path) as first:
        run = submit(first, photos).wait()
        assert run.id in (media / ".wan-media").read_text()
    made = simulator.counters()["creates_received"]
    media.rename(tmp_path / "moved")
    for left in (None, media):  # not there at all, and the empty place of a mount
        if left:
            left.mkdir()
        with session(simulator, tmp_path) as later:
            for prompt in ("a cat", "another cat"):
                with pytest.raises(LogError, match=r"was moved, or is not mounted\. Nothing was bought") as caught:
                    submit(later, photos, prompt)
                assert "WAN_NB_MEDIA" in str(caught.value)
            clips = [finding for finding in later.doctor() if finding.subject == "clips"]
            assert ["not mounted" in finding.said for finding in clips] == [True]
            assert "again" not in clips[0].remedy
            assert later.run(run.id).row.cost
        assert not (left and list(left.iterdir())), "nothing is put into the place of a mount"
    media.rmdir()
    with session(simulator, tmp_path, "moved") as there:  # its new place, or mounted again
        assert submit(there, photos) == run
        assert [finding.level for finding in there.doctor() if finding.subject == "clips"] == ["good"]
    assert simulator.counters()["creates_received"] == made


def test_a_folder_that_goes_while_a_session_is_open(simulator, tmp_path, photos) -> None:
    with session(simulator, tmp_path) as at:
        submit(at, photos).wait()
        (tmp_path / "media").rename(tmp_path / "moved")
        with pytest.raises(LogError, match="not mounted"):
            submit(at, photos, "another cat")


def test_clips_that_were_deleted_are_lost_and_said_so(simulator, tmp_path, photos) -> None:
    with session(simulator, tmp_path) as at:
        run = submit(at, photos).wait()
        shutil.rmtree(tmp_path / "media/videos")
        with pytest.raises(NotFound, match="its file is gone"):
            submit(at, photos)
        assert [finding.level for finding in at.doctor() if finding.subject == "clips"] == ["bad"]
        assert submit(at, photos, "another cat").wait().video
        assert at.run(run.id).video is None


def test_the_folder_of_another_log_is_not_this_ones(simulator, tmp_path, photos) -> None:
    with session(simulator, tmp_path) as at:
        submit(at, photos).wait()
    other = {"folder": tmp_path / "other", "log": tmp_path / "other.db", "media": tmp_path / "media"}
    with Session(base_url=simulator.url, api_key=simulator.key, gap=0.02, **other) as two:
        submit(two, photos, "one for both").wait()  # one folder for two logs
        assert len((tmp_path / "media/.wan-media").read_text().split()) == 2
    (tmp_path / "fresh").mkdir()
    (tmp_path / "fresh/.wan-media").write_text("0123456789ab\n")
    with session(simulator, tmp_path, "fresh") as at, pytest.raises(LogError, match="not mounted"):
        submit(at, photos)


def test_an_empty_marker_says_that_the_clips_are_gone_for_good(simulator, tmp_path, photos) -> None:
    with session(simulator, tmp_path) as at:
        submit(at, photos).wait()
    (tmp_path / "new").mkdir()
    (tmp_path / "new/.wan-media").touch()
    with session(simulator, tmp_path, "new") as at:
        assert submit(at, photos, "another cat").wait().video


def test_a_folder_from_before_gets_its_marker_when_it_is_opened(simulator, tmp_path, photos) -> None:
    with session(simulator, tmp_path) as at:
        submit(at, photos).wait()
    (tmp_path / "media/.wan-media").unlink()
    with session(simulator, tmp_path) as at:
        assert at.log.count() == 1
        assert (tmp_path / "media/.wan-media").exists()
