"""What the shared noise and the drums promise the ear, measured against formulas and instruments and not themselves."""

from typing import Any

import numpy as np
import pytest
from scipy import signal

from gen_core.synth.layout import Layout
from gen_core.synth.registry import BY_NAME
from gen_core.synth.unit import Arrays, NoteOn
from gen_core.synth.units.noise import colour, edges_hz
from gen_core.synth.waves import WaveTables
from tests.fixtures import lanes
from tests.gen_core.synth.test_units import by_graph, by_kernel, model, runners

RATE = 48000
DRUMS = ("kick", "snare", "hat", "clap")
each_drum = pytest.mark.parametrize("name", DRUMS)


def bands(blocks: int, first: int = 1) -> np.ndarray:
    """[8, frames] of the noise from sample `first` on."""
    unit, layout = BY_NAME["noise"], Layout()
    state = {"counter": np.array([first], np.int32)}
    return np.concatenate([by_kernel(unit, layout, {}, state)["noise"] for _ in range(blocks)], axis=-1)


def note(name: str, layout: Layout, velocity: int = 127, **section: float) -> Arrays:
    """What a note of the drum writes, where the section says otherwise than by default."""
    unit = BY_NAME[name]
    arrays, row = lanes.empty(unit.values, layout), {name: unit.defaults()[name] | section}
    lanes.write(unit.values, arrays, 0, unit.prepare(row, NoteOn(36.0, 36, velocity, layout, WaveTables())))
    return arrays


def block(layout: Layout, sound: Arrays, number: int, onset: int, noise: np.ndarray) -> Arrays:
    """Everything that goes into one block of a note that begins at frame `onset` of block 0."""
    first = number * layout.block_frames
    age = np.full((layout.lanes, 1), (first - onset) / layout.sample_rate_hz, np.float32)
    return sound | {"age": age, "noise": noise[:, first : first + layout.block_frames]}


def strike(
    name: str,
    seconds: float,
    velocity: int = 127,
    onset: int = 0,
    hiss: float = 1.0,
    rate: int = RATE,
    **section: float,
) -> np.ndarray:
    """The sound of one stroke. `hiss` 0 leaves the noise out."""
    layout = Layout(1, 64 * round(rate / 6000), rate)
    sound, count = note(name, layout, velocity, **section), round(seconds * rate / layout.block_frames)
    noise = np.tile(bands(20), (1, 50)) * np.float32(hiss)
    blocks = [block(layout, sound, number, onset, noise) for number in range(count)]
    return np.concatenate([by_kernel(BY_NAME[name], layout, given, {})["drum"][0] for given in blocks])


def share(sound: np.ndarray, low_hz: float, high_hz: float) -> float:
    """Power between two frequencies, of the whole."""
    power = np.abs(np.fft.rfft(sound)) ** 2
    hertz = np.fft.rfftfreq(sound.size, 1 / RATE)
    return float(power[(hertz >= low_hz) & (hertz < high_hz)].sum() / power.sum())


# --- noise ----------------------------------------------------------------------------------------------------------
def test_the_bands_sum_to_white_noise_that_never_repeats_soon() -> None:
    noise = bands(800).sum(axis=0)
    assert abs(noise.mean()) < 0.005 and noise.std() == pytest.approx(1 / np.sqrt(3), rel=0.01)
    power = signal.welch(noise, nperseg=512)[1][2:-2]
    assert 10 * np.log10(power.max() / power.min()) < 1.0
    shifted = signal.correlate(noise, noise, method="fft")[noise.size :]
    assert 3 * np.abs(shifted).max() / noise.size < 0.01


def test_a_band_is_heard_between_its_edges_and_not_two_octaves_away() -> None:
    edges = [0.0, *edges_hz(RATE), RATE / 2]
    for index, band in enumerate(bands(400)):
        hertz, power = signal.welch(band, RATE, nperseg=8192)
        level = 10 * np.log10(power / (2 / 3 / RATE))
        inside = (hertz > edges[index] * 1.2) & (hertz < edges[index + 1] * 0.85)
        far = (hertz > edges[index + 1] * 4) | (hertz < edges[index] / 4)
        assert level[inside].mean() > -6.5 and level[far].max(initial=-99.0) < -24.0


