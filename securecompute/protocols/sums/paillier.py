"""Sum under a Paillier key: the collector has the key, the coordinator adds what it cannot read; small vectors.

    M_u = Σ_j e_{u,j} 2^{wj}     C_u = (1 + M_u n) ρ_u mod n²     C = Π_{u in U} C_u     M = Dec(C) = Σ_{u in U} M_u

with lanes of w bits, 2N·bound < 2^w, ⌊(bits(n) − 2)/w⌋ entries to a ciphertext, and ρ_u = h_uⁿᵃ from a base h_u that
institution u draws for this run. The conversation, and the check word beside the vector, are those of `encrypted`; the
word is wider and has a ciphertext of its own.

Security   As `encrypted` says, with Paillier ciphertexts: assumes that n-th residues mod n² look uniform and that
           factoring n is hard, for as long as the vectors are to stay secret: 2048 bits for this decade, else 3072.
           What the collector decrypts is (1 + Mn) times the product of the institutions' randomisers, which do not
           depend on their vectors: the total and nothing more. Not promised: anything against coordinator and collector
           together.
Cost       4 rounds. An institution sends 512 bytes (2048) or 768 (3072) for each ciphertext, 16.5 bytes for an entry of
           64 bits; and computes 25 us for it (2048) in vectors of thousands; the shortest vectors take 20 ms.
Reference  Paillier, EUROCRYPT 1999; Damgård, Jurik, Nielsen, 2010, section 4.2, for keys and randomisers.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from securecompute.engine.rounds import Part, Party
from securecompute.errors import InvalidRequest
from securecompute.primitives.paillier import PublicKey, SecretKey
from securecompute.primitives.paillier_pools import ShortPool
from securecompute.primitives.paillier_vectors import EncryptedVector, Lanes, total
from securecompute.primitives.randomness import Randomness
from securecompute.protocols.sums import encrypted
from securecompute.protocols.sums.descriptor import Descriptor
from securecompute.protocols.sums.encrypted import entries, word_bound
from securecompute.protocols.sums.interface import Contributor, Cost, Elements, Survivors
from securecompute.protocols.sums.settings import Choice, Paillier
from securecompute.values import Plain

learns = encrypted.learns


def make_key(choice: Choice, randomness: Randomness) -> tuple[SecretKey, Paillier]:
    """A collector's fresh secret key, and the setting that tells everybody the public one."""
    secret = SecretKey.generate(choice.key_bits, randomness)
    return secret, Paillier(secret.public.modulus)


def cost(descriptor: Descriptor) -> Cost:
    """What a run with this descriptor costs, exactly, without running it."""
    return encrypted.cost(_Public(descriptor), descriptor)


def contribute(
    own: Contributor, descriptor: Descriptor, coordinator: Party, collector: Party, x: Plain
) -> Part[tuple[Party, ...]]:
    """Take part in the sum: as `encrypted.contribute`. raises also BadKey: the descriptor's modulus is none."""
    scheme = _Public(descriptor)
    return (yield from encrypted.contribute(scheme, own, descriptor, coordinator, collector, x))


def coordinate(descriptor: Descriptor, collector: Party) -> Part[Survivors]:
    """Add the ciphertexts and pass on their sum: as `encrypted.coordinate`. raises also BadKey."""
    return (yield from encrypted.coordinate(_Public(descriptor), descriptor, collector))


def collect(descriptor: Descriptor, coordinator: Party, key: Any = None) -> Part[tuple[Survivors, Elements]]:
    """Decrypt the total: as `encrypted.collect`.

    key      the secret key, whose public half the descriptor's setting holds
    raises   InvalidRequest  it is not
    """
    return (yield from encrypted.collect(_Secret(descriptor, key), descriptor, coordinator))


class _Public:
    """The scheme of `encrypted.PublicScheme`."""

    def __init__(self, descriptor: Descriptor) -> None:
        if not isinstance(descriptor.setting, Paillier):
            raise InvalidRequest(f"a Paillier sum of a descriptor for a {descriptor.setting.kind} sum")
        self.key = PublicKey.received(descriptor.setting.modulus)

    def lanes(self, descriptor: Descriptor) -> tuple[Lanes, Lanes]:
        """Of entries and counter, and of the word: wide enough for the totals of all institutions."""
        n = len(descriptor.institutions)
        return (
            Lanes.packed(self.key, entries(descriptor) - 1, n * descriptor.bound),
            Lanes.packed(self.key, 1, n * word_bound(descriptor)),
        )

    def shape(self, descriptor: Descriptor) -> tuple[int, int]:
        return sum(lanes.count for lanes in self.lanes(descriptor)), self.key.width

    def modulus(self, descriptor: Descriptor) -> int:
        return int(self.key.n)

    def encrypt(self, descriptor: Descriptor, integers: Sequence[int], randomness: Randomness) -> NDArray[np.uint8]:
        numbers, word = self.lanes(descriptor)
        pool, d = ShortPool(self.key, randomness), numbers.length
        pool.fill(numbers.count + word.count)
        vectors = (
            EncryptedVector.of(self.key, numbers, integers[:d], descriptor.bound),
            EncryptedVector.of(self.key, word, integers[d:], word_bound(descriptor)),
        )
        return np.concatenate([vector.leave(pool, to_owner=True).elements for vector in vectors])

    def total(self, descriptor: Descriptor, ciphertexts: Mapping[Party, NDArray[np.uint8]]) -> NDArray[np.uint8]:
        return total(self.key, ciphertexts)


class _Secret:
    """The scheme of `encrypted.SecretScheme`."""

    def __init__(self, descriptor: Descriptor, key: Any) -> None:
        self.public = _Public(descriptor)
        if not isinstance(key, SecretKey) or key.public != self.public.key:
            raise InvalidRequest("the collector's key is not the secret one of the descriptor's modulus")
        self._key = key

    def decrypt(self, descriptor: Descriptor, ciphertext: NDArray[np.uint8], institutions: int) -> list[int]:
        plaintexts = self._key.decrypt(self.public.key.residues(ciphertext, "coordinator"))
        n, (numbers, word) = int(self.public.key.n), self.public.lanes(descriptor)
        return numbers.unpack(plaintexts[: numbers.count], n) + word.unpack(plaintexts[numbers.count :], n)
