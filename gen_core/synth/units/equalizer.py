"""Three bands over the sum of all voices: a low shelf, a bell in the middle, a high shelf.

What one hears: more or less bass, body, air. Each band is a trapezoidal state-variable filter with the mixing weights
of A. Simper, "Linear trapezoidal integrated state variable filter" (Cytomic, 2013); responses of R. Bristow-Johnson,
"Cookbook formulae for audio EQ biquad filter coefficients" (1998):
    g = tan(pi hertz / rate), a1 = 1 / (1 + g (g + k)), a2 = g a1, a3 = g a2
    v1 = a1 s1 + a2 (x - s2), v2 = s2 + a2 s1 + a3 (x - s2), s1' = 2 v1 - s1, s2' = 2 v2 - s2
    y = m0 x + m1 v1 + m2 v2
taken in transposed form (J. O. Smith, "Introduction to Digital Filters", "Transposed Direct-Forms"), where the weights
act on what enters and the states hold what will be heard, so that a knob that moves does not click:
    y = d x + 2 (a2 s1 + a3 s2),   d = m0 + m1 a2 + m2 a3, c1 = m1 a1 + m2 a2, c2 = m2 (1 - a3) - m1 a2
    s1' = (2 a1 - 1) s1 + 2 a2 s2 + c1 x, s2' = (1 - 2 a3) s2 - 2 a2 s1 + c2 x
The same, solved for a block: three bands in a row are one linear system x' = A x + B u, y = C x + D u of six states.
A chunk of 32 samples is one matrix product over (samples, states at its start), and the states at the starts are one
more, over what each chunk leaves behind, A^31 B … B, and the powers A^32 … A^512. `prepare` computes the matrices in
float64 when a knob moves. In that block the filter that was plays on from the same states beside the one that will be,
and what is heard goes from one to the other in a straight line: a step of either's weights, however small, is a click.
With no gain anywhere every y is its x, and `on` is false.
"""

# mypy: allow-untyped-defs, allow-untyped-calls

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gen_core.spec.param import Param
from gen_core.synth.jit import jit
from gen_core.synth.layout import KNOT_FRAMES, Layout, Port
from gen_core.synth.unit import SETTLED, Arrays, Builder, Row, Stage, State, Tensor, Tensors, Unit, settle

_BANDS = ("low", "mid", "high")
_STATES = 2 * len(_BANDS)
_HIGHEST = 0.45  # of the rate: above, tan() runs away

# --- parameters -----------------------------------------------------------------------------------------------------
PARAMS = (
    Param(id="low_db", low=-15.0, high=15.0, default=0.0, unit="dB", help="more is another mix, not a correction"),
    Param(id="low_hz", low=30.0, high=800.0, default=120.0, unit="Hz", curve="exponential", help="half of it in dB"),
    Param(id="mid_db", low=-15.0, high=15.0, default=0.0, unit="dB"),
    Param(id="mid_hz", low=100.0, high=10000.0, default=1000.0, unit="Hz", curve="exponential"),
    Param(id="mid_q", low=0.2, high=8.0, default=0.7, curve="exponential", help="above, single notes stick out"),
    Param(id="high_db", low=-15.0, high=15.0, default=0.0, unit="dB"),
    Param(id="high_hz", low=1500.0, high=16000.0, default=6000.0, unit="Hz", curve="exponential"),
)

# --- values ---------------------------------------------------------------------------------------------------------
VALUES = (
    Port("on", (1,), 0.0, 1.0, dtype=np.bool_),
    Port("bands", (2, len(_BANDS), 6), -10.0, 10.0, "cross", np.float64),  # a1, a2, a3, d, c1, c2 of each, for a kernel
    Port("leaves", (2, KNOT_FRAMES, _STATES), -4.0, 4.0, "cross"),  # samples of a chunk → what its end's states gain
    Port("chain", (2, "knots", _STATES, "knots", _STATES), -4.0, 4.0, "cross"),  # all that, and the state → the starts
    Port("hears", (2, KNOT_FRAMES + _STATES, KNOT_FRAMES), -10.0, 10.0, "cross"),  # samples, state of a chunk → output
)


