"""Static HTML of runs: nothing in it is markup but what we wrote, and it stays small."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC, datetime
from html.parser import HTMLParser
from pathlib import Path
from types import SimpleNamespace

import pytest

from wan_nb.grammar.cell import Cell
from wan_nb.grammar.template import expand
from wan_nb.html import code as snippets
from wan_nb.html import run_card as html
from wan_nb.html import text
from wan_nb.log.row import Row
from wan_nb.log.states import OPEN, Status

REQUEST = {
    "model": "wan2.7-i2v",
    "input": {
        "prompt": "a cat walks",
        "media": [{"type": "first_frame", "name": "my cat.png", "path": "/x/wan_runs/frames/ab.png", "kind": "image"}],
    },
    "parameters": {"resolution": "720P", "duration": 8, "seed": 7, "prompt_extend": False, "watermark": False},
}

DONE = Row(
    "3f9c12ab34de",
    prompt="a cat walks",
    status=Status.SUCCEEDED,
    resolution="720P",
    duration=8,
    seed=7,
    created_at=datetime(2026, 11, 22, tzinfo=UTC),
    queue_s=3.0,
    run_s=63.0,
    billed_s=8.0,
    cost=4.8,
    currency="CNY",
    video="/home/me/nb/wan_runs/videos/3f9c12ab34de.mp4",
    bytes=2_523_431,
    width=1280,
    height=720,
    has_audio=True,
    request=REQUEST,
)

HOSTILE = [
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "\"'><svg/onload=alert(1)>",
    "</div></td></table></details><b>",
    "javascript:alert(1)",
    "&lt;b&gt; &amp; &#x3c;",
    "a\x00b\x1b[31mred\x07",
    "\u202eevil\u2066\u2069",
    "\ud800 lone",
    "](javascript:x) `code` $x$ {{name}} {0} %s",
    "長い" * 400_000,
    "-->]]>\n---\n",
]


class Parsed(HTMLParser):
    """Every element, attribute and text of a page."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str, str]] = []
        self.text = ""
        self.open: list[str] = []
        self.feed(str(page))
        self.close()

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += [(tag, name, value or "") for name, value in attrs]
        if tag not in {"img", "br"}:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag, f"</{tag}> closes something else"

    def handle_data(self, data):
        self.text += data


def parsed(page: str) -> Parsed:
    result = Parsed(page)
    assert result.open == []
    for tag, name, value in result.attributes:
        assert not name.startswith("on")
        if name in {"src", "href"}:
            assert value.startswith("data:image/jpeg;base64,") or ":" not in value, (tag, value)
    assert set(result.tags) <= {
        "div", "span", "strong", "bdi", "em", "code", "pre", "img", "video", "a", "details", "summary",
        "table", "thead", "tbody", "tr", "th", "td",
    }  # fmt: skip
    return result


def hostile_row(evil: str, status: Status) -> Row:
    columns = (
        "study",
        "variant",
        "prompt",
        "error_code",
        "error_message",
        "request_id",
        "service",
        "currency",
        "video",
    )
    request = {**REQUEST, "input": {"prompt": evil, "media": [{"type": "first_frame", "name": evil}]}}
    return replace(DONE, **dict.fromkeys(columns, evil), status=status, request=request, resolution=evil, width=None)


@pytest.mark.parametrize("status", list(Status))
@pytest.mark.parametrize("evil", HOSTILE, ids=range(len(HOSTILE)))
def test_whatever_comes_from_outside_is_text(evil: str, status: Status) -> None:
    row = hostile_row(evil, status)
    card, table = html.clip(row, strip=b"x" * 15_000, note=evil), html.board([row, DONE], title=evil, strips={})
    for page in (card, table):
        parsed(page).text.encode("utf-8")
        assert text.harmless(page) == page
    assert len(card.encode()) <= html.CLIP_BYTES
    line = html.line(row)
    assert text.harmless(line) == line
    assert len(line) < 1_000


@pytest.mark.parametrize("others", [0, 2, 12])
def test_how_a_clip_is_asked_for_stands_on_its_card_whatever_its_picture_and_takes_weigh(others: int) -> None:
    takes = [replace(DONE, take=number, run_id=f"{number:08d}-aaaa") for number in range(1, others + 2)]
    card = html.clip(takes[0], strip=b"x" * html.STRIP_BYTES, takes=takes)
    assert "wan_nb.submit(" in parsed(card).text
    assert len(card.encode()) <= html.CLIP_BYTES


