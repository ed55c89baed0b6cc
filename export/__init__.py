"""From what the music is to what a board can hold: graphs, int8, the book."""
