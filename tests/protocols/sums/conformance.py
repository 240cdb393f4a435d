"""What every way to add promises, one short test each. A test class for a setting inherits them and gives the setting:

    class TestMine(SumPromises):
        def setting(self, names):
            return Mine(...)

Messages in transit are sealed, so a message that is changed, replayed or cut here models a party that cheats. Of that,
only what holds for every setting is asked: nobody gets a number that is wrong, unless the cheat is a coordinator that
chose its change with the check words in mind, which no setting claims to see. What a setting promises beyond that is
tested beside it.
"""

import random
from collections.abc import Sequence
from itertools import product
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from securecompute.arithmetic.rings import Ring, encode
from securecompute.disclosure.ledger import SurvivorLedger
from securecompute.engine.faults import Faults
from securecompute.engine.rounds import Party
from securecompute.errors import (
    DisclosureRefused,
    EncodingOverflow,
    InternalFault,
    InvalidRequest,
    PeerSilent,
)
from securecompute.protocols.sums.interface import Contributor, Survivors
from securecompute.values import Plain
from tests.protocols.sums.conformance_harness import NotingLedger, RefusingLedger, messages, sound_and_named
from tests.protocols.sums.conformance_views import ViewPromises
from tests.protocols.sums.playing import (
    COLLECTOR,
    COORDINATOR,
    answer,
    identity,
    names,
    silent_from,
    sound,
    without,
)
from tests.seeded import SeededRandomness


