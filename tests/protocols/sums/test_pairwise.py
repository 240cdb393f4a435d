"""Pairwise-masked sum: the total is exact, the cost is as stated, a dropout is recovered or refused by name."""

from itertools import combinations, product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from securecompute.arithmetic.rings import Ring, encode
from securecompute.disclosure.ledger import SurvivorLedger
from securecompute.engine.faults import Faults
from securecompute.engine.session import open_session
from securecompute.engine.simulated import simulate
from securecompute.errors import DisclosureRefused, EncodingOverflow, InvalidRequest, PeerSilent
from securecompute.primitives.keys import AgreementKey
from securecompute.protocols.sums.descriptor import default_threshold
from securecompute.protocols.sums.interface import Contributor, Survivors
from securecompute.protocols.sums.pairwise import collect, contribute, coordinate, cost
from securecompute.values import Plain
from tests.protocols.sums.playing import (
    ADVERTISE,
    ADVERTS,
    COLLECTOR,
    COORDINATOR,
    INSTITUTIONS_SEND,
    MASKED,
    REVEAL,
    SHARE,
    SHARES,
    SIGN,
    SIGNATURES,
    SURVIVORS,
    Federation,
    answer,
    describe,
    identity,
    names,
    silent_from,
    without,
)
from tests.seeded import SeededRandomness

RINGS = list(Ring)


def largest_bound(ring, n):
    return ((1 << (ring.bits - 1)) - 1) // n


@st.composite
def federations(draw, ring):
    n, d = draw(st.integers(3, 5)), draw(st.integers(1, 4))
    bound = largest_bound(ring, n)
    entries = st.one_of(st.sampled_from([-bound, -1, 0, 1, bound]), st.integers(-bound, bound))
    inputs = {p: draw(st.lists(entries, min_size=d, max_size=d)) for p in names(n)}
    return Federation(describe(n, d, ring, bound), inputs)


@pytest.mark.parametrize("ring", RINGS)
@settings(max_examples=25)
@given(data=st.data())
def test_the_total_is_the_plain_total_negative_and_largest_entries_included(ring, data):
    federation = data.draw(federations(ring))
    survivors, total = answer(federation, federation.run(strict=True))
    assert total == federation.total()
    assert survivors == Survivors(federation.names, federation.names)


@pytest.mark.parametrize(
    ("n", "d", "ring"), [(3, 1, Ring.Z32), (4, 33, Ring.Z64), (7, 5, Ring.Z128), (10, 2, Ring.Z32)]
)
def test_the_cost_line_is_true(n, d, ring):
    descriptor = describe(n, d, ring)
    played, said = Federation(descriptor).run(strict=True), cost(descriptor)
    assert played.rounds == said.rounds == 9
    w = ring.item_bytes
    assert said.institution == d * w + (32 if w == 16 else 16) + 116 * n + 256  # protocols/README.md
    assert played.sent == dict.fromkeys(names(n), said.institution) | {COORDINATOR: said.coordinator, COLLECTOR: 0}


def test_every_institution_and_the_coordinator_learn_who_is_in_the_total():
    played = Federation().run(strict=True)
    assert all(played.outputs[p] == tuple(names(4)) for p in names(4))
    assert played.outputs[COORDINATOR] == Survivors(tuple(names(4)), tuple(names(4)))


@pytest.mark.parametrize("n", [0, 1, 2])
def test_fewer_than_three_institutions_are_refused_because_subtraction_would_give_the_other_away(n):
    with pytest.raises(InvalidRequest, match="each learns the other's exact numbers by subtracting"):
        describe(n)


WRONG = [
    np.zeros(5, np.int64),
    np.zeros(5, np.uint32),
    np.zeros(4, np.uint64),
    np.zeros((5, 1), np.uint64),
    np.zeros(5, np.float64),
]


def alone(x, descriptor=None, me="h0", key=None, coordinator=COORDINATOR, collector=COLLECTOR):
    """The first round of one institution's part."""
    own = Contributor(me, key or identity(me), SurvivorLedger(), SeededRandomness(0))
    return next(contribute(own, descriptor or describe(), coordinator, collector, Plain(x)))