def _band(name: str, section: Mapping[str, float], sample_rate_hz: int) -> list[float]:
    """a1, a2, a3, d, c1, c2 of one band; shelves as steep as they get without a hump."""
    a = 10.0 ** (section[f"{name}_db"] / 40.0)
    g = math.tan(math.pi * min(section[f"{name}_hz"] / sample_rate_hz, _HIGHEST))
    if name == "mid":
        k = 1.0 / (section["mid_q"] * a)
        m0, m1, m2 = 1.0, k * (a * a - 1.0), 0.0
    else:
        k = math.sqrt(2.0)
        g *= a ** (-0.5 if name == "low" else 0.5)
        m0, m1, m2 = (1.0, k * (a - 1.0), a * a - 1.0) if name == "low" else (a * a, k * (1.0 - a) * a, 1.0 - a * a)
    a1 = 1.0 / (1.0 + g * (g + k))
    a2, a3 = g * a1, g * g * a1
    return [a1, a2, a3, m0 + m1 * a2 + m2 * a3, m1 * a1 + m2 * a2, m2 * (1.0 - a3) - m1 * a2]


def _system(bands: NDArray) -> tuple[NDArray, NDArray, NDArray, float]:
    """A [6, 6], B [6], C [6], D of the bands in a row."""
    a, b, c, d = np.zeros((_STATES, _STATES)), np.zeros(_STATES), np.zeros(_STATES), 1.0
    for band, (a1, a2, a3, straight, *enters) in enumerate(bands):
        own = slice(2 * band, 2 * band + 2)
        a[own] = np.outer(enters, c)  # what comes from the bands before
        a[own, own] = [[2.0 * a1 - 1.0, 2.0 * a2], [-2.0 * a2, 1.0 - 2.0 * a3]]
        b[own] = np.multiply(enters, d)
        c, d = c * straight, d * straight
        c[own] = [2.0 * a2, 2.0 * a3]
    return a, b, c, d


def _matrices(bands: NDArray, knots: int) -> dict[str, NDArray]:
    """`leaves`, `chain` and `hears` of VALUES."""
    a, b, c, d = _system(bands)
    powers = _powers(a, KNOT_FRAMES + 1)
    seen, left = c @ powers, powers @ b  # [33, 6]: by the output, of one sample
    hears = np.concatenate([_later([d, *(left[: KNOT_FRAMES - 1] @ c)], KNOT_FRAMES), seen[:KNOT_FRAMES].T])
    # Rows: chunks 0, 1, …, then the state at block start; columns: starts 0, 1, …, the end.
    overs = _powers(powers[KNOT_FRAMES], knots).transpose(0, 2, 1)
    chunks = np.concatenate([np.zeros((knots - 1, 1, _STATES, _STATES)), _later(overs[:-1], knots - 1)], axis=1)
    chain = np.concatenate([chunks, overs[None]]).transpose(0, 2, 1, 3)
    return {"leaves": left[KNOT_FRAMES - 1 :: -1], "chain": chain, "hears": hears}


def _powers(matrix: NDArray, count: int) -> NDArray:
    """[count, n, n]: the identity, the matrix, its square, …, twice as many at a time."""
    powers = np.eye(len(matrix))[None]
    while len(powers) < count:
        powers = np.concatenate([powers, powers @ (powers[-1] @ matrix)])
    return powers[:count]


def _later(items: Any, rows: int) -> NDArray:
    """[rows, rows, …]: the items, in each row one place later, zeros before them."""
    items = np.asarray(items)
    padded = np.concatenate([np.zeros_like(items), items])
    return padded[rows + np.arange(rows) - np.arange(rows)[:, None]]


def prepare(row: Row, stage: Stage) -> Mapping[str, Any]:
    """The section as matrices."""
    section = row["equalizer"]
    bands = np.array([_band(name, section, stage.layout.sample_rate_hz) for name in _BANDS])
    on = any(section[f"{name}_db"] != 0.0 for name in _BANDS)
    values = {"bands": bands} | _matrices(bands, stage.layout.knots)
    return {"on": on} | {name: np.broadcast_to(value, (2, *value.shape)) for name, value in values.items()}


# --- state ----------------------------------------------------------------------------------------------------------
STATE = (State("bands", (2, _STATES)),)  # s1, s2 of each band, left and right


