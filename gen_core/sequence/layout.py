"""What the network is told, column by column: the one table that training, export and sampler share.

Every column is a class number; each has its section (named by its kind) in an embedding table, and a network input is
the sum of the rows that its columns point to. Kinds that occur several times share one section.
"""

from bisect import bisect_right

from gen_core.sequence import vocabulary as v
from gen_core.sequence.features import FEATURES
from gen_core.sequence.harmony import CHORDS
from gen_core.sequence.styles import STYLES

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
    "style": 9,  # STYLES, or not told
    "chord": CHORDS + 1,
    "phrase": 8,  # bars since the start, modulo eight
    "left": 10,  # bars until the end: see `left_class`
}
WISHES = FEATURES
STYLE_SEATS = 8  # a blend of styles is dealt to eight seats: each style sits on as many as its weight

Column = tuple[str, str]  # section of the table, kind
PARTS = range(v.MAX_PARTS)

GIVEN: tuple[Column, ...] = (("in", "span"), ("part", "part"), ("pitch", "pitch"))  # a note that is known beforehand

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
    *(("style", "style") for _ in range(STYLE_SEATS)),
    ("chord", "chord"),
    ("chord_next", "chord"),
    ("phrase", "phrase"),
    ("left", "left"),
    *((f"given{rank}_{name}", kind) for rank in (1, 2) for name, kind in GIVEN),
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
        ("chord", "chord"),
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


LEFT_EDGES = (2, 3, 4, 5, 7, 9, 13, 17)  # bars to the end, the present one included, at which the class changes
TOLD = (*WISHES, "style", "chord", "chord_next", "left")  # sections that may be left untold; all else is heard


def left_class(bars: int) -> int:
    """Bars until the end, the present one included (0: no end in sight) → class of the kind `left`."""
    return bisect_right(LEFT_EDGES, bars) if bars else KINDS["left"] - 1


def style_seats(weights: dict[str, float]) -> tuple[int, ...]:
    """Weights of styles, by name → the style on each of the eight seats; none where all weights are 0.

    Largest remainder: a style has the whole part of its share of the seats, and what is left goes to the largest rests.
    """
    total = sum(weights.values())
    if total <= 0:
        return (KINDS["style"] - 1,) * STYLE_SEATS
    shares = {style: STYLE_SEATS * weights.get(style, 0.0) / total for style in STYLES}
    seats = {style: int(share) for style, share in shares.items()}
    by_rest = sorted(STYLES, key=lambda style: (seats[style] - shares[style], STYLES.index(style)))
    for style in by_rest[: STYLE_SEATS - sum(seats.values())]:
        seats[style] += 1
    return tuple(number for number, style in enumerate(STYLES) for _ in range(seats[style]))


def offsets(columns: tuple[Column, ...]) -> tuple[list[int], int]:
    """Where each column's section starts in the table of its input, and the table's rows in all."""
    starts: dict[str, int] = {}
    rows = 0
    for section, kind in columns:
        if section not in starts:
            starts[section] = rows
            rows += KINDS[kind]
    return [starts[section] for section, _ in columns], rows
