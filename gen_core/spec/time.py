"""Musical time. Integers everywhere: a float would drift, and 32 bits end after 26 days at 120 bpm."""

TICKS_PER_QUARTER = 480
STEPS_PER_QUARTER = 24  # the model's grid: holds sixteenths and triplet sixteenths alike
TICKS_PER_STEP = TICKS_PER_QUARTER // STEPS_PER_QUARTER


def bar_ticks(numerator: int, denominator: int) -> int:
    """Length of one bar of numerator/denominator in ticks."""
    return TICKS_PER_QUARTER * 4 * numerator // denominator


def ticks_to_seconds(ticks: float, bpm: float) -> float:
    """Duration of `ticks` at a constant tempo of `bpm` quarter notes a minute."""
    return ticks * 60.0 / (bpm * TICKS_PER_QUARTER)
