"""Tab behind %wan and %%wan: pure suggestions, and what IPython's completer makes of them."""

from __future__ import annotations

import inspect
import warnings

import pytest
from hypothesis import given
from hypothesis import strategies as st

import wan_nb
from wan_nb.api import catalog
from wan_nb.errors import InvalidOption
from wan_nb.grammar import options
from wan_nb.magics.completion import Known, suggest, typed
from wan_nb.magics.verbs import VERBS

pytest_plugins = ["fixtures_shell"]


@pytest.fixture
def known(tmp_path):
    for name in ("cat.jpg", "my cat.png", "it's.webp", "notes.txt", "voice.mp3", ".hidden.jpg"):
        (tmp_path / name).touch()
    (tmp_path / "frames").mkdir()
    (tmp_path / "frames" / "猫 1.bmp").touch()
    return Known(
        variables=lambda: ["cat", "count", "_private"],
        column={
            "run_id": ["3f9c01ab77de", "3f00aaaaaaaa", "77aabbccddee"],
            "study": ["walk", "two words"],
            "tags": ["keep"],
            "prompt": ["a prompt that is far too long to be picked from a list of values"],
        }.__getitem__,
        studies=lambda: ["walk", "two words"],
        folder=tmp_path,
    )


@pytest.mark.parametrize(
    ("before", "fragment", "some"),
    [
        ("%wan ", "", ["runs", "show", "doctor", "--help"]),
        ("%wan sh", "sh", ["show"]),
        ("  x = %wan re", "re", ["resume", "report"]),
        ("%wan --", "--", ["--help"]),
        ("%wan show ", "", ["3f9c01ab77de", "77aabbccddee"]),
        ("%wan show 3f", "3f", ["3f9c01ab77de", "3f00aaaaaaaa"]),
        ("%wan show --e", "--e", ["--embed"]),
        ("%wan compare tw", "tw", []),
        ("%wan compare ", "", ["walk", "'two words'"]),
        ("%wan connect s", "s", ["simulator", "singapore"]),
        ("%wan show ", "", ["walk", "'two words'"]),
        ("%wan cancel a", "a", ["all"]),
        ("%wan bundle ", "", ["walk.zip", "'two words.zip'", "wan_runs.zip"]),
        ("%wan runs study=", "study=", ["study=walk", "study='two words'"]),
        ("%wan runs prompt=", "prompt=", []),
        ("%wan runs text=", "text=", []),
        ("%wan runs simulated=", "simulated=", ["simulated=true", "simulated=false"]),
        ("%%wan --vary ", "", ["duration=", "resolution=", "watermark="]),
        ("%%wan --vary resolution=", "resolution=", ["resolution=720P", "resolution=1080P"]),
        ("%%wan --vary=duration=5,1", "duration=5,1", ["duration=5,10", "duration=5,15"]),
        ("%%wan --vary mood=", "mood=", []),
        ("%%wan -d 1", "1", ["10", "15"]),
        ("%%wan --tag ", "", ["keep"]),
        ("%wan runs sta", "sta", ["status=", "started_at="]),
        ("%wan runs status=SUC", "status=SUC", ["status=SUCCEEDED"]),
        ("%wan runs status=FAILED,SUC", "status=FAILED,SUC", ["status=FAILED,SUCCEEDED"]),
        ("%wan again --res", "--res", ["--resolution"]),
        ("%wan again --resolution ", "", ["720P", "1080P"]),
        ("%%wan ", "", ["--first-frame", "--no-watermark", "--help"]),
        ("%%wan --dr", "--dr", ["--driving-audio", "--dry-run"]),
        ("%%wan --resolution ", "", ["720P", "1080P"]),
        ("%%wan -r 7", "7", ["720P"]),
        ("%%wan --resolution=1", "1", ["1080P"]),
        ("%%wan --model wan2.7-i2v-", "wan2.7-i2v-", ["wan2.7-i2v-2026-04-25"]),
        ("%%wan --name tw", "tw", ["two words"]),
        ("%%wan --out c", "c", ["cat", "count"]),
        ("%%wan -f ", "", ["cat.jpg", "'my cat.png'", "frames/"]),
        ("%%wan -f my", "my", ["'my cat.png'"]),
        ("%%wan -f my\\ c", "my\\ c", ["'my cat.png'"]),
        ("%%wan -f 'my", "'my", ["'my cat.png'"]),
        ('%%wan -f "it', '"it', ['"it\'s.webp"']),
        ("%%wan -f frames/", "frames/", ["'frames/猫 1.bmp'"]),
        ("%%wan --first-frame=c", "c", ["cat.jpg"]),
        ("%%wan -a ", "", ["voice.mp3", "frames/"]),
        ("%%wan -f {{c", "c", ["cat}}", "count}}"]),
        ("%%wan --seed ", "", []),
        ("x = 3; wan ", "", []),
        ("%wanted ", "", []),
    ],
)
def test_suggestions(known, before, fragment, some) -> None:
    replaced, found = suggest(before, known)
    assert replaced == fragment
    assert set(some) <= set(found)
    if not some:
        assert found == []
    assert before.endswith(replaced)
    assert not [name for name in found if "notes.txt" in name or "hidden" in name or "_private" in name]


