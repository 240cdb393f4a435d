"""ristretto255: the vectors of its RFCs, the laws of a group, and what it refuses."""

import json
from hashlib import sha512
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from securecompute.errors import InvalidRequest, PeerMisbehaved
from securecompute.primitives import ristretto
from securecompute.primitives.ristretto import GENERATOR, IDENTITY, ORDER, InvalidElement
from tests.seeded import SeededRandomness

FOLDER = Path(__file__).parents[1] / "vectors" / "third_party"
RFC_9496 = json.loads((FOLDER / "rfc9496_ristretto255.json").read_text())
RFC_9380 = json.loads((FOLDER / "rfc9380_expand_sha512.json").read_text())
MULTIPLES = [bytes.fromhex(text) for text in RFC_9496["multiples"]]
INVALID = [bytes.fromhex(text) for texts in RFC_9496["invalid"].values() for text in texts]
SCALARS = st.integers(1, ORDER - 1).map(lambda k: k.to_bytes(32, "little"))
FEW = settings(max_examples=20)


def scalar(k):
    return (k % ORDER).to_bytes(32, "little")


ELEMENTS = SCALARS.map(ristretto.multiply_base)


def test_the_files_hold_every_vector_of_their_appendices():
    assert (len(MULTIPLES), len(INVALID), len(RFC_9496["uniform"]), len(RFC_9380["cases"])) == (16, 29, 11, 10)


def test_small_multiples_of_the_generator_have_the_encodings_of_rfc_9496():
    assert MULTIPLES[:2] == [IDENTITY, GENERATOR]
    for k in range(1, 16):
        assert ristretto.multiply_base(scalar(k)) == MULTIPLES[k]
        assert ristretto.multiply(scalar(k), GENERATOR) == MULTIPLES[k]
        assert ristretto.check_element(MULTIPLES[k]) == MULTIPLES[k]
    for k in range(1, 15):
        assert ristretto.add(MULTIPLES[k], GENERATOR) == MULTIPLES[k + 1]
        assert ristretto.subtract(MULTIPLES[k + 1], GENERATOR) == MULTIPLES[k]


@pytest.mark.parametrize("encoding", [*INVALID, IDENTITY], ids=bytes.hex)
def test_what_encodes_no_element_and_the_identity_are_refused_by_every_operation(encoding):
    one = scalar(1)
    for operation in (
        lambda: ristretto.check_element(encoding),
        lambda: ristretto.multiply(one, encoding),
        lambda: ristretto.multiply_all(one, np.frombuffer(GENERATOR + encoding, np.uint8).reshape(2, 32)),
        lambda: ristretto.add(encoding, GENERATOR),
        lambda: ristretto.add(GENERATOR, encoding),
        lambda: ristretto.subtract(encoding, GENERATOR),
        lambda: ristretto.subtract(GENERATOR, encoding),
    ):
        with pytest.raises(InvalidElement):
            operation()


def test_an_element_that_is_refused_is_the_fault_of_its_sender():
    assert issubclass(InvalidElement, PeerMisbehaved)


@pytest.mark.parametrize("case", RFC_9496["uniform"], ids=lambda case: case["input"][:16])
def test_uniform_bytes_give_the_elements_of_rfc_9496(case):
    assert ristretto.from_uniform(bytes.fromhex(case["input"])).hex() == case["element"]


@pytest.mark.parametrize("case", RFC_9380["cases"], ids=lambda case: f"{case['message'][:5]}-{len(case['expanded'])}")
def test_messages_expand_as_in_rfc_9380(case):
    expected = bytes.fromhex(case["expanded"])
    found = ristretto.expand_message_xmd(case["message"].encode(), RFC_9380["dst"].encode(), len(expected))
    assert found == expected


@given(st.binary(max_size=300), st.binary(min_size=1, max_size=255))
def test_a_message_is_hashed_by_expanding_it_to_64_bytes(message, dst):
    b_0 = sha512(bytes(128) + message + b"\0\x40\0" + dst + bytes([len(dst)])).digest()
    b_1 = sha512(b_0 + b"\1" + dst + bytes([len(dst)])).digest()
    assert ristretto.hash_to_element(message, dst) == ristretto.from_uniform(b_1)
    assert int.from_bytes(ristretto.hash_to_scalar(message, dst), "little") == int.from_bytes(b_1, "little") % ORDER


def test_another_tag_gives_another_element():
    assert ristretto.hash_to_element(b"m", b"one") != ristretto.hash_to_element(b"m", b"two")


@pytest.mark.parametrize(("dst", "length"), [(b"", 64), (bytes(256), 64), (b"x", 0), (b"x", -1), (b"x", 255 * 64 + 1)])
def test_an_expansion_without_a_tag_or_of_no_or_too_many_bytes_is_refused(dst, length):
    with pytest.raises(InvalidRequest):
        ristretto.expand_message_xmd(b"m", dst, length)


@FEW
@given(SCALARS, SCALARS, ELEMENTS)
def test_multiplying_twice_is_multiplying_by_the_product(s, t, p):
    assert ristretto.multiply(s, ristretto.multiply(t, p)) == ristretto.multiply(ristretto.multiply_scalars(s, t), p)


