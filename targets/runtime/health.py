"""Is the sound all right? What a fresh book must show before it is confirmed, and what an operator wants in a word.

Nothing here depends on a cable or a host: a board that nobody listens to is as healthy as any other.
"""

from collections.abc import Mapping
from typing import Any

from targets.runtime.engine import Engine
from targets.runtime.machine import Machine, resident_bytes
from targets.runtime.performer import Performer

STALLED_S = 1.0  # a sink that takes a block so late does not play
SILENT_S = 30.0  # longer than any rest: after two bars a note must begin, and a bar of 4/4 at 40 bpm lasts 6 s
LATE_SHARE = 0.5  # of the blocks of one second
VOLUME, MUTE = "volume", "mute."  # who turns down all there is wants silence


def report(machine: Machine) -> dict[str, Any]:
    """`ok`, the `reasons` why not, and the counters that an operator looks at first."""
    engine, reasons = machine.engine, machine_reasons(machine)
    counters = {name: number for name, number in engine.stats().items() if name != "realtime"}
    return {"ok": not reasons, "reasons": reasons} | counters | {"rss_bytes": resident_bytes()}


def told(machine: Machine) -> tuple[bool, int, int, float, int]:
    """What OSC tells of it: ok, deadline misses, starved blocks, longest block in ms, memory in bytes."""
    engine = machine.engine
    memory = min(resident_bytes(), 2**31 - 1)
    return not machine_reasons(machine), engine.deadline_misses, engine.starved, engine.render_peak_ms, memory


def machine_reasons(machine: Machine) -> list[str]:
    """Why the board is not healthy, the weightiest first; empty if it is."""
    no_book = [] if machine.slots.active else ["no book plays"]
    return no_book + sound_reasons(machine.engine, machine.performance)


def sound_reasons(engine: Engine, performance: Performer) -> list[str]:
    """Why the sound is not all right; empty if it is."""
    vitals = engine.vitals
    found = {
        engine.broken: bool(engine.broken),
        "nothing has sounded yet": not vitals.heard and not _turned_down(performance.values()),
        f"no block for {vitals.stalled_s:.1f} s": vitals.stalled_s > STALLED_S,
        f"{vitals.late_share:.0%} of the blocks come late": vitals.late_share > LATE_SHARE,
        f"silent for {vitals.silent_s:.0f} s": _silent(engine, performance),
    }
    return [reason for reason, holds in found.items() if holds] + engine.failing()


def _silent(engine: Engine, performance: Performer) -> bool:
    heard, silent_s = engine.vitals.heard, engine.vitals.silent_s
    return heard and silent_s > SILENT_S and not _turned_down(performance.values())


def _turned_down(values: Mapping[str, float]) -> bool:
    mutes = [value >= 0.5 for name, value in values.items() if name.startswith(MUTE)]
    return values.get(VOLUME, 1.0) == 0.0 or (bool(mutes) and all(mutes))
