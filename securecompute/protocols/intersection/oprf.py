"""Set intersection by an oblivious function: the asker learns which of its items a key holder's set contains.

    key holder, once:  the table of `oprf_table`: tag(y) = F_k(y)[:t] for its set Y, sorted
    round 1            key holder -> asker: tags, Y_k with proofs        asker -> key holder: B_i = r_i H(x_i)
    round 2            key holder -> asker: E_i = k B_i, with a proof that k is the key of Y_k, if that is the mode
    asker              x_i is in Y where F_k(x_i)[:t] = Finalize(x_i, r_i^-1 E_i)[:t] is among the tags

`receive` and `send` are both rounds. An asker that keeps what was published asks the same table again by `ask`, and
the key holder answers by `answer`: the tags travel once.

Security   Asker, whatever it does: the tags, |Y| as declared, and membership of at most as many items as it was
           answered (one-more gap Diffie-Hellman in ristretto255; H and Finalize random oracles). It may ask items
           that are no patients of its own: nothing can stop that, so the key holder counts and logs every item
           before it answers, and answers no more than the table's Q in all. Key holder, whatever it does: |X| as
           declared, since every B_i is uniform. Not promised in mode OPRF: a key holder can answer with another key,
           as a whole or for chosen places, so that matches fail; in mode VOPRF that is found, if the asker has the
           public key from elsewhere. In neither mode is the list of tags bound to a set. Leakage: sizes as declared;
           that two lists are, or are not, of one key; with the key, if it is ever lost, the whole set to who has
           kept the tags. Q evaluations cost at most log2(Q) / 2 of the key's 126 bits (static Diffie-Hellman).
Cost       2 rounds. The asker sends 32 |X|; the key holder t |Y| + 32 |X|, in mode VOPRF also 32, and 64 for every
           65,535 items begun: `cost`. One core, us an item asked: asker 100, key holder 39; with proofs 215 and 100.
Reference  RFC 9497; the set use is that of Jarecki, Liu, SCN 2010 (2HashDH) with a truncated list.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from securecompute.engine.rounds import Array, Bytes, Message, Part, Party, Round, Several, Spec, together
from securecompute.errors import PeerMisbehaved
from securecompute.primitives import oprf, ristretto
from securecompute.primitives.oprf import LARGEST_BATCH, PROOF_BYTES, InvalidProof, Mode
from securecompute.primitives.randomness import Randomness
from securecompute.primitives.ristretto import ELEMENT_BYTES, InvalidElement
from securecompute.protocols.intersection.declared import declared_set, octets
from securecompute.protocols.intersection.header import public_key
from securecompute.protocols.intersection.oprf_table import Published, Table, tag_bytes, words
from securecompute.protocols.intersection.silent_vole import Cost
from securecompute.values import Plain

_SECONDS = 1e-3  # of either side for an item, on a slow and busy core: what a deadline allows for


class QueryLog(Protocol):
    """A key holder's memory of what was asked under each key; it must outlive the process."""

    def spend(self, key: bytes, asker: Party, session: bytes, items: int, allowed: int) -> None:
        """Note that so many items are about to be answered. On the disk when it returns.

        raises   DisclosureRefused  with these, more than `allowed` would have been answered under this public key
        """


def cost(nx: int, ny: int, queries: int, mode: Mode) -> Cost:
    """Rounds, and payload bytes that asker and key holder send in `receive` and `send`. raises as `tag_bytes`"""
    proofs = ELEMENT_BYTES + PROOF_BYTES * len(list(_batches(nx))) if mode is Mode.VOPRF else 0
    return Cost(2, ELEMENT_BYTES * nx, tag_bytes(queries, ny) * ny + ELEMENT_BYTES * nx + proofs)


def receive(
    peer: Party,
    x: Plain,
    nx: int,
    ny: int,
    queries: int,
    mode: Mode,
    randomness: Randomness,
    public: bytes | None = None,
) -> Part[NDArray[np.bool_]]:
    """Which rows of x are in the peer's set: bool (nx,). Run by the asker.

    x         uint64 (nx, 2), unique, padded to nx; the identifiers themselves, as in the peer's table
    queries   Q of the peer's table, as declared
    public    the public key that the peer is known to use; None: whatever it publishes
    raises    InvalidRequest  x is not what was declared
              PeerMisbehaved  an element, a proof, the key or the order of the tags is not what it must be
    """
    ids = declared_set(x, nx)
    published, asked = yield from together(fetch(peer, ny, queries, mode), _exchange(peer, ids, mode, randomness))
    return _members(peer, published, public, asked)


def send(peer: Party, table: Table, nx: int, header: bytes, log: QueryLog, randomness: Randomness) -> Part[None]:
    """Answer `receive`. Run by the key holder; raises as `answer`."""
    _spend(peer, table, nx, header, log)
    yield from together(publish(peer, table), _evaluate(peer, table, nx, randomness))


def publish(peer: Party, table: Table) -> Part[None]:
    """Send the tags, in mode VOPRF with the public key. One round; run by the key holder."""
    published = table.published
    tags: Message = published.tags
    yield Round(send={peer: (tags, published.public) if published.mode is Mode.VOPRF else tags}, step="tags")


