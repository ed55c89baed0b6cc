"""Four sine operators that bend each other's phase: "FM" as in the electric pianos, bells and basses of the 1980s.

What one hears: spectra that brighten with force and darken while they ring, from a few sines. J. Chowning, "The
synthesis of complex audio spectra by means of frequency modulation", JAES 21 (1973); as phase modulation, so that an
offset of the modulator does not detune: Yamaha DX7 (1983). With p_i the operators' own phases in periods:
    s_4 = cos 2pi p_4
    s_3 = cos 2pi (p_3 + g_43 s_4)
    s_c = cos 2pi (p_c + g_4c s_4 + g_3c s_3)  for c = 1, 2
    tone = a_1 s_1 + a_2 s_2 + a_3 s_3 + a_4 s_4
Every one of the nine paths g, a has its own envelope (attack, exponential decay, sustain; letting go is the
amplifier's), and an `algorithm` says which paths there are. Phases are exact integrals, as in oscillator.py;
envelopes are known at knots and straight in between. Nothing feeds back, so a block is three layers of cosines.

Band limit: a modulator of index I leaves side frequencies n below |J_n(I)| <= (I/2)^n / n! (Abramowitz & Stegun
9.1.62), so those above -60 dB end at a `reach` that is known. Carson's rule (n = I + 1) would leave -25 dB. A note's
indices are scaled down, those of one carrier together, until what they reach stays below half the rate, and a knob
cannot lift them above it.
"""

# mypy: allow-untyped-defs, allow-untyped-calls

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gen_core.spec.errors import UsageError
from gen_core.spec.param import Param
from gen_core.synth.jit import allocating, jit
from gen_core.synth.knots import abreast, lines
from gen_core.synth.layout import KNOT_FRAMES, Layout, Port
from gen_core.synth.sine import COSINE, COUNT, cosine, draw_cosine, phases, run
from gen_core.synth.unit import Arrays, Builder, Data, NoteOn, Row, State, Tensor, Tensors, Unit
from gen_core.synth.units.pitch import FACTOR, highest, onset

_PATHS = ("4>3", "4>1", "4>2", "3>1", "3>2", "4>", "3>", "1>", "2>")  # "4>3" modulates, "4>" is heard
_ALGORITHMS = {
    "stack": ("4>3", "3>1", "1>", "2>"),  # a chain of three, and a sine of its own beside it
    "pairs": ("3>1", "4>2", "1>", "2>"),  # a body and a strike
    "fork": ("4>3", "4>1", "4>2", "1>", "2>", "3>"),  # one modulator for three carriers
    "trunk": ("4>3", "3>1", "3>2", "1>", "2>"),  # a chain whose end is two carriers
    "join": ("3>1", "4>1", "1>", "2>"),  # two modulators side by side
    "branch": ("4>3", "4>2", "3>1", "1>", "2>"),
    "single": ("4>3", "1>", "2>", "3>"),  # a pair and two sines
    "parallel": ("1>", "2>", "3>", "4>"),  # four drawbars
}


def check_algorithm(value: Any) -> Any:
    """`value` if it is the name of an algorithm."""
    if value not in _ALGORITHMS:
        raise UsageError(f"there is no algorithm {value!r}", f"use {', '.join(_ALGORITHMS)}")
    return value


# --- parameters -----------------------------------------------------------------------------------------------------
PARAMS = (Data(id="algorithm", default="pairs", check=check_algorithm, examples=tuple(_ALGORITHMS)),)
OPERATOR = (
    Param(id="ratio", low=0.125, high=32.0, default=1.0, curve="exponential", help="pitch against the note"),
    Param(id="detune_cents", low=-100.0, high=100.0, default=0.0, unit="cents"),
    Param(id="detune_hz", low=-20.0, high=20.0, default=0.0, unit="Hz", help="beats that do not follow the key"),
    Param(id="level", low=0.0, high=1.0, default=0.5, help="where it is heard"),
    Param(id="index", low=0.0, high=16.0, default=1.0, unit="radians", help="where it modulates; 16 is noise"),
    Param(id="velocity_octaves", low=0.0, high=4.0, default=0.0, unit="octaves", help="from softest to loudest"),
    Param(id="key_octaves", low=-1.0, high=1.0, default=0.0, unit="octaves", help="the same, an octave of key"),
    Param(id="attack_s", low=0.0005, high=4.0, default=0.002, unit="s", curve="exponential"),
    Param(id="decay_s", low=0.01, high=40.0, default=2.0, unit="s", curve="exponential", help="to -60 dB"),
    Param(id="sustain", low=0.0, high=1.0, default=1.0),
)

