"""Tags: the histogram of presence, exact, and nothing that could be traced to an identifier or an institution."""

import hashlib
from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from securecompute.engine.local import play
from securecompute.errors import InvalidRequest, PeerMisbehaved
from securecompute.primitives import ristretto
from securecompute.primitives.ristretto import IDENTITY, InvalidElement
from securecompute.protocols.intersection import tag
from securecompute.protocols.intersection.header import public_key
from securecompute.protocols.intersection.tag import collect, contribute, shuffle
from securecompute.values import Ciphertext, Share
from tests.protocols.intersection.sets import FEW, HEADER, far_apart, identifiers, plain
from tests.seeded import SeededRandomness

TRIO, RECEIVER = ("P0", "P1", "P2"), "receiver"
SETS = {"north": [1, 2, 3, 4], "south": [3, 4, 5], "west": [4, 9]}
HISTOGRAM = [0, 4, 1, 1]
DUMMIES = {"north": [1001, 1002], "west": [2001]}
KEYS = [ristretto.multiply_base(bytes([k]).ljust(32, b"\0")) for k in (1, 2, 3)]


def parts(sets=SETS, dummies=DUMMIES, seed=0):
    """Everybody's part; dummies are rows that are added to the sets."""
    padded = {name: [*members, *dummies.get(name, [])] for name, members in sets.items()}
    sizes = {name: len(members) for name, members in padded.items()}
    tape = {name: SeededRandomness(f"{name} {seed}") for name in (*TRIO, *sets)}
    institutions = {
        name: contribute(TRIO, plain(x), len(x), len(dummies.get(name, [])), HEADER, tape[name])
        for name, x in padded.items()
    }
    compute = {me: shuffle(me, TRIO, sizes, RECEIVER, tape[me]) for me in TRIO}
    return institutions | compute | {RECEIVER: collect(TRIO, sizes, RECEIVER)}


def histogram(*given, **more):
    return play(parts(*given, **more)).outputs[RECEIVER].tolist()


def in_the_clear(sets):
    times = Counter(Counter(m for members in sets.values() for m in members).values())
    return [times[c] for c in range(len(sets) + 1)]


# ---- what is learnt


@settings(max_examples=10)
@given(st.lists(FEW, min_size=1, max_size=4), st.lists(st.integers(0, 3), min_size=4, max_size=4))
def test_the_receiver_learns_at_how_many_institutions_how_many_patients_are(sets, padding):
    named = {f"institution {k}": sorted(members) for k, members in enumerate(sets)}
    dummies = {name: range(1000 * k + 1000, 1000 * k + 1000 + padding[k]) for k, name in enumerate(named)}
    played = play(parts(named, dummies))
    assert played.outputs[RECEIVER].tolist() == in_the_clear(named)
    assert {played.outputs[name] for name in (*TRIO, *named)} == {None}


def test_the_example_is_as_in_the_clear():
    assert in_the_clear(SETS) == HISTOGRAM == histogram()


@pytest.mark.parametrize(
    "sets", [{"a": []}, {"a": [1]}, {"a": [], "b": []}, {"a": [1], "b": [1]}, {"a": [1], "b": [2]}]
)
def test_empty_equal_and_disjoint_sets_are_counted(sets):
    assert histogram(sets, {}) == in_the_clear(sets)


def test_the_parties_may_be_far_apart():
    assert far_apart(parts())[RECEIVER].tolist() == HISTOGRAM


def test_dummies_alone_are_nobody():
    assert histogram({"a": [], "b": []}, {"a": [1001, 1002], "b": [1003]}) == [0, 0, 0]


# ---- the cost line


def test_the_cost_line_is_true():
    played = play(parts())
    rows = {"north": 6, "south": 3, "west": 3}
    assert played.rounds == 6
    assert played.sent == {name: 64 * n + 24 for name, n in rows.items()} | {RECEIVER: 0} | dict.fromkeys(
        TRIO, 96 * 12 + 8 + 32 * (3 + 2)
    )


def test_each_party_sees_what_the_docstring_lists_and_nothing_else():
    views = {name: set(view) for name, view in play(parts()).views.items()}
    keys, rows = {(0, p) for p in TRIO}, {(1, name) for name in SETS}
    assert views == {
        **dict.fromkeys(SETS, keys),
        "P0": {(0, "P1"), (0, "P2"), (4, "P2")} | rows,
        "P1": {(0, "P0"), (0, "P2"), (2, "P0"), (4, "P2")} | rows,
        "P2": {(0, "P0"), (0, "P1"), (3, "P1")} | rows,
        RECEIVER: {(5, p) for p in TRIO},
    }


