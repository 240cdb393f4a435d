"""Keys and boxes of a masked sum: a coordinator that changes, swaps, replays or withholds them meets a named error."""

import pytest

from securecompute.errors import PeerMisbehaved
from securecompute.primitives.boxes import BoxTampered
from securecompute.protocols.sums.pairwise_keys import BOX, KEY, advert_message
from securecompute.protocols.sums.tables import rows, table
from tests.protocols.sums.playing import (
    ADVERTISE,
    ADVERTS,
    COORDINATOR,
    FOUR,
    SHARE,
    SHARES,
    SURVIVORS,
    Federation,
    coordinator_changes,
    describe,
    identity,
    in_turn,
    refuses,
    revealed,
    set_of,
    silent_from,
    sound,
    tamper,
    with_rows,
)
from tests.seeded import SeededRandomness

# ---- keys


def swapped(there):
    return there | {"h1": there["h2"], "h2": there["h1"]}


def turned(there):
    advert = there["h2"]
    return there | {"h2": advert[KEY : 2 * KEY] + advert[:KEY] + advert[2 * KEY :]}


def replaced(there):
    """The coordinator's own keys in the name of h2."""
    mine = SeededRandomness("coordinator").bytes(96)
    return there | {"h2": mine + identity(COORDINATOR).sign(b"ss1/adv", advert_message(describe(), "h2", mine))}


@pytest.mark.parametrize(("change", "whose"), [(swapped, "h1"), (turned, "h2"), (replaced, "h2")])
def test_keys_that_their_owner_did_not_sign_are_refused(change, whose):
    played = Federation().run(coordinator_changes(ADVERTS, with_rows(change), "h0"))
    refuses(played, "h0", PeerMisbehaved, f"the keys advertised for '{whose}' are not signed by '{whose}'")


def test_keys_replaced_for_everybody_end_the_run_with_nothing_revealed():
    played = Federation().run(coordinator_changes(ADVERTS, with_rows(replaced)))
    assert not revealed(played)
    refuses(played, "h2", PeerMisbehaved, "left out or changed this institution's keys")


def test_an_institution_whose_own_keys_are_left_out_ends():
    leave_out = with_rows(lambda there: {p: row for p, row in there.items() if p != "h0"})
    played = Federation().run(coordinator_changes(ADVERTS, leave_out, "h0"))
    refuses(played, "h0", PeerMisbehaved, "left out or changed this institution's keys")


def test_too_few_institutions_at_the_beginning_are_refused_whatever_the_coordinator_says():
    leave_out = with_rows(lambda there: {p: there[p] for p in ("h0", "h1")})
    played = Federation().run(coordinator_changes(ADVERTS, leave_out, "h0"))
    refuses(played, "h0", PeerMisbehaved, "2 institutions advertised their keys; 3 must")


def advert_of_an_earlier_run(**changes):
    """The row of h3 in a run with another tape and perhaps another descriptor."""
    earlier = Federation(describe(**changes), seed="earlier").run()
    return rows(FOUR, earlier.views["h0"][ADVERTS, COORDINATOR])["h3"]


def test_an_advert_of_another_session_is_refused():
    old = advert_of_an_earlier_run(nonce=b"o" * 32)
    played = Federation().run(coordinator_changes(ADVERTS, with_rows(lambda there: there | {"h3": old}), "h0"))
    refuses(played, "h0", PeerMisbehaved, "the keys advertised for 'h3' are not signed")


def test_an_advert_of_an_earlier_run_of_the_same_descriptor_fits_no_box():
    """A coordinator that repeats its nonce gains nothing: the others' fresh keys are in the session's name."""
    old = advert_of_an_earlier_run()
    federation = Federation()
    played = federation.run(coordinator_changes(ADVERTS, with_rows(lambda there: there | {"h3": old}), "h0"))
    refuses(played, "h0", BoxTampered, "the box from 'h1' does not open")
    refuses(played, "h1", BoxTampered, "the box from 'h0' does not open")
    assert sound(federation, played) is None


