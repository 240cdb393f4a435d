"""A committee's sum: cost as stated; institutions speak once; a lost institution is left out, a lost member borne."""

from itertools import combinations, product

import numpy as np
import pytest

from securecompute.arithmetic.rings import Ring
from securecompute.engine.rounds import shape_of
from securecompute.errors import InvalidRequest, PeerMisbehaved, PeerSilent
from securecompute.protocols.sums import committee_institution
from securecompute.protocols.sums.committee import collect, coordinate, cost, learns
from securecompute.protocols.sums.committee_keys import commitment, groups, mask_key
from securecompute.protocols.sums.interface import Survivors
from securecompute.protocols.sums.settings import Pairwise
from tests.protocols.sums.committee_playing import (
    BOXES,
    KEYS,
    MEMBERS_SEND,
    OPENED,
    REVEAL,
    SIGN,
    SPEAK,
    SURVIVORS,
    VERDICT,
    federation,
    setting,
    spoken_with,
)
from tests.protocols.sums.playing import (
    COLLECTOR,
    COORDINATOR,
    answer,
    describe,
    in_turn,
    leaves,
    names,
    refuses,
    silent_from,
    sound,
    tamper,
    without,
)

BORNE = {(3, False): 0, (3, True): 1, (5, False): 1, (5, True): 2}  # members that may be missing
PROFILES = list(BORNE)

# ---- cost and form


@pytest.mark.parametrize(
    ("k", "n", "d", "ring"), [(3, 3, 1, Ring.Z32), (3, 7, 33, Ring.Z64), (5, 5, 2, Ring.Z128), (5, 9, 4, Ring.Z64)]
)
def test_the_cost_line_is_true(k, n, d, ring):
    run = federation(k, n, d=d, ring=ring)
    played, said = run.run(strict=True), cost(run.descriptor)
    w = ring.item_bytes
    vector = d * w + (32 if w == 16 else 16)
    seeds, box, held = {3: (3, 80, 2), 5: (10, 208, 6)}[k]
    assert played.rounds == said.rounds == 9
    assert said.institution == 32 + 32 * seeds + 64 + k * box + vector
    assert said.member == said.institution + 96 + n + 64 + held * vector
    sent = dict.fromkeys(names(k), said.member) | dict.fromkeys(names(n)[k:], said.institution)
    assert played.sent == sent | {COORDINATOR: said.coordinator, COLLECTOR: 0}


@pytest.mark.parametrize("k", [3, 5])
def test_what_an_institution_sends_does_not_grow_with_their_number(k):
    few, many = (cost(describe(n, setting=setting(k))) for n in (5, 50))
    assert few.institution == many.institution


@pytest.mark.parametrize("k", [3, 5])
def test_an_institution_that_is_no_member_sends_one_message(k):
    views = federation(k, 6).run(strict=True).views
    sent = [(at, to) for to, seen in views.items() for at, sender in seen if sender == "h5"]
    assert sent == [(SPEAK, COORDINATOR)]


@pytest.mark.parametrize("k", [3, 5])
def test_each_party_receives_the_fields_listed_and_nothing_else(k):
    views = federation(k, 6, d=4, ring=Ring.Z128).run(strict=True).views
    fields = {p: {place: shape_of(message) for place, message in seen.items()} for p, seen in views.items()}
    advert, box, held = {3: (192, 80, 2), 5: (416, 208, 6)}[k]
    vector = "uint64 (4, 2), uint64 (2, 2)"
    keys, signatures = f"(uint8 ({k},), uint8 ({k}, 96))", f"(uint8 ({k},), uint8 ({k}, 64))"
    verdict, chosen = f"(uint8 (32,), uint8 (6,), {signatures})", "uint8 (6,)"
    everybody = {(KEYS, COORDINATOR): keys, (VERDICT, COORDINATOR): verdict}
    boxes = f"((uint8 (6,), uint8 (6, {advert})), uint8 (6, {box}))"
    for p in names(6):
        member = {(BOXES, COORDINATOR): boxes, (SURVIVORS, COORDINATOR): chosen} if p in names(k) else {}
        assert fields[p] == everybody | member
    spoken = f"(uint8 ({advert},), uint8 ({k}, {box}), {vector})"
    from_member = {0: "uint8 (96,)", OPENED: chosen, SIGN: "uint8 (64,)"}
    said = {(at, m): shape for at, shape in from_member.items() for m in names(k)}
    assert fields[COORDINATOR] == said | {(SPEAK, p): spoken for p in names(6)}
    told = {(REVEAL, m): f"(uint64 ({held}, 4, 2), uint64 ({held}, 2, 2))" for m in names(k)}
    assert fields[COLLECTOR] == told | {(VERDICT, COORDINATOR): f"({keys}, {verdict}, {vector})"}


