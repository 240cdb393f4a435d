"""Products mod 2⁶⁴ against Python's integers, on every way that a machine may have to go."""

import platform
import re
import sys

import llvmlite.binding as llvm
import numba
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from securecompute import arithmetic
from securecompute.arithmetic import fewer_products, limb_products, ring_products
from securecompute.arithmetic import product_kernels as kernels
from securecompute.arithmetic.ring_products import CORNERS, Way, gram, kernel_name, matmul, warm
from securecompute.errors import InvalidRequest

PLAIN = Way("plain", kernels.plain_product, lambda x: kernels.plain_product(x.T, x), kernels.times_vector)
LIMBS = Way("limbs", limb_products.matmul, limb_products.gram, np.matmul)
WAYS = [ring_products.tiles(kernels.PAIRS), ring_products.tiles(kernels.WORDS), PLAIN, LIMBS]
EVERY_WAY = pytest.mark.parametrize("way", WAYS, ids=lambda way: way.name)
BLOCKS = {PLAIN.name: 64, LIMBS.name: limb_products.BLOCK} | {k.name: k.depth for k in (kernels.PAIRS, kernels.WORDS)}


def words(*shape, seed=0):
    return np.random.default_rng(seed).integers(0, 2**64, size=shape, dtype=np.uint64)


def exact(a, b):
    """By Python's integers."""
    return (a.astype(object) @ b.astype(object) % 2**64).astype(np.uint64).reshape(a.shape[0], b.shape[1])


@EVERY_WAY
@pytest.mark.parametrize("blocks, more", [(1, 0), (3, 7)])
def test_all_pairs_of_corner_constants_are_multiplied_exactly(way, blocks, more):
    depth = blocks * BLOCKS[way.name] + more
    constants = np.array(CORNERS, np.uint64)
    a, b = np.repeat(constants[:, None], depth, 1), np.repeat(constants[None], depth, 0)
    expected = [[x * y * depth % 2**64 for y in CORNERS] for x in CORNERS]
    assert way.product(a, b).tolist() == expected
    assert way.gram(b).tolist() == expected
    for j in range(len(CORNERS)):
        assert way.times_vector(a, b[:, j]).tolist() == [row[j] for row in expected]


@EVERY_WAY
@settings(max_examples=30, deadline=None)
@given(st.tuples(*[st.integers(1, 40)] * 3), st.integers(0, 2**32))
def test_products_equal_those_of_python_integers(way, shape, seed):
    m, k, n = shape
    a, b = words(m, k, seed=seed), words(k, n, seed=seed + 1)
    assert np.array_equal(way.product(a, b), exact(a, b))
    assert np.array_equal(way.gram(a), exact(a.T, a))
    assert np.array_equal(way.times_vector(a, b[:, 0]), exact(a, b)[:, 0])


@pytest.mark.parametrize("kind", [kernels.PAIRS, kernels.WORDS], ids=lambda kind: kind.name)
@pytest.mark.parametrize("edge", [-1, 0, 1])
def test_tiles_and_blocks_may_end_anywhere(kind, edge):
    way = ring_products.tiles(kind)
    tile = kernels.VECTORS * kind.lanes
    for m, k, n in [(kind.rows, 2, tile), (kind.tall, 9, kernels.WIDE), (2 * kind.tall, 2 * kind.depth, 2 * tile)]:
        a, b = words(m + edge or 1, k + edge), words(k + edge, n + edge, seed=1)
        assert np.array_equal(way.product(a, b), a @ b)
        assert np.array_equal(way.gram(b), b.T @ b)


@pytest.mark.parametrize("kind", [kernels.PAIRS, kernels.WORDS], ids=lambda kind: kind.name)
def test_tiles_write_only_into_the_padded_product(kind):
    a, b = words(13, 21), words(21, 29, seed=1)
    height, width = kernels.padded(kind, 13, 29)
    room = words(height + 2, width + 16, seed=2)
    before = room.copy()
    kernels.add_product(kind, room[1:-1, 8:-8], a, b)
    assert np.array_equal(room[1:14, 8:37], before[1:14, 8:37] + a @ b)
    room[1:-1, 8:-8] = before[1:-1, 8:-8]
    assert np.array_equal(room, before)


def test_a_product_is_padded_to_whole_tiles():
    assert kernels.padded(kernels.PAIRS, 13, 29) == (13, 32) and kernels.padded(kernels.WORDS, 13, 29) == (16, 32)
    assert kernels.padded(kernels.PAIRS, 1, 4) == (1, 4) and kernels.padded(kernels.WORDS, 8, 8) == (8, 8)


