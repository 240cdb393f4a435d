"""Intersection of two sets, by either protocol: Python's sets as the oracle, and what each side sees and refuses."""

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from securecompute.engine.rounds import shape_of
from securecompute.errors import BadFrame, InvalidRequest, PeerMisbehaved
from securecompute.primitives import okvs
from securecompute.primitives.ristretto import IDENTITY
from securecompute.protocols.intersection import tags
from securecompute.protocols.intersection.tags import tag_bytes
from securecompute.values import Masked, Plain
from tests.protocols.intersection.dealing import uniform
from tests.protocols.intersection.sets import FEW, HEADER, identifiers, plain
from tests.protocols.intersection.two_party import WAYS, found, instead, run, run_on
from tests.seeded import SeededRandomness

BELOW_5000 = st.integers(0, 5000)
either = pytest.mark.parametrize("way", WAYS.values(), ids=WAYS)


@pytest.fixture(autouse=True, scope="module")
def _warm():
    for way in WAYS.values():
        way.part.warm()


@either
@settings(max_examples=8)
@given(x=FEW, y=FEW)
@example(x=set(), y=set())
@example(x=set(), y={1})
@example(x={1}, y=set())
@example(x={1}, y={1})
@example(x={1}, y={2})
def test_the_receiver_learns_which_of_its_items_the_other_has(way, x, y):
    x = sorted(x)
    played = run(way, x, y)
    assert found(played, x) == sorted(set(x) & y)
    assert played.outputs["R"].dtype == np.bool_
    assert played.outputs["S"] is None


@either
@settings(max_examples=6)
@given(nx=BELOW_5000, ny=BELOW_5000, common=BELOW_5000, order=st.randoms(use_true_random=False))
@example(nx=5000, ny=5000, common=0, order=None)
@example(nx=5000, ny=5000, common=5000, order=None)
@example(nx=1, ny=5000, common=1, order=None)
@example(nx=5000, ny=1, common=0, order=None)
def test_sets_of_any_size_and_overlap(way, nx, ny, common, order):
    common = min(nx, ny, common)
    x, y = list(range(nx)), list(range(nx - common, nx - common + ny))
    if order is not None:
        order.shuffle(x)
        order.shuffle(y)
    played = run(way, x, y)
    assert set(found(played, x)) == set(x) & set(y)
    assert played.outputs["R"].sum() == common


