"""What an operation is: its type rule, the scale it wants of its inputs, and its part at a compute party.

Operations are a closed set (`catalogue`). Each works on values whose type is public: shape, a bound on the magnitude,
and whether they are whole numbers. Types are derived before anything runs, so that shapes that do not match and numbers
that could overflow are refused where the researcher wrote them.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from math import ceil, inf, log2, prod
from typing import Any, ClassVar, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from securecompute.arithmetic.rings import Ring
from securecompute.engine.rounds import Part
from securecompute.errors import InvalidRequest, PrecisionLoss
from securecompute.protocols.products.compute_party import ComputeParty
from securecompute.protocols.products.fixed import Fixed

Shape = tuple[int, ...]
Attributes: TypeAlias = Mapping[str, Any]
Operand: TypeAlias = Fixed | NDArray[np.float64]  # shares, or public numbers

FEWEST_HELD = 16  # fractional bits that what follows from a quotient is computed with
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
    words    words of a linkage, of which nothing else is known
    loose    follows from a quotient, so that the bound, of the worst divisor, says little; a plan knows
    """

    shape: Shape
    bound: float
    integer: bool = False
    public: bool = False
    ring: Ring = Ring.Z64
    exact: bool = True
    norms: tuple[float, float] | None = None
    least: float = -inf
    loose: bool = False
    words: bool = False

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


class Remark(NamedTuple):
    """A sentence beside a bound of errors: where it holds, or why there is none and what helps.

    text   with {:.1g} where the size belongs, if at all
    size   of two remarks with one text the larger counts
    """

    text: str
    size: float = 0.0

    def __str__(self) -> str:
        return self.text.format(self.size)


@dataclass(frozen=True, slots=True)
class Deviation:
    """How far numbers are off at most, from those that exact arithmetic on the owners' numbers would give.

    most        absolute; infinite where no bound is derived, and a remark says why
    remarks     what the number does not say
    first_row   of the first row alone, where another bound is known of it
    """

    most: float
    remarks: tuple[Remark, ...] = ()
    first_row: float | None = None


@dataclass(frozen=True, slots=True)
class Estimate:
    """What is known of an operand's accuracy, besides its type: its fractional bits, and how far it is off.

    Public numbers are exact here; an operation that encodes them says what that costs.
    """

    scale: int
    deviation: Deviation = Deviation(0.0)

    @property
    def error(self) -> float:
        """Absolute."""
        return self.deviation.most


