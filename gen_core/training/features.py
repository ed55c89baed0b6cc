"""What a bar is like, as numbers: the wishes of the composer, computed the same way for training and for checking.

| wish     | of one bar                                               | unit |
|----------|----------------------------------------------------------|------|
| density  | notes                                                    | notes a quarter |
| energy   | sum of squared velocities (0..1): what onsets bring      | 1 a quarter |
| register | mean key of the pitched notes                            | MIDI key |

A wish reaches the network as the octile of the training split in which it falls, so that 0..1 means the same for every
wish: a half is the median bar of the corpus.
"""

import numpy as np
from numpy.typing import NDArray

from gen_core.sequence import vocabulary as v
from gen_core.sequence.layout import KINDS, WISHES
from gen_core.sequence.wishes import OCTILE_EDGES
from gen_core.spec.time import STEPS_PER_QUARTER

NOT_ASKED = KINDS["wish"] - 1


def bar_features(events: NDArray[np.int16], bar_steps: NDArray[np.int64]) -> dict[str, NDArray[np.float64]]:
    """Features (bars,) of events (n, 6). `register` is NaN where nothing pitched begins."""
    is_bar = events[:, 0] == v.BAR
    bar = np.cumsum(is_bar) - 1
    notes, bar = events[~is_bar], bar[~is_bar]
    n_bars = len(bar_steps)
    quarters = bar_steps / STEPS_PER_QUARTER
    loud = ((4.0 * notes[:, 4] + 2) / 127) ** 2
    pitched = notes[:, 2] < v.PITCHES
    count = np.bincount(bar[pitched], minlength=n_bars)
    total = np.bincount(bar[pitched], notes[pitched, 2].astype(np.float64), n_bars)
    with np.errstate(invalid="ignore"):
        register = np.where(count > 0, total / count, np.nan)
    return {
        "density": np.bincount(bar, minlength=n_bars) / quarters,
        "energy": np.bincount(bar, loud, n_bars) / quarters,
        "register": register,
    }


def octiles(wish: str, values: NDArray[np.float64]) -> NDArray[np.int64]:
    """Feature values → classes 0..7 of the kind `wish`; NaN → not asked."""
    classes = np.searchsorted(OCTILE_EDGES[wish], values, side="right")
    return np.where(np.isnan(values), NOT_ASKED, classes)


def bar_wishes(events: NDArray[np.int16], bar_steps: NDArray[np.int64]) -> NDArray[np.int64]:
    """What each bar would have been asked for: classes (bars, wishes)."""
    features = bar_features(events, bar_steps)
    return np.stack([octiles(wish, features[wish]) for wish in WISHES], axis=1)
