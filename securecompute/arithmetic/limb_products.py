"""Products mod 2⁶⁴ by the library's matrix product of doubles: what stands in where nothing can be compiled.

    x = l₀ + 2²² l₁ + 2⁴³ l₂ mod 2⁶⁴,  l₀ in [−2²¹, 2²¹),  l₁ and l₂ in [−2²⁰, 2²⁰)

    A B = A₀B₀ + 2²² (A₀B₁ + A₁B₀) + 2⁴³ (A₀B₂ + A₂B₀) + 2⁴⁴ A₁B₁  mod 2⁶⁴

The other products weigh 2⁶⁴ or more. With (A₀ + A₁)(B₀ + B₁) for the second weight, five products of doubles are left.

Exact      If Σₖ |aᵢₖ bₖⱼ| ≤ 2⁵³ for integers, every product and every partial sum in any order is an integer below 2⁵³,
           which doubles hold, with or without fused multiply-add. The largest is (l₀ + l₁)(m₀ + m₁) ≤ 9 · 2⁴⁰, so that
           up to 910 terms may be added; blocks of 896 are, and the blocks' sums are added mod 2⁶⁴.
Pitfalls   Digits are taken in uint64, where wrapping is defined.
Cost       Five products of doubles, and the splitting: about a seventh of the speed of one of them.
Reference  own derivation; splitting without an error as in Ozaki et al., Numer. Algorithms 2012.
"""

from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

BLOCK = 896
BITS = (22, 21, 21)
LARGEST = (1 << 21) - 1 + ((1 << 20) - 1 << 22) + ((1 << 20) - 1 << 43)  # of l₀ + 2²² l₁ + 2⁴³ l₂

Reals: TypeAlias = NDArray[np.float64]
Words: TypeAlias = NDArray[np.uint64]


def limbs(x: Words) -> tuple[Reals, Reals, Reals]:
    """l₀, l₁, l₂ of every element, as doubles: as integers l₀ + 2²² l₁ + 2⁴³ l₂ is x, or x − 2⁶⁴ if x > LARGEST."""
    digits, rest = [], x
    for bits in BITS:
        half = np.uint64(1 << (bits - 1))
        low = (rest + half) & np.uint64((1 << bits) - 1)  # l + half, never negative
        digits.append(low.astype(np.float64) - float(half))
        rest = (rest + half) >> np.uint64(bits)
    return digits[0], digits[1], digits[2]


def matmul(a: Words, b: Words) -> Words:
    """A B mod 2⁶⁴: uint64 (m, k) times (k, n) gives (m, n)."""
    total = np.zeros((a.shape[0], b.shape[1]), np.uint64)
    for start in range(0, a.shape[1], BLOCK):
        a0, a1, a2 = limbs(a[:, start : start + BLOCK])
        b0, b1, b2 = limbs(b[start : start + BLOCK])
        lowest, middle = a0 @ b0, a1 @ b1
        sides = (a0 + a1) @ (b0 + b1) - lowest - middle
        total += _word(lowest) + (_word(sides) << np.uint64(22)) + (_word(middle) << np.uint64(44))
        total += _word(a0 @ b2 + a2 @ b0) << np.uint64(43)
    return total


def gram(x: Words) -> Words:
    """XᵀX mod 2⁶⁴: uint64 (n, p) gives (p, p)."""
    return matmul(x.T, x)


def _word(x: Reals) -> Words:
    return x.astype(np.int64).view(np.uint64)
