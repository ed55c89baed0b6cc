"""Numba when it is first needed: a kernel compiles at its first call, so that whoever runs graphs never imports it.

The board's rooms may therefore import units, and a board without Numba plays their graphs.
"""

import functools
from collections.abc import Callable
from typing import Any

from gen_core.spec.errors import UsageError


class Kernel:
    """A function that Numba compiles at its first call, and keeps beside its source for the next process.

    Kernels may call each other: to the compiler a `Kernel` is the function that it compiles to.
    """

    def __init__(self, function: Callable, fastmath: Any = False) -> None:
        functools.update_wrapper(self, function)
        self._function, self._fastmath = function, fastmath
        self._compiled: Any = None

    def compiled(self) -> Any:
        """The compiled function. UsageError where Numba is not installed."""
        if self._compiled is None:
            numba = _numba()
            self._compiled = numba.njit(cache=True, error_model="numpy", fastmath=self._fastmath)(self._function)
        return self._compiled

    def __call__(self, *arguments: Any) -> Any:
        return self.compiled()(*arguments)


@functools.cache
def _numba() -> Any:
    """Numba, taught what a `Kernel` is."""
    try:
        import numba
        from numba.extending import typeof_impl
    except ImportError:
        raise UsageError("the kernels need numba", "pip install numba, or use --engine onnx") from None
    typeof_impl.register(Kernel)(lambda kernel, context: numba.types.Dispatcher(kernel.compiled()))
    return numba


jit = Kernel
# With a product and a sum in one rounding, as the graphs' matrix products have it: faster, and closer to them.
fused = functools.partial(Kernel, fastmath={"contract"})
