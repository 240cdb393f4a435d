"""Linear systems and inverses on shares: S w = B for a secret symmetric positive definite S, such as X'X or a Hessian.

    F = D S D / P,    F x = D B,    w = D x / P          S^-1 = D F^-1 D / P

`unit_diagonal` finds the secret powers of two D, so that a column in years beside one of zeros and ones does no harm;
`newton_schulz` inverts F approximately and proves that it did; `refinement` solves with what was not truncated.

Accuracy   Of S and B as they are encoded, in standardised variables z_i = S_ii^(1/2) w_i: every z_i is off by at most
           2^-37 of the norm of z, 2^-60 of b / smallest^(1/2), which bounds D B, and a unit in the last place of w_i.
           S_ii^(1/2) S_jj^(1/2) (S^-1)_ij by 2^-36 of the norm of that matrix, and a unit. For p ≤ 200, κ ≤ 10^8; what
           128 bits do not bear raises.
Refuses    at all three alike, one bit being revealed: a matrix that is singular, not positive definite, so much worse
           conditioned than declared that the result would be off, or with a diagonal entry below the smallest
           declared. Whatever S is, what is returned has passed the proof.
Security   Semi-honest, one corrupted; as `multiplication` and `comparison`. Leakage: that bit.
Cost       2K + 15 + max(6, 4s − 2) rounds for K factors and s refinements, 2 more to widen, 6 with a bound: 2K + 21
           mostly, K about log_4(4 κ P) + 4. In each of K pairs of rounds the three send 128 bytes for each of
           p (p + 1) / 2 entries of M, and as much for E.
Reference  as `newton_schulz`, `refinement` and `unit_diagonal`.
"""

from math import ceil, floor, log2, sqrt
from typing import Final

from securecompute.arithmetic.fixed_types import FixedType
from securecompute.engine.rounds import Part, together
from securecompute.errors import EncodingOverflow, InvalidRequest
from securecompute.protocols.products.compute_party import ComputeParty
from securecompute.protocols.products.fixed import Fixed
from securecompute.protocols.products.multiplication import finish, local_multiply, multiply
from securecompute.protocols.products.replicated import Replicated
from securecompute.protocols.products.scaled_system import Plan, plan, solved
from securecompute.protocols.products.symmetric import identity, mirrored
from securecompute.protocols.products.unit_diagonal import Design, design, outer, roots, standardised
from securecompute.protocols.products.verdict import outside, refuse_if_any
from securecompute.protocols.products.widening import widen

SINGULAR: Final = "the matrix is singular or worse conditioned than declared: drop a collinear column, or add a ridge"
_RELATIVE: Final = 40
_LARGEST: Final = 118  # bits of D B
_MOST: Final = 72  # fractional bits of x
_ROOM: Final = 125


