"""Raspberry Pi 3 Model B: cores of the Zero 2 W, a little faster; its USB ports cannot be a gadget."""

from targets.boards.board import Board

BOARD = Board(
    name="pi_3",
    title="Raspberry Pi 3 Model B",
    cores=4,
    clock_hz=1_200_000_000,
    memory_bytes=1024 * 2**20,
    sample_rate_hz=48_000,
    block_frames=512,
    audio_budget_us=6_000,
    instructions_per_s=480_000_000,
    max_book_bytes=96_000_000,
    smp_buffer_bytes=2048,
    serial_device="/dev/serial0",
    baud=115_200,
    sources={
        "cores": "Raspberry Pi 3 Model B product brief: quad-core Arm Cortex-A53 (BCM2837)",
        "clock_hz": "Raspberry Pi 3 Model B product brief: 1.2 GHz",
        "memory_bytes": "Raspberry Pi 3 Model B product brief: 1 GB LPDDR2",
        "sample_rate_hz": "ours: what the shipped graphs are made for",
        "block_frames": "ours: 10.7 ms, the least that pays for the fixed cost of a graph's nodes",
        "audio_budget_us": "ours: 56 % of a block's 10 667 us; composer, link and system share the rest",
        "instructions_per_s": "estimate, not measured on hardware: instructions counted under emulation, "
        "0.40 to 0.55 a cycle assumed for Cortex-A53 at 1.2 GHz",
        "max_book_bytes": "ours: twice that of 512 MB",
        "smp_buffer_bytes": "ours: at 115 200 baud a frame must cross well within the 2 s that clients wait",
        "serial_device": "Raspberry Pi documentation, Configure UARTs: the primary UART",
        "baud": "ours: what every adapter can do",
    },
)
