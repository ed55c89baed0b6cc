"""What a board is, what it says, what it runs."""
