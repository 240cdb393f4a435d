"""Cholesky factors on shares: right within the stated bound or refused; cost; halves of larger matrices."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from securecompute.arithmetic.rings import Ring
from securecompute.errors import IllConditioned, InvalidRequest
from securecompute.protocols.products import cholesky as module
from securecompute.protocols.products.cholesky import Halving, cholesky
from securecompute.protocols.products.unit_diagonal import design
from tests.protocols.products.exact_systems import Encoded, badly_scaled, conditioned, run, with_spectrum
from tests.protocols.products.playing import TRIO, received
from tests.protocols.products.views import uniform


def factor(s):
    """L of the numbers as encoded, in extended precision."""
    s = s.reals.astype(np.longdouble)
    factor = np.zeros_like(s)
    for j in range(len(s)):
        factor[j, j] = np.sqrt(s[j, j] - factor[j, :j] @ factor[j, :j])
        factor[j + 1 :, j] = (s[j + 1 :, j] - factor[j + 1 :, :j] @ factor[j, :j]) / factor[j, j]
    return factor.astype(float)


def off(s, came):
    """Largest error in standardised variables, over what the module promises."""
    root = np.sqrt(np.diag(s.reals))
    promised = 2.0**-34 + 2.0**-came.types.scale / root.min()
    return (np.abs(came.values - factor(s)) / root[:, None]).max() / promised


@settings(max_examples=12)
@given(
    st.integers(1, 6),
    st.floats(0, 8),
    st.sampled_from(["even", "one small", "one large"]),
    st.floats(0, 2),
    st.integers(0, 99),
)
def test_a_factor_is_right_within_the_stated_bound(p, exponent, kind, units, seed):
    s = Encoded(badly_scaled(conditioned(p, 10**exponent, kind, seed), 10**-units, 10**units), 60)
    came = run(cholesky, s, condition=1.05 * 10**exponent)
    assert off(s, came) < 1
    assert (came.values[np.triu_indices(p, 1)] == 0).all()
    assert (np.diag(came.values) > 0).all()


@pytest.mark.parametrize(
    "s", [np.eye(3), np.diag([4.0, 0.25, 9]), np.array([[7.0]])], ids=["unit", "diagonal", "1 x 1"]
)
def test_a_diagonal_has_its_roots(s):
    came = run(cholesky, Encoded(s), condition=1)
    assert np.allclose(came.values, np.sqrt(s), rtol=1e-12, atol=1e-15)


@pytest.mark.parametrize(("p", "condition"), [(3, 1e3), (4, 1e7), (5, 1e3), (9, 10)])
def test_halves_are_joined(p, condition, monkeypatch):
    monkeypatch.setattr(module, "LEAF", 2)
    s = Encoded(conditioned(p, condition), 60)
    came = run(cholesky, s, condition=1.05 * condition)
    assert off(s, came) < 1


@pytest.mark.parametrize("axes", [2, 3], ids=["a quotient", "rows"])
def test_a_fault_in_any_system_refuses_the_whole(axes, monkeypatch):
    real = module.solved

    def astray(party, f, b, plan):
        x, faults = yield from real(party, f, b, plan)
        return x, faults + 1 if len(f.shape) == axes else faults

    monkeypatch.setattr(module, "LEAF", 2)
    monkeypatch.setattr(module, "solved", astray)
    with pytest.raises(IllConditioned):
        run(cholesky, Encoded(conditioned(3, 10)), condition=11)


@pytest.mark.slow
@pytest.mark.parametrize(("p", "condition"), [(16, 1e6), (17, 1e8), (50, 1e6), (100, 1e4)])
def test_larger_matrices(p, condition):
    s = Encoded(badly_scaled(conditioned(p, condition), 0.1, 10), 60)
    came = run(cholesky, s, condition=1.05 * condition)
    assert off(s, came) < 1


def test_a_scale_may_be_chosen_and_the_narrow_ring_is_widened():
    s = Encoded(conditioned(3, 10), 40, Ring.Z64)
    came = run(cholesky, s, condition=11, scale=45)
    assert (came.types.ring, came.types.scale) == (Ring.Z128, 45)
    assert off(s, came) < 1


@pytest.mark.parametrize("leaf", [1, 16])
@pytest.mark.parametrize(
    "s",
    [np.ones((3, 3)), np.zeros((2, 2)), np.array([[1, 2], [2, 1.0]]), with_spectrum([1, 0.1, -1e-6]), -np.eye(2)],
    ids=["singular", "zero", "indefinite", "slightly indefinite", "negative"],
)
def test_what_has_no_factor_is_refused(s, leaf, monkeypatch):
    monkeypatch.setattr(module, "LEAF", leaf)
    with pytest.raises(IllConditioned, match="drop a collinear column, or add a ridge"):
        run(cholesky, Encoded(s, bound=2.0), condition=1e3)


def test_a_matrix_that_is_not_square_is_refused():
    with pytest.raises(InvalidRequest, match="expected a square one"):
        run(cholesky, Encoded(np.ones((2, 3))), condition=1e3)


def test_the_rounds_are_what_is_said(monkeypatch):
    s = Encoded(conditioned(4, 100))
    d = design(s.type, (4, 4), 105, None)
    public = Halving(d)
    around = 15 + 2 * (d.scale > public.scale or d.scale - d.size > 66)
    assert run(cholesky, s, condition=105).played.rounds == around + public.rows(4).rounds + 31
    monkeypatch.setattr(module, "LEAF", 2)
    halved = public.quotient(2).rounds + 6 + public.rows(2).rounds + 31
    assert run(cholesky, s, condition=105).played.rounds == around + halved


def test_all_that_a_party_sees_is_uniform():
    for s in (np.eye(9), conditioned(9, 100)):
        came = run(cholesky, Encoded(s), condition=105)
        for party in TRIO:
            seen = [a for a in received(came.played, party) if a.nbytes >= 4096]
            assert seen and all(map(uniform, seen))
