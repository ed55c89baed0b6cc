"""A state-variable filter: low, band and high pass of one resonant pair, mixed as the patch says.

What one hears: the colour of a voice, moved by the key, the velocity and the modulation envelope. Trapezoidal
integration ("zero delay"), V. Zavalishin, "The Art of VA Filter Design" 2.1.2 (2018), ch. 4; form of A. Simper,
"Linear trapezoidal integrated state variable filter" (Cytomic, 2013):
    g = tan(pi cutoff / rate), a1 = 1 / (1 + g (g + k)), a2 = g a1, a3 = g a2, k = 1/q
    v1 = a1 s1 + a2 (x - s2), v2 = s2 + a2 s1 + a3 (x - s2), s1' = 2 v1 - s1, s2' = 2 v2 - s2
    y = m0 x + m1 v1 + m2 v2
Coefficients hold for segments of 128 samples.

The same, solved for a block. With W = 2 pi cutoff / rate, a = k sin(W) / 2 and d = sqrt(4 - k^2), the state's
transition is a turn by theta and a loss r (trace and determinant agree) in a basis that does not know the cutoff:
    z = r exp(i theta) = (cos(W) + i d sin(W) / 2) / (1 + a),  ln r = -atanh(a),
    tan(theta / 2) = (d sin(W) / 2) / (cos(W) + sqrt(1 - a^2))
So the filter is one complex pole whose state w survives every change of cutoff. Times the weight with which the output
hears it, m = m1 + i (k m1 - 2 m2) / d, and because v1 and v2 are means of a state and the next, it is
    w' = z w + m g (1 + z) x,  y = m0 x + Re(w + w') / 2
Powers of z are closed forms; 16 samples are one small matrix product, and the states between them a chain.
"""

# mypy: allow-untyped-defs, allow-untyped-calls

import math
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gen_core.spec.param import Param
from gen_core.synth.curves import exponential, tangent_of_twice
from gen_core.synth.jit import fused, jit
from gen_core.synth.knots import abreast, row
from gen_core.synth.layout import KNOT_FRAMES, Layout, Port, aligned
from gen_core.synth.unit import Arrays, Builder, Calls, NoteOn, Row, State, Tensor, Tensors, Unit, called, settle
from gen_core.synth.units.envelope import ENVELOPES
from gen_core.synth.vector import WIDE, load, store, turned, turned_back

_STEP = 16  # samples that one matrix holds: its elements grow as the square, the chain of states as the inverse
_LN2 = math.log(2.0)
_LOG_LOW = math.log(2.0 * math.pi * 10.0 / 48000.0)
_LOG_HIGH = math.log(2.0 * math.pi * 0.42)  # 20 kHz at 48 kHz: above, tan() runs away

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
    Port("log_cutoff", ("lanes", 1), -5.8, 1.0),  # ln(2 pi cutoff / sample rate)
    Port("cutoff_bend", ("lanes", 1), -4.0, 4.0),  # ln, times the modulation envelope
    Port("damping", ("lanes", 1, 1), 0.025, 0.91),  # k / 2
    Port("turning", ("lanes", 1, 1), 0.4, 1.0),  # d / 2
    Port("straight", ("lanes", 1, 1), -1.0, 1.0),  # m0
    Port("weight", ("lanes", 1, 2), -10.0, 10.0),  # m, real and imaginary part
)
_MIDDLE_VELOCITY = 96  # where a patch's cutoff is as written: a firm mezzo-forte


def prepare(row: Row, note: NoteOn) -> Mapping[str, Any]:
    """The cutoff at this key and velocity, and the filter's shape."""
    section = row["filter"]
    octaves = section["key_track"] * (note.pitch - 60) / 12.0
    octaves += section["velocity_octaves"] * (note.velocity - _MIDDLE_VELOCITY) / 127.0
    base = math.log(2.0 * math.pi * section["cutoff_hz"] / note.layout.sample_rate_hz)
    k = 1.0 / section["q"]
    d = math.sqrt(4.0 - k * k)
    m1, m2 = k * (section["band"] - section["high"]), section["low"] - section["high"]  # the band's peak is 1
    return {
        "log_cutoff": base + octaves * _LN2,
        "cutoff_bend": section["bend_octaves"] * _LN2,
        "damping": k / 2.0,
        "turning": d / 2.0,
        "straight": section["high"],
        "weight": np.array([m1, (k * m1 - 2.0 * m2) / d]),
    }


# --- state ----------------------------------------------------------------------------------------------------------
STATE = (State("filter", ("lanes", 1, 2)),)  # kernel: s1, s2; graph: real and imaginary part of w


