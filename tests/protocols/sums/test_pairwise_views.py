"""What each party of a masked sum sees: fields as listed, uniform bytes, of the inputs the total."""

from itertools import chain, combinations

import numpy as np
import pytest

from securecompute.arithmetic.rings import Ring
from securecompute.engine.rounds import shape_of
from securecompute.engine.session import open_session
from securecompute.engine.simulated import simulate
from securecompute.primitives.keys import AgreementKey
from securecompute.primitives.shamir import recombine
from securecompute.protocols.sums import chunks, pairwise
from tests.protocols.sums.coalition import Transcript, allowed, secrets, view
from tests.protocols.sums.playing import (
    ADVERTISE,
    ADVERTS,
    COLLECTOR,
    COORDINATOR,
    MASKED,
    REVEAL,
    SHARE,
    SHARES,
    SIGN,
    SIGNATURES,
    SURVIVORS,
    Federation,
    describe,
    leaves,
    names,
    silent_from,
)
from tests.seeded import SeededRandomness

SERVERS = [(), (COORDINATOR,), (COLLECTOR,), (COORDINATOR, COLLECTOR)]
RINGS = list(Ring)


def run(n=5, dropped=None, first=MASKED, late=False, **changes):
    """A transcript; `late`: the dropped one's vector reaches the coordinator after all."""
    federation, arrived = Federation(describe(n, 3, **changes)), {}

    def deliver(at, sender, receiver, message):
        if sender == dropped and at >= first:
            if late and at == MASKED:
                arrived[sender] = message
            return None
        return message

    return Transcript(federation, federation.run(deliver), arrived)


@pytest.fixture(scope="module")
def runs():
    """One run per thing that may happen."""
    return {
        "all present": run(),
        "silent before sharing": run(dropped="h3", first=SHARE),
        "dropped": run(dropped="h3"),
        "dropped, arriving late": run(dropped="h3", late=True),
        "silent at the end": run(dropped="h0", first=REVEAL),
        "four": run(4, dropped="h0", late=True),
        "seven": run(7, dropped="h6", late=True),
    }


STORIES = ["all present", "silent before sharing", "dropped", "dropped, arriving late", "silent at the end"]
STORIES += ["four", "seven"]


def coalitions(transcript, most):
    """Every set of at most so many institutions, with every set of servers."""
    groups = chain.from_iterable(combinations(transcript.names, c) for c in range(most + 1))
    return [{*group, *servers} for group in groups for servers in SERVERS]


def colluders(descriptor):
    """The most that the Security block allows with a malicious coordinator."""
    n, t, m = len(descriptor.institutions), descriptor.threshold, descriptor.minimum
    return min(2 * t - n - 1, max(t, m) - 2)


@pytest.mark.parametrize("story", STORIES)
def test_the_rows_of_the_model_are_the_bytes_that_were_sent(runs, story):
    transcript = runs[story]
    assert all(transcript.row_is_what_was_sent(u) for u in transcript.masked)


@pytest.mark.parametrize("story", STORIES)
def test_a_coalition_within_the_bound_learns_its_own_inputs_and_with_the_collector_the_total(runs, story):
    transcript = runs[story]
    for coalition in coalitions(transcript, colluders(transcript.descriptor)):
        assert view(transcript, coalition).learns_only(*allowed(transcript, coalition)), coalition


@pytest.mark.parametrize("story", STORIES)
def test_the_collector_does_learn_the_total_with_the_coordinator_and_without(runs, story):
    transcript = runs[story]
    for coalition in ({COLLECTOR}, {COLLECTOR, COORDINATOR}):
        assert view(transcript, coalition).learned() == [[int(u in transcript.included) for u in transcript.names]]


@pytest.mark.parametrize("story", STORIES)
def test_a_coalition_holds_no_secret_of_an_honest_institution_but_the_one_kind_that_was_revealed(runs, story):
    transcript = runs[story]
    for coalition in coalitions(transcript, colluders(transcript.descriptor)):
        b, s = secrets(transcript, coalition)
        assert not (b.keys() & s.keys()) - coalition
        if COLLECTOR not in coalition:
            assert b.keys() | s.keys() <= coalition


def test_as_many_colluders_as_the_threshold_would_learn_everything(runs):
    """They hold enough shares of every secret."""
    transcript = runs["all present"]
    coalition = {*transcript.names[: transcript.descriptor.threshold], COORDINATOR}
    assert len(view(transcript, coalition).learned()) == len(transcript.names)


