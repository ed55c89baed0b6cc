"""What the board answers by SMP: one file a group, all of them listed in registry.py."""
