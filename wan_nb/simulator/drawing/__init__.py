"""Clips drawn from a request: pool (threads), draw (the file), frames, camera, crop, lettering, sound."""
