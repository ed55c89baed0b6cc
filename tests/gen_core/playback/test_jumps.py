"""A parameter of the mixer that jumps from one end of its range to the other is heard to change, and does not click.

A click is sound above 10 kHz that the low notes of a horn do not have, whichever effects they go through.
"""

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import signal

from gen_core.playback import mixer
from gen_core.playback.instrument import Instrument
from gen_core.playback.mixing import Mixing
from gen_core.playback.synth import Synth
from gen_core.spec.param import Param
from gen_core.synth import patches
from gen_core.synth.kernel_engine import KernelEngine

RATE, PART = 48000, "lead"
QUIET_DB = -55.0  # above 10 kHz, below the peak of the sound
HIGH = signal.butter(6, 10_000, "high", fs=RATE, output="sos")
HORNS = patches.needed(["horn"])
PLAN = patches.plan_for(HORNS)
BPM = Param(id="bpm", low=30, high=240, default=120)
PARAMS = [param for param in (BPM, *mixer.params(PLAN)) if param.id.partition(".")[2] not in set(mixer.PARTS) - {PART}]
AT_REST = {param.id: param.default for param in PARAMS} | {  # every parameter has something to act on
    "volume": 0.3, "drive.lead": 0.5, "space.lead": 0.5, "equalizer.low_db": 6.0, "equalizer.mid_db": -6.0,
    "equalizer.high_db": 6.0, "chorus.level": 0.7, "echo.level": 0.5, "compressor.ratio": 4.0,
    "compressor.threshold_db": -30.0,
}  # fmt: skip


@pytest.fixture(scope="module")
def horn() -> Synth:
    rows = [row | {"mix": row["mix"] | {"echo": 0.5, "chorus": 0.5}} for row in HORNS]
    return Synth(KernelEngine(PLAN), [Instrument(row) for row in rows])


def turn(horn: Synth, **values: float) -> None:
    """Set parameters as a performance does."""
    mixing = Mixing(horn, [PART])
    for name in values:
        mixing.settle(name, AT_REST | values)


def played(horn: Synth, blocks: int) -> NDArray[np.float64]:
    return np.concatenate([horn.render_block() for _ in range(blocks)]).astype(float)


def jumping(horn: Synth, name: str, *values: float) -> NDArray[np.float64]:
    """Two low notes while the parameter has each of `values` for 0.6 s. (frames, 2), from a little before the jump."""
    horn.reset()
    turn(horn, **AT_REST | {name: values[0]})
    played(horn, 60)
    for key in (36, 43):
        horn.note_on(0, key, 90)
    played(horn, 80)
    sounds = []
    for value in values:
        turn(horn, **{name: value})
        sounds.append(played(horn, 57))
    return np.concatenate(sounds)[40 * horn.block_frames :]


def hiss_db(sound: NDArray[np.float64]) -> float:
    """The peak of what lies above 10 kHz, in dB below the peak of the whole."""
    high = signal.sosfilt(HIGH, sound, axis=0)[1000:]  # without what the filter itself makes of the beginning
    return float(20.0 * np.log10(np.abs(high).max() / np.abs(sound).max()))


@pytest.mark.parametrize("param", PARAMS, ids=lambda param: param.id)
def test_a_jump_over_the_whole_range_does_not_click(horn: Synth, param: Param) -> None:
    assert hiss_db(jumping(horn, param.id, param.low, param.high, param.low)) < QUIET_DB


def test_a_step_of_the_sound_itself_would_be_found() -> None:
    sound = np.sin(2.0 * np.pi * 65.4 / RATE * np.arange(RATE))
    sound[RATE // 2 + 200 :] *= 0.9
    assert hiss_db(sound) > QUIET_DB + 9.0


def test_an_effect_that_is_set_leaves_the_volume_alone(horn: Synth) -> None:
    still = np.abs(jumping(horn, "volume", 0.3, 0.3)).max()
    for name, low, high in (("limiter.release_s", 0.1, 1.0), ("limiter.ceiling_db", -2.0, -1.0)):
        assert np.abs(jumping(horn, name, low, high)).max() == pytest.approx(still, rel=0.01)
