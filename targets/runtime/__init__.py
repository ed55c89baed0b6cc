"""The board at work: slots, threads, sinks, link, and the servers that answer on it."""
