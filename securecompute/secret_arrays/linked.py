"""Records of several institutions about the same patients, as secret arrays of one row a patient.

    pairs = network.link("Mayo", "Duke", on=["name", "born"], columns={"Mayo": ["rx"], "Duke": ["relapse"]})
    (pairs["Mayo", "rx"] * pairs["Duke", "relapse"]).sum().reveal()

A row is a place where a record of the first institution may stand; most match nobody, or are empty. Whether one does is
as secret as what it holds: `matched` is 1 where all institutions have the patient, and every column is 0 elsewhere. So
sums over rows are sums over the patients in common, and `matched` is the weight, or the column of ones, of a model:

    linear_regression(**pairs.model(("Duke", "bmi"), {"Mayo": ["rx"], "Duke": ["relapse"]}))
"""

from collections.abc import Collection, Mapping, Sequence
from functools import reduce
from typing import Any, Protocol, cast

from securecompute.disclosure.rules import ARRAYS, Rules
from securecompute.engine.fabric import Fabric
from securecompute.engine.rounds import Party
from securecompute.errors import InvalidRequest, PeerMisbehaved
from securecompute.linking import told_by
from securecompute.patients.counts import match_of, words_of
from securecompute.patients.keys import plain_fields, texts_of
from securecompute.primitives.cuckoo import MOST
from securecompute.programs.expressions import Expression, apply
from securecompute.programs.linkages import Brought, Linkage, Parts, Side, column_of
from securecompute.programs.program import Input
from securecompute.records.columns import near
from securecompute.records.dictionary import Dictionary
from securecompute.records.key_types import Field, KeyType
from securecompute.records.numeric import declared_range
from securecompute.records.spelling import Kind
from securecompute.secret_arrays.array import Computation, SecretArray

Where = str | Mapping[Party, str] | None  # one cohort for all, or by institution


class Linkers(Computation, Protocol):
    """A network, as far as it is needed here."""

    fabric: Fabric
    rules: Rules

    def columns_of(self, institution: Party) -> Dictionary:
        """All columns of an institution."""


class LinkedRecords:
    """What `Network.link` gives. Shows of which institutions, never how many match or which."""

    __slots__ = ("_linkage", "_network", "least")

    def __init__(self, network: Linkers, linkage: Linkage, least: int) -> None:
        """least   with fewer patients in common the program is refused"""
        self._network, self._linkage, self.least = network, linkage, least

    def __repr__(self) -> str:
        return f"LinkedRecords({', '.join(self._linkage.sides)}; {self._linkage.bins} rows)"

    @property
    def matched(self) -> SecretArray:
        """1 where all institutions have the patient, else 0: shape (rows,)."""
        return self._array(self._all())

    def matched_at(self, partner: Party) -> SecretArray:
        """1 where this institution has a patient of the first one, else 0: shape (rows,). raises InvalidRequest"""
        return self._array(self._match(self._partner(partner)))

    def __getitem__(self, which: tuple[Party, str]) -> SecretArray:
        """A column of an institution, 0 where not all have the patient: shape (rows,). raises InvalidRequest"""
        if not (isinstance(which, tuple) and len(which) == 2):
            raise InvalidRequest("a column of linked records is named by institution and column: pairs['Mayo', 'rx']")
        name, column = which
        side = self._linkage.sides.get(name)
        if side is None or column not in side.columns:
            sides = [s for s in self._linkage.sides.values() if s.columns]
            brought = "; ".join(f"{s.party}: {', '.join(map(column_of, s.columns))}" for s in sides) or "none"
            raise InvalidRequest(
                f"'{name}' brought no column '{column}' into the linkage; brought were {brought}. Name it when you "
                f"link, columns={{'{name}': ['{column}']}}"
            )
        value = self._own(column) if side == self._linkage.leader else self._fetched(side, column)
        alone = side != self._linkage.leader and len(self._linkage.partners) == 1  # 0 already where there is no match
        return self._array(value if alone else apply("multiply", self._all(), value))

    def model(self, y: tuple[Party, str], X: Mapping[Party, Sequence[str]]) -> dict[str, Any]:
        """What a regression takes: linear_regression(**pairs.model(("Duke", "bmi"), {"Mayo": ["age", "rx"]})).

        y         institution and column of the outcome
        X         institution -> columns
        returns   X, y, matched and names
        raises    InvalidRequest  a column that was not brought along, or none
        """
        if not isinstance(X, Mapping) or any(isinstance(columns, str) for columns in X.values()):
            raise InvalidRequest("the columns of a model are lists by institution: {'Mayo': ['age', 'rx']}")
        chosen = [(institution, column) for institution, columns in X.items() for column in columns]
        if not chosen:
            raise InvalidRequest("a model has columns: {'Mayo': ['age', 'rx']}")
        columns = [column for _, column in chosen]
        names = [column if columns.count(column) == 1 else f"{column} at {where}" for where, column in chosen]
        return {"X": [self[each] for each in chosen], "y": self[y], "matched": self.matched, "names": names}

    def _all(self) -> Expression:
        first, *others = [self._match(partner) for partner in self._linkage.partners]
        together = reduce(lambda a, b: apply("multiply", a, b), others, first)
        return apply("enough", together, least=self.least) if others else first

    def _match(self, partner: Side) -> Expression:
        return match_of(self._linkage, partner, self.least)

    def _fetched(self, partner: Side, column: str) -> Expression:
        whole, _, most = declared_range(self._network.columns_of(partner.party), [column])
        words = words_of(self._linkage, partner, partner.columns.index(column))
        return apply("fetch", self._match(partner), *words, bound=most, integer=whole)

    def _own(self, column: str) -> Expression:
        leader, source = self._linkage.leader.party, {"columns": column}
        whole, least, most = declared_range(self._network.columns_of(leader), [column])
        declared = Input(leader, source, (self._linkage.bins,), most, whole, least=min(0.0, least))
        return Expression.of_input(declared, self._linkage)

    def _partner(self, name: Party) -> Side:
        found = next((side for side in self._linkage.partners if side.party == name), None)
        if found is None:
            names = " and ".join(f"'{side.party}'" for side in self._linkage.partners)
            raise InvalidRequest(f"'{name}' is not looked up for '{self._linkage.leader.party}' here; name {names}")
        return found

    def _array(self, value: Expression) -> SecretArray:
        return SecretArray(self._network, value)


