"""Inputs arrive whole whoever owns them, show no compute party anything, and cannot be given out in two versions."""

import numpy as np
import pytest

from securecompute.arithmetic.ring_arrays import RingArray
from securecompute.arithmetic.rings import Ring
from securecompute.engine.local import play
from securecompute.errors import BadFrame, PeerMisbehaved
from securecompute.protocols.products import inputs as module
from securecompute.protocols.products.dealing import Form
from securecompute.protocols.products.inputs import accept, compare, full_share, held, provide
from securecompute.values import Masked
from tests.protocols.products.playing import OWNER, SESSION, TRIO, recombine, words
from tests.protocols.products.views import complaints, uniform
from tests.seeded import SeededRandomness

ORDERS = [TRIO, ("P2", "P0", "P1"), ("P1", "P0", "P2")]
INPUTS = [words([[1, -2, 3]]), words([(1 << 100) + 7, -5], Ring.Z128), words(9), words([])]
EVERYBODY = pytest.mark.parametrize("owner", [OWNER, *TRIO])


def shared(owner, inputs=INPUTS, names=TRIO, deliver=None, session=SESSION, compared=True, strict=True):
    """Share the owner's inputs, and compare. returns party -> its shares, and what was played"""
    forms = [Form.of(x) for x in inputs]

    def holder(me):
        if me == owner:
            got, digests = yield from provide(me, names, inputs, session, SeededRandomness("owner"))
        else:
            got, digests = yield from accept(me, names, owner, forms, session)
        if compared:
            yield from compare(me, names, {owner: digests})
        return got

    parts = {me: holder(me) for me in names}
    if owner not in names:
        parts[owner] = provide(owner, names, inputs, session, SeededRandomness("owner"))
    played = play(parts, deliver, strict=strict)
    return {me: played.outputs.get(me) for me in names}, played


@EVERYBODY
@pytest.mark.parametrize("names", ORDERS)
def test_the_three_hold_the_inputs_of_any_owner_in_any_order(owner, names):
    got, played = shared(owner, names=names)
    for k, x in enumerate(INPUTS):
        shares = [got[me][k] for me in names]
        assert [share.index for share in shares] == [0, 1, 2]
        assert recombine(shares).shape == x.shape and (recombine(shares).words == x.words).all()
        for i in range(3):
            assert (shares[i].next.words == shares[(i + 1) % 3].mine.words).all()
    if owner == OWNER:
        assert played.outputs[OWNER] == ([], b"")


@EVERYBODY
def test_the_cost_is_what_is_said(owner):
    _, played = shared(owner)
    w = sum(x.nbytes for x in INPUTS)
    assert played.rounds == 2
    sent = dict.fromkeys(TRIO, 64)
    sent[owner] = 2 * w + 128 if owner == OWNER else w + 96 + 64
    assert played.sent == sent


@pytest.mark.parametrize("count", [1, 3])
def test_a_comparison_costs_64_bytes_for_every_owner_whatever_their_order(count):
    owners = [f"owner {k}" for k in range(count)]

    def digests(me):
        i = TRIO.index(me)
        both = {o: bytes([k, i]) * 16 + bytes([k, (i + 1) % 3]) * 16 for k, o in enumerate(owners)}
        return both if i else dict(reversed(both.items()))

    played = play({me: compare(me, TRIO, digests(me)) for me in TRIO})
    assert (played.rounds, played.sent) == (1, dict.fromkeys(TRIO, 64 * count))


def test_which_share_is_sent_in_full_and_who_holds_which():
    assert [full_share(p, TRIO) for p in (OWNER, *TRIO)] == [2, 0, 1, 2]
    assert [held(i) for i in range(3)] == [(0, 1), (1, 2), (2, 0)]
    _, played = shared("P1")  # x_1 to P_0 alone
    in_full = [p for p in ("P0", "P2") if any(isinstance(part, Masked) for part in played.views[p][0, "P1"])]
    assert in_full == ["P0"]


def test_another_session_gives_other_streams_under_the_same_seeds():
    one, other = (shared(OWNER, session=s)[0]["P0"][0] for s in (SESSION, b"another"))
    assert (one.mine.words != other.mine.words).all() and (one.next.words != other.next.words).all()


def test_equal_inputs_are_masked_apart():
    got, _ = shared(OWNER, [words([5] * 4), words([5] * 4)])
    assert (got["P1"][0].next.words != got["P1"][1].next.words).all()


# ---- what is seen


LONG = {ring: [words([7] * 2000, ring), words([7] * 2000, ring)] for ring in (Ring.Z64, Ring.Z128)}


