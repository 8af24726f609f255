"""The kernel's half of comparison and vote: what is asked, what is answered, what is not told."""

from __future__ import annotations

import io
import itertools
import json
import re
import threading
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from wan_nb.html.word_diff import diff_html, word_diff
from wan_nb.widgets.assets import PLAYER, STATIC, module, styles
from wan_nb.widgets.clip_pages import LIVE, ORDER, differing, orders, pages, public
from wan_nb.widgets.compare import CompareWidget, static_html
from wan_nb.widgets.vote import OUTCOMES, VoteWidget

EVERY = (*PLAYER, "compare", "vote", "report")
TEXT = st.text(alphabet="ab ,.\n猫カ<", max_size=40)


def clip(name: str = "calm", seed: int = 7, **more: Any) -> dict[str, Any]:
    return {
        "id": f"{name}-{seed}",
        "label": name,
        "variant": name,
        "block": f"cat seed {seed}",
        "seed": seed,
        "prompt": f"a {name} cat",
        "params": {"duration": 5, "resolution": "720P"},
        "video": f"/secret/{name}.mp4",
        "proxy": None,
        "strip": b"strip of " + name.encode(),
        "fps": 24.0,
        "width": 1280,
        "height": 720,
        "has_audio": True,
        "simulated": False,
        "cost": 3.0,
        "currency": "CNY",
        "status": "SUCCEEDED",
        "rating": None,
        "measures": {"motion": 1.5},
        **more,
    }


def listen(widget: Any) -> list[tuple[dict[str, Any], list[bytes]]]:
    """What the widget would send to the browser, in order."""
    heard: list[tuple[dict[str, Any], list[bytes]]] = []
    widget.send = lambda content, buffers=None: heard.append((content, buffers or []))
    return heard


def ask(widget: Any, **question: Any) -> dict[str, Any]:
    heard = listen(widget)
    widget._on_message(widget, {"ticket": "t", **question}, [])
    ((content, _),) = heard
    return content


class TestDiff:
    @given(before=TEXT, after=TEXT)
    def test_both_texts_come_back_whole(self, before: str, after: str) -> None:
        runs = word_diff(before, after)
        assert "".join(text for kind, text in runs if kind != "new") == before
        assert "".join(text for kind, text in runs if kind != "gone") == after
        assert all(text for _, text in runs)
        assert all(one[0] != two[0] for one, two in itertools.pairwise(runs))

    @pytest.mark.parametrize(
        ("before", "after"),
        [
            ("a cat walks slowly, soft light", "a dog runs, handheld camera, soft light"),
            ("a  b\n\nc", "a b c d"),
            ("", "new words"),
            ("猫慢慢走, 柔光", "猫快快走, a 柔光"),
            ("<b>x</b> & 'y'", '<b>z</b> & "y"'),
            ("x " * 1500 + "a", "y " * 1500 + "b"),
            ("l'été (à Paris) — 1.5×", "l'hiver (à Rome) — 2.5×"),
        ],
    )
    def test_a_page_is_told_how_its_prompts_differ(self, before: str, after: str) -> None:
        texts = [text for text in (before, after) if text]
        made = [clip(name, prompt=text) for name, text in zip(("calm", "fast"), texts, strict=False)]
        told = ask(CompareWidget(made), kind="page", page=0, order="")["prompts"]
        assert [each["names"] for each in told] == [["calm"], ["fast"]][: len(texts)]
        for text, each in zip(texts, told, strict=True):
            assert "".join(part for kind, part in each["runs"] if kind != "gone") == text

    def test_equal_texts_are_one_run(self) -> None:
        assert word_diff("a cat, a dog", "a cat, a dog") == [("same", "a cat, a dog")]

    def test_signs_are_compared_one_by_one_where_words_are_not_parted(self) -> None:
        assert word_diff("猫慢慢走", "猫快快走") == [("same", "猫"), ("gone", "慢慢"), ("new", "快快"), ("same", "走")]

    def test_a_text_too_long_for_the_table_is_replaced_whole(self) -> None:
        before, after = ("a" + " x b" * 1500 + " c"), ("d" + " y e" * 1500 + " f")
        assert [kind for kind, _ in word_diff(before, after)] == ["gone", "new"]

    def test_html_escapes_what_it_marks(self) -> None:
        assert diff_html("<i>", "<b> & c") == "<del>&lt;i&gt;</del><ins>&lt;b&gt; &amp; c</ins>"


