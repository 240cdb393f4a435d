"""x^(-1/2) of secret positive numbers in Z_2^128, over a wide range and to nearly all of 60 bits.

    x = b / D²,  D = 2^-(k+1) a secret power of two with 1/4 ≤ b < 1        x^(-1/2) = D y,   y = b^(-1/2)
    y_0 = (42 − 50 b + 24 b²) / 16,   g_0 = b y_0;    r = 1 − g y,   y += y r / 2,   g += g r / 2,   four times

Accuracy   y_0 is off by 3.2 %, which the steps take to 10^-3, 10^-5, 10^-10, 10^-21; rounding leaves 2^-57 of the
           result, plus one unit of its last place. Below 4^lowest the result is 0.
Security   As `step_function` and `multiplication`. Leakage: none.
Cost       29 rounds.
Reference  Goldschmidt, MIT 1964; coupled iteration for square roots as in Markstein, IA-64 and Elementary Functions.
"""

from typing import Final

from securecompute.engine.rounds import Part, together
from securecompute.protocols.products.compute_party import ComputeParty
from securecompute.protocols.products.multiplication import finish, local_multiply, multiply
from securecompute.protocols.products.replicated import Replicated
from securecompute.protocols.products.step_function import step_functions

SCALE: Final = 60
_START: Final = (42, -50, 24)  # in sixteenths
_STEPS: Final = 4


def inverse_root(
    party: ComputeParty, x: Replicated, scale: int, lowest: int, highest: int, result: int
) -> Part[Replicated]:
    """x^(-1/2) with `result` fractional bits, at most 60 + highest. Run by each of the three.

    x                in Z_2^128, with `scale` fractional bits
    lowest, highest  4^lowest ≤ x < 4^(highest + 1); scale + 2 highest is from 60 to 123, scale + 2 lowest 0 or more
    """
    coarsest = highest + 1
    exponents = range(lowest + 1, coarsest + 1)  # of D
    root, square = yield from step_functions(
        party.at("D"),
        x,
        [1 << 2 * (e - 1) + scale for e in exponents],
        [[0, *(1 << n * (coarsest - e) for e in exponents)] for n in (1, 2)],
    )
    b = yield from multiply(party.at("b"), x, square, scale + 2 * coarsest - SCALE)
    y = yield from _near_one(party, b)
    return (yield from multiply(party.at("D y"), y, root, SCALE + coarsest - result))


def _near_one(party: ComputeParty, b: Replicated) -> Part[Replicated]:
    """b^(-1/2) for b in [1/4, 1), and something below 2^4 at b = 0. No number here exceeds 2^125."""
    c0, c1, c2 = _START
    line = b * (c1 << SCALE) + (c0 << 2 * SCALE)
    y = yield from finish(party.at("y", 0), local_multiply(b, b) * c2 + line.mine, SCALE + 4)
    g = yield from multiply(party.at("g", 0), b, y, SCALE)
    for k in range(1, _STEPS + 1):
        r = -(yield from multiply(party.at("r", k), g, y, SCALE)) + (1 << SCALE)
        growth = [multiply(party.at(name, k), each, r, SCALE + 1) for name, each in (("y", y), ("g", g))]
        rises = yield from together(*(growth if k < _STEPS else growth[:1]))
        y = y + rises[0]
        g = g + rises[1] if k < _STEPS else g
    return y
