"""The clock, judged by the frames that are on the screen: no test here depends on how fast this machine is."""

from __future__ import annotations

from typing import Any

import pytest

TWO = '["clip0.mp4", 24], ["clip1.mp4", 24]'


def test_a_seek_shows_the_same_frame_everywhere(stage: Any) -> None:
    stage.evaluate(f"open_({TWO})")
    for frame in (0, 1, 30, 47, 12, 71):
        stage.evaluate("time => transport.seek(time)", (frame + 0.5) / 24)
        assert stage.evaluate("frame => shows(frame, frame)", frame) == [frame, frame]


def test_steps_go_frame_by_frame_and_stop_at_the_ends(stage: Any) -> None:
    stage.evaluate(f"open_({TWO})")
    stage.evaluate("transport.seek(1)")
    assert stage.evaluate("shows(24, 24)") == [24, 24]
    for expected, step in ((25, 1), (26, 1), (25, -1)):
        stage.evaluate("step => transport.step(step)", step)
        assert stage.evaluate("frame => shows(frame, frame)", expected) == [expected, expected]
    stage.evaluate("transport.seek(0).then(() => transport.step(-1))")
    assert stage.evaluate("shows(0, 0)") == [0, 0]
    stage.evaluate("transport.seek(Infinity)")
    assert stage.evaluate("shows(71, 71)") == [71, 71]


def test_a_shorter_clip_of_another_rate_stays_on_its_last_frame(stage: Any) -> None:
    stage.evaluate('open_(["clip0.mp4", 24], ["short.mp4", 30])')
    stage.evaluate("transport.seek(1)")
    assert stage.evaluate("shows(24, 30)") == [24, 30]
    stage.evaluate("transport.seek(2.5)")
    assert stage.evaluate("shows(60, 59)") == [60, 59]
    assert stage.evaluate("transport.span") == pytest.approx(3, abs=0.05)


def test_many_wishes_at_once_end_at_the_last(stage: Any) -> None:
    stage.evaluate(f"open_({TWO})")
    stage.evaluate("for (let i = 0; i < 40; i += 1) transport.seek((i * 7 % 70 + .5) / 24); transport.seek(20.5 / 24)")
    assert stage.evaluate("shows(20, 20)") == [20, 20]


def test_pausing_shows_one_frame_in_all_and_nothing_sought_while_it_played(stage: Any) -> None:
    stage.evaluate(f"open_({TWO})")
    stage.evaluate("soughtWhilePlaying = 0; transport.play()")
    stage.evaluate("until(() => transport.time > 0.5)")
    stage.evaluate("transport.pause()")
    first, second = stage.evaluate("agree()")
    assert first == second > 5
    assert stage.evaluate("soughtWhilePlaying") == 0


def test_a_clock_that_stops_just_where_it_should_is_sought_all_the_same(stage: Any) -> None:
    """The picture of a busy machine lags behind its clock: only a seek brings it there."""
    stage.evaluate('open_(["clip0.mp4", 24])')
    stage.evaluate("transport.play(); until(() => transport.time > 0.5)")
    stage.evaluate("""
      const [track] = tracks;
      track.media.pause();
      const now = track.media.currentTime;
      track.fps = (Math.floor(now * 24) + 0.5) / now;
      sought = 0;
      transport.pause();
    """)
    assert stage.evaluate("until(() => transport.settled).then(() => sought)") == 1


def test_a_clip_that_starts_late_is_waited_for(stage: Any) -> None:
    """The one that runs is held within a frame of the other, and goes on once that one has come."""
    stage.evaluate(f"open_({TWO})")
    stage.evaluate("""
      const { media } = tracks[1];
      const play = media.play.bind(media);
      media.play = () => new Promise((done) => { window.letGo = () => { media.play = play; play().then(done); }; });
      transport.play();
    """)
    stage.evaluate("until(() => transport.holds > 0 && tracks[0].media.paused)")
    ahead, behind = stage.evaluate("pause(100).then(shown)")
    assert behind == 0
    assert ahead <= 1
    stage.evaluate("soughtWhilePlaying = 0; letGo()")
    stage.evaluate("until(() => transport.time > 0.6)")
    assert stage.evaluate("tracks.map(({ media }) => media.paused)") == [False, False]
    assert stage.evaluate("soughtWhilePlaying") == 0


def test_it_loops_all_from_the_same_moment(stage: Any) -> None:
    stage.evaluate(f"open_({TWO})")
    stage.evaluate("Object.assign(transport, { from: 1, to: 1.4 }); transport.seek(1.2).then(() => transport.play())")
    stage.evaluate("until(() => transport.time > 1.3)")
    stage.evaluate("until(() => transport.time < 1.2)")
    assert stage.evaluate("transport.playing")
    stage.evaluate("transport.pause()")
    first, second = stage.evaluate("agree()")
    assert first == second
    assert 24 <= first <= 34


def test_without_a_loop_it_ends_on_the_last_frames_and_play_begins_anew(stage: Any) -> None:
    stage.evaluate('open_(["clip0.mp4", 24], ["short.mp4", 30])')
    stage.evaluate("transport.loop = false; transport.seek(2.7).then(() => transport.play())")
    stage.evaluate("until(() => !transport.playing && transport.settled)")
    assert stage.evaluate("shows(71, 59)") == [71, 59]
    stage.evaluate("transport.play()")
    stage.evaluate("until(() => transport.time > 0.1 && transport.time < 1)")


def test_one_that_stalls_brings_all_back_to_the_gate(stage: Any) -> None:
    stage.evaluate(f"open_({TWO})")
    stage.evaluate("transport.play(); until(() => transport.time > 0.3)")
    stall = "tracks[1].media.dispatchEvent(new Event('waiting'))"
    assert stage.evaluate(f"{stall}, tracks.every(({{ media }}) => media.paused)")
    stage.evaluate("until(() => transport.time > 0.7)")
    assert stage.evaluate("transport.playing")


def test_one_that_is_paused_from_outside_pauses_all(stage: Any) -> None:
    stage.evaluate(f"open_({TWO})")
    stage.evaluate("transport.play(); until(() => transport.time > 0.3)")
    stage.evaluate("tracks[1].media.pause()")
    stage.evaluate("until(() => !transport.playing && transport.settled)")
    first, second = stage.evaluate("agree()")
    assert first == second


def test_one_that_breaks_leaves_the_others_playing(stage: Any) -> None:
    stage.evaluate('open_(["clip0.mp4", 24], ["../index.html", 24])')
    stage.evaluate("until(() => tracks[1].media.error)")
    stage.evaluate("transport.play(); until(() => transport.time > 0.3)")
    assert stage.evaluate("transport.playing")


def test_letting_go_stops_everything(stage: Any) -> None:
    stage.evaluate(f"open_({TWO})")
    stage.evaluate("transport.play(); until(() => transport.time > 0.2)")
    stage.evaluate("stop.abort()")
    assert stage.evaluate("tracks.every(({ media }) => media.paused)")
