"""Ring arrays compute as Python integers modulo 2^L do, whatever the shape, and as numpy does about shapes."""

import operator
import warnings

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays, mutually_broadcastable_shapes

from securecompute.arithmetic import ring_arrays
from securecompute.arithmetic.ring_arrays import RingArray, concatenate, stack, tiled, word_shape
from securecompute.arithmetic.rings import Ring
from securecompute.errors import EncodingOverflow, InvalidRequest, NonFiniteInput

BOTH = pytest.mark.parametrize("ring", [Ring.Z64, Ring.Z128], ids=str)
RINGS = st.sampled_from([Ring.Z64, Ring.Z128])
POWERS = [0, 1, 31, 32, 33, 63, 64, 65, 95, 96, 126, 127]
CORNERS = sorted({s * (1 << k) + d for k in POWERS for s in (1, -1) for d in (-1, 0, 1)})
INTEGERS = st.one_of(st.sampled_from(CORNERS), st.integers(-(1 << 127), (1 << 127) - 1))
SHAPES = array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=3)


@pytest.fixture(autouse=True)
def no_warning():
    """numpy warns where a scalar wraps, so none is ever made."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        yield


def objects(shape):
    """Arrays of whole numbers, Python's."""
    return arrays(object, shape, elements=INTEGERS, fill=st.nothing())


def signed(values, ring):
    """The representatives in [-2^(L-1), 2^(L-1)) of Python integers."""
    half = 1 << (ring.bits - 1)
    return np.asarray((np.asarray(values, dtype=object) + half) % (2 * half) - half, dtype=object)


def same(got, expected):
    """Whether a RingArray holds these integers, in this shape."""
    expected = np.array([int(v) for v in np.ravel(expected)], dtype=object).reshape(np.shape(expected))
    assert type(got) is RingArray
    assert got.words.dtype == np.uint64
    assert got.shape == expected.shape
    assert (got.signed() == signed(expected, got.ring)).all()


def pairs():
    """Two arrays whose shapes numpy would broadcast."""
    shapes = mutually_broadcastable_shapes(num_shapes=2, max_dims=3, min_side=0, max_side=3)
    return shapes.flatmap(lambda s: st.tuples(objects(s.input_shapes[0]), objects(s.input_shapes[1])))


# ---- in and out


@given(RINGS, SHAPES.flatmap(objects))
def test_integers_of_any_size_go_in_as_residues_and_come_out_signed(ring, x):
    same(RingArray.integers(ring, x), x)
    assert RingArray.integers(ring, x).nbytes == x.size * ring.item_bytes
    assert RingArray.integers(ring, x).size == x.size


@BOTH
@pytest.mark.parametrize("dtype", [np.int8, np.uint8, np.int32, np.uint32, np.int64, np.uint64, np.bool_])
def test_every_integer_dtype_keeps_its_sign(ring, dtype):
    ends = [0, 1] if dtype is np.bool_ else [np.iinfo(dtype).min, 1, np.iinfo(dtype).max]
    x = np.array(ends, dtype)
    y = RingArray.integers(ring, x)
    same(y, x.astype(object))
    x[:] = 0
    same(y, np.array(ends, dtype).astype(object))  # own memory


@BOTH
@pytest.mark.parametrize("values", [7, -7, [1, -2], [[1], [2]], [], np.int64(-3)])
def test_nested_sequences_and_single_numbers_go_in(ring, values):
    same(RingArray.integers(ring, values), np.array(values, dtype=object))


@BOTH
@pytest.mark.parametrize("values", [1.5, [1, 2.0], np.array([1.0]), "1", [[1], [2, 3]], None])
def test_what_is_not_whole_is_refused(ring, values):
    with pytest.raises(InvalidRequest, match="not a whole number"):
        RingArray.integers(ring, values)


@given(RINGS, st.integers(-20, 40), arrays(np.float64, 5, elements=st.floats(-(2.0**22), 2.0**22)))
def test_reals_are_quantised_to_the_nearest_multiple_half_to_even(ring, scale, x):
    same(RingArray.quantised(ring, x, scale), [int(np.rint(v * 2.0**scale)) for v in x])