class TestPages:
    def test_blocks_are_rows_and_variants_columns(self) -> None:
        made = [clip(name, seed) for seed in (1, 2, 3, 4) for name in ("calm", "fast", "wild")]
        laid = pages(made)
        assert [len(page) for page in laid] == [6, 6]
        assert [(place["row"], place["column"]) for place in laid[1]] == [(r, c) for r in (0, 1) for c in (0, 1, 2)]

    def test_a_missing_clip_leaves_its_place_empty(self) -> None:
        made = [clip("calm", 1), clip("fast", 2), clip("calm", 2)]
        places = {place["clip"]["id"]: (place["row"], place["column"]) for place in pages(made)[0]}
        assert places == {"calm-1": (0, 0), "calm-2": (1, 0), "fast-2": (1, 1)}

    def test_no_page_plays_more_than_six(self) -> None:
        for variants in range(1, 12):
            made = [clip(f"v{v}", seed) for seed in range(7) for v in range(variants)]
            for order in orders(made):
                laid = pages(made, order)
                assert all(len(page) <= LIVE for page in laid)
                assert sorted(p["clip"]["id"] for page in laid for p in page) == sorted(c["id"] for c in made)

    def test_two_clips_of_one_cell_are_both_shown(self) -> None:
        made = [clip("calm", 1), clip("calm", 1, id="again"), clip("fast", 1)]
        assert [place["clip"]["id"] for place in pages(made)[0]] == ["calm-1", "again", "fast-1"]

    def test_ordered_by_a_measure_what_has_none_comes_last(self) -> None:
        made = [
            clip("a", measures={"motion": 2.0}),
            clip("b", measures={"motion": float("nan")}),
            clip("c", measures={"motion": 1.0}),
        ]
        assert "motion" in orders(made)
        assert [place["clip"]["label"] for place in pages(made, "motion")[0]] == ["c", "a", "b"]

    def test_an_order_that_is_not_offered_is_the_order_of_the_study(self) -> None:
        made = [clip("b"), clip("a")]
        assert pages(made, "no such column") == pages(made, ORDER)

    def test_only_what_differs_is_shown(self) -> None:
        made = [clip("a"), clip("b", params={"duration": 10, "resolution": "720P"})]
        assert differing(made) == ["duration"]
        assert public(made[1], differing(made))["params"] == {"duration": 10}

    def test_nothing_to_show_is_no_page(self) -> None:
        assert pages([]) == []
        assert ask(CompareWidget([]), kind="page", page=3)["clips"] == []


