"""Mantissa and power of two of secrets: exact at every border."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from securecompute.arithmetic.rings import Ring
from securecompute.errors import InvalidRequest
from securecompute.protocols.products.fixed import Fixed
from securecompute.protocols.products.normalisation import POWER, Factors, Range, magnitude, normalise
from securecompute.protocols.products.replicated import Replicated
from tests.protocols.products.playing import alone, share_out, words

ROOTS = Factors(lambda a: 1 << (2 * a), lambda b: 10 + b, absent=False)


def parts(bits):
    """Half a turn of the mantissa, 2^p, another function of p, 3p + 2."""

    def function(party, x):
        found = yield from normalise(party, x, bits, (POWER, ROOTS), [lambda p: 3 * p])
        turns = Replicated(party.index, found.turns, found.turns)  # the three parties' shares add up
        return turns, *found.scales, *found.sums

    return function


def check(values, bits, ring=Ring.Z64, seed=0):
    (turns, power, roots, threes), _ = alone(parts(bits), words(values, ring), seed=seed)
    for x, *got in zip(values, *(each.signed() for each in (turns, power, roots, threes)), strict=True):
        leads = x >= 1 << bits.low
        p = bits.high - x.bit_length() if leads else bits.places - 1
        a, b = divmod(p, 4)
        mantissa = (x << p) if leads else 1 << (bits.high - 1)
        assert got == [mantissa << (ring.bits - 1 - bits.high), 1 << p, (10 + b) << (2 * a) if leads else 0, 3 * p]


@pytest.mark.parametrize(
    "bits", [Range(0, 1), Range(3, 4), Range(2, 6), Range(0, 5), Range(7, 20), Range(0, 30)], ids=str
)
def test_every_border_of_every_range_is_exact(bits):
    powers = [(1 << k) + d for k in range(bits.high + 1) for d in (-1, 0, 1)]
    check(sorted({x for x in [0, *powers] if 0 <= x < 1 << bits.high}), bits)


@settings(max_examples=15)
@given(
    st.lists(st.integers(0, 2**30 - 1), min_size=1, max_size=8), st.integers(0, 29), st.sampled_from(list(Ring)[-2:])
)
def test_any_number(values, low, ring):
    if ring in (Ring.Z64, Ring.Z128):
        check(values, Range(low, 30), ring)


def test_magnitudes_and_signs():
    values = [0, 1, -1, 2**62, -(2**62), 12345]

    def function(party, x):
        return (yield from magnitude(party, x))[0]

    y, _ = alone(function, words(values))
    assert y.signed().tolist() == [abs(v) for v in values]


@pytest.mark.parametrize(
    ("scale", "bound", "low", "expected"),
    [(20, 8.0, 1.0, (20, 24)), (20, 7.9, 0.9, (19, 23)), (20, 8.0, 2.0**-30, (0, 24)), (0, 1.0, 1.0, (0, 1))],
)
def test_the_bits_of_a_domain(scale, bound, low, expected):
    x = Fixed.of(share_out(words([0]))[0], scale, bound)
    assert Range.of(x, low) == Range(*expected)


def test_a_domain_without_numbers_is_refused():
    x = Fixed.of(share_out(words([0]))[0], 20, 8.0)
    for low in (0.0, -1.0, 8.1):
        with pytest.raises(InvalidRequest, match="smallest magnitude"):
            Range.of(x, low)


@pytest.mark.parametrize(
    ("bits", "rounds"), [(Range(0, 30), 6), (Range(0, 16), 5), (Range(20, 24), 5), (Range(12, 16), 4)]
)
def test_the_rounds_are_as_said(bits, rounds):
    assert alone(parts(bits), words([0, 1, 2]))[1].rounds == rounds
