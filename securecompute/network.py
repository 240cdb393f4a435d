"""What a researcher holds: a network of institutions, and studies that ask it questions.

    with sc.Network.simulate({"Indiana": "iu.parquet", "Michigan": "um.parquet", "Kentucky": "uk.parquet"}) as network:
        study = network.study("indomethacin")
        print(study.crosstab("rx", "outcome"))

A simulation is one trust domain: the protocols and sealed messages are the real ones, but whoever administers the
cluster could read every institution's records. It says so when it starts and on every answer.
"""

import hashlib
import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Literal, Self

from securecompute.analyses import catalogue
from securecompute.analyses.question import Question
from securecompute.answer import Answer, Provenance
from securecompute.coordinator import COLLECTOR, COORDINATOR, Collector, Coordinator
from securecompute.disclosure.rules import Rules, strictest
from securecompute.engine.fabric import Fabric, Progress, Recipe, Run
from securecompute.engine.rounds import Party
from securecompute.engine.runner import Limits
from securecompute.errors import InternalFault, InvalidRequest, PeerLost, SecureComputeError
from securecompute.explanation import Explanation, explain
from securecompute.institution import Institution
from securecompute.manifest import Enrolment, Manifest
from securecompute.protocols.sums.interface import check_installed
from securecompute.protocols.sums.settings import Choice, Committee, Pairwise, Setting, setting_from
from securecompute.records.columns import near
from securecompute.records.dictionary import Dictionary, compare

if TYPE_CHECKING:
    from securecompute.engine.on_ray import Placement

BANNER = "simulation: one trust domain. Whoever administers this cluster could read every institution's records."
RAY, IN_PROCESS = "ray", "in-process"


