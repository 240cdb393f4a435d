"""How many patients are present at exactly c of N institutions, for every c: each record becomes an unlinkable tag.

Compute parties P_0, P_1, P_2 draw z_s and a_s; Z = sum z_s G. H hashes into ristretto255 under a tag of this session.

    round 1   P_s -> all        Z_s = z_s G
    round 2   institution       of every row: (U, V) = (r G, H(id) + r Z) to P_0; of d, how many of its rows are
                                dummies, an additive share mod 2^64 to each P_s
    3, 4      P_0 -> P_1 -> P_2 of every row: a_s (U, V) + (r G, r Z), r new; all rows in a new uniform order
    round 5   P_2 -> P_0, P_1   after its own turn of the same: all U
    round 6   P_s -> receiver   D_s = z_s U of every row, of P_2 rather V - D_2; its sum of the shares of d
    receiver                    tag = V - D_0 - D_1 - D_2 = a_0 a_1 a_2 H(id), equal where the identifiers are

The receiver counts how often each tag occurs. A dummy is a random identifier, which occurs once: the sum of all d is
taken off the number of tags that do.

Security   An own design, not published or reviewed elsewhere; built of ElGamal, mixing and a shared exponent. It is for
           semi-honest parties. The receiver with any institutions and any two compute parties learns the histogram and
           nothing more; any two compute parties and any institutions without the receiver learn nothing at all.
           Leakage: the declared sizes. The histogram is whole, small cells too: run this where it may be released, or
           where the receiver is trusted to apply the rule before it is.
           Simulator: let P_h be the honest compute party. It is given the declared sizes, the sets of corrupted
           institutions and, with the receiver, the histogram. (1) Z_h is uniform, so Z is a key of which nobody
           corrupted has all parts. Ciphertexts of honest institutions become encryptions of uniform elements: ElGamal
           is semantically secure under decisional Diffie-Hellman, and z_h is not used otherwise once (3) holds.
           (2) P_h puts out encryptions of a list L that is uniform but for its repetitions, which are those of the
           histogram, in a uniform order. To an observer this is what it would see: all randomness r is new, so a row
           put out fits every row put in; the order is uniform and known to P_h alone; and of distinct identifiers the
           a_h c_j H(id_j), with c the product of the exponents before, are under decisional Diffie-Hellman, H being a
           random oracle, uniform and independent, also to who knows id_j: a_h shows nowhere else. (3) D_h is computed
           without z_h from what it must lead to: V - (sum of the other D_s) - t, where t is the row's element of L
           times the corrupted exponents after P_h. All parties being semi-honest, U, V and t are known to the
           simulator, and the equation holds. (4) Without the receiver, L may be any list and no D_h is seen. (5) Of
           the shares of d a corrupted pair lacks one; its sum over the honest institutions is what completes the sum
           of all d, which the sizes and the histogram determine.
           Not promised, where somebody cheats: an institution that repeats a row marks its tag, which the receiver
           notices only beyond N; a compute party can repeat, replace or drop rows, and one that chooses its Z_s after
           it has seen the others' can open all rows alone. Rows must be unique in each set.
Cost       6 rounds. An institution sends 64 n + 24 bytes for n rows; a compute party 96 T + 8 + 32 (N + 2) for T rows
           of all together. One core, us a row: institution 80; compute party 220 (four products by changing elements,
           one by the generator, two sums); receiver 22. The turns follow each other: T rows take 0.6 ms each in all.
Reference  Own design; its parts: ElGamal, CRYPTO 1984; Chaum, CACM 24(2), 1981 (mixing); Hazay, Lindell, TCC 2008,
           and Jarecki, Liu, SCN 2010 (H(id)^k as a pseudo-random function).
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from functools import reduce

import numpy as np
from numpy.typing import NDArray

from securecompute.engine.rounds import Array, Bytes, Part, Party, Round, Several
from securecompute.errors import InvalidRequest, PeerMisbehaved
from securecompute.primitives import ristretto
from securecompute.primitives.randomness import Randomness
from securecompute.primitives.ristretto import ELEMENT_BYTES, add, multiply, multiply_base, random_scalar, subtract
from securecompute.protocols.intersection.declared import declared_set, octets, uniform_order
from securecompute.protocols.intersection.header import public_key
from securecompute.values import Ciphertext, Plain, Share

Elements = list[bytes]

_SECONDS = 1e-3  # of a compute party for a row, on a slow and busy core: what a deadline allows for
_SHARE = Array(np.uint64, (1,), Share)


def contribute(
    trio: Sequence[Party], x: Plain, n: int, dummies: int, header: bytes, randomness: Randomness
) -> Part[None]:
    """Hand in one institution's records. Run by every institution; it may leave after two rounds.

    trio      P_0, P_1, P_2
    x         uint64 (n, 2), unique, padded to the declared n
    dummies   how many of the rows are no patients but random padding
    raises    InvalidRequest  x is not what was declared, or has not so many rows
              PeerMisbehaved  a compute party's key is no element
    """
    ids = declared_set(x, n)
    if not 0 <= dummies <= n:
        raise InvalidRequest("the number of dummies is not between 0 and the declared size")
    inbox = yield Round(expect={p: Bytes(ELEMENT_BYTES) for p in trio}, step="keys")
    key = reduce(add, (inbox[p] for p in trio))
    r = ristretto.rows(ristretto.random_scalars(randomness, n))
    hashed = ristretto.rows(ristretto.hash_all(octets(ids), public_key(header, "elements of tags")))
    u = list(map(multiply_base, r))
    v = [add(h, multiply(k, key)) for h, k in zip(hashed, r, strict=True)]
    first, second = (np.frombuffer(randomness.bytes(8), np.uint64) for _ in range(2))
    third = np.array([dummies], np.uint64) - first - second
    sent = {p: Share(share) for p, share in zip(trio, (first, second, third), strict=True)}
    yield Round(
        send={trio[0]: (_packed(u, v), sent[trio[0]]), trio[1]: sent[trio[1]], trio[2]: sent[trio[2]]},
        step="rows",
    )


def shuffle(
    me: Party, trio: Sequence[Party], sizes: Mapping[Party, int], receiver: Party, randomness: Randomness
) -> Part[None]:
    """Turn, shuffle and help to decrypt all rows. Run by each of the three compute parties.

    sizes    institution -> declared n, in the same order everywhere
    raises   InvalidRequest  a party has two roles
             PeerMisbehaved  somebody sent what is no element
    """
    _check_roles(trio, sizes, receiver)
    s, total = list(trio).index(me), sum(sizes.values())
    z = random_scalar(randomness)
    key = yield from _agree(me, trio, sizes, multiply_base(z))
    handed, dummies = yield from _accept(s, sizes)
    work = _SECONDS * total
    if s == 1:
        handed = (yield Round(expect={trio[0]: _rows_spec(total)}, step="turn 0", work=work))[trio[0]]
    if s == 2:
        yield Round(step="turn 0")
        handed = (yield Round(expect={trio[1]: _rows_spec(total)}, step="turn 1", after=1, work=work))[trio[1]]
    u, v = _turned(handed.elements, key, randomness)
    if s == 2:
        yield Round(send=dict.fromkeys(trio[:2], Ciphertext(ristretto.table(u))), step="decrypt")
        opened = [subtract(e, multiply(z, f)) for e, f in zip(v, u, strict=True)]
    else:
        yield Round(send={trio[s + 1]: _packed(u, v)}, step=f"turn {s}")
        if s == 0:
            yield Round(step="turn 1")
        last = {trio[2]: Array(np.uint8, (total, ELEMENT_BYTES), Ciphertext)}
        inbox = yield Round(expect=last, step="decrypt", after=1, work=work)
        opened = [multiply(z, e) for e in ristretto.rows(inbox[trio[2]].elements)]
    yield Round(send={receiver: (Share(ristretto.table(opened)), dummies)}, step="tags")


def collect(trio: Sequence[Party], sizes: Mapping[Party, int], receiver: Party) -> Part[NDArray[np.int64]]:
    """The histogram: int64 (N + 1,), at c the number of patients present at exactly c institutions. Entry 0 is 0.

    Run by the receiver, which has no other role.

    raises   InvalidRequest  a party has two roles
             PeerMisbehaved  a share is no element, a tag occurs more often than there are institutions, or there are
                             more dummies than tags that occur once
    """
    _check_roles(trio, sizes, receiver)
    total = sum(sizes.values())
    for step in ("keys", "rows", "turn 0", "turn 1", "decrypt"):
        yield Round(step=step)
    spec = Several((Array(np.uint8, (total, ELEMENT_BYTES), Share), _SHARE))
    inbox = yield Round(expect=dict.fromkeys(trio, spec), step="tags", after=5, work=_SECONDS * total)
    d_0, d_1, tags = (ristretto.rows(inbox[p][0].elements) for p in trio)
    dummies = sum(int(inbox[p][1].elements[0]) for p in trio) % (1 << 64)
    tags = [subtract(subtract(tag, d), e) for tag, d, e in zip(tags, d_0, d_1, strict=True)]
    times = Counter(Counter(tags).values())
    if times and max(times) > len(sizes):
        raise PeerMisbehaved("a tag occurs more often than there are institutions: some set had a row twice, or more")
    if dummies > times[1]:
        raise PeerMisbehaved("more dummies were declared than there are rows that occur once")
    times[1] -= dummies
    return np.array([times[c] for c in range(len(sizes) + 1)], np.int64)


def _agree(me: Party, trio: Sequence[Party], institutions: Iterable[Party], own: bytes) -> Part[bytes]:
    """Tell everybody the own part of the key, and hear the others': Z."""
    others = [p for p in trio if p != me]
    inbox = yield Round(
        send=dict.fromkeys([*others, *institutions], own),
        expect=dict.fromkeys(others, Bytes(ELEMENT_BYTES)),
        step="keys",
    )
    return reduce(add, (inbox[p] for p in others), own)


