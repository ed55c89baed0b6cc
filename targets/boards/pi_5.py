"""Raspberry Pi 5."""

from targets.boards.board import Board

BOARD = Board(
    name="pi_5",
    title="Raspberry Pi 5",
    cores=4,
    clock_hz=2_400_000_000,
    memory_bytes=1024 * 2**20,
    sample_rate_hz=48_000,
    block_frames=512,
    audio_budget_us=6_000,
    instructions_per_s=2_900_000_000,
    max_book_bytes=96_000_000,
    smp_buffer_bytes=8192,
    serial_device="/dev/ttyGS0",
    baud=0,
    sources={
        "cores": "Raspberry Pi 5 product brief: quad-core Arm Cortex-A76 (BCM2712)",
        "clock_hz": "Raspberry Pi 5 product brief: 2.4 GHz",
        "memory_bytes": "Raspberry Pi 5 product brief: from 1 GB, by variant",
        "sample_rate_hz": "ours: what the shipped graphs are made for",
        "block_frames": "ours: 10.7 ms, the least that pays for the fixed cost of a graph's nodes",
        "audio_budget_us": "ours: 56 % of a block's 10 667 us; composer, link and system share the rest",
        "instructions_per_s": "estimate, not measured on hardware: instructions counted under emulation, "
        "1.2 to 1.5 a cycle assumed for Cortex-A76 at 2.4 GHz",
        "max_book_bytes": "ours: as the other boards with 1 GB",
        "smp_buffer_bytes": "ours: a USB line gains little above 8 KiB (0.727 payload of all bytes)",
        "serial_device": "Linux, drivers/usb/gadget: the first serial gadget",
        "baud": "USB has none",
    },
)
