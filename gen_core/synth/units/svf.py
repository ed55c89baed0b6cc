"""A state-variable filter: low, band and high pass of one resonant pair, mixed as the patch says.

What one hears: the colour of a voice, moved by the key, the velocity and the modulation envelope. Trapezoidal
integration ("zero delay"), V. Zavalishin, "The Art of VA Filter Design" 2.1.2 (2018), ch. 4; form of A. Simper,
"Linear trapezoidal integrated state variable filter" (Cytomic, 2013):
    g = tan(pi cutoff / rate), a1 = 1 / (1 + g (g + k)), a2 = g a1, a3 = g a2, k = 1/q
    v1 = a1 s1 + a2 (x - s2), v2 = s2 + a2 s1 + a3 (x - s2), s1' = 2 v1 - s1, s2' = 2 v2 - s2
    y = m0 x + m1 v1 + m2 v2
Coefficients hold for segments of 128 samples.

The same, solved for a block. The state's transition is A = r (cos(theta) I + sin(theta) J) with
    J = [[-k, -2], [2, k]] / d,  d = sqrt(4 - k^2),  ln r = -atanh(k g / (1 + g^2)),
    tan(theta / 2) = g d / (1 - g^2 + sqrt((1 + g^2)^2 - k^2 g^2))
(multiply out: J^2 = -I, trace and determinant agree). J does not know the cutoff, so in the basis (e1, J e1) the
filter is a single complex pole z = r exp(i theta) whose state w survives every change of cutoff:
    w' = z w + b x,  y = Re-product(u, w) + D x,  with u, D, b linear in (1, a1, a2, a3): `filter_map`.
Powers of z are then closed forms; 16 samples are one small matrix product, and the states between them a chain.
"""

# mypy: allow-untyped-defs, allow-untyped-calls

import math
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gen_core.spec.param import Param
from gen_core.synth.jit import fused, jit
from gen_core.synth.layout import KNOT_FRAMES, Layout, Port
from gen_core.synth.unit import Arrays, Builder, NoteOn, Row, State, Tensor, Tensors, Unit, settle
from gen_core.synth.units.envelope import ENVELOPES

_STEP = 16  # samples that one matrix holds: its elements grow as the square, the chain of states as the inverse
_ABREAST = 32  # voices that the kernel runs side by side: two vectors, so that neither waits for itself
_LN2 = math.log(2.0)
_LOG_LOW = math.log(math.pi * 10.0 / 48000.0)
_LOG_HIGH = math.log(math.pi * 0.42)  # 20 kHz at 48 kHz: above, tan() runs away

# --- parameters -----------------------------------------------------------------------------------------------------
PARAMS = (
    Param(id="cutoff_hz", low=20.0, high=20000.0, default=8000.0, unit="Hz", curve="exponential", help="at middle C"),
    Param(id="key_track", low=0.0, high=1.5, default=0.5, help="octaves of cutoff an octave of key"),
    Param(id="bend_octaves", low=-6.0, high=6.0, default=0.0, unit="octaves", help="times the modulation envelope"),
    Param(id="velocity_octaves", low=0.0, high=4.0, default=1.0, unit="octaves", help="from softest to loudest"),
    Param(id="q", low=0.55, high=20.0, default=0.707, curve="exponential", help="0.5 would be two real poles"),
    Param(id="low", low=-1.0, high=1.0, default=1.0),
    Param(id="band", low=-1.0, high=1.0, default=0.0),
    Param(id="high", low=-1.0, high=1.0, default=0.0),
)

# --- values ---------------------------------------------------------------------------------------------------------
VALUES = (
    Port("log_cutoff", ("lanes", 1, 1), -6.5, 0.3),  # ln(pi * cutoff / sample rate)
    Port("cutoff_bend", ("lanes", 1, 1), -4.0, 4.0),  # ln, times the modulation envelope
    Port("filter_map", ("lanes", 4, 5), -20.0, 20.0),  # see filter_map()
)
_MIDDLE_VELOCITY = 96  # where a patch's cutoff is as written: a firm mezzo-forte


def prepare(row: Row, note: NoteOn) -> Mapping[str, Any]:
    """The cutoff at this key and velocity, and the filter's shape."""
    section = row["filter"]
    octaves = section["key_track"] * (note.pitch - 60) / 12.0
    octaves += section["velocity_octaves"] * (note.velocity - _MIDDLE_VELOCITY) / 127.0
    base = math.log(math.pi * section["cutoff_hz"] / note.layout.sample_rate_hz)
    return {
        "log_cutoff": base + octaves * _LN2,
        "cutoff_bend": section["bend_octaves"] * _LN2,
        "filter_map": filter_map(section["q"], section["low"], section["band"], section["high"]),
    }


