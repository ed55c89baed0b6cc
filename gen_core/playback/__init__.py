"""The book's graphs at work on the board: notes in, blocks of audio out."""
