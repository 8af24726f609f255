"""Wan 2.7 image-to-video in a notebook: find the prompt that works, never lose or pay twice for a clip."""

from __future__ import annotations

__version__ = "0.1.0"
