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
from dataclasses import replace
from itertools import product
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from securecompute.arithmetic.rings import Ring, encode
from securecompute.disclosure.ledger import SurvivorLedger
from securecompute.engine.faults import Faults
from securecompute.engine.local import Played
from securecompute.engine.rounds import Party, shape_of
from securecompute.engine.session import open_session
from securecompute.engine.simulated import Simulated, simulate
from securecompute.errors import (
    DisclosureRefused,
    EncodingOverflow,
    InternalFault,
    InvalidRequest,
    PeerSilent,
    SecureComputeError,
)
from securecompute.primitives.keys import AgreementKey
from securecompute.protocols.sums.descriptor import Descriptor
from securecompute.protocols.sums.interface import Survivors
from securecompute.protocols.sums.settings import Setting
from securecompute.values import Ciphertext, Masked, Plain
from tests.protocols.sums.playing import (
    COLLECTOR,
    COORDINATOR,
    Federation,
    answer,
    copied,
    describe,
    identity,
    leaves,
    names,
    silent_from,
    sound,
    without,
)
from tests.seeded import SeededRandomness

Place = tuple[int, Party, Party]  # round, sender, receiver


class RefusingLedger:
    """An institution's ledger that knows another answer to everything, once it is told rather than asked."""

    def check(self, plan: bytes, survivors: Sequence[Party]) -> None:
        """Nothing against it yet."""

    def commit(self, plan: bytes, survivors: Sequence[Party]) -> None:
        """Refuse."""
        raise DisclosureRefused("this plan was answered for other institutions, just now")


class NotingLedger(SurvivorLedger):
    """A ledger that notes in a log what it was told, and when."""

    def __init__(self, me: Party, log: list[Any]) -> None:
        super().__init__()
        self.me, self.log = me, log

    def commit(self, plan: bytes, survivors: Sequence[Party]) -> None:
        """As the ledger does."""
        super().commit(plan, survivors)
        self.log.append(("commit", self.me, tuple(survivors)))


class Harness:
    """How the suite builds a sum in a setting. A subclass overrides what differs; protocols that are slow draw less.

    n, d          institutions and length, where nothing else is at stake
    rings         that the setting can add in
    lengths       that are tried
    examples      totals that are drawn
    samples       changes, replays and losses that are tried, of each kind
    uniform       entries of the vector whose masked bytes are counted
    fresh_in_run  a message of another run of the same descriptor is refused, not only one of another descriptor
    """

    n = 4
    d = 3
    rings: tuple[Ring, ...] = tuple(Ring)
    lengths: tuple[int, ...] = (1, 2, 5, 33)
    examples = 30
    samples = 40
    uniform = 1 << 13
    fresh_in_run = True

    def setting(self, names: Sequence[Party]) -> Setting:
        """The setting among these institutions."""
        raise NotImplementedError

    def key(self) -> Any:
        """The collector's secret key, where it has one."""
        return None

    def guards(self, names: Sequence[Party]) -> Sequence[Party]:
        """The institutions whose ledgers keep a total from being repeated over another set."""
        return names

    def spare(self, names: Sequence[Party]) -> Sequence[Party]:
        """Institutions any one of which may be silent from the start, of n."""
        return names

    def bound(self, ring: Ring, n: int) -> int:
        """Largest entry that n institutions may declare."""
        return ((1 << (ring.bits - 1)) - 1) // n

    def describe(self, n: int | None = None, d: int | None = None, ring: Ring | None = None, **more: Any) -> Descriptor:
        """A descriptor in the setting."""
        n = n or self.n
        return describe(n, d or self.d, ring or self.rings[0], setting=self.setting(names(n)), **more)

    def federation(self, descriptor: Descriptor | None = None, inputs: Any = None, **more: Any) -> Federation:
        """Everybody, ready to play once."""
        return Federation(descriptor or self.describe(), inputs, key=self.key(), **more)

    def simulate(self, federation: Federation, network: Faults | None = None) -> Simulated:
        """Play it sealed, on a network with faults and a clock."""
        parts = federation.parts()
        keys = {p: AgreementKey.generate(SeededRandomness(p)) for p in parts}
        session = open_session("sum", {p: key.public for p, key in keys.items()}, b"manifest")
        return simulate(session, parts, keys, network, death_noticed_after=0.05)


