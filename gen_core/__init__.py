"""What the music is. Imports nothing of ours."""

__version__ = "0.1.0"
