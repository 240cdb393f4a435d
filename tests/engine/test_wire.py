"""The codec: what was sent comes back, and everything else is a BadFrame, found before anything is allocated.

The vectors are JSON, one per line: frames (header and sealed piece) and bodies (head and contents) with what is
expected; bytes are hex, or a list of [hex, how often]. Whoever writes another codec can use them as they are.
"""

import json
import math
import tracemalloc
from pathlib import Path

import msgpack
import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from securecompute.engine.rounds import DTYPES, Array, Bytes, BytesUpTo, Several, check_sendable, payload_bytes
from securecompute.engine.wire import (
    MAX_FRAME,
    MAX_HEAD,
    PIECE,
    Assembly,
    Header,
    cut,
    decode,
    encode,
    frame_of,
    parse_frame,
)
from securecompute.errors import BadFrame, InvalidRequest
from securecompute.values import Ciphertext, Masked, Secret, Share

VECTORS = Path(__file__).parents[1] / "vectors" / "wire"
HEADER = Header(bytes(16), "north", "south", 0, 0, 0, 0, 1)


def vectors(name):
    return [pytest.param(v, id=v["comment"]) for v in json.loads((VECTORS / name).read_text())]


def octets(written):
    return bytes.fromhex(written) if isinstance(written, str) else b"".join(bytes.fromhex(h) * n for h, n in written)


def spec_of(written):
    kind, *rest = written
    if kind == "several":
        return Several(tuple(map(spec_of, rest[0])))
    if kind == "array":
        return Array(DTYPES[rest[0]], tuple(rest[1]))
    return {"bytes": Bytes, "up to": BytesUpTo}[kind](rest[0])


def plain(message):
    if isinstance(message, tuple):
        return [plain(part) for part in message]
    return message.hex() if isinstance(message, bytes) else message.tolist()


def same(a, b):
    if isinstance(a, Secret):
        return type(a) is type(b) and same(a.elements, b.elements)
    if isinstance(a, tuple):
        return type(b) is tuple and len(a) == len(b) and all(map(same, a, b))
    if isinstance(a, bytes):
        return type(b) is bytes and a == b
    native = a.astype(a.dtype.newbyteorder("="))
    return native.dtype == b.dtype and a.shape == b.shape and native.tobytes() == b.tobytes()


# ---- vectors


@pytest.mark.parametrize("vector", vectors("frames.json"))
def test_a_frame_is_taken_apart_or_refused_as_its_vector_says(vector):
    frame = octets(vector["frame"])
    if not vector["valid"]:
        with pytest.raises(BadFrame):
            parse_frame(frame)
        return
    header, raw, sealed = parse_frame(frame)
    assert frame_of(raw, bytes(sealed)) == frame
    assert parse_frame(frame_of(header.encode(), bytes(sealed)))[0] == header


@pytest.mark.parametrize("vector", vectors("bodies.json"))
def test_a_body_is_decoded_or_refused_as_its_vector_says(vector):
    body, spec = octets(vector["body"]), spec_of(vector["expected"])
    if vector["valid"]:
        message = decode(body, spec)
        assert plain(message) == vector["message"] or (vector["message"] == ["nan"] and math.isnan(message[0]))
        assert encode(message) == body
        return
    with pytest.raises(BadFrame):
        decode(body, spec)


def test_there_are_vectors_of_both_kinds_in_plenty():
    written = [json.loads(path.read_text()) for path in VECTORS.glob("*.json")]
    assert sum(not v["valid"] for vs in written for v in vs) >= 100
    assert sum(v["valid"] for vs in written for v in vs) >= 20


# ---- round trips

LEAVES = st.one_of(
    st.binary(max_size=40),
    *[arrays(dtype, array_shapes(min_dims=0, max_dims=4, min_side=0, max_side=5)) for dtype in DTYPES.values()],
    arrays(">u8", 3),
    arrays(np.uint64, (3, 4)).map(lambda a: a.T),
    arrays(np.uint64, 8).map(lambda a: a[::2]),
    st.builds(lambda kind, a: kind(a), st.sampled_from([Share, Masked, Ciphertext]), arrays(np.uint64, 3)),
)
MESSAGES = st.recursive(LEAVES, lambda part: st.lists(part, max_size=4).map(tuple), max_leaves=8)


def declaration(message, loosely=False):
    if isinstance(message, tuple):
        return Several(tuple(declaration(part, loosely) for part in message))
    if isinstance(message, bytes):
        return BytesUpTo(len(message) + 3) if loosely else Bytes(len(message))
    array = message.elements if isinstance(message, Secret) else message
    return Array(array.dtype.newbyteorder("="), array.shape, type(message) if isinstance(message, Secret) else None)