def test_prompt_is_shown_as_it_was_typed() -> None:
    page = html.clip(replace(DONE, prompt="<b>bold</b> & {{x}} %s\nsecond line"))
    assert "<b>bold</b> & {{x}} %s\nsecond line" in parsed(page).text


def test_long_prompt_is_cut_and_says_by_how_much() -> None:
    page = parsed(html.clip(replace(DONE, prompt="字" * 5000)))
    assert page.text.count("字") < 600
    assert "more characters" in page.text


@pytest.mark.parametrize(
    "path",
    [
        "../../../../etc/passwd",
        "/etc/passwd",
        ".hidden/a.mp4",
        "wan_runs/.cache/a.mp4",
        "s3://bucket/a.mp4",
        "\ud800.mp4",
        "a" * 2000,
        "..",
        "../..",
    ],
)
def test_no_address_where_no_notebook_server_would_serve(path: str) -> None:
    assert text.source(path, "/home/me/nb") is None
    page = parsed(html.clip(replace(DONE, video=path), folder="/home/me/nb", strip=b"jpeg"))
    assert "video" not in page.tags
    assert "a" not in page.tags
    assert page.tags.count("img") == 1
    assert "%wan show 3f9c12ab --embed" in page.text


@pytest.mark.parametrize(
    ("path", "address"),
    [
        ("/home/me/nb/wan_runs/videos/a.mp4", "wan_runs/videos/a.mp4"),
        ("/home/me/wan runs/夜.mp4", "../wan%20runs/%E5%A4%9C.mp4"),
        ("/home/me/nb/javascript:alert(1).mp4", "javascript%3Aalert%281%29.mp4"),
        ('/home/me/nb/"><script>.mp4', "%22%3E%3Cscript%3E.mp4"),
        ("/home/me/nb/a#b?c.mp4", "a%23b%3Fc.mp4"),
        ("videos/x.mp4", "videos/x.mp4"),
    ],
)
def test_address_is_relative_and_encoded(path: str, address: str) -> None:
    assert text.source(path, "/home/me/nb") == address
    page = parsed(html.clip(replace(DONE, video=path), folder="/home/me/nb", strip=b"jpeg"))
    # The player, and the clip behind it that stands there until it plays.
    assert [value for tag, name, value in page.attributes if (tag, name) == ("video", "src")] == [address, address]


def test_standing_picture_is_the_clip_and_behind_it_the_strip() -> None:
    page = str(html.clip(DONE, folder="/home/me/nb", strip=b"\xff\xd8jpeg"))
    image, standing, player = re.findall(r"<(?:img|video)[^>]*>", page)
    assert 'src="data:image/jpeg' in image
    assert 'preload="metadata"' in standing
    assert not {"controls", "poster", "autoplay"} & set(re.findall(r" (\w+)=", standing))
    assert 'preload="none"' in player
    assert {"controls", "poster"} <= set(re.findall(r" (\w+)=", player))
    assert 'width="1280" height="720"' in player
    shown = parsed(page).text
    for fact in ("done", "CNY 4.80", "1280×720", "8 s", "with sound", "2.5 MB", "seed 7", "3f9c12ab", "a cat walks"):
        assert fact in shown
    assert "≈" not in shown


@pytest.mark.parametrize(
    ("simulated", "said"), [(True, "Run the cell to make this clip."), (False, "The file of the clip is not here.")]
)
def test_where_the_file_is_missing_words_stand_that_the_clip_would_cover(simulated: bool, said: str) -> None:
    row = replace(DONE, simulated=simulated)
    page = str(html.clip(row, folder="/home/me/nb", strip=b"\xff\xd8jpeg"))
    strip, told, standing = page.index("<img"), page.index(f">Does it not load? {said}</span>"), page.index("<video")
    assert strip < told < standing
    assert said not in str(html.clip(row, folder="/home/me/nb", strip=b"\xff\xd8jpeg", embed=b"mp4"))


def test_place_of_the_clip_and_what_to_do_are_text(monkeypatch) -> None:
    monkeypatch.setenv("HOME", "/home/me")
    row = replace(DONE, video="wan_runs/videos/3f9c12ab34de.mp4")
    page = str(html.clip(row, folder="/home/me/nb"))
    shown = parsed(page).text
    assert ">wan_runs/videos/3f9c12ab34de.mp4</a>" in page
    for word in ("Does not play?", "~/nb/wan_runs/videos/3f9c12ab34de.mp4", "H.264", "%wan show 3f9c12ab --embed",
                 "%wan report", "3.4 MB"):  # fmt: skip
        assert word in shown
    table = parsed(html.board([row, row, replace(DONE, status=Status.FAILED)], folder="/srv/nb")).text
    assert table.count("A clip does not play?") == 1
    assert "/srv/nb/wan_runs/videos" in table
    assert "does not play" not in parsed(html.board([replace(DONE, status=Status.FAILED)])).text


