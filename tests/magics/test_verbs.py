"""%wan: one table of verbs, each with help, a twin in Python, and its behaviour."""

from __future__ import annotations

import re
import zipfile

import pandas as pd
import pytest

import wan_nb
from wan_nb.errors import InvalidOption, NotAuthorized, NotFound, Refused
from wan_nb.grammar import options
from wan_nb.handles import default
from wan_nb.handles.run import Run
from wan_nb.handles.session import Session
from wan_nb.handles.study import Study
from wan_nb.magics import help as manual
from wan_nb.magics.verbs import VERBS

pytest_plugins = ["fixtures_shell"]

DESIGNED = {
    "runs", "show", "resume", "adopt", "cancel", "again", "rate", "compare", "vote", "votes", "rank", "report",
    "deliver", "cost", "budget", "note", "tag", "untag", "find", "form", "connect", "login", "doctor", "bundle",
    "forget", "fresh",
}  # fmt: skip


@pytest.fixture
def made(wan, cat):
    """Cells with one finished run, which is the last one of the session."""
    wan(f"%%wan -f {cat} -d 2 --wait --out run\na cat walks")
    return wan


# --- the table


def test_every_verb_of_the_design_is_there() -> None:
    assert set(VERBS) == DESIGNED


@pytest.mark.parametrize("verb", VERBS.values(), ids=lambda verb: verb.name)
def test_every_verb_has_a_twin_in_python(verb) -> None:
    owner, name = re.fullmatch(r"(?:wan_nb\.)?(\w+)(?:\(\))?\.(\w+)\(.*\)", verb.python).groups()
    home = {"wan_nb": wan_nb, "run": Run, "study": Study, "session": Session}[owner]
    assert callable(getattr(home, name))


@pytest.mark.parametrize("verb", VERBS.values(), ids=lambda verb: verb.name)
def test_every_verb_answers_help(ip, capsys, verb) -> None:
    for flag in ("-h", "--help"):
        assert ip(f"%wan {verb.name} {flag}") is None
        said = capsys.readouterr().out
        assert said.startswith(f"%wan {verb.name}")
        assert verb.help in said
        assert f"\n    %wan {verb.name}" in said or "\n    %config" in said, "an example"
        assert verb.python in said
        assert all(option.flag.removeprefix("--") in said for option in verb.options)


def test_help_and_tables_list_every_verb_and_option(ip, capsys) -> None:
    ip("%wan --help")
    said = capsys.readouterr().out
    for verb in VERBS.values():
        assert verb.usage in said
        assert f"`%wan {verb.usage}`".replace("|", r"\|") in manual.verb_table()
    for option in options.CELL:
        assert f"| `{options.usage(option)}` |" in manual.option_table()
        assert options.usage(option) in manual.cell_help()


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("shw", "Did you mean show?"),
        ("runs --limitt 3", "Did you mean --limit?"),
        ("runs --limit none", "--limit must be a whole number"),
        ("runs SUCCEEDED", "no filter"),
        ("runs stats=x", "Did you mean"),
        ("show", "no run yet in this session"),
        ("rate", "say how many stars, 1 to 5"),
        ("rate 3f9c 7", "a rating is 1 to 5, not 7"),
        ("resume all", "takes no argument, not all too"),
        ("show a b", "takes [ID|STUDY], not b too"),
        ("forget", "say of which run"),
        ("rank", "no study in this log yet"),
        ("compare", "no clip in this log yet"),
        ("rank {{cat}}", "a variable of type PosixPath is no study"),
        ("note", "say what is to be noted"),
        ("tag", "say which tag"),
        ("untag", "say which tag"),
        ("find", "say which words"),
        ("show {{cat}}", "a variable of type PosixPath is neither a run nor a study"),
        ("connect nowhere", "no service called 'nowhere'"),
        ("show 'x", "a quote is not closed"),
    ],
)
def test_slips_are_exceptions_that_help(wan, cat, line, says) -> None:
    wan.shell.user_ns["cat"] = cat
    with pytest.raises(InvalidOption) as caught:
        wan(f"%wan {line}")
    assert says in str(caught.value)


# --- looking


def test_alone_it_shows_the_board(made, capsys) -> None:
    capsys.readouterr()
    assert made("%wan") is None
    assert made["run"].id[:8] in capsys.readouterr().out


