"""How many of an institution's patients another one knows, where fields hold errors: found by any of several keys.

    e_k(r)   1 if the other institution has the key of type k of patient r, and no two patients there or here share it
    u_k(r) = Π_{l ≤ k} (1 − e_l(r))                    1 where none of the first k key types finds him; u_0 = 1
    found  = Σ_r 1 − u_K(r)
    p_k    = Σ_r u_{k−1}(r) − u_k(r)                   found by key k and by none before it

For each key one linkage, led by the institution whose patients are counted. Its bins hold other patients in each: the
leader enters, on shares, which patient has the record of each bin, the remaining numbers in bins of nobody, and by that
order e_k is arranged. All linkages have one number of bins B; beyond the patients, places are 0.

Reveals    to the collector, the number found if it is 0 or at least the smallest cell, else that it is closed; with
           `by_key` those of each key, in the same way, and their sum if none is closed; and in the same way how many
           records of both together have none of the keys. To nobody who was found, nor by which key. Of both
           institutions, to each other and all who compute: how many records it has in all, in the cohort and with the
           keys or not, rounded up to 64, or by at most an eighth.
           Not promised: the leader knows how many patients it has, and can subtract. Two questions whose keys differ by
           one can be subtracted as well, as those over cohorts that differ by one patient.
Accuracy   exact, for the rule above; false matches have probability 2^-40 in all. Whether two records that
           agree in a key are one person's, nobody sees: for the default keys `records/linkage_keys` has measurements.
Cost       21 + ⌈log₂ K⌉ rounds for K keys. Payload: K linkages, and for each bin and key a match, an arrangement of 56
           bytes together, and a product; with `by_key` up to ⌈log₂ K⌉/2 products. FEBRL 4, 5000 records each, nine
           keys: 25 rounds, 20 MB, 4 to 6 s with all parties on two cores.
Checked    against the keys compared in the clear.
Reference  Priority of deterministic keys: Grannis et al., AMIA 2002. Prefixes by halves: Ladner, Fischer, JACM 1980.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from securecompute.analyses import variables
from securecompute.analyses.formats import patients, whole
from securecompute.analyses.question import Question
from securecompute.analyses.result import Count, Hidden, Table, Withheld, count, plain_count, total_of
from securecompute.errors import InvalidRequest
from securecompute.patients.counts import Sides, match_of
from securecompute.patients.identified import Identified
from securecompute.patients.keys import known_keys
from securecompute.patients.overlap import named, what_is_hidden
from securecompute.programs.expressions import Expression, apply
from securecompute.programs.linkages import ORDER, Linkage
from securecompute.programs.program import Input
from securecompute.records.dictionaries import shared_columns

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from securecompute.records.dictionary import Dictionary
    from securecompute.records.identifiers import On
    from securecompute.records.linkage_keys import Role

NAME = "linked_patients"
PRECISION = "matches are counted exactly; a key can miss a patient, or match another one"


@dataclass(frozen=True, slots=True)
class LinkedPatients:
    """Patients of one institution whom another knows.

    found         by any of the keys
    first_found   by each key and by none before it; empty if that was not asked
    institutions  whose patients are counted, and where they are looked up
    identified    by which keys, in order of priority, and how many records have none of them
    patient       the column by which institutions tell their own patients apart; None: each record is a patient
    """

    found: Count | Withheld
    first_found: tuple[Count, ...]
    institutions: tuple[str, str]
    identified: Identified
    patient: str | None
    where: str | None

    def headline(self) -> str:
        """4,981 patients of Bern are known to Lyon too, found by one of 9 keys."""
        (one, other), cohort = self.institutions, f" where {self.where}" if self.where else ""
        if isinstance(self.found, Withheld):
            return f"How many patients of {one}{cohort} are known to {other} too is withheld."
        known = "is" if self.found == 1 else "are"
        keys = len(self.identified.by)
        by = "one key" if keys == 1 else f"one of {keys} keys"
        return f"{patients(self.found)} of {one}{cohort} {known} known to {other} too, found by {by}."

    def tables(self) -> list[Table]:
        """One row; and one for each key, if that was asked."""
        one, other = self.institutions
        tables = [Table("Linked patients", ("patients of", "known to", "patients"), ((one, other, self._plain),))]
        if self.first_found:
            both = zip(self.identified.by, self.first_found, strict=True)
            rows = tuple((k, key, plain_count(n)) for k, (key, n) in enumerate(both, 1))
            tables.append(Table("By the first key that finds them", ("", "key", "patients"), rows))
        return tables

    def notes(self) -> list[str]:
        """When a patient is found, and what is hidden."""
        own_number = f"records with one {self.patient} are one patient's"
        each_record = "a record is a patient, unless patient=... names the column that tells patients apart"
        apart = each_record if self.patient is None else own_number
        own = [] if isinstance(self.found, Withheld) else [self.found]
        keys = "; ".join(self.identified.by)
        return [
            f"A patient is found if a record at both agrees in one of these: {keys}. What two patients of one "
            f"institution have in common does not count; there, {apart}.",
            *self.identified.notes(),
            "Errors in fields can hide a patient, and two people can agree in a key: the number is of matches.",
            *what_is_hidden([*own, *self.first_found]),
            *(self.identified.if_nobody() if self.found == 0 else []),
        ]

    def to_plain(self) -> dict[str, Any]:
        """Every number."""
        counted = map(plain_count, self.first_found)
        first = dict(zip(self.identified.by, counted, strict=True)) if self.first_found else {}
        numbers = {"found": self._plain, "first_found": first}
        return {**numbers, **self.identified.to_plain(), "patient": self.patient, "where": self.where}

    def plot(self, axes: "Axes") -> None:
        """The number, large; or a bar for each key."""
        from securecompute.analyses.plots import big_number

        (one, other), cohort = self.institutions, f"\nwhere {self.where}" if self.where else ""
        if self.first_found:
            self._bars(axes)
        else:
            shown = "withheld" if isinstance(self.found, Withheld) else patients(self.found)
            big_number(axes, shown, f"of {one}, known to {other} too{cohort}")

    @property
    def _plain(self) -> int | str:
        return plain_count(self.found)

    def _bars(self, axes: "Axes") -> None:
        from securecompute.analyses.plots import COLOURS, absent, labelled_rows, title

        reach = max((n for n in self.first_found if isinstance(n, int)), default=0)
        for row, n in enumerate(self.first_found):
            if isinstance(n, Hidden):
                absent(axes, row, f"{n}: hidden")
            else:
                axes.barh(row, n, height=0.6, color=COLOURS[0], alpha=0.85)
                axes.text(n + 0.01 * reach, row, whole(n), va="center", ha="left", fontsize=9)
        labelled_rows(axes, [f"{k}  {key}" for k, key in enumerate(self.identified.by, 1)], most=48)
        axes.xaxis.set_major_formatter("{x:,.0f}")
        axes.set_xlim(0, 1.12 * reach if reach else 1)
        if not reach:
            axes.set_xticks([])
        axes.set_xlabel("patients whom this key finds first")
        title(axes, "Patients of {} known to {} too, by key".format(*self.institutions), self.where)


def ask(
    dictionary: "Dictionary",
    between: Sequence[str],
    keys: "Sequence[On] | None" = None,
    roles: "Mapping[Role, str] | None" = None,
    patient: str | None = None,
    where: str | None = None,
    by_key: bool = False,
) -> Question:
    """How many patients of one institution another one knows.

    between   whose patients are counted, and where they are looked up
    keys      in order of priority, each by its fields: columns, "born as date", "soundex(surname)", or `Field`s; or
              one text, its fields joined by " + "
    roles     instead of keys, role -> column, for the key types that `linkage_keys.default_key_types` makes of them
    patient   the column by which institutions tell their own patients apart; None: each record is a patient
    where     a cohort, at both
    by_key    show how many each key is the first to find, and so how many there are in all
    raises    InvalidRequest  a field, role, cohort or institution that is not there; no keys, too many, or one twice
    """
    names = named(between)
    if names is None or len(names) != 2:
        raise InvalidRequest("between=[...] names two institutions: whose patients are counted, and where they may be")
    if (keys is None) == (roles is None):
        raise InvalidRequest("give keys=[...], or roles={'given': 'first_name', 'family': 'surname', ...}, not both")
    if roles is not None:
        if not isinstance(roles, Mapping) or not all(isinstance(column, str) for column in roles.values()):
            raise InvalidRequest("roles name columns: roles={'given': 'first_name', 'family': 'surname', ...}")
        from securecompute.records.linkage_keys import default_key_types

        keys = default_key_types(roles)
    if not isinstance(by_key, bool):
        raise InvalidRequest("by_key is True or False")
    if patient is not None and patient not in shared_columns(dictionary, names):
        variables.named(dictionary, patient, "patient")
    asked = {"keys": known_keys(keys, dictionary, names), "between": names, "patient": patient, "by_key": by_key}
    return Question(NAME, asked, variables.cohort(where, dictionary))


def columns(question: Question) -> tuple[str, ...]:
    """The one that tells patients apart, beside those of keys and cohort."""
    patient = question.parameters["patient"]
    return () if patient is None else (patient,)


def program(question: Question, sides: Sides, dictionary: "Dictionary") -> Expression:
    """The counts to gate: all that are found, or those of each key."""
    leader, *partners = sides.sides
    patient = question.parameters["patient"]
    linkages = [Linkage(key, leader, tuple(partners), True, patient) for key in sides.keys]
    left = [apply("sum", unknown, axes=[0]) for unknown in prefixes([_not_found_by(each) for each in linkages])]
    places = float(linkages[0].bins)
    if not question.parameters["by_key"]:
        return apply("reshape", apply("subtract", places, left[-1]), shape=[1])
    before: list[Expression | float] = [places, *left[:-1]]
    found = [apply("reshape", apply("subtract", b, u), shape=[1]) for b, u in zip(before, left, strict=True)]
    return apply("concatenate", *found, axis=0)


def _not_found_by(linkage: Linkage) -> Expression:
    """1 − e_k for every place, patient by patient."""
    order = Input(linkage.leader.party, {"word": ORDER}, (linkage.bins,), 1.0, True, words=True)
    match = match_of(linkage, linkage.partners[0], 0)
    return apply("subtract", 1.0, apply("arrange", Expression.of_input(order, linkage), match))


def prefixes(x: Sequence[Expression]) -> list[Expression]:
    """The products of the first one, two, ..., as many one after the other as there are halvings."""
    if len(x) == 1:
        return list(x)
    half = (len(x) + 1) // 2
    first, second = prefixes(x[:half]), prefixes(x[half:])
    return [*first, *(apply("multiply", first[-1], product) for product in second)]


def finish(
    question: Question,
    sides: Sides,
    shown: Sequence[int | None],
    identified: Identified,
    dictionary: "Dictionary",
    min_cell: int,
) -> LinkedPatients:
    """The answer from what is shown: None where a count is closed."""
    numbers = tuple(count(n, min_cell) for n in shown)
    by_key = question.parameters["by_key"]
    found = total_of(numbers) if by_key else numbers[0]
    one, other = sides.names
    patient, first_found = question.parameters["patient"], numbers if by_key else ()
    return LinkedPatients(found, first_found, (one, other), identified, patient, question.where)