# --- kernel ---------------------------------------------------------------------------------------------------------
@jit
def _equalize(mix, bands, state, out):
    """mix, out [2, frames]; bands [3, 6]; state [2, 6] moves on."""
    frames = out.shape[1]
    for band in range(bands.shape[0]):
        a1, a2, a3, d, c1, c2 = bands[band]
        stay1, cross, stay2 = 2.0 * a1 - 1.0, 2.0 * a2, 1.0 - 2.0 * a3
        source = mix if band == 0 else out
        l1, l2 = np.float64(state[0, 2 * band]), np.float64(state[0, 2 * band + 1])
        r1, r2 = np.float64(state[1, 2 * band]), np.float64(state[1, 2 * band + 1])
        for n in range(frames):  # left and right side by side: neither waits for the other
            left, right = np.float64(source[0, n]), np.float64(source[1, n])
            out[0, n] = d * left + 2.0 * (a2 * l1 + a3 * l2)
            out[1, n] = d * right + 2.0 * (a2 * r1 + a3 * r2)
            l1, l2 = stay1 * l1 + cross * l2 + c1 * left, stay2 * l2 - cross * l1 + c2 * left
            r1, r2 = stay1 * r1 + cross * r2 + c1 * right, stay2 * r2 - cross * r1 + c2 * right
        state[0, 2 * band], state[0, 2 * band + 1] = l1, l2
        state[1, 2 * band], state[1, 2 * band + 1] = r1, r2
    for c in range(2):
        for i in range(state.shape[1]):
            state[c, i] -= min(max(state[c, i], -SETTLED), SETTLED)


@jit
def _cross(was, out):
    """From `was` [2, frames] to `out`, into `out`."""
    frames = out.shape[1]
    for c in range(2):
        for n in range(frames):
            out[c, n] = was[c, n] + (out[c, n] - was[c, n]) * np.float32(n / frames)


def kernel(layout: Layout, inputs: Arrays, state: Arrays, out: Arrays) -> None:
    """→ out["equalized"] [2, frames]. A second buffer is made only while a knob moves."""
    before, after = inputs["bands"]
    was = out["equalized"].copy() if (before != after).any() else None
    if was is not None:
        _equalize(inputs["mix"], before, state["bands"].copy(), was)
    _equalize(inputs["mix"], after, state["bands"], out["equalized"])
    if was is not None:
        _cross(was, out["equalized"])


# --- graph ----------------------------------------------------------------------------------------------------------
def graph(g: Builder, layout: Layout, x: Mapping[str, Tensor], state: Mapping[str, Tensor]) -> tuple[Tensors, Tensors]:
    """What each chunk leaves, the states at all starts, then the output; of both filters at once."""
    chunks, size, frames = layout.knots - 1, layout.knots * _STATES, layout.block_frames
    mix = g.reshape(x["mix"], (1, 2 * chunks, KNOT_FRAMES))
    left = g.reshape(mix @ x["leaves"], (2, 2, chunks * _STATES))
    chain = g.reshape(x["chain"], (2, size, size))
    begin = g.reshape(state["bands"], (1, 2, _STATES))
    moved = g.concat([left, g.concat([begin, begin], axis=0)], axis=2) @ chain
    starts, ends = g.split(moved, (chunks * _STATES, _STATES), axis=2)
    known = g.concat([g.concat([mix, mix], axis=0), g.reshape(starts, (2, 2 * chunks, _STATES))], axis=2)
    heard = g.reshape(known @ x["hears"], (2, 2, frames))
    share = np.arange(frames) / frames
    equalized = g.reduce_sum(heard * g.constant(np.stack([1.0 - share, share])[:, None]), axes=(0,))
    end = g.reshape(g.slice(ends, 1, 2, axis=0), (2, _STATES))
    return {"equalized": equalized}, {"bands": settle(g, end)}


# --- record ---------------------------------------------------------------------------------------------------------
EQUALIZER = Unit(
    name="equalizer",
    sections={"equalizer": PARAMS},
    inputs=(Port("mix", (2, "frames"), -1.0, 1.0, "frames"),),
    values=VALUES,
    prepare=prepare,
    outputs=(Port("equalized", (2, "frames"), -1.0, 1.0, "frames"),),
    state=STATE,
    kernel=kernel,
    graph=graph,
    tolerance=1e-4,
)
