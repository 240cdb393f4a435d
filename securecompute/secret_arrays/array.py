"""Arrays of numbers that nobody may see, with numpy's operators and functions.

    a = network.secret("Mayo", "glucose")        z = (a - a.mean()) / a.std()        z.max().reveal()

Nothing is computed when an expression is written: it becomes part of a program, a list of operations from a closed
set, which the institutions check before it runs. `reveal` runs it once; `explain` says what that would cost and who
would learn what. What is public of an array is its shape, a bound on its magnitude, and whether it holds whole numbers.

Security   An array holds no number, only what is public and whose numbers they are. Whatever would need a number, such
           as a truth value, an iteration that compares or a copy by numpy, is refused where it is written.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import wraps
from typing import Any, NoReturn, Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray

from securecompute.coordinator import COLLECTOR
from securecompute.engine.rounds import Party
from securecompute.errors import InvalidRequest
from securecompute.programs.expressions import LARGEST_WHOLE, Expression
from securecompute.programs.expressions import program_of as program_of_expressions
from securecompute.programs.program import Input, Program
from securecompute.records.columns import near
from securecompute.secret_arrays import elementwise as functions
from securecompute.secret_arrays import shapes as shapes
from securecompute.secret_arrays import statistics as statistics
from securecompute.secret_arrays.advice import missing_attribute
from securecompute.secret_arrays.numpy_protocol import FUNCTIONS, array_function, check_arguments, ufunc
from securecompute.secret_arrays.options import check_signature
from securecompute.values import SecretMisused

Number: TypeAlias = float | int | bool
Shown: TypeAlias = NDArray[Any] | Number | None


class Computation(Protocol):
    """What a network offers to its arrays."""

    @property
    def institutions(self) -> tuple[Party, ...]:
        """To whom numbers may be revealed, beside the researcher."""

    def run_program(self, program: Program) -> dict[int, NDArray[np.float64]]:
        """Run it once: output number -> what is shown to the researcher. Others keep what they are shown."""

    def explain_program(self, program: Program) -> object:
        """What running it would cost and who would learn what."""


def _operator(function: Callable[..., Expression]) -> Callable[["SecretArray", Any], "SecretArray"]:
    def method(self: "SecretArray", other: Any) -> "SecretArray":
        result: SecretArray = applied(function, self, other)
        return result

    return method


def _reflected(function: Callable[..., Expression]) -> Callable[["SecretArray", Any], "SecretArray"]:
    def method(self: "SecretArray", other: Any) -> "SecretArray":
        result: SecretArray = applied(function, other, self)
        return result

    return method


def _method(function: Callable[..., Expression]) -> Callable[..., "SecretArray"]:
    @wraps(function)
    def method(self: "SecretArray", *args: Any, **kwargs: Any) -> "SecretArray":
        check_signature(function.__name__, function, (self, *args), kwargs)
        result: SecretArray = applied(function, self, *args, **kwargs)
        return result

    return method


def _refusing(deed: str) -> Callable[..., NoReturn]:
    def method(self: "SecretArray", *_: object, **__: object) -> NoReturn:
        raise SecretMisused(f"a secret array {deed}")

    return method


class SecretArray:
    """Secret numbers in an array, not yet computed. Immutable.

    Operators and methods are numpy's, with one difference: comparisons give secret truth values, which count as 0 and
    1 in arithmetic. Other operands are secret arrays of the same network, numbers, and numpy's arrays, which are
    public. All raise InvalidRequest where shapes do not match or numbers could leave the ring.

    computation   the network
    expression    what is computed
    """

    __slots__ = ("computation", "expression")
    __array_priority__ = 1000
    __pandas_priority__ = 5000  # pandas then leaves operators to this class

    computation: Computation
    expression: Expression

    def __init__(self, computation: Computation, expression: Expression) -> None:
        object.__setattr__(self, "computation", computation)
        object.__setattr__(self, "expression", expression)

    @classmethod
    def of_input(cls, computation: Computation, declared: Input) -> "SecretArray":
        """An institution's own numbers."""
        return cls(computation, Expression.of_input(declared))

    @property
    def shape(self) -> tuple[int, ...]:
        """Lengths of the axes; public."""
        return self.expression.shape

    @property
    def ndim(self) -> int:
        """How many axes."""
        return self.expression.ndim

    @property
    def size(self) -> int:
        """How many numbers."""
        return self.expression.type.size

    @property
    def dtype(self) -> np.dtype[Any]:
        """Of the numbers as they will be shown: bool of comparisons, int64 of whole numbers, else float64."""
        if self.expression.bits:
            return np.dtype(np.bool_)
        whole = self.expression.type.integer and self.bound <= LARGEST_WHOLE
        return np.dtype(np.int64 if whole else np.float64)

    @property
    def bound(self) -> float:
        """The largest magnitude that a number can have, public: declared of inputs, and derived from there on."""
        return self.expression.type.bound

    @property
    def owners(self) -> tuple[Party, ...]:
        """Whose numbers are in it."""
        return self.expression.owners

    @property
    def T(self) -> "SecretArray":
        """The axes reversed."""
        return SecretArray(self.computation, shapes.transpose(self.expression))

    def __repr__(self) -> str:
        of = ", ".join(self.owners)
        return f"SecretArray(shape={self.shape}, dtype={self.dtype}, within ±{self.bound:.4g}, of {of})"

    __str__ = __repr__

    def __format__(self, specification: str) -> str:
        if not isinstance(specification, str) or specification:
            raise SecretMisused("a secret array has no numbers to format; reveal it first")
        return repr(self)

    def __len__(self) -> int:
        if not self.ndim:
            raise SecretMisused("a secret number has no length")
        return self.shape[0]

    def __iter__(self) -> Iterator["SecretArray"]:
        if not self.ndim:
            raise SecretMisused("a secret number has no parts to iterate over")
        return (self[k] for k in range(len(self)))

    def __getitem__(self, key: Any) -> "SecretArray":
        secrets = tuple(each.expression if isinstance(each, SecretArray) else each for each in _several(key))
        return SecretArray(self.computation, shapes.index(self.expression, secrets))

    __add__, __radd__ = _operator(functions.add), _reflected(functions.add)
    __sub__, __rsub__ = _operator(functions.subtract), _reflected(functions.subtract)
    __mul__, __rmul__ = _operator(functions.multiply), _reflected(functions.multiply)
    __truediv__, __rtruediv__ = _operator(functions.divide), _reflected(functions.divide)
    __matmul__, __rmatmul__ = _operator(functions.matmul), _reflected(functions.matmul)
    __pow__, __rpow__ = _operator(functions.power), _reflected(functions.power)
    __and__, __rand__ = _operator(functions.both), _reflected(functions.both)
    __or__, __ror__ = _operator(functions.either), _reflected(functions.either)
    __xor__, __rxor__ = _operator(functions.differ), _reflected(functions.differ)
    __lt__, __gt__ = _operator(functions.less), _operator(functions.greater)
    __le__, __ge__ = _operator(functions.less_equal), _operator(functions.greater_equal)
    __eq__ = _operator(functions.equal)  # type: ignore[assignment]
    __ne__ = _operator(functions.not_equal)  # type: ignore[assignment]
    __hash__ = None  # type: ignore[assignment]
    __neg__, __abs__ = _method(functions.elementwise("negate")), _method(functions.elementwise("absolute"))
    __invert__ = _method(functions.invert)

    def __pos__(self) -> "SecretArray":
        return self

    sum, mean, var, std = map(_method, (statistics.total, statistics.mean, statistics.var, statistics.std))
    max, min, argmax, argmin = map(_method, (statistics.amax, statistics.amin, statistics.argmax, statistics.argmin))
    argsort, any, all = _method(statistics.argsort), _method(statistics.any_true), _method(statistics.all_true)
    dot, clip, cumsum = _method(functions.dot), _method(functions.clip), _method(shapes.cumsum)
    ravel, squeeze, swapaxes = _method(shapes.ravel), _method(shapes.squeeze), _method(shapes.swapaxes)
    flatten, prod = _method(shapes.ravel), _method(statistics.prod_of)
    diagonal, trace, take = _method(shapes.diagonal), _method(statistics.trace), _method(shapes.take)

    def reshape(self, *shape: Any, order: str = "C") -> "SecretArray":
        """The same numbers in another shape; one length may be -1. order: "C" only"""
        lengths = shape[0] if len(shape) == 1 else shape
        return SecretArray(self.computation, shapes.reshape(self.expression, lengths, order))

    def copy(self) -> "SecretArray":
        """The array itself, which nothing changes."""
        return self

    def transpose(self, *axes: Any) -> "SecretArray":
        """The axes in another order, reversed unless one is given."""
        order = axes[0] if len(axes) == 1 else axes or None
        return SecretArray(self.computation, shapes.transpose(self.expression, order))

    def reveal(self, to: Party | Iterable[Party] | None = None, checked: bool = False) -> Any:
        """Compute, once, and show the numbers to the researcher, or to these institutions instead.

        to        names; "collector" among them is the researcher
        checked   products of matrices are checked first: one compute party that falsifies them is noticed
        returns   an array of `dtype`, a number if there is one only; None if the researcher is shown nothing
        raises    SecureComputeError  an institution's rules, or a party that is lost
        """
        return reveal(self, to=to, checked=checked)[0]

    def explain(self, to: Party | Iterable[Party] | None = None, checked: bool = False) -> object:
        """What revealing would cost and who would learn what, without computing."""
        return explain(self, to=to, checked=checked)

    __bool__ = _refusing(
        "has no truth value: no condition on secrets decides what runs. Write np.where, or reveal it first"
    )
    __float__ = __int__ = __complex__ = __index__ = _refusing("does not become a number; reveal it first")
    __array__ = _refusing("does not become an array of numbers; reveal it first")
    __contains__ = _refusing("is not searched; write np.any(x == value)")
    __setitem__ = __delitem__ = _refusing("does not change; np.where and np.concatenate make another")
    __setattr__ = __delattr__ = _refusing("does not change; np.where and np.concatenate make another")
    __round__ = round = _refusing("is not rounded; round after it is revealed")
    __floordiv__ = __rfloordiv__ = __mod__ = __rmod__ = __divmod__ = __rdivmod__ = _refusing(
        "has no whole quotient or remainder; write x / y, and round after it is revealed"
    )
    __lshift__ = __rlshift__ = __rshift__ = __rrshift__ = _refusing("is not shifted; multiply by a power of two")
    __reduce_ex__ = __reduce__ = __getstate__ = _refusing("is not pickled; reveal it, and keep the result")
    astype = _refusing(
        "keeps its type; comparisons count as 0 and 1, and numbers are converted after they are revealed"
    )
    sort = _refusing("does not change, so it is not sorted in place; write np.sort(x)")
    tolist = item = tobytes = tofile = _refusing("shows no numbers; reveal it first")

    def __getattr__(self, name: str) -> NoReturn:
        raise AttributeError(missing_attribute(name, {each.__name__ for each in FUNCTIONS}))

    def __copy__(self) -> "SecretArray":
        return self

    def __deepcopy__(self, memo: object) -> "SecretArray":
        return self

    def __array_ufunc__(self, called: np.ufunc, method: str, *inputs: Any, **options: Any) -> Any:
        if method != "__call__" or options:
            given = ", ".join(options) or method
            raise InvalidRequest(f"np.{called.__name__} of secret arrays takes no {given}; write the expression out")
        return applied(ufunc(called.__name__), *inputs)

    def __array_function__(
        self, called: Callable[..., Any], types: Sequence[type], args: tuple[Any, ...], kwargs: Mapping[str, Any]
    ) -> Any:
        check_arguments(called, tuple(map(_unwrapped, args)), kwargs)
        return applied(array_function(called), *args, **kwargs)


