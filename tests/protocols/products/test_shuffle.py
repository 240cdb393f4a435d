"""Shuffle: rows stay together, the order is made of three permutations of which each party lacks one, views uniform."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from securecompute.arithmetic.ring_arrays import RingArray
from securecompute.arithmetic.rings import Ring
from securecompute.errors import InternalFault, InvalidRequest
from securecompute.protocols.products import shuffle as module
from securecompute.protocols.products.shuffle import shuffle
from tests.protocols.products.playing import TRIO, alone, compute, words
from tests.protocols.products.views import uniform, watch

RINGS = st.sampled_from([Ring.Z64, Ring.Z128])


def several(party, *columns):
    """`shuffle` of several, as the harness takes results."""
    return tuple((yield from shuffle(party.at("shuffle"), columns)))


@given(st.integers(0, 9), st.lists(st.tuples(RINGS, st.lists(st.integers(0, 3), max_size=2)), max_size=3), st.data())
def test_all_columns_are_put_in_one_order(n, others, data):
    columns = [words(np.arange(n))]
    for ring, tail in others:
        count = n * int(np.prod(tail))
        columns.append(words(np.arange(count).reshape((n, *tail)) - 5, ring))
    got, _ = alone(several, *columns, seed=data.draw(st.integers(0, 100)))
    order = got[0].words.astype(np.int64)
    assert sorted(order.tolist()) == list(range(n))
    for before, after in zip(columns, got, strict=True):
        assert (after.words == before[order].words).all()


def test_another_place_and_another_session_give_another_order():
    def twice(party, x):
        (a,) = yield from shuffle(party.at("a"), [x])
        (b,) = yield from shuffle(party.at("b"), [x])
        return a, b

    x = words(np.arange(50))
    (a, b), _ = alone(twice, x)
    (c, _), _ = alone(twice, x, seed=1)
    assert len({tuple(each.words) for each in (a, b, c, x)}) == 4


def test_one_place_shuffles_once():
    def twice(party, x):
        yield from shuffle(party.at("a"), [x])
        yield from shuffle(party.at("a"), [x])

    with pytest.raises(InternalFault, match="drawn before"):
        alone(twice, words([1, 2]))


@pytest.mark.parametrize("ring", Ring.__members__.values(), ids=str)
def test_the_cost_line_is_true(ring):
    if ring is Ring.Z32:
        return
    _, played = alone(several, words(np.arange(30), ring), words(np.arange(60).reshape(30, 2), ring))
    w = 90 * ring.item_bytes
    assert played.rounds == 2
    assert played.sent == {"P0": 2 * w, "P1": w, "P2": w}


def test_from_inputs_to_reveal():
    (x,), _ = compute(several, words([5, 6, 7]))
    assert sorted(x.signed()) == [5, 6, 7]


@pytest.mark.parametrize("shapes", [[], [()], [(3,), (2,)], [(3,), ()]])
def test_columns_without_equal_rows_are_refused(shapes):
    def refused(party):
        with pytest.raises(InvalidRequest, match="equally many rows"):
            yield from shuffle(party, [RingArrayed(shape) for shape in shapes])
        return ()

    class RingArrayed:
        def __init__(self, shape):
            self.shape = shape

    alone(refused)


# ---- what is known and seen


def test_the_order_is_that_of_three_permutations_of_which_each_party_lacks_one(monkeypatch):
    known, real = {}, module.random_order

    def noted(party, key, n):
        order = real(party, key, n)
        known.setdefault(party.index, {})[key] = order
        return order

    monkeypatch.setattr(module, "random_order", noted)
    (got,), _ = alone(several, words(np.arange(40)))
    a, b, c = known[0]["mine"], known[1]["next"], known[1]["mine"]
    assert (known[2]["next"] == a).all() and (known[2]["mine"] == b).all() and (known[0]["next"] == c).all()
    assert all(set(keys) == {"mine", "next"} for keys in known.values())
    assert (got.words == np.arange(40)[a][b][c]).all()
    assert len({tuple(each) for each in (a, b, c)}) == 3


def views(size=4096):
    """party -> words received, of one number in every row, shared alike."""
    seen, drawn = watch(several_of_one, (77, Ring.Z64), size=size)
    return {p: [each.words for each in seen[p]] for p in TRIO}, drawn


def several_of_one(party, x):
    return (yield from shuffle(party.at("shuffle"), [x]))[0]


def test_all_that_is_received_is_uniform_and_the_dealer_receives_nothing():
    seen, _ = views()
    assert [len(seen[p]) for p in TRIO] == [2, 2, 0]
    assert all(uniform(each) for p in TRIO for each in seen[p])


@pytest.mark.parametrize(("index", "key", "party"), [(2, "mine", "P0"), (0, "mine", "P1")])
def test_a_mask_left_out_of_the_first_messages_is_seen(index, key, party, monkeypatch):
    """With the streams that the receiver knows set to zero, so that only those that hide are left."""
    real, receiver = module._stream, TRIO.index(party)

    def without(at, which, what, like):
        other = (at.index + (1 if which == "next" else 2)) % 3  # who else knows this stream
        left_out = what == "Z" and (receiver in (at.index, other) or (at.index == index and which == key))
        return RingArray.zeros(like.ring, like.shape) if left_out else real(at, which, what, like)

    monkeypatch.setattr(module, "_stream", without)
    assert not uniform(views()[0][party][0])


@pytest.mark.parametrize("left_out", [False, True])
def test_both_messages_together_are_hidden_by_the_new_shares_alone(left_out, monkeypatch):
    """Each evaluator's first message, brought as far as it can bring it, and its second add up to x' less a share."""
    orders, streams = {}, {}
    real_order, real_stream = module.random_order, module._stream

    def order_noted(party, key, n):
        orders[party.index, key] = real_order(party, key, n)
        return orders[party.index, key]

    def stream_noted(at, key, what, like):
        streams[at.index, key, what] = real_stream(at, key, what, like).words
        return RingArray.zeros(like.ring, like.shape) if left_out and what == "share" else real_again(at, key, what)

    def real_again(at, key, what):
        return RingArray(Ring.Z64, streams[at.index, key, what])

    monkeypatch.setattr(module, "random_order", order_noted)
    monkeypatch.setattr(module, "_stream", stream_noted)
    seen, _ = views()
    first = seen["P0"][0][orders[0, "next"]] + seen["P0"][1]
    mine = (seen["P1"][0] - streams[1, "next", "Z"])[orders[1, "next"]][orders[1, "mine"]]
    assert uniform(first) != left_out
    assert uniform(mine + seen["P1"][1]) != left_out
