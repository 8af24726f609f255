"""Materials: each documented limit at, below and above it, judged by the simulator alone."""

from __future__ import annotations

from typing import Any

import pytest
from documented_cases import MEDIA_CASES, OUTPUT_SIZES, MediaCase

from wan_nb.api import catalog
from wan_nb.api.catalog import BY_NAME
from wan_nb.simulator.account.checks import TaskFailure
from wan_nb.simulator.account.materials import inspect
from wan_nb.simulator.drawing.clip_request import output_size


@pytest.mark.parametrize("case", MEDIA_CASES, ids=lambda case: case.name)
def test_each_documented_limit_of_a_material(case: MediaCase, make_media: Any) -> None:
    data = make_media(case)
    if not case.fault:
        seen = inspect(BY_NAME[case.field], data, "")
        if case.field != "driving_audio":
            assert (seen.width, seen.height) == (case.width, case.height)
        if not case.field.endswith("frame"):
            assert seen.seconds == pytest.approx(case.seconds, abs=0.06)
        return
    with pytest.raises(TaskFailure) as failure:
        inspect(BY_NAME[case.field], data, "")
    assert failure.value.code.startswith(case.fault)
    assert failure.value.message.startswith(case.field)


@pytest.mark.parametrize(("given", "resolution", "wanted"), OUTPUT_SIZES)
def test_the_clip_has_the_size_of_the_rule(given: tuple[int, int], resolution: str, wanted: tuple[int, int]) -> None:
    assert output_size(*given, catalog.model("wan2.7-i2v"), resolution) == wanted


def test_a_rotated_photo_counts_as_it_is_shown(make_media: Any) -> None:
    import io

    from PIL import Image

    picture = Image.open(io.BytesIO(make_media(MediaCase("", "first_frame", "JPEG", width=300, height=600))))
    exif = Image.Exif()
    exif[0x0112] = 6
    file = io.BytesIO()
    picture.save(file, "JPEG", exif=exif)
    seen = inspect(BY_NAME["first_frame"], file.getvalue(), "")
    assert (seen.width, seen.height) == (600, 300)
