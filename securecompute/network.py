"""What a researcher holds: a network of institutions, and studies that ask it questions.

    with sc.Network.simulate({"Indiana": "iu.parquet", "Michigan": "um.parquet", "Kentucky": "uk.parquet"}) as network:
        study = network.study("indomethacin")
        print(study.crosstab("rx", "outcome"))

A simulation is one trust domain: the protocols and sealed messages are the real ones, but whoever administers the
cluster could read every institution's records. It says so when it starts and on every answer.
"""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Literal, Self

import numpy as np
from numpy.typing import NDArray

from securecompute.analyses import catalogue
from securecompute.analyses.question import Question
from securecompute.answer import Answer, Provenance
from securecompute.computing import unpack
from securecompute.coordinator import COLLECTOR, COORDINATOR, Collector, Coordinator, answers, cause
from securecompute.disclosure.rules import Rules, strictest
from securecompute.engine.fabric import Fabric, Progress, Recipe, Run
from securecompute.engine.rounds import Party
from securecompute.engine.runner import Limits
from securecompute.errors import DisclosureRefused, InvalidRequest, PeerLost
from securecompute.intersect import Cohorts, ListReceipt, To, asked_list, explain_list, run_list
from securecompute.list_explanation import ListExplanation
from securecompute.losses import answered, reason
from securecompute.manifest import Enrolment, Manifest
from securecompute.patient_sides import sides_for
from securecompute.patients import catalogue as patients
from securecompute.patients.keys import key_of_texts
from securecompute.program_explanation import ProgramExplanation, explain_program
from securecompute.program_manifest import PROTOCOL, ProgramManifest
from securecompute.programs.program import Program
from securecompute.protocols.sums.settings import Choice, Committee, Pairwise, Setting, setting_from
from securecompute.records.dictionary import Dictionary, compare
from securecompute.records.identifiers import On
from securecompute.secret_arrays.array import SecretArray
from securecompute.secret_arrays.inputs import secret_array
from securecompute.secret_arrays.linked import LinkedRecords, Where, link
from securecompute.simulation import (
    RAY,
    announce,
    check_agreements,
    check_choice,
    check_paths,
    check_state,
    compute_parties,
    helper_recipes,
    named,
    recipe,
    start,
)
from securecompute.study import Study

if TYPE_CHECKING:
    from securecompute.engine.on_ray import Placement


