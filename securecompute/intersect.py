"""Lists of common patients, as a researcher asks for them: to which institution, and what comes back, which is no list.

network.intersect("Mayo", "Duke", on=["name", "born"], to="Mayo")
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from securecompute import display
from securecompute.coordinator import COORDINATOR, answers, cause
from securecompute.disclosure.rules import LISTS
from securecompute.engine.fabric import SINGLE_DOMAIN, Fabric, Progress, Run
from securecompute.engine.rounds import Party
from securecompute.errors import InvalidRequest
from securecompute.linking import key_of
from securecompute.list_manifest import STAR, VOLE, ListManifest, check_protocol
from securecompute.manifest import Enrolment
from securecompute.records.key_types import KeyType
from securecompute.secret_arrays.linked import Linkers, Where, sides_of


@dataclass(frozen=True, slots=True, repr=False)
class ListReceipt:
    """That a list was told, and to whom. Holds no number of patients: the researcher learns none.

    name        under which each receiver's software keeps its list, for its steward
    receivers   who has a list, of its own patients that all the other institutions know too
    on          the key, in words
    bytes       on the wire, of all parties; with rounds and seconds the same whoever matches, up to a clock's noise
    session     the session's id, hexadecimal
    trust       "single-domain": a simulation, whose operator could read everything
    """

    name: str
    institutions: tuple[Party, ...]
    receivers: tuple[Party, ...]
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
        mode = "simulation, one trust domain" if self.trust == SINGLE_DOMAIN else self.trust
        cost = f"{self.protocol}, {self.rounds} rounds, {display.size(self.bytes)}, {self.seconds:.2g} s"
        last = f"{mode}; compared: {self.on}; {cost}; session {self.session[:16]}"
        return "\n".join([*told, "Nobody else was told anything, and how many they are nobody else knows.", last])

    __repr__ = __str__


def asked_list(
    network: Linkers,
    institutions: Sequence[Party],
    on: KeyType,
    to: Party | Sequence[Party],
    where: Where,
    protocol: str | None,
) -> dict[str, Any]:
    """What the coordinator is asked to propose: each institution is asked for its public number.

    raises   InvalidRequest     no such institution, column, cohort or protocol; a receiver that takes no part
             DisclosureRefused  a rule of one of them does not allow it
    """
    receivers = [to] if isinstance(to, str) else list(to)
    if len(set(institutions)) != len(institutions) or len(institutions) < 2:
        raise InvalidRequest("patients of two institutions or more are compared, each named once")
    for name in receivers:
        if name not in institutions:
            raise InvalidRequest(f"'{name}' takes no part, so it cannot be told a list of its patients")
    if not receivers:
        raise InvalidRequest("nobody would be told the list; name an institution, to='Mayo'")
    protocol = protocol or (VOLE if len(institutions) == 2 else STAR)
    check_protocol(protocol, len(institutions))
    sides, key = sides_of(network, institutions, on, {}, where, LISTS)
    return {
        "list": protocol,
        "on": [[list(field) for field in part] for part in key],
        "sides": [side.to_plain() for side in sides],
        "receivers": [name for name in institutions if name in receivers],
    }


def run_list(fabric: Fabric, enrolment: Enrolment, asked: dict[str, Any], progress: Progress | None) -> ListReceipt:
    """Have the list proposed and considered, and run its session. raises SecureComputeError."""
    encoded = fabric.ask(COORDINATOR, "propose list", asked)
    manifest = ListManifest.decode(encoded, enrolment)
    answers(fabric.ask_all(manifest.parties, "consider", encoded))
    heard = sorted(manifest.parties, key=manifest.receivers.__contains__)  # the last one tells of its progress
    run = fabric.run(f"{manifest.protocol} list", heard, encoded, progress)
    return _receipt(manifest, run, fabric.trust)


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
        on=str(key_of(manifest.on)),
        protocol=manifest.protocol,
        rounds=max(outcome.traffic.rounds for outcome in run.outcomes.values()),
        bytes=sum(outcome.traffic.wire for outcome in run.outcomes.values()),
        seconds=run.seconds,
        session=run.session.hex(),
        trust=trust,
    )
