"""The rules that an institution's steward sets, and how several stewards' rules become one: the strictest wins.

    min_cell          smallest number of patients that may be shown, zero apart
    min_institutions  fewest institutions that take part; some of them may have no patient in the cohort
    analyses          which analyses may be asked, None for all of the catalogue
    sums              which ways to add may be used, None for all; a key holder and an aggregator together see more
    columns           which columns may be used, in the question or in its cohort, None for all of the dictionary
    max_records       room: most records that one institution may hold; sizes the ring
    arrays            which programs on secret arrays its records go into: "aggregates", "any" or "none" (`exposure`)
    linkage           what its records may be linked for (`LINKED_FOR`): "none", "counts" of patients, "arrays" that
                      nobody sees, or "lists" of the common ones, which one institution or more are told
    keys              which columns patients may be told apart by, those of a key and an institution's own, None for
                      all; who invents records with every value of a field finds which one fits
    lists_to          which other institutions may be told such lists, None for all with which it is linked
    max_elements      most numbers that the lines of one program may have together

A refusal names the rule and what was asked; never whose rule it was, nor any number.
"""

import tomllib
from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass, fields
from os import PathLike
from pathlib import Path
from typing import Any

from securecompute.disclosure.exposure import AGGREGATES, ANY, LEVELS, NONE, permit
from securecompute.engine.rounds import Party
from securecompute.errors import DisclosureRefused, InvalidRequest
from securecompute.programs.program import Program
from securecompute.protocols.sums.settings import KINDS

UNLINKED, COUNTS, ARRAYS, LISTS = LINKED_FOR = "none", "counts", "arrays", "lists"  # each allows those before it
FLOOR = 3  # below it a cell, or an institution, could be found by one other who knows its own part


