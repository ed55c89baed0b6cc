"""What the exact voice promises the ear, measured against the textbook and not against ourselves."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import signal

from gen_core.synth.layout import CLOCKS, HELD_S, STRETCH_FRAMES, Layout
from gen_core.synth.registry import BY_NAME
from gen_core.synth.unit import Arrays, NoteOn, Unit
from gen_core.synth.waves import LADDER, NAMES, WaveTables
from tests.fixtures import lanes
from tests.fixtures.unit_inputs import inputs

ONE = Layout(lanes=1)
RATE = ONE.sample_rate_hz


def run(unit: Unit, blocks: Sequence[Arrays], layout: Layout = ONE) -> NDArray:
    """A unit's kernel over blocks; its output joined along time."""
    state, out, played = unit.start(layout), unit.room(layout), []
    for block in blocks:
        unit.kernel(layout, block, state, out)
        played.append(next(iter(out.values())).copy())
    return np.concatenate(played, axis=-1)


def written(names: Sequence[str], key: float = 60, velocity: int = 96, **sections: dict[str, Any]) -> Arrays:
    """What one note writes into these units, with this in their sections and defaults elsewhere, and the tables."""
    tables, row, block = WaveTables(), {}, {}
    for name in names:
        row |= BY_NAME[name].defaults()
    for name, section in sections.items():
        row[name] = row[name] | section
    for name in names:
        unit = BY_NAME[name]
        arrays = lanes.empty(unit.values, ONE)
        lanes.write(unit.values, arrays, 0, unit.prepare(row, NoteOn(key, int(key), velocity, ONE, tables)))
        block |= arrays
    clocks = {name: np.zeros((1, 1), port.dtype) for name, port in CLOCKS.items()}
    return block | clocks | {"keep": np.ones((1, 1), np.float32), "tables": tables.flat}


def oscillator(wave: str, key: float, blocks: int) -> NDArray:
    """A steady note of the first oscillator."""
    note = written(["oscillator", "pitch"], key, oscillator_1={"wave": wave})
    note["factor"], note["phase_start"][:] = np.ones((1, ONE.knots)), 0.0
    return np.asarray(run(BY_NAME["oscillator"], [note] * blocks)[0, 0])


@pytest.mark.parametrize(("key", "limit_db"), [(36, -55.0), (60, -70.0), (96, -79.0), (108, -80.0)])
@pytest.mark.parametrize("wave", ["saw", "square"])
def test_oscillators_do_not_alias(wave: str, key: int, limit_db: float) -> None:
    sound = oscillator(wave, key, 64)
    spectrum = np.abs(np.fft.rfft(sound * signal.windows.blackmanharris(sound.size))) ** 2
    frequency = 440.0 * 2 ** ((key - 69) / 12)
    bins = np.fft.rfftfreq(sound.size, 1 / RATE)
    near = np.abs(bins / frequency - np.round(bins / frequency)) * frequency < 8 * RATE / sound.size
    off, total = spectrum[~near].sum(), spectrum.sum()
    assert 10 * np.log10(off / total) < limit_db  # what is left is the table's own interpolation, exact phases or not


@pytest.mark.parametrize("key", [24, 69, 107])
def test_oscillators_are_in_tune_to_a_thousandth_of_a_cent(key: int) -> None:
    sound, hertz = oscillator("sine", key, 400), 440.0 * 2 ** ((key - 69) / 12)
    turned = sound * np.exp(-2j * np.pi * hertz * np.arange(sound.size) / RATE)
    early, late = (half @ np.hanning(half.size) for half in np.split(turned, 2))
    drift_hz = np.angle(late / early) / (2 * np.pi) / (sound.size / 2 / RATE)
    assert abs(1200 * np.log2(1 + drift_hz / hertz)) < 0.001


@pytest.mark.parametrize("wave", NAMES)
def test_every_named_wave_fills_its_table_and_closes_its_period(wave: str) -> None:
    tables = WaveTables([wave])
    for count in LADDER:
        start, frames = tables.place(wave, 0.5 / count)
        period = tables.flat[start : start + frames + 1]
        assert period[0] == period[-1]
        assert 0.1 < np.abs(period).max() <= 1.1  # a cut square overshoots; of a narrow pulse little is left


def test_a_vibrato_is_as_deep_and_as_fast_as_it_says() -> None:
    depth, rate = 1.5, 6.0
    note = written(["pitch"], pitch={"vibrato_semitones": depth, "vibrato_hz": rate, "vibrato_onset_s": 0.001})
    blocks = []
    for number in range(100):
        late = np.full((1, 1), 1.0 + number * ONE.block_frames / RATE, np.float32)
        blocks.append(note | {"age": late, "pitch_age": late})
    factor = np.concatenate([run(BY_NAME["pitch"], [block])[0, :-1] for block in blocks])
    seconds = 1.0 + np.arange(factor.size) * ONE.block_frames / (ONE.knots - 1) / RATE
    cents = 1200 * np.log2(factor) - 100 * depth * np.sin(2 * np.pi * rate * seconds)
    assert np.abs(cents).max() < 0.5  # straight lines of 128 samples


def test_a_bend_falls_by_its_time_constant() -> None:
    bend_s = 0.05
    note = written(["pitch"], pitch={"bend_semitones": 12.0, "bend_s": bend_s})
    for late in (0.0, bend_s, 3 * bend_s):
        note["pitch_age"][:] = late
        factor = run(BY_NAME["pitch"], [note])[0, 0]
        assert 12 * np.log2(factor) == pytest.approx(12.0 * np.exp(-late / bend_s), abs=1e-4)


