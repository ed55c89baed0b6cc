"""The bench board: the runtime on the machine at hand, on a pseudo-terminal. As narrow as the smallest board."""

from targets.boards.board import Board

BOARD = Board(
    name="bench",
    title="bench board (this machine)",
    cores=1,
    clock_hz=1_000_000_000,
    memory_bytes=512 * 2**20,
    sample_rate_hz=48_000,
    block_frames=512,
    audio_budget_us=6_000,
    instructions_per_s=400_000_000,
    max_book_bytes=1 << 26,
    smp_buffer_bytes=8192,
    serial_device="",
    baud=0,
    sources={
        "cores": "ours: counted as one, so that what passes on the bench does not lean on more",
        "clock_hz": "as pi_zero_2w",
        "memory_bytes": "as pi_zero_2w",
        "sample_rate_hz": "ours: what the shipped graphs are made for",
        "block_frames": "ours: 10.7 ms, the least that pays for the fixed cost of a graph's nodes",
        "audio_budget_us": "ours: 56 % of a block's 10 667 us; composer, link and system share the rest",
        "instructions_per_s": "as pi_zero_2w",
        "max_book_bytes": "as pi_zero_2w: a book that the bench takes fits every board",
        "smp_buffer_bytes": "ours: a USB line gains little above 8 KiB (0.727 payload of all bytes)",
        "serial_device": "none: the supervisor opens a pseudo-terminal",
        "baud": "a pseudo-terminal has none",
    },
)