def fetch(peer: Party, ny: int, queries: int, mode: Mode) -> Part[Published]:
    """What `publish` sends. Run by the asker.

    raises   PeerMisbehaved  the tags are not in ascending order, which could say something of the set's own
    """
    spec: Spec = Array(np.uint8, (ny, tag_bytes(queries, ny)))
    inbox = yield Round(
        expect={peer: Several((spec, Bytes(ELEMENT_BYTES))) if mode is Mode.VOPRF else spec}, step="tags"
    )
    tags, public = inbox[peer] if mode is Mode.VOPRF else (inbox[peer], b"")
    first, rest = words(tags)
    if not ((first[:-1] < first[1:]) | ((first[:-1] == first[1:]) & (rest[:-1] <= rest[1:]))).all():
        raise PeerMisbehaved(f"'{peer}' published tags that are not in ascending order")
    return Published(tags, public, mode)


def ask(
    peer: Party, x: Plain, nx: int, published: Published, randomness: Randomness, public: bytes | None = None
) -> Part[NDArray[np.bool_]]:
    """As `receive`, of a table that was published earlier. Run by the asker."""
    ids = declared_set(x, nx)
    asked = yield from _exchange(peer, ids, published.mode, randomness)
    return _members(peer, published, public, asked)


def answer(peer: Party, table: Table, nx: int, header: bytes, log: QueryLog, randomness: Randomness) -> Part[None]:
    """Answer `ask`. Run by the key holder.

    header   the public session header: what the log calls the session by
    raises   DisclosureRefused  the table's Q would be exceeded; nothing was sent
             PeerMisbehaved     the asker sent what is no element
    """
    _spend(peer, table, nx, header, log)
    yield from _evaluate(peer, table, nx, randomness)


@dataclass(frozen=True, slots=True, repr=False)
class _Asked:
    """What the asker has of its items: what takes the blinding off, B, and of the key holder E and its proofs."""

    inputs: list[bytes]
    unblinders: NDArray[np.uint8]
    blinded: NDArray[np.uint8]
    evaluated: NDArray[np.uint8]
    proofs: bytes


def _exchange(peer: Party, ids: NDArray[np.uint64], mode: Mode, randomness: Randomness) -> Part[_Asked]:
    """Blind, and have evaluated."""
    inputs = ristretto.rows(octets(ids))
    unblinders, blinded = oprf.blind(inputs, mode, randomness)
    yield Round(send={peer: blinded}, step="blinded")
    work = _SECONDS * len(ids)
    inbox = yield Round(expect={peer: _reply_spec(len(ids), mode)}, step="evaluated", after=1, work=work)
    evaluated, proofs = inbox[peer] if mode is Mode.VOPRF else (inbox[peer], b"")
    return _Asked(inputs, unblinders, blinded, evaluated, bytes(proofs))


def _evaluate(peer: Party, table: Table, nx: int, randomness: Randomness) -> Part[None]:
    spec = Array(np.uint8, (nx, ELEMENT_BYTES))
    inbox = yield Round(expect={peer: spec}, step="blinded", work=_SECONDS * nx)
    blinded = inbox[peer]
    with _sent_by(peer):
        evaluated = table.key.evaluate(blinded)
    reply: Message = evaluated
    if table.key.mode is Mode.VOPRF:
        proofs = b"".join(table.key.prove(blinded[part], evaluated[part], randomness) for part in _batches(nx))
        reply = (evaluated, proofs)
    yield Round(send={peer: reply}, step="evaluated")


def _members(peer: Party, published: Published, public: bytes | None, asked: _Asked) -> NDArray[np.bool_]:
    """Which items have their tag in the list, after the proofs hold."""
    from securecompute.arithmetic.lookup import ROW_BYTES, Lookup  # loads the compiler

    if published.mode is Mode.VOPRF and public not in (None, published.public):
        raise PeerMisbehaved(f"'{peer}' published a table under another public key than it is known by")
    with _sent_by(peer):
        if published.mode is Mode.VOPRF:
            for k, part in enumerate(_batches(len(asked.inputs))):
                proof = asked.proofs[PROOF_BYTES * k : PROOF_BYTES * (k + 1)]
                oprf.verify(published.public, asked.blinded[part], asked.evaluated[part], proof)
        outputs = oprf.finalize(asked.inputs, asked.unblinders, asked.evaluated)
    own = Lookup(np.ascontiguousarray(outputs[:, :ROW_BYTES]).view(np.uint64), published.tags.shape[1])
    own.mark(published.tags)
    return own.found


@contextmanager
def _sent_by(peer: Party) -> Iterator[None]:
    """What is no element, or no proof, names who sent it."""
    try:
        yield
    except (InvalidElement, InvalidProof) as error:
        raise type(error)(f"from '{peer}': {error}") from None


def _spend(peer: Party, table: Table, nx: int, header: bytes, log: QueryLog) -> None:
    log.spend(table.key.public, peer, public_key(header, "queries of a session"), nx, table.queries)


def _reply_spec(nx: int, mode: Mode) -> Spec:
    evaluated = Array(np.uint8, (nx, ELEMENT_BYTES))
    if mode is Mode.OPRF:
        return evaluated
    return Several((evaluated, Bytes(PROOF_BYTES * len(list(_batches(nx))))))


def _batches(nx: int) -> Iterator[slice]:
    """The parts of nx items that have a proof each."""
    return (slice(start, min(nx, start + LARGEST_BATCH)) for start in range(0, nx, LARGEST_BATCH))
