"""Every unit of the registry keeps the same promises, in all its renderings."""

import pathlib
from collections.abc import Iterable

import numpy as np
import onnxruntime as ort
import pytest
from onnx.reference import ReferenceEvaluator
from onnx.reference.op_run import OpRun

import gen_core.synth.units
from export.graph import GraphBuilder
from gen_core.synth.layout import KNOT_FRAMES, RISES, Layout, Port, lanes_axis, rises, stored
from gen_core.synth.registry import UNITS
from gen_core.synth.unit import Arrays, State, Unit
from tests.fixtures.unit_inputs import inputs, ports

SMALL = Layout(lanes=2, block_frames=512)
GOLDEN = pathlib.Path(__file__).parents[2] / "golden"
BLOCKS = 4
each_unit = pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.name)


def by_kernel(unit: Unit, layout: Layout, block: Arrays, state: Arrays) -> Arrays:
    """One block by the kernel; `state` moves on."""
    out = unit.room(layout)
    unit.kernel(layout, block, state, out)
    return {name: value.copy() for name, value in out.items()}


def model(unit: Unit, layout: Layout) -> bytes:
    g = GraphBuilder(unit.name)
    ends = {port.name: g.input(port.name, _open(port, layout), port.dtype) for port in ports(unit)}
    if "tables" in ends:
        ends[RISES] = g.input(RISES, ["n"])
    state = {item.name: g.input(f"state.{item.name}", _shape(item, layout), item.dtype) for item in unit.state}
    outputs, moved = unit.graph(g, layout, ends, state)
    assert set(moved) == {item.name for item in unit.state}
    for port in unit.outputs:
        g.output(port.name, outputs[port.name], _shape(port, layout))
    for item in unit.state:
        g.output(f"next.{item.name}", moved[item.name], _shape(item, layout))
    return g.model().SerializeToString()


def _open(port: Port, layout: Layout) -> list:
    return ["n"] if port.name == "tables" else _shape(port, layout)


def _shape(item: Port | State, layout: Layout) -> list[int]:
    """As graphs see it: lanes first."""
    return list(layout.shape(stored(item.dims)))


def _stored(items: Iterable[Port | State], arrays: Arrays, to: bool) -> Arrays:
    """Lanes moved first, or back `to` where a unit's kernel has them."""
    places = {item.name: lanes_axis(item.dims) for item in items if item.name in arrays}
    moves = {name: (0, place) if to else (place, 0) for name, place in places.items()}
    return {name: np.ascontiguousarray(np.moveaxis(arrays[name], *move)) for name, move in moves.items()}


def by_graph(run, unit: Unit, block: Arrays, state: Arrays) -> tuple[Arrays, Arrays]:
    feeds = _stored(ports(unit), block, to=False)
    feeds |= {RISES: rises(feeds["tables"])} if "tables" in feeds else {}
    feeds |= {f"state.{name}": value for name, value in _stored(unit.state, state, to=False).items()}
    made = [port.name for port in unit.outputs]
    names = made + [f"next.{item.name}" for item in unit.state]
    values = dict(zip(names, run(names, feeds), strict=True))
    moved = {item.name: values[f"next.{item.name}"] for item in unit.state}
    return _stored(unit.outputs, values, to=True), _stored(unit.state, moved, to=True)


class GatherElements(OpRun):
    """The evaluator's own uses numpy.choose, which takes at most 64 rows (onnx 1.23)."""

    def _run(self, data: np.ndarray, indices: np.ndarray, axis: int = 0) -> tuple[np.ndarray]:
        return (np.take_along_axis(data, indices, axis),)


def runners(graph: bytes) -> dict:
    session = ort.InferenceSession(graph, providers=["CPUExecutionProvider"])
    return {"onnxruntime": session.run, "reference": ReferenceEvaluator(graph, new_ops=[GatherElements]).run}


@each_unit
def test_kernel_reference_and_onnxruntime_say_the_same(unit: Unit) -> None:
    kernel_state = unit.start(SMALL)
    all_runs = runners(model(unit, SMALL))
    states = {name: unit.start(SMALL) for name in all_runs}
    for number in range(BLOCKS):
        block = inputs(unit, SMALL, seed=number)
        expected = by_kernel(unit, SMALL, block, kernel_state)
        for name, run in all_runs.items():
            got, states[name] = by_graph(run, unit, block, states[name])
            for signal in expected:
                worst = np.abs(got[signal] - expected[signal]).max()
                assert worst <= unit.tolerance, f"{name}: {signal} is off by {worst:.2e} in block {number}"


def _half(port: Port, value: np.ndarray, layout: Layout, second: bool) -> np.ndarray:
    """What one half of a block sees of a whole block's input."""
    seconds = layout.block_frames / 2 / layout.sample_rate_hz
    if port.kind in ("frames", "knots"):
        middle = (value.shape[-1]) // 2
        return value[..., middle:] if second else value[..., : middle + (port.kind == "knots")]
    if port.kind == "mix":
        steady, change = np.split(value, 2)
        return np.concatenate([steady + change / 2 * second, change / 2])
    if port.kind == "ramp":
        middle = value.mean(axis=-1)
        halves = [middle, value[..., 1]] if second else [value[..., 0], middle]
        return np.stack(halves, axis=-1).astype(value.dtype)
    later = {"clock": value + np.float32(seconds), "keep": np.ones_like(value), "start": np.zeros_like(value)}
    return later.get(port.kind, value) if second else value


