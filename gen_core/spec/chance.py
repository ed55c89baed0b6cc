"""Chance that can be rewound: a draw is a function of its place, never of what was drawn before.

Composing a bar again, resuming after a power cut and recalling last Tuesday's hour all depend on it.
Mixer: the finaliser of SplitMix64 (Steele, Lea, Flood, "Fast splittable pseudorandom number generators", 2014).
"""

from functools import lru_cache

_MASK = (1 << 64) - 1
_GOLDEN = 0x9E3779B97F4A7C15


def mix(value: int) -> int:
    """Scramble 64 bits so that neighbouring inputs give unrelated outputs."""
    value &= _MASK
    value = ((value ^ (value >> 30)) * 0xBF58476D1CE4E5B9) & _MASK
    value = ((value ^ (value >> 27)) * 0x94D049BB133111EB) & _MASK
    return value ^ (value >> 31)


def draw(seed: int, *place: int) -> float:
    """One number in [0, 1), the same for the same seed and place (tick, part, field, ordinal …)."""
    return (_reached(seed, place) >> 11) * 2.0**-53


def _reached(seed: int, place: tuple[int, ...]) -> int:
    """The state after mixing in every coordinate; the last one is not worth remembering."""
    return mix(_passed(seed, place[:-1]) + _GOLDEN + place[-1]) if place else mix(seed + _GOLDEN)


@lru_cache(maxsize=256)
def _passed(seed: int, place: tuple[int, ...]) -> int:
    """`_reached`, remembered: the draws of one note share the beginning of their places."""
    return _reached(seed, place)
