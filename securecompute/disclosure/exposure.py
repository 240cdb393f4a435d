"""Which programs an institution lets its records into: a rule on what a program shows, read off its lines.

A value keeps track of its record axes, the axes along which its numbers are an institution's single records. With the
rule `arrays` at "aggregates", what is shown

    has no record axis, unless its receiver is the institution whose records they are;
    has not picked records: no index or public weights along a record axis, no comparison, choice or order of records;
    is at most one number for every `min_cell` records that went into it;

and what a line opens to everybody has not picked records either, whether or not its result is shown; that fewer records
match than some number is opened of no number below `min_cell`. Numbers that the researcher gave an institution to hold
count as public: whoever asks knows them. An array that a program showed to an institution counts as single records,
whatever it is.

Promised   What is shown depends on all records of an input alike, up to their own values.
Not promised   Privacy of what is shown. A function that grows fast enough singles out the largest record; numbers that
           another institution invents can be weights; two programs over cohorts that differ by one patient can be
           subtracted. "any" switches the rule off, "none" refuses every program.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from securecompute.engine.rounds import Party
from securecompute.errors import DisclosureRefused
from securecompute.programs.catalogue import find
from securecompute.programs.linkages import linked
from securecompute.programs.matching import Enough, Fetch, Match
from securecompute.programs.operation import ValueType
from securecompute.programs.program import Input, Node, Program
from securecompute.programs.sketches import sketched
from securecompute.programs.unidentified import unidentified

AGGREGATES, ANY, NONE = "aggregates", "any", "none"
LEVELS = (AGGREGATES, ANY, NONE)

_CONTRACTING = ("matmul", "gram")
_ARRANGING = ("transpose", "index", "reshape", "sum", "concatenate", "stack")
_LINE_BY_LINE = (
    "add",
    "subtract",
    "negate",
    "multiply",
    "divide",
    "reciprocal",
    "sqrt",
    "rsqrt",
    "exp",
    "log",
    "widen",
    "shrink",
    Match.name,
    Enough.name,
    Fetch.name,
)
_SMOOTH = ("sigmoid", "tanh", "softmax")
_WHOLE = ("solve", "inverse", "cholesky", "eigh")


@dataclass(frozen=True, slots=True)
class Trace:
    """What a value has of one institution's records.

    records   axes along which it holds single records
    picked    how records were picked on the way, if they were
    touched   whether it depends on them at all
    """

    records: frozenset[int] = frozenset()
    picked: str = ""
    touched: bool = False


@dataclass(frozen=True, slots=True)
class Value:
    """A line as the rule sees it: its type, its trace, and the axes along which it depends on public numbers.

    placed   what is computed of public numbers is followed as records are: added to a secret, they are weights still
    """

    type: ValueType
    placed: frozenset[int]
    trace: Trace = field(default_factory=Trace)


def permit(program: Program, owner: Party, level: str, min_cell: int) -> None:
    """Return if this institution's rules let its records into the program. Run by the institution.

    raises   DisclosureRefused  naming the rule and the line
    """
    own = {k: each for k, each in program.inputs.items() if _holds(program, each, owner)}
    if not own or level == ANY:
        return
    if level == NONE:
        raise DisclosureRefused("rule 'arrays': no program may be run on records; ask a question of the catalogue")
    values: list[Value] = []
    for k, node in enumerate(program.nodes):
        values.append(_value(node, k in own, [values[n] for n in node.inputs], program.types[k]))
        if 0 < (least := node.attributes.get("least", 0)) < min_cell and values[k].trace.touched:
            raise DisclosureRefused(
                f"rule 'min_cell': a program opens whether fewer than {least} records match, and {min_cell} is the "
                f"smallest cell; link with least={min_cell} or more, or leave least out"
            )
        opened = find(node.operation).opened(node.attributes) if node.value is None else ""
        if opened and (picked := values[k].trace.picked):
            raise DisclosureRefused(f"rule 'arrays': a program opens {opened}, and {picked}; use sums over all records")
    shown = 0
    for line, receiver in program.outputs:
        trace = values[line].trace
        if trace.picked:
            raise DisclosureRefused(
                f"rule 'arrays': a program shows what {trace.picked}; show sums over all records, choose records by a "
                "cohort, where=..., or ask the stewards for arrays='any'"
            )
        if trace.records and receiver != owner:
            raise DisclosureRefused(
                f"rule 'arrays': a program shows single records of '{owner}' to '{receiver}'; show sums over them"
            )
        shown += program.types[line].size if trace.touched and receiver != owner else 0
    fewest = min(_fewest(program, each) for each in own.values())
    if shown * min_cell > fewest:
        instead = f", or link with least={shown * min_cell} or more" if _linked_alone(own.values()) else ""
        raise DisclosureRefused(
            f"rule 'arrays': a program shows {shown} numbers, and one for every {min_cell} records of '{owner}' may be "
            f"shown; show fewer{instead}"
        )


def _of_records(source: Mapping[str, Any]) -> bool:
    """Columns of records, or what a program showed to their institution: such names say which session and output."""
    counted = linked(source) is not None or sketched(source) or unidentified(source)
    return "columns" in source or "/" in str(source.get("held")) or counted


def _holds(program: Program, declared: Input, owner: Party) -> bool:
    """Whether an input has this institution's records in it; words of a linkage are of both whose records it links."""
    if not _of_records(declared.source):
        return False
    number = linked(declared.source)
    leads = number is not None and declared.words and program.linkages[number].leader.party == owner
    return leads or owner in (declared.owner, declared.source.get("partner"))