@pytest.mark.parametrize("served", [True, False])
def test_what_the_server_reaches_is_known_better_than_guessed(served: bool) -> None:
    far = replace(DONE, video="/home/me/wan_runs/a.mp4")
    page = parsed(html.clip(far, folder="/home/me/a/b/c", served=served, strip=b"jpeg"))
    assert page.tags.count("video") == 2 * served
    near = parsed(html.board([DONE], folder="/home/me/nb", served=served))
    assert near.tags.count("video") == served


EVERY = [replace(DONE, prompt="a cat\n\n\n    walks\r\n\r\non\u2028", variant="calm\n\nx", status=status,
                 error_message="no\n\nreason", simulated=True) for status in Status]  # fmt: skip


@pytest.mark.parametrize("row", EVERY, ids=lambda row: row.status)
@pytest.mark.parametrize("kind", ["card", "table"])
def test_markdown_takes_an_output_for_one_block_of_html(row, kind) -> None:
    from markdown_it import MarkdownIt

    given = {"folder": "/home/me/nb", "strip": b"jpeg", "note": "a\n\nb"} if kind == "card" else {"title": "a\n\nb"}
    bundle = html.run_bundle(row, **given) if kind == "card" else html.board_bundle([row, DONE], **given)
    page = bundle["text/html"]
    (block,) = MarkdownIt("commonmark", {"html": True}).parse(f"before\n\n{page}\n\nafter")[3:-3]
    assert (block.type, block.content.strip()) == ("html_block", page)
    assert row.prompt.replace("\r\n", "\n").replace("\u2028", "\n") in parsed(page).text or kind == "table"


@pytest.mark.parametrize("row", EVERY, ids=lambda row: row.status)
def test_words_of_two_parts_are_apart_in_the_text_alone(row) -> None:
    """For readers that drop ``<span>`` and its like, as converters to text do."""
    glued = re.compile(r"\w(?:</?(?:span|strong|b|bdi|em|code|a)(?: [^>]*)?>)+\w")
    for page in (html.clip(replace(row, variant="up"), folder="/home/me/nb", note="paid"), html.board([row])):
        assert not glued.findall(str(page))


def test_request_is_there_as_code_while_there_is_room() -> None:
    page = parsed(html.clip(DONE, strip=b"x" * 12_000))
    assert "wan_nb.submit(" in page.text
    assert "first_clip=run" in page.text
    assert "Bearer $DASHSCOPE_API_KEY" in page.text
    long = {**REQUEST, "input": {**REQUEST["input"], "prompt": "x" * 4000}}
    assert parsed(html.clip(replace(DONE, request=long))).tags.count("details") == 1  # what comes next is always short


def test_strip_above_the_limit_is_left_out() -> None:
    assert "img" in parsed(html.clip(DONE, strip=b"x" * html.STRIP_BYTES)).tags
    assert "img" not in parsed(html.clip(DONE, strip=b"x" * (html.STRIP_BYTES + 1))).tags


def test_clip_is_never_put_into_the_page_unasked() -> None:
    assert "data:video" not in html.clip(DONE, strip=b"jpeg")
    assert 'src="data:video/mp4;base64,Y2xpcA=="' in html.clip(DONE, embed=b"clip")


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"status": Status.RUNNING, "billed_s": None}, ["running", "≈ CNY 4.80", "%wan show 3f9c12ab"]),
        ({"status": Status.FAILED, "error_message": "too dark", "error_code": "X.Y", "request_id": "r-1"},
         ["failed", "too dark", "X.Y", "r-1", "not billed"]),
        ({"status": Status.UNCERTAIN}, ["uncertain", "may exist and be billed", "%wan adopt", "≈ CNY"]),
        ({"status": Status.CANCELED}, ["canceled", "not billed"]),
        ({"status": Status.EXPIRED, "error_message": None}, ["expired", "No reason given"]),
        ({"simulated": True}, ["SIMULATED"]),
        ({"video": None}, ["not on this disk"]),
        ({"has_audio": False}, ["silent"]),
    ],
)  # fmt: skip
def test_state_is_said_in_words(changes, words) -> None:
    row = replace(DONE, **changes)
    for page in (html.clip(row), html.board([row])):
        shown = parsed(page).text
        assert not [word for word in words if word not in shown]


def test_a_receipt_is_no_estimate() -> None:
    assert text.price(DONE) == "CNY 4.80"
    assert text.price(replace(DONE, billed_s=None)) == "≈ CNY 4.80"


