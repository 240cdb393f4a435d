"""Promises about what is seen of a sum, and about what must fail: the second half of the suite in `conformance`."""

import random
from dataclasses import replace
from itertools import product
from typing import Any

import numpy as np

from securecompute.engine.rounds import shape_of
from securecompute.protocols.sums.interface import Survivors
from securecompute.values import Ciphertext, Masked
from tests.protocols.sums.conformance_harness import (
    Harness,
    hidden,
    instead,
    messages,
    sound_and_named,
)
from tests.protocols.sums.playing import (
    COORDINATOR,
    Federation,
    copied,
    leaves,
    names,
)


class ViewPromises(Harness):
    """What holds for the messages of every sum, as they are and when they are not."""

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
        sent, pick = messages(self.federation()), random.Random(1)
        places = sorted(place for place in sent if leaves(sent[place]))  # there is nothing to change in an empty one
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
        sent = messages(self.federation())
        for place in sorted(place for place in sent if leaves(sent[place]))[::3]:
            for cut in (leaves(sent[place])[-1].reshape(-1)[:-1], b""):
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
