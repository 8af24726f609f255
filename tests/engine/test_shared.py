"""A class: several people with processes and folders of their own, one log, one store, one account."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import pytest

import wan_nb
from wan_nb.api.catalog import CREATE_PATH

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    Come = Callable[..., "Person"]

pytest_plugins = ["fixtures_log"]
pytestmark = pytest.mark.people

SUPPORT = Path(__file__).parents[1] / "support"
FIELDS = {"duration": 2}


class Person:
    """A kernel of somebody: see ``shared_worker.py``."""

    def __init__(self, **settings: Any) -> None:
        self.folder = Path(settings["folder"])
        self._process = subprocess.Popen(
            [sys.executable, "-W", "error", str(SUPPORT / "shared_worker.py")],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self._say(settings)

    def __call__(self, verb: str, *arguments: Any) -> Any:
        self._say([verb, *arguments])
        answer = self._process.stdout.readline()
        assert answer, f"the kernel died in {verb}"
        return json.loads(answer)

    def _say(self, what: Any) -> None:
        self._process.stdin.write(json.dumps(what) + "\n")
        self._process.stdin.flush()

    def kill(self) -> None:
        self._process.kill()
        self._process.wait(30)

    def leave(self) -> None:
        self._process.stdin.close()
        assert self._process.poll() is not None or self._process.wait(60) == 0
        self._process.stdout.close()


@pytest.fixture(params=["url", "folder"])
def media(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Where the class keeps its clips."""
    return f"file://{tmp_path}/clips" if request.param == "url" else str(tmp_path / "clips")


@pytest.fixture
def come(simulator, log_url: str, tmp_path: Path) -> Iterator[Come]:
    """Give another person a kernel."""
    people: list[Person] = []

    def one(media: str, **settings: Any) -> Person:
        given = {"base_url": simulator.url, "api_key": simulator.key, "log": log_url, "media": media, "gap": 0.05}
        people.append(Person(folder=str(tmp_path / f"person{len(people)}"), **(given | settings)))
        return people[-1]

    yield one
    for person in people:
        person.leave()


@pytest.fixture
def cat(photos: Path) -> str:
    return str(photos / "cat.jpg")


def test_what_one_has_made_the_other_has_for_nothing(come: Come, simulator, media: str, cat: str) -> None:
    ada, ben = come(media), come(media)
    [made] = ada("submit", ["a cat walks"], cat, FIELDS)
    [made] = ada("wait", [made["id"]])
    [shown] = ben("submit", ["a cat walks"], cat, FIELDS)
    assert (shown["id"], shown["reused"], shown["status"]) == (made["id"], True, "SUCCEEDED")
    assert Path(shown["video"]).read_bytes() == Path(made["video"]).read_bytes()
    assert shown["sidecar"]
    assert Path(shown["video"]).is_relative_to(ben.folder) == media.startswith("file:")
    counters = simulator.counters()
    assert (counters["creates_received"], counters["downloads"]) == (1, 1)


def test_what_is_under_way_is_shared_and_fetched_once(come: Come, simulator, media: str, cat: str) -> None:
    simulator.config(run=2.0)
    people = [come(media) for _ in range(3)]
    prompts = [f"a cat walks {number}" for number in range(4)]
    with ThreadPoolExecutor(len(people)) as pool:
        told = list(pool.map(lambda person: person("submit", prompts, cat, FIELDS), people))
        ids = [[run["id"] for run in runs] for runs in told]
        ended = list(pool.map(lambda person, mine: person("wait", mine), people, ids))
    assert ids[0] == ids[1] == ids[2]
    assert sorted(sum(not runs[n]["reused"] for runs in told) for n in range(4)) == [1, 1, 1, 1]
    assert {(run["status"], bool(run["video"])) for runs in ended for run in runs} == {("SUCCEEDED", True)}
    counters = simulator.counters()
    assert (counters["creates_received"], counters["downloads"]) == (4, 4)


def test_who_waits_goes_on_when_the_sender_dies(come: Come, simulator, cat: str, tmp_path: Path) -> None:
    media = f"file://{tmp_path}/clips"
    simulator.config(run=3.0)
    ada, ben = come(media), come(media)
    [made] = ada("submit", ["a cat walks"], cat, FIELDS)
    [attached] = ben("submit", ["a cat walks"], cat, FIELDS)
    ada.kill()
    [ended] = ben("wait", [attached["id"]])
    assert (ended["id"], ended["status"]) == (made["id"], "SUCCEEDED")
    assert Path(ended["video"]).exists()
    assert simulator.counters()["creates_received"] == 1


def test_nothing_waits_to_look_and_waiting_brings(come: Come, cat: str, tmp_path: Path) -> None:
    media = f"file://{tmp_path}/clips"
    ada, ben = come(media), come(media)
    [made] = ada("submit", ["a cat walks"], cat, FIELDS)
    ada("wait", [made["id"]])
    [seen] = ben("look", [made["id"]])
    assert (seen["status"], seen["video"]) == ("SUCCEEDED", None)
    [brought] = ben("wait", [made["id"]])
    assert Path(brought["video"]).is_relative_to(ben.folder)


def test_forgotten_by_one_is_gone_from_the_store(come: Come, media: str, cat: str, tmp_path: Path) -> None:
    ada, ben = come(media), come(media)
    [made] = ada("submit", ["a cat walks"], cat, FIELDS)
    ada("wait", [made["id"]])
    ada("forget", made["id"])
    assert list((tmp_path / "clips" / "videos").glob("*")) == []
    assert ben("submit", ["a cat walks"], cat, FIELDS)["error"] == "NotFound"


