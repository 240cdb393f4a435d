"""A round between dealer and evaluators: values shared as dealt, told and swapped, at the cost said, and masked."""

import numpy as np
import pytest

from securecompute.arithmetic.ring_arrays import RingArray
from securecompute.arithmetic.rings import Ring
from securecompute.engine.local import play
from securecompute.errors import BadFrame
from securecompute.protocols.products.dealing import Form, additive, deal, expected, packed, receive, reshare, unpacked
from tests.protocols.products.playing import TRIO, alone, received, share_out, words
from tests.protocols.products.views import complaints, parties, uniform, watch

BOTH = pytest.mark.parametrize("ring", [Ring.Z64, Ring.Z128], ids=str)
VALUES = [
    words([[1, -2], [3, 4]]),
    words(7, Ring.Z128),
    np.array([[1, 2, 255]], np.uint8),
    np.array([1 << 40], np.uint64),
    words([]),
]


def play_round(dealer, evaluator):
    """Run dealer(party) and evaluator(party); what each returned, and the play."""
    made = parties()
    return play({me: (dealer if p.deals else evaluator)(p) for me, p in zip(TRIO, made, strict=True)})


@pytest.mark.parametrize("value", VALUES, ids=lambda v: str(Form.of(v)))
def test_a_dealt_value_is_what_the_two_shares_make(value):
    form = Form.of(value)
    played = play_round(lambda p: deal(p, [value]), lambda p: receive(p, [form]))
    a, b = (played.outputs[p].shares[0] for p in ("P0", "P1"))
    if isinstance(value, RingArray):
        assert ((a + b).words == value.words).all() and a.shape == b.shape == value.shape
    else:
        assert ((a ^ b) == value).all() and a.dtype == b.dtype == value.dtype
    size = value.nbytes
    assert (played.rounds, played.sent) == (1, {"P0": 0, "P1": 0, "P2": size})
    assert not played.views["P2"]


def test_a_round_carries_everything_in_its_place():
    dealt = [words([1, 2]), np.array([3], np.uint8)]
    told = [(words([10]), words([20])), (np.array([4], np.uint16), np.array([5], np.uint16))]
    swaps = {0: [words([100, 101])], 1: [words([200, 201])]}
    played = play_round(
        lambda p: deal(p, dealt, told),
        lambda p: receive(p, [Form.of(v) for v in dealt], [Form.of(first) for first, _ in told], swaps[p.index]),
    )
    for i, me in enumerate(TRIO[:2]):
        got = played.outputs[me]
        assert got.theirs[0].signed().tolist() == swaps[1 - i][0].signed().tolist()
        assert got.told[0].signed().tolist() == told[0][i].signed().tolist()
        assert got.told[1].tolist() == told[1][i].tolist()
    first, second = (played.outputs[p].shares for p in TRIO[:2])
    assert (first[0] + second[0]).signed().tolist() == [1, 2]
    assert (first[1] ^ second[1]).tolist() == [3]
    assert played.rounds == 1
    assert played.sent == {"P0": 16, "P1": 16, "P2": (8 + 2) + (8 + 2) + (16 + 1)}


def test_a_round_of_nothing_is_still_a_round():
    played = play_round(deal, receive)
    assert (played.rounds, played.sent) == (1, dict.fromkeys(TRIO, 0))


def test_the_dealer_keeps_its_values_as_they_were():
    value, bits = words([1, 2, 3]), np.array([1, 0, 1], np.uint8)
    play_round(lambda p: deal(p, [value, bits]), lambda p: receive(p, [Form.of(value), Form.of(bits)]))
    assert value.signed().tolist() == [1, 2, 3] and bits.tolist() == [1, 0, 1]


@pytest.mark.parametrize("value", [words([5] * 4000), np.full(32000, 5, np.uint8)], ids=["ring", "bits"])
def test_each_share_of_a_dealt_value_is_uniform(value):
    played = play_round(lambda p: deal(p, [value]), lambda p: receive(p, [Form.of(value)]))
    for p in TRIO[:2]:
        share = played.outputs[p].shares[0]
        assert uniform(share.words if isinstance(share, RingArray) else share)


