"""Lists of common patients, as a researcher asks for them: to which institution, and what comes back, which is no list.

    network.intersect("Mayo", "Duke", on=["name", "born"], to="Mayo", where={"Mayo": "age >= 60"})

A cohort is of the records of who alone is told: at another institution it would tell the receiver who is in it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from securecompute import display
from securecompute.coordinator import COORDINATOR, answers, cause
from securecompute.disclosure.rules import LISTS
from securecompute.engine.fabric import SINGLE_DOMAIN, Fabric, Progress, Run
from securecompute.engine.rounds import Party
from securecompute.errors import DisclosureRefused, InvalidRequest
from securecompute.linking import key_of
from securecompute.list_explanation import ListExplanation, explained
from securecompute.list_manifest import STAR, VOLE, ListManifest, check_cohorts, check_protocol
from securecompute.manifest import Enrolment
from securecompute.patients.keys import key_of_texts
from securecompute.records.columns import near
from securecompute.records.identifiers import On
from securecompute.secret_arrays.linked import Linkers, sides_of

To: TypeAlias = Party | Sequence[Party]
Cohorts: TypeAlias = Mapping[Party, str] | None  # of who is told


@dataclass(frozen=True, slots=True, repr=False)
class ListReceipt:
    """That a list was told, and to whom. Holds no number of patients: the researcher learns none.

    name        under which each receiver's software keeps its list, for its steward
    receivers   who has a list, of its own patients that all the other institutions know too
    written     which of them have it as lists/<name>.parquet in the folder of their state; others in memory alone
    on          the key, in words
    bytes       on the wire, of all parties; with rounds and seconds the same whoever matches, up to a clock's noise
    session     the session's id, hexadecimal
    trust       "single-domain": a simulation, whose operator could read everything
    """

    name: str
    institutions: tuple[Party, ...]
    receivers: tuple[Party, ...]
    written: tuple[Party, ...]
    on: str
    protocol: str
    rounds: int
    bytes: int
    seconds: float
    session: str
    trust: str

    def __str__(self) -> str:
        told = []
        for receiver in self.receivers:
            others = " and ".join(name for name in self.institutions if name != receiver)
            know = "knows" if len(self.institutions) == 2 else "all know"
            told.append(f"{receiver} was told which of its patients {others} {know} too: list {self.name}")
            told.append(f"  {self.place(receiver)}")
        mode = "simulation, one trust domain" if self.trust == SINGLE_DOMAIN else self.trust
        cost = f"{self.protocol}, {self.rounds} rounds, {display.size(self.bytes)}, {self.seconds:.2g} s"
        last = f"{mode}; compared: {self.on}; {cost}; session {self.session[:16]}"
        return "\n".join([*told, "Nobody else was told anything, and how many they are nobody else knows.", last])

    def place(self, receiver: Party) -> str:
        """Where a receiver's steward finds its list."""
        if receiver in self.written:
            return f"it is a file in the folder of {receiver}'s state: lists/{self.name}.parquet"
        return (
            f"it is in memory until {receiver}'s software ends, where its steward calls "
            f"write_list('{self.name}', 'common.csv'); with a folder, state=..., it would be a file at once"
        )

    __repr__ = __str__


def asked_list(
    network: Linkers, institutions: Sequence[Party], on: On, to: To, where: Cohorts, protocol: str | None
) -> dict[str, Any]:
    """What the coordinator is asked to propose: each institution is asked for its public number.

    raises   InvalidRequest     no such institution, column, cohort or protocol; a receiver that takes no part; a cohort
                                that somebody else would learn of
             DisclosureRefused  a rule of one of them does not allow it
    """
    _check_named(institutions, network.institutions)
    receivers = _receivers(institutions, to)
    protocol = protocol or (VOLE if len(institutions) == 2 else STAR)
    check_protocol(protocol, len(institutions))
    _check_where(institutions, receivers, where)
    sides, key = sides_of(network, institutions, key_of_texts(on), {}, where, LISTS)
    return {
        "list": protocol,
        "on": [[list(field) for field in part] for part in key],
        "sides": [side.to_plain() for side in sides],
        "receivers": [name for name in institutions if name in receivers],
    }


def _check_named(institutions: Sequence[Any], there: Sequence[Party]) -> None:
    """Return if these are two institutions of the network or more, each once. raises InvalidRequest"""
    if not all(isinstance(name, str) for name in institutions):
        raise InvalidRequest(
            "institutions are named one after the other: intersect('Mayo', 'Duke', on='mrn', to='Mayo')"
        )
    if strangers := [name for name in institutions if name not in there]:
        raise InvalidRequest(f"there is no institution '{strangers[0]}'{near(strangers[0], there, 'institutions')}")
    twice = [name for name in institutions if institutions.count(name) > 1]
    if twice or len(institutions) < 2:
        alone = f"only '{institutions[0]}' is named" if institutions else "none is named"
        found = f"'{twice[0]}' is named twice" if twice else alone
        raise InvalidRequest(f"patients of two institutions or more are compared, each named once; {found}")


