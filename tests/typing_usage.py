"""What a person writes, as a type checker sees it: read by mypy, never run."""

from __future__ import annotations

from pathlib import Path
from typing import assert_type

import pandas as pd
from PIL.Image import Image

import wan_nb
from wan_nb import Run, Session, Study, VideoRequest


def ask() -> Run:
    run = wan_nb.submit("a cat walks", first_frame="cat.png", duration=5)
    assert_type(run, Run)
    assert_type(run.wait(timeout=60), Run)
    assert_type(run.video, Path | None)
    assert_type(run.cost, float | None)
    assert_type(run.again(duration=6).cancel().rate(4).note("good").tag("keep"), Run)
    assert_type(run.frame(-1), Image)
    assert_type(run.tail(5), Path)
    return wan_nb.submit("it goes on", first_clip=run, duration=12)


async def wait(run: Run, study: Study) -> None:
    assert_type(await run, Run)
    assert_type(await study, Study)


def compare() -> Path:
    study = wan_nb.study({"calm": "a cat walks"}, name="walk", seeds=[1, 2], vary={"duration": [5, 10]})
    assert_type(study.submit(max_cost=30).wait(), Study)
    assert_type(wan_nb.study(name="walk"), Study)
    study.compare(columns=2)
    study.vote(rater="Ada")
    study.ranking()
    return study.report("walk.html")


def look_back() -> None:
    assert_type(wan_nb.run("3f9c"), Run)
    assert_type(wan_nb.resume(), list[Run])
    assert_type(wan_nb.runs(study="walk", status="SUCCEEDED"), pd.DataFrame)
    assert_type(wan_nb.cost().spent, dict[str, float])
    wan_nb.form()
    wan_nb.nonsense  # type: ignore[attr-defined]  # noqa: B018


def own_session() -> VideoRequest:
    with Session(base_url="http://localhost/api/v1", api_key="k", log="sqlite:///x.db", media="clips") as session:
        assert_type(session, Session)
        assert_type(session.submit("a cat"), Run)
        try:
            session.submit("a cat").wait()
        except wan_nb.errors.RunFailed as error:
            assert_type(error.code, str)
        return session.request("a cat")
