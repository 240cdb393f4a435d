"""Who cheats in a committee's sum meets a named error: never a wrong number or an input.

The coordinator is one that tampers with what it sends; a member that colludes, one whose key it uses.
"""

from dataclasses import replace
from types import SimpleNamespace

import pytest

from securecompute.arithmetic.rings import Ring, add_into, encode, subtract_into
from securecompute.disclosure.ledger import SurvivorLedger
from securecompute.errors import DisclosureRefused, PeerMisbehaved
from securecompute.protocols.sums import committee, committee_institution
from securecompute.protocols.sums.check_words import check_words
from securecompute.protocols.sums.committee_keys import (
    SIGNATURE,
    check_members,
    digest,
    survivors_message,
)
from securecompute.protocols.sums.interface import Contributor
from securecompute.protocols.sums.tables import rows
from tests.protocols.sums.committee_playing import (
    BOXES,
    KEYS,
    OPENED,
    REVEAL,
    SIGN,
    SPEAK,
    SURVIVORS,
    VERDICT,
    federation,
    revealed,
    setting,
    spoken_with,
    survivors,
    verdict_rows,
)
from tests.protocols.sums.playing import (
    COLLECTOR,
    COORDINATOR,
    Federation,
    answer,
    coordinator_changes,
    copied,
    describe,
    flip,
    identity,
    in_turn,
    leaves,
    names,
    refuses,
    silent_from,
    sound,
    tamper,
)

FIVE = tuple(names(5))
FEWER = FIVE[:4]

# ---- the survivor set


@pytest.mark.parametrize(
    ("told", "words"),
    [
        (("h0", "h1"), "2 institutions are in the total; 3 must"),
        ((), "0 institutions are in the total; 3 must"),
    ],
)
def test_a_survivor_set_below_the_minimum_is_refused(told, words):
    run = federation()
    played = run.run(coordinator_changes(SURVIVORS, survivors(5, *told), "h0"))
    refuses(played, "h0", PeerMisbehaved, words)
    assert "h0" not in revealed(run, played)


def test_a_survivor_whose_seeds_are_not_here_is_refused():
    run = federation()
    deliver = in_turn(silent_from("h4", SPEAK), coordinator_changes(SURVIVORS, survivors(5, *FIVE), "h0"))
    refuses(run.run(deliver), "h0", PeerMisbehaved, "holds an institution whose seeds are not here")


@pytest.mark.parametrize("number", [KEYS, BOXES, SURVIVORS, VERDICT])
def test_a_flag_that_is_neither_0_nor_1_is_refused(number):
    def two(message):
        leaves(message)[1 if number == VERDICT else 0][2] = 2
        return message

    refuses(federation().run(coordinator_changes(number, two, "h0")), "h0", PeerMisbehaved, "flags other than 0 and 1")


def split(run, views, colluding=()):
    """Show each member its own U and the signatures that it needs, as far as there are any; the members that collude
    sign every U. The collector is shown the U of `views[COLLECTOR]`.
    """
    shown = {}

    def deliver(number, sender, receiver, message):
        if sender == COORDINATOR and number == SURVIVORS:
            return survivors(len(run.names), *views[receiver])(message)
        if (sender, number) == (COORDINATOR, BOXES):
            shown["adverts"] = digest(rows(run.names, message[0]))
        if (sender, number) == (COORDINATOR, KEYS):
            shown["sid"] = check_members(run.descriptor, rows(run.descriptor.setting.members, message))
        if sender == COORDINATOR and number == VERDICT:
            included = views.get(receiver, views[COLLECTOR])
            text = survivors_message(shown["sid"], shown["adverts"], included)

            def alike(there):
                signed = {m: row for m, row in there.items() if views[m] == included and m not in colluding}
                return signed | {m: identity(m).sign(b"ss1/u", text) for m in colluding}

            verdict = message[1] if receiver == COLLECTOR else message
            verdict = verdict_rows(len(run.descriptor.setting.members), alike)(verdict)
            verdict = (verdict[0], survivors(len(run.names), *included)(None), verdict[2])
            return (message[0], verdict, *message[2:]) if receiver == COLLECTOR else verdict
        return message

    return deliver