def filtered(cutoff_hz: float, q: float, low: float, band: float, high: float, source: NDArray) -> NDArray:
    """The filter at rest over source [blocks * 512]."""
    shape = {"cutoff_hz": cutoff_hz, "q": q, "low": low, "band": band, "high": high}
    note = written(["svf"], filter=shape | {"velocity_octaves": 0.0})
    note["envelope"] = np.zeros((2, 1, ONE.knots), np.float32)
    blocks = source.astype(np.float32).reshape(-1, 1, ONE.block_frames)
    return np.asarray(run(BY_NAME["svf"], [note | {"source": block} for block in blocks])[0], float)


@pytest.mark.parametrize(("low", "band", "high"), [(1, 0, 0), (0, 1, 0), (0, 0, 1), (1, 0, 1)])
@pytest.mark.parametrize(("cutoff_hz", "q"), [(120.0, 0.707), (1000.0, 4.0), (9000.0, 1.0)])
def test_the_filter_answers_as_the_analogue_one_does(
    low: float, band: float, high: float, cutoff_hz: float, q: float
) -> None:
    response = np.fft.rfft(filtered(cutoff_hz, q, low, band, high, np.eye(1, 64 * 512)[0]))
    hertz = np.fft.rfftfreq(64 * 512, 1 / RATE)[1:-1]
    s = 1j * np.tan(np.pi * hertz / RATE) / np.tan(np.pi * cutoff_hz / RATE)  # the bilinear transform bends frequency
    analogue = (low + band * s / q + high * s * s) / (1 + s / q + s * s)
    heard = np.abs(analogue) > 1e-3
    error_db = 20 * np.log10(np.abs(response[1:-1][heard]) / np.abs(analogue[heard]))
    assert np.abs(error_db).max() < 0.2


def test_a_cutoff_that_moves_does_not_click() -> None:
    """Steps of a cutoff that an envelope moves by two octaves in 50 ms: what they add lies 60 dB below the tone."""
    layout, hertz = Layout(1, 512), 300.0
    note = written(["svf"], filter={"cutoff_hz": 400.0, "bend_octaves": 2.0, "velocity_octaves": 0.0})
    knots = np.arange(10 * 16 + 1) * 32 / RATE
    bend = np.clip(1.0 - knots / 0.05, 0.0, 1.0).astype(np.float32)
    source = np.sin(2 * np.pi * hertz * np.arange(5120) / RATE).astype(np.float32)
    blocks = []
    for number in range(10):
        part = bend[16 * number : 16 * number + 17]
        sound = source[512 * number : 512 * number + 512][None]
        blocks.append(note | {"source": sound, "envelope": np.stack([part, part])[:, None]})
    sound = run(BY_NAME["svf"], blocks, layout)[0].astype(float)
    steps = np.abs(np.diff(sound, 2))[2 * STRETCH_FRAMES :]
    smooth = (2 * np.pi * hertz / RATE) ** 2 * np.abs(sound).max()
    assert steps.max() < smooth + 10 ** (-60 / 20)


def test_envelope_times_are_the_declared_ones() -> None:
    decay_s, release_s, attack_s = 0.5, 0.3, 0.02
    shape = {"attack_s": attack_s, "decay_s": decay_s, "sustain": 0.0, "release_s": release_s}
    note = written(["envelope"], amp=shape, mod=shape)

    def level(age: float, off_age: float = HELD_S) -> float:
        note["age"][:], note["off_age"][:] = age, off_age
        return float(run(BY_NAME["envelope"], [note])[0, 0, 0])

    assert level(attack_s) == pytest.approx(1.0, rel=1e-3) and level(attack_s / 2) == pytest.approx(0.5, rel=1e-3)
    assert level(attack_s + decay_s) == pytest.approx(1e-3, rel=0.01)
    assert level(attack_s + release_s, release_s) == pytest.approx(1e-3, rel=0.01)
    assert level(-0.001) == 0.0


def test_an_envelope_is_the_same_on_both_ways_through_its_kernel() -> None:
    """A block that is all decay and one in which the note is let go at its very end agree until then."""
    note = written(["envelope"], amp={"attack_s": 0.01, "decay_s": 0.4, "sustain": 0.3})
    note["age"][:] = 0.2
    played = []
    for off_age in (HELD_S, -0.0105):
        note["off_age"][:] = off_age
        played.append(run(BY_NAME["envelope"], [note])[0, 0, :-1])
    np.testing.assert_allclose(*played, atol=1e-6)


@pytest.mark.parametrize("name", ["oscillator", "svf", "envelope", "amplifier", "blend"])
def test_a_lane_of_zeros_is_silent(name: str) -> None:
    unit, layout = BY_NAME[name], Layout(lanes=2)
    block = inputs(unit, layout)
    for port in (*unit.values, *(port for port in unit.inputs if port.kind == "knots")):
        lane = lanes.place(port, block[port.name], 0)
        lane[...] = 0
    if name == "amplifier":
        block["envelope"][:, 0] = 0.0
    out = run(unit, [block], layout)
    assert not np.moveaxis(out, -2, 0)[0].any() and np.moveaxis(out, -2, 0)[1].any()
