"""A party's own side of programs on secret arrays: what it holds for them, what it brings in, and its part.

An institution's input is found by its source, plain data in a program:

    {"columns": [...], "where": cohort or None}    numeric columns of the records that have a value in each of them
    {"held": name}                                 an array that somebody gave it
    {"linkage": number, "columns": [...]}          what it brings as the leader of a linkage, see `linking`
    {"sketch": {...}}                              which cells its patients take, for a question about them
    {"without key": {...}}                         how many records tell no patient, for such a question

What a program shows to a party it keeps for itself: no request reads it, and no other program takes it in.
"""

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from securecompute.disclosure.exposure import ANY
from securecompute.disclosure.rules import Rules
from securecompute.engine.rounds import Part, Party
from securecompute.errors import DisclosureRefused, InvalidRequest
from securecompute.keyed_linking import own_keys
from securecompute.linking import (
    Own,
    check_fetched,
    check_number,
    conversation,
    identified,
    key_of,
    own_input,
    own_side,
)
from securecompute.list_manifest import IKNP, OPRF, STAR, VOLE
from securecompute.manifest import Enrolment
from securecompute.primitives.randomness import Randomness, SystemRandomness
from securecompute.program_manifest import ProgramManifest
from securecompute.programs.execution import encode_input, take_part
from securecompute.programs.linkages import linked
from securecompute.programs.program import Input
from securecompute.programs.rehearsal import rehearse
from securecompute.programs.sketches import sketched, sketched_side
from securecompute.programs.unidentified import keys_and_cohort, unidentified
from securecompute.protocols.intersection import circuit, iknp, opprf, vole
from securecompute.records.dictionary import Dictionary
from securecompute.records.identifiers import read_identifiers, without
from securecompute.records.numeric import declared_range, numbers
from securecompute.records.sketches import sketch
from securecompute.records.sources import Records
from securecompute.values import Plain

MOST_HELD_BYTES = 1 << 30


def pack(x: NDArray[np.float64]) -> list[Any]:
    """An array as plain data: shape, and little-endian float64."""
    return [list(x.shape), np.ascontiguousarray(x, "<f8").tobytes()]


def unpack(plain: Any) -> NDArray[np.float64]:
    """What `pack` made. raises InvalidRequest."""
    if not isinstance(plain, list | tuple) or len(plain) != 2 or not isinstance(plain[1], bytes):
        raise InvalidRequest("an array travels as [shape, bytes]")
    try:
        return np.frombuffer(plain[1], "<f8").astype(np.float64).reshape([int(length) for length in plain[0]])
    except (ValueError, TypeError):
        raise InvalidRequest("an array's bytes do not fill its shape") from None


def prepare(what: Any = None) -> None:
    """Load or compile kernels, once in a process, so that no session waits for them.

    what     "linkage", or the protocol of a list; None: of secret arrays
    raises   InvalidRequest  there are no such kernels
    """
    if what is None:
        from securecompute.arithmetic import harmonic_kernels, power_kernels, ring_products  # load the compiler

        for kernels in (ring_products, harmonic_kernels, power_kernels):
            kernels.warm()
        return
    if not isinstance(what, str) or what not in _WARM:
        raise InvalidRequest(f"there are no kernels for {what!r} to prepare")
    _WARM[what]()


def _warm_lookup() -> None:
    from securecompute.arithmetic import lookup  # loads the compiler

    lookup.warm()


_WARM: Mapping[str, Callable[[], None]] = {
    "linkage": circuit.warm,
    VOLE: vole.warm,
    IKNP: iknp.warm,
    STAR: opprf.warm,
    OPRF: _warm_lookup,
}