class TestCompareWidget:
    def test_a_page_brings_strips_as_buffers_and_no_paths(self) -> None:
        widget = CompareWidget([clip("calm"), clip("fast", strip=None), clip("wild")])
        heard = listen(widget)
        widget._on_message(widget, {"kind": "page", "page": 0, "order": "", "ticket": "t"}, [])
        ((content, buffers),) = heard
        assert [shown["strip"] for shown in content["clips"]] == [0, None, 1]
        assert buffers == [b"strip of calm", b"strip of wild"]
        assert "secret" not in json.dumps(content)

    def test_bytes_come_from_load_and_off_the_main_thread(self) -> None:
        where: list[tuple[str, str, bool]] = []
        answered = threading.Event()

        def load(clip_id: str, quality: str) -> bytes:
            where.append((clip_id, quality, threading.current_thread() is threading.main_thread()))
            return b"film"

        widget = CompareWidget([clip()], load=load)
        heard: list[Any] = []

        def send(content: Any, buffers: Any = None) -> None:
            heard.append((content, buffers))
            answered.set()

        widget.send = send
        widget._on_message(widget, {"kind": "get", "id": "calm-7", "quality": "original", "ticket": "t9"}, [])
        assert answered.wait(60)
        assert heard == [({"ticket": "t9"}, [b"film"])]
        assert where == [("calm-7", "original", False)]

    def test_what_nobody_waits_for_any_more_is_not_made(self) -> None:
        made: list[str] = []
        begun, go_on, last = threading.Event(), threading.Event(), threading.Event()

        def load(clip_id: str, quality: str) -> bytes:
            begun.set()
            assert go_on.wait(60)
            made.append(clip_id)
            return b"film"

        widget = CompareWidget([clip()], load=load)
        widget.send = lambda content, buffers=None: last.set() if content["ticket"] == "t3" else None
        widget._on_message(widget, {"kind": "get", "id": "first", "ticket": "t1"}, [])
        assert begun.wait(60)
        widget._on_message(widget, {"kind": "drop", "ticket": "t2"}, [])
        widget._on_message(widget, {"kind": "get", "id": "second", "ticket": "t2"}, [])
        widget._on_message(widget, {"kind": "get", "id": "third", "ticket": "t3"}, [])
        go_on.set()
        assert last.wait(60)
        assert sorted(made) == ["first", "third"]

    def test_a_clip_that_cannot_be_read_is_told_to_who_asked(self) -> None:
        answered = threading.Event()
        heard: list[Any] = []

        def load(clip_id: str, quality: str) -> bytes:
            raise OSError("the disk is gone")

        widget = CompareWidget([clip()], load=load)

        def send(content: Any, buffers: Any = None) -> None:
            heard.append(content)
            answered.set()

        widget.send = send
        widget._on_message(widget, {"kind": "get", "id": "calm-7", "ticket": "t"}, [])
        assert answered.wait(60)
        assert heard == [{"error": "the disk is gone", "ticket": "t"}]

    def test_no_remark_is_left_in_a_module(self) -> None:
        """Lines are joined in one, where a remark would swallow what follows."""
        for path in STATIC.glob("*.js"):
            assert not re.search(r"(?<![:\w])//", module(path.stem)), path.name

    def test_the_state_that_a_notebook_may_store_is_small_and_holds_no_clip(self) -> None:
        widget = CompareWidget([clip(f"v{n}", strip=b"x" * 15_000) for n in range(500)])
        ask(widget, kind="page", page=0, order="")
        assert len(json.dumps(widget.get_state(), default=str)) < 50_000

    def test_the_static_outputs_is_small_and_escaped(self) -> None:
        sheet = io.BytesIO()
        Image.effect_noise((960, 90), 60).save(sheet, "JPEG", quality=70)
        made = [clip(f"<b>{n}", strip=sheet.getvalue(), prompt="<script>alert(1)</script>") for n in range(40)]
        html = static_html(made)
        assert len(html) < 50_000
        assert "<script" not in html
        assert "<b>" not in html
        assert "and 28 more" in html
        assert html.count("<img") == 12
        assert "<img" not in static_html([clip(strip=b"no picture")])
        assert "SIMULATED" in static_html([clip(simulated=True)])

    def test_clips_of_several_models_say_what_comparing_them_can_tell(self) -> None:
        two = [clip(params={"model": "wan2.7-t2v"}), clip("wild", params={"model": "wan3.0-video"})]
        for clips, told in ((two, True), (two[:1] * 2, False), ([clip(), clip("wild")], False), ([], False)):
            widget = CompareWidget(clips)
            page = ask(widget, kind="page", page=0, order="")
            assert ("Models differ in everything" in page["remark"]) == told
            assert all(("Models differ in everything" in text) == told for text in widget.static_bundle().values())

    def test_a_run_without_a_clip_says_why(self) -> None:
        shown = public(clip(video=None, status="FAILED"))
        assert (shown["playable"], shown["note"]) == (False, "No clip: failed.")


def booth(pairs: list[Any], **more: Any) -> tuple[VoteWidget, list[Any]]:
    stored: list[Any] = []
    queue = list(pairs)

    def undo() -> Any:
        return stored.pop()[0] if stored else None

    def next_pair() -> Any:
        return queue.pop(0) if queue else None

    widget = VoteWidget(next_pair, lambda *vote: stored.append(vote), undo, count=lambda: len(stored), **more)
    return widget, stored


PAIR = {"left": clip("calm"), "right": clip("fast", cost=9.0, rating=5), "picker": "thompson"}


