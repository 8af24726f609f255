"""Whatever a person gives for runs means the same runs, everywhere."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import wan_nb
from wan_nb.arguments import run_ids
from wan_nb.errors import InvalidOption, NotFound


@pytest.fixture
def open_session(simulator, tmp_path):
    opened = []

    def make(folder="wan_runs"):
        opened.append(wan_nb.Session(base_url=simulator.url, api_key=simulator.key, folder=tmp_path / folder, gap=0.02))
        return opened[-1]

    yield make
    for session in opened:
        session.close()


@pytest.fixture
def session(open_session):
    return open_session()


@pytest.fixture
def study(session, photos):
    prompts = {"calm": "a cat walks", "fast": "a cat dashes"}
    made = session.study(prompts, name="walk", first_frame=photos / "cat.jpg", duration=2, seeds=[1], tags="demo")
    return made.submit().wait()


def ways(session, study):
    frame = session.runs(study="walk")
    ids = list(frame.index)
    runs = [session.run(run_id) for run_id in ids]
    return {
        "ids": ids,
        "beginnings": [run_id[:10] for run_id in ids],
        "a tuple": tuple(ids),
        "runs": runs,
        "both": [ids[0], runs[1]],
        "twice": [*ids, *runs],
        "rows": [run.row for run in runs],
        "a generator": lambda: (run_id for run_id in ids),
        "dict values": dict(zip("ab", ids, strict=True)).values(),
        "a dict": dict(zip("ab", ids, strict=True)),
        "a dict of tuples": {"both": tuple(ids)},
        "an index": frame.index,
        "an array": np.array(ids, dtype=object),
        "a table": frame,
        "a table without its index": frame.reset_index(),
        "in capitals": [f" {run_id.upper()}" for run_id in ids],
        "a table with more of an index": frame.set_index(["study", "variant"], append=True).swaplevel(0, 2),
        "an index with more of it": frame.set_index("study", append=True).index,
        "rows as dicts": frame.reset_index().to_dict("records"),
        "rows as tuples": list(frame.itertuples()),
        "rows as tuples without an index": list(frame.reset_index().itertuples()),
        "part of a row": [frame[["variant", "seed"]].iloc[place] for place in range(2)],
        "a table sorted and cut": frame.sort_values("prompt")[["cost"]],
        "a column": frame["cost"],
        "the column of ids": frame.reset_index()["run_id"],
        "a Series of ids": pd.Series(ids, dtype="string"),
        "rows of a table": [frame.iloc[0], frame.reset_index().iloc[1]],
        "a study": study,
        "nested": [[ids[0]], (runs[1],)],
    }


def test_every_way_means_the_same_runs(session, study) -> None:
    expected = {run.id for run in study.runs}
    for name, given in ways(session, study).items():
        made = given if callable(given) and not hasattr(given, "rows") else lambda given=given: given
        rows = session.rows_of(made())
        assert {row.run_id for row in rows} == expected, name
        assert len(rows) == 2, name
        if name not in {"beginnings", "in capitals"}:
            assert set(run_ids(made())) == expected, name
        assert set(session.runs(run_id=made()).index) == expected, name


def test_texts_are_ids_studies_variants_and_tags(session, study, monkeypatch) -> None:
    expected = {run.id for run in study.runs}
    for text in ("walk", "demo", study):
        assert {row.run_id for row in session.rows_of(text)} == expected
    session.last = study
    (calm,) = session.rows_of("calm")
    assert calm.variant == "calm"
    with pytest.raises(NotFound):
        session.rows_of("nothing of the kind")


def test_comparison_shows_the_clips_that_were_meant(session, study, monkeypatch) -> None:
    monkeypatch.setattr("wan_nb.handles.default.session", lambda: session)
    frame = session.runs(study="walk")
    first, other = frame.index
    for given in (frame, frame.reset_index(), [first, other], frame.index, (one for one in (first, other))):
        assert [clip["id"] for clip in wan_nb.compare(given).clips] == [first, other]
    assert [clip["id"] for clip in wan_nb.compare([first, first]).clips] == [first]


@pytest.mark.parametrize("given", [3, b"3f9c", [1, 2], [None], 2.5, pd.DataFrame({"cost": [1.0]}), object()])
def test_what_is_no_run_is_refused_in_our_words(session, given) -> None:
    with pytest.raises(InvalidOption) as caught:
        session.rows_of(given)
    assert len(str(caught.value)) < 300
    with pytest.raises(InvalidOption):
        session.run(given)


def test_no_cell_of_a_table_is_taken_for_an_id(session, study) -> None:
    frame = session.runs()
    labels = frame.assign(variant=[run_id[:2] for run_id in frame.index], study="3f")
    for part in (
        labels.reset_index(drop=True),
        labels.reset_index()["variant"],
        labels.set_index("variant").index,
        labels.set_index(["study", "variant"]).index,
        labels.reset_index(drop=True)[["variant"]].iloc[0],
        labels[["variant"]].to_dict("records"),
        labels.set_index(["study", "variant"]),
        list(labels.set_index(["study", "variant"]).itertuples()),
        list(labels.set_index("variant").itertuples()),
    ):
        with pytest.raises(InvalidOption):
            session.rows_of(part)
        with pytest.raises(InvalidOption):
            session.runs(run_id=part)
    assert set(frame.set_index("study", append=True).wan.ids) == set(frame.index)


def test_one_run_is_one_run(session, study) -> None:
    frame = session.runs(study="walk")
    run = session.run(frame.iloc[0])
    assert run.id == frame.index[0] == session.run(run).id
    with pytest.raises(InvalidOption, match="one run is meant here, not 2"):
        session.run(frame)


def test_a_table_acts_on_the_session_that_made_it(open_session, session, study, capsys, monkeypatch) -> None:
    other = open_session("elsewhere")
    monkeypatch.setattr("wan_nb.handles.default.session", lambda: other)
    frame = session.runs()
    for table in (frame, frame.reset_index(), frame[frame["cost"] > 0].sort_values("prompt"), frame.copy()):
        assert {clip["id"] for clip in table.wan.compare().clips} == set(frame.index)
        table.wan.play()
        table.wan.board()
    session.close()
    with pytest.raises(NotFound):
        frame.wan.compare()


def test_filters_take_whatever_holds_several(session, study) -> None:
    frame = session.runs()
    for several in (
        frame["variant"],
        frame["variant"].unique(),
        pd.Index(["calm", "fast"]),
        (v for v in ("calm", "fast")),
    ):
        assert len(session.runs(variant=several)) == 2
    assert len(session.runs(variant=pd.Series(["calm", pd.NA, None]))) == 1
    assert list(session.runs(run_id=[]).index) == []
    assert list(session.runs(run_id="zz").index) == []
    assert list(session.runs(run_id=frame.index[0][:9]).index) == [frame.index[0]]
