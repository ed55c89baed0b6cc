"""What a person may type at a board: a short list of commands, each an answer in text. Nothing reaches the system.

Errors are those of the command line: a line with cause and next step, and its exit code.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import gen_core
from gen_core.spec.errors import LimonaireError, UsageError
from gen_core.spec.param import find, suggestion
from targets.protocol import change
from targets.runtime import health
from targets.runtime.machine import PRODUCT, Machine

LOG_LINES = 20


@dataclass(frozen=True)
class Verb:
    """`words` are what must follow the name, `optional` what may."""

    run: Callable[..., str]  # (machine, *words) → text
    help: str
    words: tuple[str, ...] = ()
    optional: tuple[str, ...] = ()

    def usage(self, name: str) -> str:
        """The line of it in the help."""
        return " ".join([name, *self.words, *(f"[{word}]" for word in self.optional)])


def execute(machine: Machine, words: Sequence[str]) -> tuple[str, int]:
    """(text, exit code) of one command. Never raises what is made to be told."""
    try:
        name, verb = _verb(words)
        given = words[len(name.split()) :]
        if not len(verb.words) <= len(given) <= len(verb.words) + len(verb.optional):
            raise UsageError(f"{name} was given {len(given)} words", f"the form is: {verb.usage(name)}")
        return verb.run(machine, *given), 0
    except LimonaireError as error:
        return str(error), error.exit_code


def _verb(words: Sequence[str]) -> tuple[str, Verb]:
    for name in (" ".join(words[:2]), " ".join(words[:1])):
        if name in VERBS:
            return name, VERBS[name]
    wrong = " ".join(words[:2])
    raise UsageError(f"there is no command {wrong!r}", suggestion(wrong, VERBS) or "type help")


def _help(machine: Machine) -> str:
    width = max(len(verb.usage(name)) for name, verb in VERBS.items())
    return "\n".join(f"{verb.usage(name):{width}}  {verb.help}" for name, verb in VERBS.items())


def _info(machine: Machine) -> str:
    held = machine.slots.held(machine.slots.active)
    bar, beat = machine.performance.position()
    lines = {
        "product": f"{PRODUCT} {gen_core.__version__}",
        "board": f"{machine.board}, serial {machine.serial}",
        "book": f"{held.name} {held.version}, {held.hash[:16]}" if held else "none",
        "takes": "any book" if machine.slots.trusted is None else "books of trusted keys",
        "position": f"bar {bar} beat {beat:.0f}",
        "seed": str(machine.performance.seed),
    }
    return "\n".join(f"{name:9} {text}" for name, text in lines.items())


def _health(machine: Machine) -> str:
    return "\n".join(health.machine_reasons(machine)) or f"ok, peak {machine.engine.vitals.peak_db:.1f} dB"


def _log(machine: Machine, count: str = str(LOG_LINES)) -> str:
    if not count.isdecimal() or not int(count):
        raise UsageError(f"log cannot show {count!r} lines", "give a number from 1")
    return "\n".join(tuple(machine.log.lines)[-int(count) :])


def _list(machine: Machine) -> str:
    values = machine.performance.values()
    return "\n".join(f"{name} {param.spoken(values[name])}" for name, param in machine.performance.params.items())


def _get(machine: Machine, param_id: str) -> str:
    param = find(machine.performance.params, param_id)
    return f"{param_id} {param.spoken(machine.performance.get(param_id))}"


def _set(machine: Machine, param_id: str, text: str, *how: str) -> str:
    param = find(machine.performance.params, param_id)
    value, over, quantum = change.read(param, (param.parse(text), *how))
    bar, beat = machine.performance.set(param_id, value, quantum, over)
    return f"{param_id} {param.spoken(value)} from bar {bar} beat {beat:g}"


def _files(machine: Machine) -> str:
    return "\n".join(f"{machine.files.size(name)} /bundles/{name}" for name in machine.files.names()) or "no files"


def _remove(machine: Machine, path: str) -> str:
    machine.files.remove(path.removeprefix("/bundles/"))
    return f"{path} is gone"


VERBS = {
    "help": Verb(_help, "this list"),
    "info": Verb(_info, "what board this is and what it plays"),
    "health": Verb(_health, "ok, or why not"),
    "log": Verb(_log, f"the last lines that the board wrote, {LOG_LINES} unless told otherwise", optional=("LINES",)),
    "param list": Verb(_list, "every parameter with its value"),
    "param get": Verb(_get, "one parameter", ("ID",)),
    "param set": Verb(_set, "set one, in its unit or by the name of a choice", ("ID", "VALUE"), ("OVER", "QUANTUM")),
    "file list": Verb(_files, "what lies in /bundles"),
    "file remove": Verb(_remove, "take one away", ("PATH",)),
}