def test_the_same_stream_is_not_dealt_from_twice():
    def twice(p):
        yield from deal(p.at("one"), [words([1])])
        yield from deal(p.at("two"), [words([1])])

    def both(p):
        one = yield from receive(p.at("one"), [Form(Ring.Z64, (1,))])
        two = yield from receive(p.at("two"), [Form(Ring.Z64, (1,))])
        return [each.shares[0].signed().tolist() for each in (one, two)]

    one, two = play_round(twice, both).outputs["P0"]
    assert one != two


def test_a_message_of_another_form_names_its_sender():
    with pytest.raises(BadFrame, match="'P2' sent 'P1'"):
        play_round(lambda p: deal(p, [words([1, 2])]), lambda p: receive(p, [Form(Ring.Z64, (3,))]))


# ---- between two and three


@BOTH
@pytest.mark.parametrize("shape", [(), (0,), (3, 2), (40_000,)])
def test_additive_shares_become_replicated_ones_of_the_same_at_the_cost_said(ring, shape):
    rng = np.random.default_rng(4)
    x = RingArray(ring, rng.integers(0, 1 << 64, (2, *shape) if ring is Ring.Z128 else shape, np.uint64))

    def there_and_back(party, share):
        y = additive(party, share)
        return (yield from reshare(party, ring, share.shape, y))

    before = share_out(x)
    kept = [(s.mine.copy(), s.next.copy()) for s in before]
    got, played = alone(there_and_back, x)
    assert (got.words == x.words).all()
    size = x.size * ring.item_bytes
    assert (played.rounds, played.sent) == (1, {"P0": size, "P1": size, "P2": 0})
    assert not played.views["P2"]
    assert all(
        (s.mine.words == a.words).all() and (s.next.words == b.words).all()
        for s, (a, b) in zip(before, kept, strict=True)
    )


def test_additive_shares_add_to_the_secret_and_the_dealer_has_none():
    y = [additive(p, s) for p, s in zip(parties(), share_out(words([5, -6])), strict=True)]
    assert (y[0] + y[1]).signed().tolist() == [5, -6] and y[2] is None


def test_resharing_leaves_what_it_was_given_as_it_was():
    given = {}

    def part(party, share):
        y = additive(party, share)
        if y is not None:
            given[party.index] = y, y.copy()
        return (yield from reshare(party, Ring.Z64, share.shape, y))

    alone(part, words([1, 2, 3]))
    assert all((a.words == b.words).all() for a, b in given.values())


def test_an_evaluator_without_a_share_is_a_mistake_of_ours():
    with pytest.raises(TypeError, match="share is missing"):
        alone(lambda party, x: reshare(party, Ring.Z64, x.shape, None), words([1]))


@BOTH
def test_what_an_evaluator_sees_of_a_resharing_is_uniform(ring):
    seen, drawn = watch(lambda p, x: reshare(p, ring, x.shape, additive(p, x)), (5, ring))
    assert seen["P2"] == []
    for p in TRIO[:2]:
        assert complaints(seen[p], drawn[p]) == []


def test_a_resharing_without_its_seed_is_caught():
    def bare(party, x):
        y = additive(party, x)
        if party.deals:
            return (yield from reshare(party, x.ring, x.shape, None))
        return (yield from receive(party, swap=[y]))

    seen, drawn = watch(bare, (5, Ring.Z64))
    assert complaints(seen["P0"], drawn["P0"]) and complaints(seen["P1"], drawn["P1"])


# ---- forms


def test_messages_are_declared_packed_and_read_alike():
    forms = [Form.of(v) for v in VALUES]
    message = packed(VALUES)
    assert expected(forms).admits(message)
    for got, value in zip(unpacked(forms, message), VALUES, strict=True):
        same = got.words == value.words if isinstance(value, RingArray) else got == value
        assert np.all(same) and type(got) is type(value)
    assert unpacked([], None) == []
    assert received(play_round(lambda p: deal(p), lambda p: receive(p, swap=VALUES[:1])), "P0")[0].shape == (2, 2)
