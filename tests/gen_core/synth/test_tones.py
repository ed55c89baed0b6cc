"""What tone sources and modulators promise, against derivations of their own: Bessel series, filters' peaks, ramps."""

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import signal, special

from gen_core.spec.errors import UsageError
from gen_core.synth import sine
from gen_core.synth.layout import HELD_S, KNOT_FRAMES, Layout
from gen_core.synth.registry import BY_NAME, UNITS
from gen_core.synth.unit import NoteOn, Unit
from gen_core.synth.units import formant, lfo, phase_modulation, pipe, stages
from gen_core.synth.waves import WaveTables
from tests.fixtures import lanes
from tests.gen_core.synth.test_units import by_graph, by_kernel, model, runners

RATE = 48000
ONE = Layout(lanes=1)


def patch(**sections: dict) -> dict:
    """All defaults, but for what a test sets."""
    row = {name: dict(values) for unit in UNITS for name, values in unit.defaults().items()}
    for name, values in sections.items():
        row[name] |= values
    return row


def blocks(unit: Unit, row: dict, key: float, seconds: float, off_s: float = np.inf, bright: float = 0.0, cents=0.0):
    """Inputs of a note, block by block; its pitch is raised by `cents` throughout."""
    arrays = lanes.empty(unit.values, ONE)
    lanes.write(unit.values, arrays, 0, unit.prepare(row, NoteOn(key, round(key), 96, ONE, WaveTables())))
    for number in range(int(np.ceil(seconds * RATE / ONE.block_frames))):
        age = number * ONE.block_frames / RATE
        clocks = {"age": age, "off_age": age - off_s if off_s < np.inf else HELD_S, "keep": float(number > 0)}
        moving = {name: np.full((1, 1), value, np.float32) for name, value in clocks.items()}
        moving["brightness"] = np.full((1, 1), bright, np.float32)
        moving["factor"] = np.full((1, ONE.knots), 2.0 ** (cents / 1200.0))
        moving["envelope"] = np.ones((2, 1, ONE.knots), np.float32)
        starts = {port.name: arrays[port.name] * (number == 0) for port in unit.values if port.kind == "start"}
        yield arrays | starts | moving


def played(unit: Unit, row: dict, key: float, seconds: float, **how: float) -> NDArray:
    """The unit's output over time: samples, or knots every 32 frames."""
    state, heard = unit.start(ONE), []
    for block in blocks(unit, row, key, seconds, **how):
        value = by_kernel(unit, ONE, block, state)[unit.outputs[0].name][0]
        heard.append(value[: ONE.knots - 1] if "knots" in unit.outputs[0].dims else value)
    return np.concatenate(heard)


WINDOW = np.kaiser(32768, 16)  # leakage is below -120 dB twelve bins away


def spectrum(sound: NDArray) -> tuple[NDArray, NDArray]:
    """Frequencies and amplitudes of the last 32768 samples."""
    return np.arange(16385) * RATE / 32768, np.abs(np.fft.rfft(sound[-32768:] * WINDOW)) * 2 / WINDOW.sum()


def harmonics(sound: NDArray, hertz: float, count: int) -> NDArray:
    """Amplitudes of harmonics 1 … count, from the energy of the bins around them."""
    at, size = spectrum(sound)
    energy = np.array([(size[np.abs(at - n * hertz) < 18] ** 2).sum() for n in range(1, count + 1)])
    return np.sqrt(energy * WINDOW.sum() ** 2 / (WINDOW.size * (WINDOW**2).sum()))


def hertz_of(key: float) -> float:
    return 440.0 * 2.0 ** ((key - 69.0) / 12.0)


# --- cosines --------------------------------------------------------------------------------------------------------
def test_the_polynomial_is_a_cosine_to_a_millionth():
    turns = np.linspace(-40.0, 40.0, 4001, dtype=np.float32)
    drawn = np.array([sine.cosine(x) for x in turns]) * sine.COSINE
    assert np.abs(drawn - np.cos(2 * np.pi * turns.astype(float))).max() < 1.5e-6


# --- phase modulation -----------------------------------------------------------------------------------------------
PM = BY_NAME["phase_modulation"]
KEY = 57.37  # an odd one, whose aliases cannot fall among its own harmonics


def operators(**of_all: float) -> dict:
    return {f"operator_{i}": {"decay_s": 40.0, "sustain": 1.0} | of_all for i in range(1, 5)}