# --- kernel ---------------------------------------------------------------------------------------------------------
@fused
def _coefficients(cutoff, shape, c):
    """What sixteen voices need for a segment: ln of the cutoff [16], (k / 2, m0, m) [6, 16] → c [16 * 6]."""
    for v in range(WIDE):
        half = shape[0, v]
        g = tangent_of_twice(0.25 * exponential(min(max(cutoff[v], _LOG_LOW), _LOG_HIGH)))
        a1 = 1.0 / (1.0 + g * (g + 2.0 * half))
        c[v], c[WIDE + v], c[2 * WIDE + v] = 2.0 * a1 - 1.0, 2.0 * g * a1, 2.0 * g * g * a1


@jit
def _weights(lanes, shape, c):
    """How the output hears sixteen voices: m0 x + m1 v1 + m2 v2, into the last three rows of c."""
    half, turning, straight, weight = shape
    for v in range(WIDE):
        lane = lanes[v]
        k, real, imaginary = half[lane, 0, 0], weight[lane, 0, 0], weight[lane, 0, 1]
        c[3 * WIDE + v], c[4 * WIDE + v] = straight[lane, 0, 0], 0.5 * real
        c[5 * WIDE + v] = 0.5 * (k * real - turning[lane, 0, 0] * imaginary)


@jit
def _run(x, y, c, s, frames):
    """One segment of sixteen voices: x, y [frames * 16]; coefficients c [6 * 16]; states s [2 * 16] move on.

    With v1 = (s1 + s1') / 2 and v2 = (s2 + s2') / 2, a state depends on the last by two operations only.
    """
    c0, c1, c2 = load(c, 0), load(c, WIDE), load(c, 2 * WIDE)
    straight, band, low = load(c, 3 * WIDE), load(c, 4 * WIDE), load(c, 5 * WIDE)
    first, second = load(s, 0), load(s, WIDE)
    for n in range(0, frames * WIDE, WIDE):
        here = load(x, n)
        v3 = here - second
        next_first = c0 * first + c1 * v3
        next_second = (second + c1 * first) + c2 * v3
        store(y, n, straight * here + band * (first + next_first) + low * (second + next_second))
        first, second = next_first, next_second
    store(s, 0, first)
    store(s, WIDE, second)


@jit
def _chosen(half, voice, lanes, out):
    """The next voices that are not idle, as many as run side by side; how many, and where to look on."""
    count = 0
    while voice < out.shape[0] and count < WIDE:
        if half[voice, 0, 0] != 0.0:
            lanes[count] = voice
            count += 1
        else:
            out[voice] = 0.0
        voice += 1
    lanes[count:] = lanes[0]  # the rest of the sixteen do just as the first
    return count, voice


@jit
def _filter(source, envelope, clocks, cutoff, shape, scratch, state, frames, out):
    """source, out [V, block]; envelope [2, V, knots]; inputs and state in their ports' shapes; segments of `frames`."""
    keep, brightness = clocks
    log_cutoff, cutoff_bend = cutoff
    lanes, now, half, s, c, x, y = scratch
    middle, voice = frames // KNOT_FRAMES // 2, 0
    while voice < out.shape[0]:
        count, voice = _chosen(shape[0], voice, lanes, out)
        if count == 0:
            break
        for v in range(WIDE):
            s[v], s[WIDE + v] = state[lanes[v], 0, 0] * keep[lanes[v], 0], state[lanes[v], 0, 1] * keep[lanes[v], 0]
            half[0, v] = shape[0][lanes[v], 0, 0]
        _weights(lanes, shape, c)
        for begin in range(0, out.shape[1], frames):
            knot = begin // KNOT_FRAMES + middle
            for v in range(WIDE):
                lane = lanes[v]
                octaves = log_cutoff[lane, 0] + np.float32(_LN2) * brightness[lane, 0]
                now[v] = octaves + cutoff_bend[lane, 0] * envelope[1, lane, knot]
            _coefficients(now, half, c)
            for n in range(0, frames, WIDE):
                turned(source, lanes, begin + n, x[n * WIDE :])
            _run(x, y, c, s, frames)
            for n in range(0, frames, WIDE):
                turned_back(y, n * WIDE, lanes, begin + n, out)
        for v in range(count):
            for i in range(2):  # below 1e-18: far under any hearing, and denormal soon
                held = s[i * WIDE + v]
                state[lanes[v], 0, i] = held if abs(held) > 1e-18 else 0.0


def _scratch(frames: int) -> Any:
    """What `_filter` works in: lanes, cutoffs, shapes, states, coefficients, a segment before and after."""
    small = aligned(WIDE, np.float64), aligned((1, WIDE), np.float64), aligned(2 * WIDE), aligned(6 * WIDE)
    return aligned(WIDE, np.uint32), *small, aligned(frames * WIDE), aligned(frames * WIDE)


