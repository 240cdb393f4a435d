"""The size of an oblivious key-value store: clusters, what one may hold, sparse and dense columns.

    β = max(1, ⌊n / 2^14⌋) clusters;     nc = least L with  β Pr[Bin(n, 1/β) ≥ L] < 2^-40,  n for β = 1
    s = 2^(0.555 log2 nc + 0.093 W³ − 1.01 W² + 2.925 W − 0.133),  W = log2 3
    e = 1.223 + 49.2 / s        ĝ = ⌊40 / log2(e nc)⌋        sparse ⌊e nc⌋ + 1        dense ĝ + 40

e and ĝ are fitted so that what peeling leaves over has more than ĝ rows with probability 2^-40; 40 binary columns more
give those rows full rank but with 2^-40. A store that cannot be filled costs another seed, never a wrong value.

Exact      Two parties must come to the same sizes on any machine: logarithms are decimal's, which are rounded correctly
           and not left to a C library.
Range      The fit is for nc from 2^6 on; below that the sizes of 2^6 are taken.
Reference  Raghuraman, Rindal, CCS 2022 (ePrint 2022/320), section 3.2; the fit as in volepsi's PaxosParam::init.
"""

from dataclasses import dataclass
from decimal import Decimal, localcontext
from functools import lru_cache
from typing import Final

from securecompute.errors import InvalidRequest

SMALLEST: Final = 1 << 6  # of the fit
LARGEST: Final = 1 << 30
_CLUSTER_BITS: Final = 14
_FAILURE_BITS: Final = 40
_PI: Final = Decimal("3.1415926535897932384626433832795029")
_DIGITS: Final = 34


@dataclass(frozen=True, slots=True)
class Layout:
    """The columns of a store: those of one cluster beside each other, its sparse ones first.

    clusters   how many
    capacity   most keys that a cluster may hold
    sparse     columns of which every key has three; below 2^16
    dense      columns of which every key has a random half; at most 64
    """

    clusters: int
    capacity: int
    sparse: int
    dense: int

    @property
    def width(self) -> int:
        """Columns of one cluster."""
        return self.sparse + self.dense

    @property
    def size(self) -> int:
        """Columns of all clusters: m, the length of the store."""
        return self.clusters * self.width


@lru_cache(maxsize=256)
def layout(n: int) -> Layout:
    """The store for n keys.

    raises   InvalidRequest  n is negative or beyond 2^30
    """
    if not 0 <= n <= LARGEST:
        raise InvalidRequest(f"a store of {n} keys; between 0 and 2^30 are possible")
    clusters = max(1, n >> _CLUSTER_BITS)
    with localcontext() as context:
        context.prec = _DIGITS
        capacity = max(n, SMALLEST) if clusters == 1 else _capacity(n, clusters)
        e = _expansion(capacity)
        sparse = int(e * capacity) + 1
        dense = int(_FAILURE_BITS / _log2(e * capacity)) + _FAILURE_BITS
    return Layout(clusters, capacity, sparse, dense)


def _log2(x: Decimal) -> Decimal:
    return x.ln() / Decimal(2).ln()


def _expansion(capacity: int) -> Decimal:
    """e: sparse columns per key."""
    w = _log2(Decimal(3))
    exponent = (
        Decimal("0.555") * _log2(Decimal(capacity))
        + Decimal("0.093") * w * w * w
        - Decimal("1.01") * w * w
        + Decimal("2.925") * w
        - Decimal("0.133")
    )
    s = (exponent * Decimal(2).ln()).exp()
    return Decimal("1.223") + Decimal("49.2") / s


def _capacity(n: int, clusters: int) -> int:
    """The least L with β Pr[Bin(n, 1/β) ≥ L] < 2^-40, by halving."""
    allowed = -_FAILURE_BITS * Decimal(2).ln() - Decimal(clusters).ln()
    low, high = n // clusters, 2 * (n // clusters)
    while low < high:
        middle = (low + high) // 2
        if _log_tail(n, clusters, middle) < allowed:
            high = middle
        else:
            low = middle + 1
    return low


def _log_tail(n: int, clusters: int, least: int) -> Decimal:
    """ln Pr[Bin(n, 1/β) ≥ L], for L above the mean: the first term, and the others as multiples of it."""
    p, rest = 1 / Decimal(clusters), n - least
    ways = _log_factorial(n) - _log_factorial(least) - _log_factorial(rest)
    first = ways + least * p.ln() + rest * (1 - p).ln()
    total, term, k = 0.0, 1.0, least
    while term > 1e-18 * total:
        total += term
        term *= (n - k) / ((k + 1) * (clusters - 1))
        k += 1
    return first + Decimal(total).ln()


def _log_factorial(n: int) -> Decimal:
    """ln n! for n ≥ 2^13 by Stirling's series, to 10^-30."""
    x = Decimal(n)
    series = 1 / (12 * x) - 1 / (360 * x**3) + 1 / (1260 * x**5) - 1 / (1680 * x**7)
    return x * x.ln() - x + (2 * _PI * x).ln() / 2 + series
