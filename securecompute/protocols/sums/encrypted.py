"""Sum under a key: the collector holds a secret key, the coordinator adds ciphertexts that it cannot read.

Under an additively homomorphic scheme, with the public key pk in the descriptor and U who sent something,

    C_u = Enc_pk(e_u, words_u)      C = Σ_{u in U} C_u      Dec_sk(C) = Σ_{u in U} (e_u, words_u)

The four rounds are in `encrypted_rounds`; `PublicScheme` and `SecretScheme` say what a scheme must offer. Beside
the d entries an institution encrypts a counter of 1 and a word that finds accidents,

    word_u = Σ_j w_j e_{u,j} + tag_u     w_j odd, 64 bits, from h₀     tag_u = 64 bits of SHA-256(h₀ | u | nonce_u)

over the integers, or modulo what the scheme works in. It is not reduced mod 2⁶⁴ nor cut into digits: sums of reduced
words or of digits tell the collector how the institutions' own words wrap, which does not follow from the total.

Security   Coordinator that follows the protocol: learns U and sees ciphertexts under a key that it lacks. Collector,
           whatever it does, as long as that is so: learns U and the total of U; with c institutions, the total of the
           others. An institution signs one U for a plan, in one run or, with its ledger, in many, so an honest
           coordinator is never led to give two totals that differ by one institution.
           Coordinator and collector together read every institution's vector, also later, from recorded ciphertexts;
           so does whoever gets the collector's key, which serves every session of a network.
           Not promised: what `pairwise` holds against a lying coordinator. It can hand on one institution's ciphertext
           as the total, made to agree with the word, whose weights are public: an honest collector then has that
           institution's numbers, and so has everybody if it publishes them. Even if it does not, whether it refuses a
           shifted one tells the coordinator on which side of a bound that institution's numbers lie, in each run. Nor a
           right total: whoever can add to a ciphertext can shift it, and the coordinator can repeat the total of an
           earlier run with the same descriptor. Nor that who is called a dropout was one, or who spoils a run is named.
Cost       4 rounds; bytes in `cost`, exactly.
Reference  Cramer, Damgård, Nielsen, EUROCRYPT 2001, for computing under a key; the four rounds are ours.
"""

from collections.abc import Mapping, Sequence
from hashlib import sha256
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from securecompute.arithmetic.rings import decode, encode
from securecompute.engine.rounds import Array, Part, Party
from securecompute.errors import PeerMisbehaved
from securecompute.primitives.keys import join
from securecompute.primitives.masks import derive, odd_weights
from securecompute.primitives.randomness import Randomness
from securecompute.protocols.sums.descriptor import Descriptor, check_roles
from securecompute.protocols.sums.encrypted_rounds import add_up, exact_cost, hear_total, send_and_sign
from securecompute.protocols.sums.interface import Contributor, Cost, Elements, Learns, Survivors, check_input
from securecompute.protocols.sums.pairwise_keys import NONCE
from securecompute.values import Ciphertext, Plain


class PublicScheme(Protocol):
    """What institutions and the coordinator need of a scheme: everything in it follows from the descriptor."""

    def shape(self, descriptor: Descriptor) -> tuple[int, int]:
        """(ciphertexts, bytes of each) that hold `entries(descriptor)` integers; the same for all institutions."""

    def modulus(self, descriptor: Descriptor) -> int:
        """Modulo what the total of the words comes back: above 2⁴⁰, without small factors."""

    def encrypt(self, descriptor: Descriptor, integers: Sequence[int], randomness: Randomness) -> NDArray[np.uint8]:
        """uint8 `shape(descriptor)`, freshly randomised.

        integers   `entries(descriptor)` of them: d + 1 of |integer| ≤ bound; last the word, of |word| ≤
                   `word_bound(descriptor)`, which may be reduced modulo `modulus(descriptor)`
        """

    def total(self, descriptor: Descriptor, ciphertexts: Mapping[Party, NDArray[np.uint8]]) -> NDArray[np.uint8]:
        """The ciphertexts of the sum. raises PeerMisbehaved, naming who sent what is no ciphertext."""


class SecretScheme(Protocol):
    """What the collector needs: the secret key, and the public scheme that belongs to it."""

    @property
    def public(self) -> PublicScheme:
        """The scheme of the public key."""

    def decrypt(self, descriptor: Descriptor, ciphertext: NDArray[np.uint8], institutions: int) -> list[int]:
        """The `entries(descriptor)` totals over so many institutions. raises PeerMisbehaved: no such ciphertext."""


def entries(descriptor: Descriptor) -> int:
    """How many integers an institution encrypts: its d entries, the counter and the word."""
    return descriptor.length + 2


def word_bound(descriptor: Descriptor) -> int:
    """Largest |word| of one institution."""
    return (descriptor.length * descriptor.bound + 1) << 64


def cost(scheme: PublicScheme, descriptor: Descriptor) -> Cost:
    """What a run with this descriptor costs, exactly, without running it."""
    return exact_cost(descriptor, _spec(scheme, descriptor))


