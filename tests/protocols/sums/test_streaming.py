"""Long vectors in chunks: the same total, nothing revealed when somebody falls silent half-way, little memory."""

from itertools import pairwise as pairwise_of

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from securecompute.arithmetic.rings import Ring, encode
from securecompute.disclosure.ledger import SurvivorLedger
from securecompute.engine.fabric import Recipe
from securecompute.engine.faults import Faults
from securecompute.engine.in_process import InProcess
from securecompute.engine.session import open_session
from securecompute.engine.simulated import simulate
from securecompute.engine.wire import DATA, parse_frame
from securecompute.errors import EncodingOverflow, InvalidRequest, PeerMisbehaved, PeerSilent
from securecompute.primitives.keys import AgreementKey
from securecompute.protocols.sums import chunks
from securecompute.protocols.sums.chunks import TOGETHER_BYTES, chunk_length, spans
from securecompute.protocols.sums.interface import Contributor, Survivors
from securecompute.protocols.sums.pairwise import contribute, cost
from securecompute.values import Masked, Plain
from tests.protocols.sums.memory import peaks
from tests.protocols.sums.playing import (
    ADVERTISE,
    COLLECTOR,
    COORDINATOR,
    MASKED,
    SHARE,
    Federation,
    answer,
    describe,
    flip,
    identity,
    names,
    refuses,
    silent_from,
    sound,
    tamper,
)
from tests.seeded import SeededRandomness

RINGS = list(Ring)
SMALL = 64  # bytes of a chunk here: 16, 8 or 4 entries
PER_CHUNK = {ring: SMALL // ring.item_bytes for ring in RINGS}
LATER = range(MASKED + 1, MASKED + 4)  # rounds of chunks 1, 2, 3 of four; the answer to the last is one later
HANDOVER = MASKED + 6  # the coordinator's round with the signatures


@pytest.fixture(autouse=True)
def small(monkeypatch):
    """Chunks so short that a vector of a few entries has several."""
    monkeypatch.setattr(chunks, "CHUNK_BYTES", SMALL)


def four_chunks(ring=Ring.Z64, n=4, **changes):
    """A federation whose vectors take four chunks, the last of one entry."""
    d = 3 * PER_CHUNK[ring] + 1
    inputs = {p: [(-1) ** j * (3 * k + j) for j in range(d)] for k, p in enumerate(names(n))}
    return Federation(describe(n, d, ring), inputs, **changes)


# ---- chunks


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.sampled_from(RINGS), st.integers(3, 30), st.integers(1, 200), st.integers(5, 22))
def test_chunks_cover_the_vector_begin_at_whole_blocks_and_fit_together(ring, n, d, bits):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(chunks, "CHUNK_BYTES", 1 << bits)
        descriptor = describe(n, d, ring, bound=1)
        pieces = spans(descriptor)
    assert [j for span in pieces for j in range(span.start, span.stop)] == list(range(d))
    assert all(span.start * ring.item_bytes % 16 == 0 and span.start % 2 == 0 for span in pieces)
    longest = max(span.stop - span.start for span in pieces) * ring.item_bytes
    assert longest <= 1 << bits
    assert n * longest <= TOGETHER_BYTES


@pytest.mark.parametrize("ring", RINGS)
def test_the_longest_vector_that_passes_as_before_has_half_a_million_numbers_of_64_bits(ring, monkeypatch):
    monkeypatch.undo()
    descriptor = describe(5, 10**8, ring)
    assert chunk_length(descriptor) * ring.item_bytes == 4 << 20
    assert chunk_length(describe(10, 10**8, ring)) * ring.item_bytes == 2 << 20


# ---- the total


