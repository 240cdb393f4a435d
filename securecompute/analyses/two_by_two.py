"""Effect measures of a 2 × 2 table, with 95 % confidence intervals.

                event   no event
    exposed       a        b        n₁ = a + b        p₁ = a / n₁
    unexposed     c        d        n₀ = c + d        p₀ = c / n₀

    odds ratio       ad / bc    exp(ln OR ± z √(1/a + 1/b + 1/c + 1/d))                 Woolf
    risk ratio       p₁ / p₀    exp(ln RR ± z √(1/a − 1/n₁ + 1/c − 1/n₀))               Katz
    risk difference  p₁ − p₀    RD ± z √(p₁(1 − p₁)/n₁ + p₀(1 − p₀)/n₀)                 Wald
    Fisher's exact test, two-sided: the tables with these margins that are no more probable than this one

Where a formula divides by an empty cell, the measure is not estimable and says which cell is empty; no half patient is
added (Haldane).
Reference  Woolf, Ann Hum Genet 1955; Katz et al., Biometrics 1978; Fisher, JRSS 1935 (scipy.stats.fisher_exact).
"""

from dataclasses import dataclass
from math import exp, log, sqrt

import numpy as np

from securecompute.analyses.result import LEVEL, Estimate, NotEstimable


@dataclass(frozen=True, slots=True)
class TwoByTwo:
    """The four counts, and the names that reasons are given in."""

    a: int
    b: int
    c: int
    d: int
    exposed: str = "exposed"
    unexposed: str = "unexposed"
    event: str = "event"
    no_event: str = "no event"

    def odds_ratio(self) -> Estimate | NotEstimable:
        """Odds of the event, exposed against unexposed."""
        empty = self._empty(a=True, b=True, c=True, d=True)
        if empty:
            return NotEstimable(empty)
        ratio = self.a * self.d / (self.b * self.c)
        return _around_logarithm(ratio, 1 / self.a + 1 / self.b + 1 / self.c + 1 / self.d)

    def risk_ratio(self) -> Estimate | NotEstimable:
        """Risk of the event, exposed against unexposed."""
        empty = self._empty(a=True, c=True) or self._no_spread()
        if empty:
            return NotEstimable(empty)
        n_1, n_0 = self.a + self.b, self.c + self.d
        return _around_logarithm(self.a * n_0 / (self.c * n_1), self.b / (self.a * n_1) + self.d / (self.c * n_0))

    def risk_difference(self) -> Estimate | NotEstimable:
        """Risk of the event, exposed minus unexposed: negative if the exposed have it less often."""
        empty = self._empty() or self._no_spread()
        if empty:
            return NotEstimable(empty)
        n_1, n_0 = self.a + self.b, self.c + self.d
        difference = (self.a * n_0 - self.c * n_1) / (n_1 * n_0)
        margin = _z() * sqrt(self.a * self.b / n_1**3 + self.c * self.d / n_0**3)
        return Estimate(difference, difference - margin, difference + margin)

    def fisher(self) -> Estimate | NotEstimable:
        """The p-value of Fisher's exact test, two-sided."""
        if min(self.a + self.b, self.c + self.d, self.a + self.c, self.b + self.d) == 0:
            return NotEstimable(self._empty() or "all patients are in one column")
        from scipy.stats import fisher_exact

        return Estimate(float(fisher_exact(np.array([[self.a, self.b], [self.c, self.d]])).pvalue))

    def _empty(self, a: bool = False, b: bool = False, c: bool = False, d: bool = False) -> str:
        """Which needed row or cell has no patients, in words; "" if none."""
        if self.a + self.b + self.c + self.d == 0:
            return "no patients"
        for n, row in ((self.a + self.b, self.exposed), (self.c + self.d, self.unexposed)):
            if n == 0:
                return f"no patients with {row}"
        cells = (
            (a, self.a, self.exposed, self.event),
            (b, self.b, self.exposed, self.no_event),
            (c, self.c, self.unexposed, self.event),
            (d, self.d, self.unexposed, self.no_event),
        )
        empty = [f"no patients with {row} and {column}" for needed, n, row, column in cells if needed and n == 0]
        return empty[0] if empty else ""

    def _no_spread(self) -> str:
        """Why an interval has no width: every risk is 0 or 1; "" if some risk is not."""
        return "every patient of a row has the same outcome" if self.a * self.b == self.c * self.d == 0 else ""


def _around_logarithm(ratio: float, variance: float) -> Estimate:
    """A ratio with the interval that is symmetric about its logarithm."""
    margin = _z() * sqrt(variance)
    return Estimate(ratio, exp(log(ratio) - margin), exp(log(ratio) + margin))


def _z() -> float:
    from scipy.stats import norm

    return float(norm.ppf((1 + LEVEL) / 2))
