"""Intersection by extended transfers: Python's sets as the oracle, the cost as stated, and what each side sees."""

from math import comb

import numpy as np
import pytest
from hypothesis import example, given, settings

from securecompute.engine.local import play
from securecompute.errors import BadFrame, InvalidRequest, PeerMisbehaved
from securecompute.primitives import okvs
from securecompute.primitives.ristretto import IDENTITY
from securecompute.protocols.intersection import iknp, tags
from securecompute.protocols.intersection.iknp import cost, receive, send
from securecompute.protocols.intersection.tags import tag_bytes
from securecompute.values import Masked, Plain
from tests.protocols.intersection.sets import FEW, HEADER, identifiers, plain
from tests.seeded import SeededRandomness


@pytest.fixture(autouse=True, scope="module")
def _warm():
    iknp.warm()


@pytest.fixture
def small_messages(monkeypatch):
    """Several messages of U, at sizes that a test can afford."""
    monkeypatch.setattr(iknp, "MOST_BYTES", 10_000)


def run(x, y, seed=0, headers=(HEADER, HEADER), deliver=None):
    x, y = list(x), list(y)
    parts = {
        "R": receive("S", plain(x), len(x), len(y), headers[0], SeededRandomness(f"R {seed}")),
        "S": send("R", plain(y), len(x), len(y), headers[1], SeededRandomness(f"S {seed}")),
    }
    return play(parts, deliver)


def found(played, x):
    return [item for item, member in zip(x, played.outputs["R"], strict=True) if member]


@given(FEW, FEW)
@example(set(), set())
@example(set(), {1})
@example({1}, set())
@example({1}, {1})
@settings(max_examples=8)
def test_the_receiver_learns_which_of_its_items_the_other_has(x, y):
    x = sorted(x)
    played = run(x, y)
    assert found(played, x) == sorted(set(x) & y)
    assert played.outputs["R"].dtype == np.bool_
    assert played.outputs["S"] is None


@pytest.mark.parametrize(
    ("x", "y"),
    [
        (range(5000), range(2500, 7500)),
        (range(1000), range(1000)),
        (range(1000), range(1000, 2000)),
        (range(1), range(5000)),
        (range(5000), range(4999, 5000)),
    ],
    ids=["half", "all", "none", "one of many", "many of one"],
)
def test_sets_of_any_size_and_overlap(x, y):
    assert found(run(x, y), x) == sorted(set(x) & set(y))


def test_many_clusters_in_many_messages(monkeypatch):
    """Five clusters of one message each: what is decoded piece by piece is as right as in one."""
    monkeypatch.setattr(okvs, "layout", lambda n: okvs.Layout(5, 400, 700, 45))
    monkeypatch.setattr(iknp, "MOST_BYTES", 60_000)
    x, y = range(0, 1200), range(600, 1800)
    played = run(x, y)
    assert [number for number, _ in played.views["S"]] == [0, 1, 2, 3, 4, 5]
    assert found(played, x) == list(range(600, 1200))