def test_who_learns_what_names_the_members_and_says_how_many_may_collude():
    for k, most in ((3, "one member"), (5, "two members")):
        said = dict(learns(describe(6, setting=setting(k)), COORDINATOR, COLLECTOR))
        assert f"the committee: {', '.join(names(k))}" in said
        assert said[f"coordinator together with more than {most}"] == "every institution's own numbers"
        assert not any("lies" in who for who in said)


def test_a_committee_that_trusts_its_coordinator_says_what_a_lie_would_give():
    said = dict(learns(describe(setting=setting(3, honest=True)), COORDINATOR, COLLECTOR))
    assert said["coordinator, if it lies, with one member"].startswith("totals that differ by one institution")


def test_a_descriptor_without_a_committee_is_refused():
    descriptor = describe(setting=Pairwise())
    for part in (coordinate(descriptor, COLLECTOR), collect(descriptor, COORDINATOR)):
        with pytest.raises(InvalidRequest, match="setting is 'pairwise', not a committee"):
            next(part)


@pytest.mark.parametrize("k", [3, 5])
def test_members_lack_the_seeds_of_the_groups_that_they_are_all_in(k):
    committee = setting(k)
    for c in range(k + 1):
        for some in combinations(committee.members, c):
            lacking = set(groups(committee)) - {T for m in some for T in groups(committee, m)}
            assert lacking == {T for T in groups(committee) if set(some) <= set(T)}
            assert bool(lacking) == (c <= committee.tolerated)


@pytest.mark.parametrize(("k", "honest"), PROFILES)
def test_two_sets_of_signing_members_share_an_honest_one_unless_the_coordinator_is_trusted(k, honest):
    committee = setting(k, honest)
    pairs = product(combinations(committee.members, committee.quorum), repeat=2)
    common = min(len(set(one) & set(other)) for one, other in pairs)
    assert (common > committee.tolerated) == (not honest)
    assert common >= 1


def test_a_commitment_a_mask_and_another_session_or_institution_have_keys_of_their_own():
    seed, T = b"r" * 32, ("h1",)
    of = [make(seed, *rest) for make in (mask_key, commitment) for rest in ((b"s", T, "h0"), (b"t", T, "h0"))]
    of += [make(seed, b"s", *rest) for make in (mask_key, commitment) for rest in ((("h2",), "h0"), (T, "h3"))]
    assert len(set(of)) == len(of) == 8


# ---- dropouts


@pytest.mark.parametrize(("k", "honest"), PROFILES)
def test_an_institution_that_never_speaks_is_left_out_and_one_that_spoke_is_in(k, honest):
    for first in (0, SPEAK, BOXES, REVEAL):
        run = federation(k, 6, honest)
        assert sound(run, run.run(silent_from("h5", first))) == (run.names[:5] if first <= SPEAK else run.names)


@pytest.mark.parametrize("k", [3, 5])
def test_as_many_institutions_may_be_lost_as_leave_the_minimum(k):
    for lost in range(1, 8 - k + 1):
        run = federation(k, 8, minimum=3 if k == 3 else 5)
        gone = run.names[8 - lost :]
        played = run.run(lambda at, who, to, m, gone=gone: None if who in gone else m)
        assert sound(run, played) == run.names[: 8 - lost]
    run = federation(3, 8, minimum=4)
    played = run.run(lambda at, who, to, m: None if who in run.names[3:] else m)
    refuses(played, COORDINATOR, PeerSilent, "'h3', 'h4', 'h5', 'h6', 'h7'")


@pytest.mark.parametrize(("k", "honest"), PROFILES)
@pytest.mark.parametrize("first", MEMBERS_SEND)
def test_members_may_be_lost_at_any_step_as_long_as_the_quorum_is_there(k, honest, first):
    for lost in range(k + 1):
        run = federation(k, 7, honest)
        gone = run.names[:lost]
        played = run.run(lambda at, who, to, m, gone=gone: None if who in gone and at >= first else m)
        included, committee = sound(run, played), run.descriptor.setting
        needed = committee.tolerated + 1 if first == REVEAL else committee.quorum
        if k - lost < needed:
            assert included is None
            refuses(played, COLLECTOR if first == REVEAL else COORDINATOR, PeerSilent, "'h0'")
        else:
            assert included == (run.names[lost:] if first <= SPEAK else run.names)
    assert k - committee.quorum == BORNE[k, honest]


