"""Measures of a clip without any model: motion, light, cuts, sound, likeness to the given pictures.

They are checks and sort keys, never a verdict: there is no total, and no direction that is better. Look at them as
differences inside a block (`wan_nb.studies.measures.differences`). What each cannot tell is part of the table
`MEASURES`.
"""

from __future__ import annotations

import statistics
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from av.audio.frame import AudioFrame
from av.video.frame import VideoFrame

from wan_nb.errors import InvalidMedia
from wan_nb.media.video import Upright, as_image, opened, picture_of, sound_of
from wan_nb.studies.measures.fidelity import as_picture, fidelity, fitted, luma
from wan_nb.studies.measures.loudness import Loudness
from wan_nb.studies.measures.picture import Timeline, sharpness
from wan_nb.studies.rounding import steady

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

__all__ = ["MEASURES", "MEASURE_VERSION", "Measure", "measure"]

MEASURE_VERSION = "1"
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
    """

    name: str
    definition: str
    unit: str
    low: float | None
    high: float | None
    silent_on: str


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
            f"{which}_psnr",
            f"Peak signal to noise ratio of {given}, RGB.",
            "dB",
            0,
            100,
            "A shift nobody sees costs 10 dB; a perfect frame after H.264 has about 35.",
        ),
        Measure(
            f"{which}_drgb",
            f"Largest difference of a channel's mean between {given}.",
            "levels",
            0,
            255,
            "Local colour; a tint that brightens one half and darkens the other.",
        ),
        Measure(
            f"{which}_shift_px",
            f"Distance between {given}, by phase correlation.",
            "px",
            0,
            None,
            "Nothing when the peak is low: then it is a crop, a zoom or another picture.",
        ),
        Measure(
            f"{which}_shift_peak",
            f"Height of the phase correlation peak of {given}.",
            "",
            0,
            1,
            "Why it is low; 0.7 is usual for the same picture after a codec, 0.04 for a 2 % zoom.",
        ),
        Measure(
            f"{which}_fit",
            f"How the given {which} frame fits the clip's shape better: 0 as it is or stretched, 1 middle cut out.",
            "",
            0,
            1,
            "Other crops.",
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
                "Mean change of brightness from frame to frame, change of the whole picture taken out.",
                "levels/frame",
                0,
                255,
                "Whether it is the subject, the camera or boiling texture; depends on contrast and frame rate.",
            ),
            Measure(
                "luma_flicker",
                "Standard deviation of the second difference of the mean brightness.",
                "levels",
                0,
                None,
                "Flicker of parts of the picture. The codec alone can make 0.6 (measured).",
            ),
            Measure(
                "freeze_share",
                "Share of frames that repeat the one before (mean change below 0.1 level).",
                "",
                0,
                1,
                "Whether a still was asked for.",
            ),
            Measure(
                "cut_score",
                "Largest sudden change of picture, counted like FFmpeg's scdet.",
                "%",
                0,
                100,
                "A dissolve; a flash scores like a cut. Strong flicker 6, a real cut 10 and more.",
            ),
            Measure("cuts", "Changes of picture with a score of 10 or more.", "", 0, None, "Dissolves."),
            Measure("cut_at", "When the largest of them happens.", "s", 0, None, "The others, if there are several."),
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
            Measure("has_audio", "1 with a sound track, 0 without.", "", 0, 1, "Whether anything is on it."),
            Measure("lufs", "Integrated loudness (EBU R 128); silence reads -70.", "LUFS", -70, None, "What is heard."),
            Measure("true_peak", "Highest peak between samples (BS.1770).", "dBTP", -70, None, "How often it clips."),
            Measure("silence_share", "Share of 50 ms pieces below -50 dBFS.", "", 0, 1, "Whether the pause belongs."),
            Measure(
                "av_difference",
                "Length of the sound minus length of the picture.",
                "s",
                None,
                None,
                "Whether lips and voice match.",
            ),
            Measure("bitrate", "Size over length.", "kbit/s", 0, None, "Quality: a still needs next to nothing."),
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
    >>> numbers["motion"], numbers["first_shift_px"]                 # doctest: +SKIP
    (1.28, 0.02)
    """
    given = {k: as_picture(v) for k, v in (("first", first_frame), ("last", last_frame)) if v is not None}
    pictures, sound, upright = Timeline(), Loudness(), Upright()
    with opened(path) as (container, file):
        streams = [picture_of(container), *filter(None, [sound_of(container)])]
        for frame in container.decode(*streams):
            if isinstance(frame, VideoFrame):
                pictures.add(upright(frame))
            elif isinstance(frame, AudioFrame):
                sound.add(frame)
        sound.add(None)
        size = file.seek(0, 2)
        if pictures.first is None or pictures.last is None:
            raise InvalidMedia("the clip has no frames.")
    seconds = pictures.seconds
    found: dict[str, float | None] = dict.fromkeys(MEASURES)
    found |= pictures.numbers() | sound.numbers()
    found["has_audio"] = float(len(streams) > 1)
    found["av_difference"] = sound.seconds - seconds if len(streams) > 1 else None
    found["bitrate"] = size * 8 / 1000 / seconds if seconds else None
    for which, picture in given.items():
        shown = as_image(pictures.first if which == "first" else pictures.last)
        found |= {f"{which}_{name}": value for name, value in fidelity(shown, picture).items()}
        if which == "first":
            reference = sharpness(luma(dict(fitted(picture, shown.size))[found["first_fit"] or 0.0]))
            found["sharp"] = statistics.median(pictures.sharp) / reference if reference else None
    return {name: steady(number) for name, number in found.items()}
