"""What an operation is: its type rule, the scale it wants of its inputs, and its part at a compute party.

Operations are a closed set (`catalogue`). Each works on values whose type is public: shape, a bound on the magnitude,
and whether they are whole numbers. Types are derived before anything runs, so that shapes that do not match and numbers
that could overflow are refused where the researcher wrote them.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from math import ceil, inf, log2, prod
from typing import Any, ClassVar, TypeAlias

import numpy as np
from numpy.typing import NDArray

from securecompute.arithmetic.rings import Ring
from securecompute.engine.rounds import Part
from securecompute.errors import InvalidRequest
from securecompute.protocols.products.compute_party import ComputeParty
from securecompute.protocols.products.fixed import Fixed

Shape = tuple[int, ...]
Attributes: TypeAlias = Mapping[str, Any]
Operand: TypeAlias = Fixed | NDArray[np.float64]  # shares, or public numbers

UNTRUNCATED = 1 << 20  # a demand that no scale meets: whoever asks truncates himself


@dataclass(frozen=True, slots=True)
class ValueType:
    """What is public about a value.

    bound    largest magnitude
    integer  whole numbers, held without fractional bits: bits, counts, positions
    public   not a secret: a constant of the program
    ring     in which it is shared
    exact    a function of the quantised inputs alone; else truncations on the way rounded it at random
    norms    largest 2-norms of a matrix's rows and columns, where they are declared
    least    the smallest number, where one is proved: quotients and roots of what is not near 0 cost less
    """

    shape: Shape
    bound: float
    integer: bool = False
    public: bool = False
    ring: Ring = Ring.Z64
    exact: bool = True
    norms: tuple[float, float] | None = None
    least: float = -inf

    @property
    def size(self) -> int:
        """Elements."""
        return prod(self.shape)


@dataclass(frozen=True, slots=True)
class Site:
    """Where an operation runs: its attributes, types, and the fractional bits that its consumers want."""

    attributes: Attributes = field(hash=False)
    result: ValueType
    demand: int
    operands: tuple[ValueType, ...] = ()


@dataclass(frozen=True, slots=True)
class Estimate:
    """What is known of an operand's accuracy: its bound, its fractional bits, and how far it is off at most.

    error   absolute, None where no bound is derived
    """

    bound: float
    scale: int
    error: float | None


class Operation:
    """One of the closed set. Subclasses fill in `result`, `run` and, where the default is not right, `wants`.

    name        in programs
    arity       number of inputs, None for one or more
    attributes  name -> check of a value, which raises InvalidRequest
    opens       what everybody learns beside the outputs, in words; usually nothing
    """

    name: ClassVar[str]
    arity: ClassVar[int | None] = 1
    attributes: ClassVar[Mapping[str, Any]] = {}
    opens: ClassVar[str] = ""

    def result(self, x: Sequence[ValueType], a: Attributes) -> ValueType:
        """The type of the result. raises InvalidRequest: these inputs do not go together."""
        raise NotImplementedError

    def wants(self, x: Sequence[ValueType], site: Site) -> Sequence[int]:
        """The fractional bits that are wanted of each input: those of the result, unless overridden."""
        return [site.demand] * len(x)

    def run(self, party: ComputeParty, x: Sequence[Operand], site: Site) -> Part[Fixed]:
        """The result's shares. Run by each of the three; all secrets of x are in the result's ring."""
        raise NotImplementedError

    def products(self, x: Sequence[ValueType]) -> Sequence[tuple[int, int, int]]:
        """The matrix products of secrets that it makes and that can be checked: (m, k) by (k, n) as (m, k, n)."""
        return []

    def error(self, x: Sequence[Estimate], shapes: Sequence[Shape], unit: float) -> float | None:
        """How far the result is off at most, given how far its operands are; None where no bound is derived.

        unit   one unit in the last place of the result
        """
        return None

    def sampled(self, shapes: Sequence[Shape], size: int) -> Sequence[Shape]:
        """Inputs whose result has so many elements and takes as many rounds; themselves, unless overridden."""
        return shapes

    def rehearsal_inputs(self, shapes: Sequence[Shape]) -> Sequence[NDArray[np.float64]]:
        """Numbers that the operation takes without complaint: zeros, unless overridden."""
        return [np.zeros(shape) for shape in shapes]


class Elementwise(Operation):
    """Rounds do not depend on the number of elements, and bytes grow with it."""

    def sampled(self, shapes: Sequence[Shape], size: int) -> Sequence[Shape]:
        """All operands that are not single numbers, with so many elements."""
        return [(size,) if int(np.prod(shape)) > 1 else (1,) * min(1, len(shape)) for shape in shapes]


def broadcast(name: str, x: Sequence[ValueType]) -> Shape:
    """The common shape. raises InvalidRequest."""
    try:
        return np.broadcast_shapes(*(each.shape for each in x))
    except ValueError:
        shapes = " and ".join(str(each.shape) for each in x)
        raise InvalidRequest(f"{name}: shapes {shapes} do not match") from None


def ring_of(x: Sequence[ValueType]) -> Ring:
    """The widest ring among the secrets."""
    return Ring.Z128 if any(each.ring is Ring.Z128 for each in x if not each.public) else Ring.Z64


def half_scale(ring: Ring, bound: float) -> int:
    """Fractional bits for both factors of a product of this magnitude: as many as leave headroom."""
    return max(0, (ring.bits - 3 - (ceil(log2(bound)) if bound > 0 else 0)) // 2)


def secret(x: Operand) -> Fixed:
    """The shares. raises InvalidRequest: the operand is public, where an operation needs a secret."""
    if not isinstance(x, Fixed):
        raise InvalidRequest("an operation on public numbers alone; compute it before, with numpy")
    return x
