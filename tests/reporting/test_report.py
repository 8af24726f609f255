"""The report as a file: whole, escaped, silent about keys and signatures, never larger than asked for."""

from __future__ import annotations

import csv
import json
import re
from html.parser import HTMLParser
from typing import TYPE_CHECKING, Any

import pytest

from wan_nb.errors import InvalidOption, InvalidRequest
from wan_nb.reporting.page import write_csv, write_report
from wan_nb.reporting.sections import ranking_svg, without_secrets

if TYPE_CHECKING:
    from pathlib import Path

EVIL = "</script><script>alert(1)</script><img src=x onerror=alert(2)>\"' \u202e"
KEY = "sk-0123456789abcdef0123456789abcdef"
SIGNED = "https://bucket.oss.aliyuncs.com/a/b.mp4?Expires=1&OSSAccessKeyId=LTAI5tSecret&Signature=abc%3D"


class Outline(HTMLParser):
    """Elements, attributes and text of a page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.raw = False
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        self.raw = tag in {"script", "style"}

    def handle_endtag(self, tag: str) -> None:
        self.raw = False

    def handle_data(self, data: str) -> None:
        self.text += "" if self.raw else data


def clip(tmp_path: Path, name: str = "calm", seed: int = 7, **more: Any) -> dict[str, Any]:
    video = tmp_path / "wan runs" / f"{name}{seed}.mp4"
    video.parent.mkdir(exist_ok=True)
    video.write_bytes(f"film of {name}".encode())
    return {
        "id": f"{name}{seed}",
        "label": name,
        "variant": name,
        "block": f"cat seed {seed}",
        "seed": seed,
        "prompt": f"a {name} cat",
        "params": {"duration": 5},
        "video": video,
        "strip": b"\xff\xd8strip",
        "fps": 24,
        "width": 1280,
        "height": 720,
        "status": "SUCCEEDED",
        "cost": 3.0,
        "currency": "CNY",
        "measures": {"motion": 1.25},
        **more,
    }


@pytest.fixture
def study(tmp_path: Path) -> dict[str, Any]:
    return {
        "name": "walk",
        "created": "2026-11-22 14:03 UTC",
        "clips": [clip(tmp_path, name, seed) for seed in (7, 8) for name in ("calm", "fast")],
        "plan": [{"cell": "calm, seed 7", "price": 3.0, "status": "SUCCEEDED"}],
        "sentences": ["calm beats fast with 96 %.", "4 votes on 2 blocks."],
        "ranking": [
            {"variant": "calm", "preferred": 0.8, "preferred_low": 0.55, "preferred_high": 0.95, "p_best": 0.96},
            {"variant": "fast", "preferred": 0.2, "preferred_low": 0.05, "preferred_high": 0.45, "p_best": 0.04},
        ],
        "votes": [{"block": "cat seed 7", "left": "calm", "right": "fast", "outcome": "left"}],
        "definitions": {"motion": "mean absolute difference of neighbouring frames, 0 to 255"},
        "costs": {"CNY": 12.0},
        "versions": {"wan_nb": "0.1.0"},
        "notes": ["Fewer than six seeds."],
        "cell": "%%wan --name walk\n--- calm\na calm cat",
        "python": 'wan_nb.study({"calm": "a calm cat"}, name="walk")',
    }


def test_everything_is_said_without_scripts(study: Any, tmp_path: Path) -> None:
    page = Outline(write_report(tmp_path / "walk.html", study).read_text(encoding="utf-8"))
    for part in (
        "walk",
        "4 clips, 2 variants, 2 seeds",
        "2026-11-22 14:03 UTC",
        "calm beats fast with 96 %.",
        "4 votes on 2 blocks.",
        "Fewer than six seeds.",
        "mean absolute difference",
        "Spent: CNY 12.00.",
        "%%wan --name walk",
        'name="walk"',
        "0.1.0",
        "calm, seed 7",
    ):
        assert part in page.text, part
    pictures = [attributes for tag, attributes in page.tags if tag == "img"]
    assert len(pictures) == 4
    assert all((picture["src"] or "").startswith("data:image/jpeg;base64,") for picture in pictures)
    assert {"svg", "ins", "del", "table"} <= {tag for tag, _ in page.tags}


def test_no_address_leads_anywhere_else(study: Any, tmp_path: Path) -> None:
    for media in ("embed", "link", "none"):
        text = write_report(tmp_path / "walk.html", study, media=media).read_text(encoding="utf-8")
        addresses = re.findall(r"https?://[^\s\"'<]+", text)
        assert set(addresses) <= {"http://www.w3.org/2000/svg"}
        for tag, attributes in Outline(text).tags:
            assert tag not in {"link", "iframe", "object", "base", "form"}
            target = attributes.get("src") or attributes.get("href") or ""
            assert not target.startswith(("http", "//", "/")), (tag, target)


def test_whatever_comes_from_outside_is_text(study: Any, tmp_path: Path) -> None:
    hurt = [{**clip, "label": EVIL, "variant": EVIL + clip["variant"], "prompt": EVIL} for clip in study["clips"]]
    study |= {
        "name": EVIL,
        "created": EVIL,
        "clips": [{**clip, "params": {EVIL: f"{EVIL}{at}"}, "measures": {EVIL: 1.0}} for at, clip in enumerate(hurt)],
        "plan": [{EVIL: EVIL}],
        "prompts": {EVIL: EVIL, "b": f"{EVIL} and more"},
        "sentences": [EVIL],
        "ranking": [{"variant": EVIL, "preferred": 0.5, "preferred_low": 0.2, "preferred_high": 0.8}],
        "votes": [{EVIL: EVIL}],
        "definitions": {EVIL: EVIL},
        "versions": {EVIL: EVIL},
        "notes": [EVIL],
        "cell": EVIL,
        "python": EVIL,
    }
    text = write_report(tmp_path / "walk.html", study).read_text(encoding="utf-8")
    page = Outline(text)
    scripts = [attributes for tag, attributes in page.tags if tag == "script"]
    assert [script["type"] for script in scripts] == ["application/json", *["text/plain"] * 4, "module"]
    assert all("onerror" not in attributes for _, attributes in page.tags)
    assert all((attributes["src"] or "").startswith("data:") for tag, attributes in page.tags if tag == "img")
    assert "\u202e" not in text


def test_keys_and_signatures_are_not_handed_on(study: Any, tmp_path: Path) -> None:
    leak = f"see {SIGNED} with {KEY}"
    study["clips"] = [{**clip, "prompt": leak, "label": leak, "params": {"url": leak}} for clip in study["clips"]]
    study |= {"cell": leak, "python": leak, "notes": [leak], "plan": [{"media": leak}], "votes": [{"note": leak}]}
    texts = [write_report(tmp_path / "walk.html", study).read_text(encoding="utf-8")]
    texts += [
        path.read_text(encoding="utf-8")
        for path in (write_csv(tmp_path / "walk.csv", study), tmp_path / "walk.votes.csv")
    ]
    for text in texts:
        for secret in (KEY, "Signature", "LTAI5tSecret", "Expires="):
            assert secret not in text


def test_data_for_the_player_survives_and_holds_no_path(study: Any, tmp_path: Path) -> None:
    text = write_report(tmp_path / "walk.html", study).read_text(encoding="utf-8")
    found = re.search(r'<script type="application/json" id="wan-data">(.*?)</script>', text, re.DOTALL)
    assert found
    known = json.loads(found.group(1))
    assert [[clip["id"] for clip in page] for page in known["pages"]] == [["calm7", "fast7", "calm8", "fast8"]]
    assert set(known["media"]) == {"calm7", "fast7", "calm8", "fast8"}
    assert str(tmp_path) not in text


def test_linked_clips_are_addressed_from_where_the_report_stands(study: Any, tmp_path: Path) -> None:
    path = write_report(tmp_path / "reports" / "walk.html", study, media="link")
    text = path.read_text(encoding="utf-8")
    assert 'href="../wan%20runs/calm7.mp4"' in text
    assert "text/plain" not in text


def test_proxies_are_embedded_where_there_are_any(study: Any, tmp_path: Path) -> None:
    proxy = tmp_path / "proxy.mp4"
    proxy.write_bytes(b"small")
    study["clips"] = [{**study["clips"][0], "proxy": proxy}]
    assert "c21hbGw=" in write_report(tmp_path / "walk.html", study).read_text(encoding="utf-8")


def test_sound_goes_beside_the_light_copies_and_is_missed_where_there_is_none(study: Any, tmp_path: Path) -> None:
    for name, content in (("proxy", b"small"), ("sound", b"loud")):
        (tmp_path / name).write_bytes(content)
    light = {"proxy": tmp_path / "proxy", "has_audio": True}
    study["clips"] = [study["clips"][0] | light | {"sound": tmp_path / "sound"}, study["clips"][1] | light]
    text = write_report(tmp_path / "walk.html", study).read_text(encoding="utf-8")
    known = json.loads(re.search(r'id="wan-data">(.*?)</script>', text, re.DOTALL).group(1))  # type: ignore[union-attr]
    assert [clip["has_audio"] for clip in known["pages"][0]] == [True, False]
    assert known["media"]["calm7"] == {"embed": "wan-clip-0", "sound": "wan-clip-2"}
    assert 'id="wan-clip-2">bG91ZA==<' in text


def test_measures_are_compared_inside_their_blocks(study: Any, tmp_path: Path) -> None:
    for number, clip in enumerate(study["clips"]):
        clip["measures"] = {"motion": (1.0, 4.0, 2.0, 6.0)[number], "cuts": 0.0}
    page = Outline(write_report(tmp_path / "walk.html", study, media="none").read_text(encoding="utf-8"))
    assert "fast − calm" in page.text
    assert "+3.5 (-2.85 to +9.85, g " in page.text


def test_too_large_is_refused_before_anything_is_written(study: Any, tmp_path: Path) -> None:
    path = tmp_path / "walk.html"
    with pytest.raises(InvalidOption, match="more than 0 MB") as caught:
        write_report(path, study, max_bytes=1_000)
    assert 'media="link"' in str(caught.value)
    assert isinstance(caught.value, InvalidRequest)
    big = tmp_path / "big.mp4"
    with big.open("wb") as file:
        file.truncate(80_000_000)  # sparse: its size counts, nothing is read
    study["clips"] = [{**study["clips"][0], "video": big}]
    with pytest.raises(InvalidOption, match="107 MB, more than 100 MB"):
        write_report(path, study)
    assert not path.exists()
    write_report(path, study, media="none")
    assert sorted(file.name for file in tmp_path.iterdir()) == ["big.mp4", "walk.html", "wan runs"]


def test_an_old_report_survives_a_new_one_that_fails(study: Any, tmp_path: Path) -> None:
    path = write_report(tmp_path / "walk.html", study)
    before = path.read_bytes()
    with pytest.raises(InvalidOption):
        write_report(path, study, media="both")  # type: ignore[arg-type]
    with pytest.raises(InvalidOption):
        write_report(path, study, max_bytes=10)
    assert path.read_bytes() == before


def test_what_is_missing_is_said(study: Any, tmp_path: Path) -> None:
    study["clips"][1] |= {"video": None, "status": "FAILED", "strip": None}
    study["clips"][2]["video"].unlink()
    text = write_report(tmp_path / "walk.html", study).read_text(encoding="utf-8")
    page = Outline(text)
    assert "1 of 4 runs have no clip: fast (cat seed 7)." in page.text
    assert "3 clips" in page.text
    assert "No clip: failed." in page.text
    assert "The file is not there any more." in text


def test_simulated_is_marked_and_not_counted_as_spent(study: Any, tmp_path: Path) -> None:
    study["clips"] = [{**clip, "simulated": True} for clip in study["clips"]]
    study["costs"] = {}
    page = Outline(write_report(tmp_path / "walk.html", study, media="none").read_text(encoding="utf-8"))
    assert page.text.count("SIMULATED") == 5
    assert "Nothing was spent. All clips are simulated and cost nothing." in page.text
    assert "CNY" not in page.text


def test_a_study_with_nothing_in_it_is_a_page(tmp_path: Path) -> None:
    page = Outline(write_report(tmp_path / "empty.html", {"name": "empty", "clips": []}).read_text(encoding="utf-8"))
    assert "0 clips" in page.text
    assert [tag for tag, _ in page.tags].count("h1") == 1


def test_long_tables_are_cut_with_a_word_about_it(study: Any, tmp_path: Path) -> None:
    study["votes"] = [{"block": n, "outcome": "tie"} for n in range(750)]
    text = write_report(tmp_path / "walk.html", study, media="none").read_text(encoding="utf-8")
    assert "250 more rows are in the CSV." in text


def test_the_plot_puts_the_better_to_the_right_and_marks_the_half() -> None:
    svg = ranking_svg(
        [
            {"variant": "calm", "preferred": 0.9, "preferred_low": 0.8, "preferred_high": 0.95},
            {"variant": "fast", "preferred": 0.7, "preferred_low": 0.6, "preferred_high": 0.8},
        ]
    )
    first, second = (float(x) for x in re.findall(r'<circle cx="([\d.]+)"', svg))
    half = float(re.search(r'<line x1="([\d.]+)"', svg).group(1))  # type: ignore[union-attr]
    assert half < second < first


def test_csv_has_one_row_a_clip_and_runs_no_formula(study: Any, tmp_path: Path) -> None:
    study["clips"][0] |= {
        "prompt": '=HYPERLINK("http://x")',
        "label": 'a, "b"\nc',
        "measures": {"motion": float("nan")},
    }
    path = write_csv(tmp_path / "walk.csv", study)
    with path.open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 4
    assert rows[0]["prompt"] == '\'=HYPERLINK("http://x")'
    assert rows[0]["label"] == 'a, "b"\nc'
    assert (rows[0]["motion"], rows[1]["motion"], rows[1]["duration"], rows[1]["seed"]) == ("", "1.25", "5", "7")
    with (tmp_path / "walk.votes.csv").open(newline="", encoding="utf-8") as file:
        assert list(csv.DictReader(file)) == [dict(study["votes"][0])]


def test_without_secrets_leaves_plain_text_alone() -> None:
    for text in ("a cat? yes", "https://x.test/a.mp4", "ask-me-later-please", "what is 5 > 3?"):
        assert without_secrets(text) == text


def test_a_client_is_told_what_was_chosen_and_no_figures(tmp_path):
    """No price, id, seed, measure or vote; the winner first, finals before it, what is not there left out."""
    from wan_nb.reporting.report import for_client

    made = [
        {
            "id": f"3f9c01ab77d{n}",
            "label": label,
            "variant": label,
            "block": f"cat.jpg · seed {n}",
            "seed": 4242,
            "prompt": f"a cat {label}",
            "params": {"model": "wan2.7-i2v"},
            "video": None if label == "lost" else tmp_path / f"{n}.mp4",
            "cost": 3.6,
            "currency": "CNY",
            "rating": 4,
            "measures": {"motion": 1.5},
            "marks": {"dropped": label == "bad"},
        }
        for n, label in enumerate(["calm", "wild", "lost", "bad"])
    ]
    for clip in made[:2]:
        clip["video"].write_bytes(b"a clip")
    ranking = [{"variant": "wild", "preferred": 0.9, "preferred_low": 0.6, "preferred_high": 0.99, "wins": 7}]
    votes = [{"rater": "Ada", "outcome": "undo", "left_variant": "calm", "right_variant": "wild"}]
    whole = {"name": "walk-v7", "clips": made, "ranking": ranking, "votes": votes, "costs": {"CNY": 7.2}, "plan": [{}]}
    told = for_client(whole, title="Spring", winner="wild", finals=[made[1]])
    assert [clip["label"] for clip in told["clips"]] == ["wild (final)", "wild", "calm"]
    page = write_report(tmp_path / "for-you.html", told).read_text(encoding="utf-8")
    shown = page[page.index("<body>") : page.index('<script type="module">')]
    assert "Chosen: wild. It was preferred in 7 blind comparisons." in shown
    assert "a cat calm" in shown
    assert "<del>" not in shown
    for word in ("3f9c01", "4242", "CNY", "3.6", "motion", "wan2.7", "Ada", "Hedges", "interval", "undo", "taken back"):
        assert word not in shown, word
    assert "votes" not in for_client(whole, title="", winner="")
