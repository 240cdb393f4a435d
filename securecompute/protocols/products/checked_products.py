"""Matrix products held against their factors before anything is revealed: a compute party that cheats is noticed.

    claimed, of shares in Z_2^64:   Z = X Y.   Tossed when all of Z has arrived:   L (s, m) and R (n, s) of random bits

    A = L X,  B = Y R,  C = L Z R                      without a message: sums of rows, sums of columns
    W = A B + D,  W' = A' B + D'   in Z_2^128          by the product protocol; A' (1, k) is random, D and D' are cheats
    t (1, s), uniform in [0, 2^64)                     tossed when W and W' have arrived
    rho = t A + A'                                     shown to all three
    V = t W + W' − rho B = t D + D',   U = W − C mod 2^64      shown to all three; the session ends unless both are 0

A and B enter Z_2^128 by their shares: each word as it is, under a high word of zero, which both of its holders write.
A side of at most s rows or columns is taken as it is, without bits.

Proof      A cheat in a product is an error added to it: P_i's one message is z_i to P_(i-1), and the two honest parties
           hold all three shares, alike. Let E = Z − X Y not be zero for one of the triples. E is fixed before L and R
           are known. A row of E that is not zero vanishes under a column of random bits with probability 1/2 at most,
           so E R = 0 with probability 2^-s at most; likewise L (E R) = 0 if E R is not. Else U = D − L E R = 0 needs an
           entry d of D that is not zero mod 2^64. The numbers of V that it stands in are t_i d + (what the other t fix)
           = 0 mod 2^128 for one t_i in [0, 2^64) at most, since the difference of two would be a multiple of 2^65.
           All together 2 · 2^-s + 2^-64 < 2^-40 for s = 42.
Security   One compute party may send anything. Whatever it adds to products that are checked passes with probability
           2^-40 at most, beside the advantage against AES-256 and SHA-256: no party can foretell or bend a toss, which
           is the sum of three streams of which each party lacks one. Whoever has not sent its products hears of a toss
           only a digest of 32 unknown bytes: the share that it lacks comes from P_(i-1), which waits for them.
           Leakage: rho is under the mask A'. U and V are zero, or functions of the cheat's own errors, t, L and R.
           Not noticed: cheating in truncations, comparisons and all other steps, in products of elements, in Z_2^128
           or inside other operations; untrue inputs. Who cheated is not found. Silence ends the session as everywhere.
Cost       5 rounds for all triples together. With s_m = min(s, m), s_n = min(s, n), each party sends for a triple
           24 s_m s_n + 32 s_n + 16 k bytes, and once 224.
           Time, against the product's own on one core: of square matrices of 1000 under a quarter, of 256 twice as
           much; of X'X with 20000 rows and 50 columns, which is soon done, 25 times. Kept until the end: the shares of
           X, Y and Z; during the check, of A and B.
Reference  Freivalds, IFIP 1977. Errors are additive: Lindell, Nof, CCS 2017; Araki et al., IEEE S&P 2017. One product
           sacrificed for another in a larger ring: Cramer, Damgard, Escudero, Scholl, Xing, CRYPTO 2018; with three
           parties Eerikson, Keller, Orlandi, Pullonen, Puura, Simkin, ITC 2020 (ePrint 2019/164).
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from securecompute.arithmetic.ring_arrays import RingArray
from securecompute.arithmetic.rings import Ring
from securecompute.engine.rounds import Part, together
from securecompute.errors import InvalidRequest, PeerMisbehaved
from securecompute.primitives.masks import KEY_BYTES, Reader
from securecompute.protocols.products.compute_party import ComputeParty, Triple
from securecompute.protocols.products.multiplication import finish, local_matmul
from securecompute.protocols.products.replicated import Replicated, concatenate
from securecompute.protocols.products.reveal import DIGEST_BYTES, open_to_all

SUBSETS: Final = 42  # s
ROUNDS: Final = 5
_CHUNK: Final = 1 << 14  # of a long side, whose bits or high words are written out at a time
_WIDE, _NARROW = Ring.Z128.item_bytes, Ring.Z64.item_bytes


@dataclass(frozen=True, slots=True)
class _Claim:
    """This party's shares of A (s, k), B (k, s) and C (s, s) in Z_2^64, and of A' (1, k) in Z_2^128."""

    a: Replicated
    b: Replicated
    c: Replicated
    mask: Replicated


def check(party: ComputeParty, triples: Sequence[Triple]) -> Part[None]:
    """Return if every Z is X @ Y mod 2^64. Run by each of the three, at a place of its own, when all of Z are there.

    triples  (X, Y, Z), shapes as of a product of matrices or vectors, the same at all three and in one order
    raises   InvalidRequest  shapes that are not of a product, or another ring; before a message
             PeerMisbehaved  a product is wrong, or one party gave out different shares
    """
    matrices = [_matrices(triple) for triple in triples]
    if not triples:
        return
    bits = yield from _toss(party.at("bits"))
    claims = [_claim(party.at("claim", k), bits, *each) for k, each in enumerate(matrices)]
    products = yield from together(
        *(finish(party.at("product", k), _local_products(each)) for k, each in enumerate(claims))
    )
    numbers = yield from _toss(party.at("numbers"))
    factors = [_factors(numbers, each.a.shape[0]) for each in claims]
    rhos = yield from _opened(party, [_combined(t, each) for t, each in zip(factors, claims, strict=True)])
    wide = [_left_over(*each) for each in zip(factors, rhos, products, claims, strict=True)]
    narrow = [_low(both[:-1]) - each.c for both, each in zip(products, claims, strict=True)]
    zeros = yield from together(_opened(party, wide), _opened(party, narrow))
    if any(value.words.any() for values in zeros for value in values):
        raise PeerMisbehaved("one of the three compute parties computed a product wrongly; nothing is revealed")


def sent_bytes(shapes: Sequence[tuple[int, int, int]]) -> int:
    """What each party sends to check products of these (m, k, n)."""
    total = 0
    for m, k, n in shapes:
        rows, columns = min(m, SUBSETS), min(n, SUBSETS)
        total += (_WIDE + _NARROW) * rows * columns + 2 * _WIDE * columns + _WIDE * k
    return total + 2 * KEY_BYTES + 5 * DIGEST_BYTES if shapes else 0


def _toss(party: ComputeParty) -> Part[Reader]:
    """A stream that nobody knew or chose, from 32 bytes: so many that a digest of a share of them says nothing."""
    coin = yield from open_to_all(party, _random(party, (KEY_BYTES // _WIDE,)))
    return Reader(coin.words.astype("<u8").tobytes())


def _random(party: ComputeParty, shape: tuple[int, ...]) -> Replicated:
    """Shares of what nobody knows, in Z_2^128."""
    mine, following = (party.draw(key, "random", Ring.Z128, shape) for key in ("mine", "next"))
    return Replicated(party.index, mine, following)


def _opened(party: ComputeParty, values: Sequence[Replicated]) -> Part[list[RingArray]]:
    """Shown to all three, as one array."""
    opened = yield from open_to_all(party, concatenate([x.reshape((-1,)) for x in values]))
    ends = np.cumsum([x.size for x in values]).tolist()
    return [opened[end - x.size : end].reshape(x.shape) for x, end in zip(values, ends, strict=True)]


def _matrices(triple: Triple) -> Triple:
    """Vectors as matrices of one row or column. raises InvalidRequest as `check`."""
    x, y, z = triple
    if any(each.ring is not Ring.Z64 for each in triple):
        raise InvalidRequest(f"products are checked in {Ring.Z64} only; share the inputs without wide=True")
    fit = {len(x.shape), len(y.shape)} <= {1, 2} and x.shape[-1] == y.shape[0]
    if not fit or z.shape != (*x.shape[:-1], *y.shape[1:]):
        raise InvalidRequest(f"{x.shape} @ {y.shape} does not have the shape {z.shape}")
    x = x if len(x.shape) == 2 else x.reshape((1, -1))
    y = y if len(y.shape) == 2 else y.reshape((-1, 1))
    return x, y, z.reshape((x.shape[0], y.shape[1]))


def _claim(party: ComputeParty, bits: Reader, x: Replicated, y: Replicated, z: Replicated) -> _Claim:
    """What the triple comes down to. The stream is read on, so every triple has its own bits."""
    left, right = (bits.words(length) if length > SUBSETS else None for length in z.shape)
    c = _sums(left, _sums(right, z.T).T)
    return _Claim(_sums(left, x), _sums(right, y.T).T, c, _random(party, (1, x.shape[1])))


def _sums(members: NDArray[np.uint64] | None, x: Replicated) -> Replicated:
    """Sums of rows, row i in sum j if bit j of members[i] is set; the rows themselves if there are no members."""
    if members is None:
        return x
    return Replicated(x.index, _row_sums(members, x.mine), _row_sums(members, x.next))


def _row_sums(members: NDArray[np.uint64], x: RingArray) -> RingArray:
    total = RingArray.zeros(x.ring, (SUBSETS, x.shape[1]))
    places = np.arange(SUBSETS, dtype=np.uint64)[:, np.newaxis]
    for rows in _chunks(x.shape[0]):
        chosen = (members[rows] >> places) & np.uint64(1)
        total = total + RingArray(x.ring, chosen) @ x[rows]
    return total


def _local_products(claim: _Claim) -> RingArray:
    """This party's share of A B, and of A' B as one more row, unmasked."""
    rows, (k, columns) = claim.a.shape[0], claim.b.shape
    total = RingArray.zeros(Ring.Z128, (rows + 1, columns))
    for part in _chunks(k):
        left = concatenate([_lifted(claim.a[:, part]), claim.mask[:, part]])
        total = total + local_matmul(left, _lifted(claim.b[part]))
    return total


def _factors(numbers: Reader, count: int) -> RingArray:
    """t: the next words of the stream, in Z_2^128."""
    words = numbers.words(count)[np.newaxis]
    return RingArray(Ring.Z128, np.stack([words, np.zeros_like(words)]))


def _combined(t: RingArray, claim: _Claim) -> Replicated:
    """t A + A'."""
    parts = [t @ _lifted(claim.a[:, part]) for part in _chunks(claim.a.shape[1])]
    return claim.mask + concatenate(parts, axis=1) if parts else claim.mask


def _left_over(t: RingArray, rho: RingArray, both: Replicated, claim: _Claim) -> Replicated:
    """t W + W' − rho B; `both` is W, and W' as its last row."""
    total = t @ both[:-1] + both[-1:]
    for part in _chunks(claim.b.shape[0]):
        total = total - rho[:, part] @ _lifted(claim.b[part])
    return total


def _chunks(length: int) -> Iterator[slice]:
    return (slice(start, start + _CHUNK) for start in range(0, length, _CHUNK))


def _lifted(x: Replicated) -> Replicated:
    """Shares in Z_2^128 of a number that is x mod 2^64."""
    mine, following = (
        RingArray(Ring.Z128, np.stack([share.words, np.zeros_like(share.words)])) for share in (x.mine, x.next)
    )
    return Replicated(x.index, mine, following)


def _low(x: Replicated) -> Replicated:
    """x mod 2^64, in Z_2^64."""
    return Replicated(x.index, *(RingArray(Ring.Z64, share.words[0]) for share in (x.mine, x.next)))
