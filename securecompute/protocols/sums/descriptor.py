"""What a sum is of, agreed by everybody before it begins.

The descriptor's hash h₀ enters every key and signature of the run, so institutions that were told different things
derive unrelated masks: the check words fail, and no sum leaks.
"""

import hashlib
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

import msgpack

from securecompute.arithmetic.rings import Ring, fits
from securecompute.engine.rounds import Party
from securecompute.errors import EncodingOverflow, InvalidRequest
from securecompute.primitives.keys import join
from securecompute.protocols.sums.settings import Committee, Pairwise, Setting


@dataclass(frozen=True, slots=True)
class Descriptor:
    """The public parameters of one sum.

    plan           hash of the question and of all parameters sent out, 32 bytes; each institution computes it itself,
                   from nothing that the coordinator may vary, since its ledger remembers answers by it
    identities     institution -> Ed25519 public key, pinned by every institution beforehand
    ring, length   of the vectors, d entries
    bound          largest |entry| that one institution may contribute
    threshold      t: shares that recover a secret, and signatures that fix U₃; more than half of the institutions
    minimum        m: fewest institutions in the total
    nonce          32 bytes, the coordinator's, fresh; no secrecy rests on it
    setting        how the vectors are hidden, with the public keys or names that this takes
    raises         InvalidRequest    fewer than three institutions, one identity key for two of them, a threshold or
                                     minimum out of bounds, a hash or key that is not 32 bytes, a member of the
                                     committee that is no institution
                   EncodingOverflow  a total could leave the ring
    """

    plan: bytes
    identities: Mapping[Party, bytes]
    ring: Ring
    length: int
    bound: int
    threshold: int
    minimum: int
    nonce: bytes
    setting: Setting = field(default_factory=Pairwise)

    def __post_init__(self) -> None:
        n, t, m = len(self.identities), self.threshold, self.minimum
        if n < 3:
            raise InvalidRequest(
                f"a sum of {n} institution{'s' * (n != 1)}: with two, each learns the other's exact numbers by "
                "subtracting its own from the total. Ask three or more"
            )
        if not n < 2 * t <= 2 * n or not 3 <= m <= n:
            raise InvalidRequest(
                f"threshold {t} and minimum {m} for {n} institutions; need {n // 2 + 1} ≤ threshold ≤ {n} and "
                f"3 ≤ minimum ≤ {n}. With half of them or fewer, two survivor sets could each find enough signatures"
            )
        if len(self.plan) != 32 or len(self.nonce) != 32 or any(len(k) != 32 for k in self.identities.values()):
            raise InvalidRequest("plan, nonce and identity keys are 32 bytes each")
        if len(set(self.identities.values())) < n:
            raise InvalidRequest("two institutions share an identity key; who holds it would count as two of them")
        if self.length < 1 or self.bound < 1:
            raise InvalidRequest(f"a vector of {self.length} entries up to {self.bound}; both must be 1 or more")
        if isinstance(self.setting, Committee) and not set(self.setting.members) <= set(self.identities):
            raise InvalidRequest("the committee's members are institutions of the network; one of them is not")
        if not fits(self.ring.bits, self.bound, n):
            raise EncodingOverflow(
                f"{n} institutions' entries up to {self.bound} do not fit {self.ring.bits} bits; choose a wider ring"
            )

    @property
    def institutions(self) -> tuple[Party, ...]:
        """All institutions, in the order of their indices 1 … N."""
        return tuple(sorted(self.identities))

    @property
    def quorum(self) -> int:
        """Fewest institutions with which every phase goes on: max(t, m); m where a committee signs in their place."""
        return self.minimum if isinstance(self.setting, Committee) else max(self.threshold, self.minimum)

    def hash(self) -> bytes:
        """h₀ = SHA-256 of the descriptor's canonical msgpack."""
        members = [[name, self.identities[name]] for name in self.institutions]
        fields = [f"{self.setting.kind}/1", self.plan, members, self.ring.bits, self.length, str(self.bound)]
        canonical: bytes = msgpack.packb([*fields, self.threshold, self.minimum, self.nonce, *self.setting.fields()])
        return hashlib.sha256(canonical).digest()


def default_threshold(institutions: int) -> int:
    """t = ⌊2N/3⌋ + 1: with c colluding institutions and a lying coordinator, safe while c < 2t − N.

    Two different survivor sets would each need t − c honest answers, of N − c honest institutions: impossible if
    2(t − c) > N − c. N = 3 bears no dropout, 4 and 5 bear one, 10 bear three.
    """
    return 2 * institutions // 3 + 1


def check_roles(descriptor: Descriptor, *others: Party) -> None:
    """raises   InvalidRequest  coordinator or collector is an institution, or both are the same party"""
    names = [*descriptor.identities, *others]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise InvalidRequest(
            f"'{twice[0]}' has two roles; coordinator, collector and institutions are different parties, because what "
            "one may see opens what another sees"
        )


def set_hash(institutions: Collection[Party]) -> bytes:
    """SHA-256 of a set of institutions."""
    return hashlib.sha256(join(*(name.encode() for name in sorted(institutions)))).digest()
