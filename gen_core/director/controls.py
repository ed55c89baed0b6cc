"""The composer's controls, declared.

A wish at 0.5 asks for nothing; `sequence.wishes` says what it means away from that. Weights of styles make a blend.
"""

from gen_core.sequence.styles import STYLES
from gen_core.spec.param import Param
from gen_core.theory.meter import Meter, parse_meter
from gen_core.theory.scales import KEYS, SCALES

SEED_HIGH = 2**24 - 1  # a float32 on the wire holds every integer up to here
METERS = ("4/4", "3/4", "2/4", "6/8", "5/4", "7/8", "12/8", "9/8", "3/8", "5/8", "6/4", "7/4", "2/2", "3/2")

WISHES = (
    Param(
        id="density", low=0, high=1, default=0.5, quantum="beat",
        help="Notes a quarter: 0 sparse, 1 dense, 0.5 as the music likes.",
    ),
    Param(
        id="energy", low=0, high=1, default=0.5, quantum="beat",
        help="Loud and busy together: 0 calm, 1 driving, 0.5 as the music likes.",
    ),
    Param(
        id="register", low=0, high=1, default=0.5, quantum="beat",
        help="How high the notes lie: 0 low, 1 high, 0.5 as the music likes.",
    ),
    Param(
        id="brightness", low=0, high=1, default=0.5, quantum="beat",
        help="How high the upper line lies: 0 dark, 1 bright, 0.5 as the music likes.",
    ),
    Param(
        id="tension", low=0, high=1, default=0.5, quantum="beat",
        help="How much what sounds together clashes: 0 at rest, 1 tense, 0.5 as the music likes.",
    ),
    Param(
        id="valence", low=0, high=1, default=0.5, quantum="beat",
        help="0 sad, in minor, 1 happy, in major, 0.5 as the music likes.",
    ),
    Param(
        id="polyphony", low=0, high=1, default=0.5, quantum="beat",
        help="How many notes sound together: 0 one, 1 many, 0.5 as the music likes.",
    ),
)  # fmt: skip
STYLE_WEIGHTS = tuple(
    Param(
        id=f"style.{style}", low=0, high=1, default=0, quantum="bar",
        help=f"Weight of the style `{style}` in the blend; where all weights are 0 the style is left open.",
    )
    for style in STYLES
)  # fmt: skip
BPM = Param(id="bpm", low=30, high=240, default=112, unit="bpm", curve="exponential", help="Quarter notes a minute.")
TEMPERATURE = Param(
    id="temperature", low=0.5, high=1.5, default=0.95, quantum="beat",
    help="How bold the draws are: 0.5 the likeliest notes, 1 as the corpus, above that stranger.",
)  # fmt: skip
REPEAT = Param(
    id="repeat", low=0, high=1, default=0.5, quantum="bar",
    help="How much of what was played comes back: 0 always fresh, 1 a locked loop of four bars.",
)  # fmt: skip
SEED = Param(
    id="seed", low=0, high=SEED_HIGH, default=0, kind="int", quantum="bar", help="The same seed gives the same music."
)
KEY = Param(
    id="key", low=0, high=len(KEYS) - 1, default=0, kind="choice", choices=KEYS, quantum="bar",
    help="Tonic of the scale; `any` leaves the key to the composer.",
)  # fmt: skip
SCALE = Param(
    id="scale", low=0, high=len(SCALES) - 1, default=0, kind="choice", choices=tuple(SCALES), quantum="bar",
    help="The notes allowed once a key is chosen; obeyed exactly.",
)  # fmt: skip
METER = Param(
    id="meter", low=0, high=len(METERS) - 1, default=0, kind="choice", choices=METERS, quantum="bar",
    help="Beats of a bar; changes at a bar line.",
)  # fmt: skip
PARAMS = (BPM, *WISHES, *STYLE_WEIGHTS, TEMPERATURE, REPEAT, SEED, KEY, SCALE, METER)


def ensemble_param(names: tuple[str, ...]) -> Param:
    """The choice among the ensembles of a book; the first is the default."""
    return Param(
        id="ensemble", low=0, high=len(names) - 1, default=0, kind="choice", choices=names, quantum="bar",
        help="Who plays.",
    )  # fmt: skip


def meter_of(value: float) -> Meter:
    """The metre that a value of the control `meter` stands for."""
    return parse_meter(METERS[int(value)])
