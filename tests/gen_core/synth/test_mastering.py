"""What the units behind the sum of all voices promise, measured with filters and meters that are not ours."""

from collections.abc import Callable, Iterable, Mapping
from functools import cache
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import signal

from gen_core.synth.layout import Layout
from gen_core.synth.registry import BY_NAME
from gen_core.synth.unit import NoteOn, Stage
from gen_core.synth.units.limiter import LATENCY_FRAMES
from gen_core.synth.waves import WaveTables
from tests.fixtures.unit_inputs import inputs, ports
from tests.gen_core.synth.test_units import by_graph, by_kernel, model, runners

LAYOUT = Layout(lanes=1)
RATE, FRAMES = LAYOUT.sample_rate_hz, LAYOUT.block_frames
RNG = np.random.default_rng


def prepared(name: str, **settings: float) -> dict[str, Any]:
    """What the unit's `prepare` gives for its section with these settings, as arrays."""
    unit = BY_NAME[name]
    at = NoteOn(60.0, 60, 96, LAYOUT, WaveTables()) if name == "one_pole" else Stage(LAYOUT)
    values = unit.prepare({name: unit.defaults()[name] | settings}, at)
    return {p.name: np.reshape(values[p.name], LAYOUT.shape(p.dims)).astype(p.dtype) for p in unit.values}


def run(name: str, sound: NDArray, values: Mapping[str, Any] | Callable[[int], Mapping[str, Any]]) -> NDArray:
    """The kernel over sound [..., whole blocks], in float64. `values` may be a function of the block's number."""
    unit = BY_NAME[name]
    state, played = unit.start(LAYOUT), []
    for number, begin in enumerate(range(0, sound.shape[-1], FRAMES)):
        block = np.ascontiguousarray(sound[..., begin : begin + FRAMES], np.float32)
        given = values(number) if callable(values) else values
        out = by_kernel(unit, LAYOUT, {**given, unit.inputs[0].name: block}, state)
        played.append(next(iter(out.values())))
    return np.concatenate(played, axis=-1).astype(float)


def decibels(x: Any) -> Any:
    return 20.0 * np.log10(np.maximum(np.abs(x), 1e-12))


@pytest.mark.parametrize("name", ["equalizer", "compressor", "limiter", "one_pole"])
@pytest.mark.parametrize(("rate", "frames"), [(8000, 64), (192000, 2048)])
def test_both_renderings_agree_at_any_rate(name: str, rate: int, frames: int) -> None:
    unit, layout = BY_NAME[name], Layout(2, frames, rate)
    play = runners(model(unit, layout))["onnxruntime"]
    state, drawn_state = unit.start(layout), unit.start(layout)
    for seed in range(4):
        block = inputs(unit, layout, seed)
        expected = by_kernel(unit, layout, block, state)
        drawn, drawn_state = by_graph(play, unit, block, drawn_state)
        for signal_name, value in expected.items():
            np.testing.assert_allclose(drawn[signal_name], value, atol=unit.tolerance)


# --- equalizer ------------------------------------------------------------------------------------------------------
def cookbook(kind: str, db: float, hertz: float, q: float = 0.5**0.5) -> tuple[list[float], list[float]]:
    """A biquad of R. Bristow-Johnson's cookbook: (b, a)."""
    a, w = 10.0 ** (db / 40.0), 2.0 * np.pi * hertz / RATE
    alpha, c = np.sin(w) / (2.0 * q), np.cos(w)
    if kind == "mid":
        return [1 + alpha * a, -2 * c, 1 - alpha * a], [1 + alpha / a, -2 * c, 1 - alpha / a]
    sign, root = (1.0 if kind == "low" else -1.0), 2.0 * np.sqrt(a) * alpha
    plus, minus = (a + 1), sign * (a - 1) * c
    b = [a * (plus - minus + root), sign * 2 * a * ((a - 1) - sign * (a + 1) * c), a * (plus - minus - root)]
    return b, [plus + minus + root, -sign * 2 * ((a - 1) + sign * (a + 1) * c), plus + minus - root]