def test_both_kinds_of_share_of_one_institution_would_expose_exactly_its_vector(runs):
    transcript = runs["dropped, arriving late"]
    leak = [(u, "h3", "b") for u in transcript.included[: transcript.descriptor.threshold]]
    exposed = view(transcript, {COORDINATOR, COLLECTOR}, planted=leak)
    assert not exposed.learns_only(*allowed(transcript, {COLLECTOR}))
    assert exposed.learns_only(*allowed(transcript, {COLLECTOR}), {"h3": 1})
    short = view(transcript, {COORDINATOR, COLLECTOR}, planted=leak[1:])
    assert short.learns_only(*allowed(transcript, {COLLECTOR}))


def test_a_fixed_pair_mask_would_be_found(monkeypatch):
    monkeypatch.setattr(pairwise, "mask_key", lambda *_: b"fixed mask key, thirty-two bytes")
    transcript = run()
    assert all(transcript.row_is_what_was_sent(u) for u in transcript.masked)
    assert not view(transcript, {COORDINATOR, COLLECTOR}).learns_only(*allowed(transcript, {COLLECTOR}))


def test_a_fixed_self_mask_would_be_found(monkeypatch):
    monkeypatch.setattr(pairwise, "self_key", lambda *_: b"fixed self key, thirty-two bytes")
    transcript = run(dropped="h3", late=True)
    learned = view(transcript, {COORDINATOR, COLLECTOR})
    assert learned.learns_only(*allowed(transcript, {COLLECTOR}), {"h3": 1})
    assert not learned.learns_only(*allowed(transcript, {COLLECTOR}))


# ---- what is revealed


@pytest.mark.parametrize("story", STORIES)
def test_each_institution_reveals_one_share_of_each_other_and_never_of_both_secrets(runs, story):
    transcript = runs[story]
    for u, revealed in transcript.shares_revealed().items():
        boxes = transcript.shares_in_boxes(u)
        for v, (share_b, share_s) in boxes.items():
            assert revealed[v] == (share_b if v in transcript.included else share_s)
        assert all(not any(revealed[v]) for v in set(transcript.names) - {*boxes, u})


def test_of_one_who_was_slow_the_mask_key_is_recovered_and_the_seed_is_not(runs):
    transcript = runs["dropped, arriving late"]
    shares = {k + 1: of["h3"] for k, u in enumerate(transcript.names) if (of := transcript.shares_revealed().get(u))}
    assert len(shares) == 4
    secret = recombine(shares)
    assert AgreementKey.from_private_bytes(secret).public == transcript.s["h3"].public
    assert secret != transcript.b["h3"]


def test_no_range_of_a_masks_stream_serves_twice(monkeypatch):
    used, expand = [], chunks.add_masks

    def recording(ring, y, masks, offset_bytes=0):
        used.extend((key, sign, offset_bytes, offset_bytes + y.nbytes) for key, sign in masks)
        expand(ring, y, masks, offset_bytes)

    for k, (ring, d) in enumerate([(Ring.Z32, 5), (Ring.Z64, 3), (Ring.Z128, 2)]):
        monkeypatch.setattr(chunks, "add_masks", recording)
        federation = Federation(describe(4, d, ring), seed=k)
        parts = federation.parts()
        del parts[COLLECTOR]  # who takes masks off expands the same ones
        federation.parts = lambda parts=parts: parts
        federation.run()
    for key in {key for key, *_ in used}:
        ranges = sorted({(first, last) for k, _, first, last in used if k == key})
        assert len(ranges) == 2
        assert ranges[0][1] <= ranges[1][0]
        for span in ranges:
            signs = [sign for k, sign, *its in used if k == key and tuple(its) == span]
            assert signs == [1] or sorted(signs) == [-1, 1]  # a self mask once; a pair's mask once by each


def test_a_second_run_of_the_same_descriptor_and_inputs_shares_no_mask_with_the_first():
    first, second = (Federation(seed=seed) for seed in (1, 2))
    one, other = (Transcript(federation, federation.run()) for federation in (first, second))
    keys = [{key for u in each.names for key, _ in each.masks(u)} for each in (one, other)]
    assert not keys[0] & keys[1]
    assert all((one.masked[u][0].elements != other.masked[u][0].elements).all() for u in one.names)


# ---- uniform bytes


