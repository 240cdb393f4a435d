"""A coordinator that cheats with the survivor set or the total meets a named error: never a wrong number or an input.

It is one that tampers with what it sends; everybody else runs the package. Its tricks with keys and boxes are in
`test_pairwise_keys`.
"""

import pytest

from securecompute.arithmetic.rings import Ring, add_into, encode
from securecompute.errors import DisclosureRefused, PeerMisbehaved
from securecompute.primitives.keys import join
from securecompute.protocols.sums import pairwise_keys
from securecompute.protocols.sums.check_words import check_words
from securecompute.protocols.sums.descriptor import set_hash
from securecompute.protocols.sums.pairwise_keys import SIGNATURE, check_adverts
from securecompute.protocols.sums.tables import rows
from tests.protocols.sums.playing import (
    ADVERTS,
    COLLECTOR,
    COORDINATOR,
    FOUR,
    MASKED,
    SHARE,
    SHARES,
    SIGN,
    SIGNATURES,
    SURVIVORS,
    Federation,
    coordinator_changes,
    describe,
    flip,
    identity,
    in_turn,
    leaves,
    refuses,
    revealed,
    set_of,
    silent_from,
    sound,
    tamper,
    with_rows,
)

# ---- the survivor set


@pytest.mark.parametrize(
    ("told", "words"),
    [
        (("h1", "h2", "h3"), "leaves out this institution"),
        (("h0", "h1"), "2 institutions are in the total; 3 must"),
        (("h0",), "1 institutions are in the total; 3 must"),
        ((), "leaves out this institution"),
    ],
)
def test_a_survivor_set_without_this_institution_or_below_the_minimum_is_refused(told, words):
    played = Federation().run(coordinator_changes(SURVIVORS, set_of(*told), "h0"))
    refuses(played, "h0", PeerMisbehaved, words)
    assert "h0" not in revealed(played)


def test_a_survivor_that_shared_nothing_is_refused():
    deliver = in_turn(silent_from("h3", SHARE), coordinator_changes(SURVIVORS, set_of(*FOUR), "h0"))
    played = Federation().run(deliver)
    refuses(played, "h0", PeerMisbehaved, "holds one that shared nothing")


@pytest.mark.parametrize("number", [ADVERTS, SHARES, SURVIVORS, SIGNATURES])
def test_a_flag_that_is_neither_0_nor_1_is_refused(number):
    def two(message):
        leaves(message)[0][3] = 2
        return message

    played = Federation().run(coordinator_changes(number, two, "h0"))
    refuses(played, "h0", PeerMisbehaved, "flags other than 0 and 1")


def split(views, signatures):
    """Show each institution of `views` its own U₃; `signatures` chooses what each is shown, from who signed what."""

    def deliver(number, sender, receiver, message):
        if (number, sender) == (SURVIVORS, COORDINATOR):
            return set_of(*views[receiver])(message)
        if (number, sender) == (SIGNATURES, COORDINATOR) and receiver != COLLECTOR:
            return with_rows(lambda there: signatures(receiver, there))(message)
        return message

    return deliver


def every(receiver, there):
    return there


FEWER = ("h0", "h1", "h2")


def test_different_survivor_sets_for_different_institutions_are_refused_by_all():
    views = {"h0": FOUR, "h1": FOUR, "h2": ("h0", "h2", "h3"), "h3": ("h1", "h2", "h3")}
    federation = Federation()
    played = federation.run(split(views, every))
    assert all("the survivor set is not signed by" in str(played.errors[p]) for p in FOUR)
    assert not revealed(played)


def test_showing_each_institution_only_the_signatures_on_its_own_set_leaves_too_few_of_one():
    views = {"h0": FOUR, "h1": FOUR, "h2": FEWER, "h3": FOUR[1:]}

    def alike(receiver, there):
        return {p: row for p, row in there.items() if views[p] == views[receiver]}

    federation = Federation()
    played = federation.run(split(views, alike))
    assert {p: str(played.errors[p])[:12] for p in FOUR} == {
        "h0": "2 signatures",
        "h1": "2 signatures",
        "h2": "1 signatures",
        "h3": "1 signatures",
    }
    assert not revealed(played)
    assert sound(federation, played) is None