def solve_spd(
    party: ComputeParty,
    s: Fixed,
    b: Fixed,
    condition: float,
    smallest: float | None = None,
    scale: int | None = None,
    bound: float | None = None,
) -> Part[Fixed]:
    """w with S w = B, of B's shape, in Z_2^128. Run by each of the three.

    s          (p, p), symmetric positive definite; entries on and above the diagonal are read
    b          (p,) or (p, m)
    condition  largest over smallest eigenvalue, a bound that is public: of S, or of S after any scaling of its
               variables, so for instance of the correlation matrix
    smallest   bound of the smallest diagonal entry; if None, 2^-40 of the bound of S, or as far as there is headroom
    scale      fractional bits of w; if None, the most that there is headroom for
    bound      largest magnitude of w, for what is computed from it; if None, what condition and types imply: huge
    raises     IllConditioned    singular, worse conditioned than declared, or w is beyond its bound
               InvalidRequest    shapes, or a condition that 128 bits do not bear
               EncodingOverflow  no headroom
    """
    if len(b.shape) not in (1, 2) or s.shape[:1] != b.shape[:1]:
        raise InvalidRequest(f"a system of {s.shape} and {b.shape}; expected (p, p) and (p,) or (p, m)")
    d = design(s.type, s.shape, condition, smallest)
    unit, public, largest = plan_solution(d, b.type)
    s, b = yield from together(widen(party.at("widen S"), s), widen(party.at("widen B"), b))
    d_roots = (yield from roots(party.at("D"), s, d)).d
    column, right = d_roots.reshape((d.p, 1)), b.share.reshape((d.p, b.share.size // d.p))
    (_, f), right = yield from together(_scaled(party, s, d_roots, d), multiply(party.at("D B"), column, right))
    x, faults = yield from solved(party, f, right, public)
    finest = public.refinement.scale + d.coarsest + d.size - unit
    largest *= 2.0 ** (unit - d.size - d.finest)
    return (yield from finished(party, (x, column, finest, largest), faults, scale, bound)).reshape(b.shape)


def inverse_spd(
    party: ComputeParty,
    s: Fixed,
    condition: float,
    smallest: float | None = None,
    scale: int | None = None,
    bound: float | None = None,
) -> Part[Fixed]:
    """S^-1, (p, p), in Z_2^128, not exactly symmetric. Run by each of the three. Arguments, raises as `solve_spd`."""
    d = design(s.type, s.shape, condition, smallest)
    norms = 1.0, 1.02 / d.low
    public = plan(d.p, d.spectrum, 0, norms, _RELATIVE, _most(norms, 2 * d.span))
    s = yield from widen(party.at("widen S"), s)
    d_roots = (yield from roots(party.at("D"), s, d)).d
    pairs, f = yield from _scaled(party, s, d_roots, d)
    one = Replicated.public(party.index, identity(f.ring, d.p, 1))
    x, faults = yield from solved(party, f, one, public)
    finest = public.refinement.scale + 2 * d.coarsest + d.size
    largest = norms[1] * 2.0 ** (-d.size - 2 * d.finest)
    return (yield from finished(party, (x, mirrored(pairs, d.p), finest, largest), faults, scale, bound))


def plan_solution(d: Design, b: FixedType) -> tuple[int, Plan, float]:
    """e with |D B| ≤ 2^e, the plan of F x = D B / 2^e, and a bound of x. raises EncodingOverflow, InvalidRequest."""
    unit = ceil(log2(max(b.bound, b.unit))) - d.finest
    excess = b.scale + d.coarsest + unit - _LARGEST
    if excess > 0:
        raise EncodingOverflow(
            f"a right side up to {b.bound:.4g} with {b.scale} fractional bits leaves no headroom beside a diagonal "
            f"from {4.0 ** (d.finest - 1):.4g}; give it {excess} bits less"
        )
    norms = sqrt(d.p), 1.02 * sqrt(d.p) / d.low
    return unit, plan(d.p, d.spectrum, b.scale + d.coarsest + unit, norms, _RELATIVE, _most(norms, d.span)), norms[1]


def _most(norms: tuple[float, float], reserve: int) -> int:
    """Fractional bits of x that leave headroom for a product with D."""
    return min(_MOST, floor(_ROOM - reserve - log2(norms[1])))


def _scaled(party: ComputeParty, s: Fixed, d_roots: Replicated, d: Design) -> Part[tuple[Replicated, Replicated]]:
    """D_ii D_jj for i ≤ j, and F."""
    pairs = yield from outer(party.at("D D"), d_roots)
    return pairs, (yield from standardised(party.at("F"), s, pairs, d))


def finished(
    party: ComputeParty,
    scaled: tuple[Replicated, Replicated, int, float],
    faults: Replicated,
    scale: int | None,
    bound: float | None,
) -> Part[Fixed]:
    """x d at the scale that is wanted, once it is known that it may be used.

    scaled  x, d, fractional bits of their product, its bound
    """
    x, d, finest, largest = scaled
    wanted = max(0, finest if scale is None else scale)
    product = finish(party.at("D x"), local_multiply(x, d), max(0, finest - wanted))
    if bound is None:
        share, _ = yield from together(product, refuse_if_any(party.at("verdict"), faults, SINGULAR))
        return Fixed.of(share << max(0, wanted - finest), wanted, largest + 2.0**-wanted)
    share = (yield from product) << max(0, wanted - finest)
    w = Fixed.of(share, wanted, min(bound, largest) + 2.0**-wanted)
    beyond = yield from outside(party.at("bound"), [(share, int(w.bound * 2**wanted))])
    yield from refuse_if_any(party.at("verdict"), faults + beyond, f"{SINGULAR}; or the solution is beyond its bound")
    return w