class Operation:
    """One of the closed set. Subclasses fill in `result`, `run` and, where the default is not right, `wants`.

    name        in programs
    arity       number of inputs, None for one or more
    attributes  name -> check of a value, which raises InvalidRequest
    opens       what everybody learns beside the outputs, in words; usually nothing
    takes_words whether its operands may be words of a linkage
    bounded     the result's bound says something whatever those of the operands say
    quiet       takes no message, unless an operand is brought into another ring
    arranges    the same numbers, with their scale and bound
    once, each  seconds of one core that playing it takes at a rehearsal, and for each element
    samples     how many elements stand for many there
    """

    name: ClassVar[str]
    arity: ClassVar[int | None] = 1
    attributes: ClassVar[Mapping[str, Any]] = {}
    opens: ClassVar[str] = ""
    takes_words: ClassVar[bool] = False
    bounded: ClassVar[bool] = False
    quiet: ClassVar[bool] = False
    arranges: ClassVar[bool] = False
    once: ClassVar[float] = 0.005
    each: ClassVar[float] = 1e-5
    samples: ClassVar[tuple[int, int]] = (64, 256)

    def result(self, x: Sequence[ValueType], a: Attributes) -> ValueType:
        """The type of the result. raises InvalidRequest: these inputs do not go together."""
        raise NotImplementedError

    def wants(self, x: Sequence[ValueType], site: Site) -> Sequence[int]:
        """The fractional bits that are wanted of each input: those of the result, unless overridden."""
        return [site.demand] * len(x)

    def run(self, party: ComputeParty, x: Sequence[Operand], site: Site) -> Part[Fixed]:
        """The result's shares. Run by each of the three; all secrets of x are in the result's ring."""
        raise NotImplementedError

    def opened(self, a: Attributes) -> str:
        """What everybody learns with these attributes."""
        return self.opens

    def products(self, x: Sequence[ValueType]) -> Sequence[tuple[int, int, int]]:
        """The matrix products of secrets that it makes and that can be checked: (m, k) by (k, n) as (m, k, n)."""
        return []

    def error(self, x: Sequence[Estimate], site: Site, scale: int) -> Deviation:
        """How far the result is off at most, by its own rounding and by what its operands are off, all of it finite.

        scale   fractional bits of the result
        """
        raise NotImplementedError

    def deviation(self, x: Sequence[Estimate], site: Site, scale: int) -> Deviation:
        """As `error`, with the operands' remarks; of an operand without a bound a result without one."""
        remarks = tuple(remark for each in x for remark in each.deviation.remarks)
        if any(each.error == inf for each in x):
            return Deviation(inf, remarks)
        own = self.error(x, site, scale)
        most = min(own.most, 2 * site.result.bound) if own.most < inf else inf  # both are within the bound
        return Deviation(most, remarks + own.remarks, own.first_row)

    def sampled(self, shapes: Sequence[Shape], size: int, a: Attributes) -> Sequence[Shape]:
        """Inputs whose result has so many elements and takes as many rounds; themselves, unless overridden."""
        return shapes

    def grown(self, x: Sequence[ValueType], a: Attributes) -> int:
        """Elements in proportion to which bytes grow: those of the result, unless overridden."""
        return self.result(x, a).size

    def effort(self, shapes: Sequence[Shape], site: Site) -> float:
        """Seconds of one core that it takes to play it on inputs of these shapes, roughly."""
        return self.once + self.each * sum(map(prod, shapes))

    def rehearsal_inputs(self, shapes: Sequence[Shape], bounds: Sequence[float]) -> Sequence[NDArray[np.float64]]:
        """Numbers within these bounds that the operation takes without complaint: zeros, unless overridden."""
        return [np.zeros(shape) for shape in shapes]


class Elementwise(Operation):
    """Rounds do not depend on the number of elements, and bytes grow with it."""

    def sampled(self, shapes: Sequence[Shape], size: int, a: Attributes) -> Sequence[Shape]:
        """All operands that are not single numbers, with so many elements."""
        return [(size,) if int(np.prod(shape)) > 1 else (1,) * min(1, len(shape)) for shape in shapes]


def along(shape: Shape, axis: int, size: int) -> Shape:
    """As many axes, of which one keeps its length, and the others have so many places together."""
    others = [k for k in range(len(shape)) if k != axis]
    lengths = {axis: shape[axis]} | ({others[0]: size} if others else {})
    return tuple(lengths.get(k, 1) for k in range(len(shape)))


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


def truncated(full: int, scale: int) -> float:
    """What a truncation from so many fractional bits to others may add: a unit, if there is one."""
    return 2.0**-scale if scale < full else 0.0


def encoded(type_: ValueType, scale: int) -> float:
    """How far public numbers are off when they are quantised at this scale; 0 for a secret, which is shared already."""
    return 2.0 ** -(scale + 1) if type_.public and not type_.integer else 0.0


def check_digits_of_quotient(scale: int, bound: float, fewest: int = FEWEST_HELD) -> None:
    """Return if what follows from a quotient keeps so many fractional bits. raises PrecisionLoss"""
    if scale < fewest:
        raise PrecisionLoss(
            f"quotients, or what depends on them, could be as large as {bound:.4g}, and would be known to the nearest "
            f"{2.0**-scale:g} only: clip what is divided by away from 0, divide means instead of sums, or share the "
            "inputs with wide=True"
        )


def secret(x: Operand) -> Fixed:
    """The shares. raises InvalidRequest: the operand is public, where an operation needs a secret."""
    if not isinstance(x, Fixed):
        raise InvalidRequest("an operation on public numbers alone; compute it before, with numpy")
    return x