@pytest.mark.parametrize(
    ("model", "parameters", "media", "at_most"),
    [
        ("wan2.7-i2v", {"duration": 5}, [], False),
        ("wan3.0-video", {"duration": 5}, [], False),
        ("wan3.0-video", {"duration": -1}, [], True),
        ("wan3.0-video", {"duration": -1}, [{"type": "reference_video", "seconds": 4.0}], True),
        ("wan3.0-video", {"duration": 5}, [{"type": "reference_video"}], True),
        ("wan2.7-videoedit", {"duration": 0}, [{"type": "video", "seconds": 4.0}], False),
        ("wan2.7-videoedit", {"duration": 0}, [{"type": "video"}], True),
        ("wan2.7-videoedit", {"duration": 4}, [{"type": "video"}], True),
        ("wan2.7-r2v", {"duration": 5}, [{"type": "reference_image"}], False),
        ("wan2.7-r2v", {"duration": 5}, [{"type": "reference_video"}], True),
        ("happyhorse-1.0-video-edit", {}, [{"type": "video"}], True),
        ("wan3.0-video", "nonsense", "nonsense", False),
        ("wan3.0-video", {"duration": []}, [1, None, {"type": 5}], False),
    ],
)
def test_a_price_that_is_the_most_is_said_to_be_that_until_the_receipt(model, parameters, media, at_most) -> None:
    request = {"model": model, "input": {"prompt": "a", "media": media}, "parameters": parameters}
    row = replace(DONE, service="beijing", currency="CNY", status=Status.RUNNING, billed_s=None, request=request)
    word = "at most" if at_most else "≈"
    assert text.price(row) == f"{word} CNY 4.80"
    assert text.price_again(row).startswith(word)
    assert text.price(replace(row, status=Status.SUCCEEDED, billed_s=5.0)) == "CNY 4.80"
    # What the receipt was is not what the next one is going to be.
    assert text.price_again(replace(row, status=Status.SUCCEEDED, billed_s=5.0)).startswith(word)
    assert text.price(replace(DONE, status=Status.FAILED)) == "not billed"
    assert text.price(replace(DONE, cost=None)) == ""


def test_table_keeps_clips_folded_and_brings_few_pictures() -> None:
    rows = [replace(DONE, run_id=f"{i:012x}") for i in range(40)]
    strips = {row.run_id: b"x" * 15_000 for row in rows}
    page = parsed(html.board(rows, folder="/home/me/nb", strips=strips, title="walk"))
    assert page.tags.count("video") == 40
    assert page.tags.count("details") == 40 + 1
    assert page.tags.count("img") == html.BOARD_STRIPS
    assert "40 done" in page.text


def test_totals_leave_simulated_runs_out_of_sums() -> None:
    simulated = replace(DONE, simulated=True)
    failed = replace(DONE, status=Status.FAILED, currency="USD")
    assert (
        html.totals([DONE, DONE, simulated, failed]) == "3 done · 1 failed · spent CNY 9.60 · 1 simulated, not counted"
    )
    assert html.totals([simulated]) == "1 done · all simulated, nothing spent"


def test_empty_table_says_what_to_do() -> None:
    assert "%%wan" in parsed(html.board([])).text
    assert html.board_bundle([])["text/plain"] == "No runs here yet. A %%wan cell makes one."


def test_bundles_hold_no_widget() -> None:
    for bundle in (html.run_bundle(DONE), html.board_bundle([DONE, DONE])):
        assert set(bundle) == {"text/html", "text/plain"}
    assert html.run_bundle(DONE, note="paid before")["text/plain"].startswith("paid before\n")


def test_mark_and_word_are_different_for_every_state() -> None:
    assert set(text.STATES) == {status.value for status in Status}
    for part in range(2):
        assert len({look[part] for look in text.STATES.values()}) == len(text.STATES)
    assert text.state("SOMETHING_NEW") == ("·", "something_new", "wait", "wait")
    assert {look.tone for look in text.STATES.values()} == set(text.TONES)
    assert {look.group for look in text.STATES.values()} == set(text.GROUPS)
    assert text.ACTIVE == OPEN


