"""Approximate sum of real vectors under CKKS, for a key holder that keeps the result.

    C_u = Enc(x_u, B)      C = Σ_{u in U} C_u + Enc(0)      Dec(C) = Σ_{u in U} (x_u, B) + error,   |error| ≤ `error`

The rounds are those of `encrypted_rounds`. `encrypted` is for integers: its word says that numbers are equal, and these
are only near. What is left is the counter, the bound B behind the vector, which must come out near |U| B, and the range
of every total.

Security   Coordinator: learns U and sees ciphertexts under a key that it lacks. Collector: U and the total of U, while
           the coordinator follows the protocol. An institution signs one U for a plan. Coordinator and collector
           together read every vector. Not promised: a right total from a coordinator or institution that cheats.
           The decrypted total must not be shown to anybody: its error is a linear function of the secret key, so that
           who sees a few totals and ciphertexts finds the key, and with it every vector. It comes as a Plain, and
           `release` refuses it. For a total that is to be published use `lattice`, which is exact.
           A total that is refused may tell the coordinator a bit of the key; after eight the key is spent.
Cost       4 rounds; bytes in `cost`, exactly: ⌈(d + 1) / 4096⌉ ciphertexts of 245,760 bytes, whatever is in them.
Reference  Cheon, Kim, Kim, Song, ASIACRYPT 2017; Li, Micciancio, EUROCRYPT 2021.
"""

from collections.abc import Mapping
from typing import NoReturn

import numpy as np

from securecompute.engine.rounds import Array, Part, Party
from securecompute.errors import DisclosureRefused, InvalidRequest, PeerMisbehaved
from securecompute.primitives.lattice import CKKS, CKKS_50, Parameters, SecretKey, parameters_of, public_key
from securecompute.primitives.lattice_ckks import CkksVector, decrypt, sent_error, wire_shape
from securecompute.protocols.sums.descriptor import Descriptor, check_roles
from securecompute.protocols.sums.encrypted_rounds import add_up, exact_cost, hear_total, send_and_sign
from securecompute.protocols.sums.interface import Contributor, Cost, Learns, Survivors, check_identity
from securecompute.protocols.sums.pairwise_keys import NONCE
from securecompute.protocols.sums.settings import Lattice
from securecompute.values import Ciphertext, Plain, Secret


class ApproximateKey(SecretKey):
    """The collector's secret key."""

    __slots__ = ()

    def __init__(self, parameters: Parameters = CKKS_50) -> None:
        """A fresh key; CKKS_50 for the smallest error. raises InvalidRequest: parameters for integers."""
        if parameters.scheme != CKKS:
            raise InvalidRequest("an approximate sum takes a CKKS key")
        super().__init__(parameters)

    @property
    def setting(self) -> Lattice:
        """What institutions and coordinator are told."""
        return Lattice((self.public,))


def contribute(
    own: Contributor, descriptor: Descriptor, coordinator: Party, collector: Party, x: Plain
) -> Part[tuple[Party, ...]]:
    """Take part in the sum. Run by every institution; returns U, who is in the total.

    own      its ledger is told of U before U is signed
    x        float64, shape (d,), |entry| ≤ bound; read, never written. The descriptor's ring is not used
    raises   as `encrypted.contribute`; NonFiniteInput: an entry is no number; EncodingOverflow also where totals do
             not fit the modulus
    """
    check_roles(descriptor, coordinator, collector)
    check_identity(own, descriptor)
    ciphertext, nonce = _encrypted(descriptor, x), own.randomness.bytes(NONCE)
    return (yield from send_and_sign(own, descriptor, coordinator, ciphertext, nonce))


def coordinate(descriptor: Descriptor, collector: Party) -> Part[Survivors]:
    """Add the ciphertexts and pass on their sum. Run by the coordinator, who has no key.

    raises   InvalidRequest  the collector is an institution
             PeerMisbehaved  an institution sent what is no ciphertext
             PeerSilent      fewer than max(t, m) institutions sent a vector, or fewer than t signed
    """
    check_roles(descriptor, collector)
    return (yield from add_up(descriptor, collector, _spec(descriptor), lambda sent: _total(descriptor, sent)))


