"""A performance that notes when parameters reach it: one line a change, `value seconds`, of the machine's own clock."""

import os
import time

from gen_core.spec.param import Param
from tests.targets.runtime.fake_performance import FakePerformance

ARRIVALS = "LIMONAIRE_ARRIVALS"  # the file
PROBES = tuple(
    Param(id=f"probe.{number}", low=0, high=1_000_000, default=0, help="counts up") for number in range(16)
)


class ProbePerformance(FakePerformance):
    """The plain sine of the tests, with sixteen parameters more."""

    def __init__(self, manifest, files, seed=None, values=None):
        super().__init__(manifest, files, seed, values)
        self.params |= {param.id: param for param in PROBES}
        self._values |= {param.id: param.default for param in PROBES}
        self._arrivals = open(os.environ[ARRIVALS], "a", buffering=1, encoding="ascii")  # noqa: SIM115

    def set(self, param_id, value, quantum="", over=""):
        if param_id.startswith("probe."):
            self._arrivals.write(f"{param_id} {value:.0f} {time.monotonic():.6f}\n")
            self._values[param_id] = value
            return self.position()
        return super().set(param_id, value, quantum, over)