def calls(layout: Layout, inputs: Arrays, state: Arrays, out: Arrays) -> Calls:
    """→ out["filtered"] [lanes, frames]."""
    clocks, cutoff = (inputs["keep"], inputs["brightness"]), (inputs["log_cutoff"], inputs["cutoff_bend"])
    shape = inputs["damping"], inputs["turning"], inputs["straight"], inputs["weight"]
    moving = _scratch(layout.stretch_frames), state["filter"], layout.stretch_frames, out["filtered"]
    return [(_filter, (inputs["source"], inputs["envelope"], clocks, cutoff, shape, *moving))]


# --- graph ----------------------------------------------------------------------------------------------------------
@lru_cache
def _hits() -> NDArray[np.float32]:
    """[18, 16 * 16]: (Re G_0 … G_16, m0), G_n = m g z^n → matrix whose row m, column n is the response n - m later."""
    response = np.zeros((_STEP + 2, _STEP))
    response[[0, 1, _STEP + 1], 0] = 0.5, 0.5, 1.0
    for n in range(1, _STEP):
        response[[n - 1, n, n + 1], n] = 0.5, 1.0, 0.5
    matrix = np.zeros((_STEP + 2, _STEP, _STEP), np.float32)
    for m in range(_STEP):
        matrix[:, m, m:] = response[:, : _STEP - m]
    return matrix.reshape(_STEP + 2, -1)


@lru_cache
def _leavings() -> NDArray[np.float32]:
    """[34, 16 * 2]: (Re G, Im G) → weights of input m in the state after 16 samples, G_(15 - m) + G_(16 - m)."""
    matrix = np.zeros((2, _STEP + 1, _STEP, 2), np.float32)
    for m in range(_STEP):
        for part in range(2):
            matrix[part, [_STEP - 1 - m, _STEP - m], m, part] = 1.0
    return matrix.reshape(2 * (_STEP + 1), -1)


@lru_cache
def _rings() -> NDArray[np.float32]:
    """[34, 2 * 16]: (Re z^n, Im z^n) → what the state gives to sample n, Re(w (z^n + z^(n + 1))) / 2."""
    matrix = np.zeros((2, _STEP + 1, 2, _STEP), np.float32)
    for n in range(_STEP):
        matrix[0, [n, n + 1], 0, n], matrix[1, [n, n + 1], 1, n] = 0.5, -0.5
    return matrix.reshape(2 * (_STEP + 1), -1)


@lru_cache
def _times_weight() -> tuple[NDArray[np.float32], ...]:
    """[2, 2 * 17] twice: (Re, Im) of a weight, spread: the first times (X, Y) and the second times (Y, X) add up to the
    complex product."""
    along, across = np.array([[1, 1], [0, 0]]), np.array([[0, 0], [-1, 1]])
    return tuple(np.repeat(part.astype(np.float32), _STEP + 1, axis=1) for part in (along, across))


def _turn(matrix: NDArray, power: int, row: int, column: int, steps: int) -> None:
    """Write into (basis, rows, columns) the 2x2 block that multiplies a row (re, im) by z^(16 power)."""
    real, imaginary = (0, None) if power == 0 else (power, steps + power)
    matrix[real, row, column] = matrix[real, row + 1, column + 1] = 1.0
    if imaginary is not None:
        matrix[imaginary, row, column + 1] = 1.0
        matrix[imaginary, row + 1, column] = -1.0


@lru_cache
def _chain(steps: int) -> NDArray[np.float32]:
    """From (1, Re z^16, z^32 …, Im z^16, z^32 …) the matrix of a segment, flattened.

    [1 + 2 steps, (2 steps + 2) * (2 steps + 2)]: (what the input leaves in each step, state at segment start) → states
    at the start of each step, state at the segment's end.
    """
    chain = np.zeros((1 + 2 * steps, 2 * steps + 2, 2 * steps + 2), np.float32)
    for place in range(steps + 1):
        _turn(chain, place, 2 * steps, 2 * place, steps)
        for before in range(place):
            _turn(chain, place - 1 - before, 2 * before, 2 * place, steps)
    return chain.reshape(1 + 2 * steps, -1)


