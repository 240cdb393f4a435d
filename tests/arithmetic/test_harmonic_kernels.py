"""Trigonometric sums of a difference: right, and of the same integers on every processor."""

import numpy as np
import pytest

from securecompute.arithmetic import harmonic_kernels as kernels

CORNERS = np.array([k * 2**61 + d for k in range(8) for d in (-1, 0, 1)], dtype=object) % 2**64
TURNS = np.concatenate([CORNERS.astype(np.uint64), np.random.default_rng(0).integers(0, 2**64, 3000, np.uint64)])


def dealt(turns, step, scales, start=0):
    words = np.full((2 * len(scales), turns.size), start, np.uint64)
    kernels.deal(turns, step, np.array(scales, np.float64), words)
    return words


@pytest.mark.parametrize("step", [1, 2, 3])
def test_dealt_words_are_scaled_cosines_and_sines_less_what_was_there(step):
    scales = [2.0**30, 2.0**33, 2.0**29]
    words = dealt(TURNS, step, scales, start=17) + np.uint64(17)
    for j, scale in enumerate(scales):
        angle = 2 * np.pi * ((np.uint64(1 + j * step) * TURNS).astype(np.float64) * 2.0**-64)
        for row, function in enumerate((np.cos, np.sin)):
            error = words[2 * j + row].view(np.int64) - scale * function(angle)
            assert np.abs(error).max() < 0.5 + 1e-4


@pytest.mark.parametrize("step", [1, 2])
def test_two_shares_combine_to_the_function_of_the_difference(step):
    rng = np.random.default_rng(1)
    x = TURNS
    r = rng.integers(0, 2**64, x.size, np.uint64)
    first = rng.integers(0, 2**64, (6, x.size), np.uint64)
    alpha, beta = rng.normal(size=(2, 2, 3)) / 8
    second = dealt(r, step, [2.0**31] * 3) - first
    sums = [np.empty((2, x.size), np.uint64) for _ in range(2)]
    for words, total in zip((first, second), sums, strict=True):
        kernels.combine(x + r, step, alpha * 2.0**31, beta * 2.0**31, words, total)
    value = (sums[0] + sums[1]).view(np.int64) * 2.0**-62
    angles = [2 * np.pi * ((np.uint64(1 + j * step) * x).astype(np.float64) * 2.0**-64) for j in range(3)]
    for f in range(2):
        true = sum(alpha[f, j] * np.cos(a) + beta[f, j] * np.sin(a) for j, a in enumerate(angles))
        assert np.abs(value[f] - true).max() < 6 * 2.0**-31


def test_the_public_integers_are_those_of_plain_ieee_arithmetic():
    """numpy's elementwise sums and products round as IEEE 754 says and fuse nothing: the compiled loop must agree."""
    quadrant = (TURNS + np.uint64(1 << 61)) >> np.uint64(62)
    t = (TURNS - (quadrant << np.uint64(62))).view(np.int64).astype(np.float64) * (6.283185307179586 / 2.0**64)
    u = t * t
    s = np.full_like(u, -1.0 / 1307674368000.0)
    for c in (1 / 6227020800.0, -1 / 39916800.0, 1 / 362880.0, -1 / 5040.0, 1 / 120.0, -1 / 6.0):
        s = s * u + c
    s = t + t * (s * u)
    c = np.full_like(u, 1.0 / 20922789888000.0)
    for k in (-1 / 87178291200.0, 1 / 479001600.0, -1 / 3628800.0, 1 / 40320.0, -1 / 720.0, 1 / 24.0, -0.5, 1.0):
        c = c * u + k
    a, b = np.where(quadrant & np.uint64(1), s, c), np.where(quadrant & np.uint64(1), c, s)
    a = np.where((quadrant + np.uint64(1)) & np.uint64(2), -a, a)
    b = np.where(quadrant & np.uint64(2), -b, b)
    alpha, beta = 0.7 * 2.0**31, -0.3 * 2.0**31
    x, y = a, b
    for j in range(5):
        words = np.zeros((10, TURNS.size), np.uint64)
        words[2 * j] = 1  # shows the integer that multiplies it
        sums = np.empty((1, TURNS.size), np.uint64)
        kernels.combine(TURNS, 1, np.full((1, 5), alpha), np.full((1, 5), beta), words, sums)
        assert (sums[0].view(np.int64) == np.rint(alpha * x + beta * y)).all()
        x, y = x * a - y * b, y * a + x * b


def test_warming_up_compiles_what_is_used_and_nothing_later():
    kernels.warm()
    before = len(kernels.combine.signatures), len(kernels.deal.signatures)
    words, turns = np.zeros((4, 3), np.uint64), np.zeros(3, np.uint64)
    kernels.deal(turns, 2, np.ones(2), words)
    kernels.combine(turns, 2, np.ones((1, 2)), np.ones((1, 2)), words, np.empty((1, 3), np.uint64))
    assert (len(kernels.combine.signatures), len(kernels.deal.signatures)) == before