def test_different_members_lost_at_different_steps_are_too_many_together():
    for first, second in combinations(MEMBERS_SEND[:-1], 2):
        run = federation(5, 6)
        played = run.run(in_turn(silent_from("h0", first), silent_from("h1", second)))
        assert sound(run, played) is None
        refuses(played, COORDINATOR, PeerSilent, "'h1'")


def test_a_member_whose_vector_is_lost_serves_all_the_same():
    run = federation(3, 5)
    played = run.run(without((SPEAK, "h1")))
    assert sound(run, played) == ("h0", "h2", "h3", "h4")
    refuses(played, "h1", PeerMisbehaved, "'h1' is left out of the total")


def test_an_institution_that_does_not_hear_the_outcome_takes_nothing_from_it():
    run = federation(3, 5)
    played = run.run(without((VERDICT, COORDINATOR, "h4")))
    assert sound(run, played) == run.names
    assert type(played.errors["h4"]) is PeerSilent


# ---- an institution that cheats is left out; it does not end the run


def garbled(array):
    array[:] ^= np.uint8(1)
    return array


def one_box(k):
    def change(boxes):
        boxes[k] ^= np.uint8(1)
        return boxes

    return change


def commitment_changed(advert):
    advert[32 + 5] ^= np.uint8(1)
    return advert


BAD = {
    "boxes": spoken_with(garbled, 1),
    "the box of one member": spoken_with(one_box(1), 1),
    "a signature": spoken_with(lambda advert: np.append(advert[:-1], advert[-1:] ^ np.uint8(1)), 0),
    "a commitment": spoken_with(commitment_changed, 0),
    "a low-order key": spoken_with(lambda advert: np.append(np.zeros(32, np.uint8), advert[32:]), 0),
}


@pytest.mark.parametrize("k", [3, 5])
@pytest.mark.parametrize("bad", BAD.values(), ids=BAD)
def test_an_institution_whose_seeds_a_member_cannot_use_is_left_out_and_told(k, bad):
    run = federation(k, 6)
    played = run.run(tamper(SPEAK, "h5", bad))
    assert sound(run, played) == run.names[:5]
    refuses(played, "h5", PeerMisbehaved, "'h5' is left out of the total: the committee could not use what it sent")
    assert played.outputs[COORDINATOR] == Survivors(run.names, run.names[:5])
    assert all(played.outputs[p] == run.names[:5] for p in run.names[:5])


def test_an_institution_that_gives_members_different_seeds_is_left_out(monkeypatch):
    """Whatever it signs: each member has a seed that is not the one that was committed to."""
    seal = committee_institution.seal_seeds

    def unlike(u, setting, context, c_u, seeds, adverts):
        boxes = seal(u, setting, context, c_u, seeds, adverts)
        if u == "h4":
            other = {T: bytes(32) for T in seeds}
            boxes["h1"] = seal(u, setting, context, c_u, other, adverts)["h1"]
        return boxes

    monkeypatch.setattr(committee_institution, "seal_seeds", unlike)
    run = federation(3, 5)
    assert sound(run, run.run()) == run.names[:4]


def test_too_many_institutions_whose_seeds_cannot_be_used_end_the_run_and_are_named():
    run = federation(3, 4)
    played = run.run(in_turn(*(tamper(SPEAK, p, BAD["boxes"]) for p in ("h0", "h3"))))
    refuses(played, COORDINATOR, PeerMisbehaved, "could not use the seeds of 'h0', 'h3'; too few are left")
    assert sound(run, played) is None


def test_a_vector_that_does_not_fit_its_seeds_is_found_by_the_check_words():
    def shifted(message):
        leaves(message)[2][0] += np.uint64(1)
        return message

    run = federation(3, 5)
    played = run.run(tamper(SPEAK, "h4", shifted))
    refuses(played, COLLECTOR, PeerMisbehaved, "check words do not agree")


def test_the_answer_is_that_of_any_other_sum():
    run = federation(5, 7, inputs={p: [-(3**k), 3**k, 0, 700 - k, k] for k, p in enumerate(names(7))})
    assert answer(run, run.run(strict=True))[1] == run.total()
