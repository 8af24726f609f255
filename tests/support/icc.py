"""Colour profiles for tests, made on the spot: a matrix and one curve for each of the channels."""

from __future__ import annotations

import struct

from PIL import ImageCms

# X, Y, Z of red, green and blue as profiles write them (adapted to D50), and the exponent of the curve.
DISPLAY_P3 = ((0.51512, 0.24119, -0.00105), (0.29198, 0.69224, 0.04189), (0.15710, 0.06657, 0.78407), 2.2)
PROPHOTO = ((0.79767, 0.28804, 0.0), (0.13519, 0.71187, 0.0), (0.03134, 0.00009, 0.82490), 1.8)


def _tag(kind: bytes, body: bytes) -> bytes:
    data = kind + bytes(4) + body
    return data + bytes(-len(data) % 4)


def _xyz(values) -> bytes:
    return _tag(b"XYZ ", b"".join(struct.pack(">i", round(value * 65_536)) for value in values))


def _curve(exponent: float) -> bytes:
    return _tag(b"curv", struct.pack(">IH", 1, round(exponent * 256)))


def _words(text: bytes) -> bytes:
    return _tag(b"desc", struct.pack(">I", len(text) + 1) + text + b"\0" + bytes(78))


def _profile(space: bytes, tags: list[tuple[bytes, bytes]]) -> bytes:
    place, table, body = 132 + 12 * len(tags), struct.pack(">I", len(tags)), b""
    for name, data in tags:
        table += name + struct.pack(">II", place + len(body), len(data))
        body += data
    head = struct.pack(">I4sI", 132 + 12 * len(tags) + len(body), b"    ", 0x02400000) + b"mntr" + space + b"XYZ "
    head += bytes(12) + b"acsp" + bytes(28) + struct.pack(">iii", 63_190, 65_536, 54_061)
    return (head.ljust(128, b"\0") + table[:4]) + table[4:] + body


def rgb_profile(red, green, blue, exponent: float, name: bytes = b"Display P3") -> bytes:
    """A profile of a screen."""
    white = (0.9642, 1.0, 0.8249)
    points = zip((b"rXYZ", b"gXYZ", b"bXYZ"), (red, green, blue), strict=True)
    curves = [(tag, _curve(exponent)) for tag in (b"rTRC", b"gTRC", b"bTRC")]
    return _profile(
        b"RGB ", [(b"desc", _words(name)), (b"wtpt", _xyz(white)), *((tag, _xyz(at)) for tag, at in points), *curves]
    )


def grey_profile(exponent: float) -> bytes:
    """A profile of grey with this exponent."""
    return _profile(
        b"GRAY", [(b"desc", _words(b"Grey")), (b"wtpt", _xyz((0.9642, 1.0, 0.8249))), (b"kTRC", _curve(exponent))]
    )


def srgb_profile() -> bytes:
    """sRGB as LittleCMS writes it."""
    return ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()


P3, WIDE, GREY, SRGB = (
    rgb_profile(*DISPLAY_P3),
    rgb_profile(*PROPHOTO, b"ProPhoto RGB"),
    grey_profile(1.0),
    srgb_profile(),
)
