"""Scores as files hold them: tracks of notes with a tempo map, read from and written to MIDI, and drawn."""
