"""Secret arrays in other arrangements: indexed, reshaped, joined, with other axes. Nothing here takes a message.

Which positions are taken is public; which elements fulfil a condition is secret, and so would be how many they are.
"""

from collections.abc import Callable, Iterable, Sequence
from itertools import pairwise
from math import ceil, log2, prod
from typing import Any

import numpy as np
from numpy.lib.array_utils import normalize_axis_index, normalize_axis_tuple
from numpy.typing import NDArray

from securecompute.errors import InvalidRequest
from securecompute.programs.expressions import Expression, apply, public_numbers
from securecompute.secret_arrays.options import is_whole

MOST_RUNS = 1000  # slices that an index array becomes


def axis_of(axis: Any, ndim: int) -> int:
    """The axis, counted from 0. raises InvalidRequest: there is none"""
    try:
        return normalize_axis_index(axis, ndim)
    except (ValueError, TypeError, OverflowError):
        raise InvalidRequest(f"axis {axis!r} of an array with {ndim} axes") from None


def axes_of(axis: Any, ndim: int) -> tuple[int, ...]:
    """Axes counted from 0, all of them for None. raises InvalidRequest: one is not there, or named twice"""
    if axis is None:
        return tuple(range(ndim))
    try:
        return normalize_axis_tuple(axis, ndim)
    except (ValueError, TypeError, OverflowError):
        raise InvalidRequest(f"axis {axis!r} of an array with {ndim} axes") from None


def reshape(x: Expression, shape: Any, order: str = "C") -> Expression:
    """In another shape; one length may be -1. raises InvalidRequest: another number of elements"""
    lengths = _lengths(shape)
    if not isinstance(order, str) or order != "C":
        raise InvalidRequest("a secret array is reshaped in C order; transpose it before")
    if lengths.count(-1) == 1 and (rest := -prod(lengths)) and x.type.size % rest == 0:
        lengths[lengths.index(-1)] = x.type.size // rest
    if prod(lengths) != x.type.size or any(length < 0 for length in lengths):
        raise InvalidRequest(f"an array of shape {x.shape} cannot be reshaped to {tuple(lengths)}")
    return x if tuple(lengths) == x.shape else apply("reshape", x, shape=lengths)


def ravel(x: Expression, order: str = "C") -> Expression:
    """With one axis."""
    return reshape(x, (-1,) if x.type.size else (0,), order)


def transpose(x: Expression, axes: Any = None) -> Expression:
    """With the axes in another order, reversed unless it is given."""
    order = axes_of(axes, x.ndim)
    if axes is None:
        order = order[::-1]
    if len(order) != x.ndim:
        raise InvalidRequest(f"an order of axes {axes!r} for an array with {x.ndim} of them")
    if x.operation == "transpose":  # one transposition instead of two, or none
        x, inner = x.operands[0], x.attributes["axes"]
        order = tuple(inner[k] for k in order)
    return x if list(order) == sorted(order) else apply("transpose", x, axes=list(order))


def swapaxes(x: Expression, axis1: int, axis2: int) -> Expression:
    """With two axes exchanged."""
    order, first, second = list(range(x.ndim)), axis_of(axis1, x.ndim), axis_of(axis2, x.ndim)
    order[first], order[second] = second, first
    return transpose(x, order)


def moveaxis(x: Expression, source: int, destination: int) -> Expression:
    """With one axis at another place."""
    order = [k for k in range(x.ndim) if k != axis_of(source, x.ndim)]
    order.insert(axis_of(destination, x.ndim), axis_of(source, x.ndim))
    return transpose(x, order)


def expand_dims(x: Expression, axis: Any) -> Expression:
    """With new axes of length 1 at these places."""
    if axis is None:
        raise InvalidRequest("np.expand_dims takes the places of the new axes")
    places = (axis,) if is_whole(axis) else tuple(axis)
    new = axes_of(places, x.ndim + len(places))
    lengths = iter(x.shape)
    return reshape(x, [1 if k in new else next(lengths) for k in range(x.ndim + len(new))])


def squeeze(x: Expression, axis: Any = None) -> Expression:
    """Without axes of length 1: all of them, or these. raises InvalidRequest: one is longer"""
    gone = [k for k, length in enumerate(x.shape) if length == 1] if axis is None else axes_of(axis, x.ndim)
    if any(x.shape[k] != 1 for k in gone):
        raise InvalidRequest(f"an axis of an array of shape {x.shape} has another length than 1; it stays")
    return reshape(x, [length for k, length in enumerate(x.shape) if k not in gone])


