"""Sum under a key, played with a scheme that hides nothing: four rounds, one survivor set, a checked total."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from securecompute.arithmetic.rings import Ring, decode, encode
from securecompute.disclosure.ledger import SurvivorLedger
from securecompute.engine.faults import Faults
from securecompute.engine.local import play
from securecompute.engine.session import open_session
from securecompute.engine.simulated import simulate
from securecompute.errors import (
    DisclosureRefused,
    EncodingOverflow,
    InvalidRequest,
    PeerMisbehaved,
    PeerSilent,
)
from securecompute.primitives.keys import AgreementKey
from securecompute.protocols.sums import encrypted, encrypted_rounds
from securecompute.protocols.sums.encrypted import NONCE, entries, word_bound
from securecompute.protocols.sums.interface import Contributor, Survivors
from securecompute.protocols.sums.tables import rows, table
from securecompute.values import Ciphertext, Plain
from tests.protocols.sums.playing import COLLECTOR, COORDINATOR, describe, identity, names, silent_from, without
from tests.seeded import SeededRandomness

VECTORS, NONCES, SIGNED, TOTAL = range(4)
WIDTH = 40


class Clear:
    """A scheme without a secret: integers, 40 bytes each. It is its own secret scheme."""

    @property
    def public(self):
        """Itself."""
        return self

    def shape(self, descriptor):
        """One row per integer."""
        return entries(descriptor), WIDTH

    def modulus(self, descriptor):
        """Beyond all words."""
        return 1 << 8 * WIDTH - 1

    def encrypt(self, descriptor, integers, randomness):
        """The integers as they are."""
        assert len(integers) == entries(descriptor)
        assert max(map(abs, integers[:-1])) <= descriptor.bound
        assert abs(integers[-1]) <= word_bound(descriptor)
        return np.stack([np.frombuffer(v.to_bytes(WIDTH, "big", signed=True), np.uint8) for v in integers])

    def decrypt(self, descriptor, ciphertext, institutions):
        """The integers."""
        return [int.from_bytes(row.tobytes(), "big", signed=True) for row in ciphertext]

    def total(self, descriptor, ciphertexts):
        """Row by row."""
        columns = zip(*(self.decrypt(descriptor, c, 1) for c in ciphertexts.values()), strict=True)
        rows = [sum(column).to_bytes(WIDTH, "big", signed=True) for column in columns]
        return np.stack([np.frombuffer(row, np.uint8) for row in rows])


class Cast:
    """All parties of one run; by default institution i holds 2^i in every entry."""

    def __init__(self, descriptor=None, inputs=None, ledgers=None, told=None, seed=""):
        self.descriptor, self.told, self.seed, self.scheme = descriptor or describe(), told or {}, seed, Clear()
        self.names = self.descriptor.institutions
        self.inputs = inputs or {p: [1 << k] * self.descriptor.length for k, p in enumerate(self.names)}
        self.ledgers = ledgers or {p: SurvivorLedger() for p in self.names}

    def institution(self, p):
        x = encode(self.descriptor.ring, self.inputs[p])
        x.flags.writeable = False
        own = Contributor(p, identity(p), self.ledgers[p], SeededRandomness(self.seed + p))
        descriptor = self.told.get(p, self.descriptor)
        return encrypted.contribute(self.scheme, own, descriptor, COORDINATOR, COLLECTOR, Plain(x))

    def parts(self):
        parts = {p: self.institution(p) for p in self.names}
        parts[COORDINATOR] = encrypted.coordinate(self.scheme, self.descriptor, COLLECTOR)
        parts[COLLECTOR] = encrypted.collect(self.scheme, self.descriptor, COORDINATOR)
        return parts

    def run(self, deliver=None, strict=False):
        return play(self.parts(), deliver, strict=strict)

    def total(self, included):
        return [sum(column) for column in zip(*(self.inputs[p] for p in included), strict=True)]


def answer(cast, played):
    """(who is in it, the total), or None."""
    if COLLECTOR not in played.outputs:
        return None
    survivors, vector = played.outputs[COLLECTOR]
    assert survivors.shared == survivors.included
    return survivors.included, decode(cast.descriptor.ring, vector)


def changed(number, sender, change, receiver=None):
    """Change the message of a round."""

    def deliver(at, source, to, message):
        return change(message) if (at, source) == (number, sender) and receiver in (None, to) else message

    return deliver


@st.composite
def casts(draw):
    ring, n, d = draw(st.sampled_from(list(Ring))), draw(st.integers(3, 5)), draw(st.integers(1, 4))
    most = ((1 << (ring.bits - 1)) - 1) // n
    bound = draw(st.one_of(st.sampled_from([1, 2, 3, most]), st.integers(1, most)))
    entry = st.one_of(st.sampled_from([-bound, -1, 0, 1, bound]), st.integers(-bound, bound))
    return Cast(describe(n, d, ring, bound), {p: draw(st.lists(entry, min_size=d, max_size=d)) for p in names(n)})


@settings(max_examples=25)
@given(casts())
def test_the_total_is_the_plain_total_and_every_encrypted_integer_obeys_its_bound(cast):
    # the bounds: `Clear.encrypt`
    assert answer(cast, cast.run(strict=True)) == (cast.names, cast.total(cast.names))


@pytest.mark.parametrize(("n", "d", "ring"), [(3, 1, Ring.Z32), (4, 33, Ring.Z64), (7, 5, Ring.Z128)])
def test_the_cost_line_is_true(n, d, ring):
    descriptor = describe(n, d, ring)
    played, said = Cast(descriptor).run(strict=True), encrypted.cost(Clear(), descriptor)
    assert played.rounds == said.rounds == 4
    assert said.institution == said.member == entries(descriptor) * WIDTH + 96
    assert played.sent == dict.fromkeys(names(n), said.institution) | {COORDINATOR: said.coordinator, COLLECTOR: 0}


def test_what_each_party_receives_is_what_the_table_of_rounds_says():
    views = Cast().run(strict=True).views
    assert all(set(views[p]) == {(NONCES, COORDINATOR)} for p in names(4))
    assert set(views[COORDINATOR]) == {(at, p) for at in (VECTORS, SIGNED) for p in names(4)}
    assert set(views[COLLECTOR]) == {(TOTAL, COORDINATOR)}


def test_what_an_institution_receives_does_not_depend_on_what_the_others_hold():
    views = [Cast(inputs=inputs).run(strict=True).views["h0"] for inputs in (None, {p: [7] * 5 for p in names(4)})]
    one, other = (view[NONCES, COORDINATOR] for view in views)
    assert all((a == b).all() for a, b in zip(one, other, strict=True))


@settings(max_examples=20)
@given(casts(), st.data())
def test_what_the_collector_decrypts_follows_from_the_total_however_it_is_split(cast, data):
    def decrypted(each):
        return each.run(strict=True).views[COLLECTOR][TOTAL, COORDINATOR][2].elements.tolist()

    one, other = (list(cast.inputs[p]) for p in ("h0", "h1"))
    for j in range(len(one)):  # move as much as the bound allows
        most = min(cast.descriptor.bound - one[j], other[j] + cast.descriptor.bound)
        moved = data.draw(st.integers(0, most))
        one[j], other[j] = one[j] + moved, other[j] - moved
    assert decrypted(Cast(cast.descriptor, cast.inputs | {"h0": one, "h1": other})) == decrypted(cast)


def test_every_party_learns_who_is_in_the_total():
    played = Cast().run(strict=True)
    assert all(played.outputs[p] == tuple(names(4)) for p in names(4))
    assert played.outputs[COORDINATOR] == Survivors(tuple(names(4)), tuple(names(4)))


def test_who_learns_what_names_the_coalition_that_reads_everything():
    text = dict(encrypted.learns(describe(), "relay", "lab"))
    assert set(text) == {"each institution", "relay", "lab", "relay and lab together"}
    assert "every institution's own numbers" in text["relay and lab together"]


# ---- what is refused before anything is sent


def test_an_entry_beyond_the_bound_is_refused_before_anything_is_encrypted():
    with pytest.raises(EncodingOverflow):
        next(Cast(inputs={p: [1001] * 5 for p in names(4)}).institution("h0"))


@pytest.mark.parametrize(("coordinator", "collector"), [("c", "c"), ("h1", "c"), ("c", "h1")])
def test_the_holder_of_the_key_is_neither_an_institution_nor_the_coordinator(coordinator, collector):
    x = Plain(encode(Ring.Z64, [0] * 5))
    own = Contributor("h0", identity("h0"), SurvivorLedger(), SeededRandomness(0))
    part = encrypted.contribute(Clear(), own, describe(), coordinator, collector, x)
    with pytest.raises(InvalidRequest, match="two roles"):
        next(part)


# ---- dropouts, and one survivor set for ever


@pytest.mark.parametrize("party", names(4))
def test_one_dropout_before_its_vector_leaves_the_exact_total_of_the_others(party):
    cast = Cast()
    others = tuple(p for p in cast.names if p != party)
    assert answer(cast, cast.run(silent_from(party, VECTORS))) == (others, cast.total(others))


@pytest.mark.parametrize("lost", [(SIGNED, "h2"), (NONCES, COORDINATOR, "h2")])
def test_one_dropout_after_its_vector_is_in_the_total(lost):
    cast = Cast()
    assert answer(cast, cast.run(without(lost))) == (cast.names, cast.total(cast.names))


@pytest.mark.parametrize("first", [VECTORS, SIGNED])
def test_two_dropouts_of_four_never_give_a_number(first):
    cast = Cast()
    played = cast.run(lambda at, sender, to, m: None if sender in ("h1", "h2") and at >= first else m)
    assert COLLECTOR not in played.outputs
    assert type(played.errors[COORDINATOR]) is PeerSilent


def test_a_ledger_that_knows_another_set_for_the_plan_keeps_the_total_closed():
    first = Cast()
    first.run(strict=True)
    again = Cast(ledgers=first.ledgers)
    assert answer(again, again.run(strict=True))[1] == first.total(first.names)
    played = Cast(ledgers=first.ledgers).run(silent_from("h2", VECTORS))
    assert COLLECTOR not in played.outputs
    assert all(type(played.errors[p]) is DisclosureRefused for p in ("h0", "h1", "h3"))


def test_the_ledger_remembers_before_the_signature_leaves():
    cast = Cast()

    def deliver(at, sender, to, message):
        if at == SIGNED:
            with pytest.raises(DisclosureRefused):
                cast.ledgers[sender].check(cast.descriptor.plan, ("h0",))
        return message

    cast.run(deliver, strict=True)


@pytest.mark.parametrize("seed", range(3))
def test_a_network_that_loses_repeats_and_reorders_frames_changes_nothing(seed):
    cast = Cast(describe(4, 3, Ring.Z128))
    parts = cast.parts()
    keys = {p: AgreementKey.generate(SeededRandomness(p)) for p in parts}
    session = open_session("sum", {p: key.public for p, key in keys.items()}, b"manifest")
    outcomes = simulate(session, parts, keys, Faults(seed, drop=0.1, duplicate=0.1, reorder=0.1, replay=0.1)).outcomes
    survivors, vector = outcomes[COLLECTOR].value
    assert survivors.included == cast.names
    assert decode(Ring.Z128, vector) == cast.total(cast.names)


# ---- cheats


def with_nonces(change):
    """A change of the table of nonces."""

    def of(message):
        return table(names(4), change(dict(rows(names(4), message))), NONCE)

    return of


LIES = {
    "leaves this one out": lambda there: {u: nonce for u, nonce in there.items() if u != "h0"},
    "changes this one's nonce": lambda there: there | {"h0": bytes(32)},
    "names too few": lambda there: {u: there[u] for u in ("h0", "h1")},
}


@pytest.mark.parametrize("lie", LIES.values(), ids=LIES)
def test_an_institution_signs_no_set_that_is_too_small_or_misquotes_it(lie):
    cast = Cast()
    played = cast.run(changed(NONCES, COORDINATOR, with_nonces(lie), "h0"))
    assert type(played.errors["h0"]) is PeerMisbehaved
    assert (SIGNED, "h0") not in played.views[COORDINATOR]
    cast.ledgers["h0"].check(cast.descriptor.plan, ("h0", "h3"))  # nothing was remembered


def test_institutions_that_were_shown_two_sets_give_no_total():
    lie = changed(NONCES, COORDINATOR, with_nonces(lambda t: {u: t[u] for u in ("h0", "h1", "h2")}), "h1")
    played = Cast().run(lie)
    assert "not signed by 'h1'" in str(played.errors[COLLECTOR])


def test_a_set_that_fewer_than_the_threshold_signed_is_refused_by_the_collector():
    def fewer(message):
        nonces, signatures, total = message
        there = rows(names(4), signatures)
        return nonces, table(names(4), {u: there[u] for u in ("h0", "h1")}, 64), total

    played = Cast().run(changed(TOTAL, COORDINATOR, fewer))
    assert "2 signatures" in str(played.errors[COLLECTOR])


def test_a_set_of_fewer_than_the_quorum_is_refused_by_the_collector_though_all_of_it_signed():
    """Three of four would do for signatures, and the rules ask for four in the total."""
    cast = Cast(describe(minimum=3))
    played = cast.run(without((VECTORS, "h3")))
    handed_on = played.views[COLLECTOR][TOTAL, COORDINATOR]
    strict = describe(minimum=4)
    part = encrypted.collect(cast.scheme, strict, COORDINATOR)
    for _ in range(3):
        next(part)
    next(part)
    with pytest.raises(PeerMisbehaved, match="3 institutions are in the total; 4 must"):
        part.send({COORDINATOR: handed_on})


def test_a_signature_is_of_one_coordinators_run():
    nonces = {u: bytes(32) for u in names(4)}
    assert (
        len({encrypted_rounds.signed_message(describe(), party, nonces) for party in ("coordinator", "another")}) == 2
    )


@pytest.mark.parametrize("other", [{"descriptor": describe(nonce=b"o" * 32)}, {"seed": "earlier"}], ids=str)
def test_a_signature_of_another_run_is_refused(other):
    old = Cast(**other).run(strict=True).views[COLLECTOR][TOTAL, COORDINATOR]
    played = Cast().run(changed(TOTAL, COORDINATOR, lambda m: (m[0], old[1], m[2])))
    assert "not signed by 'h0'" in str(played.errors[COLLECTOR])


def test_institutions_that_were_told_another_question_give_no_total():
    played = Cast(told={"h3": describe(nonce=b"o" * 32)}).run()
    assert "not signed by 'h3'" in str(played.errors[COLLECTOR])


def replaced(k, value):
    """The total with another k-th integer."""

    def change(message):
        rows = message[2].elements.copy()
        old = int.from_bytes(rows[k].tobytes(), "big", signed=True)
        rows[k] = np.frombuffer(value(old).to_bytes(WIDTH, "big", signed=True), np.uint8)
        return message[0], message[1], Ciphertext(rows)

    return changed(TOTAL, COORDINATOR, change)


@pytest.mark.parametrize("k", range(entries(describe())))
def test_any_one_integer_of_the_total_that_is_off_is_found(k):
    played = Cast().run(replaced(k, lambda old: old + 1))
    assert "check words do not agree" in str(played.errors[COLLECTOR])


def test_a_total_beyond_what_the_institutions_can_reach_is_refused():
    played = Cast().run(replaced(0, lambda old: 4001))
    assert "beyond what the institutions can reach" in str(played.errors[COLLECTOR])


def test_a_vector_of_another_run_of_the_same_descriptor_is_found():
    old = Cast(seed="earlier").run(strict=True).views[COORDINATOR][VECTORS, "h1"]
    played = Cast().run(changed(VECTORS, "h1", lambda message: (old[0], message[1])))
    assert "check words do not agree" in str(played.errors[COLLECTOR])


def test_as_declared_a_coordinator_can_repeat_the_total_of_another_run_of_one_descriptor():
    old = Cast(inputs={p: [9] * 5 for p in names(4)}, seed="earlier").run(strict=True).views[COLLECTOR]
    cast = Cast()
    assert answer(cast, cast.run(changed(TOTAL, COORDINATOR, lambda m: old[TOTAL, COORDINATOR])))[1] == [36] * 5


def test_a_total_that_lacks_an_institution_of_the_set_is_found_by_its_counter():
    cast = Cast()
    vectors = {}

    def deliver(at, sender, to, message):
        if at == VECTORS:
            vectors[sender] = message[0].elements
        if at != TOTAL:
            return message
        return *message[:2], Ciphertext(cast.scheme.total(cast.descriptor, {p: vectors[p] for p in ("h0", "h1", "h2")}))

    assert "check words do not agree" in str(cast.run(deliver).errors[COLLECTOR])
