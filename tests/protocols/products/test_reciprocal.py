"""Reciprocals: the error that is said over the whole declared domain, clamping below it, refusals, cost, views."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from securecompute.arithmetic.rings import Ring
from securecompute.errors import EncodingOverflow, InvalidRequest
from securecompute.protocols.products.normalisation import Range, normalise
from securecompute.protocols.products.reciprocal import reciprocal
from tests.protocols.products.playing import alone
from tests.protocols.products.real_functions import Number, floor_power, log_spaced, masked, run

ERROR = 4.2e-9
# scale of x, low, bound, scale of the result, ring
CASES = [
    (20, 2.0**-10, 2.0**10, 20, Ring.Z64),
    (20, 0.001, 1000.0, 20, Ring.Z64),
    (30, 0.5, 1.0, 40, Ring.Z64),
    (30, 0.9, 1.5, 30, Ring.Z64),
    (16, 2.0**-16, 2.0**13.9, 16, Ring.Z64),
    (20, 1.0, 2.0**30, 45, Ring.Z64),
    (0, 1.0, 2.0**30, 40, Ring.Z64),
    (40, 2.0**-30, 2.0**30, 40, Ring.Z128),
]


def check(x, x_scale, low, bound, scale, ring, **options):
    number = Number(x, x_scale, bound, ring)
    came = run(reciprocal, number, low=low, scale=scale, **options)
    least = max(floor_power(low), 2.0**-x_scale)
    true = 1 / np.where(np.abs(number.encoded) < least, np.where(number.encoded < 0, -least, least), number.encoded)
    assert (np.abs(came.values - true) <= ERROR * np.abs(true) + came.unit).all()
    return came


@pytest.mark.parametrize("case", CASES, ids=str)
def test_every_number_has_the_error_that_is_said(case):
    x = log_spaced(case[1], case[2], 2000)
    check(x, *case, positive=True)
    check(np.concatenate([x, -x]), *case)


@pytest.mark.slow
@pytest.mark.parametrize("case", CASES[:-1], ids=str)
def test_a_million_numbers_have_the_error_that_is_said(case):
    check(log_spaced(case[1], case[2], 1_000_000), *case, positive=True)


@settings(max_examples=25)
@given(st.lists(st.floats(-1000, 1000), min_size=1, max_size=6), st.integers(-10, 8), st.integers(0, 24))
def test_any_number_small_ones_too(x, low, scale):
    check(x, 20, 2.0**low, 1000.0, scale, Ring.Z64)


@pytest.mark.parametrize("positive", [True, False])
def test_zero_and_what_is_below_the_declared_low_count_as_its_power_of_two(positive):
    came = check([0.0, 2.0**-20, 0.1249, 0.125, 0.24], 20, 0.2, 100.0, 20, Ring.Z64, positive=positive)
    assert np.allclose(came.values[:3], 8.0, atol=1e-5)
    if not positive:
        assert np.allclose(run(reciprocal, Number([-(2.0**-20), -0.1]), low=0.2).values, -8.0, atol=1e-5)


@pytest.mark.parametrize("x", [0.001, 0.01, 250.0, 499.0, 500.0, 501.0, 512.0, 777.0, 1e4, 1e5, 2.0**17])
def test_numbers_on_which_newton_steps_from_a_fixed_start_diverge(x):
    """Beyond [−500, 500] and below 10^-2: the failing inputs that others document."""
    check([x, -x], 16, 2.0**-13, 2.0**17, 16, Ring.Z64)


def test_domains_that_the_ring_does_not_bear_are_refused():
    with pytest.raises(EncodingOverflow, match="too far apart"):
        run(reciprocal, Number([1.0], 20, 2.0**20), low=2.0**-12)
    with pytest.raises(EncodingOverflow, match="headroom"):
        run(reciprocal, Number([1.0], 40, 8.0), low=2.0**-10, scale=60)
    for low in (0.0, -1.0, 9.0):
        with pytest.raises(InvalidRequest, match="smallest magnitude"):
            run(reciprocal, Number([1.0], 20, 8.0), low=low)


def test_the_cost_is_as_said():
    n = 1000
    number = Number(np.ones(n), 20, 1000.0)
    came = run(reciprocal, number, low=0.001, positive=True)
    bits = Range.of(_typed(number), 0.001)

    def normalised(party, x):
        found = yield from normalise(party.at("normalised"), x, bits)
        return found.scales[0]

    _, before = alone(normalised, number.words)
    assert (before.rounds, came.played.rounds) == (6, 11)
    assert run(reciprocal, number, low=0.001).played.rounds == 17
    extra = {p: came.played.sent[p] - before.sent[p] for p in ("P0", "P1", "P2")}
    # opened as a product, settled, truncated: 8 (3 + 2) each; told and dealt: 16 and 128, 16, 32
    assert extra == {"P0": 40 * n, "P1": 40 * n, "P2": (16 + 128 + 16 + 32) * n}


def _typed(number):
    from securecompute.protocols.products.fixed import Fixed
    from tests.protocols.products.playing import share_out

    return Fixed.of(share_out(number.words)[0], number.scale, number.bound)


def test_nothing_is_seen_but_uniform_words():
    for value in (0.0, 1.0, -7.0):
        assert masked(run(reciprocal, Number(np.full(2000, value)), low=0.5).played)
