"""Random oblivious transfer: one side gets pairs of keys, the other one key of each pair, of its choice.

For transfer i the chooser, with choice c, draws an element R_(1-c) of ristretto255 and a scalar a; the offerer has one
scalar y for all i. Hg hashes into the group.

    chooser -> offerer    R_0, R_1    with R_c = a G - Hg(i, 1-c, R_(1-c))
    offerer -> chooser    y G
    the offerer's keys    k_j = SHA-256(i, j, y (R_j + Hg(i, 1-j, R_(1-j)))), j = 0, 1
    the chooser's key     k_c = SHA-256(i, c, a (y G))

The messages depend on nothing received, so both go in one round. Local steps only.

Security   Semi-honest. Both elements of a pair are uniform whatever c is: the offerer learns nothing of choices, with
           no assumption. The key that was not chosen needs the Diffie-Hellman product of y G and a hash: assumes CDH
           in ristretto255, Hg and SHA-256 as random oracles; `domain` sets runs apart. Time does not depend on
           choices. Not promised: that a chooser who deviates, with one y for all i, has but one key of each pair.
Cost       1 round: the chooser sends 64 bytes a transfer, the offerer 32 in all. 0.12 ms of work a transfer for the
           chooser, 0.18 for the offerer.
Reference  Masny, Rindal, CCS 2019 (ePrint 2019/706), the form over a group, as in libOTe; RFC 9496.
"""

from collections.abc import Callable
from hashlib import sha256
from itertools import chain
from typing import Final, TypeVar

import numpy as np
from numpy.typing import NDArray

from securecompute.arithmetic.work_parts import each, parts
from securecompute.errors import InvalidRequest, PeerMisbehaved
from securecompute.primitives.randomness import Randomness
from securecompute.primitives.ristretto import (
    ELEMENT_BYTES,
    InvalidElement,
    add,
    check_element,
    from_uniform,
    hash_to_element,
    multiply,
    multiply_base,
    random_scalar,
    rows,
    subtract,
    table,
)
from securecompute.values import Opaque

Octets = NDArray[np.uint8]
T = TypeVar("T")

THREADS: Final = 2  # the group computes outside Python's lock, and while one side does the other has to wait


class Chooser(Opaque):
    """Who gets one key of each pair.

    points   uint8 (n, 2, 32), to be sent to the offerer
    """

    __slots__ = ("_choices", "_domain", "_exponents", "points")

    def __init__(self, choices: NDArray[np.bool_], domain: bytes, randomness: Randomness) -> None:
        """choices   bool (n,)
        domain    1 to 255 bytes that both sides share and no other run uses
        raises    InvalidRequest  choices are not such a vector
        """
        if choices.dtype != np.bool_ or choices.ndim != 1:
            raise InvalidRequest(f"choices are {choices.dtype} {choices.shape}; expected bool (n,)")
        self._choices, self._domain = [int(c) for c in choices], domain
        self._exponents = [random_scalar(randomness) for _ in self._choices]
        drawn = [randomness.bytes(64) for _ in self._choices]
        made = _all(lambda i: self._pair(i, drawn[i]), len(drawn))
        self.points = _in_place(table(chosen for chosen, _ in made), table(other for _, other in made), choices)

    def _pair(self, i: int, drawn: bytes) -> tuple[bytes, bytes]:
        """R_c and R_(1-c)."""
        other = from_uniform(drawn)
        return subtract(multiply_base(self._exponents[i]), _hashed(self._domain, i, 1 - self._choices[i], other)), other

    def keys(self, point: Octets, peer: str) -> list[bytes]:
        """The chosen keys, 32 bytes each.

        point    uint8 (32,), from the offerer
        raises   PeerMisbehaved  it is no element, or the identity
        """
        try:
            y_g = check_element(point.tobytes())
        except InvalidElement as error:
            raise _named(peer) from error
        return _all(
            lambda i: _key(self._domain, i, self._choices[i], multiply(self._exponents[i], y_g)), len(self._choices)
        )


class Offerer(Opaque):
    """Who gets both keys of each pair, as many as the chooser wants.

    point   uint8 (32,), to be sent to the chooser
    """

    __slots__ = ("_domain", "_y", "point")

    def __init__(self, domain: bytes, randomness: Randomness) -> None:
        """domain   as of the chooser"""
        self._domain, self._y = domain, random_scalar(randomness)
        self.point = table([multiply_base(self._y)])[0]

    def keys(self, points: Octets, peer: str) -> list[tuple[bytes, bytes]]:
        """Both keys of each transfer, 32 bytes each.

        points   uint8 (n, 2, 32), from the chooser
        raises   PeerMisbehaved  one of them is no element, or the identity
        """
        flat = rows(points.reshape(-1, ELEMENT_BYTES))
        pairs = list(zip(flat[::2], flat[1::2], strict=True))
        try:  # each point is a term of a sum, which refuses what is no element, and the identity
            return _all(lambda i: (self._of(i, 0, pairs[i]), self._of(i, 1, pairs[i])), len(pairs))
        except InvalidElement as error:  # a point minus its hash: whoever sent it knew the key before it was made
            raise _named(peer) from error

    def _of(self, i: int, j: int, pair: tuple[bytes, bytes]) -> bytes:
        blinded = add(pair[j], _hashed(self._domain, i, 1 - j, pair[1 - j]))
        return _key(self._domain, i, j, multiply(self._y, blinded))


def _all(of: Callable[[int], T], n: int) -> list[T]:
    """of(0) to of(n - 1), in this order, whichever thread makes them."""
    return list(chain(*each(lambda part: [of(i) for i in range(part.start, part.stop)], parts(n, THREADS))))


def _in_place(chosen: Octets, other: Octets, choices: NDArray[np.bool_]) -> Octets:
    """Pairs with `chosen` at the place of the choice: uint8 (n, 2, 32), by masks and not by branches."""
    swap = (chosen ^ other) & (np.uint8(0) - choices.astype(np.uint8))[:, None]
    return np.stack([chosen ^ swap, other ^ swap], axis=1)


def _named(peer: str) -> PeerMisbehaved:
    return PeerMisbehaved(f"'{peer}' sent a point for oblivious transfer that is no element, or the identity")


def _hashed(domain: bytes, i: int, j: int, point: bytes) -> bytes:
    return hash_to_element(i.to_bytes(4, "big") + bytes([j]) + point, domain)


def _key(domain: bytes, i: int, j: int, product: bytes) -> bytes:
    return sha256(bytes([len(domain)]) + domain + i.to_bytes(4, "big") + bytes([j]) + product).digest()