def _receivers(institutions: Sequence[Party], to: Any) -> list[Party]:
    """Who is told. raises InvalidRequest: nobody, who takes no part, one twice, or no names"""
    given = [to] if isinstance(to, str) else to
    if not isinstance(given, list | tuple | set | frozenset) or not all(isinstance(name, str) for name in given):
        kind = type(to).__name__
        raise InvalidRequest(f"to= names who is told, to='{institutions[0]}', or a list of names; this is a {kind}")
    if not given:
        raise InvalidRequest(f"nobody would be told the list; name an institution, to='{institutions[0]}'")
    for name in given:
        if name not in institutions:
            known = near(name, institutions, "institutions that take part")
            raise InvalidRequest(f"'{name}' takes no part, so it cannot be told a list of its patients{known}")
    if len(set(given)) != len(given):
        raise InvalidRequest(f"to={given!r} names an institution twice; once is enough")
    return list(given)


def _check_where(institutions: Sequence[Party], receivers: Sequence[Party], where: Any) -> None:
    """Return if only who alone is told has a cohort, before anybody is asked. raises InvalidRequest"""
    if where is None:
        return
    who = receivers[0]
    if not isinstance(where, Mapping):
        alone = "" if len(receivers) == 1 else f" and to='{who}' alone"
        raise InvalidRequest(
            "one cohort for all would tell who is in it at the others; a list has none but of the records of who is "
            f"told it, by name: where={{'{who}': ...}}{alone}"
        )
    for name in where:
        if name not in institutions:
            known = near(str(name), institutions, "institutions that take part")
            raise InvalidRequest(f"'{name}' takes no part, so it has no cohort in this list{known}")
    check_cohorts(where, receivers)


def explain_list(fabric: Fabric, enrolment: Enrolment, asked: dict[str, Any]) -> ListExplanation:
    """What a list would cost, who would learn what, and who would refuse it, without running it.

    raises   SecureComputeError  what running it would, before it runs: but for refusals, which the explanation names
    """
    encoded, manifest = _proposed(fabric, enrolment, asked)
    told = fabric.ask_all(manifest.parties, "permit", encoded)
    refused = {name: each for name, each in told.items() if isinstance(each, DisclosureRefused)}
    permitted = answers({name: each for name, each in told.items() if name not in refused})
    written = [name for name, each in permitted.items() if _written(each)]
    return explained(manifest, [str(each) for each in refused.values()], written)


def run_list(fabric: Fabric, enrolment: Enrolment, asked: dict[str, Any], progress: Progress | None) -> ListReceipt:
    """Have the list proposed and considered, and run its session. raises SecureComputeError."""
    encoded, manifest = _proposed(fabric, enrolment, asked)
    answers(fabric.ask_all(manifest.parties, "consider", encoded))
    heard = sorted(manifest.parties, key=manifest.receivers.__contains__)  # the last one tells of its progress
    run = fabric.run(f"{manifest.protocol} list", heard, encoded, progress)
    return _receipt(manifest, run, fabric.trust)


def _proposed(fabric: Fabric, enrolment: Enrolment, asked: dict[str, Any]) -> tuple[bytes, ListManifest]:
    encoded: bytes = fabric.ask(COORDINATOR, "propose list", asked)
    return encoded, ListManifest.decode(encoded, enrolment)


def _written(told: Any) -> bool:
    """Whether an institution says that it keeps lists in a folder."""
    return isinstance(told, Mapping) and told.get("written") is True


def _receipt(manifest: ListManifest, run: Run, trust: str) -> ListReceipt:
    """What a researcher is told of a session in which every receiver has its list.

    raises   SecureComputeError  one of them has none, and why. Who was lost after all was said changes nothing
    """
    if any(run.outcomes[name].error is not None for name in manifest.receivers):
        raise cause(run)
    return ListReceipt(
        name=manifest.name,
        institutions=manifest.parties,
        receivers=manifest.receivers,
        written=tuple(name for name in manifest.receivers if _written(run.outcomes[name].value)),
        on=str(key_of(manifest.on)),
        protocol=manifest.protocol,
        rounds=max(outcome.traffic.rounds for outcome in run.outcomes.values()),
        bytes=sum(outcome.traffic.wire for outcome in run.outcomes.values()),
        seconds=run.seconds,
        session=run.session.hex(),
        trust=trust,
    )
