"""SMP group 65, ours: the declared parameters with their values, how the board is doing, and its seed."""

import time
from collections.abc import Mapping
from typing import Any

import cbor2

import gen_core
from gen_core.spec.errors import UsageError
from targets.protocol import smp
from targets.runtime import health as vital
from targets.runtime.machine import PRODUCT, Commands, Machine, resident_bytes
from targets.runtime.rejection import Rejection
from targets.runtime.saved import SEED
from targets.runtime.slots import Held

GROUP = smp.Group.LIMONAIRE
ENVELOPE_BYTES = 64  # SMP header, framing, and the map around the list


def parameters(machine: Machine, request: Mapping[str, Any]) -> dict[str, Any]:
    """{"off": n} → {"total", "off", "params": declarations with "value", from the n-th on, as many as fit}."""
    start = request.get("off", 0)
    if not isinstance(start, int) or isinstance(start, bool) or start < 0:
        raise Rejection(smp.ReturnCode.EINVAL, "off must be a number from 0")
    params = list(machine.performance.params.values())
    room, page = machine.buffer_bytes - ENVELOPE_BYTES, []
    for param in params[start:]:
        entry = param.to_dict() | {"value": machine.performance.get(param.id)}
        room -= len(cbor2.dumps(entry))
        if room < 0:
            break
        page.append(entry)
    return {"total": len(params), "off": start, "params": page}


def status(machine: Machine, request: Mapping[str, Any]) -> dict[str, Any]:
    """{} → what plays, where it is, for how long, and everything that was counted."""
    slots, performance, sink = machine.slots, machine.performance, machine.engine.sink
    held = slots.held(slots.active)
    bar, beat = performance.position()
    return {
        "board": machine.board,
        "serial": machine.serial,
        "product": PRODUCT,
        "version": gen_core.__version__,
        "book": _facts(held) if held else None,
        "seed": performance.seed,
        "open": slots.trusted is None,
        "listening": machine.listening,
        "bar": bar,
        "beat": beat,
        "uptime_s": time.monotonic() - machine.started_s,
        "rss_bytes": resident_bytes(),
        "sink": {"kind": sink.kind, "path": sink.path, "frames": sink.frames},
        "stats": {**performance.stats(), **machine.engine.stats(), **machine.osc.stats()},
    }


def health(machine: Machine, request: Mapping[str, Any]) -> dict[str, Any]:
    """{} → {"ok", "reasons": texts, counters}."""
    return vital.report(machine)


def get_seed(machine: Machine, request: Mapping[str, Any]) -> dict[str, Any]:
    """{} → {"seed": number}."""
    return {"seed": machine.performance.seed}


def set_seed(machine: Machine, request: Mapping[str, Any]) -> dict[str, Any]:
    """{"seed": number} → {}; from now on it was chosen, and `save` keeps it."""
    seed, params = request.get("seed"), machine.performance.params
    if not isinstance(seed, int) or isinstance(seed, bool):
        raise Rejection(smp.ReturnCode.EINVAL, "seed must be a whole number")
    if SEED not in params:
        raise Rejection(smp.ReturnCode.EBADSTATE, "what plays has no seed to set")
    try:
        machine.performance.set(SEED, params[SEED].check(seed))
    except UsageError as error:
        raise Rejection(smp.ReturnCode.EINVAL, str(error)) from None
    machine.drawn_seed = None
    return {}


def show_token(machine: Machine, request: Mapping[str, Any]) -> dict[str, Any]:
    """{"token": text} → {}; the address that sent it may write for an hour."""
    refusal = machine.access.present(request.get("token"), machine.speaker)
    if refusal:
        raise Rejection(smp.ReturnCode.EACCESSDENIED, refusal)
    return {}


def _facts(held: Held) -> dict[str, Any]:
    return {"name": held.name, "version": str(held.version), "hash": bytes.fromhex(held.hash)}


def copy(machine: Machine, request: Mapping[str, Any]) -> dict[str, Any]:
    """{"off", "size", "sha"} → {"off": next byte wanted}: the next piece of an upload, from a book that is here."""
    return machine.upload.copy(request)


COMMANDS: Commands = {
    (smp.LimonaireCommand.PARAMS, smp.Op.READ): parameters,
    (smp.LimonaireCommand.STATUS, smp.Op.READ): status,
    (smp.LimonaireCommand.COPY, smp.Op.WRITE): copy,
    (smp.LimonaireCommand.HEALTH, smp.Op.READ): health,
    (smp.LimonaireCommand.SEED, smp.Op.READ): get_seed,
    (smp.LimonaireCommand.SEED, smp.Op.WRITE): set_seed,
    (smp.LimonaireCommand.TOKEN, smp.Op.WRITE): show_token,
}
