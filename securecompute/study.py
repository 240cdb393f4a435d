"""A study: questions to a network, under a name, which a researcher asks.

study = network.study("indomethacin")
print(study.crosstab("rx", "outcome"))
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final, Protocol, TypeAlias

from securecompute.analyses import catalogue
from securecompute.analyses.question import Question
from securecompute.answer import Answer
from securecompute.engine.fabric import Progress
from securecompute.engine.rounds import Party
from securecompute.errors import InvalidRequest
from securecompute.explanation import Explanation, explain
from securecompute.manifest import Manifest
from securecompute.patients import catalogue as patients
from securecompute.program_explanation import ProgramExplanation
from securecompute.questions import meant
from securecompute.records.dictionary import Dictionaries, Dictionary
from securecompute.records.identifiers import On
from securecompute.records.linkage_keys import Role

_OF_ONE: Final = (
    "A cohort is of the records of all who are asked. Where only one has the column, link its cohort's records and "
    "count there: network.link(..., where={'Mayo': ...})"
)

Explained: TypeAlias = Explanation | ProgramExplanation


class Asked(Protocol):
    """A network, as far as it is needed here."""

    dictionary: Dictionary

    @property
    def dictionaries(self) -> Dictionaries:
        """The dictionary, and what institutions have beside it."""

    @property
    def unusable(self) -> Mapping[str, str]:
        """Columns that are not the same everywhere, and why."""

    @property
    def institutions(self) -> tuple[Party, ...]:
        """All of them."""

    def run(self, question: Question, progress: Progress | None = None) -> Answer:
        """Ask a question of the catalogue."""

    def count_patients(self, question: Question, progress: Progress | None = None) -> Answer:
        """Ask a question about patients whom several institutions know."""

    def propose(self, question: Question) -> tuple[bytes, Manifest]:
        """What asking would run."""

    def explain_counting(self, question: Question) -> ProgramExplanation:
        """What asking about patients would run, and whether it would be let."""


class Study:
    """Questions to one network, under a name."""

    def __init__(self, network: Asked, name: str, progress: Progress | None = None) -> None:
        self.network, self.name = network, name
        self._progress = progress

    def __repr__(self) -> str:
        return f"Study({self.name!r}, {self.network!r})"

    def count(self, where: str | None = None, distinct: bool = False, on: On | None = None) -> Answer:
        """How many patients are in a cohort.

        distinct   count each patient once, by the fields `on`
        raises     SecureComputeError
        """
        return self.ask("count", where=where, distinct=distinct, on=on)

    def crosstab(
        self,
        row: str,
        column: str,
        where: str | None = None,
        distinct: bool = False,
        on: On | None = None,
        **options: Any,
    ) -> Answer:
        """Patients by two categorical columns, with tests and measures of association.

        distinct   count each patient once, as the first institution that knows him has him, by the fields `on`
        raises     SecureComputeError
        """
        return self.ask("crosstab", row=row, column=column, where=where, distinct=distinct, on=on, **options)

    def distinct(
        self,
        on: On,
        where: str | None = None,
        between: Sequence[Party] | None = None,
        at_least: int = 1,
        seen: bool = False,
    ) -> Answer:
        """How many different patients institutions have together, or how many are known to `at_least` of them.

        on     the fields that identify a patient: columns, or such as "soundex(surname)". Texts are compared as texts,
               but for case and blanks: where institutions write dates or numbers differently, "born as date", "id as
               number"; see `Field` for which can be read. The answer says how many records have no readable value
        seen   show how many are known to exactly 1, 2, ... institutions
        raises SecureComputeError
        """
        return self.ask("distinct", on=on, where=where, between=between, at_least=at_least, seen=seen)

    def approximate_distinct(
        self, on: On, where: str | None = None, between: Sequence[Party] | None = None, cells: int | None = None
    ) -> Answer:
        """About how many different patients institutions have together: an estimate, also of very many institutions.

        on     as of `distinct`
        cells  more of them make the interval narrower; None: as many as there may be patients ask for
        raises SecureComputeError
        """
        return self.ask("approximate_distinct", on=on, where=where, between=between, cells=cells)

    def overlap(self, on: On, where: str | None = None, between: Sequence[Party] | None = None) -> Answer:
        """How many patients institutions have in common, for every set of them.

        on     as of `distinct`: ["surname", "born as date"]
        raises SecureComputeError
        """
        return self.ask("overlap", on=on, where=where, between=between)

    def linked_patients(
        self,
        between: Sequence[Party],
        keys: Sequence[On] | None = None,
        roles: Mapping[Role, str] | None = None,
        where: str | None = None,
        **options: Any,
    ) -> Answer:
        """How many patients of the first of two institutions the second one knows, where fields hold errors.

        keys      several in order of priority, each by its fields, as of `distinct`; a patient is found by any of them
        roles     or role -> column, {"given": "first_name", "born": "birthday", ...}, for keys that were measured
        options   patient: the column of an institution's own number of patients; by_key: show what each key found
        raises    SecureComputeError
        """
        return self.ask("linked_patients", between=between, keys=keys, roles=roles, where=where, **options)

    def linked_crosstab(
        self, row: tuple[Party, str], column: tuple[Party, str], on: On, where: str | None = None, **options: Any
    ) -> Answer:
        """Patients whom two institutions know, by a column of one and a column of the other.

        row, column, options   ("Mayo", "rx") and ("Duke", "relapse"); as of `crosstab`
        on                     as of `distinct`
        raises                 SecureComputeError
        """
        return self.ask("linked_crosstab", row=row, column=column, on=on, where=where, **options)

    def shared_total(
        self, column: tuple[Party, str], on: On, between: Sequence[Party], where: str | None = None
    ) -> Answer:
        """How many patients institutions have in common, and their total of a column of one of them, ("Duke", "cost").

        on     as of `distinct`
        raises SecureComputeError
        """
        return self.ask("shared_total", column=column, on=on, between=between, where=where)

    def describe(self, column: str, by: str | None = None, where: str | None = None) -> Answer:
        """n, missing, mean, sd and variance of a numeric column, by group if asked. raises SecureComputeError."""
        return self.ask("describe", column=column, by=by, where=where)

    def ask(self, analysis: str, /, **parameters: Any) -> Answer:
        """Any question of the catalogues, by name. raises SecureComputeError."""
        question = self.question(analysis, **parameters)
        answer = self.network.count_patients if question.analysis in patients.CATALOGUE else self.network.run
        return answer(question, self._progress)

    def question(self, analysis: str, /, **parameters: Any) -> Question:
        """The question, checked against the dictionary and not asked. raises InvalidRequest."""
        analysis, parameters = meant(analysis, parameters)
        try:
            if analysis in patients.CATALOGUE:
                return patients.ask(analysis, self.network.dictionaries, **parameters)
            return catalogue.ask(analysis, self.network.dictionary, **parameters)
        except InvalidRequest as error:
            unusable = self.network.unusable
            lacking = [name for name in unusable if f"there is no column '{name}'" in str(error)]
            named = [name for name in unusable if name in lacking or name in parameters.values()] if lacking else []
            texts = [unusable[name] for name in named] or [str(error)]
            if analysis in patients.CATALOGUE and any(name in str(parameters.get("where")) for name in lacking):
                texts.append(_OF_ONE)
            raise InvalidRequest("\n".join(texts)) from None

    def explain(self, analysis: str, /, **parameters: Any) -> Explained:
        """What asking would cost and who would learn what, without asking. raises SecureComputeError."""
        question = self.question(analysis, **parameters)
        if question.analysis in patients.CATALOGUE:
            return self.network.explain_counting(question)
        return explain(self.network.propose(question)[1], self.network.institutions)
