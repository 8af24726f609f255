"""No message repeats more than a line of what it was given, wherever it was given."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Any

import pytest

import wan_nb
from wan_nb.arguments import shown
from wan_nb.errors import WanError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

LONG = base64.b64encode(bytes(range(256)) * 8000).decode()
LINE = 300
"""Characters: a line of what was given, and what is said about it."""


@pytest.fixture(scope="module")
def session(photos: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[wan_nb.Session]:
    folder = tmp_path_factory.mktemp("messages")
    with wan_nb.Session(base_url="http://127.0.0.1:9/api/v1", api_key="k", folder=folder) as opened:
        opened.cat = str(photos / "cat.jpg")  # type: ignore[attr-defined]
        yield opened


GIVEN: dict[str, Callable[[Any], Any]] = {
    "base64 as a picture": lambda s: s.request("x", first_frame=LONG),
    "base64 of a JPEG, which looks like a path": lambda s: s.request("x", first_frame="/9j/" + LONG),
    "a little base64 as a picture": lambda s: s.request("x", first_frame=LONG[:3000]),
    "folders without end": lambda s: s.request("x", first_frame="/a" * 1500),
    "a data URI that is none": lambda s: s.request("x", first_frame=f"data:image/png;base64,!{LONG}"),
    "a URL that is none": lambda s: s.request("x", first_frame="https:///" + LONG),
    "a sound": lambda s: s.request("x", first_frame=s.cat, driving_audio=LONG),
    "an object": lambda s: s.request("x", first_frame=[LONG]),
    "a prompt": lambda s: s.request(LONG, first_frame=s.cat),
    "a field": lambda s: s.request("x", first_frame=s.cat, **{LONG: 1}),
    "a tier": lambda s: s.request("x", first_frame=s.cat, resolution=LONG),
    "a length": lambda s: s.request("x", first_frame=s.cat, duration=LONG),
    "a length of many digits": lambda s: s.request("x", first_frame=s.cat, duration=10**5000),
    "a switch": lambda s: s.request("x", first_frame=s.cat, watermark=LONG),
    "a run": lambda s: s.run(LONG),
    "a run of hex": lambda s: s.run("0" * 100_000),
    "a study": lambda s: s.study(name=LONG),
    "a variant": lambda s: s.study({LONG: ""}, name="n", first_frame=s.cat),
    "two variants": lambda s: s.study({LONG: "a", LONG + " ": "a"}, name="n", first_frame=s.cat, seeds=[1]),
    "an axis": lambda s: s.study("x", name="n", first_frame=s.cat, vary={LONG: [1]}),
    "an axis without values": lambda s: s.study("x", name="n", first_frame=s.cat, vary={LONG: []}),
    "a filter": lambda s: s.log.find(**{LONG: 1}),
    "a status": lambda s: s.log.find(status=LONG),
    "a time": lambda s: s.log.find(since=LONG),
    "a service": lambda s: wan_nb.Session(LONG).place,
    "a setting": lambda s: wan_nb.Session(**{LONG: 1}),
}


@pytest.mark.parametrize("given", GIVEN)
def test_a_message_repeats_no_more_than_a_line(session, given) -> None:
    with pytest.raises(WanError) as caught:
        GIVEN[given](session)
    error = caught.value
    assert len(error.message) <= LINE, error.message[:400]
    assert LONG[:100] not in error.remedy
    assert len(error.remedy) <= 1000


def test_a_prompt_as_long_as_can_be_is_named_by_its_length(session) -> None:
    with pytest.raises(WanError, match=r"2730668|2,730,668|2730"):
        session.request(LONG, first_frame=session.cat)


def test_what_is_shown_of_a_value() -> None:
    assert shown("a" * 70) == "'" + "a" * 58 + "…"
    assert shown("a" * 70, typed=True) == "a" * 59 + "…"
    assert shown(b"a" * 10**6) == "b'" + "a" * 57 + "…"
    assert shown("a cat") == "'a cat'"


def test_whatever_was_forgotten_has_an_end() -> None:
    error = WanError(LONG, remedy=LONG, run_id="3f9c00d1e2a4")
    assert len(str(error)) <= 1400
    assert "..." in error.message
    assert error.remedy.endswith("…")
