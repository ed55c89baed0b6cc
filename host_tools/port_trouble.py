"""Why a port cannot be opened, and the command that mends it: groups, udev rules, and programs that hold it."""

import contextlib
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from host_tools.ports import USB_PRODUCT, USB_VENDOR, Port

PROCESSES, DEVICES = Path("/proc"), Path("/run/udev/data")
OURS = f'ATTRS{{idVendor}}=="{USB_VENDOR:04x}", ATTRS{{idProduct}}=="{USB_PRODUCT:04x}"'
IGNORE = "ID_MM_DEVICE_IGNORE"
RULES = "/etc/udev/rules.d/70-limonaire.rules"
MODEM_MANAGER = "ModemManager"
LSOF_TIMEOUT_S = 5.0


def warning(port: Port) -> str:
    """What would hinder this user from speaking to a board that is connected; nothing if all is well."""
    if os.path.exists(port.path) and not os.access(port.path, os.R_OK | os.W_OK):
        return f"this user may not open {port.path}; {permission_hint(port.path)}"
    return modem_manager_warning(port.path) if port.kind == "usb" else ""


def permission_hint(path: str) -> str:
    """How to be let in: by the group that owns the port, else by a udev rule that gives it to one."""
    group = usable_group(path)
    if group:
        return f"run `sudo usermod -a -G {group} $USER` and log in again"
    rule = f'SUBSYSTEM=="tty", {OURS}, GROUP="dialout", MODE="0660", TAG+="uaccess"'
    return f"run `{write_rule(rule)}`"


def usable_group(path: str) -> str:
    """The group that may read and write the port, such as dialout or uucp; nothing if there is none to join."""
    try:
        import grp  # not on Windows, where this question does not come up

        facts = os.stat(path)
        name = grp.getgrgid(facts.st_gid).gr_name
    except (ImportError, OSError, KeyError):
        return ""
    return name if facts.st_mode & 0o060 == 0o060 and name not in ("root", "wheel") else ""


def busy_words(path: str) -> tuple[str, str]:
    """Who has the port open, where that can be known, and how to get it back."""
    found = holders(path)
    if not found:
        return f"{path} is in use by another program", "close it, or choose another board with --port"
    if any(name == MODEM_MANAGER for _, name in found):
        return f"{path} is in use by {MODEM_MANAGER}, which probes it for a modem", f"run `{write_rule(ignore_rule())}`"
    named = ", ".join(f"{name} (process {number})" for number, name in found)
    return f"{path} is in use by {named}", f"close it, for example by `kill {found[0][0]}`, or choose another board"


def holders(path: str) -> list[tuple[int, str]]:
    """Number and name of the other processes that have the port open, as far as this user may know."""
    if PROCESSES.joinpath("self", "fd").is_dir():
        target = os.path.realpath(path)
        return [(number, name) for number, name in processes() if number != os.getpid() and _has_open(number, target)]
    return _by_lsof(path)


def processes() -> Iterator[tuple[int, str]]:
    """Number and name of every process of a Linux system."""
    for folder in PROCESSES.glob("[0-9]*"):
        with contextlib.suppress(OSError):
            yield int(folder.name), (folder / "comm").read_text(encoding="utf-8", errors="replace").strip()


def modem_manager_warning(path: str) -> str:
    """What to do so that ModemManager leaves the port alone; nothing where it does, or does not run."""
    if not sys.platform.startswith("linux") or ignored(path):
        return ""
    if not any(name == MODEM_MANAGER for _, name in processes()):
        return ""
    return f"{MODEM_MANAGER} may write to {path} when it is plugged in; run `{write_rule(ignore_rule())}`"


def ignored(path: str) -> bool:
    """True if udev tells ModemManager to pass the port over."""
    try:
        number = os.stat(path).st_rdev
        facts = DEVICES.joinpath(f"c{os.major(number)}:{os.minor(number)}").read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return False
    return f"E:{IGNORE}=1" in facts.splitlines()


def ignore_rule() -> str:
    """The udev line that keeps ModemManager away from our boards."""
    return f'{OURS}, ENV{{{IGNORE}}}="1"'


def write_rule(rule: str) -> str:
    """The command that adds a udev rule and applies it."""
    return f"echo '{rule}' | sudo tee -a {RULES} && sudo udevadm control --reload && sudo udevadm trigger"


def _has_open(number: int, target: str) -> bool:
    with contextlib.suppress(OSError):
        return any(_link(entry) == target for entry in PROCESSES.joinpath(str(number), "fd").iterdir())
    return False


def _link(entry: Path) -> str:
    try:
        return os.readlink(entry)
    except OSError:
        return ""


def _by_lsof(path: str) -> list[tuple[int, str]]:
    """The same where there is no /proc but lsof, as on macOS."""
    if not shutil.which("lsof"):
        return []
    try:
        command = ["lsof", "-Fpc", path]
        done = subprocess.run(command, capture_output=True, text=True, timeout=LSOF_TIMEOUT_S, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return []
    lines = done.stdout.splitlines()
    numbers = [int(line[1:]) for line in lines if line[:1] == "p" and line[1:].isdigit()]
    names = [line[1:] for line in lines if line[:1] == "c"]
    return [pair for pair in zip(numbers, names, strict=False) if pair[0] != os.getpid()]
