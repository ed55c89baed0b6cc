"""A room: sixteen delay lines that feed each other (feedback delay network), at half the sample rate.

What one hears: a hall around the instruments; the highs die first, and the lowest notes hardly reach it. J.-M. Jot,
A. Chaigne, "Digital delay networks for designing artificial reverberators", AES 90 (1991); Hadamard feedback as in
J. O. Smith, "Physical Audio Signal Processing", ch. "Feedback Delay Networks":
    r_i(n) = near_i line_i(n - d_i) + far_i line_i(n - d_i - 1),   near_i + far_i = 10^(-3 d_i / (rate decay))
    line_i(n) = sum_j M_ij r_j(n) + b_i light(n),   M = rows of a Hadamard matrix / 4, in another order
    left, right = line_14, line_15, which the light does not reach (b = 0)
    light(n) = level(n) sum_k h(k) send(2 n - k)
Every entry of M is +-1/4, so an echo reaches all lines at once: 16 echoes become 256, then 4096. h is 2.7 ms of noise
whose spectrum is flat (to 0.4 dB) between a high pass at 150 Hz and the low pass that halves the rate: each echo is
a small cloud, and the bass stays outside. It is found by turns: the spectrum made flat, the end cut off (R. W.
Gerchberg, W. O. Saxton, Optik 35 (1972)). A room hardly reverberates above 10 kHz (D. Griesinger's of the 1980s ended
there), so the lines run at the lowest rate of 22 kHz or more that is the rate divided by a power of two.
A line's two taps lose more treble the longer it is (near = (1 - b) g, far = b g, with b by Jot's condition at 6 kHz),
so that all decay alike. Delays are whole rows of 0.4 to 0.75 ms, as many as prime numbers: no common echoes, and a row
is a piece of memory. The cloud fills what is between rows. Their order and the signs of b are the best of 1500 that
were drawn at random, by echo density.

Every delay is longer than a block, so a whole block is read before it is written: one gather of rows, one matrix
product, one shift. Halving and doubling the rate is a matrix product each, of rows beside the rows before them. Gains
glide in straight lines over a block.
"""

# mypy: allow-untyped-defs, allow-untyped-calls

import math
from collections.abc import Mapping
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from gen_core.spec.param import Param
from gen_core.synth.jit import jit
from gen_core.synth.knots import ends
from gen_core.synth.layout import Layout, Port, aligned
from gen_core.synth.unit import (
    SETTLED,
    Arrays,
    Builder,
    Calls,
    Row,
    Stage,
    State,
    Tensor,
    Tensors,
    Unit,
    called,
    settle,
)
from gen_core.synth.vector import WIDE, larger, load, smaller, splat, store

_LINES = 16
_DELAYS_MS = (14.0, 15.52, 16.95, 18.81, 21.43, 22.43, 25.79, 28.11, 31.28, 34.35, 38.31, 40.87, 47.5, 49.57, 57.58, 62)
_DAMPED_HZ = 6000.0
_BASS_HZ = 150.0
_LOWEST_RATE_HZ = 22000.0
_ROW_S = 0.00075  # at most
_SEEN = 5  # rows that the low pass sees: 2.7 ms before
_LOUD = 8.0  # of the level: at 0.5, music that is sent whole comes back about 8 dB louder

# --- parameters -----------------------------------------------------------------------------------------------------
PARAMS = (
    Param(id="decay_s", low=0.2, high=8.0, default=1.7, unit="s", curve="exponential", help="to -60 dB, in the bass"),
    Param(id="damping", low=0.0, high=0.8, default=0.4, help="of the decay, at 6 kHz; short rooms keep more treble"),
    Param(id="level", low=0.0, high=1.0, default=0.5, help="as loud whatever the decay"),
)

# --- values ---------------------------------------------------------------------------------------------------------
VALUES = (Port("room_gains", (2 * _LINES + 1, 2), 0.0, 6.0, "ramp"),)  # near taps, far taps, level


