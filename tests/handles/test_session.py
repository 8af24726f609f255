"""From a prompt to a clip on disk and a row in the log, against the real simulator."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from datetime import timedelta

import pytest
from PIL import Image

import wan_nb
from wan_nb.engine.posting import submit
from wan_nb.errors import (
    BudgetExceeded,
    DownloadFailed,
    InvalidMedia,
    InvalidOption,
    InvalidRequest,
    NotAuthorized,
    NotFound,
    OutcomeUnknown,
    Refused,
    RunExpired,
    RunFailed,
    Throttled,
    Unavailable,
    WaitTimeout,
)
from wan_nb.log.states import Status


@pytest.fixture
def session(simulator, tmp_path):
    with wan_nb.Session(
        base_url=simulator.url, api_key=simulator.key, folder=tmp_path / "wan_runs", gap=0.02, patience=1.0
    ) as opened:
        yield opened


@pytest.fixture
def cat(photos):
    return photos / "cat.jpg"


def creates(simulator) -> tuple[int, int]:
    """Creates that the service received and accepted."""
    counters = simulator.counters()
    return counters["creates_received"], counters["creates_accepted"]


# --- the way of a run


def test_a_run_ends_with_a_whole_clip_a_sidecar_and_a_typed_row(session, simulator, cat) -> None:
    run = session.submit("a cat walks", first_frame=cat, duration=2).wait()
    assert run.status is Status.SUCCEEDED
    assert run.video.read_bytes()[4:8] == b"ftyp"
    sidecar = json.loads(run.video.with_suffix(".json").read_text())
    assert sidecar["request"]["input"]["prompt"] == "a cat walks"
    assert sidecar["video_sha256"] == run.row.video_sha256
    frame = session.runs()
    assert list(frame.index) == [run.id]
    assert frame.loc[run.id, "billed_s"] == 2
    assert frame.loc[run.id, "cost"] == pytest.approx(1.2)
    assert bool(frame.loc[run.id, "simulated"])
    assert not list(run.video.parent.glob("*.part"))
    assert creates(simulator) == (1, 1)


def test_the_same_request_is_paid_once(session, simulator, cat) -> None:
    first = session.submit("a cat walks", first_frame=cat, duration=2)
    attached = session.submit("a cat walks", first_frame=cat, duration=2)
    first.wait()
    shown = session.submit("a cat walks", first_frame=str(cat), duration=2)
    assert {first.id} == {attached.id, shown.id}
    assert (first.reused, attached.reused, shown.reused) == (False, True, True)
    assert creates(simulator) == (1, 1)


def test_again_buys_the_next_take_with_another_seed_and_the_cell_still_shows_the_first(session, simulator, cat) -> None:
    first = session.submit("a cat walks", first_frame=cat, duration=2).wait()
    second = first.again().wait()
    assert second.id != first.id
    assert (second.row.take, second.row.attempt, second.row.seed != first.row.seed) == (2, 1, True)
    assert session.submit("a cat walks", first_frame=cat, duration=2).id == first.id
    assert creates(simulator) == (2, 2)


def test_again_with_a_change_keeps_the_seed(session, cat) -> None:
    first = session.submit("a cat walks", first_frame=cat, duration=2).wait()
    longer = first.again(duration=3)
    assert (longer.row.duration, longer.row.seed, longer.row.attempt) == (3, first.row.seed, 1)


def test_variants_of_one_picture_share_the_derived_seed_and_names_separate_them(session, cat) -> None:
    walk, run = (session.submit(p, first_frame=cat, duration=2).row.seed for p in ("walk", "run"))
    named = session.submit("walk", first_frame=cat, duration=2, name="other").row.seed
    assert walk == run != named


def test_a_file_that_is_gone_is_said_and_not_bought_again(session, simulator, cat) -> None:
    run = session.submit("a cat walks", first_frame=cat, duration=2).wait()
    run.video.unlink()
    with pytest.raises(NotFound, match="paid before"):
        session.submit("a cat walks", first_frame=cat, duration=2)
    assert session.submit("a cat walks", first_frame=cat, duration=2, take=2).wait().video
    assert creates(simulator) == (2, 2)


def test_a_run_is_material_for_the_next_one(session, simulator, cat) -> None:
    simulator.config(clips="small", speed=100)
    first = session.submit("a cat walks", first_frame=cat, duration=2).wait()
    assert first.frame(0).size == first.frame(-1).size == (first.row.width, first.row.height)
    assert session.submit("it goes on", first_clip=first, duration=3).wait().video
    simulator.config(clips="tiny")
    assert session.submit("another scene", first_frame=first, duration=2).wait().video


def test_a_run_that_is_under_way_is_waited_for_when_the_next_one_needs_it(session, simulator, cat) -> None:
    simulator.config(clips="small", speed=100)
    first = session.submit("a cat walks", first_frame=cat, duration=2)
    assert session.submit("it goes on", first_clip=first, duration=3).row.first_clip
    assert first.status == "SUCCEEDED"


def test_remarks_are_kept(session, cat) -> None:
    run = session.submit("a cat walks", first_frame=cat, duration=2).wait()
    run.rate(4).note("nice").tag("keep", "bright")
    with pytest.raises(InvalidOption, match="1 to 5"):
        run.rate(6)
    row = session.runs(tags="keep").iloc[0]
    assert (row["rating"], row["note"], row["tags"]) == (4, "nice", "keep, bright")


def test_a_prompt_arrives_unchanged(session, simulator, cat) -> None:
    prompt = "{braces} $HOME 100% <script>alert(1)</script> 'quotes' \"double\" \\n 猫在走 🐈\nsecond line"
    session.submit(prompt, first_frame=cat, duration=2)
    assert simulator.tasks()[0]["body"]["input"]["prompt"] == prompt


# --- refused before any POST, nothing reserved


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"duration": 1}, "duration"),
        ({"duration": 16}, "duration"),
        ({"duration": "abc"}, "duration"),
        ({"resolution": "4K"}, "resolution"),
        ({"prompt": "x" * 5001}, "prompt"),
        ({"prompt": "  "}, "prompt"),
        ({"negative_prompt": "x" * 501}, "negative_prompt"),
        ({"seed": -1}, "seed"),
        ({"first_frame": None, "last_frame": "cat.jpg"}, "last_frame"),
        ({"first_frame": "missing.jpg"}, "first_frame"),
        ({"first_frame": "."}, "first_frame"),
        ({"colour": "red"}, "colour"),
    ],
    ids=lambda value: str(value)[:40],
)
def test_bad_input_is_one_error_before_any_request(session, simulator, cat, monkeypatch, fields, field) -> None:
    given = {"prompt": "a cat walks", "first_frame": cat, **fields}
    if given.get("last_frame"):
        given["last_frame"] = cat
    with pytest.raises(InvalidRequest) as caught:
        session.submit(given.pop("prompt"), **given)
    assert caught.value.field == field
    assert len(caught.value._render_traceback_()) <= 3
    assert session.runs().empty
    assert simulator.counters()["creates_received"] == 0


def test_transparency_is_refused_with_its_fix(session, tmp_path) -> None:
    Image.new("RGBA", (300, 300), (0, 0, 0, 128)).save(tmp_path / "clear.png")
    with pytest.raises(InvalidMedia) as caught:
        session.submit("x", first_frame=tmp_path / "clear.png")
    assert "convert" in str(caught.value)


def test_a_budget_is_not_passed_and_simulated_runs_do_not_count(session, simulator, cat, tmp_path) -> None:
    with pytest.raises(BudgetExceeded, match="--max-cost"):
        session.submit("a cat walks", first_frame=cat, duration=2, max_cost=1)
    tight = wan_nb.Session(base_url=simulator.url, api_key="k", folder=tmp_path / "tight", budget=0.5, gap=0.02)
    with tight:
        assert tight.submit("a cat walks", first_frame=cat, duration=2).wait().cost == pytest.approx(1.2)
        assert tight.spent("CNY") == 0


# --- what the service says no to


def test_a_refusal_raises_and_the_log_says_why(session, simulator, cat) -> None:
    simulator.faults(endpoint="create", status=400, code="Arrearage", message="good standing", times=1)
    with pytest.raises(NotAuthorized) as caught:
        session.submit("a cat walks", first_frame=cat, duration=2)
    row = session.run(caught.value.run_id).row
    assert (row.status, row.error_code, row.cost) == (Status.FAILED, "Arrearage", 0)
    assert session.submit("a cat walks", first_frame=cat, duration=2).wait().video  # the next try is a new attempt


def test_a_wrong_key_is_said_before_anything_is_reserved(session, simulator, cat) -> None:
    simulator.faults(endpoint="list", status=401, code="InvalidApiKey", message="Invalid API-key provided.")
    with pytest.raises(NotAuthorized, match="InvalidApiKey"):
        session.submit("a cat walks", first_frame=cat, duration=2)
    assert session.runs().empty


def test_throttling_is_waited_through_and_posts_once_accepted(session, simulator, cat) -> None:
    simulator.faults(endpoint="create", status=429, code="Throttling.RateQuota", message="busy", times=2, retry_after=0)
    assert session.submit("a cat walks", first_frame=cat, duration=2).wait().video
    assert creates(simulator) == (3, 1)


def test_used_up_quota_is_not_sent_again(session, simulator, cat) -> None:
    message = "Free allocated quota exceeded."
    simulator.faults(endpoint="create", status=429, code="Throttling.AllocationQuota", message=message, times=-1)
    with pytest.raises(Throttled, match="quota"):
        session.submit("a cat walks", first_frame=cat, duration=2)
    assert creates(simulator) == (1, 0)


def test_a_failed_task_raises_from_wait_with_the_services_reason(session, simulator, cat) -> None:
    simulator.faults(endpoint="create", fail={"code": "DataInspectionFailed", "message": "output data may be bad"})
    run = session.submit("a cat walks", first_frame=cat, duration=2)
    with pytest.raises(RunFailed) as caught:
        run.wait()
    assert caught.value.code == "DataInspectionFailed"
    assert "again" in caught.value.remedy
    assert run.cost == 0


# --- answers that never came


@pytest.mark.parametrize("when", ["after", "before"])
def test_a_create_without_an_answer_is_settled_and_never_sent_again(session, simulator, cat, when) -> None:
    """Accepted with the answer lost: adopted. Lost on the way: said to be not accepted."""
    simulator.faults(endpoint="create", reset=True, when=when)
    if when == "after":
        run = session.submit("a cat walks", first_frame=cat, duration=2)
        assert run.wait().video
        assert creates(simulator) == (1, 1)
    else:
        with pytest.raises(Unavailable, match="did not take it"):
            session.submit("a cat walks", first_frame=cat, duration=2)
        assert session.runs().iloc[0]["status"] == "FAILED"
        assert creates(simulator) == (1, 0)


def test_a_500_that_was_accepted_is_adopted(session, simulator, cat) -> None:
    simulator.faults(endpoint="create", status=500, code="InternalError", message="oops", when="after")
    assert session.submit("a cat walks", first_frame=cat, duration=2).wait().video
    assert creates(simulator) == (1, 1)


def test_a_strangers_task_in_the_window_leaves_it_uncertain_until_a_person_decides(session, simulator, cat) -> None:
    with wan_nb.Session(base_url=simulator.url, api_key=simulator.key, folder="other", gap=0.02) as colleague:
        simulator.faults(endpoint="create", reset=True, when="after", skip=1)
        colleague.submit("another prompt", first_frame=cat, duration=2).wait()
        with pytest.raises(OutcomeUnknown):
            session.submit("a cat walks", first_frame=cat, duration=2)
    row = session.log.find()[0]
    assert row.status is Status.UNCERTAIN
    candidates = {task.task_id for task in session.strangers()}
    assert len(candidates) == 2
    mine = next(t["task_id"] for t in simulator.tasks() if t["body"]["input"]["prompt"] == "a cat walks")
    (run,) = session.adopt(mine)
    assert run.id == row.run_id
    assert run.wait().video
    assert creates(simulator) == (2, 2)


def test_no_connection_is_no_acceptance(session, cat, simulator, tmp_path) -> None:
    with wan_nb.Session(base_url="http://127.0.0.1:9/api/v1", api_key="k", folder=tmp_path / "off") as offline:
        offline.log  # noqa: B018
        with pytest.raises(Unavailable, match="cannot be reached"):
            offline.workspace.loop.sync(offline.workspace.account.client.create({"input": {"media": []}}))


# --- waiting


@pytest.mark.parametrize(
    "fault",
    [
        {"status": 429, "code": "Throttling.RateQuota", "retry_after": 0},
        {"status": 500, "code": "InternalError"},
        {"status": 502, "body": "<html>bad gateway</html>", "content_type": "text/html"},
        {"reset": True},
        {"body": '{"output": {"task_id"'},
        {"body": "[]"},
        {"word": "PAUSED"},
        {"word": "UNKNOWN"},
    ],
    ids=str,
)
def test_one_bad_look_is_survived(session, simulator, cat, fault) -> None:
    simulator.faults(endpoint="get", times=1, **fault)
    assert session.submit("a cat walks", first_frame=cat, duration=2).wait(timeout=60).video
    assert creates(simulator) == (1, 1)


def test_waiting_ends_at_its_limit_and_the_task_goes_on(session, simulator, cat) -> None:
    simulator.config(queue=0.0, run=3600)
    run = session.submit("a cat walks", first_frame=cat, duration=2)
    with pytest.raises(WaitTimeout) as caught:
        run.wait(timeout=0.05)
    assert run.id in str(caught.value) or run.id[:6] in str(caught.value)
    simulator.do(run.row.task_id, "finish")
    assert run.wait(timeout=60).video


def test_a_task_that_the_service_forgot_is_expired(session, simulator, cat) -> None:
    simulator.config(queue=0.0, run=3600)
    run = session.submit("a cat walks", first_frame=cat, duration=2)
    simulator.clock(25 * 3600)
    session.log.update(run.id, submitted_at=run.row.submitted_at.replace(year=2020))
    session.close()
    with (
        wan_nb.Session(base_url=simulator.url, api_key=simulator.key, folder=session.folder, gap=0.02) as later,
        pytest.raises(RunExpired),
    ):
        later.run(run.id).wait(timeout=60)


def test_a_waiting_task_is_canceled_and_a_running_one_says_why_not(session, simulator, cat) -> None:
    simulator.config(queue=3600, run=3600)
    run = session.submit("a cat walks", first_frame=cat, duration=2)
    assert run.cancel().status is Status.CANCELED
    assert run.cost == 0
    simulator.config(queue=0.0, run=3600)
    running = session.submit("a cat runs", first_frame=cat, duration=2)
    simulator.do(running.row.task_id, "start")
    with pytest.raises(Refused, match="PENDING") as caught:
        running.cancel()
    assert caught.value.code == "UnsupportedOperation"


# --- fetching


@pytest.mark.parametrize(
    "fault",
    [
        {"truncate": 0.5},
        {"truncate": 0.5, "short": True},
        {"status": 500},
        {"status": 403, "body": "<Error><Code>AccessDenied</Code></Error>", "content_type": "application/xml"},
        {"body": "<html>sorry</html>", "content_type": "text/html"},
        {"body": "not a clip at all", "content_type": "video/mp4"},
        {"reset": True},
    ],
    ids=str,
)
def test_a_bad_download_is_mended_and_never_carries_the_final_name(session, simulator, cat, fault) -> None:
    simulator.faults(endpoint="download", times=1, **fault)
    run = session.submit("a cat walks", first_frame=cat, duration=2).wait()
    assert run.video.stat().st_size == run.row.bytes
    assert [p.suffix for p in sorted(run.video.parent.iterdir())] == [".json", ".mp4"]


def test_a_clip_that_cannot_be_fetched_is_not_lost(session, simulator, cat) -> None:
    simulator.faults(endpoint="download", times=-1, status=404)
    run = session.submit("a cat walks", first_frame=cat, duration=2)
    with pytest.raises(DownloadFailed, match="paid"):
        run.wait()
    assert run.status is Status.DOWNLOADING
    simulator.clear_faults()
    (resumed,) = session.resume(wait=True)
    assert resumed.id == run.id
    assert run.video
    assert creates(simulator) == (1, 1)


def test_a_new_session_takes_up_what_another_left(session, simulator, cat) -> None:
    simulator.config(queue=0.0, run=3600)
    run = session.submit("a cat walks", first_frame=cat, duration=2)
    session.close()
    simulator.do(run.row_id if hasattr(run, "row_id") else simulator.tasks()[0]["task_id"], "finish")
    with wan_nb.Session(base_url=simulator.url, api_key=simulator.key, folder=session.folder, gap=0.02) as later:
        (resumed,) = later.resume(wait=True)
        assert resumed.id == run.id
        assert resumed.video
    assert creates(simulator) == (1, 1)


# --- studies


def test_a_study_buys_what_is_missing_and_only_that(session, simulator, cat) -> None:
    prompts = {"calm": "a cat walks", "fast": "a cat dashes"}
    study = session.study(prompts, name="walk", first_frame=cat, duration=2, seeds=[1, 2])
    assert (len(study.plan.cells), study.cost, simulator.counters()["creates_received"]) == (4, pytest.approx(4.8), 0)
    with pytest.raises(BudgetExceeded):
        study.submit(max_cost=4)
    study.submit(max_cost=5).wait()
    assert set(study.frame()["variant"]) == {"calm", "fast"}
    assert session.study(name="walk").missing == []
    changed = session.study({**prompts, "fast": "a cat races"}, name="walk", first_frame=cat, duration=2, seeds=[1, 2])
    assert len(changed.missing) == 2
    changed.submit(max_cost=5).wait()
    assert creates(simulator) == (6, 6)


def test_a_study_stays_under_the_running_limit_and_keeps_the_rest_at_home(session, simulator, cat) -> None:
    simulator.config(queue=0.0, run=0.2)
    study = session.study("a cat walks", name="many", first_frame=cat, duration=2, seeds=range(12))
    study.submit(max_cost=50).wait()
    counters = simulator.counters()
    assert counters["most_running"] <= 5
    assert (counters["creates_received"], counters["creates_accepted"]) == (12, 12)


def test_a_stopped_study_goes_on_where_it_was(session, simulator, cat) -> None:
    simulator.config(queue=3600, run=3600)
    study = session.study("a cat walks", name="stopped", first_frame=cat, duration=2, seeds=range(12)).submit()
    assert study.cancel() == 12
    simulator.config(queue=0.0, run=0.01)
    study.submit().wait()
    assert [str(run.status) for run in study.runs] == ["SUCCEEDED"] * 12


def test_many_runs_of_one_picture_upload_it_once(session, simulator, cat) -> None:
    session.study("a cat walks", name="many", first_frame=cat, duration=2, seeds=range(7)).submit().wait()
    assert simulator.counters()["uploads"] == 1


def test_an_upload_tells_how_far_it_is(session, tmp_path) -> None:
    import numpy as np

    noise = np.random.default_rng(1).integers(0, 256, (900, 1200, 3), dtype="uint8")
    told = []
    session.submit("noise", first_frame=noise, duration=2, progress=lambda *said: told.append(said))
    name, sent, total = told[-1]
    assert (name, sent) == ("first_frame", total)
    assert [sent for _, sent, _ in told] == sorted(sent for _, sent, _ in told)


@pytest.mark.parametrize("many", [False, True], ids=["a clip", "a study"])
def test_a_large_upload_says_in_one_line_how_far_it_is_and_only_once(session, capsys, many) -> None:
    import numpy as np

    noise = np.random.default_rng(2).integers(0, 256, (900, 1200, 3), dtype="uint8")

    def buy(prompt: str) -> str:
        if many:
            session.study(prompt, name=prompt, first_frame=noise, duration=2, seeds=range(3)).submit()
        else:
            session.submit(prompt, first_frame=noise, duration=2)
        return capsys.readouterr().err

    assert re.fullmatch(r"Uploading: 3\.2 MB in \d+ s\.\n", buy("noise"))
    assert buy("louder") == ""


def test_each_post_is_written_down_once_also_where_one_waits_for_another(session, cat, monkeypatch) -> None:
    monkeypatch.setattr(submit, "STAMP_LIFE", timedelta(hours=1))  # on a machine that stands still it is written anew
    real, posted = session.log.begin_post, []

    def begin_post(run_id, **told):
        posted.append(run_id)
        return real(run_id, **told)

    monkeypatch.setattr(session.log, "begin_post", begin_post)
    study = session.study("a cat walks", name="walk", first_frame=cat, seeds=[1, 2, 3], duration=2)
    study.submit(max_cost=20).wait(timeout=120)
    assert sorted(posted) == sorted(run.id for run in study.runs)


def test_a_first_submit_loads_only_what_it_needs_and_heavy_libraries_beside_the_main_thread(
    simulator, photos, tmp_path
) -> None:
    """`engine.loop.load` imports what is heavy, so a module that a session is made of must not."""
    code = f"""
import sys
from wan_nb.handles.default import Session
print(sorted({{"pydantic", "sqlalchemy", "httpx", "PIL", "numpy", "pandas", "av"}} & set(sys.modules)))
with Session(base_url={simulator.url!r}, api_key={simulator.key!r}, folder={str(tmp_path)!r}) as session:
    session.submit("a cat walks", first_frame={str(photos / "cat.jpg")!r}, duration=2)
    print(sorted({{"numpy", "pandas", "wan_nb.studies.plan", "wan_nb.studies.race.evidence"}} & set(sys.modules)))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=tmp_path, check=False)
    assert (done.stdout, done.stderr) == ("[]\n[]\n", "")