def _linked_alone(inputs: Iterable[Input]) -> bool:
    """Whether a linkage's `least` says of how many records these are."""
    return all(linked(each.source) is not None for each in inputs)


def _fewest(program: Program, declared: Input) -> int:
    """Of how many records an input is at least: of a linkage, as many as its matches are refused below."""
    if sketched(declared.source) or unidentified(declared.source):  # of maybe nobody
        return 0
    number = linked(declared.source)
    if number is None:
        return declared.shape[0] if declared.shape else 1
    tags = {k for k, each in program.inputs.items() if each.words and linked(each.source) == number}
    matches = [node for node in program.nodes if node.operation == Match.name and node.inputs[0] in tags]
    return min((int(node.attributes["least"]) for node in matches), default=0)


def _value(node: Node, own: bool, x: Sequence[Value], type_: ValueType) -> Value:
    every = frozenset(axis for axis, length in enumerate(type_.shape) if length > 1)
    if isinstance(node.value, Input):
        one_axis = "columns" in node.value.source or linked(node.value.source) is not None
        axes = type_.shape[:1] if one_axis else type_.shape
        trace = Trace(frozenset(range(len(axes))), touched=True) if own else Trace()
        return Value(type_, frozenset() if _of_records(node.value.source) else every, trace)
    if node.value is not None:  # one number repeated weighs all records alike
        return Value(type_, frozenset() if (node.value == node.value.flat[:1]).all() else every)
    placed = _placed(node, x, type_, every)
    if not any(each.trace.touched for each in x):
        return Value(type_, placed)
    records, picked = _followed(node.operation, x, node.attributes, type_)
    if not picked and (_weighed(node.operation, x) or placed & records):
        picked = "weighs single records with public numbers"
    earlier = next((each.trace.picked for each in x if each.trace.picked), "")
    return Value(type_, placed, Trace(frozenset(records), earlier or picked, touched=True))


def _placed(node: Node, x: Sequence[Value], type_: ValueType, every: frozenset[int]) -> frozenset[int]:
    """The axes along which a result depends on public numbers; where it cannot be told, all of them."""
    placed, mixed = _followed(node.operation, [replace(v, trace=Trace(v.placed)) for v in x], node.attributes, type_)
    if mixed and node.operation != "index":
        return every
    if node.operation in ("stack", "concatenate"):  # which of them stands where is the researcher's choice
        joined = node.attributes["axis"]
        if node.operation == "stack" or not any(joined in v.trace.records for v in x):
            placed = placed | {joined}
    return frozenset(placed)


