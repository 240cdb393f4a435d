"""Products of matrices of words mod 2⁶⁴, exact: the ring's own product, by the fastest way that this machine has.

    A B mod 2⁶⁴,  XᵀX mod 2⁶⁴         uint64 (m, k) by (k, n), any steps between elements, any sizes, 0 too

In turn: tiles of vector instructions (`product_kernels`), if they are right for the constants that such code fails at;
plain compiled loops, likewise; where nothing can be compiled, products of doubles (`limb_products`).
numpy's own product of integers serves only where it is the fastest: it goes word by word, hundreds of times slower than
doubles for large matrices, and so at a few thousand multiplications.

Exact      Each way is exact for all words; its file says why.
Cost       In multiply-adds, on one thread of a processor with AVX2 that others shared: 0.4 to 0.55 of the rate of the
           library's product of doubles, and XᵀX of 50 or 100 columns 0.35 to 0.55 of its XᵀX; the more, the less
           others do (`bench.products_sides.kernels` prints them). A vector costs the reading of the matrix.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from securecompute.arithmetic import fewer_products, limb_products
from securecompute.arithmetic.work_parts import each, parts
from securecompute.errors import InvalidRequest

Words: TypeAlias = NDArray[np.uint64]

CORNERS = (
    *(0, 1, 1 << 21, (1 << 22) - 1, 1 << 32, (1 << 32) - 1, 1 << 63, (1 << 63) - 1, (1 << 64) - 1),
    *((1 << 63) - (1 << 21), 1 << 21 | 1 << 42 | 1 << 63),
    limb_products.LARGEST,
    (1 << 21) - 1 + ((1 << 20) - 2 << 22),  # the largest odd sum of two limbs
)
TINY = 1 << 14  # multiplications below which numpy's own product is done sooner than a call of ours


@dataclass(frozen=True)
class Way:
    """How this process multiplies. All arguments are uint64, and no length is 0.

    name           for people
    product        A, B -> A B
    gram           X -> XᵀX
    times_vector   A, x -> A x
    """

    name: str
    product: Callable[[Words, Words], Words]
    gram: Callable[[Words], Words]
    times_vector: Callable[[Words, Words], Words]


def matmul(a: Words, b: Words, threads: int = 1) -> Words:
    """A B mod 2⁶⁴: uint64 (m, k) times (k, n) gives (m, n), rows contiguous, own memory; a and b are only read.

    threads   how many share the work, by parts of the longest of m, n and k
    raises    InvalidRequest  other dtypes or shapes, or no thread
    """
    _check(threads, a, b)
    if a.shape[1] != b.shape[0]:
        raise InvalidRequest(f"{a.shape} times {b.shape}: a matrix has as many columns as the next one has rows")
    (m, k), n = a.shape, b.shape[1]
    if threads == 1 or m * k * n <= TINY:
        return _product(a, b)
    if k >= max(m, n):
        return _sum(lambda part: _product(a[:, part], b[part]), parts(k, threads))
    if m >= n:
        return np.concatenate(each(lambda part: _product(a[part], b), parts(m, threads)))
    return np.concatenate(each(lambda part: _product(a, b[:, part]), parts(n, threads)), axis=1)


def gram(x: Words, threads: int = 1) -> Words:
    """XᵀX mod 2⁶⁴: uint64 (n, p) gives (p, p), for half the work of a product or little more; x is only read.

    threads   how many share the work, by rows of x
    raises    InvalidRequest  other dtype or shape, or no thread
    """
    _check(threads, x)
    if threads == 1 or x.size * x.shape[1] <= TINY:
        return _gram(x)
    return _sum(lambda part: _gram(x[part]), parts(len(x), threads))


def warm() -> None:
    """Compile the kernels, or load them from the cache, and test them, so that no product waits for it."""
    way = chosen()
    way.times_vector(np.ones((2, 3), np.uint64), np.ones(3, np.uint64))


def kernel_name() -> str:
    """How this process multiplies, for people."""
    return chosen().name


def _product(a: Words, b: Words) -> Words:
    (m, k), n = a.shape, b.shape[1]
    if not m * k * n:
        return np.zeros((m, n), np.uint64)
    if m * k * n <= TINY or k == 1:
        return np.matmul(a, b) if k > 1 else np.multiply(a, b)
    if n == 1:
        return chosen().times_vector(a, b[:, 0])[:, np.newaxis]
    if m == 1:
        return chosen().times_vector(b.T, a[0])[np.newaxis]
    return chosen().product(a, b)


def _gram(x: Words) -> Words:
    if x.shape[1] <= 1 or x.size * x.shape[1] <= TINY:
        return _product(x.T, x)
    return chosen().gram(x)


def _check(threads: int, *matrices: NDArray[Any]) -> None:
    for x in matrices:
        if x.dtype != np.uint64 or x.ndim != 2:
            raise InvalidRequest(f"a factor is {x.dtype} {x.shape}; expected a matrix of uint64")
    if threads < 1:
        raise InvalidRequest(f"{threads} threads; expected 1 or more")


def _sum(work: Callable[[slice], Words], pieces: list[slice]) -> Words:
    first, *others = each(work, pieces)
    for other in others:
        np.add(first, other, out=first)
    return first


def tiles(kind: Any) -> Way:
    """The way of `product_kernels` for its PAIRS or WORDS."""
    from securecompute.arithmetic import product_kernels as kernels

    def add(c: Words, a: Words, b: Words) -> None:
        kernels.add_product(kind, c, a, b)

    def product(a: Words, b: Words) -> Words:
        a, b = _readable(a), _readable(b)
        m, n = a.shape[0], b.shape[1]
        c = np.zeros(kernels.padded(kind, m, n), np.uint64)
        fewer_products.add_product(add, c, a, b)
        return np.ascontiguousarray(c[:m, :n])

    def gram(x: Words) -> Words:
        x, p = _readable(x), x.shape[1]
        c = np.zeros(kernels.padded(kind, p, p), np.uint64)
        kernels.add_product(kind, c, x.T, x, upper=True)
        return _symmetric(c[:p, :p])

    return Way(kind.name, product, gram, lambda a, x: kernels.times_vector(_readable(a), _readable(x)))


def _readable(x: Words) -> Words:
    """x with words at their proper addresses and one step of 8 bytes, copied if need be."""
    return x if x.itemsize in x.strides and x.flags.aligned else x.copy()


def _symmetric(c: Words) -> Words:
    """What is on and above the diagonal, and its reflection below."""
    upper = np.triu(c)
    return upper + np.triu(c, 1).T


@cache
def chosen() -> Way:
    """The first of the ways that passes its test."""
    return next(way for way in _ways() if passes(way))


def passes(way: Way) -> bool:
    """Whether the products of all corner constants with each other are right, and of numbers of all sizes."""
    depth = 3 * 160 + 7
    row = np.array(CORNERS, np.uint64)
    a, b = np.repeat(row[:, np.newaxis], depth, 1), np.repeat(row[np.newaxis], depth, 0)
    a[1, :] = b[:, 1] = np.arange(1, depth + 1, dtype=np.uint64) * np.uint64(0x9E3779B97F4A7C15)
    expected = a.astype(object) @ b.astype(object) % (1 << 64)
    right = [np.array_equal(way.product(a, b), expected), np.array_equal(way.times_vector(a, b[:, 1]), expected[:, 1])]
    return all([*right, np.array_equal(way.gram(b), b.T.astype(object) @ b.astype(object) % (1 << 64))])


def _ways() -> Iterator[Way]:
    try:
        from securecompute.arithmetic import product_kernels
    except ImportError:
        pass
    else:
        kind = product_kernels.kind_here()
        yield tiles(kind)
        plain = product_kernels.plain_product
        yield Way("plain compiled loops", plain, lambda x: plain(x.T, x), product_kernels.times_vector)
    yield Way("limb products on BLAS", limb_products.matmul, limb_products.gram, np.matmul)
