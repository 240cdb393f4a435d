"""How many patients institutions have in common: for every set of them, the patients known there and nowhere else.

    exactly(T) = patients of the cohort that all of T know, and no other       for every set T of institutions

Reveals    to the collector, of each number exactly(T): itself if it is 0 or at least the smallest cell, else that it is
           closed; in the same way how many records have no readable value in some field, all institutions together. To
           nobody which patients these are, nor the closed numbers. Of each institution, to all: how many patients it
           has in all, in the cohort or not, rounded up to 64, or by at most an eighth. If a number is closed, so is
           all that would let it be worked out from this answer: sizes of intersections, and the number of distinct
           patients.
           Not promised: an institution knows how many patients it has itself, and can subtract. Whoever sees the
           answer can subtract from declared numbers: 63 patients at A alone, of 64 declared, leave one for A and B.
           A `count` of the cohort, less the records without a key and the patients that are shown, gives a closed
           number where no institution has two records of one patient.
Accuracy   exact, for identifiers that are equal; false matches have probability 2^-40 in all.
Checked    against sets of pooled records.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from securecompute.analyses import variables
from securecompute.analyses.formats import patients, sentence, whole
from securecompute.analyses.question import Question
from securecompute.analyses.result import Cell, Count, Hidden, Table, Total, Withheld, count, plain_count, total_of
from securecompute.errors import InvalidRequest
from securecompute.patients import counts
from securecompute.patients.counts import Sides
from securecompute.patients.identified import Identified
from securecompute.patients.keys import known_key
from securecompute.programs.expressions import Expression
from securecompute.records.columns import near

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from securecompute.records.dictionary import Dictionary
    from securecompute.records.identifiers import On

NAME = "overlap"
PRECISION = counts.EXACT


@dataclass(frozen=True, slots=True)
class Overlap:
    """Patients by the institutions that know them.

    institutions  in the order in which sets are numbered: number m holds institution j if bit j of m is set
    exactly       patients at exactly the institutions of a set, for the sets numbered 1, 2, ...
    identified    by which fields, and how many records these leave out
    """

    institutions: tuple[str, ...]
    exactly: tuple[Count, ...]
    identified: Identified
    where: str | None

    @property
    def distinct(self) -> Total:
        """Patients known to any of the institutions."""
        return self._sum(range(1, len(self.exactly) + 1))

    @property
    def common(self) -> Count:
        """Patients known to all of them."""
        return self.exactly[-1]

    def shared(self, *names: str) -> Total:
        """Patients known to all of these institutions, whoever else knows them. raises InvalidRequest: no such one"""
        within = 0
        for name in names:
            if name not in self.institutions:
                raise InvalidRequest(f"there is no institution '{name}'{near(name, self.institutions, 'institutions')}")
            within |= 1 << self.institutions.index(name)
        return self._sum([m for m in range(1, len(self.exactly) + 1) if m & within == within])

    def seen_at(self, k: int) -> Total:
        """Patients known to at least k of them."""
        return self._sum([m for m in range(1, len(self.exactly) + 1) if m.bit_count() >= k])

    def names(self, number: int) -> tuple[str, ...]:
        """The institutions of a set."""
        return tuple(name for j, name in enumerate(self.institutions) if number >> j & 1)

    def headline(self) -> str:
        """5,439 distinct patients at A and B, 4,561 of them at both."""
        names, two = sentence(list(self.institutions)), len(self.institutions) == 2
        cohort = f" where {self.where}" if self.where else ""
        if isinstance(self.distinct, Withheld):
            every = f"both {names}" if two else f"all of {names}"
            return f"{patients(self.common)} at {every}{cohort}; how many distinct ones there are is withheld."
        together = f"{distinct_patients(self.distinct)} at {names}{cohort}"
        if self.distinct == 0:
            return f"{together}."
        shared = plain_count(self.common) if isinstance(self.common, Hidden) else whole(self.common)
        where = "both" if two else f"all {len(self.institutions)}"
        return f"{together}, {shared if self.common != 0 else 'none'} of them at {where}."

    def tables(self) -> list[Table]:
        """Every set of institutions with its patients, and the matrix of what two have in common."""
        sets: list[tuple[Cell, ...]] = [
            (" + ".join(self.names(m)), m.bit_count(), plain_count(n)) for m, n in enumerate(self.exactly, 1)
        ]
        rows = tuple((a, *(plain_count(self.shared(a, b)) for b in self.institutions)) for a in self.institutions)
        return [
            Table("Patients at exactly these institutions", ("institutions", "how many", "patients"), tuple(sets)),
            Table("Patients in common", ("", *self.institutions), rows),
        ]

    def notes(self) -> list[str]:
        """What a patient is, what is hidden, and who has nobody in common with others, which is rarely so."""
        notes = [*self.identified.notes(), *what_is_hidden(self.exactly)]
        sets = range(1, len(self.exactly) + 1)
        alone = [
            name
            for j, name in enumerate(self.institutions)
            if all(self.exactly[m - 1] == 0 for m in sets if m >> j & 1 and m.bit_count() > 1)
        ]
        if not alone or all(n == 0 for n in self.exactly):
            return notes
        shares = f"No patient of {sentence(alone)} is known to another institution."
        return [*notes, shares, *self.identified.if_nobody()]

    def to_plain(self) -> dict[str, Any]:
        """Every number by its set."""
        sets = {" + ".join(self.names(m)): plain_count(n) for m, n in enumerate(self.exactly, 1)}
        numbers = {"exactly": sets, "distinct": plain_count(self.distinct)}
        return {**numbers, **self.identified.to_plain(), "where": self.where}

    def plot(self, axes: "Axes") -> None:
        """Sets and their patients above, which institutions they are below, and the matrix of pairs beside it."""
        from securecompute.patients.plots import overlap

        overlap(axes, self)

    def figure_size(self) -> tuple[float, float]:
        """Width and height of a figure of its own, in inches."""
        from securecompute.patients.plots import size

        return size(self)

    def _sum(self, numbers: Sequence[int]) -> Total:
        """The sum of the counts of these sets. A single one is what it is; of several a closed one withholds all."""
        chosen = [self.exactly[m - 1] for m in numbers]
        return chosen[0] if len(chosen) == 1 else total_of(chosen)


def ask(dictionary: "Dictionary", on: "On", between: Sequence[str] | None = None, where: str | None = None) -> Question:
    """How many patients institutions have in common.

    on       the fields that identify a patient: columns, "born as date", "soundex(surname)", or `Field`s
    between  institutions, two or more; None: all of the network
    where    a cohort, at each of them
    raises   InvalidRequest  a field, cohort or institution that is not there
    """
    names = named(between)
    key = {"on": known_key(on, dictionary, names), "between": names}
    return Question(NAME, key, variables.cohort(where, dictionary))


def named(between: Sequence[str] | None) -> list[str] | None:
    """Institutions' names. raises InvalidRequest: no list of names, fewer than two, or one twice"""
    if between is None:
        return None
    if not isinstance(between, list | tuple) or not all(isinstance(name, str) for name in between):
        raise InvalidRequest(f"between is {between!r}; it is a list of institutions' names, as ['Mayo', 'Duke']")
    names = list(between)
    if twice := [name for name in names if names.count(name) > 1]:
        raise InvalidRequest(f"between names '{twice[0]}' twice; name two institutions or more, each once")
    if len(names) < 2:
        found = f"'{names[0]}' alone" if names else "nobody"
        raise InvalidRequest(f"between names {found}; name two institutions or more, each once")
    return names


def columns(question: Question) -> tuple[str, ...]:
    """None beside those of key and cohort."""
    return ()


def program(question: Question, sides: Sides, dictionary: "Dictionary") -> Expression:
    """The counts to gate: exactly(T) for every set."""
    return counts.linear(counts.exactly(len(sides.sides)), counts.common(sides.linkages))


def finish(
    question: Question,
    sides: Sides,
    shown: Sequence[int | None],
    identified: Identified,
    dictionary: "Dictionary",
    min_cell: int,
) -> Overlap:
    """The answer from what is shown: None where a count is closed."""
    numbers = tuple(count(n, min_cell) for n in shown)
    return Overlap(sides.names, numbers, identified, question.where)


def distinct_patients(n: Count) -> str:
    """1 distinct patient, 602 distinct patients, <10 distinct patients."""
    return patients(n).replace("patient", "distinct patient")


def what_is_hidden(counts: Sequence[Count]) -> list[str]:
    """A sentence, if something is."""
    closed = next((n for n in counts if isinstance(n, Hidden)), None)
    if closed is None:
        return []
    return [f"Counts below {closed.below} are hidden, and what would let them be worked out is withheld."]