@pytest.mark.parametrize(
    "settings",
    [
        {"low_db": 6.0, "low_hz": 120.0},
        {"low_db": -15.0, "low_hz": 30.0},
        {"mid_db": 15.0, "mid_hz": 300.0, "mid_q": 8.0},
        {"mid_db": -9.0, "mid_hz": 10000.0, "mid_q": 0.2},
        {"high_db": 15.0, "high_hz": 16000.0},
        {"low_db": 4.0, "mid_db": -6.0, "mid_hz": 2500.0, "mid_q": 2.0, "high_db": -12.0, "high_hz": 1500.0},
    ],
)
def test_the_equalizer_answers_as_the_cookbook_does(settings: dict[str, float]) -> None:
    impulse = np.zeros((2, 64 * FRAMES))
    impulse[:, 0] = 1.0
    values = prepared("equalizer", **settings)
    section = BY_NAME["equalizer"].defaults()["equalizer"] | settings
    hertz, got = signal.freqz(run("equalizer", impulse, values)[1], worN=4096, fs=RATE)
    expected = np.ones(hertz.size, complex)
    for kind in ("low", "mid", "high"):
        q = {"q": section["mid_q"]} if kind == "mid" else {}
        biquad = cookbook(kind, section[f"{kind}_db"], section[f"{kind}_hz"], **q)
        expected *= signal.freqz(*biquad, worN=hertz, fs=RATE)[1]
    assert np.abs(decibels(got) - decibels(expected))[1:].max() < 0.02
    assert values["on"].all()


def test_an_equalizer_at_zero_gives_back_every_bit() -> None:
    values, sound = prepared("equalizer"), RNG(1).uniform(-1, 1, (2, 8 * FRAMES)).astype(np.float32)
    assert not values["on"].any()
    np.testing.assert_array_equal(run("equalizer", sound, values), sound)
    assert (values["hears"][:, :32] == np.eye(32)).all()  # the graph's output, too


def test_a_knob_that_moves_does_not_click() -> None:
    sound = np.tile(np.sin(2 * np.pi * 100 / RATE * np.arange(60 * FRAMES)), (2, 1))
    moving = run("equalizer", sound, lambda n: prepared("equalizer", low_db=min(max(n - 20, 0), 20) * 0.2))
    hiss = signal.sosfilt(signal.butter(6, 2000, "high", fs=RATE, output="sos"), moving)[0, 10 * FRAMES :]
    assert decibels(hiss).max() < -50.0  # 4 dB in 0.2 s; a step of the gain itself would be -33


def test_a_knob_thrown_from_end_to_end_goes_over_in_a_block_in_both_renderings() -> None:
    """The oracle: two filters of scipy side by side from the first sample on, and a straight line between them."""
    unit, rng = BY_NAME["equalizer"], RNG(2)
    ends = [prepared("equalizer", mid_db=db, mid_hz=hz) for db, hz in ((-15.0, 300.0), (15.0, 9000.0))]
    values = {p.name: ends[1][p.name].copy() for p in unit.values}
    for name in (p.name for p in unit.values if p.kind == "cross"):
        values[name][0] = ends[0][name][0]
    play, sound = runners(model(unit, LAYOUT))["onnxruntime"], rng.uniform(-0.5, 0.5, (2, FRAMES)).astype(np.float32)
    block = {**values, "mix": sound}
    out = by_kernel(unit, LAYOUT, block, state := unit.start(LAYOUT))
    drawn, drawn_state = by_graph(play, unit, block, unit.start(LAYOUT))
    np.testing.assert_allclose(drawn["equalized"], out["equalized"], atol=unit.tolerance)
    np.testing.assert_allclose(drawn_state["bands"], state["bands"], atol=unit.tolerance)
    filters = [cookbook("mid", db, hz, q=0.7) for db, hz in ((-15.0, 300.0), (15.0, 9000.0))]
    was, becomes = (signal.lfilter(*biquad, sound.astype(float), axis=1) for biquad in filters)
    share = np.arange(FRAMES) / FRAMES
    np.testing.assert_allclose(out["equalized"], was * (1.0 - share) + becomes * share, atol=1e-4)


# --- compressor -----------------------------------------------------------------------------------------------------
def reduction_db(over: NDArray, ratio: float, knee: float) -> NDArray:
    """Giannoulis, Massberg, Reiss (2012), eq. 4: what is taken from a level `over` dB above the threshold."""
    parabola = (over + knee / 2) ** 2 / (2 * knee)
    return (1 - 1 / ratio) * np.where(2 * over < -knee, 0, np.where(2 * over > knee, over, parabola))


