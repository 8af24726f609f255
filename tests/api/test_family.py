"""Every model of the family as its page says, judged by the client alone: bodies and limits."""

from __future__ import annotations

from typing import Any

import pytest
from documented_family import BODIES, LIMIT_CASES, NOT_ITS_OWN, SOUND, Body, Limit

from wan_nb.api import catalog
from wan_nb.api.medium import Medium, each_material
from wan_nb.api.request import VideoRequest
from wan_nb.errors import InvalidRequest

BY_NAME = {body.name: body for body in BODIES}


def given(fields: dict[str, Any]) -> dict[str, Any]:
    """Fields with materials where URLs stand."""
    made = {}
    for name, value in fields.items():
        spec = catalog.BY_NAME[name]
        made[name] = (
            each_material(spec, value, lambda url, kind=spec.kind: Medium.at(url, kind)) if spec.kind else value
        )
    return made


@pytest.mark.parametrize("case", BODIES, ids=lambda case: case.name)
def test_a_documented_body_is_what_is_sent(case: Body) -> None:
    request = VideoRequest(**given(case.fields))
    urls = {slot: medium.url for slot, medium in request.media().items()}
    assert request.payload(urls) == case.body


@pytest.mark.parametrize("case", LIMIT_CASES, ids=lambda case: case.id)
def test_each_documented_limit(case: Limit) -> None:
    fields = {"model": case.model.partition(",")[0], **BY_NAME[case.model].fields, **case.value}
    fields = given({name: value for name, value in fields.items() if value is not None})
    if case.message or case.cut:
        with pytest.raises(InvalidRequest):
            VideoRequest(**fields)
    else:
        VideoRequest(**fields)


@pytest.mark.parametrize(("model", "name", "value"), NOT_ITS_OWN)
def test_a_field_of_another_model_is_refused_with_one_that_takes_it(model: str, name: str, value: Any) -> None:
    fields = {"model": model, **BY_NAME[model].fields, name: value}
    with pytest.raises(InvalidRequest) as error:
        VideoRequest(**given(fields))
    assert (error.value.field, name in error.value.message) == (name, True)
    assert [taker for taker in catalog.takers(name) if taker in (error.value.remedy or "")]


def test_a_voice_belongs_to_a_reference_that_is_there() -> None:
    fields = BY_NAME["wan2.7-r2v"].fields | {"reference_voice": {3: SOUND}}
    with pytest.raises(InvalidRequest, match="belongs to no reference"):
        VideoRequest(**given(fields))