def _accept(s: int, sizes: Mapping[Party, int]) -> Part[tuple[Ciphertext, Share]]:
    """What the institutions hand in: all rows, at P_0, and this party's share of the number of dummies."""
    specs = {p: Several((_rows_spec(n), _SHARE)) if s == 0 else _SHARE for p, n in sizes.items()}
    inbox = yield Round(expect=specs, step="rows", work=_SECONDS * max(sizes.values(), default=0))
    shares = [inbox[p][1] if s == 0 else inbox[p] for p in sizes]
    dummies = sum((share.elements for share in shares), np.zeros(1, np.uint64))
    parts = [inbox[p][0].elements for p in sizes] if s == 0 else []
    return Ciphertext(np.concatenate([np.empty((0, 2, ELEMENT_BYTES), np.uint8), *parts])), Share(dummies)


def _turned(rows: NDArray[np.uint8], key: bytes, randomness: Randomness) -> tuple[Elements, Elements]:
    """One compute party's turn: all rows to a power of its own, encrypted anew, in an order of its own."""
    a, n = random_scalar(randomness), len(rows)
    r = ristretto.rows(ristretto.random_scalars(randomness, n))
    rows = rows[uniform_order(n, randomness)]
    u, v = (ristretto.rows(np.ascontiguousarray(rows[:, part])) for part in range(2))
    turned_u = [add(multiply(a, e), multiply_base(k)) for e, k in zip(u, r, strict=True)]
    turned_v = [add(multiply(a, e), multiply(k, key)) for e, k in zip(v, r, strict=True)]
    return turned_u, turned_v


def _packed(u: Elements, v: Elements) -> Ciphertext:
    """Rows to be sent: uint8 (n, 2, 32)."""
    return Ciphertext(np.stack([ristretto.table(u), ristretto.table(v)], axis=1))


def _rows_spec(n: int) -> Array:
    return Array(np.uint8, (n, 2, ELEMENT_BYTES), Ciphertext)


def _check_roles(trio: Sequence[Party], sizes: Mapping[Party, int], receiver: Party) -> None:
    names = [*trio, *sizes, receiver]
    if len(trio) != 3 or len(set(names)) != len(names):
        raise InvalidRequest("three compute parties, the institutions and the receiver are parties of their own")
