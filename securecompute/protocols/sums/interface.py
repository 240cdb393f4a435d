"""What every sum in this folder offers, whichever way it hides the vectors.

    contribute(own, descriptor, coordinator, collector, x)   run by every institution
    coordinate(descriptor, collector)                        run by the coordinator
    collect(descriptor, coordinator, key)                    run by the collector
    cost(descriptor)                                         what it takes, exactly
    learns(descriptor, coordinator, collector)               who learns what, in words

Where the collector holds a key, the file also has make_key(choice, randomness): the secret key, and the setting with
the public one. One conformance suite in the tests holds all of them to it.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from importlib import import_module
from typing import Any, Protocol, TypeAlias, cast

import numpy as np
from numpy.typing import NDArray

from securecompute.arithmetic.rings import Ring
from securecompute.engine.rounds import Part, Party
from securecompute.errors import EncodingOverflow, InvalidRequest
from securecompute.primitives.keys import IdentityKey
from securecompute.primitives.randomness import Randomness
from securecompute.protocols.sums.descriptor import Descriptor
from securecompute.protocols.sums.settings import Choice, Lattice, Paillier, Setting
from securecompute.values import Plain

Elements: TypeAlias = NDArray[np.unsignedinteger[Any]]
Learns: TypeAlias = tuple[tuple[str, str], ...]


class Ledger(Protocol):
    """An institution's memory of what it has revealed."""

    def check(self, plan: bytes, survivors: Sequence[Party]) -> None:
        """raises   DisclosureRefused  another set of institutions has been revealed for this plan"""

    def commit(self, plan: bytes, survivors: Sequence[Party]) -> None:
        """As `check`, and remember it for ever, before anything is sent."""


@dataclass(frozen=True, slots=True)
class Contributor:
    """What an institution brings to any sum, and keeps to itself.

    identity   whose public half the descriptor pins for `name`
    ledger     its memory of what it has revealed; each way to add says when it is asked, and when told
    """

    name: Party
    identity: IdentityKey
    ledger: Ledger
    randomness: Randomness = field(repr=False)


@dataclass(frozen=True, slots=True)
class Survivors:
    """Who got how far: gave what the others need to go on without it (U₂), and is in the total (U₃)."""

    shared: tuple[Party, ...]
    included: tuple[Party, ...]


@dataclass(frozen=True, slots=True)
class Cost:
    """rounds, and payload bytes that each role sends when nobody drops out.

    institution   one that has no other role
    member        one that is in the committee, where there is one; else as `institution`
    """

    rounds: int
    institution: int
    coordinator: int
    member: int


class SumProtocol(Protocol):
    """A file of this folder that adds. Only the collector of an encrypted sum has a `key`: the secret one."""

    def contribute(
        self, own: Contributor, descriptor: Descriptor, coordinator: Party, collector: Party, x: Plain
    ) -> Part[tuple[Party, ...]]:
        """Take part; returns who is in the total.

        x        elements of the descriptor's ring, length d; |entry| ≤ bound; never written
        raises   InvalidRequest     x is not such a vector, the descriptor pins another identity key, or a party has
                                    two roles
                 EncodingOverflow   an entry lies beyond the bound
                 PeerMisbehaved     what others sent is not what it must be
                 DisclosureRefused  the ledger knows another survivor set for this plan
        """

    def coordinate(self, descriptor: Descriptor, collector: Party) -> Part[Survivors]:
        """Drive it, and add what one cannot read."""

    def collect(self, descriptor: Descriptor, coordinator: Party, key: Any = None) -> Part[tuple[Survivors, Elements]]:
        """The survivors and their total, elements of the descriptor's ring."""

    def cost(self, descriptor: Descriptor) -> Cost:
        """What a run costs, exactly, without running it."""

    def learns(self, descriptor: Descriptor, coordinator: Party, collector: Party) -> Learns:
        """(who, what) for every role, in words for people."""


def protocol_of(descriptor: Descriptor) -> SumProtocol:
    """The file that runs the descriptor's setting. raises InvalidRequest: what it needs is not installed."""
    return cast(SumProtocol, _module(descriptor.setting.kind))


def check_installed(kind: str) -> None:
    """Return if this machine has what a way to add needs. raises InvalidRequest."""
    _module(kind)


def make_key(choice: Choice, randomness: Randomness) -> tuple[Any, Setting]:
    """A collector's fresh secret key, and the setting that tells everybody the public one.

    raises   InvalidRequest  this way to add has no key, or what it needs is not installed
    """
    if choice.kind not in (Paillier.kind, Lattice.kind):
        raise InvalidRequest(f"a {choice.kind} sum has no key")
    made: tuple[Any, Setting] = _module(choice.kind).make_key(choice, randomness)
    return made


def _module(kind: str) -> Any:
    try:
        return import_module(f"securecompute.protocols.sums.{kind}")
    except ModuleNotFoundError as error:
        raise InvalidRequest(
            f"sum '{kind}' needs the package '{error.name}'; install securecompute[homomorphic]"
        ) from None


def check_identity(own: Contributor, descriptor: Descriptor) -> None:
    """raises   InvalidRequest  the descriptor pins another identity key for this institution, or none"""
    if descriptor.identities.get(own.name) != own.identity.public:
        raise InvalidRequest(f"the descriptor pins another identity key for '{own.name}'")


def check_input(own: Contributor, descriptor: Descriptor, x: Plain) -> None:
    """Hold an institution's vector against what was declared of it, before anything is masked.

    raises    InvalidRequest     as `check_identity`, or x is not a vector of the descriptor's ring and length
              EncodingOverflow   an entry lies beyond the bound; which one is not said
    """
    check_identity(own, descriptor)
    e, ring = x.elements, descriptor.ring
    if e.dtype != ring.dtype or e.shape != ring.shape(descriptor.length):
        raise InvalidRequest(f"x is {e.dtype} {e.shape}; expected {ring.dtype} {ring.shape(descriptor.length)}")
    if _beyond(ring, e, descriptor.bound):
        raise EncodingOverflow(f"an entry lies beyond the declared bound {descriptor.bound}; raise the bound")


def _beyond(ring: Ring, e: Elements, bound: int) -> bool:
    """Whether some |entry| > bound, without a branch that depends on an entry: by the signed extremes, or for two words
    as unsigned numbers, where it means e + bound > 2 bound.
    """
    if ring is not Ring.Z128:
        signed = e.view(np.int32 if ring is Ring.Z32 else np.int64)
        return bool(signed.min() < -bound) | bool(signed.max() > bound)
    low = np.uint64(bound & 0xFFFFFFFFFFFFFFFF)
    words = e[:, 0] + low
    high = e[:, 1] + np.uint64(bound >> 64) + (words < low)
    most_high, most = divmod(2 * bound, 1 << 64)
    return bool(((high > most_high) | ((high == most_high) & (words > most))).any())
