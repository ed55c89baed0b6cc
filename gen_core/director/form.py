"""Form by chance: which earlier bar a bar brings back, so that motifs return and sections rhyme.

A section has eight bars, a phrase four. A section may rhyme with one of the three before it, bar for bar; where it does
not, its second phrase may answer the first. Both are drawn from (seed, section), so that a bar composed again recalls
the same bar. With `repeat` at 1 every bar brings back the one four bars ago: a locked loop.
"""

from gen_core.sequence.recall import Bars, Played
from gen_core.spec.chance import draw

SECTION_BARS, PHRASE_BARS = 8, 4
REACH_SECTIONS = 3
_SECTION, _WHICH, _PHRASE = 7, 8, 9  # places of chance, beyond those of the six fields
_PERIODS = (1, 2, 4, 8)  # bars
AVOIDED = -4.0  # nats by which the keys of a bar that would close the circle are disfavoured
STRONGEST = 60.0  # nats: nothing that is allowed is likelier


def recalled_bar(seed: int, bar: int, repeat: float) -> int:
    """Number of the earlier bar that `bar` brings back, or -1. `repeat` 0..1."""
    if repeat >= 1:
        return max(bar - PHRASE_BARS, -1)
    section, within = divmod(bar, SECTION_BARS)
    chance = repeat * repeat
    if section and draw(seed, section, _SECTION) < chance:
        back = 1 + int(draw(seed, section, _WHICH) * min(section, REACH_SECTIONS))
        return bar - back * SECTION_BARS
    if within >= PHRASE_BARS and draw(seed, section, _PHRASE) < chance:
        return bar - PHRASE_BARS
    return -1


def recall_strength(repeat: float) -> float:
    """Nats by which what is recalled is favoured: 3 at one half, 9 at 0.8, and as good as all at 1."""
    return STRONGEST if repeat >= 1 else min(1 + 2 * repeat / (1 - repeat), STRONGEST)


def stuck(bars: Bars, repeat: float) -> int:
    """Number of the bar that the present one should not be again, because the music runs in a circle; or -1.

    A small network whose unlikely draws are cut off can fall into a loop and stay. It is one where of the last eight
    bars more than so many are the bar one, two, four or eight before: four at `repeat` 0, six at one half, never at 1.
    """
    for period in _PERIODS:
        last = range(bars.number - SECTION_BARS, bars.number)
        same = sum(_alike(bars.get(bar), bars.get(bar - period)) for bar in last)
        if same > SECTION_BARS * (1 + repeat) / 2:
            return bars.number - period
    return -1


def _alike(bar: tuple[Played, ...] | None, other: tuple[Played, ...] | None) -> bool:
    """Whether four fifths of the notes of either bar are in both."""
    if bar is None or other is None:
        return False
    notes, others = ({(p.position, p.event.part, p.event.pitch) for p in played} for played in (bar, other))
    return len(notes & others) >= 0.8 * max(len(notes), len(others))


def remembers(seed: int, bar: int, repeat: float) -> bool:
    """Whether the network may see the match index in this bar: never at 0, always at 1. With it always, it loops."""
    return draw(seed, bar, _SECTION, _PHRASE) < repeat
