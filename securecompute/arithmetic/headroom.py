"""The range proof: which ring and how many fractional bits hold a sum, decided before anything is computed.

    e = Σ rint(2ᶠ x) over an institution's records,  |x| ≤ B        N n ⌈2ᶠ B⌉ ≤ 2ᵏ⁻¹ − 1

Proof      |rint(2ᶠ x)| ≤ ⌈2ᶠ B⌉, as a rounded number never passes an integer; so n records give |e| ≤ n ⌈2ᶠ B⌉ = E, and
           every set of institutions a total of at most N E, which `rings.choose_ring` shows to decode to itself.
Lost bits  Rounding to multiples of 2⁻ᶠ moves a value by at most 2⁻ᶠ⁻¹. The precision asked for is the largest such
           error: a plan that cannot keep it is refused, whatever the records are, so that a refusal tells nothing
           about them. Whoever wants no rounding at all says so where the values are read (`exact_sums.Term`).
"""

from dataclasses import dataclass
from fractions import Fraction
from math import ceil, frexp, inf

from securecompute.arithmetic.rings import Ring, fits
from securecompute.errors import EncodingOverflow, InvalidRequest, PrecisionLoss

MOST_BITS = 900  # of a scale either way: every power of two that a kernel needs is a normal double


@dataclass(frozen=True, slots=True)
class Plan:
    """How a column's sum is encoded.

    scale   f: an integer q stands for q / 2^f
    bound   E: largest |entry| of one institution's vector, an integer
    """

    column: str
    limit: float
    ring: Ring
    scale: int
    bound: int


def entry_bound(limit: float, scale: int, records: int) -> int:
    """E = n ceil(2^f B), an exact integer."""
    return records * ceil(Fraction(limit) * Fraction(2) ** scale)


def largest_scale(bits: int, limit: float, records: int, institutions: int) -> int | None:
    """The largest f with N n ceil(2^f B) <= 2^(k-1) - 1; None if there is none, because even one unit does not fit.

    raises   InvalidRequest  a limit that is not finite and positive; fewer than one record or institution
    """
    _check(limit, records, institutions)
    units = ((1 << (bits - 1)) - 1) // (records * institutions)  # most that ceil(2^f B) may be
    if units < 1:
        return None
    scale = units.bit_length() - frexp(limit)[1]  # 2^f B has as many bits as `units`, so f fits, or else f - 1 does
    if entry_bound(limit, scale, 1) > units:
        scale -= 1
    return min(scale, MOST_BITS)


def plan(
    column: str, limit: float, precision: float, records: int, institutions: int, ring: Ring | None = None
) -> Plan:
    """The smallest ring in which every value keeps the precision, and the largest scale that it allows.

    limit          largest |value| that the dictionary allows, in the column's unit
    precision      largest error of rounding one value, same unit
    records        most records of one institution that enter one entry
    institutions   size N of the roster
    ring           use this one; None: choose
    raises         PrecisionLoss     no ring, or not this one, keeps the precision
                   EncodingOverflow  not even whole limits fit: more records than the ring counts
                   InvalidRequest    a limit or precision that is not finite and positive; no record or institution
    """
    if not 0 < precision < inf:
        raise InvalidRequest(f"'{column}': a precision of {precision:g}; declare the largest error of rounding a value")
    candidates = list(Ring) if ring is None else [ring]
    for candidate in candidates:
        scale = largest_scale(candidate.bits, limit, records, institutions)
        if scale is not None and Fraction(1, 2) / Fraction(2) ** scale <= Fraction(precision):
            return Plan(column, limit, candidate, scale, entry_bound(limit, scale, records))
    widest = candidates[-1]
    if scale is None:
        raise EncodingOverflow(
            f"'{column}': {institutions} institutions of up to {records} records exceed {widest}; lower max_records"
        )
    wider = "" if widest is Ring.Z128 else ", or take a wider ring"
    raise PrecisionLoss(
        f"'{column}': with limit ±{limit:g}, {institutions} institutions and up to {records} records, {widest} rounds "
        f"values by up to 2^{-scale - 1}, more than the precision of {precision:g}. Declare a narrower range or a "
        f"coarser precision, lower max_records{wider}"
    )


def check_fits(column: str, limit: float, scale: int, records: int, institutions: int, ring: Ring) -> int:
    """E for a scale and ring that are given, if no total can leave the ring.

    raises   EncodingOverflow  a total could
             InvalidRequest    as `plan`; a scale beyond 900 bits either way
    """
    _check(limit, records, institutions)
    if abs(scale) > MOST_BITS:
        raise InvalidRequest(f"'{column}': a scale of {scale}; expected at most {MOST_BITS} bits either way")
    bound = entry_bound(limit, scale, records)
    if not fits(ring.bits, bound, institutions):
        most = largest_scale(ring.bits, limit, records, institutions)
        remedy = "lower max_records" if most is None else f"lower the scale to {most}"
        raise EncodingOverflow(
            f"'{column}': with limit ±{limit:g} at scale {scale}, {institutions} institutions of up to {records} "
            f"records can exceed {ring}; {remedy}, declare a narrower range or take a wider ring"
        )
    return bound


def _check(limit: float, records: int, institutions: int) -> None:
    if not 0 < limit <= 2.0**MOST_BITS:
        raise InvalidRequest(f"a limit of {limit:g}; declare a finite range that is not only zero")
    if records < 1 or institutions < 1:
        raise InvalidRequest(f"{records} records at {institutions} institutions; both must be 1 or more")