# ---- what it looks like


def elements(message):
    """All group elements of a message, as they follow each other."""
    if isinstance(message, tuple):
        return [e for part in message for e in elements(part)]
    if isinstance(message, bytes):
        return [message]
    array = message.elements
    return ristretto.rows(array.reshape(-1, 32)) if array.dtype == np.uint8 else []


def seen(seed=0, **more):
    """receiver -> all elements that it was sent."""
    played = play(parts(seed=seed, **more))
    return {name: [e for message in view.values() for e in elements(message)] for name, view in played.views.items()}


def tags(views):
    """The tags as the receiver computes them."""
    d = [elements(views[RECEIVER][5, p]) for p in TRIO]
    return [ristretto.subtract(ristretto.subtract(w, a), b) for a, b, w in zip(*d, strict=True)]


def test_a_tag_is_the_element_of_its_identifier_times_all_three_exponents(monkeypatch):
    drawn = []
    monkeypatch.setattr(tag, "random_scalar", lambda tape: drawn.append(ristretto.random_scalar(tape)) or drawn[-1])
    views = play(parts(dummies={})).views
    assert len(set(drawn)) == 6  # three parts of the key, then three exponents
    a = ristretto.multiply_scalars(ristretto.multiply_scalars(drawn[3], drawn[4]), drawn[5])
    dst = public_key(HEADER, "elements of tags")
    rows = [row.tobytes() for members in SETS.values() for row in identifiers(members)]
    assert Counter(tags(views)) == Counter(ristretto.multiply(a, ristretto.hash_to_element(row, dst)) for row in rows)


def test_no_element_travels_twice_and_none_in_two_sessions():
    first, again = (Counter(e for name in (*TRIO, RECEIVER) for e in seen(seed)[name]) for seed in (0, 1))
    keys = {e for e, n in first.items() if n > 1}
    assert len(keys) == 3 + 12  # the keys, and all U of the last turn, which two parties receive
    assert not set(first) & set(again)


def test_rows_that_are_alike_leave_a_turn_each_encrypted_anew():
    rows = np.repeat(ristretto.table(KEYS[:2])[np.newaxis], 6, axis=0)
    u, v = tag._turned(rows, KEYS[2], SeededRandomness(1))
    assert len({*u, *v}) == 12
    opened = {ristretto.subtract(b, ristretto.add(ristretto.add(a, a), a)) for a, b in zip(u, v, strict=True)}
    assert len(opened) == 1  # under the key 3 G all of them still hold one and the same element


def test_tags_of_two_sessions_cannot_be_linked():
    one, other = (set(tags(play(parts(seed=seed)).views)) for seed in (0, 1))
    assert len(one) == len(other) == sum(HISTOGRAM) + 3
    assert not one & other


def test_every_compute_party_puts_the_rows_in_an_order_of_its_own(monkeypatch):
    orders = []
    monkeypatch.setattr(tag, "uniform_order", lambda n, randomness: orders.append(randomness) or np.arange(n))
    in_order = tags(play(parts(dummies={})).views)
    monkeypatch.undo()
    assert len({id(each) for each in orders}) == 3
    repeated = [k for k, t in enumerate(in_order) if t in in_order[:k]]
    assert repeated == [4, 5, 7]  # without orders the tags stand as the rows were handed in
    places = set()
    for seed in range(8):
        found = tags(play(parts(seed=seed, dummies={})).views)
        places.add(tuple(k for k, t in enumerate(found) if t in found[:k]))
    assert len(places) > 4


def test_a_dictionary_of_identifiers_finds_nothing_in_what_any_party_sees_nor_in_the_tags():
    played = play(parts())
    sent = {e for view in played.views.values() for message in view.values() for e in elements(message)}
    sent |= set(tags(played.views))
    for member in {m for members in SETS.values() for m in members}:
        name = identifiers([member]).tobytes()
        for dst in (public_key(HEADER, "elements of tags"), HEADER, b"HashToGroup-OPRFV1-\0-ristretto255-SHA512"):
            assert ristretto.hash_to_element(name, dst) not in sent
        assert hashlib.sha256(name).digest() not in sent


