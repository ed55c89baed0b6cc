"""Raspberry Pi 4 Model B."""

from targets.boards.board import Board

BOARD = Board(
    name="pi_4",
    title="Raspberry Pi 4 Model B",
    cores=4,
    clock_hz=1_500_000_000,
    memory_bytes=1024 * 2**20,
    sample_rate_hz=48_000,
    block_frames=512,
    audio_budget_us=6_000,
    instructions_per_s=1_050_000_000,
    max_book_bytes=96_000_000,
    smp_buffer_bytes=8192,
    serial_device="/dev/ttyGS0",
    baud=0,
    sources={
        "cores": "Raspberry Pi 4 Model B datasheet: quad-core Arm Cortex-A72 (BCM2711)",
        "clock_hz": "Raspberry Pi 4 Model B datasheet: 1.5 GHz; later revisions run at 1.8",
        "memory_bytes": "Raspberry Pi 4 Model B datasheet: 1 GB and up",
        "sample_rate_hz": "ours: what the shipped graphs are made for",
        "block_frames": "ours: 10.7 ms, the least that pays for the fixed cost of a graph's nodes",
        "audio_budget_us": "ours: 56 % of a block's 10 667 us; composer, link and system share the rest",
        "instructions_per_s": "estimate, not measured on hardware: instructions counted under emulation, "
        "0.7 to 0.9 a cycle assumed for Cortex-A72 at 1.5 GHz",
        "max_book_bytes": "ours: as the other board with 1 GB",
        "smp_buffer_bytes": "ours: a USB line gains little above 8 KiB (0.727 payload of all bytes)",
        "serial_device": "Linux, drivers/usb/gadget: the first serial gadget",
        "baud": "USB has none",
    },
)