@dataclass(frozen=True, slots=True)
class Rules:
    """What may leave. The defaults hold where a steward says nothing.

    raises   InvalidRequest  a minimum is below the floor of 3, or a field is of the wrong kind
    """

    min_cell: int = 10
    min_institutions: int = 3
    analyses: tuple[str, ...] | None = None
    columns: tuple[str, ...] | None = None
    max_records: int = 2**24
    sums: tuple[str, ...] | None = None
    arrays: str = AGGREGATES
    max_elements: int = 2**30
    linkage: str = COUNTS
    keys: tuple[str, ...] | None = None
    lists_to: tuple[str, ...] | None = None

    def __post_init__(self) -> None:
        for name, floor in (("min_cell", FLOOR), ("min_institutions", FLOOR), ("max_records", 1), ("max_elements", 1)):
            value = getattr(self, name)
            if type(value) is not int or value < floor:
                raise InvalidRequest(f"rule '{name}' is {value!r}; it must be a whole number of at least {floor}")
        for name in ("analyses", "columns", "sums", "keys", "lists_to"):
            value = getattr(self, name)
            if value is not None and not (isinstance(value, tuple) and all(type(item) is str for item in value)):
                raise InvalidRequest(f"rule '{name}' must be a list of names")
        if self.arrays not in LEVELS:
            raise InvalidRequest(f"rule 'arrays' is {self.arrays!r}; it is one of {', '.join(LEVELS)}")
        if self.linkage not in LINKED_FOR:
            raise InvalidRequest(f"rule 'linkage' is {self.linkage!r}; it is one of {', '.join(LINKED_FOR)}")
        if unknown := [kind for kind in self.sums or () if kind not in KINDS]:
            raise InvalidRequest(f"rule 'sums' lists '{unknown[0]}'; there are {', '.join(KINDS)}")

    @classmethod
    def from_plain(cls, plain: Any) -> "Rules":
        """Rules from what `to_plain` gave, or from a table of a TOML file; absent fields take the defaults.

        raises   InvalidRequest  an unknown field, so that a misspelt rule is not a missing one; a wrong value
        """
        if not isinstance(plain, Mapping):
            raise InvalidRequest("rules must be a table of names and values")
        known = [field.name for field in fields(cls)]
        if unknown := [str(name) for name in plain if name not in known]:
            raise InvalidRequest(f"unknown rule '{unknown[0]}'; the rules are {', '.join(known)}")
        given: dict[str, Any] = {name: tuple(v) if isinstance(v, list) else v for name, v in plain.items()}
        return cls(**given)

    @classmethod
    def from_toml(cls, path: str | PathLike[str]) -> "Rules":
        """Rules from the [rules] table of a TOML file. Run by a steward's institution.

        raises   InvalidRequest  no such file, not TOML, no [rules] table, or as from_plain
        """
        try:
            tables = tomllib.loads(Path(path).read_text(encoding="utf-8"))
        except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
            raise InvalidRequest(f"the rules in '{path}' cannot be read: {error}") from error
        if "rules" not in tables:
            raise InvalidRequest(f"'{path}' has no [rules] table; write one, even an empty one, to accept the defaults")
        return cls.from_plain(tables["rules"])

    def to_plain(self) -> dict[str, Any]:
        """Numbers, names and lists only, for JSON, hashes and receipts."""
        return {name: list(value) if isinstance(value, tuple) else value for name, value in asdict(self).items()}

    def permits(self, analysis: str, columns: Collection[str]) -> None:
        """Return if the analysis may be asked over these columns, those of its cohort included.

        raises   DisclosureRefused  naming the rule and what it does not list
        """
        if self.analyses is not None and analysis not in self.analyses:
            raise DisclosureRefused(f"{analysis}: rule 'analyses' does not list it. It lists {_listed(self.analyses)}.")
        self.permits_columns(analysis, columns)

    def permits_columns(self, purpose: str, columns: Collection[str]) -> None:
        """As `permits`, of the columns alone; the purpose is a word for the text."""
        for column in columns:
            if self.columns is not None and column not in self.columns:
                raise DisclosureRefused(
                    f"{purpose}: rule 'columns' does not list '{column}'. Leave it out, also from the cohort, "
                    "or ask the stewards to list it."
                )

    def permits_sum(self, kind: str) -> None:
        """Return if totals may be added this way.

        raises   DisclosureRefused  naming the rule and what it lists
        """
        if self.sums is not None and kind not in self.sums:
            raise DisclosureRefused(
                f"rule 'sums' does not list '{kind}'. It lists {_listed(self.sums)}; "
                f"{'choose from these, or ' if self.sums else ''}ask the stewards to list it."
            )

    def permits_linkage(self, purpose: str) -> None:
        """Return if records may be linked for this purpose, one of `LINKED_FOR`.

        raises   DisclosureRefused  naming the rule and what it allows
        """
        if LINKED_FOR.index(self.linkage) < LINKED_FOR.index(purpose):
            raise DisclosureRefused(
                f"rule 'linkage' is '{self.linkage}', and records would be linked for '{purpose}'. "
                "Ask the stewards whether they allow it."
            )

    def permits_key(self, purpose: str, columns: Collection[str]) -> None:
        """Return if patients may be told apart by these columns; the purpose is a word for the text.

        raises   DisclosureRefused  naming the rule and what it does not list
        """
        self.permits_columns(purpose, columns)
        for column in columns:
            if self.keys is not None and column not in self.keys:
                raise DisclosureRefused(
                    f"{purpose}: rule 'keys' does not list '{column}'. It lists {_listed(self.keys)}; tell patients "
                    "apart by these, or ask the stewards to list it."
                )

    def permits_list(self, receivers: Collection[Party]) -> None:
        """Return if these other institutions may be told which of their patients are known here.

        raises   DisclosureRefused  naming the rule and what it allows or lists
        """
        self.permits_linkage(LISTS)
        for name in receivers:
            if self.lists_to is not None and name not in self.lists_to:
                raise DisclosureRefused(
                    f"rule 'lists_to' does not list '{name}'. It lists {_listed(self.lists_to)}; ask the stewards to "
                    "list it."
                )

    def permits_size(self, program: Program) -> None:
        """Return if the program has no more numbers than it may. raises DisclosureRefused: naming the rule"""
        elements = sum(each.size for each in program.types)
        if elements > self.max_elements:
            raise DisclosureRefused(
                f"rule 'max_elements' is {self.max_elements}, and a program's lines have {elements} numbers together. "
                "Use fewer records or columns, or ask the stewards to raise it."
            )

    def permits_program(self, program: Program, owner: Party) -> None:
        """Return if this institution's records may go into the program.

        raises   DisclosureRefused  naming the rule and what the program does
        """
        self.permits_size(program)
        permit(program, owner, self.arrays, self.min_cell)

    def permits_institutions(self, institutions: int) -> None:
        """Return if a total over so many institutions may be shown.

        raises   DisclosureRefused  naming the rule
        """
        if institutions < self.min_institutions:
            raise DisclosureRefused(
                "rule 'min_institutions': too few institutions take part for a total to be shown. "
                "Wait until more of them are connected."
            )


def strictest(*rules: Rules) -> Rules:
    """One set of rules that keeps all of them: largest minima, common lists, the most room.

    raises   InvalidRequest  no rules were given: without rules nothing runs
    """
    if not rules:
        raise InvalidRequest("no rules were given; without rules nothing runs")
    return Rules(
        min_cell=max(each.min_cell for each in rules),
        min_institutions=max(each.min_institutions for each in rules),
        analyses=_common([each.analyses for each in rules]),
        columns=_common([each.columns for each in rules]),
        max_records=max(each.max_records for each in rules),
        sums=_common([each.sums for each in rules]),
        arrays=max((each.arrays for each in rules), key=(ANY, AGGREGATES, NONE).index),
        max_elements=min(each.max_elements for each in rules),
        linkage=min((each.linkage for each in rules), key=LINKED_FOR.index),
        keys=_common([each.keys for each in rules]),
        lists_to=_common([each.lists_to for each in rules]),
    )


def _common(lists: list[tuple[str, ...] | None]) -> tuple[str, ...] | None:
    """The names that all lists hold, sorted so that the order of the institutions does not matter."""
    given = [set(names) for names in lists if names is not None]
    return tuple(sorted(set.intersection(*given))) if given else None


def _listed(names: Collection[str]) -> str:
    return ", ".join(sorted(names)) or "nothing"
