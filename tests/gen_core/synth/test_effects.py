"""What the effects promise beyond what every unit does: glides, times, decays, purity, rings bound in place."""

import numpy as np
import onnxruntime as ort
import pytest

from gen_core.synth.layout import Layout
from gen_core.synth.registry import BY_NAME
from gen_core.synth.unit import Arrays, Stage, Unit
from tests.fixtures.unit_inputs import some_row
from tests.gen_core.synth.test_units import by_graph, by_kernel, model, runners

LAYOUT = Layout(lanes=1)
RATE, FRAMES = LAYOUT.sample_rate_hz, LAYOUT.block_frames
EFFECTS = [BY_NAME[name] for name in ("drive", "chorus", "echo", "reverb")]
each_effect = pytest.mark.parametrize("unit", EFFECTS, ids=lambda unit: unit.name)


def values(unit: Unit, row: dict, bpm: float = 120.0) -> Arrays:
    given = unit.prepare(row, Stage(LAYOUT, bpm))
    return {p.name: np.reshape(given[p.name], LAYOUT.shape(p.dims)).astype(p.dtype) for p in unit.values}


def glide(old: Arrays, new: Arrays) -> Arrays:
    """What the mixer does when a parameter moves: from where the last block ended."""
    return {name: np.stack([old[name][..., 1], new[name][..., 1]], axis=-1) for name in new}


def play(unit: Unit, sound: np.ndarray, moves: list[Arrays]) -> np.ndarray:
    """Sound [blocks * frames] → [2, blocks * frames], by the kernel; the last of `moves` stays."""
    state, parts, old = unit.start(LAYOUT), [], moves[0]
    channels = LAYOUT.shape(unit.inputs[0].dims)[0]
    for number, part in enumerate(sound.reshape(-1, FRAMES)):
        new = moves[min(number, len(moves) - 1)]
        block = {unit.inputs[0].name: np.tile(part, (channels, 1)).astype(np.float32)}
        parts.append(by_kernel(unit, LAYOUT, block | glide(old, new), state)[unit.outputs[0].name])
        old = new
    return np.concatenate(parts, axis=1).astype(np.float64)


def sine(hertz: float, blocks: int, size: float = 0.1) -> np.ndarray:
    return size * np.sin(2.0 * np.pi * hertz * np.arange(blocks * FRAMES) / RATE)


def impulse(blocks: int) -> np.ndarray:
    return np.eye(1, blocks * FRAMES)[0]


