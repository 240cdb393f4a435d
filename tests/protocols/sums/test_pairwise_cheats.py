"""An institution that cheats in a masked sum: a named error or the exact total, never a wrong number.

It tampers with what it sends and knows its own keys; everybody else runs the package.
"""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from securecompute.arithmetic.rings import Ring
from securecompute.errors import BadFrame, PeerMisbehaved, PeerSilent
from securecompute.primitives.boxes import BoxTampered, seal_box
from securecompute.primitives.keys import AgreementKey, LowOrderPoint, join
from securecompute.primitives.shamir import InconsistentShares
from securecompute.protocols.sums.descriptor import set_hash
from securecompute.protocols.sums.pairwise_keys import BOX, KEY, advert_message, box_context, check_adverts
from securecompute.protocols.sums.tables import rows, table
from tests.protocols.sums.playing import (
    ADVERTISE,
    ADVERTS,
    COLLECTOR,
    COORDINATOR,
    FOUR,
    MASKED,
    REVEAL,
    SHARE,
    SHARES,
    SIGN,
    SIGNATURES,
    SURVIVORS,
    Federation,
    describe,
    flip,
    identity,
    in_turn,
    leaves,
    refuses,
    revealed,
    silent_from,
    sound,
    tamper,
    with_rows,
)


def signed_advert(federation, name, C, S):
    keys = C + S + bytes(32)
    return keys + identity(name).sign(b"ss1/adv", advert_message(federation.descriptor, name, keys))


def advertises(federation, name, make):
    """An institution advertises other keys, properly signed, after it has seen everybody else's: in h1's place."""

    def deliver(number, sender, receiver, message):
        if (number, sender) == (ADVERTS, COORDINATOR) and receiver != name:
            return with_rows(lambda there: there | {name: signed_advert(federation, name, *make(there))})(message)
        return message

    return deliver


@pytest.mark.parametrize(
    ("make", "kind", "words"),
    [
        (lambda there: (bytes(32), b"k" * 32), LowOrderPoint, "a public key of 'h1' has low order"),
        (lambda there: (b"k" * 32, b"k" * 32), PeerMisbehaved, "two of the advertised keys are equal"),
        (lambda there: (there["h0"][:KEY], b"k" * 32), PeerMisbehaved, "two of the advertised keys are equal"),
        (lambda there: (b"k" * 32, there["h2"][:KEY]), PeerMisbehaved, "two of the advertised keys are equal"),
    ],
    ids=["low order", "one key for both", "copied", "copied across"],
)
def test_keys_of_low_order_or_equal_to_others_are_refused_though_signed(make, kind, words):
    federation = Federation()
    played = federation.run(advertises(federation, "h1", make))
    for p in ("h0", "h2", "h3"):
        refuses(played, p, kind, words)
    assert not revealed(played)


def test_a_mask_key_of_low_order_is_refused_by_name():
    federation = Federation()
    low = advertises(federation, "h1", lambda there: (there["h1"][:KEY], bytes(32)))
    own = tamper(ADVERTS, COORDINATOR, with_rows(lambda there: there), "h1")
    played = federation.run(in_turn(own, low))
    assert type(played.errors["h0"]) in (LowOrderPoint, BoxTampered)
    assert "'h1'" in str(played.errors["h0"])
    assert not revealed(played)


def test_a_box_that_does_not_open_names_its_sender_and_costs_its_receiver_the_run():
    federation = Federation()
    played = federation.run(tamper(SHARE, "h1", flip(1, 0, 40)))
    refuses(played, "h0", BoxTampered, "the box from 'h1' does not open")
    assert sound(federation, played) == ("h1", "h2", "h3")


def test_an_institution_that_sends_somebody_no_box_is_named_by_the_coordinator():
    played = Federation().run(tamper(SHARE, "h1", with_rows(lambda there: {"h2": there["h2"]})))
    refuses(played, COORDINATOR, PeerMisbehaved, "'h1' did not send a box of shares to each of the others")


def sends_wrong_shares(federation, cheat):
    """`cheat` seals boxes that open, with shares that belong to nothing."""
    seen = {}

    def deliver(number, sender, receiver, message):
        if number == ADVERTS:
            seen["adverts"] = rows(FOUR, message)
        if (number, sender) != (SHARE, cheat):
            return message
        adverts = seen["adverts"]
        context = box_context(check_adverts(federation.descriptor, adverts), COORDINATOR, COLLECTOR)
        c_u = AgreementKey.from_private_bytes(federation.tapes[cheat].drawn[0])
        boxes = {}
        for v in rows(FOUR, message):
            key = c_u.agree(adverts[v][:KEY], context, join(b"ss1/enc", cheat.encode(), v.encode()))
            shares = b"\0" + bytes([7] * 32) + b"\0" + bytes([9] * 32)
            boxes[v] = seal_box(key, shares, join(context, cheat.encode(), v.encode()))
        return table(FOUR, boxes, BOX)

    return deliver


