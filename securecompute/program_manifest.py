"""What a session on secret arrays computes, as data: the program, the rules in force, who computes, who is shown what.

Every party derives types, scales, rounds and its own part from the program itself. The manifest's bytes, which hold a
fresh nonce, bind every mask of the session.
"""

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import msgpack

from securecompute.analyses.question import Question
from securecompute.disclosure.rules import ARRAYS, COUNTS, Rules
from securecompute.engine.rounds import Party
from securecompute.errors import DisclosureRefused, InvalidRequest
from securecompute.manifest import Enrolment, unpacked
from securecompute.patients import catalogue
from securecompute.programs.linkages import CELLS, TOTALS, Brought, Parts, column_of, linked
from securecompute.programs.plan import Plan, plan
from securecompute.programs.program import Program
from securecompute.programs.sketches import sketched, sketched_side
from securecompute.programs.unidentified import keys_and_cohort, unidentified
from securecompute.records.dictionary import Dictionary

VERSION = 1
PROTOCOL = "secret program"
_FIELDS = ("version", "program", "question", "dictionary", "rules", "identities", "collector", "compute", "nonce")


def is_program(encoded: bytes) -> bool:
    """Whether a manifest is of a program, not of a question. raises InvalidRequest: it is neither."""
    plain = unpacked(encoded)
    return isinstance(plain, dict) and "program" in plain


