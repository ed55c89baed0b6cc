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
from gen_core.synth.layout import Layout, Port
from gen_core.synth.unit import SETTLED, Arrays, Builder, Row, Stage, State, Tensor, Tensors, Unit, settle

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
    away = np.arange(row * fewer)[None, :] / fewer + row / 2 - np.arange(2 * row)[:, None]
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
def _lowered(layout: Layout, sent: NDArray) -> NDArray[np.float32]:
    """What was sent [before + frames] → [n] at the lower rate: rows beside those before them, times a matrix."""
    frames, row = _inner(layout)
    parts = sent.reshape(-1, row * _fewer(layout))
    seen = np.concatenate([parts[k : k + frames // row] for k in range(_SEEN)], axis=1)
    return np.asarray(seen @ _lower(layout)).reshape(-1)


@jit
def _read(far, near, gains, share, r):
    """r [frames] = both taps of a line; gains glide (near, its change, far, its change)."""
    for n in range(r.size):
        along = share[n]
        r[n] = (gains[0] + gains[1] * along) * near[n] + (gains[2] + gains[3] * along) * far[n]


@jit
def _cross(x, y):
    """x and y become their sum and their difference."""
    for n in range(x.size):
        z = x[n] - y[n]
        x[n] += y[n]
        y[n] = z


@jit
def _write(line, fed, light, enter):
    """The end of a line becomes a quarter of fed, and the light; what is nearly nothing becomes nothing."""
    for n in range(fed.size):
        value = np.float32(0.25) * fed[n] + enter * light[n]
        line[n] = value - min(max(value, -SETTLED), SETTLED)


@jit
def _room(light, lines, left, gains, delays, enter, order, share, fed):
    """light [n] has no level yet; lines [16, length] and left move on; gains [33, 2]; fed [16, n] is scratch."""
    count, length, frames = delays.size, lines.shape[1], share.size
    for n in range(frames):
        light[n] *= gains[-1, 0] + (gains[-1, 1] - gains[-1, 0]) * share[n]
    for i in range(count):
        near, far = gains[i], gains[count + i]
        first = length - delays[i]
        taps = lines[i, first - 1 : first - 1 + frames], lines[i, first : first + frames]
        _read(taps[0], taps[1], (near[0], near[1] - near[0], far[0], far[1] - far[0]), share, fed[i])
    half = 1
    while half < count:  # times a Hadamard matrix
        for i in range(count):
            if i & half == 0:
                _cross(fed[i], fed[i + half])
        half *= 2
    left[:-1] = left[1:]
    left[-1] = np.float32(0.0)
    for i in range(count):
        lines[i, : length - frames] = lines[i, frames:]
        _write(lines[i, length - frames :], fed[order[i]], light, enter[i])
        if lines[i, length - frames :].any():  # at the first sample, as a rule
            left[-1] = np.float32(1.0)


def kernel(layout: Layout, inputs: Arrays, state: Arrays, out: Arrays) -> None:
    """→ out["wet"] [2, frames]."""
    (frames, row), gains, lines = _inner(layout), inputs["room_gains"], state["lines"]
    sent = np.concatenate([state["sent"][0], inputs["room_send"][0]])
    share, fed = ends(frames)[1], np.empty((_LINES, frames), np.float32)
    _room(_lowered(layout, sent), lines, state["left"][0], gains, np.array(delays(layout)), _ENTER, _ORDER, share, fed)
    newest = lines[_HEARD, -frames - row :].reshape(2, -1, row)
    out["wet"][:] = (np.concatenate([newest[:, :-1], newest[:, 1:]], axis=2) @ _upper(layout)).reshape(2, -1)
    state["sent"][0] = sent[layout.block_frames :]


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
    kernel=kernel,
    graph=graph,
    tolerance=2e-5,
)
