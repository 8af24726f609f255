"""Eight kernels on one log and one budget, all through real sessions at once."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest
from common import FIELDS, assert_whole, creates
from kernels import context, ended, start_and_tell

import wan_nb
from wan_nb.errors import BudgetExceeded
from wan_nb.log.states import Status

KERNELS = 8


def _kernel(settings: dict[str, Any], cat: str, prompts: list[str], together: Any, told: Any) -> None:
    with wan_nb.Session(**settings) as session:
        session.workspace.runner  # noqa: B018
        together.wait(120)
        runs, refused = [], 0
        for prompt in prompts:
            try:
                runs.append(session.submit(prompt, first_frame=cat, **FIELDS))
            except BudgetExceeded:
                refused += 1
        states = [str(run.wait().status) for run in runs]
        told.send({"states": states, "refused": refused, "new": sum(not run.reused for run in runs)})


def together(settings: dict[str, Any], cat: str, prompts: list[list[str]]) -> list[dict[str, Any]]:
    barrier = context().Barrier(len(prompts))
    children = [start_and_tell(_kernel, settings, cat, mine, barrier) for mine in prompts]
    answers = [told.recv() for _, told in children]
    for child, told in children:
        assert ended(child) == 0
        told.close()
    return answers


def test_identical_requests_from_eight_kernels_make_one_post(settings, simulator, cat) -> None:
    answers = together(settings, cat, [["a cat walks"]] * KERNELS)
    assert creates(simulator) == (1, 1)
    assert sum(answer["new"] for answer in answers) == 1
    assert all(answer["states"] == ["SUCCEEDED"] for answer in answers)
    with wan_nb.Session(**settings) as session:
        assert len(session.log.find()) == 1
        assert_whole(session, simulator)


@pytest.mark.parametrize("each", [4, pytest.param(49, marks=[pytest.mark.soak, pytest.mark.timeout(1800)])])
def test_eight_kernels_share_log_and_limits(settings, simulator, cat, each) -> None:
    """Runs of its own for each kernel, and one that is the same everywhere."""
    simulator.limits(submits_per_second=20, queries_per_second=200)
    answers = together(settings, cat, [["the same", *(f"{n} {k}" for k in range(each))] for n in range(KERNELS)])
    assert all(set(answer["states"]) == {"SUCCEEDED"} for answer in answers)
    assert sum(answer["new"] for answer in answers) == KERNELS * each + 1
    assert creates(simulator)[1] == KERNELS * each + 1
    with wan_nb.Session(**settings) as session:
        rows = session.log.find()
        assert Counter(row.status for row in rows) == {Status.SUCCEEDED: KERNELS * each + 1}
        assert {row.task_id for row in rows} == {task["task_id"] for task in simulator.tasks()}
        assert_whole(session, simulator)


def _paying(settings: dict[str, Any], cat: str, prompts: list[str], together: Any, told: Any) -> None:
    """A kernel that takes the simulator for the real service, so that the budget counts."""
    with wan_nb.Session(**settings) as session:
        client = session.workspace.account.client
        real = client._note

        def note(response: Any) -> None:
            real(response)
            client.simulated = False

        client._note = note
        together.wait(120)
        runs, refused = [], 0
        for prompt in prompts:
            try:
                runs.append(session.submit(prompt, first_frame=cat, **FIELDS))
            except BudgetExceeded:
                refused += 1
        for run in runs:
            run.wait()
        told.send((len(runs), refused))


def test_one_budget_holds_over_all_kernels(settings, simulator, cat) -> None:
    """A clip costs 1.20, the budget is 12: ten of twenty-four, whoever comes first."""
    simulator.limits(submits_per_second=20, queries_per_second=200)
    barrier, mine = context().Barrier(KERNELS), {**settings, "budget": 12.0}
    children = [start_and_tell(_paying, mine, cat, [f"{n} {k}" for k in range(3)], barrier) for n in range(KERNELS)]
    answers = [told.recv() for _, told in children]
    for child, told in children:
        assert ended(child) == 0
        told.close()
    assert sum(made for made, _ in answers) == 10
    assert sum(refused for _, refused in answers) == KERNELS * 3 - 10
    assert creates(simulator)[1] == 10
    with wan_nb.Session(**mine) as session:
        assert round(session.spent("CNY"), 4) == 12.0