def test_no_two_of_the_three_can_open_what_is_handed_in():
    # V - z_0 U - z_1 U is not the element of the row, whichever is left out
    z = [ristretto.random_scalar(SeededRandomness(f"{p} 0")) for p in TRIO]
    handed = play(parts()).views["P0"][1, "south"][0].elements
    u, v = (handed[0, k].tobytes() for k in range(2))
    first = ristretto.hash_to_element(identifiers([3]).tobytes(), public_key(HEADER, "elements of tags"))
    for left_out in range(3):
        opened = v
        for k in range(3):
            if k != left_out:
                opened = ristretto.subtract(opened, ristretto.multiply(z[k], u))
        assert opened != first
        assert ristretto.subtract(opened, ristretto.multiply(z[left_out], u)) == first


def test_the_number_of_dummies_is_shared_in_three_uniform_words():
    tape, words = SeededRandomness(1), []
    for _ in range(200):
        part = contribute(TRIO, plain([]), 0, 0, HEADER, tape)
        next(part)
        sent = part.send(dict(zip(TRIO, KEYS, strict=True))).send
        words.append([(m[1] if isinstance(m, tuple) else m).elements[0] for m in map(sent.get, TRIO)])
    assert {sum(map(int, each)) % (1 << 64) for each in words} == {0}
    octets = np.array(words, np.uint64).view(np.uint8).reshape(-1)
    expected = octets.size / 256
    assert 150 < ((np.bincount(octets, minlength=256) - expected) ** 2 / expected).sum() < 400


# ---- cheats and faults that are noticed


def spoilt(message, row):
    """The same message, with another last element."""
    if isinstance(message, bytes):
        return row
    if isinstance(message, tuple):
        return (spoilt(message[0], row), *message[1:])
    array = message.elements.copy()
    array.reshape(-1, 32)[-1] = np.frombuffer(row, np.uint8)
    return type(message)(array)


@pytest.mark.parametrize("row", [IDENTITY, b"\1" + bytes(31), b"\xff" * 32], ids=bytes.hex)
@pytest.mark.parametrize(
    ("number", "sender"), [(0, "P1"), (1, "south"), (2, "P0"), (3, "P1"), (4, "P2"), (5, "P0"), (5, "P2")]
)
def test_what_is_no_element_ends_the_session(number, sender, row):
    def deliver(at, source, _, message):
        hit = (at, source) == (number, sender) and not (
            isinstance(message, Share) and message.elements.dtype != np.uint8
        )
        return spoilt(message, row) if hit else message

    with pytest.raises(InvalidElement):
        play(parts(), deliver)


def test_a_row_that_a_compute_party_repeats_too_often_is_noticed():
    def deliver(at, source, _, message):
        if (at, source) != (2, "P0"):
            return message
        return Ciphertext(np.repeat(message.elements[:1], len(message.elements), axis=0))

    with pytest.raises(PeerMisbehaved, match="more often"):
        play(parts(), deliver)


def test_more_dummies_than_single_rows_are_noticed():
    with pytest.raises(PeerMisbehaved, match="more dummies"):
        play(
            parts({"a": [1, 2], "b": [1, 2]}, {"a": [7]})
            | {"a": contribute(TRIO, plain([1, 2, 7]), 3, 3, HEADER, SeededRandomness(1))}
        )


def test_a_set_that_is_not_what_was_declared_is_refused_by_its_owner():
    for x, n, dummies in (([1, 1], 2, 0), ([1, 2], 3, 0), ([1, 2], 2, 3), ([1, 2], 2, -1)):
        with pytest.raises(InvalidRequest):
            next(contribute(TRIO, plain(x), n, dummies, HEADER, SeededRandomness(0)))


@pytest.mark.parametrize(
    ("trio", "sizes", "receiver"),
    [
        (TRIO, {"P1": 3}, RECEIVER),
        (TRIO, {"a": 3}, "P0"),
        (TRIO, {"a": 3}, "a"),
        (("P0", "P1", "P1"), {}, RECEIVER),
        (("P0", "P1"), {}, RECEIVER),
    ],
)
def test_a_party_with_two_roles_is_refused(trio, sizes, receiver):
    with pytest.raises(InvalidRequest):
        next(shuffle("P0", trio, sizes, receiver, SeededRandomness(0)))
    with pytest.raises(InvalidRequest):
        next(collect(trio, sizes, receiver))
