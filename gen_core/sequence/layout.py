"""What the network is told, column by column: the one table that training, export and sampler share.

Every column is a class number; each has its section (named by its kind) in an embedding table, and a network input is
the sum of the rows that its columns point to. Kinds that occur several times share one section.
"""

from gen_core.sequence import vocabulary as v

NONE = -1  # "nothing there yet"; becomes the last class of its kind

KINDS = {
    "delta": v.SIZES["delta"] + 1,
    "part": v.MAX_PARTS + 1,
    "program": v.DRUM_PROGRAM + 2,
    "pitch": v.SIZES["pitch"] + 1,
    "duration": v.SIZES["duration"] + 1,
    "velocity": v.SIZES["velocity"] + 1,
    "micro": v.SIZES["micro"] + 1,
    "position": v.MAX_BAR_STEPS + 1,
    "bar_steps": v.MAX_BAR_STEPS + 2,
    "tempo": len(v.TEMPO_EDGES_BPM) + 2,
    "span": 36,  # a number of steps: exact to 12, then the lengths that music uses; or never
    "sounding": v.MAX_PARTS + 2,
    "match_length": 8,
    "wish": 9,  # eight octiles of the corpus, or not asked
}
WISHES = ("density", "energy", "register")

Column = tuple[str, str]  # section of the table, kind
PARTS = range(v.MAX_PARTS)

TRUNK: tuple[Column, ...] = (
    *((f"last_{field}", field) for field in ("delta", "part")),
    ("last_program", "program"),
    *((f"last_{field}", field) for field in ("pitch", "duration", "velocity", "micro")),
    ("position", "position"),
    ("bar_steps", "bar_steps"),
    ("tempo", "tempo"),
    ("next_end", "span"),
    ("sounding", "sounding"),
    ("match_length", "match_length"),
    ("match_delta", "delta"),
    ("match_part", "part"),
    ("match_pitch", "pitch"),
    *((wish, "wish") for wish in WISHES),
    *(("ensemble", "program") for _ in PARTS),
)
HEADS: dict[str, tuple[Column, ...]] = {
    "delta": (),
    "part": (
        ("delta", "delta"),
        ("position", "position"),
        *(("since", "span") for _ in PARTS),
        *(("remaining", "span") for _ in PARTS),
        *(("ensemble", "program") for _ in PARTS),
    ),
    "pitch": (
        ("part", "part"),
        ("program", "program"),
        ("own", "pitch"),
        ("own_before", "pitch"),
        ("below", "pitch"),
        ("match_pitch", "pitch"),
        ("match_length", "match_length"),
        ("position", "position"),
        *(("sounding", "pitch") for _ in PARTS),
    ),
    "duration": (
        ("part", "part"),
        ("program", "program"),
        ("pitch", "pitch"),
        ("own", "duration"),
        ("beside", "duration"),
        ("match", "duration"),
        ("position", "position"),
        ("left_in_bar", "bar_steps"),
    ),
    "velocity": (
        ("part", "part"),
        ("program", "program"),
        ("pitch", "pitch"),
        ("own", "velocity"),
        ("match", "velocity"),
        ("position", "position"),
        ("duration", "duration"),
    ),
    "micro": (
        ("program", "program"),
        ("pitch", "pitch"),
        ("own", "micro"),
        ("beside", "micro"),
        ("match", "micro"),
        ("position", "position"),
        ("velocity", "velocity"),
    ),
}
KEY_COLUMNS: tuple[Column, ...] = (("slot", "part"), ("since", "span"), ("remaining", "span"), ("program", "program"))


def offsets(columns: tuple[Column, ...]) -> tuple[list[int], int]:
    """Where each column's section starts in the table of its input, and the table's rows in all."""
    starts: dict[str, int] = {}
    rows = 0
    for section, kind in columns:
        if section not in starts:
            starts[section] = rows
            rows += KINDS[kind]
    return [starts[section] for section, _ in columns], rows