def test_the_counter_wraps_round_in_every_rendering() -> None:
    unit, layout = BY_NAME["noise"], Layout(1)
    for run in runners(model(unit, layout)).values():
        state = {"counter": np.array([2**31 - 700], np.int32)}
        drawn = {"counter": state["counter"].copy()}
        for _ in range(3):
            expected = by_kernel(unit, layout, {}, state)
            got, drawn = by_graph(run, unit, {}, drawn)
            np.testing.assert_allclose(got["noise"], expected["noise"], atol=unit.tolerance)
        assert drawn["counter"] == state["counter"] and state["counter"][0] < 0


@pytest.mark.parametrize("rate", [8000, 48000, 192000])
@pytest.mark.parametrize(
    ("low_hz", "high_hz", "tilt_db"), [(20, 20000, 0), (20, 20000, -6), (3000, 9000, 0), (20, 150, 0)]
)
def test_a_colour_does_not_change_the_loudness(low_hz: float, high_hz: float, tilt_db: float, rate: int) -> None:
    gains = colour({"low_hz": low_hz, "high_hz": high_hz, "tilt_db": tilt_db}, Layout(sample_rate_hz=rate))
    assert (gains @ bands(800)).std() == pytest.approx(1 / np.sqrt(3), rel=0.03)


@pytest.mark.parametrize("left_out", ["wave", "noise"])
def test_a_blend_without_a_source_is_a_blend_of_silence_there(left_out: str) -> None:
    unit, layout, rng = BY_NAME["blend"], Layout(2), np.random.default_rng(1)
    ports = [*unit.inputs, *unit.values]
    whole: Arrays = {
        port.name: rng.uniform(port.low, port.high, layout.shape(port.dims)).astype(port.dtype) for port in ports
    }
    silent = whole | {left_out: np.zeros_like(whole[left_out])}
    less = {name: value for name, value in whole.items() if name != left_out}
    expected = by_kernel(unit, layout, silent, {})["source"]
    np.testing.assert_allclose(by_kernel(unit, layout, less, {})["source"], expected, atol=unit.tolerance)


# --- drums ----------------------------------------------------------------------------------------------------------
@each_drum
def test_a_stroke_begins_on_its_sample_in_both_renderings(name: str) -> None:
    unit, layout = BY_NAME[name], Layout(1)
    sound, noise, run = note(name, layout), bands(1), runners(model(BY_NAME[name], Layout(1)))["onnxruntime"]
    for onset in (0, 1, 31, 32, 33, 255, 500, 511):
        given = block(layout, sound, 0, onset, noise)
        played = by_kernel(unit, layout, given, {})["drum"][0]
        drawn = by_graph(run, unit, given, {})[0]["drum"][0]
        assert not played[:onset].any() and not drawn[:onset].any()
        assert np.flatnonzero(played)[0] <= onset + 1  # a sine begins at 0
        np.testing.assert_allclose(drawn, played, atol=unit.tolerance)


@each_drum
def test_a_stroke_sounds_the_same_wherever_in_a_block_it_begins(name: str) -> None:
    first = strike(name, 0.1, hiss=0.0)
    later = strike(name, 0.1, onset=333, hiss=0.0)
    np.testing.assert_allclose(later[333:], first[:-333], atol=0.01)  # knots lie elsewhere


@each_drum
def test_a_stroke_peaks_near_one_and_ends_in_true_silence(name: str) -> None:
    sound = strike(name, 1.0)
    assert 0.6 < np.abs(sound).max() < 1.4
    assert not strike(name, 2.0)[-512:].any()


@each_drum
def test_a_harder_stroke_is_brighter(name: str) -> None:
    def centroid(velocity: int) -> float:
        power = np.abs(np.fft.rfft(strike(name, 0.3, velocity))) ** 2
        return float((power * np.fft.rfftfreq(2 * power.size - 2, 1 / RATE)).sum() / power.sum())

    assert centroid(127) > 1.05 * centroid(80) > 1.1 * centroid(30)