class Holdings:
    """Arrays that a party keeps by name, beside its records."""

    __slots__ = ("_arrays", "_bytes")

    def __init__(self) -> None:
        self._arrays: dict[str, NDArray[np.float64]] = {}
        self._bytes = 0

    def keep(self, x: NDArray[np.float64], name: str = "") -> str:
        """Keep it; the name is of its contents unless given. raises InvalidRequest: too much is held already."""
        name = name or hashlib.sha256(repr(x.shape).encode() + x.tobytes()).hexdigest()[:16]
        if name not in self._arrays:
            if self._bytes + x.nbytes > MOST_HELD_BYTES:
                raise InvalidRequest("more than 1 GB of arrays would be held; form the network anew to let go of them")
            self._arrays[name], self._bytes = x, self._bytes + x.nbytes
        return name

    def find(self, name: Any) -> NDArray[np.float64]:
        """The array. raises InvalidRequest: none of that name is held."""
        if not isinstance(name, str) or name not in self._arrays or "/" in name:
            raise InvalidRequest(f"no array {name!r} is held here")
        return self._arrays[name]

    def shown(self, name: str) -> NDArray[np.float64]:
        """What a program showed, under its session's and output's name. raises InvalidRequest: nothing of that name"""
        if name not in self._arrays:
            raise InvalidRequest(f"no program has shown '{name}' here")
        return self._arrays[name]


def columns_of(records: Records, source: Any, min_cell: int) -> tuple[NDArray[np.float64], bytes]:
    """The columns as float64, shape (n,) for one name, (n, p) for a list: complete records of the cohort.

    returns  them, and SHA-256 of which records these are

    raises   InvalidRequest     no such column, or it is not numeric; a cohort that cannot be read
             DisclosureRefused  fewer records than `min_cell`: how many, the program would show
    """
    names, where = source.get("columns"), source.get("where")
    one = isinstance(names, str)
    names = [names] if one else names
    if not isinstance(names, list) or not names or not all(isinstance(name, str) for name in names):
        raise InvalidRequest("columns are named by a list of text")
    rows = records.select(where)
    values, present = zip(*(numbers(rows, records.dictionary, name) for name in names), strict=True)
    complete = np.logical_and.reduce(present)
    if complete.sum() < min_cell:
        raise DisclosureRefused("rule 'min_cell': too few complete records are in the cohort; choose a larger one")
    x = np.column_stack([each[complete] for each in values])
    which = hashlib.sha256(rows.places[complete].tobytes()).digest()
    return (x[:, 0] if one else x), which


def own_sketch(records: Records, declared: Input) -> NDArray[np.float64]:
    """The cells that an institution's patients take, float64 (cells,). Run by the institution.

    raises   InvalidRequest  no such column or cohort, or another number of records is declared than was told
    """
    on, side = sketched_side(declared.source, declared.owner)
    check_number(side, identified(records, key_of(on)))
    found = read_identifiers(records.select(side.where), key_of(on))
    return sketch(found, declared.shape[0])


def own_unidentified(records: Records, declared: Input) -> NDArray[np.float64]:
    """How many of an institution's records tell no patient, float64 (1,). Run by the institution.

    raises   InvalidRequest  no such column or cohort
    """
    keys, where = keys_and_cohort(declared.source)
    return np.array([without(records.select(where), [key_of(key) for key in keys])], np.float64)


def check_ranges(dictionary: Dictionary, declared: Input) -> None:
    """Return if what a program declares of columns follows from the dictionary, and not from the records.

    A narrower range would be refused or not as the records are, and ranges tried in turn would find the largest.

    raises   InvalidRequest
    """
    names = declared.source["columns"]
    whole, least, most = declared_range(dictionary, [names] if isinstance(names, str) else names)
    if declared.bound < most or declared.norms is not None or (declared.least is not None and declared.least > least):
        raise InvalidRequest(f"columns are declared with the dictionary's range, {least:g} to {most:g}, or a wider one")
    if declared.integer and not whole:
        raise InvalidRequest("columns are declared whole that the dictionary does not say are")


@dataclass(frozen=True, slots=True, repr=False)
class Brought:
    """What a party brings into a program: its inputs by node, encoded, and its sides of linkages by their numbers."""

    inputs: Mapping[int, Plain] = field(default_factory=dict)
    sides: Mapping[int, Own] = field(default_factory=dict)