def test_different_lists_of_keys_for_different_institutions_fit_no_box():
    hide_keys = with_rows(lambda there: {p: row for p, row in there.items() if p != "h3"})
    federation = Federation()
    deliver = in_turn(
        coordinator_changes(ADVERTS, hide_keys, "h0"),
        tamper(SHARE, "h0", with_rows(lambda there: there | {"h3": bytes(BOX)})),  # this coordinator does not mind
        coordinator_changes(SHARES, with_rows(lambda there: {p: there[p] for p in ("h1", "h2")}), "h0"),
    )
    played = federation.run(deliver)
    refuses(played, "h0", BoxTampered, "the box from 'h1' does not open")
    assert sound(federation, played) is None
    assert not revealed(played)


def test_institutions_that_were_told_different_plans_do_not_accept_each_others_keys():
    for changes in ({"plan": b"q" * 32}, {"bound": 999}, {"minimum": 4}, {"threshold": 4}, {"nonce": b"m" * 32}):
        played = Federation(told={"h0": describe(**changes)}).run()
        refuses(played, "h0", PeerMisbehaved, "the keys advertised for 'h1' are not signed")
        refuses(played, "h1", PeerMisbehaved, "the keys advertised for 'h0' are not signed")
        assert not revealed(played)


def test_institutions_that_were_told_different_collectors_do_not_open_each_others_boxes():
    played = Federation(collectors={"h0": "somebody"}).run()
    refuses(played, "h0", BoxTampered, "the box from 'h1' does not open")
    refuses(played, "h1", BoxTampered, "'h0' was told another session or collector")
    assert not revealed(played)


# ---- boxes


def box(deliver_to, pick):
    """Replace the boxes that h0 gets; `pick` sees sender -> its table."""
    sent = {}

    def deliver(number, sender, receiver, message):
        if number == SHARE and receiver == COORDINATOR:
            sent[sender] = rows(FOUR, message)
        if (number, sender, receiver) == (SHARES, COORDINATOR, deliver_to):
            return table(FOUR, rows(FOUR, message) | pick(sent), BOX)
        return message

    return deliver


@pytest.mark.parametrize(
    "pick",
    [
        lambda sent: {"h2": sent["h1"]["h0"]},
        lambda sent: {"h2": sent["h2"]["h1"]},
        lambda sent: {"h2": sent["h0"]["h2"]},
    ],
    ids=["another sender's", "for another receiver", "its own, reflected"],
)
def test_a_box_serves_one_sender_and_one_receiver(pick):
    federation = Federation()
    played = federation.run(box("h0", pick))
    refuses(played, "h0", BoxTampered, "the box from 'h2' does not open")
    assert sound(federation, played) == ("h1", "h2", "h3")


def test_a_box_from_oneself_or_from_who_advertised_nothing_is_refused():
    for federation, deliver in (
        (Federation(), box("h0", lambda sent: {"h0": sent["h1"]["h0"]})),
        (Federation(), in_turn(silent_from("h3", ADVERTISE), box("h0", lambda sent: {"h3": sent["h1"]["h0"]}))),
    ):
        played = federation.run(deliver)
        refuses(played, "h0", PeerMisbehaved, "a box from an institution that cannot have sent one")


def test_too_few_boxes_are_refused():
    hide = with_rows(lambda there: {"h1": there["h1"]})
    played = Federation().run(coordinator_changes(SHARES, hide, "h0"))
    refuses(played, "h0", PeerMisbehaved, "2 institutions shared their secrets; 3 must")


def test_a_box_withheld_from_one_institution_makes_two_sets_that_nobody_signs_alike():
    hide = with_rows(lambda there: {p: row for p, row in there.items() if p != "h3"})
    deliver = in_turn(
        coordinator_changes(SHARES, hide, "h0"),
        coordinator_changes(SURVIVORS, set_of("h0", "h1", "h2")),
    )
    federation = Federation()
    played = federation.run(deliver)
    assert all("the survivor set is not signed by" in str(played.errors[p]) for p in ("h0", "h1", "h2"))
    assert sound(federation, played) is None
    assert not revealed(played)