class SumPromises(ViewPromises):
    """What holds for every sum."""

    # ---- the total

    def test_the_total_is_the_plain_total_negative_and_largest_entries_included(self) -> None:
        @settings(max_examples=self.examples)
        @given(data=st.data())
        def check(data: Any) -> None:
            ring, n = data.draw(st.sampled_from(self.rings)), data.draw(st.sampled_from(self.sizes))
            d, bound = data.draw(st.sampled_from(self.lengths)), self.bound(ring, n)
            entries = st.one_of(st.sampled_from([-bound, -1, 0, 1, bound]), st.integers(-bound, bound))
            inputs = {p: data.draw(st.lists(entries, min_size=d, max_size=d)) for p in names(n)}
            federation = self.federation(self.describe(n, d, ring, bound=bound), inputs)
            survivors, total = answer(federation, federation.run(strict=True))
            assert total == federation.total()
            assert survivors == Survivors(federation.names, federation.names)

        check()

    def test_every_ring_and_length_gives_the_total_at_the_ends_of_the_range(self) -> None:
        for ring, d in product(self.rings, self.lengths):
            bound = self.bound(ring, self.n)
            for entry in (bound, -bound):
                federation = self.federation(
                    self.describe(d=d, ring=ring, bound=bound), {p: [entry] * d for p in names(self.n)}
                )
                assert answer(federation, federation.run(strict=True))[1] == [self.n * entry] * d

    def test_any_split_of_the_same_numbers_among_any_institutions_gives_the_same_total(self) -> None:
        records = [[k * k - 40, 7 - k, (-1) ** k] for k in range(12)]
        totals = []
        for seed, n in enumerate(self.sizes):
            holder = random.Random(seed)
            inputs = {p: [0] * 3 for p in names(n)}
            for record in records:
                p = holder.choice(names(n))
                inputs[p] = [a + b for a, b in zip(inputs[p], record, strict=True)]
            federation = self.federation(self.describe(n, 3), inputs)
            totals.append(answer(federation, federation.run(strict=True))[1])
        assert totals == [[sum(column) for column in zip(*records, strict=True)]] * 3

    def test_the_input_is_only_read_and_the_same_institutions_may_be_asked_again(self) -> None:
        first = self.federation(seed=1)
        again = self.federation(seed=2, ledgers=first.ledgers)
        assert sound(first, first.run(strict=True)) == sound(again, again.run(strict=True)) == first.names

    # ---- cost, roles, words

    def test_rounds_and_bytes_are_as_the_cost_says(self) -> None:
        for n, ring in product(self.sizes, self.rings):
            descriptor = self.describe(n, 7, ring)
            federation = self.federation(descriptor)
            played, said = federation.run(strict=True), federation.protocol.cost(descriptor)
            members = getattr(descriptor.setting, "members", ())
            sent = {p: said.member if p in members else said.institution for p in federation.names}
            assert played.rounds == said.rounds
            assert played.sent == sent | {COORDINATOR: said.coordinator, COLLECTOR: 0}
            assert members or said.member == said.institution

    def test_everybody_is_told_who_is_in_the_total(self) -> None:
        federation = self.federation()
        played = federation.run(strict=True)
        everyone = Survivors(federation.names, federation.names)
        assert all(played.outputs[p] == federation.names for p in federation.names)
        assert played.outputs[COORDINATOR] == played.outputs[COLLECTOR][0] == everyone

    def test_who_learns_what_is_said_of_every_role(self) -> None:
        federation = self.federation()
        said = federation.protocol.learns(federation.descriptor, COORDINATOR, COLLECTOR)
        who = " ".join(name for name, _ in said)
        assert "institution" in who and COORDINATOR in who and COLLECTOR in who
        assert all(words for _, words in said)

    # ---- what is refused before anything is sent

    def first_round(
        self,
        entries: Sequence[int],
        me: Party = "h0",
        key: Party = "h0",
        coordinator: Party = COORDINATOR,
        collector: Party = COLLECTOR,
        ring: Ring | None = None,
    ) -> None:
        """Start one institution's part."""
        federation = self.federation(self.describe(bound=1000))
        x = Plain(encode(ring or federation.descriptor.ring, entries))
        own = Contributor(me, identity(key), SurvivorLedger(), SeededRandomness(0))
        next(federation.protocol.contribute(own, federation.descriptor, coordinator, collector, x))

    @pytest.mark.parametrize("entry", [1001, -1001, 54321])
    def test_an_entry_beyond_the_bound_is_refused_before_anything_is_sent_and_not_shown(self, entry: int) -> None:
        self.first_round([1000, -1000, 0])
        with pytest.raises(EncodingOverflow) as refused:
            self.first_round([0, entry, 0])
        assert str(entry) not in str(refused.value)

    def test_a_vector_of_another_ring_or_length_is_refused(self) -> None:
        other = Ring.Z64 if self.rings[0] is Ring.Z32 else Ring.Z32
        for entries, ring in (([0] * 3, other), ([0] * 2, None), ([0] * 4, None)):
            with pytest.raises(InvalidRequest, match=r"x is .*; expected"):
                self.first_round(entries, ring=ring)

    @pytest.mark.parametrize(("me", "key"), [("h0", "h1"), ("h0", "stranger"), ("stranger", "stranger")])
    def test_an_identity_that_the_descriptor_does_not_pin_is_refused(self, me: Party, key: Party) -> None:
        with pytest.raises(InvalidRequest, match="pins another identity key"):
            self.first_round([0] * 3, me=me, key=key)

    def test_no_party_has_two_roles(self) -> None:
        for coordinator, collector in (("c", "c"), ("h1", "c"), ("c", "h1"), ("h0", "c"), ("c", "h0")):
            with pytest.raises(InvalidRequest, match="has two roles"):
                self.first_round([0] * 3, coordinator=coordinator, collector=collector)
        federation = self.federation()
        protocol, descriptor = federation.protocol, federation.descriptor
        for part in (protocol.coordinate(descriptor, "h1"), protocol.collect(descriptor, "h1", self.key())):
            with pytest.raises(InvalidRequest, match="'h1' has two roles"):
                next(part)

    # ---- dropouts

    def test_an_institution_that_falls_silent_at_any_step_is_left_out_or_the_run_is_refused(self) -> None:
        rounds = self.federation().protocol.cost(self.describe()).rounds
        for party, first in product(names(self.n), range(rounds)):
            federation = self.federation(inputs={p: [3**k, -(3**k), 1 << k] for k, p in enumerate(names(self.n))})
            included = sound_and_named(federation, federation.run(silent_from(party, first)))
            if first == 0 and party in self.spare(federation.names):
                assert included == tuple(p for p in federation.names if p != party)

    def test_an_institution_that_hears_nothing_more_is_left_out_or_the_run_is_refused(self) -> None:
        rounds = self.federation().protocol.cost(self.describe()).rounds
        for party, first in product(("h0", f"h{self.n - 1}"), range(rounds)):
            federation = self.federation()
            played = federation.run(
                lambda at, _, to, message, party=party, first=first: None if to == party and at >= first else message
            )
            sound_and_named(federation, played)

    def test_two_that_fall_silent_at_any_two_steps_never_make_a_wrong_number(self) -> None:
        rounds = self.federation().protocol.cost(self.describe()).rounds
        pick = random.Random(0)
        for _ in range(self.samples):
            n = self.sizes[-1]
            lost = {p: pick.randrange(rounds) for p in pick.sample(names(n), 2)}
            federation = self.federation(self.describe(n))
            played = federation.run(lambda at, who, to, m, lost=lost: None if at >= lost.get(who, at + 1) else m)
            sound_and_named(federation, played)

    def test_any_one_message_that_is_lost_never_makes_a_wrong_number(self) -> None:
        places = sorted(messages(self.federation()))
        for place in random.Random(0).sample(places, min(self.samples, len(places))):
            federation = self.federation()
            sound_and_named(federation, federation.run(without(place)))

    def test_fewer_institutions_than_the_quorum_are_refused_at_every_step(self) -> None:
        quorum = self.describe().quorum
        lost = sorted(names(self.n), key=lambda p: p not in self.spare(names(self.n)))[: self.n - quorum + 1]
        for first in range(self.federation().protocol.cost(self.describe()).rounds):
            federation = self.federation()
            played = federation.run(
                lambda at, who, to, m, first=first: None if who in lost and at >= first else m, strict=False
            )
            included = sound_and_named(federation, played)
            assert included in (None, federation.names)  # all had spoken before, if at all
            if first == 0:
                assert type(played.errors[COORDINATOR]) is PeerSilent and included is None

    @pytest.mark.parametrize("seed", range(3))
    def test_a_network_that_loses_repeats_and_reorders_frames_changes_nothing(self, seed: int) -> None:
        federation = self.federation()
        network = Faults(seed, drop=0.1, duplicate=0.1, reorder=0.1, replay=0.1)
        survivors, vector = self.simulate(federation, network).outcomes[COLLECTOR].value
        assert survivors.included == federation.names
        assert (vector == encode(federation.descriptor.ring, federation.total())).all()

    @pytest.mark.parametrize("frame", [0, 1, 2, 3, 5, 8])
    def test_an_institution_whose_process_dies_is_left_out_or_the_run_is_refused(self, frame: int) -> None:
        for party in ("h1", f"h{self.n - 1}"):
            federation = self.federation()
            outcomes = self.simulate(federation, Faults(0, kill={party: (frame, "before")})).outcomes
            outcome = outcomes[COLLECTOR]
            if outcome.error is None:
                survivors, vector = outcome.value
                assert (vector == encode(federation.descriptor.ring, federation.total(survivors.included))).all()
                assert len(survivors.included) >= federation.descriptor.quorum
            assert not any(isinstance(each.error, InternalFault) for each in outcomes.values())

    # ---- one set of institutions for each plan

    def test_a_second_set_for_the_same_plan_is_refused_by_the_ledgers(self) -> None:
        first = self.federation(seed=1)
        assert sound(first, first.run(strict=True)) == first.names
        second = self.federation(seed=2, ledgers=first.ledgers)
        silent = self.spare(first.names)[-1]
        played = second.run(silent_from(silent, 0))
        assert sound(second, played) is None
        asked = [p for p in self.guards(first.names) if p != silent]
        assert asked and all(type(played.errors[p]) is DisclosureRefused for p in asked)

    def test_a_set_is_remembered_before_the_message_that_opens_its_total_is_sent(self) -> None:
        log: list[Any] = []
        federation = self.federation(ledgers={p: NotingLedger(p, log) for p in names(self.n)})

        def watch(number: int, sender: Party, receiver: Party, message: Any) -> Any:
            log.append(("sent", sender, number))
            return message

        federation.run(watch, strict=True)
        for guard in self.guards(federation.names):
            last = max(k for k, (deed, who, _) in enumerate(log) if (deed, who) == ("sent", guard))
            assert ("commit", guard, federation.names) in log[:last]

    def test_ledgers_that_refuse_to_remember_a_set_leave_its_total_closed(self) -> None:
        ledgers = {p: RefusingLedger() for p in names(self.n)}
        federation = self.federation(ledgers=ledgers)
        played = federation.run()
        assert sound_and_named(federation, played) is None
        assert all(type(played.errors[p]) is DisclosureRefused for p in self.guards(federation.names))