@pytest.mark.parametrize("ring", RINGS)
@settings(max_examples=8, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_the_total_is_the_plain_total_whatever_the_length_and_the_cost_line_is_true(ring, data):
    d, bound = data.draw(st.integers(1, 5 * PER_CHUNK[ring])), ((1 << (ring.bits - 1)) - 1) // 3
    entries = st.one_of(st.sampled_from([-bound, bound, 0]), st.integers(-bound, bound))
    inputs = {p: data.draw(st.lists(entries, min_size=d, max_size=d)) for p in names(3)}
    federation = Federation(describe(3, d, ring, bound), inputs)
    played, said = federation.run(strict=True), cost(federation.descriptor)
    survivors, total = answer(federation, played)
    assert total == federation.total()
    assert survivors == Survivors(federation.names, federation.names)
    assert played.rounds == said.rounds == 7 + 2 * -(-d // PER_CHUNK[ring])
    assert played.sent == dict.fromkeys(names(3), said.institution) | {COORDINATOR: said.coordinator, COLLECTOR: 0}


@pytest.mark.parametrize("ring", RINGS)
def test_a_vector_of_one_chunk_takes_the_nine_rounds_and_one_entry_more_takes_two_more(ring):
    assert [cost(describe(4, PER_CHUNK[ring] + more, ring)).rounds for more in (0, 1)] == [9, 11]


@pytest.mark.parametrize("first", [ADVERTISE, SHARE, MASKED, MASKED + 5, MASKED + 7])
def test_a_dropout_before_its_first_chunk_has_arrived_or_after_the_last_is_recovered(first):
    federation = four_chunks()
    survivors, total = answer(federation, federation.run(silent_from("h2", first)))
    assert ("h2" in survivors.included) == (first > MASKED)
    assert total == federation.total(survivors.included)


@pytest.mark.parametrize("first", LATER)
@pytest.mark.parametrize("ring", RINGS)
def test_who_falls_silent_half_way_ends_the_run_with_nothing_revealed_and_a_new_run_may_do_without_it(ring, first):
    federation = four_chunks(ring)
    played = federation.run(silent_from("h2", first))
    refuses(played, COORDINATOR, PeerSilent, "'h2'")
    assert {type(error) for error in played.errors.values()} == {PeerSilent}
    assert not played.views[COLLECTOR]
    again = four_chunks(ring, seed=1, ledgers=federation.ledgers)
    survivors, total = answer(again, again.run(silent_from("h2", MASKED)))
    assert survivors.included == ("h0", "h1", "h3")
    assert total == again.total(survivors.included)


def test_the_ledger_is_asked_before_the_second_answer_and_a_refusal_ends_the_upload():
    first = four_chunks()
    first.run(strict=True)
    second = four_chunks(seed=1, ledgers=first.ledgers)
    played = second.run(silent_from("h2", MASKED))
    assert sound(second, played) is None
    assert max(at for at, p in played.views[COORDINATOR] if p == "h0") == MASKED + 1


# ---- a vector that is not what it must be


def part(x, descriptor):
    """The first round of one institution's part."""
    own = Contributor("h0", identity("h0"), SurvivorLedger(), SeededRandomness(0))
    return next(contribute(own, descriptor, COORDINATOR, COLLECTOR, Plain(x)))


@pytest.mark.parametrize("ring", RINGS)
def test_an_entry_beyond_the_bound_in_any_chunk_is_refused_before_anything_is_sent(ring):
    d = 3 * PER_CHUNK[ring] + 1
    for at in (0, PER_CHUNK[ring], d - 1):
        with pytest.raises(EncodingOverflow, match="declared bound"):
            part(encode(ring, [1001 if j == at else 1000 for j in range(d)]), describe(4, d, ring))
    part(encode(ring, [-1000] * d), describe(4, d, ring))


@pytest.mark.parametrize("x", [np.zeros(30, np.uint64), np.zeros(24, np.uint64), np.zeros(25), np.zeros((25, 1)), 0])
def test_a_long_vector_of_another_dtype_or_shape_is_refused(x):
    with pytest.raises(InvalidRequest, match=r"x is .*; expected uint64 \(25,\)"):
        part(np.asarray(x), describe(4, 25))


# ---- cheats


UP = [(MASKED + k, "h1", 0) for k in range(4)]  # round, sender, leaf of each chunk
DOWN = [(HANDOVER, COORDINATOR, 6), *((HANDOVER + 1 + k, COORDINATOR, 0) for k in (1, 2, 3))]


@pytest.mark.parametrize(("at", "sender", "leaf"), UP + DOWN)
@pytest.mark.parametrize("ring", RINGS)
def test_a_chunk_that_was_changed_on_its_way_up_or_down_gives_no_number(ring, at, sender, leaf):
    receiver = COLLECTOR if sender == COORDINATOR else None
    played = four_chunks(ring).run(tamper(at, sender, flip(leaf, 0), receiver))
    refuses(played, COLLECTOR, PeerMisbehaved, "check words do not agree")


def test_a_chunk_of_the_total_in_the_place_of_another_gives_no_number():
    federation, held = four_chunks(), {}

    def instead(number, sender, receiver, message):
        if (number, receiver) == (HANDOVER + 2, COLLECTOR):
            held["chunk"] = Masked(message.elements.copy())
        return held["chunk"] if (number, receiver) == (HANDOVER + 3, COLLECTOR) and sender == COORDINATOR else message

    refuses(federation.run(instead), COLLECTOR, PeerMisbehaved, "check words do not agree")


def test_a_coordinator_that_says_another_set_when_half_the_vector_is_there_gets_nothing_more():
    federation = four_chunks()
    named = np.array([1, 1, 0, 1], np.uint8)
    played = federation.run(tamper(MASKED + 1, COORDINATOR, lambda _: named, "h2"))
    refuses(played, "h2", PeerMisbehaved, "leaves out this institution")
    assert sound(federation, played) is None


def test_no_range_of_a_masks_stream_serves_twice_in_any_chunk(monkeypatch):
    used, expand = [], chunks.add_masks

    def recording(ring, y, masks, offset_bytes=0):
        used.extend((key, sign, offset_bytes, offset_bytes + y.nbytes) for key, sign in masks)
        expand(ring, y, masks, offset_bytes)

    monkeypatch.setattr(chunks, "add_masks", recording)
    for ring in RINGS:
        federation = four_chunks(ring)
        parts = federation.parts()
        del parts[COLLECTOR]  # who takes masks off expands the same ones
        federation.parts = lambda parts=parts: parts
        federation.run()
    for key in {key for key, *_ in used}:
        ranges = sorted({(first, last) for k, _, first, last in used if k == key})
        assert len(ranges) == 5
        assert all(a[1] <= b[0] for a, b in pairwise_of(ranges))
        for span in ranges:
            signs = [sign for k, sign, *its in used if k == key and tuple(its) == span]
            assert signs == [1] or sorted(signs) == [-1, 1]


# ---- on links


def sealed(federation, network=None):
    """A run with everything between the parties real."""
    parts = federation.parts()
    keys = {p: AgreementKey.generate(SeededRandomness(p)) for p in parts}
    session = open_session("pairwise sum", {p: key.public for p, key in keys.items()}, b"manifest")
    return simulate(session, parts, keys, network)


@pytest.mark.parametrize("ring", RINGS)
@pytest.mark.parametrize("wrong", [0, 0.1])
def test_chunks_pass_sealed_and_over_a_network_that_loses_repeats_and_reorders(ring, wrong):
    federation = four_chunks(ring)
    network = Faults(3, drop=wrong, duplicate=wrong, reorder=wrong, replay=wrong)
    survivors, vector = sealed(federation, network).outcomes[COLLECTOR].value
    assert survivors.included == federation.names
    assert (vector == encode(ring, federation.total())).all()


@pytest.mark.parametrize("begin", [0.0035, 0.0045, 0.0055, 0.0065, 0.0075, 0.0085, 0.0105])
def test_an_institution_that_is_cut_off_during_its_upload_gives_the_exact_total_of_some_set_or_none(begin):
    federation = four_chunks()
    outcomes = sealed(federation, Faults(0, partitions=(("h2", COORDINATOR, begin, 1e9),))).outcomes
    if outcomes[COLLECTOR].error is None:
        survivors, vector = outcomes[COLLECTOR].value
        assert (vector == encode(Ring.Z64, federation.total(survivors.included))).all()
    else:
        assert type(outcomes[COORDINATOR].error) is PeerSilent


def test_an_institution_that_gets_no_answer_sends_two_chunks_and_waits():
    federation = four_chunks()
    cut_off = Faults(0, partitions=((COORDINATOR, "h2", 0.0041, 1e9),))
    frames = [parse_frame(frame)[0] for _, source, _, frame in sealed(federation, cut_off).frames if source == "h2"]
    assert max(header.round for header in frames if header.kind == DATA) == MASKED + 1


class Member:
    """A participant of a fabric: one party of a federation of four chunks."""

    def __init__(self, me, ring):
        self.me, self.federation = me, four_chunks(Ring(ring))

    def answer(self, request, payload):
        """Nothing is asked."""

    def part(self, manifest):
        """Its part; what it returns is plain."""
        result = yield from self.federation.parts()[self.me]
        return result[1].tobytes() if self.me == COLLECTOR else None


@pytest.mark.parametrize("ring", RINGS)
def test_chunks_pass_on_the_fabric_without_processes(ring):
    fabric = InProcess({p: Recipe(Member, {"me": p, "ring": ring.value}) for p in [*names(4), COORDINATOR, COLLECTOR]})
    outcomes = fabric.run("pairwise sum", fabric.parties, b"manifest").outcomes
    assert {p: o.error for p, o in outcomes.items()} == dict.fromkeys(fabric.parties)
    assert outcomes[COLLECTOR].value == encode(ring, four_chunks(ring).total()).tobytes()


def test_a_million_entries_take_their_bytes_and_less_than_one_percent_more(monkeypatch):
    monkeypatch.undo()
    d = 10**6
    for ring in RINGS:
        said = cost(describe(10, d, ring))
        assert d * ring.item_bytes <= said.institution < 1.01 * d * ring.item_bytes
    federation = Federation(describe(3, d, Ring.Z32), dict.fromkeys(names(3), np.arange(d) % 1001))
    run = sealed(federation)
    assert run.outcomes[COLLECTOR].value[1].tolist()[-3:] == [3 * (j % 1001) for j in range(d - 3, d)]
    for p in names(3):
        assert run.outcomes[p].traffic.sent == cost(federation.descriptor).institution
        assert run.outcomes[p].traffic.wire < 1.01 * 4 * d


# ---- memory


@pytest.mark.slow
@pytest.mark.parametrize("ring", [Ring.Z32, Ring.Z64])
def test_twenty_million_entries_take_no_party_more_than_64_megabytes_beside_its_own_vector(ring):
    beside = peaks(n=4, d=20_000_000, bits=ring.bits)
    assert set(beside) == {*names(4), COORDINATOR, COLLECTOR}
    assert all(peak <= 64e6 for peak in beside.values()), beside