def collect(descriptor: Descriptor, coordinator: Party, key: ApproximateKey) -> Part[tuple[Survivors, Plain]]:
    """The total, float64 (d,), off by `error` at most. Run by the collector, who keeps it to itself.

    raises   InvalidRequest  not the key of the descriptor, or it is spent; the coordinator is an institution
             PeerMisbehaved  U is too small or not signed by t of it, no ciphertext, another counter than |U|'s, or a
                             total that so many institutions cannot reach
             PeerSilent      the coordinator sent nothing
    """
    check_roles(descriptor, coordinator)
    if not isinstance(key, ApproximateKey) or _context(descriptor) != key.public:
        raise InvalidRequest("the collector's key is not the one whose public half the descriptor names")
    nonces, ciphertext = yield from hear_total(descriptor, coordinator, _spec(descriptor))
    included = tuple(nonces)
    vector = _received(descriptor, ciphertext, len(included))
    key.risk()
    total = decrypt(key, vector).elements
    largest = len(included) * descriptor.bound + error(descriptor, len(included))
    if abs(total[-1] / descriptor.bound - len(included)) > 0.5 or not (np.abs(total) <= largest).all():
        raise PeerMisbehaved("the total is not one of the survivors' vectors. No number is given")
    key.accept()
    return Survivors(included, included), Plain(total[:-1])


def error(descriptor: Descriptor, institutions: int) -> float:
    """Largest error of an entry of the total over so many institutions, in the entries' unit; see `lattice_ckks`."""
    return (institutions + 1) * sent_error(parameters_of(_context(descriptor)), float(descriptor.bound))


def release(total: Secret) -> NoReturn:
    """Publish a total: refused. raises DisclosureRefused."""
    raise DisclosureRefused(
        "a total decrypted under CKKS is not released: its error tells of the secret key, and with the key every "
        "institution's vector could be read. Ask for the exact sum under BFV, sum = 'lattice'"
    )


def cost(descriptor: Descriptor) -> Cost:
    """What a run with this descriptor costs, exactly, without running it."""
    return exact_cost(descriptor, _spec(descriptor))


def learns(descriptor: Descriptor, coordinator: Party, collector: Party) -> Learns:
    """Who learns what, in words for people."""
    return (
        ("each institution", "the question; who took part, who dropped out; no number of anybody's"),
        (coordinator, "the question; who took part, who dropped out; encrypted vectors, which it cannot read"),
        (collector, "the total over all who took part, approximately, which it must show to nobody"),
        (f"{coordinator} and {collector} together", "every institution's own numbers"),
    )


def _context(descriptor: Descriptor) -> bytes:
    """The public key. raises   InvalidRequest  the setting is not one CKKS key."""
    contexts = descriptor.setting.contexts if isinstance(descriptor.setting, Lattice) else ()
    if len(contexts) != 1 or parameters_of(contexts[0]).scheme != CKKS:
        raise InvalidRequest("an approximate sum takes a lattice setting with one CKKS key")
    return contexts[0]


def _spec(descriptor: Descriptor) -> Array:
    shape = wire_shape(parameters_of(_context(descriptor)), descriptor.length + 1)
    return Array(np.uint8, shape, Ciphertext)


def _encrypted(descriptor: Descriptor, x: Plain) -> Ciphertext:
    """Enc(x, B), once totals are known to fit. raises as `contribute`."""
    if x.elements.dtype != np.float64 or x.elements.shape != (descriptor.length,):
        raise InvalidRequest(f"x is {x.elements.dtype} {x.elements.shape}; expected float64 ({descriptor.length},)")
    key, n = public_key(_context(descriptor)), len(descriptor.institutions)
    CkksVector(key, (), descriptor.length, float(n * descriptor.bound), 0.0, key.parameters.scale)
    vector = CkksVector.encrypt(key, np.append(x.elements, float(descriptor.bound)), float(descriptor.bound))
    return Ciphertext(vector.to_wire())


def _total(descriptor: Descriptor, ciphertexts: Mapping[Party, Ciphertext]) -> Ciphertext:
    total: CkksVector | None = None
    for u, ciphertext in ciphertexts.items():
        try:
            vector = _received(descriptor, ciphertext, 1)
        except PeerMisbehaved as fault:
            raise PeerMisbehaved(f"'{u}' sent no ciphertext under the collector's key: {fault}") from None
        total = vector if total is None else total.add(vector)
    if total is None:
        raise InvalidRequest("a total of no vectors")
    return Ciphertext(total.to_wire())


def _received(descriptor: Descriptor, ciphertext: Ciphertext, institutions: int) -> CkksVector:
    key, bound = public_key(_context(descriptor)), float(institutions * descriptor.bound)
    return CkksVector.from_wire(key, ciphertext.elements, descriptor.length + 1, bound)
