"""SMP group 3, settings: parameters by name, as 4-byte little-endian floats.

Three layers. A write is heard, and no more: `load` takes it back. `commit` makes what is heard the board's own, to
which `load` goes back from then on, until the board starts again. `save` commits and puts it on the card, which a power
cut survives. `delete` writes the book's own value. What was set in other ways than here, over OSC for instance, is
heard as well, and is taken back, committed and saved with the rest.
"""

import struct
from collections.abc import Mapping
from typing import Any

from gen_core.spec.errors import UsageError
from gen_core.spec.param import find
from targets.protocol import smp
from targets.runtime import saved
from targets.runtime.machine import Commands, Machine
from targets.runtime.rejection import Rejection

GROUP = smp.Group.SETTINGS
VALUE = struct.Struct("<f")


def read(machine: Machine, request: Mapping[str, Any]) -> dict[str, Any]:
    """{"name": id} → {"val": 4 bytes}."""
    room = request.get("max_size")
    if isinstance(room, int) and room < VALUE.size:
        raise Rejection(smp.ReturnCode.EMSGSIZE, f"a value has {VALUE.size} bytes")
    return {"val": VALUE.pack(machine.performance.get(_name(machine, request)))}


def write(machine: Machine, request: Mapping[str, Any]) -> dict[str, Any]:
    """{"name": id, "val": 4 bytes} → {}; out of range is refused, not clamped: nothing flips a bit under a checksum."""
    name, data = _name(machine, request), request.get("val")
    if not isinstance(data, bytes) or len(data) != VALUE.size:
        raise Rejection(smp.ReturnCode.EINVAL, "val must be a 4-byte little-endian float")
    try:
        machine.performance.set(name, machine.performance.params[name].check(_as_declared(machine, name, data)))
    except UsageError as error:
        raise Rejection(smp.ReturnCode.EINVAL, str(error)) from None
    return {}


def delete(machine: Machine, request: Mapping[str, Any]) -> dict[str, Any]:
    """{"name": id} → {}; the parameter takes the book's own value again."""
    name = _name(machine, request)
    machine.performance.set(name, machine.performance.params[name].default)
    return {}


def commit(machine: Machine, request: Mapping[str, Any]) -> dict[str, Any]:
    """{} → {}; what is heard now is where `load` goes back to."""
    machine.committed = dict(machine.performance.values())
    return {}


def load(machine: Machine, request: Mapping[str, Any]) -> dict[str, Any]:
    """{} → {}; every parameter takes its committed value, else its saved one, else the book's own."""
    performance = machine.performance
    wanted = _saved(machine) if machine.committed is None else machine.committed
    for name, value in wanted.items():
        if performance.get(name) != value:
            performance.set(name, value)
    return {}


def save(machine: Machine, request: Mapping[str, Any]) -> dict[str, Any]:
    """{} → {}; the present values are those of the next start."""
    performance, drawn = machine.performance, _drawn(machine)
    values = {name: value for name, value in performance.values().items() if drawn.get(name) != value}
    saved.save(machine.storage, values, performance.params, machine.log)
    machine.committed = None
    return {}


def _saved(machine: Machine) -> dict[str, float]:
    params = machine.performance.params
    own = {name: param.default for name, param in params.items()} | _drawn(machine)
    return own | saved.fitting(saved.load(machine.storage, machine.log), params)


def _drawn(machine: Machine) -> dict[str, float]:
    """The seed, if chance chose it and the book declares it."""
    if machine.drawn_seed is None or saved.SEED not in machine.performance.params:
        return {}
    return {saved.SEED: float(machine.drawn_seed)}


def _name(machine: Machine, request: Mapping[str, Any]) -> str:
    name = request.get("name")
    if not isinstance(name, str):
        raise Rejection(smp.ReturnCode.EINVAL, "a setting needs a name")
    try:
        find(machine.performance.params, name)
    except UsageError as error:
        raise Rejection(smp.SettingsError.KEY_NOT_FOUND, str(error), GROUP) from None
    return name


def _as_declared(machine: Machine, name: str, data: bytes) -> float:
    """The float32 of the wire; a bound that float32 rounded outwards is that bound."""
    value = float(VALUE.unpack(data)[0])
    param = machine.performance.params[name]
    return next((bound for bound in (param.low, param.high) if VALUE.pack(bound) == data), value)


COMMANDS: Commands = {
    (smp.SettingsCommand.READ_WRITE, smp.Op.READ): read,
    (smp.SettingsCommand.READ_WRITE, smp.Op.WRITE): write,
    (smp.SettingsCommand.DELETE, smp.Op.WRITE): delete,
    (smp.SettingsCommand.COMMIT, smp.Op.WRITE): commit,
    (smp.SettingsCommand.LOAD_SAVE, smp.Op.READ): load,
    (smp.SettingsCommand.LOAD_SAVE, smp.Op.WRITE): save,
}
