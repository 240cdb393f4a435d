"""Intersection by silent products: Python's sets as the oracle, the cost as stated, and what each side sees."""

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from securecompute.engine.local import play
from securecompute.engine.rounds import shape_of
from securecompute.errors import BadFrame, InvalidRequest, PeerMisbehaved
from securecompute.primitives import okvs
from securecompute.primitives.okvs import Layout
from securecompute.primitives.ristretto import IDENTITY
from securecompute.protocols.intersection import tags, vole, vole_oprf
from securecompute.protocols.intersection.tags import tag_bytes
from securecompute.protocols.intersection.vole import cost, receive, send
from securecompute.values import Masked, Plain
from tests.protocols.intersection.sets import FEW, HEADER, identifiers, plain
from tests.seeded import SeededRandomness

BELOW_5000 = st.integers(0, 5000)


@pytest.fixture(autouse=True, scope="module")
def _warm():
    vole.warm()


def run(x, y, seed=0, headers=(HEADER, HEADER), deliver=None, profile="standard"):
    x, y = list(x), list(y)
    return played_with(plain(x), plain(y), len(x), len(y), seed, headers, deliver, profile)


def played_with(x, y, nx, ny, seed=0, headers=(HEADER, HEADER), deliver=None, profile="standard"):
    parts = {
        "R": receive("S", x, nx, ny, headers[0], SeededRandomness(f"R {seed}"), profile),
        "S": send("R", y, nx, ny, headers[1], SeededRandomness(f"S {seed}"), profile),
    }
    return play(parts, deliver)


def found(played, x):
    return [item for item, member in zip(x, played.outputs["R"], strict=True) if member]


@given(FEW, FEW, st.sampled_from(["standard", "conservative"]))
@example(set(), set(), "standard")
@example(set(), {1}, "standard")
@example({1}, set(), "standard")
@example({1}, {1}, "standard")
@example({1}, {2}, "standard")
@settings(max_examples=8)
def test_the_receiver_learns_which_of_its_items_the_other_has(x, y, profile):
    x = sorted(x)
    played = run(x, y, profile=profile)
    assert found(played, x) == sorted(set(x) & y)
    assert played.outputs["R"].dtype == np.bool_
    assert played.outputs["S"] is None


@given(BELOW_5000, BELOW_5000, BELOW_5000, st.randoms(use_true_random=False))
@example(5000, 5000, 0, None)
@example(5000, 5000, 5000, None)
@example(1, 5000, 1, None)
@example(5000, 1, 0, None)
@settings(max_examples=10)
def test_sets_of_any_size_and_overlap(nx, ny, common, order):
    common = min(nx, ny, common)
    x, y = list(range(nx)), list(range(nx - common, nx - common + ny))
    if order is not None:
        order.shuffle(x)
        order.shuffle(y)
    played = run(x, y)
    assert set(found(played, x)) == set(x) & set(y)
    assert played.outputs["R"].sum() == common


