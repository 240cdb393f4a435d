"""Linked records as shares: a table of the leader's records beside the partners' columns, and nobody knows who matched.

The leader P1 has the set X, a partner the set Y with columns pay(y). Two-party part, B bins, all of it mod 2^64:

    P1        puts every x in one of its three bins by a cuckoo table; bin b asks for the key MMO_Kj(x), j the choice
              that placed x there, and an empty bin for a random key
    partner   draws t_b and u_bc for every bin; for every y and j, b = h_j(y), it programs
              MMO_Kj(y) -> (t_b, pay_c(y) - u_bc)
    P1        learns (t'_b, p'_bc) by `opprf`: t' = t and p' + u = pay where its record is the partner's, else uniform

Then both share their halves, and P1 its own columns (`in_bins`), with three compute parties as inputs of a program,
whose operations match and fetch work out

    e_b = [t'_b - t_b = 0],     z_bc = e_b (p'_bc + u_bc)

Rows without a match are zeros, so that a sum over the table is a sum over the records in both sets.

Several partners: the leader's table, its keys and their store P serve all; the mask A of P is of each pair. To a
coalition of partners all A' = A + P are then independent and pseudo-random together, by one replacement of an A by a
uniform one after the other, as `silent_vole` has it that A is; so they say nothing of P. But two partners do see the
sum of their two A in full, with twice the noise of one, where a single partner sees of A only what it guesses of P.

Security   Semi-honest; any parties together, of whom at most one is a compute party. The leader learns ny and the
           partner B, and no more: all that the leader receives is uniform to it, and what a partner receives is as
           `vole_oprf` says. Compute parties learn B and the numbers of columns. Nobody learns e.
           Assumes what `opprf` does.
           Not promised: that a partner's columns are what it has; nor of a bin that it does not match falsely: that
           has probability 2^-64, B 2^-64 in all, and puts a uniform word into the columns.
Cost       `Linkage.rounds` and `Linkage.sent`, exactly. Of the program: those of `equal` on B numbers, and of a product
           of B numbers for each column.
Reference  Pinkas, Schneider, Tkachenko, Yanai, EUROCRYPT 2019; Rindal, Schoppmann, EUROCRYPT 2021, section 5;
           Raghuraman, Rindal, CCS 2022, section 4.
"""

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from securecompute.arithmetic.ring_arrays import RingArray
from securecompute.arithmetic.rings import Ring
from securecompute.engine.rounds import Part, Party, together
from securecompute.errors import InvalidRequest
from securecompute.primitives import cuckoo, okvs
from securecompute.primitives.block_hash import BlockHash
from securecompute.primitives.lpn import RECOMMENDED
from securecompute.primitives.masks import KEY_BYTES, Reader
from securecompute.primitives.randomness import Randomness
from securecompute.protocols.intersection import opprf, vole_oprf
from securecompute.protocols.intersection.declared import declared_set
from securecompute.protocols.intersection.header import public_key
from securecompute.protocols.products.bit_sharing import silent
from securecompute.values import Opaque, Plain

Words: TypeAlias = NDArray[np.uint64]


@dataclass(frozen=True, slots=True)
class Partner:
    """An institution whose columns are put beside the leader's records.

    ny        its declared number of records
    columns   how many columns it adds, which may be none
    """

    name: Party
    ny: int
    columns: int = 0


@dataclass(frozen=True, slots=True)
class Linkage:
    """What every party knows of a linkage.

    nx        the leader's declared number of records
    header    the public session header
    profile   of the noise, as `lpn` has them
    """

    leader: Party
    nx: int
    partners: tuple[Partner, ...]
    header: bytes
    profile: str = RECOMMENDED

    def __post_init__(self) -> None:
        names = [self.leader, *(p.name for p in self.partners)]
        if not self.partners or len(set(names)) < len(names):
            raise InvalidRequest("a linkage is between a leader and one partner at least, each named once")
        if min(self.nx, *(min(p.ny, p.columns) for p in self.partners)) < 0 or self.nx > cuckoo.MOST:
            raise InvalidRequest(
                f"numbers of records and columns are at least 0, and the leader's at most {cuckoo.MOST}"
            )

    @property
    def bins(self) -> int:
        """B: rows of the table."""
        return cuckoo.bins(self.nx)

    def terms(self, partner: Partner) -> opprf.Terms:
        """Of the values that one partner programs."""
        n, words = cuckoo.CHOICES * partner.ny, 1 + partner.columns
        return opprf.Terms(self.leader, partner.name, self.bins, n, words, self.header, self.profile)

    @property
    def rounds(self) -> int:
        """Of the two-party part: as many as a silent party yields."""
        return max(self.terms(p).cost().rounds for p in self.partners)

    def sent(self, partner: Partner) -> tuple[int, int]:
        """Bytes that the leader and this partner send each other in it."""
        cost = self.terms(partner).cost()
        return cost.receiver, cost.sender


