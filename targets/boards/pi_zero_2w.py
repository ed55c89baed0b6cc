"""Raspberry Pi Zero 2 W: the smallest board that composes and sounds."""

from targets.boards.board import Board

BOARD = Board(
    name="pi_zero_2w",
    title="Raspberry Pi Zero 2 W",
    cores=4,
    clock_hz=1_000_000_000,
    memory_bytes=512 * 2**20,
    sample_rate_hz=48_000,
    block_frames=512,
    audio_budget_us=6_000,
    instructions_per_s=400_000_000,
    max_book_bytes=1 << 26,
    smp_buffer_bytes=8192,
    serial_device="/dev/ttyGS0",
    baud=0,
    sources={
        "cores": "Raspberry Pi Zero 2 W product brief: quad-core Arm Cortex-A53 (RP3A0)",
        "clock_hz": "Raspberry Pi Zero 2 W product brief: 1 GHz",
        "memory_bytes": "Raspberry Pi Zero 2 W product brief: 512 MB LPDDR2",
        "sample_rate_hz": "ours: what the shipped graphs are made for",
        "block_frames": "ours: 10.7 ms, the least that pays for the fixed cost of a graph's nodes",
        "audio_budget_us": "ours: 56 % of a block's 10 667 us; composer, link and system share the rest",
        "instructions_per_s": "estimate, not measured on hardware: instructions counted under emulation, "
        "0.40 to 0.55 a cycle assumed for Cortex-A53 at 1 GHz",
        "max_book_bytes": "ours: twice in memory while it loads, beside 200 MB for system and runtime",
        "smp_buffer_bytes": "ours: a USB line gains little above 8 KiB (0.727 payload of all bytes)",
        "serial_device": "Linux, drivers/usb/gadget: the first serial gadget",
        "baud": "USB has none",
    },
)