def index(x: Expression, key: Any) -> Expression:
    """x[key] of positions, slices, None, Ellipsis, and at most one public list of positions or truth values.

    raises   InvalidRequest  out of range, too many axes, or a secret index
    """
    entries = _expanded(x, key if isinstance(key, tuple) else (key,))
    lists = [k for k, entry in enumerate(entries) if isinstance(entry, np.ndarray)]
    if len(lists) > 1:
        raise InvalidRequest("an index takes one list of positions; index twice, once for each axis")
    if lists:
        x, entries = _taken_at(x, entries, lists[0])
    if all(isinstance(entry, slice) and entry == slice(None) for entry in entries):
        return x
    plain = [_plain(entry) for entry in entries]
    return apply("index", x, index=plain)


def flip(m: Expression, axis: Any = None) -> Expression:
    """In reverse order along axes."""
    axes = axes_of(axis, m.ndim)
    return index(m, tuple(slice(None, None, -1 if k in axes else None) for k in range(m.ndim)))


def take(x: Expression, indices: Any, axis: int | None = None) -> Expression:
    """The elements at public positions, along an axis or of the array with one axis."""
    x, axis = (ravel(x), 0) if axis is None else (x, axis_of(axis, x.ndim))
    return index(x, (*(slice(None),) * axis, indices))


def concatenate(arrays: Sequence[Any], axis: int | None = 0) -> Expression:
    """Joined along an axis that exists; public arrays may be among them."""
    parts = secrets(arrays)
    if axis is None:
        parts, axis = [ravel(each) for each in parts], 0
    return apply("concatenate", *parts, axis=axis_of(axis, max(1, parts[0].ndim)))


def stack(arrays: Sequence[Any], axis: int = 0) -> Expression:
    """Joined along a new axis."""
    parts = secrets(arrays)
    return apply("stack", *parts, axis=axis_of(axis, parts[0].ndim + 1))


def vstack(tup: Sequence[Any]) -> Expression:
    """Rows below each other."""
    return concatenate([reshape(each, (1, -1)) if each.ndim < 2 else each for each in secrets(tup)])


def hstack(tup: Sequence[Any]) -> Expression:
    """Side by side."""
    parts = [ravel(each) if each.ndim == 0 else each for each in secrets(tup)]
    return concatenate(parts, axis=0 if parts[0].ndim == 1 else 1)


def column_stack(tup: Sequence[Any]) -> Expression:
    """Columns side by side."""
    return concatenate([reshape(each, (-1, 1)) if each.ndim < 2 else each for each in secrets(tup)], axis=1)


def broadcast_to(array: Expression, shape: Any) -> Expression:
    """Repeated to this shape. raises InvalidRequest: it does not go into it"""
    lengths = _lengths(shape)
    try:
        fits = np.broadcast_shapes(array.shape, tuple(lengths)) == tuple(lengths)
    except ValueError:
        fits = False
    if not fits:
        raise InvalidRequest(f"an array of shape {array.shape} cannot be broadcast to {tuple(lengths)}")
    return array if tuple(lengths) == array.shape else apply("multiply", array, np.ones(lengths))


def full_like(a: Expression, fill_value: Any) -> Any:
    """This number everywhere, public unless it is secret itself. raises as `broadcast_to`"""
    if isinstance(fill_value, Expression):
        return broadcast_to(fill_value, a.shape)
    numbers = public_numbers(fill_value)
    try:
        return np.broadcast_to(numbers, a.shape).copy()
    except ValueError:
        raise InvalidRequest(f"an array of shape {numbers.shape} cannot be broadcast to {a.shape}") from None


def diagonal(a: Expression, offset: int = 0) -> Expression:
    """The diagonal of a matrix."""
    if a.ndim != 2:
        raise InvalidRequest(f"the diagonal of an array of shape {a.shape}; expected a matrix")
    rows, columns = a.shape
    start = offset if offset >= 0 else -offset * columns
    length = min(rows, columns - offset) if offset >= 0 else min(rows + offset, columns)
    if length <= 0:
        raise InvalidRequest(f"a matrix of shape {a.shape} has no diagonal {offset}")
    return apply("index", ravel(a), index=[[start, start + (length - 1) * (columns + 1) + 1, columns + 1]])


