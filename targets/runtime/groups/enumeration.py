"""SMP group 10, enumeration: which groups the board answers."""

from collections.abc import Mapping
from typing import Any

from targets.protocol import smp
from targets.runtime.machine import Commands, Machine
from targets.runtime.rejection import Rejection

GROUP = smp.Group.ENUM
NAMES = {  # as Zephyr calls them
    smp.Group.OS: "os mgmt",
    smp.Group.IMAGE: "img mgmt",
    smp.Group.STAT: "stat mgmt",
    smp.Group.SETTINGS: "settings mgmt",
    smp.Group.FS: "fs mgmt",
    smp.Group.SHELL: "shell mgmt",
    smp.Group.ENUM: "enum mgmt",
    smp.Group.LIMONAIRE: "limonaire",
}


def count(machine: Machine, request: Mapping[str, Any]) -> dict[str, Any]:
    """{} → {"count"}."""
    return {"count": len(_groups())}


def listing(machine: Machine, request: Mapping[str, Any]) -> dict[str, Any]:
    """{} → {"groups": numbers}."""
    return {"groups": sorted(_groups())}


def single(machine: Machine, request: Mapping[str, Any]) -> dict[str, Any]:
    """{"index": from 0} → {"group": number}, and "end" with the last one."""
    index, numbers = request.get("index", 0), sorted(_groups())
    if not isinstance(index, int) or isinstance(index, bool) or index < 0:
        raise Rejection(smp.ReturnCode.EINVAL, "index must be a number from 0")
    if index >= len(numbers):
        raise Rejection(smp.EnumError.INDEX_TOO_LARGE, f"there are {len(numbers)} groups", GROUP)
    return {"group": numbers[index]} | ({"end": True} if index == len(numbers) - 1 else {})


def details(machine: Machine, request: Mapping[str, Any]) -> dict[str, Any]:
    """{"groups": numbers, or nothing for all} → {"groups": [{"group", "name", "handlers"}]}, of those that are here."""
    groups = _groups()
    wanted = request.get("groups", sorted(groups))
    if not isinstance(wanted, list) or not all(isinstance(number, int) for number in wanted):
        raise Rejection(smp.ReturnCode.EINVAL, "groups must be a list of numbers")
    if len(wanted) > len(groups):
        raise Rejection(smp.EnumError.TOO_MANY_GROUP_ENTRIES, f"there are {len(groups)} groups", GROUP)
    return {"groups": [_detail(smp.Group(number), groups[number]) for number in wanted if number in groups]}


def _detail(number: smp.Group, commands: Commands) -> dict[str, Any]:
    return {"group": int(number), "name": NAMES[number], "handlers": len({command for command, _ in commands})}


def _groups() -> Mapping[int, Commands]:
    from targets.runtime.groups.registry import GROUPS  # inside: the registry lists this file, too

    return {int(number): commands for number, commands in GROUPS.items()}


COMMANDS: Commands = {
    (smp.EnumCommand.COUNT, smp.Op.READ): count,
    (smp.EnumCommand.LIST, smp.Op.READ): listing,
    (smp.EnumCommand.SINGLE, smp.Op.READ): single,
    (smp.EnumCommand.DETAILS, smp.Op.READ): details,
}