@pytest.mark.parametrize(("tune", "octaves", "sweep_s"), [(49.5, 1.4, 0.006), (52.0, 2.2, 0.018), (60.0, 5.0, 0.003)])
def test_a_kick_falls_to_its_pitch_as_the_formula_says(tune: float, octaves: float, sweep_s: float) -> None:
    pure: dict[str, Any] = {"drive": 0.0, "knock": 0.0, "click": 0.0}
    sound = strike("kick", 0.5, tune_hz=tune, sweep_octaves=octaves, sweep_s=sweep_s, decay_s=2.0, **pure)
    t = np.arange(sound.size) / RATE
    phase = tune * t + tune * (2.0**octaves - 1.0) * sweep_s * -np.expm1(-t / sweep_s)
    ideal = np.sin(2 * np.pi * phase) * 10.0 ** (-3.0 * t / 2.0)
    level = float(sound @ ideal / (ideal @ ideal))
    error = sound / level - ideal
    assert 10 * np.log10((error @ error) / (ideal @ ideal)) < -55.0


def test_a_snare_has_its_heads_two_modes_and_its_wires() -> None:
    sound = strike("snare", 0.4, sweep_octaves=0.0)
    power = np.abs(np.fft.rfft(sound, 1 << 17))
    hertz = np.fft.rfftfreq(1 << 17, 1 / RATE)
    low, high = ((hertz > 150) & (hertz < 240)), ((hertz > 280) & (hertz < 400))
    assert hertz[low][power[low].argmax()] == pytest.approx(185, rel=0.04)
    assert hertz[high][power[high].argmax()] == pytest.approx(185 * 1.78, rel=0.04)
    assert 0.2 < share(sound, 1000, 12000) < 0.7 and share(sound, 0, 120) < 0.03


def test_a_hat_is_above_six_kilohertz_and_open_or_closed() -> None:
    assert share(strike("hat", 0.3), 6000, 24000) > 0.8
    energy = [np.cumsum(strike("hat", 1.5, decay_s=decay) ** 2) for decay in (0.1, 1.0)]
    halves = [np.searchsorted(total, 0.9 * total[-1]) / RATE for total in energy]
    assert halves[0] < 0.03 and halves[1] > 0.1


def test_metal_rings_where_the_sines_sum_and_differ() -> None:
    sound = strike("hat", 0.5, metal=1.0, chick=0.0, decay_s=1.0, tune_hz=400.0)
    power = np.abs(np.fft.rfft(sound * np.hanning(sound.size)))
    places = signal.find_peaks(power, height=power.max() / 10)[0] * RATE / sound.size
    expected = sorted(400.0 * (high + low) for high in (17.3, 21.1) for low in (-5.37, 0.0, 5.37))
    np.testing.assert_allclose(places, expected, rtol=0.005)


def test_hands_clap_three_times_and_leave_a_tail() -> None:
    strokes = [strike("clap", 0.3, spacing_s=0.012, onset=onset) for onset in range(0, 480, 40)]
    power = np.mean([np.roll(sound, -40 * i) ** 2 for i, sound in enumerate(strokes)], axis=0)
    level = np.sqrt(power[: RATE // 5].reshape(-1, 96).mean(axis=1))  # 2 ms each
    assert level[0] > 0.1
    for start in (int(0.012 / 0.002), int(0.012 * 2.1 / 0.002)):
        assert level[start : start + 2].max() > 2.0 * level[start - 2]
    assert level[50] > 0.01 * level.max()  # 100 ms later


@each_drum
@pytest.mark.parametrize("rate", [8000, 96000])
def test_a_drum_is_as_long_and_as_loud_at_any_sample_rate(name: str, rate: int) -> None:
    def power(at: int) -> float:
        return float((strike(name, 0.8, rate=at) ** 2).sum() / at)

    assert 0.4 < power(rate) / power(48000) < 2.5  # a few milliseconds of noise are as loud as chance has it


def test_lanes_without_a_note_are_silent() -> None:
    unit, layout = BY_NAME["kick"], Layout(2)
    given = block(layout, lanes.empty(unit.values, layout), 3, 0, bands(4))
    run = runners(model(unit, layout))["onnxruntime"]
    assert not by_kernel(unit, layout, given, {})["drum"].any() and not by_graph(run, unit, given, {})[0]["drum"].any()
