"""The musician's side of the cable."""
