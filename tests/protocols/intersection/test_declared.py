"""A set is what was declared of it; an order that leaves is uniform."""

from collections import Counter

import numpy as np
import pytest
from hypothesis import given

from securecompute.errors import InvalidRequest
from securecompute.protocols.intersection.declared import declared_set, octets, uniform_order
from securecompute.values import Plain
from tests.protocols.intersection.sets import FEW, identifiers
from tests.seeded import SeededRandomness


@given(FEW)
def test_a_set_of_the_declared_size_is_taken_as_it_is(members):
    ids = identifiers(members)
    assert declared_set(Plain(ids), len(members)) is ids


@pytest.mark.parametrize("repeated", [[1, 2, 1], [5, 5]])
def test_an_identifier_that_occurs_twice_is_refused(repeated):
    with pytest.raises(InvalidRequest, match="twice"):
        declared_set(Plain(identifiers(repeated)), len(repeated))


@pytest.mark.parametrize("between", [[3, 2], [1, 3], [0, 2], [1, 0]])
def test_an_identifier_that_occurs_twice_is_found_among_others_that_share_a_word_with_it(between):
    with pytest.raises(InvalidRequest, match="twice"):
        declared_set(Plain(np.array([[1, 2], between, [1, 2]], np.uint64)), 3)


def test_identifiers_that_share_one_word_are_not_equal():
    ids = np.array([[1, 2], [1, 3], [2, 3]], np.uint64)
    assert declared_set(Plain(ids), 3) is ids


@pytest.mark.parametrize(
    "ids",
    [np.zeros((3, 2), np.int64), np.zeros(3, np.uint64), np.zeros((3, 3), np.uint64), np.zeros((3, 2), np.uint32)],
)
def test_other_arrays_are_no_identifiers(ids):
    with pytest.raises(InvalidRequest):
        declared_set(Plain(ids), 3)


def test_another_size_than_declared_is_refused_without_telling_it():
    with pytest.raises(InvalidRequest) as refused:
        declared_set(Plain(identifiers(range(17))), 18)
    assert "17" not in str(refused.value)


def test_octets_are_both_words_low_byte_first():
    ids = np.array([[0x0102030405060708, 0x1112131415161718]], np.uint64)
    assert octets(ids).tobytes().hex() == "08070605040302011817161514131211"
    assert octets(ids[:0]).shape == (0, 16)


def test_every_order_of_three_is_equally_likely():
    randomness = SeededRandomness(1)
    seen = Counter(tuple(uniform_order(3, randomness)) for _ in range(3000))
    assert len(seen) == 6
    assert sum((n - 500) ** 2 / 500 for n in seen.values()) < 25  # chi-square, 5 degrees of freedom
