"""`python -m securecompute` is the program `securecompute`."""

from securecompute.cli import main

main()
