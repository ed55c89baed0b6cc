"""What is struck or plucked keeps the promises of its physics: measured on the sound, not read from our code."""

from typing import Any

import numpy as np
import onnxruntime as ort
import pytest
from numpy.typing import NDArray

from export.graph import GraphBuilder
from gen_core.synth import modes
from gen_core.synth.layout import CLOCKS, Layout
from gen_core.synth.registry import BY_NAME, UNITS
from gen_core.synth.unit import Arrays, NoteOn, Unit
from gen_core.synth.waves import WaveTables
from tests.fixtures import lanes

RATE = 48000
STRUCK = [unit for unit in UNITS if unit.form == "modes"]
each_struck = pytest.mark.parametrize("unit", STRUCK, ids=lambda unit: unit.name)
HARD = {"hardness_hz": 20000.0, "hardness_track": 0.0, "velocity_octaves": 0.0}


def note(unit: Unit, layout: Layout, key: float = 60, velocity: int = 127, **section: Any) -> Arrays:
    """What one note writes, with this in its section and defaults elsewhere."""
    row = unit.defaults()
    row[unit.name].update(section)
    return dict(unit.prepare(row, NoteOn(float(key), int(key), velocity, layout, WaveTables())))


def sound(unit: Unit, layout: Layout, values: Arrays, seconds: float, brightness: float = 0.0) -> NDArray:
    """One lane by the kernel, struck at the start of the first block."""
    block = lanes.empty(unit.values, layout)
    lanes.write(unit.values, block, 0, values)
    block |= {"keep": np.zeros((1, 1), np.float32), "brightness": np.full((1, 1), brightness, np.float32)}
    state, out, heard = unit.start(layout), unit.room(layout), []
    for _ in range(round(seconds * layout.sample_rate_hz / layout.block_frames)):
        unit.kernel(layout, block, state, out)
        heard.append(out["struck"][0].copy())
        block["strike"][:], block["keep"][:] = 0.0, 1.0
    return np.concatenate(heard)


def play(name: str, seconds: float = 1.0, rate: int = RATE, brightness: float = 0.0, **given: Any) -> NDArray:
    layout = Layout(1, 512, rate)
    return sound(BY_NAME[name], layout, note(BY_NAME[name], layout, **given), seconds, brightness)


def partial(y: NDArray, hertz: float, at_s: float = 0.05, over_s: float = 0.5, window: int = 8192) -> tuple:
    """Frequency in Hz, time to -60 dB in s and level at `at_s` of the partial near `hertz`, by turning it to 0 Hz."""
    first, hop = round(at_s * RATE), round(over_s * RATE)
    shape = np.hanning(window) / np.hanning(window).sum()
    frame = np.arange(y.size) / RATE
    still = y * np.exp(-2j * np.pi * hertz * frame)
    early, late = (np.sum(shape * still[start : start + window]) for start in (first, first + hop))
    turned = np.angle(late / early) / (2.0 * np.pi * over_s)
    return hertz + turned, 3.0 * over_s / np.log10(abs(early) / abs(late)), 2.0 * abs(early)


def level_db(y: NDArray, hertz: float, window: int = 16384) -> float:
    return float(20.0 * np.log10(partial(y, hertz, window=window)[2] + 1e-12))


def cents(measured: float, expected: float) -> float:
    return float(1200.0 * np.log2(measured / expected))


def centroid(y: NDArray) -> float:
    power = np.abs(np.fft.rfft(y[:16384] * np.hanning(16384))) ** 2
    return float((np.fft.rfftfreq(16384, 1.0 / RATE) * power).sum() / power.sum())


# --- bars and bells -------------------------------------------------------------------------------------------------
def test_the_partials_of_a_bar_are_those_of_a_beam_with_free_ends() -> None:
    y = play("modal", 1.0, key=69, design="bar", decay_s=5.0, decay_tilt=0.2, position=0.0, **HARD)
    for ratio in (1.0, 2.7565, 5.4039, 8.9330, 13.3443):
        assert abs(cents(partial(y, 440.0 * ratio)[0], 440.0 * ratio)) < 0.1


def test_the_partials_of_a_tine_are_those_of_a_beam_held_at_one_end() -> None:
    y = play("modal", 1.0, key=57, design="tine", decay_s=5.0, decay_tilt=0.2, position=0.0, **HARD)
    for ratio in (1.0, 6.2669, 17.5475, 34.3861):
        assert abs(cents(partial(y, 220.0 * ratio)[0], 220.0 * ratio)) < 0.1


