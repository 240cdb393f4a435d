"""The streams of a compute party: the same at both who know the key, others everywhere else, drawn once."""

import numpy as np
import pytest

from securecompute.arithmetic.ring_arrays import RingArray, tiled
from securecompute.arithmetic.rings import Ring
from securecompute.engine.local import play
from securecompute.errors import InternalFault
from securecompute.protocols.products.compute_party import ComputeParty, key_index, make_keys
from tests.protocols.products.playing import SESSION, TRIO
from tests.protocols.products.views import parties, uniform
from tests.seeded import SeededRandomness

BOTH = pytest.mark.parametrize("ring", [Ring.Z64, Ring.Z128], ids=str)
SHAPE = (3, 5)


def bits(array):
    """Its contents, to compare."""
    return array.words.tobytes() if isinstance(array, RingArray) else array.tobytes()


def made(names=TRIO, session=SESSION):
    """The parties after they agreed on keys, and what was played."""
    played = play({me: make_keys(me, names, session, SeededRandomness(f"tape {me}")) for me in names})
    return [played.outputs[me] for me in names], played


def test_agreeing_on_keys_costs_what_is_said():
    _, played = made()
    assert played.rounds == 1
    assert played.sent == dict.fromkeys(TRIO, 32)
    assert {p: {(k, sender) for k, sender in view} for p, view in played.views.items()} == {
        "P0": {(0, "P1")},
        "P1": {(0, "P2")},
        "P2": {(0, "P0")},
    }


@pytest.mark.parametrize("names", [TRIO, ("P2", "P0", "P1"), ("P1", "P0", "P2")])
def test_each_key_is_known_to_two_and_gives_both_the_same_whoever_plays_whom(names):
    three, _ = made(names)
    for i in range(3):
        assert three[i].index == i and three[i].names == tuple(names)
        mine = three[i].draw("mine", "x", Ring.Z64, SHAPE)
        assert bits(mine) == bits(three[i - 1].draw("next", "x", Ring.Z64, SHAPE))
        assert key_index(i, "mine") == key_index((i - 1) % 3, "next") == i
    own = {bits(p.draw("own", "x", Ring.Z64, SHAPE)) for p in three}
    assert len(own) == 3
    assert len({bits(p.draw("mine", "y", Ring.Z64, SHAPE)) for p in three} | own) == 6


def test_the_neighbours_and_roles_are_the_papers():
    p0, p1, p2 = parties(names=("a", "b", "c"))
    assert [(p.next, p.previous, p.deals) for p in (p0, p1, p2)] == [
        ("b", "c", False),
        ("c", "a", False),
        ("a", "b", True),
    ]
    assert (p0.other, p1.other, p0.dealer, p0.evaluators) == ("b", "a", "c", ("a", "b"))
    for evaluator, key in ((p0, "next"), (p1, "mine")):  # what the dealer calls the same key
        same = evaluator.draw(evaluator.shared_with_dealer, "x", Ring.Z64, (4,)), p2.draw(key, "x", Ring.Z64, (4,))
        assert bits(same[0]) == bits(same[1])


def test_a_stream_differs_by_path_purpose_session_and_key():
    def drawn(party, *place, key="mine", purpose="x"):
        return bits(party.at(*place).draw(key, purpose, Ring.Z64, SHAPE))

    party, another = parties()[0], parties(session=b"another session")[0]
    seen = [
        drawn(party),
        drawn(party, purpose="y"),
        drawn(party, key="next"),
        drawn(party, key="own"),
        drawn(another),
        *(drawn(party, *place) for place in ("a", ("a", 1), ("a", 2), ("a", "1"), (1, "a"), ("ab",), ("a", "b"), (1,))),
    ]
    assert len(set(seen)) == len(seen)
    assert drawn(party.at("u"), "v") == drawn(parties()[0], "u", "v")  # a place within a place


def test_the_dtype_of_bits_is_the_streams_words_cut_up():
    x, y = parties()[0], parties()[0]
    octets = x.draw_bits("mine", "b", np.uint8, (3, 7))
    assert octets.shape == (3, 7) and octets.dtype == np.uint8
    words = y.draw_bits("mine", "b", np.uint64, (3,))
    assert octets.tobytes() == words.tobytes()[:21]
    assert x.draw_bits("mine", "none", np.uint16, (0, 2)).shape == (0, 2)
    assert uniform(x.draw_bits("mine", "many", np.uint32, (5000,)))


@pytest.mark.parametrize("again", ["draw", "draw_bits", "stream"])
@pytest.mark.parametrize("first", ["draw", "draw_bits", "stream"])
def test_drawing_a_stream_twice_raises_and_names_it(first, again):
    def take(party, how):
        if how == "draw_bits":
            party.draw_bits("mine", "x", np.uint8, (4,))
        else:
            getattr(party, how)("mine", "x", Ring.Z64, (4,))

    party = parties()[0]
    take(party.at("a", 3), first)
    with pytest.raises(InternalFault, match="a/3/x was drawn before"):
        take(party.at("a").at(3), again)
    take(party.at("a", 4), again)


@BOTH
@pytest.mark.parametrize("shape", [(), (0,), (3, 5), (70_001,)])
def test_what_is_drawn_tile_by_tile_is_what_is_drawn_whole(ring, shape):
    whole = parties()[0].draw("mine", "x", ring, shape)
    zero = RingArray.zeros(ring, shape)
    assert whole.shape == shape
    assert bits(tiled(lambda z, s: z + s, zero, parties()[0].stream("mine", "x", ring, shape))) == bits(whole)


@BOTH
@pytest.mark.parametrize("shape", [(), (0,), (3, 5), (70_001,)])
def test_zero_shares_add_to_zero_and_two_of_them_are_uniform(ring, shape):
    a = [p.at("zero").zero(ring, shape) for p in parties()]
    assert not (a[0] + a[1] + a[2]).words.any()
    b = [p.at("zero").masked(RingArray.zeros(ring, shape)) for p in parties()]
    assert [bits(x) for x in a] == [bits(x) for x in b]
    if len(shape) == 1 and shape[0]:
        assert all(uniform(x.words) for x in a)
        # P_i lacks k_(i+2): what it knows of the other two is the streams of its own keys
        p0 = parties()[0].at("zero")
        assert all(uniform((a[1] - p0.draw(key, "zero", ring, shape)).words) for key in ("mine", "next"))


def test_a_party_shows_no_key():
    party = ComputeParty(0, TRIO, dict.fromkeys(("mine", "next", "own"), b"s" * 32), SESSION).at("w", 3)
    assert repr(party) == "ComputeParty(P_0, w/3)"
