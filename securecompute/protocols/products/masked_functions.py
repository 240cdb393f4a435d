"""A function of a secret from one opening: the dealer knows the mask r, the evaluators see c = x + r, and f(c − r)
is a sum of products of what either side knows.

    f(c − r) = Σ_j A_j(c) B_j(r)      B_j(r) dealt, A_j(c) public to the evaluators: a share of the sum is local

`turns` are fractions of a turn, x 2^-64 of it: x lies on a circle, so that r hides it completely and no carry is lost.
What has so few terms is chosen by a `Basis` (`harmonics`, `exponential`). `settled` divides the evaluators' sum by a
power of two and gives replicated numbers, in either ring.

Security   Semi-honest, one corrupted. c is uniform, since r is, and the dealer does not see c; dealt words are shares.
           `settled` opens a sum under two masks, each known to the dealer and one evaluator. Leakage: none.
Cost       `evaluate`: 1 round; of shares: to each evaluator w, dealt 8 bytes a word of the basis; of a product, the
           evaluators swap w more. `settled`: 2 rounds; evaluators 8 + w, dealt 2 w. w = 8 or 16 bytes, per number.
Reference  The opening as in Escudero, Ghosh, Keller, Rachuri, Scholl, CRYPTO 2020; own construction.
"""

import operator
from collections.abc import Iterator
from math import prod
from typing import Final, Protocol

import numpy as np

from securecompute.arithmetic.ring_arrays import RingArray, Shape, Words, tiled
from securecompute.arithmetic.rings import Ring
from securecompute.engine.rounds import Part, Round
from securecompute.protocols.products.compute_party import ComputeParty, Key
from securecompute.protocols.products.dealing import Form, deal, packed, receive, reshare
from securecompute.protocols.products.replicated import Replicated
from securecompute.protocols.products.streams import Stream

_CHUNK: Final = 1024  # numbers whose words stay in the second-level cache
_TOP: Final = 63
_BOTH: Final[tuple[Key, Key]] = ("mine", "next")


class Basis(Protocol):
    """Functions that are sums of few products A_j(c) B_j(r)."""

    @property
    def words(self) -> int:
        """How many B_j."""
        ...

    @property
    def functions(self) -> int:
        """How many functions are evaluated at once."""
        ...

    def deal(self, turns: Words, words: Words) -> None:
        """words[j] <- B_j(turns) − words[j], shape (words, n)."""
        ...

    def combine(self, turns: Words, words: Words, sums: Words, first: bool) -> None:
        """sums[f] <- Σ_j A_fj(turns) words[j], shape (functions, n); and of the first evaluator a public term."""
        ...


def evaluate(party: ComputeParty, turns: Replicated | RingArray, basis: Basis) -> Part[RingArray | None]:
    """The evaluators' additive shares of f(turns) in Z_2^64, shape (functions, *shape); None at the dealer.

    turns   shares; or this party's z_i of a product, not yet masked
    """
    ring, shape = turns.ring, turns.shape
    if party.deals:
        r = party.draw("own", "r", ring, shape)
        words = _dealt(party, _phases(r), basis)
        p0, p1 = party.evaluators
        told0, told1 = _told(party, turns, r)
        yield Round(send={p0: packed([told0]), p1: packed([told1, words])})
        return None
    form, count = Form(ring, shape), (basis.words * prod(shape),)
    swap = [] if isinstance(turns, Replicated) else [party.masked(turns)]
    told = [form, Form(Ring.Z64, count)] if party.index == 1 else [form]
    heard = yield from receive(party, told=told, swap=swap)
    own = [turns.mine, turns.next] if isinstance(turns, Replicated) else [*swap, *heard.theirs]
    c = tiled(lambda a, b, told: a + b + told, *own, heard.told[0])
    shares = heard.told[1] if party.index == 1 else party.stream("mine", "words", Ring.Z64, count)
    sums = _combined(party, _phases(c), shares, basis)
    return RingArray(Ring.Z64, sums.reshape((basis.functions, *shape)))


