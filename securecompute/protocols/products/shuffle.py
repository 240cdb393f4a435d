"""Rows of secrets put in an order that is random and known to no compute party.

    x' = π_c π_b π_a x         π_a from k_0 (of P_2 and P_0), π_b from k_2 (P_1 and P_2), π_c from k_1 (P_0 and P_1)

    round 1    P_2 → P_0:  X = π_b (π_a (x_2 + x_0 + Z_a) + Z_b)        P_0 → P_1:  Y = π_a (x_1 − Z_a)
    round 2    P_0 → P_1:  A = π_c X − s_0                              P_1 → P_0:  B = π_c π_b (Y − Z_b) − s_2
               s_1 = A + B

with streams Z_a, s_0 from k_0 and Z_b, s_2 from k_2. All columns are put in the same order.

Security   Semi-honest, one corrupted. Every party lacks one of three uniform permutations, so the order is uniform to
           it; every message is under a stream that its receiver lacks: Z_b, Z_a, s_0, s_2. Leakage: none. The dealer
           receives nothing.
Cost       2 rounds. Per element, w = 8 or 16 bytes: P_0 sends 2w, P_1 w, P_2 w.
Reference  Araki, Furukawa, Ohara, Pinkas, Rosemarin, Tsuchida, Secure Graph Analysis at Scale, CCS 2021, section 5.2;
           without its Z_c, as A and B are masked already. Uniform permutations: `arithmetic.permutations`.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from securecompute.arithmetic.ring_arrays import RingArray
from securecompute.engine.rounds import Part, Round
from securecompute.errors import InvalidRequest
from securecompute.protocols.products.compute_party import ComputeParty, Key
from securecompute.protocols.products.dealing import Form, Value, expected, packed, unpacked
from securecompute.protocols.products.replicated import Replicated

if TYPE_CHECKING:
    from securecompute.arithmetic.permutations import Order


def shuffle(party: ComputeParty, columns: Sequence[Replicated]) -> Part[list[Replicated]]:
    """The columns with their rows, along the first axis, in one new order. Run by each of the three.

    columns   any shapes and rings with equally many rows
    raises    InvalidRequest  a column has other rows, or no axis
    """
    n = rows_of([x.shape for x in columns])
    if party.index == 0:
        return (yield from _first(party, columns, n))
    if party.index == 1:
        return (yield from _second(party, columns, n))
    return (yield from _dealer(party, columns, n))


def random_order(party: ComputeParty, key: Key, n: int) -> "Order":
    """A uniform permutation from a stream of this key, for x[permutation]: int64 (n,)."""
    from securecompute.arithmetic.permutations import SPARE, permutation_of  # loads the compiler

    return permutation_of(party.draw_bits(key, "order", np.uint64, (n + SPARE,)))


def rows_of(shapes: Sequence[tuple[int, ...]]) -> int:
    """How many rows all of them have. raises InvalidRequest: not equally many, no axis, no column at all."""
    if not all(shapes) or len({shape[0] for shape in shapes}) != 1:
        raise InvalidRequest(f"columns of shapes {', '.join(map(str, shapes))} do not have equally many rows")
    return shapes[0][0]


def _dealer(party: ComputeParty, columns: Sequence[Replicated], n: int) -> Part[list[Replicated]]:
    order_a, order_b = random_order(party, "next", n), random_order(party, "mine", n)
    masked = []
    for place, x in _placed(party, columns):
        z_a, z_b = _stream(place, "next", "Z", x), _stream(place, "mine", "Z", x)
        masked.append(((x.mine + x.next + z_a)[order_a] + z_b)[order_b])
    yield Round(send={party.names[0]: packed(masked)})
    yield Round()
    return [
        Replicated(party.index, _stream(place, "mine", "share", x), _stream(place, "next", "share", x))
        for place, x in _placed(party, columns)
    ]


def _first(party: ComputeParty, columns: Sequence[Replicated], n: int) -> Part[list[Replicated]]:
    order_a, order_c = random_order(party, "mine", n), random_order(party, "next", n)
    forms = [Form.of(x.mine) for x in columns]
    masked = [(x.next - _stream(place, "mine", "Z", x))[order_a] for place, x in _placed(party, columns)]
    inbox = yield Round(send={party.other: packed(masked)}, expect={party.dealer: expected(forms)})
    shares = [_stream(place, "mine", "share", x) for place, x in _placed(party, columns)]
    heard = unpacked(forms, inbox[party.dealer])
    parts = [x[order_c] - s_0 for x, s_0 in zip(heard, shares, strict=True)]
    sums = yield from _swapped(party, parts, forms)
    return [Replicated(party.index, s_0, s_1) for s_0, s_1 in zip(shares, sums, strict=True)]


def _second(party: ComputeParty, columns: Sequence[Replicated], n: int) -> Part[list[Replicated]]:
    order = random_order(party, "next", n)[random_order(party, "mine", n)]
    forms = [Form.of(x.mine) for x in columns]
    inbox = yield Round(expect={party.other: expected(forms)})
    shares = [_stream(place, "next", "share", x) for place, x in _placed(party, columns)]
    parts = [
        (y - _stream(place, "next", "Z", x))[order] - s_2
        for (place, x), y, s_2 in zip(_placed(party, columns), unpacked(forms, inbox[party.other]), shares, strict=True)
    ]
    sums = yield from _swapped(party, parts, forms)
    return [Replicated(party.index, s_1, s_2) for s_1, s_2 in zip(sums, shares, strict=True)]


def _swapped(party: ComputeParty, parts: Sequence[Value], forms: Sequence[Form]) -> Part[list[RingArray]]:
    inbox = yield Round(send={party.other: packed(parts)}, expect={party.other: expected(forms)})
    return [a + b for a, b in zip(parts, unpacked(forms, inbox[party.other]), strict=True)]


def _placed(party: ComputeParty, columns: Sequence[Replicated]) -> list[tuple[ComputeParty, Replicated]]:
    return [(party.at("column", k), x) for k, x in enumerate(columns)]


def _stream(party: ComputeParty, key: Key, purpose: str, like: Replicated) -> RingArray:
    return party.draw(key, purpose, like.ring, like.shape)