def test_runs_is_a_frame_with_filters(made) -> None:
    run = made["run"]
    frame = made("%wan runs status=SUCCEEDED,FAILED duration=2 text='cat walks' --limit 5")
    assert isinstance(frame, pd.DataFrame)
    assert list(frame.index) == [run.id]
    assert made("%wan runs simulated=false").empty
    assert made("%wan runs;") is None


def test_show_takes_nothing_an_id_a_beginning_a_variable_or_a_study(made) -> None:
    run = made["run"]
    for line in ("", run.id, run.id[:5], "{{run}}"):
        assert made(f"%wan show {line}").id == run.id
    made("%%wan -f {{cat}} -d 2 --seeds 1,2 --name walk --max-cost 9 --wait\na dog", cat=run.row.first_frame)
    assert isinstance(made("%wan show walk"), Study)
    with pytest.raises(NotFound, match="no run, study, label or tag is called 'nothing'") as caught:
        made("%wan show nothing")
    assert "mean" not in str(caught.value), "nothing is near"
    with pytest.raises(NotFound, match="Did you mean walk"):
        made("%wan show wlak")


def test_a_name_with_a_dot_or_a_slash_is_a_name_before_it_is_a_file(made) -> None:
    made("%wan tag 'v1.2,a/b'")
    for word in ("v1.2", "a/b", str(made["run"].video)):
        assert made(f"%wan show {word}").id == made["run"].id
        assert made(f"%wan deliver {word} -o one.zip").exists()
    with pytest.raises(NotFound, match=r"Did you mean v1\.2"):
        made("%wan show v1.3")
    with pytest.raises(NotFound, match=r"tag or file is called 'other\.mp4'"):
        made("%wan show other.mp4")


def test_show_embeds(made, capsys) -> None:
    assert made("%wan show --embed") is None


def test_cost(made, capsys) -> None:
    assert repr(made("%wan cost")) == repr(wan_nb.cost())
    said = capsys.readouterr().out
    assert "1 clip of 1 run, 2 s, CNY 1.20 SIMULATED, not billed" in said
    assert "CNY 0.00 of 50.00" in said


@pytest.fixture
def walked(made):
    """Cells with a finished study."""
    made(
        "%%wan -f {{cat}} -d 2 --seeds 1,2 --name walk --max-cost 9 --wait --out study\n--- a\na dog\n--- b\na hen",
        cat=made["run"].row.first_frame,
    )
    return made


def test_studies_are_compared_voted_on_ranked_and_reported(walked, tmp_path) -> None:
    run, study = walked["run"], walked["study"]
    assert len(walked("%wan compare walk").clips) == len(walked("%wan compare {{study}}").clips) == 4
    assert [clip["id"] for clip in walked(f"%wan compare {run.id[:6]} {study.runs[0].id}").clips] == [
        run.id,
        study.runs[0].id,
    ]
    assert "0 votes" in repr(walked("%wan vote walk"))
    assert repr(walked("%wan rank walk")) == repr(study.ranking())
    assert walked("%wan report walk -o walk.html").read_text().startswith("<!")
    assert (tmp_path / "walk.html").exists()
    last = study.rows()[-1]
    assert last.variant == "b"
    with zipfile.ZipFile(walked(f"%wan deliver walk {last.run_id[:6]} a -o finals.zip")) as archive:
        assert archive.namelist()[1:] == ["clips/01 b.mp4", "clips/02 a.mp4", "clips/03 a (2).mp4"]
    with pytest.raises(NotFound, match="zebra"):
        walked("%wan deliver walk zebra")


def test_without_an_id_it_is_the_last_run_or_study_of_the_session(walked) -> None:
    assert walked("%wan show") is walked["study"]
    assert walked("%wan report").name == "walk.html"
    assert walked("%wan deliver").name == "walk.zip"
    for line in ("rate 4", "again", "show --embed"):
        with pytest.raises(InvalidOption, match="'walk' is a study: say which of its runs"):
            walked(f"%wan {line}")
    assert walked("%wan show {{run}}").id == walked["run"].id  # it belongs to no study
    assert walked("%wan show").id == walked["run"].id
    assert [clip["id"] for clip in walked("%wan compare").clips][1] == walked["run"].id  # beside the one before it
    first = walked["study"].runs[0]
    assert walked(f"%wan rate {first.id} 5").id == walked("%wan show").id == first.id
    assert len(walked("%wan compare").clips) == len(wan_nb.compare().clips) == 4
    assert len(walked("%wan compare walk {{run}}").clips) == 5


