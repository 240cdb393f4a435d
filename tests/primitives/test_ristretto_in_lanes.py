"""Many elements of ristretto255 at once: the RFC's vectors, and row by row what libsodium gives, errors included."""

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from securecompute.arithmetic import field_25519_kernels
from securecompute.errors import InvalidRequest
from securecompute.primitives import ristretto
from securecompute.primitives.ristretto import FEWEST, GENERATOR, IDENTITY, ORDER, InvalidElement, rows, table
from tests.seeded import SeededRandomness

VECTORS = json.loads((Path(__file__).parents[1] / "vectors" / "third_party" / "rfc9496_ristretto255.json").read_text())
MULTIPLES = [bytes.fromhex(text) for text in VECTORS["multiples"]]
INVALID = [bytes.fromhex(text) for texts in VECTORS["invalid"].values() for text in texts]
EDGES = [
    1, 2, 7, 8, 9, 15, 16, 2**128, ORDER - 1, ORDER - 8, ORDER + 1, 2 * ORDER - 1, 2**252, 2**255 - 1, 2**256 - 1,
    int("8" * 63, 16), int("7" * 64, 16), int("f" * 63, 16),
]  # fmt: skip
COUNTS = st.sampled_from([FEWEST, FEWEST + 1, FEWEST + 2, FEWEST + 3])
FEW = settings(max_examples=10)


@pytest.fixture(autouse=True, scope="module")
def _warm():
    ristretto.warm()


@pytest.fixture(autouse=True, params=["lanes", "libsodium"])
def _way(request, monkeypatch):
    """Every test runs both ways."""
    if request.param == "libsodium":
        monkeypatch.setattr(field_25519_kernels, "has_vectors", lambda: False)


def test_a_kernel_that_gives_something_else_is_not_used(monkeypatch):
    """The planted fault: one lane's last bit."""
    from securecompute.primitives import ristretto_kernels

    made = ristretto_kernels.compute

    def wrong(*arrays):
        made(*arrays)
        arrays[6][FEWEST - 1, 3] ^= np.uint64(2)

    s, p = scalars(6, FEWEST), elements(6, FEWEST)
    monkeypatch.setattr(ristretto_kernels, "compute", wrong)
    ristretto._as_libsodium.cache_clear()
    try:
        assert rows(ristretto.multiply_all(s, p)) == list(map(ristretto.multiply, rows(s), rows(p)))
        assert rows(ristretto.multiply_one(s, GENERATOR)) == list(map(ristretto.multiply_base, rows(s)))
    finally:
        ristretto._as_libsodium.cache_clear()


def drawn(seed, n, width=32):
    return np.frombuffer(SeededRandomness(f"lanes {seed}").bytes(width * n), np.uint8).reshape(n, width).copy()


def elements(seed, n):
    return table(ristretto.from_uniform(row) for row in rows(drawn(seed, n, 64)))


def scalars(seed, n):
    return ristretto.random_scalars(SeededRandomness(f"scalars {seed}"), n)


def test_small_multiples_have_the_encodings_of_rfc_9496():
    s = table(k.to_bytes(32, "little") for k in range(1, 16))
    assert rows(ristretto.multiply_one(s, GENERATOR)) == MULTIPLES[1:]
    assert rows(ristretto.multiply_all(s, table([GENERATOR] * 15))) == MULTIPLES[1:]


def test_uniform_bytes_give_the_elements_of_rfc_9496():
    uniform = np.array([list(bytes.fromhex(case["input"])) for case in VECTORS["uniform"]], np.uint8)
    assert [row.hex() for row in rows(ristretto.from_uniform_all(uniform))] == [
        c["element"] for c in VECTORS["uniform"]
    ]


@pytest.mark.parametrize("encoding", [*INVALID, IDENTITY], ids=bytes.hex)
@pytest.mark.parametrize("place", [0, 10])
def test_one_row_that_is_no_element_is_refused_by_every_operation(encoding, place):
    s, bad, uniform = scalars(0, 11), table(MULTIPLES[1:12]), drawn(0, 11, 64)
    ristretto.multiply_all(s, bad, uniform)
    bad[place] = np.frombuffer(encoding, np.uint8)
    for operation in (
        lambda: ristretto.multiply_all(s, bad),
        lambda: ristretto.multiply_all(s[0].tobytes(), bad),
        lambda: ristretto.multiply_all(s, bad, uniform),
        lambda: ristretto.multiply_one(s, encoding),
        lambda: ristretto.multiply_one(s, encoding, uniform),
    ):
        with pytest.raises(InvalidElement):
            operation()


@FEW
@given(COUNTS, st.integers(0, 1000))
def test_products_are_those_of_each_row(n, seed):
    s, p = scalars(seed, n), elements(seed, n)
    assert rows(ristretto.multiply_all(s, p)) == list(map(ristretto.multiply, rows(s), rows(p)))
    one, element = s[0].tobytes(), p[0].tobytes()
    assert rows(ristretto.multiply_all(one, p)) == [ristretto.multiply(one, q) for q in rows(p)]
    assert rows(ristretto.multiply_one(s, element)) == [ristretto.multiply(k, element) for k in rows(s)]
    assert rows(ristretto.multiply_one(s, GENERATOR)) == list(map(ristretto.multiply_base, rows(s)))