def test_large_reals_are_quantised_exactly_in_the_wide_ring():
    x = np.array([2.0**126, -(2.0**126), 2.0**64, 2.0**64 - 2048, -1.0, -(2.0**64) - 4096, 0.5, 1.5, 2.5])
    same(RingArray.quantised(Ring.Z128, x, 0), [round(v) for v in x.tolist()])
    same(RingArray.quantised(Ring.Z128, x[:3] / 4, 2), [int(v) for v in x[:3].tolist()])


@BOTH
def test_a_real_that_leaves_the_ring_or_is_none_is_refused(ring):
    top = 2.0 ** (ring.bits - 1)
    RingArray.quantised(ring, np.array([np.nextafter(top, 0)]), 0)
    for x, scale in ((top, 0), (-top, 0), (1.0, ring.bits - 1), (1e308, 60)):
        with pytest.raises(EncodingOverflow, match="lower the scale"):
            RingArray.quantised(ring, np.array([0.0, x]), scale)
    for x in (np.nan, np.inf, -np.inf):
        with pytest.raises(NonFiniteInput):
            RingArray.quantised(ring, np.array([0.0, x]), 10)


@given(SHAPES.flatmap(objects), st.integers(0, 100))
def test_reals_of_the_narrow_ring_are_the_nearest(x, scale):
    got = RingArray.integers(Ring.Z64, x).reals(scale)
    expected = signed(x, Ring.Z64)
    assert got.shape == x.shape and got.dtype == np.float64
    assert [v * 2.0**scale for v in got.ravel().tolist()] == [float(v) for v in expected.ravel().tolist()]


@given(SHAPES.flatmap(objects), st.integers(0, 100))
def test_reals_of_the_wide_ring_are_the_nearest_or_its_neighbour(x, scale):
    got = np.ldexp(RingArray.integers(Ring.Z128, x).reals(scale), scale)
    for v, exact in zip(got.ravel().tolist(), signed(x, Ring.Z128).ravel().tolist(), strict=True):
        nearest = float(exact)
        assert v in (nearest, np.nextafter(nearest, np.inf), np.nextafter(nearest, -np.inf))
        assert abs(exact) >= 1 << 53 or v == exact


# ---- arithmetic


@given(RINGS, pairs(), st.sampled_from([operator.add, operator.sub, operator.mul]))
def test_sums_differences_and_products_are_those_of_integers(ring, xy, op):
    x, y = xy
    same(op(RingArray.integers(ring, x), RingArray.integers(ring, y)), op(x, y))


@given(RINGS, SHAPES.flatmap(objects), INTEGERS)
def test_an_int_on_either_side_stands_for_its_residue(ring, x, n):
    a = RingArray.integers(ring, x)
    for got, expected in (
        (a + n, x + n),
        (n + a, x + n),
        (a - n, x - n),
        (n - a, n - x),
        (a * n, x * n),
        (n * a, x * n),
    ):
        same(got, expected)
    same(-a, -x)


@BOTH
def test_numpys_integers_count_as_ints(ring):
    same(RingArray.integers(ring, [1, 2]) * np.int64(-3), [-3, -6])
    same(np.uint8(3) + RingArray.integers(ring, [1, 2]), [4, 5])


@BOTH
@pytest.mark.parametrize("op", [operator.add, operator.sub, operator.mul])
@pytest.mark.parametrize("other", [1.5, 2.0, np.float64(1), np.array([1, 2]), "1", None])
def test_neither_a_real_nor_an_array_of_numpy_is_taken_for_an_element(ring, op, other):
    x = RingArray.integers(ring, [1, 2])
    for left, right in ((x, other), (other, x)):
        with pytest.raises(TypeError):
            op(left, right)


@pytest.mark.parametrize("op", [operator.add, operator.sub, operator.mul, operator.matmul])
def test_elements_of_two_rings_have_no_sum_or_product(op):
    with pytest.raises(InvalidRequest, match="no sum or product"):
        op(RingArray.zeros(Ring.Z64, (2, 2)), RingArray.zeros(Ring.Z128, (2, 2)))