def link(
    network: Linkers,
    institutions: Sequence[Party],
    on: KeyType,
    columns: Mapping[Party, Sequence[str]] | None,
    where: Where,
    least: int | None,
) -> LinkedRecords:
    """As `Network.link`, which says what these are. raises as that"""
    if not all(isinstance(name, str) for name in institutions):
        raise InvalidRequest("institutions are named one after the other: link('Mayo', 'Duke', on=['name', 'born'])")
    if len(set(institutions)) != len(institutions) or len(institutions) < 2:
        raise InvalidRequest("two institutions or more are linked, each named once: link('Mayo', 'Duke', on=[...])")
    if columns is not None and not isinstance(columns, Mapping):
        raise InvalidRequest("columns are named by institution: columns={'Mayo': ['age', 'rx']}")
    fewest = _least(least, network.rules.min_cell)
    sides, key = sides_of(network, institutions, on, columns or {}, where, ARRAYS)
    smallest = min(sides, key=lambda side: side.records)
    if fewest > smallest.records:
        raise InvalidRequest(
            f"least is {fewest}, and '{smallest.party}' has at most {smallest.records} patients; no more can be in "
            "common"
        )
    return LinkedRecords(network, Linkage(key, sides[0], tuple(sides[1:])), fewest)


def _least(least: int | None, min_cell: int) -> int:
    """With how many patients in common a program goes on. raises InvalidRequest: no number of patients"""
    if least is None:
        return min_cell
    if type(least) is not int or not 1 <= least <= MOST:
        raise InvalidRequest(
            f"least is {least!r}; it is how many patients in common a program needs to go on, and whether there are "
            f"fewer is shown: a whole number, from the smallest cell, {min_cell}, on. Leave it out for {min_cell}"
        )
    return least


def sides_of(
    network: Linkers,
    institutions: Sequence[Party],
    on: KeyType,
    columns: Mapping[Party, Sequence[Brought]],
    where: Where,
    purpose: str,
) -> tuple[list[Side], Parts]:
    """The sides of a linkage, and its key: each institution is asked for its public number and its fields' kinds.

    raises   InvalidRequest     no such institution, column or cohort, or fields of other kinds at one than at another
             DisclosureRefused  a rule of one of them does not allow it
             PeerLost           one of them is gone
             PeerMisbehaved     one answers something else
    """
    _check_parties(network, institutions, columns, where)
    brought = {name: tuple(columns.get(name, ())) for name in institutions}
    _check_columns(network, {name: (*on.columns, *map(column_of, brought[name])) for name in institutions})
    cohorts = where if isinstance(where, Mapping) else dict.fromkeys(institutions, where)
    key, told = plain_fields(on), {}
    for name in institutions:
        asked = {"on": key, "where": cohorts.get(name), "columns": _plain(brought[name]), "purpose": purpose}
        try:
            told[name] = told_by(name, network.fabric.ask(name, "measure", asked), [on])
        except InvalidRequest as error:
            raise InvalidRequest(f"'{name}': {error}") from None
    keys = {name: [Linkage.fields_from(each["on"])] for name, each in told.items()}
    check_kinds(keys)
    sides = [Side(name, cohorts.get(name), told[name]["records"], brought[name]) for name in institutions]
    return sides, keys[institutions[0]][0]