def test_different_survivor_sets_for_different_members_leave_too_few_signatures_for_any():
    run = federation()
    views = {"h0": FIVE, "h1": FIVE, "h2": FEWER, COLLECTOR: FIVE}
    played = run.run(split(run, views))
    refuses(played, "h0", PeerMisbehaved, "2 members signed the survivor set; 3 must")
    refuses(played, "h2", PeerMisbehaved, "1 members signed the survivor set; 3 must")
    assert not revealed(run, played)
    assert sound(run, played) is None


@pytest.mark.parametrize(
    ("k", "colluding", "views"),
    [
        (3, ("h0",), {"h0": FIVE, "h1": FIVE, "h2": FEWER}),
        (5, ("h0", "h1"), {"h0": FIVE, "h1": FIVE, "h2": FIVE, "h3": FEWER, "h4": FEWER}),
        (5, ("h0",), {"h0": FIVE, "h1": FIVE, "h2": FIVE, "h3": FEWER, "h4": FEWER}),
    ],
)
def test_members_that_collude_and_sign_every_set_do_not_make_two_sets_enough(k, colluding, views):
    run = federation(k)
    played = run.run(split(run, views | {COLLECTOR: FIVE}, colluding))
    sets = {views[m] for m in revealed(run, played) if m not in colluding}
    assert len(sets) <= 1
    assert sound(run, played) in (None, *sets)


def test_a_member_does_not_reveal_its_own_set_because_enough_others_signed_theirs():
    run = federation(5)
    played = run.run(coordinator_changes(SURVIVORS, survivors(5, *FEWER), "h4"))  # the others sign FIVE
    refuses(played, "h4", PeerMisbehaved, "the survivor set is not signed by 'h4'")

    def without_h4(message):
        return verdict_rows(5, lambda there: {m: row for m, row in there.items() if m != "h4"})(message)

    run = federation(5)
    deliver = in_turn(
        coordinator_changes(SURVIVORS, survivors(5, *FEWER), "h4"), coordinator_changes(VERDICT, without_h4, "h4")
    )
    played = run.run(deliver)
    refuses(played, "h4", PeerMisbehaved, "the other members signed another survivor set")
    assert "h4" not in revealed(run, played)


def test_with_the_quorum_of_an_honest_coordinator_one_that_lies_would_get_two_sets():
    """What the larger quorum is for: h0 colludes, and h1 and h2 each reveal for a set of its own."""
    run = federation(3, honest=True)
    views = {"h0": FIVE, "h1": FIVE, "h2": FEWER, COLLECTOR: FIVE}
    played = run.run(split(run, views, ("h0",)))
    assert {"h1", "h2"} <= revealed(run, played)


FORGED = {
    "none": lambda there: {},
    "too few": lambda there: {m: there[m] for m in ("h0", "h1")},
    "zeros": lambda there: there | {"h1": bytes(SIGNATURE)},
    "another's": lambda there: there | {"h1": there["h2"]},
    "the coordinator's": lambda there: there | {"h1": identity(COORDINATOR).sign(b"ss1/u", b"")},
}


@pytest.mark.parametrize("receiver", ["h0", "h4", COLLECTOR])
@pytest.mark.parametrize("forged", FORGED.values(), ids=FORGED)
def test_a_survivor_set_without_enough_true_signatures_is_refused(forged, receiver):
    def change(message):
        if receiver == COLLECTOR:
            return (message[0], verdict_rows(3, forged)(message[1]), *message[2:])
        return verdict_rows(3, forged)(message)

    run = federation()
    played = run.run(coordinator_changes(VERDICT, change, receiver))
    assert type(played.errors[receiver]) is PeerMisbehaved
    assert "signed" in str(played.errors[receiver])
    assert receiver not in revealed(run, played)


