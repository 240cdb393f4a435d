"""What a masked sum is of, agreed by everybody before it begins.

The descriptor's hash h₀ enters every key and signature of the run, so institutions that were told different things
derive unrelated masks: the check words fail, and no sum leaks.
"""

import hashlib
from collections.abc import Collection, Mapping
from dataclasses import dataclass

import msgpack

from securecompute.arithmetic.rings import Ring
from securecompute.engine.rounds import Party
from securecompute.errors import InvalidRequest
from securecompute.primitives.keys import join


@dataclass(frozen=True, slots=True)
class Descriptor:
    """The public parameters of one masked sum.

    plan           hash of the question and of all parameters sent out, 32 bytes
    identities     institution -> Ed25519 public key, pinned by every institution beforehand
    ring, length   of the vectors, d entries
    bound          largest |entry| that one institution may contribute
    threshold      t: shares that recover a secret
    minimum        m: fewest institutions in the total
    nonce          32 bytes, the coordinator's, fresh
    """

    plan: bytes
    identities: Mapping[Party, bytes]
    ring: Ring
    length: int
    bound: int
    threshold: int
    minimum: int
    nonce: bytes

    def __post_init__(self) -> None:
        n, t, m = len(self.identities), self.threshold, self.minimum
        if n < 3:
            raise InvalidRequest(
                f"a sum of {n} institution{'s' * (n != 1)}: with two, each learns the other's exact numbers by "
                "subtracting its own from the total. Ask three or more"
            )
        if not 2 <= t <= n or not 3 <= m <= n:
            raise InvalidRequest(
                f"threshold {t} and minimum {m} for {n} institutions; need 2 ≤ threshold ≤ {n} and 3 ≤ minimum ≤ {n}"
            )
        if len(self.plan) != 32 or len(self.nonce) != 32 or any(len(k) != 32 for k in self.identities.values()):
            raise InvalidRequest("plan, nonce and identity keys are 32 bytes each")
        if self.length < 1 or self.bound < 1 or n * self.bound > 2 ** (self.ring.bits - 1) - 1:
            raise InvalidRequest(
                f"{n} institutions' entries up to {self.bound} do not fit {self.ring.bits} bits; choose a wider ring"
            )

    @property
    def institutions(self) -> tuple[Party, ...]:
        """All institutions, in the order of their indices 1 … N."""
        return tuple(sorted(self.identities))

    @property
    def quorum(self) -> int:
        """Fewest institutions with which every phase goes on: max(t, m)."""
        return max(self.threshold, self.minimum)

    def hash(self) -> bytes:
        """h₀ = SHA-256 of the descriptor's canonical msgpack."""
        members = [[name, self.identities[name]] for name in self.institutions]
        fields = ["pairwise/1", self.plan, members, self.ring.bits, self.length, str(self.bound)]
        canonical: bytes = msgpack.packb([*fields, self.threshold, self.minimum, self.nonce])
        return hashlib.sha256(canonical).digest()


def default_threshold(institutions: int) -> int:
    """t = ⌊2N/3⌋ + 1: with c colluding institutions and a lying coordinator, safe while c < 2t − N.

    Two different survivor sets would each need t − c honest answers, of N − c honest institutions: impossible if
    2(t − c) > N − c. N = 3 bears no dropout, 4 and 5 bear one, 10 bear three.
    """
    return 2 * institutions // 3 + 1


def set_hash(institutions: Collection[Party]) -> bytes:
    """SHA-256 of a set of institutions."""
    return hashlib.sha256(join(*(name.encode() for name in sorted(institutions)))).digest()
