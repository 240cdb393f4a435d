"""Products in GF(2^128): the same by instruction, tables and bits, and those of Python's integers and of GHASH."""

import copy
import pickle

import numpy as np
import pytest
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from hypothesis import example, given
from hypothesis import strategies as st

from securecompute.arithmetic import gf128
from securecompute.arithmetic import gf128_kernels as kernels
from securecompute.errors import InvalidRequest

KINDS = [gf128.BY_TABLES] + [gf128.BY_INSTRUCTION] * kernels.has_instruction()
ELEMENTS = st.integers(0, 2**128 - 1) | st.integers(0, 127).map(lambda k: 1 << k)


@pytest.fixture(params=KINDS)
def kind(request, monkeypatch):
    monkeypatch.setattr(gf128, "kernel_name", lambda: request.param)
    return request.param


def blocks(*integers):
    return np.array([[n % 2**64, n >> 64] for n in integers], np.uint64).reshape(-1, 2)


def integers(array):
    return [int(low) | int(high) << 64 for low, high in array]


def product(a, b):
    """By hand: the bits of b one at a time, reduced at once."""
    total = 0
    while b:
        total ^= a * (b & 1)
        a, b = a << 1, b >> 1
        a ^= (a >> 128) * (1 << 128 | 0x87)
    return total


def random_blocks(n, seed=0):
    return np.random.default_rng(seed).integers(0, 2**64, (n, 2), np.uint64)


@given(st.lists(st.tuples(ELEMENTS, ELEMENTS), max_size=4))
@example([(2**128 - 1, 2**128 - 1), (1 << 127, 1 << 127), (1 << 127, 2), (0, 5), (1, 2**128 - 1)])
def test_products_are_those_of_polynomials_modulo_the_fields(pairs):
    a, b = (blocks(*side) for side in ([p[0] for p in pairs], [p[1] for p in pairs]))
    expected = [product(x, y) for x, y in pairs]
    assert integers(gf128.multiply(a, b)) == expected
    by_bits = np.empty_like(a)
    kernels.multiply_by_bits(gf128.checked_blocks(a, "a"), gf128.checked_blocks(b, "b"), by_bits)
    assert integers(by_bits) == expected
    for x, y, z in zip(a, b, expected, strict=True):
        by_tables = np.empty((1, 2), np.uint64)
        kernels.times_by_tables(gf128.checked_blocks(x[None], "x"), kernels.tables_of(*y), by_tables)
        assert integers(by_tables) == integers(gf128.Factor(y).times(x[None])) == [z]


def test_every_way_gives_the_same_words(kind):
    a, b = random_blocks(100), random_blocks(100, 1)
    expected = [product(x, y) for x, y in zip(integers(a), integers(b), strict=True)]
    assert integers(gf128.multiply(a, b)) == expected
    f = gf128.Factor(b[7])
    assert integers(f.times(a)) == [product(x, integers(b)[7]) for x in integers(a)]


def test_a_field_multiplies_as_a_field_does(kind):
    a, b, c = (random_blocks(50, seed) for seed in range(3))
    one = np.tile(blocks(1), (50, 1))
    assert np.array_equal(gf128.multiply(a, b), gf128.multiply(b, a))
    assert np.array_equal(gf128.multiply(a, b ^ c), gf128.multiply(a, b) ^ gf128.multiply(a, c))
    assert np.array_equal(gf128.multiply(gf128.multiply(a, b), c), gf128.multiply(a, gf128.multiply(b, c)))
    inverse = one
    for _ in range(127):  # a^(2^128 - 2)
        inverse = gf128.multiply(gf128.multiply(inverse, inverse), a)
    inverse = gf128.multiply(inverse, inverse)
    assert np.array_equal(gf128.multiply(a, inverse), one)


def test_ghash_with_its_bits_reversed_is_our_product(kind):
    """GMAC of one block: tag = (a H + lengths) H + E(nonce | 1), an independent implementation."""

    def reversed_bits(octets):
        bits = np.unpackbits(np.frombuffer(octets, np.uint8))
        return np.packbits(bits, bitorder="little").view(np.uint64)[None]

    key, nonce, a = bytes(range(16)), bytes(12), bytes(range(100, 116))
    aes = Cipher(algorithms.AES(key), modes.ECB()).encryptor()
    h = gf128.Factor(reversed_bits(aes.update(bytes(16)))[0])
    lengths = (128).to_bytes(8, "big") + bytes(8)
    hashed = h.times(h.times(reversed_bits(a)) ^ reversed_bits(lengths))
    tag = AESGCM(key).encrypt(nonce, b"", a)
    assert np.array_equal(hashed ^ reversed_bits(aes.update(nonce + b"\0\0\0\1")), reversed_bits(tag))


