"""Form: which controls there are, what each bar is asked for, when a change lands, and composing ahead of the sound."""