@either
def test_identifiers_that_differ_in_one_bit_are_different(way):
    x = identifiers(range(128)).copy()
    y = x.copy()
    for k in range(128):
        y[k, k // 64] ^= np.uint64(1 << k % 64)
    assert not run_on(way, Plain(x), Plain(y), 128, 128).outputs["R"].any()
    assert run_on(way, Plain(x), Plain(x[::-1].copy()), 128, 128).outputs["R"].all()


@either
def test_sets_under_other_headers_have_nothing_in_common(way):
    assert not run(way, range(100), range(100), headers=(b"one", b"two")).outputs["R"].any()


# ---- what it costs, and what each side sees


@either
@pytest.mark.parametrize(("nx", "ny"), [(1, 1), (300, 4000), (4000, 300)])
def test_the_cost_line_is_true(way, nx, ny):
    played, stated = run(way, range(nx), range(ny)), way.part.cost(nx, ny)
    assert played.rounds == stated.rounds == way.tags + 1
    assert played.sent == {"R": stated.receiver, "S": stated.sender}


@either
@pytest.mark.parametrize(("nx", "ny"), [(0, 0), (0, 5), (5, 0)])
def test_of_an_empty_set_nothing_is_sent(way, nx, ny):
    played, stated = run(way, range(nx), range(ny)), way.part.cost(nx, ny)
    assert (played.rounds, played.sent) == (0, {"R": 0, "S": 0})
    assert (stated.rounds, stated.receiver, stated.sender) == (0, 0, 0)
    assert played.outputs["R"].tolist() == [False] * nx


@either
def test_what_each_side_receives_is_listed_and_nothing_else(way):
    views = run(way, range(50), range(70)).views
    assert {side: set(view) for side, view in views.items()} == way.heard
    seed, masked = views["S"][way.masked, "R"]
    assert (len(seed), type(masked), masked.elements.shape) == (16, Masked, (okvs.layout(50).size, way.words))
    assert views["R"][way.tags, "S"].shape == (70, tag_bytes(50, 70))


@either
def test_the_length_of_every_message_depends_on_declared_sizes_only(way):
    def lengths(x, y, seed):
        views = run(way, x, y, seed).views
        return {(party, *key): shape_of(message) for party, view in views.items() for key, message in view.items()}

    first = lengths(range(2000), range(1500), 0)
    assert lengths(range(1000, 3000), range(1500), 1) == first
    assert lengths(range(2000), range(2000, 3500), 2) == first
    assert lengths(range(2001), range(1500), 0) != first
    assert lengths(range(2000), range(1501), 0) != first


@either
def test_what_each_side_receives_is_uniform_whatever_the_sets_are(way):
    for x, y in ((range(2000), range(2000)), (range(2000), range(2000, 4000))):
        views = run(way, x, y).views
        assert uniform(views["S"][way.masked, "R"][1].elements)
        assert uniform(views["R"][way.tags, "S"])


@either
def test_what_the_receiver_sees_is_the_same_whatever_else_the_sender_has(way):
    """Beside the common items all tags are noise: none of them is another's of the run, nor of another run."""
    first, second = (run(way, range(500), range(250, 750), seed).views["R"][way.tags, "S"] for seed in (1, 2))
    assert len(np.unique(first, axis=0)) == 500
    assert not {bytes(tag) for tag in first} & {bytes(tag) for tag in second}


@either
def test_two_runs_share_no_row_and_no_tag(way):
    """Under one header even: what leaves is no function of identifiers and of what is public."""
    first, second = (run(way, range(500), range(500), seed).views for seed in (1, 2))
    for party, key, pick in (
        ("S", (way.masked, "R"), lambda message: message[1].elements),
        ("R", (way.tags, "S"), lambda message: message),
    ):
        one, two = ({row.tobytes() for row in pick(views[party][key])} for views in (first, second))
        assert len(one) == len(pick(first[party][key]))
        assert not one & two


@either
def test_the_order_of_tags_does_not_follow_the_order_of_the_set(way, monkeypatch):
    """Beside the tags of the same run that are not shuffled: places are moved about, and otherwise in every run."""
    moved = []
    for seed in (1, 2):
        shuffled = run(way, range(300), range(300), seed).views["R"][way.tags, "S"]
        with monkeypatch.context() as patch:
            patch.setattr(tags, "uniform_order", lambda n, _: np.arange(n))
            ordered = run(way, range(300), range(300), seed).views["R"][way.tags, "S"]
        places = {bytes(tag): place for place, tag in enumerate(ordered)}
        moved.append([places[bytes(tag)] for tag in shuffled])
        assert sorted(moved[-1]) == list(range(300))
        assert abs(np.corrcoef(moved[-1], np.arange(300))[0, 1]) < 0.25  # four standard deviations
    assert abs(np.corrcoef(*moved)[0, 1]) < 0.25


# ---- what is not as it should be


@either
@pytest.mark.parametrize("bad", [IDENTITY, b"\x01" + bytes(31), b"\xff" * 32], ids=["identity", "odd", "large"])
@pytest.mark.parametrize("sender", ["R", "S"])
def test_a_bad_point_names_its_sender(way, bad, sender):
    def change(points):
        points = points.copy()
        points.reshape(-1, 32)[-1] = np.frombuffer(bad, np.uint8)
        return points

    with pytest.raises(PeerMisbehaved, match=f"'{sender}'"):
        run(way, range(5), range(5), deliver=instead(0, sender, change))


OTHERS = {
    "a point less": ("first", "S", lambda points: points[:-1]),
    "a point cut": ("first", "R", lambda point: point[:-1]),
    "no seed": ("masked", "R", lambda message: message[1]),
    "a short seed": ("masked", "R", lambda message: (message[0][:-1], message[1])),
    "a row less": ("masked", "R", lambda message: (message[0], Masked(message[1].elements[:-1]))),
    "a word less": ("masked", "R", lambda message: (message[0], Masked(message[1].elements[:, :-1]))),
    "rows not masked": ("masked", "R", lambda message: (message[0], message[1].elements)),
    "a tag less": ("tags", "S", lambda sent: sent[:-1]),
    "a byte less": ("tags", "S", lambda sent: sent[:, :-1]),
    "tags of words": ("tags", "S", lambda sent: sent.astype(np.uint64)),
}


@either
@pytest.mark.parametrize("other", OTHERS.values(), ids=OTHERS)
def test_a_message_of_another_form_names_its_sender(way, other):
    number, sender, change = other
    at = {"first": 0, "masked": way.masked, "tags": way.tags}[number]
    with pytest.raises(BadFrame, match=f"round {at}: '{sender}' sent"):
        run(way, range(5), range(5), deliver=instead(at, sender, change))


CHANGED = {
    "rows in another order": ("R", lambda message: (message[0], Masked(message[1].elements[::-1]))),
    "another seed": ("R", lambda message: (bytes(16), message[1])),
    "tags": ("S", lambda sent: sent ^ np.uint8(1)),
}


@either
@pytest.mark.parametrize("changed", CHANGED.values(), ids=CHANGED)
def test_changed_messages_miss_matches_and_make_none(way, changed):
    sender, change = changed
    deliver = instead(way.masked if sender == "R" else way.tags, sender, change)
    assert not run(way, range(2000), range(2000), deliver=deliver).outputs["R"].any()


@either
@pytest.mark.parametrize("role", ["receive", "send"])
def test_sets_that_are_not_what_was_declared_are_refused_before_anything_is_sent(way, role):
    own = (3, 5) if role == "receive" else (5, 3)
    for ids, sizes, said in (
        (plain([1, 2]), own, "declared"),
        (plain([]), own, "declared"),
        (Plain(identifiers([1, 2, 1])), own, "twice"),
        (Plain(identifiers([1, 2, 3]).astype(np.int64)), own, "uint64"),
        (Plain(identifiers([1, 2, 3])[:, :1]), own, "uint64"),
        (Plain(np.zeros((), np.uint64)), own, "uint64"),
    ):
        with pytest.raises(InvalidRequest, match=said):
            next(getattr(way.part, role)("peer", ids, *sizes, HEADER, SeededRandomness(0)))