class Network:
    """Institutions, a coordinator and a collector on a fabric. Close it, or use it with `with`."""

    def __init__(
        self,
        fabric: Fabric,
        institutions: Iterable[Party],
        dictionary: Dictionary | None,
        sum: Choice | str | Mapping[str, Any] = Pairwise.kind,
    ) -> None:
        """Form a network of the parties that live on a fabric. `Network.simulate` makes both.

        dictionary   the common one; None: what the institutions' own have in common. A column on which they do not
                     agree stands in `unusable`, and a question that uses it is an error that says why
        sum          how vectors are hidden: "pairwise", "committee", "paillier", "lattice"; or a table, as a study's

        raises   InvalidRequest     the institutions' records do not fit each other, or the dictionary
                 DisclosureRefused  an institution's rules do not allow this way to add
        """
        self.fabric = fabric
        self._closed = False
        self.institutions = tuple(institutions)
        introduced = self._answers(self.fabric.ask_all(self.institutions, "introduce"))
        inferred = {name: Dictionary.from_plain(each["dictionary"]) for name, each in introduced.items()}
        self.dictionary, self.unusable = compare(inferred) if dictionary is None else (dictionary, {})
        if not self.dictionary:
            raise InvalidRequest("no column is common to all institutions:\n" + "\n".join(self.unusable.values()))
        self.rules = strictest(*(Rules.from_plain(each["rules"]) for each in introduced.values()))
        identities = {name: each["identity"] for name, each in introduced.items()}
        setting = self._setting(Choice.parse(sum))
        self._enrolment = Enrolment(self.dictionary, identities, COORDINATOR, COLLECTOR, setting)
        plain = self._enrolment.to_plain()
        self._answers(self.fabric.ask_all(self.institutions, "enrol", plain))
        roles = {"enrolment": plain, "rules": self.rules.to_plain()}
        self._answers(self.fabric.ask_all((COORDINATOR, COLLECTOR), "enrol", roles))

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
        quiet: bool = False,
    ) -> Self:
        """A network on one machine or one Ray cluster, one actor per institution.

        institutions   name -> its records: a path (Parquet, CSV, Arrow); in process also an Arrow table or data frame
        dictionary     declared columns; None: inferred from the records, which shows which categories occur where
        rules          of all institutions, or by institution; None: the defaults
        fabric         "ray": a private local Ray; "in-process": no processes, for tests and teaching
        placement      a running cluster to join, by name, and where its institutions are to live
        sum            how vectors are hidden; see `protocols/sums/settings.py` for the ways and what each trusts
        state          a folder where each institution keeps, under its name, what must outlive it: the ledger of its
                       answers. None: a network that is closed has forgotten
        quiet          do not say that this is a simulation
        raises         InvalidRequest     fewer than three names, equal or reserved ones; rules of nobody, so that a
                                          misspelt name is not a missing rule; a way to add that is not there or not
                                          installed; a state that is no folder; records that cannot be read or that do
                                          not fit each other
                       DisclosureRefused  the rules do not allow this way to add
        """
        sources = _named(institutions)
        _check_agreements(dictionary, rules, sources)
        choice = Choice.parse(sum)
        _check_choice(choice, rules, sources)
        if state is not None:
            _check_state(state, here=placement is None)
        recipes = {name: _recipe(name, source, dictionary, rules, fabric, state) for name, source in sources.items()}
        recipes |= {COORDINATOR: Recipe(Coordinator), COLLECTOR: Recipe(Collector)}
        if fabric == RAY and placement is None:
            _check_paths(sources)
        if not quiet:
            _say(BANNER)
        running = _start(recipes, fabric, placement, limits)
        try:
            return cls(running, sources, dictionary, choice)
        except BaseException:
            running.close()
            raise

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
        if self._closed:
            raise InvalidRequest("the network is closed; ask inside its `with`, or make it anew")
        encoded: bytes = self.fabric.ask(COORDINATOR, "propose", question.to_plain())
        return encoded, Manifest.decode(encoded, self._enrolment)

    def run(self, question: Question, progress: Progress | None = None) -> Answer:
        """Ask the institutions, run the session, release the answer.

        raises   DisclosureRefused  an institution's rules, or the network's, do not allow it
                 PeerSilent         too few institutions are left
        """
        encoded, manifest = self.propose(question)
        considered = self.fabric.ask_all(self.institutions, "consider", encoded)
        self._answers({name: each for name, each in considered.items() if not isinstance(each, PeerLost)})
        run = self.fabric.run(manifest.protocol, (*self.institutions, COORDINATOR, COLLECTOR), encoded, progress)
        collected = run.outcomes[COLLECTOR]
        if collected.error is not None:
            raise _cause(run)
        entries = [None if entry is None else int(entry) for entry in collected.value["entries"]]
        analysis = catalogue.find(question.analysis)
        released = manifest.layout.split(entries)
        result = analysis.finish(question, self.dictionary, released, manifest.rules.min_cell)
        return Answer(question, result, self._provenance(run, manifest, tuple(collected.value["included"])))

    def _provenance(self, run: Run, manifest: Manifest, included: tuple[Party, ...]) -> Provenance:
        analysis = catalogue.find(manifest.question.analysis)
        return Provenance(
            trust=self.fabric.trust,
            institutions=self.institutions,
            took_part=included,
            dropped_out=tuple(name for name in self.institutions if name not in included),
            coordinator=COORDINATOR,
            protocol=manifest.protocol,
            rounds=max(outcome.traffic.rounds for outcome in run.outcomes.values()),
            bytes=sum(outcome.traffic.wire for outcome in run.outcomes.values()),
            seconds=run.seconds,
            session=run.session.hex(),
            rules=manifest.rules.to_plain(),
            precision=analysis.precision(manifest.question, self.dictionary),
        )

    @staticmethod
    def _answers(answers: Mapping[Party, Any]) -> Mapping[Party, Any]:
        """The answers, if none is an error; several errors of one kind become one text."""
        errors = [answer for answer in answers.values() if isinstance(answer, SecureComputeError)]
        if errors:
            texts = dict.fromkeys(str(error) for error in errors)
            raise type(errors[0])("\n".join(texts))
        return answers


