"""The sizes of the noise: the rule, its bounds, and what its profiles are said to promise."""

import math

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from securecompute.errors import InvalidRequest
from securecompute.primitives import lpn, okvs
from securecompute.primitives.lpn import PROFILES, parameters

OUTPUTS = st.integers(1, lpn.MOST_OUTPUTS)


@pytest.mark.parametrize("profile", PROFILES)
@given(OUTPUTS)
@example(1)
@example(199)
@example(200)
@example(lpn.MOST_OUTPUTS)
def test_blocks_are_enough_not_too_many_and_hold_twice_the_outputs(profile, m):
    depth, trees, cells = parameters(m, profile)
    least = PROFILES[profile]
    assert depth >= 1 and cells == trees << depth
    assert least <= trees <= 2 * least
    assert 2 * m <= cells
    if trees > least:
        assert cells < 2 * m + (1 << depth)  # not one block more than is needed


@pytest.mark.parametrize("profile", PROFILES)
@given(OUTPUTS)
def test_depth_is_that_of_the_formula(profile, m):
    least = PROFILES[profile]
    assert parameters(m, profile).depth == (max(1, math.floor(math.log2(2 * m / least))) if 2 * m > least else 1)


@pytest.mark.parametrize(
    ("m", "profile", "expected"),
    [
        (1, "standard", (1, 200, 400)),
        (87_000, "standard", (9, 340, 340 << 9)),
        (351_904, "standard", (11, 344, 344 << 11)),
        (1_407_616, "standard", (13, 344, 344 << 13)),
        (351_904, "conservative", (10, 688, 688 << 10)),
        (1_407_616, "conservative", (12, 688, 688 << 12)),
    ],
)
def test_sizes_that_protocols_use(m, profile, expected):
    assert parameters(m, profile) == expected


def test_profiles_promise_what_their_lines_say():
    delta = 0.20
    assert (1 - delta) ** PROFILES["standard"] < 2**-64
    assert math.log2(4 / 3) * PROFILES["conservative"] - 127 > 138
    assert math.log2(4 / 3) * 172 - 127 < 0


@pytest.mark.parametrize("m", [0, -1, lpn.MOST_OUTPUTS + 1])
def test_numbers_of_outputs_out_of_range_are_refused(m):
    with pytest.raises(InvalidRequest, match="outputs"):
        parameters(m)


def test_an_unknown_profile_is_refused():
    with pytest.raises(InvalidRequest, match="'fast'; there are standard and conservative"):
        parameters(100, "fast")


def test_large_sets_take_more_noise_until_the_review_is_done():
    sizes = [okvs.layout(n).size for n in (1, 2**17, 2**18, 2**20)]
    assert [lpn.chosen(m, lpn.RECOMMENDED) for m in sizes] == ["standard"] * 2 + ["conservative"] * 2
    assert [parameters(m) == parameters(m, "conservative") for m in sizes] == [False, False, True, True]
    assert lpn.chosen(2**24, "standard") == "standard"