@dataclass(frozen=True)
class ProgramManifest:
    """One program on one network.

    rules     in force: at least as strict as every institution's own
    nonce     32 bytes, fresh
    question  about patients whom several institutions know, whose program it is; None: a program of the researcher's
    """

    program: Program
    enrolment: Enrolment
    rules: Rules
    nonce: bytes
    question: Question | None = None

    def encode(self) -> bytes:
        """Canonical bytes."""
        names = self.enrolment.identities
        values: tuple[Any, ...] = (
            VERSION,
            self.program.to_plain(),
            None if self.question is None else self.question.to_plain(),
            [self.enrolment.columns_of(name).hash() for name in sorted(names)],
            self.rules.to_plain(),
            [[name, names[name]] for name in sorted(names)],
            self.enrolment.collector,
            list(self.enrolment.compute),
            self.nonce,
        )
        encoded: bytes = msgpack.packb(dict(zip(_FIELDS, values, strict=True)))
        return encoded

    @classmethod
    def decode(cls, encoded: bytes, enrolment: Enrolment) -> "ProgramManifest":
        """The manifest in these bytes, if it is of this enrolment and its program is valid. Run by every party.

        raises   InvalidRequest  not such a manifest, another roster, an invalid program, or a party that is not there
        """
        plain = unpacked(encoded)
        if not isinstance(plain, dict) or tuple(plain) != _FIELDS or plain["version"] != VERSION:
            raise InvalidRequest(f"a program's manifest of version {VERSION} has the fields {', '.join(_FIELDS)}")
        if not isinstance(plain["nonce"], bytes) or len(plain["nonce"]) != 32:
            raise InvalidRequest("a manifest's nonce is 32 bytes")
        program = Program.from_plain(plain["program"])
        question = None if plain["question"] is None else Question.from_plain(plain["question"])
        manifest = cls(program, enrolment, Rules.from_plain(plain["rules"]), plain["nonce"], question)
        if manifest.encode() != encoded:
            raise InvalidRequest("the manifest names another roster, dictionary or compute parties than the network's")
        manifest._check_parties()
        manifest._check_keys()
        if question is None:
            manifest._check_of_no_question()
        else:
            known = catalogue.check(question, enrolment.dictionaries)
            told = enrolment.dictionaries, manifest.rules.min_cell, enrolment.collector, tuple(enrolment.identities)
            catalogue.check_program(known, program, *told)
        return manifest

    def _check_of_no_question(self) -> None:
        if any(sketched(each.source) for each in self.program.inputs.values()):
            raise InvalidRequest("a sketch of patients enters a program that is made from a question, and no other")
        if any(each.unambiguous for each in self.program.linkages):
            raise InvalidRequest("linkages by several keys enter a program that is made from a question, and no other")
        if any(unidentified(each.source) for each in self.program.inputs.values()):
            raise InvalidRequest("records without a key enter a program that is made from a question, and no other")

    def _check_keys(self) -> None:
        """An institution that found out a field's kind by itself would match nobody, and the counts would be wrong."""
        keys = [on for owner in self.enrolment.identities for on, _, _ in self._compared(owner)]
        if any(not kind for on in keys for part in on for _, kind, _ in part):
            raise InvalidRequest("the fields of a key are told with their kinds: text, number or date")

    def _check_parties(self) -> None:
        if len(self.enrolment.compute) != 3:
            raise InvalidRequest("the network has no three compute parties; name three, or add a helper")
        institutions = self.enrolment.identities
        for owner in self.program.owners:
            if owner not in institutions:
                raise InvalidRequest(f"'{owner}' holds no numbers in this network")
        for linkage in self.program.linkages:
            for party in linkage.sides:
                if party not in institutions:
                    raise InvalidRequest(f"'{party}' holds no records in this network")
        for receiver in self.program.receivers:
            if receiver not in institutions and receiver != self.enrolment.collector:
                raise InvalidRequest(f"there is no party '{receiver}' to show anything to")

    @cached_property
    def plan(self) -> Plan:
        """Scales for every line. raises InvalidRequest, EncodingOverflow, PrecisionLoss."""
        return plan(self.program)

    @property
    def session(self) -> bytes:
        """What the masks are bound to: 32 bytes."""
        return hashlib.sha256(self.encode()).digest()

    @property
    def parties(self) -> tuple[Party, ...]:
        """Who takes part: owners, those whose records are linked, compute parties and receivers."""
        sides = (party for linkage in self.program.linkages for party in linkage.sides)
        return tuple(dict.fromkeys((*self.program.owners, *sides, *self.enrolment.compute, *self.program.receivers)))

    def _compared(self, owner: Party) -> Iterator[tuple[Parts, str | None, tuple[Brought, ...]]]:
        """By which fields an institution's patients are told apart, in which cohort, and what columns they bring."""
        for linkage in self.program.linkages:
            if (side := linkage.sides.get(owner)) is not None:
                yield linkage.on, side.where, side.columns
        for source in (each.source for each in self.program.inputs.values() if each.owner == owner):
            if sketched(source):
                on, side = sketched_side(source, owner)
                yield on, side.where, ()
            elif unidentified(source):
                keys, where = keys_and_cohort(source)
                yield from ((key, where, ()) for key in keys)

    def respects(self, rules: Rules, owner: Party) -> None:
        """Return if the program and the rules in force keep these rules. Run by an institution on its own.

        raises   DisclosureRefused  naming the rule
        """
        if self.rules.min_cell < rules.min_cell:
            raise DisclosureRefused("the proposed rules are laxer than an institution's own: 'min_cell'")
        columns, question = self.enrolment.columns_of(owner), self.question
        purpose, name = (ARRAYS, "linkage") if question is None else (COUNTS, question.analysis)
        for source in (each.source for each in self.program.inputs.values() if each.owner == owner):
            compared = linked(source) is not None or sketched(source) or unidentified(source)
            rules.permits(name if compared else "secret arrays", columns_used(source, columns))
        for on, where, brought in self._compared(owner):
            rules.permits_linkage(purpose)
            rules.permits_key(name, [column for part in on for column, _, _ in part])
            rules.permits(name, columns_used({"columns": list(brought), "where": where}, columns))
        if patients := [each.patient for each in self.program.linkages if owner in each.sides and each.patient]:
            rules.permits_key(name, patients)
        if question is None:
            rules.permits_program(self.program, owner)
        else:
            rules.permits_size(self.program)


def columns_used(source: Mapping[str, Any], dictionary: Dictionary) -> list[str]:
    """Every column that an input depends on, the cohort's included. raises InvalidRequest: no such names or cohort."""
    listed = [source.get(kind) or [] for kind in ("columns", CELLS, TOTALS)]  # all: whoever wrote it may name several
    named = [each for given in listed for each in (given if isinstance(given, list) else [given])]
    if not all(isinstance(each, str | list | tuple) and each and isinstance(each[0], str) for each in named):
        raise InvalidRequest("columns are named by text, or by a list of text")
    names = [column_of(each) for each in named]
    if source.get("where") is not None:
        from securecompute.records.cohort import parse  # sqlglot is heavy, and most inputs have no cohort

        names += parse(source["where"], dictionary).columns
    return names
