"""Everything that crosses the cable or the card: SMP, OSC in SLIP, the demultiplexer, the book format."""
