"""Leading eigenvalues and eigenvectors on shares: of a secret symmetric A without negative eigenvalues, as in PCA.

    B_0 = A,   B <- B² / 2^e,  t times          B_t / tr B_t -> v v',   v = B_t g / |B_t g|,   λ = v' A v
    A <- A − (A v) v'                            and again for the next eigenvalue

e is secret and keeps the trace between 1/2 and 1. Every squaring doubles the gap in logarithms: with λ_(j+1) ≤ ratio
λ_j there are t = log2(44 / log2(1 / ratio)) of them, where iterating on vectors takes 2^t products. g is public. In the
end it is proved on shares, whatever A was, that V is orthonormal and A V = V diag(λ) up to 2^-32 of the trace.

Accuracy   Eigenvalues within 2^-32 p^(1/2) of the trace, as proved; 2^-44 or so of it unless eigenvalues nearly meet.
           Vectors within that, divided by λ_j − λ_(j+1). Their signs are arbitrary; eigenvalues come largest first.
Refuses    at all three alike, one bit being revealed: eigenvalues that are closer than declared, so that vectors are
           mixed; fewer of them above 2^-30 of the trace than wanted; a negative one among them.
Security   Semi-honest, one corrupted; as `multiplication` and `comparison`. Leakage: that bit.
Cost       19 rounds, and for each eigenvalue 38 and 2 n + 6 for every n squarings between two scalings (`plan`), 6 more
           from the second on: 80 to 130 each. 2 more to widen.
Reference  Wilkinson, The Algebraic Eigenvalue Problem, 1965, chapter 9, for squaring and deflation.
"""

from dataclasses import dataclass
from math import ceil, floor, log2
from typing import Final

import numpy as np

from securecompute.arithmetic.fixed_types import FixedType
from securecompute.arithmetic.ring_arrays import RingArray
from securecompute.engine.rounds import Part, together
from securecompute.errors import EncodingOverflow, InvalidRequest
from securecompute.protocols.products import replicated
from securecompute.protocols.products.compute_party import ComputeParty
from securecompute.protocols.products.fixed import Fixed
from securecompute.protocols.products.inverse_root import inverse_root
from securecompute.protocols.products.multiplication import finish, local_matmul, local_multiply, multiply
from securecompute.protocols.products.replicated import Replicated
from securecompute.protocols.products.step_function import step_functions
from securecompute.protocols.products.symmetric import (
    finish_symmetric,
    identity,
    local_products,
    local_squares,
    mirrored,
    upper,
)
from securecompute.protocols.products.truncation import truncate
from securecompute.protocols.products.verdict import outside, refuse_if_any
from securecompute.protocols.products.widening import widen

TOGETHER: Final = (
    "the eigenvalues are closer than declared, fewer, or negative: ask for fewer of them, or declare a ratio nearer 1"
)
_SCALE: Final = 60  # fractional bits of A, B and λ
_VECTOR: Final = 56  # of V, so that the proof's products of p terms fit
_START: Final = 30  # of g
_ROOT: Final = 50  # of 1 / |B g|
_CONVERGED: Final = 44
_PROVED: Final = 32
_ORTHOGONAL: Final = 24
_RANGE: Final = 30  # bits between the trace and what is left of it at the last eigenvalue
_TRACES: Final = 40  # bits between the largest and the smallest trace, unless it is declared
_NORMS: Final = 24  # bits of |B g| below 1
_ROOM: Final = 125


@dataclass(frozen=True, slots=True)
class Plan:
    """Public constants: squarings before each scaling, and the bits that the trace may have lost until then."""

    blocks: tuple[int, ...]
    losses: tuple[int, ...]


