"""Secret arrays: what a researcher writes with numpy's operators and functions becomes a program, run when revealed."""