def filter_map(q: float, low: float, band: float, high: float) -> NDArray[np.float32]:
    """[4, 5]: how (1, a1, a2, a3) of a trapezoidal state-variable filter make what a block form of it needs.

    The columns are output weights of the rotated state (u_r, u_i), the direct path (D) and the input weights of the
    rotated state (b_r, b_i). `q` above 0.5 (poles must be a pair), `low`, `band`, `high` are the gains of the three
    outputs; band has its peak at 1. A kernel finds in it the damping k = 1/q ([3, 3]) and the plain mixing weights of
    input, band and low state ([0, 2], [2, 2], [3, 2]).
    """
    k = 1.0 / q
    d = np.sqrt(4.0 - k * k)
    m0, m1, m2 = high, k * (band - high), low - high
    rows = [
        [0.0, 2.0 * m2 / d, m0, 0.0, 0.0],
        [m1, -k * m1 / d, 0.0, 0.0, 0.0],
        [m2, -(2.0 * m1 + k * m2) / d, m1, 2.0, 0.0],
        [0.0, -2.0 * m2 / d, m2, k, d],
    ]
    return np.array(rows, np.float32)


# --- state ----------------------------------------------------------------------------------------------------------
STATE = (State("filter", ("lanes", 1, 2)),)  # kernel: s1, s2; graph: real and imaginary part of w


# --- kernel ---------------------------------------------------------------------------------------------------------
@jit
def _coefficients_of(log_cutoff, row, c, column):
    """What one voice needs for a segment, from its cutoff and its `filter_map`, into a column of c [6, lanes]."""
    g = np.tan(np.exp(min(max(np.float64(log_cutoff), _LOG_LOW), _LOG_HIGH)))
    a1 = 1.0 / (1.0 + g * (g + row[3, 3]))
    c[0, column], c[1, column], c[2, column] = 2.0 * a1 - 1.0, 2.0 * g * a1, 2.0 * g * g * a1
    c[3, column], c[4, column], c[5, column] = row[0, 2], 0.5 * row[2, 2], 0.5 * row[3, 2]


@fused
def _run(x, y, c, s):
    """One segment of `_ABREAST` voices at once: x, y [frames, voices]; coefficients c [6, voices]; s [2, voices].

    With v1 = (s1 + s1') / 2 and v2 = (s2 + s2') / 2, a state depends on the last by two operations only.
    """
    first, second = s[0], s[1]
    for n in range(x.shape[0]):
        for v in range(_ABREAST):  # independent, so the processor does sixteen at a time
            v3 = x[n, v] - second[v]
            next_first = c[0, v] * first[v] + c[1, v] * v3
            next_second = (second[v] + c[1, v] * first[v]) + c[2, v] * v3
            y[n, v] = c[3, v] * x[n, v] + c[4, v] * (first[v] + next_first) + c[5, v] * (second[v] + next_second)
            first[v], second[v] = next_first, next_second


