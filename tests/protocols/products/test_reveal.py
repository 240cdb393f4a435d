"""A reveal shows the value to its receiver alone, at the cost said, and a share that was tampered with is noticed."""

import numpy as np
import pytest

from securecompute.arithmetic.ring_arrays import RingArray
from securecompute.arithmetic.rings import Ring
from securecompute.engine.local import play
from securecompute.errors import PeerMisbehaved
from securecompute.protocols.products.dealing import Form
from securecompute.protocols.products.replicated import Replicated
from securecompute.protocols.products.reveal import collect, digest, open_to_all, reveal
from securecompute.values import Masked
from tests.protocols.products.playing import RECEIVER, TRIO, share_out, words
from tests.protocols.products.views import complaints, parties

ORDERS = [TRIO, ("P2", "P0", "P1"), ("P1", "P0", "P2")]
VALUES = [
    words([[1, -2, 3]]),
    words([(1 << 100) + 7, -5], Ring.Z128),
    words(9),
    words([]),
    words([[1, 2], [3, 4]], Ring.Z128).T,
    words(np.arange(70_001)),
]
EVERYBODY = pytest.mark.parametrize("receiver", [RECEIVER, *TRIO])


def revealed(x, receiver, names=TRIO, deliver=None, shares=None, strict=True):
    """Reveal to the receiver. returns what each part returned, and what was played"""
    shares = shares or share_out(x)
    parts = {me: reveal(names, receiver, share) for me, share in zip(names, shares, strict=True)}
    if receiver not in names:
        parts[receiver] = collect(names, Form.of(x))
    played = play(parts, deliver, strict=strict)
    return played.outputs, played


@EVERYBODY
@pytest.mark.parametrize("names", ORDERS)
@pytest.mark.parametrize("x", VALUES, ids=lambda x: str(Form.of(x)))
def test_the_receiver_has_the_value_and_nobody_else_has_anything(receiver, names, x):
    got, played = revealed(x, receiver, names)
    assert got[receiver].shape == x.shape and (got[receiver].words == x.words).all()
    for party in {*names} - {receiver}:
        assert got[party] is None and not played.views[party]


@EVERYBODY
@pytest.mark.parametrize("x", VALUES, ids=lambda x: str(Form.of(x)))
def test_the_cost_is_what_is_said(receiver, x):
    _, played = revealed(x, receiver)
    if receiver == RECEIVER:
        sent = dict.fromkeys(TRIO, x.nbytes + 32) | {RECEIVER: 0}
    else:
        place = TRIO.index(receiver)
        sent = {receiver: 0, TRIO[place - 1]: x.nbytes, TRIO[place - 2]: 32}
    assert (played.rounds, played.sent) == (1, sent)


def test_shares_that_are_views_of_others_are_revealed_as_they_look():
    x = words([[1, 2, 3], [4, 5, 6]])
    shares = share_out(x)
    for f in (lambda s: s.T, lambda s: s[:, ::-1], lambda s: s.broadcast_to((2, 2, 3)), lambda s: s + 0):
        expected = f(x)
        got, _ = revealed(expected, "P1", shares=[f(s) for s in shares])
        assert (got["P1"].words == expected.words).all()
        got, _ = revealed(expected, RECEIVER, shares=[f(s) for s in shares])
        assert (got[RECEIVER].words == expected.words).all()


@EVERYBODY
def test_revealing_leaves_the_shares_as_they_were(receiver):
    shares = share_out(words([1, 2, 3]))
    before = [(s.mine.copy(), s.next.copy()) for s in shares]
    for _ in range(2):
        got, _ = revealed(words([1, 2, 3]), receiver, shares=shares)
        assert got[receiver].signed().tolist() == [1, 2, 3]
    for share, (mine, following) in zip(shares, before, strict=True):
        assert (share.mine.words == mine.words).all() and (share.next.words == following.words).all()


@pytest.mark.parametrize("ring", [Ring.Z64, Ring.Z128], ids=str)
def test_beside_the_value_a_receiver_sees_uniform_shares_of_it(ring):
    x = words([7] * 2000, ring)
    _, played = revealed(x, RECEIVER)
    arrays = [RingArray(ring, message[0].elements) for message in played.views[RECEIVER].values()]
    assert len(arrays) == 3
    for k in range(3):  # any two of the three
        assert complaints([arrays[k], arrays[k - 1]], []) == []


