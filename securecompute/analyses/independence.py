"""Pearson's chi-square test that the rows and columns of a table are independent.

    X² = Σ (O − E)² / E        E = row total · column total / n        df = (r − 1)(c − 1)
    with Yates's correction (2 × 2)   X² = Σ (max(|O − E| − ½, 0))² / E

Rows and columns without patients are left out: they say nothing, and E would be 0. The smallest E comes along, because
the distribution of X² is an approximation that is poor below about 5.
Reference  Pearson 1900, Yates 1934 (scipy.stats.chi2_contingency); the rule of 5 is Cochran's, Biometrics 1954.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from securecompute.analyses.formats import number, p_value
from securecompute.analyses.result import NotEstimable

SMALLEST_EXPECTED = 5


@dataclass(frozen=True, slots=True)
class ChiSquare:
    """X², its degrees of freedom and p, and the smallest expected count."""

    statistic: float
    df: int
    p: float
    smallest_expected: float
    corrected: bool

    def __str__(self) -> str:
        return f"{self.name} {number(self.statistic)}, df {self.df}, p {p_value(self.p)}"

    @property
    def name(self) -> str:
        """The test's name."""
        return "chi-square with Yates's correction" if self.corrected else "chi-square"

    def to_plain(self) -> dict[str, Any]:
        """Every field by name."""
        return {
            "statistic": self.statistic,
            "df": self.df,
            "p": self.p,
            "smallest_expected": self.smallest_expected,
            "corrected": self.corrected,
        }


def chi_square(counts: Sequence[Sequence[int]], corrected: bool = False) -> ChiSquare | NotEstimable:
    """The test on a table of counts, rows of equal length."""
    rows = [row for row in counts if any(row)]
    columns = [column for column in zip(*rows, strict=True) if any(column)]
    if not rows:
        return NotEstimable("no patients")
    if len(rows) < 2 or len(columns) < 2:
        return NotEstimable(f"all patients are in one {'row' if len(rows) < 2 else 'column'}")
    from scipy.stats import chi2_contingency

    test = chi2_contingency(columns, correction=corrected)
    return ChiSquare(
        statistic=float(test.statistic),
        df=int(test.dof),
        p=float(test.pvalue),
        smallest_expected=float(test.expected_freq.min()),
        corrected=corrected,
    )