def test_a_result_can_be_written_in_place(kind):
    a, b = random_blocks(9), random_blocks(9, 1)
    expected, by_one = gf128.multiply(a, b), gf128.Factor(b[0]).times(a)
    for target, args in ((a.copy(), (b,)), (b.copy(), (a,))):
        assert gf128.multiply(target, *args, out=target) is target
        assert np.array_equal(target, expected)
    assert gf128.Factor(b[0]).times(a, out=a) is a
    assert np.array_equal(a, by_one)


def test_a_factor_is_copied_and_no_rows_give_none(kind):
    block, a = random_blocks(1)[0], random_blocks(3, 1)
    f = gf128.Factor(block)
    before = f.times(a)
    block[:] = 0
    assert np.array_equal(f.times(a), before)
    assert f.times(a[:0]).shape == gf128.multiply(a[:0], a[:0]).shape == (0, 2)


def test_inputs_may_be_read_only_strided_or_unaligned(kind):
    a, b = random_blocks(6), random_blocks(6, 1)
    expected, by_one = gf128.multiply(a, b), gf128.Factor(b[0]).times(a)
    frozen, unaligned = a.copy(), np.empty(97, np.uint8)[1:].view(np.uint64).reshape(6, 2)
    frozen.flags.writeable = False
    unaligned[:] = a
    for same in (frozen, unaligned, np.asfortranarray(a), np.repeat(a, 2, axis=0)[::2]):
        assert np.array_equal(gf128.multiply(same, b), expected)
        assert np.array_equal(gf128.Factor(b[0]).times(same), by_one)
    assert a.flags.writeable
    used = (kernels.multiply_by_instruction, kernels.multiply_by_bits, kernels.times_by_instruction)
    assert all(len(kernel.signatures) <= 1 for kernel in (*used, kernels.times_by_tables))  # for all of these arrays


@pytest.mark.parametrize(
    "wrong", [np.zeros((3, 2)), np.zeros((3, 3), np.uint64), np.zeros(2, np.uint64), np.zeros((3, 2), ">u8"), b"x" * 32]
)
def test_other_arrays_than_blocks_are_refused(wrong):
    a = random_blocks(3)
    for call in (
        lambda: gf128.multiply(wrong, a),
        lambda: gf128.multiply(a, wrong),
        lambda: gf128.multiply(a, a, out=wrong),
        lambda: gf128.Factor(a[0]).times(wrong),
        lambda: gf128.Factor(wrong if not isinstance(wrong, np.ndarray) or wrong.ndim != 1 else a),
    ):
        with pytest.raises(InvalidRequest):
            call()


def test_results_are_written_only_where_a_kernel_may(kind):
    a = random_blocks(4)
    frozen = a.copy()
    frozen.flags.writeable = False
    for out in (
        frozen,
        random_blocks(8)[::2],
        random_blocks(5),
        np.empty(65, np.uint8)[1:].view(np.uint64).reshape(4, 2),
    ):
        with pytest.raises(InvalidRequest, match="out"):
            gf128.Factor(a[0]).times(a, out=out)
        with pytest.raises(InvalidRequest, match="out"):
            gf128.multiply(a, a, out=out)
    with pytest.raises(InvalidRequest, match="4 blocks by 3"):
        gf128.multiply(a, a[:3])


def test_a_factor_shows_nothing_and_is_not_copied():
    f = gf128.Factor(blocks(0x0123456789ABCDEF)[0])
    assert str(0x0123456789ABCDEF) not in repr(f) and "cdef" not in repr(f).lower()
    for way in (pickle.dumps, copy.copy, copy.deepcopy):
        with pytest.raises(TypeError):
            way(f)


@pytest.mark.parametrize(
    ("told", "name"), [("+aes,+pclmul", "BY_INSTRUCTION"), ("+aes,-pclmul", "BY_TABLES"), ("", "BY_TABLES")]
)
def test_the_instruction_is_used_where_the_processor_has_it(monkeypatch, told, name):
    class Codegen:
        def magic_tuple(self):
            return "triple", "processor", told

    monkeypatch.setattr(kernels.cpu_target.target_context, "codegen", Codegen)
    assert gf128.kernel_name() == getattr(gf128, name)


def test_warming_up_compiles_what_is_used_and_nothing_later():
    gf128.warm()
    used = (kernels.multiply_by_instruction, kernels.times_by_instruction, kernels.multiply_by_bits)
    before = [len(kernel.signatures) for kernel in used]
    a = random_blocks(3)
    frozen = a.copy()
    frozen.flags.writeable = False
    gf128.multiply(a, frozen, out=gf128.Factor(a[0]).times(frozen))
    assert [len(kernel.signatures) for kernel in used] == before