@each_effect
def test_both_renderings_glide_alike(unit: Unit) -> None:
    rng = np.random.default_rng(1)
    moves = [values(unit, some_row(rng), bpm=rng.uniform(60, 200)) for _ in range(6)]
    run = runners(model(unit, LAYOUT))["onnxruntime"]
    kernel_state, graph_state = unit.start(LAYOUT), unit.start(LAYOUT)
    for number in range(200):
        before, after = (moves[(number + k) // 10 % len(moves)] for k in (0, 1))
        sound = rng.uniform(-1, 1, LAYOUT.shape(unit.inputs[0].dims)).astype(np.float32) * (number < 100)
        block = {unit.inputs[0].name: sound} | glide(before, after)
        expected = by_kernel(unit, LAYOUT, block, kernel_state)
        got, graph_state = by_graph(run, unit, block, graph_state)
        for name, value in expected.items():
            np.testing.assert_allclose(got[name], value, atol=unit.tolerance)


MOVES = [
    ("drive", "amount_db", 0.0, 12.0, -65.0),
    ("drive", "tone_db", -3.0, 3.0, -90.0),
    ("chorus", "level", 0.1, 1.0, -65.0),
    ("chorus", "depth_ms", 0.5, 2.0, -60.0),
    ("echo", "level", 0.1, 1.0, -60.0),
    ("echo", "feedback", 0.1, 0.9, -80.0),
    ("echo", "damping_hz", 3000.0, 20000.0, -75.0),
    ("echo", "beats", 0.75, 0.5, -45.0),
    ("reverb", "decay_s", 0.5, 4.0, -70.0),
    ("reverb", "damping", 0.0, 0.8, -80.0),
    ("reverb", "level", 0.1, 1.0, -65.0),
]


@pytest.mark.parametrize("name, param, low, high, limit", MOVES)
def test_a_step_within_one_block_neither_clicks_nor_buzzes(name, param, low, high, limit) -> None:
    unit, row = BY_NAME[name], BY_NAME[name].defaults()
    moves = [values(unit, row | {name: row[name] | {param: value}}) for value in (low, high)]
    out = play(unit, sine(1000.0, 240, 0.001 if name == "drive" else 0.1), [moves[0]] * 200 + [moves[1]])[0]
    window = np.blackman(8192)
    for start in range(200 * FRAMES - 6144, 200 * FRAMES + 3072, 1024):
        power = np.abs(np.fft.rfft(out[start : start + 8192] * window)) ** 2
        above = power[int(3000 * 8192 / RATE) :].sum() / power.sum()
        assert 10.0 * np.log10(above) < limit


def test_the_drive_folds_hardly_anything_back() -> None:
    unit, n, bin_of = BY_NAME["drive"], 128 * FRAMES, 6827  # 5 kHz
    moves = [values(unit, {"drive": {"amount_db": 24.0, "tone_db": 0.0}})]
    sound = sine(bin_of * RATE / n, 132, 0.5)
    driven = sound * 10.0 ** (24.0 / 20.0)
    plain = driven / np.sqrt(1.0 + driven**2)
    worst = []
    for signal in (plain, play(unit, sound, moves)[0]):
        power = np.abs(np.fft.rfft(signal[-n:])) ** 2
        worst.append(10.0 * np.log10(power[1 : bin_of - 1].max() / power[bin_of]))  # below it, all is folded
    assert worst[1] < worst[0] - 25.0 and worst[1] < -50.0


@pytest.mark.parametrize("amount", [0.0, 12.0, 24.0, 36.0])
def test_the_drive_keeps_the_loudness_of_music(amount: float) -> None:
    spectrum = np.fft.rfft(np.random.default_rng(0).normal(size=200 * FRAMES))
    pink = np.fft.irfft(spectrum / np.sqrt(1.0 + np.arange(len(spectrum))))
    pink *= 0.1 / pink.std()
    unit = BY_NAME["drive"]
    out = play(unit, pink, [values(unit, {"drive": {"amount_db": amount, "tone_db": 0.0}})])[0]
    assert abs(20.0 * np.log10(out.std() / 0.1)) < 0.5


@pytest.mark.parametrize("name", ["drive", "chorus", "echo", "reverb", "equalizer", "compressor", "limiter"])
def test_what_follows_the_tempo_says_so(name: str) -> None:
    unit, row = BY_NAME[name], BY_NAME[name].defaults()
    slow, fast = (unit.prepare(row, Stage(LAYOUT, bpm)) for bpm in (70.0, 130.0))
    assert unit.tempo == any(np.any(slow[port.name] != fast[port.name]) for port in unit.values)


def test_echoes_come_in_time_from_alternate_sides() -> None:
    unit = BY_NAME["echo"]
    row = {"echo": {"beats": 0.5, "feedback": 0.5, "damping_hz": 20000.0, "width": 1.0, "level": 1.0}}
    left, right = np.abs(play(unit, impulse(100), [values(unit, row, bpm=120.0)]))
    for number, side in enumerate((left, right, left, right), start=1):
        at = int(number * 0.25 * RATE)
        found = at - 200 + side[at - 200 : at + 200].argmax()
        assert abs(found - at) <= number * 40 and side[found] > 0.5**number


@pytest.mark.parametrize("decay", [0.6, 1.7, 5.0])
def test_the_room_decays_as_declared(decay: float) -> None:
    unit = BY_NAME["reverb"]
    row = {"reverb": {"decay_s": decay, "damping": 0.0, "level": 0.5}}
    tail = play(unit, impulse(int(decay * RATE / FRAMES)), [values(unit, row)])[0]
    energy = 10.0 * np.log10(np.cumsum(tail[::-1] ** 2)[::-1] / (tail**2).sum())
    first, last = np.argmax(energy < -5.0), np.argmax(energy < -35.0)
    assert 30.0 / (energy[first] - energy[last]) * 2.0 * (last - first) / RATE == pytest.approx(decay, rel=0.05)


def test_the_room_is_dense_soon_and_its_sides_differ() -> None:
    unit = BY_NAME["reverb"]
    left, right = play(unit, impulse(100), [values(unit, unit.defaults())])
    for seconds, least in ((0.03, 0.45), (0.05, 0.7), (0.1, 0.85)):  # of what Gaussian noise has: 31.7 % beyond sigma
        part = left[int((seconds - 0.01) * RATE) : int((seconds + 0.01) * RATE)]
        assert (np.abs(part) > part.std()).mean() / 0.317 > least
    assert abs(np.corrcoef(left, right)[0, 1]) < 0.1


@pytest.mark.parametrize("unit", [unit for unit in EFFECTS if any(i.ring for i in unit.state)], ids=lambda u: u.name)
def test_a_ring_bound_in_place_sounds_the_same(unit: Unit) -> None:
    session = ort.InferenceSession(model(unit, LAYOUT), providers=["CPUExecutionProvider"])
    rng = np.random.default_rng(2)
    moves = [values(unit, some_row(rng), bpm=rng.uniform(60, 200)) for _ in range(4)]
    sound = rng.uniform(-1, 1, (300, *LAYOUT.shape(unit.inputs[0].dims))).astype(np.float32)
    played = [_bound(session, unit, sound, moves, in_place) for in_place in (False, True)]
    assert np.abs(played[0]).max() > 0.01
    np.testing.assert_array_equal(*played)


def _bound(session: ort.InferenceSession, unit: Unit, sound: np.ndarray, moves: list[Arrays], in_place: bool):
    """All blocks by onnxruntime, states in two sets of buffers that take turns; rings in one, if `in_place`."""
    wrap = ort.OrtValue.ortvalue_from_numpy
    now, then = ({name: wrap(array) for name, array in unit.start(LAYOUT).items()} for _ in range(2))
    then |= {item.name: now[item.name] for item in unit.state if item.ring and in_place}
    heard = []
    for number, part in enumerate(sound):
        binding = session.io_binding()
        block = {unit.inputs[0].name: part} | glide(*(moves[(number + k) // 25 % len(moves)] for k in (0, 1)))
        for name, array in block.items():
            binding.bind_ortvalue_input(name, wrap(np.ascontiguousarray(array)))
        for item in unit.state:
            binding.bind_ortvalue_input(f"state.{item.name}", now[item.name])
            binding.bind_ortvalue_output(f"next.{item.name}", then[item.name])
        binding.bind_output(unit.outputs[0].name)
        session.run_with_iobinding(binding)
        heard.append(binding.get_outputs()[-1].numpy())
        now, then = then, now
    return np.stack(heard)