def test_a_pair_of_operators_has_the_spectrum_that_bessel_functions_say():
    sections = operators() | {"pm": {"algorithm": "pairs"}}
    sections["operator_1"] |= {"ratio": 5.0, "level": 1.0}
    sections["operator_3"] |= {"ratio": 1.0, "index": 1.7}
    sections["operator_2"] |= {"level": 0.0}
    measured = harmonics(played(PM, patch(**sections), KEY, 1.0), hertz_of(KEY), 9)
    n = np.arange(1, 10)
    expected = np.abs(special.jv(n - 5, 1.7) - special.jv(-n - 5, 1.7))  # what falls below zero comes back turned over
    np.testing.assert_allclose(measured, expected, rtol=2e-3, atol=2e-4)


@pytest.mark.parametrize("algorithm", phase_modulation._ALGORITHMS)
@pytest.mark.parametrize("key", [72.3, 88.3, 103.3])
def test_nothing_aliases_above_minus_60_db_whatever_the_indices_and_the_knob(algorithm: str, key: float):
    sections = operators(index=6.0) | {"pm": {"algorithm": algorithm}}
    for number, ratio in enumerate((1.0, 2.0, 3.0, 7.0), start=1):
        sections[f"operator_{number}"]["ratio"] = ratio
    at, size = spectrum(played(PM, patch(**sections), key, 0.75, bright=2.0))
    off = np.abs(at / hertz_of(key) - np.round(at / hertz_of(key))) * hertz_of(key)
    assert size[off > 20.0].max() < 1e-3 * size.max()


def test_a_strike_that_is_too_high_leaves_the_body_of_a_pair_alone():
    row = patch(**operators(index=2.0) | {"pm": {"algorithm": "pairs"}})
    row["operator_4"]["ratio"] = 14.0
    note = NoteOn(84.0, 84, 96, ONE, WaveTables())
    index = dict(zip(phase_modulation._PATHS, PM.prepare(row, note)["path_rest"][:, 0] * 2 * np.pi, strict=True))
    assert index["3>1"] == pytest.approx(2.0 * sine.COSINE) and index["4>2"] < 0.1 * sine.COSINE


def test_force_and_brightness_brighten_the_tone():
    row = patch(**operators(velocity_octaves=2.0))
    dull = harmonics(played(PM, row, 50.0, 0.8, bright=-2.0), hertz_of(50.0), 12)
    bright = harmonics(played(PM, row, 50.0, 0.8, bright=1.0), hertz_of(50.0), 12)
    assert bright[3:].sum() > 5 * dull[3:].sum()


def test_a_modulator_decays_by_60_db_in_its_time():
    sections = operators() | {"pm": {"algorithm": "pairs"}}
    sections["operator_3"] |= {"ratio": 3.0, "index": 0.2, "decay_s": 1.0, "sustain": 0.0}
    sections["operator_2"] |= {"level": 0.0}
    sound = played(PM, patch(**sections), 60.0, 2.2)
    side = [harmonics(sound[: int(t * RATE) + 16384], hertz_of(60.0), 4)[3] for t in (0.4, 0.9)]
    assert 20 * np.log10(side[1] / side[0]) == pytest.approx(-30.0, abs=1.0)


# --- formants -------------------------------------------------------------------------------------------------------
FORMANT = BY_NAME["formant"]


def peaks(sound: NDArray, hertz: float) -> NDArray:
    """Where the spectrum of a low voice, a parabola through the harmonics' levels, has its maxima, Hz."""
    levels = 20 * np.log10(harmonics(sound, hertz, int(4500 / hertz)) + 1e-9)
    tops = signal.argrelmax(levels)[0]
    left, top, right = levels[tops - 1], levels[tops], levels[tops + 1]
    return (tops + 1 + 0.5 * (left - right) / (left - 2 * top + right)) * hertz


@pytest.mark.parametrize("vowel", "aeiou")
@pytest.mark.parametrize("voice", ["alto", "bass"])
@pytest.mark.parametrize("key", [24.0, 28.3])
def test_formants_are_where_the_table_says_at_any_pitch(vowel: str, voice: str, key: float):
    row = patch(formant={"vowels": [vowel, vowel], "voice": voice, "fundamental": 0.0})
    found = peaks(played(FORMANT, row, key, 1.0), hertz_of(key))
    for hertz in formant._VOICES[voice][vowel][0]:
        assert np.abs(found / hertz - 1.0).min() < 0.05


