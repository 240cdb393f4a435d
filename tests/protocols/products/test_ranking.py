"""Ranks by secret keys: numpy's stable order, the digits, the cost, and opened orders that say nothing of the keys."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from securecompute.errors import InvalidRequest, PeerMisbehaved
from securecompute.protocols.products import dealt_shuffle, ranking
from securecompute.protocols.products.compute_party import ComputeParty
from securecompute.protocols.products.ranking import digits_of, ranks, sources
from securecompute.values import Masked
from tests.protocols.products.playing import alone, received
from tests.protocols.products.views import uniform

KEYS = {
    "alike": np.full(512, 37, np.uint64),
    "in order": np.arange(512, dtype=np.uint64) >> np.uint64(3),
    "in reverse": np.arange(512, dtype=np.uint64)[::-1] >> np.uint64(3),
}
EACH = pytest.mark.parametrize("keys", KEYS.values(), ids=KEYS)


def planes_of(keys, bits):
    """Its bits as zeros and ones, the lowest first."""
    return np.array([[key >> k & 1 for key in keys.tolist()] for k in range(bits)], np.uint8).reshape(bits, len(keys))


def run(keys, bits, seed=0, share=None, **options):
    """The ranks of unsigned keys, and the play; `share` is P_1's share of the bits."""
    planes = planes_of(keys, bits)
    second = np.random.default_rng(7).integers(0, 2, planes.shape, np.uint8) if share is None else share
    held = {}

    def function(party):
        own = (planes ^ second, second, np.zeros_like(planes))[party.index]
        held[party.index] = yield from ranks(party.at("ranks"), own)
        return ()

    _, played = alone(function, seed=seed, keep=True, **options)
    assert all(each.rows == len(keys) for each in held.values())
    return held[0].share + held[1].share, played


def expected(keys):
    """The rank of each row."""
    return np.argsort(np.argsort(keys, kind="stable"), kind="stable")


@given(st.integers(1, 70), st.data())
def test_ranks_are_those_of_a_stable_sort(bits, data):
    some = data.draw(st.lists(st.integers(0, 2**bits - 1), min_size=1, max_size=4))
    keys = np.array(data.draw(st.lists(st.sampled_from(some), max_size=9)), dtype=object)
    got, _ = run(keys, bits, seed=data.draw(st.integers(0, 99)))
    by_key = sorted(range(len(keys)), key=lambda i: keys[i])
    assert got.tolist() == [by_key.index(i) for i in range(len(keys))]


@pytest.mark.parametrize(("n", "bits"), [(257, 9), (4097, 7)])
def test_ranks_by_digits_of_four_and_three_bits(n, bits):
    keys = np.random.default_rng(n).integers(0, 2**bits, n, dtype=np.uint64)
    got, played = run(keys, bits)
    assert (got == expected(keys)).all()
    assert played.rounds == 4 * len(digits_of(bits, n)) + 1