class TestVote:
    def test_until_the_vote_is_stored_the_browser_knows_nothing_that_tells_them_apart(self) -> None:
        widget, _ = booth([PAIR])
        state = ask(widget, kind="state")
        told = json.dumps(state)
        for secret in ("calm", "fast", "secret", "9.0", "motion", "seed", "CNY"):
            assert secret not in told, secret
        left, right = ({k: v for k, v in shown.items() if k != "id"} for shown in state["pair"]["clips"])
        assert left == right

    @pytest.mark.parametrize("outcome", OUTCOMES)
    def test_a_vote_is_stored_with_its_pair_before_names_are_told(self, outcome: str) -> None:
        widget, stored = booth([PAIR, PAIR])
        number = ask(widget, kind="state")["pair"]["number"]
        details = {"ms_to_vote": 1200, "view_mode": "wipe"}
        after = ask(widget, kind="vote", number=number, outcome=outcome, details=details, reveal=True)
        assert stored == [(PAIR, outcome, details)]
        if outcome == "skip":
            assert after["told"] is None
        else:
            assert [shown["label"] for shown in after["told"]["clips"]] == ["calm", "fast"]

    def test_a_vote_that_cannot_be_stored_reveals_nothing_and_keeps_the_pair(self) -> None:
        def record(*vote: Any) -> None:
            raise OSError("the log is locked")

        widget = VoteWidget(lambda: PAIR, record, lambda: None)  # type: ignore[arg-type,return-value]
        number = ask(widget, kind="state")["pair"]["number"]
        assert ask(widget, kind="vote", number=number, outcome="left", reveal=True)["error"] == "the log is locked"
        state = ask(widget, kind="state")
        assert (state["told"], state["pair"]["number"]) == (None, number)

    def test_two_views_cannot_vote_twice_on_one_pair(self) -> None:
        widget, stored = booth([PAIR, PAIR])
        number = ask(widget, kind="state")["pair"]["number"]
        ask(widget, kind="vote", number=number, outcome="left")
        late = ask(widget, kind="vote", number=number, outcome="right")
        assert len(stored) == 1
        assert late["note"] == "This pair has been voted on elsewhere."

    def test_an_outcome_that_is_none_is_not_stored(self) -> None:
        widget, stored = booth([PAIR])
        number = ask(widget, kind="state")["pair"]["number"]
        ask(widget, kind="vote", number=number, outcome="LEFT; drop table")
        assert stored == []

    def test_undo_shows_the_pair_again(self) -> None:
        widget, stored = booth([PAIR])
        number = ask(widget, kind="state")["pair"]["number"]
        ask(widget, kind="vote", number=number, outcome="left", reveal=True)
        again = ask(widget, kind="undo")
        assert (stored, again["told"], again["count"]) == ([], None, 0)
        assert again["pair"]["number"] > number
        assert ask(widget, kind="undo")["note"] == "There is no vote to take back."

    def test_when_nothing_is_left_the_sentence_is_told(self) -> None:
        widget, _ = booth([], sentence=lambda: "Not decided yet.")
        state = ask(widget, kind="state")
        assert (state["pair"], state["sentence"]) == (None, "Not decided yet.")

    def test_a_clip_is_known_by_the_pair_on_show_only(self) -> None:
        widget, _ = booth([PAIR, {"left": clip("wild"), "right": clip("calm")}])
        number = ask(widget, kind="state")["pair"]["number"]
        assert widget.clip_id(f"{number}-right") == "fast-7"
        ask(widget, kind="vote", number=number, outcome="skip")
        with pytest.raises(LookupError):
            widget.clip_id(f"{number}-right")


class TestAssets:
    def test_one_module_imports_and_exports_nothing_but_the_widget(self) -> None:
        text = module(*PLAYER, "compare")
        lines = text.splitlines()
        assert not [line for line in lines if line.startswith("import ")]
        assert [line.split(" {")[0] for line in lines if line.startswith("export ")] == ["export default"]
        assert not [line for line in lines if re.match(r"//|\*|/\*.*\*/$|/\*[^/]*$", line)]

    def test_no_address_of_another_place(self) -> None:
        text = module(*EVERY) + styles("player", "report")
        assert set(re.findall(r"https?://[\w./]+", text)) == {"http://www.w3.org/2000/svg"}

    def test_data_is_never_parsed_as_markup(self) -> None:
        text = module(*EVERY)
        for door in ("innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval("):
            assert door not in text
