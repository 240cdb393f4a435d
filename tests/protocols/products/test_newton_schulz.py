"""Newton-Schulz inversion on shares: close to the inverse over the declared spectrum, and a proof that admits nothing
else: each of its claims catches a fault that the others let pass."""

from math import log2

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from securecompute.arithmetic.ring_arrays import RingArray
from securecompute.arithmetic.rings import Ring
from securecompute.errors import InvalidRequest
from securecompute.protocols.products.newton_schulz import SCALE, approximate_inverse, plan, uncertified
from tests.protocols.products.exact_systems import conditioned
from tests.protocols.products.playing import alone, words

GIVEN = 70  # fractional bits of F


def residual(f, m, public):
    """I − F M of the words, as float64; exact before that."""
    p, full = public.p, GIVEN + public.scale
    exact = (np.eye(p, dtype=object) << full) - f.signed().reshape(p, p) @ m.signed().reshape(p, p)
    return np.ldexp(exact.astype(float), -full)


@settings(max_examples=12)
@given(st.integers(1, 7), st.floats(0, 8), st.sampled_from(["even", "one small", "one large"]), st.integers(0, 99))
def test_the_residual_is_as_small_as_the_proof_wants(p, exponent, kind, seed):
    s = conditioned(p, 10**exponent, kind, seed)
    public = plan(p, 0.98 * np.linalg.eigvalsh(s)[0], 1.0)
    f = RingArray.quantised(Ring.Z128, s, GIVEN)
    m, played = alone(lambda party, f: approximate_inverse(party, f, GIVEN, public), f)
    assert np.abs(residual(f, m, public)).max() <= 2.0 ** (-public.certified - public.size)
    assert (m.signed() == m.T.signed()).all()
    assert played.rounds == 2 + 2 * len(public.factors)


def test_a_stack_of_matrices_is_inverted_at_once():
    s = np.stack([conditioned(4, 100, seed=k) for k in range(3)])
    public = plan(4, 0.0099, 1.0)
    f = RingArray.quantised(Ring.Z128, s, GIVEN)
    m, played = alone(lambda party, f: approximate_inverse(party, f, GIVEN, public), f)
    for k in range(3):
        assert np.abs(residual(f[k], m[k], public)).max() <= 2.0 ** (-public.certified - public.size)
    assert played.rounds == 2 + 2 * len(public.factors)


@pytest.mark.parametrize("condition", [1, 10, 1e3, 1e6, 1e9])
@pytest.mark.parametrize("p", [1, 10, 100])
def test_the_factors_take_the_whole_interval_to_one(p, condition):
    low = 1 / (4 * condition * 2 ** np.ceil(log2(p)))
    if 57 - log2(1.02 / low) - 1.5 * log2(p) < 5:
        return
    public = plan(p, low, 1.0)
    x = np.geomspace(low, 1, 10_001)
    product, inverse = x.copy(), np.ones_like(x)
    for k, n in enumerate(public.factors):
        c = n / 16
        inverse, product = c * inverse * (2 - c * product), c * product * (2 - c * product)
        assert inverse.max() * 2.0 ** public.scales[k] < 2.0**62
    assert np.abs(1 - product).max() <= 2.0 ** -(public.certified + public.size + 1)
    assert len(public.factors) < log2(1 / low) / 2 + 6  # a factor of nearly 4 a step


def test_an_interval_that_is_too_wide_is_refused():
    with pytest.raises(InvalidRequest, match=r"cannot be inverted in 128 bits; declare a condition at most"):
        plan(100, 2.0**-50, 1.0)


# ---- the proof


def faults(f, m, public):
    """How many claims fail."""
    shape = (public.p, public.p)
    arrays = [RingArray.integers(Ring.Z128, np.array(each, dtype=object).reshape(shape)) for each in (f, m)]
    got, _ = alone(lambda party, f, m: uncertified(party, f, m, public), *arrays)
    return got.signed().tolist()


ONE = plan(1, 0.25, 1.0)


@pytest.mark.parametrize("x", [0.25, 0.5, 0.7, 1.0])
def test_an_inverse_is_admitted(x):
    assert faults([round(x * 2**SCALE)], [round(2**ONE.scale / x)], ONE) == [0]


@pytest.mark.parametrize("x", [0.25, 0.7])
def test_what_is_off_by_more_than_the_bound_is_not(x):
    f, limit = round(x * 2**SCALE), 2.0**-ONE.certified
    for sign in (1, -1):
        assert faults([f], [round(2**ONE.scale / x * (1 + sign * 0.99 * limit))], ONE) == [0]
        assert faults([f], [round(2**ONE.scale / x * (1 + sign * 1.01 * limit))], ONE) == [1]


def test_an_inverse_only_modulo_the_ring_is_not_admitted_by_its_own_size():
    """F is even, so a top bit more in M is not seen in F M."""
    f, m = 1 << SCALE - 1, 2 << ONE.scale
    assert faults([f], [m], ONE) == [0]
    assert faults([f], [m + (1 << 127)], ONE) == [2]  # both sides of one entry


def test_an_inverse_only_modulo_the_ring_is_not_admitted_by_the_size_of_the_matrix():
    """For every odd M there is a word F with F M = 1 at its scale, mod 2^128."""
    m = (2 << ONE.scale) + 1
    f = (pow(m, -1, 1 << 128) << SCALE + ONE.scale) % (1 << 128)
    assert faults([f], [m], ONE) in ([1], [2])


def test_faults_are_counted_in_all_entries():
    public = plan(2, 0.25, 1.0)
    half, two = 1 << SCALE - 1, 2 << public.scale
    assert faults([half, 0, 0, half], [two, 0, 0, two], public) == [0]
    assert faults([half, 0, 0, half], [0, 0, 0, 0], public) == [2]


def test_the_proof_takes_six_rounds():
    _, played = alone(
        lambda party, f, m: uncertified(party, f, m, ONE), words([[1]], Ring.Z128), words([[1]], Ring.Z128)
    )
    assert played.rounds == 6
