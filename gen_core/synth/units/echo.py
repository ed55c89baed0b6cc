"""An echo in time with the music: two delay lines that answer each other, left and right.

What one hears: what was played, again and again after some beats, from alternate sides, each time softer and darker:
    left(n) = send(n) + feedback (h * right)(n - d),   right(n) = feedback (h * left)(n - d)
The tape echo's loop as in J. Dattorro, "Effect design, part 2: delay-line modulation and chorus", JAES 45 (1997).
h is a Gaussian of eleven taps: positive, so no frequency grows, and many passes of it are a Gaussian again, which is
what a worn tape does. A note value whose time is longer than the line is halved until it fits, so it stays in rhythm.

The delay is a whole number of rows of 64 frames, at least a block; so a block is read before it is written, as whole
rows. All gains are in the taps; where anything moves, time or taps, the block fades from the old head to the new one.
The line is a ring: only the new block is written.
"""

# mypy: allow-untyped-defs, allow-untyped-calls

import math
from collections.abc import Mapping
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from gen_core.spec.param import Param
from gen_core.synth.jit import allocating, jit
from gen_core.synth.layout import SEGMENT_FRAMES, Layout, Port
from gen_core.synth.unit import SETTLED, Arrays, Builder, Row, Stage, State, Tensor, Tensors, Unit, settle

_LONGEST_S = 1.5
_TAPS = 11
_ROW = SEGMENT_FRAMES

# --- parameters -----------------------------------------------------------------------------------------------------
PARAMS = (
    Param(id="beats", low=0.125, high=4.0, default=0.75, unit="beats", curve="exponential", help="halved beyond 1.5 s"),
    Param(id="feedback", low=0.0, high=0.95, default=0.45, help="what comes back; at 1 it would never end"),
    Param(
        id="damping_hz", low=3000.0, high=20000.0, default=7000.0, unit="Hz", curve="exponential", help="-3 dB a pass"
    ),
    Param(id="width", low=0.0, high=1.0, default=0.8, help="0 is the middle, 1 left and right"),
    Param(id="level", low=0.0, high=1.0, default=0.6),
)

# --- values ---------------------------------------------------------------------------------------------------------
VALUES = (
    Port("echo_rows", (1, 2), 1, 4500, "ramp", np.int64),  # delay, in rows
    Port("echo_taps", (8, _TAPS, 2), 0.0, 1.0, "ramp"),  # (to left line, right line, left, right) x (from left, right)
)


def prepare(row: Row, stage: Stage) -> Mapping[str, NDArray]:
    """The delay at this tempo, and all gains with the tape's taps."""
    section = row["echo"]
    back, level = section["feedback"], section["level"]
    angle = (1.0 - section["width"]) * math.pi / 4.0
    near, far = level * math.cos(angle), level * math.sin(angle)
    gains = np.array([0.0, back, back, 0.0, near, far, far, near])
    taps = gains[:, None] * _tape(section["damping_hz"], stage.layout)
    return {
        "echo_rows": np.full((1, 2), _rows(section["beats"], stage)),
        "echo_taps": np.repeat(taps[:, :, None], 2, axis=2),
    }


