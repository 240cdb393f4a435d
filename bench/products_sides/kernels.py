"""The kernels of ring products beside the library's product of doubles, and beside numpy's own product of integers.

    GOP/s = 2 m k n / seconds / 10⁹        a multiplication and an addition for every k, on one thread

Doubles are asked to multiply matrices of the same shape; they are not exact, and give no ring. Sides take turns; of
each the least of some turns counts, since a busy machine only adds. OpenBLAS chooses its kernel by the processor, and
may be told another by OPENBLAS_CORETYPE before numpy is imported; its threads by OPENBLAS_NUM_THREADS.
"""

import ctypes
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from securecompute.arithmetic.products_128 import gram_128, matmul_128
from securecompute.arithmetic.ring_products import gram, kernel_name, matmul, warm

TURNS = 9
OURS, OURS_128, DOUBLES, INTEGERS = "mod 2^64", "mod 2^128", "float64", "numpy uint64"


@dataclass(frozen=True, slots=True)
class Figure:
    """One side of one product.

    shape     (m, k, n)
    seconds   of a product, the least of the turns
    rate      GOP/s; of XᵀX as if all its elements were computed
    ratio     its rate over that of doubles
    """

    product: str
    side: str
    shape: tuple[int, int, int]
    seconds: float
    rate: float
    ratio: float


def rows(
    n: int = 1024, records: int = 100_000, columns: tuple[int, ...] = (50, 100), turns: int = TURNS
) -> list[Figure]:
    """Figures of A B for n × n matrices, and of XᵀX for so many records of some numbers of columns."""
    warm()
    a, b, x, y = words(n, n), words(n, n), reals(n, n), reals(n, n)
    a2, b2 = words(2, n, n), words(2, n, n)
    sides: dict[str, Callable[[], Any]] = {
        OURS: lambda: matmul(a, b),
        OURS_128: lambda: matmul_128(a2, b2),
        DOUBLES: lambda: x @ y,
    }
    found = figures("A B", (n, n, n), least(sides, turns) | least({INTEGERS: lambda: np.matmul(a, b)}, 1))
    for p in columns:
        found += figures("X'X", (p, records, p), least(symmetric(records, p), turns))
    return found


def symmetric(records: int, p: int) -> dict[str, Callable[[], Any]]:
    """XᵀX by each side; the library sees that its factors are one matrix."""
    x, x2, z = words(records, p), words(2, records, p), reals(records, p)
    return {OURS: lambda: gram(x), OURS_128: lambda: gram_128(x2), DOUBLES: lambda: z.T @ z}


def least(sides: dict[str, Callable[[], Any]], turns: int) -> dict[str, float]:
    """Least seconds of each; they take turns, in an order that flips."""
    seconds: dict[str, list[float]] = {name: [] for name in sides}
    for turn in range(turns):
        for name in sides if turn % 2 == 0 else reversed(sides):
            start = time.perf_counter()
            sides[name]()
            seconds[name].append(time.perf_counter() - start)
    return {name: min(each) for name, each in seconds.items()}


def figures(product: str, shape: tuple[int, int, int], seconds: dict[str, float]) -> list[Figure]:
    """Rates, and ratios to the rate of doubles."""
    m, k, n = shape
    return [
        Figure(product, side, shape, spent, 2e-9 * m * k * n / spent, seconds[DOUBLES] / spent)
        for side, spent in seconds.items()
    ]


def words(*shape: int) -> NDArray[np.uint64]:
    """Words of any size."""
    return np.random.default_rng(1).integers(0, 2**64, size=shape, dtype=np.uint64)


def reals(*shape: int) -> NDArray[np.float64]:
    """Reals in [0, 1)."""
    return np.random.default_rng(1).random(shape)


def library() -> str:
    """The kernel that OpenBLAS has chosen for doubles, as "Haswell"; "unknown" in a numpy with another library."""
    for found in _openblas():
        name = found.scipy_openblas_get_corename64_
        name.restype = ctypes.c_char_p
        told: bytes = name()
        return told.decode()
    return "unknown"


def one_thread() -> None:
    """From now on doubles are multiplied on one thread, in a numpy with OpenBLAS."""
    for found in _openblas():
        found.scipy_openblas_set_num_threads64_(1)


def _openblas() -> list[ctypes.CDLL]:
    beside = Path(np.__file__).parent.parent / "numpy.libs"
    return [ctypes.CDLL(str(file)) for file in beside.glob("libscipy_openblas64*")]


def main() -> None:
    """Print the figures."""
    print(f"ours: {kernel_name()}; doubles: OpenBLAS for {library()}")
    for figure in rows():
        shape = " x ".join(map(str, figure.shape))
        print(
            f"{figure.product} {shape:18} {figure.side:13} {figure.seconds * 1e3:9.1f} ms {figure.rate:7.2f} GOP/s",
            end="",
        )
        print(f"  {figure.ratio:.2f} of float64")


if __name__ == "__main__":
    main()
