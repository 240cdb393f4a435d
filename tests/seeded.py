"""Randomness that repeats, for tests only: nothing in the package can reach it."""

import builtins
import random


class SeededRandomness:
    """The same bytes for the same seed. Not cryptographic."""

    def __init__(self, seed: int | str) -> None:
        self._generator = random.Random(seed)

    def bytes(self, n: int) -> builtins.bytes:
        """The next n bytes."""
        return self._generator.randbytes(n)