def named(played: Played) -> bool:
    """Whether whoever ended early ended with an error that says why, and not with a fault of the software."""
    errors = list(played.errors.values())
    return all(isinstance(error, SecureComputeError) and not isinstance(error, InternalFault) for error in errors)


def sound_and_named(federation: Federation, played: Played) -> tuple[Party, ...] | None:
    """Assert that no wrong number came out and that errors are typed; the number's survivors, None if there is none."""
    included = sound(federation, played)
    assert named(played), played.errors
    assert included is None or len(included) >= federation.descriptor.quorum
    return included


def messages(federation: Federation) -> dict[Place, Any]:
    """Everything that is sent when nothing goes wrong."""
    sent: dict[Place, Any] = {}

    def watch(number: int, sender: Party, receiver: Party, message: Any) -> Any:
        sent[number, sender, receiver] = copied(message)
        return message

    federation.run(watch, strict=True)
    return sent


def instead(place: Place, message: Any) -> Any:
    """Deliver this message in that place."""
    return lambda *at: message if at[:3] == place else at[3]


def hidden(message: Any, kind: type) -> list[np.ndarray]:
    """The arrays in a message that are of this kind of secret."""
    if isinstance(message, tuple):
        return [array for part in message for array in hidden(part, kind)]
    return [message.elements] if isinstance(message, kind) else []


