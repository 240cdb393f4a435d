"""Mean, variance and standard deviation from exact integer sums, each rounded once.

    n, S = Σq, Q = Σq²        q = rint(2ˢ x), an integer
    mean = S / (2ˢ n)         variance = (nQ − S²) / (4ˢ n(n − 1))        sd = √variance
    interval of the mean      mean ± t₀.₉₇₅,ₙ₋₁ · sd / √n

Accuracy   mean, variance and sd are the doubles nearest to the true values of the rounded records; the interval is
           computed in double precision.
Checked    bit for bit against statistics.mean, .variance and .stdev of the pooled rounded records.
Reference  two-moment formula; its cancellation does no harm in integers.
"""

from dataclasses import dataclass
from fractions import Fraction
from math import isqrt, sqrt
from typing import Any

from securecompute.analyses.result import (
    LEVEL,
    Cell,
    Count,
    Estimate,
    NotEstimable,
    Statistic,
    Total,
    Withheld,
    interval_cells,
    plain_count,
)


@dataclass(frozen=True, slots=True)
class Moments:
    """A variable among the patients of one group; estimates in the variable's unit, the variance in its square."""

    n: Count
    missing: Total
    mean: Statistic
    sd: Statistic
    variance: Statistic

    def cells(self) -> tuple[Cell, ...]:
        """n, missing, mean with limits, sd, variance: a row of a table."""
        spread = (interval_cells(statistic)[0] for statistic in (self.sd, self.variance))
        return plain_count(self.n), plain_count(self.missing), *interval_cells(self.mean), *spread

    def statistics(self) -> dict[str, Statistic]:
        """Mean, sd and variance by name."""
        return {"mean": self.mean, "sd": self.sd, "variance": self.variance}

    def to_plain(self) -> dict[str, Any]:
        """Every field by name."""
        plain = {name: statistic.to_plain() for name, statistic in self.statistics().items()}
        return {"n": plain_count(self.n), "missing": plain_count(self.missing)} | plain


def moments(n: Count, missing: Total, total: int | None, squares: int | None, scale: int) -> Moments:
    """Estimates from n, S and Q at this scale; S and Q are None where the gate kept them."""
    if not isinstance(n, int) or total is None or squares is None:
        withheld = Withheld("too few patients")
        return Moments(n, missing, withheld, withheld, withheld)
    if n == 0:
        nobody = NotEstimable("no patients")
        return Moments(n, missing, nobody, nobody, nobody)
    mean = Fraction(total, n) / Fraction(2) ** scale
    if n == 1:
        alone = NotEstimable("one patient")
        return Moments(n, missing, Estimate(float(mean)), alone, alone)
    variance = Fraction(n * squares - total * total, n * (n - 1)) / Fraction(4) ** scale
    sd = root(variance)
    margin = _t(n - 1) * sd / sqrt(n)
    interval = Estimate(float(mean), float(mean) - margin, float(mean) + margin)
    return Moments(n, missing, interval, Estimate(sd), Estimate(float(variance)))


def root(x: Fraction) -> float:
    """The double nearest to the square root of x ≥ 0.

    An integer root of at least 2 × 53 + 3 bits of x, with its last bit set if something was cut off, rounds as the
    true root does: round to odd, then to even (Boldo and Melquiond, IEEE Trans. Computers 2008).
    """
    n, d = x.numerator, x.denominator
    shift = (n.bit_length() - d.bit_length() - 109) // 2
    n, d = (n, d << 2 * shift) if shift >= 0 else (n << -2 * shift, d)
    a = isqrt(n // d)
    a |= a * a * d != n
    return float(a * Fraction(2) ** shift)


def _t(df: int) -> float:
    from scipy.stats import t

    return float(t.ppf((1 + LEVEL) / 2, df))
