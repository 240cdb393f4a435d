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
Cost       1 round: the chooser sends 64 bytes a transfer, the offerer 32 in all. 0.03 ms of work a transfer for the
           chooser, 0.05 for the offerer, with vectors; three to four times as much without (`ristretto`).
Reference  Masny, Rindal, CCS 2019 (ePrint 2019/706), the form over a group, as in libOTe; RFC 9496.
"""

from collections.abc import Sequence
from hashlib import sha256

import numpy as np
from numpy.typing import NDArray

from securecompute.errors import InvalidRequest, PeerMisbehaved
from securecompute.primitives.randomness import Randomness
from securecompute.primitives.ristretto import (
    ELEMENT_BYTES,
    GENERATOR,
    UNIFORM_BYTES,
    InvalidElement,
    check_element,
    expand_each,
    from_uniform_all,
    multiply_all,
    multiply_base,
    multiply_one,
    random_scalar,
    random_scalars,
    rows,
    table,
)

Octets = NDArray[np.uint8]


class Chooser:
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
        n = len(choices)
        self._choices, self._domain = [int(c) for c in choices], domain
        self._exponents = random_scalars(randomness, n)
        uniform = b"".join(randomness.bytes(UNIFORM_BYTES) for _ in range(n))
        other = from_uniform_all(np.frombuffer(uniform, np.uint8).reshape(n, UNIFORM_BYTES))
        hashed = _hashed(domain, range(n), [1 - c for c in self._choices], other)
        chosen = multiply_one(self._exponents, GENERATOR, hashed)
        self.points = _in_place(chosen, other, choices)

    def keys(self, point: Octets, peer: str) -> list[bytes]:
        """The chosen keys, 32 bytes each.

        point    uint8 (32,), from the offerer
        raises   PeerMisbehaved  it is no element, or the identity
        """
        try:
            y_g = check_element(point.tobytes())
        except InvalidElement as error:
            raise _named(peer) from error
        return _keys(self._domain, range(len(self._choices)), self._choices, multiply_one(self._exponents, y_g))


class Offerer:
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
        n = len(points)
        own, others = points.reshape(-1, ELEMENT_BYTES), points[:, ::-1].reshape(-1, ELEMENT_BYTES)
        transfers = np.repeat(np.arange(n), 2).tolist()
        hashed = _hashed(self._domain, transfers, [1, 0] * n, others)
        try:
            products = multiply_all(self._y, own, hashed)
        except InvalidElement as error:  # or a point is minus its hash: whoever sent it knew the key before it was made
            raise _named(peer) from error
        keys = _keys(self._domain, transfers, [0, 1] * n, products)
        return list(zip(keys[::2], keys[1::2], strict=True))


def _in_place(chosen: Octets, other: Octets, choices: NDArray[np.bool_]) -> Octets:
    """Pairs with `chosen` at the place of the choice: uint8 (n, 2, 32), by masks and not by branches."""
    swap = (chosen ^ other) & (np.uint8(0) - choices.astype(np.uint8))[:, None]
    return np.stack([chosen ^ swap, other ^ swap], axis=1)


def _named(peer: str) -> PeerMisbehaved:
    return PeerMisbehaved(f"'{peer}' sent a point for oblivious transfer that is no element, or the identity")


def _hashed(domain: bytes, transfers: Sequence[int], places: Sequence[int], points: Octets) -> Octets:
    """What Hg(i, j, R) of each point is made of: uint8 (n, 64)."""
    return expand_each(_placed(b"", transfers, places, points), domain)


def _keys(domain: bytes, transfers: Sequence[int], places: Sequence[int], products: Octets) -> list[bytes]:
    """SHA-256(i, j, product) of each product."""
    return [sha256(row).digest() for row in _placed(bytes([len(domain)]) + domain, transfers, places, products)]


def _placed(prefix: bytes, transfers: Sequence[int], places: Sequence[int], points: Octets) -> list[bytes]:
    """prefix, i in four bytes, big-endian, j in one, and the point, for each point."""
    heads = np.empty((len(points), len(prefix) + 5), np.uint8)
    heads[:, : len(prefix)] = np.frombuffer(prefix, np.uint8)
    heads[:, len(prefix) : -1] = np.asarray(transfers, ">u4").view(np.uint8).reshape(-1, 4)
    heads[:, -1] = places
    return rows(np.hstack([heads, points]))
