"""Counts and times of one performance: how fast it is composed and rendered, how long a change takes to be heard."""

import heapq
from collections import deque
from statistics import median


class Measures:
    """Counts and times of one performance."""

    def __init__(self, sample_rate_hz: int, block_frames: int) -> None:
        self._rate_hz, self._block_s = sample_rate_hz, block_frames / sample_rate_hz
        self.bar_s = 0.0  # the longest of the last bars
        self._bars: deque[float] = deque(maxlen=8)
        self._notes = self._blocks = 0
        self._music_s = self._compose_s = self._render_s = 0.0
        self._waiting: deque[tuple[int, int]] = deque(maxlen=256)  # landing tick, frame of the asking; to the renderer
        self._landing: list[tuple[int, int]] = []  # the same as a heap, the renderer's own
        self._changes = 0
        self._latencies_s: deque[float] = deque(maxlen=256)

    def composed(self, notes: int, music_s: float, took_s: float) -> None:
        """A stretch of `music_s` seconds was composed in `took_s`; `notes` counts what is composed again, too."""
        self._bars.append(took_s)
        self.bar_s = max(self._bars)
        self._notes += notes
        self._music_s += music_s
        self._compose_s += took_s

    def lands(self, tick: int, frame: int) -> None:
        """What was asked for at `frame` will be heard from `tick` on."""
        self._waiting.append((tick, frame))

    def rendered(self, took_s: float, tick: int, frame: int) -> None:
        """A block was rendered in `took_s`; heard are `tick`, of what is composed, and `frame`."""
        self._render_s += took_s
        self._blocks += 1
        while self._waiting:
            heapq.heappush(self._landing, self._waiting.popleft())
        while self._landing and self._landing[0][0] <= tick:
            self._latencies_s.append((frame - heapq.heappop(self._landing)[1]) / self._rate_hz)
            self._changes += 1

    def figures(self) -> dict[str, float]:
        """The sums; real-time factors are music time by computing time, latencies run from asking to hearing."""
        rendered_s = self._blocks * self._block_s
        return {
            "notes_composed": float(self._notes),
            "compose_rtf": self._music_s / self._compose_s if self._compose_s else 0.0,
            "render_rtf": rendered_s / self._render_s if self._render_s else 0.0,
            "changes": float(self._changes),
            "effect_latency_median_s": median(self._latencies_s) if self._latencies_s else 0.0,
            "effect_latency_max_s": max(self._latencies_s, default=0.0),
        }