def steady(level_db: float, blocks: int) -> NDArray:
    """A square wave at a quarter of the rate: every stretch has the same peak."""
    return np.tile(np.resize([1.0, 1.0, -1.0, -1.0], blocks * FRAMES) * 10 ** (level_db / 20), (2, 1))


def gain_db(sound: NDArray, **settings: float) -> NDArray:
    """What the compressor does to the left channel, at every sample. [frames]"""
    return decibels(run("compressor", sound, prepared("compressor", **settings))[0]) - decibels(sound[0])


@pytest.mark.parametrize(("ratio", "knee"), [(1.5, 6.0), (4.0, 6.0), (4.0, 24.0), (20.0, 1.0)])
def test_the_compressor_follows_its_curve(ratio: float, knee: float) -> None:
    over = np.array([-30.0, -12.0, -4.0, -1.0, 0.0, 1.0, 4.0, 12.0, 20.0])
    got = [-gain_db(steady(x - 20, 20), threshold_db=-20.0, ratio=ratio, knee_db=knee, makeup_db=0.0)[-1] for x in over]
    error = np.abs(got - reduction_db(over, ratio, knee))
    assert error.max() < knee / 90 + 0.01
    assert (error[over > knee] < 0.05 * reduction_db(over, ratio, knee)[over > knee]).all()


@pytest.mark.parametrize("attack_s", [0.002, 0.01, 0.1])
def test_the_attack_takes_its_time_constant(attack_s: float) -> None:
    blocks = int(8 * attack_s * RATE / FRAMES) + 4
    got = gain_db(np.concatenate([steady(-60, 2), steady(0, blocks)], axis=1), ratio=4.0, attack_s=attack_s)
    fall = got[2 * FRAMES :] / got[-1]
    assert np.argmax(fall > 1 - np.exp(-1)) / RATE == pytest.approx(attack_s, rel=0.05)


@pytest.mark.parametrize("release_s", [0.05, 0.2, 1.0])
def test_the_release_gives_ten_decibels_back_in_its_time(release_s: float) -> None:
    blocks = int(2 * release_s * RATE / FRAMES) + 20
    loud = {"threshold_db": -30.0, "ratio": 4.0, "attack_s": 0.005, "release_s": release_s}
    got = gain_db(np.concatenate([steady(0, 10), steady(-60, blocks)], axis=1), **loud)[10 * FRAMES :]
    assert got[0] == pytest.approx(-22.5, abs=0.1)
    seconds = (np.argmax(got > -8.0) - np.argmax(got > -18.0)) / RATE
    assert seconds == pytest.approx(release_s, rel=0.05)


def test_both_channels_are_turned_down_together() -> None:
    sound = steady(0, 20) * np.array([[1.0], [0.01]])
    out = run("compressor", sound, prepared("compressor", ratio=4.0))
    np.testing.assert_allclose(out[1] / sound[1], out[0] / sound[0], rtol=1e-5)


def test_a_compressor_of_ratio_one_gives_back_every_bit_and_makeup_lifts() -> None:
    sound = RNG(2).uniform(-1, 1, (2, 8 * FRAMES)).astype(np.float32)
    values = prepared("compressor")
    assert not values["on"].any() and prepared("compressor", makeup_db=1.0)["on"].all()
    np.testing.assert_array_equal(run("compressor", sound, values), sound)
    assert gain_db(steady(-20, 4), makeup_db=6.0)[-1] == pytest.approx(6.0, abs=1e-3)


# --- limiter --------------------------------------------------------------------------------------------------------
UP = 16


@cache
def sharp() -> NDArray:
    """A converter's curve: a low pass that is flat to 0.485 of the rate, 96 samples long."""
    return signal.firwin(96 * UP + 1, 1.0 / UP, window=("kaiser", 8.0))


def true_peak_db(sound: NDArray) -> float:
    """dBTP by two meters, sixteen times oversampled: a sharp one, and the one that scipy chooses."""
    meters = [{"window": sharp()}, {}]
    return max(float(decibels(signal.resample_poly(sound, UP, 1, axis=-1, **meter)).max()) for meter in meters)


