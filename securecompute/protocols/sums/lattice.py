"""Exact sum under BFV: the collector holds lattice keys, the coordinator adds ciphertexts that it cannot read.

With r public keys of plaintext moduli t₁ … t_r, T their product, E the bound and N institutions,

    C_u = (Enc_1(e_u mod t₁), …, Enc_r(e_u mod t_r)) + flood
    C = Σ_{u in U} C_u + Enc(0)                 Σ_{u in U} e_u = CRT(Dec_1(C), …, Dec_r(C)), centred mod T

for the smallest r with N E ≤ (T − 1)/2, so that no total wraps. One ciphertext holds 8192 entries; t is a prime of 60
bits: r = 1 for totals below 2⁵⁹, 2 below 2¹¹⁹, 3 for all of the ring 2¹²⁸. The conversation is `encrypted`'s.

Security   As `encrypted`, if ring-LWE is hard at the sizes that `primitives/lattice` states. What the collector, who
           has the keys, sees beside the total is the noise of C: errors and floods that the institutions drew, the same
           whatever the vectors, and roundings of at most N/2, which the floods cover. To tell two sets of vectors of
           one total apart by the noise has an advantage of at most N r 2⁻⁶⁶ for each 8192 entries. Each institution
           floods its own; the coordinator's Enc(0) keeps C unlike any sum of ciphertexts that were seen on the way.
           BFV is not secure against chosen ciphertexts: a coordinator that cheats learns about one bit of the key from
           each run, as it sees whether a number came out. So keys count the totals that they opened and that were not
           accepted, and end after eight; make new ones. An institution can spend them too, with eight wrong vectors.
           SEAL draws keys and errors itself, not from `Randomness`; the floods come from there.
Cost       4 rounds; bytes in `cost`, exactly: r ⌈entries / 8192⌉ ciphertexts of 393,216 bytes, whatever is in them.
Reference  Brakerski, CRYPTO 2012; Fan, Vercauteren, ePrint 2012/144.
"""

from collections.abc import Mapping, Sequence
from math import prod

import numpy as np
from numpy.typing import NDArray

from securecompute.engine.rounds import Part, Party
from securecompute.errors import EncodingOverflow, InvalidRequest, PeerMisbehaved
from securecompute.primitives.lattice import BFV_8192, Parameters, SecretKey, parameters_of, public_key
from securecompute.primitives.lattice_bfv import BfvVector, capacity, decrypt, wire_shape
from securecompute.primitives.randomness import Randomness
from securecompute.protocols.sums import encrypted
from securecompute.protocols.sums.descriptor import Descriptor
from securecompute.protocols.sums.interface import Contributor, Cost, Elements, Survivors
from securecompute.protocols.sums.settings import Choice, Lattice
from securecompute.values import Plain

learns = encrypted.learns

LEAST_MODULUS = 1 << 40  # that a total's word is checked modulo


class LatticeScheme:
    """What the public contexts of a setting do: an `encrypted.PublicScheme`."""

    __slots__ = ("contexts", "parameters")

    def __init__(self, contexts: Sequence[bytes]) -> None:
        """contexts: as in the setting. raises PeerMisbehaved, InvalidRequest: not public keys for sums of integers."""
        self.contexts = tuple(contexts)
        self.parameters = [parameters_of(context) for context in self.contexts]
        capacity(self.parameters)
        if self.parameters[0].plain <= LEAST_MODULUS:
            raise InvalidRequest(
                "a plaintext modulus so small would let wrong totals pass; use the parameters BFV_8192"
            )

    def moduli(self, descriptor: Descriptor) -> int:
        """r: how many of the contexts a total takes. raises EncodingOverflow: more than there are."""
        largest = len(descriptor.institutions) * descriptor.bound
        for r in range(1, len(self.contexts) + 1):
            if largest <= capacity(self.parameters[:r]):
                return r
        raise EncodingOverflow(
            f"{len(descriptor.institutions)} institutions' entries up to {descriptor.bound} do not fit "
            f"{len(self.contexts)} plaintext moduli; the collector makes keys for more, up to {len(BFV_8192)}"
        )

    def shape(self, descriptor: Descriptor) -> tuple[int, int]:
        """As `encrypted.PublicScheme.shape`. raises EncodingOverflow as `moduli`."""
        return wire_shape(self.parameters[: self.moduli(descriptor)], encrypted.entries(descriptor))

    def modulus(self, descriptor: Descriptor) -> int:
        """T. raises EncodingOverflow as `moduli`."""
        return prod(each.plain for each in self.parameters[: self.moduli(descriptor)])

    def encrypt(self, descriptor: Descriptor, integers: Sequence[int], randomness: Randomness) -> NDArray[np.uint8]:
        """As `encrypted.PublicScheme.encrypt`; the flood is drawn from `randomness`, the rest by SEAL."""
        keys = [public_key(context) for context in self.contexts[: self.moduli(descriptor)]]
        return BfvVector.encrypt(keys, integers, descriptor.bound, residues=1).to_wire(randomness)

    def total(self, descriptor: Descriptor, ciphertexts: Mapping[Party, NDArray[np.uint8]]) -> NDArray[np.uint8]:
        """As `encrypted.PublicScheme.total`. raises PeerMisbehaved, naming who sent what is no ciphertext."""
        total: BfvVector | None = None
        for u, rows in ciphertexts.items():
            try:
                vector = self.received(descriptor, rows, 1)
            except PeerMisbehaved as error:
                raise PeerMisbehaved(f"'{u}' sent no ciphertext under the collector's key: {error}") from None
            total = vector if total is None else total.add(vector)
        if total is None:
            raise InvalidRequest("a total of no vectors")
        return total.to_wire()

    def received(self, descriptor: Descriptor, rows: NDArray[np.uint8], institutions: int) -> BfvVector:
        """The vector of one or several institutions. raises PeerMisbehaved."""
        keys = [public_key(context) for context in self.contexts[: self.moduli(descriptor)]]
        length, bound = encrypted.entries(descriptor), institutions * descriptor.bound
        return BfvVector.from_wire(keys, rows, length, bound, institutions)


