"""The director: keeps what is asked for, decides when a change lands, and keeps the composer ahead of the sound."""

from bisect import insort
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, NamedTuple

from gen_core.director import controls
from gen_core.director.bars import Bars
from gen_core.director.composer import EARLY_TICKS, Composer, Request
from gen_core.sequence.layout import WISHES
from gen_core.sequence.rules import ENDLESS, UNLIMITED, PartRule, Rules
from gen_core.sequence.sampler import StepModel
from gen_core.spec.errors import VerificationError
from gen_core.spec.note import Note
from gen_core.spec.param import Param
from gen_core.theory.lead_sheet import LeadSheet
from gen_core.theory.meter import Meter
from gen_core.theory.scales import KEYS, SCALES, scale_pitch_classes

CONTROLS = (*(param.id for param in controls.PARAMS), "ensemble")
STYLES = tuple(param.id for param in controls.STYLE_WEIGHTS)
AT_BAR_LINES = ("ensemble", "repeat", "meter", *STYLES)  # what the composer reads only there


@dataclass(frozen=True)
class Ensemble:
    """Who plays: for each part its name, rule and instrument."""

    name: str
    parts: tuple[str, ...]
    rules: tuple[PartRule, ...]
    instruments: tuple[str, ...]
    gains_db: tuple[float, ...]  # that set the parts in balance, and the whole to the loudness of other ensembles

    @classmethod
    def from_manifest(cls, name: str, parts: Sequence[Mapping[str, Any]]) -> "Ensemble":
        """Read one ensemble of the book's manifest; raises VerificationError where a key is missing."""
        try:
            rules = tuple(
                PartRule(p["program"], p["low"], p["high"], p["chord"], p.get("polyphony", UNLIMITED), p["part"])
                for p in parts
            )
            names, players = (tuple(p[key] for p in parts) for key in ("part", "instrument"))
            return cls(name, names, rules, players, tuple(float(p.get("gain_db", 0.0)) for p in parts))
        except KeyError as error:
            raise VerificationError(f"the ensemble {name!r} lacks {error}", "build the book again") from None


class Change(NamedTuple):
    """A control takes a value from `tick`, a beat, on."""

    tick: int
    id: str
    value: float


class Director:
    """Turns control values into requests and requests into notes. One thread at a time."""

    def __init__(
        self,
        model: StepModel,
        ensembles: Sequence[Ensemble],
        values: Mapping[str, float],
        sheet: LeadSheet | None = None,
        length_bars: int | None = None,
    ) -> None:
        """`sheet`: chords to obey, over and over; `length_bars`: the piece ends with so many bars of its first metre.

        Raises UsageError where what is asked for contradicts itself.
        """
        self.ensembles = tuple(ensembles)
        self._base = {param.id: values.get(param.id, param.default) for param in controls.PARAMS}
        self._base["ensemble"] = values["ensemble"]
        self._changes: list[Change] = []  # those that a rewind may still reach
        first = controls.meter_of(self._base["meter"])
        self._sheet = sheet and sheet.in_meter(first)
        self._end_step = ENDLESS if length_bars is None else length_bars * first.bar_steps
        self.bars = self._base_bars = Bars.of(first.bar_ticks)  # replaced whole: other threads may read it
        self._composer = Composer(model, self._request(0))

    @property
    def composed_until(self) -> int:
        """Tick up to which the music is written."""
        return self._composer.composed_until

    @property
    def complete(self) -> bool:
        """Whether the piece has been written to its end; never without a length."""
        return self._composer.complete

    def ensemble_at(self, tick: int) -> Ensemble:
        """Who plays at `tick`: whoever was chosen when its bar began."""
        return self.ensembles[int(self._values(self.bars.line_before(tick))["ensemble"])]

    def change(self, change: Change) -> int:
        """Let a control change at `change.tick`; returns the beat from which the music must be taken anew.

        The last word counts: what the same control was to become there or later is forgotten.
        """
        self._changes = [held for held in self._changes if held.id != change.id or held.tick < change.tick]
        insort(self._changes, change)
        self.bars = _with_changes(self._base_bars, self._changes)
        return self._composer.rewind(self.bars.beat_after(change.tick))

    def compose(self) -> list[Note]:
        """The next stretch of music, at most to the bar line; a change inside the bar cuts the stretch short."""
        start = self._composer.composed_until
        self._composer.ask(self._request(start))
        notes = self._composer.compose_bar()
        beats = (self.bars.beat_after(change.tick) for change in self._changes)
        inside = [beat for beat in beats if start < beat < self._composer.composed_until]
        if inside:
            cut = self._composer.rewind(min(inside))
            notes = [note for note in notes if note.tick < cut - EARLY_TICKS]
        return notes

    def forget(self, tick: int) -> None:
        """What lies before `tick` has sounded; it will not be taken back."""
        past = [change for change in self._changes if change.tick <= tick]
        for change in past:
            self._base[change.id] = change.value
        self._base_bars = _with_changes(self._base_bars, past).since(tick)
        self._changes = self._changes[len(past) :]

    def _values(self, tick: int) -> dict[str, float]:
        return self._base | {change.id: change.value for change in self._changes if change.tick <= tick}

    def check(self, values: Mapping[str, float]) -> None:
        """Raises UsageError where the ensemble of `values` cannot play what they, and the lead sheet, ask for."""
        self._rules(self.ensembles[int(values["ensemble"])], values, values.get("meter", self._base["meter"]))

    def _request(self, tick: int) -> Request:
        values = self._values(tick)
        meter = self._values(self.bars.line_before(tick))["meter"]
        return Request(
            rules=self._rules(self.ensemble_at(tick), values, meter),
            seed=int(values["seed"]),
            style=tuple(values[style] for style in STYLES),
            **{name: values[name] for name in ("bpm", "temperature", "repeat", *WISHES)},
        )

    def _rules(self, ensemble: Ensemble, values: Mapping[str, float], meter: float) -> Rules:
        scale = scale_pitch_classes(KEYS[int(values["key"])], tuple(SCALES)[int(values["scale"])])
        return _made_rules(ensemble.rules, scale, controls.meter_of(meter), self._sheet, self._end_step)


@lru_cache(maxsize=64)
def _made_rules(
    parts: tuple[PartRule, ...], scale: tuple[int, ...], meter: Meter, sheet: LeadSheet | None, end_step: int
) -> Rules:
    """Checked once, then asked for at every bar."""
    return Rules(parts, scale, meter, sheet.harmony(meter) if sheet else None, end_step)


def _with_changes(bars: Bars, changes: Sequence[Change]) -> Bars:
    """Bars after what `changes`, in order, make of the metre."""
    for change in changes:
        if change.id == "meter":
            bars = bars.changed(change.tick, controls.meter_of(change.value).bar_ticks)
    return bars


def control_params(ensembles: Sequence[str]) -> tuple[Param, ...]:
    """Declarations of every control of a book with these ensembles."""
    return (*controls.PARAMS, controls.ensemble_param(tuple(ensembles)))
