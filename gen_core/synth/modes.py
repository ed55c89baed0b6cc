"""What rings after a blow: a note as a sum of decaying partials ("modes"). The form of all struck and plucked units.

What one hears: bells, bars, strings, skins and metal, each partial with a frequency, a decay and a start of its own:
    y(n) = Re sum over m of a_m z_m^n,    z_m = exp((-ln(1000) / T_m + 2 pi i f_m) / rate),    T_m to -60 dB
Modal synthesis: J.-M. Adrien, "The missing link: modal synthesis", in "Representations of Musical Signals" (1991);
P. R. Cook, "Real Sound Synthesis for Interactive Applications" (2002), ch. 4.

The same for a whole block, with n = 64 i + j and s_m the state (a_m z_m^n at block start):
    c(i, m) = s_m z_m^(64 i),    y(i, j) = sum over m of Re c(i, m) Re z_m^j - Im c(i, m) Im z_m^j
so a block is one matrix product of what has turned by stretch i, and what turns within a stretch; c where the last
ends is the next block's state. Powers are the note's own constants, made in float64 when it begins. Brightness
(constant over a block) tilts c by (f_m / centre)^(brightness / 2), so that the state does not know it.
"""

# mypy: allow-untyped-defs, allow-untyped-calls

import math
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gen_core.spec.errors import UsageError
from gen_core.spec.param import Param
from gen_core.synth.jit import jit
from gen_core.synth.layout import SEGMENT_FRAMES, Layout, Port
from gen_core.synth.unit import (
    SETTLED,
    Arrays,
    Builder,
    Data,
    NoteOn,
    Prepare,
    State,
    Tensor,
    Tensors,
    Unit,
    settle,
)

MODES = 64  # partials of a note: a harpsichord's C2 is bright enough with them, and GEMM makes them cheap
TOP = 0.45  # of the rate: modes above are left out
TO_60_DB = math.log(1000.0)  # time constants in the time to -60 dB
_SHORTEST_S, _LONGEST_S = 0.005, 120.0  # of T: a blow that begins late in a block is turned back by up to 10.7 ms
_STEEPEST = 1.5  # ln a brightness octave: +-13 dB an octave of the knob, whatever the partials' range
_GONE = 1e-4  # -80 dB
_HEARD = 4  # blocks in which a note's peak is looked for: 43 ms, a period of the lowest keys

# --- values ---------------------------------------------------------------------------------------------------------
def _ends(layout: Layout) -> int:
    """Where stretches begin, and where the last one ends."""
    return layout.segments + 1


VALUES = (  # the last axis: real parts of all modes, then imaginary parts
    Port("turn", ("lanes", _ends, 2 * MODES), -1.0, 1.0),  # Re z^(64 i), twice
    Port("cross", ("lanes", _ends, 2 * MODES), -1.0, 1.0),  # -Im z^(64 i), then Im z^(64 i)
    Port("ring", ("lanes", 2 * MODES, SEGMENT_FRAMES), -1.0, 1.0),  # Re z^j, then -Im z^j
    Port("strike", ("lanes", 1, 2 * MODES), -1.0, 1.0, "start"),  # a; see `turned_back`
    Port("tilt", ("lanes", 1, 2 * MODES), -_STEEPEST, _STEEPEST),  # ln of amplitude, an octave of brightness
)