def test_a_bar_struck_in_its_middle_has_no_mode_with_a_node_there() -> None:
    y = play("modal", 1.0, key=69, design="bar", position=0.5, **HARD)
    assert level_db(y, 440.0 * 2.7565) < level_db(y, 440.0) - 80
    assert level_db(y, 440.0 * 5.4039) > level_db(y, 440.0) - 20


def test_a_bar_struck_at_its_node_does_not_sound_its_note() -> None:
    """The first mode of a free bar has its nodes at 0.2242 of the length, where its supports are."""
    y = play("modal", 1.0, key=69, design="bar", position=0.2242, **HARD)
    assert level_db(y, 440.0) < level_db(y, 440.0 * 2.7565) - 50


@pytest.mark.parametrize("decay_s", [0.5, 4.0, 30.0])
def test_the_decay_time_is_the_time_to_minus_sixty_decibels(decay_s: float) -> None:
    y = play("modal", 2.0, design=[[1.0, 0.0, 1.0]], decay_s=decay_s)
    assert partial(y, 261.6256, over_s=0.2)[1] == pytest.approx(decay_s, rel=0.01)


def test_high_modes_and_high_keys_die_sooner_as_the_patch_says() -> None:
    given = {"design": "bar", "decay_s": 3.0, "decay_tilt": 0.5, "key_decay": 1.0, "position": 0.0}
    low, high = play("modal", 1.0, key=60, **given, **HARD), play("modal", 1.0, key=72, **given, **HARD)
    assert partial(low, 261.6256 * 2.7565, over_s=0.2)[1] == pytest.approx(3.0 / 2.7565**0.5, rel=0.01)
    assert partial(high, 523.2511, over_s=0.2)[1] == pytest.approx(1.5, rel=0.01)


def test_the_two_of_a_doublet_beat() -> None:
    """261.6 Hz split by 20 cents, half as much for the first mode: 1.51 Hz."""
    y = play("modal", 3.0, design=[[1.0, 0.0, 1.0]], decay_s=60.0, split_cents=20.0)
    loud = np.array([np.abs(y[n : n + 4800]).max() for n in range(0, y.size - 4800, 480)])
    troughs = np.flatnonzero((loud[1:-1] < loud[:-2]) & (loud[1:-1] <= loud[2:])) / 100.0
    assert np.diff(troughs).mean() == pytest.approx(1.0 / (261.6256 * 10.0 * np.log(2) / 1200.0), rel=0.05)
    assert 20.0 * np.log10(loud.min() / loud.max()) == pytest.approx(20.0 * np.log10(0.24), abs=1.0)


# --- strings --------------------------------------------------------------------------------------------------------
def test_a_stiff_string_is_sharp_in_its_upper_partials_and_on_pitch_in_its_first() -> None:
    b = 4e-4
    y = play("string", 1.0, key=60, stiffness=b, position=0.31, damping_hz=20000.0, **HARD)
    for n in (1, 2, 5, 11, 20):
        expected = n * 261.6256 * np.sqrt((1 + b * n * n) / (1 + b))
        assert abs(cents(partial(y, expected)[0], expected)) < 0.1


def test_a_string_plucked_at_a_quarter_lacks_every_fourth_partial() -> None:
    y = play("string", 1.0, key=60, stiffness=1e-6, position=0.25, damping_hz=20000.0, **HARD)
    for n in (4, 8, 12):
        assert level_db(y, n * 261.63) < level_db(y, (n - 1) * 261.63) - 60


def test_a_string_loses_twice_as_fast_at_its_damping_frequency() -> None:
    given = {"stiffness": 1e-6, "position": 0.31, "damping_hz": 2616.256, "decay_s": 4.0}
    y = play("string", 1.0, key=60, **given, **HARD)
    assert partial(y, 261.626)[1] == pytest.approx(4.0, rel=0.01)
    assert partial(y, 2616.26)[1] == pytest.approx(2.0 * 1.01, rel=0.01)


