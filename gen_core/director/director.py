"""The director: keeps what is asked for, decides when a change lands, and keeps the composer ahead of the sound."""

from bisect import insort
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from gen_core.director import controls
from gen_core.director.composer import BAR_TICKS, EARLY_TICKS, Composer, Request
from gen_core.sequence.layout import WISHES
from gen_core.sequence.rules import PartRule, Rules
from gen_core.sequence.sampler import StepModel
from gen_core.spec.errors import VerificationError
from gen_core.spec.note import Note
from gen_core.spec.param import Param
from gen_core.spec.time import TICKS_PER_QUARTER
from gen_core.theory.scales import KEYS, SCALES, scale_pitch_classes

QUANTUM_TICKS = {"now": 1, "beat": TICKS_PER_QUARTER, "bar": BAR_TICKS}
CONTROLS = (*(param.id for param in controls.PARAMS), "ensemble")
AT_BAR_LINES = ("ensemble", "repeat")  # what the composer reads only there


@dataclass(frozen=True)
class Ensemble:
    """Who plays: for each part its name, rule and instrument."""

    name: str
    parts: tuple[str, ...]
    rules: tuple[PartRule, ...]
    instruments: tuple[str, ...]

    @classmethod
    def from_manifest(cls, name: str, parts: Sequence[Mapping[str, Any]]) -> "Ensemble":
        """Read one ensemble of the book's manifest; raises VerificationError where a key is missing."""
        try:
            rules = tuple(PartRule(p["program"], p["low"], p["high"], p["chord"]) for p in parts)
            return cls(name, tuple(p["part"] for p in parts), rules, tuple(p["instrument"] for p in parts))
        except KeyError as error:
            raise VerificationError(f"the ensemble {name!r} lacks {error}", "build the book again") from None


class Change(NamedTuple):
    """A control takes a value from `tick`, a beat, on."""

    tick: int
    id: str
    value: float


class Director:
    """Turns control values into requests and requests into notes. One thread at a time."""

    def __init__(self, model: StepModel, ensembles: Sequence[Ensemble], values: Mapping[str, float]) -> None:
        self.ensembles = tuple(ensembles)
        self._base = {control: values[control] for control in CONTROLS}
        self._changes: list[Change] = []  # those that a rewind may still reach
        self._composer = Composer(model, self._request(0))

    @property
    def composed_until(self) -> int:
        """Tick up to which the music is written."""
        return self._composer.composed_until

    def ensemble_at(self, tick: int) -> Ensemble:
        """Who plays at `tick`: whoever was chosen when its bar began."""
        return self.ensembles[int(self._values(tick - tick % BAR_TICKS)["ensemble"])]

    def change(self, change: Change) -> int:
        """Let a control change at `change.tick`; returns the beat from which the music must be taken anew.

        The last word counts: what the same control was to become there or later is forgotten.
        """
        self._changes = [held for held in self._changes if held.id != change.id or held.tick < change.tick]
        insort(self._changes, change)
        if change.tick >= self._composer.composed_until:
            return self._composer.composed_until
        return self._composer.rewind(change.tick - change.tick % TICKS_PER_QUARTER)

    def compose(self) -> list[Note]:
        """The next stretch of music, at most to the bar line; a change inside the bar cuts the stretch short."""
        start = self._composer.composed_until
        self._composer.ask(self._request(start))
        notes = self._composer.compose_bar()
        inside = [c.tick for c in self._changes if start < c.tick < self._composer.composed_until]
        if inside:
            cut = self._composer.rewind(min(inside))
            notes = [note for note in notes if note.tick < cut - EARLY_TICKS]
        return notes

    def forget(self, tick: int) -> None:
        """What lies before `tick` has sounded; it will not be taken back."""
        past = [change for change in self._changes if change.tick <= tick]
        for change in past:
            self._base[change.id] = change.value
        self._changes = self._changes[len(past) :]

    def _values(self, tick: int) -> dict[str, float]:
        return self._base | {change.id: change.value for change in self._changes if change.tick <= tick}

    def check(self, values: Mapping[str, float]) -> None:
        """Raises UsageError where the ensemble of `values` cannot play in their scale."""
        _rules(self.ensembles[int(values["ensemble"])], values)

    def _request(self, tick: int) -> Request:
        values = self._values(tick)
        return Request(
            rules=_rules(self.ensemble_at(tick), values),
            seed=int(values["seed"]),
            **{name: values[name] for name in ("bpm", "temperature", "repeat", *WISHES)},
        )


def _rules(ensemble: Ensemble, values: Mapping[str, float]) -> Rules:
    return Rules(ensemble.rules, scale_pitch_classes(KEYS[int(values["key"])], tuple(SCALES)[int(values["scale"])]))


def control_params(ensembles: Sequence[str]) -> tuple[Param, ...]:
    """Declarations of every control of a book with these ensembles."""
    return (*controls.PARAMS, controls.ensemble_param(tuple(ensembles)))
