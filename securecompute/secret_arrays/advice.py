"""What to write instead of what secret arrays do not have: numpy's functions and methods, by their names."""

from collections.abc import Iterable
from typing import Final

_AFTER: Final = "numbers are rounded after they are revealed"
_NO_NAN: Final = "a secret array has no NaN: records that lack a value are left out as it is shared; write "
_NO_ANGLES: Final = "no program computes it; have the institution that holds the numbers share it of them"
_NO_REMAINDER: Final = "there is no whole quotient or remainder of secrets; divide, and round after it is revealed"
_JOIN: Final = "write np.concatenate or np.stack of parts of the array"
_SORTED: Final = "write np.sort(x), all of it: which part an element is in would be no cheaper"
_POSITIONS: Final = "at which positions a condition holds is secret; write np.where(condition, x, y)"
_NORMAL_EQUATIONS: Final = (
    "for least squares write np.linalg.solve(X.T @ X, X.T @ y), or sc.linear_regression(X, y), which centres and "
    "scales columns"
)
_EIGEN: Final = "there is the spectrum of symmetric matrices without negative eigenvalues: np.linalg.eigh(a)"

ADVICE: Final = {
    "einsum": "write it with @, *, transpose and sum",
    "tensordot": "write it with @, transpose and reshape",
    **dict.fromkeys(("round", "around", "rint", "floor", "ceil", "trunc", "fix"), _AFTER),
    "unique": "how many there are is secret; compare with the values you ask about",
    **dict.fromkeys(("nonzero", "argwhere", "flatnonzero", "extract", "compress", "place", "piecewise"), _POSITIONS),
    "isclose": "write abs(x - y) < tolerance",
    "allclose": "write np.all(abs(x - y) < tolerance)",
    **dict.fromkeys(
        ("histogram", "bincount", "digitize", "histogram2d"), "for each bin, write np.sum((x >= low) & (x < high))"
    ),
    **dict.fromkeys(("isin", "in1d", "intersect1d"), "write np.any(x[:, None] == values, axis=1)"),
    "searchsorted": "write np.sum(x[:, None] > edges, axis=1)",
    "interp": "write np.select over the pieces, each a line",
    **dict.fromkeys(("floor_divide", "remainder", "mod", "fmod", "divmod", "modf", "gcd", "lcm"), _NO_REMAINDER),
    **dict.fromkeys(("left_shift", "right_shift", "ldexp"), "multiply by a power of two"),
    "bitwise_count": "a program has no bits of a number; compare it",
    "power": "write np.exp(k * np.log(x)) of x above 0",
    "cbrt": "write np.exp(np.log(x) / 3) of x above 0",
    **dict.fromkeys(("sin", "cos", "tan", "arcsin", "arccos", "arctan", "arctan2", "sinc"), _NO_ANGLES),
    **dict.fromkeys(("arccosh", "arctanh", "i0", "unwrap"), _NO_ANGLES),
    "arcsinh": "write np.sign(x) * np.log(abs(x) + np.sqrt(x * x + 1))",
    "copysign": "write np.where(y < 0, -abs(x), abs(x))",
    "nextafter": "numbers are held with a fixed last place, which the receiver is not shown",
    "pinv": f"there is np.linalg.inv of symmetric positive definite matrices; {_NORMAL_EQUATIONS}",
    "lstsq": _NORMAL_EQUATIONS,
    "qr": _NORMAL_EQUATIONS,
    "svd": f"{_EIGEN}; of x.T @ x it gives squared singular values and right vectors",
    "svdvals": f"{_EIGEN}; of x.T @ x it gives squared singular values",
    **dict.fromkeys(("eig", "eigvals", "eigvalsh"), _EIGEN),
    **dict.fromkeys(
        ("det", "slogdet"),
        "for a symmetric positive definite matrix, write np.prod(np.diagonal(np.linalg.cholesky(a))) ** 2",
    ),
    **dict.fromkeys(("matrix_rank", "cond"), "what is worse conditioned than declared is refused by np.linalg.solve"),
    "matrix_power": "multiply it out with @",
    **{f"nan{name}": f"{_NO_NAN}np.{name}" for name in ("sum", "mean", "var", "std", "max", "min", "median", "prod")},
    **{f"nan{name}": f"{_NO_NAN}np.{name}" for name in ("argmax", "argmin", "quantile", "percentile", "cumsum")},
    "nan_to_num": f"{_NO_NAN}x",
    "cumprod": "write np.prod of each part",
    **dict.fromkeys(("partition", "argpartition"), _SORTED),
    "lexsort": "sort by one array at a time, the last key first: np.argsort is stable",
    **dict.fromkeys(("tile", "repeat", "append", "insert", "pad", "block", "resize"), _JOIN),
    **dict.fromkeys(("split", "array_split", "hsplit", "vsplit", "delete"), "write slices of the array"),
    **dict.fromkeys(("convolve", "correlate", "gradient", "trapezoid"), "write it with slices, * and sum"),
    "asarray": "reveal it first",
    "describe": "write np.mean, np.std and np.quantile",
    "view": "reshape it; it keeps its type",
    "fill": "write np.full_like(x, value)",
}


def missing(name: str, there_are: Iterable[str]) -> str:
    """That there is no such function, and what to write instead, or which there are."""
    advice = ADVICE.get(name.rsplit(".", 1)[-1])
    return f"{name} does not take secret arrays; {advice or 'there are ' + ', '.join(sorted(there_are))}"


def missing_attribute(name: str, there_are: Iterable[str]) -> str:
    """That an array has no such attribute, and what there is instead."""
    advice = ADVICE.get(name)
    if advice is None and name in there_are:
        advice = f"write np.{name}(x)"
    return f"a secret array has no '{name}'" + (f"; {advice}" if advice else "")