def test_a_verdict_of_an_earlier_run_is_refused():
    old = federation(seed="earlier").run().views["h4"][VERDICT, COORDINATOR]
    for receiver in ("h0", "h4"):
        played = federation().run(coordinator_changes(VERDICT, lambda message: old, receiver))
        refuses(played, receiver, PeerMisbehaved, "the survivor set is not signed by 'h0'")


def test_a_collector_that_is_told_another_set_than_the_members_gets_no_number():
    def fewer(message):
        shown, _, signatures = message[1]
        return (message[0], (shown, survivors(5, *FEWER)(None), signatures), *message[2:])

    run = federation()
    played = run.run(coordinator_changes(VERDICT, fewer, COLLECTOR))
    refuses(played, COLLECTOR, PeerMisbehaved, "the survivor set is not signed by 'h0'")
    assert sound(run, played) is None


# ---- several runs


def test_a_second_set_after_a_feigned_dropout_is_refused_by_every_member_before_it_is_signed():
    first = federation(seed=1)
    assert sound(first, first.run()) == FIVE
    second = federation(seed=2, ledgers=first.ledgers)
    played = second.run(silent_from("h4", SPEAK))
    assert not any(at == SIGN for at, _ in played.views[COORDINATOR])
    for m in FIVE[:3]:
        refuses(played, m, DisclosureRefused, "answering again without 'h4' would reveal the numbers of 'h4'")
    assert sound(second, played) is None


def two_at_once(k=3):
    """Two runs of one plan: while members of the second are about to sign, the first one is played whole.

    Of the first, the coordinator lets h1 alone see enough signatures; of the second, h2 alone.
    """
    first, second = federation(k, seed=1), federation(k, seed=2)
    second.ledgers, done = first.ledgers, []

    def only(member):
        return lambda at, who, to, m: None if at == VERDICT and to in FIVE[:k] and to != member else m

    def meanwhile(number, sender, receiver, message):
        if number == SIGN and not done:  # all of the second have made up their minds, and none has revealed
            done.append(first.run(only("h1")))
        return message

    played = second.run(in_turn(silent_from("h4", SPEAK), meanwhile, only("h2")))
    return [(first, done[0]), (second, played)]


def test_of_two_runs_of_one_plan_at_the_same_time_only_one_set_is_signed():
    first, second = two_at_once()
    assert revealed(*second) == {"h2"}
    assert not revealed(*first)
    assert all(type(first[1].errors[m]) is DisclosureRefused for m in FIVE[:3])


def test_a_ledger_that_is_only_asked_before_signing_would_let_two_sets_of_one_plan_out(monkeypatch):
    """The fault planted: members tell their ledgers when they reveal. One member answers one run, another the other."""

    class Later:
        def __init__(self, ledger):
            self.ledger = ledger

        def commit(self, plan, included):
            self.ledger.check(plan, included)

    serve = committee.serve

    def late(run, vector, c_m, collector):
        own, told = run.own, None
        part = serve(replace(run, own=replace(own, ledger=Later(own.ledger))), vector, c_m, collector)
        while True:
            try:
                turn = part.send(told)
            except StopIteration as stop:
                return stop.value
            if turn.step == "reveal":
                own.ledger.commit(run.descriptor.plan, FIVE if own.name == "h1" else FEWER)
            told = yield turn

    monkeypatch.setattr(committee, "serve", late)
    first, second = two_at_once()
    assert revealed(*first) == {"h1"}
    assert revealed(*second) == {"h2"}


def test_an_institution_that_is_told_a_second_set_says_so_and_its_ledger_knows_for_later_settings():
    ledgers = federation(seed=1).ledgers
    ledgers["h4"].commit(b"p" * 32, FEWER)
    played = federation(seed=2, ledgers=ledgers).run()
    refuses(played, "h4", DisclosureRefused, "already answered")
    after = Federation(describe(5), ledgers={p: ledgers["h3"] for p in FIVE})
    assert type(after.run(silent_from("h4", 0)).errors["h0"]) is DisclosureRefused


