"""Four numbers modulo 2^255 - 19 at a time: equal to Python's, for the largest limbs that are promised."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from securecompute.arithmetic import field_25519_kernels as field
from securecompute.arithmetic.compiled import compiled
from securecompute.arithmetic.field_25519_kernels import BITS, LANES, LIMBS, WORDS, P

CLOSE = 2**50 + 2**12
LOOSE = 3 * CLOSE
EDGES = [0, 1, 2, 18, 19, 20, P - 1, P, P + 1, 2**255 - 1, 2**254, (P - 1) // 2]


@compiled
def computed(which, ws):
    """Operation number `which` of the numbers at 0 and 1, to 2; masks are read and written at 3."""
    to, a, b = ws.ctypes.data + 8 * 2 * WORDS, ws.ctypes.data, ws.ctypes.data + 8 * WORDS
    flags = ws.ctypes.data + 8 * 3 * WORDS
    if which == 0:
        field.product(to, a, b)
    elif which == 1:
        field.square(to, a, 3)
    elif which == 2:
        field.total(to, a, b)
    elif which == 3:
        field.difference(to, a, b)
    elif which == 4:
        field.carried_total(to, a, b)
    elif which == 5:
        field.carried_difference(to, a, b)
    elif which == 6:
        field.freeze(to, a)
    elif which == 7:
        field.is_zero(flags, a)
    elif which == 8:
        field.is_odd(flags, a)
    elif which == 9:
        field.select(to, flags, a, b)
    elif which == 10:
        field.give(a)


def limbs(most):
    """Limbs up to a limit on either side, both ends often."""
    limb = st.one_of(st.sampled_from([0, most, -most, 2**50, -(2**50)]), st.integers(-most, most))
    return st.tuples(*[limb] * LIMBS)


def numbers(most):
    """Four numbers' limbs."""
    one = st.one_of(limbs(most), st.sampled_from(EDGES).map(lambda x: tuple(field.limbs_of(x))))
    return st.tuples(*[one] * LANES)


def value(number):
    return sum(int(limb) << BITS * k for k, limb in enumerate(number))


def words(a, b, flags):
    """The operation's memory."""
    ws = np.zeros(4 * WORDS, np.uint64)
    for place, given_ in enumerate((a, b)):
        ws[WORDS * place : WORDS * (place + 1)] = np.array(given_, np.float64).T.ravel().view(np.uint64)
    ws[3 * WORDS : 3 * WORDS + LANES] = flags
    return ws


NOTHING = ((0,) * LIMBS,) * LANES


def run(which, a, b=NOTHING, flags=(0,) * LANES):
    """The result's limbs, whole numbers, (4, 5)."""
    ws = words(a, b, flags)
    computed(which, ws)
    limbs_ = ws[2 * WORDS : 3 * WORDS].view(np.float64).reshape(LIMBS, LANES).T
    assert (limbs_ == np.rint(limbs_)).all()
    return limbs_.astype(np.int64).tolist()


def flags_of(which, a):
    ws = words(a, NOTHING, 0)
    computed(which, ws)
    return ws[3 * WORDS : 3 * WORDS + LANES].tolist()


def assert_within(result, most):
    assert max(abs(limb) for number in result for limb in number) <= most


@settings(max_examples=60)
@given(numbers(CLOSE), numbers(LOOSE))
def test_a_product_of_a_close_and_a_loose_number_is_close(a, b):
    for first, second in ((a, b), (b, a)):
        result = run(0, first, second)
        assert [value(x) % P for x in result] == [value(x) * value(y) % P for x, y in zip(a, b, strict=True)]
        assert_within(result, CLOSE)


@settings(max_examples=60)
@given(numbers(CLOSE))
def test_a_square_of_close_numbers_is_close(a):
    result = run(1, a)
    assert [value(x) % P for x in result] == [pow(value(x), 8, P) for x in a]
    assert_within(result, CLOSE)


@pytest.mark.parametrize("signs", [(1, 1), (1, -1), (-1, -1)])
def test_the_largest_limbs_of_all_multiply_exactly(signs):
    a, b = (
        tuple((sign * most,) * LIMBS for _ in range(LANES)) for sign, most in zip(signs, (CLOSE, LOOSE), strict=True)
    )
    result = run(0, a, b)
    assert [value(x) % P for x in result] == [value(x) * value(y) % P for x, y in zip(a, b, strict=True)]
    assert_within(result, CLOSE)


@given(numbers(CLOSE), numbers(CLOSE))
def test_totals_and_differences_carry_nothing(a, b):
    for which, sign in ((2, 1), (3, -1)):
        pairs = zip(a, b, strict=True)
        assert run(which, a, b) == [[s + sign * t for s, t in zip(x, y, strict=True)] for x, y in pairs]


@given(numbers(LOOSE), numbers(LOOSE))
def test_carried_totals_and_differences_of_loose_numbers_are_close(a, b):
    for which, sign in ((4, 1), (5, -1)):
        result = run(which, a, b)
        assert [value(x) % P for x in result] == [(value(x) + sign * value(y)) % P for x, y in zip(a, b, strict=True)]
        assert_within(result, CLOSE)


@given(numbers(LOOSE))
def test_a_frozen_number_is_below_p_and_its_flags_are_of_that(a):
    ws, rest = words(a, NOTHING, 0), [value(x) % P for x in a]
    computed(6, ws)
    frozen = ws[2 * WORDS : 3 * WORDS].reshape(LIMBS, LANES).T.tolist()
    assert [value(x) for x in frozen] == rest
    assert max(limb for number in frozen for limb in number) < 2**BITS
    assert flags_of(7, a) == [2**64 - 1 if x == 0 else 0 for x in rest]
    assert flags_of(8, a) == [2**64 - 1 if x % 2 else 0 for x in rest]


@given(st.tuples(*[st.one_of(st.sampled_from(EDGES), st.integers(0, 2**255 - 1))] * LANES))
def test_words_of_51_bits_give_a_close_number(a):
    ws = np.zeros(4 * WORDS, np.uint64)
    ws[:WORDS] = np.array([[(x >> BITS * k) & (2**BITS - 1) for k in range(LIMBS)] for x in a], np.uint64).T.ravel()
    computed(10, ws)
    result = ws[:WORDS].view(np.float64).reshape(LIMBS, LANES).T.tolist()
    assert [value(x) % P for x in result] == [x % P for x in a]
    assert_within(result, CLOSE)


@given(numbers(LOOSE), numbers(LOOSE), st.tuples(*[st.sampled_from([0, 2**64 - 1])] * LANES))
def test_a_mask_selects_in_each_lane(a, b, flags):
    pairs = zip(a, b, flags, strict=True)
    assert run(9, a, b, flags) == [list(x if flag else y) for x, y, flag in pairs]


@pytest.mark.parametrize("x", EDGES)
def test_limbs_are_the_number_and_close(x):
    assert value(field.limbs_of(x)) % P == x % P
    assert_within([field.limbs_of(x)], CLOSE)
