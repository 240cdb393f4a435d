"""Powers of a difference: right, and of the same integers on every processor."""

import numpy as np
import pytest

from securecompute.arithmetic import power_kernels as kernels

N = 4000


def circle(t, bits):
    """Pieces of a circle of 2^bits as turns."""
    return np.floor(np.ldexp(t % (1 << bits), 53 - bits)).astype(np.uint64) << np.uint64(11)


@pytest.mark.parametrize(("bits", "rho"), [(1, 1), (2, 8), (4, 2), (6, 1)])
def test_two_shares_combine_to_the_power_of_the_difference(bits, rho):
    rng = np.random.default_rng(bits)
    pieces = 1 << bits
    first = -(pieces // 2)
    t = np.concatenate([rng.uniform(first, first + pieces - 1, N), np.arange(first, first + pieces - 1)])
    r = rng.integers(0, 2**64, t.size, np.uint64)
    share = rng.integers(0, 2**64, (pieces, t.size), np.uint64)
    other = share.copy()
    kernels.deal(r, bits, float(rho), 2.0**30, other)
    place = (np.arange(pieces) - first) % pieces + first
    public = 28 - max(0, rho * (first + pieces - 1))
    total = np.zeros(t.size, np.uint64)
    for words in (share, other):
        part = np.empty((1, t.size), np.uint64)
        kernels.combine(circle(t, bits) + r, bits, float(rho), 2.0 ** (rho * place + public), words, part)
        total += part[0]
    value, true = total.view(np.int64) * 2.0 ** -(30 + public), 2.0 ** (rho * t)
    assert np.abs(value - true).max() < 2.0 ** -(public + 1) + true.max() * 2.0 ** (rho - 30)


def test_a_table_is_looked_up_at_the_piece_of_the_difference():
    rng = np.random.default_rng(0)
    c, r = rng.integers(0, 2**64, (2, N), np.uint64)
    share = rng.integers(0, 2**64, (8, N), np.uint64)
    other, tables = share.copy(), rng.integers(0, 2**64, (2, 8), np.uint64)
    kernels.deal(r, 3, 0.0, 1.0, other)
    total = np.zeros((2, N), np.uint64)
    for words in (share, other):
        part = np.empty((2, N), np.uint64)
        kernels.look_up(c, 3, tables, words, part)
        total += part
    place = ((c >> np.uint64(61)) - (r >> np.uint64(61))) % np.uint64(8)
    assert (total == tables[:, place.astype(int)]).all()


def test_the_public_integers_are_those_of_plain_ieee_arithmetic():
    turns = np.random.default_rng(3).integers(0, 2**64, N, np.uint64)
    rho, bits = 5.0, 2
    x = rho * (((turns << np.uint64(bits)) >> np.uint64(11)).astype(np.float64) * 2.0**-53)
    whole = np.floor(x + 0.5)
    t = (x - whole) * 0.6931471805599453
    y = np.full_like(t, 1.0 / 6227020800.0)
    for c in (479001600.0, 39916800.0, 3628800.0, 362880.0, 40320.0, 5040.0, 720.0, 120.0, 24.0, 6.0, 2.0, 1.0, 1.0):
        y = y * t + 1.0 / c
    expected = np.rint(y * 2.0**whole * 2.0**30)
    words, sums = np.ones((1, N), np.uint64), np.empty((1, N), np.uint64)
    kernels.combine(turns, bits, rho, np.array([2.0**30]), words, sums)
    assert (sums[0].view(np.int64) == expected).all()
    assert np.abs(y * 2.0**whole / 2.0**x - 1).max() < 1e-15


def test_warming_up_compiles_what_is_used_and_nothing_later():
    kernels.warm()
    before = len(kernels.combine.signatures), len(kernels.deal.signatures)
    words, turns = np.zeros((4, 3), np.uint64), np.zeros(3, np.uint64)
    kernels.deal(turns, 2, 3.0, 2.0, words)
    kernels.combine(turns, 2, 3.0, np.ones(4), words, np.empty((1, 3), np.uint64))
    assert (len(kernels.combine.signatures), len(kernels.deal.signatures)) == before
