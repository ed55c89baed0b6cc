"""Pitch, scale, chord, meter: the little music theory that the rooms share."""
