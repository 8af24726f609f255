"""Measures of a clip without any model: motion, light, cuts, sound, likeness to the given pictures.

They are checks and sort keys, never a verdict: there is no total, and no direction that is better. Look at them as
differences inside a block (`wan_nb.studies.measures.differences`). What each cannot tell is part of the table
`MEASURES`.
"""

from __future__ import annotations

import statistics
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from wan_nb.errors import InvalidMedia
from wan_nb.media.one_pass import Maker, made
from wan_nb.media.video import as_image
from wan_nb.studies.measures.fidelity import as_picture, fidelity
from wan_nb.studies.measures.loudness import Loudness
from wan_nb.studies.measures.picture import Timeline, sharpness
from wan_nb.studies.rounding import steady

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from av.audio.frame import AudioFrame
    from av.video.frame import VideoFrame

__all__ = ["MEASURES", "MEASURE_VERSION", "Measure", "Measuring", "measure"]

MEASURE_VERSION = "2"
"""Changes whenever a number of the same clip would: stored numbers of other versions are computed anew."""


@dataclass(frozen=True, slots=True)
class Measure:
    """What a number means.

    Attributes
    ----------
    name, definition, unit : str
    low, high : float or None
        Range; None where it is open.
    silent_on : str
        What it cannot tell.
    kind : {"amount", "count", "share", "place"}
        Amounts are compared by their means, counts and shares by in how many blocks there is more, places not at all.
    """

    name: str
    definition: str
    unit: str
    low: float | None
    high: float | None
    silent_on: str
    kind: Literal["amount", "count", "share", "place"] = "amount"


def _of_frame(which: str) -> tuple[Measure, ...]:
    given = f"the {which} frame of the clip and the {which} frame that was given"
    return (
        Measure(
            f"{which}_ssim320",
            f"Structural similarity of the brightness of {given}, both at 320 px.",
            "",
            -1,
            1,
            "Colour. Even a perfect frame loses a little to the codec (0.997 measured).",
        ),
        Measure(
            f"{which}_drgb",
            f"Largest difference of a channel's mean between {given}.",
            "levels",
            0,
            255,
            "Local colour; a tint that brightens one half and darkens the other.",
        ),
    )


MEASURES: Mapping[str, Measure] = MappingProxyType(
    {
        m.name: m
        for m in (
            *_of_frame("first"),
            *_of_frame("last"),
            Measure(
                "motion",
                "Mean change of brightness from frame to frame, change of the whole picture and cuts taken out.",
                "levels/frame",
                0,
                255,
                "Whether it is the subject, the camera or boiling texture; depends on contrast and frame rate.",
            ),
            Measure(
                "luma_flicker",
                "How far the brightness of the whole picture goes up and down from picture to picture.",
                "levels",
                0,
                None,
                "Flicker of parts of the picture. The codec alone can make 0.2.",
            ),
            Measure(
                "freeze_share",
                "Share of frames in which the whole picture has stood for a quarter of a second or longer.",
                "",
                0,
                1,
                "Whether a still was asked for; what moves by less than 2.5 levels.",
                "share",
            ),
            Measure(
                "cuts",
                "Changes to another scene where the pictures before and after each go on.",
                "",
                0,
                None,
                "Dissolves; cuts less than a fifth of a second apart.",
                "count",
            ),
            Measure("cut_at", "When the first of them happens.", "s", 0, None, "The others.", "place"),
            Measure(
                "sharp",
                "Variance of the Laplacian, median of two frames a second, over that of the given first frame.",
                "ratio",
                0,
                None,
                "Detail from noise and ringing; it follows the bitrate. Without a first frame there is nothing to "
                "compare with.",
            ),
            Measure(
                "bars_px",
                "Rows and columns at the edges that stay black.",
                "px",
                0,
                None,
                "Black bars from a black set that touches the edge.",
                "count",
            ),
            Measure(
                "brightness_drift",
                "Mean brightness of the last half second minus that of the first.",
                "levels",
                -255,
                255,
                "Whether the light was asked to change.",
            ),
            Measure(
                "saturation_drift",
                "Mean colourfulness (distance from grey in YUV) of the last half second minus that of the first.",
                "levels",
                -181,
                181,
                "Whether a coloured thing came in or everything faded.",
            ),
            Measure("lufs", "Integrated loudness (EBU R 128); silence reads -70.", "LUFS", -70, None, "What is heard."),
        )
    }
)


def measure(path: str | Path, *, first_frame: Any = None, last_frame: Any = None) -> dict[str, float | None]:
    """Measure a clip in one pass.

    Parameters
    ----------
    path : path of an MP4 or MOV
    first_frame, last_frame : path, PIL image or array, optional
        The pictures that were given for them.

    Returns
    -------
    dict of str to float or None
        One entry for each of `MEASURES`, in its order; None where it does not apply.

    Raises
    ------
    InvalidMedia
        The clip cannot be played.
    OSError
        A file cannot be read.

    Examples
    --------
    >>> numbers = measure(run.video, first_frame="cat.png")          # doctest: +SKIP
    >>> numbers["motion"], numbers["cuts"]                           # doctest: +SKIP
    (1.28, 0.0)
    """
    return made(path, Measuring(first_frame, last_frame)).numbers()


class Measuring(Maker):
    """Measures a clip while it is decoded for whatever else; see `measure`."""

    hears = True

    def __init__(self, first_frame: Any = None, last_frame: Any = None) -> None:
        super().__init__()
        self._given = {k: v for k, v in (("first", first_frame), ("last", last_frame)) if v is not None}
        self.pictures, self._sound = Timeline(looks_at_sharpness=first_frame is not None), Loudness()

    def add(self, frame: VideoFrame) -> None:
        """Take in the next picture."""
        self.pictures.add(frame)

    def hear(self, piece: AudioFrame) -> None:
        """Take in the next piece of the sound."""
        self._sound.add(piece)

    def end(self) -> None:
        """Take in that there is no more."""
        self._sound.add(None)

    def numbers(self) -> dict[str, float | None]:
        """What `measure` returns.

        Raises
        ------
        InvalidMedia
            There was no picture.
        OSError
            A given picture cannot be read.
        """
        pictures = self.pictures
        if pictures.first is None or pictures.last is None:
            raise InvalidMedia("the clip has no frames.")
        found: dict[str, float | None] = dict.fromkeys(MEASURES)
        found |= pictures.numbers() | {"lufs": self._sound.lufs}
        for which, source in self._given.items():
            shown = as_image(pictures.first if which == "first" else pictures.last)
            score, drgb, placed = fidelity(shown, as_picture(source))
            found |= {f"{which}_ssim320": score, f"{which}_drgb": drgb}
            if which == "first":
                reference = sharpness(np.asarray(placed.convert("L")))
                found["sharp"] = statistics.median(pictures.sharp) / reference if reference else None
        return {name: steady(number) for name, number in found.items()}
