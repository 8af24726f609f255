"""``%%wan`` and the family of models: which model a cell took, at what price, and what is refused before money."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from make_media import clip as make_clip

from wan_nb.errors import BudgetExceeded, InvalidOption, InvalidRequest
from wan_nb.handles import default
from wan_nb.html import text

if TYPE_CHECKING:
    from pathlib import Path

pytest_plugins = ["fixtures_shell"]


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    path = tmp_path / "clip.mp4"
    path.write_bytes(make_clip("MP4", 320, 240, 3.0))
    return path


def creates(simulator: Any) -> int:
    return simulator.counters()["creates_received"]


def test_a_cell_says_its_model_and_price_before_it_buys_and_not_again(wan, simulator, capsys) -> None:
    run = wan("%%wan -d 2 -r 720P\na cat walks")
    assert capsys.readouterr().out.splitlines()[0] == "wan2.7-t2v: text to video, about CNY 1.20."
    wan("%%wan -d 2 -r 720P\na cat walks")
    assert "text to video" not in capsys.readouterr().out
    run.wait()
    assert "wan2.7-t2v" in text.line(run.row)
    assert "wan2.7-t2v" in run._repr_mimebundle_()["text/html"]
    assert creates(simulator) == 1


def test_a_price_that_is_the_most_is_said_so_in_cell_dry_run_plan_and_refusal(wan, simulator, capsys) -> None:
    auto = "%%wan -m wan3.0-video -r 480P -d -1"
    assert "price: at most CNY 9.00 (list of" in repr(wan(f"{auto} --dry-run\na cat"))
    with pytest.raises(BudgetExceeded, match=r"one clip costs at most CNY 9.00, more than --max-cost 8"):
        wan(f"{auto} --max-cost 8\na cat")
    study = wan(f"{auto} --seeds 1,2\na cat\n--- b\na dog")
    assert study.state().line.endswith("4 to buy for at most CNY 36.00")
    with pytest.raises(BudgetExceeded, match=r"costs at most CNY 36.00"):
        wan(f"{auto} --seeds 1,2 --max-cost 35\na cat\n--- b\na dog")
    assert creates(simulator) == 0
    capsys.readouterr()
    wan(f"{auto}\na cat")
    assert "wan3.0-video: text to video, at most CNY 9.00." in capsys.readouterr().out


def test_the_configured_model_holds_where_none_is_named(wan, simulator, cat, tmp_path) -> None:
    wan("%config WanMagics.model = 'wan3.0-video'")
    try:
        assert wan("%%wan -d 2 --dry-run\na cat").payloads[0]["model"] == "wan3.0-video"
        assert wan("%%wan -d 2 -f {{cat}} --dry-run\na cat", cat=cat).payloads[0]["model"] == "wan3.0-video"
        assert wan("%%wan -d 2 -m wan2.7-t2v --dry-run\na cat").payloads[0]["model"] == "wan2.7-t2v"
        assert default.session().request("a cat").model == "wan3.0-video"
        study = wan("%%wan -d 2 --name walk --seeds 1,2\na cat\n--- b\na dog")
        assert {request.model for request in study.requests} == {"wan3.0-video"}
        varied = wan("%%wan -d 3 --vary model=wan2.7-t2v,happyhorse-1.1-t2v --dry-run\na cat")
        assert {body["model"] for body in varied.payloads} == {"wan2.7-t2v", "happyhorse-1.1-t2v"}
        with pytest.raises(InvalidRequest, match=r"wan3.0-video takes no negative_prompt"):
            wan("%%wan --negative-prompt rain\na cat")
        study.submit(max_cost=20)
    finally:
        wan("%config WanMagics.model = ''")
    assert wan("%%wan -d 2 --dry-run\na cat").payloads[0]["model"] == "wan2.7-t2v"
    # A study stays what it was planned as.
    assert {request.model for request in default.session().study(name="walk").requests} == {"wan3.0-video"}


def test_a_name_of_a_model_is_one_word(ip) -> None:
    from traitlets import TraitError

    with pytest.raises(TraitError, match="no name of a model"):
        ip.magics.model = "two words"
    assert ip.magics.model == ""
    with pytest.raises(InvalidOption, match="no name of a model"):
        default.configure(model=7)


REFERENCE, VOICE = "--reference-image {{cat}}", "https://voice.invalid/a.mp3"
REFUSED: list[tuple[str, str, str, str]] = [
    ("reference beside a first frame", f"-m wan3.0-video -f {{{{cat}}}} {REFERENCE}", "a cat", "do not go together"),
    ("six references", f"{REFERENCE} " * 6, "a cat", "takes 5"),
    (
        "a voice without its image",
        f"{REFERENCE} --reference-voice 2=https://voice.invalid/a.mp3",
        "a cat",
        "belongs to no reference",
    ),
    ("two videos", "--video {{clip}} --video {{clip}}", "rain", "--video"),
    ("a ratio beside a first frame", "-f {{cat}} --ratio 1:1", "a cat", "wan2.7-i2v takes no ratio"),
    ("a last frame alone", "-m wan3.0-video -l {{cat}}", "a cat", "alone is not enough"),
    ("what should not be seen", "-m wan3.0-video --negative-prompt rain", "a cat", "takes no negative_prompt"),
    ("a second too many", "-m wan3.0-video -d 31", "a cat", "2 to 30"),
    ("a tier too low", "-r 480P", "a cat", "720P or 1080P"),
]


@pytest.mark.parametrize(("line", "body", "says"), [case[1:] for case in REFUSED], ids=[case[0] for case in REFUSED])
def test_what_cannot_be_is_one_clear_error_before_anything_is_sent(
    wan, simulator, cat, clip: Path, line, body, says
) -> None:
    with pytest.raises((InvalidRequest, InvalidOption)) as error:
        wan(f"%%wan {line}\n{body}", cat=cat, clip=clip)
    assert says in str(error.value)
    shown = error.value._render_traceback_()
    assert 1 <= len(shown) <= 3
    assert creates(simulator) == 0


def test_a_ratio_that_is_not_heeded_is_said_before_it_is_paid(wan, cat, capsys) -> None:
    wan(f"%%wan {REFERENCE} -f {{{{cat}}}} --ratio 1:1 -d 2\na cat", cat=cat)
    assert "ratio: wan2.7-r2v takes no notice of it beside first_frame." in capsys.readouterr().out


def test_a_model_that_the_region_does_not_have_is_refused(ip, monkeypatch, tmp_path) -> None:
    monkeypatch.setenv("WAN_NB_WORKSPACE", "ws1")
    ip.magics.notebook.announced = default.connect("tokyo", api_key="sk-none")
    with pytest.raises(InvalidRequest, match=r"wan2.7-t2v is not offered in tokyo"):
        ip("%%wan\na cat")
    dry = ip("%%wan -m wan3.0-video -d 5 --dry-run\na cat")
    assert "about USD 0.50" in repr(dry)
