"""Products of matrices mod 2¹²⁸, exact: uint64 (2, m, k) by (2, k, n), the plane of low words first.

    A = A' + 2⁶⁴ A'',  −2⁶³ ≤ A' < 2⁶³ nearly        A B = A'B' + 2⁶⁴ (A'B'' + A''B')  mod 2¹²⁸

The second term is two products mod 2⁶⁴. The first needs all its bits: with the limbs l₀ + 2²² l₁ + 2⁴³ l₂ of
`limb_products` it is six products of doubles (Karatsuba's way), whose sums over k are integers below 2⁶³,

    l₀m₀ · 2⁰     ((l₀+l₁)(m₀+m₁) − l₀m₀ − l₁m₁) · 2²²     ((l₀+l₂)(m₀+m₂) − l₀m₀ − l₂m₂) · 2⁴³
    l₁m₁ · 2⁴⁴    ((l₁+l₂)(m₁+m₂) − l₁m₁ − l₂m₂) · 2⁶⁵     l₂m₂ · 2⁸⁶

and are added with their signs and carries.

Exact      Of 896 terms every product of doubles is an integer below 2⁵³ (`limb_products`). Blocks are added mod 2⁶⁴;
           the sums that count are at most 2⁴² for each k, and are read as signed numbers after 2²⁰ of them at most.
Cost       Six products of doubles and two mod 2⁶⁴: about ten products of doubles; XᵀX half of the six, and one of the
           two.
Reference  own derivation.
"""

from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from securecompute.arithmetic.limb_products import BLOCK, LARGEST, limbs
from securecompute.arithmetic.ring_products import matmul
from securecompute.arithmetic.work_parts import each, parts
from securecompute.errors import InvalidRequest

Words: TypeAlias = NDArray[np.uint64]
Reals: TypeAlias = NDArray[np.float64]

MOST_TERMS = 1170 * BLOCK  # below 2^20
STRIP = 1 << 15  # words that are joined while they are in the cache
WEIGHTS = (0, 22, 43, 44, 65, 86)


def matmul_128(a: Words, b: Words, threads: int = 1) -> Words:
    """A B mod 2¹²⁸: uint64 (2, m, k) times (2, k, n) gives (2, m, n), own memory; a and b are only read.

    threads   how many share the work, by parts of the longest of m, n and k
    raises    InvalidRequest  other dtypes or shapes, or no thread
    """
    _check(threads, a, b)
    if a.shape[2] != b.shape[1]:
        raise InvalidRequest(f"{a.shape} times {b.shape}: a matrix has as many columns as the next one has rows")
    (_, m, k), n = a.shape, b.shape[2]
    if k >= max(m, n):
        pieces = parts(k, max(threads, -(-k // MOST_TERMS)))
        return _total(each(lambda part: _product(a[:, :, part], b[:, part]), pieces))
    if m >= n:
        return np.concatenate(each(lambda part: _product(a[:, part], b), parts(m, threads)), axis=1)
    return np.concatenate(each(lambda part: _product(a, b[:, :, part]), parts(n, threads)), axis=2)


def gram_128(x: Words, threads: int = 1) -> Words:
    """XᵀX mod 2¹²⁸: uint64 (2, n, p) gives (2, p, p), for about half the work of a product; x is only read.

    threads   how many share the work, by rows of x
    raises    InvalidRequest  other dtype or shape, or no thread
    """
    _check(threads, x)
    return _total(each(lambda part: _gram(x[:, part]), parts(x.shape[1], max(threads, -(-x.shape[1] // MOST_TERMS)))))


def _product(a: Words, b: Words) -> Words:
    """For at most MOST_TERMS terms."""
    low = _low_product(a[0], b[0])
    low[1] += matmul(a[0], _high(b))
    low[1] += matmul(_high(a), b[0])
    return low


def _gram(x: Words) -> Words:
    low = _low_product(x[0].T, x[0], symmetric=True)
    crossed = matmul(x[0].T, _high(x))
    low[1] += crossed
    low[1] += crossed.T
    return low


def _high(x: Words) -> Words:
    """The words that weigh 2⁶⁴ once the low ones stand for their limbs, which are negative for the larger half."""
    high: Words = x[1] + (x[0] > np.uint64(LARGEST))
    return high


def _low_product(a: Words, b: Words, symmetric: bool = False) -> Words:
    """The 128 bits of Σₖ a' b', of the integers that limbs stand for; symmetric: a is b transposed."""
    (m, k), n = a.shape, b.shape[1]
    sums = np.zeros((len(WEIGHTS), m, n), np.uint64)
    for start in range(0, k, BLOCK):
        right = _six(b[start : start + BLOCK])
        left = [x.T for x in right] if symmetric else _six(a[:, start : start + BLOCK])
        for total, x, y in zip(sums, left, right, strict=True):
            total += (x @ y).astype(np.int64).view(np.uint64)
    lowest, low, middle, one, high, two = sums
    low -= lowest + one
    middle -= lowest + two
    high -= one + two
    out = np.zeros((2, m, n), np.uint64)
    rows = max(1, STRIP // max(n, 1))
    for start in range(0, m, rows):
        for weight, total in zip(WEIGHTS, sums, strict=True):
            _add_shifted(out[:, start : start + rows], total[start : start + rows].view(np.int64), weight)
    return out


def _six(x: Words) -> list[Reals]:
    """Limbs and their sums, in the order of the weights."""
    l0, l1, l2 = limbs(x)
    return [l0, l0 + l1, l0 + l2, l1, l1 + l2, l2]


def _add_shifted(out: Words, signed: NDArray[np.int64], weight: int) -> None:
    """out += 2^weight signed, mod 2¹²⁸, in place."""
    if weight >= 64:
        out[1] += signed.view(np.uint64) << np.uint64(weight - 64)
        return
    out[1] += (signed >> np.int64(min(63, 64 - weight))).view(np.uint64)
    low = signed.view(np.uint64) << np.uint64(weight)
    out[0] += low
    out[1] += out[0] < low


def _total(terms: list[Words]) -> Words:
    """Their sum mod 2¹²⁸, in the first one's memory."""
    first, *others = terms
    for other in others:
        first[0] += other[0]
        first[1] += other[1]
        first[1] += first[0] < other[0]
    return first


def _check(threads: int, *matrices: NDArray[Any]) -> None:
    for x in matrices:
        if x.dtype != np.uint64 or x.ndim != 3 or len(x) != 2:
            raise InvalidRequest(f"a factor is {x.dtype} {x.shape}; expected uint64 in two planes (2, m, n)")
    if threads < 1:
        raise InvalidRequest(f"{threads} threads; expected 1 or more")