def diag(v: Expression, k: int = 0) -> Expression:
    """The diagonal of a matrix, or the matrix with this diagonal."""
    if v.ndim != 1:
        return diagonal(v, k)
    place = np.eye(v.shape[0]) if k == 0 else np.diag(np.ones(v.shape[0]), k)
    if k > 0:
        v = concatenate([np.zeros(k), v])
    elif k < 0:
        v = concatenate([v, np.zeros(-k)])
    return apply("multiply", v, place)


def cumsum(a: Expression, axis: int | None = None) -> Expression:
    """Sums of all elements up to each, along an axis: sums of 1, 2, 4, ... neighbours."""
    x = ravel(a) if axis is None else moveaxis(a, axis, 0)
    for k in range(ceil(log2(x.shape[0])) if x.shape[0] > 1 else 0):
        step = 1 << k
        later = apply("add", index(x, slice(step, None)), index(x, slice(None, -step)))
        x = concatenate([index(x, slice(None, step)), later])
    return x if axis is None else moveaxis(x, 0, axis)


def roll(a: Expression, shift: int, axis: int | None = None) -> Expression:
    """Moved along an axis by so many places, around its end; of all elements as one row unless an axis is given."""
    x = ravel(a) if axis is None else moveaxis(a, axis, 0)
    places = _whole(shift, "a shift") % max(1, x.shape[0])
    if places:
        x = concatenate([index(x, slice(-places, None)), index(x, slice(None, -places))])
    return reshape(x, a.shape) if axis is None else moveaxis(x, 0, axis)


def tril(m: Expression, k: int = 0) -> Expression:
    """Zeros above a diagonal of the last two axes."""
    return apply("multiply", m, _below(m, k))


def triu(m: Expression, k: int = 0) -> Expression:
    """Zeros below a diagonal of the last two axes."""
    return apply("multiply", m, 1 - _below(m, k - 1))


def at_least(axes: int) -> Callable[[Expression], Expression]:
    """With so many axes, as `np.atleast_1d` and its like give them."""

    def function(a: Expression) -> Expression:
        missing = max(0, axes - a.ndim)
        behind = int(axes == 3 and a.ndim in (1, 2))  # numpy puts one of the new axes last
        return reshape(a, ((1,) * (missing - behind) + a.shape + (1,) * behind) if missing else a.shape)

    return function


def ediff1d(ary: Expression, to_end: Any = (), to_begin: Any = ()) -> Expression:
    """Each element less the one before it, in one row; before and behind them others."""
    row = ravel(ary)
    parts = [to_begin, apply("subtract", index(row, slice(1, None)), index(row, slice(None, -1))), to_end]
    rows = [ravel(each) if isinstance(each, Expression) else public_numbers(each).ravel() for each in parts]
    return concatenate([each for each in rows if isinstance(each, Expression) or each.size])


def diff(a: Expression, n: int = 1, axis: int = -1) -> Expression:
    """Each less the one before it, along an axis, n times."""
    x = moveaxis(a, axis, 0)
    for _ in range(_whole(n, "an order")):
        x = apply("subtract", index(x, slice(1, None)), index(x, slice(None, -1)))
    return moveaxis(x, 0, axis)


def _below(m: Expression, k: int) -> NDArray[np.float64]:
    if m.ndim < 2:
        raise InvalidRequest(f"a triangle of an array of shape {m.shape}; expected a matrix")
    rows, columns = m.shape[-2:]
    return np.tri(rows, columns, k)


def secrets(arrays: Any) -> list[Expression]:
    """The arrays, public ones as secrets that everybody knows: 0 * secret + public, which takes no message."""
    if isinstance(arrays, Expression):
        return [index(arrays, k) for k in range(arrays.shape[0] if arrays.ndim else 0)]
    if not isinstance(arrays, list | tuple):
        raise InvalidRequest(f"arrays to join are given in a list, not as {type(arrays).__name__}")
    parts = list(arrays)
    source = next((each for each in parts if isinstance(each, Expression) and each.type.size), None)
    if source is None:
        if not all(isinstance(each, Expression) for each in parts):
            raise InvalidRequest("a public array beside secret ones without elements; leave these out")
        return parts
    one = apply("sum", source, axes=list(range(source.ndim)))  # of all, since it must not single out a record
    return [each if isinstance(each, Expression) else _known(one, public_numbers(each)) for each in parts]


