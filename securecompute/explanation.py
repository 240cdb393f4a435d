"""What a question would cost and who would learn what, worked out without running it."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

from securecompute import display
from securecompute.analyses import catalogue
from securecompute.disclosure.rules import Rules
from securecompute.manifest import Manifest
from securecompute.protocols.sums.descriptor import Descriptor
from securecompute.protocols.sums.interface import Learns, protocol_of
from securecompute.protocols.sums.settings import Committee, Lattice, Paillier, Setting

if TYPE_CHECKING:
    from rich.console import RenderableType

MILLISECONDS_A_ROUND = 5.0  # on one machine, with Ray and sockets; over a network a round trip comes on top
PAILLIER_MILLISECONDS = 60.0  # for one institution's short vector, 2048 bits; grows with the square of the bits
LATTICE_MILLISECONDS = 30.0  # for one institution's vector of at most 8192 entries


@dataclass(frozen=True, slots=True, repr=False)
class Explanation:
    """One question, before it runs.

    bytes      payload that each institution, the coordinator, and a committee's member, sends if nobody drops out
    seconds    of the protocol alone, if institutions encrypt one after another; work on records comes on top
    dropouts   how many institutions may be lost on the way
    learns     (who, what) for every party
    sum        how vectors are hidden, as a study's `sum` would say it: kind, members of a committee, bits of a key
    """

    question: str
    protocol: str
    institutions: tuple[str, ...]
    entries: int
    ring_bits: int
    rounds: int
    bytes_institution: int
    bytes_coordinator: int
    seconds: float
    dropouts: int
    learns: tuple[tuple[str, str], ...]
    rules: dict[str, Any]
    precision: str
    bytes_member: int | None = None
    members_lost: int | None = None
    sum: dict[str, Any] = field(default_factory=dict)

    def to_plain(self) -> dict[str, Any]:
        """Every field by name."""
        plain = asdict(self)
        return plain | {"institutions": list(self.institutions), "learns": [list(pair) for pair in self.learns]}

    def lines(self) -> list[str]:
        """A few lines for people."""
        each = f"{display.size(self.bytes_institution)} from each institution"
        key = f", under a key of {self.sum['key_bits']} bits" if "key_bits" in self.sum else ""
        lost = f"{self.dropouts} institution{'s' * (self.dropouts != 1)} may drop out"
        if self.bytes_member is not None:
            each += f", {display.size(self.bytes_member)} from one in the committee"
            lost += f", of the committee {self.members_lost}"
        return [
            f"{self.protocol} of {self.entries} number{'s' * (self.entries != 1)} "
            f"over {len(self.institutions)} institutions, mod 2^{self.ring_bits}{key}",
            f"{self.rounds} rounds, {each}, {display.size(self.bytes_coordinator)} from the coordinator, "
            f"about {self.seconds:.2g} s; {lost}",
            f"counts from 1 to {self.rules['min_cell'] - 1} stay hidden; {self.precision}",
        ]

    def __rich__(self) -> "RenderableType":
        return display.who_learns(self.learns, self.lines(), self.question)

    def __str__(self) -> str:
        return display.text(self.__rich__())

    __repr__ = __str__


def explain(manifest: Manifest, institutions: Sequence[str]) -> Explanation:
    """The explanation of a manifest, from its descriptor and its cost function."""
    descriptor = manifest.descriptor
    protocol, rules, setting = protocol_of(descriptor), manifest.rules, descriptor.setting
    members_lost = len(setting.members) - setting.quorum if isinstance(setting, Committee) else None
    price = protocol.cost(descriptor)
    analysis = catalogue.find(manifest.question.analysis)
    enrolment = manifest.enrolment
    precision = analysis.precision(manifest.question, enrolment.dictionary)
    return Explanation(
        question=manifest.question.describe(),
        protocol=manifest.protocol,
        institutions=tuple(institutions),
        entries=manifest.layout.length,
        ring_bits=descriptor.ring.bits,
        rounds=price.rounds,
        bytes_institution=price.institution,
        bytes_coordinator=price.coordinator,
        seconds=(price.rounds * MILLISECONDS_A_ROUND + len(institutions) * _encrypting(setting)) / 1000,
        dropouts=_dropouts(descriptor),
        learns=_learns(rules, setting, protocol.learns(descriptor, enrolment.coordinator, enrolment.collector)),
        rules=rules.to_plain(),
        precision=precision,
        bytes_member=price.member if isinstance(setting, Committee) else None,
        members_lost=members_lost,
        sum=_chosen(setting),
    )


def _encrypting(setting: Setting) -> float:
    """Milliseconds that one institution takes to encrypt; none for masks."""
    if isinstance(setting, Paillier):
        return PAILLIER_MILLISECONDS * (8 * len(setting.modulus) / 2048) ** 2
    return LATTICE_MILLISECONDS if isinstance(setting, Lattice) else 0.0


def _dropouts(descriptor: Descriptor) -> int:
    """Institutions that may be lost: of a committee only as many as leave a quorum of it."""
    n, setting = len(descriptor.institutions), descriptor.setting
    needed = setting.quorum if isinstance(setting, Committee) else 0
    return n - max(descriptor.quorum, needed)


def _chosen(setting: Setting) -> dict[str, Any]:
    if isinstance(setting, Committee):
        return {
            "kind": setting.kind,
            "members": list(setting.members),
            "honest_coordinator": setting.honest_coordinator,
        }
    bits = {"key_bits": 8 * len(setting.modulus)} if isinstance(setting, Paillier) else {}
    return {"kind": setting.kind} | bits


def _learns(rules: Rules, setting: Setting, in_protocol: Learns) -> Learns:
    trusted = isinstance(setting, Committee) and setting.honest_coordinator
    lies = "totals over two sets of institutions may come out, and their difference be one institution's numbers"
    return (
        ("researcher", f"the answer, without counts from 1 to {rules.min_cell - 1}; who took part, who dropped out"),
        *in_protocol,
        *([("collector, if coordinator shows members different survivors", lies)] if trusted else []),
        ("operator of the cluster", "everything, if it looks: a simulation is one trust domain"),
    )
