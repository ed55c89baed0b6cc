"""The players of one take, limited beyond what their book says: range and polyphony of single parts."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from gen_core.spec.errors import UsageError
from gen_core.spec.param import suggestion

Limit = tuple[str, dict[str, int]]  # a part by name, and what its seat is to say


def key_range(text: str) -> Limit:
    """`bass=28-43`: the lowest and the highest MIDI key of a part."""
    match = re.fullmatch(r"(\w+)=(\d{1,3})-(\d{1,3})", text)
    if not match or not 0 <= int(match[2]) <= int(match[3]) <= 127:
        raise UsageError(f"{text!r} is no range of a part", "write part=low-high in MIDI keys: bass=28-43")
    return match[1], {"low": int(match[2]), "high": int(match[3])}


def polyphony(text: str) -> Limit:
    """`chords=2`: how many notes of a part may sound at once."""
    match = re.fullmatch(r"(\w+)=([1-9]\d?)", text)
    if not match:
        raise UsageError(f"{text!r} is no polyphony of a part", "write part=notes at once: chords=2")
    return match[1], {"polyphony": int(match[2])}


def limited(manifest: Mapping[str, Any], ensemble: str, limits: Sequence[Limit]) -> dict[str, Any]:
    """The manifest with `limits` on the parts of one ensemble. UsageError where it has no part of that name."""
    seats = {seat["part"]: dict(seat) for seat in manifest["ensembles"][ensemble]}
    for part, limit in limits:
        if part not in seats:
            has = suggestion(part, seats) or f"it has {', '.join(seats)}"
            raise UsageError(f"the ensemble {ensemble} has no part {part!r}", has)
        seats[part] |= limit
    return {**manifest, "ensembles": {**manifest["ensembles"], ensemble: list(seats.values())}}
