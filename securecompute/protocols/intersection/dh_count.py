"""Size of the intersection of two sets, and nothing but it: the counter learns one number, the other party none.

    counter A, scalar a; other party B, scalar b; H hashes into ristretto255 under a tag of this session
    round 1   A -> B: { a H(x) } shuffled
    round 2   B -> A: { b a H(x) } shuffled anew, { b H(y) } shuffled
    A         | { b a H(x) } and { a b H(y) } in common |

Security   Semi-honest. A sees b times uniform-looking elements, in orders of B's choosing: by decisional Diffie-Hellman
           and H a random oracle, what a count of matches allows and no more; not which of its items matched. B sees
           a H(x): |X| as declared. Fresh a and b in every session, so nothing can be linked to another. Leakage: sizes
           as declared. Not promised: anything against a party that cheats. A could send one item of interest among
           items that cannot match, or multiples of one element that tell by their own pattern which it was; a rule on
           the smallest count released, and on repeated counts, belongs around this.
Cost       2 rounds. A sends 32 |X|, B 32 (|X| + |Y|). One core, us: A 55 for each of its items and 39 for each of B's;
           B the same.
Reference  Huberman, Franklin, Hogg, EC 1999; Agrawal, Evfimievski, Srikant, SIGMOD 2003, section 5 (intersection size).
"""

import numpy as np
from numpy.typing import NDArray

from securecompute.engine.rounds import Array, Part, Party, Round, Several
from securecompute.primitives import ristretto
from securecompute.primitives.randomness import Randomness
from securecompute.primitives.ristretto import ELEMENT_BYTES
from securecompute.protocols.intersection.declared import declared_set, octets, uniform_order
from securecompute.protocols.intersection.header import public_key
from securecompute.values import Plain

_SECONDS = 1e-3  # of either side for an item, on a slow and busy core: what a deadline allows for


def count(peer: Party, x: Plain, nx: int, ny: int, header: bytes, randomness: Randomness) -> Part[int]:
    """How many rows of x are in the peer's set. Run by the party that learns.

    x        uint64 (nx, 2), unique, padded to nx
    ny       the declared size of the peer's set
    raises   InvalidRequest  x is not what was declared
             PeerMisbehaved  the peer sent what is no element
    """
    a = ristretto.random_scalar(randomness)
    blinded = _hashed_and_blinded(x, nx, a, header, randomness)
    yield Round(send={peer: blinded}, step="blinded")
    spec = Several((Array(np.uint8, (nx, ELEMENT_BYTES)), Array(np.uint8, (ny, ELEMENT_BYTES))))
    inbox = yield Round(expect={peer: spec}, step="blinded twice", after=1, work=_SECONDS * (nx + ny))
    twice, theirs = inbox[peer]
    for element in ristretto.rows(twice):
        ristretto.check_element(element)
    return len(set(ristretto.rows(twice)) & set(ristretto.rows(ristretto.multiply_all(a, theirs))))


def help_count(peer: Party, y: Plain, ny: int, nx: int, header: bytes, randomness: Randomness) -> Part[None]:
    """Take part in the peer's count, of a set of its own. Run by the party that learns nothing; raises as `count`."""
    b = ristretto.random_scalar(randomness)
    own = _hashed_and_blinded(y, ny, b, header, randomness)
    spec = Array(np.uint8, (nx, ELEMENT_BYTES))
    inbox = yield Round(expect={peer: spec}, step="blinded", work=_SECONDS * nx)
    twice = ristretto.multiply_all(b, inbox[peer])[uniform_order(nx, randomness)]
    yield Round(send={peer: (twice, own)}, step="blinded twice")


def _hashed_and_blinded(x: Plain, n: int, scalar: bytes, header: bytes, randomness: Randomness) -> NDArray[np.uint8]:
    """scalar times H of every row, in an order of its own: uint8 (n, 32)."""
    hashed = ristretto.hash_all(octets(declared_set(x, n)), public_key(header, "elements of a count"))
    return ristretto.multiply_all(scalar, hashed)[uniform_order(n, randomness)]
