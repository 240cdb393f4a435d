"""Products of secrets are those of integers modulo 2^L, at the cost that is said, and each party sees uniform words."""

import tracemalloc
from contextlib import suppress

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import mutually_broadcastable_shapes

from securecompute.arithmetic.ring_arrays import RingArray
from securecompute.arithmetic.rings import Ring
from securecompute.engine.rounds import Several, together
from securecompute.errors import InvalidRequest
from securecompute.protocols.products import multiplication
from securecompute.protocols.products.compute_party import ComputeParty
from securecompute.protocols.products.multiplication import (
    finish,
    gram,
    local_gram,
    local_matmul,
    local_multiply,
    matmul,
    multiply,
)
from tests.protocols.products.playing import TRIO, alone, compute, share_out, words
from tests.protocols.products.views import complaints, parties, watch

BOTH = pytest.mark.parametrize("ring", [Ring.Z64, Ring.Z128], ids=str)
RINGS = st.sampled_from([Ring.Z64, Ring.Z128])


def numbers(ring, shape, seed=1):
    """Uniform elements."""
    data = np.frombuffer(np.random.default_rng([seed, *shape]).bytes(16 * int(np.prod(shape))), np.uint64)
    words = data.reshape(2, *shape)
    return RingArray(ring, words if ring is Ring.Z128 else words[0])


def modulo(values, ring):
    """Residues of Python integers."""
    return np.asarray(np.asarray(values, dtype=object) % (1 << ring.bits), dtype=object)


def product_of(x, y):
    """x @ y of Python integers, of no terms too."""
    return np.asarray(np.dot(x, y), object) if x.shape[-1] else np.zeros((*x.shape[:-1], *y.shape[1:]), object)


def times(party, x, y):
    return multiply(party, x, y)


@given(RINGS, mutually_broadcastable_shapes(num_shapes=2, max_dims=3, min_side=0, max_side=3), st.integers(0, 9))
def test_products_are_exact_and_broadcast(ring, shapes, seed):
    x, y = (numbers(ring, shape, seed + k) for k, shape in enumerate(shapes.input_shapes))
    got, played = alone(times, x, y, seed=seed)
    assert got.shape == shapes.result_shape
    assert (modulo(got.signed(), ring) == modulo(x.signed() * y.signed(), ring)).all()
    assert (played.rounds, played.sent) == (1, dict.fromkeys(TRIO, got.size * ring.item_bytes))