@given(st.integers(1, 128), st.sampled_from([0, 1, 256, 257, 4096, 4097, 10**6]))
def test_digits_make_up_all_bits_and_are_nearly_equal(bits, n):
    digits = digits_of(bits, n)
    widest = 5 if n <= 256 else 4 if n <= 4096 else 3
    assert sum(digits) == bits
    assert max(digits) <= widest and max(digits) - min(digits) <= 1
    assert len(digits) == -(-bits // widest)


@pytest.mark.parametrize(("n", "bits"), [(0, 3), (1, 1), (300, 4), (300, 70), (100, 64)])
def test_the_cost_line_is_true(n, bits):
    _, played = run(np.zeros(n, np.uint64), bits)
    digits, left = digits_of(bits, n), bits + max(1, (n - 1).bit_length())
    sent = {"P0": 0, "P1": 4, "P2": 0}
    for k, size in enumerate(digits):
        left -= size
        m, c = 2**size, -(-left // 64)
        sent["P0"] += 4 * m + 1 + 8 * c
        sent["P1"] += 4 * m + 1 + 8 * c + 4 * (k > 0)
        sent["P2"] += 4 * m + 4 + 8 * c
    assert played.rounds == 4 * len(digits) + 1
    assert played.sent == {p: n * each for p, each in sent.items()}
    assert not played.views["P2"]


def test_no_bits_are_refused():
    with pytest.raises(InvalidRequest, match="a bit at least"):
        run(np.zeros(3, np.uint64), 0)


@pytest.mark.parametrize("opened", [[0, 0], [0, 2], [1, 2**32 - 1]])
def test_what_is_not_an_order_is_refused(opened):
    with pytest.raises(PeerMisbehaved, match="is not one"):
        sources(np.array(opened, np.uint32))


@given(st.permutations(range(6)))
def test_sources_undo_places(to):
    x, put = np.arange(10, 16), np.empty(6, int)
    put[to] = x
    assert (x[sources(np.array(to, np.uint32))] == put).all()


def test_a_changed_message_is_noticed_where_the_order_is_opened():
    def deliver(number, sender, receiver, message):
        if (number, sender, receiver) != (3, "P0", "P1"):
            return message
        changed, *others = (each.elements for each in message)
        changed = changed.copy()
        changed[0] += 1
        return (Masked(changed), *map(Masked, others))

    with pytest.raises(PeerMisbehaved, match="is not one"):
        run(KEYS["alike"], 8, deliver=deliver)


def test_bits_above_a_digit_that_a_peer_sends_are_no_index():
    def deliver(number, sender, receiver, message):
        if (number, sender) not in {(0, "P1"), (1, "P0")}:
            return message
        v, *others = (each.elements for each in message)
        return (Masked(v | np.uint8(224)), *map(Masked, others))

    got, _ = run(KEYS["in reverse"], 6, deliver=deliver)
    assert (got == expected(KEYS["in reverse"])).all()


# ---- what is seen


def independent(a, b):
    """Chi-square of the table of both orders' eighths, 49 degrees of freedom."""
    n = len(a)
    table = np.zeros((8, 8))
    np.add.at(table, (np.asarray(a) * 8 // n, np.asarray(b) * 8 // n), 1)
    return ((table - n / 64) ** 2 / (n / 64)).sum() < 100


def watched(keys, monkeypatch, left_out=None):
    """Orders opened at each digit; the two permutations of each, by their digit; all stages of the rows' numbers."""
    opened, orders, real_order, real_sources = [], {}, dealt_shuffle.random_order, ranking.sources

    def order_noted(party, key, n):
        order = np.arange(n) if (party.index, key) in (left_out or ()) else real_order(party, key, n)
        orders.setdefault((party.index, key), []).append(order)
        return order

    def sources_noted(to):
        opened.append(to)
        return real_sources(to)

    monkeypatch.setattr(dealt_shuffle, "random_order", order_noted)
    monkeypatch.setattr(ranking, "sources", sources_noted)
    got, _ = run(keys, 6)
    assert (got == expected(keys)).all()
    return [np.asarray(each, np.int64) for each in opened[::2]], orders[0, "mine"], orders[1, "next"]


@EACH
def test_an_opened_order_is_independent_of_the_keys_and_of_what_each_evaluator_knows(keys, monkeypatch):
    (first, last), of_0, of_1 = watched(keys, monkeypatch)
    by_digit = np.argsort(keys & np.uint64(7), kind="stable")
    dest = np.argsort(by_digit)
    assert (first == dest[of_0[0]][of_1[0]]).all() and (last == by_digit[of_0[1]][of_1[1]]).all()
    for opened, rho, pi_0, pi_1 in ((first, dest, of_0[0], of_1[0]), (last, by_digit, of_0[1], of_1[1])):
        for guess in (np.arange(512), rho, rho[pi_0], rho[pi_1], pi_0, pi_1):
            assert independent(opened, guess)


@pytest.mark.parametrize("whose", [0, 1])
def test_a_permutation_left_out_shows_the_keys_to_the_other_evaluator(whose, monkeypatch):
    left_out = {0: {(0, "mine"), (2, "next")}, 1: {(1, "next"), (2, "mine")}}[whose]
    (first, _), of_0, of_1 = watched(KEYS["in order"], monkeypatch, left_out)
    dest = np.argsort(np.argsort(KEYS["in order"] & np.uint64(7), kind="stable"))
    assert not independent(first, dest[(of_1 if whose == 0 else of_0)[0]])


def seen_by(party, **options):
    """What an evaluator received, keys and shares of their bits alike: opened orders, masked digits, the rest."""
    keys = np.full(4000, 5, np.uint64)
    _, played = run(keys, 8, share=np.ones((8, 4000), np.uint8), **options)
    groups = {"orders": [], "digits": [], "rest": []}
    for each in received(played, party):
        is_order = each.dtype == np.uint32 and each.ndim == 1 and (np.sort(each) == np.arange(4000)).all()
        groups["orders" if is_order else "digits" if each.dtype == np.uint8 else "rest"].append(each)
    return groups


def even(digits):
    """Chi-square of digits of 4 bits, 15 degrees of freedom."""
    return ((np.bincount(digits, minlength=16) - 250) ** 2 / 250).sum() < 50 and digits.max() < 16


def test_all_else_that_an_evaluator_receives_is_uniform():
    for party, counts in (("P0", (2, 2, 6)), ("P1", (0, 2, 14))):
        groups = seen_by(party)
        assert tuple(map(len, groups.values())) == counts
        assert all(even(each) for each in groups["digits"])
        assert all(uniform(each) for each in groups["rest"])


@pytest.fixture
def without(monkeypatch):
    """Streams of these purposes and of this party that are all zeros, at the dealer too."""
    real = ComputeParty.draw_bits

    def leave_out(purposes, whose):
        keys = {0: {(0, "mine"), (2, "next")}, 1: {(1, "next"), (2, "mine")}}[whose]

        def draw_bits(party, key, purpose, dtype, shape):
            bits = real(party, key, purpose, dtype, shape)
            return np.zeros_like(bits) if purpose in purposes and (party.index, key) in keys else bits

        monkeypatch.setattr(ComputeParty, "draw_bits", draw_bits)

    return leave_out


@pytest.mark.parametrize("whose", [0, 1])
def test_an_unmasked_digit_is_seen(whose, without):
    without({"digit"}, whose)
    assert not all(even(each) for each in seen_by(("P1", "P0")[whose])["digits"])


def test_an_unmasked_one_hot_is_seen(without):
    without({"one-hot"}, 0)
    assert not all(uniform(each) for each in seen_by("P1")["rest"])


@pytest.mark.parametrize("left_out", [None, 0, 1])
def test_what_is_opened_of_the_places_is_masked_by_each_evaluators_part(left_out, without, monkeypatch):
    """e and the own part of a give places less the other's part of a."""
    from securecompute.arithmetic import radix_kernels

    opened, parts, real, real_places = [], [], radix_kernels.destinations, radix_kernels.places

    def destinations(start, h, e, masked):
        opened.append(e.copy())
        return real(start, h, e, masked)

    def places(h, v, a, one):
        parts.append((int(one), a))
        return real_places(h, v, a, one)

    monkeypatch.setattr(radix_kernels, "destinations", destinations)
    monkeypatch.setattr(radix_kernels, "places", places)
    if left_out is not None:
        without({"a"}, left_out)
    run(np.full(4000, 5, np.uint64), 4)
    own = {1 - one: a for one, a in parts}
    for me in (0, 1):
        assert uniform(opened[0] + own[me]) == (left_out != 1 - me)