@given(MESSAGES, st.booleans())
def test_what_was_sent_comes_back(message, loosely):
    check_sendable("south", message)
    body = encode(message)
    received = decode(body, declaration(message, loosely))
    assert same(message, received)
    assert int.from_bytes(body[:2]) + 2 + payload_bytes(message) == len(body)


@given(MESSAGES)
def test_a_received_array_is_writable_aligned_and_private(message):
    def check(part):
        if isinstance(part, tuple):
            for p in part:
                check(p)
        elif not isinstance(part, bytes):
            array = part.elements if isinstance(part, Secret) else part
            assert array.flags.writeable and array.flags.aligned and array.flags.c_contiguous
            array[...] = 1

    body = encode(message)
    kept = bytes(body)
    check(decode(body, declaration(message)))
    assert body == kept and same(decode(body, declaration(message)), decode(kept, declaration(message)))


@pytest.mark.parametrize("size", [0, 1, PIECE - 8, PIECE - 7, PIECE - 6, PIECE, PIECE + 1, 3 * PIECE + 5])
def test_a_long_message_is_cut_and_put_together_byte_for_byte(size):
    message = np.random.default_rng(size).bytes(size)
    pieces = cut(encode(message))
    assert all(len(piece) == PIECE for piece in pieces[:-1]) and 0 < len(pieces[-1]) <= PIECE
    assembly = Assembly(Bytes(size), len(pieces), pieces[0])
    for piece in pieces[1:]:
        assembly.add(piece)
    assert assembly.missing == 0 and assembly.message() == message


NAMES = st.text(st.characters(exclude_categories=["Cs"]), max_size=16)


@given(
    st.builds(
        Header,
        st.binary(min_size=16, max_size=16),
        NAMES,
        NAMES,
        st.integers(0, 2**63 - 1),
        st.integers(0, 2),
        st.integers(0, 2**32 - 1),
        st.integers(0, 99),
        st.integers(100, 2**32 - 1),
    ),
    st.binary(max_size=99),
)
def test_a_header_comes_back(header, sealed):
    parsed, raw, rest = parse_frame(frame_of(header.encode(), sealed))
    assert (parsed, raw, bytes(rest)) == (header, header.encode(), sealed)


# ---- whatever comes

SPECS = st.recursive(
    st.one_of(
        st.builds(Bytes, st.integers(0, 20)),
        st.builds(BytesUpTo, st.integers(0, 20)),
        st.builds(Array, st.sampled_from(list(DTYPES.values())), array_shapes(min_dims=0, min_side=0, max_side=4)),
    ),
    lambda part: st.lists(part, max_size=3).map(lambda parts: Several(tuple(parts))),
    max_leaves=4,
)


@given(st.binary(max_size=200))
@example(b"\x00\x01\x80")
@example(b"\x00\x02\x81\xc0")
def test_any_bytes_are_a_frame_or_a_bad_frame(data):
    try:
        parse_frame(data)
    except BadFrame:
        return


@given(st.binary(max_size=200), SPECS)
def test_any_bytes_decode_to_what_was_declared_or_are_a_bad_frame(data, spec):
    try:
        message = decode(data, spec)
    except BadFrame:
        return
    assert spec.admits(message)


@given(MESSAGES, st.data())
def test_a_changed_body_decodes_to_what_was_declared_or_is_a_bad_frame(message, data):
    spec, body = declaration(message), bytearray(encode(message))
    for _ in range(data.draw(st.integers(1, 4))):
        body[data.draw(st.integers(0, len(body) - 1))] = data.draw(st.integers(0, 255))
    body = body[: data.draw(st.integers(0, len(body)))] + data.draw(st.binary(max_size=3))
    try:
        received = decode(bytes(body), spec)
    except BadFrame:
        return
    assert spec.admits(received)


HEADS = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**64 - 1)
    | st.floats()
    | st.text(max_size=3)
    | st.binary(max_size=3),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=2), inner, max_size=2),
    max_leaves=12,
)


@given(HEADS, st.binary(max_size=16), SPECS)
def test_any_msgpack_in_the_head_gives_what_was_declared_or_is_a_bad_frame(head, contents, spec):
    packed = msgpack.packb(head)
    try:
        message = decode(len(packed).to_bytes(2) + packed + contents, spec)
    except BadFrame:
        return
    assert spec.admits(message)


