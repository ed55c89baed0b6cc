"""Numba when it is first needed: a kernel compiles at its first call, so that whoever runs graphs never imports it.

The board's rooms may therefore import units, and a board without Numba plays their graphs.
"""

import functools
import os
import zlib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from gen_core.spec.errors import UsageError

_HERE = Path(__file__).parent


class Kernel:
    """A function that Numba compiles at its first call, and keeps beside its source for the next process.

    Kernels may call each other: to the compiler a `Kernel` is the function that it compiles to. Arrays are lent to
    them, so nobody counts who holds one: where sixteen samples take six nanoseconds, a counter that two threads may
    share costs as much. `allocates` for those that make arrays of their own.
    """

    def __init__(self, function: Callable, fastmath: Any = False, allocates: bool = False) -> None:
        functools.update_wrapper(self, function)
        self.name = f"{function.__module__}", f"{function.__name__}"
        self._function, self._options = function, {"fastmath": fastmath, "_nrt": allocates}
        self._compiled: Any = None

    def compiled(self) -> Any:
        """The compiled function. UsageError where Numba is not installed."""
        if self._compiled is None:
            numba = _numba()
            self._compiled = numba.njit(cache=True, error_model="numpy", **self._options)(self._function)
        return self._compiled

    def __call__(self, *arguments: Any) -> Any:
        return self.compiled()(*arguments)


def _stamp() -> int:
    """Changes with any source of this room: Numba itself looks at a kernel's own file only, and kernels have constants
    from others in them."""
    files = sorted(path for path in _HERE.rglob("*.py"))
    facts = [(path.name, stat.st_size, stat.st_mtime_ns) for path in files for stat in [path.stat()]]
    return zlib.crc32(repr(facts).encode())


@functools.cache
def _numba() -> Any:
    """Numba, taught what a `Kernel` is."""
    try:
        import numba
        from numba.extending import typeof_impl
    except ImportError:
        raise UsageError("the kernels need numba", "pip install numba, or use --engine onnx") from None
    if "NUMBA_CACHE_DIR" not in os.environ and os.access(_HERE, os.W_OK):
        config: Any = numba.config
        config.CACHE_DIR = str(_HERE / "__pycache__" / f"kernels-{_stamp():08x}")
    from gen_core.synth import vector_code

    vector_code.teach()
    typeof_impl.register(Kernel)(lambda kernel, context: numba.types.Dispatcher(kernel.compiled()))
    return numba


def chained(calls: Sequence[tuple[Kernel, tuple]]) -> Callable[[], None]:
    """What makes all these calls by one: (kernel, arguments) each. It holds the arrays as they are now.

    A call from Python into compiled code costs as much as sixteen voices' envelopes, and looking at what each argument
    is costs most of that: so once for a chain, and here.
    """
    chain = _chain(tuple(kernel.name for kernel, _ in calls))
    arguments = tuple(given for _, given in calls)
    kinds = tuple(_numba().typeof(given) for given in arguments)
    chain.compile(kinds)
    return functools.partial(chain.overloads[kinds].entry_point, *arguments)


@functools.cache
def _chain(names: tuple[tuple[str, str], ...]) -> Any:
    """A function that calls the named ones, each with a tuple of its arguments."""
    name, count = f"chain_{zlib.crc32(repr(names).encode()):08x}", range(len(names))
    lines = [f"from {module} import {kernel} as f{n}" for n, (module, kernel) in enumerate(names)]
    lines += [f"def {name}({', '.join(f'a{n}' for n in count)}):", *(f"    f{n}(*a{n})" for n in count)]
    numba = _numba()
    path = _written(name, "\n".join([*lines, ""])) if numba.config.CACHE_DIR else None
    found: dict[str, Any] = {"__name__": __name__}
    exec(compile("\n".join(lines), path or f"<{name}>", "exec"), found)
    return numba.njit(cache=path is not None, error_model="numpy", _nrt=False)(found[name])


def _written(name: str, text: str) -> str:
    """A file that holds the text, where Numba keeps what it compiled: it keeps nothing of functions without a file."""
    folder = Path(_numba().config.CACHE_DIR)
    path = folder / f"{name}_{_stamp():08x}.source"  # by itself it is no module
    if not path.exists():
        folder.mkdir(parents=True, exist_ok=True)
        whole = path.with_suffix(f".{os.getpid()}")
        whole.write_text(text, encoding="utf-8")
        whole.replace(path)
    return str(path)


jit = Kernel
allocating = functools.partial(Kernel, allocates=True)
# With a product and a sum in one rounding, as the graphs' matrix products have it: faster, and closer to them.
fused = functools.partial(Kernel, fastmath={"contract"})