def test_a_block_of_limbs_is_no_longer_than_doubles_are_exact():
    assert limb_products.BLOCK * (3 << 20) ** 2 <= 2**53


@settings(max_examples=30, deadline=None)
@given(st.tuples(*[st.integers(0, 70)] * 3), st.integers(1, 4), st.integers(0, 2**32))
def test_a_product_is_the_same_on_any_number_of_threads(shape, threads, seed):
    m, k, n = shape
    a, b = words(m, k, seed=seed), words(k, n, seed=seed + 1)
    assert np.array_equal(matmul(a, b, threads), a @ b)
    assert np.array_equal(gram(a, threads), a.T @ a)


@pytest.mark.parametrize("m, k, n", [(0, 3, 2), (3, 0, 2), (3, 2, 0), (0, 0, 0), (1, 1, 1), (1, 900, 7), (900, 9, 1)])
@pytest.mark.parametrize("threads", [1, 3])
def test_empty_and_thin_matrices_have_products(monkeypatch, m, k, n, threads):
    monkeypatch.setattr(ring_products, "TINY", 0)
    a, b = words(m, k), words(k, n, seed=1)
    assert np.array_equal(matmul(a, b, threads), exact(a, b) if k else np.zeros((m, n)))
    assert gram(a, threads).shape == (k, k)


VIEWS = {
    "transposed": lambda x: x.T.copy().T,
    "sliced": lambda x: np.repeat(np.repeat(x, 2, 0), 3, 1)[::2, ::3],
    "rows reversed": lambda x: x[::-1].copy()[::-1],
    "columns reversed": lambda x: x[:, ::-1].copy()[:, ::-1],
    "within wider rows": lambda x: np.hstack([x, x])[:, : x.shape[1]],
    "at an odd address": lambda x: np.frombuffer(b"_" + x.tobytes(), np.uint64, offset=1).reshape(x.shape),
    "read-only": lambda x: np.frombuffer(x.tobytes(), np.uint64).reshape(x.shape),
}


@pytest.mark.parametrize("left", VIEWS)
@pytest.mark.parametrize("right", VIEWS)
def test_factors_may_be_any_views_and_are_only_read(monkeypatch, left, right):
    monkeypatch.setattr(ring_products, "TINY", 0)
    a, b = words(40, 50), words(50, 30, seed=1)
    x, y = VIEWS[left](a), VIEWS[right](b)
    assert np.array_equal(matmul(x, y), a @ b)
    assert np.array_equal(matmul(x[:1], y), a[:1] @ b) and np.array_equal(matmul(x, y[:, :1]), a @ b[:, :1])
    assert np.array_equal(gram(x), a.T @ a)
    assert np.array_equal(x, a) and np.array_equal(y, b)


def test_one_number_for_all_elements_is_a_view_like_others():
    same = np.broadcast_to(np.uint64(2**63 + 5), (40, 40))
    assert np.array_equal(matmul(same, same), exact(same, same))
    row = np.broadcast_to(words(40), (40, 40))
    assert np.array_equal(matmul(row, row.T), exact(row, row.T))


def test_a_product_is_contiguous_and_its_own(monkeypatch):
    monkeypatch.setattr(ring_products, "TINY", 0)
    a, b = words(30, 31), words(31, 33)
    c = matmul(a, b)
    assert c.flags.c_contiguous and c.flags.writeable and not np.may_share_memory(c, a)
    g = gram(a)
    assert g.flags.c_contiguous and g.flags.writeable


@pytest.mark.parametrize("m, k, n", [(64, 64, 64), (69, 83, 75), (128, 130, 129)])
@pytest.mark.parametrize("way", WAYS[:2], ids=lambda way: way.name)
def test_seven_products_of_quarters_are_the_product(monkeypatch, way, m, k, n):
    monkeypatch.setattr(fewer_products, "SMALLEST", 16)
    a, b = words(m, k), words(k, n, seed=1)
    assert np.array_equal(way.product(a, b), a @ b)
    assert np.array_equal(way.product(a.T.copy().T, b.T.copy().T), a @ b)


def test_large_products_are_made_of_seven_eighths_of_the_multiplications(monkeypatch):
    monkeypatch.setattr(fewer_products, "SMALLEST", 16)
    done = []
    a, b, c = words(32, 32), words(32, 32, seed=1), np.zeros((32, 32), np.uint64)

    def add(into, x, y):
        done.append(x.shape[0] * x.shape[1] * y.shape[1])
        into += x @ y

    fewer_products.add_product(add, c, a, b)
    assert np.array_equal(c, a @ b) and sum(done) == 7 * 32**3 // 8


