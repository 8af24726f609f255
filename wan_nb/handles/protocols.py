"""What runs, studies and races ask of the `Session` and the `Study` that hold them, which stand above them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Generator, Mapping
    from pathlib import Path

    from wan_nb.engine.workspace import Workspace
    from wan_nb.handles.finals import Finals
    from wan_nb.log.row import Row
    from wan_nb.settings import Settings
    from wan_nb.studies.plan import Plan
    from wan_nb.studies.plan_state import PlanState
    from wan_nb.studies.planned_study import PlannedStudy
    from wan_nb.studies.ranking.result import Ranking
    from wan_nb.widgets.output.outputs import Views
    from wan_nb.widgets.vote import VoteWidget

__all__ = ["AnyRun", "AnySession", "AnyStudy"]


class AnyRun(Protocol):
    """A run, of which its id is asked."""

    id: str


class AnySession(Protocol):
    """A session as its runs and studies see it."""

    workspace: Workspace
    last: Any
    shown: Views | None

    @property
    def settings(self) -> Settings: ...  # noqa: D102  # as `Session` describes them
    @property
    def views(self) -> Views: ...  # noqa: D102
    @property
    def logged_run(self) -> Callable[[str, Mapping[str, Any]], AnyRun]: ...  # noqa: D102

    def run(self, run_id: Any) -> AnyRun: ...  # noqa: D102
    def study(self, /, *, name: str | None = None) -> AnyStudy: ...  # noqa: D102
    def rows_of(self, what: Any) -> list[Row]: ...  # noqa: D102
    def again(self, /, run_id: Any, *, max_cost: float | None = None, **changes: Any) -> Any: ...  # noqa: D102


class AnyStudy(Protocol):
    """A study as its race sees it."""

    planned: PlannedStudy

    @property
    def session(self) -> AnySession: ...  # noqa: D102  # as `Study` describes them
    @property
    def plan(self) -> Plan: ...  # noqa: D102
    @property
    def name(self) -> str: ...  # noqa: D102

    def state(self) -> PlanState: ...  # noqa: D102
    def rows(self) -> list[Row]: ...  # noqa: D102
    def votes(self) -> list[dict[str, Any]]: ...  # noqa: D102
    def ranking(self, *, criterion: str | None = None, everybody: bool = False) -> Ranking: ...  # noqa: D102
    def offer(self, winner: str) -> Finals: ...  # noqa: D102
    def ended(self) -> Coroutine[Any, Any, None]: ...  # noqa: D102
    def wait(self, timeout: float | None = None) -> AnyStudy: ...  # noqa: D102
    def __await__(self) -> Generator[Any, None, AnyStudy]: ...
    def vote(self, *, rater: str = "", criterion: str | None = None) -> VoteWidget: ...  # noqa: D102
    def report(self, path: Any = None) -> Path: ...  # noqa: D102
