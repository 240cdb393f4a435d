"""What may leave: the rules in force, the layout of what is summed, and the gate before anything is shown."""
