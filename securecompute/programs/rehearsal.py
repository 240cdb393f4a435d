"""What a program would cost, found by playing each of its operations once, on shares of zeros, with nobody listening.

Types, rounds and bytes depend on what is public alone, so a rehearsal gives them exactly: there is no second list of
costs that could fall behind the protocols. Operations on many elements are played on few, and their bytes, which grow
in proportion, are carried over. Programs come from others, so what a rehearsal may take is limited (`budget`).

    begin(line) = latest end of its inputs,     end(line) = begin + its rounds,     the program's rounds: the latest end
                                                               and where products are checked, the check's 5
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache

import msgpack
import numpy as np
from numpy.typing import NDArray

from securecompute.arithmetic.fixed_types import FixedType
from securecompute.arithmetic.ring_arrays import RingArray
from securecompute.engine.local import Played, play
from securecompute.engine.rounds import Part
from securecompute.programs.budget import FEW, OUTPUT_SECONDS, Budget, is_whole, seconds
from securecompute.programs.catalogue import find
from securecompute.programs.lines import line, shown
from securecompute.programs.operation import Operand, Shape, Site, ValueType
from securecompute.programs.plan import Plan
from securecompute.programs.program import Program
from securecompute.protocols.products.checked_products import ROUNDS, sent_bytes
from securecompute.protocols.products.compute_party import PARTIES, ComputeParty, Key
from securecompute.protocols.products.fixed import Fixed
from securecompute.protocols.products.replicated import Replicated

PLAYED = ("P0", "P1", "P2")
SAMPLES = (64, 256)  # elements on which more than `FEW` are shown


@dataclass(frozen=True, slots=True)
class Line:
    """What one operation takes: its result's type, rounds, payload bytes that P_0, P_1 and P_2 send."""

    type: FixedType
    rounds: int
    sent: tuple[int, int, int]


@dataclass(frozen=True, slots=True)
class Rehearsal:
    """What a program takes between the sharing of inputs and the reveal of outputs.

    rounds    of the longest chain, and of the check of products
    sent      payload bytes of P_0, P_1 and P_2
    lines     node -> what it takes, for operations
    outputs   type and shape of each, as it is revealed
    """

    rounds: int
    sent: tuple[int, int, int]
    lines: dict[int, Line]
    outputs: tuple[tuple[FixedType, Shape], ...]


@dataclass(frozen=True, slots=True)
class Shared:
    """A secret operand in a rehearsal: its type is known, and nothing else."""

    type: FixedType


@dataclass(frozen=True, slots=True)
class Constant:
    """A public operand in a rehearsal: one number stands for all."""

    number: float

    @classmethod
    def like(cls, y: NDArray[np.float64]) -> "Constant":
        """The largest magnitude, not whole unless all of them are."""
        largest = float(np.abs(y).max(initial=0.0))
        whole = bool((y == np.rint(y)).all())
        return cls(largest if whole or largest != np.rint(largest) else float(np.nextafter(largest, 0.0)))


Rehearsed = Shared | Constant


def rehearse(plan: Plan) -> Rehearsal:
    """The rehearsal of a program.

    raises   EncodingOverflow, PrecisionLoss, InvalidRequest  as the program itself would, before it runs
             InvalidRequest  it would take too long (`budget`)
    """
    program, types = plan.program, plan.program.types
    _foreseen(plan).check()
    budget = Budget()
    operands: dict[int, Rehearsed] = {}
    lines: dict[int, Line] = {}
    ends: dict[int, int] = {}
    for k, node in enumerate(program.nodes):
        if isinstance(node.value, np.ndarray):
            operands[k], ends[k] = Constant.like(node.value), 0
        elif node.value is not None:
            operands[k], ends[k] = Shared(plan.input_type(k)), 0
        else:
            given, shapes = tuple(operands[n] for n in node.inputs), tuple(types[n].shape for n in node.inputs)
            key = node.operation, msgpack.packb(node.attributes), given, shapes, plan.sites[k], program.checked
            budget.count(key, node.operation, seconds(find(node.operation), shapes, plan.sites[k]))
            budget.check()
            lines[k] = _line(*key)
            operands[k] = Shared(lines[k].type)
            ends[k] = max(ends[n] for n in node.inputs) + lines[k].rounds
    outputs = [_output(_shared(operands[node]), plan.sites[node].result) for node, _ in program.outputs]
    ends |= {len(ends) + k: ends[node] + outputs[k].rounds for k, (node, _) in enumerate(program.outputs)}
    every = [*lines.values(), *outputs]
    products = _checked_products(program)
    sent = tuple(sent_bytes(products) + sum(each.sent[i] for each in every) for i in range(PARTIES))
    shapes_shown = [types[node].shape for node, _ in program.outputs]
    shown_types = tuple((each.type, shape) for each, shape in zip(outputs, shapes_shown, strict=True))
    rounds = max(1, *ends.values()) + (ROUNDS if products else 0)
    return Rehearsal(rounds, (sent[0], sent[1], sent[2]), lines, shown_types)


