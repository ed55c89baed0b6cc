"""Every SMP group that the board answers. One file a group, one line here."""

from targets.runtime.groups import image, limonaire, os_group, settings
from targets.runtime.machine import Commands

GROUPS: dict[int, Commands] = {
    os_group.GROUP: os_group.COMMANDS,
    image.GROUP: image.COMMANDS,
    settings.GROUP: settings.COMMANDS,
    limonaire.GROUP: limonaire.COMMANDS,
}
