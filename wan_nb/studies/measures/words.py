"""What a person calls a measure; the columns keep their short names."""

from __future__ import annotations

__all__ = ["measure_word"]

_FRAME = {
    "ssim320": "likeness to the {} frame",
    "psnr": "closeness to the {} frame, dB",
    "drgb": "colour off the {} frame",
    "shift_px": "shift from the {} frame, px",
    "shift_peak": "certainty of that shift, {} frame",
    "fit": "how the {} frame was fitted in",
}

_WORDS = {
    "motion": "movement",
    "luma_flicker": "flicker",
    "freeze_share": "share of standing frames",
    "cut_score": "largest sudden change",
    "cuts": "cuts",
    "cut_at": "cut at, s",
    "sharp": "sharpness, of the first frame's",
    "bars_px": "black bars, px",
    "brightness_drift": "brighter at the end",
    "saturation_drift": "more colourful at the end",
    "has_audio": "has sound",
    "lufs": "loudness, LUFS",
    "true_peak": "loudest peak, dB",
    "silence_share": "share of silence",
    "av_difference": "sound longer than the picture, s",
} | {f"{which}_{name}": words.format(which) for which in ("first", "last") for name, words in _FRAME.items()}


def measure_word(name: str) -> str:
    """The name of a measure for people.

    >>> measure_word("first_drgb"), measure_word("of_a_later_version")
    ('colour off the first frame', 'of a later version')
    """
    return _WORDS.get(name, name.replace("_", " "))