@EVERYBODY
@pytest.mark.parametrize("ring", LONG, ids=str)
def test_a_compute_partys_shares_are_uniform_together(owner, ring):
    got, _ = shared(owner, LONG[ring])
    for me in TRIO:
        if me != owner:
            arrays = [share for x in got[me] for share in (x.mine, x.next)]
            assert complaints(arrays, []) == []


def test_a_stream_left_out_is_caught(monkeypatch):
    """Without x_0, P_1 recombines what it has."""
    stream = module._stream

    def left_out(seed, session, k, like):
        drawn = stream(seed, session, k, like)
        first = seed == SeededRandomness("owner").bytes(32)
        return RingArray.zeros(drawn.ring, drawn.shape) if first else drawn

    monkeypatch.setattr(module, "_stream", left_out)
    got, _ = shared(OWNER, LONG[Ring.Z64], compared=False)
    x = got["P1"][0]
    assert complaints([x.mine, x.next], [])


def test_a_receiver_gets_seeds_masked_words_and_digests_and_nothing_else():
    _, played = shared(OWNER, LONG[Ring.Z64])
    for me, kinds in (("P0", [bytes, bytes]), ("P1", [bytes, Masked, Masked]), ("P2", [bytes, Masked, Masked])):
        view = played.views[me]
        peers = set(TRIO) - {me}
        assert set(view) == {(0, OWNER), *((1, peer) for peer in peers)}
        assert [type(part) for part in view[0, OWNER]] == kinds
        assert all(type(view[1, peer]) is bytes and len(view[1, peer]) == 32 for peer in peers)
    assert uniform(played.views["P1"][0, OWNER][1].elements)
    assert not played.views[OWNER]


def test_a_digest_of_a_share_goes_only_to_its_other_holder():
    _, played = shared(OWNER, LONG[Ring.Z64])
    digest = {}
    for (_, sender), message in ((key, m) for me in TRIO for key, m in played.views[me].items() if key[0] == 1):
        digest.setdefault(sender, set()).add(message)
    assert all(len(both) == 2 for both in digest.values())
    assert len(set.union(*digest.values())) == 3  # three shares: what P_i sends P_(i-1) is what that one sends P_i


# ---- owners that cheat


def changed(message, part, k=0):
    """The message with a bit of one of its parts changed."""
    parts = list(message)
    if isinstance(parts[part], bytes):
        parts[part] = bytes([parts[part][0] ^ 1]) + parts[part][1:]
    else:
        elements = parts[part].elements.copy()
        elements.reshape(-1)[k] ^= np.uint64(1)
        parts[part] = Masked(elements)
    return tuple(parts)


@EVERYBODY
@pytest.mark.parametrize("receiver", TRIO)
@pytest.mark.parametrize("part", [0, 1, -1])
def test_an_owner_that_gives_two_holders_different_shares_is_caught(owner, receiver, part):
    if receiver == owner:
        receiver = TRIO[TRIO.index(owner) - 1]
    inputs = [words([[1, -2, 3]]), words([5], Ring.Z128)]

    def cheat(at, sender, to, message):
        return changed(message, part) if (at, sender, to) == (0, owner, receiver) else message

    _, played = shared(owner, inputs, deliver=cheat, strict=False)
    caught = [e for e in played.errors.values() if isinstance(e, PeerMisbehaved)]
    assert len(caught) >= 2  # both holders of that share
    assert all(f"different shares of the numbers of '{owner}'" in str(e) for e in caught)
    assert all(f"'{receiver}'" in str(e) for e in caught)


def test_of_several_owners_the_one_that_cheats_is_named():
    def digests(me):
        i = TRIO.index(me)
        honest = bytes([i]) * 32 + bytes([(i + 1) % 3]) * 32
        return {"north": honest, "south": bytes([9]) * 32 + honest[32:] if me == "P1" else honest}

    played = play({me: compare(me, TRIO, digests(me)) for me in TRIO}, strict=False)
    assert set(played.errors) == {"P0", "P1"}
    assert all("'south'" in str(e) and "north" not in str(e) for e in played.errors.values())


@pytest.mark.parametrize("victim", TRIO)
def test_a_false_digest_ends_the_session_too(victim):
    def cheat(at, sender, to, message):
        return bytes(32) if at == 1 and to == victim else message

    with pytest.raises(PeerMisbehaved, match=f"'{victim}' and"):
        shared(OWNER, deliver=cheat)


def test_inputs_of_another_shape_than_declared_name_their_owner():
    def holder(me):
        return (yield from accept(me, TRIO, OWNER, [Form(Ring.Z64, (2,))], SESSION))

    parts = {me: holder(me) for me in TRIO}
    parts[OWNER] = provide(OWNER, TRIO, [words([1, 2, 3])], SESSION, SeededRandomness(0))
    with pytest.raises(BadFrame, match=f"'{OWNER}' sent 'P1'"):
        play(parts)