@pytest.mark.parametrize("ring", RINGS)
def test_masked_vectors_are_uniform_in_every_byte_position(ring):
    d = 1 << 14
    federation = Federation(describe(4, d, ring), {p: [0] * d for p in names(4)})
    seen = federation.run(strict=True).views[COORDINATOR]
    together = np.concatenate([seen[MASKED, p][0].elements.view(np.uint8).reshape(d, -1) for p in federation.names])
    assert together.shape == (65536, ring.item_bytes)
    for position in together.T:
        counts = np.bincount(position, minlength=256)
        assert ((counts - 256.0) ** 2 / 256).sum() < 415  # χ², 255 degrees of freedom, p = 1e-9


def test_masked_check_words_are_uniform():
    words = []
    for seed in range(40):
        seen = Federation(describe(4, 1), seed=seed).run(strict=True).views[COORDINATOR]
        words += [seen[MASKED, p][1].elements.view(np.uint8) for p in names(4)]
    counts = np.bincount(np.concatenate(words), minlength=256)
    assert counts.sum() == 40 * 4 * 16
    assert ((counts - 10.0) ** 2 / 10).sum() < 415


def test_an_unmasked_zero_vector_would_fail_the_uniformity_test(monkeypatch):
    monkeypatch.setattr(chunks, "add_masks", lambda *_: None)
    federation = Federation(inputs={p: [0] * 5 for p in names(4)})
    assert not federation.run().views[COORDINATOR][MASKED, "h0"][0].elements.any()


# ---- fields and sizes


def fields(seen):
    """(round, sender) -> dtypes and shapes."""
    return {place: shape_of(message) for place, message in seen.items()}


def test_each_party_receives_the_fields_listed_and_nothing_else():
    views = Federation(describe(4, 6, Ring.Z128)).run(strict=True).views
    keys, boxes, signatures = (f"(uint8 (4,), uint8 (4, {width}))" for width in (160, 82, 64))
    vector = "(uint64 (6, 2), uint64 (2, 2))"
    to_coordinator = {ADVERTISE: "uint8 (160,)", SHARE: boxes, MASKED: vector, SIGN: "uint8 (64,)"}
    assert fields(views[COORDINATOR]) == {(at, p): shape for at, shape in to_coordinator.items() for p in names(4)}
    to_institution = {ADVERTS: keys, SHARES: boxes, SURVIVORS: "uint8 (4,)", SIGNATURES: signatures}
    for p in names(4):
        assert fields(views[p]) == {(at, COORDINATOR): shape for at, shape in to_institution.items()}
    revealed = {(REVEAL, p): "(uint8 (4, 33), uint8 (32,))" for p in names(4)}
    everything = f"({keys}, uint8 (4,), uint8 (4,), {signatures}, {vector})"
    assert fields(views[COLLECTOR]) == {(SIGNATURES, COORDINATOR): everything} | revealed


WORLDS = ({p: [0] * 5 for p in names(4)}, {p: [-1000, 1000, 0, 7, -7] for p in names(4)})


def test_every_partys_view_has_the_same_fields_whatever_the_inputs():
    one, other = (Federation(inputs=inputs).run(strict=True).views for inputs in WORLDS)
    assert {p: fields(seen) for p, seen in one.items()} == {p: fields(seen) for p, seen in other.items()}


def test_the_coordinators_view_differs_between_inputs_in_the_masked_vectors_alone():
    """With the same tapes; with fresh ones these are uniform, as the tests above show."""
    one, other = (Federation(inputs=inputs).run(strict=True).views[COORDINATOR] for inputs in WORLDS)
    for (at, p), message in one.items():
        same = all((a == b).all() for a, b in zip(leaves(message), leaves(other[at, p]), strict=True))
        assert same == (at != MASKED)


def test_the_frames_on_the_network_have_the_same_number_size_order_and_times_whatever_the_inputs():
    seen = []
    for inputs in WORLDS:
        parts = Federation(inputs=inputs).parts()
        keys = {p: AgreementKey.generate(SeededRandomness(p)) for p in parts}
        session = open_session("pairwise sum", {p: key.public for p, key in keys.items()}, b"manifest")
        frames = simulate(session, parts, keys).frames
        seen.append([(time, source, destination, len(frame)) for time, source, destination, frame in frames])
    assert seen[0] == seen[1]


def test_a_party_that_is_told_of_a_dropout_sees_messages_of_the_same_size():
    present = fields(Federation().run().views["h0"])
    assert fields(Federation().run(silent_from("h2", SHARE)).views["h0"]) == present
