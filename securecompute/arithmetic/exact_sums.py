"""Sums of real numbers that are exact, whatever the order of the records, the chunks or the split over institutions.

    Σ rint(2ᶠ x),  Σ rint(2ᶠ x y)  over the records, also by group: integers of any size, divided by 2ᶠ once at the end

A value, or a product that was not rounded before, is rounded to a multiple of 2⁻ᶠ, half to even, and integers are
added. At f = 80 only what is smaller than 2⁻²⁷ can have finer bits: elsewhere `nearest` of a sum is math.fsum's double.

Exact      Digits of at most 2³¹ for a value, and of at most 2⁴³ for a product, whose error joins the last one, are
           added in words of 64 bits: over 2³⁰ values or 2¹⁹ products they stay below 2⁶³. Then they move to Python
           integers. Addition of integers has no order.
Lost bits  A number that is no multiple of 2⁻ᶠ raises PrecisionLoss, unless the term says that it may be rounded.
Cost       That of `exact_kernels`, which loads a compiler: for many records, or many passes over them. One question
           about fewer than 10⁸ records is answered sooner by `fixed_point`, in numpy.
Reference  own derivation: a superaccumulator (Kulisch) of three words; products after Dekker, Numer. Math. 1971.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from securecompute.arithmetic.headroom import MOST_BITS
from securecompute.errors import EncodingOverflow, InvalidRequest, NonFiniteInput, PrecisionLoss

VALUES_AT_ONCE = 1 << 30
PRODUCTS_AT_ONCE = 1 << 19
RANGE_BITS = 95  # of 2^f limit: the top digit is then at most 2^31

Reals: TypeAlias = NDArray[np.float64]
Codes: TypeAlias = NDArray[np.int32]

_SHIFTS = (64, 32, 0)


@dataclass(frozen=True, slots=True)
class Term:
    """What is summed: the values of a column, or products of two.

    column    its name, for the messages
    limit     largest |value|, or |product|, in its unit
    scale     f: multiples of 2^-f are exact
    rounded   other numbers may be rounded to them; else they raise PrecisionLoss
    raises    EncodingOverflow  2^f limit exceeds 2^95
              InvalidRequest    a limit that is not finite and positive; a scale beyond 900 bits either way
    """

    column: str
    limit: float
    scale: int = 80
    rounded: bool = False

    def __post_init__(self) -> None:
        if not 0 < self.limit <= 2.0**MOST_BITS or abs(self.scale) > MOST_BITS:
            raise InvalidRequest(
                f"'{self.column}': limit {self.limit:g} at scale {self.scale}; declare a finite range that is not only "
                f"zero, and at most {MOST_BITS} bits either way"
            )
        if self.limit > 2.0 ** (RANGE_BITS - self.scale):
            raise EncodingOverflow(
                f"'{self.column}': limit ±{self.limit:g} at scale {self.scale} exceeds {RANGE_BITS} bits; declare a "
                "narrower range or lower the scale"
            )

    @property
    def constants(self) -> tuple[float, float, float]:
        """C of the three digits: 1.5 · 2⁵² times 2⁶⁴⁻ᶠ, 2³²⁻ᶠ and 2⁻ᶠ."""
        high, middle, low = (1.5 * 2.0 ** (52 + shift - self.scale) for shift in _SHIFTS)
        return high, middle, low


def total(x: Reals, term: Term) -> int:
    """Σ rint(2^f x).

    x        float64, shape (n,), in the term's unit
    raises   NonFiniteInput    NaN or an infinity
             EncodingOverflow  some |x| > limit
             PrecisionLoss     some x is no multiple of 2^-f, and the term does not say `rounded`
             InvalidRequest    x is not float64 (n,)
    """
    from securecompute.arithmetic import exact_kernels

    return _total(exact_kernels.values, VALUES_AT_ONCE, term, x)


def total_of_products(x: Reals, y: Reals, term: Term) -> int:
    """Σ rint(2^f x y), every product exact until then; y may be x itself, or weights.

    x, y     float64, shape (n,); the term's limit is that of |x y|
    raises   as `total`, about the products
    """
    from securecompute.arithmetic import exact_kernels

    return _total(exact_kernels.products, PRODUCTS_AT_ONCE, term, x, y)


def total_by(x: Reals, group: Codes, groups: int, term: Term) -> list[int]:
    """`total` of each group; 0 for a group without records.

    group    int32, shape (n,), codes 0 .. groups-1
    raises   as `total`; InvalidRequest  other dtypes or shapes, or a code outside 0 .. groups-1
    """
    from securecompute.arithmetic import exact_kernels

    return _total_by(exact_kernels.values_by, VALUES_AT_ONCE, term, group, groups, x)


def total_of_products_by(x: Reals, y: Reals, group: Codes, groups: int, term: Term) -> list[int]:
    """`total_of_products` of each group.

    raises   as `total_by`
    """
    from securecompute.arithmetic import exact_kernels

    return _total_by(exact_kernels.products_by, PRODUCTS_AT_ONCE, term, group, groups, x, y)


def nearest(total: int, scale: int) -> float:
    """The double nearest to total / 2^scale, ties to even: the one rounding of an exact sum.

    raises   InvalidRequest  beyond the range of doubles
    """
    try:
        return total / (1 << scale) if scale >= 0 else float(total << -scale)
    except OverflowError:
        raise InvalidRequest("a total is beyond the range of doubles; give it in a larger unit") from None


def _total(kernel: Callable[..., Any], at_once: int, term: Term, *factors: Reals) -> int:
    n = _length(term, factors)
    offsets = np.array(term.constants).view(np.uint64)
    sums, bad, lost = 0, 0, 0
    for piece in _pieces(n, at_once):
        parts = [_readable(factor[piece]) for factor in factors]
        *words, bad_here, lost_here = kernel(*parts, *term.constants, term.limit)
        digits = np.array(words, np.uint64) - np.uint64(len(parts[0])) * offsets
        sums += sum(d << shift for d, shift in zip(digits.view(np.int64).tolist(), _SHIFTS, strict=True))
        bad, lost = bad + int(bad_here), lost + int(lost_here)
    _refuse(term, bad, lost, factors)
    return sums


def _total_by(
    kernel: Callable[..., Any], at_once: int, term: Term, group: Codes, groups: int, *factors: Reals
) -> list[int]:
    """As `_total`; a chunk's sums, below 2^63, move to pairs of words that 2^31 chunks cannot fill."""
    n = _length(term, factors)
    _check_group(group, groups, n)
    high, low = np.zeros((groups, 3), np.int64), np.zeros((groups, 3), np.int64)
    bad = lost = 0
    for piece in _pieces(n, at_once):
        sums = np.zeros((groups, 3), np.uint64)
        parts = [_readable(factor[piece]) for factor in factors]
        codes = _readable(group[piece]).view(np.uint32)
        bad_here, lost_here = kernel(*parts, codes, sums, *term.constants, term.limit)
        high += sums.view(np.int64) >> 32
        low += (sums & np.uint64(0xFFFFFFFF)).view(np.int64)
        bad, lost = bad + int(bad_here), lost + int(lost_here)
    _refuse(term, bad, lost, factors)
    rows = zip(high.tolist(), low.tolist(), strict=True)
    return [sum(((h << 32) + w) << shift for h, w, shift in zip(*row, _SHIFTS, strict=True)) for row in rows]