@jit
def _filter(source, envelope, keep, log_cutoff, cutoff_bend, filter_map, state, frames, out):
    """source, out [V, block]; envelope [V, knots]; filter_map [V, 4, 5]; state [V, 2]; segments of `frames`."""
    lanes = np.empty(_ABREAST, np.uint32)
    s, c = np.zeros((2, _ABREAST), np.float32), np.zeros((6, _ABREAST), np.float32)
    x, y = np.zeros((frames, _ABREAST), np.float32), np.zeros((frames, _ABREAST), np.float32)
    middle, voice = frames // KNOT_FRAMES // 2, 0
    while voice < out.shape[0]:
        count = 0
        while voice < out.shape[0] and count < _ABREAST:
            if filter_map[voice, 3, 3] != 0.0:
                lanes[count] = voice
                s[0, count], s[1, count] = state[voice, 0] * keep[voice], state[voice, 1] * keep[voice]
                count += 1
            else:  # idle
                out[voice] = 0.0
            voice += 1
        for segment in range(out.shape[1] // frames if count else 0):
            begin, knot = segment * frames, (2 * segment + 1) * middle
            for v in range(count):
                lane = lanes[v]
                cutoff = log_cutoff[lane] + cutoff_bend[lane] * envelope[lane, knot]
                _coefficients_of(cutoff, filter_map[lane], c, v)
                for n in range(frames):
                    x[n, v] = source[lane, begin + n]
            _run(x, y, c, s)
            for v in range(count):
                for n in range(frames):
                    out[lanes[v], begin + n] = y[n, v]
        for v in range(count):
            for i in range(2):  # below 1e-18: far under any hearing, and denormal soon
                state[lanes[v], i] = s[i, v] if abs(s[i, v]) > 1e-18 else 0.0


def kernel(layout: Layout, inputs: Arrays, state: Arrays, out: Arrays) -> None:
    """→ out["filtered"] [lanes, frames]."""
    log_cutoff = inputs["log_cutoff"][:, 0, 0] + np.float32(_LN2) * inputs["brightness"][:, 0]
    cutoff = log_cutoff, inputs["cutoff_bend"][:, 0, 0]
    signals = inputs["source"], inputs["envelope"][1], inputs["keep"][:, 0]
    _filter(*signals, *cutoff, inputs["filter_map"], state["filter"][:, 0], layout.stretch_frames, out["filtered"])


# --- graph ----------------------------------------------------------------------------------------------------------
@lru_cache
def _toeplitz() -> NDArray[np.float32]:
    """[17, 16 * 16]: (D, h_1 … h_16) → matrix whose row m, column n is h_(n - m)."""
    matrix = np.zeros((_STEP + 1, _STEP, _STEP), np.float32)
    for n in range(_STEP):
        for m in range(n + 1):
            matrix[n - m, m, n] = 1.0
    return matrix.reshape(_STEP + 1, -1)


@lru_cache
def _reverse() -> NDArray[np.float32]:
    """[32, 16 * 2]: (Re b z^n, Im b z^n) → weights of input m in the state after 16 samples, b z^(15 - m)."""
    matrix = np.zeros((2, _STEP, _STEP, 2), np.float32)
    for m in range(_STEP):
        matrix[0, _STEP - 1 - m, m, 0] = matrix[1, _STEP - 1 - m, m, 1] = 1.0
    return matrix.reshape(2 * _STEP, -1)


def _turn(matrix: NDArray, power: int, row: int, column: int, steps: int) -> None:
    """Write into (basis, rows, columns) the 2x2 block that multiplies a row (re, im) by z^(16 power)."""
    real, imaginary = (0, None) if power == 0 else (power, steps + power)
    matrix[real, row, column] = matrix[real, row + 1, column + 1] = 1.0
    if imaginary is not None:
        matrix[imaginary, row, column + 1] = 1.0
        matrix[imaginary, row + 1, column] = -1.0


@lru_cache
def _chain(steps: int) -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.float32]]:
    """From (1, Re z^16…z^64, Im z^16…z^64) the matrices of a segment, flattened.

    [9, 2 * 8] input states of the four steps → state at the segment's end (a row an output); [9, 2 * 2] state over
    the segment; [9, 10 * 8] (input states, state at segment start) → states at the start of each step.
    """
    basis = 1 + 2 * steps
    end, over = np.zeros((basis, 2 * steps, 2), np.float32), np.zeros((basis, 2, 2), np.float32)
    starts = np.zeros((basis, 2 * steps + 2, 2 * steps), np.float32)
    _turn(over, steps, 0, 0, steps)
    for step in range(steps):
        _turn(end, steps - 1 - step, 2 * step, 0, steps)
        _turn(starts, step, 2 * steps, 2 * step, steps)
        for later in range(step + 1, steps):
            _turn(starts, later - 1 - step, 2 * step, 2 * later, steps)
    return end.swapaxes(1, 2).reshape(basis, -1), over.reshape(basis, -1), starts.reshape(basis, -1)


def _coefficients(g: Builder, layout: Layout, x: Mapping[str, Tensor]) -> tuple[Tensor, Tensor, list[Tensor]]:
    """Per voice and segment, [V, S, 1]: -ln r, theta / 2, and (u_r, u_i, D, b_r, b_i)."""
    lanes = layout.lanes
    envelope = g.reshape(g.slice(x["envelope"], 1, 2, axis=0), (lanes, layout.knots, 1))
    middle = layout.stretch_frames // KNOT_FRAMES // 2
    bend = g.slice(envelope, middle, layout.knots, axis=1, step=2 * middle) * x["cutoff_bend"]
    knob = g.reshape(x["brightness"] * _LN2, (lanes, 1, 1)) + x["log_cutoff"]
    log_cutoff = g.clip(bend + knob, _LOG_LOW, _LOG_HIGH)
    tan = g.unary("Tan", g.unary("Exp", log_cutoff))
    _, k, d = g.split(g.slice(x["filter_map"], 3, 4, axis=1), (3, 1, 1), axis=2)
    square, damped = tan * tan, tan * k
    whole = square + 1.0
    a1 = g.unary("Reciprocal", whole + damped)
    a2 = tan * a1
    parts = g.concat([square * 0.0 + 1.0, a1, a2, tan * a2], axis=2) @ x["filter_map"]  # [V, S, 5]
    root = g.unary("Sqrt", (whole + damped) * (whole - damped))
    half_angle = g.unary("Atan", tan * d / (root + (1.0 - square)))
    return g.unary("Atanh", damped / whole), half_angle, g.split(parts, (1,) * 5, axis=2)