class Network:
    """Institutions, a coordinator and a collector on a fabric. Close it, or use it with `with`."""

    def __init__(
        self,
        fabric: Fabric,
        institutions: Iterable[Party],
        dictionary: Dictionary | None,
        sum: Choice | str | Mapping[str, Any] = Pairwise.kind,
        compute: Sequence[Party] = (),
    ) -> None:
        """Form a network of the parties that live on a fabric. `Network.simulate` makes both.

        dictionary   the common one; None: what the institutions' own have in common. A column on which they do not
                     agree stands in `unusable`, and a question that uses it is an error that says why
        compute      the three that compute on secret arrays, institutions or helpers; none: there are no such programs
        sum          how vectors are hidden: "pairwise", "committee", "paillier", "lattice"; or a table, as a study's

        raises   InvalidRequest     the institutions' records do not fit each other, or the dictionary
                 DisclosureRefused  an institution's rules do not allow this way to add
        """
        self.fabric = fabric
        self._closed = False
        self._prepared: set[tuple[Party, str | None]] = set()
        self.institutions = tuple(institutions)
        introduced = answers(self.fabric.ask_all(self.institutions, "introduce"))
        inferred = {name: Dictionary.from_plain(each["dictionary"]) for name, each in introduced.items()}
        agreed, self.unusable = compare(inferred)
        self.dictionary = agreed if dictionary is None else Dictionary(dictionary.columns)
        if not set.intersection(*map(set, inferred.values())):
            raise InvalidRequest("no column is common to all institutions:\n" + "\n".join(self.unusable.values()))
        self.rules = strictest(*(Rules.from_plain(each["rules"]) for each in introduced.values()))
        identities = {name: each["identity"] for name, each in introduced.items()}
        setting = self._setting(Choice.parse(sum))
        own = {name: each.without(self.dictionary) for name, each in inferred.items()}
        roles = (COORDINATOR, COLLECTOR, setting, tuple(compute), own)
        self._enrolment = Enrolment(self.dictionary, identities, *roles)
        self.dictionaries = self._enrolment.dictionaries
        plain = self._enrolment.to_plain()
        enrolled = tuple(dict.fromkeys((*self.institutions, *compute)))
        answers(self.fabric.ask_all(enrolled, "enrol", plain))
        told = {"enrolment": plain, "rules": self.rules.to_plain()}
        answers(self.fabric.ask_all((COORDINATOR, COLLECTOR), "enrol", told))

    def columns_of(self, institution: Party) -> Dictionary:
        """All columns of an institution: those common to all, and its own, which only programs can use."""
        return self._enrolment.columns_of(institution)

    def _setting(self, choice: Choice) -> Setting:
        """The choice with names, or with the public half of a key that the collector has made now."""
        self.rules.permits_sum(choice.kind)
        if choice.kind == Pairwise.kind:
            return Pairwise()
        if choice.kind == Committee.kind:
            return choice.committee(self.institutions)
        return setting_from(*self.fabric.ask(COLLECTOR, "key", choice.to_plain()))

    @classmethod
    def simulate(
        cls,
        institutions: Mapping[Party, Any] | Iterable[tuple[Party, Any]],
        *,
        dictionary: Dictionary | None = None,
        rules: Rules | Mapping[Party, Rules] | None = None,
        fabric: Literal["ray", "in-process"] = "ray",
        placement: "Placement | None" = None,
        limits: Limits | None = None,
        sum: Choice | str | Mapping[str, Any] = Pairwise.kind,
        state: str | Path | None = None,
        helpers: Sequence[Party] = (),
        compute: Sequence[Party] | None = None,
        quiet: bool = False,
    ) -> Self:
        """A network on one machine or one Ray cluster, one actor per institution.

        institutions   name -> its records: a path (Parquet, CSV, Arrow); in process also an Arrow table or data frame
        dictionary     declared columns, as `Dictionary.from_toml` reads them, also such that not all institutions have;
                       None: inferred from the records, which shows which categories occur where
        rules          of all institutions, or by institution; None: the defaults
        fabric         "ray": a private local Ray; "in-process": no processes, for tests and teaching
        placement      a running cluster to join, by name, and where its institutions are to live
        sum            how vectors are hidden; see `protocols/sums/settings.py` for the ways and what each trusts
        state          a folder where each institution keeps, under its name, what must outlive it: the ledger of its
                       answers, lists that it was told, prepared sets. None: a network that is closed has forgotten
        helpers        names of neutral compute parties, for programs on secret arrays; two institutions need one
        compute        which three compute on shares; None: helpers, as far as there are any, then institutions
        quiet          do not say that this is a simulation
        raises         InvalidRequest     fewer than three names, equal or reserved ones; rules of nobody, so that a
                                          misspelt name is not a missing rule; a way to add that is not there or not
                                          installed; a state that is no folder; records that cannot be read or that do
                                          not fit each other
                       DisclosureRefused  the rules do not allow this way to add
        """
        sources = named(institutions, len(helpers))
        neutral = helper_recipes(helpers, sources)
        computing = compute_parties(compute, tuple(sources), helpers)
        check_agreements(dictionary, rules, sources)
        choice = Choice.parse(sum)
        check_choice(choice, rules, sources)
        if state is not None:
            check_state(state, here=placement is None)
        recipes = {name: recipe(name, source, dictionary, rules, fabric, state) for name, source in sources.items()}
        recipes |= neutral | {COORDINATOR: Recipe(Coordinator), COLLECTOR: Recipe(Collector)}
        if fabric == RAY and placement is None:
            check_paths(sources)
        if not quiet:
            announce()
        running = start(recipes, fabric, placement, limits)
        try:
            return cls(running, sources, dictionary, choice, computing)
        except BaseException:
            running.close()
            raise

    def secret(
        self,
        owner: Party,
        data: str | Sequence[str] | NDArray[Any],
        *,
        where: str | None = None,
        bound: float | None = None,
        norms: tuple[float, float] | None = None,
        wide: bool = False,
    ) -> SecretArray:
        """An institution's own numbers as a secret array, to compute on with numpy's operators and functions.

        data     columns of its records: one name, shape (n,), or several, (n, p), of the records that have a value in
                 each; a column of two categories is 0 and 1. Or an array that the institution is given to hold
        where    cohort of records
        bound    largest magnitude; None: that of the dictionary, or of the array. A smaller one leaves more digits
        norms    largest 2-norms of rows and of columns, where products can use them
        wide     compute in Z_2^128, with 64 more bits for range and digits
        raises   InvalidRequest     no such institution or column; no bound; numbers that are not finite
                 DisclosureRefused  its rules let no records into programs, or too few records are in the cohort
        """
        self._ready_to_compute()
        return secret_array(self, owner, data, where, bound, norms, wide)

    def link(
        self,
        *institutions: Party,
        on: On,
        columns: Mapping[Party, Sequence[str]] | None = None,
        where: Where = None,
        least: int | None = None,
    ) -> LinkedRecords:
        """Records of several institutions about the same patients, side by side as secret arrays: who matches whom,
        nobody learns.

        institutions   the first one's records are the rows; the others' columns are put beside them
        on             the fields that identify a patient, the same at all: columns, or `Field`s in another form
        columns        what each institution's records bring along; records that lack a value in one take no part
        where          a cohort, or one for each institution
        least          with fewer patients in common the program is refused; None: the smallest cell. One number may be
                       shown for every smallest cell of patients, so ask for as many as what you show needs
        raises         InvalidRequest     no such institution, column or cohort; fields that do not fit each other
                       DisclosureRefused  a rule of one of them, 'linkage' above all, does not allow it
        """
        self._ready_to_compute()
        return link(self, institutions, key_of_texts(on), columns, where, least)

    def intersect(
        self,
        *institutions: Party,
        on: On,
        to: To,
        where: Cohorts = None,
        protocol: str | None = None,
        progress: Progress | None = None,
    ) -> ListReceipt:
        """Tell an institution which of its own patients all the others know too. Only it learns them, or how many.

        on          as for `link`
        to          who is told: one of the institutions, or several, each of its own patients
        where       of one that alone is told a cohort of its records, {"Mayo": "age >= 60"}; nobody else may have one
        protocol    "vole", "iknp" or "oprf" for two, "star" for three or more; None: "vole", or "star"
        raises      InvalidRequest     no such institution, column, cohort or protocol
                    DisclosureRefused  a rule of one of them, 'linkage' or 'lists_to' above all, does not allow it
                    PeerSilent         one of them is lost, and a receiver has no list: ask again
        """
        self._check_open()
        asked = asked_list(self, institutions, on, to, where, protocol)
        self._prepare(institutions, asked["list"])
        return run_list(self.fabric, self._enrolment, asked, progress)

    def explain_intersect(
        self, *institutions: Party, on: On, to: To, where: Cohorts = None, protocol: str | None = None
    ) -> ListExplanation:
        """What `intersect` would cost, who would learn what, and who would refuse it, without running it."""
        self._check_open()
        return explain_list(self.fabric, self._enrolment, asked_list(self, institutions, on, to, where, protocol))

    def run_program(self, program: Program, progress: Progress | None = None) -> dict[int, NDArray[np.float64]]:
        """Run a program once: output number -> what is shown to the researcher. Of others, they hold it.

        raises   DisclosureRefused  an institution's rules do not let its records into it
                 PeerSilent         a compute party, or an owner of numbers, is lost: run it again from the start
        """
        return self._run_program(*self.propose_program(program), progress)[1]

    def _run_program(
        self, encoded: bytes, manifest: ProgramManifest, progress: Progress | None
    ) -> tuple[Run, dict[int, NDArray[np.float64]]]:
        asked = [party for party in manifest.parties if party != COLLECTOR]
        answered(self.fabric, self._enrolment, asked, "consider", encoded)
        run = self.fabric.run(PROTOCOL, manifest.parties, encoded, progress)
        if any(outcome.error is not None for outcome in run.outcomes.values()):
            raise reason(run, self._enrolment, self.fabric.parties)
        shown = run.outcomes[COLLECTOR].value["shown"] if COLLECTOR in run.outcomes else {}
        return run, {int(k): unpack(packed) for k, packed in shown.items()}

    def propose_program(self, program: Program, question: Question | None = None) -> tuple[bytes, ProgramManifest]:
        """The coordinator's manifest for a program; of a question about patients, if it is one's.

        raises   SecureComputeError
        """
        self._check_open()
        asked = {"program": program.to_plain(), "question": None if question is None else question.to_plain()}
        encoded: bytes = self.fabric.ask(COORDINATOR, "propose program", asked)
        manifest = ProgramManifest.decode(encoded, self._enrolment)
        self._prepare([party for linkage in program.linkages for party in linkage.sides], "linkage")
        return encoded, manifest

    def explain_program(self, program: Program) -> ProgramExplanation:
        """What running it would cost and who would learn what, without running it. raises SecureComputeError."""
        return self._explained(*self.propose_program(program))

    def explain_counting(self, question: Question) -> ProgramExplanation:
        """The same of a question about patients whom several institutions know. raises SecureComputeError."""
        return self._explained(*self.propose_counting(question))

    def _explained(self, encoded: bytes, manifest: ProgramManifest) -> ProgramExplanation:
        owners = [party for party in manifest.parties if party in self.institutions]
        told = self.fabric.ask_all(owners, "permit", encoded)
        return explain_program(manifest, [str(text) for text in told.values() if isinstance(text, DisclosureRefused)])

    def _ready_to_compute(self) -> None:
        """Compute parties load their kernels now, and no session waits for that."""
        self._check_open()
        self._prepare(self._enrolment.compute)

    def _prepare(self, parties: Sequence[Party], what: str | None = None) -> None:
        waiting = [party for party in dict.fromkeys(parties) if (party, what) not in self._prepared]
        answered(self.fabric, self._enrolment, waiting, "prepare", what)
        self._prepared |= {(party, what) for party in waiting}

    def _check_open(self) -> None:
        if self._closed:
            raise InvalidRequest("the network is closed; ask inside its `with`, or make it anew")

    def study(self, name: str, progress: Progress | None = None) -> "Study":
        """Questions under one name. `progress` is told what a running question is doing."""
        return Study(self, name, progress)

    def close(self) -> None:
        """End all parties. Closing again changes nothing; asking is an error from now on."""
        self._closed = True
        self.fabric.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"Network({', '.join(self.institutions)}; {self.fabric.name}, trust {self.fabric.trust})"

    def propose(self, question: Question) -> tuple[bytes, Manifest]:
        """The coordinator's manifest for a question. raises SecureComputeError."""
        self._check_open()
        encoded: bytes = self.fabric.ask(COORDINATOR, "propose", question.to_plain())
        return encoded, Manifest.decode(encoded, self._enrolment)

    def run(self, question: Question, progress: Progress | None = None) -> Answer:
        """Ask the institutions, run the session, release the answer.

        raises   DisclosureRefused  an institution's rules, or the network's, do not allow it
                 PeerSilent         too few institutions are left
        """
        encoded, manifest = self.propose(question)
        considered = self.fabric.ask_all(self.institutions, "consider", encoded)
        answers({name: each for name, each in considered.items() if not isinstance(each, PeerLost)})
        run = self.fabric.run(manifest.protocol, (*self.institutions, COORDINATOR, COLLECTOR), encoded, progress)
        collected = run.outcomes[COLLECTOR]
        if collected.error is not None:
            raise cause(run)
        entries = [None if entry is None else int(entry) for entry in collected.value["entries"]]
        analysis = catalogue.find(question.analysis)
        released = manifest.layout.split(entries)
        result = analysis.finish(question, self.dictionary, released, manifest.rules.min_cell)
        precision, included = analysis.precision(question, self.dictionary), tuple(collected.value["included"])
        told = self._provenance(run, manifest.protocol, manifest.rules, precision, included, self.institutions)
        return Answer(question, result, told)

    def propose_counting(self, question: Question) -> tuple[bytes, ProgramManifest]:
        """The coordinator's manifest for a question about patients whom several institutions know.

        raises   InvalidRequest     no such institution; fields that do not fit each other
                 DisclosureRefused  a rule of one of them, 'linkage' above all, does not allow it
        """
        self._ready_to_compute()
        declared = sides_for(self, question, self.dictionaries)
        asked = patients.program(question, declared, self.dictionaries, self.rules.min_cell, COLLECTOR)
        return self.propose_program(asked, question)

    def count_patients(self, question: Question, progress: Progress | None = None) -> Answer:
        """Answer a question about patients whom several institutions know. raises SecureComputeError."""
        encoded, manifest = self.propose_counting(question)
        run, shown = self._run_program(encoded, manifest, progress)
        result = patients.finish(question, manifest.program, shown, self.dictionaries, manifest.rules.min_cell)
        precision, names = (
            patients.find(question.analysis).PRECISION,
            patients.sides_in_order(question, manifest.program).names,
        )
        told = self._provenance(run, PROTOCOL, manifest.rules, precision, names, names)
        return Answer(question, result, told)

    def _provenance(
        self, run: Run, protocol: str, rules: Rules, precision: str, included: Sequence[Party], asked: Sequence[Party]
    ) -> Provenance:
        return Provenance(
            trust=self.fabric.trust,
            institutions=self.institutions,
            took_part=tuple(included),
            dropped_out=tuple(name for name in asked if name not in included),
            coordinator=COORDINATOR,
            protocol=protocol,
            rounds=max(outcome.traffic.rounds for outcome in run.outcomes.values()),
            bytes=sum(outcome.traffic.wire for outcome in run.outcomes.values()),
            seconds=run.seconds,
            session=run.session.hex(),
            rules=rules.to_plain(),
            precision=precision,
        )
