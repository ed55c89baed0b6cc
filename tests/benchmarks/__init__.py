"""Figures, not tests: `python -m tests.benchmarks [group …] [--json]`. Nothing here is collected by pytest."""
