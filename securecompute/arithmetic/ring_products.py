"""Exact products of matrices of words mod 2⁶⁴ (first version)."""

from collections.abc import Callable
from functools import cache
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from securecompute.arithmetic import limb_products
from securecompute.errors import InvalidRequest

Words: TypeAlias = NDArray[np.uint64]


def matmul(a: Words, b: Words, threads: int = 1) -> Words:
    """A B mod 2⁶⁴: uint64 (m, k) times (k, n) gives (m, n).

    raises   InvalidRequest  other dtypes or shapes, or no thread
    """
    if a.dtype != np.uint64 or b.dtype != np.uint64 or a.ndim != 2 or b.ndim != 2 or a.shape[1] != b.shape[0]:
        raise InvalidRequest(f"{a.dtype} {a.shape} times {b.dtype} {b.shape}; expected uint64 (m, k) times (k, n)")
    if threads < 1:
        raise InvalidRequest(f"{threads} threads; expected 1 or more")
    return _kernel()(a, b, False)


def gram(x: Words, threads: int = 1) -> Words:
    """XᵀX mod 2⁶⁴: uint64 (n, p) gives (p, p).

    raises   InvalidRequest  as `matmul`
    """
    return matmul(x.T, x, threads)


def warm() -> None:
    """Compile or load the kernels."""
    _kernel()


def kernel_name() -> str:
    """What multiplies here."""
    return "limb products on BLAS" if _kernel() is limb_products.matmul else "split products, 4 lanes"


@cache
def _kernel() -> Callable[..., Any]:
    try:
        from securecompute.arithmetic import product_kernels
    except ImportError:
        return lambda a, b, _: limb_products.matmul(a, b)
    driver = product_kernels._driver(1, 5, 4, 2, 128, 96, 480)

    def product(a: Words, b: Words, upper: bool) -> Words:
        a, b = (x if 8 in x.strides else np.ascontiguousarray(x) for x in (a, b))
        m, k, n = *a.shape, b.shape[1]
        c = np.zeros((m, -(-n // 4) * 4), np.uint64)
        if m and k and n:
            driver(a.ctypes.data, *a.strides, b.ctypes.data, *b.strides, c.ctypes.data, c.strides[0], m, k, n, upper)
        return np.ascontiguousarray(c[:, :n])

    return product
