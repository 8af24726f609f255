"""Money for a job: its budget in the log, what it has cost, and who has spent it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from shared_worker import hide_the_simulator

from wan_nb.errors import BudgetExceeded, InvalidOption, LogError, NotFound
from wan_nb.handles.session import Session
from wan_nb.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytest_plugins = ["fixtures_shell"]


@pytest.fixture
def session(simulator: Any, tmp_path: Path) -> Iterator[Session]:
    with Session(base_url=simulator.url, api_key=simulator.key, folder=tmp_path / "runs", gap=0.02) as session:
        yield session


@pytest.fixture
def real(session: Session) -> Session:
    """A session that takes the simulator for a real service."""
    hide_the_simulator(session)
    return session


def submit(session: Session, prompt: str, photos: Any, **more: Any) -> Any:
    return session.submit(prompt, first_frame=photos / "cat.jpg", duration=2, **more)  # CNY 1.20


def test_a_job_is_refused_beyond_its_budget_and_other_jobs_are_not(real, photos) -> None:
    assert repr(real.budget("walk", 3)) == "walk: CNY 0.00 of 3.00 used, 3.00 left"
    for number in (1, 2):
        submit(real, f"cat {number}", photos, name="walk")
    with pytest.raises(BudgetExceeded, match=r"CNY 1.20 would pass the budget of 'walk': CNY 2.40 of 3.00"):
        submit(real, "cat 3", photos, name="walk")
    with pytest.raises(BudgetExceeded, match="'walk'"):
        submit(real, "cat 3", photos, tags="walk")
    submit(real, "cat 3", photos, name="run")
    (kept,) = real.budget("walk", "4.80")
    assert (kept.spent, kept.left, kept.currency) == (pytest.approx(2.4), pytest.approx(2.4), "CNY")
    submit(real, "cat 4", photos, tags=["walk"])
    with pytest.raises(BudgetExceeded, match="'walk'"):
        real.study(["a", "b"], name="walk", first_frame=photos / "cat.jpg", duration=2).submit(max_cost=9)
    assert not real.budget("walk", "off")
    submit(real, "cat 5", photos, name="walk")


def test_shares_of_people_and_other_currencies(real, photos) -> None:
    real.workspace.change(user="Ada")
    real.budget("walk", 100)
    real.budget("walk", 1.5, user="Ada")
    run = submit(real, "cat 1", photos, name="walk")
    assert run.row.user == "Ada"
    with pytest.raises(BudgetExceeded, match="'walk' for 'Ada'"):
        submit(real, "cat 2", photos, name="walk")
    real.workspace.change(user="Bo")
    submit(real, "cat 2", photos, name="walk")
    assert [repr(one) for one in real.budget("walk")] == [
        "walk: CNY 2.40 of 100.00 used, 97.60 left",
        "walk, Ada: CNY 1.20 of 1.50 used, 0.30 left",
    ]
    real.budget("trip", 9, currency="usd")
    with pytest.raises(BudgetExceeded, match="the budget of 'trip' is in USD, and this costs CNY"):
        submit(real, "cat 3", photos, name="trip")


@pytest.mark.parametrize("wrong", [-1, "much", float("nan"), True])
def test_what_is_no_budget_is_refused(session, wrong) -> None:
    with pytest.raises(InvalidOption):
        session.budget("walk", wrong)
    with pytest.raises(InvalidOption, match="no service bills"):
        session.budget("walk", 5, currency="EUR")
    with pytest.raises(InvalidOption, match="of a name or a tag"):
        session.budget(None, 5)


def test_rehearsals_are_told_and_never_refused(session, photos) -> None:
    session.budget("walk", 1)
    for number in range(2):
        submit(session, f"cat {number}", photos, name="walk")
    (told,) = session.budget("walk")
    assert repr(told) == "walk: CNY 0.00 of 1.00 used, 1.00 left; rehearsals would have been CNY 2.40"
    assert session.cost("walk").rehearsed == pytest.approx(2.4)


def test_what_a_job_has_cost(real, simulator, photos) -> None:
    real.workspace.change(user="Ada")
    plan = {"first_frame": photos / "cat.jpg", "duration": 2, "name": "walk"}
    real.study({"a": "a cat", "b": "a dgo"}, **plan).submit(max_cost=9).wait()
    real.workspace.change(user="Bo")
    study = real.study({"a": "a cat", "b": "a dog"}, **plan).submit(max_cost=9).wait()
    simulator.config(queue=600)
    waits = submit(real, "a hen", photos, tags="walk")
    cost = real.cost("walk")
    assert (cost.used, cost.replaced, cost.failed, cost.under_way) == (2, 1, 0, 1)
    assert (cost.paid, cost.paid_replaced, cost.reserved) == tuple(map(pytest.approx, (3.6, 1.2, 1.2)))
    assert cost.by_person == {"Ada": pytest.approx(2.4), "Bo": pytest.approx(2.4)}
    waits.cancel()
    study.runs[0].tag("dropped")
    cost = real.cost("walk")
    assert (cost.used, cost.replaced, cost.failed, cost.reserved) == (1, 2, 1, 0)
    assert "replaced: 2 clips, CNY 2.40" in repr(cost)
    other = real.study({"a": "a cat"}, seeds=[study.runs[0].row.seed], **{**plan, "name": "trip"}).submit(max_cost=0)
    assert other.runs[0] == study.runs[0]
    assert (real.cost("trip").taken_over, real.cost("trip").paid) == (1, 0)
    with pytest.raises(NotFound, match="no run has the name or the tag 'wlak'") as caught:
        real.cost("wlak")
    assert "walk" in str(caught.value)


def test_by_word(wan, cat, capsys) -> None:
    assert repr(wan("%wan budget walk CNY 150")) == "walk: CNY 0.00 of 150.00 used, 150.00 left"
    wan("%wan budget walk 50 --user Ada")
    assert len(wan("%wan budget")) == len(wan("%wan budget walk")) == 2
    wan("%wan budget walk off")
    assert [one.user for one in wan("%wan budget")] == ["Ada"]
    wan(f"%%wan -f {cat} -d 2 --name walk --wait\na cat")
    assert "would have been CNY 1.20" in repr(wan("%wan cost walk"))
    assert repr(wan("%wan budget walk 5 CNY")).startswith("walk: CNY 0.00 of 5.00 used, 5.00 left")
    for wrong in ("walk EUR 5", "walk CNY much", "walk 5 EUR"):
        with pytest.raises(InvalidOption):
            wan(f"%wan budget {wrong}")


def test_who_somebody_is() -> None:
    assert Settings.resolve({"JUPYTERHUB_USER": "ada", "USER": "root"}).user == "ada"
    for login, user in {"jovyan": "", "root": "", "Ada": "Ada"}.items():
        assert Settings.resolve({"USER": login}).user == user
    assert Settings.resolve({"WAN_NB_USER": "", "USER": "Ada"}).user == ""
    assert Settings.resolve({"USER": "Ada"}, user=" Bo ").user == "Bo"
    with pytest.raises(InvalidOption, match="user is a text"):
        Settings.resolve({}, user=3)


# --- a budget of the whole log, and its owner


def called(session: Session, user: str) -> Session:
    session.workspace.change(user=user)
    return session


def test_the_whole_log_and_each_person_have_a_budget(real, photos) -> None:
    called(real, "Tea").budget(None, 5)
    real.budget(None, 2.5, each=True)
    real.budget(None, 1.5, user="Bo")
    for name, allowed in {"Ada": 2, "Bo": 1, "Cy": 1}.items():
        called(real, name)
        for number in range(allowed):
            submit(real, f"{name} {number}", photos)
    with pytest.raises(BudgetExceeded, match=r"the budget of this log: CNY 4.80 of 5.00"):
        submit(real, "Cy again", photos)
    called(real, "Tea").budget(None, 50)
    with pytest.raises(
        BudgetExceeded, match=r"this log for 'Ada': CNY 2.40 of 2.50.*\nTea has set it.*CNY 3.60 --user Ada"
    ):
        submit(called(real, "Ada"), "Ada 3", photos, name="walk")
    with pytest.raises(BudgetExceeded, match=r"this log for 'Bo': CNY 1.20 of 1.50"):
        submit(called(real, "Bo"), "Bo 2", photos)
    submit(called(real, "Cy"), "Cy 2", photos)
    told = real.budget()
    assert [repr(one) for one in told] == [
        "all runs of this log: CNY 6.00 of 50.00 used, 44.00 left",
        "all runs of this log, each person: CNY 2.50; used: Ada 2.40, Bo 1.20, Cy 2.40",
        "all runs of this log, Bo: CNY 1.20 of 1.50 used, 0.30 left",
    ]
    assert [(one.user, one.study, one.job, one.clips, one.price) for one in told.refused] == [
        ("Bo", "", "", 1, pytest.approx(1.2)),
        ("Ada", "walk", "", 1, pytest.approx(1.2)),
        ("Cy", "", "", 1, pytest.approx(1.2)),
    ]
    assert real.cost().refused == told.refused
    assert "Ada, 1 clip for walk, CNY 1.20: CNY 1.20 would pass the budget of this log for 'Ada'" in repr(real.cost())
    assert [one.user for one in real.budget("walk").refused] == ["Ada"]


def test_people_without_a_name_share_one_share(real, photos, monkeypatch) -> None:
    called(real, "Tea").budget(None, 2.5, each=True)
    called(real, "")
    for number in (1, 2):
        submit(real, f"cat {number}", photos)
    with pytest.raises(BudgetExceeded, match=r"this log for people without a name: CNY 2.40 of 2.50"):
        submit(real, "cat 3", photos)
    submit(called(real, "Ada"), "cat 3", photos)


@pytest.mark.parametrize(
    ("by", "change"),
    [
        ("Ada", (None, 100)),
        ("Ada", (None, "off")),
        ("", ("lesson", 100)),
        ("Ada", ("lesson", 100)),
        ("ada", ("lesson", "off")),
    ],
    ids=str,
)
def test_only_the_owner_changes_a_budget(session, by: str, change: tuple[Any, ...]) -> None:
    called(session, "Tea").budget(None, 5)
    session.budget("lesson", 3)
    before = [repr(one) for one in session.budget()]
    called(session, by)
    with pytest.raises((LogError, InvalidOption), match=r"Tea's.*\nAsk Tea|nobody knows who this is"):
        session.budget(*change)
    with pytest.raises((LogError, InvalidOption)):
        session.budget(change[0], 9, user=by or "Ada")
    assert [repr(one) for one in session.budget()] == before
    assert repr(called(session, "Tea").budget("lesson", 4)).startswith("lesson: CNY 0.00 of 4.00")


def test_a_budget_of_ones_own_job_is_not_the_owner_of_the_log(session) -> None:
    called(session, "Tea").budget(None, 5)
    called(session, "Ada").budget("mine", 2)
    called(session, "Tea").budget("mine", 1)
    (mine,) = called(session, "Bo").budget("mine")
    assert (mine.amount, mine.set_by) == (1.0, "Tea")
    called(session, "Tea").budget(None, "off")
    called(session, "Ada").budget(None, 7)  # it had no owner any more


def test_a_budget_that_nobody_named_is_everybodys(session) -> None:
    called(session, "").budget("walk", 5)
    called(session, "Ada").budget("walk", 6)
    with pytest.raises(LogError, match="Ada's"):
        called(session, "Bo").budget("walk", 7)


def test_the_limit_of_one_order_and_rehearsals_are_no_refusals(session, photos) -> None:
    called(session, "Tea").budget(None, 0.5, each=True)
    with pytest.raises(BudgetExceeded):
        session.study(["a", "b"], first_frame=photos / "cat.jpg", duration=2).submit(max_cost=0.1)
    submit(session, "cat", photos)
    assert session.budget().refused == ()


def test_the_budget_of_24_hours_tells_what_it_refused(real, photos) -> None:
    called(real, "Ada").workspace.set_budget({"CNY": 1.0})
    with pytest.raises(BudgetExceeded):
        submit(real, "cat", photos)
    (refused,) = real.cost().refused
    assert (refused.user, refused.job, refused.clips, refused.currency) == ("Ada", None, 1, "CNY")
