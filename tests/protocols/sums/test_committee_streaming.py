"""Long vectors of a committee's sum: the same total, nothing revealed to whoever stops half-way, little memory."""

from itertools import pairwise as pairwise_of

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from securecompute.arithmetic.rings import Ring, encode
from securecompute.engine.fabric import Recipe
from securecompute.engine.faults import Faults
from securecompute.engine.in_process import InProcess
from securecompute.engine.session import open_session
from securecompute.engine.simulated import simulate
from securecompute.errors import DisclosureRefused, EncodingOverflow, InternalFault, PeerMisbehaved, PeerSilent
from securecompute.primitives.keys import AgreementKey
from securecompute.protocols.sums import chunks, committee_reveal
from securecompute.protocols.sums.chunks import TOGETHER_BYTES, chunk_length
from securecompute.protocols.sums.committee import cost
from securecompute.protocols.sums.committee_keys import groups
from securecompute.protocols.sums.interface import Survivors
from tests.protocols.sums.committee_playing import (
    KEYS,
    OPENED,
    SPEAK,
    SURVIVORS,
    federation,
    setting,
    spoken_with,
    survivors,
)
from tests.protocols.sums.memory import peaks
from tests.protocols.sums.playing import (
    COLLECTOR,
    COORDINATOR,
    answer,
    describe,
    flip,
    in_turn,
    names,
    refuses,
    silent_from,
    sound,
    tamper,
    without,
)
from tests.seeded import SeededRandomness

