"""%%wan in a real shell: what it loads, sends, returns, keeps and says."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

import wan_nb
from wan_nb.engine.posting import settle
from wan_nb.errors import (
    BudgetExceeded,
    InvalidMedia,
    InvalidOption,
    InvalidRequest,
    NotFound,
    OutcomeUnknown,
    Refused,
    RunFailed,
)
from wan_nb.grammar.cell import Cell
from wan_nb.grammar.template import expand
from wan_nb.handles import default
from wan_nb.handles.run import Run
from wan_nb.handles.study import Study
from wan_nb.magics.dry_run import DryRun
from wan_nb.magics.run_cell import study_text

pytest_plugins = ["fixtures_shell"]


def sent(simulator) -> list[dict]:
    """Bodies that the service received, oldest first."""
    return [task["body"] for task in simulator.tasks()]


def creates(simulator) -> int:
    return simulator.counters()["creates_received"]


# --- loading


HEAVY = ("pandas", "numpy", "ipywidgets", "anywidget", "httpx", "pydantic", "sqlalchemy", "av", "PIL", "nest_asyncio")


def test_loading_loads_nothing_heavy_and_opens_nothing(tmp_path) -> None:
    code = f"""
import sys, threading
from IPython.core.interactiveshell import InteractiveShell
shell = InteractiveShell.instance()
before, threads = set(sys.modules), threading.active_count()
sockets = []
sys.addaudithook(lambda event, args: sockets.append(args) if event.startswith("socket.") else None)
shell.run_line_magic("load_ext", "wan_nb")
new = set(sys.modules) - before
import json
print(json.dumps({{
    "heavy": [m for m in {HEAVY!r} if m in new], "ours": sorted(m for m in new if m.startswith("wan_nb")),
    "sockets": len(sockets), "threads": threading.active_count() - threads,
}}))
"""
    root = Path(__file__).resolve().parents[2]
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=True,
        cwd=tmp_path,
        env={"PYTHONPATH": str(root), "IPYTHONDIR": str(tmp_path), "HOME": str(tmp_path)},
    )
    found = json.loads(done.stdout.splitlines()[-1])
    assert found == {
        "heavy": [],
        "ours": ["wan_nb", "wan_nb.magics", "wan_nb.magics.first_line", "wan_nb.magics.magics", "wan_nb.version"],
        "sockets": 0,
        "threads": 0,
    }
    assert not (tmp_path / "wan_runs").exists()


def traces(shell) -> dict:
    """Everything that an extension may leave in a shell."""
    return {
        "magics": {kind: sorted(table) for kind, table in shell.magics_manager.magics.items()},
        "registry": sorted(shell.magics_manager.registry),
        "configurables": [type(one).__name__ for one in shell.configurables],
        "matchers": list(shell.Completer.custom_matchers),
        "transformers": list(shell.input_transformers_cleanup),
        "commands": dict(vars(shell.strdispatchers["complete_command"])),
        "events": {name: list(calls) for name, calls in shell.events.callbacks.items()},
    }


def test_unloading_leaves_no_trace_and_loading_again_works(bare_shell) -> None:
    bare_shell.find_line_magic("load_ext")  # IPython loads its own magics when they are used
    before = traces(bare_shell)
    for _ in range(2):
        bare_shell.run_line_magic("load_ext", "wan_nb")
        loaded = traces(bare_shell)
        assert "wan" in loaded["magics"]["line"]
        assert "wan" in loaded["magics"]["cell"]
        assert len(loaded["matchers"]) == len(before["matchers"]) + 1
        bare_shell.run_line_magic("reload_ext", "wan_nb")
        assert {k: len(v) for k, v in traces(bare_shell).items()} == {k: len(v) for k, v in loaded.items()}
        bare_shell.run_line_magic("unload_ext", "wan_nb")
        assert traces(bare_shell) == before


def test_unloading_leaves_the_magic_of_somebody_else(bare_shell) -> None:
    bare_shell.run_line_magic("load_ext", "wan_nb")
    mine = lambda line: line  # noqa: E731
    bare_shell.register_magic_function(mine, "line", "wan")
    bare_shell.run_line_magic("unload_ext", "wan_nb")
    assert bare_shell.magics_manager.magics["line"]["wan"] is mine


# --- help


@pytest.mark.parametrize(("magic", "says"), [("%wan", "doctor"), ("%%wan", "--first-frame")])
def test_question_mark_tells_the_tables(ip, magic, says) -> None:
    assert says in ip.shell.object_inspect(magic)["docstring"]


@pytest.mark.parametrize("cell", ["%%wan --help", "%%wan -h\n", "%%wan --help\na cat"])
def test_help_needs_no_body(ip, capsys, cell) -> None:
    assert ip(cell) is None
    said = capsys.readouterr().out
    assert "--negative-prompt" in said
    assert "{{name}}" in said


def test_empty_cell_is_told_by_us(ip) -> None:
    with pytest.raises(InvalidOption, match="the cell holds no prompt"):
        ip("%%wan -f cat.png")


# --- asking


def test_cell_gives_a_run_and_the_prompt_arrives_unchanged(wan, simulator, cat) -> None:
    prompt = 'it\'s a {cat} for $5 & 100% <script>alert(1)</script> "猫" \\n ; %who !ls'
    run = wan(f"%%wan --first-frame '{cat}' --duration 2 --tag keep,night\n{prompt}")
    assert isinstance(run, Run)
    assert sent(simulator)[0]["input"]["prompt"] == prompt
    assert sent(simulator)[0]["parameters"]["duration"] == 2
    assert run.row.tags == ("keep", "night")


def test_path_with_spaces_quotes_and_chinese(wan, simulator, cat, tmp_path) -> None:
    odd = tmp_path / "my best 'cat' 猫.jpg"
    odd.write_bytes(cat.read_bytes())
    run = wan(f'%%wan -f "{odd}" -d 2\na cat')
    assert Path(run.row.first_frame).name == odd.name


def test_variables_in_prompt_and_options(wan, simulator, cat) -> None:
    image = Image.open(cat)
    wan("%%wan -f {{pic}} -d {{n}} --name {{title}}\na {{who.name}}, \\{{not me}}",
        pic=image, n=3, title="two words", who=SimpleNamespace(name="tabby"))  # fmt: skip
    body = sent(simulator)[0]
    assert body["input"]["prompt"] == "a tabby, {{not me}}"
    assert body["parameters"]["duration"] == 3
    array = np.asarray(image)
    assert (
        wan("%%wan -f {{array}} -d 3 --name {{title}}\na tabby, {{who}}", array=array, who="x").row.study == "two words"
    )


def test_raw_prompt(wan, simulator, cat) -> None:
    wan("%%wan -f {{cat}} -d 2 --raw\na {{who}} \\{{x}}", cat=cat)
    assert sent(simulator)[0]["input"]["prompt"] == "a {{who}} \\{{x}}"


def test_run_as_material(wan, simulator, cat) -> None:
    simulator.config(clips="small", speed=100)
    wan("%%wan -f {{cat}} -d 2 --out first --wait\na cat walks", cat=cat)
    second = wan("%%wan -c {{first}} -d 3\nit goes on")
    assert [item["type"] for item in sent(simulator)[1]["input"]["media"]] == ["first_clip"]
    assert second.row.duration == 3


def test_model_that_is_not_known_is_said(wan, cat, capsys) -> None:
    with pytest.raises(Refused, match="ModelNotFound"):
        wan(f"%%wan -f {cat} -d 2 -m wan2.7-i2w\na cat")
    assert capsys.readouterr().out.startswith("model: wan2.7-i2w is not known here; checks and price are those of wan2")


def test_frame_of_a_clip_that_is_still_to_come(wan, simulator, cat) -> None:
    simulator.config(run=600)
    first = wan(f"%%wan -f {cat} -d 2\na cat")
    with pytest.raises(NotFound, match=r"not there yet: the run is (waiting|running)\.\nrun.wait\(\)"):
        first.frame(-1)


def test_changed_material_is_said(wan, capsys, tmp_path) -> None:
    turned = tmp_path / "phone.jpg"
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.new("RGB", (400, 300), "orange").save(turned, exif=exif)
    wan(f"%%wan -f {turned} -d 2\na cat;")
    said = capsys.readouterr().out.splitlines()
    assert len(said) == 1
    assert said[0].startswith("first_frame: ")


@pytest.mark.parametrize(
    "cell", ["%%wan -f {{cat}} -d 2 --out run\na cat;", "%%wan -f {{cat}} -d 2 --out run ;\na cat"]
)
def test_semicolon_silences(wan, simulator, capsys, cat, cell) -> None:
    assert wan(cell, cat=cat) is None
    assert capsys.readouterr().out == ""
    assert wan["run"].row.prompt == "a cat"


def test_same_cell_again_costs_nothing(wan, simulator, cat) -> None:
    cell = f"%%wan -f {cat} -d 2 --wait\na cat walks"
    first, second = wan(cell), wan(cell)
    assert (first.id, first.reused, second.reused) == (second.id, False, True)
    assert creates(simulator) == 1
    other = wan(cell.replace("--wait", "--wait --take 2"))
    assert (other.row.take, other.id != first.id) == (2, True)
    assert [wan(cell).id, wan(cell.replace("--wait", "--take 2")).id] == [first.id, other.id]
    assert creates(simulator) == 2
    with pytest.raises(InvalidOption, match=r"no option --again(.|\n)*--take 2"):
        wan(cell.replace("--wait", "--wait --again"))


def test_max_cost_of_one_clip(wan, simulator, cat) -> None:
    with pytest.raises(BudgetExceeded, match="--max-cost 1"):
        wan(f"%%wan -f {cat} -d 2 --max-cost 1\na cat")
    assert creates(simulator) == 0
    assert wan(f"%%wan -f {cat} -d 2 --max-cost 1.2\na cat").id


# --- refused before anything is sent


@pytest.mark.parametrize(
    ("line", "body", "kind", "says"),
    [
        ("-f missing.png", "a cat", InvalidMedia, "missing.png"),
        ("-f .", "a cat", InvalidMedia, ""),
        ("-f {{cat}} -d 16", "a cat", InvalidRequest, "from 2 to 15 s, not 16"),
        ("-f {{cat}} --resolution 4K", "a cat", InvalidRequest, "720P or 1080P"),
        ("-l {{cat}}", "a cat", InvalidRequest, "last_frame alone"),
        ("-m wan2.7-i2v", "a cat", InvalidRequest, "nothing is given"),
        ("-f {{cat}}", "a {{caat}}", InvalidOption, "Did you mean cat?"),
        ("-f {{cat}}", "x" * 5001, InvalidRequest, "5,001 characters, 1 more"),
        ("-f {{catt}}", "a cat", InvalidOption, "Did you mean cat?"),
        ("-f {{cat}} --colour red", "a cat", InvalidOption, "no option --colour"),
    ],
)
def test_bad_input_is_refused_in_three_lines(wan, simulator, cat, line, body, kind, says) -> None:
    with pytest.raises(kind) as caught:
        wan(f"%%wan {line} --out run\n{body}", cat=cat)
    assert says in str(caught.value)
    assert 1 <= len(caught.value._render_traceback_()) <= 3
    assert creates(simulator) == 0
    assert wan.magics.notebook.session().log.find() == []
    assert "run" not in wan


def test_error_output_is_short_and_tracebacks_can_be_had(ip, capsys) -> None:
    with pytest.raises(InvalidOption):
        ip("%%wan --nonsense\na")
    assert len(capsys.readouterr().out.strip().splitlines()) == 3
    ip("%config WanMagics.tracebacks = True")
    with pytest.raises(InvalidOption):
        ip("%%wan --nonsense\na")
    assert "Traceback" in capsys.readouterr().out


# --- waiting, and what the variable holds


def test_wait_returns_the_finished_run(wan, cat) -> None:
    assert wan(f"%%wan -f {cat} -d 2 --wait\na cat").video.exists()


def test_unattended_cells_wait_unless_told_otherwise(wan, simulator, cat) -> None:
    wan.unattended()
    assert wan(f"%%wan -f {cat} -d 2\na cat").status == "SUCCEEDED"
    simulator.config(run=600)
    assert wan(f"%%wan -f {cat} -d 2 --no-wait\na dog").status in {"PENDING", "RUNNING"}


def test_configured_wait(wan, cat) -> None:
    wan("%config WanMagics.wait = True")
    assert wan(f"%%wan -f {cat} -d 2\na cat").status == "SUCCEEDED"


def test_failed_run_is_raised_shown_and_kept(wan, simulator, cat, capsys) -> None:
    simulator.faults(endpoint="create", fail={"code": "DataInspectionFailed", "message": "output data may be bad"})
    with pytest.raises(RunFailed, match="DataInspectionFailed"):
        wan(f"%%wan -f {cat} -d 2 --wait --out run\na cat")
    assert wan["run"].status == "FAILED"
    assert "failed" in capsys.readouterr().out


def test_uncertain_run_is_kept_too(wan, simulator, cat, monkeypatch) -> None:
    simulator.faults(endpoint="create", reset=True, when="after")
    monkeypatch.setattr(settle, "LIST_SECONDS", 0.0)  # a list that does not come
    with pytest.raises(OutcomeUnknown):
        wan(f"%%wan -f {cat} -d 2 --out run\na cat")
    assert wan["run"].status == "UNCERTAIN"


def test_clip_that_is_gone_is_kept_in_the_variable(wan, cat) -> None:
    cell = f"%%wan -f {cat} -d 2 --wait --out run\na cat"
    wan(cell).video.unlink()
    with pytest.raises(NotFound, match="paid before"):
        wan(cell)
    assert wan["run"].video is None


# --- dry run


def test_dry_run_sends_nothing_and_hides_the_key(ip, cat, capsys, tmp_path) -> None:
    default.connect("http://127.0.0.1:9/api/v1", api_key="sk-very-secret-0123456789")
    dry = ip(f"%%wan -f {cat} -d 3 --dry-run --out plan\nit's a cat")
    said = capsys.readouterr().out
    assert isinstance(dry, DryRun)
    assert dry is ip["plan"]
    assert dry.payloads[0]["input"]["prompt"] == "it's a cat"
    assert dry.payloads[0]["input"]["media"][0]["url"] == f"<upload of {cat}>"
    assert (dry.price, dry.currency) == (pytest.approx(1.8), "CNY")
    assert "sk-very" not in said + repr(dry)
    assert '"duration": 3' in said
    assert "materials: image to video" in said
    assert not (tmp_path / "wan_runs" / "runs.db").exists()


def test_dry_run_has_the_seed_that_is_sent(wan, simulator, cat) -> None:
    dry = wan(f"%%wan -f {cat} -d 2 --name n --dry-run\na cat")
    wan(f"%%wan -f {cat} -d 2 --name n\na cat")
    assert dry.payloads[0]["parameters"] == sent(simulator)[0]["parameters"]


def test_dry_run_knows_what_is_there_already(wan, simulator, cat) -> None:
    cell = f"%%wan -f {cat} -d 2 --name n --wait --out run\na cat"
    dry = cell.replace("--wait", "--dry-run").replace("--out run", "")
    wan(cell)
    there = wan(dry)
    assert there.price == 0
    assert f"in the log already: run {wan['run'].id[:8]}" in repr(there)
    another = wan(dry.replace("--dry-run", "--dry-run --take 2"))
    assert another.price == pytest.approx(1.2)
    wan(cell.replace("--wait", "--wait --take 2"))
    assert another.payloads[0]["parameters"] == sent(simulator)[1]["parameters"]
    assert sent(simulator)[0]["parameters"]["seed"] != sent(simulator)[1]["parameters"]["seed"]
    wan["run"].video.unlink()
    assert f"the file of run {wan['run'].id[:8]} is gone" in repr(wan(dry.replace("--dry-run", "--dry-run --take 2")))


@pytest.mark.parametrize("name", ["", "--name walk"])
def test_an_edited_prompt_keeps_the_seed_of_a_study(wan, simulator, cat, name) -> None:
    cell = f"%%wan -f {cat} -d 2 {name} --max-cost 9 --wait\n--- calm\na cat\n--- fast\na cat runs"
    dry = wan(cell.replace("--wait", "--dry-run"))
    study = wan(cell)
    wan(cell.replace("--wait", "--dry-run").replace("a cat runs", "a cat sits"))
    assert wan("%wan show") is study  # not what was only tried
    edited = wan(cell.replace("a cat runs", "a cat dashes"))
    seeds = {body["parameters"]["seed"] for body in sent(simulator)}
    assert seeds == {payload["parameters"]["seed"] for payload in dry.payloads}
    assert len(seeds) == 1
    assert creates(simulator) == 3  # only the edited one is bought
    assert wan_nb.study(name=study.name).missing == wan_nb.study(name=edited.name).missing == []
    assert edited.runs[0].row.block == study.runs[0].row.block


def test_dry_run_of_a_study_adds_up(wan, simulator, cat) -> None:
    dry = wan(f"%%wan -f {cat} -d 2 --seeds 1,2 --dry-run\n--- a\na cat\n--- b\na dog")
    assert (len(dry.payloads), dry.price) == (4, pytest.approx(4.8))
    assert creates(simulator) == 0


def test_dry_run_checks(ip, cat) -> None:
    with pytest.raises(InvalidRequest, match="do not go together"):
        ip("%%wan -c https://example.org/c.mp4 -a https://example.org/a.mp3 --dry-run\na cat")


# --- studies


def test_study_is_a_plan_until_it_may_cost(wan, simulator, cat) -> None:
    cell = f"%%wan -f {cat} -d 2 --seeds 1,2 --name walk --tag x --out plan\n--- calm\na cat\n--- fast\na cat runs"
    study = wan(cell)
    assert isinstance(study, Study)
    assert study is wan["plan"]
    assert creates(simulator) == 0
    with pytest.raises(BudgetExceeded, match="--max-cost 4"):
        wan(cell.replace("--out plan", "--max-cost 4"))
    bought = wan(cell.replace("--out plan", "--max-cost 5 --wait"))
    assert [run.status for run in bought.runs] == ["SUCCEEDED"] * 4
    assert {run.row.tags for run in bought.runs} == {("x",)}
    assert creates(simulator) == 4


@pytest.mark.parametrize("unattended", [True, False])
def test_study_that_waits_needs_a_price(wan, simulator, cat, unattended) -> None:
    if unattended:
        wan.unattended()
    wait = "" if unattended else "--wait"
    with pytest.raises(InvalidOption, match="--max-cost"):
        wan(f"%%wan -f {cat} -d 2 --seeds 1,2 {wait}\na cat")
    assert creates(simulator) == 0


def test_study_fills_variables_and_leaves_the_varied(wan, simulator, cat) -> None:
    wan(
        "%%wan -f {{cat}} -d 2 --vary mood=calm,wild --max-cost 9 --wait\na {{mood}} {{pet}} in \\{{braces}}",
        cat=cat,
        pet="tabby {{x}}",
    )
    assert {body["input"]["prompt"] for body in sent(simulator)} == {
        "a calm tabby {{x}} in {{braces}}",
        "a wild tabby {{x}} in {{braces}}",
    }


texts = st.lists(
    st.sampled_from(["{{mood}}", "{{pet}}", "\\{{", "{", "}", "a", " ", "\\", "\n", "%", "$", "猫"]), max_size=8
).map("".join)


@given(texts, texts)
def test_filling_in_two_steps_is_filling_at_once(text, pet) -> None:
    """What the cell leaves for the study to fill gives the prompt that filling everything at once gives."""
    names = {"pet": pet}
    try:
        whole = expand(text, {**names, "mood": "calm"})
    except InvalidOption:
        return
    if "{{mood}}" not in text.replace("\\{{", ""):
        return
    cell = Cell(vary={"mood": ("calm",)})
    try:
        twice = expand(study_text(text, cell, names), {"mood": "calm"})
    except InvalidOption:
        assert "{{mood}}" in text
        assert pet.endswith(("{", "\\")) or "{{{mood" in text
        return
    assert twice == whole


# --- configuration


def test_service_is_said_once_when_nobody_chose_it(ip, cat, capsys) -> None:
    ip(f"%%wan -f {cat} --dry-run\na cat;")
    ip(f"%%wan -f {cat} --dry-run\na cat;")
    assert capsys.readouterr().out.count("SIMULATED") == 1


def test_configured_service_and_budget(ip) -> None:
    ip("%config WanMagics.service = 'http://127.0.0.1:9/api/v1'")
    ip("%config WanMagics.budget = {'CNY': 3}")
    settings = default.session().settings
    assert settings.service == "http://127.0.0.1:9/api/v1"
    assert settings.budget == {"CNY": 3.0, "USD": 7.0}
    ip("%config WanMagics.budget = 0")
    assert default.session().settings.budget == {"CNY": 0.0, "USD": 0.0}
    ip("%config WanMagics.service = ''")
    assert default.session().settings.service == "simulator"


def test_notices_are_off_until_they_are_configured(ip) -> None:
    assert default.session().settings.notify is False
    ip("%config WanMagics.notify = True")
    assert default.session().settings.notify is True
    ip("%config WanMagics.notify = False")
    assert default.session().settings.notify is False


def test_argument_beats_configuration_beats_environment(ip, simulator, monkeypatch) -> None:
    monkeypatch.setenv("DASHSCOPE_API_KEY", "sk-test")
    monkeypatch.setenv("DASHSCOPE_HTTP_BASE_URL", "http://127.0.0.1:9/api/v1")
    assert default.session().settings.service == "http://127.0.0.1:9/api/v1"
    ip("%config WanMagics.service = 'singapore'")
    assert default.session().settings.service == "singapore"
    ip(f"%wan connect {simulator.url}")
    assert default.session().settings.service == simulator.url


def test_configuration_file(bare_shell) -> None:
    bare_shell.config.WanMagics.service = "singapore"
    bare_shell.config.WanMagics.budget = 5.0
    bare_shell.run_line_magic("load_ext", "wan_nb")
    try:
        assert default.session().settings.service == "singapore"
        assert default.session().settings.budget["USD"] == 5.0
    finally:
        bare_shell.run_line_magic("unload_ext", "wan_nb")
        default.close()
        default.configure(service=None, budget=None)


def test_wrong_budget_does_not_stay(ip, caplog) -> None:
    ip("%config WanMagics.budget = 3.0")
    ip("%config WanMagics.budget = -1.0")
    assert "budget CNY must be a positive number" in caplog.text  # %config logs it, as for every wrong value
    assert ip.magics.budget == 3.0
    assert default.session().settings.budget["CNY"] == 3.0


def test_wrong_values_in_the_configuration_do_not_keep_it_from_loading(ip, caplog) -> None:
    ip("%config WanMagics.budget = 'much'")
    ip("%config WanMagics.service = 'beijng'")
    assert "no service called 'beijng'" in caplog.text
    ip("%config WanMagics.wait = True")
    caplog.clear()
    ip("%reload_ext wan_nb")
    assert caplog.text.count("is left as it was") == 2
    assert (ip.magics.wait, ip.magics.budget, ip.magics.service) == (True, None, "")
    assert default.session().settings.service == "simulator"


def test_config_lists_what_there_is(ip, capsys) -> None:
    ip("%config WanMagics")
    said = capsys.readouterr().out
    assert [name for name in ("service", "budget", "wait", "tracebacks") if f"WanMagics.{name}" not in said] == []
