"""Scales as pitch classes above their tonic."""

SCALES: dict[str, tuple[int, ...]] = {
    "major": (0, 2, 4, 5, 7, 9, 11),
    "minor": (0, 2, 3, 5, 7, 8, 10),
    "harmonic_minor": (0, 2, 3, 5, 7, 8, 11),
    "dorian": (0, 2, 3, 5, 7, 9, 10),
    "mixolydian": (0, 2, 4, 5, 7, 9, 10),
    "pentatonic": (0, 2, 4, 7, 9),
    "blues": (0, 3, 5, 6, 7, 10),
    "whole_tone": (0, 2, 4, 6, 8, 10),
    "chromatic": tuple(range(12)),
}
KEYS = ("any", "c", "c_sharp", "d", "e_flat", "e", "f", "f_sharp", "g", "a_flat", "a", "b_flat", "b")


def scale_pitch_classes(key: str, scale: str) -> tuple[int, ...]:
    """Pitch classes (0 = C) of `scale` on `key`, ascending; all twelve where the key is `any`."""
    if key == "any":
        return SCALES["chromatic"]
    tonic = KEYS.index(key) - 1
    return tuple(sorted((tonic + step) % 12 for step in SCALES[scale]))