@pytest.mark.parametrize(
    "a, b, threads",
    [
        (words(3, 4), words(5, 2), 1),
        (words(3, 4), words(4), 1),
        (words(3), words(3, 4), 1),
        (words(2, 3, 4), words(4, 2), 1),
        (words(3, 4).astype(np.int64), words(4, 2), 1),
        (words(3, 4), words(4, 2).astype(np.float64), 1),
        (words(3, 4).astype(">u8"), words(4, 2), 1),
        (words(3, 4), words(4, 2), 0),
    ],
)
def test_other_shapes_dtypes_and_numbers_of_threads_are_refused(a, b, threads):
    with pytest.raises(InvalidRequest):
        matmul(a, b, threads)
    if a.ndim != 2 or a.dtype != np.uint64 or threads < 1:
        with pytest.raises(InvalidRequest):
            gram(a, threads)


@pytest.fixture
def chosen_anew():
    ring_products.chosen.cache_clear()
    yield
    ring_products.chosen.cache_clear()


def test_without_a_compiler_doubles_multiply(monkeypatch, chosen_anew):
    monkeypatch.setitem(sys.modules, "numba", None)
    monkeypatch.delitem(sys.modules, kernels.__name__)
    monkeypatch.delattr(arithmetic, "product_kernels")
    warm()
    assert kernel_name() == "limb products on BLAS"
    a, b = words(50, 60), words(60, 40, seed=1)
    assert np.array_equal(matmul(a, b), a @ b) and np.array_equal(gram(a), a.T @ a)
    assert np.array_equal(matmul(a, b[:, :1]), a @ b[:, :1]) and np.array_equal(matmul(a[:1], b), a[:1] @ b)


@pytest.mark.parametrize("fault", ["product", "gram", "times_vector"])
def test_tiles_that_fail_their_test_are_not_used(monkeypatch, chosen_anew, fault):
    wrong = Way(**{**vars(WAYS[0]), fault: lambda *args: getattr(WAYS[0], fault)(*args) ^ np.uint64(1 << 40)})
    assert not ring_products.passes(wrong)
    monkeypatch.setattr(ring_products, "tiles", lambda kind: wrong)
    assert kernel_name() == "plain compiled loops"
    a, b = words(50, 60), words(60, 40, seed=1)
    assert np.array_equal(matmul(a, b), a @ b)


@EVERY_WAY
def test_every_way_passes_the_test_at_the_start(way):
    assert ring_products.passes(way)


def test_the_self_test_sees_k_exchanged_within_one_factor():
    swapped = Way(**{**vars(LIMBS), "product": lambda a, b: limb_products.matmul(a[:, ::-1], b)})
    assert not ring_products.passes(swapped)


@pytest.mark.parametrize(
    "told, kind", [("+avx2,+avx512f,+avx512dq", "WORDS"), ("+avx2,-avx512dq", "PAIRS"), ("", "PAIRS")]
)
def test_words_are_multiplied_at_once_where_the_processor_can(monkeypatch, told, kind):
    class Codegen:
        def magic_tuple(self):
            return "triple", "processor", told

    monkeypatch.setattr(kernels.cpu_target.target_context, "codegen", Codegen)
    assert kernels.kind_here() is getattr(kernels, kind)


INSTRUCTIONS = {
    "tiles_of_pairs": ("znver3", r"vpmuludq\s.*%ymm", r"vpmulld\s.*%ymm"),
    "tiles_of_words": ("skylake-avx512", r"vpmullq\s.*%zmm", r"vpaddq\s.*%zmm"),
}


@pytest.mark.slow
@pytest.mark.parametrize("tiles", INSTRUCTIONS if platform.machine() == "x86_64" else [])
def test_tiles_are_the_vector_instructions_of_the_processor(tiles):
    processor, multiply, other = INSTRUCTIONS[tiles]
    loop = getattr(kernels, f"_{tiles}")
    compiled = numba.njit(f"void({', '.join(['intp'] * 9)})")(
        lambda a, b, c, d, e, f, g, h, i: loop(a, b, c, d, e, f, g, h, i)
    )
    (text,) = compiled.inspect_llvm().values()
    target = llvm.Target.from_default_triple().create_target_machine(cpu=processor, opt=3)
    assembly = target.emit_assembly(llvm.parse_assembly(text))
    cells = {"tiles_of_pairs": 1 + 2 + 3, "tiles_of_words": 8 * (1 + 2 + 3)}[tiles]
    assert len(re.findall(multiply, assembly)) % cells == 0 < len(re.findall(multiply, assembly))
    assert len(re.findall(other, assembly)) >= cells
