"""Truncation: the floor or one more, without bias and without a failure, of every number in range; uniform views."""

from math import sqrt

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from securecompute.arithmetic.ring_arrays import RingArray
from securecompute.arithmetic.rings import Ring
from securecompute.errors import InvalidRequest
from securecompute.protocols.products import truncation
from securecompute.protocols.products.compute_party import ComputeParty
from securecompute.protocols.products.dealing import reshare
from securecompute.protocols.products.truncation import truncate, truncate_additive
from tests.protocols.products.playing import alone, compute, received, words
from tests.protocols.products.views import complaints, uniform, watch

BOTH = pytest.mark.parametrize("ring", [Ring.Z64, Ring.Z128], ids=str)
RINGS = st.sampled_from([Ring.Z64, Ring.Z128])


def additive(party, x, bits):
    """`truncate_additive`, of the shares x_0, x_1, x_2 themselves."""
    return truncate_additive(party, x.mine, bits)


FORMS = {
    "of shares": lambda bits: lambda party, x: truncate(party, x, bits),
    "of a product": lambda bits: lambda party, x: additive(party, x, bits),
}
BOTH_FORMS = pytest.mark.parametrize("form", FORMS.values(), ids=FORMS)


def corners(ring, bits):
    """Signed integers at the ends of the range and of the bits that fall off."""
    top = 1 << (ring.bits - 2)
    near = {
        0,
        1,
        2,
        top - 1,
        top - 2,
        top >> 1,
        (top >> 1) - 1,
        1 << bits,
        (1 << bits) - 1,
        (1 << bits) + 1,
        3 << bits >> 1,
    }
    return sorted(s * v for v in near for s in (1, -1) if v < top)


def error(got, x, bits):
    """The result less the floor, as Python integers."""
    return np.asarray(got.signed() - (np.asarray(x, dtype=object) >> bits))


@BOTH
@BOTH_FORMS
def test_the_result_is_the_floor_or_one_more_whatever_the_number_of_bits(ring, form):
    seen = set()
    for bits in (*range(1, 64), *range(64, ring.bits - 1, 7), ring.bits - 2):
        if bits > ring.bits - 2:
            continue
        x = corners(ring, bits)
        seen |= set(error(alone(form(bits), words(x, ring), seed=bits)[0], x, bits).tolist())
    assert seen == {0, 1}


@given(RINGS, st.data())
def test_the_result_is_the_floor_or_one_more_of_any_number(ring, data):
    bits = data.draw(st.integers(1, ring.bits - 2))
    top = (1 << (ring.bits - 2)) - 1
    x = data.draw(st.lists(st.integers(-top, top), min_size=1, max_size=8))
    form = data.draw(st.sampled_from(list(FORMS.values())))
    got, _ = alone(form(bits), words(x, ring), seed=data.draw(st.integers(0, 1000)))
    assert set(error(got, x, bits).tolist()) <= {0, 1}


@BOTH
@BOTH_FORMS
def test_a_multiple_is_divided_exactly(ring, form):
    x = [v << 20 for v in (-5, 0, 7, (1 << (ring.bits - 23)) - 1)]
    for seed in range(20):
        assert error(alone(form(20), words(x, ring), seed=seed)[0], x, 20).tolist() == [0] * 4


@BOTH
@BOTH_FORMS
@pytest.mark.parametrize("shape", [(), (0,), (2, 0, 3), (2, 3, 4), (70_001,)])
def test_any_shape_is_truncated_at_the_cost_that_is_said(ring, form, shape):
    size = int(np.prod(shape))
    x = (np.arange(size).reshape(shape) - 7) * 1001
    got, played = alone(form(10), RingArray.integers(ring, x))
    assert got.shape == shape
    assert set(error(got, x, 10).ravel().tolist()) <= {0, 1}
    w, fused = size * ring.item_bytes, form is FORMS["of a product"]
    sends = (2 if fused else 1) * w
    assert played.rounds == 2
    assert played.sent == {"P0": sends, "P1": sends, "P2": 4 * w}  # the dealer: 2w to tell, 2w dealt
    assert not played.views["P2"]


@BOTH
@pytest.mark.parametrize("bits", [-1, 0, 127, 200])
def test_a_number_of_bits_that_leaves_nothing_is_refused(ring, bits):
    for form in FORMS.values():
        with pytest.raises(InvalidRequest, match=f"expected 1 to {ring.bits - 2}"):
            alone(form(bits), words([1], ring))


def test_a_million_numbers_up_to_two_to_the_62():
    check_many(10_000, 20, seed=1)


@pytest.mark.slow
@pytest.mark.parametrize("bits", [1, 20, 40, 61])
def test_a_million_numbers_have_no_bias(bits):
    check_many(1_000_000, bits, seed=bits)


