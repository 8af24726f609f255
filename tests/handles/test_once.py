"""What costs time is done once: the log is asked once for a plan that is shown, a material is probed once."""

from __future__ import annotations

from collections import Counter

import pytest

from wan_nb.api.request import VideoRequest
from wan_nb.log.reading.queries import Queries
from wan_nb.media import materials

pytest_plugins = ["fixtures_shell"]

PROMPTS = {"calm": "a cat walks", "wild": "a cat runs", "slow": "a cat creeps"}


@pytest.fixture
def count(monkeypatch):
    """How often the log was searched, requests were made into fingerprints, and materials probed."""
    counted: Counter[str] = Counter()

    def watch(owner, name) -> None:
        true = getattr(owner, name)

        def counting(*args, **kwargs):
            counted[name] += 1
            return true(*args, **kwargs)

        monkeypatch.setattr(owner, name, counting)

    watch(Queries, "find")
    watch(VideoRequest, "fingerprint")
    watch(materials, "prepare")
    return counted


@pytest.mark.parametrize("picture", ["cat.jpg", "https://example.org/cat.png?key=cat"], ids=["a file", "a URL"])
def test_a_plan_is_computed_once_for_a_display(session, photos, count, capsys, picture) -> None:
    picture = picture if "://" in picture else photos / picture
    study = session.study(PROMPTS, name="walk", first_frame=picture, duration=2, seeds=[1, 2])
    asked_for_urls = picture != photos / "cat.jpg"  # runs of the first edition that may be meant, for all cells at once
    session.log.count()
    count.clear()
    study._ipython_display_()
    assert "6 to buy" in capsys.readouterr().out
    assert count == Counter(find=1 + asked_for_urls, fingerprint=6)
    count.clear()
    study._ipython_display_()
    assert count == Counter(find=1 + asked_for_urls)


@pytest.mark.parametrize("fact", ["missing", "cost", "notes", "table", "__repr__", "state"])
def test_each_fact_of_a_plan_is_one_look_at_the_log(session, photos, count, fact) -> None:
    study = session.study(PROMPTS, name="walk", first_frame=photos / "cat.jpg", duration=2, seeds=[1])
    session.log.count()
    count.clear()
    value = getattr(study, fact)
    value = value() if callable(value) else value
    assert count == Counter(find=1, fingerprint=3)


def test_a_state_does_not_change_while_the_study_goes_on(session, photos) -> None:
    study = session.study(PROMPTS, name="walk", first_frame=photos / "cat.jpg", duration=2, seeds=[1])
    before = study.state()
    study.submit(max_cost=50).wait()
    assert (len(before.missing), before.cost, before.sorted_rows) == (3, 3.6, [])
    assert study.state().missing == ()
    assert [row.variant for row in study.state().sorted_rows] == [*PROMPTS]


def test_a_material_is_probed_once_for_all_that_is_asked_of_it(session, photos, count, tmp_path) -> None:
    cat = photos / "cat.jpg"
    run = session.submit("a cat", first_frame=cat, duration=2)
    assert count["prepare"] == 1
    count.clear()
    study = session.study(PROMPTS, first_frame=cat, duration=2, seeds=[1, 2, 3])
    study.submit(max_cost=50)
    study.state()
    assert count["prepare"] == 1
    count.clear()
    run.wait().again(duration=3)
    assert count["prepare"] == 1
    table = tmp_path / "rows.csv"
    table.write_text("prompt,label,first_frame,seed\n" + "".join(f"a,x,{cat},{n}\nb,y,{cat},{n}\n" for n in (4, 5)))
    count.clear()
    session.study(table, duration=2)
    assert count["prepare"] == 1


def test_a_cell_probes_its_material_once(wan, cat, count) -> None:
    wan(f"%%wan -f {cat} -d 2 --no-wait\na cat walks")
    assert count["prepare"] == 1
