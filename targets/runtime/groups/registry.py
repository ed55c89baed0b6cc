"""Every SMP group that the board answers. One file a group, one line here."""

from collections.abc import Callable, Mapping
from typing import Any

from targets.runtime.groups import image, limonaire, os_group, settings
from targets.runtime.machine import Machine

Handler = Callable[[Machine, Mapping[str, Any]], dict[str, Any]]

GROUPS: dict[int, Mapping[tuple[int, int], Handler]] = {
    os_group.GROUP: os_group.COMMANDS,
    image.GROUP: image.COMMANDS,
    settings.GROUP: settings.COMMANDS,
    limonaire.GROUP: limonaire.COMMANDS,
}