def _known(one: Expression, public: NDArray[np.float64]) -> Expression:
    return apply("add", apply("multiply", one, np.zeros(public.shape)), public)


def _expanded(x: Expression, entries: tuple[Any, ...]) -> list[Any]:
    """An entry for each axis that is spoken of, Ellipsis written out."""
    checked = [_entry(entry) for entry in entries]
    spoken = sum(entry is not None and entry is not Ellipsis for entry in checked)
    if spoken > x.ndim or sum(entry is Ellipsis for entry in checked) > 1:
        raise InvalidRequest(f"an index of {spoken} axes into an array of shape {x.shape}")
    whole = [slice(None)] * (x.ndim - spoken)
    place = next((k for k, entry in enumerate(checked) if entry is Ellipsis), None)
    return checked + whole if place is None else [*checked[:place], *whole, *checked[place + 1 :]]


def _entry(entry: Any) -> Any:
    if isinstance(entry, Expression):
        advice = "write np.where(mask, x, 0)" if entry.bits else "write (np.arange(len(x)) == position) @ x"
        raise InvalidRequest(f"an index that is secret would tell which elements it takes, or how many; {advice}")
    if entry is None or entry is Ellipsis:
        return entry
    if isinstance(entry, slice):
        return slice(
            *(None if part is None else _whole(part, "a slice") for part in (entry.start, entry.stop, entry.step))
        )
    if is_whole(entry):
        return int(entry)
    try:
        given = np.asarray(entry)
    except (ValueError, TypeError):  # rows of unlike lengths, or secrets in a list
        given = np.empty(())
    if given.dtype.kind not in "iub" or given.ndim != 1:
        raise InvalidRequest("an index is made of positions, slices, None, Ellipsis and one list of positions")
    return given


def _taken_at(x: Expression, entries: list[Any], place: int) -> tuple[Expression, list[Any]]:
    """x with the elements of a list of positions along its axis, in the list's order; and the other entries."""
    if any(isinstance(entry, int) for entry in entries):
        raise InvalidRequest("an index with a list of positions and a single one; index twice")
    axis = sum(entry is not None for entry in entries[:place])
    given, length = entries[place], x.shape[axis]
    if given.dtype == np.bool_ and given.size != length:
        raise InvalidRequest(f"{given.size} truth values for an axis of length {length}")
    positions = np.flatnonzero(given) if given.dtype == np.bool_ else given.astype(np.int64)
    if ((positions < -length) | (positions >= length)).any():
        raise InvalidRequest(f"a position beyond an axis of length {length}")
    if not positions.size:
        raise InvalidRequest("an index that takes no element; there is nothing to compute")
    runs = _runs((positions % length).tolist())
    if len(runs) > MOST_RUNS:
        raise InvalidRequest(f"{len(runs)} runs of positions; choose records with a cohort, or sort the positions")
    before = (slice(None),) * axis
    x = concatenate([index(x, (*before, run)) for run in runs], axis)
    return x, [slice(None) if k == place else entry for k, entry in enumerate(entries)]


def _runs(positions: list[int]) -> list[slice]:
    """Slices that follow the positions: each as long as steps stay equal and positive."""
    runs: list[list[int]] = []
    for position in positions:
        run = runs[-1] if runs else []
        if (len(run) == 1 and position > run[0]) or (len(run) > 1 and position - run[-1] == run[1] - run[0]):
            run.append(position)
        else:
            runs.append([position])
    steps = [next((b - a for a, b in pairwise(run)), 1) for run in runs]
    return [slice(run[0], run[-1] + 1, step) for run, step in zip(runs, steps, strict=True)]


def _plain(entry: Any) -> Any:
    if entry is None:
        return []
    return [entry.start, entry.stop, entry.step] if isinstance(entry, slice) else entry


def _whole(number: Any, what: str) -> int:
    if not is_whole(number):
        raise InvalidRequest(f"{what} of {type(number).__name__}; expected a public whole number")
    return int(number)


def _lengths(shape: Any) -> list[int]:
    if isinstance(shape, np.ndarray):
        shape = shape.tolist()
    return [_whole(each, "a length") for each in (shape if isinstance(shape, Iterable) else (shape,))]
