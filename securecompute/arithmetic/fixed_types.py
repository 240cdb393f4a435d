"""The type of a secret fixed-point number: ring, fractional bits, and the largest magnitude that it can have.

    x is stored as an integer near 2^scale x, and bound · 2^scale < 2^(L-2)

The bound is public: declared for an input, and derived for everything computed from it. The two bits that stay free are
what truncation and comparison need to be exact, so a program that could overflow is refused when it is built.

    x + y      max(scales), bounds added              x y       scales added, bounds multiplied
    x @ y      as a product, of K terms: bound K · bound · bound, or the product of the largest norms if these are known

Accuracy   Quantising is off by at most 2^-(scale+1). The product of two such numbers, truncated to scale f, is off by
           at most |x| 2^-(f_y+1) + |y| 2^-(f_x+1) + 2^-(f_x+f_y+2) from encoding, and one unit 2^-f from truncation.
Reference  Cauchy and Schwarz for the norms.
"""

from dataclasses import dataclass
from math import ceil, inf, isfinite, log2

from securecompute.arithmetic.rings import Ring
from securecompute.errors import EncodingOverflow, InvalidRequest


@dataclass(frozen=True, slots=True)
class FixedType:
    """ring, scale (fractional bits), bound (largest magnitude, in the variable's unit).

    raises   EncodingOverflow  the numbers leave no headroom in the ring
             InvalidRequest    a bound that is not a finite number of 0 or more, or a negative scale
    """

    ring: Ring
    scale: int
    bound: float

    def __post_init__(self) -> None:
        if not (isfinite(self.bound) and self.bound >= 0):
            raise InvalidRequest(f"a bound of {self.bound}; declare the largest magnitude, a finite number")
        if self.scale < 0:
            raise InvalidRequest(f"{self.scale} fractional bits; expected 0 or more")
        most = most_scale(self.ring, self.bound)
        if self.scale > most:
            raise EncodingOverflow(
                f"numbers up to {self.bound:.4g} with {self.scale} fractional bits leave no headroom in {self.ring}, "
                f"which takes {most if most >= 0 else 'none of'} such bits; declare a smaller range, or compute wide"
            )

    @property
    def unit(self) -> float:
        """One unit in the last place: 2^-scale."""
        return 2.0**-self.scale

    def sum(self, other: "FixedType") -> "FixedType":
        """Of x + y and x - y."""
        return FixedType(same_ring(self, other), max(self.scale, other.scale), self.bound + other.bound)

    def product(self, other: "FixedType", scale: int, terms: int = 1, bound: float = inf) -> "FixedType":
        """Of x y, or of a sum of so many such products, truncated to a scale.

        bound    a smaller one than terms · bound · bound, where norms prove it
        raises   EncodingOverflow  the product before its truncation leaves no headroom
        """
        ring, most = same_ring(self, other), min(bound, terms * self.bound * other.bound)
        full = FixedType(ring, self.scale + other.scale, most)
        if not 0 <= scale <= full.scale:
            raise InvalidRequest(f"a product with {full.scale} fractional bits has no {scale} of them")
        return FixedType(ring, scale, most + 2.0**-scale)


def same_ring(x: FixedType, y: FixedType) -> Ring:
    """The ring of both. raises InvalidRequest: they are of two."""
    if x.ring is not y.ring:
        raise InvalidRequest(f"a number in {x.ring} meets one in {y.ring}; widen the smaller one")
    return x.ring


def most_scale(ring: Ring, bound: float) -> int:
    """The most fractional bits that numbers of this magnitude may have; negative if the ring is too small for them."""
    return ring.bits - 3 - ceil(log2(bound)) if bound > 0 else ring.bits - 3
