"""What the arpeggio promises: each step in its turn and on its time, a vibrato that begins late, none by default."""

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from gen_core.spec.errors import UsageError
from gen_core.synth.layout import KNOT_FRAMES, Layout
from gen_core.synth.unit import NoteOn
from gen_core.synth.units.arpeggio import ARPEGGIO, check_steps
from gen_core.synth.waves import WaveTables
from tests.fixtures import lanes
from tests.gen_core.synth.test_units import by_graph, by_kernel, model, runners

RATE = 48000
ONE = Layout(lanes=1)


def blocks(seconds: float, onset: int = 0, **section: Any) -> list[dict[str, NDArray]]:
    """Inputs of a note that begins at frame `onset`, block by block."""
    arrays = lanes.empty(ARPEGGIO.values, ONE)
    row = {"arpeggio": ARPEGGIO.defaults()["arpeggio"] | section}
    note = NoteOn(60.0, 60, 96, ONE, WaveTables())
    lanes.write(ARPEGGIO.values, arrays, 0, ARPEGGIO.prepare(row, note))
    starts = (np.arange(int(np.ceil(seconds * RATE / ONE.block_frames))) * ONE.block_frames - onset) / RATE
    factor = np.ones((1, ONE.knots))
    return [arrays | {"factor": factor, "pitch_age": np.full((1, 1), start, np.float32)} for start in starts]


def semitones(seconds: float, onset: int = 0, **section: Any) -> NDArray:
    """At knots, every 32 samples."""
    heard = [by_kernel(ARPEGGIO, ONE, block, {})["arpeggiated"][0, :-1] for block in blocks(seconds, onset, **section)]
    return 12.0 * np.log2(np.concatenate(heard))


@pytest.mark.parametrize("steps", [[0], [0, -12], [0, -5, -9], [0, -12, -8, -5], [0, -7, 0, -12]])
@pytest.mark.parametrize("rate_hz", [50.0, 60.0, 13.7])
@pytest.mark.parametrize("onset", [0, 100])
def test_steps_follow_each_other_in_a_circle_at_their_rate(steps: list[int], rate_hz: float, onset: int) -> None:
    heard = semitones(4.0, onset, steps=steps, rate_hz=rate_hz)
    since = np.maximum(np.arange(heard.size) * KNOT_FRAMES - onset, 0)
    expected = np.array(steps)[np.int64((since + 0.5) * rate_hz / RATE) % len(steps)]
    np.testing.assert_allclose(heard, expected, atol=1e-9)


def test_a_vibrato_of_eight_steps_begins_after_its_delay() -> None:
    heard = semitones(1.5, vibrato_semitones=0.4, vibrato_hz=6.25, vibrato_delay_s=0.5)
    delay = RATE // 2 // KNOT_FRAMES
    assert not heard[:delay].any()
    period = RATE / 6.25 / KNOT_FRAMES  # 240 knots
    turns = heard[delay : delay + round(4 * period)].reshape(4, 8, -1)
    assert np.ptp(turns, axis=(0, 2)).max() < 1e-9  # a step stands, and every period is the same
    assert turns.max() == pytest.approx(0.4) and turns.min() == pytest.approx(-0.4)
    assert abs(turns.mean()) < 1e-9  # the pitch is the key's
    sine = np.sin(2.0 * np.pi * np.arange(8) / 8.0)
    assert np.corrcoef(turns[0, :, 0], sine)[0, 1] > 0.97


def test_both_renderings_take_every_step_at_the_same_knot_for_two_minutes() -> None:
    """Steps of 20 ms end on knots exactly, where a bit more or less would decide."""
    run = runners(model(ARPEGGIO, ONE))["onnxruntime"]
    for block in blocks(120.0, steps=[0, -12, -8, -5], vibrato_semitones=0.3)[::7]:
        drawn, _ = by_graph(run, ARPEGGIO, block, {})
        expected = by_kernel(ARPEGGIO, ONE, block, {})["arpeggiated"]
        np.testing.assert_allclose(drawn["arpeggiated"], expected, atol=1e-9)


@pytest.mark.parametrize(
    "steps", [[], [0, 1, 2, 3, 4], [-1], [0, 7], [0, -25], ["0"], [True], "0", 0, [0, float("nan")]]
)
def test_wrong_steps_are_told_what_is_allowed(steps: Any) -> None:
    with pytest.raises(UsageError, match="semitones from the key down"):
        check_steps(steps)