# --- values ---------------------------------------------------------------------------------------------------------
_OPERATORS, _P = 4, len(_PATHS)
VALUES = (
    Port("operator_increment", (_OPERATORS, "lanes", 1), 1e-4, 0.5, dtype=np.float64),  # periods a sample
    Port("operator_start", (_OPERATORS, "lanes", 1), 0.0, 1.0, "start", np.float64),  # periods
    Port("path_attack", (_P, "lanes", 1), 0.0005, 4.0),  # s
    Port("path_rise", (_P, "lanes", 1), 0.0, 4e5),  # 1/s: depth/attack; depths are in periods * COSINE, or COSINE
    Port("path_decay", (_P, "lanes", 1), -700.0, 0.0),  # -1/time constant
    Port("path_rest", (_P, "lanes", 1), 0.0, 200.0),  # depth * sustain
    Port("path_fall", (_P, "lanes", 1), 0.0, 200.0),  # depth * (1 - sustain)
    Port("path_bright", (_P, "lanes", 1), 0.0, 1.0),  # ln 2 where brightness counts
    Port("path_limit", (_P, "lanes", 1), 0.0, 300.0),  # what the depth may not pass
)
_MIDDLE_VELOCITY = 96  # where a patch's levels are as written: a firm mezzo-forte
_HIGHEST = 0.5  # periods a sample; an operator that reaches it is silent
_DECAY = math.log(1000.0)  # time constants in the time to -60 dB
_QUIET = 1e-3  # -60 dB: side frequencies below it may pass half the rate
_SIDES = np.arange(129)
_INDICES = np.array([0.0] + [2.0 * math.exp((math.lgamma(n + 1) + math.log(_QUIET)) / n) for n in _SIDES[1:]])
_SCALES = 2.0 ** np.linspace(-10.0, 4.0, 113)  # of all indices of a note, an eighth of an octave apart


def prepare(row: Row, note: NoteOn) -> Mapping[str, Any]:
    """Rates of the operators; depths and envelopes of the paths."""
    sections = [row[f"operator_{i + 1}"] for i in range(_OPERATORS)]
    rates = np.array([_increment(section, note) for section in sections])
    top = rates * highest(row)
    depths = _depths(row["pm"]["algorithm"], sections, note)
    rooms = _rooms(depths, top)
    depth, limit = np.zeros(_P), np.zeros(_P)
    for at, path in enumerate(_PATHS):
        full = COSINE * depths[path]
        if path.endswith(">"):
            depth[at] = limit[at] = full * float(top[int(path[0]) - 1] < _HIGHEST)
        else:
            limit[at] = full / (2.0 * math.pi) * rooms[path]
            depth[at] = min(full / (2.0 * math.pi), limit[at])
    of_path = {item.id: np.array([sections[int(path[0]) - 1][item.id] for path in _PATHS]) for item in OPERATOR}
    values = {
        "path_attack": of_path["attack_s"],
        "path_rise": depth / of_path["attack_s"],
        "path_decay": -_DECAY / of_path["decay_s"],
        "path_rest": depth * of_path["sustain"],
        "path_fall": depth * (1.0 - of_path["sustain"]),
        "path_bright": np.array([0.0 if path.endswith(">") else math.log(2.0) for path in _PATHS]),
        "path_limit": limit,
        "operator_increment": np.minimum(rates, _HIGHEST),
        "operator_start": np.full(_OPERATORS, 0.75),  # as sines: they begin at zero
        "operator_start.per_frame": np.minimum(rates, _HIGHEST) * onset(row),
    }
    return {name: value[:, None] for name, value in values.items()}


def _increment(section: Mapping[str, float], note: NoteOn) -> float:
    hertz = note.hertz * section["ratio"] * 2.0 ** (section["detune_cents"] / 1200.0) + section["detune_hz"]
    return float(max(hertz, 0.1) / note.layout.sample_rate_hz)


