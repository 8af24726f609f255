"""The DataFrame: its columns are a contract."""

import re
from datetime import UTC, datetime, timedelta

import pandas as pd
import pytest
from log_kit import START, Clock, in_state, intent

from wan_nb.errors import InvalidOption
from wan_nb.log.runlog import COLUMNS, RunLog
from wan_nb.log.states import Status

pytest_plugins = ["fixtures_log"]

# Typed by hand from the design, in its order.
PROMISED = re.findall(
    r"\w+",
    """
    study variant block prompt negative_prompt model resolution duration seed prompt_extend watermark first_frame
    last_frame driving_audio first_clip status service_status error_code error_message task_id request_id service
    simulated created_at submitted_at started_at ended_at queue_s run_s billed_s cost currency video video_sha256 bytes
    width height fps has_audio rating note tags attempt fingerprint version
    take user task ratio references source_video input_s
    """,
)

TYPES = {
    "Int64": {"duration", "seed", "bytes", "width", "height", "rating", "attempt", "take"},
    "Float64": {"queue_s", "run_s", "billed_s", "cost", "fps", "input_s"},
    "boolean": {"prompt_extend", "watermark", "simulated", "has_audio"},
    "datetime64[ns, UTC]": {"created_at", "submitted_at", "started_at", "ended_at"},
    "category": {"status"},
}

FULL = {
    "take": 3, "user": "Ada", "task": "video edit", "ratio": "16:9", "references": "a.png, b.mp4", "input_s": 2.5,
    "source_video": "e.mp4",
    "study": "walk", "variant": "calm", "block": "b", "negative_prompt": "blur", "resolution": "720P", "duration": 5,
    "seed": 2**31 - 1, "prompt_extend": False, "watermark": True, "first_frame": "猫.jpg", "last_frame": "b.jpg",
    "driving_audio": "c.mp3", "first_clip": "d.mp4", "service_status": "SUCCEEDED", "error_code": "E", "task_id": "t1",
    "error_message": "m", "request_id": "r", "service": "beijing", "simulated": True, "queue_s": 1.5, "run_s": 61.25,
    "billed_s": 5.0, "cost": 3.0, "currency": "CNY", "video": "videos/a.mp4", "video_sha256": "00", "bytes": 2**40,
    "width": 1280, "height": 720, "fps": 24.0, "has_audio": True, "rating": 4, "note": "good", "tags": ("keep", "b c"),
    "submitted_at": START + timedelta(microseconds=1), "started_at": datetime(1969, 1, 1, tzinfo=UTC),
    "ended_at": datetime(2261, 1, 1, tzinfo=UTC), "version": "9.9",
}  # fmt: skip


def test_the_columns_are_those_of_the_design(log: RunLog):
    frame = log.to_frame()
    assert list(frame.columns) == PROMISED == list(COLUMNS)
    assert frame.index.name == "run_id"
    kinds = {name: next((kind for kind, names in TYPES.items() if name in names), "string") for name in PROMISED}
    assert {name: str(dtype) for name, dtype in frame.dtypes.items()} == kinds


def test_an_empty_frame_is_typed_as_a_full_one(log: RunLog):
    empty = log.to_frame()
    row, _ = log.reserve(intent(**FULL))
    full = log.to_frame()
    pd.testing.assert_series_equal(full.dtypes, empty.dtypes)
    assert full.index.dtype == empty.index.dtype
    bare = log.to_frame([log.reserve({"fingerprint": "bare"})[0]])
    pd.testing.assert_series_equal(bare.dtypes, empty.dtypes)
    pd.testing.assert_frame_equal(empty, log.to_frame([]))
    assert list(pd.concat([empty, full, bare]).dtypes) == list(empty.dtypes)
    assert row.run_id in full.index


def test_every_value_arrives(log: RunLog):
    row, _ = log.reserve(intent(**FULL))
    frame = log.to_frame()
    shown = frame.loc[row.run_id].to_dict()
    assert shown == {name: getattr(row, name) for name in PROMISED} | {"tags": "keep, b c"}
    assert not frame.isna().any(axis=None)


def test_what_is_not_known_is_missing(log: RunLog):
    log.reserve({"fingerprint": "f"})
    frame = log.to_frame()
    known = {"status", "simulated", "created_at", "attempt", "fingerprint", "version", "take"}
    assert set(frame.columns[frame.notna().all()]) == known


def test_rows_and_filters_make_the_same_frame(log: RunLog, clock: Clock):
    for number, status in enumerate(Status):
        in_state(log, status, str(status), seed=number, tags=["x"] * (number % 2))
        clock.pass_(seconds=1)
    log.reserve(intent(**FULL))
    pd.testing.assert_frame_equal(log.to_frame(log.find(tags="x")), log.to_frame(tags="x"))
    pd.testing.assert_frame_equal(log.to_frame(log.find(limit=3)), log.to_frame(limit=3))
    pd.testing.assert_frame_equal(log.to_frame(log.find()), log.to_frame())


def test_status_has_its_nine_categories_always(log: RunLog):
    in_state(log, Status.PENDING)
    assert list(log.to_frame().status.cat.categories) == list(Status)
    assert list(log.to_frame(study="none").status.cat.categories) == list(Status)


def test_chosen_columns_and_more_of_them(log: RunLog):
    one, two = in_state(log, Status.PENDING, "1"), in_state(log, Status.PENDING, "2")
    extra = {"sharpness": {one: 0.5, "gone": 1.0}, "motion": {}}
    for rows in (None, log.find()):
        frame = log.to_frame(rows, columns=["cost", "status"], extra=extra)
        assert list(frame.columns) == ["cost", "status", "sharpness", "motion"]
        assert str(frame.dtypes["motion"]) == str(frame.dtypes["sharpness"]) == "Float64"
        assert frame.loc[one, "sharpness"] == 0.5
        assert frame.loc[two, "sharpness"] is pd.NA
    with pytest.raises(InvalidOption, match=r"no column 'staus'.*\nDid you mean status"):
        log.to_frame(columns=["staus"])
    for internal in ("request", "owner", "posted_at", "identity", "skew", "guessed", "receipt"):
        with pytest.raises(InvalidOption):
            log.to_frame(columns=[internal])