def test_a_pluck_falls_six_decibels_an_octave_more_than_a_blow() -> None:
    given = {"stiffness": 1e-6, "position": 0.01, "damping_hz": 20000.0, "decay_s": 60.0}
    pluck = play("string", 1.0, key=45, excitation="pluck", **given, **HARD)
    blow = play("string", 1.0, key=45, excitation="hammer", **given, **HARD)
    falls = [level_db(y, 440.0) - level_db(y, 880.0) for y in (pluck, blow)]
    assert falls[0] - falls[1] == pytest.approx(6.02, abs=0.1)


def test_a_choir_decays_in_two_stages() -> None:
    """Weinreich 1977: first with the loss over the bridge, later with what the strings lose by themselves, and less."""
    given = {"strings": 2, "detune_cents": 0.6, "bridge": 0.9, "decay_s": 2.0, "stiffness": 1e-6}
    y = play("string", 9.0, key=60, damping_hz=20000.0, **given, **HARD)
    early = partial(y, 261.626, at_s=0.0, over_s=0.3)[1]
    late = partial(y, 261.626, at_s=6.0, over_s=2.0)[1]
    assert early == pytest.approx(2.0, rel=0.1) and 8.0 < late < 21.0


def test_strings_that_share_no_bridge_beat_at_their_difference() -> None:
    given = {"strings": 2, "detune_cents": 10.0, "bridge": 0.0, "decay_s": 60.0, "stiffness": 1e-6}
    y = play("string", 3.0, key=60, **given, **HARD)
    levels = np.array([partial(y, 261.626, at_s=t)[2] for t in np.arange(0.0, 2.3, 0.01)])
    troughs = np.flatnonzero((levels[1:-1] < levels[:-2]) & (levels[1:-1] < levels[2:])) * 0.01
    assert np.diff(troughs).mean() == pytest.approx(1.0 / (261.626 * 10.0 * np.log(2) / 1200.0), rel=0.03)


@pytest.mark.parametrize("strings", [2, 3])
@pytest.mark.parametrize("bridge", [0.0, 0.9])
def test_strings_in_perfect_unison_are_one_string(strings: int, bridge: float) -> None:
    given = {"decay_s": 2.0, "stiffness": 1e-6, "damping_hz": 20000.0, "detune_cents": 0.0, "bridge": bridge}
    choir = play("string", 1.0, key=60, strings=strings, **given, **HARD)
    one = play("string", 1.0, key=60, strings=1, **given, **HARD)
    assert np.sqrt(np.mean((choir / np.abs(choir).max() - one / np.abs(one).max()) ** 2)) < 0.02


@pytest.mark.parametrize("strings", [2, 3])
def test_a_choir_is_the_motion_of_strings_that_pull_at_one_bridge(strings: int) -> None:
    """The first partial's envelope, against the coupled equations of motion integrated step by step (midpoint rule)."""
    given = {"strings": strings, "detune_cents": 4.0, "bridge": 0.8, "decay_s": 3.0, "stiffness": 1e-6}
    y = play("string", 2.5, key=60, **given, **HARD)
    loss = np.log(1000.0) / 3.0
    spread = 2.0 * np.pi * 261.6256 * (2.0 ** (4.0 / 1200.0) - 1.0) * (np.arange(strings) - (strings - 1) / 2.0)
    motion = np.diag(1j * spread - 0.2 * loss) - 0.8 * loss / strings
    step = 10.0 / RATE
    swing, bridge = np.ones(strings, complex) / strings, []
    for _ in range(round(2.4 / step)):
        bridge.append(swing.sum())
        swing = swing + step * motion @ (swing + 0.5 * step * motion @ swing)
    envelope = np.repeat(bridge, 10)
    times = np.array([0.0, 0.1, 0.4, 0.9, 1.5, 2.1])
    shape = np.hanning(8192) / np.hanning(8192).sum()
    expected = [abs((envelope[round(t * RATE) :][:8192] * shape).sum()) for t in times]
    got = [partial(y, 261.6256, at_s=t, over_s=0.1)[2] for t in times]
    np.testing.assert_allclose(np.array(got) / got[0], np.array(expected) / expected[0], atol=0.005)


# --- skins ----------------------------------------------------------------------------------------------------------
def test_a_skin_without_air_has_the_ratios_of_bessels_functions() -> None:
    y = play("tom", 1.0, key=57, air=0.0, position=0.6, decay_s=5.0, decay_tilt=0.0, piston=1.0, **HARD)
    for ratio in (1.0, 1.5933, 2.1355, 2.2954, 2.6531, 2.9173):
        assert abs(cents(partial(y, 220.0 * ratio)[0], 220.0 * ratio)) < 1.0


