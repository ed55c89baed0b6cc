"""Which book is confirmed, which is on trial, which is next: MCUboot's test, confirm and revert as plain data.

A slot is named together with the hash of what it held, so that no mark can ever apply to another book.
"""

import json
from dataclasses import asdict, dataclass, replace
from typing import Any

FILE = "boot.json"
SLOTS = ("a", "b")
FACTORY = "factory"
FORMAT = 1


@dataclass(frozen=True)
class Mark:
    """A book in a slot. `hash` is the MCUboot hash in hex; `permanent` asks for no trial; `counter` is its own."""

    slot: str
    hash: str
    permanent: bool = False
    counter: int = 0


@dataclass(frozen=True)
class BootState:
    """What survives a power cut. No `confirmed` means the factory book."""

    confirmed: Mark | None = None
    following: Mark | None = None  # to be tried at the next boot
    trial: Mark | None = None  # being tried since the last boot
    proven: tuple[str, ...] = ()  # hashes confirmed at some time; good enough to fall back to
    counter: int = 0  # the highest that was confirmed; a book below it is no longer taken

    def booted(self) -> "BootState":
        """The state after power-on: an unconfirmed trial is over, what is marked begins."""
        following = self.following
        if following is None or self._same(following, self.confirmed):
            return replace(self, trial=None, following=None)
        if following.permanent:
            return self._confirm(following)
        return replace(self, trial=following, following=None)

    def with_confirmed(self, mark: Mark) -> "BootState":
        """The state once `mark`, which is playing, is confirmed; what is marked for the next boot stays marked."""
        return replace(self._confirm(mark), following=self.following)

    def _confirm(self, mark: Mark) -> "BootState":
        kept = [hash_ for hash_ in self.proven if hash_ != mark.hash][-1:]  # two slots, two hashes
        plain = replace(mark, permanent=False)
        return BootState(confirmed=plain, proven=(*kept, mark.hash), counter=max(self.counter, mark.counter))

    @staticmethod
    def _same(one: Mark, other: Mark | None) -> bool:
        return other is not None and (one.slot, one.hash) == (other.slot, other.hash)


def to_json(state: BootState) -> bytes:
    """The state as a file that a person can read."""
    return json.dumps({"format": FORMAT} | asdict(state), indent=1).encode()


def from_json(data: bytes) -> BootState:
    """The state of a file. ValueError, KeyError or TypeError if it is none of ours."""
    values: dict[str, Any] = json.loads(data)
    if values["format"] != FORMAT:
        raise ValueError(f"format {values['format']}")
    marks = {key: _mark(values.get(key)) for key in ("confirmed", "following", "trial")}
    proven = tuple(str(hash_) for hash_ in values.get("proven", ()))
    return BootState(proven=proven, counter=int(values.get("counter", 0)), **marks)


def _mark(values: dict[str, Any] | None) -> Mark | None:
    if values is None:
        return None
    permanent, counter = bool(values.get("permanent", False)), int(values.get("counter", 0))
    mark = Mark(str(values["slot"]), str(values["hash"]), permanent, counter)
    if mark.slot not in SLOTS:
        raise ValueError(f"slot {mark.slot}")
    return mark