@pytest.mark.parametrize("x", WRONG, ids=lambda x: f"{x.dtype}{x.shape}")
def test_a_vector_of_another_dtype_or_shape_is_refused_before_anything_is_sent(x):
    with pytest.raises(InvalidRequest, match=r"x is .*; expected uint64 \(5,\)"):
        alone(x)


@pytest.mark.parametrize("ring", RINGS)
@given(data=st.data())
def test_an_entry_is_refused_exactly_if_it_lies_beyond_the_bound(ring, data):
    bound = data.draw(st.integers(1, largest_bound(ring, 4)))
    half = 1 << (ring.bits - 1)
    near = st.sampled_from([-half, half - 1, -bound - 1, -bound, bound, bound + 1, 0, -1, (1 << 64) % half])
    entry = data.draw(st.one_of(near, st.integers(-half, half - 1)))
    x, descriptor = encode(ring, [0, entry]), describe(4, 2, ring, bound)
    if abs(entry) <= bound:
        alone(x, descriptor)
    else:
        with pytest.raises(EncodingOverflow, match="declared bound"):
            alone(x, descriptor)


def test_the_refusal_of_an_entry_does_not_say_which_or_what_it_is():
    with pytest.raises(EncodingOverflow) as refused:
        alone(encode(Ring.Z64, [0, 0, 0, 0, 54321]))
    assert "54321" not in str(refused.value)


@pytest.mark.parametrize("key", [identity("h1"), identity("stranger")], ids=["another's", "a stranger's"])
def test_an_identity_that_the_descriptor_does_not_pin_is_refused(key):
    with pytest.raises(InvalidRequest, match="pins another identity key for 'h0'"):
        alone(encode(Ring.Z64, [0] * 5), key=key)


def test_whoever_is_not_in_the_descriptor_cannot_take_part():
    with pytest.raises(InvalidRequest, match="pins another identity key for 'stranger'"):
        alone(encode(Ring.Z64, [0] * 5), me="stranger")


def test_no_party_has_two_roles():
    x = encode(Ring.Z64, [0] * 5)
    for coordinator, collector, twice in (("c", "c", "c"), ("h1", "c", "h1"), ("c", "h1", "h1"), ("h0", "c", "h0")):
        with pytest.raises(InvalidRequest, match=f"'{twice}' has two roles"):
            alone(x, coordinator=coordinator, collector=collector)
    for part in (coordinate(describe(), "h1"), collect(describe(), "h1")):
        with pytest.raises(InvalidRequest, match="'h1' has two roles"):
            next(part)


# ---- dropouts


def expected(federation, dropped):
    """(U₂, U₃) when each of `dropped`, institution -> round, is silent from that round on."""
    shared = tuple(p for p in federation.names if dropped.get(p, REVEAL) > SHARE)
    return Survivors(shared, tuple(p for p in shared if dropped.get(p, REVEAL) > MASKED))


@pytest.mark.parametrize(("party", "first"), list(product(names(4), INSTITUTIONS_SEND)))
def test_one_dropout_of_four_at_any_step_leaves_the_exact_total_of_the_others(party, first):
    federation = Federation(inputs={p: [-(3**k), 3**k, 0, 1000 - k, k] for k, p in enumerate(names(4))})
    survivors, total = answer(federation, federation.run(silent_from(party, first)))
    assert survivors == expected(federation, {party: first})
    assert total == federation.total(survivors.included)


@pytest.mark.parametrize(
    ("party", "first"), list(product(("h0", "h2", "h3"), (ADVERTS, SHARES, SURVIVORS, SIGNATURES)))
)
def test_an_institution_that_hears_nothing_more_is_recovered_like_one_that_says_nothing_more(party, first):
    federation = Federation()
    played = federation.run(without((first, COORDINATOR, party)))
    survivors, total = answer(federation, played)
    assert survivors == expected(federation, {party: first + 1})
    assert total == federation.total(survivors.included)
    assert type(played.errors[party]) is PeerSilent


@pytest.mark.parametrize(("first", "second"), list(product(INSTITUTIONS_SEND, INSTITUTIONS_SEND)))
def test_two_dropouts_of_seven_at_any_two_steps_leave_the_exact_total_of_the_others(first, second):
    federation = Federation(describe(7, 2, Ring.Z32))
    dropped = {"h1": first, "h5": second}
    one, other = (silent_from(p, at) for p, at in dropped.items())

    def deliver(*at):
        return None if one(*at) is None else other(*at)

    survivors, total = answer(federation, federation.run(deliver))
    assert survivors == expected(federation, dropped)
    assert total == federation.total(survivors.included)