def prepare(row: Row, stage: Stage) -> Mapping[str, NDArray]:
    """Gains of all taps, and of what comes in."""
    section, layout = row["reverb"], stage.layout
    rate = layout.sample_rate_hz / _fewer(layout)
    passes = np.array(delays(layout)) / rate / section["decay_s"]  # decays of 60 dB in one pass
    gains = 10.0 ** (-3.0 * passes)
    lost = gains ** (2.0 * (1.0 / (1.0 - section["damping"]) - 1.0))  # power left of the treble, against the bass
    omega = 2.0 * math.pi * min(_DAMPED_HZ / rate, 0.25)
    product = np.minimum((1.0 - lost) / (2.0 - 2.0 * math.cos(omega)), 0.25)  # |1 - b + b z|^2 solved for b (1 - b)
    far = gains * (0.5 - np.sqrt(0.25 - product))
    level = _LOUD * section["level"] * math.sqrt((1.0 - gains**2).mean())
    return {"room_gains": np.repeat(np.concatenate([gains - far, far, [level]]), 2)}


def _prime(number: int) -> int:
    """The first prime from `number` on."""
    while any(number % factor == 0 for factor in range(2, math.isqrt(number) + 1)):
        number += 1
    return number


@lru_cache
def _fewer(layout: Layout) -> int:
    """Samples for each one in the lines."""
    return int(2 ** max(0, math.floor(math.log2(layout.sample_rate_hz / _LOWEST_RATE_HZ))))


@lru_cache
def _inner(layout: Layout) -> tuple[int, int]:
    """Samples of a block, and of a row, in the lines."""
    fewer = _fewer(layout)
    return layout.block_frames // fewer, int(2 ** math.floor(math.log2(layout.sample_rate_hz / fewer * _ROW_S)))


