"""Large products from seven products of half the size instead of eight, in any ring.

    A B   by quarters A₁₁ ... B₂₂:      S₁ = A₂₁ + A₂₂   S₂ = S₁ − A₁₁   S₃ = A₁₁ − A₂₁   S₄ = A₁₂ − S₂
                                        T₁ = B₁₂ − B₁₁   T₂ = B₂₂ − T₁   T₃ = B₂₂ − B₁₂   T₄ = B₂₁ − T₂

    C₁₁ = A₁₁B₁₁ + A₁₂B₂₁       U = A₁₁B₁₁ + S₂T₂        C₁₂ = U + S₁T₁ + S₄B₂₂
                                V = U + S₃T₃             C₂₁ = V + A₂₂T₄       C₂₂ = V + S₁T₁

What the quarters leave over, where a length is not a multiple of a quarter's grain, is multiplied as it is.

Exact      Only additions, subtractions and products mod 2⁶⁴: equal, not close, to the plain product.
Cost       7/8 of the multiplications for each halving, and 14 passes over quarters.
Reference  Strassen, Numer. Math. 1969, with Winograd's 15 additions (Fischer and Probert, ICALP 1974).
"""

from collections.abc import Callable
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

Words: TypeAlias = NDArray[np.uint64]
Adding: TypeAlias = Callable[[Words, Words, Words], None]

SMALLEST = 384  # the least length of a quarter for which the passes cost less than a product
GRAIN = 8  # quarters begin at multiples of it


def add_product(add: Adding, c: Words, a: Words, b: Words) -> None:
    """C += A B, in place, by `add` for the small ones: C (m, n) may be padded, A (m, k), B (k, n)."""
    (m, k), n = a.shape, b.shape[1]
    if min(m, k, n) < 2 * SMALLEST:
        return add(c, a, b)
    hm, hk, hn = (length // (2 * GRAIN) * GRAIN for length in (m, k, n))
    _quarters(add, c[: 2 * hm, : 2 * hn], a[: 2 * hm, : 2 * hk], b[: 2 * hk, : 2 * hn])
    if 2 * hk < k:
        add(c[: 2 * hm, : 2 * hn], a[: 2 * hm, 2 * hk :], b[2 * hk :, : 2 * hn])
    if 2 * hn < n:
        add(c[: 2 * hm, 2 * hn :], a[: 2 * hm], b[:, 2 * hn :])
    if 2 * hm < m:
        add(c[2 * hm :], a[2 * hm :], b)


def _quarters(add: Adding, c: Words, a: Words, b: Words) -> None:
    (m, k), n = (length // 2 for length in a.shape), b.shape[1] // 2
    a11, a12, a21, a22 = a[:m, :k], a[:m, k:], a[m:, :k], a[m:, k:]
    b11, b12, b21, b22 = b[:k, :n], b[:k, n:], b[k:, :n], b[k:, n:]
    c11, c12, c21, c22 = c[:m, :n], c[:m, n:], c[m:, :n], c[m:, n:]
    u, p = np.zeros((m, n), np.uint64), np.zeros((m, n), np.uint64)
    add_product(add, u, a11, b11)
    np.add(c11, u, out=c11)
    add_product(add, c11, a12, b21)
    s, t = a21 + a22, b12 - b11
    add_product(add, p, s, t)
    np.add(c12, p, out=c12)
    np.add(c22, p, out=c22)
    np.subtract(s, a11, out=s)
    np.subtract(b22, t, out=t)
    add_product(add, u, s, t)
    np.add(c12, u, out=c12)
    np.subtract(a12, s, out=s)
    add_product(add, c12, s, b22)
    np.subtract(b21, t, out=t)
    add_product(add, c21, a22, t)
    np.subtract(a11, a21, out=s)
    np.subtract(b22, b12, out=t)
    add_product(add, u, s, t)  # V from here on
    np.add(c21, u, out=c21)
    np.add(c22, u, out=c22)
