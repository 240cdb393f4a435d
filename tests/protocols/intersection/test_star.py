"""The intersection of many: equal to Python's sets, in five rounds, and a missing record hides who lacks it."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from securecompute.engine.local import play
from securecompute.errors import BadFrame, InvalidRequest
from securecompute.primitives import okvs
from securecompute.protocols.intersection import opprf, star
from securecompute.protocols.intersection.star import Star, lead, support
from securecompute.values import Masked, Plain
from tests.protocols.intersection.dealing import dealt, numbered, then_meet, uniform  # noqa: F401 - a fixture
from tests.seeded import SeededRandomness

pytestmark = pytest.mark.usefixtures("dealt")


def intersect(sets, leader=0, seed=0, header=b"header", deliver=None, after=dict):
    """Of institutions p0, p1, ...: (the leader's result as a set of numbers, played)."""
    named = {f"p{k}": sorted(each) for k, each in enumerate(sets)}
    agreed = Star({name: len(each) for name, each in named.items()}, f"p{leader}", header)
    parts = {}
    for name, each in named.items():
        draw, ids = SeededRandomness(f"{seed} {name}"), Plain(numbered(each))
        parts[name] = lead(agreed, ids, draw) if name == agreed.leader else support(agreed, name, ids, draw)
    played = play(after(parts), deliver)
    return {k for k, common in zip(named[agreed.leader], played.outputs[agreed.leader], strict=True) if common}, played


@settings(max_examples=40)
@given(st.lists(st.sets(st.integers(0, 30), max_size=30), min_size=2, max_size=5), st.integers(0, 4), st.integers(0, 9))
def test_it_is_the_intersection_of_python_sets(sets, leader, seed):
    got, _ = intersect(sets, leader % len(sets), seed)
    assert got == set.intersection(*sets)


@pytest.mark.parametrize("n", [2, 3, 5])
def test_empty_equal_and_disjoint_sets(n):
    everyone = set(range(200))
    assert intersect([everyone] * n)[0] == everyone
    assert intersect([everyone, *[set()] * (n - 1)])[0] == set()
    assert intersect([set(), *[everyone] * (n - 1)])[0] == set()
    assert intersect([{k + 300 * i for k in everyone} for i in range(n)])[0] == set()


def test_a_record_that_one_of_them_lacks_is_not_common():
    """Whoever it is, of four."""
    for lacking in range(4):
        sets = [set(range(50)) - ({7} if k == lacking else set()) for k in range(4)]
        assert intersect(sets, leader=1)[0] == set(range(50)) - {7}


def test_the_cost_line_is_true():
    sets = [set(range(10)), set(range(5, 25)), set(range(30)), {6}]
    _, played = intersect(sets, leader=2)
    assert played.rounds == 5  # four of them in the place of `vole_oprf`
    store = {k: 16 + 8 * okvs.layout(len(sets[k])).size for k in (0, 1, 3)}
    assert played.sent == {"p0": 3 * 32 + store[0], "p1": 2 * 32 + store[1], "p2": 32, "p3": store[3]}


def test_a_larger_set_makes_the_others_wait(monkeypatch):
    monkeypatch.setattr(opprf, "_PART_WORDS", 64)
    got, played = intersect([set(range(9)), set(range(40_000)), {3, 10}], after=then_meet)
    assert got == {3} and played.rounds - 1 == 4 + 2


def stores(played, leader="p0"):
    """What the leader received in the last round, by sender."""
    return {p: m[0][1].elements for (number, p), m in played.views[leader].items() if number == 4}


def test_the_leaders_view_is_a_key_and_a_uniform_store_of_each():
    _, played = intersect([set(range(5)), set(range(3000)), set(range(0, 6000, 2))], leader=0)
    assert set(played.views["p0"]) == {(4, "p1"), (4, "p2")}
    assert set(played.views["p1"]) == {(0, "p0")} and set(played.views["p2"]) == {(0, "p0"), (0, "p1")}
    assert all(uniform(store) for store in stores(played).values())


def learned(sets, monkeypatch, header=b"header"):
    """The words that the leader learns from each of the others: (others, its records)."""
    words, real = [], opprf.receive

    def noted(*arguments):
        values = yield from real(*arguments)
        words.append(values[:, 0].copy())
        return values

    monkeypatch.setattr(opprf, "receive", noted)
    intersect(sets, header=header)
    return np.array(words)


def test_the_words_learned_do_not_show_who_lacks_a_record(monkeypatch):
    """p1 has the even ones of the leader's records and p2 the odd ones: both words look the same in either case."""
    words = learned([set(range(4000)), set(range(0, 4000, 2)), set(range(1, 4000, 2))], monkeypatch)
    for of in words:
        assert uniform(of[::2]) and uniform(of[1::2])
    assert uniform(words[0] ^ words[1])


def test_a_leader_has_as_many_records_as_words_of_64_bits_allow():
    assert star.MOST << 40 == 1 << 64  # false matches, 2^-64 a record, are 2^-40 in all


def test_words_of_common_records_differ_from_record_to_record(monkeypatch):
    words = learned([set(range(3000))] * 3, monkeypatch)
    for of in (*words, words[0] ^ words[1]):
        assert uniform(of) and len(set(of.tolist())) == 3000


def test_no_share_is_used_in_two_sessions():
    first, second = (stores(intersect([set(range(50))] * 3, 0, seed, b"h%d" % seed)[1]) for seed in (1, 2))
    assert not {*first["p1"].ravel().tolist()} & {*second["p1"].ravel().tolist()}


def test_shares_are_of_the_session_even_if_randomness_repeats(monkeypatch):
    first, second = (learned([set(range(50))] * 3, monkeypatch, header) for header in (b"one", b"two"))
    assert not set(first.ravel().tolist()) & set(second.ravel().tolist())


def test_what_was_not_declared_is_refused():
    agreed, draw = Star({"a": 2, "b": 3, "c": 1}, "b", b"header"), SeededRandomness(0)
    for part, message in (
        (lead(agreed, Plain(numbered([1, 2])), draw), "another size"),
        (lead(agreed, Plain(numbered([1, 2, 2])), draw), "twice"),
        (support(agreed, "a", Plain(numbered([1])), draw), "another size"),
        (support(agreed, "a", Plain(numbered([1, 1])), draw), "twice"),
        (support(agreed, "b", Plain(numbered([1, 2, 3])), draw), "does not support"),
        (support(agreed, "d", Plain(numbered([1])), draw), "does not support"),
    ):
        with pytest.raises(InvalidRequest, match=message):
            next(part)
    for sizes, leader in (
        ({"a": 1}, "a"),
        ({"a": 1, "b": 1}, "c"),
        ({"a": star.MOST + 1, "b": 1}, "a"),
        ({"a": 1, "b": -1}, "a"),
    ):
        with pytest.raises(InvalidRequest):
            Star(sizes, leader, b"header")


@pytest.mark.parametrize("message", [np.zeros((3, 1), np.uint64), np.zeros((146, 2), np.uint64)])
def test_a_store_of_another_size_names_its_sender(message):
    def deliver(number, sender, receiver, real):
        return ((b"x" * 16, Masked(message)),) if (number, sender) == (4, "p1") else real

    with pytest.raises(BadFrame, match=r"round 4: 'p1' sent 'p0'"):
        intersect([{1}, {1}, {1}], deliver=deliver)


def test_over_the_real_function_it_is_the_intersection_at_the_bytes_that_are_said(monkeypatch):
    monkeypatch.undo()
    sets = [set(range(100)), set(range(0, 200, 2)), set(range(0, 300, 3))]
    got, played = intersect(sets)
    assert got == set(range(0, 100, 6))
    agreed = Star({f"p{k}": len(each) for k, each in enumerate(sets)}, "p0", b"header")
    costs = [agreed.terms(name).cost() for name in agreed.others]
    assert played.rounds == agreed.rounds == max(cost.rounds for cost in costs)
    assert played.sent == {
        "p0": 64 + sum(cost.receiver for cost in costs),
        "p1": 32 + costs[0].sender,
        "p2": costs[1].sender,
    }