class Study:
    """Questions to one network, under a name."""

    def __init__(self, network: Network, name: str, progress: Progress | None = None) -> None:
        self.network, self.name = network, name
        self._progress = progress

    def __repr__(self) -> str:
        return f"Study({self.name!r}, {self.network!r})"

    def count(self, where: str | None = None) -> Answer:
        """How many patients are in a cohort. raises SecureComputeError."""
        return self.ask("count", where=where)

    def crosstab(self, row: str, column: str, where: str | None = None, **options: Any) -> Answer:
        """Patients by two categorical columns, with tests and measures of association. raises SecureComputeError."""
        return self.ask("crosstab", row=row, column=column, where=where, **options)

    def describe(self, column: str, by: str | None = None, where: str | None = None) -> Answer:
        """n, missing, mean, sd and variance of a numeric column, by group if asked. raises SecureComputeError."""
        return self.ask("describe", column=column, by=by, where=where)

    def ask(self, analysis: str, /, **parameters: Any) -> Answer:
        """Any question of the catalogue, by name. raises SecureComputeError."""
        return self.network.run(self.question(analysis, **parameters), self._progress)

    def question(self, analysis: str, /, **parameters: Any) -> Question:
        """The question, checked against the dictionary and not asked. raises InvalidRequest."""
        try:
            return catalogue.ask(analysis, self.network.dictionary, **parameters)
        except InvalidRequest as error:
            unusable = self.network.unusable
            lacking = [name for name in unusable if f"there is no column '{name}'" in str(error)]
            named = [name for name in unusable if name in lacking or name in parameters.values()] if lacking else []
            raise InvalidRequest("\n".join([unusable[name] for name in named] or [str(error)])) from None

    def explain(self, analysis: str, /, **parameters: Any) -> Explanation:
        """What asking would cost and who would learn what, without asking. raises SecureComputeError."""
        _, manifest = self.network.propose(self.question(analysis, **parameters))
        return explain(manifest, self.network.institutions)


def _named(institutions: Mapping[Party, Any] | Iterable[tuple[Party, Any]]) -> dict[Party, Any]:
    pairs = list(institutions.items() if isinstance(institutions, Mapping) else institutions)
    if not all(isinstance(pair, tuple) and len(pair) == 2 for pair in pairs):
        raise InvalidRequest("institutions are given by name, as {'Bern': 'bern.parquet', 'Lyon': 'lyon.parquet'}")
    seen: dict[str, Party] = {}
    for name, _ in pairs:
        if not isinstance(name, str) or not name.strip() or len(name.encode()) > 64:
            raise InvalidRequest("an institution has no name, or one longer than 64 bytes; give each a short one")
        folded = name.strip().casefold()
        if folded in seen:
            raise InvalidRequest(f"two institutions are called '{seen[folded]}' and '{name}'; give each its own name")
        if folded in (COORDINATOR, COLLECTOR):
            raise InvalidRequest(f"'{name}' is the name of another role; call the institution something else")
        seen[folded] = name
    if not pairs:
        raise InvalidRequest("no institutions were given; name at least three with their records")
    if len(pairs) < 3:
        raise InvalidRequest(
            f"a network of {len(pairs)} institution{'s' * (len(pairs) != 1)}: with two, each learns the other's exact "
            "numbers by subtracting its own from the total. Name three or more"
        )
    return dict(pairs)


def _check_choice(choice: Choice, rules: Any, names: Mapping[Party, Any]) -> None:
    """Return if this way to add can be had: told before keys are made, and before Ray takes seconds to start."""
    given = [rules] if isinstance(rules, Rules) else list((rules or {}).values())
    if given:
        strictest(*given).permits_sum(choice.kind)
    if choice.kind == Committee.kind:
        choice.committee(tuple(names))
    check_installed(choice.kind)


def _check_state(state: Any, here: bool) -> None:
    """Return if institutions can keep folders in it; on other machines only they can know. raises InvalidRequest."""
    if not isinstance(state, (str, os.PathLike)) or not str(state).strip() or "\0" in str(state):
        raise InvalidRequest("state is a folder where institutions keep their ledgers; name one, or leave state out")
    if here:
        folder = Path(state).expanduser().absolute()
        above = next(place for place in (folder, *folder.parents) if os.path.lexists(place))
        if not above.is_dir() or not os.access(above, os.W_OK):
            raise InvalidRequest(
                f"state '{state}': '{above}' is no folder one may write to; name another, or leave state out"
            )