def test_vibrato_moves_the_harmonics_and_not_the_formants():
    row = patch(formant={"vowels": ["a", "a"], "fundamental": 0.0})
    low, high = (played(FORMANT, row, 28.0, 1.0, cents=cents) for cents in (-80.0, 80.0))
    for sound, cents in ((low, -80.0), (high, 80.0)):
        assert np.abs(peaks(sound, hertz_of(28.0 + cents / 100)) - 800.0).min() < 20.0


def test_a_formant_on_a_harmonic_is_a_modified_fm_spectrum():
    """exp(k (cos - 1)) cos m has the amplitudes I_(n-m)(k) e^-k, and those of I_(n+m) reflected at zero."""
    key = 69.0 + 12.0 * np.log2(100.0 / 440.0)
    row = patch(formant={"vowels": ["a", "a"], "fundamental": 0.0, "size": 1.0})
    wide = 0.75 * (80 / 100.0) ** 2 / (2 * np.log(2)) + 0.5
    measured = harmonics(played(FORMANT, row, key, 1.0), 100.0, 9)
    n = np.arange(1, 10)
    expected = special.ive(np.abs(n - 8), wide) + special.ive(n + 8, wide)
    np.testing.assert_allclose(measured[3:7] / measured[7], expected[3:7] / expected[7], rtol=0.05)


def test_sopranos_lift_a_formant_to_the_note():
    row = patch(formant={"vowels": ["u", "u"], "voice": "soprano"})
    measured = harmonics(played(FORMANT, row, 84.0, 0.8), hertz_of(84.0), 4)
    assert measured[0] == measured.max() and measured[0] > 0.3


def test_the_lfo_moves_the_vowel_the_same_in_both_renderings():
    row = patch(formant={"vowels": ["i", "a"], "morph": 0.5, "morph_lfo": 0.5})
    state, drawn_state = FORMANT.start(ONE), FORMANT.start(ONE)
    run = runners(model(FORMANT, ONE))["onnxruntime"]
    still = played(FORMANT, row, 50.0, 0.05)
    for number, block in enumerate(blocks(FORMANT, row, 50.0, 0.05)):
        block["lfo"] = np.linspace(-1, 1, ONE.knots, dtype=np.float32)[None]
        expected = by_kernel(FORMANT, ONE, block, state)["tone"]
        got, drawn_state = by_graph(run, FORMANT, block, drawn_state)
        np.testing.assert_allclose(got["tone"], expected, atol=FORMANT.tolerance)
        assert np.abs(expected[0] - still[number * 512 :][:512]).max() > 0.05


# --- modulators -----------------------------------------------------------------------------------------------------
def test_stages_reach_their_levels_in_time_rest_and_go_on_when_let_go():
    points = [[0.1, 1.0], [0.3, 0.4], [0.5, 0.8], [0.6, 0.2]]
    row = patch(stages={"points": points, "sustain_at": 3, "release_s": 0.5})
    drawn = played(BY_NAME["stages"], row, 60.0, 2.5, off_s=1.5)
    at = np.arange(drawn.size) * KNOT_FRAMES / RATE
    times, levels = [0.0, 0.1, 0.3, 0.5, 1.5, 1.6], [0.0, 1.0, 0.4, 0.8, 0.8, 0.2]
    fall = 1000.0 ** (-np.maximum(at - 1.6, 0.0) / 0.5)
    np.testing.assert_allclose(drawn, np.interp(at, times, levels) * fall, atol=1e-4)


def test_stages_that_are_let_go_early_go_on_from_there():
    row = patch(stages={"points": [[1.0, 1.0], [1.2, 0.5]], "sustain_at": 1, "release_s": 0.5})
    drawn = played(BY_NAME["stages"], row, 60.0, 1.5, off_s=0.7)
    assert np.abs(np.diff(drawn)).max() < 0.005 and drawn[-1] < 0.01
    assert drawn.max() == pytest.approx(0.7, abs=0.01)


@pytest.mark.parametrize("points", [[], [[0.1, 1.5]], [[0.2, 1.0], [0.1, 0.0]], [[0.1]], "loud", [[0.1, 0.1]] * 7])
def test_points_that_cannot_be_drawn_are_refused(points):
    with pytest.raises(UsageError):
        stages.check_points(points)