def _foreseen(plan: Plan) -> Budget:
    """What is known to be played before anything is."""
    program, types, budget = plan.program, plan.program.types, Budget()
    for k, node in enumerate(program.nodes):
        if node.value is None:
            shapes = tuple(types[n].shape for n in node.inputs)
            public = tuple(types[n] for n in node.inputs if types[n].public)
            key = node.operation, msgpack.packb(node.attributes), shapes, public, plan.sites[k]
            budget.count(key, node.operation, seconds(find(node.operation), shapes, plan.sites[k]))
    for shown_node, _ in program.outputs:
        budget.count(types[shown_node], "showing", OUTPUT_SECONDS)
    return budget


def _checked_products(program: Program) -> list[tuple[int, int, int]]:
    """The sizes of all that are checked at the end."""
    types, lines = program.types, [node for node in program.nodes if program.checked and node.value is None]
    return [size for node in lines for size in find(node.operation).products([types[n] for n in node.inputs])]


@lru_cache(maxsize=4096)
def _line(
    name: str, attributes: bytes, operands: Sequence[Rehearsed], shapes: Sequence[Shape], site: Site, checked: bool
) -> Line:
    operation = find(name)

    def part(party: ComputeParty, x: Sequence[Operand]) -> Part[Fixed]:
        return line(party, name, x, site)

    bounds = [x.type.bound if isinstance(x, Shared) else x.number for x in operands]
    if is_whole(operation, shapes, site):
        return _played(part, operands, operation.rehearsal_inputs(shapes, bounds), checked)
    if operation.arranges:
        (x,) = operands
        return Line(FixedType(site.result.ring, _shared(x).type.scale, site.result.bound), 0, (0, 0, 0))

    @cache
    def played(fewer: Sequence[Shape]) -> tuple[int, Line]:
        types = [
            ValueType(shape, 1.0, public=isinstance(x, Constant), words=given.words)
            for shape, x, given in zip(fewer, operands, site.operands, strict=True)
        ]
        values = operation.rehearsal_inputs(fewer, bounds)
        return operation.grown(types, site.attributes), _played(part, operands, values, checked)

    def on(elements: int) -> tuple[int, Line]:
        return played(tuple(operation.sampled(shapes, elements, site.attributes)))

    return _carried_over(on, operation.grown(site.operands, site.attributes), operation.samples)


def _carried_over(on: Callable[[int], tuple[int, Line]], size: int, samples: tuple[int, int]) -> Line:
    """Played on few elements twice, and the difference carried over to all. Bits travel in words of up to 64."""
    (small, few), (large, more) = (on(sample + size % 64) for sample in samples)
    if small == large:  # played as it is, or on an inner length that no byte depends on
        return few
    rates = [(b - a) / (large - small) for a, b in zip(few.sent, more.sent, strict=True)]
    p0, p1, p2 = (round(a + rate * (size - small)) for a, rate in zip(few.sent, rates, strict=True))
    return Line(more.type, more.rounds, (p0, p1, p2))


@lru_cache(maxsize=4096)
def _output(x: Shared, type_: ValueType) -> Line:
    def part(party: ComputeParty, given: Sequence[Operand]) -> Part[Fixed]:
        return shown(party, _fixed(given[0]), type_)

    if type_.size <= FEW:
        return _played(part, [x], [np.zeros(type_.shape)])

    def on(elements: int) -> tuple[int, Line]:
        return elements, _played(part, [x], [np.zeros(elements)])

    return _carried_over(on, type_.size, SAMPLES)


def _played(
    part: Callable[[ComputeParty, Sequence[Operand]], Part[Fixed]],
    operands: Sequence[Rehearsed],
    values: Sequence[NDArray[np.float64]],
    checked: bool = False,
) -> Line:
    parts = {}
    for i, name in enumerate(PLAYED):
        keys: dict[Key, bytes] = {"mine": bytes([i]) * 32, "next": bytes([(i + 1) % PARTIES]) * 32, "own": b"o" * 32}
        x = [_operand(i, each, value) for each, value in zip(operands, values, strict=True)]
        party = ComputeParty(i, PLAYED, keys, b"rehearsal")
        party.products = [] if checked else None
        parts[name] = part(party, x)
    played: Played = play(parts)
    p0, p1, p2 = (played.sent[name] for name in PLAYED)
    return Line(played.outputs[PLAYED[0]].type, played.rounds, (p0, p1, p2))


def _operand(i: int, given: Rehearsed, value: NDArray[np.float64]) -> Operand:
    """What P_i has of it: of a secret its shares of a value that everybody knows."""
    if isinstance(given, Constant):
        return np.full(value.shape, given.number)
    encoded = RingArray.quantised(given.type.ring, value, given.type.scale)
    return Fixed(Replicated.public(i, encoded), given.type)


def _shared(x: Rehearsed) -> Shared:
    if not isinstance(x, Shared):
        raise TypeError("an output is public")
    return x


def _fixed(x: Operand) -> Fixed:
    if not isinstance(x, Fixed):
        raise TypeError("an output is public")
    return x