RINGS = list(Ring)
SMALL = 64  # bytes of a chunk here: 16, 8 or 4 entries
PER_CHUNK = {ring: SMALL // ring.item_bytes for ring in RINGS}
LATER = range(SURVIVORS + 1, SURVIVORS + 4)  # rounds of chunks 1, 2, 3 of four on their way up
LAST_ANSWER, SIGN, HANDOVER, REVEAL = range(SURVIVORS + 4, SURVIVORS + 8)
REST = range(REVEAL + 1, REVEAL + 4)  # rounds of chunks 1, 2, 3 on their way down


@pytest.fixture(autouse=True)
def small(monkeypatch):
    """Chunks so short that a vector of a few entries has several."""
    monkeypatch.setattr(chunks, "CHUNK_BYTES", SMALL)


def four_chunks(k=3, n=5, ring=Ring.Z64, **changes):
    """A federation whose vectors take four chunks, the last of one entry."""
    d = 3 * PER_CHUNK[ring] + 1
    inputs = {p: [(-1) ** j * (3 * i + j) for j in range(d)] for i, p in enumerate(names(n))}
    return federation(k, n, d=d, ring=ring, inputs=inputs, **changes)


def shut(run, played, party, words):
    """Assert that the run ended with PeerSilent and that the collector had heard nothing, so nothing was revealed."""
    refuses(played, party, PeerSilent, words)
    assert COLLECTOR not in played.outputs and not played.views[COLLECTOR]
    for ledger in run.ledgers.values():
        ledger.check(run.descriptor.plan, run.names[:3])  # no set is remembered


# ---- chunks and cost


@pytest.mark.parametrize(("k", "size"), [(3, 2 << 20), (5, 512 << 10)])
@pytest.mark.parametrize("ring", RINGS)
def test_what_all_members_tell_of_a_chunk_fits_together(k, size, ring, monkeypatch):
    monkeypatch.undo()
    descriptor = describe(5, 10**8, ring, setting=setting(k))
    assert chunk_length(descriptor) * ring.item_bytes == size
    told = sum(len(groups(descriptor.setting, m)) for m in descriptor.setting.members)
    assert told * size <= TOGETHER_BYTES
    assert chunk_length(describe(90, 10**8, ring, setting=setting(k))) == chunk_length(describe(90, 10**8, ring))


@pytest.mark.parametrize("ring", RINGS)
@settings(max_examples=8, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_the_total_is_the_plain_total_whatever_the_length_and_the_cost_line_is_true(ring, data):
    k, n = data.draw(st.sampled_from([(3, 3), (3, 5), (5, 6)]))
    d, bound = data.draw(st.integers(1, 5 * PER_CHUNK[ring])), ((1 << (ring.bits - 1)) - 1) // n
    entries = st.one_of(st.sampled_from([-bound, bound, 0]), st.integers(-bound, bound))
    inputs = {p: data.draw(st.lists(entries, min_size=d, max_size=d)) for p in names(n)}
    run = federation(k, n, d=d, ring=ring, bound=bound, inputs=inputs)
    played, said = run.run(strict=True), cost(run.descriptor)
    assert answer(run, played) == (Survivors(run.names, run.names), run.total())
    pieces = -(-d // PER_CHUNK[ring])
    assert played.rounds == said.rounds == (9 if pieces == 1 else 8 + 2 * pieces)
    sent = dict.fromkeys(run.names, said.institution) | dict.fromkeys(names(k), said.member)
    assert played.sent == sent | {COORDINATOR: said.coordinator, COLLECTOR: 0}


@pytest.mark.parametrize("ring", RINGS)
def test_a_vector_of_one_chunk_takes_nine_rounds_and_one_entry_more_takes_three_more(ring):
    costs = [cost(describe(5, PER_CHUNK[ring] + more, ring, setting=setting())) for more in (0, 1)]
    assert [said.rounds for said in costs] == [9, 12]
    assert costs[1].institution - costs[0].institution == ring.item_bytes


def test_an_institution_says_everything_else_with_its_first_chunk_and_sends_one_a_round():
    views = four_chunks().run(strict=True).views
    sent = [(at, to) for to, seen in views.items() for at, sender in seen if sender == "h4"]
    assert sent == [(at, COORDINATOR) for at in (SPEAK, *LATER)]


# ---- dropouts


@pytest.mark.parametrize("first", [KEYS, SPEAK, LAST_ANSWER, REVEAL])
@pytest.mark.parametrize("k", [3, 5])
def test_who_is_silent_before_its_first_chunk_is_left_out_and_after_the_last_is_in(k, first):
    run = four_chunks(k, 6)
    assert sound(run, run.run(silent_from("h5", first))) == (run.names[:5] if first <= SPEAK else run.names)


@pytest.mark.parametrize("first", LATER)
@pytest.mark.parametrize("gone", ["h1", "h5"])
@pytest.mark.parametrize("ring", RINGS)
def test_who_falls_silent_half_way_ends_the_run_with_nothing_revealed_and_a_new_run_may_do_without_it(
    ring, gone, first
):
    run = four_chunks(5, 6, ring)
    shut(run, played := run.run(silent_from(gone, first)), COORDINATOR, f"'{gone}'")
    assert {type(error) for error in played.errors.values()} == {PeerSilent}
    again = four_chunks(5, 6, ring, seed=1, ledgers=run.ledgers)
    assert sound(again, again.run(silent_from(gone, SPEAK))) == tuple(p for p in run.names if p != gone)


def test_a_member_that_falls_silent_before_the_set_is_chosen_is_left_out_of_it():
    run = four_chunks(5, 6)
    played = run.run(silent_from("h1", OPENED))
    assert sound(run, played) == ("h0", "h2", "h3", "h4", "h5")
    assert played.outputs[COORDINATOR].shared == run.names
    few = four_chunks(5, 5, minimum=5)
    shut(few, few.run(silent_from("h1", OPENED)), COORDINATOR, "'h1' fell silent after the first chunk; too few")


@pytest.mark.parametrize("first", [SIGN, REVEAL, *REST])
@pytest.mark.parametrize("k", [3, 5])
def test_members_may_be_lost_after_the_upload_as_long_as_enough_are_left(k, first):
    tolerated, quorum = {3: (1, 3), 5: (2, 4)}[k]
    for lost in range(k + 1):
        run = four_chunks(k, 6)
        gone = run.names[:lost]
        played = run.run(lambda at, who, to, m, gone=gone: None if who in gone and at >= first else m)
        included = sound(run, played)
        if k - lost < (quorum if first == SIGN else tolerated + 1):
            refuses(played, COORDINATOR if first == SIGN else COLLECTOR, PeerSilent, "'h0'")
        else:
            assert included == run.names


def test_different_members_lost_in_different_chunks_of_what_they_tell_are_borne_up_to_the_last_that_matters():
    run = four_chunks(5, 6)
    assert sound(run, run.run(in_turn(silent_from("h0", REST[0]), silent_from("h3", REST[2])))) == run.names
    run = four_chunks(5, 6)
    played = run.run(in_turn(*(silent_from(m, at) for m, at in zip(("h0", "h1", "h3"), REST, strict=True))))
    refuses(played, COLLECTOR, PeerSilent, "did not hear from 'h3'")


@pytest.mark.parametrize("at", REST)
@pytest.mark.parametrize("k", [3, 5])
def test_a_coordinator_that_falls_silent_while_it_hands_on_the_total_gives_no_number(k, at):
    run = four_chunks(k, 6)
    played = run.run(silent_from(COORDINATOR, at))
    assert sound(run, played) is None
    refuses(played, COLLECTOR, PeerSilent, "'coordinator' fell silent in the middle of the total")


def test_a_member_whose_first_chunk_is_lost_serves_all_the_same():
    run = four_chunks()
    played = run.run(without((SPEAK, "h1")))
    assert sound(run, played) == ("h0", "h2", "h3", "h4")
    refuses(played, "h1", PeerMisbehaved, "'h1' is left out of the total")
    assert not [at for at, sender in played.views[COORDINATOR] if sender == "h1" and at in LATER]
    assert (REVEAL, "h1") in played.views[COLLECTOR]


def test_an_institution_that_gets_no_answer_sends_no_third_chunk():
    run = four_chunks()
    played = run.run(lambda at, who, to, m: None if (who, to) == (COORDINATOR, "h4") and at > LATER[0] else m)
    assert [at for at, sender in played.views[COORDINATOR] if sender == "h4"] == [SPEAK, *LATER[:2]]
    shut(run, played, COORDINATOR, "'h4'")


def test_members_sign_only_when_all_chunks_have_arrived():
    run = four_chunks()
    played = run.run(without((LAST_ANSWER, COORDINATOR)))
    assert not [at for at, sender in played.views[COORDINATOR] if at > LATER[-1]]
    shut(run, played, "h0", "'coordinator'")


# ---- who is left out, and what ledgers refuse


@pytest.mark.parametrize("k", [3, 5])
def test_an_institution_whose_seeds_a_member_cannot_use_sends_no_more_and_does_not_end_the_run(k):
    run = four_chunks(k, 6)
    played = run.run(tamper(SPEAK, "h5", spoken_with(lambda boxes: boxes ^ np.uint8(1), 1)))
    assert sound(run, played) == run.names[:5]
    refuses(played, "h5", PeerMisbehaved, "'h5' is left out of the total: the committee could not use what it sent")
    assert [at for at, sender in played.views[COORDINATOR] if sender == "h5"] == [SPEAK]
    for p in run.names:
        with pytest.raises(DisclosureRefused):
            run.ledgers[p].check(run.descriptor.plan, run.names)  # all remember the set, h5 as well


@pytest.mark.parametrize("who", ["h0", "h4"])
def test_a_ledger_is_asked_before_the_second_chunk_and_a_refusal_ends_the_upload(who):
    run = four_chunks()
    run.ledgers[who].commit(run.descriptor.plan, run.names[:4])
    played = run.run()
    refuses(played, who, DisclosureRefused, "already answered")
    assert max(at for at, sender in played.views[COORDINATOR] if sender == who) < LATER[0]
    refuses(played, COORDINATOR, PeerSilent, f"'{who}'")


def test_an_institution_that_was_announced_another_set_than_was_signed_says_so():
    run = four_chunks()
    played = run.run(tamper(SURVIVORS, COORDINATOR, survivors(5, "h0", "h1", "h4"), "h4"))
    refuses(played, "h4", PeerMisbehaved, "signed another survivor set than the one that was announced")


def test_an_institution_is_told_a_set_below_the_minimum_and_sends_no_more():
    run = four_chunks()
    played = run.run(tamper(SURVIVORS, COORDINATOR, survivors(5, "h0", "h4"), "h4"))
    refuses(played, "h4", PeerMisbehaved, "2 institutions are in the total; 3 must")
    assert sound(run, played) is None


@pytest.mark.parametrize("ring", RINGS)
def test_an_entry_beyond_the_bound_in_any_chunk_is_refused_before_anything_is_sent(ring):
    d = 3 * PER_CHUNK[ring] + 1
    for at in (0, PER_CHUNK[ring], d - 1):
        column = [1001 if j == at else 1000 for j in range(d)]
        played = federation(d=d, ring=ring, inputs={p: column for p in names(5)}).run()
        assert {type(played.errors[p]) for p in names(5)} == {EncodingOverflow}
        assert not played.views[COORDINATOR]


# ---- cheats


UP = [(SPEAK, "h4", 2), *((at, "h4", 0) for at in LATER)]  # round, sender, leaf of each chunk
DOWN = [(HANDOVER, COORDINATOR, -2), *((at, COORDINATOR, 0) for at in REST)]


@pytest.mark.parametrize(("at", "sender", "leaf"), UP + DOWN)
@pytest.mark.parametrize("ring", RINGS)
def test_a_chunk_that_was_changed_on_its_way_up_or_down_gives_no_number(ring, at, sender, leaf):
    receiver = COLLECTOR if sender == COORDINATOR else None
    played = four_chunks(ring=ring).run(tamper(at, sender, flip(leaf, 0), receiver))
    refuses(played, COLLECTOR, PeerMisbehaved, "check words do not agree")


@pytest.mark.parametrize("chunk", [1, 2, 3])
@pytest.mark.parametrize("k", [3, 5])
def test_a_member_that_tells_another_sum_of_masks_in_a_later_chunk_is_contradicted(k, chunk):
    played = four_chunks(k, 6).run(tamper(REVEAL + chunk, "h1", flip(0, 0, 0)))
    refuses(played, COLLECTOR, PeerMisbehaved, "disagree about a sum of masks; one of them is wrong")
    assert "'h1'" in str(played.errors[COLLECTOR])


def test_a_disagreement_that_nobody_looked_for_would_be_left_to_the_check_words(monkeypatch):
    """The fault planted: the collector takes what the first member tells."""

    def first(committee, T, told):
        m = min(m for m in told if m not in T)
        return told[m][groups(committee, m).index(T)]

    monkeypatch.setattr(committee_reveal, "_agreed", first)
    run = four_chunks()
    assert sound(run, run.run(tamper(REST[0], "h2", flip(0, 0, 0)))) == run.names
    played = four_chunks().run(tamper(REST[0], "h0", flip(0, 0, 0)))
    refuses(played, COLLECTOR, PeerMisbehaved, "check words do not agree")


def test_no_range_of_a_masks_stream_serves_twice_in_any_chunk(monkeypatch):
    used, expand = [], chunks.add_masks

    def recording(ring, y, masks, offset_bytes=0):
        used.extend((key, offset_bytes, offset_bytes + y.nbytes) for key, _ in masks)
        expand(ring, y, masks, offset_bytes)

    for user in (chunks, committee_reveal):
        monkeypatch.setattr(user, "add_masks", recording)
    for ring in RINGS:
        four_chunks(ring=ring).run(strict=True)
    for key in {key for key, *_ in used}:
        ranges = sorted({(first, last) for k, first, last in used if k == key})
        assert len(ranges) == 5
        assert all(a[1] <= b[0] for a, b in pairwise_of(ranges))
        assert [k for k, *_ in used].count(key) == 5 * (1 + 2)  # the institution, and the two members outside T


# ---- on links


def sealed(run, network=None):
    """A run with everything between the parties real."""
    parts = run.parts()
    keys = {p: AgreementKey.generate(SeededRandomness(p)) for p in parts}
    session = open_session("sum", {p: key.public for p, key in keys.items()}, b"manifest")
    return simulate(session, parts, keys, network, death_noticed_after=0.05)


@pytest.mark.parametrize("ring", RINGS)
@pytest.mark.parametrize("wrong", [0, 0.1])
@pytest.mark.parametrize(("k", "n"), [(3, 4), (5, 6)])
def test_chunks_pass_sealed_and_over_a_network_that_loses_repeats_and_reorders(k, n, ring, wrong):
    run = four_chunks(k, n, ring)
    network = Faults(3, drop=wrong, duplicate=wrong, reorder=wrong, replay=wrong)
    result, vector = sealed(run, network).outcomes[COLLECTOR].value
    assert result.included == run.names
    assert (vector == encode(ring, run.total())).all()


@pytest.mark.parametrize("party", ["h0", "h5"])
@pytest.mark.parametrize("frame", range(0, 14, 2))
def test_an_institution_whose_process_dies_gives_the_exact_total_of_some_set_or_none(party, frame):
    run = four_chunks(5, 6)
    outcomes = sealed(run, Faults(0, kill={party: (frame, "before")})).outcomes
    if outcomes[COLLECTOR].error is None:
        result, vector = outcomes[COLLECTOR].value
        assert (vector == encode(Ring.Z64, run.total(result.included))).all()
    assert not [p for p, outcome in outcomes.items() if isinstance(outcome.error, InternalFault)]


@pytest.mark.parametrize("begin", [0.0045, 0.0085, 0.0105, 0.0125, 0.0145])
def test_a_member_that_is_cut_off_in_silence_is_waited_for_no_longer_than_the_others_wait(begin):
    """Whoever goes on without it does so before those that wait for it in turn give up."""
    run = four_chunks(5, 6)
    cut = tuple(("h0", to, begin, 1e9) for to in (COORDINATOR, COLLECTOR))
    outcomes = sealed(run, Faults(0, partitions=cut)).outcomes
    if outcomes[COLLECTOR].error is None:
        result, vector = outcomes[COLLECTOR].value
        assert (vector == encode(Ring.Z64, run.total(result.included))).all()
        assert not [p for p in run.names[1:] if outcomes[p].error is not None]
    else:
        assert "'h0' did not answer in time" in str(outcomes[COORDINATOR].error)


class Site:
    """A participant of a fabric: one party of a federation of four chunks."""

    def __init__(self, me, k, ring):
        self.me, self.run = me, four_chunks(k, 5, Ring(ring))

    def answer(self, request, payload):
        """Nothing is asked."""

    def part(self, manifest):
        """Its part; what it returns is plain."""
        result = yield from self.run.parts()[self.me]
        return result[1].tobytes() if self.me == COLLECTOR else None


@pytest.mark.parametrize("ring", RINGS)
@pytest.mark.parametrize("k", [3, 5])
def test_chunks_pass_on_the_fabric_without_processes(k, ring):
    parties = [*names(5), COORDINATOR, COLLECTOR]
    fabric = InProcess({p: Recipe(Site, {"me": p, "k": k, "ring": ring.value}) for p in parties})
    outcomes = fabric.run("sum", fabric.parties, b"manifest").outcomes
    assert {p: o.error for p, o in outcomes.items()} == dict.fromkeys(fabric.parties)
    assert outcomes[COLLECTOR].value == encode(ring, four_chunks(ring=ring).total()).tobytes()


# ---- memory


@pytest.mark.slow
@pytest.mark.parametrize(("k", "bits"), [(3, 64), (5, 64), (5, 32)])
def test_twenty_million_entries_take_no_party_more_than_64_megabytes_beside_its_own_vector(k, bits):
    beside = peaks(n=5, d=20_000_000, bits=bits, k=k)
    assert set(beside) == {*names(5), COORDINATOR, COLLECTOR}
    assert all(peak <= 64e6 for peak in beside.values()), beside