class LatticeKey:
    """The collector's secret keys, one for each plaintext modulus: an `encrypted.SecretScheme`. Shows nothing."""

    __slots__ = ("_keys", "public")

    def __init__(self, parameters: Sequence[Parameters] = BFV_8192) -> None:
        """Fresh keys, by default for every ring. raises InvalidRequest: the parameters are not for sums of integers."""
        self._keys = tuple(SecretKey(each) for each in parameters)
        self.public = LatticeScheme([key.public for key in self._keys])

    @property
    def setting(self) -> Lattice:
        """What institutions and coordinator are told."""
        return Lattice(self.public.contexts)

    def decrypt(self, descriptor: Descriptor, ciphertext: NDArray[np.uint8], institutions: int) -> list[int]:
        """As `encrypted.SecretScheme.decrypt`; counts as refused until it is accepted.

        raises also   InvalidRequest  too many totals under these keys were refused
        """
        self._keys[0].risk()
        vector = self.public.received(descriptor, ciphertext, institutions)
        return decrypt(self._keys[: len(vector.keys)], vector)

    def accept(self) -> None:
        """The last total made sense, so that whoever sent it learns hardly anything of the key from that."""
        self._keys[0].accept()


def make_key(choice: Choice, randomness: Randomness) -> tuple[LatticeKey, Lattice]:
    """A collector's fresh secret keys, and the setting that tells everybody the public ones.

    SEAL draws the keys itself; `randomness` is not asked.
    """
    key = LatticeKey()
    return key, key.setting


def contribute(
    own: Contributor, descriptor: Descriptor, coordinator: Party, collector: Party, x: Plain
) -> Part[tuple[Party, ...]]:
    """Take part in the sum. Run by every institution; as `encrypted.contribute`."""
    scheme = _scheme(descriptor)
    return (yield from encrypted.contribute(scheme, own, descriptor, coordinator, collector, x))


def coordinate(descriptor: Descriptor, collector: Party) -> Part[Survivors]:
    """Add the ciphertexts. Run by the coordinator, who has no key; as `encrypted.coordinate`."""
    return (yield from encrypted.coordinate(_scheme(descriptor), descriptor, collector))


def collect(descriptor: Descriptor, coordinator: Party, key: LatticeKey) -> Part[tuple[Survivors, Elements]]:
    """Decrypt the total. Run by the collector, who has the `key`; as `encrypted.collect`.

    raises   InvalidRequest  the key is not the one of the descriptor, or too many totals under it were refused
    """
    if not isinstance(key, LatticeKey) or _scheme(descriptor).contexts != key.public.contexts:
        raise InvalidRequest("the collector's key is not the one whose public half the descriptor names")
    result = yield from encrypted.collect(key, descriptor, coordinator)
    key.accept()
    return result


def cost(descriptor: Descriptor) -> Cost:
    """What a run with this descriptor costs, exactly, without running it."""
    return encrypted.cost(_scheme(descriptor), descriptor)


def _scheme(descriptor: Descriptor) -> LatticeScheme:
    if not isinstance(descriptor.setting, Lattice):
        raise InvalidRequest("this sum is not set up for lattice ciphertexts")
    return LatticeScheme(descriptor.setting.contexts)
