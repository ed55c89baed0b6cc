"""Noise for everything that reads from a cable or a card: `python -m tests.fuzz --frames 1000000`."""
