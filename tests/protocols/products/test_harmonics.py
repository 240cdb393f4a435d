"""Trigonometric series of secrets, and the fits of mantissas: errors measured anew."""

import numpy as np
import pytest

from securecompute.arithmetic.rings import Ring
from securecompute.errors import InvalidRequest
from securecompute.protocols.products.harmonics import Harmonics, Series, sums
from securecompute.protocols.products.mantissa_series import INVERSE_ROOT, LOGARITHM, RECIPROCAL, ROOT
from tests.protocols.products.playing import alone, words

FITS = {
    "reciprocal": (RECIPROCAL, lambda m: 1 / m, lambda m: 1 / m, 1.35e-10),
    "inverse root": (INVERSE_ROOT, lambda m: m**-0.5, lambda m: m**-0.5, 6.1e-11),
    "root": (ROOT, np.sqrt, np.sqrt, 3.5e-10),
    "logarithm": (LOGARITHM, np.log, np.ones_like, 1.31e-9),
}
GRID = np.linspace(0.5, 1, 200_001)


@pytest.mark.parametrize("name", FITS)
def test_a_fit_is_as_good_as_said_on_a_dense_grid(name):
    series, function, size, bound = FITS[name]
    assert (np.abs(series(GRID / 2) - function(GRID)) / np.abs(size(GRID))).max() <= bound


@pytest.mark.parametrize("name", FITS)
def test_a_fit_is_nearly_the_best_of_so_many_harmonics(name):
    """Least squares again, weighted by Lawson's rule as the coefficients were: no other choice does much better."""
    series, function, size, bound = FITS[name]
    m = 0.75 + 0.25 * np.cos(np.pi * (np.arange(400) + 0.5) / 400)
    k = np.arange(1, len(series.cosines) + 1)
    basis = np.hstack([np.ones((m.size, 1)), np.cos(np.pi * np.outer(m, k)), np.sin(np.pi * np.outer(m, k))])
    weights, best = np.ones(m.size), np.inf
    for _ in range(15):
        w = np.sqrt(weights) / np.abs(size(m))
        error = np.abs(basis @ np.linalg.lstsq(basis * w[:, None], function(m) * w)[0] - function(m)) / np.abs(size(m))
        best = min(best, error.max())
        weights *= error / error.max() + 1e-3
    penalised = 20 if name == "reciprocal" else 1.1  # whose coefficients were kept small, against rounding
    assert bound < penalised * best


@pytest.mark.parametrize("name", FITS)
def test_a_fit_leaves_room_around_its_centre(name):
    series = FITS[name][0]
    assert np.abs(series(GRID / 2) - series.centre).max() < 0.51


def test_several_series_are_evaluated_from_one_opening_with_the_error_that_is_said():
    fractions = np.random.default_rng(0).random(40_000) / 4 + 0.25
    turns = words(np.asarray(fractions * 2.0**53, np.int64)) << 11
    other = Series(0.25, -0.125, *(tuple(c / 8 for c in each) for each in (INVERSE_ROOT.sines, INVERSE_ROOT.cosines)))
    both = [INVERSE_ROOT, other]
    y, played = alone(lambda party, x: (yield from sums(party, x, both, 50)), turns)
    sizes = np.maximum(np.abs(INVERSE_ROOT.cosines), np.abs(INVERSE_ROOT.sines))
    deviation = 2.0**-31 * np.sqrt(sizes.sum())
    for row, series in zip(y.reals(50), both, strict=True):
        error = row - series(fractions)
        assert np.abs(error).max() < 5 * deviation
        assert np.std(error) < deviation
    assert played.rounds == 3


def test_a_series_in_the_wide_ring_is_that_of_the_narrow_one():
    fractions = np.linspace(0.25, 0.5, 100)
    y, _ = alone(
        lambda party, x: (yield from sums(party, x, [ROOT], 50, Ring.Z128)),
        words((np.asarray(fractions * 2.0**53, np.int64)), Ring.Z128) << 75,
    )
    assert np.abs(y[0].reals(50) - ROOT(fractions)).max() < 3e-9


def test_series_of_different_harmonics_are_not_evaluated_together():
    with pytest.raises(InvalidRequest, match="same harmonics"):
        Harmonics((ROOT, RECIPROCAL))
