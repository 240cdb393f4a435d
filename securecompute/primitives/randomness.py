"""Where random bytes come from: the operating system, and nowhere else in the package.

Whatever needs randomness takes a `Randomness` as an argument, so that a test can fix it.

Security   os.urandom, the kernel's generator. A test keeps every other source out of the package.
"""

import builtins
import os
from typing import Protocol


class Randomness(Protocol):
    """A source of uniform bytes."""

    def bytes(self, n: int) -> builtins.bytes:
        """n uniform bytes, independent of all earlier ones."""


class SystemRandomness:
    """The operating system's generator."""

    __slots__ = ()

    def bytes(self, n: int) -> builtins.bytes:
        """n uniform bytes."""
        return os.urandom(n)