def test_form_begins_with_a_run(made) -> None:
    assert made(f"%wan form {made['run'].id}").get_state("values")["values"]["prompt"] == "a cat walks"


# --- doing


def test_rate_and_again(made, simulator, capsys) -> None:
    first = made["run"]
    assert made("%wan rate 4").row.rating == 4
    assert "★★★★☆" in capsys.readouterr().out
    assert made(f"%wan rate {first.id[:6]} 2").row.rating == 2
    assert made("%wan again").id != first.id
    longer = made(f"%wan again {first.id} --duration 3")
    assert (longer.row.duration, longer.row.seed) == (3, first.row.seed)


def test_cancel_one_and_all(wan, simulator, cat, capsys) -> None:
    simulator.config(queue=600)
    wan(f"%%wan -f {cat} -d 2\na cat")
    assert wan("%wan cancel").status == "CANCELED"
    with pytest.raises(Refused, match="ended already"):
        wan("%wan cancel")
    wan(f"%%wan -f {cat} -d 2 --seeds 1,2 --max-cost 9\na cat")
    capsys.readouterr()
    assert wan("%wan cancel") is None  # the study
    assert capsys.readouterr().out == "2 canceled.\n"
    wan(f"%%wan -f {cat} -d 2 --seeds 3,4 --max-cost 9\na cat;")
    assert wan("%wan cancel all") is None
    assert capsys.readouterr().out == "2 canceled.\n"
    wan("%wan cancel all")
    assert capsys.readouterr().out == "Nothing is under way.\n"


def test_cancel_all_says_what_goes_on(wan, simulator, cat, capsys) -> None:
    simulator.config(run=600)
    run = wan(f"%%wan -f {cat} -d 2\na cat")
    simulator.do(run.row.task_id, "start")
    capsys.readouterr()
    wan("%wan cancel all")
    assert "0 canceled. 1 already running: the service cannot stop" in capsys.readouterr().out


def test_resume(wan, simulator, cat, capsys) -> None:
    wan("%wan resume")
    assert capsys.readouterr().out == "Nothing is under way.\n"
    simulator.config(run=600)
    run = wan(f"%%wan -f {cat} -d 2\na cat;") or wan("%wan show")
    simulator.do(run.row.task_id, "finish")
    wan("%wan resume --wait")
    assert run.status == "SUCCEEDED"


def test_adopt(wan, simulator, cat, capsys, tmp_path) -> None:
    assert wan("%wan adopt") is None
    assert "in this log" in capsys.readouterr().out
    with wan_nb.Session(base_url=simulator.url, api_key=simulator.key, folder=tmp_path / "other", gap=0.02) as other:
        task_id = other.submit("a cat", first_frame=cat, duration=2).wait().row.task_id
    assert [listed.task_id for listed in wan("%wan adopt")] == [task_id]
    assert [run.row.task_id for run in wan(f"%wan adopt {task_id}")] == [task_id]


def test_forget_asks_deletes_files_and_keeps_the_row(made, capsys, monkeypatch) -> None:
    run = made["run"]
    video = run.video
    monkeypatch.setattr("builtins.input", lambda question: asked.append(question) or answers.pop())
    asked, answers = [], ["y", "", "nope"]
    for _ in range(2):
        assert made(f"%wan forget {run.id[:6]}") is None
        assert "Nothing was deleted" in capsys.readouterr().out
        assert video.exists()
    assert run.id[:8] in asked[0]
    assert "a cat walks" in asked[0]
    made(f"%wan forget {run.id[:6]}")
    assert f"The files of run {run.id[:8]} are deleted" in capsys.readouterr().out
    assert not video.exists()
    assert not video.with_suffix(".json").exists()
    assert (run.video, run.cost) == (None, pytest.approx(1.2))


