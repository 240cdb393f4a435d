"""The expand-convolute code: the map of its formulas, linear over the field, the same on every processor."""

import hashlib

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from securecompute.arithmetic import gf128
from securecompute.arithmetic import gf128_kernels as products
from securecompute.errors import InvalidRequest
from securecompute.primitives import expand_convolute
from securecompute.primitives import expand_convolute_kernels as kernels
from securecompute.primitives.expand_convolute import ExpandConvolute
from securecompute.primitives.lpn import PROFILES, parameters
from securecompute.primitives.masks import Reader, derive

SEED = bytes(range(16))
KINDS = [gf128.BY_TABLES] + [gf128.BY_INSTRUCTION] * products.has_instruction()


@pytest.fixture(params=KINDS)
def kind(request, monkeypatch):
    monkeypatch.setattr(gf128, "kernel_name", lambda: request.param)
    return request.param


def draw(n, words=2, seed=0):
    return np.random.default_rng(seed).integers(0, 2**64, (n, words), np.uint64)


def integers(array):
    return [int(low) | int(high) << 64 for low, high in array]


def product(a, b):
    total = 0
    while b:
        total ^= a * (b & 1)
        a, b = a << 1, b >> 1
        a ^= (a >> 128) * (1 << 128 | 0x87)
    return total