@dataclass(frozen=True, slots=True)
class Half:
    """What one of leader and partner has of a linkage, all of it for the compute parties; as it is, it means nothing.

    tags      t' of the leader, t of the partner: (B,)
    columns   p' of the leader, u of the partner: (columns, B)
    """

    tags: RingArray
    columns: RingArray


@dataclass(frozen=True, slots=True, repr=False)
class Led(Opaque):
    """What the leader has: its record in each bin, int64 (B,), -1 for none; its half with each partner, in order."""

    rows: NDArray[np.int64]
    halves: tuple[Half, ...]


def lead(agreed: Linkage, x: Plain, randomness: Randomness) -> Part[Led]:
    """The leader's part, with all partners at once; `agreed.rounds`.

    x        uint64 (nx, 2), distinct identifiers
    raises   InvalidRequest  another array, another number of rows, or two equal rows
             InternalFault   the table has no placement; nothing was sent
             PeerMisbehaved  as `vole_oprf`
    """
    ids, header = declared_set(x, agreed.nx), agreed.header
    table = cuckoo.place(_places(header, ids, agreed.bins), agreed.bins)
    keys = vole_oprf.prepare(_queries(header, ids, table, randomness), header, randomness)
    parts = [opprf.receive(agreed.terms(p), keys, randomness) for p in agreed.partners]
    learned = yield from together(*parts)
    return Led(table.row, tuple(_half(values) for values in learned))


def assist(agreed: Linkage, me: Party, y: Plain, columns: Plain, randomness: Randomness) -> Part[Half]:
    """A partner's part; `agreed.rounds`.

    y         uint64 (ny, 2), distinct identifiers
    columns   uint64 (columns, ny), elements of Z_2^64 at the scale and within the bounds that the caller declared
    raises    InvalidRequest  other arrays, another number of rows, two equal rows, or no partner of this name
              PeerMisbehaved  as `vole_oprf`
    """
    own = next((p for p in agreed.partners if p.name == me), None)
    if own is None:
        raise InvalidRequest(f"'{me}' is no partner of this linkage")
    ids, pay = declared_set(y, own.ny), columns.elements
    if pay.dtype != np.uint64 or pay.shape != (own.columns, own.ny):
        raise InvalidRequest(f"columns are {pay.dtype} {pay.shape}; expected uint64 {(own.columns, own.ny)}")
    drawn = Reader(randomness.bytes(KEY_BYTES)).words(agreed.bins * (1 + own.columns)).reshape(agreed.bins, -1)
    keys = np.concatenate([_hash(agreed.header, j)(ids) for j in range(cuckoo.CHOICES)])
    arranged = okvs.arrange(keys, agreed.header, randomness)
    values = drawn[_places(agreed.header, ids, agreed.bins).T.ravel()]
    for c in range(own.columns):
        by_choice = values[:, 1 + c].reshape(cuckoo.CHOICES, own.ny)
        np.subtract(pay[c], by_choice, out=by_choice)
    yield from together(_programmed(agreed.terms(own), arranged, values, randomness))
    yield from silent(agreed.rounds - agreed.terms(own).cost().rounds)
    return _half(drawn)


def in_bins(rows: NDArray[np.int64], x: Words) -> Words:
    """The leader's own numbers, (nx, ...) with a row for each record, in the order of the bins; zeros in empty ones.

    rows     as of `Led`
    """
    placed = np.zeros((len(rows), *x.shape[1:]), np.uint64)
    taken = np.flatnonzero(rows >= 0)
    placed[taken] = x[rows[taken]]
    return placed


def warm() -> None:
    """Compile every kernel, or load it from the cache, so that no session waits for it."""
    opprf.warm()
    cuckoo.warm()


def _programmed(terms: opprf.Terms, at: okvs.Arranged, values: Words, randomness: Randomness) -> Part[None]:
    of = yield from opprf.answer(terms, randomness)
    yield from opprf.program(terms, of, at, values, randomness)


def _places(header: bytes, ids: Words, bins: int) -> cuckoo.Places:
    return cuckoo.places(BlockHash(public_key(header, "circuit: bins"))(ids), bins)


def _hash(header: bytes, choice: int) -> BlockHash:
    """What makes a key of an identifier that is placed by this choice."""
    return BlockHash(public_key(header, f"circuit: choice {choice}"))


def _queries(header: bytes, ids: Words, table: cuckoo.Table, randomness: Randomness) -> Words:
    """The key of every bin: uint64 (B, 2)."""
    keys = Reader(randomness.bytes(KEY_BYTES)).words(2 * len(table.row)).reshape(-1, 2)
    for j in range(cuckoo.CHOICES):
        there = np.flatnonzero((table.row >= 0) & (table.choice == j))
        keys[there] = _hash(header, j)(ids[table.row[there]])
    return keys


def _half(values: Words) -> Half:
    """Tags and columns from rows of both, (B, 1 + columns)."""
    tags, columns = values[:, 0].copy(), np.ascontiguousarray(values[:, 1:].T)
    return Half(RingArray(Ring.Z64, tags), RingArray(Ring.Z64, columns))
