"""One bit shown to all three: exact for every word, the same at all three, and nothing but the bit."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from securecompute.arithmetic.rings import Ring
from securecompute.errors import IllConditioned
from securecompute.protocols.products.step_function import step_functions
from securecompute.protocols.products.verdict import outside, refuse_if_any
from tests.protocols.products.playing import TRIO, alone, received, words

ENDS = (-(1 << 127), (1 << 127) - 1)
WORDS = st.integers(*ENDS)


@settings(max_examples=25)
@given(st.lists(WORDS, min_size=4, max_size=4), st.integers(0, 125))
def test_every_word_beyond_the_bound_counts_once_or_twice(x, bits):
    bound = 1 << bits
    got, played = alone(lambda party, x: outside(party, [(x, bound)]), words(x, Ring.Z128))
    beyond = sum(abs(v) > bound for v in x)
    assert beyond <= got.signed()[0] <= 2 * beyond
    assert played.rounds == 5


@pytest.mark.parametrize("bound", [1, (1 << 126) - 1])
def test_the_bound_itself_is_inside(bound):
    for x, beyond in (([bound, -bound, 0], False), *(([0, v], True) for v in (bound + 1, -bound - 1, *ENDS))):
        got, _ = alone(lambda party, x: outside(party, [(x[:1], bound), (x[1:], bound)]), words(x, Ring.Z128))
        assert (got.signed()[0] > 0) is beyond


@pytest.mark.parametrize("count", [1, 2, 1000])
def test_a_count_above_zero_ends_it_at_all_three(count):
    shown = []

    def note(number, sender, receiver, message):
        shown.append((number, sender, receiver))
        return message

    with pytest.raises(IllConditioned, match=r"^a complaint$"):
        alone(lambda party, x: refuse_if_any(party, x, "a complaint"), words([count], Ring.Z128), deliver=note)
    assert {(s, r) for n, s, r in shown if n == 5} == {(a, b) for a in TRIO for b in TRIO if a != b}


def test_a_count_of_zero_lets_it_go_on_and_only_the_bit_is_opened():
    def function(party, x):
        yield from refuse_if_any(party, x, "a complaint")
        return x

    got, played = alone(function, words([0], Ring.Z128))
    assert got.signed().tolist() == [0]
    assert played.rounds == 6
    # the dealer of the comparison sees the reveal alone: a share of the bit, and a digest
    assert [a.shape for a in received(played, "P2")] == [(2, 1)]


@pytest.mark.parametrize("ring", [Ring.Z64, Ring.Z128], ids=str)
def test_a_step_function_has_its_values_between_its_thresholds(ring):
    x = [-5, 0, 9, 10, 11, 99, 100, 1 << 40]
    tables = [3, 1, 4], [0, 1 << 50, -1]
    got, played = alone(lambda party, x: (yield from rest(step_functions(party, x, [10, 100], tables))), words(x, ring))
    assert [each.signed().tolist() for each in got] == [
        [table[int(np.searchsorted([10, 100], v, "right"))] for v in x] for table in tables
    ]
    assert played.rounds == 5


def rest(part):
    """The list that a part gives, as a tuple."""
    return tuple((yield from part))
