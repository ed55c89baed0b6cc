"""Where the music is: ticks over frames, in integers, so that a month of blocks adds up to the same as one."""

from gen_core.spec.time import TICKS_PER_QUARTER

_ONE = 1 << 32  # a tick in the clock's units


class Clock:
    """Counts frames and ticks. The tempo may change at every block."""

    def __init__(self, sample_rate_hz: int, bpm: float) -> None:
        self.sample_rate_hz = sample_rate_hz
        self.frames = 0
        self._position = 0
        self.set_bpm(bpm)
        self._rate = self._next_rate

    def set_bpm(self, bpm: float) -> None:
        """From the next block on; from any thread."""
        self._next_rate = round(bpm * TICKS_PER_QUARTER / 60 / self.sample_rate_hz * _ONE)  # per frame

    @property
    def tick(self) -> int:
        """The first tick that has not sounded wholly yet."""
        return -(-self._position // _ONE)

    def frame_of(self, tick: int) -> int:
        """Frames from now until `tick`; negative where it has passed."""
        return -(-(tick * _ONE - self._position) // self._rate)

    def tick_after(self, seconds: float) -> int:
        """The first tick at least `seconds` from now."""
        return -(-(self._position + round(seconds * self.sample_rate_hz) * self._rate) // _ONE)

    def advance(self, frames: int) -> None:
        """`frames` have sounded."""
        self.frames += frames
        self._position += frames * self._rate
        self._rate = self._next_rate
