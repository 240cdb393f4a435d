"""Where the noise is must not show in A: linear algebra finds it in a binary code, and not in one over the field.

A binary code treats the 128 bits of a cell alike. The columns of the bits of A, m by 128, then lie in the span of those
columns of the code where there is noise, and fill it if the noisy cells are independent: at most 128 of them. So a
cell is noisy if its column is in the span of A's. If there are more, cells are drawn: a sum of bits of A that is one of
columns of the draw shows which of them are noisy, and there is such a sum if at most 127 noisy cells were not drawn.
"""

import numpy as np
import pytest

from securecompute.primitives.expand_convolute import ExpandConvolute

M, N = 512, 1024
SEED = bytes(range(16))


def code(multiplier):
    made = ExpandConvolute(M, N, SEED)
    if not multiplier:
        made._g = np.array([1, 0], np.uint64)
    return made


def columns(a):
    """The 128 columns of the bits of a, as whole numbers of m bits."""
    bits = np.unpackbits(np.ascontiguousarray(a).view(np.uint8), axis=1, bitorder="little")
    return [int.from_bytes(row.tobytes(), "little") for row in np.packbits(bits.T, axis=1, bitorder="little")]


def reduced(vector, basis):
    for top, member in basis:
        if vector >> top & 1:
            vector ^= member
    return vector


def span(vectors, basis=()):
    basis = list(basis)
    for vector in vectors:
        rest = reduced(vector, basis)
        if rest:
            basis.append((rest.bit_length() - 1, rest))
    return basis


def binary_columns():
    """Of the code with g = 1, one for each cell: 128 cells at once, each in a bit of its own."""
    found = []
    for first in range(0, N, 128):
        e = np.zeros((N, 2), np.uint64)
        for k in range(128):
            e[first + k, k // 64] = np.uint64(1 << k % 64)
        found += columns(code(multiplier=False).encode(e))
    return found


def noisy(t, seed=0):
    """Sorted places and ε, whose t cells are independent over GF(2), or have rank 128."""
    rng = np.random.default_rng(seed)
    places, values = np.sort(rng.choice(N, t, replace=False)), np.zeros((t, 2), np.uint64)
    while len(span(columns(values))) < min(t, 128):
        values = rng.integers(0, 2**64, (t, 2), np.uint64)
    e = np.zeros((N, 2), np.uint64)
    e[places] = values
    return places.tolist(), e


def exposed(a):
    """The cells that the rank test finds."""
    basis = span(columns(a))
    return [j for j, column in enumerate(binary_columns()) if not reduced(column, basis)]


def exposed_among(drawn, a):
    """The drawn cells that are found. A vector here carries, above its m bits, which columns of the code are in it."""
    low, basis, found = (1 << M) - 1, {}, 0

    def rest(vector):
        while vector & low and (top := (vector & low).bit_length()) in basis:
            vector ^= basis[top]
        return vector

    of_code = binary_columns()
    for j in drawn:
        vector = rest(of_code[j] | 1 << M + j)
        basis[(vector & low).bit_length()] = vector
    for column in columns(a):
        vector = rest(column)
        if vector & low:
            basis[(vector & low).bit_length()] = vector
        else:
            found |= vector >> M
    return [j for j in range(N) if found >> j & 1]


@pytest.mark.parametrize("t", [1, 64, 120, 128])
def test_without_the_multiplier_every_noisy_cell_is_found_from_a_alone(t):
    places, e = noisy(t)
    assert exposed(code(multiplier=False).encode(e)) == places


def test_of_172_noisy_cells_one_draw_finds_all_that_are_in_it_without_the_multiplier_and_none_with_it():
    places, e = noisy(172)
    drawn = np.random.default_rng(1).choice(N, 360, replace=False).tolist()
    assert exposed_among(drawn, code(multiplier=False).encode(e.copy())) == [j for j in places if j in drawn]
    assert exposed_among(drawn, code(multiplier=True).encode(e)) == []


@pytest.mark.parametrize("t", [64, 120, 128])
def test_with_the_multiplier_none_is_found(t):
    _, e = noisy(t)
    assert exposed(code(multiplier=True).encode(e)) == []


def test_with_the_multiplier_no_cell_shares_a_sum_of_bits_with_a():
    """The test for a code over the field, where what a cell contributes is in the span of its 128 columns."""
    places, e = noisy(64)
    basis = span(columns(code(multiplier=True).encode(e)))
    assert len(basis) == 128
    for j in [*places[::16], *range(5, N, 256)]:
        one = np.zeros((N, 2), np.uint64)
        one[j, 0] = 1
        contributed = columns(code(multiplier=True).encode(one))
        assert len(span(contributed, basis)) == 128 + len(span(contributed))


@pytest.mark.parametrize(("multiplier", "least", "most"), [(True, 0.98, 1.0), (False, 0.4, 0.6)])
def test_with_the_multiplier_an_output_depends_on_all_convolved_cells_and_not_on_half(multiplier, least, most):
    dense = []
    for j in range(M, N, 32):
        one = np.zeros((N, 2), np.uint64)
        one[j, 0] = 1
        dense.append(code(multiplier).encode(one).any(axis=1).mean())
    assert least <= np.mean(dense) <= most, np.mean(dense)