def test_what_arrives_at_each_kind_of_receiver_is_a_share_and_digests():
    x = words([1, 2])
    outside = revealed(x, RECEIVER)[1].views[RECEIVER]
    assert set(outside) == {(0, p) for p in TRIO}
    assert all([type(part) for part in message] == [Masked, bytes] for message in outside.values())
    inside = revealed(x, "P0")[1].views["P0"]
    assert set(inside) == {(0, "P2"), (0, "P1")}
    assert type(inside[0, "P1"]) is bytes and [type(part) for part in inside[0, "P2"]] == [Masked]


# ---- compute parties that cheat


def tampered(share, which, k=0):
    """The same share with one word changed."""
    mine, following = share.mine.copy(), share.next.copy()
    (mine if which == "mine" else following).words.reshape(-1)[k] ^= np.uint64(1 << 63)
    return Replicated(share.index, mine, following)


@pytest.mark.parametrize("which", ["mine", "next"])
@pytest.mark.parametrize("cheat", range(3))
@EVERYBODY
def test_one_compute_party_that_changes_a_share_is_caught_or_changes_nothing(receiver, cheat, which):
    x = words([[5, -6], [7, 8]], Ring.Z128)
    shares = share_out(x)
    shares[cheat] = tampered(shares[cheat], which, k=5)
    got, played = revealed(x, receiver, shares=shares, strict=False)
    if receiver == TRIO[cheat]:  # it deceives itself alone
        return
    error = played.errors.get(receiver)
    if error is None:  # a share that it was not asked for
        assert receiver in TRIO and (got[receiver].words == x.words).all()
    else:
        assert isinstance(error, PeerMisbehaved) and f"'{TRIO[cheat]}'" in str(error)
    if receiver == RECEIVER:
        assert error is not None


@EVERYBODY
def test_every_message_is_needed_unchanged(receiver):
    x = words([5, -6])

    def change(message):
        if isinstance(message, bytes):
            return bytes([message[0] ^ 1]) + message[1:]
        return tuple(Masked(part.elements ^ np.uint64(1)) if isinstance(part, Masked) else part for part in message)

    _, honest = revealed(x, receiver)
    for at, sender in honest.views[receiver]:
        with pytest.raises(PeerMisbehaved, match="hold the same share and sent different ones"):
            revealed(x, receiver, deliver=lambda n, s, r, m: change(m) if (n, s) == (at, sender) else m)  # noqa: B023


def test_a_digest_is_of_the_words_in_their_order_whatever_their_layout():
    x = words([[1, 2], [3, 4]])
    assert digest(x) == digest(x.T.copy().T) == digest(words([1, 2, 3, 4]))
    assert digest(x) != digest(x.T)


# ---- to all three


def opened(x, deliver=None, shares=None, strict=True):
    """Open it to the three compute parties."""
    runs = zip(TRIO, parties(), shares or share_out(x), strict=True)
    return play({me: open_to_all(party, share) for me, party, share in runs}, deliver, strict=strict)


@pytest.mark.parametrize("x", VALUES, ids=lambda x: str(Form.of(x)))
def test_all_three_have_the_value_at_the_cost_said(x):
    played = opened(x)
    assert all((played.outputs[me].words == x.words).all() and played.outputs[me].shape == x.shape for me in TRIO)
    assert (played.rounds, played.sent) == (1, dict.fromkeys(TRIO, x.nbytes + 32))


@pytest.mark.parametrize("which", ["mine", "next"])
@pytest.mark.parametrize("cheat", range(3))
def test_one_of_three_that_opens_another_share_changes_nothing_for_the_others(cheat, which):
    x = words([[5, -6], [7, 8]], Ring.Z128)
    shares = share_out(x)
    shares[cheat] = tampered(shares[cheat], which, k=5)
    played = opened(x, shares=shares, strict=False)
    told = TRIO[(cheat + 1) % 3 if which == "mine" else cheat - 1]  # who lacks that share
    assert isinstance(played.errors[told], PeerMisbehaved) and f"'{TRIO[cheat]}'" in str(played.errors[told])
    (other,) = set(TRIO) - {TRIO[cheat], told}
    assert (played.outputs[other].words == x.words).all()


def test_opening_leaves_the_shares_as_they_were():
    shares = share_out(words([1, 2, 3]))
    before = [(s.mine.copy(), s.next.copy()) for s in shares]
    opened(words([1, 2, 3]), shares=shares)
    for share, (mine, following) in zip(shares, before, strict=True):
        assert (share.mine.words == mine.words).all() and (share.next.words == following.words).all()
