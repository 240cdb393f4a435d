"""The descriptor: what is refused before anything runs, and a hash that every field enters."""

from dataclasses import fields, replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from securecompute.arithmetic.rings import Ring
from securecompute.errors import EncodingOverflow, InvalidRequest
from securecompute.protocols.sums.descriptor import check_roles, default_threshold, set_hash
from securecompute.protocols.sums.settings import Committee
from tests.protocols.sums.playing import describe, identity, names

OTHER = {
    "plan": b"q" * 32,
    "identities": describe().identities | {"h3": identity("somebody").public},
    "ring": Ring.Z128,
    "length": 6,
    "bound": 1001,
    "threshold": 4,
    "minimum": 4,
    "nonce": b"m" * 32,
    "setting": Committee(("h0", "h1", "h2")),
}


def test_every_field_enters_the_hash():
    assert OTHER.keys() == {field.name for field in fields(describe())}
    hashes = {replace(describe(), **{name: value}).hash() for name, value in OTHER.items()}
    assert len(hashes | {describe().hash()}) == len(OTHER) + 1


def test_the_order_of_the_roster_does_not_enter_the_hash():
    turned = dict(reversed(describe().identities.items()))
    assert replace(describe(), identities=turned).hash() == describe().hash()
    assert replace(describe(), identities=turned).institutions == ("h0", "h1", "h2", "h3")


def test_the_hash_is_the_one_written_down():
    """Another implementation must find the same."""
    pinned = {"a": b"A" * 32, "b": b"B" * 32, "c": b"C" * 32}
    hashed = replace(describe(), identities=pinned, threshold=3).hash().hex()
    assert hashed == "6c653c7d99be50984a8910d5c32de58fb55c0d61a86ba7c146f2371c8b4c6eb1"


@pytest.mark.parametrize("n", [1, 2])
def test_two_institutions_are_too_few_whatever_else_is_asked(n):
    with pytest.raises(InvalidRequest, match="Ask three or more"):
        describe(n, threshold=1, minimum=1)


@given(st.integers(3, 12), st.integers(-1, 14), st.integers(-1, 14))
def test_a_threshold_lies_above_half_and_a_minimum_above_two(n, t, m):
    if n < 2 * t <= 2 * n and 3 <= m <= n:
        assert describe(n, threshold=t, minimum=m).quorum == max(t, m)
    else:
        with pytest.raises(InvalidRequest, match=f"threshold {t} and minimum {m} for {n} institutions"):
            describe(n, threshold=t, minimum=m)


@given(st.integers(3, 1000))
def test_the_default_threshold_leaves_room_for_a_third_who_collude(n):
    t = default_threshold(n)
    assert n < 2 * t <= 2 * n
    c = 2 * t - n - 1  # most colluders
    assert 2 * (t - c) > n - c
    assert c >= n // 3 - 1


def test_the_default_threshold_bears_the_dropouts_that_its_docstring_says():
    assert {n: n - default_threshold(n) for n in (3, 4, 5, 10, 20)} == {3: 0, 4: 1, 5: 1, 10: 3, 20: 6}


@pytest.mark.parametrize("ring", list(Ring))
def test_a_bound_is_refused_exactly_if_a_total_could_leave_the_ring(ring):
    most = ((1 << (ring.bits - 1)) - 1) // 4
    assert describe(4, 1, ring, most).bound == most
    with pytest.raises(EncodingOverflow, match="choose a wider ring"):
        describe(4, 1, ring, most + 1)


@pytest.mark.parametrize("changes", [{"length": 0}, {"bound": 0}, {"length": -1}, {"bound": -5}])
def test_a_vector_has_entries_and_they_have_room(changes):
    with pytest.raises(InvalidRequest, match="both must be 1 or more"):
        describe(**changes)


@pytest.mark.parametrize("changes", [{"plan": b"p"}, {"nonce": b""}, {"identities": dict.fromkeys(names(3), b"k")}])
def test_hashes_and_keys_have_32_bytes(changes):
    with pytest.raises(InvalidRequest, match="32 bytes each"):
        describe(**changes)


def test_one_identity_key_is_one_institution():
    twice = describe().identities | {"h3": identity("h0").public}
    with pytest.raises(InvalidRequest, match="share an identity key"):
        describe(identities=twice)


def test_roles_are_apart():
    check_roles(describe(), "coordinator", "collector")
    for others in (("x", "x"), ("h0", "x"), ("x", "h3"), ("h2",)):
        with pytest.raises(InvalidRequest, match="has two roles"):
            check_roles(describe(), *others)


@given(st.sets(st.text(max_size=3)), st.sets(st.text(max_size=3)))
def test_a_sets_hash_depends_on_its_members_alone(one, other):
    assert set_hash(one) == set_hash(sorted(one, reverse=True))
    assert (set_hash(one) == set_hash(other)) == (one == other)
