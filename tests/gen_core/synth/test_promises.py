"""What the units promise the ear, measured against the textbook and not against ourselves."""

import numpy as np
import pytest
from scipy import signal

from gen_core.playback.layout import HELD_S, Layout, empty_lanes, filter_map
from gen_core.playback.waves import NAMES, TABLE_FRAMES, WaveTables
from gen_core.synth import voice
from gen_core.synth.registry import UNITS

RATE = 48000
BY_NAME = {unit.name: unit for unit in UNITS}


def run(name: str, layout: Layout, blocks: list[dict]) -> np.ndarray:
    """One unit over blocks; its output joined along time."""
    unit = BY_NAME[name]
    state, out, played = unit.start(layout), unit.room(layout), []
    for block in blocks:
        unit.kernel(layout, block, state, out)
        played.append(next(iter(out.values())).copy())
    return np.concatenate(played, axis=-1)


def oscillator(wave: str, key: int, blocks: int) -> np.ndarray:
    layout = Layout(lanes=1)
    tables, increment = WaveTables([wave]), 440.0 * 2 ** ((key - 69) / 12) / RATE
    lanes = empty_lanes(layout) | {"tables": tables.flat}
    lanes["increment"][:] = increment
    lanes["table"][:] = tables.start(wave, increment)
    return run("oscillator", layout, [lanes] * blocks)[0, 0]


@pytest.mark.parametrize(("key", "limit_db"), [(36, -55.0), (60, -70.0), (96, -80.0), (108, -80.0)])
@pytest.mark.parametrize("wave", ["saw", "square"])
def test_oscillators_do_not_alias(wave: str, key: int, limit_db: float) -> None:
    sound = oscillator(wave, key, 64)
    spectrum = np.abs(np.fft.rfft(sound * signal.windows.blackmanharris(sound.size))) ** 2
    frequency = 440.0 * 2 ** ((key - 69) / 12)
    bins = np.fft.rfftfreq(sound.size, 1 / RATE)
    near = np.abs(bins / frequency - np.round(bins / frequency)) * frequency < 8 * RATE / sound.size
    off, total = spectrum[~near].sum(), spectrum.sum()
    assert 10 * np.log10(off / total) < limit_db  # low notes: the table's own interpolation


@pytest.mark.parametrize("wave", NAMES)
def test_every_named_wave_fills_its_table_and_closes_its_period(wave: str) -> None:
    rows = WaveTables([wave]).flat.reshape(-1, TABLE_FRAMES + 1)
    np.testing.assert_array_equal(rows[:, 0], rows[:, -1])
    assert 0.5 < np.abs(rows).max() <= 1.1  # a square overshoots where it is cut (Gibbs)


@pytest.mark.parametrize(("low", "band", "high"), [(1, 0, 0), (0, 1, 0), (0, 0, 1), (1, 0, 1)])
@pytest.mark.parametrize(("cutoff_hz", "q"), [(120.0, 0.707), (1000.0, 4.0), (9000.0, 1.0)])
def test_the_filter_answers_as_the_analogue_one_does(
    low: float, band: float, high: float, cutoff_hz: float, q: float
) -> None:
    layout = Layout(lanes=1, block_frames=512)
    impulse = np.zeros((64, 1, 1, 512), np.float32)
    impulse[0, 0, 0, 0] = 1.0
    steady = {
        "keep": np.ones((1, 1), np.float32),
        "envelope": np.zeros((2, 1, layout.knots), np.float32),
        "log_cutoff": np.full((1, 1, 1), np.log(np.pi * cutoff_hz / RATE), np.float32),
        "cutoff_bend": np.zeros((1, 1, 1), np.float32),
        "filter_map": filter_map(q, low, band, high)[None],
    }
    response = np.fft.rfft(run("svf", layout, [steady | {"source": block} for block in impulse])[0].astype(float))
    hertz = np.fft.rfftfreq(64 * 512, 1 / RATE)[1:-1]
    s = 1j * np.tan(np.pi * hertz / RATE) / np.tan(np.pi * cutoff_hz / RATE)  # the bilinear transform bends frequency
    analogue = (low + band * s / q + high * s * s) / (1 + s / q + s * s)
    heard = np.abs(analogue) > 1e-3
    error_db = 20 * np.log10(np.abs(response[1:-1][heard]) / np.abs(analogue[heard]))
    assert np.abs(error_db).max() < 0.2


