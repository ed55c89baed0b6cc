"""Tilts: how the logits of each field are bent towards what is wished for, p(x) exp(λ f(x)).

f grows with the feature. Among all distributions with the same mean of f this one is the nearest to the network's own
(Csiszár, "I-divergence geometry", 1975). One λ a feature; `steering` finds them.

| feature    | field    | f                                                                                  |
|------------|----------|------------------------------------------------------------------------------------|
| density    | delta    | less waiting, in logarithms                                                        |
| energy     | velocity | louder                                                                             |
| register   | pitch    | higher, in octaves                                                                 |
| brightness | pitch    | higher, as far as the key stands out above what is the top of its quarter anyway   |
| tension    | pitch    | what the key adds to the mean dissonance of its quarter                            |
| valence    | pitch    | what half a quarter more of its pitch class adds to the valence of the bar so far  |
| polyphony  | duration | longer, in logarithms; and delta: together with the note before                    |
"""

import math
from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from gen_core.sequence import vocabulary as v
from gen_core.sequence.ear import Chain, class_lengths, classes_since, highest_since
from gen_core.sequence.features import DISSONANCE, key_profiles
from gen_core.spec.time import STEPS_PER_QUARTER

Logits = NDArray[np.float32]
_TOP_MARGIN = 7  # semitones: what lies this far below the usual top of a quarter is no top
_TOGETHER = 0.5  # of λ polyphony that goes into striking together
_NEUTRAL = -0.447  # tension of the median bar of the corpus: what a lone pitch class counts as


class Tilt(NamedTuple):
    """λ of each feature, in the order of FEATURES."""

    density: float = 0.0
    energy: float = 0.0
    register: float = 0.0
    brightness: float = 0.0
    tension: float = 0.0
    valence: float = 0.0
    polyphony: float = 0.0


_LEVEL = Tilt()


class Tilts:
    """The tilts of one bar, as far as they can be known beforehand. Where every λ is 0 logits pass through untouched.

    `top`: the key that is the usual top of a quarter; `classes`: steps for which each pitch class has sounded lately.
    """

    def __init__(self, tilt: Tilt = _LEVEL, top: float = 0.0, classes: tuple[float, ...] = (0.0,) * 12) -> None:
        self.tilt = tilt
        self._classes = np.array(classes)
        self._mode_of, self._modes = -1, np.zeros(v.PITCHES)
        self._floor = top - _TOP_MARGIN
        self._waits = -tilt.density * _WAITS
        self._waits[0] += _TOGETHER * tilt.polyphony
        self._velocities = tilt.energy * _LOUDNESS
        self._lengths = tilt.polyphony * _LENGTHS
        self._keys = tilt.register * _HEIGHTS

    def deltas(self, logits: Logits, left_in_bar: int) -> Logits:
        """Logits of `delta`; a bar line skips `left_in_bar` steps."""
        if not (self.tilt.density or self.tilt.polyphony):
            return logits
        tilted = logits + self._waits
        tilted[v.BAR] -= self.tilt.density * math.log1p(left_in_bar + STEPS_PER_QUARTER // 2) / _QUARTER
        return np.asarray(tilted, np.float32)

    def pitches(self, logits: Logits, chain: Chain, quarter: int, bar: tuple[int, int]) -> Logits:
        """Logits of `pitch` for a part that is no percussion, in the quarter that begins at the step `quarter`.

        `bar`: the steps at which the bar begins and ends.
        """
        tilt = self.tilt
        if not any(tilt[2:6]):
            return logits
        tilted = logits.astype(np.float64)
        keys = tilted[: v.PITCHES]
        keys += self._keys
        if tilt.brightness:
            keys += tilt.brightness / 12 * np.maximum(_KEYS, max(highest_since(chain, quarter), self._floor))
        if tilt.tension:
            keys += tilt.tension * added_dissonance(classes_since(chain, quarter))
        if tilt.valence:
            keys += self._mode(chain, quarter, bar)
        return np.asarray(tilted, np.float32)

    def _mode(self, chain: Chain, quarter: int, bar: tuple[int, int]) -> NDArray[np.float64]:
        """The tilt for valence, (128,): once a quarter, from what began before it, so that a cut changes nothing."""
        if self._mode_of != quarter:
            added = added_valence(self._classes + class_lengths(chain, *bar, before=quarter))
            self._mode_of, self._modes = quarter, self.tilt.valence * added[_CLASS_OF_KEY]
        return self._modes

    def durations(self, logits: Logits) -> Logits:
        """Logits of `duration`."""
        return np.asarray(logits + self._lengths, np.float32) if self.tilt.polyphony else logits

    def velocities(self, logits: Logits) -> Logits:
        """Logits of `velocity`."""
        return np.asarray(logits + self._velocities, np.float32) if self.tilt.energy else logits


@lru_cache(maxsize=512)
def added_dissonance(bits: int) -> NDArray[np.float64]:
    """What each key adds to the mean dissonance of the pitch classes in `bits`. (128,)"""
    there = [c for c in range(12) if bits >> c & 1]
    pairs = len(there) * (len(there) - 1)
    now = DISSONANCE[np.ix_(there, there)].sum() / pairs if pairs else _NEUTRAL
    added = np.zeros(12)
    for c in set(range(12)).difference(there) if there else ():
        classes = [*there, c]
        added[c] = DISSONANCE[np.ix_(classes, classes)].sum() / (pairs + 2 * len(there)) - now
    return np.asarray(added[_CLASS_OF_KEY])


def added_valence(lengths: NDArray[np.float64]) -> NDArray[np.float64]:
    """What half a quarter more of each pitch class adds to the valence of a bar with these `lengths` in steps. (12,)"""
    grown = lengths + _HALF_A_QUARTER  # (12, 12), a candidate each
    grown -= grown.mean(axis=1, keepdims=True)
    grown /= np.sqrt(np.einsum("ij,ij->i", grown, grown) + 1e-9)[:, None]
    fit = _PROFILES @ grown.T  # (24, 12)
    valence = fit[:12].max(axis=0) - fit[12:].max(axis=0)
    return np.asarray(valence - valence.mean())


_QUARTER = math.log1p(STEPS_PER_QUARTER)
_WAITS = np.log1p(np.arange(v.BAR + 1)) / _QUARTER
_WAITS[v.BAR] = 0.0  # depends on the place in the bar
_LOUDNESS = (np.arange(v.SIZES["velocity"]) - 20) / 5
_LENGTHS = np.log2(v.DURATIONS / STEPS_PER_QUARTER).clip(-3, 3)
_KEYS = np.arange(v.PITCHES, dtype=np.float64)
_HEIGHTS = (_KEYS - 60) / 12
_CLASS_OF_KEY = np.arange(v.PITCHES) % 12
_PROFILES = key_profiles()
_HALF_A_QUARTER = np.eye(12) * STEPS_PER_QUARTER / 2