def applied(function: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
    """A function of expressions on secret arrays, which may stand in lists. Expressions that it gives become arrays."""
    computation = _common_computation((*args, *kwargs.values()))
    result = function(*map(_unwrapped, args), **{name: _unwrapped(each) for name, each in kwargs.items()})
    return _wrapped(computation, result)


def reveal(*arrays: SecretArray, to: Party | Iterable[Party] | None = None, checked: bool = False) -> tuple[Any, ...]:
    """Compute several arrays in one program, once, and show their numbers, as `SecretArray.reveal` does of one.

    returns   as many as there are arrays
    """
    receivers = _receivers(arrays, to)
    outputs, numbers = _outputs(arrays, receivers)
    shown = arrays[0].computation.run_program(program_of(outputs, checked))
    if COLLECTOR not in receivers:
        return (None,) * len(arrays)
    return tuple(_as_declared(each, shown[numbers[each.expression.key, COLLECTOR]]) for each in arrays)


def explain(*arrays: SecretArray, to: Party | Iterable[Party] | None = None, checked: bool = False) -> object:
    """What `reveal` would cost and who would learn what, without computing."""
    outputs, _ = _outputs(arrays, _receivers(arrays, to))
    return arrays[0].computation.explain_program(program_of(outputs, checked))


def program_of(outputs: Iterable[tuple[SecretArray, Party]], checked: bool = False) -> Program:
    """The program that shows each array to its receiver."""
    pairs = [(array.expression, receiver) for array, receiver in outputs]
    return program_of_expressions(pairs, checked)


def _several(key: Any) -> tuple[Any, ...]:
    return key if isinstance(key, tuple) else (key,)


def _unwrapped(x: Any) -> Any:
    if isinstance(x, SecretArray):
        return x.expression
    return type(x)(map(_unwrapped, x)) if type(x) in (list, tuple) else x


def _wrapped(computation: Computation, x: Any) -> Any:
    if isinstance(x, Expression):
        return SecretArray(computation, x)
    return statistics.Eigen(*(_wrapped(computation, each) for each in x)) if isinstance(x, statistics.Eigen) else x


def _common_computation(args: Iterable[Any]) -> Computation:
    """The one network of all secret arrays among these. raises InvalidRequest: there are two"""
    found: dict[int, Computation] = {}
    waiting = list(args)
    while waiting:
        each = waiting.pop()
        if isinstance(each, SecretArray):
            found[id(each.computation)] = each.computation
        elif type(each) in (list, tuple):
            waiting.extend(each)
    if len(found) != 1:
        raise InvalidRequest("secret arrays of two networks do not meet; share both in one network")
    return next(iter(found.values()))


def _receivers(arrays: Sequence[Any], to: Party | Iterable[Party] | None) -> tuple[Party, ...]:
    """To whom. raises InvalidRequest: nothing to reveal, nobody, or somebody unknown"""
    if not arrays or not all(isinstance(each, SecretArray) for each in arrays):
        raise InvalidRequest("reveal takes secret arrays, one or more")
    several = isinstance(to, list | tuple | set | frozenset) and all(isinstance(each, str) for each in to)
    if not (to is None or isinstance(to, str) or several):
        raise InvalidRequest(
            f"a {type(to).__name__} is no institution to reveal to; give a name, a list of names, or leave `to` out"
        )
    names = (COLLECTOR,) if to is None else (to,) if isinstance(to, str) else tuple(to)
    institutions = _common_computation(arrays).institutions
    for name in names:
        if name != COLLECTOR and name not in institutions:
            raise InvalidRequest(
                f"there is no institution '{name}' to reveal to{near(str(name), institutions, 'names')}. To be shown "
                "the numbers yourself, leave `to` out"
            )
    if not names:
        raise InvalidRequest("nothing is revealed to nobody; name an institution, or leave `to` out")
    return names


Outputs: TypeAlias = list[tuple[SecretArray, Party]]


def _outputs(
    arrays: Sequence[SecretArray], receivers: Sequence[Party]
) -> tuple[Outputs, dict[tuple[bytes, Party], int]]:
    """Each array once for each receiver, and which output it is."""
    outputs = {(array.expression.key, to): (array, to) for array in arrays for to in receivers}
    return list(outputs.values()), {key: number for number, key in enumerate(outputs)}


def _as_declared(array: SecretArray, shown: NDArray[np.float64]) -> Any:
    values = shown if array.dtype == np.float64 else np.rint(shown).astype(array.dtype)
    return values if values.ndim else values.item()