def _weighed(name: str, x: Sequence[Value]) -> bool:
    """Whether a sum of products runs along records of one factor and public numbers of the other."""
    if name not in _CONTRACTING:
        return False
    left, right = (x[0], x[0]) if name == "gram" else x
    inner = 0 if name == "gram" else len(left.type.shape) - 1
    records = inner in left.trace.records or 0 in right.trace.records
    return records and (inner in left.placed or 0 in right.placed)


def _followed(name: str, x: Sequence[Value], a: Mapping[str, Any], result: ValueType) -> tuple[set[int], str]:
    """The result's record axes, and how it picks records, if it does."""
    along = any(each.trace.records for each in x)
    if name in _CONTRACTING:
        return _contracted(name, x)
    if name in _ARRANGING:
        return _arranged(name, x, a)
    if name in _LINE_BY_LINE or name in _SMOOTH:
        return _aligned(x, result)
    if along and name not in _WHOLE:
        return set(), f"compares, chooses or orders single records ('{name}')"
    return set(), f"mixes single records ('{name}')" if along else ""


def _aligned(x: Sequence[Value], result: ValueType) -> tuple[set[int], str]:
    """Elementwise with broadcasting: axes are counted from the last."""
    axes: set[int] = set()
    for each in x:
        shift = len(result.shape) - len(each.type.shape)
        axes |= {axis + shift for axis in each.trace.records}
    return axes, ""


def _contracted(name: str, x: Sequence[Value]) -> tuple[set[int], str]:
    """Of `matmul`, the last axis of the left and the first of the right are summed over; of `gram`, the first."""
    if name == "gram":
        return ({0, 1} if 1 in x[0].trace.records else set()), ""
    left, right = x
    inner_left, inner_right = len(left.type.shape) - 1, 0
    axes = {axis for axis in left.trace.records if axis != inner_left}
    offset = len(left.type.shape) - 2
    axes |= {axis + offset for axis in right.trace.records if axis != inner_right}
    return axes, ""


def _arranged(name: str, x: Sequence[Value], a: Mapping[str, Any]) -> tuple[set[int], str]:
    records = set().union(*(each.trace.records for each in x))
    if name == "transpose":
        return {place for place, axis in enumerate(a["axes"]) if axis in records}, ""
    if name == "sum":
        kept = [axis for axis in range(len(x[0].type.shape)) if axis not in a["axes"]]
        return {place for place, axis in enumerate(kept) if axis in records}, ""
    if name == "stack":
        return {axis + (axis >= a["axis"]) for axis in records}, ""
    if name == "concatenate":
        return records, ""
    if name == "reshape":
        return _reshaped(x[0], tuple(a["shape"]), records)
    return _indexed(x[0], a["index"], records)


def _reshaped(x: Value, shape: tuple[int, ...], records: set[int]) -> tuple[set[int], str]:
    """Record axes stay apart only where the lengths before and after them are the same."""
    if not records:
        return set(), ""
    real = [length for length in x.type.shape if length != 1]
    if real == [length for length in shape if length != 1]:
        places = [place for place, length in enumerate(shape) if length != 1]
        before = [axis for axis, length in enumerate(x.type.shape) if length != 1]
        return {places[before.index(axis)] for axis in records if axis in before}, ""
    return set(range(len(shape))), "arranges single records anew"


def _indexed(x: Value, index: Sequence[Any], records: set[int]) -> tuple[set[int], str]:
    kept: set[int] = set()
    axis = place = 0
    picked = ""
    for entry in index:
        if isinstance(entry, list | tuple) and not entry:
            place += 1
            continue
        alone = isinstance(entry, int)
        if axis in records:
            if alone or range(x.type.shape[axis])[slice(*entry)] != range(x.type.shape[axis]):
                picked = "picks records by their position"
            kept |= set() if alone else {place}
        place += not alone
        axis += 1
    return kept | {place + k - axis for k in range(axis, len(x.type.shape)) if k in records}, picked