def test_a_store_out_of_reach_costs_no_clip(come: Come, simulator, cat: str, tmp_path: Path) -> None:
    (tmp_path / "clips").write_text("a file is in the way")
    ada = come(f"file://{tmp_path}/clips")
    [made] = ada("submit", ["a cat walks"], cat, FIELDS)
    assert ada("wait", [made["id"]])["error"] == "DownloadFailed"
    (tmp_path / "clips").unlink()
    [ended] = ada("wait", [made["id"]])
    assert (ended["status"], bool(ended["video"])) == ("SUCCEEDED", True)
    assert (tmp_path / "clips" / "videos" / Path(ended["video"]).name).exists()
    counters = simulator.counters()
    assert (counters["creates_received"], counters["downloads"]) == (1, 1)


def test_one_budget(come: Come, simulator, cat: str, tmp_path: Path) -> None:
    """2 s of 720P cost CNY 1.20; ten fit under 12."""
    media = f"file://{tmp_path}/clips"
    people = [come(media, paid=True, budget=12.0) for _ in range(3)]

    def buy(number: int) -> list[str]:
        mine = [f"a cat walks {number} {i}" for i in range(6)]
        return [people[number]("submit", [prompt], cat, FIELDS) for prompt in mine]

    with ThreadPoolExecutor(len(people)) as pool:
        answers = [answer for told in pool.map(buy, range(3)) for answer in told]
    refused = [answer for answer in answers if isinstance(answer, dict)]
    assert {answer["error"] for answer in refused} == {"BudgetExceeded"}
    assert (len(answers) - len(refused), simulator.counters()["creates_accepted"]) == (10, 10)
    assert people[0]("spent") == pytest.approx(12.0)


def test_many_raters_one_ranking(come: Come, cat: str, tmp_path: Path) -> None:
    media = f"file://{tmp_path}/clips"
    people = [come(media) for _ in range(3)]
    prompts = {"calm": "a cat walks", "fast": "a cat dashes"}
    made = people[0]("study", "walk", prompts, cat, {**FIELDS, "seeds": [1, 2, 3]})
    assert [run["status"] for run in made] == ["SUCCEEDED"] * 6
    with ThreadPoolExecutor(len(people)) as pool:
        names = ["Ada", "Ben", "Cleo"]
        asked = list(pool.map(lambda person, name: person("vote", "walk", name, "fast"), people, names))
    assert min(asked) >= 3
    found = people[1]("ranking", "walk")
    assert found["votes"] == sum(asked)
    assert found["raters"] == ["Ada", "Ben", "Cleo"]
    assert "fast" in found["sentence"]


@pytest.mark.parametrize("kernels", [6])
def test_kernels_on_one_account_stay_civil(come: Come, simulator, cat: str, tmp_path: Path, kernels: int) -> None:
    """At the documented limits, together: nothing is lost, nothing is paid twice, 429s only slow them down."""
    simulator.config(run=0.3)
    simulator.limits(queries_per_second=6, submits_per_second=2)
    people = [come(f"file://{tmp_path}/clips", gap=0.3) for _ in range(kernels)]

    def work(number: int) -> list[dict[str, Any]]:
        told = people[number]("submit", [f"kernel {number}, clip {n}" for n in range(2)], cat, FIELDS)
        return people[number]("wait", [run["id"] for run in told])

    with ThreadPoolExecutor(kernels) as pool:
        ended = [run for runs in pool.map(work, range(kernels)) for run in runs]
    assert [run["status"] for run in ended] == ["SUCCEEDED"] * 2 * kernels
    counters = simulator.counters()
    assert (counters["creates_accepted"], counters["downloads"]) == (2 * kernels, 2 * kernels)
    assert counters["throttled"] > 0  # else the limits were never met


def test_an_adopted_task_has_the_model_that_the_list_tells(simulator, tmp_path: Path) -> None:
    """Else it would count as the dearest clip of all models, and have the checks of another one."""
    body = {"model": "wan2.7-t2v", "input": {"prompt": "a cat"}, "parameters": {"duration": 2}}
    with wan_nb.Session(
        base_url=simulator.url, api_key=simulator.key, folder=tmp_path / "wan_runs", gap=0.02
    ) as session:
        answer = httpx.post(simulator.url + CREATE_PATH, json=body, headers=simulator.headers, trust_env=False)
        [run] = session.adopt(answer.json()["output"]["task_id"])
        assert run.row.model == "wan2.7-t2v"
        assert run.wait().row.cost == 2.0  # 2 s in the tier that the service takes where none is given


def test_adopted_tasks_are_found_in_the_list_without_their_model(simulator, tmp_path: Path) -> None:
    """A list that is asked for the tasks of no model would name none of them."""
    simulator.config(run=1000.0, list_lag=1000.0)
    body = {"model": "wan2.7-i2v", "input": {"media": [{"type": "first_frame", "url": "https://example.org/cat.png"}]}}
    with wan_nb.Session(base_url=simulator.url, api_key=simulator.key, folder=tmp_path / "wan_runs") as session:
        answer = httpx.post(simulator.url + CREATE_PATH, json=body, headers=simulator.headers, trust_env=False)
        [run] = session.adopt(answer.json()["output"]["task_id"])
        assert run.row.model is None
        simulator.config(list_lag=0.0)
        session.resume()
        watching = session.workspace.account.watcher._watched
        while not watching:
            session.workspace.loop.sync(asyncio.sleep(0.05))
        model = next(iter(watching)).model
        page = session.workspace.loop.sync(session.workspace.account.client.list(model=model))
        assert [task.task_id for task in page.tasks] == [run.row.task_id]
