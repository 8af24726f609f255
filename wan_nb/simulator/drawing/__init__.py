"""Clips drawn from a request: threads, encode (the file), frames, scene, collage, pictures, crop, lettering, sound."""
