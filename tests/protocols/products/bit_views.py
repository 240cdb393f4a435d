"""Whether what an evaluator sees of bits, together with what it must not know, is free of every relation.

Over many elements with secrets of their own, each bit that an evaluator receives or draws is a row. If they are
uniform, no XOR of rows is constant: the matrix has full rank over GF(2). And no XOR of them, and of the shares that it
works out, is an XOR of secrets: the ranks of both add up. A mask that is left out, used twice or taken off shows as a
relation between rows.
"""

import numpy as np
import pytest

from securecompute.arithmetic.bit_planes import planes, row_bytes
from securecompute.arithmetic.ring_arrays import RingArray
from securecompute.arithmetic.rings import Ring
from securecompute.protocols.products import masked_order
from securecompute.protocols.products.compute_party import ComputeParty
from tests.protocols.products.playing import TRIO, alone, received


def uniform_numbers(ring=Ring.Z64, bits=None, seed=0, many=1536):
    """Elements of which these lowest bits are uniform, and the planes of those bits: more elements than rows."""
    shape = (many,) if ring is Ring.Z64 else (2, many)
    words = np.frombuffer(np.random.default_rng(seed).bytes(8 * int(np.prod(shape))), np.uint64).reshape(shape)
    x = RingArray(ring, words)
    x = x if bits is None else x.low(bits)
    return x, planes(x, bits or ring.bits)


def relations(function, secrets, *inputs):
    """P_0's and P_1's numbers of relations between what it sees and the secrets: none, if all is well.

    secrets   planes of bits that are uniform to begin with
    """
    drawn, links, shares = ({p: [] for p in TRIO} for _ in range(3))
    with pytest.MonkeyPatch.context() as patch:
        for name in ("draw", "draw_bits"):
            patch.setattr(ComputeParty, name, _noted(getattr(ComputeParty, name), drawn))
        patch.setattr(masked_order, "results", _noted_results(masked_order.results, links))
        _, played = alone(_noted_inputs(function, shares), *inputs, keep=True)
    n = inputs[0].size
    found, constant = [], np.full(row_bytes(n), 255, np.uint8)
    for p, other in (("P0", "P1"), ("P1", "P0")):
        own = [part for share in shares[p] for part in (share.mine, share.next)]
        came = [*_rows(own, n), *_rows(received(played, p), n), *_rows(drawn[p], n), constant]
        view = [*came, *_rows(links[p], n)]
        hidden = [constant, *secrets, *(a ^ b for a, b in zip(_rows(links[p], n), _rows(links[other], n), strict=True))]
        if len(view) + len(hidden) > 0.95 * n:
            raise ValueError(f"{len(view) + len(hidden)} rows need more than {n} elements")
        shown = _rank(view) + _rank(hidden) - _rank([*view, *hidden]) - 1  # the constant is in both
        found.append(len(came) - _rank(came) + shown)
    assert received(played, "P2") == []
    return found


def _noted_inputs(function, shares):
    def noted(party, *inputs):
        shares[TRIO[party.index]] += inputs
        return (yield from function(party, *inputs))

    return noted


def _noted(draw, drawn):
    def noted(party, key, purpose, *form):
        values = draw(party, key, purpose, *form)
        drawn[TRIO[party.index]].append(values.copy())
        return values

    return noted


def _noted_results(results, links):
    """Notes l and e of the digits, before they are chained, and the shares of what the last chains give."""

    def noted(party, plan, level, known, products):
        own = links[TRIO[party.index]]
        if level == 0:
            for name in sorted({name for job in plan[0] for name in job.links}, key=str):
                own += [plane for plane in known[name] if plane is not None]
        given = yield from results(party, plan, level, known, products)
        if level == len(plan) - 1:
            own += [given[job.result][0 if job.order else 1] for job in plan[-1] if len(job.links) > 1]
        return given

    return noted


def _rows(arrays, n):
    """One plane for every bit: of bits already in planes, or of numbers."""
    rows = []
    for array in arrays:
        if isinstance(array, np.ndarray) and array.dtype == np.uint8:
            rows += list(array.reshape(-1, row_bytes(n)))
        else:
            words = array.words if isinstance(array, RingArray) else array
            rows += [row for each in words.reshape(-1, n) for row in planes(each, 8 * each.itemsize)]
    return rows


def _rank(rows):
    """Over GF(2)."""
    pivots = {}
    for row in rows:
        value = int.from_bytes(np.ascontiguousarray(row).tobytes(), "little")
        while value and value.bit_length() in pivots:
            value ^= pivots[value.bit_length()]
        if value:
            pivots[value.bit_length()] = value
    return len(pivots)