def test_options_that_are_given_are_not_offered_again(known) -> None:
    _, found = suggest("%%wan --duration 5 --no-watermark --tag a --", known)
    assert "--duration" not in found
    assert "--watermark" not in found
    assert "--tag" in found


def test_body_completes_variables_only(known) -> None:
    assert suggest("a {{co", known, body=True) == ("co", ["count}}"])
    assert suggest("%%wan --du", known, body=True) == ("", [])
    assert suggest("a \\{{co", known, body=True) == ("", [])


@given(st.text("ab '\"\\-={}%\t猫", max_size=20))
def test_any_line_can_be_completed(text) -> None:
    """Half a line is what completion always sees."""
    for start in ("%%wan ", "%wan ", "%wan runs "):
        replaced, _ = suggest(start + text, Known(lambda: ["a"], lambda _: ["a"], lambda: ["a"], folder=_NOWHERE))
        assert (start + text).endswith(replaced)


class _Nowhere:
    def __truediv__(self, _):
        raise FileNotFoundError


_NOWHERE = _Nowhere()


@given(st.lists(st.text("ab '\"\\猫", min_size=1, max_size=6), max_size=4))
def test_words_before_the_cursor_are_those_of_the_line(words) -> None:
    """Completion and parsing agree on where words end."""
    import shlex

    line = "".join(shlex.quote(word) + " " for word in words)
    try:
        assert list(typed(line).words) == options.split(line) == words
    except InvalidOption:
        pytest.fail("a line that was quoted right must split")


# --- in IPython


def completions(ip, text: str) -> list[str]:
    from IPython.core.completer import provisionalcompleter

    with provisionalcompleter(), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return [
            text[: one.start] + one.text + text[one.end :] for one in ip.shell.Completer.completions(text, len(text))
        ]


@pytest.mark.parametrize("jedi", [True, False])
def test_in_the_shell_nothing_else_is_mixed_in(ip, jedi) -> None:
    ip.shell.Completer.use_jedi = jedi
    assert completions(ip, "%wan re") == ["%wan resume", "%wan report"]
    assert completions(ip, "%%wan --res") == ["%%wan --resolution"]
    assert completions(ip, "%%wan --resolution=7") == ["%%wan --resolution=720P"]
    assert completions(ip, "%wan ") == [f"%wan {name}" for name in [*VERBS, "--help"]]


def test_in_the_shell_the_body_knows_variables(ip) -> None:
    ip.shell.user_ns["tabby"] = 1
    assert completions(ip, "%%wan -f {{") == ["%%wan -f {{tabby}}"]  # of the names that are there anyway, none
    assert completions(ip, "%%wan -d 5\na cat called {{tab") == ["%%wan -d 5\na cat called {{tabby}}"]


def test_other_cells_are_left_alone(ip) -> None:
    ip.shell.user_ns["wanted"] = 1
    assert "wanted" in completions(ip, "wante")


def test_tab_makes_no_folder_and_starts_nothing(ip, tmp_path) -> None:
    assert completions(ip, "%wan show 3") == []
    assert list(tmp_path.iterdir()) == []


def test_ids_and_studies_come_from_the_log(wan, cat) -> None:
    study = wan(f"%%wan -f {cat} -d 2 --seeds 1,2 --name 'two words' --max-cost 9 --wait\na cat")
    ids = {run.id for run in study.runs}
    assert {text.rpartition(" ")[2] for text in completions(wan, "%wan rate ")} == ids
    assert completions(wan, "%wan runs study=") == ["%wan runs study='two words'"]
    assert completions(wan, "%wan rank ") == ["%wan rank 'two words'"]


def test_python_twins_name_the_fields(ip) -> None:
    ip.shell.user_ns["wan_nb"] = wan_nb
    assert "wan_nb.submit(first_frame=" in completions(ip, "wan_nb.submit(first_f")
    fields = {f.name for f in catalog.FIELDS} - {"prompt"}
    for function in (wan_nb.submit, wan_nb.study, wan_nb.Session.submit, wan_nb.Session.study, wan_nb.Session.request):
        told = inspect.signature(function).parameters
        assert fields <= set(told)
        assert told["resolution"].default == "720P"