@pytest.mark.parametrize(("n", "first"), list(product((3, 4, 5), INSTITUTIONS_SEND)))
def test_one_dropout_too_many_ends_every_waiting_party_with_a_refusal_that_names_who_was_silent(n, first):
    federation = Federation(describe(n))
    lost = federation.names[: n - default_threshold(n) + 1]
    played = federation.run(lambda at, sender, to, message: None if sender in lost and at >= first else message)
    assert COLLECTOR not in played.outputs
    assert {type(error) for error in played.errors.values()} == {PeerSilent}
    speaker = played.errors[COLLECTOR if first == REVEAL else COORDINATOR]
    assert all(f"'{p}'" in str(speaker) for p in lost)


@pytest.mark.parametrize("pair", list(combinations(range(4), 2)))
def test_two_dropouts_of_four_never_give_a_number(pair):
    for first, second in product((ADVERTISE, MASKED, REVEAL), (SHARE, SIGN)):
        federation = Federation()
        lost = {f"h{pair[0]}": first, f"h{pair[1]}": second}
        played = federation.run(lambda at, who, to, m, lost=lost: None if at >= lost.get(who, 99) else m)
        assert COLLECTOR not in played.outputs
        assert type(played.errors[COLLECTOR]) is PeerSilent


def test_a_collector_that_hears_nothing_from_the_coordinator_says_so():
    played = Federation().run(without((SIGNATURES, COORDINATOR, COLLECTOR)))
    assert COLLECTOR not in played.outputs
    assert "'coordinator'" in str(played.errors[COLLECTOR])


def test_the_minimum_holds_where_the_threshold_would_be_content():
    federation = Federation(describe(4, threshold=3, minimum=4))
    played = federation.run(silent_from("h2", MASKED))
    assert COLLECTOR not in played.outputs
    assert type(played.errors[COORDINATOR]) is PeerSilent


def test_a_run_over_the_same_institutions_may_be_repeated_and_one_without_a_dropout_may_not():
    first = Federation(seed=1)
    first.run(strict=True)
    again = Federation(seed=2, ledgers=first.ledgers)
    assert answer(again, again.run(strict=True))[1] == first.total()
    third = Federation(seed=3, ledgers=first.ledgers)
    played = third.run(silent_from("h2", MASKED))
    assert COLLECTOR not in played.outputs
    assert all(type(played.errors[p]) is DisclosureRefused for p in ("h0", "h1", "h3"))


@pytest.mark.parametrize("seed", range(5))
def test_a_network_that_loses_repeats_and_reorders_frames_changes_nothing(seed):
    federation = Federation(describe(4, 3, Ring.Z128))
    parts = federation.parts()
    keys = {p: AgreementKey.generate(SeededRandomness(p)) for p in parts}
    session = open_session("pairwise sum", {p: key.public for p, key in keys.items()}, b"manifest")
    network = Faults(seed, drop=0.1, duplicate=0.1, reorder=0.1, replay=0.1)
    outcomes = simulate(session, parts, keys, network).outcomes
    survivors, vector = outcomes[COLLECTOR].value
    assert survivors.included == federation.names
    assert (vector == encode(Ring.Z128, federation.total())).all()


@pytest.mark.parametrize("begin", [0.0, 0.0015, 0.0035, 0.0055, 0.0075])
def test_an_institution_that_is_cut_off_for_good_is_left_out_or_already_in_the_total(begin):
    federation = Federation()
    parts = federation.parts()
    keys = {p: AgreementKey.generate(SeededRandomness(p)) for p in parts}
    session = open_session("pairwise sum", {p: key.public for p, key in keys.items()}, b"manifest")
    network = Faults(0, partitions=(("h2", COORDINATOR, begin, 1e9),))
    survivors, vector = simulate(session, parts, keys, network).outcomes[COLLECTOR].value
    assert (vector == encode(Ring.Z64, federation.total(survivors.included))).all()
    assert ("h2" in survivors.included) == (begin > 0.004)
