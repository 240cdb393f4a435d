"""An institution's own side of linkages: which of its records take part, and what they bring along.

    records of the cohort with a value in every column, one for each identifier: its first
    padded with random identifiers to the declared number, which is what the others learn of how many there are

The declared number is of all the institution's records, whatever the cohort: one that followed the cohort would step at
a single person, and so tell whoever tries cohorts whether that person is in them.

A linkage's key has the same fields, kinds and forms at all institutions; which, is asked before anything is proposed.
"""

import hashlib
import hmac
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, cast

import numpy as np
from numpy.typing import NDArray

from securecompute.arithmetic.fixed_types import FixedType
from securecompute.arithmetic.ring_arrays import RingArray
from securecompute.arithmetic.rings import Ring
from securecompute.disclosure.exposure import NONE
from securecompute.disclosure.rules import ARRAYS, COUNTS, LINKED_FOR, LISTS, Rules
from securecompute.engine.rounds import Part, Party
from securecompute.errors import DisclosureRefused, EncodingOverflow, InvalidRequest, PeerMisbehaved
from securecompute.patients.catalogue import CATALOGUE
from securecompute.patients.keys import is_key
from securecompute.primitives.cuckoo import MOST
from securecompute.primitives.masks import KEY_BYTES, Reader
from securecompute.primitives.randomness import Randomness
from securecompute.program_manifest import ProgramManifest, columns_used
from securecompute.programs.linkages import (
    CELLS,
    ORDER,
    TAG,
    TOTALS,
    Brought,
    Linkage,
    Parts,
    Placed,
    Side,
    in_order,
    linked,
)
from securecompute.programs.matching import Fetch, fetched_scale
from securecompute.programs.plan import Plan
from securecompute.programs.program import Input
from securecompute.protocols.intersection import circuit
from securecompute.records.dictionary import Dictionary
from securecompute.records.identifiers import Identifiers, Report, read_identifiers
from securecompute.records.key_types import AnyOrder, Field, KeyType
from securecompute.records.numeric import declared_range, numbers
from securecompute.records.rows import Rows
from securecompute.records.sources import Records
from securecompute.values import Plain

INTERSECT: Final = "intersect"  # what the rule 'analyses' calls lists
FEWEST = 64  # that a declared number says at least
_STEPS = 8  # between a power of two and the next
_ANALYSES: Final = {COUNTS: tuple(CATALOGUE), ARRAYS: ("linkage",), LISTS: (INTERSECT,)}  # as the rule lists them


@dataclass(frozen=True, slots=True, repr=False)
class Own:
    """What an institution brings into one linkage.

    ids      uint64 (declared number, 2), random ones after the true ones
    columns  what is brought -> float64, a number for each true one, in their order
    true     how many are true
    which    SHA-256 of which records these are
    rows     the records that were looked at, and taken their places among them
    patients of a leader in a linkage by one of several keys: int64 (true,), the number of the patient of each true one
    report   of a linkage by one key: what became of the records, for the institution itself
    """

    ids: Plain
    columns: Mapping[Brought, NDArray[np.float64]]
    true: int
    which: bytes
    rows: Rows
    taken: NDArray[np.int64]
    patients: NDArray[np.int64] | None = None
    report: Report = field(default_factory=Report)


