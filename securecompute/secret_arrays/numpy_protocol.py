"""numpy's functions on secret arrays: which there are, and what to write instead of those that there are not."""

from collections.abc import Callable, Mapping
from typing import Any, Final

import numpy as np

from securecompute.errors import InvalidRequest
from securecompute.programs.expressions import Expression
from securecompute.secret_arrays import elementwise as functions
from securecompute.secret_arrays import shapes as shapes
from securecompute.secret_arrays import statistics as statistics
from securecompute.secret_arrays.advice import missing
from securecompute.secret_arrays.options import check_signature

Function = Callable[..., Any]

_ELEMENTWISE: Final = ("exp", "log", "sqrt", "tanh", "absolute", "reciprocal", "maximum", "minimum")


def _everywhere(value: bool) -> Function:
    """What is known of every number without looking: secrets are finite and real."""
    return lambda x: np.full(x.shape, value)


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
    "fmin": functions.elementwise("minimum"),
    "fmax": functions.elementwise("maximum"),
    "conjugate": lambda x: x,
    "signbit": functions.signbit,
    "heaviside": functions.heaviside,
    "hypot": functions.hypot,
    "sinh": functions.sinh,
    "cosh": functions.cosh,
    "exp2": functions.exp2,
    "deg2rad": functions.radians,
    "radians": functions.radians,
    "rad2deg": functions.degrees,
    "degrees": functions.degrees,
    "logaddexp": functions.logaddexp,
    "logaddexp2": functions.logaddexp2,
    "isfinite": _everywhere(True),
    "isnan": _everywhere(False),
    "isinf": _everywhere(False),
    "logical_and": functions.truthful(functions.both),
    "logical_or": functions.truthful(functions.either),
    "logical_xor": functions.truthful(functions.differ),
    "logical_not": functions.truthful(functions.invert),
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
    np.full_like: shapes.full_like,
    np.copy: lambda a: a,
    np.real: lambda val: val,
    np.imag: lambda val: np.zeros(val.shape),
    np.isreal: _everywhere(True),
    np.iscomplex: _everywhere(False),
    np.isrealobj: lambda x: True,
    np.iscomplexobj: lambda x: False,
    np.isposinf: _everywhere(False),
    np.isneginf: _everywhere(False),
    np.sum: statistics.total,
    np.prod: statistics.prod_of,
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
    np.array_equal: statistics.equal_throughout,
    np.array_equiv: statistics.equal_repeated,
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
    np.angle: functions.angle,
    np.inner: functions.inner,
    np.vdot: functions.vdot,
    np.kron: functions.kron,
    np.polyval: functions.polyval,
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
    np.ediff1d: shapes.ediff1d,
    np.roll: shapes.roll,
    np.tril: shapes.tril,
    np.triu: shapes.triu,
    np.atleast_1d: shapes.at_least(1),
    np.atleast_2d: shapes.at_least(2),
    np.atleast_3d: shapes.at_least(3),
}

_ALSO_PUBLIC_FIRST: Final = (
    frozenset((np.concatenate, np.stack, np.vstack, np.hstack, np.column_stack))
    | {np.average, np.clip, np.dot, np.outer, np.inner, np.vdot, np.kron, np.select, np.where, np.linalg.solve}
    | {np.cov, np.corrcoef, np.polyval, np.array_equal, np.array_equiv}
)


def ufunc(name: str) -> Function:
    """What numpy's ufunc of this name does to expressions. raises InvalidRequest: there is no such thing"""
    if name not in UFUNCS:
        raise InvalidRequest(missing(f"np.{name}", UFUNCS))
    return UFUNCS[name]


def array_function(function: Function) -> Function:
    """What this function of numpy does to expressions. raises InvalidRequest: there is no such thing"""
    if function not in FUNCTIONS:
        raise InvalidRequest(missing(_name(function), {each.__name__ for each in FUNCTIONS}))
    return FUNCTIONS[function]


def check_arguments(function: Function, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> None:
    """Return if a function of numpy is there for secret arrays with these arguments. raises InvalidRequest"""
    name = _name(function)
    check_signature(name, array_function(function), args, kwargs)
    if function not in _ALSO_PUBLIC_FIRST and not (args and isinstance(args[0], Expression)):
        raise InvalidRequest(f"{name} takes the secret array first, and nothing secret after it")


def _name(function: Function) -> str:
    return f"{function.__module__}.{function.__name__}".replace("numpy.", "np.", 1)