def _check_agreements(dictionary: Any, rules: Any, names: Iterable[Party]) -> None:
    """Return if these are a dictionary and rules, and each rule is somebody's. raises InvalidRequest."""
    if dictionary is not None and not isinstance(dictionary, Dictionary):
        raise InvalidRequest(
            f"dictionary is a {type(dictionary).__name__}; read one with sc.Dictionary.from_toml('columns.toml')"
        )
    if rules is None or isinstance(rules, Rules):
        return
    if not isinstance(rules, Mapping):
        raise InvalidRequest(
            f"rules is a {type(rules).__name__}; write sc.Rules(min_cell=10), for all or by institution"
        )
    for name, own in rules.items():
        if name not in names:
            raise InvalidRequest(
                f"rules are given for '{name}', which is no institution (for all of them write "
                f"rules=sc.Rules(...)){near(str(name), names, 'institutions')}"
            )
        if not isinstance(own, Rules):
            raise InvalidRequest(f"the rules of '{name}' are a {type(own).__name__}; write sc.Rules(min_cell=10)")


def _check_paths(sources: Mapping[Party, Any]) -> None:
    """Every file is there: told before Ray takes seconds to start. On other machines only the institutions can know."""
    missing = [f"records of '{n}': there is no file {Path(s).name}" for n, s in sources.items() if not Path(s).exists()]
    if missing:
        raise InvalidRequest("\n".join(missing))


def _recipe(
    name: Party,
    source: Any,
    dictionary: Dictionary | None,
    rules: Rules | Mapping[Party, Rules] | None,
    fabric: str,
    state: str | Path | None,
) -> Recipe:
    if fabric == RAY and not isinstance(source, str) and not hasattr(source, "__fspath__"):
        raise InvalidRequest(
            f"'{name}' was given a {type(source).__name__}; on Ray an institution loads its own records, so give the "
            "path of a Parquet, CSV or Arrow file, or simulate with fabric='in-process'"
        )
    own = rules if isinstance(rules, Rules) or rules is None else rules.get(name)
    arguments = {
        "name": name,
        "source": str(source) if fabric == RAY else source,
        "dictionary": None if dictionary is None else dictionary.to_plain(),
        "rules": None if own is None else own.to_plain(),
        "state": None if state is None else str(Path(state).expanduser().absolute() / _folder(name)),
    }
    return Recipe(Institution, arguments)


def _folder(name: Party) -> str:
    """A name for an institution's folder that no file system refuses, different for different institutions."""
    plain = "".join(letter if letter.isalnum() and letter.isascii() else "-" for letter in name)
    return f"{plain}-{hashlib.sha256(name.encode()).hexdigest()[:8]}"


def _start(
    recipes: Mapping[Party, Recipe], fabric: str, placement: "Placement | None", limits: Limits | None
) -> Fabric:
    if fabric == IN_PROCESS:
        from securecompute.engine.in_process import InProcess

        return InProcess(recipes, limits)
    if fabric == RAY:
        from securecompute.engine.on_ray import OnRay  # starts Ray's own imports, which take seconds

        return OnRay(recipes, limits, placement)
    raise InvalidRequest(f"there is no fabric '{fabric}'; choose '{RAY}' or '{IN_PROCESS}'")


def _cause(run: Run) -> SecureComputeError:
    """The error of a run that explains the others.

    One that merely repeats that another party ended comes last, a party that is gone before it, and of the others the
    coordinator's first, since it saw everybody.
    """
    order = [COORDINATOR, COLLECTOR, *(p for p in run.outcomes if p not in (COORDINATOR, COLLECTOR))]
    failed = [outcome for party in order if (outcome := run.outcomes[party]).error is not None]
    failed.sort(key=lambda outcome: (outcome.echo, outcome.traffic.rounds == 0))
    error = failed[0].error if failed else None
    return error if error is not None else InternalFault("a session failed and nobody says why")


def _say(text: str) -> None:
    from rich.console import Console

    Console(stderr=True, highlight=False).print(text, style="yellow")