@given(RINGS, SHAPES.flatmap(objects), st.integers(0, 130))
def test_shifts_and_low_bits_are_those_of_unsigned_integers(ring, x, k):
    a, size = RingArray.integers(ring, x), 1 << ring.bits
    same(a << k, x << k)
    same(a >> k, (x % size) >> k)
    same(a.low(k), x % size % (1 << k))
    same(a.bit(k), (x % size >> k) % 2)


@given(RINGS, SHAPES.flatmap(objects), st.data())
def test_sums_along_axes_are_those_of_integers(ring, x, data):
    axes = st.sampled_from(range(-x.ndim, x.ndim)) if x.ndim else st.none()
    axis = data.draw(st.one_of(st.none(), axes, st.just(tuple(range(x.ndim)))))
    expected = np.array(0, object) + x.sum(axis=axis)  # numpy gives the int 0 for no terms
    same(RingArray.integers(ring, x).sum(axis), expected)


@BOTH
def test_a_sum_of_many_terms_carries(ring):
    x = RingArray.integers(ring, [-1]).broadcast_to((100_001,))
    same(x.sum(), -100_001)
    same(RingArray.integers(ring, [(1 << 64) - 1]).broadcast_to((100_001,)).sum(), 100_001 * ((1 << 64) - 1))


@BOTH
@pytest.mark.parametrize(
    ("a", "b"), [((3, 4), (4, 2)), ((3, 4), (4,)), ((4,), (4, 2)), ((4,), (4,)), ((1, 1), (1, 1)), ((0, 2), (2, 3))]
)
def test_matrix_products_are_those_of_integers_of_vectors_too(ring, a, b):
    rng = np.random.default_rng(1)
    x, y = (signed(rng.integers(0, 1 << 63, s).astype(object) ** 2, ring) for s in (a, b))
    same(RingArray.integers(ring, x) @ RingArray.integers(ring, y), np.array(0, object) + x @ y)


@BOTH
@pytest.mark.parametrize(("a", "b"), [((3, 0), (0, 2)), ((0,), (0,)), ((2, 0), (0,))])
def test_a_product_over_nothing_is_zero(ring, a, b):
    got = RingArray.zeros(ring, a) @ RingArray.zeros(ring, b)
    same(got, np.zeros((*a[:-1], *b[1:]), object))


@BOTH
@pytest.mark.parametrize("shape", [(5, 3), (1, 1), (0, 2), (3, 0)])
def test_a_gram_matrix_is_that_of_integers(ring, shape):
    x = signed(np.random.default_rng(1).integers(0, 1 << 63, shape).astype(object) ** 2, ring)
    expected = x.T @ x if shape[0] else np.zeros((shape[1], shape[1]), object)
    same(RingArray.integers(ring, x).gram(), expected)
    same(RingArray.integers(ring, x.T).T.gram(), expected)


@BOTH
@pytest.mark.parametrize(("a", "b"), [((2, 3), (2, 3)), ((2,), (3,)), ((), (2,)), ((2, 2, 2), (2, 2)), ((2, 3), (4,))])
def test_matrices_that_do_not_fit_are_refused(ring, a, b):
    with pytest.raises(InvalidRequest, match="@"):
        RingArray.zeros(ring, a) @ RingArray.zeros(ring, b)
    with pytest.raises(InvalidRequest, match="matrix"):
        RingArray.zeros(ring, (3,)).gram()


# ---- shapes


INDICES = [
    (0,),
    (-1, 2),
    (slice(None, None, -1),),
    (Ellipsis, 1),
    (slice(None), None, 1),
    ([0, 1],),
    (np.array([True, False]),),
    ([0, 1], slice(None), [1, 0]),  # numpy puts such an axis first
    (0, slice(None), [1, 0]),
    (slice(None), [0, 2], 1),
    (np.array([[0, 1], [1, 0]]), 1),
]


@BOTH
@pytest.mark.parametrize("index", INDICES, ids=str)
def test_indexing_is_numpys(ring, index):
    x = np.arange(24).astype(object).reshape(2, 3, 4) - (1 << 100)
    a = RingArray.integers(ring, x)
    same(a[index], np.array(0, object) + x[index])
    if len(index) == 1:
        same(a[index[0]], x[index[0]])


