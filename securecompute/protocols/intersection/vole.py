"""Intersection of two sets: R learns which of its items S has too, S learns nothing. For millions of items.

    rounds 1-3...   `vole_oprf`: R gets F on its set X, S the key of F
    last round(s)   S -> R   tags u8 (ny, t): F(y)[:t] for its set Y in an order of their own (`tags`)
    R               x is in Y where F(x)[:t] is among the tags

If a set is empty, as declared, nothing is sent: the answer is known.

Security   Semi-honest, two parties. R learns which rows of X are in Y, S nothing. Leakage: nx, ny as declared: every
           message has a length that depends on nothing else. F is random to R outside X, so the other tags are random
           bytes (`vole_oprf`, whose assumptions hold here: the LPN profile is under review). A false match: 2^-40 over
           all pairs (`tags`); a missed one: never. Not promised: any of it against a party that deviates; that sets
           are true. `header` belongs to one run of two parties.
Cost       rounds and bytes in `cost`, exactly: 4 rounds up to 1.5 million items. For 2^20 items each R sends 25.6 MB
           and S 11.0 MB, 279 bits an item; R computes 0.6 s and S 0.33 s on a core each.
Reference  Raghuraman, Rindal, CCS 2022 (ePrint 2022/320).
"""

import numpy as np
from numpy.typing import NDArray

from securecompute.arithmetic.gf128 import Blocks
from securecompute.engine.rounds import Part, Party
from securecompute.primitives import okvs
from securecompute.primitives.lpn import RECOMMENDED
from securecompute.primitives.okvs import Rows
from securecompute.primitives.randomness import Randomness
from securecompute.protocols.intersection import silent_vole, tags, vole_oprf
from securecompute.protocols.intersection.declared import declared_rows, declared_set
from securecompute.protocols.intersection.vole_oprf import Key
from securecompute.values import Plain


def cost(nx: int, ny: int, profile: str = RECOMMENDED) -> silent_vole.Cost:
    """Rounds, and payload bytes that R and S send. raises InvalidRequest: a size or profile that there is not"""
    size = tags.tag_bytes(nx, ny)
    if not nx or not ny:
        return silent_vole.Cost(0, 0, 0)
    keyed = vole_oprf.cost(nx, profile)
    return silent_vole.Cost(keyed.rounds + tags.rounds(nx, ny), keyed.receiver, keyed.sender + ny * size)


def receive(
    peer: Party, x: Plain, nx: int, ny: int, header: bytes, randomness: Randomness, profile: str = RECOMMENDED
) -> Part[NDArray[np.bool_]]:
    """Which rows of x are in S's set too: bool (nx,). Run by R.

    peer      S
    x         uint64 (nx, 2), unique, padded to nx
    header    public; of this run of these two parties
    profile   of the LPN noise, as `lpn` has them; the same on both sides
    raises    InvalidRequest  x is not what was declared, or there is no such profile
              PeerMisbehaved  a point of S is no element, or the identity
    """
    ids = declared_rows(x, nx)  # `prepare` finds equal ones
    if not nx or not ny:
        return np.zeros(nx, np.bool_)
    prepared = vole_oprf.prepare(ids, header, randomness)
    values = yield from vole_oprf.ask(peer, prepared, header, randomness, profile)
    return (yield from tags.match(peer, values, ny))


def send(
    peer: Party, y: Plain, nx: int, ny: int, header: bytes, randomness: Randomness, profile: str = RECOMMENDED
) -> Part[None]:
    """Let R find its items among those of y. Run by S; peer is R; arguments and raises as `receive`."""
    ids = declared_set(y, ny)
    if not nx or not ny:
        return
    decoding = _Decoding(ids)
    key = yield from vole_oprf.answer(peer, nx, header, randomness, profile, decoding.add)
    yield from tags.send(peer, key.finish(ids, decoding.words), nx, randomness)


class _Decoding:
    """Decode(K, y) of S's items, while R's masked set is still arriving."""

    __slots__ = ("_ids", "_rows", "words")

    def __init__(self, ids: Blocks) -> None:
        self._ids = ids
        self._rows: Rows | None = None
        self.words: Blocks = np.empty(ids.shape, np.uint64)

    def add(self, key: Key, clusters: range) -> None:
        self._rows = self._rows or key.rows(self._ids)
        key.decode(self._rows, clusters, self.words)


def warm() -> None:
    """Compile every kernel, or load it from the cache, so that no session waits for it."""
    from securecompute.arithmetic import lookup  # loads the compiler

    silent_vole.warm()
    okvs.warm()
    lookup.warm()