def test_if_enough_sign_one_set_then_only_that_set_is_revealed():
    views = {"h0": FOUR, "h1": FOUR, "h2": FOUR, "h3": FOUR[1:]}

    def alike(receiver, there):
        return {p: row for p, row in there.items() if views[p] == views[receiver]}

    def to_collector(message):
        return (*message[:3], with_rows(lambda there: alike("h0", there))(message[3]), message[4])

    federation = Federation()
    tricks = in_turn(split(views, alike), tamper(SIGNATURES, COORDINATOR, to_collector, COLLECTOR))
    played = federation.run(tricks)
    assert revealed(played) == {"h0", "h1", "h2"}
    assert sound(federation, played) == FOUR


def test_a_collector_that_is_told_another_set_than_the_institutions_gets_no_number():
    for k in (1, 2):

        def fewer(message, k=k):
            return (*message[:k], set_of(*FEWER)(message[k]), *message[k + 1 :])

        federation = Federation()
        played = federation.run(coordinator_changes(SIGNATURES, fewer, COLLECTOR))
        assert type(played.errors[COLLECTOR]) is PeerMisbehaved
        assert sound(federation, played) is None


def collector_told(included, shared):
    """The collector is told these sets."""

    def change(message):
        return (message[0], set_of(*shared)(message[1]), set_of(*included)(message[2]), *message[3:])

    return coordinator_changes(SIGNATURES, change, COLLECTOR)


def test_the_collector_refuses_sets_that_do_not_nest_and_ones_below_the_minimum():
    for included, shared, words in (
        (FOUR, FEWER, "holds institutions that shared nothing"),
        (("h0", "h1"), FOUR, "2 institutions are in the total; 3 must"),
    ):
        played = Federation().run(collector_told(included, shared))
        refuses(played, COLLECTOR, PeerMisbehaved, words)


FORGED = {
    "none": lambda there: {},
    "too few": lambda there: {p: there[p] for p in ("h0", "h1")},
    "zeros": lambda there: there | {"h1": bytes(SIGNATURE)},
    "another's": lambda there: there | {"h1": there["h2"]},
    "the coordinator's": lambda there: there | {"h1": identity(COORDINATOR).sign(b"ss1/u3", b"")},
}


@pytest.mark.parametrize("receiver", ["h0", COLLECTOR])
@pytest.mark.parametrize("forged", FORGED.values(), ids=FORGED)
def test_a_survivor_set_without_enough_true_signatures_is_refused(forged, receiver):
    def change(message):
        if receiver == COLLECTOR:
            return (*message[:3], with_rows(forged)(message[3]), message[4])
        return with_rows(forged)(message)

    played = Federation().run(coordinator_changes(SIGNATURES, change, receiver))
    assert type(played.errors[receiver]) is PeerMisbehaved
    assert "sign" in str(played.errors[receiver])
    assert receiver not in revealed(played)


def test_an_institutions_own_signature_counts_once_and_only_under_its_own_name():
    own = with_rows(lambda there: dict.fromkeys(there, there["h0"]))
    played = Federation().run(coordinator_changes(SIGNATURES, own, "h0"))
    refuses(played, "h0", PeerMisbehaved, "the survivor set is not signed by 'h1'")
    assert "h0" not in revealed(played)


def test_as_many_signatures_are_verified_as_the_threshold_asks_besides_ones_own(monkeypatch):
    verified, verify = [], pairwise_keys.verify

    def counting(public, label, message, signature):
        verified.append(label)
        return verify(public, label, message, signature)

    monkeypatch.setattr(pairwise_keys, "verify", counting)
    federation = Federation(describe(7))
    federation.run(strict=True)
    t = federation.descriptor.threshold
    assert verified.count(b"ss1/adv") == 7 * 6 + 7
    assert verified.count(b"ss1/u3") == 7 * (t - 1) + t