def padded(n: int) -> int:
    """The public number for n records: at least 64, and at most an eighth more than n."""
    least = max(n, FEWEST)
    step = (1 << (least.bit_length() - 1)) // _STEPS
    return -(-least // step) * step


def key_of(parts: Parts) -> KeyType:
    """The key type of a linkage; an empty kind is not told yet. raises InvalidRequest: no such kind or form"""
    fields = [
        [Field(column, cast(Any, form), cast(Any, kind or None)) for column, kind, form in part] for part in parts
    ]
    return KeyType(tuple(part[0] if len(part) == 1 else AnyOrder(*part) for part in fields))


def parts_of(key_type: KeyType) -> Parts:
    """The key type as a linkage names it. raises InvalidRequest: a kind is not told"""
    key_type.label()
    return tuple(tuple((field.column, str(field.kind), field.form) for field in group) for group in key_type.groups)


def own_side(records: Records, on: Parts, side: Side, min_cell: int, randomness: Randomness) -> Own:
    """What an institution brings into a linkage. Run by the institution.

    raises   InvalidRequest     no such column or cohort, or another number of records is declared than was told
             DisclosureRefused  fewer records than `min_cell`
    """
    found, columns, rows = _entries(records, key_of(on), side.where, side.columns, min_cell)
    check_number(side, identified(records, key_of(on)))
    which = hashlib.sha256(np.sort(rows.places[found.rows]).tobytes()).digest()
    ids = with_spare(found.ids, side.records, randomness)
    return Own(ids, columns, len(found.ids), which, rows, found.rows, report=found.report)


def check_number(side: Side, records: int) -> None:
    """Return if as many records are declared as were told. raises InvalidRequest"""
    if side.records != padded(records):
        raise InvalidRequest(f"a linkage declares another number of records than '{side.party}' told; ask anew")


def identified(records: Records, key_type: KeyType, found: Identifiers | None = None) -> int:
    """How many different identifiers all of an institution's records have, by a key whose kinds are told.

    found   the identifiers, where they have been read
    """
    return records.counted(
        key_type.label(), lambda: len((read_identifiers(records, key_type) if found is None else found).ids)
    )


def with_spare(ids: NDArray[np.uint64], number: int, randomness: Randomness) -> Plain:
    """Identifiers, and random ones after them: uint64 (number, 2)."""
    spare = Reader(randomness.bytes(KEY_BYTES)).words(2 * (number - len(ids))).reshape(-1, 2)
    return Plain(np.concatenate([ids, spare]))


def fingerprint(own: Own, key: bytes) -> str:
    """A name for the true identifiers of a side, which says nothing of them to who lacks the key."""
    return hmac.new(key, own.ids.elements[: own.true].tobytes(), "sha256").hexdigest()


def declared_number(records: Records, asked: Any, rules: Rules) -> dict[str, Any]:
    """How many records could take part, as others may know it, and the key with the kinds of its fields.

    asked    on, where and columns of a linkage, and its purpose
    raises   InvalidRequest     as `own_side`
             DisclosureRefused  a rule does not allow the purpose, or a column of the key or cohort; as `own_side`
    """
    side = Side.from_plain(["", asked.get("where"), 1, asked.get("columns", [])])
    key_type = key_of(Linkage.fields_from(asked.get("on")))
    purpose = asked.get("purpose")
    if purpose not in LINKED_FOR[1:]:
        raise InvalidRequest(f"records are linked for one of {', '.join(LINKED_FOR[1:])}, not {purpose!r}")
    permits_measuring(rules, purpose)
    cohort = columns_used({"columns": list(side.columns), "where": side.where}, records.dictionary)
    rules.permits_key("linkage", key_type.columns)
    rules.permits_columns("linkage", cohort)
    fewest = rules.min_cell if purpose == ARRAYS else 0  # else empty is an answer as any other
    found, _, rows = _entries(records, key_type, side.where, side.columns, fewest)
    all_of_them = found if rows.n == records.n else None
    number = padded(identified(records, found.key_type, all_of_them))
    return {"records": number, "on": [[list(f) for f in part] for part in parts_of(found.key_type)]}


def told_by(name: Party, answer: Any, asked: Sequence[KeyType], several: bool = False) -> Any:
    """What an institution answers of its side of linkages, if that is of the key that it was asked about.

    several  it was asked about keys
    raises   PeerMisbehaved  it is something else
             InvalidRequest  a field has another form
    """
    plain = answer if isinstance(answer, Mapping) else {}
    told = plain.get("keys") if several else [plain.get("on")]
    known = type(plain.get("records")) is int and 1 <= plain["records"] <= MOST
    counted = known and isinstance(told, list) and len(told) == len(asked)
    if not counted or not all(
        is_key(Linkage.fields_from(one), key) for one, key in zip(told or (), asked, strict=True)
    ):
        raise PeerMisbehaved(
            f"'{name}' answers something else than how many records would be linked, and by which fields. Ask its "
            "steward which version it runs"
        )
    return plain


def permits_measuring(rules: Rules, purpose: str) -> None:
    """Return if some analysis that records would be linked for, for this purpose, may be asked of them.

    raises   DisclosureRefused  naming the rule
    """
    rules.permits_linkage(purpose)
    names = _ANALYSES[purpose]
    if rules.analyses is not None and not set(names) & set(rules.analyses):
        rules.permits(names[0] if len(names) == 1 else "counts of linked patients", ())
    if purpose == ARRAYS and rules.arrays == NONE:
        raise DisclosureRefused("rule 'arrays': no program may be run on records; ask a question of the catalogue")


def _entries(
    records: Records, key_type: KeyType, where: str | None, brought: tuple[Brought, ...], min_cell: int
) -> tuple[Identifiers, dict[Brought, NDArray[np.float64]], Rows]:
    rows = records.select(where)
    columns = {each: _column(rows, records.dictionary, each) for each in brought}
    complete = np.logical_and.reduce([np.ones(rows.n, np.bool_), *(present for _, present in columns.values())])
    chosen = rows.those(complete)
    found = read_identifiers(chosen, key_type)
    if len(found.ids) < min_cell:
        raise DisclosureRefused("rule 'min_cell': too few records with a key are in the cohort; choose a larger one")
    taken = {each: values[complete][found.rows] for each, (values, _) in columns.items()}
    return found, taken, chosen


def _column(rows: Rows, dictionary: Dictionary, brought: Brought) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Numbers, and where they are known: of a category they always are."""
    if isinstance(brought, str):
        return numbers(rows, dictionary, brought)
    name, category = brought
    categories = _categories(name, dictionary)
    if category not in categories:
        raise InvalidRequest(f"column '{name}' has no category {category!r}")
    return (rows.codes(name) == categories.index(category)).astype(np.float64), np.ones(rows.n, np.bool_)


def own_input(own: Own, plan: Plan, node: int, side: Side, dictionary: Dictionary) -> Plain:
    """An institution's own numbers in a linkage, encoded as the plan says.

    A row for each of its records, zeros for those that pad; or the totals of such rows.

    raises   InvalidRequest    columns that it does not bring, or cells of another number
             EncodingOverflow  a number is beyond the declared bound
    """
    declared, type_ = plan.program.inputs[node], plan.input_type(node)
    source = declared.source
    _check_declared(declared, side)
    if TOTALS in source:
        return _encoded(_as_declared(cells(own, source[TOTALS], dictionary).sum(axis=0), declared.shape), type_)
    if CELLS in source:
        values = _as_declared(cells(own, source[CELLS], dictionary), (own.true, *declared.shape[1:]))
    elif isinstance(names := source.get("columns"), str):
        values = own.columns[_brought(names, side)]
    else:
        values = np.column_stack([own.columns[_brought(name, side)] for name in names or ()])
    padding = np.zeros((side.records - own.true, *values.shape[1:]))
    return _encoded(np.concatenate([values, padding]), type_)


def width(names: Sequence[str], dictionary: Dictionary) -> int:
    """How many cells `cells` gives for each record. raises InvalidRequest: a column is not categorical"""
    if not names:
        return 1
    return int(np.prod([len(_categories(name, dictionary)) for name in names])) + len(names)


def cells(own: Own, names: Sequence[str], dictionary: Dictionary) -> NDArray[np.float64]:
    """For each record a row of zeros and a one: its combination of categories, the last column's running fastest.

    A record without a value in some column has a one for each such column instead, after the combinations. Without
    columns, each record has a single one.

    returns  float64 (records, `width`)
    """
    if not names:
        return np.ones((own.true, 1))
    codes = [own.rows.codes(name)[own.taken] for name in names]
    lengths = [len(_categories(name, dictionary)) for name in names]
    found = np.zeros((own.true, width(names, dictionary)))
    known = np.logical_and.reduce([each >= 0 for each in codes])
    combined = np.ravel_multi_index([each[known] for each in codes], lengths)
    found[np.flatnonzero(known), combined] = 1
    for k, each in enumerate(codes):
        found[:, k - len(names)] = each < 0
    return found


def conversation(me: Party, manifest: ProgramManifest, number: int, own: Own, randomness: Randomness) -> Part[Placed]:
    """This institution's part in one linkage. raises as `circuit`."""
    linkage = manifest.program.linkages[number]
    agreed = linkage.agreed(manifest.session, number)
    if me == linkage.leader.party:
        led = yield from circuit.lead(agreed, own.ids, randomness)
        words: dict[tuple[Party, str | int], NDArray[np.uint64]] = {}
        for partner, half in zip(agreed.partners, led.halves, strict=True):
            words |= _words(partner.name, half)
        if own.patients is not None:
            words[me, ORDER] = in_order(led.rows, own.patients)
        return Placed(words, led.rows)
    columns = _fetched(manifest.plan, number, linkage.sides[me], own)
    half = yield from circuit.assist(agreed, me, own.ids, columns, randomness)
    return Placed(_words(me, half))


def _words(partner: Party, half: circuit.Half) -> dict[tuple[Party, str | int], NDArray[np.uint64]]:
    words: dict[tuple[Party, str | int], NDArray[np.uint64]] = {(partner, TAG): half.tags.words}
    return words | {(partner, c): column for c, column in enumerate(half.columns.words)}


def check_fetched(dictionary: Dictionary, plan: Plan, number: int, side: Side, own: Own) -> None:
    """Hold what a program fetches of a partner against the dictionary, and encode it, before the session.

    raises   InvalidRequest    a column is declared with a narrower range than the dictionary's, or whole
             EncodingOverflow  a number is beyond the declared bound
    """
    for c, each in enumerate(side.columns):
        whole, _, most = declared_range(dictionary, [each]) if isinstance(each, str) else (True, 0.0, 1.0)
        for type_ in _fetch_types(plan, number, side.party, c):
            if type_.bound < most or (type_.scale == 0 and not whole):
                raise InvalidRequest(f"column '{each}' is fetched with the dictionary's range, up to {most:g}")
            _encoded(own.columns[each], type_)


def _fetched(plan: Plan, number: int, side: Side, own: Own) -> Plain:
    """A partner's columns as the program fetches them: uint64 (columns, declared number)."""
    encoded = np.zeros((len(side.columns), side.records), np.uint64)
    for c, name in enumerate(side.columns):
        for type_ in _fetch_types(plan, number, side.party, c):
            encoded[c, : own.true] = _encoded(own.columns[name], type_).elements
    return Plain(encoded)


def _fetch_types(plan: Plan, number: int, partner: Party, column: int) -> list[FixedType]:
    """How a word is encoded: as the one line wants it that fetches it, if one does."""
    types = []
    for k, node in enumerate(plan.program.nodes):
        if node.operation == Fetch.name:
            source = cast(Input, plan.program.nodes[node.inputs[1]].value).source
            if (linked(source), source["partner"], source["word"]) == (number, partner, column):
                site = plan.sites[k]
                types.append(FixedType(Ring.Z64, fetched_scale(site), site.result.bound))
    if len(types) > 1:
        raise InvalidRequest(f"two lines of a program fetch one column of '{partner}'; fetch it once")
    return types


def _brought(name: Any, side: Side) -> str:
    if name not in side.columns:
        raise InvalidRequest(f"'{side.party}' does not bring {name!r} into the linkage")
    return str(name)


def _categories(name: str, dictionary: Dictionary) -> tuple[str, ...]:
    categories = dictionary.column(name).categories
    if categories is None:
        raise InvalidRequest(f"column '{name}' is not categorical; cells are combinations of categories")
    return categories


def _check_declared(declared: Input, side: Side) -> None:
    """Narrower cells would be refused or not as the records are, and bounds tried in turn would count them."""
    most = {CELLS: 1, TOTALS: side.records}.get(next(iter(set(declared.source) - {"linkage"})), 0)
    if declared.wide:
        raise InvalidRequest("numbers of a linkage are of 64 bits, not wide")
    if most and (declared.bound < most or declared.norms is not None or (declared.least or 0) > 0):
        raise InvalidRequest("cells of a linkage are declared from 0 to 1, totals from 0 to the side's declared number")


def _as_declared(x: NDArray[np.float64], shape: tuple[int, ...]) -> NDArray[np.float64]:
    if x.shape != shape:
        raise InvalidRequest("the cells of a linkage are declared with another shape than their columns make")
    return x


def _encoded(x: NDArray[np.float64], type_: FixedType) -> Plain:
    if np.abs(x).max(initial=0.0) > type_.bound:
        raise EncodingOverflow(f"a number is beyond the declared bound {type_.bound:g}; declare a larger one")
    return Plain(RingArray.quantised(type_.ring, x, type_.scale).words)
