"""What a person calls a measure; the columns keep their short names."""

from __future__ import annotations

__all__ = ["measure_word"]

_FRAME = {
    "ssim320": "likeness to the {} frame",
    "drgb": "colour off the {} frame",
}

_WORDS = {
    "motion": "movement",
    "luma_flicker": "flicker",
    "freeze_share": "share of standing frames",
    "cuts": "cuts",
    "cut_at": "cut at, s",
    "sharp": "sharpness, of the first frame's",
    "bars_px": "black bars, px",
    "brightness_drift": "brighter at the end",
    "saturation_drift": "more colourful at the end",
    "lufs": "loudness, LUFS",
} | {f"{which}_{name}": words.format(which) for which in ("first", "last") for name, words in _FRAME.items()}


def measure_word(name: str) -> str:
    """The name of a measure for people.

    >>> measure_word("first_drgb"), measure_word("of_a_later_version")
    ('colour off the first frame', 'of a later version')
    """
    return _WORDS.get(name, name.replace("_", " "))
