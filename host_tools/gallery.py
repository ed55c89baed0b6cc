"""A page of all instruments that come with the synth: a picture for each family, and what was measured of each."""

import io
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gen_core.synth.patches import Row
from host_tools import measuring, patch_picture
from host_tools.drafts import drafted
from host_tools.orchestra import gather_rows

VELOCITIES = (30, 64, 100, 127)
KEY, VELOCITY = 60, 100
HELD_S, HEARD_S = 1.5, 3.0
SHOWN_S = 2.0  # of each note, in its small pictures
OTHER, KITS = "other", "kits"
FAMILIES = ("fairground", "arcade", "chamber", "room", OTHER, KITS)  # in this order; others follow
LARGEST_BYTES = 150_000
_COLUMNS, _WIDTH_IN, _ROW_IN = 4, 12.0, 2.1
_COLOURS, _SCALES = (128, 64, 32), (1.0, 0.75, 0.5)  # of the picture: as many and as large as fit into the size
_HEAD = ("instrument", "voice", "key", "attack", "decay", *(f"centre at {v}" for v in VELOCITIES), "loudness")

Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class Facts:
    """Of one instrument, at VELOCITY unless `centres_hz`, which is one for each of VELOCITIES."""

    name: str
    title: str
    voice: str
    key: int
    window_s: float  # of the envelope in which the attack is measured
    attack_s: float
    decay_s: float  # inf: it sounds as long as it is held
    centres_hz: tuple[float, ...]
    loudness_db: float


def make(page: Path, rows: Sequence[Row], progress: Progress) -> dict[str, Any]:
    """Write the page and, in a folder of its name beside it, a PNG for each family. Returns the facts by family."""
    sampler = measuring.Sampler(gather_rows(rows))
    members = families(rows)
    total, done = sum(map(len, members.values())), 0
    measured: dict[str, list[Facts]] = {}
    for family, listed in members.items():
        panels = []
        for row, key in listed:
            panels.append((measure(sampler, row, key), sampler.note(row["name"], key, VELOCITY, HELD_S, HEARD_S)))
            done += 1
            progress(done, total)
        measured[family] = [facts for facts, _ in panels]
        with drafted(page.with_suffix("") / f"{family}.png") as file:
            file.write(draw(panels, sampler.sample_rate_hz))
    with drafted(page) as file:
        file.write(text(measured, page.stem).encode())
    return {family: [asdict(facts) for facts in listed] for family, listed in measured.items()}


def families(rows: Sequence[Row]) -> dict[str, list[tuple[Row, int]]]:
    """Instruments by family with the key to play, and the pieces of kits with their first key."""
    found: dict[str, list[tuple[Row, int]]] = {family: [] for family in FAMILIES}
    keys: dict[str, int] = {}
    for row in rows:
        for key, piece in row.get("kit", {}).items():
            keys[piece] = min(int(key), keys.get(piece, 127))
    for row in rows:
        if row["name"] in keys:
            found[KITS].append((row, keys[row["name"]]))
        elif "voice" in row and "." not in row["name"]:
            found.setdefault(str(row.get("family", OTHER)), []).append((row, KEY))
    return {family: listed for family, listed in found.items() if listed}


def measure(sampler: measuring.Sampler, row: Row, key: int) -> Facts:
    """Play it and measure."""
    rate, name = sampler.sample_rate_hz, row["name"]
    notes = {velocity: sampler.note(name, key, velocity, HELD_S, HELD_S) for velocity in (*VELOCITIES, VELOCITY)}
    sound = notes[VELOCITY]
    period_s = max(1.0 / (440.0 * 2.0 ** ((row.get("pitch_key", key) - 69) / 12.0)), measuring.WINDOW_S)
    return Facts(
        name=name,
        title=str(row.get("title", name)),
        voice=row["voice"],
        key=key,
        window_s=period_s,
        attack_s=measuring.attack_s(sound, rate, period_s),
        decay_s=measuring.decay_s(sound, rate),
        centres_hz=tuple(measuring.centroid_hz(notes[velocity], rate) for velocity in VELOCITIES),
        loudness_db=measuring.loudness_db(sound, rate),
    )