@FEW
@given(SCALARS, ELEMENTS)
def test_the_inverse_takes_a_scalar_off_again(s, p):
    assert ristretto.multiply(ristretto.invert(s), ristretto.multiply(s, p)) == p


@FEW
@given(st.integers(0, ORDER - 1), st.integers(0, ORDER - 1))
def test_scalars_compute_modulo_the_order(s, t):
    assert ristretto.subtract_scalars(scalar(s), scalar(t)) == scalar(s - t)
    assert ristretto.multiply_scalars(scalar(s), scalar(t)) == scalar(s * t)


@FEW
@given(SCALARS, SCALARS)
def test_multiples_of_the_generator_add_as_their_scalars(s, t):
    p, q = ristretto.multiply_base(s), ristretto.multiply_base(t)
    if total := (int.from_bytes(s, "little") + int.from_bytes(t, "little")) % ORDER:
        assert ristretto.add(p, q) == ristretto.multiply_base(scalar(total))
    assert ristretto.subtract(ristretto.add(p, p), p) == p


def test_a_sum_that_is_the_identity_is_refused():
    with pytest.raises(InvalidElement):
        ristretto.subtract(GENERATOR, GENERATOR)


@pytest.mark.parametrize("zero", [IDENTITY, ORDER.to_bytes(32, "little")])
def test_zero_multiplies_nothing(zero):
    with pytest.raises(InvalidRequest):
        ristretto.multiply(zero, GENERATOR)
    with pytest.raises(InvalidRequest):
        ristretto.multiply_base(zero)
    with pytest.raises(InvalidRequest):
        ristretto.check_scalar(zero)


def test_zero_has_no_inverse_alone_or_among_others():
    with pytest.raises(InvalidRequest):
        ristretto.invert(IDENTITY)
    with pytest.raises(InvalidRequest):
        ristretto.invert_all(ristretto.table([scalar(2), IDENTITY, scalar(3)]))


def test_scalars_are_refused_unless_canonical():
    assert ristretto.check_scalar(scalar(1)) == scalar(1)
    assert ristretto.check_scalar(scalar(-1)) == scalar(-1)
    for bad in (b"", bytes(31), (ORDER + 1).to_bytes(32, "little"), b"\xff" * 32):
        with pytest.raises(InvalidRequest):
            ristretto.check_scalar(bad)


@pytest.mark.parametrize("short", [b"", bytes(31), bytes(33)])
def test_bytes_of_another_length_are_refused(short):
    for operation in (
        lambda: ristretto.multiply(short, GENERATOR),
        lambda: ristretto.multiply(scalar(2), short),
        lambda: ristretto.multiply_base(short),
        lambda: ristretto.add(GENERATOR, short),
        lambda: ristretto.subtract(short, GENERATOR),
        lambda: ristretto.subtract_scalars(scalar(1), short),
        lambda: ristretto.multiply_scalars(short, short),
        lambda: ristretto.invert(short),
        lambda: ristretto.from_uniform(short),
    ):
        with pytest.raises(InvalidRequest):
            operation()
    with pytest.raises(InvalidElement):
        ristretto.check_element(short)


def test_random_scalars_are_canonical_reductions_of_what_was_drawn():
    drawn = SeededRandomness(1)
    expected = [int.from_bytes(drawn.bytes(64), "little") % ORDER for _ in range(5)]
    found = ristretto.rows(ristretto.random_scalars(SeededRandomness(1), 5))
    assert [int.from_bytes(s, "little") for s in found] == expected


def test_a_random_scalar_is_drawn_again_where_it_would_be_zero():
    drawn = iter([bytes(64), (5).to_bytes(64, "little")])
    assert ristretto.random_scalar(SimpleNamespace(bytes=lambda n: next(drawn))) == scalar(5)


@FEW
@given(st.lists(SCALARS, max_size=5))
def test_arrays_are_computed_on_row_by_row(listed):
    s = ristretto.table(listed)
    p = ristretto.table(ristretto.hash_to_element(m, b"tag") for m in listed)
    assert s.shape == p.shape == (len(listed), 32)
    sp = ristretto.multiply_all(s, p)
    assert ristretto.rows(sp) == [ristretto.multiply(k, q) for k, q in zip(listed, ristretto.rows(p), strict=True)]
    assert ristretto.rows(ristretto.invert_all(s)) == [ristretto.invert(k) for k in listed]
    assert (ristretto.multiply_all(ristretto.invert_all(s), sp) == p).all()
    assert (ristretto.multiply_all(scalar(1), p) == p).all()


def test_arrays_of_another_form_are_refused():
    p = ristretto.table([GENERATOR])
    for call in (
        lambda: ristretto.rows(p[0]),
        lambda: ristretto.rows(p.astype(np.uint16)),
        lambda: ristretto.multiply_all(ristretto.table([]), p),
        lambda: ristretto.multiply_all(scalar(1), p[:, :31]),
    ):
        with pytest.raises(InvalidRequest):
            call()
