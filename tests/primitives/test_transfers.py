"""Base transfers: the chosen key and no other, choices that leave no trace, bad points that name their sender."""

import pickle
from hashlib import sha256

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from securecompute.errors import InvalidRequest, PeerMisbehaved
from securecompute.primitives import transfers
from securecompute.primitives.ristretto import (
    GENERATOR,
    IDENTITY,
    add,
    hash_to_element,
    multiply,
    multiply_base,
    subtract,
)
from securecompute.primitives.transfers import Chooser, Offerer
from securecompute.values import SecretMisused
from tests.seeded import SeededRandomness

DOMAIN = b"one run"
NO_ELEMENT = b"\x01" + bytes(31)  # odd, so not canonical


def run(choices, domains=(DOMAIN, DOMAIN), seed=0):
    """Both sides in one process: the chosen keys, the pairs, and what was sent."""
    chooser = Chooser(np.array(choices, bool), domains[0], SeededRandomness(f"chooser {seed}"))
    offerer = Offerer(domains[1], SeededRandomness(f"offerer {seed}"))
    keys, pairs = chooser.keys(offerer.point, "offerer"), offerer.keys(chooser.points, "chooser")
    return keys, pairs, chooser.points, offerer.point


@given(st.lists(st.booleans(), max_size=12), st.integers(0, 5))
@settings(max_examples=20)
def test_the_chooser_has_the_key_of_its_choice_and_not_the_other(choices, seed):
    keys, pairs, _, _ = run(choices, seed=seed)
    assert len(keys) == len(pairs) == len(choices)
    for key, pair, choice in zip(keys, pairs, choices, strict=True):
        assert key == pair[choice]
        assert key != pair[not choice]


def test_all_keys_of_a_run_differ_and_have_32_bytes():
    _, pairs, _, _ = run([False, True] * 4)
    keys = [key for pair in pairs for key in pair]
    assert len(set(keys)) == 16
    assert {len(key) for key in keys} == {32}


def test_the_messages_are_the_formula_of_the_paper():
    """R_c + Hg(R_(1-c)) is a G, whose product with y makes the key: computed here from scratch."""
    randomness = SeededRandomness("offerer 0")
    _, pairs, points, point = run([False, True])
    y = Offerer(DOMAIN, randomness)._y
    assert point.tobytes() == multiply_base(y)
    for i in (0, 1):
        for j in (0, 1):
            other = points[i, 1 - j].tobytes()
            hashed = hash_to_element(i.to_bytes(4, "big") + bytes([1 - j]) + other, DOMAIN)
            product = multiply(y, add(points[i, j].tobytes(), hashed))
            prefix = bytes([len(DOMAIN)]) + DOMAIN + i.to_bytes(4, "big") + bytes([j])
            assert pairs[i][j] == sha256(prefix + product).digest()


def test_what_the_offerer_sees_does_not_tell_choices():
    """Either place of a pair could be the chosen one: for both there is a scalar, and bits are as frequent."""
    n = 400
    for choice in (False, True):
        points = Chooser(np.full(n, choice), DOMAIN, SeededRandomness("view")).points
        bits = np.unpackbits(points[:, :, :31].reshape(n, 2, -1), axis=2)[:, :, 8:].mean(axis=(0, 2))
        assert np.abs(bits - 0.5).max() < 5 * 0.5 / np.sqrt(n * 240)
        assert len({point.tobytes() for point in points.reshape(-1, 32)}) == 2 * n


def test_what_the_offerer_works_out_of_a_pair_differs_from_transfer_to_transfer():
    """R_j + Hg(R_(1-j)): of one scalar for all transfers the same element would stand at every chosen place."""
    points = Chooser(np.array([False, True] * 3), DOMAIN, SeededRandomness("view")).points
    worked_out = set()
    for i in range(6):
        for j in (0, 1):
            other = points[i, 1 - j].tobytes()
            hashed = hash_to_element(i.to_bytes(4, "big") + bytes([1 - j]) + other, DOMAIN)
            worked_out.add(add(points[i, j].tobytes(), hashed))
    assert len(worked_out) == 12


def test_opposite_choices_only_exchange_what_is_drawn_and_what_is_made():
    """With one tape, the drawn element stands at place 1 for choice 0 and at place 0 for choice 1."""
    (zero,), (one,) = (Chooser(np.array([c]), DOMAIN, SeededRandomness(3)).points for c in (False, True))
    assert (zero[1] == one[0]).all()
    assert (zero[0] != one[1]).any()


def test_neither_side_shows_its_scalars_or_gives_them_away():
    for side in (Chooser(np.array([True]), DOMAIN, SeededRandomness(0)), Offerer(DOMAIN, SeededRandomness(1))):
        assert repr(side) == f"{type(side).__name__}(...)"
        with pytest.raises(SecretMisused):
            pickle.dumps(side)


@pytest.mark.parametrize("threads", [1, 3])
def test_threads_that_share_the_work_change_nothing(threads, monkeypatch):
    keys, pairs, points, point = run([True, False] * 20)
    monkeypatch.setattr(transfers, "THREADS", threads)
    again = run([True, False] * 20)
    assert again[:2] == (keys, pairs)
    assert (again[2] == points).all()
    assert (again[3] == point).all()


def test_another_domain_gives_other_keys():
    keys, pairs, _, _ = run([False, True, True], domains=(DOMAIN, b"another run"))
    assert not {key for pair in pairs for key in pair} & set(keys)


@pytest.mark.parametrize("bad", [IDENTITY, NO_ELEMENT, b"\xff" * 32], ids=["identity", "negative", "not canonical"])
@pytest.mark.parametrize("place", [(0, 0), (0, 1), (2, 0), (2, 1)])
def test_a_point_that_is_no_element_names_the_chooser(bad, place):
    points = Chooser(np.zeros(3, bool), DOMAIN, SeededRandomness(0)).points
    points[place] = np.frombuffer(bad, np.uint8)
    with pytest.raises(PeerMisbehaved, match="'north'"):
        Offerer(DOMAIN, SeededRandomness(1)).keys(points, "north")


@pytest.mark.parametrize("bad", [IDENTITY, NO_ELEMENT, b"\xff" * 32])
def test_a_point_that_is_no_element_names_the_offerer(bad):
    chooser = Chooser(np.zeros(3, bool), DOMAIN, SeededRandomness(0))
    with pytest.raises(PeerMisbehaved, match="'south'"):
        chooser.keys(np.frombuffer(bad, np.uint8), "south")


def test_a_pair_whose_key_would_not_depend_on_y_names_the_chooser():
    """R_0 = -Hg(R_1): the product would be the identity, known to everybody."""
    points = Chooser(np.zeros(1, bool), DOMAIN, SeededRandomness(0)).points
    hashed = hash_to_element(bytes(4) + b"\x01" + points[0, 1].tobytes(), DOMAIN)
    negative = subtract(subtract(GENERATOR, hashed), GENERATOR)
    points[0, 0] = np.frombuffer(negative, np.uint8)
    with pytest.raises(PeerMisbehaved, match="'north'"):
        Offerer(DOMAIN, SeededRandomness(1)).keys(points, "north")


@pytest.mark.parametrize("choices", [np.zeros(3, np.uint8), np.zeros((2, 2), bool)])
def test_choices_are_a_vector_of_booleans(choices):
    with pytest.raises(InvalidRequest, match="choices"):
        Chooser(choices, DOMAIN, SeededRandomness(0))