@lru_cache
def delays(layout: Layout) -> tuple[int, ...]:
    """Samples of each line; all longer than a block and a row, whatever the block."""
    frames, row = _inner(layout)
    rows_per_ms = layout.sample_rate_hz / _fewer(layout) / 1000.0 / row
    found: list[int] = []
    for delay in _DELAYS_MS:
        found.append(_prime(max(math.ceil(delay * rows_per_ms), frames // row + 1, *(one + 1 for one in found[-1:]))))
    return tuple(number * row for number in found)


def _hadamard() -> NDArray[np.float64]:
    matrix: NDArray[np.float64] = np.ones((1, 1))
    while len(matrix) < _LINES:
        matrix = np.kron(matrix, np.array([[1.0, 1.0], [1.0, -1.0]])).astype(np.float64)
    return matrix


_ORDER = np.array([13, 4, 2, 15, 8, 11, 10, 5, 0, 6, 7, 14, 1, 3, 12, 9])  # rows of the Hadamard matrix
_SIGNS = (-1, 1, 1, 1, -1, -1, 1, 1, -1, 1, -1, 1, 1, -1, 0, 0)  # of what enters the lines
_ENTER = np.array(_SIGNS, np.float32) * np.float32((16 / 14) ** 0.5)
_HEARD = slice(14, 16)
_CLOUD = 11  # seed of the filter
_WINDOW = 8.0  # Kaiser's: what is mirrored at half the lower rate is 80 dB down, up to 8 kHz


@lru_cache
def _lower(layout: Layout) -> NDArray[np.float32]:
    """[5 rows at the full rate, a row at the lower one]: the low pass, the high pass and the cloud, in one filter."""
    fewer, (_, row) = _fewer(layout), _inner(layout)
    reach, rate = (_SEEN - 1) * row * fewer + 1, layout.sample_rate_hz
    hertz = np.fft.rfftfreq(8 * reach) * rate
    open_share = np.clip((0.58 - hertz * fewer / rate) / 0.16, 0.0, 1.0) if fewer > 1 else np.ones_like(hertz)
    wanted = np.sin(0.5 * np.pi * open_share) ** 2 * hertz / np.hypot(hertz, _BASS_HZ)
    taps = np.random.default_rng(_CLOUD).uniform(-1, 1, reach) * np.cos(np.pi / 2 * np.arange(reach) / reach)
    for _ in range(200):
        found = np.fft.rfft(taps, 8 * reach)
        taps = np.fft.irfft(found * wanted / np.maximum(np.abs(found), 1e-9))[:reach]
    taps -= taps.mean()  # nothing at 0 Hz
    matrix = np.zeros((_SEEN * row * fewer, row))
    for sample in range(row):
        matrix[sample * fewer : sample * fewer + reach, sample] = taps[::-1]
    return matrix.astype(np.float32)


@lru_cache
def _upper(layout: Layout) -> NDArray[np.float32]:
    """[2 rows at the lower rate, a row at the full one], half a row late: under Kaiser's window."""
    fewer, (_, row) = _fewer(layout), _inner(layout)
    return _between(np.arange(row * fewer)[None, :] / fewer + row / 2 - np.arange(2 * row)[:, None], row)


def _between(away: NDArray, row: int) -> NDArray[np.float32]:
    """Weights of samples so far away, `row` of them at most."""
    inside = np.clip(1.0 - (2.0 * away / row) ** 2, 0.0, 1.0)
    matrix = np.sinc(away) * np.i0(_WINDOW * np.sqrt(inside)) * (inside > 0.0)
    return np.asarray(matrix / matrix.sum(axis=0), np.float32)


# --- state ----------------------------------------------------------------------------------------------------------


def _length(layout: Layout) -> int:
    """Of the lines: whole rows, with one for the far tap."""
    return max(delays(layout)) + _inner(layout)[1]


def _blocks(layout: Layout) -> int:
    return math.ceil(_length(layout) / _inner(layout)[0])


def _before(layout: Layout) -> int:
    return (_SEEN - 1) * _inner(layout)[1] * _fewer(layout)


STATE = (
    State("lines", (_LINES, _length), ring=True),  # what was written last, oldest first
    State("sent", (1, _before)),  # what was sent last
    State("left", (1, _blocks)),  # not zero for each of the last blocks in which something was written
)


# --- kernel ---------------------------------------------------------------------------------------------------------
@lru_cache
def _falling(layout: Layout) -> NDArray[np.float32]:
    """[inputs * 16]: sixteen samples at the lower rate, from all that the low pass sees of them; inputs in fours."""
    fewer = _fewer(layout)
    taps = _lower(layout)[: _before(layout) + 1, 0]
    matrix = aligned((-(-(taps.size + (WIDE - 1) * fewer) // 4) * 4, WIDE))
    for sample in range(WIDE):
        matrix[sample * fewer : sample * fewer + taps.size, sample] = taps
    return matrix.reshape(-1)


@lru_cache
def _rising(layout: Layout) -> NDArray[np.float32]:
    """[inputs * 16]: sixteen samples at the full rate, from those of the lower one around them; inputs in fours."""
    fewer, (_, row) = _fewer(layout), _inner(layout)
    inputs = -(-(row + WIDE // fewer) // 4) * 4
    matrix = _between(np.arange(WIDE)[None, :] / fewer + row / 2 - np.arange(inputs)[:, None], row)
    return matrix.reshape(-1)


@jit
def _product(x, begin, matrix):
    """Sixteen sums over x[begin :], as many as the matrix [inputs * 16] has rows."""
    a = b = c = d = splat(np.float32(0.0))
    for k in range(0, matrix.size // WIDE, 4):  # four sums, so that none waits for itself
        at = begin + k
        a = a + splat(x[at]) * load(matrix, k * WIDE)
        b = b + splat(x[at + 1]) * load(matrix, (k + 1) * WIDE)
        c = c + splat(x[at + 2]) * load(matrix, (k + 2) * WIDE)
        d = d + splat(x[at + 3]) * load(matrix, (k + 3) * WIDE)
    return (a + b) + (c + d)


@jit
def _read(line, first, gains, share, r):
    """r [frames] = both taps of a line, the near one from `first` on; gains glide (near, its change, far, its)."""
    near, near_change, far, far_change = splat(gains[0]), splat(gains[1]), splat(gains[2]), splat(gains[3])
    for n in range(0, r.size, WIDE):
        along = load(share, n)
        taps = (near + near_change * along) * load(line, first + n)
        store(r, n, taps + (far + far_change * along) * load(line, first + n - 1))


@jit
def _cross(x, y):
    """x and y become their sum and their difference."""
    for n in range(0, x.size, WIDE):
        a, b = load(x, n), load(y, n)
        store(x, n, a + b)
        store(y, n, a - b)


@jit
def _write(line, fed, light, enter):
    """The end of a line becomes a quarter of fed, and the light; what is nearly nothing becomes nothing."""
    first = line.size - fed.size
    quarter, light_gain, nothing = splat(np.float32(0.25)), splat(enter), splat(SETTLED)
    for n in range(0, fed.size, WIDE):
        value = quarter * load(fed, n) + light_gain * load(light, n)
        store(line, first + n, value - smaller(larger(value, splat(-SETTLED)), nothing))


@jit
def _forget(line, frames, kept):
    """The last `kept` samples of a line, and a few more, go `frames` towards its beginning."""
    whole = -(-kept // WIDE) * WIDE
    begin = max(line.size - frames - whole, 0)
    for n in range(begin, line.size - frames - WIDE + 1, WIDE):
        store(line, n, load(line, n + frames))
    for n in range(begin + (line.size - frames - begin) // WIDE * WIDE, line.size - frames):
        line[n] = line[n + frames]


@jit
def _room(light, lines, left, gains, delays, enter, order, share, fed):
    """light [n] has no level yet; lines [16, length] and left move on; gains [33, 2]; fed [16, n] is scratch."""
    count, length, frames = delays.size, lines.shape[1], share.size
    for n in range(frames):
        light[n] *= gains[-1, 0] + (gains[-1, 1] - gains[-1, 0]) * share[n]
    for i in range(count):
        near, far = gains[i], gains[count + i]
        gliding = near[0], near[1] - near[0], far[0], far[1] - far[0]
        _read(lines[i], length - delays[i], gliding, share, fed[i])
    half = 1
    while half < count:  # times a Hadamard matrix
        for i in range(count):
            if i & half == 0:
                _cross(fed[i], fed[i + half])
        half *= 2
    for block in range(left.size - 1):
        left[block] = left[block + 1]
    left[-1] = np.float32(0.0)
    for i in range(count):
        _forget(lines[i], frames, delays[i] + 1)
        _write(lines[i], fed[order[i]], light, enter[i])
        for n in range(length - frames, length):
            if lines[i, n] != 0.0:  # at the first sample, as a rule
                left[-1] = np.float32(1.0)
                break


@jit
def _reverb(send, matrices, room, scratch, state, out):
    """send [1, block]; state: what was sent before, lines, left; out [2, block]."""
    falling, rising = matrices
    sent, light, fed = scratch
    before, lines, left = state
    for n in range(before.size):
        sent[n] = before[n]
    for n in range(send.shape[1]):
        sent[before.size + n] = send[0, n]
    fewer, count = send.shape[1] // light.size, lines.shape[0]
    for n in range(0, light.size, WIDE):
        store(light, n, _product(sent, n * fewer, falling))
    _room(light, lines, left, *room, fed)
    for side in range(2):
        line, row = lines[count - 2 + side], before.size // (fewer * (_SEEN - 1))
        begin = line.size - light.size - row
        for n in range(0, send.shape[1], WIDE):
            store(out[side], n, _product(line, begin + n // fewer, rising))
    for n in range(before.size):
        before[n] = sent[send.shape[1] + n]


def calls(layout: Layout, inputs: Arrays, state: Arrays, out: Arrays) -> Calls:
    """→ out["wet"] [2, frames]."""
    frames, _ = _inner(layout)
    room = inputs["room_gains"], _delays(layout), _ENTER, _ORDER, ends(frames)[1]
    sent = aligned(_falling(layout).size // WIDE + _before(layout) + layout.block_frames)
    scratch = sent, aligned(frames), aligned((_LINES, frames))
    moving = state["sent"][0], state["lines"], state["left"][0]
    return [(_reverb, (inputs["room_send"], (_falling(layout), _rising(layout)), room, scratch, moving, out["wet"]))]


@lru_cache
def _delays(layout: Layout) -> NDArray[np.int64]:
    return np.array(delays(layout))


# --- graph ----------------------------------------------------------------------------------------------------------
@lru_cache
def _taps(layout: Layout) -> NDArray[np.int32]:
    """[16, 1 + rows]: the rows of all lines, counted through, that the taps read."""
    (frames, row), length = _inner(layout), _length(layout)
    first = (np.arange(1, _LINES + 1) * length - np.array(delays(layout))) // row - 1
    return (first[:, None] + np.arange(1 + frames // row)).astype(np.int32)


@lru_cache
def _wet_rows(layout: Layout) -> NDArray[np.int32]:
    """[2 * rows, 2]: the rows of the lines that are heard, just written, each after the one before it."""
    (frames, row), length = _inner(layout), _length(layout)
    last = (np.arange(_LINES)[_HEARD] + 1) * length // row
    rows = (last[:, None] + np.arange(-frames // row, 0)).reshape(-1, 1)
    return (rows + np.array([-1, 0])).astype(np.int32)


def _light(g: Builder, layout: Layout, sent: Tensor) -> Tensor:
    """What was sent [1, before + frames] → [1, n] at the lower rate."""
    frames, row = _inner(layout)
    rows, full = frames // row, row * _fewer(layout)
    beside = np.arange(rows)[:, None] + np.arange(_SEEN)
    parts = g.gather(g.reshape(sent, (rows + _SEEN - 1, full)), g.constant(beside, np.int32))
    return g.reshape(g.reshape(parts, (rows, _SEEN * full)) @ g.constant(_lower(layout)), (1, frames))


def _heard(g: Builder, layout: Layout, lines: Tensor) -> list[Tensor]:
    """[16, n] each: near and far taps of all lines."""
    frames, row = _inner(layout)
    taps = g.gather(g.reshape(lines, (-1, row)), g.constant(_taps(layout), np.int32))
    taps = g.reshape(taps, (_LINES, row + frames))
    return [g.slice(taps, start, start + frames, axis=1) for start in (row, row - 1)]


def graph(g: Builder, layout: Layout, x: Mapping[str, Tensor], state: Mapping[str, Tensor]) -> tuple[Tensors, Tensors]:
    """All lines at once; what they give one another is a matrix."""
    (frames, row), length = _inner(layout), _length(layout)
    sent = g.concat([state["sent"], x["room_send"]], axis=1)
    heard = g.concat([*_heard(g, layout, state["lines"]), _light(g, layout, sent)], axis=0)
    heard = heard * (x["room_gains"] @ g.constant(ends(frames)))  # [33, n], in the order of the gains
    mix = np.concatenate([_hadamard()[_ORDER] / 4.0, _hadamard()[_ORDER] / 4.0, _ENTER[:, None]], axis=1)
    fed = settle(g, g.constant(mix) @ heard)
    lines = g.concat([g.slice(state["lines"], frames, length, axis=1), fed], axis=1)
    wet = g.gather(g.reshape(lines, (-1, row)), g.constant(_wet_rows(layout), np.int32))
    wet = g.reshape(wet, (2 * frames // row, 2 * row)) @ g.constant(_upper(layout))
    later = g.constant(np.arange(1, _blocks(layout)), np.int64)
    moved = {
        "lines": lines,
        "left": g.concat([g.gather(state["left"], later, axis=1), g.magnitude(fed)], axis=1),
        "sent": g.slice(sent, layout.block_frames, layout.block_frames + _before(layout), axis=1),
    }
    return {"wet": g.reshape(wet, (2, layout.block_frames))}, moved


# --- record ---------------------------------------------------------------------------------------------------------
REVERB = Unit(
    name="reverb",
    sections={"reverb": PARAMS},
    inputs=(Port("room_send", (1, "frames"), -1.0, 1.0, "frames"),),
    values=VALUES,
    prepare=prepare,
    outputs=(Port("wet", (2, "frames"), -1.0, 1.0, "frames"),),
    state=STATE,
    calls=calls,
    kernel=called(calls),
    graph=graph,
    tolerance=2e-5,
)
