"""numpy's functions on secret arrays: which there are, and what to write instead of those that there are not."""

import inspect
from collections.abc import Callable, Mapping
from typing import Any, Final

import numpy as np

from securecompute.errors import InvalidRequest
from securecompute.secret_arrays import elementwise as functions
from securecompute.secret_arrays import shapes as shapes
from securecompute.secret_arrays import statistics as statistics
from securecompute.secret_arrays.graph import Expression

Function = Callable[..., Any]

_ELEMENTWISE: Final = ("exp", "log", "sqrt", "tanh", "absolute", "reciprocal", "maximum", "minimum")

UFUNCS: Final[Mapping[str, Function]] = {
    **{name: functions.elementwise(name) for name in (*_ELEMENTWISE, "add", "subtract", "multiply")},
    "divide": functions.divide,
    "matmul": functions.matmul,
    "negative": functions.elementwise("negate"),
    "positive": lambda x: x,
    "fabs": functions.elementwise("absolute"),
    "power": functions.power,
    "float_power": functions.power,
    "square": functions.square,
    "sign": functions.sign,
    "log1p": functions.log1p,
    "expm1": functions.expm1,
    "log2": functions.log2,
    "log10": functions.log10,
    "less": functions.less,
    "less_equal": functions.less_equal,
    "greater": functions.greater,
    "greater_equal": functions.greater_equal,
    "equal": functions.equal,
    "not_equal": functions.not_equal,
    "logical_and": functions.both,
    "logical_or": functions.either,
    "logical_xor": functions.differ,
    "logical_not": functions.invert,
    "bitwise_and": functions.both,
    "bitwise_or": functions.either,
    "bitwise_xor": functions.differ,
    "invert": functions.invert,
}

FUNCTIONS: Final[Mapping[Function, Function]] = {
    np.shape: lambda a: a.shape,
    np.ndim: lambda a: a.ndim,
    np.size: lambda a: a.type.size,
    np.zeros_like: lambda a: np.zeros(a.shape),
    np.ones_like: lambda a: np.ones(a.shape),
    np.full_like: lambda a, fill_value: np.full(a.shape, fill_value),
    np.copy: lambda a: a,
    np.sum: statistics.total,
    np.mean: statistics.mean,
    np.var: statistics.var,
    np.std: statistics.std,
    np.average: statistics.average,
    np.cov: statistics.cov,
    np.corrcoef: statistics.corrcoef,
    np.max: statistics.amax,
    np.min: statistics.amin,
    np.argmax: statistics.argmax,
    np.argmin: statistics.argmin,
    np.ptp: statistics.ptp,
    np.any: statistics.any_true,
    np.all: statistics.all_true,
    np.count_nonzero: statistics.count_nonzero,
    np.sort: statistics.sort,
    np.argsort: statistics.argsort,
    np.median: statistics.median,
    np.quantile: statistics.quantile,
    np.percentile: statistics.percentile,
    np.trace: statistics.trace,
    np.linalg.norm: statistics.norm,
    np.linalg.solve: statistics.solve,
    np.linalg.inv: statistics.inverse,
    np.linalg.cholesky: statistics.cholesky,
    np.linalg.eigh: statistics.eigh,
    np.where: functions.where,
    np.select: functions.select,
    np.clip: functions.clip,
    np.dot: functions.dot,
    np.outer: functions.outer,
    np.reshape: shapes.reshape,
    np.ravel: shapes.ravel,
    np.transpose: shapes.transpose,
    np.swapaxes: shapes.swapaxes,
    np.moveaxis: shapes.moveaxis,
    np.expand_dims: shapes.expand_dims,
    np.squeeze: shapes.squeeze,
    np.broadcast_to: shapes.broadcast_to,
    np.take: shapes.take,
    np.concatenate: shapes.concatenate,
    np.stack: shapes.stack,
    np.vstack: shapes.vstack,
    np.hstack: shapes.hstack,
    np.column_stack: shapes.column_stack,
    np.diag: shapes.diag,
    np.diagonal: shapes.diagonal,
    np.cumsum: shapes.cumsum,
    np.flip: shapes.flip,
    np.diff: shapes.diff,
}

_ALSO_PUBLIC_FIRST: Final = frozenset(
    (np.average, np.clip, np.dot, np.outer, np.select, np.where, np.linalg.solve, np.concatenate, np.stack, np.vstack)
) | {np.hstack, np.column_stack}

_ADVICE: Final[Mapping[str, str]] = {
    "einsum": "write it with @, *, transpose and sum",
    "tensordot": "write it with @, transpose and reshape",
    "round": "numbers are rounded after they are revealed",
    "rint": "numbers are rounded after they are revealed",
    "floor": "numbers are rounded after they are revealed",
    "ceil": "numbers are rounded after they are revealed",
    "unique": "how many there are is secret; compare with the values you ask about",
    "nonzero": "at which positions a condition holds is secret; use np.where with three arguments",
    "array_equal": "write np.all(x == y)",
    "isclose": "write abs(x - y) < tolerance",
    "allclose": "write np.all(abs(x - y) < tolerance)",
    "histogram": "for each bin, write np.sum((x >= low) & (x < high))",
    "floor_divide": "write x / y; numbers are rounded after they are revealed",
    "remainder": "there is no remainder of secrets",
    "asarray": "reveal it first",
}


def ufunc(name: str) -> Function:
    """What numpy's ufunc of this name does to expressions. raises InvalidRequest: there is no such thing"""
    if name not in UFUNCS:
        raise InvalidRequest(_missing(f"np.{name}", sorted(UFUNCS)))
    return UFUNCS[name]


def array_function(function: Function) -> Function:
    """What this function of numpy does to expressions. raises InvalidRequest: there is no such thing"""
    if function not in FUNCTIONS:
        raise InvalidRequest(_missing(_name(function), sorted(each.__name__ for each in FUNCTIONS)))
    return FUNCTIONS[function]


def check_arguments(function: Function, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> None:
    """Return if a function of numpy is there for secret arrays with these arguments. raises InvalidRequest"""
    name = _name(function)
    check_signature(name, array_function(function), args, kwargs)
    if function not in _ALSO_PUBLIC_FIRST and not (args and isinstance(args[0], Expression)):
        raise InvalidRequest(f"{name} takes the secret array first, and nothing secret after it")


def check_signature(name: str, function: Function, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> None:
    """Return if the function takes these arguments. raises InvalidRequest: it does not"""
    try:
        inspect.signature(function).bind(*args, **kwargs)
    except TypeError as error:
        raise InvalidRequest(f"{name} of a secret array: {error}") from None


def _name(function: Function) -> str:
    return f"{function.__module__}.{function.__name__}".replace("numpy.", "np.", 1)


def _missing(name: str, there_are: list[str]) -> str:
    advice = _ADVICE.get(name.rsplit(".", 1)[-1])
    return f"{name} does not take secret arrays; " + (advice or f"there are {', '.join(there_are)}")
