"""How kernels are compiled: at their first call, to run without Python's lock, and kept on disk where that can be.

It loads the compiler, so only modules of kernels import it, and they are loaded when there is something to compute.
"""

from collections.abc import Callable
from typing import Any

import numba


def compiled(kernel: Callable[..., Any]) -> Callable[..., Any]:
    """The kernel, compiled at its first call, kept on disk if there is a folder that this process may write to."""
    try:
        return numba.njit(cache=True, nogil=True, error_model="numpy")(kernel)
    except RuntimeError:  # no such folder
        return numba.njit(nogil=True, error_model="numpy")(kernel)
