"""Work on matrices in parts, on several threads: the parts of one length, and what becomes of them."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

Part = TypeVar("Part")
GRAIN = 8  # parts begin at multiples of it, where vectors and cache lines begin


def parts(length: int, threads: int) -> list[slice]:
    """At most so many slices of about the same size, which together are 0 .. length."""
    step = max(1, -(-length // (GRAIN * threads))) * GRAIN
    return [slice(start, min(start + step, length)) for start in range(0, max(length, 1), step)]


def each(work: Callable[[slice], Part], pieces: list[slice]) -> list[Part]:
    """What the work gives for each piece, each on a thread of its own."""
    if len(pieces) == 1:
        return [work(pieces[0])]
    with ThreadPoolExecutor(len(pieces)) as pool:
        return list(pool.map(work, pieces))