def _depths(algorithm: str, sections: list[Mapping[str, float]], note: NoteOn) -> dict[str, float]:
    """Index or level of every path, as the patch, the key and the velocity want it."""
    depths = dict.fromkeys(_PATHS, 0.0)
    for path in _ALGORITHMS[algorithm]:
        section = sections[int(path[0]) - 1]
        octaves = section["velocity_octaves"] * (note.velocity - _MIDDLE_VELOCITY) / 127.0
        octaves += section["key_octaves"] * (note.pitch - 60) / 12.0
        wanted = section["level" if path.endswith(">") else "index"] * 2.0**octaves
        depths[path] = min(wanted, 1.0 if path.endswith(">") else 32.0)
    return depths


def reach(index: NDArray) -> NDArray[np.float64]:
    """How many side frequencies of a sine modulated with this index (radians) are above -60 dB."""
    return np.interp(index, _INDICES, _SIDES)


def _rooms(depths: Mapping[str, float], top: NDArray) -> dict[str, float]:
    """What the index of every path may be multiplied by, at most; 1 and more where it fits. top [4]: rates."""
    one, two, three, four = top
    index = {path: depths[path] * _SCALES for path in _PATHS}
    bent = reach(index["4>3"])
    chain = three + (index["4>3"] + bent) / 2.0 * four  # the third operator's own sides count less, twice removed
    ends = {"3": _fitting(three + bent * four) if depths["3>"] else np.inf}
    for name, rate in (("1", one), ("2", two)):
        sides = reach(index[f"3>{name}"]) * chain + reach(index[f"4>{name}"]) * four
        ends[name] = _fitting(rate + sides) if depths[f"{name}>"] else np.inf
    rooms = {path: ends[path[-1]] for path in _PATHS if not path.endswith(">")}
    rooms["4>3"] = min([ends["3"], *(ends[name] for name in "12" if depths[f"3>{name}"])])
    return {path: min(room, float(_SCALES[-1])) for path, room in rooms.items()}


def _fitting(highest: NDArray) -> float:
    """The largest of _SCALES with which the highest rate stays below half the sample rate; 0: none."""
    fits = highest <= _HIGHEST
    return float(_SCALES[fits][-1]) if fits.any() else 0.0


# --- state ----------------------------------------------------------------------------------------------------------
STATE = (State("phase", (_OPERATORS, "lanes", 1), dtype=np.float64),)  # periods, 0..1


# --- kernel ---------------------------------------------------------------------------------------------------------
@jit
def _gains(age, brightness, path, step_s, out):
    """One lane. path [7, 9]: its values in the order of VALUES; out [9, knots]."""
    zero = np.float32(0.0)
    for p in range(_P):
        attack, rise, decay, rest, fall, bright, limit = path[:, p]
        if rise == zero:
            out[p, :] = zero
            continue
        lift = np.exp(brightness * bright)
        for knot in range(out.shape[1]):
            held = max(age + np.float32(knot * step_s), zero)
            level = rest + fall * np.exp(max(held - attack, zero) * decay)
            out[p, knot] = min(min(held * rise, level) * lift, limit)


@jit
def _bend(source, gains, knot, out):
    """Add what one operator does to another's phase, or to the tone, over 32 samples."""
    start = gains[knot]
    step = (gains[knot + 1] - start) / np.float32(KNOT_FRAMES)
    if start == np.float32(0.0) and step == np.float32(0.0):
        return
    for n in range(KNOT_FRAMES):
        out[n] += source[n] * (start + COUNT[n] * step)


@jit
def _sine(x):
    for n in range(KNOT_FRAMES):
        x[n] = cosine(x[n])


@jit
def _layers(x, gains, knot, out):
    """x [4, 32]: own phases, become operators' cosines; gains [9, knots]; out [32] tone."""
    _sine(x[3])
    _bend(x[3], gains[0], knot, x[2])
    _sine(x[2])
    for c in range(2):
        _bend(x[3], gains[1 + c], knot, x[c])
        _bend(x[2], gains[3 + c], knot, x[c])
        _sine(x[c])
        _bend(x[c], gains[7 + c], knot, out)
    _bend(x[3], gains[5], knot, out)
    _bend(x[2], gains[6], knot, out)