class SumPromises(Harness):
    """What holds for every sum."""

    # ---- the total

    def test_the_total_is_the_plain_total_negative_and_largest_entries_included(self) -> None:
        @settings(max_examples=self.examples)
        @given(data=st.data())
        def check(data: Any) -> None:
            ring, n = data.draw(st.sampled_from(self.rings)), data.draw(st.integers(3, 5))
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
        for n, seed in ((3, 0), (4, 1), (5, 2)):
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

    @pytest.mark.parametrize("n", [3, 5])
    def test_rounds_and_bytes_are_as_the_cost_says(self, n: int) -> None:
        for ring in self.rings:
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
        ledger, tape = SurvivorLedger(), SeededRandomness(0)
        part = federation.protocol.contribute(
            me, federation.descriptor, coordinator, collector, x, identity(key), ledger, tape
        )
        next(part)

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
            federation = self.federation(inputs={p: [3**k, -(5**k), 1 << k] for k, p in enumerate(names(self.n))})
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
            lost = dict(zip(pick.sample(names(5), 2), (pick.randrange(rounds), pick.randrange(rounds)), strict=True))
            federation = self.federation(self.describe(5))
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

    # ---- what is seen

    def worlds(self, d: int) -> list[Federation]:
        """The same randomness, other inputs."""
        columns = [[0] * d, [-1000 if k % 2 else 1000 for k in range(d)]]
        return [self.federation(self.describe(d=d), {p: column for p in names(self.n)}) for column in columns]

    def test_every_message_has_the_same_form_and_length_whatever_the_inputs(self) -> None:
        one, other = (messages(federation) for federation in self.worlds(5))
        assert {at: shape_of(m) for at, m in one.items()} == {at: shape_of(m) for at, m in other.items()}

    def test_the_frames_on_the_network_are_alike_in_number_size_and_order_whatever_the_inputs(self) -> None:
        seen = [
            [(source, to, len(frame)) for _, source, to, frame in self.simulate(federation).frames]
            for federation in self.worlds(5)
        ]
        assert seen[0] == seen[1]

    def test_what_an_institution_sends_depends_on_its_input_in_masked_or_encrypted_arrays_alone(self) -> None:
        one, other = (messages(federation) for federation in self.worlds(5))
        for place, message in one.items():
            veiled = {id(array) for kind in (Masked, Ciphertext) for array in hidden(message, kind)}
            if place[1] != COORDINATOR:  # which passes on what it got, and adds
                for a, b in zip(leaves(message), leaves(other[place]), strict=True):
                    assert (a == b).all() or id(a) in veiled, place

    def test_the_coordinator_ends_with_names_alone(self) -> None:
        federation = self.federation()
        assert type(federation.run(strict=True).outputs[COORDINATOR]) is Survivors

    def test_masked_messages_are_uniform_and_encrypted_ones_never_the_same_twice(self) -> None:
        for ring in self.rings:
            d = self.uniform
            descriptor, inputs = self.describe(d=d, ring=ring), {p: [0] * d for p in names(self.n)}
            runs = [messages(self.federation(descriptor, inputs, seed=seed)) for seed in (1, 2)]
            from_institutions = [
                message for sent in runs for at, message in sent.items() if at[1] in inputs and at[2] == COORDINATOR
            ]
            masked = [array for message in from_institutions for array in hidden(message, Masked)]
            encrypted = [array for message in from_institutions for array in hidden(message, Ciphertext)]
            assert bool(masked) != bool(encrypted)
            rows = [row.tobytes() for array in encrypted for row in array]
            assert len(set(rows)) == len(rows)
            if masked:
                counts = np.bincount(np.concatenate([a.view(np.uint8).ravel() for a in masked]), minlength=256)
                expected = counts.sum() / 256
                assert ((counts - expected) ** 2 / expected).sum() < 415  # χ², 255 degrees of freedom, p = 1e-9
                assert len({array.tobytes() for array in masked}) == len(masked)

    # ---- what must fail

    def test_a_bit_that_is_changed_in_any_message_never_makes_a_wrong_number(self) -> None:
        places, pick = sorted(messages(self.federation())), random.Random(1)
        for place in pick.choices(places, k=self.samples):
            at = (pick.random(), pick.random(), pick.randrange(8))

            def flipped(message: Any, at: tuple[float, float, int] = at) -> Any:
                arrays = leaves(message := copied(message))
                octets = arrays[int(at[0] * len(arrays))].view(np.uint8).reshape(-1)
                octets[int(at[1] * len(octets))] ^= np.uint8(1 << at[2])
                return message

            federation = self.federation()
            played = federation.run(
                lambda *now, place=place, change=flipped: change(now[3]) if now[:3] == place else now[3]
            )
            sound_and_named(federation, played)

    def test_a_message_of_another_session_never_makes_a_wrong_number(self) -> None:
        others = [self.describe(nonce=b"o" * 32)] + [self.describe()] * self.fresh_in_run
        for descriptor in others:
            inputs = {p: [7 + k] * self.d for k, p in enumerate(names(self.n))}
            earlier = messages(self.federation(descriptor, inputs, seed="earlier"))
            for place in random.Random(2).sample(sorted(earlier), min(self.samples, len(earlier))):
                federation = self.federation()
                sound_and_named(federation, federation.run(instead(place, earlier[place])))

    def test_everything_that_one_party_said_in_another_session_never_makes_a_wrong_number(self) -> None:
        others = [self.describe(nonce=b"o" * 32)] + [self.describe()] * self.fresh_in_run
        for descriptor, party in product(others, (*names(self.n), COORDINATOR)):
            inputs = {p: [7 + k] * self.d for k, p in enumerate(names(self.n))}
            earlier = messages(self.federation(descriptor, inputs, seed="earlier"))
            federation = self.federation()
            played = federation.run(
                lambda at, who, to, m, party=party, earlier=earlier: earlier[at, who, to] if who == party else m
            )
            sound_and_named(federation, played)

    def test_a_message_that_is_cut_short_is_refused_by_whom_it_reaches(self) -> None:
        for place, message in sorted(messages(self.federation()).items(), key=lambda item: item[0])[::3]:
            for cut in (leaves(message)[-1].reshape(-1)[:-1], b""):
                federation = self.federation()
                played = federation.run(instead(place, cut))
                sound_and_named(federation, played)
                assert "expected" in str(played.errors[place[2]])

    def test_institutions_that_were_told_something_else_never_make_a_wrong_number(self) -> None:
        told = self.describe()
        for other in (
            replace(told, plan=b"q" * 32),
            replace(told, nonce=b"m" * 32),
            replace(told, bound=999),
            replace(told, minimum=4),
        ):
            federation = self.federation(told={"h0": other})
            included = sound_and_named(federation, federation.run())
            assert included is None or "h0" not in included