def settled(
    party: ComputeParty, z: RingArray | None, shape: Shape, bits: int, ring: Ring = Ring.Z64
) -> Part[Replicated]:
    """floor(z / 2^bits), or one more, in a ring, of z = z_0 + z_1 in Z_2^64 with |z| < 2^62. Run by each of the three.

    z   this evaluator's share, None at the dealer; of this shape
    """
    keep = _TOP - bits
    if party.deals:
        r = tiled(operator.add, *(party.stream(key, "mask", Ring.Z64, shape) for key in _BOTH))
        yield from deal(party, [_in(ring, r.low(_TOP) >> bits), _in(ring, r.bit(_TOP)) << keep])
        return (yield from reshare(party, ring, shape, None))
    mask = party.stream(party.shared_with_dealer, "mask", Ring.Z64, shape)
    own = tiled(operator.add, _given(z), mask)
    heard = yield from receive(party, [Form(ring, shape)] * 2, swap=[own])

    def share(r_shifted: RingArray, r_top: RingArray, own: RingArray, theirs: RingArray) -> RingArray:
        c = own + theirs + (1 << (_TOP - 1))
        c_top = _in(ring, c.bit(_TOP))
        y = r_top - r_top * (c_top << 1) - r_shifted  # (r >> 63) XOR (c >> 63), times 2^(63 - bits)
        if party.index == 0:
            y = y + _in(ring, c.low(_TOP) >> bits) + (c_top << keep) - (1 << (keep - 1))
        return y

    r_shifted, r_top = heard.shares
    y = tiled(share, r_shifted, r_top, own, heard.theirs[0], into=r_shifted)
    return (yield from reshare(party, ring, shape, y))


def _told(party: ComputeParty, turns: Replicated | RingArray, r: RingArray) -> tuple[RingArray, RingArray]:
    """What the dealer tells each evaluator: of shares, the one that it lacks, masked by r."""
    if isinstance(turns, Replicated):
        return tiled(operator.add, turns.mine, r), tiled(operator.add, turns.next, r)
    masked = tiled(operator.add, party.masked(turns), r)
    return masked, masked


def _phases(c: RingArray) -> Words:
    """Fractions of a turn in 64 bits: the top words, shape (n,)."""
    words = c.words if c.ring is Ring.Z64 else c.words[1, ...]
    return np.ascontiguousarray(words.reshape(-1))


def _chunks(turns: Words, per_number: int) -> Iterator[tuple[slice, slice]]:
    """Slices of the numbers, and of the words that belong to them."""
    for start in range(0, turns.size, _CHUNK):
        stop = min(turns.size, start + _CHUNK)
        yield slice(start, stop), slice(per_number * start, per_number * stop)


def _dealt(party: ComputeParty, turns: Words, basis: Basis) -> RingArray:
    """P_1's shares of the words, chunk by chunk; P_0's are drawn."""
    corrections = np.empty(basis.words * turns.size, np.uint64)
    drawn = party.stream("next", "words", Ring.Z64, corrections.shape)
    for numbers, place in _chunks(turns, basis.words):
        words = corrections[place].reshape(basis.words, -1)
        words[...] = drawn.read(words.shape).words
        basis.deal(turns[numbers], words)
    return RingArray(Ring.Z64, corrections)


def _combined(party: ComputeParty, turns: Words, shares: RingArray | Stream, basis: Basis) -> Words:
    """This evaluator's share of every function, shape (functions, n)."""
    sums = np.empty((basis.functions, turns.size), np.uint64)
    for numbers, place in _chunks(turns, basis.words):
        size = place.stop - place.start
        words = _usable(shares[place].words) if isinstance(shares, RingArray) else shares.read((size,)).words
        part = np.empty((basis.functions, numbers.stop - numbers.start), np.uint64)
        basis.combine(turns[numbers], words.reshape(basis.words, -1), part, party.index == 0)
        sums[:, numbers] = part
    return sums


def _usable(words: Words) -> Words:
    """A piece of a message as the kernels were compiled for: one that came from elsewhere may be read-only."""
    return words if words.flags.writeable and words.flags.aligned else np.array(words)


def _in(ring: Ring, x: RingArray) -> RingArray:
    """Unsigned words as elements of a ring."""
    return x if ring is Ring.Z64 else RingArray(ring, np.stack([x.words, np.zeros_like(x.words)]))


def _given(z: RingArray | None) -> RingArray:
    if z is None:
        raise TypeError("an evaluator's share is missing")
    return z
