"""`limonaire VERB`: the table of verbs, and the one place where an error becomes a line and an exit code."""

import argparse
import importlib
import os
import sys
from collections.abc import Sequence
from types import ModuleType

from gen_core import __version__
from gen_core.spec.errors import LimonaireError, UsageError
from gen_core.spec.param import suggestion

# One verb, one file in host_tools/commands, one name here; the verb is the name with hyphens.
GROUPS = {
    "the whole chain": ("demo",),
    "music": ("compose", "render"),
    "model": ("train", "evaluate"),
    "book": ("build", "verify", "show", "gallery"),
    "board": ("bench_board", "boards", "devices", "info", "flash", "confirm", "reset"),
    "live": ("params", "get", "set", "stream", "midi", "monitor", "record"),
}
EXTRAS = {"torch": "train", "sounddevice": "audio", "mido": "midi", "rtmidi": "midi"}  # what each package comes with
PACKAGES = ("gen_core", "targets", "export", "host_tools")
VERBS = {name.replace("_", "-"): name for names in GROUPS.values() for name in names}

EXIT_CODES = (
    "exit codes: 0 done, 1 failed, 2 usage, 3 no board, 4 permission, 5 busy, 6 timeout, 7 verification failed, "
    "8 refused by the board, 130 interrupted"
)


class Parser(argparse.ArgumentParser):
    """An argument parser whose complaints are our errors."""

    def error(self, message: str) -> None:  # type: ignore[override]  # argparse says NoReturn; raising is one
        raise UsageError(message, f"see `{self.prog} --help`")


def command(verb: str) -> ModuleType:
    """The module of a verb; UsageError with the nearest verbs if there is none."""
    if verb not in VERBS:
        raise UsageError(f"there is no verb {verb!r}", suggestion(verb, VERBS) or "see `limonaire --help`")
    return importlib.import_module(f"host_tools.commands.{VERBS[verb]}")


def parser(verb: str, module: ModuleType) -> argparse.ArgumentParser:
    """The parser of one verb; its help text is the module's docstring."""
    made = Parser(
        prog=f"limonaire {verb}", description=module.__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    module.arguments(made)
    return made


def help_text() -> str:
    """The table of verbs as it is shown by --help."""
    lines = ["usage: limonaire VERB [options]    (limonaire VERB --help for one verb; --version)", ""]
    for title, names in GROUPS.items():
        lines.append(f"{title}:")
        verbs = [name.replace("_", "-") for name in names]
        lines += [f"  {verb:<12} {command(verb).HELP}" for verb in verbs]
    return "\n".join([*lines, "", EXIT_CODES])


def dispatch(argv: Sequence[str]) -> int:
    """Run the verb in `argv` and return its exit code; raises what the verb raises."""
    first = argv[0] if argv else ""
    if first in ("-h", "--help", "help"):
        print(help_text())
    elif first == "--version":
        print(f"limonaire {__version__}")
    elif not first or first.startswith("-"):
        raise UsageError("a verb is missing" if not first else f"{first} is no verb", "see `limonaire --help`")
    else:
        module = command(first)
        return module.run(parser(first, module).parse_args(argv[1:])) or 0
    return 0


def explain(error: BaseException) -> tuple[int, str]:
    """The exit code of an error and the line that says it: cause, then next step."""
    if isinstance(error, LimonaireError):
        return error.exit_code, str(error)
    if isinstance(error, KeyboardInterrupt):
        return 130, "interrupted"
    if isinstance(error, ModuleNotFoundError) and (error.name or "").split(".")[0] not in PACKAGES:
        extra = EXTRAS.get((error.name or "").split(".")[0], "host")
        return 1, f"{error.name} is not installed; run `pip install 'limonaire[{extra}]'`"
    if isinstance(error, OSError) and error.filename is not None:
        code = {PermissionError: 4, FileNotFoundError: 2, IsADirectoryError: 2, NotADirectoryError: 2}
        return code.get(type(error), 1), f"{error.filename}: {error.strerror}; check the path"
    hint = "set LIMONAIRE_DEBUG=1 to see where, and report it"
    return 1, f"unexpected {type(error).__name__}: {' '.join(str(error).split())}; {hint}"


def main(argv: Sequence[str] | None = None) -> int:
    """Entry point. Returns the exit code; an error is one line on stderr."""
    try:
        code = dispatch(sys.argv[1:] if argv is None else argv)
        sys.stdout.flush()
        return code
    except BrokenPipeError:  # the reader, say `head`, has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except (Exception, KeyboardInterrupt) as error:
        if os.environ.get("LIMONAIRE_DEBUG"):
            raise
        code, line = explain(error)
        print(f"limonaire: {line}", file=sys.stderr)
        return code


if __name__ == "__main__":
    sys.exit(main())