@BOTH
def test_products_of_corner_values_are_exact(ring):
    top = 1 << (ring.bits - 1)
    corners = [0, 1, -1, top - 1, -top, top >> 1, (1 << (ring.bits // 2)) - 1, 1 << (ring.bits // 2)]
    x, y = words([[v] for v in corners], ring), words(corners, ring)
    got, _ = alone(times, x, y)
    assert (modulo(got.signed(), ring) == modulo(np.outer(corners, np.array(corners, object)), ring)).all()


SHAPES = [
    ((3, 4), (4, 2)),
    ((1, 1), (1, 1)),
    ((3, 1), (1, 2)),
    ((1, 5), (5, 1)),
    ((3, 4), (4,)),
    ((4,), (4, 2)),
    ((4,), (4,)),
    ((0, 3), (3, 2)),
    ((2, 3), (3, 0)),
    ((2, 0), (0, 3)),
    ((0,), (0,)),
]


@BOTH
@pytest.mark.parametrize(("a", "b"), SHAPES, ids=str)
def test_matrix_products_are_exact_whatever_the_shapes(ring, a, b):
    x, y = numbers(ring, a), numbers(ring, b, 2)
    got, played = alone(lambda party, x, y: matmul(party, x, y), x, y)
    expected = product_of(x.signed(), y.signed())
    assert got.shape == expected.shape
    assert (modulo(got.signed(), ring) == modulo(expected, ring)).all()
    assert (played.rounds, played.sent) == (1, dict.fromkeys(TRIO, got.size * ring.item_bytes))


@BOTH
@pytest.mark.parametrize("shape", [(5, 3), (1, 1), (1, 4), (4, 1), (0, 2), (3, 0)])
def test_gram_matrices_are_exact_whatever_the_shape(ring, shape):
    x = numbers(ring, shape)
    got, played = alone(lambda party, x: gram(party, x), x)
    expected = product_of(x.signed().T, x.signed())
    assert got.shape == expected.shape
    assert (modulo(got.signed(), ring) == modulo(expected, ring)).all()
    assert (played.rounds, played.sent) == (1, dict.fromkeys(TRIO, got.size * ring.item_bytes))


@BOTH
@pytest.mark.parametrize(("a", "b"), [((3, 9), (9, 4)), ((3, 4), (4, 9)), ((2, 13), (13,)), ((1, 1), (1, 13))])
def test_large_operands_are_cut_and_nothing_changes(ring, a, b, monkeypatch):
    x, y = share_out(numbers(ring, a)), share_out(numbers(ring, b, 2))
    whole = [local_matmul(x[i], y[i]) for i in range(3)], [local_gram(each) for each in x]
    monkeypatch.setattr(multiplication, "_BLOCK", 4)
    cut = [local_matmul(x[i], y[i]) for i in range(3)], [local_gram(each) for each in x]
    for before, after in zip(whole, cut, strict=True):
        assert all(p.shape == q.shape and (p.words == q.words).all() for p, q in zip(before, after, strict=True))


@BOTH
def test_what_the_three_compute_alone_adds_to_the_product(ring):
    x, y = numbers(ring, (3, 3)), numbers(ring, (3, 3), 2)
    xs, ys = share_out(x), share_out(y, "y")
    pairs = list(zip(xs, ys, strict=True))
    for local, exact in (
        ([local_multiply(a, b) for a, b in pairs], x * y),
        ([local_matmul(a, b) for a, b in pairs], x @ y),
        ([local_gram(a) for a in xs], x.T @ x),
    ):
        assert ((local[0] + local[1] + local[2]).words == exact.words).all()


@BOTH
@pytest.mark.parametrize(
    ("gate", "a", "b", "result"),
    [(multiply, (2, 3), (3,), (2, 3)), (matmul, (2, 30), (30, 4), (2, 4)), (gram, (50, 3), None, (3, 3))],
)
def test_a_truncated_product_is_the_floor_or_one_more_at_the_cost_said(ring, gate, a, b, result):
    rng, f = np.random.default_rng(3), 20
    x = rng.integers(-(1 << 24), 1 << 24, a)
    y = rng.integers(-(1 << 24), 1 << 24, b) if b else x
    given_ = [RingArray.integers(ring, v) for v in ((x, y) if b else (x,))]
    got, played = alone(lambda party, *shares: gate(party, *shares, truncate=f), *given_)
    exact = x * y if gate is multiply else (x.T @ x if gate is gram else x @ y)
    assert got.shape == result
    assert set(np.ravel(got.signed() - (exact.astype(object) >> f)).tolist()) <= {0, 1}
    w = exact.size * ring.item_bytes
    assert (played.rounds, played.sent) == (2, {"P0": 2 * w, "P1": 2 * w, "P2": 4 * w})
    assert not played.views["P2"]


@BOTH
def test_several_products_and_sums_end_in_one_round(ring):
    x, y = numbers(ring, (4,)), numbers(ring, (4,), 2)

    def part(party, a, b):
        return finish(party, local_multiply(a, b) + local_multiply(a, a) - b.mine)

    got, played = alone(part, x, y)
    assert (got.words == (x * y + x * x - y).words).all()
    assert played.rounds == 1


def test_what_goes_into_an_ending_is_left_as_it_was():
    kept = []

    def part(party, x):
        kept.append((x.mine, x.mine.copy()))
        y = yield from finish(party.at("a"), x.mine)
        yield from finish(party.at("b"), y.mine, 3)
        return y

    got, _ = alone(part, words([1, 2, 3]))
    assert got.signed().tolist() == [1, 2, 3]
    assert all((a.words == b.words).all() for a, b in kept)


def test_products_run_side_by_side_and_one_after_another():
    def part(party, x, y):
        a, b = yield from together(multiply(party.at("a"), x, y), multiply(party.at("b"), x, x, 4))
        return (yield from multiply(party.at("c"), a, b))

    got, played = alone(part, words([16, -32]), words([3, 5]))
    assert got.signed().tolist() == [48 * 16, -160 * 64]
    assert played.rounds == 3


def test_from_inputs_to_reveal_in_any_order_of_the_parties():
    x, y = words([[1, -2], [3, 4]]), words([[5, 6], [7, -8]])
    for names in (TRIO, ("P1", "P0", "P2"), ("P2", "P1", "P0"), ("P1", "P2", "P0")):
        got, _ = compute(lambda party, a, b: matmul(party.at("m"), a, b), x, y, names=names)
        assert (got.words == (x @ y).words).all()
        rounded, _ = compute(lambda party, a, b: multiply(party.at("m"), a, b, 1), x, y, names=names)
        assert set(np.ravel(rounded.signed() - ((x * y).signed() >> 1)).tolist()) <= {0, 1}


def test_two_rings_and_shapes_that_do_not_fit_are_refused_before_a_message():
    with pytest.raises(InvalidRequest, match="no sum or product"):
        alone(times, words([1]), words([1], Ring.Z128))
    with pytest.raises(ValueError, match="broadcast"):
        alone(times, words([1, 2]), words([1, 2, 3]))
    with pytest.raises(InvalidRequest, match="@"):
        alone(lambda party, x, y: matmul(party, x, y), words([[1, 2]]), words([[1, 2]]))


# ---- memory


def filled(spec):
    """A message as declared."""
    if isinstance(spec, Several):
        return tuple(map(filled, spec.parts))
    return spec.holds(np.ones(spec.shape, spec.dtype))


def peak(work):
    """Bytes that were allocated at most while it ran."""
    tracemalloc.start()
    try:
        work()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


@BOTH
@pytest.mark.parametrize("index", range(3))
@pytest.mark.parametrize(("truncate", "words_each"), [(0, 2), (20, 7)])
def test_a_product_needs_the_memory_that_is_said(ring, index, truncate, words_each):
    x = share_out(numbers(ring, (1 << 19,)))[index]

    def run():
        part, inboxes = multiply(parties()[index], x, x, truncate), [None]
        with suppress(StopIteration):
            while True:
                turn = part.send(inboxes.pop())
                inboxes.append({p: filled(spec) for p, spec in turn.expect.items()})
                del turn

    assert peak(run) < words_each * x.mine.nbytes + (3 << 20)


@pytest.mark.parametrize("local", [local_gram, lambda x: local_matmul(x.T, x)], ids=["gram", "matmul"])
def test_shares_of_a_large_operand_are_not_added_up_whole(local, monkeypatch):
    x = share_out(numbers(Ring.Z64, (1 << 17, 4)))[0]
    monkeypatch.setattr(multiplication, "_BLOCK", 1 << 14)
    local(x)  # loads the kernels
    assert peak(lambda: local(x)) < x.mine.nbytes / 2


# ---- what is seen


@BOTH
@pytest.mark.parametrize("truncate", [0, 13])
def test_all_that_a_party_sees_is_uniform_for_fixed_inputs_and_shares(ring, truncate):
    seen, drawn = watch(lambda p, x, y: multiply(p, x, y, truncate), (77 << 20, ring), (-3, ring))
    assert [len(seen[p]) for p in TRIO] == ([3, 5, 0] if truncate else [1, 1, 1])
    for party in TRIO:
        assert not seen[party] or complaints(seen[party], drawn[party]) == []


def test_a_matrix_product_shows_uniform_words_too():
    def part(party, x, y):
        return matmul(party, x.reshape((256, 2)), y.reshape((2, 256))[:, :2])

    seen, _ = watch(part, (77, Ring.Z64), (-3, Ring.Z64))
    assert all(not complaints(seen[party], []) for party in TRIO)


@pytest.mark.parametrize(("kept", "caught"), [((), True), (("mine",), True), (("next",), False)])
def test_a_share_of_zero_left_out_or_halved_is_caught(kept, caught, monkeypatch):
    """P_(i-1) knows k_i and takes F(k_i) off; under F(k_(i+1)) alone it sees nothing, but the sum is wrong."""

    def masked(party, z):
        streams = {key: party.draw(key, "zero", z.ring, z.shape) for key in ("mine", "next")}
        return sum((streams[key] for key in kept), z)

    monkeypatch.setattr(ComputeParty, "masked", masked)
    seen, drawn = watch(times, (77, Ring.Z64), (-3, Ring.Z64))
    assert [bool(complaints(seen[party], drawn[party])) for party in TRIO] == [caught] * 3
    assert (alone(times, words([5]), words([7]))[0].signed().tolist() != [35]) is bool(kept)