def test_envelope_times_are_the_declared_ones() -> None:
    layout = Layout(lanes=1)
    decay_s, release_s, attack_s = 0.5, 0.3, 0.02
    lanes = empty_lanes(layout)
    for name, value in {
        "attack": attack_s, "attack_rate": 1 / attack_s, "decay_rate": np.log(1000) / decay_s,
        "sustain": 0.0, "release_rate": np.log(1000) / release_s,
    }.items():  # fmt: skip
        lanes[name][:] = value

    def level(age: float, off_age: float = HELD_S) -> float:
        lanes["age"][:], lanes["off_age"][:] = age, off_age
        return float(run("envelope", layout, [lanes])[0, 0, 0])

    assert level(attack_s) == pytest.approx(1.0, rel=1e-3) and level(attack_s / 2) == pytest.approx(0.5, rel=1e-3)
    assert level(attack_s + decay_s) == pytest.approx(1e-3, rel=0.01)
    assert level(attack_s + release_s, release_s) == pytest.approx(1e-3, rel=0.01)
    assert level(-0.001) == 0.0


def test_noise_is_white_without_offset_and_never_repeats_soon() -> None:
    noise = run("noise", Layout(), [{}] * 200)[0]
    assert abs(noise.mean()) < 0.01 and noise.std() == pytest.approx(1 / np.sqrt(3), rel=0.02)
    power = signal.welch(noise, nperseg=512)[1][2:-2]
    assert 10 * np.log10(power.max() / power.min()) < 4.0
    shifted = signal.correlate(noise, noise, method="fft")[noise.size :]
    assert 3 * np.abs(shifted).max() / noise.size < 0.02


@pytest.mark.parametrize("loudness", [0.5, 1.5, 20.0])
def test_the_limiter_lets_nothing_over_its_ceiling_and_quiet_sound_through(loudness: float) -> None:
    layout, rng = Layout(lanes=1), np.random.default_rng(3)
    sound = (rng.uniform(-1, 1, (40, 1, 3, 512)) * loudness).astype(np.float32)
    silent = np.zeros((1, 2, 512), np.float32)
    blocks = [{"bus": block, "wet": silent, "volume": np.ones((1, 2), np.float32)} for block in sound]
    out = run("limiter", layout, blocks)[0]
    assert np.abs(out).max() <= 10 ** (-1 / 20) + 1e-6
    if loudness < 0.85:
        whole = np.concatenate(list(sound[:, 0, :2]), axis=-1)
        np.testing.assert_allclose(out[:, 32:], whole[:, :-32], atol=1e-6)


def test_the_room_dies_in_its_time_and_ends_in_silence() -> None:
    blocks = [{"bus": np.zeros((1, 3, 512), np.float32)} for _ in range(1500)]
    blocks[0]["bus"][0, 2, 0] = 1.0
    wet = run("reverb", Layout(lanes=1), blocks)[0]
    energy = np.cumsum((wet.astype(float) ** 2).sum(axis=0)[::-1])[::-1]
    decay_db = 10 * np.log10(np.maximum(energy, 1e-300) / energy[0])
    seconds = np.argmax(decay_db < -30) / RATE
    assert 0.3 < seconds < 0.95  # half of 1.7 s in the bass, less in the treble
    assert not wet[:, -512:].any()


def test_a_lane_of_zeros_is_silent_everywhere() -> None:
    layout = Layout(lanes=2)
    lanes = empty_lanes(layout) | {"tables": WaveTables(["saw"]).flat}
    signals = voice.run(layout, lanes, voice.start(layout), voice.rooms(layout))
    assert not signals["filtered"].any() and not signals[voice.OUTPUT].any()