def test_a_skin_struck_in_its_centre_sounds_only_its_rings() -> None:
    y = play("tom", 1.0, key=57, air=0.0, position=0.0, decay_s=5.0, decay_tilt=0.0, piston=1.0, **HARD)
    assert level_db(y, 220.0 * 1.5933) < level_db(y, 220.0) - 80
    assert level_db(y, 220.0 * 2.2954) > level_db(y, 220.0) - 20


def test_air_gives_a_kettledrum_its_pitch() -> None:
    """Modes 11, 21, 31, 41 at nearly 2 : 3 : 4 : 5 (Fletcher and Rossing 18.1: 1, 1.50, 1.97, 2.44 measured)."""
    given = {"tuned": "11", "air": 10.0, "position": 0.75, "decay_s": 5.0, "decay_tilt": 0.0, "piston": 0.05}
    y = play("tom", 2.0, key=45, **given, **HARD)
    spectrum = np.abs(np.fft.rfft(y[24000:90000] * np.hanning(66000)))
    hertz = np.fft.rfftfreq(66000, 1.0 / RATE)
    for ratio in (1.0, 1.5, 2.0, 2.5):
        near = np.abs(hertz - 110.0 * ratio) < 8.0
        assert abs(cents(hertz[near][spectrum[near].argmax()], 110.0 * ratio)) < 40


# --- metal ----------------------------------------------------------------------------------------------------------
def test_a_seed_is_a_cymbal() -> None:
    first, again, other = (play("cymbal", 0.5, seed=seed) for seed in (7, 7, 8))
    assert np.array_equal(first, again) and np.corrcoef(first, other)[0, 1] < 0.5


def test_a_cymbal_fills_the_range_that_it_is_given() -> None:
    y = play("cymbal", 1.0, lowest_hz=500.0, highest_hz=9000.0, curve=0.0, **HARD)
    power = np.abs(np.fft.rfft(y[:32768] * np.hanning(32768))) ** 2
    hertz = np.fft.rfftfreq(32768, 1.0 / RATE)
    inside = (hertz > 450.0) & (hertz < 9200.0)
    assert power[inside].sum() > 0.999 * power.sum()
    bands = [power[(hertz >= low) & (hertz < low + 1500.0)].sum() for low in np.arange(500.0, 9000.0, 1500.0)]
    assert min(bands) > 0.005 * sum(bands)


def test_a_bloom_comes_after_the_blow() -> None:
    loud = [np.abs(play("cymbal", 0.5, bloom_s=bloom, decay_s=6.0)) for bloom in (0.0, 0.5)]
    assert loud[0][:480].max() > 0.5 and loud[1][:480].max() < 0.5 * loud[1][4800:].max()


# --- every struck unit ----------------------------------------------------------------------------------------------
@each_struck
def test_the_peak_of_a_loud_note_is_about_one(unit: Unit) -> None:
    for key in (33, 60, 96):
        assert 0.7 < np.abs(sound(unit, Layout(1), note(unit, Layout(1), key), 0.5)).max() < 1.4


@each_struck
def test_softer_is_darker_and_shares_its_powers(unit: Unit) -> None:
    loud, soft = (note(unit, Layout(1), 60, velocity, velocity_octaves=4.0) for velocity in (127, 20))
    assert loud["turn"] is soft["turn"] and loud["ring"] is soft["ring"]
    heard = [sound(unit, Layout(1), values, 0.5) for values in (loud, soft)]
    assert centroid(heard[1]) < 0.9 * centroid(heard[0])


@each_struck
def test_brightness_changes_colour(unit: Unit) -> None:
    values = note(unit, Layout(1), 60)
    dark, plain, bright = (centroid(sound(unit, Layout(1), values, 0.5, knob)) for knob in (-1.0, 0.0, 1.0))
    assert dark < plain < bright


@each_struck
@pytest.mark.parametrize("rate", [8000, 44100, 192000])
def test_a_note_is_the_same_at_any_rate_and_folds_nothing_back(unit: Unit, rate: int) -> None:
    frames = max(64, round(rate * 512 / 48000 / 64) * 64)
    layout = Layout(1, frames, rate)
    y = sound(unit, layout, note(unit, layout, 72), 0.7)
    spectrum = np.abs(np.fft.rfft(y * np.hanning(y.size)))
    hertz = np.fft.rfftfreq(y.size, 1.0 / rate)
    assert spectrum[hertz > 0.46 * rate].max() < 1e-3 * spectrum.max()
    if unit.name in ("string", "tom"):
        near = np.abs(hertz - 523.25) < 20.0
        assert hertz[near][spectrum[near].argmax()] == pytest.approx(523.25, abs=2.0)


