"""Values named by who may see them.

    Plain        an institution's own encoded input; never leaves it
    Share        one of several shares of a secret
    Masked       a ring element hidden by a mask that its holder cannot take off
    Ciphertext   hidden under a key that its holder does not have
    Released     allowed out: an ordinary, printable value

The first four show no contents: they cannot be printed, compared, ordered, iterated, pickled or taken by numpy. A
protocol reads `elements`, the array inside; a test keeps that word out of every folder that has no business with it.
The engine's codec sends Share, Masked and Ciphertext and refuses Plain. What is no array, a key
or what one party keeps between two rounds, is `Opaque`.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, NoReturn

from numpy.typing import NDArray

from securecompute.errors import InvalidRequest


class SecretMisused(InvalidRequest, TypeError):
    """A secret was used as if it were an ordinary value."""


class Opaque:
    """What shows no contents and cannot be pickled or copied: a key, or what one party keeps between two rounds."""

    __slots__ = ()

    def __repr__(self) -> str:
        return f"{type(self).__name__}(...)"

    def __reduce_ex__(self, protocol: object) -> NoReturn:
        raise SecretMisused(f"a {type(self).__name__} cannot be pickled or copied; make it where it is used")

    def __getstate__(self) -> NoReturn:
        self.__reduce_ex__(None)

    __reduce__ = __getstate__


class Secret:
    """An array that its holder may compute on, in a protocol, and not look at."""

    __slots__ = ("_elements",)
    _remedy = "Reveal it under a protocol first; only a Released value is ordinary."

    def __init__(self, elements: NDArray[Any]) -> None:
        """elements   any integer array; kept, not copied"""
        self._elements = elements

    @property
    def elements(self) -> NDArray[Any]:
        """The array inside. For protocols: whoever reads it takes over the promise."""
        return self._elements

    def __repr__(self) -> str:
        return f"{type(self).__name__}(shape={self._elements.shape}, dtype={self._elements.dtype})"

    __str__ = __repr__

    def __format__(self, specification: str) -> str:
        return repr(self)

    def _refuse(self, deed: str) -> NoReturn:
        raise SecretMisused(f"a {type(self).__name__} value {deed}. {self._remedy}")

    def __array__(self, *_: object, **__: object) -> NoReturn:
        self._refuse("cannot become an array")

    def __array_ufunc__(self, *_: object, **__: object) -> NoReturn:
        self._refuse("cannot be taken by numpy")

    __array_function__ = __array_ufunc__  # else np.array_equal would swallow the refusal and say False

    def __bool__(self) -> NoReturn:
        self._refuse("has no truth value")

    def __iter__(self) -> Iterator[Any]:
        self._refuse("cannot be iterated")

    def __len__(self) -> NoReturn:
        self._refuse("has no length to show")

    def __contains__(self, element: object) -> NoReturn:
        self._refuse("cannot be searched")

    def __bytes__(self) -> NoReturn:
        self._refuse("cannot become bytes")

    def __getitem__(self, index: object) -> NoReturn:
        self._refuse("cannot be indexed")

    def __eq__(self, other: object) -> NoReturn:
        self._refuse("cannot be compared")

    def __lt__(self, other: object) -> NoReturn:
        self._refuse("cannot be ordered")

    __ne__ = __eq__
    __gt__ = __le__ = __ge__ = __lt__
    __hash__ = None  # type: ignore[assignment]

    def __int__(self) -> NoReturn:
        self._refuse("cannot become a number")

    __float__ = __index__ = __complex__ = __int__

    def __round__(self, digits: int = 0) -> NoReturn:
        self._refuse("cannot be rounded")

    def __add__(self, other: object) -> NoReturn:
        self._refuse("cannot be used in arithmetic outside a protocol")

    __radd__ = __sub__ = __rsub__ = __mul__ = __rmul__ = __matmul__ = __rmatmul__ = __add__
    __truediv__ = __rtruediv__ = __floordiv__ = __rfloordiv__ = __mod__ = __rmod__ = __pow__ = __rpow__ = __add__
    __divmod__ = __rdivmod__ = __and__ = __rand__ = __or__ = __ror__ = __xor__ = __rxor__ = __add__
    __lshift__ = __rlshift__ = __rshift__ = __rrshift__ = __add__
    __neg__ = __pos__ = __abs__ = __invert__ = __int__

    def __reduce_ex__(self, protocol: object) -> NoReturn:
        self._refuse("cannot be pickled or copied; it travels only through the engine's codec")

    def __getstate__(self) -> NoReturn:
        self.__reduce_ex__(None)

    __reduce__ = __getstate__


class Plain(Secret):
    """An institution's own encoded input."""

    __slots__ = ()
    _remedy = "It is an institution's own input and never leaves it."


class Share(Secret):
    """One party's share of a secret."""

    __slots__ = ()


class Masked(Secret):
    """A ring element under a mask."""

    __slots__ = ()
    _remedy = "It is noise to whoever holds it; the masks come off only in the total."


class Ciphertext(Secret):
    """Ring elements under a key that the holder does not have."""

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class Released:
    """What the gate let out. An entry is None where a rule keeps it hidden."""

    entries: tuple[int | None, ...]