def check_many(count, bits, seed):
    """Error in {0, 1}, bias under four standard deviations, c uniform; |x| up to 2^61 and up to 2^62 - 1."""
    rng = np.random.default_rng(seed)
    x = rng.integers(-(1 << 61), (1 << 61) + 1, count)
    x[: count // 2] = rng.integers(-(1 << 62) + 1, 1 << 62, count // 2)
    edge = np.array(corners(Ring.Z64, bits), np.int64)
    x[: len(edge)] = edge
    for name, form in FORMS.items():
        got, played = alone(form(bits), RingArray.integers(Ring.Z64, x), seed=f"{name} {seed}")
        off = got.words.view(np.int64) - (x >> bits)
        assert set(np.unique(off)) <= {0, 1}
        chance = (x & ((1 << bits) - 1)) / 2.0**bits  # of one more
        deviation = sqrt((chance * (1 - chance)).sum())
        assert abs(off.sum() - chance.sum()) < 4 * deviation
        for party in ("P0", "P1"):
            for seen in received(played, party):
                assert uniform(seen)


@BOTH
@pytest.mark.parametrize("frac", [1, 512, 700, 1023])
def test_one_more_comes_with_the_probability_of_what_falls_off(ring, frac):
    n, bits = 20_000, 10
    for k, form in enumerate(FORMS.values()):
        got, _ = alone(form(bits), words([-(1 << 40) + frac], ring).broadcast_to((n,)), seed=k)
        ones = int(error(got, [-(1 << 40) + frac] * n, bits).sum())
        p = frac / 1024
        assert abs(ones - n * p) < 4 * sqrt(n * p * (1 - p))


def test_from_inputs_to_reveal():
    x = [5 << 20, -(7 << 20), 0]
    got, _ = compute(lambda party, x: truncate(party.at("t"), x, 20), words(x))
    assert got.signed().tolist() == [5, -7, 0]


# ---- what is seen


@BOTH
@BOTH_FORMS
def test_all_that_an_evaluator_sees_is_uniform_and_the_dealer_sees_nothing(ring, form):
    seen, drawn = watch(form(13), (123456789 << 20, ring))
    assert seen["P2"] == []
    assert [len(seen[p]) for p in ("P0", "P1")] == ([3, 5] if form is FORMS["of a product"] else [2, 4])
    for p in ("P0", "P1"):
        assert complaints(seen[p], drawn[p]) == []


@pytest.mark.parametrize("x", [0, -1, (1 << 62) - 1, -(1 << 62) + 1])
def test_what_is_opened_is_uniform_whatever_the_number(x, monkeypatch):
    opened = []
    shifted = truncation._shifted

    def noted(party, parts, shares, bits):
        opened.append(parts[0] + parts[1] + parts[2])
        return shifted(party, parts, shares, bits)

    monkeypatch.setattr(truncation, "_shifted", noted)
    for form in FORMS.values():
        opened.clear()
        alone(form(13), words([x]).broadcast_to((4000,)))
        assert len(opened) == 2 and (opened[0].words == opened[1].words).all()
        assert uniform(opened[0].words)


def without(purpose):
    """A stream that is all zeros: a mask that was forgotten."""
    real_draw, real_stream = ComputeParty.draw, ComputeParty.stream

    def draw(party, key, what, ring, shape):
        drawn = real_draw(party, key, what, ring, shape)
        return RingArray.zeros(ring, shape) if what == purpose else drawn

    def stream(party, key, what, ring, shape):
        if what != purpose:
            return real_stream(party, key, what, ring, shape)
        return draw(party, key, what, ring, shape)

    patch = pytest.MonkeyPatch()
    patch.setattr(ComputeParty, "draw", draw)
    patch.setattr(ComputeParty, "stream", stream)
    return patch


@pytest.mark.parametrize(
    ("form", "purpose", "party"),
    [
        ("of shares", "r", "P0"),
        ("of shares", "r", "P1"),
        ("of a product", "r", "P0"),
        ("of a product", "mask", "P0"),
        ("of a product", "mask", "P1"),
        ("of shares", "dealt 0", "P1"),
        ("of shares", "dealt 1", "P1"),
    ],
)
def test_a_mask_left_out_is_caught(form, purpose, party):
    patch = without(purpose)
    try:
        seen, drawn = watch(FORMS[form](13), (123456789 << 20, Ring.Z64))
    finally:
        patch.undo()
    assert complaints(seen[party], drawn[party] if purpose == "r" else [])


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("left_out", [False, True])
def test_a_resharing_hides_the_result_from_each_evaluator_by_its_seed_alone(form, left_out, monkeypatch):
    shares = {}

    def noted(party, ring, shape, y):
        shares[party.index] = y
        return reshare(party, ring, shape, y)

    monkeypatch.setattr(truncation, "reshare", noted)
    patch = without("reshare") if left_out else pytest.MonkeyPatch()
    try:
        seen, _ = watch(FORMS[form](13), (123456789 << 20, Ring.Z64))
    finally:
        patch.undo()
    for i, party in enumerate(("P0", "P1")):
        assert bool(complaints([seen[party][-1] + shares[i]], [])) is left_out


def test_a_mask_that_only_one_side_takes_off_spoils_the_result():
    def lopsided(party, x):
        z = x.mine + 1 if party.index == 0 else x.mine
        return (yield from truncate_additive(party, z << 20, 20))

    assert alone(lopsided, words([5]))[0].signed().tolist() == [6]


def test_nothing_that_was_given_is_changed():
    kept = []

    def part(party, x):
        kept.append((x.mine, x.mine.copy(), x.next, x.next.copy()))
        y = yield from truncate(party.at("a"), x, 3)
        yield from truncate_additive(party.at("b"), x.mine, 3)
        return y

    alone(part, words([1000, -1000]))
    for a, a_before, b, b_before in kept:
        assert (a.words == a_before.words).all() and (b.words == b_before.words).all()


def test_the_proofs_bound_is_sharp():
    """Beyond 2^62 the sum with r wraps around twice, and results are wrong as often as that happens."""
    for x in (3 << 61, -(5 << 60)):
        got, _ = alone(lambda party, x: truncate(party, x, 20), words([x]).broadcast_to((200,)))
        assert not set(error(got, [x] * 200, 20).tolist()) <= {0, 1}
