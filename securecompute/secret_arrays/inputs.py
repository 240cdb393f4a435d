"""Where secret arrays begin: an institution's columns, or an array that it is given to hold."""

from collections.abc import Sequence
from math import frexp
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from securecompute.computing import pack
from securecompute.engine.fabric import Fabric
from securecompute.engine.rounds import Party
from securecompute.errors import InvalidRequest, NonFiniteInput
from securecompute.programs.program import Input
from securecompute.records.columns import near
from securecompute.records.dictionary import Dictionary
from securecompute.records.numeric import declared_range
from securecompute.secret_arrays.array import Computation, SecretArray


class Holders(Computation, Protocol):
    """A network, as far as it is needed here."""

    fabric: Fabric

    def columns_of(self, institution: Party) -> Dictionary:
        """All columns of an institution."""


def secret_array(
    network: Holders,
    owner: Party,
    data: str | Sequence[str] | NDArray[Any],
    where: str | None,
    bound: float | None,
    norms: tuple[float, float] | None,
    wide: bool,
) -> SecretArray:
    """The array, its shape asked of its owner. raises as `Network.secret`."""
    if not isinstance(owner, str) or owner not in network.institutions:
        raise InvalidRequest(
            f"there is no institution '{owner}'{near(str(owner), network.institutions, 'institutions')}"
        )
    _check_declared(where, bound, norms, wide)
    if isinstance(data, str) or (isinstance(data, list | tuple) and data and all(isinstance(c, str) for c in data)):
        names = data if isinstance(data, str) else list(data)
        whole, least, most = declared_range(network.columns_of(owner), [names] if isinstance(names, str) else names)
        if norms is not None or (bound is not None and bound < most):
            raise InvalidRequest(
                f"columns come with the dictionary's range, magnitudes up to {most:g}; np.clip narrows what is computed"
            )
        source: dict[str, Any] = {"columns": names, "where": where}
        shape = tuple(int(length) for length in network.fabric.ask(owner, "measure", source))
        return SecretArray.of_input(
            network, Input(owner, source, shape, float(bound or most), whole, wide, None, least)
        )
    if where is not None:
        raise InvalidRequest("a cohort selects records; an array has none")
    values, integer = _array(data)
    if norms is not None and values.ndim != 2:
        raise InvalidRequest(f"norms of an array of shape {values.shape}; expected a matrix")
    name = network.fabric.ask(owner, "hold", pack(values))
    largest = float(np.abs(values).max(initial=0.0))
    most = bound if bound is not None else max(2.0 ** frexp(largest)[1] if largest else 1.0, 2.0**-20)
    if largest > most:
        raise InvalidRequest(f"a number in the array is beyond the bound {most:g}; declare a larger one")
    longest = None if norms is None else (float(norms[0]), float(norms[1]))
    return SecretArray.of_input(
        network, Input(owner, {"held": name}, values.shape, float(most), integer, wide, longest)
    )


def _check_declared(where: Any, bound: Any, norms: Any, wide: Any) -> None:
    """Return if what is declared of an array is of the kinds that it should be. raises InvalidRequest"""
    if not (where is None or isinstance(where, str)):
        raise InvalidRequest(f"a cohort is a condition in words, such as 'age > 50', not a {type(where).__name__}")
    if not (bound is None or _is_magnitude(bound)):
        raise InvalidRequest(f"a bound of {bound!r}; declare the largest magnitude, a finite number above 0")
    pair = isinstance(norms, list | tuple) and len(norms) == 2 and all(map(_is_magnitude, norms))
    if not (norms is None or pair):
        raise InvalidRequest("norms are two finite numbers above 0: the largest 2-norm of rows, and of columns")
    if not isinstance(wide, bool):
        raise InvalidRequest(f"wide is True or False, not a {type(wide).__name__}")


def _is_magnitude(x: Any) -> bool:
    real = isinstance(x, int | float | np.integer | np.floating) and not isinstance(x, bool | np.timedelta64)
    return real and bool(np.isfinite(float(x)) and x > 0)


def _array(data: Any) -> tuple[NDArray[np.float64], bool]:
    if isinstance(data, SecretArray):
        raise InvalidRequest("the array is secret already")
    if isinstance(data, np.ma.MaskedArray):
        raise InvalidRequest("a masked array hides numbers, which would be shared; fill it or leave rows out")
    try:
        array = np.asarray(data)
    except (ValueError, TypeError):
        raise InvalidRequest("an array has numbers, with rows of one length") from None
    if array.dtype.kind not in "biuf" or not array.size:
        raise InvalidRequest(f"an array of {array.dtype} with shape {array.shape}; expected numbers, at least one")
    values = array.astype(np.float64)
    if not np.isfinite(values).all():
        raise NonFiniteInput("the array has a NaN or an infinity; leave such rows out")
    if array.dtype.kind in "iu" and (values.astype(array.dtype) != array).any():
        raise InvalidRequest("a whole number is beyond 2^53; scale the array down")
    return values, array.dtype.kind in "biu"