def check_kinds(told: Mapping[Party, Sequence[Parts]]) -> None:
    """Return if institutions read the fields of their keys as one kind.

    told     institution -> the keys, with the kinds that their columns' types give
    raises   InvalidRequest  a field is of another kind at one than at another; the text says what to write
             PeerMisbehaved  one tells of other fields
    """
    (first, fields), *others = [
        (name, [f for key in keys for part in key for f in part]) for name, keys in told.items()
    ]
    for name, theirs in others:
        if [(column, form) for column, _, form in theirs] != [(column, form) for column, _, form in fields]:
            raise PeerMisbehaved(
                f"'{name}' tells of other fields than '{first}'. Ask its steward which version it runs"
            )
        for (column, kind, form), (_, other, _) in zip(fields, theirs, strict=True):
            if kind != other:
                raise InvalidRequest(
                    f"column '{column}' of the key is a {kind} at '{first}' and a {other} at '{name}'; say how all are "
                    f"to read it: '{_as_one_kind(column, form, {kind, other})}'"
                )


def _as_one_kind(column: str, form: str, kinds: Collection[str]) -> str:
    """'born as date'"""
    meant: Kind = "text" if form != "whole" else "date" if "date" in kinds else "number"
    return texts_of(KeyType((Field(column, cast(Any, form), meant),)))[0]


def _check_parties(network: Linkers, institutions: Sequence[Party], columns: Mapping[Party, Any], where: Where) -> None:
    """Return if all that is said is of institutions that take part. raises InvalidRequest"""
    if not (where is None or isinstance(where, str | Mapping)):
        raise InvalidRequest("where is a condition in words, 'age > 50', or one for each institution: {'Mayo': '...'}")
    of_each = where if isinstance(where, Mapping) else {}
    for name in [*institutions, *columns, *of_each]:
        if name not in network.institutions:
            raise InvalidRequest(
                f"there is no institution '{name}'{near(str(name), network.institutions, 'institutions')}"
            )
    for name in [*columns, *of_each]:
        if name not in institutions:
            raise InvalidRequest(f"'{name}' takes no part in the linkage; name it, or leave out what is asked of it")
    for name, asked_for in columns.items():
        if isinstance(asked_for, str):
            raise InvalidRequest(f"columns of '{name}' are a list of names: columns={{'{name}': ['{asked_for}']}}")
        if not isinstance(asked_for, Sequence) or not all(isinstance(each, str | tuple) for each in asked_for):
            raise InvalidRequest(f"columns of '{name}' are a list of names: columns={{'{name}': ['age', 'rx']}}")
    for name, cohort in of_each.items():
        if not (cohort is None or isinstance(cohort, str)):
            raise InvalidRequest(f"the cohort of '{name}' is a condition in words: where={{'{name}': 'age > 50'}}")


def _check_columns(network: Linkers, wanted: Mapping[Party, Sequence[str]]) -> None:
    """Return if institutions have these columns. raises InvalidRequest: naming those that lack one, and who has it"""
    known = {name: network.columns_of(name) for name in wanted}
    for column in dict.fromkeys(column for columns in wanted.values() for column in columns):
        lacking = [name for name, columns in wanted.items() if column in columns and column not in known[name]]
        if lacking:
            having = [f"'{name}'" for name in wanted if column in known[name]]
            there = dict.fromkeys(each for name in lacking for each in known[name])
            elsewhere = f"; {' and '.join(having)} {'has' if len(having) == 1 else 'have'} it"
            raise InvalidRequest(
                f"there is no column '{column}' at {' and '.join(map(repr, lacking))}"
                f"{elsewhere if having else near(column, there, 'columns')}"
            )


def _plain(brought: Sequence[Brought]) -> list[Any]:
    return [each if isinstance(each, str) else list(each) for each in brought]
