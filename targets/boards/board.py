"""What a board is: one frozen record of facts, each with its source."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Board:
    """A board's profile. Facts only: who reads it decides what follows from them."""

    name: str  # as it stands in a book's manifest
    title: str  # as a person knows it
    cores: int
    clock_hz: int  # of one core, as sold
    memory_bytes: int  # of the smallest variant
    sample_rate_hz: int
    block_frames: int
    audio_budget_us: int  # what one block may take on one core; the rest of its duration is for everything else
    instructions_per_s: int  # that one core gets through of our code: an estimate, the low end of it
    max_book_bytes: int  # the whole signed file
    smp_buffer_bytes: int  # largest SMP message taken and given, header included
    serial_device: str  # the board's end of the cable; "" is a pseudo-terminal of its own
    baud: int  # of that device; 0 where it has none
    sources: Mapping[str, str]  # field → where the fact is from
