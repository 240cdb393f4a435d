"""What each coalition sees of a committee's sum: with τ members nothing but the total; with τ + 1, everything."""

from itertools import chain, combinations

import numpy as np
import pytest

from securecompute.arithmetic.rings import Ring
from securecompute.protocols.sums import chunks, committee_institution, committee_reveal
from securecompute.protocols.sums.committee_keys import groups
from tests.protocols.sums.committee_playing import (
    REVEAL,
    SPEAK,
    VERDICT,
    Transcript,
    allowed,
    federation,
    survivors,
    verdict_rows,
    view,
)
from tests.protocols.sums.playing import COLLECTOR, COORDINATOR, in_turn, leaves, names, silent_from, tamper

SERVERS = [(), (COORDINATOR,), (COLLECTOR,), (COORDINATOR, COLLECTOR)]


def garbled(message):
    """The box for one member does not open; another has the seeds, and must not tell of them."""
    leaves(message)[1][1] ^= np.uint8(1)
    return message


STORIES = {
    "three, all present": ({"k": 3, "n": 5}, None),
    "three, one dropped": ({"k": 3, "n": 6}, silent_from("h4", SPEAK)),
    "three, one left out, whose vector is there": ({"k": 3, "n": 6}, tamper(SPEAK, "h5", garbled)),
    "three, a member lost": ({"k": 3, "n": 5, "honest": True}, silent_from("h2", SPEAK)),
    "three of three": ({"k": 3, "n": 3}, None),
    "five, all present": ({"k": 5, "n": 7}, None),
    "five, a member and another lost": ({"k": 5, "n": 7}, in_turn(silent_from("h1", REVEAL), silent_from("h6", SPEAK))),
    "five, two left out": ({"k": 5, "n": 7}, in_turn(tamper(SPEAK, "h5", garbled), tamper(SPEAK, "h0", garbled))),
}


@pytest.fixture(scope="module")
def runs():
    """One run per thing that may happen."""
    transcripts = {}
    for story, (how, deliver) in STORIES.items():
        run = federation(d=3, **how)
        transcripts[story] = Transcript(run, run.run(deliver))
    return transcripts


def coalitions(transcript, colluding_members):
    """So many members, with up to two other institutions, and every set of servers."""
    inside = transcript.committee.members
    outside = [p for p in transcript.names if p not in inside]
    others = chain.from_iterable(combinations(outside, c) for c in range(3))
    return [
        {*some, *more, *servers}
        for some in combinations(inside, colluding_members)
        for more in list(others)
        for servers in SERVERS
    ]


@pytest.mark.parametrize("story", STORIES)
def test_the_rows_of_the_model_are_the_bytes_that_were_sent(runs, story):
    assert all(runs[story].row_is_what_was_sent(u) for u in runs[story].included)


@pytest.mark.parametrize("story", STORIES)
def test_with_at_most_tau_members_a_coalition_learns_its_own_inputs_and_with_the_collector_the_total(runs, story):
    transcript = runs[story]
    for c in range(transcript.committee.tolerated + 1):
        for coalition in coalitions(transcript, c):
            assert view(transcript, coalition).learns_only(*allowed(transcript, coalition)), coalition


@pytest.mark.parametrize("story", STORIES)
def test_the_collector_does_learn_the_total_with_the_coordinator_and_without(runs, story):
    transcript = runs[story]
    for coalition in ({COLLECTOR}, {COLLECTOR, COORDINATOR}):
        assert view(transcript, coalition).learned() == [[int(u in transcript.included) for u in transcript.names]]


@pytest.mark.parametrize("story", STORIES)
def test_one_member_more_than_tau_with_the_coordinator_would_learn_everything(runs, story):
    transcript = runs[story]
    present = [m for m in transcript.committee.members if m in transcript.included]
    more = present[: transcript.committee.tolerated + 1]
    learned = view(transcript, {*more, COORDINATOR})
    everything = [{u: 1} for u in transcript.spoken]
    assert len(learned.learned()) >= len(transcript.included)
    assert learned.learns_only(*everything)


def test_one_member_more_than_tau_with_the_collector_alone_learns_the_total_only(runs):
    for story in ("three, all present", "five, all present"):
        transcript = runs[story]
        coalition = {*transcript.committee.members[: transcript.committee.tolerated + 1], COLLECTOR}
        assert view(transcript, coalition).learns_only(*allowed(transcript, coalition))


def test_sums_of_masks_for_two_sets_would_expose_who_is_in_one_alone(runs):
    """What the signatures and the ledgers are for: M_T told for U, and for U without h4 as well."""
    transcript = runs["three, all present"]
    colluding = {"h0", COORDINATOR, COLLECTOR}
    exposed = view(transcript, colluding)
    fewer = [u for u in transcript.included if u != "h4"]
    for T in groups(transcript.committee):
        exposed.see({transcript.key(u, T): 1 for u in fewer})
    assert not exposed.learns_only(*allowed(transcript, colluding))
    assert exposed.learns_only(*allowed(transcript, colluding), {"h4": 1})