def test_a_signature_from_outside_the_survivor_set_does_not_count():
    """Even a true one: h3 signs what the others sign, and is not among them."""
    federation = Federation()
    signed = {}

    def watch(number, sender, receiver, message):
        if number == ADVERTS and receiver == "h0":
            signed["sid"] = check_adverts(federation.descriptor, rows(FOUR, message))
        return message

    def add(there):
        true = identity("h3").sign(b"ss1/u3", join(signed["sid"], set_hash(FOUR), set_hash(FEWER)))
        return {p: there[p] for p in ("h0", "h1")} | {"h3": true}

    tricks = in_turn(silent_from("h3", MASKED), watch, coordinator_changes(SIGNATURES, with_rows(add), "h0"))
    played = federation.run(tricks)
    refuses(played, "h0", PeerMisbehaved, "the survivor set is not signed by 'h3'")


# ---- several runs


def test_a_second_set_after_a_feigned_dropout_is_refused_by_every_ledger_before_it_is_signed():
    first = Federation(seed=1)
    assert sound(first, first.run()) == FOUR
    second = Federation(seed=2, ledgers=first.ledgers)
    played = second.run(silent_from("h3", MASKED))
    assert not any(at == SIGN for at, _ in played.views[COORDINATOR])
    for p in FEWER:
        refuses(played, p, DisclosureRefused, "answering again without 'h3' would reveal the numbers of 'h3'")
    assert not revealed(played)


def test_of_two_runs_of_one_plan_at_the_same_time_only_one_set_is_revealed():
    first, second = Federation(seed=1), Federation(seed=2)
    second.ledgers = first.ledgers
    done = []

    def meanwhile(number, sender, receiver, message):
        if number == SIGNATURES and not done:
            done.append(first.run())  # the set of this run is signed already, and nothing of it revealed
        return message

    played = second.run(in_turn(silent_from("h3", MASKED), meanwhile))
    assert sound(first, done[0]) == FOUR
    assert all(type(played.errors[p]) is DisclosureRefused for p in FEWER)
    assert not revealed(played)


def test_one_institution_that_never_saw_the_first_answer_cannot_be_used_for_a_second_set():
    """It was shown too few signatures, so its ledger knows nothing; those of the others do."""
    first = Federation(seed=1)
    few = with_rows(lambda there: {p: there[p] for p in ("h1", "h2")})
    assert sound(first, first.run(coordinator_changes(SIGNATURES, few, "h0"))) == FOUR
    second = Federation(seed=2, ledgers=first.ledgers)
    played = second.run(silent_from("h3", MASKED))
    assert sound(second, played) is None
    assert not revealed(played)


# ---- the total


def test_a_total_that_the_coordinator_changed_is_not_given_out():
    for leaf in (6, 7):  # the vector; the check words
        federation = Federation()
        played = federation.run(coordinator_changes(SIGNATURES, flip(leaf, 1), COLLECTOR))
        refuses(played, COLLECTOR, PeerMisbehaved, "check words do not agree")
        assert sound(federation, played) is None


def test_a_total_that_lacks_one_vector_is_not_given_out():
    federation, arrived = Federation(), {}

    def deliver(number, sender, receiver, message):
        if (number, sender) == (MASKED, "h2"):
            arrived.update(y=message[0].elements, words=message[1].elements)
        if (number, receiver) == (SIGNATURES, COLLECTOR):
            message[4][0].elements[:] -= arrived["y"]
            message[4][1].elements[:] -= arrived["words"]
        return message

    played = federation.run(deliver)
    refuses(played, COLLECTOR, PeerMisbehaved, "check words do not agree")


def test_a_coordinator_that_computes_the_weights_can_shift_the_total_as_its_docstring_says():
    federation, seen = Federation(), {}

    def deliver(number, sender, receiver, message):
        if number == ADVERTS:
            seen["sid"] = check_adverts(federation.descriptor, rows(FOUR, message))
        if (number, receiver) == (SIGNATURES, COLLECTOR):
            shift = encode(Ring.Z64, [100, 0, 0, 0, 0])
            add_into(Ring.Z64, message[4][0].elements, shift)
            add_into(Ring.Z64, message[4][1].elements, check_words(Ring.Z64, shift, 0, seen["sid"]))
        return message

    _, vector = federation.run(deliver).outputs[COLLECTOR]
    assert vector[0] == federation.total()[0] + 100