def stream(label, count):
    key = derive(SEED, b"", b"securecompute/expand-convolute/v1/" + label)
    return [int(u) for u in Reader(key).words((count + 1) // 2).view("<u4")[:count]]


def by_hand(m, e):
    """The formulas of the module, on Python's integers."""
    g = int.from_bytes(derive(SEED, b"", b"securecompute/expand-convolute/v1/multiplier", 16), "little")
    out, cells = e[:m], e[m:]
    length = len(cells)
    for label in (b"taps 1", b"taps 2"):
        for i, taps in enumerate(stream(label, length)):
            for k in range(24):
                cells[(i + 1 + k) % length] ^= cells[i] * (taps >> k & 1)
            j = (i + 25) % length
            cells[j] = product(g, cells[j] ^ cells[i])
    draws = stream(b"picks", 21 * m)
    for i in range(m):
        for k, u in enumerate(draws[21 * i : 21 * i + 21]):
            eleventh = length // 11
            out[i] ^= cells[k * eleventh + (u * eleventh >> 32) if k < 11 else u * length >> 32]
    return out


@pytest.mark.parametrize(("m", "more"), [(1, 26), (1, 27), (3, 50), (40, 41), (33, 90)])
def test_the_code_is_the_map_of_its_formulas(kind, m, more):
    code, e = ExpandConvolute(m, m + more, SEED), draw(m + more, 4)
    expected = [by_hand(m, integers(e[:, half : half + 2])) for half in (0, 2)]
    assert integers(code.encode(np.ascontiguousarray(e[:, :2]))) == expected[0]
    both = code.encode(e)
    assert [integers(both[:, :2]), integers(both[:, 2:])] == expected


def test_draws_that_come_in_pieces_are_one_stream(kind, monkeypatch):
    e = draw(500)
    whole = ExpandConvolute(200, 500, SEED).encode(e.copy())
    monkeypatch.setattr(expand_convolute, "_STEPS", 64)  # 300 steps, the last ones of which go round
    monkeypatch.setattr(expand_convolute, "_ROWS", 32)
    assert np.array_equal(ExpandConvolute(200, 500, SEED).encode(e), whole)


def test_a_piece_can_end_within_the_steps_that_go_round(kind, monkeypatch):
    e = draw(340)
    whole = ExpandConvolute(40, 340, SEED).encode(e.copy())
    monkeypatch.setattr(expand_convolute, "_STEPS", 290)
    assert np.array_equal(ExpandConvolute(40, 340, SEED).encode(e), whole)


def test_both_parties_get_this_code_from_a_seed_in_every_version(kind):
    made = ExpandConvolute(512, 1024, SEED).encode(draw(1024, 4))
    assert (
        hashlib.sha256(made.tobytes()).hexdigest() == "870859d2590170ecba269e19bfd6d7d62cc337b3696b215187a789d618316561"
    )


def test_seed_and_sizes_give_different_codes():
    e = draw(200)
    made = [
        ExpandConvolute(*arguments).encode(e[: arguments[1]].copy())[:60].tobytes()
        for arguments in ((60, 200, SEED), (60, 200, bytes(16)), (61, 200, SEED), (60, 199, SEED))
    ]
    assert len(set(made)) == 4


@given(st.integers(1, 300), st.sampled_from(list(PROFILES)), st.integers(0, 127) | st.none(), st.integers(0, 99))
@example(300, "standard", 0, 0)
@example(1, "conservative", 127, 0)
def test_a_correlation_of_the_cells_is_one_of_what_the_code_makes_of_them(m, profile, bit, seed):
    depth, trees, cells = parameters(m, profile)
    rng = np.random.default_rng(seed)
    delta = draw(1, seed=seed)[0] if bit is None else np.array([1 << bit % 64, 0], np.uint64)[:: 1 - 2 * (bit // 64)]
    noise, places = np.zeros((cells, 2), np.uint64), np.arange(trees) << depth
    noise[places + rng.integers(0, 1 << depth, trees)] = draw(trees, seed=seed + 1)
    b = draw(cells, seed=seed + 2)
    c = gf128.Factor(np.ascontiguousarray(delta)).times(noise) ^ b
    code = ExpandConvolute(m, cells, SEED)
    receiver, sender = code.encode(np.hstack([noise, c])), code.encode(b)
    a = np.ascontiguousarray(receiver[:, :2])
    assert a.any(axis=1).all()
    assert np.array_equal(receiver[:, 2:], gf128.Factor(np.ascontiguousarray(delta)).times(a) ^ sender)


def test_what_comes_of_the_noise_looks_uniform():
    m = 2000
    depth, trees, cells = parameters(m)
    rng = np.random.default_rng(5)
    noise = np.zeros((cells, 2), np.uint64)
    noise[(np.arange(trees) << depth) + rng.integers(0, 1 << depth, trees)] = draw(trees)
    a = ExpandConvolute(m, cells, SEED).encode(noise)
    counts = np.bincount(np.ascontiguousarray(a).view(np.uint8).reshape(-1), minlength=256)
    assert 170 < ((counts - m / 16) ** 2 / (m / 16)).sum() < 360  # χ², 255 degrees of freedom
    assert len(np.unique(a, axis=0)) == m


def test_the_result_is_written_in_place():
    e = draw(100)
    made = ExpandConvolute(30, 100, SEED).encode(e)
    assert made.shape == (30, 2) and made.flags.c_contiguous and made.ctypes.data == e.ctypes.data


def frozen():
    e = draw(100)
    e.flags.writeable = False
    return e


@pytest.mark.parametrize(
    "e",
    [draw(n) for n in (99, 101)]
    + [draw(100, 3), draw(100, 8), draw(200)[::2], draw(100, 4)[:, :2], draw(200).reshape(-1), frozen()]
    + [np.zeros((100, 2)), np.zeros((100, 2), ">u8"), b"x" * 1600, [(0, 0)] * 100],
)
def test_other_cells_are_refused_before_anything_is_written(e):
    before = np.array(e) if isinstance(e, np.ndarray) else None
    with pytest.raises(InvalidRequest, match="100 cells"):
        ExpandConvolute(30, 100, SEED).encode(e)
    assert before is None or np.array_equal(e, before)


@pytest.mark.parametrize(
    ("m", "cells"), [(0, 100), (-1, 100), (100, 125), (100, 50), (2**29 + 1, 2**30), (1, 2**32 + 1)]
)
def test_other_sizes_are_refused(m, cells):
    with pytest.raises(InvalidRequest, match="a code from"):
        ExpandConvolute(m, cells, SEED)


@pytest.mark.parametrize("seed", [b"", bytes(15), bytes(32), bytearray(16), None])
def test_other_seeds_are_refused(seed):
    with pytest.raises(InvalidRequest, match="exactly 16 bytes"):
        ExpandConvolute(30, 100, seed)


def test_warming_up_compiles_what_is_used_and_nothing_later():
    expand_convolute.warm()
    used = (kernels.convolve_by_instruction, kernels.convolve_by_tables, kernels.expand)
    before = [len(kernel.signatures) for kernel in used]
    ExpandConvolute(30, 100, SEED).encode(draw(100, 4))
    assert [len(kernel.signatures) for kernel in used] == before
