"""Vectors of reals in a ring: Python's rationals, rounded half to even, entry by entry."""

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from securecompute.arithmetic.headroom import largest_scale
from securecompute.arithmetic.real_vectors import encode_reals
from securecompute.arithmetic.rings import Ring, decode, encode
from securecompute.errors import EncodingOverflow, InvalidRequest, NonFiniteInput

RINGS = list(Ring)
LIMITS = st.floats(1e-200, 1e200)
# whole and half multiples of the unit, and their neighbours, where a limb is full or a carry starts
EDGES = st.builds(
    lambda sign, power, units: sign * (2.0**power + units / 2),
    st.sampled_from([-1, 1]),
    st.sampled_from([0, 1, 30, 31, 52, 61, 62, 63, 64, 65, 100, 124]),
    st.integers(-3, 3),
)


def rounded(values, scale):
    return [round(Fraction(v) * Fraction(2) ** scale) for v in values]


def fitting(ring, limit):
    return min(largest_scale(ring.bits, limit, 1, 1), 900) - (2 if ring is Ring.Z128 else 0)


@pytest.mark.parametrize("ring", RINGS)
@given(limit=LIMITS, fractions=st.lists(st.floats(-1, 1), max_size=6), coarser=st.integers(0, 70))
def test_an_entry_is_the_exact_product_rounded_once_half_to_even(ring, limit, fractions, coarser):
    scale = fitting(ring, limit) - coarser
    x = np.array([limit * f for f in fractions], np.float64)
    y = encode_reals(ring, x, scale, limit, "x")
    assert decode(ring, y) == rounded(x.tolist(), scale)
    assert y.flags.owndata or y.base is None


@given(st.lists(EDGES, min_size=1, max_size=8), st.integers(-300, 300))
def test_halves_full_limbs_and_borrows_are_exact(edges, scale):
    values = [edge * 2.0**-scale for edge in edges]
    y = encode_reals(Ring.Z128, np.array(values), scale, 2.0 ** (125 - scale), "x")
    assert decode(Ring.Z128, y) == rounded(values, scale)


@pytest.mark.parametrize("sign", [-1, 1])
def test_each_power_of_two_and_what_is_half_a_unit_beside_it_is_exact(sign):
    values = [sign * (2.0**power + half / 2) for power in range(125) for half in range(-3, 4)]
    y = encode_reals(Ring.Z128, np.array(values), 0, 2.0**125, "x")
    assert decode(Ring.Z128, y) == rounded(values, 0)


@pytest.mark.parametrize("ring", RINGS)
def test_every_piece_of_a_long_vector_is_encoded(ring):
    x = np.random.default_rng(3).uniform(-1, 1, 40_001)
    expected = encode(ring, rounded(x.tolist(), 29))
    assert (encode_reals(ring, x, 29, 1.0, "x") == expected).all()
    assert (encode_reals(ring, x[::-2], 29, 1.0, "x") == expected[::-2]).all()


@pytest.mark.parametrize("ring", RINGS)
@pytest.mark.parametrize("tiny", [5e-324, -1e-310, 2.0**-600])
def test_what_underflows_is_zero(ring, tiny):
    assert decode(ring, encode_reals(ring, np.array([tiny]), -200, 2.0**210, "x")) == [0]


@pytest.mark.parametrize("ring", RINGS)
@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("place", [0, 20_000])
def test_nan_and_infinity_are_refused_by_name_of_the_column(ring, bad, place):
    x = np.zeros(20_001)
    x[place] = bad
    with pytest.raises(NonFiniteInput, match=r"'crp'.*missing values as nulls"):
        encode_reals(ring, x, 4, 10.0, "crp")


@pytest.mark.parametrize("ring", RINGS)
@pytest.mark.parametrize("beyond", [10.000001, -77.25, 1e300])
def test_a_value_beyond_the_limit_is_refused_naming_column_and_limit_never_the_value(ring, beyond):
    with pytest.raises(EncodingOverflow, match=r"'crp'.*±10;.*declared range") as refusal:
        encode_reals(ring, np.array([1.0, beyond]), 4, 10.0, "crp")
    assert str(abs(beyond)) not in str(refusal.value)


@pytest.mark.parametrize("ring", RINGS)
def test_a_limit_that_does_not_fit_the_ring_is_refused_whatever_the_values(ring):
    scale = fitting(ring, 10.0)
    encode_reals(ring, np.zeros(1), scale, 10.0, "crp")
    with pytest.raises(EncodingOverflow, match=rf"'crp'.*±10 at scale {scale + 1}.*lower the scale"):
        encode_reals(ring, np.zeros(1), scale + 1, 10.0, "crp")


@pytest.mark.parametrize("ring", RINGS)
def test_an_empty_vector_is_encoded(ring):
    assert decode(ring, encode_reals(ring, np.empty(0), 0, 1.0, "x")) == []


@pytest.mark.parametrize("x", [np.zeros(2, np.float32), np.zeros(2, np.int64), np.zeros((2, 2))])
def test_only_float64_vectors_are_encoded(x):
    with pytest.raises(InvalidRequest, match="expected float64"):
        encode_reals(Ring.Z64, x, 0, 1.0, "x")
