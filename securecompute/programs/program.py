"""A program: numbered nodes, each an input, a constant or an operation on earlier nodes; and what is revealed to whom.

    [["input", [], {...}], ["gram", [0], {}], ...],   outputs [[node, receiver], ...]

It is data, never code: the operations are names from the closed catalogue, and whoever receives a program checks it,
derives every type from it, and can hash it. Two programs that do the same in other words are different programs.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from math import inf, isfinite, prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from securecompute.arithmetic.rings import Ring
from securecompute.engine.rounds import Party
from securecompute.errors import InvalidRequest
from securecompute.programs import attributes
from securecompute.programs.catalogue import find
from securecompute.programs.linkages import ORDER, TAG, Linkage, check_compared, check_source, linked
from securecompute.programs.matching import Arrange, Match
from securecompute.programs.operation import ValueType
from securecompute.programs.sketches import check_cells, sketched, sketched_side
from securecompute.programs.unidentified import MOST_RECORDS, keys_and_cohort, unidentified

MOST_NODES, MOST_LINKAGES = 10_000, 64
MOST_CONSTANT_BYTES = 1 << 26
INPUT, CONSTANT = "input", "constant"


@dataclass(frozen=True, slots=True)
class Input:
    """An institution's own numbers, and what is public about them.

    owner     who holds them
    source    what its software finds them by: plain data, see `institution`
    bound     largest magnitude; the owner refuses numbers beyond it
    integer   whole numbers
    wide      shared in Z_2^128
    norms     largest 2-norms of rows and columns, where the owner is to check them
    least     smallest number, likewise
    words     words of a linkage, uniform in the ring, of which no bound says anything
    """

    owner: Party
    source: dict[str, Any]
    shape: tuple[int, ...]
    bound: float
    integer: bool = False
    wide: bool = False
    norms: tuple[float, float] | None = None
    least: float | None = None
    words: bool = False

    def __post_init__(self) -> None:
        attributes.shape(list(self.shape))
        numbers = (self.bound, *(self.norms or ()))
        if not all(isinstance(each, float) and isfinite(each) and each >= 0 for each in numbers):
            raise InvalidRequest("the bound of a secret is a finite number of 0 or more")
        if self.least is not None and not (isinstance(self.least, float) and abs(self.least) <= self.bound):
            raise InvalidRequest("the least of a secret is a number within its bound")

    def to_plain(self) -> dict[str, Any]:
        """Plain data."""
        norms = None if self.norms is None else list(self.norms)
        return {
            "owner": self.owner,
            "source": self.source,
            "shape": list(self.shape),
            "bound": self.bound,
            "integer": self.integer,
            "wide": self.wide,
            "norms": norms,
            "least": self.least,
            "words": self.words,
        }

    @classmethod
    def from_plain(cls, plain: Any) -> "Input":
        """The inverse of `to_plain`, of data that somebody else chose. raises InvalidRequest."""
        fields = ("owner", "source", "shape", "bound", "integer", "wide", "norms", "least", "words")
        if not isinstance(plain, dict) or set(plain) != set(fields) or not isinstance(plain["source"], dict):
            raise InvalidRequest(f"an input has the fields {', '.join(fields)}")
        norms = plain["norms"]
        flags = plain["integer"], plain["wide"], plain["words"]
        if not all(type(flag) is bool for flag in flags) or type(plain["owner"]) is not str:
            raise InvalidRequest("an input's owner is a name; integer, wide and words are true or false")
        if norms is not None and (not isinstance(norms, list) or len(norms) != 2):
            raise InvalidRequest("an input's norms are two numbers, of rows and of columns")
        shape = attributes.shape(plain["shape"])
        pair = None if norms is None else (norms[0], norms[1])
        least, (integer, wide, words) = plain["least"], flags
        return cls(plain["owner"], plain["source"], shape, plain["bound"], integer, wide, pair, least, words)

    @property
    def type(self) -> ValueType:
        """Of the value."""
        ring = Ring.Z128 if self.wide else Ring.Z64
        least, bound = -inf if self.least is None else self.least, max(self.bound, 2.0**-30)
        return ValueType(self.shape, bound, self.integer, ring=ring, norms=self.norms, least=least, words=self.words)


@dataclass(frozen=True, slots=True)
class Node:
    """One line of a program. value: of an input its `Input`, of a constant float64 numbers, else None."""

    operation: str
    inputs: tuple[int, ...]
    attributes: dict[str, Any]
    value: Input | NDArray[np.float64] | None = None

    @classmethod
    def constant(cls, value: NDArray[np.float64]) -> "Node":
        """Public numbers. raises InvalidRequest: not finite, or too many."""
        value = np.asarray(value, np.float64, order="C")
        if not np.isfinite(value).all() or value.nbytes > MOST_CONSTANT_BYTES or value.ndim > attributes.MAX_AXES:
            raise InvalidRequest("public numbers in a program are finite, and at most 64 MB of them")
        return cls(CONSTANT, (), {}, value)

    def to_plain(self) -> list[Any]:
        """Plain data."""
        if isinstance(self.value, Input):
            return [INPUT, [], self.value.to_plain()]
        if self.value is not None:
            words = self.value.astype("<f8").tobytes()
            return [CONSTANT, [], {"shape": list(self.value.shape), "numbers": words}]
        return [self.operation, list(self.inputs), self.attributes]

    @classmethod
    def from_plain(cls, plain: Any, number: int) -> "Node":
        """The inverse of `to_plain`, for the node of this number. raises InvalidRequest."""
        if not isinstance(plain, list) or len(plain) != 3 or not isinstance(plain[2], dict):
            raise InvalidRequest("a line of a program is [operation, inputs, attributes]")
        name, inputs, given = plain
        if not isinstance(inputs, list) or not all(type(k) is int and 0 <= k < number for k in inputs):
            raise InvalidRequest(f"line {number} of a program uses a line that does not come before it")
        if name == INPUT:
            return cls(INPUT, (), {}, Input.from_plain(given))
        if name == CONSTANT:
            return cls._received_constant(given)
        operation = find(name)
        if operation.arity != len(inputs) and (operation.arity is not None or not inputs):
            raise InvalidRequest(f"{name} takes {operation.arity} inputs, not {len(inputs)}")
        if set(given) != set(operation.attributes):
            raise InvalidRequest(f"{name} has the attributes {', '.join(operation.attributes) or 'none'}")
        for key, value in given.items():
            operation.attributes[key](value)
        return cls(name, tuple(inputs), given)

    @classmethod
    def _received_constant(cls, given: dict[str, Any]) -> "Node":
        if set(given) != {"shape", "numbers"} or not isinstance(given["numbers"], bytes):
            raise InvalidRequest("a constant has a shape and numbers")
        shape = attributes.shape(given["shape"])
        if len(given["numbers"]) != 8 * prod(shape):
            raise InvalidRequest("a constant's numbers do not fill its shape")
        return cls.constant(np.frombuffer(given["numbers"], "<f8").astype(np.float64).reshape(shape))


@dataclass(frozen=True)
class Program:
    """Nodes in order, and outputs as (node, receiver).

    checked   its products of secret matrices are checked before anything is revealed (`checked_products`)
    linkages  whose records are matched with whose, before the first line
    raises    InvalidRequest  no output, a node out of order, shapes that do not match, a result that is public
    """

    nodes: tuple[Node, ...]
    outputs: tuple[tuple[int, Party], ...]
    checked: bool = False
    linkages: tuple[Linkage, ...] = ()

    def __post_init__(self) -> None:
        if not self.outputs or len(self.nodes) > MOST_NODES:
            raise InvalidRequest(f"a program reveals something and has at most {MOST_NODES} lines")
        for node, _ in self.outputs:
            if self.types[node].public:
                raise InvalidRequest("a result that is public needs no program; compute it with numpy")
            if self.types[node].words:
                raise InvalidRequest("words of a linkage mean nothing by themselves; match them, or fetch by a match")
        self._check_linkages()

    def _check_linkages(self) -> None:
        """Words go to lines that take them, each to one; and inputs are such as their linkage gives."""
        if len(self.linkages) > MOST_LINKAGES:
            raise InvalidRequest(f"a program has at most {MOST_LINKAGES} linkages")
        check_compared(self.linkages)
        for uses, node, type_ in zip(self.consumers(), self.nodes, self.types, strict=True):
            if type_.words and len(uses) != 1:
                raise InvalidRequest("words of a linkage go into one line")
            if node.value is None and find(node.operation).takes_words:
                self._check_words(node)
            if not isinstance(node.value, Input):
                continue
            declared, number = node.value, linked(node.value.source)
            if sketched(declared.source):
                _check_sketch(declared)
            elif unidentified(declared.source):
                _check_unidentified(declared)
            elif number is None and declared.words:
                raise InvalidRequest("words come of a linkage; it is not named")
            elif number is not None:
                if not 0 <= number < len(self.linkages):
                    raise InvalidRequest(f"there is no linkage {number} in the program")
                check_source(declared.source, declared.owner, declared.shape, declared.words, self.linkages[number])

    def _check_words(self, node: Node) -> None:
        """The leader's words and the partner's are of one pair and one word, and a match is of the same pair."""
        values = [self.nodes[k].value for k in node.inputs]
        if node.operation == Arrange.name:
            self._check_order(values[0], self.nodes[node.inputs[1]])
            return
        leaders, partners = (each for each in values if isinstance(each, Input) and each.words)
        source = leaders.source
        if partners.source != source or leaders.owner == partners.owner or partners.owner != source.get("partner"):
            raise InvalidRequest(f"{node.operation} takes a leader's and its partner's words, of one linkage and word")
        if (node.operation == Match.name) != (source.get("word") == TAG):
            raise InvalidRequest(f"{node.operation} does not take the word {source.get('word')!r} of a linkage")
        if node.operation != Match.name:
            match = self.nodes[node.inputs[0]]
            tags = self.nodes[match.inputs[0]].value if match.operation == Match.name else None
            if not isinstance(tags, Input) or tags.source != source | {"word": TAG}:
                raise InvalidRequest(f"{node.operation} takes the match of the same institutions first")

    def _check_order(self, order: object, match: Node) -> None:
        """The order of the bins is of the linkage that the match is of."""
        tags = self.nodes[match.inputs[0]].value if match.operation == Match.name else None
        source = order.source if isinstance(order, Input) else {}
        if source.get("word") != ORDER or not isinstance(tags, Input) or linked(tags.source) != linked(source):
            raise InvalidRequest("arrange takes the order of a linkage, and a match of the same one")

    def to_plain(self) -> dict[str, Any]:
        """Plain data."""
        return {
            "nodes": [node.to_plain() for node in self.nodes],
            "outputs": [[node, receiver] for node, receiver in self.outputs],
            "checked": self.checked,
            "linkages": [linkage.to_plain() for linkage in self.linkages],
        }

    @classmethod
    def from_plain(cls, plain: Any) -> "Program":
        """The inverse of `to_plain`, of data that somebody else chose. raises InvalidRequest."""
        fields = {"nodes", "outputs", "checked", "linkages"}
        if not isinstance(plain, dict) or set(plain) != fields or not isinstance(plain["nodes"], list):
            raise InvalidRequest("a program has nodes, outputs and linkages, and is checked or not")
        if type(plain["checked"]) is not bool:
            raise InvalidRequest("whether a program is checked is true or false")
        if len(plain["nodes"]) > MOST_NODES or not isinstance(plain["outputs"], list):
            raise InvalidRequest(f"a program has at most {MOST_NODES} lines")
        nodes = tuple(Node.from_plain(each, number) for number, each in enumerate(plain["nodes"]))
        outputs = []
        for pair in plain["outputs"]:
            if not isinstance(pair, list) or len(pair) != 2 or type(pair[0]) is not int or type(pair[1]) is not str:
                raise InvalidRequest("an output is [node, receiver]")
            if not 0 <= pair[0] < len(nodes):
                raise InvalidRequest("an output names a line that is not there")
            outputs.append((pair[0], pair[1]))
        if not isinstance(plain["linkages"], list):
            raise InvalidRequest("a program's linkages are a list")
        linkages = tuple(Linkage.from_plain(each) for each in plain["linkages"])
        return cls(nodes, tuple(outputs), plain["checked"], linkages)

    @cached_property
    def types(self) -> tuple[ValueType, ...]:
        """Of every node. raises InvalidRequest: shapes that do not match."""
        types: list[ValueType] = []
        for node in self.nodes:
            if isinstance(node.value, Input):
                types.append(node.value.type)
            elif node.value is not None:
                types.append(constant_type(node.value))
            else:
                operands = [types[k] for k in node.inputs]
                operation = find(node.operation)
                if all(each.public for each in operands):
                    raise InvalidRequest(f"{node.operation} of public numbers alone; compute it before, with numpy")
                if any(each.words for each in operands) and not operation.takes_words:
                    raise InvalidRequest(f"{node.operation} does not take words of a linkage; match and fetch do")
                types.append(operation.result(operands, node.attributes))
        return tuple(types)

    @property
    def inputs(self) -> dict[int, Input]:
        """Node -> input."""
        return {k: node.value for k, node in enumerate(self.nodes) if isinstance(node.value, Input)}

    @property
    def owners(self) -> tuple[Party, ...]:
        """Whose numbers are used, sorted."""
        return tuple(sorted({each.owner for each in self.inputs.values()}))

    @property
    def receivers(self) -> tuple[Party, ...]:
        """To whom something is revealed, sorted."""
        return tuple(sorted({receiver for _, receiver in self.outputs}))

    def consumers(self) -> list[list[tuple[int, int]]]:
        """For each node, (consumer, position) of its uses."""
        uses: list[list[tuple[int, int]]] = [[] for _ in self.nodes]
        for number, node in enumerate(self.nodes):
            for position, used in enumerate(node.inputs):
                uses[used].append((number, position))
        return uses


def _check_sketch(declared: Input) -> None:
    """A sketch has cells of 0 and 1, and says whose patients leave marks in them. raises InvalidRequest."""
    sketched_side(declared.source, declared.owner)
    check_cells(declared.shape[0] if len(declared.shape) == 1 else None)
    if declared != Input(declared.owner, declared.source, declared.shape, 1.0, True, least=0.0):
        raise InvalidRequest("the cells of a sketch are declared as whole numbers from 0 to 1")


def _check_unidentified(declared: Input) -> None:
    """How many records lack all keys: one number, whose bound says nothing of them. raises InvalidRequest."""
    keys_and_cohort(declared.source)
    if declared != Input(declared.owner, declared.source, (1,), float(MOST_RECORDS), True, least=0.0):
        raise InvalidRequest(f"records without a key are declared as one whole number from 0 to {MOST_RECORDS}")


def constant_type(value: NDArray[np.float64]) -> ValueType:
    """Of public numbers."""
    whole = bool((value == np.rint(value)).all())
    largest, least = float(np.abs(value).max(initial=0.0)), float(value.min(initial=inf))
    return ValueType(value.shape, largest, whole, public=True, least=least)


def nodes_used(nodes: Sequence[Node], outputs: Sequence[int]) -> list[int]:
    """The nodes that these outputs need, in order."""
    needed, waiting = set(), list(outputs)
    while waiting:
        node = waiting.pop()
        if node not in needed:
            needed.add(node)
            waiting.extend(nodes[node].inputs)
    return sorted(needed)