@each_unit
def test_two_half_blocks_make_one_whole(unit: Unit) -> None:
    half = Layout(SMALL.lanes, SMALL.block_frames // 2)
    whole_state, half_state = unit.start(SMALL), unit.start(half)
    block = inputs(unit, SMALL)
    expected = by_kernel(unit, SMALL, block, whole_state)
    halves = []
    for second in (False, True):
        part = {port.name: np.ascontiguousarray(_half(port, block[port.name], SMALL, second)) for port in ports(unit)}
        halves.append(by_kernel(unit, half, part, half_state))
    for port in unit.outputs:
        name = port.name
        first = halves[0][name][..., :-1] if "knots" in port.dims else halves[0][name]
        joined = np.concatenate([first, halves[1][name]], axis=-1)
        np.testing.assert_allclose(joined, expected[name], atol=max(unit.tolerance, 1e-6))


@each_unit
@pytest.mark.parametrize("corner", ["low", "high"])
def test_the_corners_of_the_ranges_give_numbers(unit: Unit, corner: str) -> None:
    block, state = inputs(unit, SMALL, corner=corner), unit.start(SMALL)
    run = runners(model(unit, SMALL))["onnxruntime"]
    drawn, _ = by_graph(run, unit, block, unit.start(SMALL))
    for name, value in by_kernel(unit, SMALL, block, state).items():
        assert np.isfinite(value).all() and np.isfinite(drawn[name]).all()


@each_unit
def test_silence_stays_silent(unit: Unit) -> None:
    signals = [port for port in unit.inputs if port.kind == "frames"]
    if not signals or unit.form == "drum":
        pytest.skip("makes sound by itself")
    block = inputs(unit, SMALL)
    for port in signals:
        block[port.name] = np.zeros_like(block[port.name])
    state = unit.start(SMALL)
    for _ in range(3):
        assert all(not value.any() for value in by_kernel(unit, SMALL, block, state).values())


@each_unit
def test_a_dying_tail_ends_in_true_silence_and_not_in_denormals(unit: Unit) -> None:
    if not unit.state or not any(port.kind == "frames" for port in unit.inputs):
        pytest.skip("no tail")
    run = runners(model(unit, SMALL))["onnxruntime"]
    block = inputs(unit, SMALL)
    kernel_state = unit.start(SMALL)
    by_kernel(unit, SMALL, block, kernel_state)
    _, graph_state = by_graph(run, unit, block, unit.start(SMALL))
    for port in ports(unit):
        if port.kind in ("frames", "keep"):
            block[port.name] = np.full_like(block[port.name], float(port.kind == "keep"))
    for _ in range(1800):  # 19 s
        by_kernel(unit, SMALL, block, kernel_state)
        _, graph_state = by_graph(run, unit, block, graph_state)
    for state in (kernel_state, graph_state):
        assert all(((value == 0) | (np.abs(value) > 1e-20)).all() for value in state.values())
        assert unit.name == "limiter" or not any(value.any() for value in state.values())


@each_unit
def test_four_blocks_sound_as_recorded(unit: Unit) -> None:
    state = unit.start(SMALL)
    blocks = [by_kernel(unit, SMALL, inputs(unit, SMALL, seed=10 + n), state) for n in range(BLOCKS)]
    played = {port.name: np.stack([block[port.name] for block in blocks]) for port in unit.outputs}
    path = GOLDEN / f"unit_{unit.name}.npz"
    if not path.exists():
        np.savez_compressed(path, **{name: value.astype(np.float32) for name, value in played.items()})
        pytest.fail(f"recorded {path.name} now: look at it, then commit it")
    recorded = np.load(path)
    for name, value in played.items():
        np.testing.assert_allclose(value, recorded[name], atol=max(unit.tolerance, 1e-6))


@each_unit
def test_every_parameter_has_a_name_of_its_own(unit: Unit) -> None:
    for items in unit.sections.values():
        names = [item.id for item in items]
        assert len(names) == len(set(names))


def test_every_file_of_the_folder_is_in_the_registry() -> None:
    folder = pathlib.Path(gen_core.synth.units.__file__).parent
    assert {path.stem for path in folder.glob("[a-z]*.py")} == {unit.name for unit in UNITS}


def test_knots_are_short_against_hearing() -> None:
    assert KNOT_FRAMES / Layout().sample_rate_hz < 0.001


def test_every_unit_can_be_heard() -> None:
    from gen_core.synth.patches import voices
    from gen_core.synth.plan import EFFECTS

    heard = {choice.name for wires in voices().values() for slot in wires.slots for choice in slot.choices}
    assert {unit.name for unit in UNITS} - heard - set(EFFECTS) == set()
