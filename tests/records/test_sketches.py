"""A sketch has a 1 where an identifier's cell is: cells are even, the same everywhere, and of one key type and size."""

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from securecompute.primitives.block_hash import BlockHash
from securecompute.primitives.masks import derive
from securecompute.records.identifiers import read_identifiers
from securecompute.records.sketches import cells_of, sketch

CELLS = 1 << 10


def identifiers(names, column="id"):
    return read_identifiers(pa.table({column: pa.array([str(name) for name in names], pa.string())}), [column])


@given(st.integers(1, 1 << 32))
def test_a_cell_is_the_hashs_share_of_the_cells_in_whole_numbers(cells):
    found = identifiers(range(20))
    key = derive(found.key_type.label(), b"securecompute/sketch", b"cells %d" % cells, 16)
    assert cells_of(found, cells).tolist() == [int(h) * cells >> 64 for h in BlockHash(key)(found.ids)[:, 0]]


def test_a_sketch_has_a_one_in_the_cells_that_are_taken():
    found = identifiers(range(200))
    taken = sketch(found, CELLS)
    assert taken.dtype == np.float64 and taken.shape == (CELLS,)
    assert np.flatnonzero(taken == 1).tolist() == sorted(set(cells_of(found, CELLS).tolist()))
    assert set(np.unique(taken)) == {0.0, 1.0}


def test_nobody_leaves_no_mark_and_records_of_one_patient_leave_one():
    assert not sketch(identifiers([]), CELLS).any()
    assert np.array_equal(sketch(identifiers([7] * 50), CELLS), sketch(identifiers([7]), CELLS))
    assert sketch(identifiers([7]), CELLS).sum() == 1


@given(st.sets(st.integers(0, 500)), st.sets(st.integers(0, 500)))
def test_the_sketch_of_a_union_is_the_larger_of_two_sketches(a, b):
    apart = np.maximum(sketch(identifiers(a), CELLS), sketch(identifiers(b), CELLS))
    assert np.array_equal(apart, sketch(identifiers(a | b), CELLS))


def test_sketches_of_another_key_type_or_number_of_cells_have_nothing_in_common():
    cells = cells_of(identifiers(range(2000)), CELLS)
    others = cells_of(identifiers(range(2000), "mrn"), CELLS), cells_of(identifiers(range(2000)), 2 * CELLS) // 2
    for other in others:
        assert (cells == other).sum() < 15  # 2 are expected


@pytest.mark.parametrize("cells", [1 << 10, 1000 + 7])
def test_cells_are_equally_likely(cells):
    counted = np.bincount(cells_of(identifiers(range(50 * cells)), cells), minlength=cells)
    squares = ((counted - 50.0) ** 2 / 50).sum()
    assert abs(squares - cells) < 5 * np.sqrt(2 * cells)