@given(st.lists(HEADS, min_size=9, max_size=9))
def test_any_nine_fields_are_a_header_or_a_bad_frame(fields):
    packed = msgpack.packb([1, *fields[1:]])
    try:
        header, _, _ = parse_frame(len(packed).to_bytes(2) + packed)
    except BadFrame:
        return
    assert parse_frame(frame_of(header.encode(), b""))[0] == header


# ---- limits


@pytest.mark.parametrize(
    "spec", [Bytes(8), BytesUpTo(100), Array(np.uint64, (1,)), Array(np.float64, (10**6,))], ids=str
)
@pytest.mark.parametrize("code", ["u8", "f8", "b"])
def test_a_terabyte_claimed_over_8_bytes_is_refused_without_being_allocated(spec, code):
    head = msgpack.packb([[code, [10**12]]])
    tracemalloc.start()
    try:
        with pytest.raises(BadFrame):
            Assembly(spec, 1, len(head).to_bytes(2) + head + bytes(8))
        assert tracemalloc.get_traced_memory()[1] < 100_000
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize(
    "head", [b"\xdd\xff\xff\xff\xff", b"\xc6\xff\xff\xff\xff", b"\xdf\xff\xff\xff\xff", b"\x91" * 30_000]
)
def test_what_a_head_claims_to_hold_is_not_allocated(head):
    tracemalloc.start()
    try:
        with pytest.raises(BadFrame):
            decode(len(head).to_bytes(2) + head, Bytes(8))
        assert tracemalloc.get_traced_memory()[1] < 1_000_000
    finally:
        tracemalloc.stop()


def test_a_frame_may_be_as_long_as_allowed_and_no_longer():
    header = HEADER.encode()
    room = MAX_FRAME - 2 - len(header)
    parse_frame(frame_of(header, bytes(room)))
    with pytest.raises(BadFrame, match=f"a frame of {MAX_FRAME + 1} bytes"):
        parse_frame(frame_of(header, bytes(room + 1)))


@pytest.mark.parametrize("pieces", [0, 1, 3, 2**32 - 1])
def test_a_message_comes_in_as_many_pieces_as_it_needs(pieces):
    body = encode(bytes(PIECE + 100))
    with pytest.raises(BadFrame, match=f"cannot come in {pieces} pieces"):
        Assembly(Bytes(PIECE + 100), pieces, body[:PIECE])


def test_pieces_hold_exactly_what_the_head_says():
    first, second = cut(encode(bytes(PIECE + 100)))
    with pytest.raises(BadFrame, match="more bytes than its head says"):
        Assembly(Bytes(PIECE + 100), 2, first).add(bytes(second) + b"\x00")
    short = Assembly(Bytes(PIECE + 100), 2, first)
    short.add(second[:-1])
    with pytest.raises(BadFrame, match="fewer bytes than its head says"):
        short.message()


def test_a_wrong_claim_is_told_in_words_and_shows_no_contents():
    body = encode((b"secret", np.array([424242], np.uint64)))
    with pytest.raises(BadFrame, match=r"got \(6 bytes, uint64 \(1,\)\); expected \(7 bytes, uint64 \(1,\)\)"):
        decode(body, Several((Bytes(7), Array(np.uint64, (1,)))))


@pytest.mark.parametrize("parts", [1025, 70_000])
def test_a_message_of_too_many_parts_is_refused_by_its_sender_with_a_remedy(parts):
    with pytest.raises(InvalidRequest, match=f"a message of {parts} parts; .*one array in their place"):
        encode((b"",) * parts)


def test_a_message_of_the_most_parts_comes_back_whatever_their_shape():
    part = np.zeros((1, 1, 1, 1, 1, 1, 1, 300), np.uint8)
    message = (part,) * 1024
    body = encode(message)
    assert int.from_bytes(body[:2]) <= MAX_HEAD
    assert len(decode(body, declaration(message))) == 1024


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"", "a body is shorter than its head says"),
        (b"\x00\x00", "a body is shorter than its head says"),
        (b"\x00\x05\x90", "a body is shorter than its head says"),
        (b"\xff\xff" + bytes(70_000), "a body is shorter than its head says"),
        (b"\x00\x01\xc1", "a body's head is not valid msgpack"),
        (b"\x00\x02\x90\x90", "a body's head is not valid msgpack"),
        (b"\x00\x01\xc0", "a body's head is not a list"),
        (b"\x00\x02\x91\xc0", "a body's head describes something that is neither bytes nor an array"),
    ],
)
def test_what_is_wrong_with_a_head_is_told(body, words):
    with pytest.raises(BadFrame, match=f"^{words}$"):
        decode(body, Bytes(1))
