"""What everything else is spoken in: errors, parameters, time, chance, notes. Standard library only."""