# -- the page --------------------------------------------------------------------------------------------------------
def text(measured: Mapping[str, Sequence[Facts]], folder: str) -> str:
    """The page in Markdown."""
    lines = [
        "# What the instruments sound like",
        "",
        "Made by `limonaire gallery`; nothing here is written by hand.",
        "",
        f"Each instrument plays key {KEY} (a kit's piece its own) at velocity {VELOCITY}, held {HELD_S:g} s, without",
        "effects. Attack: from 10 to 90 % of the envelope. Decay: by 60 dB while held. Centre: of the amplitude",
        f"spectrum, at velocities {', '.join(map(str, VELOCITIES))}. Loudness: of the loudest 0.4 s, in LKFS (ITU-R",
        "BS.1770).",
    ]
    for family, listed in measured.items():
        lines += ["", f"## {family.capitalize()}", "", f"![{family}]({folder}/{family}.png)", ""]
        lines += [_line(_HEAD), _line(["---"] * 3 + ["---:"] * (len(_HEAD) - 3))]
        lines += [_line(cells(facts)) for facts in listed]
    return "\n".join(lines) + "\n"


def cells(facts: Facts) -> list[str]:
    """What was measured, as it is printed."""
    centres = [_number(hertz, f"{hertz:.0f} Hz") for hertz in facts.centres_hz]
    loudness = _number(facts.loudness_db, f"{facts.loudness_db:.1f}")
    times = [_attack(facts), _time(facts.decay_s)]
    return [facts.title, facts.voice, str(facts.key), *times, *centres, loudness]


def _line(words: Sequence[str]) -> str:
    return f"| {' | '.join(words)} |"


def _attack(facts: Facts) -> str:
    """What is no longer than the window of the measure is not told apart."""
    short = facts.attack_s <= facts.window_s
    return f"< {math.ceil(facts.window_s * 1000)} ms" if short else _time(facts.attack_s)


def _time(seconds: float) -> str:
    if seconds == math.inf:
        return "holds"
    return _number(seconds, f"{seconds * 1000:.0f} ms" if seconds < 1.0 else f"{seconds:.1f} s")


def _number(value: float, words: str) -> str:
    return words if math.isfinite(value) else "–"


# -- pictures --------------------------------------------------------------------------------------------------------
def draw(panels: Sequence[tuple[Facts, NDArray[np.float32]]], sample_rate_hz: int) -> bytes:
    """Small multiples as a PNG with a palette, LARGEST_BYTES at most."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    rows = math.ceil(len(panels) / _COLUMNS)
    with pyplot.rc_context({**patch_picture.STYLE, "font.size": 7, "axes.titlesize": 8}):
        figure = pyplot.figure(figsize=(_WIDTH_IN, rows * _ROW_IN), layout="constrained")
        grid = figure.add_gridspec(rows, _COLUMNS)
        for place, (facts, note) in enumerate(panels):
            shown = note[: round(SHOWN_S * sample_rate_hz)]
            halves = grid[place // _COLUMNS, place % _COLUMNS].subgridspec(2, 1, height_ratios=(1, 2))
            wave, spectrum = (figure.add_subplot(halves[half]) for half in range(2))
            patch_picture.draw_wave(wave, shown, sample_rate_hz, columns=300)
            patch_picture.draw_spectrum(spectrum, shown, sample_rate_hz, columns=160, rows=72)
            _strip(wave, spectrum, facts)
        picture = io.BytesIO()
        figure.savefig(picture, format="png", dpi=100)
        pyplot.close(figure)
    return smaller(picture.getvalue())


def _strip(wave: Any, spectrum: Any, facts: Facts) -> None:
    """Leave only what small pictures can say."""
    centres = ", ".join(_number(hertz, f"{hertz:.0f}") for hertz in facts.centres_hz)
    wave.set_title(facts.title, color="#1f2933")
    wave.set_xlabel("")
    wave.set_xticks([])
    wave.set_yticks([])
    wave.spines[:].set_visible(False)
    spectrum.set_title("")
    spectrum.set_ylabel("")
    spectrum.set_yticks((100, 1000, 10_000), ["100", "1 k", "10 k"])
    spectrum.set_xticks((0.0, 1.0, SHOWN_S))
    times = f"attack {_attack(facts)}, decay {_time(facts.decay_s)}"
    level = _number(facts.loudness_db, f"{facts.loudness_db:.0f} LKFS")
    spectrum.set_xlabel(f"{times}, {level}\ncentre {centres} Hz", loc="left")


def smaller(png: bytes) -> bytes:
    """The same picture with a palette; of fewer colours, then smaller, where it would be too large."""
    from PIL import Image

    picture = Image.open(io.BytesIO(png)).convert("RGB")
    for scale, colours in ((scale, colours) for scale in _SCALES for colours in _COLOURS):
        scaled = picture.resize((int(picture.width * scale), int(picture.height * scale)))
        out = io.BytesIO()
        plain = scaled.quantize(colours, method=Image.Quantize.MEDIANCUT, dither=Image.Dither.NONE)
        plain.save(out, "PNG", optimize=True)
        if out.tell() <= LARGEST_BYTES:
            break
    return out.getvalue()
