"""The values that the board keeps over a power cut: what `save` wrote, by parameter."""

import json
import math
from collections.abc import Mapping

from gen_core.spec.errors import UsageError
from gen_core.spec.param import Param
from targets.runtime.log import Log
from targets.runtime.storage import Storage, write_atomic

FILE = "settings.json"
FORMAT = 1
SEED = "seed"  # the one value that chance chooses where nobody asked for one


def load(storage: Storage, log: Log) -> dict[str, float]:
    """Everything saved, whether the present book knows it or not; nothing if the file cannot be read."""
    try:
        data = storage.read(FILE)
        values = json.loads(data)["values"] if data is not None else {}
        return {str(key): float(value) for key, value in values.items() if math.isfinite(float(value))}
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        log.say(f"{FILE} cannot be read ({error}): playing with the book's own values")
        return {}


def fitting(values: Mapping[str, float], params: Mapping[str, Param]) -> dict[str, float]:
    """The saved values that this book declares and allows."""
    fit = {}
    for key, value in values.items():
        try:
            fit[key] = params[key].check(value)
        except (KeyError, UsageError):
            continue
    return fit


def save(storage: Storage, values: Mapping[str, float], params: Mapping[str, Param], log: Log) -> None:
    """Keep those of `values` that differ from the book's own, and what other books left here."""
    others = {key: value for key, value in load(storage, log).items() if key not in params}
    changed = {key: value for key, value in values.items() if key in params and value != params[key].default}
    text = json.dumps({"format": FORMAT, "values": others | changed}, indent=1, sort_keys=True)
    write_atomic(storage, FILE, text.encode())