def test_the_page_knows_no_state_and_no_colour_of_its_own() -> None:
    """It gets the table from the kernel; what it calls by name is in it, and its colours are those of the cards."""
    static = Path(html.__file__).parents[1] / "widgets" / "static"
    board = (static / "board.js").read_text("utf-8")
    named = set(re.findall(r'\.state [!=]== "(\w+)"', board))
    assert named
    assert named <= {status.value for status in Status}
    assert not any(f'"{word}"' in board for word in text.GROUPS.values())
    colours = dict(re.findall(r"--wan-(\w+): (\d+ \d+ \d+);", (static / "base.css").read_text("utf-8")))
    colours["off"] = colours[re.search(r"--wan-off: var\(--wan-(\w+)\)", (static / "board.css").read_text("utf-8"))[1]]
    assert colours == {tone: " ".join(map(str, parts)) for tone, parts in text.TONES.items()}


def test_python_snippet_makes_the_same_request() -> None:
    calls = []

    class wan_nb:  # noqa: N801
        @staticmethod
        def submit(*args, **kwargs):
            calls.append((args, kwargs))

    evil = 'a "quoted" \\ line\nnext {{x}} 夜'
    request = {**REQUEST, "input": {**REQUEST["input"], "prompt": evil}}
    exec(snippets.as_python(request), {"wan_nb": wan_nb, "true": 1})
    assert calls == [((evil,), {"first_frame": "my cat.png", "duration": 8, "seed": 7})]


def test_curl_snippet_has_no_key_and_survives_a_shell() -> None:
    import json
    import shlex

    request = {**REQUEST, "input": {**REQUEST["input"], "prompt": 'it\'s $HOME `id` "x"'}}
    words = shlex.split(snippets.as_curl(request).replace("\\\n", " "))
    body = json.loads(words[words.index("-d") + 1])
    assert body["input"]["prompt"] == 'it\'s $HOME `id` "x"'
    assert body["input"]["media"] == [{"type": "first_frame", "url": "<URL of my cat.png>"}]
    assert set(body) == {"model", "input", "parameters"}
    assert "Authorization: Bearer $DASHSCOPE_API_KEY" in words
    assert words[3] == "https://dashscope.aliyuncs.com/api/v1/services/aigc/video-generation/video-synthesis"


@pytest.mark.parametrize("negative", [None, "it's", "two\nlines", "{{y}}", "--flag", "ends;", "\\", " b "])
@pytest.mark.parametrize(
    "prompt", ["a cat", "{{x}} and \\{{", "---", "a\n--- b", "ends;", "ends\\;", "a\n\nb", "%%wan", "it's $x"]
)
def test_code_makes_the_same_request(prompt: str, negative: str | None) -> None:
    given = {"prompt": prompt, "media": [{"type": "first_frame", "name": "my cat's.png"}]}
    body = {
        "model": "wan2.7-i2v",
        "input": given | ({} if negative is None else {"negative_prompt": negative}),
        "parameters": {"duration": 7, "resolution": "1080P", "seed": 3, "prompt_extend": True},
    }
    fields = {name: value for name, value in snippets.fields_of(body).items() if name != "model"}
    wan_nb = SimpleNamespace(submit=lambda prompt, **more: {"prompt": prompt, **more})
    assert eval(snippets.as_python(body), {"wan_nb": wan_nb}) == fields
    head, _, text = snippets.as_cell(body).partition("\n")
    if "\n" in str(negative):  # which no line holds
        assert eval(text, {"wan_nb": wan_nb}) == fields
    else:
        cell = Cell.parse(head.removeprefix("%%wan"), text + "\n", lambda word: expand(word, {}, allow_objects=True))
        assert {"prompt": cell.variants[0][1], **cell.fields} == fields
        assert cell.raw or "{{" not in prompt
        assert not cell.silent


def test_cell_snippet_is_quoted_and_literal() -> None:
    cell = snippets.as_cell(REQUEST)
    assert cell == "%%wan --first-frame 'my cat.png' --duration 8 --seed 7\na cat walks"
    braces = {**REQUEST, "input": {"prompt": "a {{cat}}"}}
    assert snippets.as_cell(braces).startswith("%%wan --raw ")
    dashes = {**REQUEST, "input": {"prompt": "one\n--- two"}}
    assert snippets.as_cell(dashes).endswith("one\n\\--- two")


def test_material_from_memory_is_given_by_its_copy() -> None:
    item = {"type": "first_frame", "name": "the image", "path": "/x/frames/ab.png"}
    assert snippets.fields_of({"input": {"media": [item]}}) == {"first_frame": "/x/frames/ab.png"}


def test_static_pages_need_no_ipython() -> None:
    import subprocess
    import sys

    heavy = ("IPython", "ipywidgets", "pandas", "PIL")
    code = f"import sys, wan_nb.html.run_card; print([m for m in {heavy} if m in sys.modules])"
    here = Path(__file__).parents[2]
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=here)
    assert done.stdout.strip() == "[]"