def test_connect_and_login(ip, simulator, monkeypatch) -> None:
    chosen = ip("%wan connect simulator")
    assert chosen.settings.service == "simulator"
    assert ip("%wan connect") is chosen, "which run was the last one is still known"
    with pytest.raises(NotAuthorized, match="no key"):
        ip("%wan connect singapore")
    assert default.session().settings.service == "simulator"
    monkeypatch.setattr("getpass.getpass", lambda prompt: " sk-typed-0123456789 ")
    session = ip("%wan login singapore")
    assert (session.settings.api_key, session.settings.service) == ("sk-typed-0123456789", "singapore")
    assert "sk-typed" not in repr(session)
    monkeypatch.setattr("getpass.getpass", lambda prompt: pytest.fail("a key is asked for"))
    with pytest.raises(InvalidOption, match="no service called 'nowhere'"):
        ip("%wan login nowhere")
    ip.unattended()
    with pytest.raises(InvalidOption, match="nobody is there"):
        ip("%wan login")


def test_bundle_and_doctor_are_reached(made, tmp_path) -> None:
    assert made("%wan bundle take.zip") == tmp_path / "take.zip"
    assert made("%wan doctor") == wan_nb.doctor()


def test_what_deletes_needs_a_word_where_nobody_can_be_asked(made) -> None:
    run = made["run"]
    made.unattended()
    with pytest.raises(InvalidOption, match="nobody is there to be asked; nothing was deleted"):
        made("%wan forget {{run}}")
    assert run.video.exists()
    made("%wan forget {{run}} --yes")
    assert run.video is None


# --- what a word means


def test_nothing_is_bought_or_proposed_for_a_word_that_means_nothing(walked, simulator) -> None:
    before = simulator.counters()["creates_received"]
    for verb in ("again", "show", "rate 3", "cancel", "forget", "vote", "compare", "tag x"):
        name, _, rest = verb.partition(" ")
        with pytest.raises((NotFound, InvalidOption), match="orbit") as caught:
            walked(f"%wan {name} orbit {rest}")
        assert all(run.id[:4] not in str(caught.value) for run in walked["study"].runs)
    assert simulator.counters()["creates_received"] == before


def test_a_word_is_a_study_a_run_a_label_a_tag_or_a_variable(walked, capsys) -> None:
    study, run = walked["study"], walked["run"]
    first, other = study.rows()[0], study.rows()[-1]
    walked(f"%wan tag {first.run_id} sunny")
    assert walked("%wan show sunny").id == walked("%wan rate sunny 3").id == first.run_id
    assert walked("%wan show run").id == run.id
    assert walked("%wan rank walk", walk=study).blocks == walked("%wan rank study").blocks, "a variable of its name"
    assert walked("%wan rank sunny").blocks == walked("%wan rank walk").blocks
    with pytest.raises(InvalidOption, match="'a' is a label of 2 runs: say which") as caught:
        walked("%wan again a")
    assert all(row.run_id[:8] in str(caught.value) for row in study.rows() if row.variant == "a")
    with pytest.raises(InvalidOption, match="'walk' is a study: say which of its runs") as caught:
        walked("%wan rate walk 3")
    assert first.run_id[:8] in str(caught.value)
    assert len(walked("%wan compare b").clips) == len(walked("%wan compare label=b").clips) == 2
    walked(f"%wan tag {other.run_id} a")
    with pytest.raises(InvalidOption, match="means several things") as caught:
        walked("%wan compare a")
    assert "label=a (2 runs) or tag=a (1 run)" in str(caught.value)
    assert [clip["id"] for clip in walked("%wan compare tag=a").clips] == [other.run_id]
    assert walked("%wan show b") is None
    assert other.run_id[:8] in capsys.readouterr().out


def test_notes_and_tags_by_word(walked, capsys) -> None:
    run = walked(f"%wan show {walked['run'].id}")
    assert walked('%wan note "the tail drifts"').row.note == "the tail drifts"
    assert walked(f"%wan note {run.id[:6]} its ear glows").row.note == "its ear glows"
    with pytest.raises(InvalidOption, match="'the'") as caught:
        walked("%wan note the tail drifts")
    assert "in quotes" in str(caught.value)
    assert run.row.note == "its ear glows"
    assert walked('%wan note ""').row.note is None
    assert walked("%wan tag keep,bright").row.tags == ("keep", "bright")
    assert walked(f"%wan untag {run.id} bright dark").row.tags == ("keep",)
    assert walked("%wan tag walk best") is None
    assert all(row.tags == ("best",) for row in walked["study"].rows())
    assert walked("%wan untag walk best") is None
    assert not any(row.tags for row in walked["study"].rows())


