"""Lead sheets: chords over bars, as plain text.

    meter: 3/4          # both lines of the header may be missing
    key: G major        # the home key: where its notes hold all tones of a chord, they pass between them

    | G | Em | Am D7 | G/B . D7 |    # chords share their bar equally
    | %  | N.C. | C#dim | D7 |       # % alone: the bar before once more; . or % beside chords: the chord before goes on

What stands behind `# ` or at the start of a line behind `#` is a comment; a sharp has no blank behind it.
"""

import re
from bisect import bisect_right
from dataclasses import dataclass, replace
from functools import cached_property

from gen_core.spec.errors import UsageError
from gen_core.spec.param import suggestion
from gen_core.theory.chords import Chord, parse_chord
from gen_core.theory.meter import Meter, parse_meter
from gen_core.theory.scales import KEYS, SCALES, scale_pitch_classes

HEADERS = ("meter", "key")
_AGAIN = ("%", ".")
Share = tuple[Chord, int]  # a chord, and on how many of its bar's equal shares it holds


@dataclass(frozen=True)
class LeadSheet:
    """What was written. `meter` and `key` (pitch classes of the home key) are None where the header is silent."""

    bars: tuple[tuple[Share, ...], ...]
    meter: Meter | None = None
    key: tuple[int, ...] | None = None

    def in_meter(self, meter: Meter) -> "LeadSheet":
        """The same, bound to `meter`. UsageError where it is written in another."""
        if self.meter and self.meter != meter:
            cause = f"the metre {meter} contradicts the lead sheet, which is in {self.meter}"
            raise UsageError(cause, "leave one of them out")
        return replace(self, meter=meter)

    def harmony(self, meter: Meter) -> "Harmony":
        """The chords on the grid in `meter`. UsageError where this is not the sheet's, or a bar cannot be divided."""
        self.in_meter(meter)
        spans = []
        for number, bar in enumerate(self.bars):
            shares = sum(share for _, share in bar)
            if meter.bar_steps % shares:
                cause = f"bar {number + 1} has {shares} chords, which cannot share {meter.bar_steps} steps of {meter}"
                raise UsageError(cause, "write another number of chords, or repeat some with .")
            at, step = number * meter.bar_steps, meter.bar_steps // shares
            for chord, share in bar:
                spans.append(Span(at, chord, self._passing(chord), number + 1))
                at += share * step
        return Harmony(tuple(spans), len(self.bars) * meter.bar_steps)

    def _passing(self, chord: Chord) -> frozenset[int]:
        """The chord's tones and what may pass between: the home key's notes, if these hold the tones; or its scale."""
        home = frozenset(self.key or ())
        if self.key and (chord.root < 0 or chord.tones <= home):
            return home
        return chord.scale


@dataclass(frozen=True)
class Span:
    """A chord from `start` (steps from the first bar) until the next one. `passing` holds the chord's tones."""

    start: int
    chord: Chord
    passing: frozenset[int]
    bar: int  # of the sheet, from 1


@dataclass(frozen=True)
class Harmony:
    """Chords on the grid, `steps` long, which begin again at their end for as long as the music goes on."""

    spans: tuple[Span, ...]
    steps: int

    @cached_property
    def _starts(self) -> list[int]:
        return [span.start for span in self.spans]

    def at(self, step: int) -> Span:
        """The chord that holds at an absolute step."""
        return self.spans[bisect_right(self._starts, step % self.steps) - 1]

    def changes_at(self, step: int) -> bool:
        """Whether a chord begins at an absolute step."""
        return self.at(step).start == step % self.steps

    def steps_until_refused(self, step: int, pitch_class: int, horizon: int) -> int:
        """For how many steps from `step` each later chord takes `pitch_class` as tone or passing note; <= horizon."""
        index = bisect_right(self._starts, step % self.steps)
        turn = step - step % self.steps
        while True:
            if index == len(self.spans):
                index, turn = 0, turn + self.steps
            span = self.spans[index]
            if turn + span.start - step >= horizon:
                return horizon
            if pitch_class not in span.passing:
                return turn + span.start - step
            index += 1


def parse_lead_sheet(text: str) -> LeadSheet:
    """Read a lead sheet. UsageError names the line, and the symbol that cannot be read."""
    meter, key = None, None
    bars: list[tuple[Share, ...]] = []
    for number, raw in enumerate(text.splitlines(), 1):
        line = re.sub(r"(^|\s)#(\s.*|$)|^\s*#.*", "", raw).strip()
        try:
            if ":" in line:
                name, _, value = line.partition(":")
                name = _header(name.strip().lower(), bool(bars))
                meter = parse_meter(value) if name == "meter" else meter
                key = parse_key(value) if name == "key" else key
            elif line:
                bars += _bars(line, bars)
        except UsageError as error:
            raise UsageError(f"lead sheet line {number}: {error.cause}", error.next_step) from None
    if not bars:
        raise UsageError("the lead sheet has no bars", "write chords between bar lines: | C | Am F | G7 |")
    return LeadSheet(tuple(bars), meter, key)


def parse_key(text: str) -> tuple[int, ...]:
    """`G major`, `f# minor`, `Eb dorian` → pitch classes, ascending. UsageError where it is no key."""
    match = re.fullmatch(r"\s*([A-Ga-g])([#b♯♭]?)\s*(\w*)\s*", text)
    scale = match[3].lower() or "major" if match else ""
    if not match or scale not in SCALES:
        raise UsageError(f"{text.strip()!r} is no key", suggestion(scale, SCALES) or "write tonic and scale: G major")
    tonic = parse_chord(match[1].upper() + match[2]).root
    return scale_pitch_classes(KEYS[tonic + 1], scale)


def _header(name: str, late: bool) -> str:
    if name not in HEADERS:
        raise UsageError(f"there is no header {name!r}", suggestion(name, HEADERS) or f"give {' or '.join(HEADERS)}")
    if late:
        raise UsageError(f"{name} stands behind the first bar", "write the header before the bars")
    return name


def _bars(line: str, before: list[tuple[Share, ...]]) -> list[tuple[Share, ...]]:
    """The bars of one line, given those of the lines before it."""
    cells = line.removeprefix("|").removesuffix("|").split("|")
    bars: list[tuple[Share, ...]] = []
    for cell in cells:
        symbols, last = cell.split(), ([*before, *bars] or [()])[-1]
        if not symbols:
            raise UsageError("a bar is empty", "write its chords, % to repeat the bar before, or N.C.")
        if symbols[0] in _AGAIN and not last:
            raise UsageError(f"{symbols[0]!r} has nothing before it to repeat", "begin with a chord")
        bars.append(last if symbols == ["%"] else _shares(symbols, last))
    return bars


def _shares(symbols: list[str], last: tuple[Share, ...]) -> tuple[Share, ...]:
    """The chords of one bar; a repeat sign at its beginning strikes the chord of the bar before once more."""
    shares: list[Share] = []
    for symbol in symbols:
        if symbol not in _AGAIN:
            shares.append((parse_chord(symbol), 1))
        elif shares:
            shares[-1] = (shares[-1][0], shares[-1][1] + 1)
        else:
            shares.append((last[-1][0], 1))
    return tuple(shares)