def plan(p: int, ratio: float) -> Plan:
    """For p variables with λ_(j+1) ≤ ratio λ_j.

    raises   InvalidRequest  a ratio that is not in [0, 1 - 2^-20]
    """
    if not 0 <= ratio <= 1 - 2.0**-20:
        raise InvalidRequest(
            f"a ratio of {ratio} between eigenvalues; expected at least 0, and below 1 by 10^-6 or more"
        )
    squarings = ceil(log2((_CONVERGED + log2(p)) / -log2(max(ratio, 2.0**-_CONVERGED))))
    blocks: list[int] = []
    losses: list[int] = []
    done = 0
    while done < max(1, squarings):
        # a trace of at least 1/2 has its largest eigenvalue at 2^-share or more, which squarings take to 2^-12 at most
        share = 1 + log2(1 + (p - 1) * ratio ** (2.0**done))
        n = min(max(1, squarings) - done, 1 + max(0, floor(log2(12 / share))))
        blocks.append(n)
        losses.append(ceil(share * 2**n) + 1)
        done += n
    return Plan(tuple(blocks), tuple(losses))


def eigen_symmetric(
    party: ComputeParty, s: Fixed, k: int, ratio: float, smallest: float | None = None
) -> Part[tuple[Fixed, Fixed]]:
    """The k largest eigenvalues, (k,), and their vectors, (p, k), in Z_2^128. Run by each of the three.

    s          (p, p), symmetric without negative eigenvalues; entries on and above the diagonal are read
    ratio      bound of λ_(j+1) / λ_j for j = 1 to k, below 1
    smallest   bound of the trace; if None, 2^-40 of p times the bound of S, or as far as there is headroom
    raises     IllConditioned    closer, fewer or negative eigenvalues
               InvalidRequest    shapes, k, ratio
               EncodingOverflow  no headroom
    """
    p = s.shape[0]
    if s.shape != (p, p) or not 1 <= k <= p:
        raise InvalidRequest(f"{k} eigenvalues of a matrix of shape {s.shape}; expected 1 to p of a (p, p) one")
    public, traces = plan(p, ratio), _traces(s.type, p, smallest)
    s = yield from widen(party.at("widen"), s)
    a, unit = yield from _within_one(party.at("A"), s, traces)
    rest, values, vectors = a, [], []
    for j in range(k):
        here = party.at("eigenvalue", j)
        start = (yield from _doubled(here.at("rest"), rest)) if j else rest
        v = yield from _direction(here, (yield from _squared(here, start, public)))
        image = yield from finish(here.at("A v"), local_products(rest, v), _VECTOR)
        value, spent = yield from together(
            finish(here.at("value"), local_matmul(v.T, image), _VECTOR),
            finish_symmetric(here.at("A v v'"), local_matmul(image, v.T), _VECTOR),
        )
        rest = rest - spent
        values.append(value)
        vectors.append(v)
    value, v = replicated.concatenate(values).reshape((k,)), replicated.concatenate(vectors, axis=1)
    released, _ = yield from together(multiply(party.at("unit"), value, unit), _proved(party.at("proof"), a, value, v))
    scale = _SCALE - traces[0] - 1
    released = Fixed.of(released << max(0, -scale), max(0, scale), 1.01 * 2.0 ** traces[1])
    return released, Fixed.of(v, _VECTOR, 1.01)


def _traces(s: FixedType, p: int, smallest: float | None) -> tuple[int, int]:
    """Exponents (low, high) with 2^low ≤ trace < 2^high. raises as `eigen_symmetric`."""
    largest = p * max(s.bound, s.unit)
    if smallest is not None and not 0 < smallest <= largest:
        raise InvalidRequest(f"a smallest trace of {smallest}; expected one above 0, at most {largest:.4g}")
    high = floor(log2(largest)) + 1
    room = _ROOM - s.scale - high  # |A| ≤ 2^(high - low) for any matrix of this type, positive or not
    low = max(high - min(_TRACES, room), -s.scale) if smallest is None else floor(log2(smallest))
    if not 0 < high - low <= room or low < -s.scale:
        raise EncodingOverflow(
            f"a matrix with entries up to {s.bound:.4g}, {s.scale} fractional bits and a trace from {2.0**low:.4g} "
            "leaves no headroom to scale it; give it fewer bits, or a larger smallest trace"
        )
    return low, high