def bring(
    me: Party, manifest: ProgramManifest, records: Records, holdings: Holdings, rules: Rules, randomness: Randomness
) -> Brought:
    """This party's inputs, encoded as the plan says, and its sides of linkages. Run by an owner.

    raises   InvalidRequest, DisclosureRefused  as `columns_of`, `encode_input` and `own_side`
    """
    own, sides = {}, {}
    taken: dict[Any, bytes] = {}
    fewest = rules.min_cell if manifest.question is None else 0  # a joint count may have small parts
    by_keys = own_keys(records, manifest.program.linkages, me, randomness)
    for number, linkage in enumerate(manifest.program.linkages):
        if (side := linkage.sides.get(me)) is not None:
            keyed = by_keys.get(number)
            sides[number] = keyed or own_side(records, linkage.on, side, fewest, randomness)
            taken["linkage", number] = sides[number].which
            check_fetched(records.dictionary, manifest.plan, number, side, sides[number])
    for k, declared in manifest.program.inputs.items():
        if declared.owner != me:
            continue
        if (within := linked(declared.source)) is not None:
            if not declared.words:
                if "columns" in declared.source:
                    check_ranges(records.dictionary, declared)
                side = manifest.program.linkages[within].sides[me]
                own[k] = own_input(sides[within], manifest.plan, k, side, records.dictionary)
            continue
        if sketched(declared.source):
            x = own_sketch(records, declared)
        elif unidentified(declared.source):
            x = own_unidentified(records, declared)
        elif "columns" in declared.source:
            check_ranges(records.dictionary, declared)
            x, taken[k] = columns_of(records, declared.source, rules.min_cell)
        else:
            x = holdings.find(declared.source.get("held"))
        own[k] = encode_input(manifest.plan, k, x)
    if len(set(taken.values())) > 1 and rules.arrays != ANY:
        raise DisclosureRefused(
            f"rule 'arrays': a program takes columns of different records of '{me}'. Records that lack a value are "
            f"left out of each call: take the columns of one cohort in one call, secret('{me}', ['age', 'weight'])"
        )
    return Brought(own, sides)


def part_of_program(
    me: Party, manifest: ProgramManifest, brought: Brought, holdings: Holdings, randomness: Randomness
) -> Part[dict[str, Any]]:
    """Any party's part; what is shown to it is held, under the session's name and the output's number."""
    linking = {k: conversation(me, manifest, k, side, randomness) for k, side in brought.sides.items()}
    trio, inputs = manifest.enrolment.compute, brought.inputs
    shown = yield from take_part(me, trio, manifest.plan, inputs, manifest.session, randomness, linking)
    session = manifest.session.hex()[:16]
    return {"held": {str(k): holdings.keep(x, f"{session}/{k}") for k, x in shown.items()}}


class Helper:
    """A neutral compute party: it holds no records and is shown nothing. Two institutions need one."""

    def __init__(self, name: Party, randomness: Randomness | None = None) -> None:
        self.name = name
        self._randomness = randomness or SystemRandomness()
        self._enrolment: Enrolment | None = None

    def answer(self, request: str, payload: Any) -> Any:
        """`enrol` in a network, once; `prepare` to compute; `consider` a program. raises SecureComputeError."""
        if request == "prepare":
            return prepare(payload)
        if request == "consider":
            rehearse(self._decoded(payload).plan)
            return None
        if request != "enrol":
            raise InvalidRequest(f"a helper is not asked '{request}'")
        if self._enrolment is not None:
            raise InvalidRequest(f"'{self.name}' is enrolled already")
        self._enrolment = Enrolment.from_plain(payload)

    def part(self, manifest: bytes) -> Part[dict[str, Any]]:
        """Its part of a program's session; questions have none for it."""
        return part_of_program(self.name, self._decoded(manifest), Brought(), Holdings(), self._randomness)

    def _decoded(self, manifest: bytes) -> ProgramManifest:
        if self._enrolment is None:
            raise InvalidRequest(f"'{self.name}' is in no network yet")
        return ProgramManifest.decode(manifest, self._enrolment)
