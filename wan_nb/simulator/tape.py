"""Opening sounds and clips that were sent, with every PyAV from the oldest that is allowed to the newest."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

import av

if TYPE_CHECKING:
    from av.container import InputContainer

__all__ = ["opened"]

# Titles in another encoding than UTF-8 are common in old MP3 files. PyAV raised UnicodeDecodeError for them unless told
# otherwise; from 19 on it reads them by itself and no longer knows the option.
_LENIENT: dict[str, Any] = {} if int(av.__version__.partition(".")[0]) >= 19 else {"metadata_errors": "ignore"}


def opened(data: bytes) -> InputContainer:
    """A sound or clip for reading, as a context manager."""
    container: InputContainer = av.open(io.BytesIO(data), "r", **_LENIENT)
    return container