def _within_one(party: ComputeParty, s: Fixed, traces: tuple[int, int]) -> Part[tuple[Replicated, Replicated]]:
    """A = S / 2^e with a trace from 1/2 to 1, and 2^(e - low - 1)."""
    low, high = traces
    exponents = range(low + 1, high + 1)
    entries, i = s.share[upper(s.shape[0])], np.arange(s.shape[0])
    divisor, unit = yield from step_functions(
        party.at("trace"),
        s.share[i, i].sum().reshape((1,)),
        [1 << s.scale + e - 1 for e in exponents],
        [[0, *(1 << high - e for e in exponents)], [0, *(1 << e - low - 1 for e in exponents)]],
    )
    finer = max(0, _SCALE + 1 - s.scale - high)
    scaled = yield from multiply(party.at("scaled"), entries << finer, divisor, s.scale + high + finer - _SCALE)
    return mirrored(scaled, s.shape[0]), unit


def _doubled(party: ComputeParty, b: Replicated) -> Part[Replicated]:
    """B 2^e with a trace from 1/2 to 1; nothing if it was below 2^-30."""
    factor = yield from _factor(party.at("trace"), b, _SCALE, _RANGE)
    return mirrored((yield from multiply(party.at("B"), b[upper(b.shape[0])], factor)), b.shape[0])


def _factor(party: ComputeParty, b: Replicated, scale: int, loss: int) -> Part[Replicated]:
    """2^e for a trace of B from 2^-(e + 1) to 2^-e, 0 below 2^-loss: (1,)."""
    i = np.arange(b.shape[0])
    exponents = range(loss - 1, -1, -1)
    (factor,) = yield from step_functions(
        party, b[i, i].sum().reshape((1,)), [1 << scale - e - 1 for e in exponents], [[0, *(1 << e for e in exponents)]]
    )
    return factor


def _squared(party: ComputeParty, b: Replicated, public: Plan) -> Part[Replicated]:
    """B^(2^t), scaled to a trace from 1/2 to 1; at its largest eigenvalue, v v'."""
    p = b.shape[0]
    for k, (n, loss) in enumerate(zip(public.blocks, public.losses, strict=True)):
        for i in range(n - 1):
            b = yield from finish_symmetric(party.at("square", k, i), local_squares(b), _SCALE)
        exact = yield from finish_symmetric(party.at("square", k, n - 1), local_squares(b), 0)
        factor = yield from _factor(party.at("trace", k), exact, 2 * _SCALE, loss)
        b = mirrored((yield from multiply(party.at("scaled", k), exact[upper(p)], factor, _SCALE)), p)
    return b


def _direction(party: ComputeParty, b: Replicated) -> Part[Replicated]:
    """B g / |B g|, (p, 1); nothing if |B g| < 2^-24."""
    p = b.shape[0]
    g = np.cos(1 + 2.0 * np.arange(p) ** 2)  # like no eigenvector that anybody expects
    start = RingArray.quantised(b.ring, 0.99 * g / np.linalg.norm(g), _START).reshape((p, 1))
    u = yield from truncate(party.at("B g"), b @ start, _START)
    square = yield from finish(party.at("norm"), local_matmul(u.T, u))
    root = yield from inverse_root(party.at("root"), square, 2 * _SCALE, -_NORMS, -1, _ROOT)
    return (yield from multiply(party.at("v"), u, root, _SCALE + _ROOT - _VECTOR))


def _proved(party: ComputeParty, a: Replicated, values: Replicated, v: Replicated) -> Part[None]:
    """Refuse unless V'V = I and A V = V diag(λ) nearly. Entries are claimed so that no word of either has wrapped."""
    full, one = _SCALE + _VECTOR, 1 << 2 * _VECTOR
    residual, gram = yield from together(
        finish(party.at("A V"), local_matmul(a, v) - local_multiply(v, values)),
        finish(party.at("V'V"), local_matmul(v.T, v)),
    )
    claims = [
        (a[upper(a.shape[0])], (1 << _SCALE) + (1 << _SCALE - 20)),
        (v, (1 << _VECTOR) + (1 << _VECTOR - 20)),
        (values + -(1 << _SCALE - 1), (1 << _SCALE - 1) + (1 << _SCALE - _PROVED)),  # from 0 to 1
        (residual, 1 << full - _PROVED),
        (gram - identity(a.ring, v.shape[1], one), one >> _ORTHOGONAL),
    ]
    faults = yield from outside(party.at("claims"), claims)
    yield from refuse_if_any(party.at("verdict"), faults, TOGETHER)