def test_find_looks_in_prompt_note_tag_label_and_study(walked, capsys) -> None:
    study, run = walked["study"], walked["run"]
    run.note("its ear GLOWS in the dark").tag("sunny")
    everything = {one.id for one in study.runs}
    for words, expected in (
        ("glow", {run.id}),
        ("ear dark", {run.id}),
        ("sunny cat", {run.id}),
        ("dog", {row.run_id for row in study.rows() if row.variant == "a"}),
        ("WALK", everything | {run.id}),
        ("walk hen", {row.run_id for row in study.rows() if row.variant == "b"}),
        ("%", set()),
        ("glow dog", set()),
    ):
        assert set(walked(f"%wan find {words}").index) == set(wan_nb.find(words).index) == expected, words
    said = capsys.readouterr().out
    assert f"run {run.id[:8]}" in said
    assert "No prompt, note, tag or label has glow dog in it." in said
    assert len(walked("%wan find walk --limit 2")) == 2
    with pytest.raises(InvalidOption):
        wan_nb.find("  ")


def test_filters_that_nothing_passes_name_the_nearest_value(walked, capsys) -> None:
    walked["run"].tag("sunny")
    for filters, says in {
        "study=walkk": "No run has study=walkk. Did you mean study=walk?",
        "study=zebra": "No run has study=zebra.",
        "variant=A": "No run has variant=A. Did you mean variant=a?",
        "tags=suny": "No run has tags=suny. Did you mean tags=sunny?",
        "seed=3": "No run has seed=3. Did you mean seed=2?",
        "study=walk text=cat": "together",
        "status=FAILED": "No run has status=FAILED",
    }.items():
        walked(f"%wan runs {filters}")
        assert says in capsys.readouterr().out


def test_a_word_of_few_digits_is_no_run(walked, simulator) -> None:
    row = walked["study"].rows()[0]
    before = simulator.counters()["creates_received"]
    for verb in ("again", "forget", "show", "rate"):
        with pytest.raises(NotFound, match="is called"):
            walked(f"%wan {verb} {row.run_id[:3]}{' 4' if verb == 'rate' else ''}")
    assert simulator.counters()["creates_received"] == before
    assert walked(f"%wan show {row.run_id[:4]}").id == row.run_id


def test_what_a_verb_is_to_write_is_never_a_run(walked) -> None:
    for line in ("tag {{run}}", "untag {{run}}", "note {{run}}", "rate {{run}}", "rate", "tag", "note"):
        with pytest.raises(InvalidOption, match=r"^say "):
            walked(f"%wan {line}")


def test_a_tag_that_nobody_has_changes_nothing_and_says_so(walked, capsys) -> None:
    walked("%wan tag walk keep")
    walked("%wan untag walk keeep")
    walked("%wan untag walk keep")
    count = len(walked["study"].rows())
    told = [line for line in capsys.readouterr().out.splitlines() if "changed" in line]
    assert told == [
        f"{count} of {count} runs changed.",
        f"0 of {count} runs changed.",
        f"{count} of {count} runs changed.",
    ]


def test_a_state_is_named_by_the_word_that_is_seen(walked) -> None:
    every = walked("%wan runs status=SUCCEEDED")
    assert [*walked("%wan runs status=Done").index] == [*every.index]
    assert len(every)
    assert "Columns" not in walked.shell.display_formatter.format(walked("%wan runs status=failed"))[0]["text/plain"]


def test_one_run_is_delivered_alone_with_or_without_a_study(walked, tmp_path) -> None:
    with zipfile.ZipFile(walked("%wan deliver {{run}}")) as archive:
        assert len([name for name in archive.namelist() if name.endswith(".mp4")]) == 1
    one = walked["study"].rows()[0]
    with zipfile.ZipFile(walked(f"%wan deliver {one.run_id[:8]} -o one.zip")) as archive:
        assert archive.namelist()[1:] == [f"clips/01 {one.variant}.mp4"]
