"""Refinement on shares: the accuracy that is asked for, whatever the inverse it starts from has; what cannot be had."""

import numpy as np
import pytest

from securecompute.arithmetic.ring_arrays import RingArray
from securecompute.arithmetic.rings import Ring
from securecompute.errors import InvalidRequest
from securecompute.protocols.products import newton_schulz
from securecompute.protocols.products.refinement import System, refined, refinement, starting
from tests.protocols.products.exact_systems import Encoded, conditioned, solution
from tests.protocols.products.playing import alone

P, B_SCALE = 4, 80


@pytest.mark.parametrize(("condition", "f_scale", "most"), [(10, 64, 72), (10, 64, 30), (1e4, 100, 72), (1e7, 90, 60)])
@pytest.mark.parametrize("error", [0.9, 0.0])
def test_every_column_is_as_accurate_as_is_said(condition, f_scale, most, error):
    """From an inverse that is off by nearly what the plan allows, or not at all."""
    s = conditioned(P, condition)
    inverse = newton_schulz.plan(P, 0.98 / condition, 1.0)
    f, b = Encoded(s, f_scale), Encoded(np.linspace(-1, 1, 2 * P).reshape(P, 2), B_SCALE)
    norms = 2.0, 2.04 * condition
    public = refinement(inverse, f_scale, norms, 40, most)
    m = np.linalg.inv(f.reals) * (1 + error * inverse.contraction)
    arrays = f.words, b.words, RingArray.quantised(Ring.Z128, m, inverse.scale)

    def function(party, f, b, m):
        start = yield from starting(party.at("b"), b, B_SCALE, public)
        return (yield from refined(party, System(f, f_scale, b, B_SCALE), m, inverse.scale, start, public))

    got, played = alone(function, *arrays)
    exact = solution(f, b)
    promised = 2.0**-40 * np.linalg.norm(exact, axis=0) + 4 * np.sqrt(P) * 2.0**-public.scale
    assert (np.linalg.norm(got.reals(public.scale) - exact, axis=0) <= promised).all()
    ahead = 2 if public.residuals[0] < B_SCALE else 0
    assert played.rounds == ahead + 2 + 4 * (len(public.solutions) - 1)


@pytest.mark.parametrize("relative", [20, 40, 80])
def test_there_are_as_many_steps_as_the_accuracy_takes(relative):
    inverse = newton_schulz.plan(P, 0.2, 1.0)
    steps = len(refinement(inverse, 64, (1.0, 5.0), relative, 20).solutions)
    assert inverse.contraction**steps <= 2.0**-relative < inverse.contraction ** (steps - 2)


def test_what_no_number_of_steps_reaches_is_refused():
    inverse = newton_schulz.plan(P, 0.2, 1.0)
    with pytest.raises(InvalidRequest, match="128 bits are too few"):
        refinement(inverse, 64, (1.0, 5.0), 5000, 20)
