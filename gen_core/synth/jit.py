"""Numba when it is first needed: a kernel compiles at its first call, so that whoever runs graphs never imports it.

The board's rooms may therefore import units, and a board without Numba plays their graphs.
"""

import functools
import os
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

from gen_core.spec.errors import UsageError
from gen_core.synth import vector

_HERE = Path(__file__).parent


class Kernel:
    """A function that Numba compiles at its first call, and keeps beside its source for the next process.

    Kernels may call each other: to the compiler a `Kernel` is the function that it compiles to. Arrays are lent to
    them, so nobody counts who holds one: where sixteen samples take six nanoseconds, a counter that two threads may
    share costs as much. `allocates` for those that make arrays of their own.
    """

    def __init__(self, function: Callable, fastmath: Any = False, allocates: bool = False) -> None:
        functools.update_wrapper(self, function)
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
    vector.teach()
    typeof_impl.register(Kernel)(lambda kernel, context: numba.types.Dispatcher(kernel.compiled()))
    return numba


jit = Kernel
allocating = functools.partial(Kernel, allocates=True)
# With a product and a sum in one rounding, as the graphs' matrix products have it: faster, and closer to them.
fused = functools.partial(Kernel, fastmath={"contract"})