@pytest.mark.parametrize(
    ("silent", "words"),
    [(MASKED, "the shares of the key of 'h1' give another key"), (REVEAL, "check words do not agree"), (99, None)],
)
def test_wrong_shares_in_good_boxes_are_found_when_they_are_needed(silent, words):
    federation = Federation()
    played = federation.run(in_turn(sends_wrong_shares(federation, "h1"), silent_from("h1", silent)))
    if words is None:
        assert sound(federation, played) == FOUR
    else:
        refuses(played, COLLECTOR, PeerMisbehaved, words)


@pytest.mark.parametrize(
    ("lost_from", "words"),
    [(MASKED, "the shares of the key of 'h3' give another key"), (REVEAL, "check words do not agree")],
)
def test_a_wrong_share_revealed_is_found(lost_from, words):
    federation = Federation()
    played = federation.run(in_turn(silent_from("h3", lost_from), tamper(REVEAL, "h1", flip(0, 3, 32))))
    refuses(played, COLLECTOR, PeerMisbehaved, words)


def test_a_share_outside_the_field_is_refused_by_the_name_of_whose_secret_it_was():
    def too_large(message):
        message[0].elements[3, 0] = 255
        return message

    played = Federation().run(in_turn(silent_from("h3", MASKED), tamper(REVEAL, "h1", too_large)))
    refuses(played, COLLECTOR, InconsistentShares, "the shares of a secret of 'h3' do not belong together")


def test_a_wrong_seed_is_found():
    played = Federation().run(tamper(REVEAL, "h1", flip(1, 0)))
    refuses(played, COLLECTOR, PeerMisbehaved, "check words do not agree")


@pytest.mark.parametrize("leaf", [0, 1])
def test_a_vector_that_does_not_belong_to_its_check_words_is_found(leaf):
    played = Federation().run(tamper(MASKED, "h1", flip(leaf, 1)))
    refuses(played, COLLECTOR, PeerMisbehaved, "check words do not agree")


@pytest.mark.parametrize("change", [lambda m: (type(m[0])(m[0].elements[:-1]), m[1]), lambda m: m[0], lambda m: m[:1]])
def test_a_vector_of_another_shape_is_named_and_not_read(change):
    federation = Federation()
    played = federation.run(tamper(MASKED, "h1", change))
    refuses(played, COORDINATOR, BadFrame, "round 4: 'h1' sent 'coordinator'")
    assert sound(federation, played) is None


def test_a_signature_over_another_set_is_refused_by_name():
    federation, seen = Federation(), {}

    def deliver(number, sender, receiver, message):
        if number == ADVERTS:
            seen["sid"] = check_adverts(federation.descriptor, rows(FOUR, message))
        if (number, sender) == (SIGN, "h1"):
            other = identity("h1").sign(b"ss1/u3", join(seen["sid"], set_hash(FOUR), set_hash(FOUR[:3])))
            return np.frombuffer(other, np.uint8)
        return message

    played = federation.run(deliver)
    for p in ("h0", "h2", "h3", COLLECTOR):
        refuses(played, p, PeerMisbehaved, "the survivor set is not signed by 'h1'")
    assert not revealed(played)


# ---- anybody does anything small


PLACES = [(at, COORDINATOR) for at in (ADVERTS, SHARES, SURVIVORS, SIGNATURES)]
PLACES += [(at, "h1") for at in (ADVERTISE, SHARE, MASKED, SIGN, REVEAL)]


@settings(max_examples=150)
@given(st.sampled_from(PLACES), st.sampled_from([None, "h2", COLLECTOR]), st.booleans(), st.data())
def test_one_bit_flipped_anywhere_gives_the_exact_total_or_none(place, receiver, dropout, data):
    federation = Federation(describe(4, 2, Ring.Z32))

    def change(message):
        arrays = leaves(message)
        array = arrays[data.draw(st.integers(0, len(arrays) - 1))]
        raw = array.view(np.uint8).reshape(-1)
        raw[data.draw(st.integers(0, len(raw) - 1))] ^= 1 << data.draw(st.integers(0, 7))
        return message

    tricks = tamper(*place, change, receiver if place[1] == COORDINATOR else None)
    played = federation.run(in_turn(silent_from("h3", MASKED), tricks) if dropout else tricks)
    sound(federation, played)


@settings(max_examples=60)
@given(st.sets(st.tuples(st.integers(0, 8), st.sampled_from([*FOUR, COORDINATOR]), st.sampled_from(FOUR)), max_size=6))
def test_any_messages_lost_give_the_exact_total_or_none(lost):
    federation = Federation(describe(4, 2, Ring.Z32))
    played = federation.run(lambda at, who, to, m: None if {(at, who, to), (at, to, who)} & lost else m)
    sound(federation, played)
    assert {type(error) for error in played.errors.values()} <= {PeerSilent, PeerMisbehaved}
