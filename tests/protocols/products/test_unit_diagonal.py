"""Standardising a secret matrix by secret powers of two: exact, over the declared range, and zero below it."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from securecompute.arithmetic.fixed_types import FixedType
from securecompute.arithmetic.ring_arrays import RingArray
from securecompute.arithmetic.rings import Ring
from securecompute.errors import EncodingOverflow, InvalidRequest
from securecompute.protocols.products.fixed import Fixed
from securecompute.protocols.products.unit_diagonal import design, outer, roots, standardised
from tests.protocols.products.exact_systems import badly_scaled, conditioned
from tests.protocols.products.playing import alone


def scaled(s, scale, smallest=None, condition=100):
    """F, D and 1 / D as float64, and the engine's record."""
    words = RingArray.quantised(Ring.Z128, s, scale)
    kind = FixedType(Ring.Z128, scale, float(np.abs(words.reals(scale)).max()))
    d = design(kind, s.shape, condition, smallest)

    def function(party, s):
        s = Fixed(s, kind)
        known = yield from roots(party.at("D"), s, d)
        pairs = yield from outer(party.at("D D"), known.d)
        return (yield from standardised(party.at("F"), s, pairs, d)), known.d, known.inverse

    (f, root, inverse), played = alone(function, words)
    return f.reals(d.scale), root.reals(d.coarsest), inverse.reals(0) * 2.0**d.finest, d, played


@settings(max_examples=12)
@given(st.integers(1, 6), st.floats(0, 3), st.integers(0, 99))
def test_the_diagonal_is_standardised_and_the_eigenvalues_keep_their_bounds(p, units, seed):
    s = badly_scaled(conditioned(p, 50, seed=seed), 10**-units, 10**units)
    f, root, inverse, d, played = scaled(s, 60)
    assert np.allclose(root * inverse, 1) and (np.log2(root) % 1 == 0).all()
    standard = s * np.outer(root, root)
    assert np.allclose(f * 2**d.size, standard, rtol=1e-12, atol=1e-12)
    assert (np.diag(standard) >= 0.25).all() and (np.diag(standard) < 1).all()
    eigenvalues = np.linalg.eigvalsh(f)
    assert d.low < eigenvalues[0] and eigenvalues[-1] <= d.high
    assert played.rounds == 7


@pytest.mark.parametrize("x", [0.25, 0.2499999, 1.0, 0.9999999, 4.0, 3.9999999])
def test_a_power_of_four_begins_the_next_step(x):
    _, root, _, _, _ = scaled(np.diag([x, 4.0]), 50)
    assert 0.25 <= x * root[0] ** 2 < 1


def test_an_entry_below_the_smallest_has_no_root():
    _, root, inverse, d, _ = scaled(np.diag([4.0, 0.2]), 50, smallest=0.3)
    assert root[1] == inverse[1] == 0 and d.low > 0


@pytest.mark.parametrize(
    ("bound", "scale", "smallest", "error"),
    [(1.0, 50, 2.0, InvalidRequest), (1.0, 50, 2.0**-60, EncodingOverflow), (1e20, 58, 1e5, EncodingOverflow)],
)
def test_a_range_without_headroom_is_refused(bound, scale, smallest, error):
    with pytest.raises(error):
        design(FixedType(Ring.Z128, scale, bound), (2, 2), 10, smallest)


@pytest.mark.parametrize(("bound", "scale"), [(1.0, 20), (1e10, 60), (2.0**60, 60), (1e-6, 100), (0.0, 30)])
def test_the_smallest_entry_is_chosen_for_the_headroom_there_is(bound, scale):
    d = design(FixedType(Ring.Z128, scale, bound), (3, 3), 10, None)
    assert 0 <= d.span <= 20
    assert scale + np.log2(max(bound, 2.0**-scale)) + 2 * d.span <= 125
