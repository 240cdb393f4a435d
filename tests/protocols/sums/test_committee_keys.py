"""Keys and boxes of a committee's sum: a coordinator that changes, swaps or replays them meets a named error.

Whoever has sealed its seeds under other names is left out.
"""

import pytest

from securecompute.errors import PeerMisbehaved
from securecompute.primitives.keys import LowOrderPoint
from securecompute.protocols.sums.committee_keys import (
    member_message,
)
from securecompute.protocols.sums.settings import Committee
from securecompute.protocols.sums.tables import rows, table
from tests.protocols.sums.committee_playing import (
    BOXES,
    KEYS,
    SPEAK,
    federation,
    revealed,
)
from tests.protocols.sums.playing import (
    COORDINATOR,
    coordinator_changes,
    copied,
    describe,
    identity,
    names,
    refuses,
    sound,
)

FIVE = tuple(names(5))
FEWER = FIVE[:4]

# ---- the members' keys


def with_members(change, k=3):
    """A change of the table of members' keys."""
    return lambda message: table(names(k), change(rows(names(k), message)), message[1].shape[1])


def test_a_member_whose_key_is_left_out_or_changed_ends():
    for change in (lambda there: there | {"h0": there["h1"]}, lambda there: there | {"h0": bytes(96)}):
        played = federation().run(coordinator_changes(KEYS, with_members(change), "h0"))
        refuses(played, "h0", PeerMisbehaved, "left out or changed this institution's key")


def swapped(there):
    return there | {"h1": there["h2"], "h2": there["h1"]}


def replaced(there):
    """The coordinator's own key in the name of h2."""
    mine = bytes(range(32))
    return there | {"h2": mine + identity(COORDINATOR).sign(b"ss1/member", member_message(describe(), "h2", mine))}


@pytest.mark.parametrize(("change", "whose"), [(swapped, "h1"), (replaced, "h2")])
def test_keys_that_their_owner_did_not_sign_are_refused_before_anything_is_said(change, whose):
    played = federation().run(coordinator_changes(KEYS, with_members(change), "h4"))
    refuses(played, "h4", PeerMisbehaved, f"the key advertised for '{whose}' is not signed by '{whose}'")
    assert (SPEAK, "h4") not in played.views[COORDINATOR]


def test_one_key_in_two_names_and_too_few_members_are_refused():
    def same(there):
        key = there["h1"][:32]
        return there | {
            m: key + identity(m).sign(b"ss1/member", member_message(run.descriptor, m, key)) for m in FIVE[1:3]
        }

    for change, words in (
        (same, "two of the advertised keys are equal"),
        (lambda there: {m: there[m] for m in ("h0", "h1")}, "2 members of the committee advertised a key; 3 must"),
    ):
        run = federation()
        played = run.run(coordinator_changes(KEYS, with_members(change), "h4"))
        refuses(played, "h4", PeerMisbehaved, words)


def test_a_key_of_low_order_is_refused_and_its_member_named():
    def low(there):
        key = bytes(32)
        return there | {"h1": key + identity("h1").sign(b"ss1/member", member_message(run.descriptor, "h1", key))}

    run = federation()
    played = run.run(coordinator_changes(KEYS, with_members(low), "h4"))
    refuses(played, "h4", LowOrderPoint, "the public key of 'h1' has low order")
    assert (SPEAK, "h4") not in played.views[COORDINATOR]


def test_a_member_of_an_earlier_run_cannot_be_slipped_in_for_one_institution():
    """It would seal its seeds under another session's name, and no member could use them."""
    old = rows(FIVE[:3], federation(seed="earlier").run().views["h4"][KEYS, COORDINATOR])["h2"]
    run = federation()
    played = run.run(coordinator_changes(KEYS, with_members(lambda there: there | {"h2": old}), "h4"))
    assert sound(run, played) == FEWER


def test_other_members_than_the_institution_agreed_to_are_refused():
    other = describe(5, setting=Committee(("h0", "h1", "h3")))
    run = federation(told={"h4": other})
    played = run.run()
    refuses(played, "h4", PeerMisbehaved, "the key advertised for 'h0' is not signed by 'h0'")
    assert sound(run, played) == FEWER


def test_an_institution_that_was_told_another_collector_is_left_out():
    run = federation(collectors={"h4": "somebody"})
    assert sound(run, run.run()) == FEWER


def test_a_member_that_was_told_another_collector_can_use_nobodys_seeds():
    run = federation(collectors={"h1": "somebody"})
    played = run.run()
    assert sound(run, played) is None
    refuses(played, COORDINATOR, PeerMisbehaved, "could not use the seeds of 'h0', 'h1', 'h2', 'h3', 'h4'")


# ---- boxes and advertisements


def boxes_of(pick):
    """Replace what h0 gets of h4; `pick` sees institution -> what it said, and the message to h0."""
    said = {}

    def deliver(number, sender, receiver, message):
        if number == SPEAK:
            said[sender] = copied(message)
        if (number, receiver) == (BOXES, "h0"):
            message = copied(message)
            pick(said, message)
        return message

    return deliver


EARLIER = federation(seed="earlier")


def another_members(said, message):
    message[1][4] = said["h4"][1][1]


def another_institutions(said, message):
    message[1][4] = said["h3"][1][0]


def of_an_earlier_run(said, message):
    message[1][4] = EARLIER.run().views["h0"][BOXES, COORDINATOR][1][4]


def all_of_an_earlier_run(said, message):
    old = EARLIER.run().views["h0"][BOXES, COORDINATOR]
    message[1][4], message[0][1][4] = old[1][4], old[0][1][4]


@pytest.mark.parametrize("pick", [another_members, another_institutions, of_an_earlier_run])
def test_a_box_serves_one_institution_one_member_and_one_run(pick):
    run = federation()
    assert sound(run, run.run(boxes_of(pick))) == FEWER


def test_an_advertisement_of_an_earlier_run_serves_nobody():
    run = federation()
    played = run.run(boxes_of(all_of_an_earlier_run))
    assert sound(run, played) is None  # and the member that saw it was shown other things than the rest
    assert not revealed(run, played)


def test_two_institutions_advertisements_do_not_change_places():
    def pick(said, message):
        message[0][1][[3, 4]], message[1][[3, 4]] = message[0][1][[4, 3]], message[1][[4, 3]]

    run = federation()
    played = run.run(boxes_of(pick))
    assert sound(run, played) is None
    assert not revealed(run, played)
