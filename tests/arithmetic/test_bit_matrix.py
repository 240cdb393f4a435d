"""The transpose of packed bits is numpy's transpose of the bits one by one."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from securecompute.arithmetic import bit_matrix, bit_matrix_kernels
from securecompute.errors import InvalidRequest


def bits(words):
    return np.unpackbits(np.ascontiguousarray(words).view(np.uint8), axis=1, bitorder="little")


def random_words(*shape):
    return np.random.default_rng(0).integers(0, 2**64, shape, np.uint64)


@given(st.integers(1, 4), st.integers(1, 20), st.integers(0, 99))
def test_bit_c_of_row_r_becomes_bit_r_of_row_c(blocks, width, seed):
    rows = np.random.default_rng(seed).integers(0, 2**64, (64 * blocks, width), np.uint64)
    before = rows.copy()
    across = bit_matrix.transpose(rows)
    assert across.shape == (64 * width, blocks) and across.dtype == np.uint64
    assert np.array_equal(bits(across), bits(rows).T)
    assert np.array_equal(rows, before)


@pytest.mark.parametrize("row, column", [(0, 0), (63, 0), (64, 63), (127, 64), (5, 575)])
def test_one_bit_goes_where_it_belongs(row, column):
    rows = np.zeros((128, 9), np.uint64)
    rows[row, column // 64] = np.uint64(1 << column % 64)
    across = bit_matrix.transpose(rows)
    assert np.argwhere(across).tolist() == [[column, row // 64]]
    assert int(across[column, row // 64]) == 1 << row % 64


def test_no_columns_or_no_rows_have_a_transpose():
    assert bit_matrix.transpose(np.zeros((128, 0), np.uint64)).shape == (0, 2)
    assert bit_matrix.transpose(np.zeros((0, 3), np.uint64)).shape == (192, 0)


def test_inputs_may_be_read_only_or_strided_and_the_result_given_memory():
    rows = random_words(64, 10)
    expected, out = bit_matrix.transpose(rows), np.empty((640, 1), np.uint64)
    frozen = rows.copy()
    frozen.flags.writeable = False
    assert bit_matrix.transpose(frozen, out) is out and np.array_equal(out, expected)
    assert np.array_equal(bit_matrix.transpose(np.asfortranarray(rows)), expected)
    assert np.array_equal(bit_matrix.transpose(np.repeat(rows, 2, axis=1)[:, ::2]), expected)
    assert len(bit_matrix_kernels.transpose.signatures) == 1


@pytest.mark.parametrize(
    "rows", [random_words(63, 2), random_words(64), np.zeros((64, 2)), np.zeros((64, 2), np.int64), [[0] * 64]]
)
def test_other_matrices_are_refused(rows):
    with pytest.raises(InvalidRequest, match="multiple of 64"):
        bit_matrix.transpose(rows)


@pytest.mark.parametrize(
    "out", [np.empty((128, 2), np.uint64), np.empty((128, 1)), np.empty((256, 1), np.uint64)[::2], random_words(64, 1)]
)
def test_other_memory_for_the_result_is_refused(out):
    with pytest.raises(InvalidRequest, match="expected contiguous"):
        bit_matrix.transpose(random_words(64, 2), out)
    frozen = np.empty((128, 1), np.uint64)
    frozen.flags.writeable = False
    with pytest.raises(InvalidRequest, match="writeable"):
        bit_matrix.transpose(random_words(64, 2), frozen)


def test_warming_up_compiles_what_is_used_and_nothing_later():
    bit_matrix.warm()
    before = len(bit_matrix_kernels.transpose.signatures)
    bit_matrix.transpose(random_words(64, 3))
    assert len(bit_matrix_kernels.transpose.signatures) == before == 1