@allocating
def _modulate(factor, clocks, increment, start, paths, step_s, phase, out):
    """factor [V, knots]; clocks keep, age, brightness [V]; increment, start, phase [4, V]; paths [7, 9, V]."""
    keep, age, brightness = clocks
    knots = factor.shape[1]
    x, gains = np.empty((_OPERATORS, KNOT_FRAMES), np.float32), np.empty((_P, knots), np.float32)
    out[:] = 0.0
    for v in range(keep.size):
        if increment[0, v] == 0.0:  # an idle lane
            continue
        _gains(age[v], brightness[v], paths[:, :, v], step_s, gains)
        for o in range(_OPERATORS):
            phase[o, v] = keep[v] * phase[o, v] + start[o, v]
        for knot in range(knots - 1):
            for o in range(_OPERATORS):
                p = phase[o, v] - np.floor(phase[o, v])
                rate = increment[o, v] * factor[v, knot]
                bend = (increment[o, v] * factor[v, knot + 1] - rate) / (2 * KNOT_FRAMES)
                run(np.float32(p), np.float32(rate), np.float32(bend), x[o])
                phase[o, v] = p + KNOT_FRAMES * (rate + KNOT_FRAMES * bend)
            _layers(x, gains, knot, out[v, knot * KNOT_FRAMES : (knot + 1) * KNOT_FRAMES])
        for o in range(_OPERATORS):
            phase[o, v] -= np.floor(phase[o, v])


def kernel(layout: Layout, inputs: Arrays, state: Arrays, out: Arrays) -> None:
    """→ out["tone"] [lanes, frames]; state["phase"] moves on."""
    increment, start, *paths = (inputs[port.name][..., 0] for port in VALUES)
    clocks = tuple(inputs[name][:, 0] for name in ("keep", "age", "brightness"))
    step_s = KNOT_FRAMES / layout.sample_rate_hz
    _modulate(inputs["factor"], clocks, increment, start, np.stack(paths), step_s, state["phase"][..., 0], out["tone"])


# --- graph ----------------------------------------------------------------------------------------------------------
def _draw_gains(g: Builder, layout: Layout, x: Mapping[str, Tensor]) -> list[Tensor]:
    """Paths at samples: [V, 1, frames], 2, 2, 1, 1, 2 of them."""
    held = g.unary("Relu", x["age"] + np.arange(layout.knots) * (KNOT_FRAMES / layout.sample_rate_hz))
    held = abreast(g, held)
    since_peak = g.unary("Relu", held - x["path_attack"])  # [V, 9, knots]
    level = x["path_rest"] + x["path_fall"] * g.unary("Exp", since_peak * x["path_decay"])
    lift = g.unary("Exp", x["path_bright"] * abreast(g, x["brightness"]))
    gains = g.minimum(g.minimum(held * x["path_rise"], level) * lift, x["path_limit"])
    return g.split(lines(g, layout, gains, _P), (1, 2, 2, 1, 1, 2), axis=1)


def graph(g: Builder, layout: Layout, x: Mapping[str, Tensor], state: Mapping[str, Tensor]) -> tuple[Tensors, Tensors]:
    """Three layers: operator 4, operator 3, both carriers at once."""
    begin = state["phase"] * g.cast(abreast(g, x["keep"]), np.float64) + x["operator_start"]
    turns, last = phases(g, layout, x["operator_increment"] * abreast(g, x["factor"]), begin, _OPERATORS)
    carriers, third, fourth = g.split(turns, (2, 1, 1), axis=1)
    to_third, from_fourth, from_third, hear_fourth, hear_third, hear = _draw_gains(g, layout, x)
    s4 = draw_cosine(g, fourth)
    s3 = draw_cosine(g, third + to_third * s4)
    heard = hear * draw_cosine(g, carriers + from_fourth * s4 + from_third * s3)
    modulators = g.reshape(hear_fourth * s4 + hear_third * s3, (layout.lanes, layout.block_frames))
    return {"tone": g.reduce_sum(heard, axes=(1,)) + modulators}, {"phase": last}


# --- record ---------------------------------------------------------------------------------------------------------
TONE = Port("tone", ("lanes", "frames"), -1.0, 1.0, "frames")
PHASE_MODULATION = Unit(
    name="phase_modulation",
    sections={"pm": PARAMS} | {f"operator_{i + 1}": OPERATOR for i in range(_OPERATORS)},
    inputs=(FACTOR,),
    clocks=("keep", "age", "brightness"),
    values=VALUES,
    prepare=prepare,
    outputs=(TONE,),
    state=STATE,
    kernel=kernel,
    graph=graph,
    tolerance=1e-3,  # float32 phases differ by 5e-7 periods, and two indices of 16 multiply that
)