@BOTH
def test_an_index_or_axis_that_does_not_exist_is_an_error_in_both_rings(ring):
    a = RingArray.zeros(ring, (2, 3))
    for wrong in (lambda: a[2], lambda: a[0, 3], lambda: a[0, 0, 0]):
        with pytest.raises(IndexError):
            wrong()
    for wrong in (lambda: a.sum(2), lambda: a.sum(-3), lambda: a.transpose((0, 2)), lambda: a.reshape((4,))):
        with pytest.raises(ValueError):
            wrong()
    for axis in (2, -3):
        with pytest.raises(InvalidRequest):
            concatenate([a, a], axis)
    with pytest.raises(InvalidRequest):
        stack([a, a], 3)


@BOTH
def test_shapes_change_as_numpys_do_and_without_a_copy(ring):
    x = np.arange(24).astype(object).reshape(2, 3, 4) - (1 << 90)
    a = RingArray.integers(ring, x)
    for view, expected in (
        (a.reshape((4, -1)), x.reshape(4, -1)),
        (a.transpose((1, 2, 0)), x.transpose(1, 2, 0)),
        (a.transpose((-1, 0, 1)), x.transpose(-1, 0, 1)),
        (a.T, x.T),
        (a.broadcast_to((5, 2, 3, 4)), np.broadcast_to(x, (5, 2, 3, 4))),
        (a[:, 1:], x[:, 1:]),
    ):
        same(view, expected)
        assert np.shares_memory(view.words, a.words)
    assert not np.shares_memory(a.copy().words, a.words)
    assert (len(a), a.ndim) == (2, 3)


@given(RINGS, st.integers(-3, 2), st.data())
def test_arrays_are_joined_as_numpy_joins_them(ring, axis, data):
    x, y = (data.draw(objects((2, 3))) for _ in "xy")
    both = [RingArray.integers(ring, v) for v in (x, y)]
    same(stack(both, axis), np.stack([x, y], axis))
    if -2 <= axis < 2:
        same(concatenate(both, axis), np.concatenate([x, y], axis))


def test_arrays_of_two_rings_are_not_joined():
    for join in (concatenate, stack):
        with pytest.raises(InvalidRequest):
            join([RingArray.zeros(Ring.Z64, (2,)), RingArray.zeros(Ring.Z128, (2,))])


@BOTH
def test_zeros_are_zero_and_words_have_the_shape_said(ring):
    same(RingArray.zeros(ring, (2, 3)), np.zeros((2, 3), object))
    assert RingArray.zeros(ring, (2, 3)).words.shape == word_shape(ring, (2, 3))
    assert word_shape(Ring.Z128, (2, 3)) == (2, 2, 3)


def test_words_that_are_none_are_refused():
    with pytest.raises(InvalidRequest):
        RingArray(Ring.Z64, np.zeros(3, np.int64))
    with pytest.raises(InvalidRequest):
        RingArray(Ring.Z32, np.zeros(3, np.uint64))


def test_contents_are_not_shown():
    assert repr(RingArray.integers(Ring.Z128, [[123456789]])) == "RingArray(Z_2^128, shape=(1, 1))"


# ---- tile by tile


@BOTH
@pytest.mark.parametrize(
    "shape", [(), (0,), (1,), (40,), (41,), (7, 3), (3, 7), (2, 3, 5), (2, 0, 3), (2, 2, 17), (1, 90)]
)
def test_a_formula_worked_out_in_tiles_gives_the_same(ring, shape, monkeypatch):
    monkeypatch.setattr(ring_arrays, "_TILE", 8)
    rng = np.random.default_rng(2)
    x, y = (RingArray(ring, rng.integers(0, 1 << 64, word_shape(ring, shape), np.uint64)) for _ in "xy")
    seen = []

    def formula(a, b):
        seen.append(a.size)
        return a * b - (a >> 3) + 5

    expected = formula(x, y).signed()
    seen.clear()
    assert (tiled(formula, x, y).signed() == expected).all()
    assert sum(seen) == x.size and max(seen, default=0) <= 8
    row = y[..., :1] if shape and shape[-1] else y
    assert (tiled(formula, x, row).signed() == formula(x, row).signed()).all()
    kept = x.copy()
    assert tiled(formula, kept, y, into=kept) is kept
    assert (kept.signed() == expected).all()