@FEW
@given(COUNTS, st.integers(0, 1000))
def test_hashes_and_sums_with_them_are_those_of_each_row(n, seed):
    s, p, uniform = scalars(seed, n), elements(seed, n), drawn(seed, n, 64)
    hashed = list(map(ristretto.from_uniform, rows(uniform)))
    assert rows(ristretto.from_uniform_all(uniform)) == hashed
    assert rows(ristretto.from_uniform_all(ristretto.expand_each(rows(p), b"tag"))) == [
        ristretto.hash_to_element(m, b"tag") for m in rows(p)
    ]
    assert rows(ristretto.multiply_all(s, p, uniform)) == [
        ristretto.multiply(k, ristretto.add(q, h)) for k, q, h in zip(rows(s), rows(p), hashed, strict=True)
    ]
    element = p[0].tobytes()
    assert rows(ristretto.multiply_one(s, element, uniform)) == [
        ristretto.subtract(ristretto.multiply(k, element), h) for k, h in zip(rows(s), hashed, strict=True)
    ]


def test_scalars_at_the_edges_multiply_as_libsodium_has_it():
    """Unreduced ones too, of which bit 255 is left out."""
    s, p = table(k.to_bytes(32, "little") for k in EDGES), elements("edges", len(EDGES))
    assert rows(ristretto.multiply_all(s, p)) == list(map(ristretto.multiply, rows(s), rows(p)))
    element = p[3].tobytes()
    assert rows(ristretto.multiply_one(s, element)) == [ristretto.multiply(k, element) for k in rows(s)]


@pytest.mark.parametrize("zero", [0, ORDER, 2 * ORDER])
def test_zero_among_the_scalars_is_refused(zero):
    s, p = scalars(1, 9), table([GENERATOR] * 9)
    s[8] = np.frombuffer(zero.to_bytes(32, "little"), np.uint8)
    for operation in (
        lambda: ristretto.multiply_all(s, p),
        lambda: ristretto.multiply_one(s, GENERATOR),
        lambda: ristretto.multiply_all(s[8].tobytes(), p),
    ):
        with pytest.raises(InvalidRequest):
            operation()


def test_a_sum_that_is_the_identity_is_refused():
    s, uniform = scalars(4, 9), drawn(4, 9, 64)
    p = elements(4, 9)
    p[8] = np.frombuffer(negative(ristretto.from_uniform(uniform[8].tobytes())), np.uint8)
    with pytest.raises(InvalidElement):
        ristretto.multiply_all(s, p, uniform)


def test_a_difference_that_is_the_identity_is_refused():
    s, uniform = table(k.to_bytes(32, "little") for k in range(1, 10)), drawn(5, 9, 64)
    with pytest.raises(InvalidElement):
        ristretto.multiply_one(s, ristretto.from_uniform(uniform[0].tobytes()), uniform)


def negative(element):
    return ristretto.subtract(ristretto.subtract(GENERATOR, element), GENERATOR)


def test_a_row_does_not_depend_on_its_neighbours():
    s, p = scalars(2, 12), elements(2, 12)
    whole = ristretto.multiply_all(s, p)
    order = np.argsort(p[:, 0], kind="stable")
    assert (ristretto.multiply_all(s[order], p[order]) == whole[order]).all()
    assert (ristretto.multiply_all(s[3:], p[3:]) == whole[3:]).all()


def test_what_is_given_is_only_read():
    s, p, uniform = scalars(3, 9), elements(3, 9), drawn(3, 9, 64)
    before = [array.copy() for array in (s, p, uniform)]
    for array in (s, p, uniform):
        array.flags.writeable = False
    ristretto.multiply_all(s, p, uniform)
    ristretto.multiply_one(s, GENERATOR, uniform)
    assert all((x == y).all() for x, y in zip((s, p, uniform), before, strict=True))


def test_arrays_of_another_form_are_refused():
    p = table([GENERATOR] * 9)
    for call in (
        lambda: ristretto.from_uniform_all(p),
        lambda: ristretto.multiply_all(p[:8], p),
        lambda: ristretto.multiply_all(p, p.astype(np.uint16)),
        lambda: ristretto.multiply_all(p, p, drawn(0, 8, 64)),
        lambda: ristretto.multiply_all(b"short", p),
        lambda: ristretto.multiply_all(p[:, :31], p[:, :31]),
        lambda: ristretto.multiply_one(p[:, :31], GENERATOR),
        lambda: ristretto.multiply_one(p, GENERATOR[:31]),
        lambda: ristretto.multiply_one(p, GENERATOR, drawn(0, 8, 64)),
    ):
        with pytest.raises(InvalidRequest):
            call()