@pytest.mark.parametrize("shape", lfo._SHAPES)
def test_an_lfo_keeps_its_range_and_its_rate(shape: str):
    row = patch(lfo={"shape": shape, "rate_hz": 4.0, "fade_s": 0.001, "phase_spread": 0.0})
    drawn = played(BY_NAME["lfo"], row, 60.0, 8.0)
    assert np.abs(drawn).max() <= 1.0 + 1e-4
    if shape != "random":
        at = np.arange(drawn.size) * KNOT_FRAMES / RATE * 4.0
        ideal = {"sine": np.sin(2 * np.pi * at), "triangle": signal.sawtooth(2 * np.pi * (at + 0.25), 0.5)}
        ideal["square"] = np.where(np.abs(at % 0.5 - 0.25) < 0.15, signal.square(2 * np.pi * at), drawn)
        np.testing.assert_allclose(drawn, ideal[shape], atol=0.09 if shape == "triangle" else 0.04)
    else:
        assert np.std(drawn) > 0.25
        echo = signal.correlate(drawn, drawn[: drawn.size // 4], "valid")
        assert echo[1000:].max() < 0.95 * echo[0]


def test_an_lfo_waits_and_swells_and_differs_between_the_keys_of_a_chord():
    row = patch(lfo={"delay_s": 0.5, "fade_s": 0.5, "rate_hz": 6.0})
    drawn = {key: played(BY_NAME["lfo"], row, key, 2.0) for key in (60.0, 64.0, 67.0)}
    assert not drawn[60.0][: int(0.5 * 1500)].any()
    assert np.abs(drawn[60.0][int(1.0 * 1500) :]).max() > 0.99
    assert np.corrcoef(drawn[60.0], drawn[64.0])[0, 1] < 0.9 and np.corrcoef(drawn[64.0], drawn[67.0])[0, 1] < 0.9


# --- pipes ----------------------------------------------------------------------------------------------------------
def test_stopped_pipes_have_odd_harmonics_and_wide_ones_few():
    level = {name: 20 * np.log10(np.maximum(pipe.spectrum(name), 1e-4)) for name in pipe.STOPS}
    for name in ("stopped", "quintadena", "clarinet"):
        assert level[name][1] < -30 and level[name][2] > -25
    upper = {name: level[name][5:].max() for name in level}
    assert upper["flute"] < upper["principal"] < upper["string"]
    assert level["quintadena"][2] > level["stopped"][2] + 10


def test_an_open_end_throws_back_less_and_seems_nearer_to_short_waves():
    """Against the low-frequency limits of Levine and Schwinger: 1 - R = x^2 / 2, d = 0.6133 radii."""
    thrown_back, correction = pipe.open_end(np.array([0.01, 0.1, 0.5, 1.5]))
    assert 1 - thrown_back[1] == pytest.approx(0.1**2 / 2, rel=0.05) and correction[0] == pytest.approx(0.6133, 1e-3)
    assert (np.diff(thrown_back) < 0).all() and (np.diff(correction) < 0).all()


def test_a_rank_sounds_its_spectrum_and_the_second_speaks_at_its_footage():
    row = patch(pipe={"stop": "string", "stop_2": "flute", "ratio_2": 3.0, "detune_cents": 0.0})
    unit = BY_NAME["pipe"]
    state, heard = unit.start(ONE), []
    arrays, tables = lanes.empty(unit.values, ONE), WaveTables()
    lanes.write(unit.values, arrays, 0, unit.prepare(row, NoteOn(48.0, 48, 96, ONE, tables)))
    for number, block in enumerate(blocks(unit, row, 48.0, 0.8)):
        both = arrays | {"tables": tables.flat, "phase_start": arrays["phase_start"] * (number == 0)}
        heard.append(by_kernel(unit, ONE, block | both, state)["wave"][:, 0])
    first, second = np.concatenate(heard, axis=-1)
    measured = harmonics(first, hertz_of(48.0), 12)
    bent = pipe._FLUE_BODY[0]
    gain = 10 ** (bent[1] / 20 * np.exp(-0.5 * (np.log2(hertz_of(48.0) * np.arange(1, 13) / bent[0]) / bent[2]) ** 2))
    expected = np.array(pipe.spectrum("string")[:12]) * gain
    np.testing.assert_allclose(measured / measured[0], expected / expected[0], rtol=0.15, atol=0.002)
    assert np.argmax(harmonics(second, hertz_of(48.0), 8)) == 2


def test_choices_that_do_not_exist_are_refused_by_name():
    for check in (phase_modulation.check_algorithm, formant.check_voice, pipe.check_stop, lfo.check_shape):
        with pytest.raises(UsageError, match="nonsense"):
            check("nonsense")
    with pytest.raises(UsageError):
        formant.check_vowels(["a", "y"])
