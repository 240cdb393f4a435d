"""What a regression shows: coefficients with standard errors, and what follows from the two.

t = b / SE        p = 2 P(T > |t|),  T of Student's t with df degrees of freedom, or normal        b ± q SE
"""

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from securecompute import display
from securecompute.analyses.result import Table

if TYPE_CHECKING:
    from rich.console import RenderableType

Numbers = NDArray[np.float64]


@dataclass(frozen=True, eq=False, repr=False)
class Coefficients:
    """A regression.

    model              in words
    names              of the coefficients
    coefficients       (p,)
    standard_errors    (p,)
    n                  records
    df                 degrees of freedom of the residuals, None where the normal distribution is used
    residual_variance  where it was asked for
    r_squared          likewise
    """

    model: str
    names: tuple[str, ...]
    coefficients: Numbers
    standard_errors: Numbers
    n: int
    df: int | None = None
    residual_variance: float | None = None
    r_squared: float | None = None

    @cached_property
    def statistics(self) -> Numbers:
        """t, or z of the normal distribution: coefficients over standard errors."""
        with np.errstate(divide="ignore", invalid="ignore"):
            return self.coefficients / self.standard_errors

    @cached_property
    def p_values(self) -> Numbers:
        """Two-sided, that the coefficient is 0."""
        from scipy import stats

        law = stats.norm if self.df is None else stats.t(self.df)
        return np.asarray(2.0 * law.sf(np.abs(self.statistics)), np.float64)

    def intervals(self, level: float = 0.95) -> Numbers:
        """Confidence intervals, (p, 2)."""
        from scipy import stats

        law = stats.norm if self.df is None else stats.t(self.df)
        reach = law.ppf(0.5 + level / 2) * self.standard_errors
        return np.column_stack([self.coefficients - reach, self.coefficients + reach])

    def table(self) -> Table:
        """A row for each coefficient."""
        columns = ("", "estimate", "SE", "t" if self.df is not None else "z", "p", "95 % low", "95 % high")
        numbers = (self.coefficients, self.standard_errors, self.statistics, self.p_values, *self.intervals().T)
        rows = zip(self.names, *(each.tolist() for each in numbers), strict=True)
        return Table(self.headline(), columns, tuple(rows))

    def headline(self) -> str:
        """Model, records, and what else was asked for."""
        freedom = [] if self.df is None else [f"{self.df} degrees of freedom"]
        asked = {"residual variance": self.residual_variance, "R²": self.r_squared}
        more = [f"{name} {value:.4g}" for name, value in asked.items() if value is not None]
        return ", ".join([f"{self.model} of {self.n} records", *freedom, *more])

    def to_plain(self) -> dict[str, Any]:
        """Every number at full precision."""
        return {
            "model": self.model,
            "names": list(self.names),
            "coefficients": self.coefficients.tolist(),
            "standard errors": self.standard_errors.tolist(),
            "p values": self.p_values.tolist(),
            "n": self.n,
            "df": self.df,
            "residual variance": self.residual_variance,
            "R squared": self.r_squared,
        }

    def __rich__(self) -> "RenderableType":
        return display.grid(self.table())

    def __str__(self) -> str:
        return display.text(self.__rich__())

    __repr__ = __str__