def _powers(g: Builder, decay: Tensor, half_angle: Tensor, exponents: Sequence[int]) -> tuple[Tensor, Tensor]:
    """Real and imaginary part of z^n, [V, S, exponents]."""
    n = np.array(exponents, np.float32)
    size = g.unary("Exp", decay * g.constant(-n))
    angle = half_angle * g.constant(2.0 * n)
    return size * g.unary("Cos", angle), size * g.unary("Sin", angle)


def _walk(g: Builder, layout: Layout, start: Tensor, over: Tensor, add: Tensor) -> tuple[Tensor, Tensor]:
    """State at the start of every segment [V, S, 2], and after the last [V, 1, 2]."""
    turns = g.split(g.reshape(over, (layout.lanes, layout.stretches * 2, 2)), (2,) * layout.stretches, axis=1)
    adds = g.split(add, (1,) * layout.stretches, axis=1)
    states = [start]
    for turn, more in zip(turns, adds, strict=True):
        states.append(states[-1] @ turn + more)
    return g.concat(states[:-1], axis=1), states[-1]


def graph(g: Builder, layout: Layout, x: Mapping[str, Tensor], state: Mapping[str, Tensor]) -> tuple[Tensors, Tensors]:
    """Sixteen samples a matrix: states that the input leaves, the chain of states, then the output."""
    lanes, segments, steps = layout.lanes, layout.stretches, layout.stretch_frames // _STEP
    source = g.reshape(x["source"], (lanes, segments, steps, _STEP))
    decay, half_angle, (u_r, u_i, direct, b_r, b_i) = _coefficients(g, layout, x)
    real, imaginary = _powers(g, decay, half_angle, range(_STEP))
    far_real, far_imaginary = _powers(g, decay, half_angle, [_STEP * (i + 1) for i in range(steps)])
    in_real, in_imaginary = real * b_r - imaginary * b_i, real * b_i + imaginary * b_r  # b z^n
    response = in_real * u_r + in_imaginary * u_i  # h_1 … h_16

    gather = g.concat([in_real, in_imaginary], axis=2) @ g.constant(_reverse())
    left = source @ g.reshape(gather, (lanes, segments, _STEP, 2))  # [V, S, 4, 2] what each step leaves behind
    left = g.reshape(left, (lanes, segments, 1, 2 * steps))
    end, over, starts = _chain(steps)
    basis = g.concat([direct * 0.0 + 1.0, far_real, far_imaginary], axis=2)
    weights = g.reshape(basis @ g.constant(end), (lanes, segments, 2, 2 * steps))
    add = g.reduce_sum(left * weights, axes=(3,))  # [V, S, 2]; cheaper than 256 tiny products
    begin = state["filter"] * g.reshape(x["keep"], (lanes, 1, 1))
    at_start, last = _walk(g, layout, begin, basis @ g.constant(over), add)
    known = g.concat([left, g.reshape(at_start, (lanes, segments, 1, 2))], axis=3)  # [V, S, 1, 10]
    states = known @ g.reshape(basis @ g.constant(starts), (lanes, segments, 2 * steps + 2, 2 * steps))

    hit = g.concat([direct, response], axis=2) @ g.constant(_toeplitz())
    ring = g.concat([real * u_r + imaginary * u_i, real * u_i - imaginary * u_r], axis=2)
    matrix = g.reshape(g.concat([hit, ring], axis=2), (lanes, segments, _STEP + 2, _STEP))
    joined = g.concat([source, g.reshape(states, (lanes, segments, steps, 2))], axis=3)
    filtered = g.reshape(joined @ matrix, (lanes, layout.block_frames))
    return {"filtered": filtered}, {"filter": settle(g, last)}


# --- record ---------------------------------------------------------------------------------------------------------
SVF = Unit(
    name="svf",
    sections={"filter": PARAMS},
    inputs=(Port("source", ("lanes", "frames"), -1.0, 1.0, "frames"), ENVELOPES),
    clocks=("keep", "brightness"),
    values=VALUES,
    prepare=prepare,
    outputs=(Port("filtered", ("lanes", "frames"), -1.0, 1.0, "frames"),),
    state=STATE,
    kernel=kernel,
    graph=graph,
    tolerance=1e-4,  # relative to inputs of 1 with q up to 20
)