@each_struck
@pytest.mark.parametrize("late", [1, 100, 511])
def test_a_note_may_begin_inside_a_block(unit: Unit, late: int) -> None:
    layout = Layout(1)
    values = note(unit, layout, 60)
    expected = sound(unit, layout, values, 0.3)
    values["strike"] = modes.turned_back(values["strike"], values["strike.turn"], late)
    got = sound(unit, layout, values, 0.3)
    np.testing.assert_allclose(got[late:], expected[: expected.size - late], atol=2e-4)


@each_struck
def test_a_note_ends_in_true_silence(unit: Unit) -> None:
    layout = Layout(1)
    block = lanes.empty(unit.values, layout)
    lanes.write(unit.values, block, 0, note(unit, layout, 60, decay_s=0.5))
    block |= {"keep": np.zeros((1, 1), np.float32), "brightness": np.zeros((1, 1), np.float32)}
    state, out, run = unit.start(layout), unit.room(layout), session(unit, layout)
    drawn = state["modes"].copy()
    for _ in range(300):  # 3 s
        unit.kernel(layout, block, state, out)
        struck, drawn = run({**block, "state.modes": drawn})
        block["strike"][:], block["keep"][:] = 0.0, 1.0
    assert not state["modes"].any() and not out["struck"].any() and not drawn.any() and not struck.any()


def session(unit: Unit, layout: Layout) -> Any:
    """The unit's graph in onnxruntime: feeds → struck, next state."""
    g = GraphBuilder(unit.name)
    ports = [*unit.values, *(CLOCKS[name] for name in unit.clocks)]
    ends = {port.name: g.input(port.name, layout.shape(port.dims), port.dtype) for port in ports}
    shape = layout.shape(unit.state[0].dims)
    out, moved = unit.graph(g, layout, ends, {"modes": g.input("state.modes", shape)})
    g.output("struck", out["struck"], layout.shape(("lanes", "frames")))
    g.output("next.modes", moved["modes"], shape)
    opened = ort.InferenceSession(g.model().SerializeToString(), providers=["CPUExecutionProvider"])
    return lambda feeds: opened.run(["struck", "next.modes"], feeds)


def test_an_idle_lane_is_silent_beside_one_that_sounds() -> None:
    layout, unit = Layout(2), BY_NAME["modal"]
    block = lanes.empty(unit.values, layout)
    lanes.write(unit.values, block, 1, note(unit, layout, 60))
    block |= {"keep": np.ones((2, 1), np.float32), "brightness": np.full((2, 1), 2.0, np.float32)}
    state, out = unit.start(layout), unit.room(layout)
    state["modes"][0] = 0.5  # of a note that was here
    before = state["modes"].copy()
    unit.kernel(layout, block, state, out)
    struck, drawn = session(unit, layout)({**block, "state.modes": before})
    assert not out["struck"][0].any() and not state["modes"][0].any() and out["struck"][1].any()
    assert not struck[0].any() and not drawn[0].any()


def test_kernel_and_graph_agree_after_a_minute_of_a_bell() -> None:
    layout, unit = Layout(1), BY_NAME["modal"]
    block = lanes.empty(unit.values, layout)
    lanes.write(unit.values, block, 0, note(unit, layout, 48, design="bell", decay_s=60.0, split_cents=4.0))
    block |= {"keep": np.zeros((1, 1), np.float32), "brightness": np.full((1, 1), 0.5, np.float32)}
    state, out, run = unit.start(layout), unit.room(layout), session(unit, layout)
    drawn, signal, error = state["modes"].copy(), 0.0, 0.0
    for number in range(5625):
        unit.kernel(layout, block, state, out)
        struck, drawn = run({**block, "state.modes": drawn})
        block["strike"][:], block["keep"][:] = 0.0, 1.0
        if number >= 5500:
            signal += float((out["struck"] ** 2).sum())
            error += float(((struck - out["struck"]) ** 2).sum())
    assert signal > 0.0 and 10.0 * np.log10(signal / max(error, 1e-30)) >= 110.0