def _pieces(n: int, at_once: int) -> Iterator[slice]:
    return (slice(start, start + at_once) for start in range(0, n, at_once))


def _readable(array: NDArray[Any]) -> NDArray[Any]:
    """One form for whatever memory comes, so that one compiled kernel serves: contiguous, aligned, read-only."""
    view = np.require(array, requirements=["C", "A"]).view()
    view.flags.writeable = False
    return view


def _length(term: Term, factors: tuple[Reals, ...]) -> int:
    for x in factors:
        if x.dtype != np.float64 or x.ndim != 1 or x.shape != factors[0].shape:
            raise InvalidRequest(f"'{term.column}' is {x.dtype} {x.shape}; expected float64 (n,)")
    return len(factors[0])


def _check_group(group: NDArray[Any], groups: int, n: int) -> None:
    if group.dtype != np.int32 or group.shape != (n,):
        raise InvalidRequest(f"groups are {group.dtype} {group.shape}; expected int32 {(n,)}")
    if n and not 0 <= group.min() <= group.max() < groups:
        raise InvalidRequest(f"a record's group is outside 0 .. {groups - 1}; leave records without a group out")


def _refuse(term: Term, bad: int, lost: int, factors: tuple[Reals, ...]) -> None:
    """Say what was wrong with a column, if anything; never with which record or how many."""
    if bad and not all(np.isfinite(x).all() for x in factors):
        raise NonFiniteInput(f"'{term.column}' holds NaN or an infinity; write missing values as nulls")
    if bad:
        raise EncodingOverflow(
            f"'{term.column}' holds a value beyond ±{term.limit:g}; correct it or the declared range"
        )
    if lost and not term.rounded:
        raise PrecisionLoss(
            f"'{term.column}' holds a value finer than 2^-{term.scale}, the unit of its sum, within ±{term.limit:g}: "
            "bits would be lost. Raise the scale, or say that values may be rounded to the unit"
        )
