"""The compiled loop of noisy products: every multiple X^j of every element, added where it goes.

Exact      Words of uint64, as `gf128_kernels` doubles them. No branch and no address depends on an element.
Cost       1 us an element, one core.
"""

from securecompute.arithmetic.compiled import compiled
from securecompute.arithmetic.gf128_kernels import doubled


@compiled
def add_multiples(beta, d):  # type: ignore[no-untyped-def]
    """d[j, i] += X^j beta[i]: uint64 (bits, n, 2); beta, uint64 (n, 2), is overwritten."""
    for j in range(d.shape[0]):
        for i in range(d.shape[1]):
            d[j, i, 0] ^= beta[i, 0]
            d[j, i, 1] ^= beta[i, 1]
            beta[i, 0], beta[i, 1] = doubled(beta[i, 0], beta[i, 1])