def test_a_second_run_of_the_same_descriptor_and_inputs_shares_no_mask_with_the_first():
    one, other = (federation(seed=seed).run().views[COORDINATOR] for seed in (1, 2))
    for p in FIVE:
        _, _, y, words = (m := one[SPEAK, p])
        assert (y.elements != other[SPEAK, p][2].elements).all()
        assert (words.elements != other[SPEAK, p][3].elements).all()
        assert (m[0] != other[SPEAK, p][0]).any()


# ---- the total


def test_a_total_that_the_coordinator_changed_is_not_given_out():
    for leaf in (-2, -1):  # the vector; the check words
        run = federation()
        played = run.run(coordinator_changes(VERDICT, flip(leaf, 1), COLLECTOR))
        refuses(played, COLLECTOR, PeerMisbehaved, "check words do not agree")
        assert sound(run, played) is None


def test_a_total_that_lacks_one_vector_or_counts_one_twice_is_not_given_out():
    for spoil in (subtract_into, add_into):
        run, said = federation(), {}

        def deliver(number, sender, receiver, message, spoil=spoil, said=said):
            if (number, sender) == (SPEAK, "h2"):
                said.update(y=message[2].elements, words=message[3].elements)
            if (number, receiver) == (VERDICT, COLLECTOR):
                spoil(Ring.Z64, message[2].elements, said["y"])
                spoil(Ring.Z64, message[3].elements, said["words"])
            return message

        refuses(run.run(deliver), COLLECTOR, PeerMisbehaved, "check words do not agree")


@pytest.mark.parametrize("k", [3, 5])
def test_a_member_that_tells_another_sum_of_masks_is_contradicted(k):
    """Even if it makes the check words agree, which it can."""
    run, seen = federation(k), {"shift": encode(Ring.Z64, [100, 0, 0, 0, 0])}

    def deliver(number, sender, receiver, message):
        if number == KEYS:
            seen["sid"] = check_members(run.descriptor, rows(names(k), message))
        if (number, sender) == (REVEAL, "h1"):
            message = copied(message)
            subtract_into(Ring.Z64, message[0].elements[0], seen["shift"])
            subtract_into(Ring.Z64, message[1].elements[0], check_words(Ring.Z64, seen["shift"], 0, seen["sid"]))
        return message

    played = run.run(deliver)
    refuses(played, COLLECTOR, PeerMisbehaved, "disagree about a sum of masks; one of them is wrong")
    assert "'h1'" in str(played.errors[COLLECTOR])


def test_a_coordinator_that_computes_the_weights_can_shift_the_total_as_its_docstring_says():
    run, seen = federation(), {}

    def deliver(number, sender, receiver, message):
        if number == KEYS:
            seen["sid"] = check_members(run.descriptor, rows(FIVE[:3], message))
        if (number, receiver) == (VERDICT, COLLECTOR):
            shift = encode(Ring.Z64, [100, 0, 0, 0, 0])
            add_into(Ring.Z64, message[2].elements, shift)
            add_into(Ring.Z64, message[3].elements, check_words(Ring.Z64, shift, 0, seen["sid"]))
        return message

    assert answer(run, run.run(deliver))[1][0] == run.total()[0] + 100


def test_a_member_can_leave_out_whom_it_wants_and_no_more():
    def without_h3(message):
        return survivors(5, "h0", "h1", "h2", "h4")(message)

    run = federation()
    assert sound(run, run.run(tamper(OPENED, "h1", without_h3))) == ("h0", "h1", "h2", "h4")


def test_no_secret_shows_in_the_text_of_what_a_member_keeps():
    secret = {("h0",): b"SEED" * 8}
    own = Contributor("h0", identity("h0"), SurvivorLedger(), SimpleNamespace(seed="SEED"))
    kept = committee_institution.Run(own, describe(setting=setting()), COORDINATOR, b"s", b"c", b"a", secret)
    assert "SEED" not in repr(kept)


def test_what_an_institution_says_is_changed_in_no_part_unseen():
    for leaf in range(4):
        run = federation()
        played = run.run(tamper(SPEAK, "h4", flip(leaf, 0) if leaf != 1 else spoken_with(lambda b: b ^ 1, 1)))
        assert sound(run, played) in (None, FEWER)