def values(
    note: NoteOn, hertz: NDArray, seconds: NDArray, loudest: NDArray, amplitude: NDArray
) -> Mapping[str, Any]:
    """What a unit of this form writes for a note: frequencies, times to -60 dB and complex amplitudes, each [modes].

    `loudest` are the amplitudes at velocity 127: they decide which MODES sound, and their peak becomes 1. They, the
    frequencies and the times should not depend on velocity, so that all velocities of a key share one set of powers.
    """
    rate = note.layout.sample_rate_hz
    order = np.argsort(-np.abs(loudest) * (hertz < TOP * rate), kind="stable")[:MODES]
    order = order[(hertz[order] < TOP * rate) & (loudest[order] != 0.0)]
    order = order[np.argsort(hertz[order], kind="stable")]  # the kernel skips neighbours that have died together
    log_z = np.zeros(MODES, np.complex128)
    strikes = np.zeros((2, MODES), np.complex128)
    rates = TO_60_DB / np.clip(seconds[order], _SHORTEST_S, _LONGEST_S)
    log_z[: order.size] = (-rates + 2j * np.pi * hertz[order]) / rate
    strikes[:, : order.size] = loudest[order], amplitude[order]
    powers, scale = _powers(log_z.tobytes(), strikes[0].tobytes(), note.layout.block_frames)
    life_s = _life_s(rates, np.abs(strikes[0, : order.size]))
    return {**powers, "strike": _halves(strikes[1] * scale)[None], "strike.turn": log_z, "life_s": life_s}


def _life_s(rates: NDArray, loudest: NDArray) -> float:
    """When the last mode is 80 dB below the loudest at its strike."""
    if not rates.size:
        return 0.0
    return float((np.log(np.maximum(loudest / loudest.max(), _GONE) / _GONE) / rates).max())


def turned_back(strike: NDArray, turn: NDArray, frames: int) -> NDArray:
    """`strike` for a note that begins `frames` after block start: a z^-frames, in the port's own layout.

    Modes so run before the onset as if they had always rung; the envelope, which is zero there, lets none of it out.
    """
    real, imaginary = np.split(strike.reshape(-1), 2)
    return _halves((real + 1j * imaginary) * np.exp(-frames * turn)).reshape(strike.shape)


def _halves(x: NDArray) -> NDArray:
    """Complex [..., MODES] → real parts, then imaginary parts [..., 2 MODES]."""
    return np.concatenate([x.real, x.imag], axis=-1)


