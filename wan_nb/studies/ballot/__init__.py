"""Blind votes: which pair is asked next, and what was answered."""
