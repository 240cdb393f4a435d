"""Size of an intersection: one number to one party, new scalars and orders every time."""

import hashlib

import numpy as np
import pytest
from hypothesis import given, settings

from securecompute.engine.local import play
from securecompute.errors import InvalidRequest
from securecompute.primitives import ristretto
from securecompute.primitives.ristretto import IDENTITY, InvalidElement
from securecompute.protocols.intersection.dh_count import count, help_count
from securecompute.protocols.intersection.header import public_key
from tests.protocols.intersection.sets import FEW, HEADER, far_apart, identifiers, plain
from tests.seeded import SeededRandomness

COUNTER, HELPER = "counter", "helper"
X, Y = [3, 1, 4, 15, 9, 2, 6], [5, 3, 8, 9, 7]


def parts(x=X, y=Y, seed=0, headers=(HEADER, HEADER)):
    x, y = list(x), list(y)
    return {
        COUNTER: count(HELPER, plain(x), len(x), len(y), headers[0], SeededRandomness(f"a {seed}")),
        HELPER: help_count(COUNTER, plain(y), len(y), len(x), headers[1], SeededRandomness(f"b {seed}")),
    }


@settings(max_examples=25)
@given(FEW, FEW)
def test_the_counter_learns_the_size_and_the_helper_nothing(x, y):
    assert play(parts(x, y)).outputs == {COUNTER: len(x & y), HELPER: None}


@pytest.mark.parametrize(("x", "y"), [([], []), ([1], []), ([], [1]), ([1], [1]), (range(60), range(60)), ([1], [2])])
def test_empty_equal_and_single_sets_are_counted(x, y):
    assert play(parts(x, y)).outputs[COUNTER] == len(set(x) & set(y))


@pytest.mark.slow
def test_five_thousand_against_five_thousand():
    assert play(parts(range(1000, 6000), range(3000, 8000))).outputs[COUNTER] == 3000


def test_both_sides_may_be_far_apart():
    assert far_apart(parts())[COUNTER] == 2


def test_the_cost_line_is_true():
    played = play(parts())
    assert played.rounds == 2
    assert played.sent == {COUNTER: 32 * len(X), HELPER: 32 * (len(X) + len(Y))}


def seen(seed=0, **more):
    """The three lists of elements that travel: a H(x); b a H(x); b H(y)."""
    views = play(parts(seed=seed, **more)).views
    return [ristretto.rows(views[HELPER][0, COUNTER]), *map(ristretto.rows, views[COUNTER][1, HELPER])]


def test_each_side_sees_what_the_docstring_lists_and_nothing_else():
    views = play(parts()).views
    assert set(views[HELPER]) == {(0, COUNTER)} and set(views[COUNTER]) == {(1, HELPER)}


def test_nothing_that_travels_can_be_linked_to_another_session():
    first, again = ({e for listed in seen(seed) for e in listed} for seed in (0, 1))
    assert len(first) == len(again) == 2 * len(X) + len(Y)
    assert not first & again


def scalars(seed):
    return (ristretto.random_scalar(SeededRandomness(f"{who} {seed}")) for who in "ab")


def test_orders_depend_on_nothing_but_fresh_randomness_and_the_second_is_not_the_first():
    a, b = scalars(0)
    tag = public_key(HEADER, "elements of a count")
    hashed = [ristretto.hash_to_element(row.tobytes(), tag) for row in identifiers(X)]
    once, twice, own = seen()
    expected = [ristretto.multiply(a, h) for h in hashed]
    assert set(once) == set(expected) and once != expected
    assert set(twice) == {ristretto.multiply(b, e) for e in once}
    assert twice != [ristretto.multiply(b, e) for e in once]
    theirs = [ristretto.multiply(b, ristretto.hash_to_element(row.tobytes(), tag)) for row in identifiers(Y)]
    assert set(own) == set(theirs) and own != theirs


def test_matching_needs_the_same_session_at_both():
    assert play(parts(X, X, headers=(HEADER, b"another session"))).outputs[COUNTER] == 0


def test_a_dictionary_of_identifiers_finds_nothing_in_what_is_sent():
    sent = {e for listed in seen() for e in listed}
    tag = public_key(HEADER, "elements of a count")
    for member in {*X, *Y}:
        name = identifiers([member]).tobytes()
        for dst in (tag, HEADER, b"HashToGroup-OPRFV1-\0-ristretto255-SHA512"):
            assert ristretto.hash_to_element(name, dst) not in sent
        assert not any(hashlib.sha256(name).digest() == e or name in e for e in sent)


@pytest.mark.parametrize("row", [IDENTITY, b"\1" + bytes(31), b"\xff" * 32], ids=bytes.hex)
@pytest.mark.parametrize("sender", [COUNTER, HELPER])
@pytest.mark.parametrize("which", [0, 1])
def test_what_is_no_element_names_its_sender(sender, row, which):
    def change(message):
        if isinstance(message, tuple):
            return tuple(change(m) if k == which else m for k, m in enumerate(message))
        changed = message.copy()
        changed[2] = np.frombuffer(row, np.uint8)
        return changed

    with pytest.raises(InvalidElement):
        play(parts(), lambda at, source, _, message: change(message) if source == sender else message)


def test_a_set_that_is_not_what_was_declared_is_refused_by_its_owner():
    for part in (count, help_count):
        for x, n in (([1, 1], 2), ([1, 2], 3)):
            with pytest.raises(InvalidRequest):
                next(part("peer", plain(x), n, 2, HEADER, SeededRandomness(0)))