@pytest.mark.parametrize("T", groups(federation().descriptor.setting))
def test_a_fixed_mask_of_the_group_that_colludes_would_be_found(monkeypatch, T):
    make = committee_institution.mask_key
    fixed = b"a mask key, thirty-two bytes now"
    for user in (committee_institution, committee_reveal):
        monkeypatch.setattr(user, "mask_key", lambda seed, sid, of, u: fixed if of == T else make(seed, sid, of, u))
    run = federation(d=3)
    transcript = Transcript(run, run.run())
    assert all(transcript.row_is_what_was_sent(u) for u in transcript.names)
    coalition = {*T, COORDINATOR}
    assert not view(transcript, coalition).learns_only(*allowed(transcript, coalition))


@pytest.mark.parametrize("k", [3, 5])
def test_a_member_can_read_the_seeds_of_the_groups_it_is_not_in_and_no_others(k):
    run = federation(k, 6)
    transcript = Transcript(run, run.run())
    for m in names(k):
        for u, seeds in transcript.seeds_of(m).items():
            expected = groups(transcript.committee, None if u == m else m)
            assert seeds == {T: transcript.seeds[u][T] for T in expected}


def test_what_a_member_reveals_follows_from_the_total_of_the_others_and_not_from_whom_it_left_out(runs):
    transcript = runs["three, one left out, whose vector is there"]
    assert "h5" in transcript.spoken and "h5" not in transcript.included
    for place in ({COORDINATOR, COLLECTOR}, {COORDINATOR, COLLECTOR, "h0"}):
        learned = view(transcript, place).learned()
        assert all(row[transcript.names.index("h5")] == 0 for row in learned)


# ---- bytes


@pytest.mark.parametrize("ring", list(Ring))
@pytest.mark.parametrize("k", [3, 5])
def test_masked_vectors_and_told_sums_are_uniform_in_every_byte_position(k, ring):
    d = 1 << 13
    run = federation(k, 5, d=d, ring=ring, inputs={p: [0] * d for p in names(5)})
    views = run.run(strict=True).views
    sent = [views[COORDINATOR][SPEAK, p][2].elements for p in run.names]
    told = list(views[COLLECTOR][REVEAL, "h0"][0].elements)
    together = np.concatenate([y.view(np.uint8).reshape(d, -1) for y in sent + told])
    for position in together.T:
        counts = np.bincount(position, minlength=256)
        expected = len(together) / 256
        assert ((counts - expected) ** 2 / expected).sum() < 415  # χ², 255 degrees of freedom, p = 1e-9


def test_an_unmasked_zero_vector_would_fail_the_uniformity_test(monkeypatch):
    monkeypatch.setattr(chunks, "add_masks", lambda *_: None)
    run = federation(inputs={p: [0] * 5 for p in names(5)})
    assert not run.run().views[COORDINATOR][SPEAK, "h0"][2].elements.any()


def test_no_range_of_a_masks_stream_serves_twice(monkeypatch):
    used, expand = [], chunks.add_masks  # (key, first byte, last byte)

    def recording(ring, y, masks, offset_bytes=0):
        used.extend((key, offset_bytes, offset_bytes + y.nbytes) for key, _ in masks)
        expand(ring, y, masks, offset_bytes)

    for user in (chunks, committee_reveal):
        monkeypatch.setattr(user, "add_masks", recording)
    for seed, (ring, d) in enumerate([(Ring.Z32, 5), (Ring.Z64, 3), (Ring.Z128, 2)]):
        federation(3, 4, ring=ring, d=d, seed=seed).run(strict=True)
    for key in {key for key, *_ in used}:
        ranges = sorted({(first, last) for k, first, last in used if k == key})
        assert len(ranges) == 2 and ranges[0][1] <= ranges[1][0]
        assert [k for k, *_ in used].count(key) == 2 * (1 + 2)  # the institution, and the two members outside T


WORLDS = ({p: [0] * 5 for p in names(5)}, {p: [-1000, 1000, 0, 7, -7] for p in names(5)})


@pytest.mark.parametrize("party", [*names(5), COORDINATOR, COLLECTOR])
def test_a_partys_view_differs_between_inputs_in_the_masked_vectors_alone(party):
    """With the same tapes; with fresh ones these are uniform, as the tests above show."""
    one, other = (federation(inputs=inputs).run(strict=True).views[party] for inputs in WORLDS)
    for place, message in one.items():
        same = [(a == b).all() for a, b in zip(leaves(message), leaves(other[place]), strict=True)]
        masked = (party, place[0]) in ((COORDINATOR, SPEAK), (COLLECTOR, VERDICT))
        assert all(same[:-2]) and all(same) == (not masked)


def test_helpers_that_change_a_verdict_change_what_they_say():
    verdict = federation().run().views["h4"][VERDICT, COORDINATOR]
    shown, chosen, signatures = verdict_rows(3, lambda there: {})(verdict)
    assert not signatures[0].any() and (shown == verdict[0]).all() and (chosen == survivors(5, *names(5))(None)).all()
