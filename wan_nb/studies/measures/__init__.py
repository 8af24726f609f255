"""Measures of clips: picture, loudness, fidelity, differences inside a block."""
