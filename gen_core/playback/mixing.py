"""The parameters that a mixer has: which setting of the synthesizer each of them is."""

from collections.abc import Mapping, Sequence

from gen_core.playback.synth import Synth
from gen_core.synth.knobs import KNOBS

_KNOBS = frozenset(param.id for param in KNOBS)


class Mixing:
    """Hands values to a synthesizer, which glides to them. From any thread."""

    def __init__(self, synth: Synth, parts: Sequence[str]) -> None:
        self._synth = synth
        self._parts = {name: part for part, name in enumerate(parts)}

    def settle_all(self, values: Mapping[str, float]) -> None:
        """Everything at once."""
        for name in values:
            self.settle(name, values)

    def settle(self, name: str, values: Mapping[str, float]) -> None:
        """One parameter, with the others' values at hand; names that the mixer does not know are not its own."""
        head, _, part = name.partition(".")
        if name == "bpm":
            self._synth.desk.set_bpm(values[name])
        elif name == "volume":
            self._synth.set_volume(values[name])
        elif name in self._synth.desk.params:
            self._synth.desk.set(name, values[name])
        elif part in self._parts and head in ("level", "mute"):
            muted = values.get(f"mute.{part}", 0.0) >= 0.5
            self._synth.set_level(self._parts[part], 0.0 if muted else values.get(f"level.{part}", 1.0))
        elif part in self._parts and head in _KNOBS:
            self._synth.set_knob(self._parts[part], head, values[name])
