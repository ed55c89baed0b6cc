"""Chance that can be rewound: a draw is a function of its place, never of what was drawn before.

Composing a bar again, resuming after a power cut and recalling last Tuesday's hour all depend on it.
Mixer: the finaliser of SplitMix64 (Steele, Lea, Flood, "Fast splittable pseudorandom number generators", 2014).
"""

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
    state = mix(seed + _GOLDEN)
    for coordinate in place:
        state = mix(state + _GOLDEN + coordinate)
    return (state >> 11) * 2.0**-53
