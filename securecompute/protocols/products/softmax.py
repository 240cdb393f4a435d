"""Softmax along the last axis: exp(x_j − max) / Σ_k exp(x_k − max).

The largest term is exp(0) = 1, so that nothing overflows and the sum lies between 1 and n, whatever x is: the division
needs few bits. Terms have log_2(n) + 3 bits more than the result; those below a quarter of their unit are 0.

Accuracy   two units of the result's scale and 10^-8, for every x.
Security   As `extremes`, `exponential` and `division`. Leakage: none.
Cost       Rounds: those of `extremes.largest`, 3 of `exponential` or 5 where it compares, 11 of `division`.
"""

from math import ceil, log2

from securecompute.engine.rounds import Part
from securecompute.errors import InvalidRequest
from securecompute.protocols.products.compute_party import ComputeParty
from securecompute.protocols.products.division import divide
from securecompute.protocols.products.exponential import exponential_between
from securecompute.protocols.products.extremes import largest
from securecompute.protocols.products.fixed import Fixed

_FINEST = 40
_MORE = 3  # bits that the terms have beyond the result's, and beyond those that their sum takes


def softmax(party: ComputeParty, x: Fixed, scale: int | None = None) -> Part[Fixed]:
    """Along the last axis, with so many fractional bits: x's, if none are given. Run by each of the three.

    raises   InvalidRequest    x has no axis, or a last one of length 0
             EncodingOverflow  no headroom for such a scale; in Z_2^64 there is for 26
    """
    if not x.shape or not x.shape[-1]:
        raise InvalidRequest(f"a softmax of shape {x.shape}; the last axis has the terms, one or more")
    g, n = x.scale if scale is None else scale, x.shape[-1]
    most = yield from largest(party.at("largest"), x.share)
    below = Fixed.of(x.share - most.reshape((*most.shape, 1)), x.scale, 2 * x.bound)
    finer = max(g, min(_FINEST, g + _MORE + ceil(log2(n))))
    terms = yield from exponential_between(party.at("terms"), below, -2 * x.bound, 0.0, finer)
    total = terms.sum(-1).reshape((*x.shape[:-1], 1))
    # the largest term may be a unit less than 1, and counts as the power of two below it
    shares = yield from divide(party.at("shares"), terms, total, 0.5, g, positive=True)
    return shares.within(1.0 + 2.0 ** (1 - g) + 1e-8)