def learns(descriptor: Descriptor, coordinator: Party, collector: Party) -> Learns:
    """Who learns what, in words for people."""
    return (
        ("each institution", "the question; who took part, who dropped out; no number of anybody's"),
        (coordinator, "the question; who took part, who dropped out; encrypted vectors, which it adds and cannot read"),
        (
            collector,
            "holds the key; the total over all who took part, before the rule is applied; no institution's own "
            f"numbers, as long as {coordinator} hands on nothing but the total",
        ),
        (
            f"{coordinator} and {collector} together",
            f"every institution's own numbers: {coordinator} holds them encrypted, {collector} holds the key",
        ),
    )


def contribute(
    scheme: PublicScheme,
    own: Contributor,
    descriptor: Descriptor,
    coordinator: Party,
    collector: Party,
    x: Plain,
) -> Part[tuple[Party, ...]]:
    """Take part in the sum. Run by every institution; returns U, who is in the total.

    own      its ledger is told of U before U is signed
    x        as `interface.SumProtocol`
    raises   as `interface.SumProtocol`; PeerMisbehaved: U is too small, or leaves out or misquotes this institution
    """
    check_roles(descriptor, coordinator, collector)
    check_input(own, descriptor, x)
    nonce = own.randomness.bytes(NONCE)
    integers = _integers(descriptor, decode(descriptor.ring, x.elements), {own.name: nonce})
    ciphertext = Ciphertext(scheme.encrypt(descriptor, integers, own.randomness))
    return (yield from send_and_sign(own, descriptor, coordinator, ciphertext, nonce))


def coordinate(scheme: PublicScheme, descriptor: Descriptor, collector: Party) -> Part[Survivors]:
    """Add the ciphertexts and pass on their sum. Run by the coordinator, who has no key.

    raises   InvalidRequest  the collector is an institution
             PeerMisbehaved  an institution sent what is no ciphertext
             PeerSilent      fewer than max(t, m) institutions sent a vector, or fewer than t signed
    """
    check_roles(descriptor, collector)

    def total(ciphertexts: Mapping[Party, Ciphertext]) -> Ciphertext:
        return Ciphertext(scheme.total(descriptor, {u: each.elements for u, each in ciphertexts.items()}))

    return (yield from add_up(descriptor, collector, _spec(scheme, descriptor), total))


def collect(secret: SecretScheme, descriptor: Descriptor, coordinator: Party) -> Part[tuple[Survivors, Elements]]:
    """Decrypt the total. Run by the collector; returns the survivors and the total, elements of the ring.

    raises   InvalidRequest  the coordinator is an institution
             PeerMisbehaved  U is too small or not signed by t of it, no ciphertext, or check words that do not agree
             PeerSilent      the coordinator sent nothing
    """
    check_roles(descriptor, coordinator)
    scheme = secret.public
    nonces, ciphertext = yield from hear_total(descriptor, coordinator, _spec(scheme, descriptor))
    included = tuple(nonces)
    totals = secret.decrypt(descriptor, ciphertext.elements, len(included))
    return Survivors(included, included), _checked(descriptor, scheme.modulus(descriptor), totals, nonces)


def _spec(scheme: PublicScheme, descriptor: Descriptor) -> Array:
    return Array(np.uint8, scheme.shape(descriptor), Ciphertext)


def _integers(descriptor: Descriptor, e: Sequence[int], nonces: Mapping[Party, bytes]) -> list[int]:
    """The entries e, then counter and word as they are when e is the total of the institutions with these nonces."""
    h0 = descriptor.hash()
    weights = odd_weights(derive(h0, b"", b"ss1/check"), len(e)).tolist()
    tags = (sha256(join(b"ss1/tag", h0, u.encode(), nonce)).digest()[:8] for u, nonce in nonces.items())
    word = sum(w * entry for w, entry in zip(weights, e, strict=True)) + sum(int.from_bytes(t, "big") for t in tags)
    return [*e, len(nonces), word]


def _checked(descriptor: Descriptor, modulus: int, totals: Sequence[int], nonces: Mapping[Party, bytes]) -> Elements:
    """The totals of the entries, elements of the ring, once counter and word agree with them and with the nonces of U.

    raises   PeerMisbehaved  they do not, or a total is beyond what so many institutions can reach
    """
    d, most = descriptor.length, len(nonces) * descriptor.bound
    if len(totals) != entries(descriptor) or max(map(abs, totals[: d + 1])) > most:
        raise PeerMisbehaved("the total holds an entry beyond what the institutions can reach. No number is given")
    *_, counter, word = _integers(descriptor, totals[:d], nonces)
    if totals[d] != counter or (totals[d + 1] - word) % modulus:
        raise PeerMisbehaved(
            "the total's check words do not agree: a vector was wrong, or is missing. No number is given"
        )
    return encode(descriptor.ring, totals[:d])
