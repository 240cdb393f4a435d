"""Inverse square roots in the wide ring: error over the whole domain, its ends and beyond, rounds."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from securecompute.arithmetic.ring_arrays import RingArray
from securecompute.arithmetic.rings import Ring
from securecompute.protocols.products.inverse_root import inverse_root
from tests.protocols.products.playing import alone


def roots(x, scale=50, lowest=-4, highest=16, result=70, seed=0):
    """x as encoded and what the gate gives, in extended precision; the engine's record."""
    encoded = RingArray.quantised(Ring.Z128, np.asarray(x, float), scale)
    got, played = alone(lambda party, x: inverse_root(party, x, scale, lowest, highest, result), encoded, seed=seed)
    wide = [np.ldexp(each.signed().astype(np.longdouble), -f) for each, f in ((encoded, scale), (got, result))]
    return (*wide, played)


def check(x, **options):
    encoded, got, played = roots(x, **options)
    exact = 1 / np.sqrt(encoded)
    assert (np.abs(got - exact) <= exact * 2.0**-56 + 2.0 ** -options.get("result", 70)).all()
    return played


def test_the_error_over_all_magnitudes():
    x = np.geomspace(4.0**-4, 4.0**17, 4000, endpoint=False)
    played = check(np.concatenate([x, 4.0 ** np.arange(-4, 17), 4.0 ** np.arange(-4, 17) * 3.9999999, [4.0**-4]]))
    assert played.rounds == 29


@settings(max_examples=15)
@given(st.floats(4.0**-4, 4.0**16.9), st.integers(0, 999))
def test_any_number_in_the_domain(x, seed):
    check([x], seed=seed)


def test_below_the_domain_the_result_is_zero():
    _, got, _ = roots([0.0, -1.0, -(4.0**15), 4.0**-4 * 0.999])
    assert got.tolist() == [0] * 4


def test_other_scales():
    check(np.geomspace(1, 3.99, 99), scale=60, lowest=0, highest=0, result=60)
    check(np.geomspace(2.0**-48, 0.99, 99), scale=120, lowest=-24, highest=-1, result=50)