def _rows(beats: float, stage: Stage) -> int:
    seconds = beats * 60.0 / stage.bpm
    while seconds > _LONGEST_S:
        seconds /= 2.0
    layout = stage.layout
    return max(round(seconds * layout.sample_rate_hz / _ROW), layout.block_frames // _ROW)


def _tape(damping_hz: float, layout: Layout) -> NDArray[np.float64]:
    """A Gaussian whose transform, another one, is -3 dB at `damping_hz`; its sum is 1."""
    spread = math.sqrt(math.log(2.0)) / (2.0 * math.pi * damping_hz) * layout.sample_rate_hz / layout.apart
    taps = np.exp(-0.5 * ((np.arange(_TAPS) - _TAPS // 2) / spread) ** 2)
    return taps / taps.sum()


# --- state ----------------------------------------------------------------------------------------------------------
def _blocks(layout: Layout) -> int:
    """Blocks that the ring holds: the longest delay and a row."""
    return math.ceil((_LONGEST_S * layout.sample_rate_hz + 2 * _ROW) / layout.block_frames)


def _ring_rows(layout: Layout) -> int:
    return _blocks(layout) * (layout.block_frames // _ROW)


STATE = (
    State("tape", (2, _ring_rows, _ROW), ring=True),  # left, right
    State("place", (1,), dtype=np.int64),  # the row that is written next; 0 when all is silent
    State("left", (1,)),  # blocks until the ring is silent
)


# --- kernel ---------------------------------------------------------------------------------------------------------
@jit
def _gather(tape, place, rows, late, fade, head):
    """head [late + frames] = what lies `rows` back, from `late` samples before, times fade."""
    row, skip, at = (place - rows - 1) % tape.shape[0], tape.shape[1] - late, 0
    while at < head.size:
        part = tape[row, skip:]
        for n in range(part.size):
            head[at + n] = part[n] * fade[at + n]
        at, row, skip = at + part.size, (row + 1) % tape.shape[0], 0


@jit
def _add(out, taps, apart, head):
    """out [frames] += the head [frames + 10 apart] through the taps."""
    for k in range(_TAPS):
        weight = taps[k]
        part = head[k * apart : k * apart + out.size]
        for n in range(out.size):
            out[n] += weight * part[n]


@allocating
def _echo(send, rows, taps, tape, place, left, apart, fades, head, made):
    """send [frames]; rows [2]; taps [8, 11, 2]; tape [2, rows, 64] moves on; made [4, frames]: to the lines, echoed."""
    frames, height, width = send.size, tape.shape[1], tape.shape[2]
    made[:] = 0.0
    made[0] = send
    for c in range(2):
        for h in range(2):
            _gather(tape[c], place[0], rows[h], head.size - frames, fades[h], head)
            for o in range(4):
                if taps[2 * o + c, _TAPS // 2, h] != 0.0:
                    _add(made[o], taps[2 * o + c, :, h].copy(), apart, head)
    loud = np.float32(0.0)
    for c in range(2):
        for n in range(frames):
            value = made[c, n]
            made[c, n] = value - min(max(value, -SETTLED), SETTLED)
            loud = max(loud, abs(made[c, n]))
        for row in range(frames // width):
            tape[c, place[0] + row] = made[c, row * width : (row + 1) * width]
    left[0] = height // (frames // width) if loud > 0.0 else max(left[0] - 1.0, 0.0)
    place[0] = (place[0] + frames // width) % height if left[0] > 0.0 else 0


def kernel(layout: Layout, inputs: Arrays, state: Arrays, out: Arrays) -> None:
    """→ out["echoed"] [2, frames]."""
    apart, fades = layout.apart, _fades(layout)
    head, made = np.empty(fades.shape[1], np.float32), np.empty((4, layout.block_frames), np.float32)
    moving = state["tape"], state["place"], state["left"]
    _echo(inputs["echo_send"][0], inputs["echo_rows"][0], inputs["echo_taps"], *moving, apart, fades, head, made)
    out["echoed"][:] = made[2:]


# --- graph ----------------------------------------------------------------------------------------------------------
@lru_cache
def _fades(layout: Layout) -> NDArray[np.float32]:
    """[2, 10 apart + frames]: from the old head to the new one."""
    late = (_TAPS - 1) * layout.apart
    share = np.maximum(np.arange(late + layout.block_frames) - late, 0) / layout.block_frames
    return np.stack([1.0 - share, share]).astype(np.float32)


def graph(g: Builder, layout: Layout, x: Mapping[str, Tensor], state: Mapping[str, Tensor]) -> tuple[Tensors, Tensors]:
    """Two heads of whole rows, one convolution for all gains and taps, rows written in their place."""
    frames, rows, tape, place = layout.block_frames, layout.block_frames // _ROW, state["tape"], state["place"]
    late = (_TAPS - 1) * layout.apart
    first = place - g.reshape(x["echo_rows"], (2, 1))
    at = g.modulo(first + g.constant(np.arange(rows + 1) - 1, np.int64), _ring_rows(layout))
    heads = g.reshape(g.gather(tape, at, axis=1), (1, 4, frames + _ROW))  # left old, left new, right old, right new
    heads = g.slice(heads, _ROW - late, frames + _ROW, axis=2) * g.constant(np.tile(_fades(layout), (2, 1)))
    taps = g.reshape(g.transpose(x["echo_taps"], (0, 2, 1)), (4, 4, _TAPS))
    fed, echoed = g.split(g.convolve(heads, taps, apart=layout.apart), (2, 2), axis=1)
    fed = settle(g, fed + g.constant([[1.0], [0.0]]) * x["echo_send"])
    written = g.constant([[[c, row] for row in range(rows)] for c in (0, 1)], np.int64) + g.concat(
        [g.constant([0], np.int64), place], axis=0
    )
    fading = g.maximum(state["left"] - 1.0, 0.0)
    left = g.where(g.sounding(fed), g.constant([_blocks(layout)]), fading)
    moved = {
        "tape": g.scatter(tape, written, g.reshape(fed, (2, rows, _ROW))),
        "place": g.modulo(place + rows, _ring_rows(layout)) * g.cast(g.minimum(left, 1.0), np.int64),
        "left": left,
    }
    return {"echoed": g.reshape(echoed, (2, frames))}, moved


# --- record ---------------------------------------------------------------------------------------------------------
ECHO = Unit(
    name="echo",
    sections={"echo": PARAMS},
    inputs=(Port("echo_send", (1, "frames"), -1.0, 1.0, "frames"),),
    values=VALUES,
    prepare=prepare,
    outputs=(Port("echoed", (2, "frames"), -1.0, 1.0, "frames"),),
    state=STATE,
    kernel=kernel,
    graph=graph,
    tolerance=1e-5,
    tempo=True,
)