def _pole(g: Builder, layout: Layout, x: Mapping[str, Tensor]) -> tuple[Tensor, Tensor, Tensor]:
    """Per voice and segment, [V, S, 1]: theta / 2, -ln r and g."""
    pick = np.zeros((layout.knots, layout.stretches))
    step = layout.stretch_frames // KNOT_FRAMES
    pick[step // 2 :: step, :] = np.eye(layout.stretches)  # the envelope in the middle of each
    bend = row(g, x["envelope"], 1) @ g.constant(pick) * x["cutoff_bend"]  # [V, S]
    cutoff = g.clip(bend + (x["brightness"] * _LN2 + x["log_cutoff"]), _LOG_LOW, _LOG_HIGH)
    angle = g.reshape(g.unary("Exp", cutoff), (layout.lanes, layout.stretches, 1))
    sine, cosine = g.unary("Sin", angle), g.unary("Cos", angle)
    loss = sine * x["damping"]
    root = g.unary("Sqrt", 1.0 - loss * loss)
    half_angle = g.unary("Atan", sine * x["turning"] / (root + cosine))
    return half_angle, g.unary("Atanh", loss), sine / (cosine + 1.0)


def _powers(g: Builder, layout: Layout, half_angle: Tensor, loss: Tensor) -> list[Tensor]:
    """Re z^n and Im z^n, n = 0 … 16, and (1, Re z^16, z^32 …, Im z^16, z^32 …) to a segment's end, [V, S, each]."""
    near, far = np.arange(_STEP + 1), np.arange(_STEP, layout.stretch_frames + 1, _STEP)
    n = np.concatenate([near, near, [0], far, far]).astype(np.float32)
    late = np.repeat([0.0, -0.5 * math.pi, 0.0, -0.5 * math.pi], [near.size, near.size, 1 + far.size, far.size])
    turn = g.unary("Cos", half_angle @ g.constant(2.0 * n[None]) + g.constant(late))
    return g.split(turn * g.unary("Exp", loss @ g.constant(-n[None])), (near.size, near.size, 1 + 2 * far.size), axis=2)


def _walk(g: Builder, layout: Layout, start: Tensor, left: Tensor, chain: Tensor) -> tuple[Tensor, Tensor]:
    """States at the start of every step [V, S, 2 steps], and after the last [V, 1, 2]; left [V, S, 2 steps]."""
    segments, steps = layout.stretches, layout.stretch_frames // _STEP
    size, states, state = 2 * steps + 2, [], start
    chains = g.split(g.reshape(chain, (layout.lanes, segments * size, size)), (size,) * segments, axis=1)
    for each, turn in zip(g.split(left, (1,) * segments, axis=1), chains, strict=True):
        starts, state = g.split(g.concat([each, state], axis=2) @ turn, (2 * steps, 2), axis=2)
        states.append(starts)
    return g.concat(states, axis=1), state


def graph(g: Builder, layout: Layout, x: Mapping[str, Tensor], state: Mapping[str, Tensor]) -> tuple[Tensors, Tensors]:
    """Sixteen samples a matrix: states that the input leaves, the chain of states, then the output."""
    lanes, segments, steps = layout.lanes, layout.stretches, layout.stretch_frames // _STEP
    source = g.reshape(x["source"], (lanes, segments, steps, _STEP))
    half_angle, loss, gain = _pole(g, layout, x)
    real, imaginary, basis = _powers(g, layout, half_angle, loss)
    weight, (along, across) = gain * x["weight"], map(g.constant, _times_weight())
    powers = g.concat([real, imaginary], axis=2)
    weighted = powers * (weight @ along)  # and with the other half, Re G, Im G
    weighted = weighted + g.concat([imaginary, real], axis=2) * (weight @ across)

    left = source @ g.reshape(weighted @ g.constant(_leavings()), (lanes, segments, _STEP, 2))
    left = g.reshape(left, (lanes, segments, 2 * steps))  # what each step leaves behind
    begin = state["filter"] * abreast(g, x["keep"])
    states, last = _walk(g, layout, begin, left, basis @ g.constant(_chain(steps)))

    straight = g.gather(x["straight"], g.constant(np.zeros(segments), np.int64), axis=1)  # the same in all of them
    heard = g.concat([g.slice(weighted, 0, _STEP + 1, axis=2), straight], axis=2)
    ring = powers @ g.constant(_rings())
    matrix = g.concat([heard @ g.constant(_hits()), ring], axis=2)
    joined = g.concat([source, g.reshape(states, (lanes, segments, steps, 2))], axis=3)
    filtered = joined @ g.reshape(matrix, (lanes, segments, _STEP + 2, _STEP))
    return {"filtered": g.reshape(filtered, (lanes, layout.block_frames))}, {"filter": settle(g, last)}


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
    calls=calls,
    kernel=called(calls),
    graph=graph,
    tolerance=1e-4,  # relative to inputs of 1 with q up to 20
)
