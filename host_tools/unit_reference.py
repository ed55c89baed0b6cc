"""A page about everything that a patch may say, from the declarations themselves: voices, units, ranges."""

from collections.abc import Sequence

from gen_core.spec.param import Param
from gen_core.synth.knobs import KNOBS, PLAYING
from gen_core.synth.patches import voices
from gen_core.synth.plan import EFFECTS
from gen_core.synth.registry import UNITS
from gen_core.synth.unit import Data, Unit

_HOW = """# Patches: what may be written in one

An instrument is a TOML file. It names the `voice` that it sounds on (`analog` where it names none), and sets what
differs from the defaults, a section for each unit. This is a whole one:

    title = "Tin organ"
    voice = "wave"
    programs = [16]          # General MIDI programs that it stands for

    [oscillator_1]
    wave = [1.0, 0.4, 0.5]   # harmonics, or "saw", "square", …
    level = 0.6

    [amp]
    attack_s = 0.02

`limonaire render any.mid -o out.wav --patch tin_organ.toml` plays it, `limonaire show tin_organ.toml -o tin.png` draws
it. A kit has `[pieces.NAME]` tables, each a patch with `keys`; a piece may have a `pitch_key`, a `choke` group, and be
`one_shot`. A topology of one's own is a table `[voice]` with `units = […]` and, where names do not say it already,
`wires = { "unit.port" = "unit.signal" }`; it ends in the amplifier's `voice`. Where a *form* stands among the units
(`modes`, `drum`, `oscillator`), the patch's sections choose which of its units plays.
"""


def page() -> str:
    """The page as Markdown."""
    parts = [_HOW, _voices(), "## Every patch\n", _section("play", PLAYING)]
    parts += ["## Units\n", *(_unit(unit) for unit in UNITS if unit.name not in EFFECTS and unit.sections)]
    parts += ["## Effects, which all parts share\n", "Set on a board as `section.parameter`.\n"]
    parts += [_unit(unit) for unit in UNITS if unit.name in EFFECTS]
    parts += ["## Knobs of every part\n", "Set on a board as `knob.part`.\n", _rows(KNOBS)]
    return "\n".join(parts)


def _voices() -> str:
    lines = ["## Voices\n", "| voice | units, in the order in which they hear each other |", "|---|---|"]
    lines += [f"| `{name}` | {', '.join(slot.name for slot in wires.slots)} |" for name, wires in voices().items()]
    return "\n".join(lines) + "\n"


def _unit(unit: Unit) -> str:
    """What the unit's own file says of it first, then its sections."""
    first = _first_line(unit)
    form = f" Form: `{unit.form}`." if unit.form else ""
    return "\n".join([f"### {unit.name}\n", f"{first}{form}\n", *(_section(*item) for item in unit.sections.items())])


def _first_line(unit: Unit) -> str:
    import importlib

    module = importlib.import_module(f"gen_core.synth.units.{unit.name}")
    return (module.__doc__ or "").split("\n\n")[0].replace("\n", " ")


def _section(name: str, items: Sequence[Param | Data]) -> str:
    return f"`[{name}]`\n\n{_rows(items)}"


def _rows(items: Sequence[Param | Data]) -> str:
    lines = ["| | range | default | |", "|---|---|---|---|"]
    for item in items:
        if isinstance(item, Data):
            lines.append(f"| `{item.id}` | | `{item.default!r}` | {item.help} |")
        else:
            lines.append(f"| `{item.id}` | {_range(item)} | {item.spoken(item.default)} | {item.help} |")
    return "\n".join(lines).replace("\\|", "/") + "\n"


def _range(param: Param) -> str:
    return ", ".join(param.choices) if param.choices else f"{param.low:g} to {param.spoken(param.high)}"
