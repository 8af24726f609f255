"""The log against a model of it that fits on one page: any order of reservations, posts, news and waiting."""

import contextlib
import tempfile
from datetime import datetime, timedelta

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, invariant, rule
from log_kit import Clock

from wan_nb.errors import BudgetExceeded, LogError
from wan_nb.log.runlog import RunLog
from wan_nb.log.states import EVENTS, OPEN, Event, Status

CAP = 10
PROMPTS = ["cat", "dog"]


class Known:
    """What the model knows of one run."""

    def __init__(
        self, name: str, take: int, attempt: int, prompt: str, price: int, owner: str, simulated: bool, now: datetime
    ):
        self.name, self.take, self.attempt, self.prompt, self.cost = name, take, attempt, prompt, price
        self.owner, self.simulated, self.created = owner, simulated, now
        self.status, self.posted, self.posting = Status.INTENDED, None, False

    def counts(self, now: datetime) -> bool:
        young = (self.posted or self.created) >= now - timedelta(hours=24)
        return not self.simulated and (young or self.status is Status.INTENDED)


class Model(RuleBasedStateMachine):
    ids = Bundle("ids")

    def __init__(self) -> None:
        super().__init__()
        self.folder = tempfile.TemporaryDirectory()
        self.clock = Clock()
        self.log = RunLog(f"sqlite:///{self.folder.name}/runs.db", now=self.clock)
        self.runs: dict[str, Known] = {}
        self.pinned: dict[str, int] = {}

    def teardown(self) -> None:
        self.log.close()
        self.folder.cleanup()

    def spent(self) -> int:
        return sum(run.cost for run in self.runs.values() if run.counts(self.clock.now))

    @rule(
        target=ids,
        name=st.sampled_from("abc"),
        prompt=st.sampled_from(PROMPTS),
        price=st.integers(0, 6),
        take=st.sampled_from([None, None, 1, 2, "next"]),
        simulated=st.booleans(),
        owner=st.sampled_from(["me", "you"]),
    )
    def reserve(self, name: str, prompt: str, price: int, take: int | str | None, simulated: bool, owner: str) -> str:
        named = [run for run in self.runs.values() if run.name == name]
        bought = max((run.take for run in named if run.status not in {Status.FAILED, Status.CANCELED}), default=0)
        number = bought + 1 if take == "next" else take or self.pinned.get(name, 1)
        last = max((run for run in named if run.take == number), key=lambda r: r.attempt, default=None)
        intent = {"fingerprint": name, "prompt": prompt, "simulated": simulated}
        intent |= {"cost": float(price), "currency": "CNY", "take": None if take == "next" else take}
        attach = last is not None and last.status in OPEN | {Status.SUCCEEDED, Status.EXPIRED}
        refused = not attach and not simulated and price > 0 and self.spent() + price > CAP
        try:
            row, new = self.log.reserve(intent, cap=float(CAP), next_take=take == "next", owner=owner)
        except BudgetExceeded:
            assert refused
            return ""
        assert not refused
        assert new is not attach
        if new:
            attempt = last.attempt + 1 if last else 1
            self.runs[row.run_id] = Known(name, number, attempt, prompt, price, owner, simulated, self.clock.now)
        else:
            assert self.runs[row.run_id] is last
        return row.run_id

    @rule(run_id=ids)
    def pin(self, run_id: str) -> None:
        if (run := self.runs.get(run_id)) is None:
            return
        try:
            self.log.pin(run_id)
        except LogError:
            assert run.status in {Status.FAILED, Status.CANCELED}
        else:
            self.pinned[run.name] = run.take

    @rule(run_id=ids, owner=st.sampled_from(["me", "you"]))
    def begin_post(self, run_id: str, owner: str) -> None:
        run = self.runs.get(run_id)
        if run is None:
            return
        if run.status is not Status.INTENDED or run.owner != owner:
            with contextlib.suppress(LogError):
                self.log.begin_post(run_id, owner=owner)
                raise AssertionError("posted what was not its own")
            return
        held = next((i for i, r in self.runs.items() if r.posting and r.prompt == run.prompt and r is not run), None)
        assert self.log.begin_post(run_id, owner=owner) == held
        if held is None:
            run.posting, run.posted = True, self.clock.now

    @rule(run_id=ids, way=st.integers(0, 7), cost=st.none() | st.integers(0, 6))
    def next_news(self, run_id: str, way: int, cost: int | None) -> None:
        """News as they should be; drawn from all words, few of them would be."""
        run = self.runs.get(run_id)
        if run is not None and (ways := [event for event in Event if run.status in EVENTS[event].sources]):
            self.news(run_id, ways[way % len(ways)], cost, late=False)

    @rule(run_id=ids, event=st.sampled_from(Event), cost=st.none() | st.integers(0, 6), late=st.booleans())
    def news(self, run_id: str, event: Event, cost: int | None, late: bool) -> None:
        run = self.runs.get(run_id)
        if run is None:
            return
        told = self.log.advance if late else self.log.update
        facts = {} if cost is None else {"cost": float(cost)}
        sources, to = EVENTS[event]
        final_bill = run.status not in OPEN and cost is not None
        allowed = run.status in sources or (to is run.status and not final_bill)
        try:
            told(run_id, event, **facts)
        except LogError:
            assert not allowed
            assert not late
            return
        assert allowed or late
        if allowed:
            run.cost = run.cost if cost is None else cost
            run.cost = 0 if to in {Status.FAILED, Status.CANCELED} else run.cost
            run.status, run.posting = to, run.posting and to is Status.INTENDED

    @rule(hours=st.integers(1, 30))
    def wait(self, hours: int) -> None:
        self.clock.pass_(hours=hours)

    @rule()
    def restart(self) -> None:
        self.log.close()
        self.log = RunLog(f"sqlite:///{self.folder.name}/runs.db", now=self.clock)

    @invariant()
    def the_log_holds_what_the_model_holds(self) -> None:
        rows = {row.run_id: row for row in self.log.find()}
        seen = {i: (r.fingerprint, r.take, r.attempt, r.status, r.cost, r.owner, r.posted_at) for i, r in rows.items()}
        assert seen == {
            i: (r.name, r.take, r.attempt, r.status, r.cost, r.owner, r.posted) for i, r in self.runs.items()
        }

    @invariant()
    def money_is_counted_once(self) -> None:
        assert self.log.spent("CNY", self.clock.now - timedelta(hours=24)) == self.spent()

    @invariant()
    def what_is_open_is_found(self) -> None:
        assert {row.run_id for row in self.log.open_rows()} == {i for i, r in self.runs.items() if r.status in OPEN}


TestModel = Model.TestCase
TestModel.settings = settings(
    max_examples=15, stateful_step_count=25, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
