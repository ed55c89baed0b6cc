"""Who plays a MIDI file: instruments of the synth, of a book or of the user, and the engine that sounds them."""

import importlib.util
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from gen_core.playback.instrument import Instrument
from gen_core.playback.synth import Engine, Synth
from gen_core.spec.errors import UsageError
from gen_core.synth import patches
from gen_core.synth.layout import block_frames
from gen_core.synth.patches import Row
from gen_core.synth.plan import Plan
from host_tools.midi_file import Part
from targets.protocol import book as books

LANES = 64  # of each voice on a host, where an idle lane costs a microsecond: no file that people play runs out of them
_NO_PROGRAM = 1000  # far from all: a kit that stands for none is played where it is asked for
_FAMILY = 8  # General MIDI counts its instruments in families of eight


def has_kernels() -> bool:
    """Whether Numba is there to compile them."""
    return importlib.util.find_spec("numba") is not None


@dataclass(frozen=True)
class Orchestra:
    """Rows to play by and the plan that sounds them. `graph`: a book's own, where nothing differs from the book.

    `own`: rows of the user that parts look at first, the last given first.
    """

    rows: tuple[Row, ...]
    plan: Plan
    graph: bytes = b""
    own: tuple[Row, ...] = ()

    def synth(self, engine: str, parts: int) -> Synth:
        """Ready to play; `engine`: numba (the kernels) or onnx (a graph, drawn here unless the book's own serves)."""
        made: Engine
        if engine == "numba":
            from gen_core.synth.kernel_engine import KernelEngine

            made = KernelEngine(self.plan)
        else:
            from gen_core.playback.graph_engine import GraphEngine

            made = GraphEngine(self.graph or _drawn(self.plan), self.plan)
        return Synth(made, [Instrument(row) for row in self.rows], parts)

    def dry(self) -> "Orchestra":
        """The same voices with no effect to compute but the limiter, for whoever listens to the bus before it."""
        return replace(self, plan=replace(self.plan, effects=("limiter",)), graph=b"")

    def player(self, part: Part) -> str:
        """The instrument or kit of a part: the user's own where it fits, else by the General MIDI program."""
        own = [row for row in self.own if ("kit" in row) == part.percussion]
        for fits in (lambda row: part.program in row.get("programs", ()), lambda row: not row.get("programs")):
            for row in own:
                if fits(row):
                    return str(row["name"])
        others = [row for row in self.rows if row["name"] not in {row["name"] for row in self.own}]
        return by_program(others or self.rows, part.program, part.percussion)


def by_program(rows: Sequence[Mapping[str, Any]], program: int, percussion: bool = False) -> str:
    """The instrument that stands for a General MIDI program, else one of its family; the kit of the nearest number."""
    if percussion:
        kits = [row for row in rows if "kit" in row]
        if kits:
            away = [min(abs(known - program) for known in row.get("programs") or [_NO_PROGRAM]) for row in kits]
            return str(kits[away.index(min(away))]["name"])
    players = [row for row in rows if "voice" in row and "." not in row["name"]] or list(rows)
    family = range(program // _FAMILY * _FAMILY, program // _FAMILY * _FAMILY + _FAMILY)
    for wanted in ([program], family):
        for row in players:
            if set(wanted) & set(row.get("programs", ())):
                return str(row["name"])
    return str(players[0]["name"])


# -- gathering -------------------------------------------------------------------------------------------------------
def gather(
    book: books.Book | None, files: Sequence[Path] = (), sample_rate_hz: int | None = None, lanes: int | None = None
) -> Orchestra:
    """The instruments of a book, or, without one, those that come with the synth; and the user's own from `files`.

    `sample_rate_hz`: other than the book's, or 48000; `lanes` of each voice: other than a board's.
    """
    rows = list(book.manifest["instruments"]) if book else patches.rows()
    plan = Plan.from_manifest(book.manifest["synth"]) if book else patches.plan_for(rows)
    graph = book.files.get(book.manifest["synth"]["graph"], b"") if book else b""
    wanted = plan
    if sample_rate_hz:
        wanted = replace(wanted, sample_rate_hz=sample_rate_hz, block_frames=block_frames(sample_rate_hz))
    own: list[Row] = []
    for file in files:
        added = _renamed(read_patch(file), {row["name"] for row in rows})
        wanted = _with_voices(wanted, added)
        rows += added
        own.insert(0, added[-1])
    if lanes:
        wanted = replace(wanted, voices={name: (wires, lanes) for name, (wires, _) in wanted.voices.items()})
    return Orchestra(tuple(rows), wanted, graph if wanted == plan else b"", tuple(own))


def gather_rows(rows: Sequence[Row], sample_rate_hz: int = 48_000) -> Orchestra:
    """Just these rows; whatever belongs to a kit among them."""
    plan = patches.plan_for(rows, block_frames=block_frames(sample_rate_hz), sample_rate_hz=sample_rate_hz)
    return Orchestra(tuple(rows), plan)


def read_patch(file: Path) -> list[Row]:
    """The rows of a patch file: pieces first, then the instrument or kit itself. UsageError says where it is wrong."""
    try:
        return patches.read(file.read_text("utf-8"), str(file))
    except UnicodeDecodeError:
        raise UsageError(f"{file} is no text", "give a patch: a TOML file") from None


def _renamed(rows: Sequence[Row], taken: set[str]) -> list[Row]:
    """Rows under names that nobody has: a file called flute.toml does not replace the synth's own flute."""
    name = old = rows[-1]["name"]
    number = 2
    while name in taken:
        name, number = f"{old}-{number}", number + 1

    def new(word: str) -> str:
        return name + word.removeprefix(old)

    renamed = [{**row, "name": new(row["name"])} for row in rows]
    if "kit" in rows[-1]:
        renamed[-1]["kit"] = {key: new(piece) for key, piece in rows[-1]["kit"].items()}
    return renamed


def _with_voices(plan: Plan, rows: Sequence[Row]) -> Plan:
    """The plan with what these rows sound on; they are told where a voice of the same name is another in the plan."""
    voices = dict(plan.voices)
    for row in rows:
        if "voice" in row:
            (wires, lanes), name = patches.plan_for([row]).voices[row["voice"]], row["voice"]
            while name in voices and voices[name][0].data() != wires.data():
                name += "_"
            voices.setdefault(name, (wires, lanes))
            row["voice"] = name
    return replace(plan, voices=dict(sorted(voices.items())))


def _drawn(plan: Plan) -> bytes:
    """The plan as a graph, drawn now."""
    from export.synth import synth_graph
    from host_tools.output import hushed

    with hushed():
        return synth_graph(plan)