@lru_cache(maxsize=128)  # a key of a patch takes 42 kB
def _powers(log_z: bytes, loudest: bytes, frames: int) -> tuple[Mapping[str, NDArray], float]:
    """What all velocities of a key share, and the factor that makes the peak of `loudest` 1."""
    turn, a = np.frombuffer(log_z, np.complex128), np.frombuffer(loudest, np.complex128)
    sounding = np.where(turn != 0.0, 1.0, 0.0)  # modes that are not there are zeros everywhere
    knots = np.exp(np.outer(np.arange(frames // SEGMENT_FRAMES + 1) * SEGMENT_FRAMES, turn)) * sounding
    few = np.exp(np.outer(turn, np.arange(8))) * sounding[:, None]
    eighths = np.exp(np.outer(turn, np.arange(0, SEGMENT_FRAMES, 8)))
    ring = (eighths[:, :, None] * few[:, None, :]).reshape(MODES, SEGMENT_FRAMES)
    ring = np.concatenate([ring.real, -ring.imag])  # [2 modes, 64]
    starts = a * knots[-1] ** np.arange(_HEARD)[:, None]
    heard = _halves((starts[:, None, :] * knots[:-1]).reshape(-1, MODES)) @ ring
    powers = {
        "turn": np.concatenate([knots.real, knots.real], axis=1),
        "cross": np.concatenate([-knots.imag, knots.imag], axis=1),
        "ring": ring,
        "tilt": _tilt(turn, a)[None],
    }
    shared = {name: value.astype(np.float32) for name, value in powers.items()}
    for value in shared.values():
        value.flags.writeable = False  # many notes hold it
    return shared, 1.0 / max(np.abs(heard).max(), 1e-9)


def _tilt(turn: NDArray, a: NDArray) -> NDArray:
    """Half the log of each mode's frequency over the sound's centre, so that the knob changes colour, not loudness."""
    pitch = np.log(np.maximum(turn.imag, 1e-9))
    weight = np.abs(a) ** 2
    centre = (weight * pitch).sum() / max(weight.sum(), 1e-30)
    slope = np.clip(0.5 * (pitch - centre), -_STEEPEST, _STEEPEST)
    return np.tile(np.where(turn != 0.0, slope, 0.0), 2)


# --- state ----------------------------------------------------------------------------------------------------------
STATE = (State("modes", ("lanes", 1, 2 * MODES)),)  # every mode's complex amplitude at block start


# --- kernel ---------------------------------------------------------------------------------------------------------
@jit
def _begin(keep, strike, state, begin, swapped):
    """All modes at block start, and with real and imaginary parts in each other's place. → does any sound?"""
    modes = begin.size // 2
    sounds = False
    for k in range(begin.size):
        begin[k] = state[k] * keep + strike[k]
        sounds |= begin[k] != 0.0
    for m in range(modes):
        swapped[m], swapped[modes + m] = begin[modes + m], begin[m]
    return sounds


@jit
def _sounds(row, m):
    """Is any of four numbers not zero?"""
    return row[m] != 0.0 or row[m + 1] != 0.0 or row[m + 2] != 0.0 or row[m + 3] != 0.0


@jit
def _four(c, ring, first, out):
    """Add four modes to out [stretches, 64]. c [stretches, 2 modes], ring [2 modes, 64]."""
    one, two, three = np.uint64(1), np.uint64(2), np.uint64(3)  # unsigned: no check for negative places
    m = np.uint64(first)
    n = m + np.uint64(c.shape[1] // 2)
    for i in range(out.shape[0]):
        a0, a1, a2, a3 = c[i, m], c[i, m + one], c[i, m + two], c[i, m + three]
        b0, b1, b2, b3 = c[i, n], c[i, n + one], c[i, n + two], c[i, n + three]
        for j in range(SEGMENT_FRAMES):
            real = a0 * ring[m, j] + a1 * ring[m + one, j] + a2 * ring[m + two, j] + a3 * ring[m + three, j]
            other = b0 * ring[n, j] + b1 * ring[n + one, j] + b2 * ring[n + two, j] + b3 * ring[n + three, j]
            out[i, j] += real + other


@jit
def _ring(keep, brightness, powers, strike, tilt, state, scratch, out):
    """All lanes. keep, brightness [V]; strike, tilt, state [V, 2 modes]; out [V, stretches, 64]."""
    turn, cross, ring = powers
    begin, swapped, gain, c = scratch
    last, modes = out.shape[1], state.shape[1] // 2
    for v in range(keep.size):
        out[v] = 0.0
        if not _begin(keep[v], strike[v], state[v], begin, swapped):  # an idle lane
            state[v] = 0.0
            continue
        for m in range(modes):
            gain[m] = gain[modes + m] = np.exp(brightness[v] * tilt[v, m])
        for k in range(2 * modes):
            end = begin[k] * turn[v, last, k] + swapped[k] * cross[v, last, k]
            state[v, k] = end - min(max(end, -SETTLED), SETTLED)
        for i in range(last):
            for k in range(2 * modes):
                c[i, k] = (begin[k] * turn[v, i, k] + swapped[k] * cross[v, i, k]) * gain[k]
        for m in range(0, modes, 4):
            if _sounds(begin, m) or _sounds(swapped, m):
                _four(c, ring[v], m, out[v])


def kernel(layout: Layout, inputs: Arrays, state: Arrays, out: Arrays) -> None:
    """→ out["struck"] [lanes, frames]; state["modes"] moves on."""
    shaped = out["struck"].reshape(layout.lanes, layout.segments, SEGMENT_FRAMES)
    scratch = *np.empty((3, 2 * MODES), np.float32), np.empty((layout.segments, 2 * MODES), np.float32)
    clocks = inputs["keep"][:, 0], inputs["brightness"][:, 0]
    powers = inputs["turn"], inputs["cross"], inputs["ring"]
    _ring(*clocks, powers, inputs["strike"][:, 0], inputs["tilt"][:, 0], state["modes"][:, 0], scratch, shaped)


# --- graph ----------------------------------------------------------------------------------------------------------
def graph(g: Builder, layout: Layout, x: Mapping[str, Tensor], state: Mapping[str, Tensor]) -> tuple[Tensors, Tensors]:
    """All modes where all stretches begin, then one matrix product a lane."""
    begin = state["modes"] * g.reshape(x["keep"], (layout.lanes, 1, 1)) + x["strike"]
    real, imaginary = g.split(begin, (MODES, MODES), axis=2)
    turned = begin * x["turn"] + g.concat([imaginary, real], axis=2) * x["cross"]  # [V, stretches + 1, 2 modes]
    here, last = g.split(turned, (layout.segments, 1), axis=1)
    gain = g.unary("Exp", g.reshape(x["brightness"], (layout.lanes, 1, 1)) * x["tilt"])
    struck = g.reshape(here * gain @ x["ring"], (layout.lanes, layout.block_frames))
    return {"struck": struck}, {"modes": settle(g, last)}


# --- for the records ------------------------------------------------------------------------------------------------
BLOW = (
    Param(
        id="hardness_hz",
        low=50.0,
        high=20000.0,
        default=3000.0,
        unit="Hz",
        curve="exponential",
        help="half of 1 / contact time, at middle C and velocity 96: felt 500, finger 1500, rubber 2000, brass 15000",
    ),
    Param(id="hardness_track", low=0.0, high=1.0, default=0.3, help="octaves an octave of key: smaller hammers"),
    Param(id="velocity_octaves", low=0.0, high=4.0, default=1.0, unit="octaves", help="of hardness, soft to loud"),
)
_MIDDLE_VELOCITY = 96  # where the hardness is as written: a firm mezzo-forte
_LOUDEST = 127


def octaves(note: NoteOn) -> float:
    """The key above middle C, in octaves."""
    return (note.key - 60.0) / 12.0


def blow(section: Mapping[str, float], note: NoteOn, hertz: NDArray) -> tuple[NDArray, NDArray]:
    """How much of each frequency a blow contains, at velocity 127 and at the note's own. Each [modes], 0..1.

    A half-sine push of duration t reaches to about 1 / (2 t) and falls by 12 dB an octave above (Fletcher and Rossing,
    "The Physics of Musical Instruments", 2nd ed., 12.4: hammer and string). Harder blows are shorter.
    """
    middle = math.log2(section["hardness_hz"]) + section["hardness_track"] * octaves(note)
    levels = []
    for velocity in (_LOUDEST, note.velocity):
        more = section["velocity_octaves"] * (velocity - _MIDDLE_VELOCITY) / _LOUDEST
        levels.append(1.0 / (1.0 + (hertz / 2.0 ** (middle + more)) ** 2))
    return levels[0], levels[1]


def choice(name: str, default: str, choices: tuple[str, ...], help: str = "") -> Data:
    """A value of a patch that is one of a few words."""

    def check(value: Any) -> str:
        if value not in choices:
            raise UsageError(f"{name} cannot be {value!r}", f"use {', '.join(choices)}")
        return str(value)

    return Data(id=name, default=default, check=check, examples=choices, help=help or ", ".join(choices))


# --- the records ----------------------------------------------------------------------------------------------------
STRUCK = Port("struck", ("lanes", "frames"), -1.0, 1.0, "frames")


def unit(name: str, params: tuple[Param | Data, ...], prepare: Prepare) -> Unit:
    """The record of a unit of this form, whose section has its name."""
    return Unit(
        name=name,
        form="modes",
        sections={name: params},
        clocks=("keep", "brightness"),
        values=VALUES,
        prepare=prepare,
        outputs=(STRUCK,),
        state=STATE,
        kernel=kernel,
        graph=graph,
        tolerance=2e-5,  # a sum of 64 modes, each up to about 1
    )