def limited(sound: NDArray, volume: float = 1.0) -> NDArray:
    """The limiter, with silence after the sound, so that its end is a cut that it has seen."""
    padded = np.concatenate([sound, np.zeros((2, -sound.shape[1] % FRAMES + 2 * FRAMES))], axis=1)
    return run("limiter", padded, {"volume": np.full((1, 2), volume, np.float32)})


def crests() -> Iterable[tuple[str, NDArray]]:
    """Sounds with crests between the samples, far above full scale."""
    n, rng = np.arange(200 * FRAMES), RNG(3)
    gate = lambda length, share: np.repeat(rng.uniform(size=n.size // length + 1) < share, length)[: n.size]  # noqa: E731
    yield "white noise at +20 dB", 10 * rng.uniform(-1, 1, (2, n.size))
    yield "normal noise at +30 dB", 30 * rng.standard_normal((2, n.size))
    yield "noise in bursts", 30 * rng.standard_normal(n.size) * gate(48, 0.2)
    yield "random bits", 4 * rng.choice([-1.0, 1.0], n.size)
    yield "clicks", 20 * (rng.uniform(size=n.size) < 0.01) * rng.choice([-1.0, 1.0], n.size)
    yield "0.45 of the rate", np.sin(2 * np.pi * 0.45 * n)
    yield "0.45 of the rate in bursts", 10 * np.sin(2 * np.pi * 0.45 * n) * gate(40, 0.4)
    yield "a sweep", 4 * np.sin(2 * np.pi * 0.235 * n**2 / n.size)
    for hertz in (50, 441, 3000, 12000):
        yield f"square of {hertz} Hz", 3 * np.sign(np.sin(2 * np.pi * hertz / RATE * n + 0.1))
    for hertz in (997, 11025, 12000, 16000):
        for phase in (0.0, 0.25, 0.5, 0.75):
            yield f"{hertz} Hz from {phase} pi", 2 * np.sin(2 * np.pi * hertz / RATE * n + phase * np.pi)


@pytest.mark.parametrize("sound", [pytest.param(sound, id=name) for name, sound in crests()])
def test_no_crest_passes_the_ceiling_not_even_between_samples(sound: NDArray) -> None:
    out = limited(np.broadcast_to(sound, (2, sound.shape[-1])))
    assert true_peak_db(out) <= -1.0
    assert true_peak_db(out) > -3.0  # it is held, not thrown away


def test_a_volume_that_jumps_is_held_too() -> None:
    sound = RNG(4).uniform(-1, 1, (2, 100 * FRAMES))
    values = {n: np.array([[n % 3, (n + 1) % 3]], np.float32) * 8 for n in range(100)}
    assert true_peak_db(run("limiter", sound, lambda n: {"volume": values[n]})[:, : 99 * FRAMES]) <= -1.0


def test_what_is_quiet_passes_late_and_otherwise_as_it_came_but_for_its_offset() -> None:
    sound = RNG(5).uniform(-0.2, 0.2, (2, 40 * FRAMES))
    k = 1 - np.exp(-2 * np.pi * 5 / RATE)
    expected = signal.lfilter([1, -1], [1, k - 1], sound)
    out = limited(sound)[:, LATENCY_FRAMES : LATENCY_FRAMES + sound.shape[1]]
    np.testing.assert_allclose(out, expected, atol=2e-6)
    hertz, heard = signal.freqz([1, -1], [1, k - 1], worN=[20.0, 27.5, 100.0], fs=RATE)
    assert (decibels(heard) > [-0.3, -0.15, -0.02]).all()  # the lowest notes keep their weight


@pytest.mark.parametrize(("loud", "limit_db"), [(0.2, -80.0), (1.0, -60.0), (4.0, -60.0)])
def test_nothing_is_left_of_an_offset(loud: float, limit_db: float) -> None:
    """A gain that breathes within a lopsided wave makes an offset of its own: so much, and no more, while it limits."""
    t = np.arange(300 * FRAMES) / RATE
    lopsided = signal.sawtooth(2 * np.pi * 110 * t, 0.9) ** 3 + np.maximum(np.sin(2 * np.pi * 150 * t), 0) + 0.3
    out = limited(np.tile(loud * lopsided, (2, 1)))[:, 100 * FRAMES : 100 * FRAMES + 2 * RATE]  # whole periods
    assert decibels(out.mean(axis=1)).max() <= limit_db


def test_the_limiter_lets_go_ten_decibels_in_its_time() -> None:
    tone = np.tile(np.sin(2 * np.pi * 1000 / RATE * np.arange(120 * FRAMES)), (2, 1))
    loud = np.where(np.arange(tone.shape[1]) < 20 * FRAMES, 10.0, 0.01)
    out = limited(loud * tone)[0, 20 * FRAMES + LATENCY_FRAMES : 110 * FRAMES]
    level = decibels(out.reshape(-1, 48).std(axis=1)) - decibels(0.01 / 2**0.5)  # a period of 1 ms each
    milliseconds = np.argmax(level > -4.0) - np.argmax(level > -14.0)
    assert milliseconds / 1000 == pytest.approx(BY_NAME["limiter"].defaults()["limiter"]["release_s"], rel=0.05)


def test_the_limiter_comes_to_rest_where_it_started() -> None:
    unit, sound = BY_NAME["limiter"], RNG(6).uniform(-4, 4, (2, FRAMES)).astype(np.float32)
    state, volume = unit.start(LAYOUT), np.ones((1, 2), np.float32)
    for number in range(200):
        out = by_kernel(unit, LAYOUT, {"compressed": sound if number < 3 else 0 * sound, "volume": volume}, state)
    assert not out["audio"].any()
    for name, start in unit.start(LAYOUT).items():
        np.testing.assert_array_equal(state[name], start)


# --- one pole -------------------------------------------------------------------------------------------------------
def one_pole(sound: NDArray, bend: float = 0.0, brightness: float = 0.0, **settings: float) -> NDArray:
    """A lane at middle C and firm velocity: `sound` [frames] with the modulation envelope at `bend`."""
    values = prepared("one_pole", **settings)
    clocks = {"keep": np.ones((1, 1), np.float32), "brightness": np.full((1, 1), brightness, np.float32)}
    envelope = np.full((2, 1, LAYOUT.knots), bend, np.float32)
    assert {port.name for port in ports(BY_NAME["one_pole"])} == {"source", "envelope", *values, *clocks}
    return run("one_pole", sound[None], {**values, **clocks, "envelope": envelope})[0]


@pytest.mark.parametrize(("low", "high"), [(1, 0), (0, 1), (1, -1), (0.3, 0.8)])
@pytest.mark.parametrize("cutoff_hz", [20.0, 300.0, 4000.0, 18000.0])
def test_the_one_pole_filter_is_its_equation(cutoff_hz: float, low: float, high: float) -> None:
    sound = RNG(7).uniform(-1, 1, 40 * FRAMES)
    w = 1 - np.exp(-2 * np.pi * cutoff_hz / RATE)
    below = signal.lfilter([w], [1, w - 1], sound)
    got = one_pole(sound, cutoff_hz=cutoff_hz, low=low, high=high)
    np.testing.assert_allclose(got, low * below + high * (sound - below), atol=2e-6)


@pytest.mark.parametrize("cutoff_hz", [100.0, 1000.0, 4000.0])
def test_the_one_pole_filter_answers_as_the_circuit_does(cutoff_hz: float) -> None:
    impulse = np.zeros(64 * FRAMES)
    impulse[0] = 1.0
    hertz, got = signal.freqz(one_pole(impulse, cutoff_hz=cutoff_hz), worN=8192, fs=RATE)
    circuit = signal.freqs([1.0], [1.0 / (2 * np.pi * cutoff_hz), 1.0], 2 * np.pi * hertz)[1]
    assert np.abs(decibels(got) - decibels(circuit))[hertz <= RATE / 12].max() < 0.25
    assert hertz[np.argmax(decibels(got) < -3.0103)] == pytest.approx(cutoff_hz, rel=0.03)


def test_envelope_and_brightness_move_the_one_pole_filter_by_octaves() -> None:
    sound = RNG(8).uniform(-1, 1, 8 * FRAMES)
    expected = one_pole(sound, cutoff_hz=1600.0)
    np.testing.assert_allclose(one_pole(sound, 0.5, 1.0, cutoff_hz=200.0, bend_octaves=4.0), expected, atol=1e-5)