@pytest.mark.parametrize(("nx", "ny"), [(1, 1), (300, 4000), (4000, 300)])
def test_the_cost_line_is_true(nx, ny, small_messages):
    played, stated = run(range(nx), range(ny)), cost(nx, ny)
    pieces, size = len(list(okvs.pieces(okvs.layout(nx), 10_000 // 56))), tag_bytes(nx, ny)
    assert played.rounds == stated.rounds == 1 + pieces + 1
    assert played.sent["R"] == stated.receiver == 48 + 56 * okvs.layout(nx).size
    assert played.sent["S"] == stated.sender == 28_672 + size * ny


@pytest.mark.parametrize(("nx", "ny"), [(0, 0), (0, 5), (5, 0)])
def test_of_an_empty_set_nothing_is_sent(nx, ny):
    played, stated = run(range(nx), range(ny)), cost(nx, ny)
    assert (played.rounds, played.sent) == (0, {"R": 0, "S": 0}) == (stated.rounds, {"R": 0, "S": 0})
    assert played.outputs["R"].tolist() == [False] * nx


def test_the_width_gives_every_item_128_hidden_bits():
    """ny Pr[Bin(448, 1/2) < 128] <= 2^-40, in whole numbers."""
    light = sum(comb(iknp.WIDTH, ones) for ones in range(128))
    assert iknp.MOST_ITEMS * light << 40 <= 1 << iknp.WIDTH
    assert iknp.WIDTH == 448


def test_items_of_the_other_set_are_hidden_by_at_least_128_bits():
    """Decode(P, y) + h(y) for y outside X, which is what s is multiplied by; zero for x in X."""
    ids, code = identifiers(range(2000)), iknp._Code(HEADER)
    inside, outside = ids[:1000], ids[1000:]
    rows = okvs.rows(okvs.layout(1000), bytes(16), inside)
    store = okvs.encode(rows, code(inside), None)
    assert not (okvs.decode(rows, store) ^ code(inside)).any()
    seen = okvs.decode(okvs.rows(okvs.layout(1000), bytes(16), outside), store) ^ code(outside)
    ones = np.unpackbits(seen.view(np.uint8), axis=1).sum(axis=1)
    assert ones.min() > 150
    assert abs(ones.mean() - 224) < 2
    assert ones.std() < 13  # of 448 independent bits 10.6


def test_what_each_side_receives_is_listed_and_nothing_else():
    views = run(range(50), range(70)).views
    m = okvs.layout(50).size
    assert set(views["S"]) == {(0, "R"), (1, "R")}
    assert set(views["R"]) == {(0, "S"), (2, "S")}
    seed, u = views["S"][1, "R"]
    assert (len(seed), type(u), u.elements.shape) == (16, Masked, (m, 7))
    assert views["R"][2, "S"].shape == (70, tag_bytes(50, 70))


def uniform(octets):
    counts, expected = np.bincount(octets.ravel(), minlength=256), octets.size / 256
    return 150 < ((counts - expected) ** 2 / expected).sum() < 380  # chi-square, 255 degrees of freedom


def test_what_each_side_receives_is_uniform_whatever_the_sets_are():
    for x, y in ((range(2000), range(2000)), (range(2000), range(2000, 4000))):
        views = run(x, y).views
        assert uniform(views["S"][1, "R"][1].elements.view(np.uint8))
        assert uniform(views["R"][2, "S"])


def test_two_runs_share_no_row_and_no_tag():
    """Under one header even: what leaves is no function of identifiers and of what is public."""
    first, second = (run(range(500), range(500), seed).views for seed in (1, 2))
    for party, key, pick in (("S", (1, "R"), lambda m: m[1].elements), ("R", (2, "S"), lambda m: m)):
        one, two = ({row.tobytes() for row in pick(views[party][key])} for views in (first, second))
        assert len(one) == len(pick(first[party][key]))
        assert not one & two


def test_the_order_of_tags_does_not_follow_the_order_of_the_set(monkeypatch):
    """Beside the tags of the same run that are not shuffled: places are moved about, and otherwise in every run."""
    moved = []
    for seed in (1, 2):
        shuffled = run(range(300), range(300), seed).views["R"][2, "S"]
        with monkeypatch.context() as patch:
            patch.setattr(tags, "uniform_order", lambda n, _: np.arange(n))
            ordered = run(range(300), range(300), seed).views["R"][2, "S"]
        places = {bytes(tag): place for place, tag in enumerate(ordered)}
        moved.append([places[bytes(tag)] for tag in shuffled])
        assert sorted(moved[-1]) == list(range(300))
        assert abs(np.corrcoef(moved[-1], np.arange(300))[0, 1]) < 0.25  # four standard deviations
    assert abs(np.corrcoef(*moved)[0, 1]) < 0.25


def test_sets_under_other_headers_have_nothing_in_common():
    assert not run(range(100), range(100), headers=(b"one", b"two")).outputs["R"].any()


def test_a_store_that_cannot_be_solved_costs_another_seed(monkeypatch):
    peel, tried = okvs.peel, []

    def at_the_third(rows):
        tried.append(rows)
        if len(tried) < 3:
            raise okvs.Unsolvable("planted")
        return peel(rows)

    monkeypatch.setattr(okvs, "peel", at_the_third)
    assert found(run(range(40), range(20, 60)), range(40)) == list(range(20, 40))
    assert len({rows.places.tobytes() for rows in tried}) == 3


def test_after_four_seeds_it_ends(monkeypatch):
    def never(_):
        raise okvs.Unsolvable("planted")

    monkeypatch.setattr(okvs, "peel", never)
    with pytest.raises(okvs.Unsolvable):
        run(range(4), range(4))


def planted(number, sender, change):
    def deliver(here, source, _receiver, message):
        return change(message) if (here, source) == (number, sender) else message

    return deliver


@pytest.mark.parametrize("bad", [IDENTITY, b"\x01" + bytes(31), b"\xff" * 32], ids=["identity", "odd", "large"])
@pytest.mark.parametrize("sender", ["R", "S"])
def test_a_bad_point_names_its_sender(bad, sender, monkeypatch):
    def change(points):
        points = points.copy()
        points.reshape(-1, 32)[-1] = np.frombuffer(bad, np.uint8)
        return points

    with pytest.raises(PeerMisbehaved, match=f"'{sender}'"):
        run(range(5), range(5), deliver=planted(0, sender, change))


@pytest.mark.parametrize(
    ("number", "sender", "change"),
    [
        (0, "S", lambda points: points[:-1]),
        (0, "R", lambda point: point[:-1]),
        (1, "R", lambda message: message[1]),
        (1, "R", lambda message: (message[0][:-1], message[1])),
        (1, "R", lambda message: (message[0], Masked(message[1].elements[:-1]))),
        (1, "R", lambda message: (message[0], Masked(message[1].elements[:, :-1]))),
        (1, "R", lambda message: (message[0], message[1].elements)),
        (2, "S", lambda tags: tags[:-1]),
        (2, "S", lambda tags: tags[:, :-1]),
        (2, "S", lambda tags: tags.astype(np.uint64)),
    ],
)
def test_a_message_of_another_form_names_its_sender(number, sender, change):
    with pytest.raises(BadFrame, match=f"'{sender}' sent"):
        run(range(5), range(5), deliver=planted(number, sender, change))


def test_a_changed_tag_is_a_missed_match_and_no_false_one():
    played = run(range(20), range(20), deliver=planted(2, "S", lambda tags: tags ^ np.uint8(1)))
    assert not played.outputs["R"].any()


@pytest.mark.parametrize("part", [receive, send])
def test_sets_that_are_not_what_was_declared_are_refused_before_anything_is_sent(part):
    own = (3, 5) if part is receive else (5, 3)
    twice = Plain(identifiers([1, 2, 1]))
    for ids, sizes, said in (
        (plain([1, 2]), own, "declared"),
        (twice, own, "twice"),
        (Plain(identifiers([1, 2, 3]).astype(np.int64)), own, "uint64"),
        (plain([1, 2, 3]), (-1, 3), "sets of"),
        (plain([1, 2, 3]), (3, iknp.MOST_ITEMS + 1), "sets of"),
    ):
        with pytest.raises(InvalidRequest, match=said):
            next(part("peer", ids, *sizes, HEADER, SeededRandomness(0)))


def test_the_senders_choices_are_448_bits_of_its_own(monkeypatch):
    drawn, chooser = [], iknp.Chooser
    monkeypatch.setattr(iknp, "Chooser", lambda choices, *more: (drawn.append(choices), chooser(choices, *more))[1])
    for seed in range(2):
        next(send("R", plain([1, 2]), 2, 2, HEADER, SeededRandomness(seed)))
    words = np.packbits(drawn).view(np.uint64)
    assert len(words) == 2 * iknp.WORDS == len(set(words.tolist()))
