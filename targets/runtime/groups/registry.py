"""Every SMP group that the board answers. One file a group, one line here."""

from targets.runtime.groups import enumeration, fs, image, limonaire, os_group, settings, shell, stat
from targets.runtime.machine import Commands

GROUPS: dict[int, Commands] = {
    os_group.GROUP: os_group.COMMANDS,
    image.GROUP: image.COMMANDS,
    stat.GROUP: stat.COMMANDS,
    settings.GROUP: settings.COMMANDS,
    fs.GROUP: fs.COMMANDS,
    shell.GROUP: shell.COMMANDS,
    enumeration.GROUP: enumeration.COMMANDS,
    limonaire.GROUP: limonaire.COMMANDS,
}
