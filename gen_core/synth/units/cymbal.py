"""Metal without a pitch: many partials scattered over the range, to be layered with noise.

What one hears: the ring of ride, crash, hats, bell, tam-tam; with few partials cowbell, triangle, anvil. A plate has
about equally many modes in every band of equal width (curve 0); a shell or a rod has them in growing steps (curve 1):
    f_k = low (high / low)^u_k  mixed with  low + (high - low) u_k,    u_k evenly spaced, then scattered by the seed
    T_k = T (f_k / low)^-tilt,    |a_k| = chance 10^(balance log2(f_k / low) / 20) blow(f_k)
The wash of a crash begins low and climbs within some 50 ms, as large bending feeds the high modes: with a bloom each
mode is the difference of two decays, faster the higher it is. Mode densities: N. H. Fletcher, T. D. Rossing, "The
Physics of Musical Instruments", 2nd ed. (1998), 3.6 and 20.1-20.3 (cymbals, build-up 20.2); T. D. Rossing, "Science
of Percussion Instruments" (2000), ch. 8-9. Block form, kernel and graph: `gen_core/synth/modes.py`.
"""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from gen_core.spec.param import Param
from gen_core.synth.modes import BLOW, MODES, blow, octaves, unit, values
from gen_core.synth.unit import NoteOn, Row

# --- parameters -----------------------------------------------------------------------------------------------------
PARAMS = (
    Param(
        id="lowest_hz", low=40.0, high=5000.0, default=300.0, unit="Hz", curve="exponential", help="20 in 300, 8 in 900"
    ),
    Param(id="highest_hz", low=500.0, high=18000.0, default=14000.0, unit="Hz", curve="exponential"),
    Param(id="count", low=2, high=MODES, default=MODES, kind="int", help="cowbell 4, triangle 12, cymbals all"),
    Param(id="curve", low=0.0, high=1.0, default=0.5, help="0 equal steps in Hz, 1 equal intervals"),
    Param(id="scatter", low=0.0, high=2.0, default=1.0, help="of the partials, in steps between them"),
    Param(id="seed", low=0, high=9999, default=1, kind="int", help="which of ten thousand cymbals"),
    Param(id="key_track", low=0.0, high=1.0, default=0.0, help="octaves an octave of key; 0: the same on every key"),
    Param(id="decay_s", low=0.02, high=60.0, default=4.0, unit="s", curve="exponential", help="lowest mode to -60 dB"),
    Param(id="decay_tilt", low=0.0, high=2.0, default=0.4, help="power by which high modes are short"),
    Param(id="balance_db", low=-12.0, high=12.0, default=0.0, unit="dB", help="an octave up: bell -6, edge +3"),
    Param(
        id="bloom_s", low=0.0, high=1.0, default=0.0, unit="s", help="until the lowest mode is there; halves `count`"
    ),
    *BLOW,
)


# --- values ---------------------------------------------------------------------------------------------------------
def _partials(section: Mapping[str, float], note: NoteOn, count: int) -> tuple[NDArray, NDArray]:
    """Frequency and complex level of `count` modes."""
    chance = np.random.RandomState(int(section["seed"]))  # its stream is promised never to change (NEP 19)
    shift = chance.uniform(-0.5, 0.5, count)
    level = np.sqrt(chance.exponential(1.0, count)) * np.exp(2j * np.pi * chance.uniform(0.0, 1.0, count))
    low = section["lowest_hz"] * 2.0 ** (section["key_track"] * octaves(note))
    high = max(section["highest_hz"] * low / section["lowest_hz"], 1.01 * low)
    u = np.clip((np.arange(count) + section["scatter"] * shift * (np.arange(count) > 0)) / (count - 1), 0.0, 1.0)
    even = low + (high - low) * u
    hertz = even * (low * (high / low) ** u / even) ** section["curve"]
    return hertz, level * 10.0 ** (section["balance_db"] * np.log2(hertz / low) / 20.0)


def prepare(row: Row, note: NoteOn) -> Mapping[str, NDArray]:
    """The plate, struck with this velocity."""
    section = row["cymbal"]
    blooms = section["bloom_s"] > 0.0
    count = min(int(section["count"]), MODES // 2) if blooms else int(section["count"])
    hertz, level = _partials(section, note, count)
    seconds = section["decay_s"] * (hertz / hertz[0]) ** -section["decay_tilt"]
    if blooms:
        rise = section["bloom_s"] * np.sqrt(hertz[0] / hertz)
        seconds = np.append(seconds, seconds * rise / (seconds + rise))
        hertz, level = np.append(hertz, hertz), np.append(level, -level)
    loudest, now = blow(section, note, hertz)
    return values(note, hertz, seconds, level * loudest, level * now)


# --- record ---------------------------------------------------------------------------------------------------------
CYMBAL = unit("cymbal", PARAMS, prepare)