def test_many_clusters_in_many_messages(monkeypatch):
    monkeypatch.setattr(okvs, "layout", lambda n: Layout(5, 400, 700, 45))
    monkeypatch.setattr(vole_oprf, "_PART_ROWS", 1500)
    monkeypatch.setattr(tags, "_PART_BYTES", 2000)
    x, y = range(1200), range(600, 1800)
    played = run(x, y)
    assert found(played, x) == list(range(600, 1200))
    size = tag_bytes(1200, 1200)
    assert played.rounds == cost(1200, 1200).rounds == 2 + 3 + -(-1200 // (2000 // size))
    assert played.sent == {"R": cost(1200, 1200).receiver, "S": cost(1200, 1200).sender}


@pytest.mark.slow
@pytest.mark.parametrize(("nx", "ny"), [(1, 1 << 20), (1 << 20, 1), (1 << 17, 1 << 17)])
def test_large_sets_beside_small_ones(nx, ny):
    def many(n, seed):
        return np.frombuffer(bytearray(SeededRandomness(seed).bytes(16 * n)), np.uint64).reshape(n, 2)

    x, y = many(nx, "x"), many(ny, "y")
    common = -(-min(nx, ny) // 2)
    y[:common] = x[nx - common :]
    played = played_with(Plain(x), Plain(y), nx, ny)
    assert np.flatnonzero(played.outputs["R"]).tolist() == list(range(nx - common, nx))


@pytest.mark.parametrize(("nx", "ny"), [(1, 1), (300, 4000), (4000, 300)])
@pytest.mark.parametrize("profile", ["standard", "conservative"])
def test_the_cost_line_is_true(nx, ny, profile):
    played, stated = run(range(nx), range(ny), profile=profile), cost(nx, ny, profile)
    assert played.rounds == stated.rounds == 4
    assert played.sent == {"R": stated.receiver, "S": stated.sender}


def test_a_million_items_each_take_less_than_290_bits_an_item():
    stated = cost(1 << 20, 1 << 20)
    assert stated.rounds == 4
    assert 8 * (stated.receiver + stated.sender) < 280 * (1 << 20)


@pytest.mark.parametrize(("nx", "ny"), [(0, 0), (0, 5), (5, 0)])
def test_of_an_empty_set_nothing_is_sent(nx, ny):
    played = run(range(nx), range(ny))
    assert (played.rounds, played.sent) == (0, {"R": 0, "S": 0})
    assert (cost(nx, ny).rounds, cost(nx, ny).receiver, cost(nx, ny).sender) == (0, 0, 0)
    assert played.outputs["R"].tolist() == [False] * nx


def test_what_each_side_receives_is_listed_and_nothing_else():
    views = run(range(50), range(70)).views
    m = okvs.layout(50).size
    assert set(views["S"]) == {(0, "R"), (1, "R"), (2, "R")}
    assert set(views["R"]) == {(0, "S"), (2, "S"), (3, "S")}
    seed, masked = views["S"][2, "R"]
    assert (len(seed), type(masked), masked.elements.shape) == (16, Masked, (m, 2))
    assert views["R"][3, "S"].shape == (70, tag_bytes(50, 70))


def test_the_length_of_every_message_depends_on_declared_sizes_only():
    def lengths(x, y, seed):
        views = run(x, y, seed).views
        return {(party, *key): shape_of(message) for party, view in views.items() for key, message in view.items()}

    first = lengths(range(2000), range(1500), 0)
    assert lengths(range(1000, 3000), range(1500), 1) == first
    assert lengths(range(2000), range(2000, 3500), 2) == first
    assert lengths(range(2001), range(1500), 0) != first
    assert lengths(range(2000), range(1501), 0) != first


def uniform(octets):
    counts, expected = np.bincount(octets.ravel(), minlength=256), octets.size / 256
    return 150 < ((counts - expected) ** 2 / expected).sum() < 380  # χ², 255 degrees of freedom


def test_what_each_side_receives_is_uniform_whatever_the_sets_are():
    for x, y in ((range(2000), range(2000)), (range(2000), range(2000, 4000))):
        views = run(x, y).views
        assert uniform(views["S"][2, "R"][1].elements.view(np.uint8))
        assert uniform(views["R"][3, "S"])


def test_what_the_receiver_sees_is_the_same_whatever_else_the_sender_has():
    """Beside the common items all tags are noise: none of them is a tag of R's, nor of another run's."""
    first, second = (run(range(500), range(250, 750), seed).views["R"][3, "S"] for seed in (1, 2))
    assert len(np.unique(first, axis=0)) == 500
    assert not {bytes(tag) for tag in first} & {bytes(tag) for tag in second}


def test_two_runs_share_no_row_and_no_tag():
    """Under one header even: what leaves is no function of identifiers and of what is public."""
    first, second = (run(range(500), range(500), seed).views for seed in (1, 2))
    for party, key, pick in (("S", (2, "R"), lambda m: m[1].elements), ("R", (3, "S"), lambda m: m)):
        one, two = ({row.tobytes() for row in pick(views[party][key])} for views in (first, second))
        assert len(one) == len(pick(first[party][key]))
        assert not one & two


def test_sets_under_other_headers_have_nothing_in_common():
    assert not run(range(100), range(100), headers=(b"one", b"two")).outputs["R"].any()


def test_identifiers_that_differ_in_one_bit_are_different():
    x = identifiers(range(128)).copy()
    y = x.copy()
    for k in range(128):
        y[k, k // 64] ^= np.uint64(1 << k % 64)
    assert not played_with(Plain(x), Plain(y), 128, 128).outputs["R"].any()
    assert played_with(Plain(x), Plain(x[::-1].copy()), 128, 128).outputs["R"].all()


def planted(number, sender, change):
    def deliver(here, source, _receiver, message):
        return change(message) if (here, source) == (number, sender) else message

    return deliver


@pytest.mark.parametrize("sender", ["R", "S"])
def test_a_bad_point_names_its_sender(sender):
    def change(points):
        points = points.copy()
        points.reshape(-1, 32)[-1] = np.frombuffer(IDENTITY, np.uint8)
        return points

    with pytest.raises(PeerMisbehaved, match=f"'{sender}'"):
        run(range(5), range(5), deliver=planted(0, sender, change))


@pytest.mark.parametrize(
    ("number", "sender", "change"),
    [
        (0, "S", lambda points: points[:-1]),
        (1, "R", lambda message: message[0]),
        (2, "S", lambda message: message[::-1]),
        (2, "R", lambda message: message[1]),
        (2, "R", lambda message: (message[0], Masked(message[1].elements[:-1]))),
        (3, "S", lambda sent: sent[:-1]),
        (3, "S", lambda sent: sent[:, :-1]),
        (3, "S", lambda sent: sent.astype(np.uint64)),
    ],
)
def test_a_message_of_another_form_names_its_sender(number, sender, change):
    with pytest.raises(BadFrame, match=f"round {number}: '{sender}' sent"):
        run(range(5), range(5), deliver=planted(number, sender, change))


@pytest.mark.parametrize(
    ("number", "sender", "change"),
    [
        (2, "R", lambda message: (message[0], Masked(message[1].elements[::-1]))),
        (2, "R", lambda message: (bytes(16), message[1])),
        (3, "S", lambda sent: sent ^ np.uint8(1)),
    ],
)
def test_changed_messages_miss_matches_and_make_none(number, sender, change):
    assert not run(range(2000), range(2000), deliver=planted(number, sender, change)).outputs["R"].any()


@pytest.mark.parametrize("part", [receive, send])
def test_sets_that_are_not_what_was_declared_are_refused_before_anything_is_sent(part):
    own = (3, 5) if part is receive else (5, 3)
    for ids, sizes, said in (
        (plain([1, 2]), own, "declared"),
        (plain([]), own, "declared"),
        (Plain(identifiers([1, 2, 1])), own, "twice"),
        (Plain(identifiers([1, 2, 3]).astype(np.int64)), own, "uint64"),
        (Plain(identifiers([1, 2, 3])[:, :1]), own, "uint64"),
        (Plain(np.zeros((), np.uint64)), own, "uint64"),
    ):
        with pytest.raises(InvalidRequest, match=said):
            next(part("peer", ids, *sizes, HEADER, SeededRandomness(0)))
    with pytest.raises(InvalidRequest, match="profile"):
        next(part("peer", plain([1, 2, 3]), 3, 3, HEADER, SeededRandomness(0), "bold"))
