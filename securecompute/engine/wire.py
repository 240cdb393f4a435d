"""How a message looks on the wire: a msgpack header and raw little-endian arrays, decoded against a declared type.

    frame    u16 header length | header | sealed piece
    header   msgpack [version, session (16 B), source, destination, sequence, kind, round, piece, pieces]
    body     u16 head length | msgpack [[code, shape], ...] | the leaves' bytes, one after the other

A body longer than one piece is cut into pieces, each sealed in a frame of its own. The head lies in the first piece
and must equal what the receiver declared, leaf by leaf, before a byte is allocated for the rest. Nothing is unpickled
and no type comes from the sender: it only says what it claims to send, and is believed if that was expected.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import prod
from typing import Any, Final, TypeAlias

import msgpack
import numpy as np

from securecompute.engine.rounds import DTYPES, MAX_AXES, Array, Bytes, BytesUpTo, Leaf, Message, Party, Spec
from securecompute.errors import BadFrame, InvalidRequest
from securecompute.values import Secret

VERSION: Final = 1
DATA, ACK, ABORT = 0, 1, 2  # kinds of frame
PIECE: Final = 1 << 20  # bytes of body in one frame
MAX_HEADER: Final = 512
MAX_HEAD: Final = 1 << 15
MAX_FRAME: Final = PIECE + 4096
MAX_LEAVES: Final = 1024
Raw: TypeAlias = bytes | memoryview
_LITTLE: Final = {code: np.dtype(dtype).newbyteorder("<") for code, dtype in DTYPES.items()}


@dataclass(frozen=True, slots=True)
class Header:
    """The part of a frame that travels in clear and is bound to its contents."""

    session: bytes
    source: Party
    destination: Party
    sequence: int
    kind: int
    round: int
    piece: int
    pieces: int

    def encode(self) -> bytes:
        """The header's bytes: the associated data of the seal."""
        fields = (
            self.session,
            self.source,
            self.destination,
            self.sequence,
            self.kind,
            self.round,
            self.piece,
            self.pieces,
        )
        encoded: bytes = msgpack.packb((VERSION, *fields))
        return encoded


def _unpack(data: Raw, what: str, **limits: int) -> Any:
    """msgpack with everything but lists, strings, bytes and integers shut off."""
    try:
        return msgpack.unpackb(
            data,
            raw=False,
            strict_map_key=True,
            use_list=True,
            max_map_len=0,
            max_ext_len=0,
            unicode_errors="strict",
            **limits,
        )
    except (ValueError, msgpack.UnpackException, RecursionError):
        raise BadFrame(f"{what} is not valid msgpack") from None


def _count(value: object, limit: int) -> bool:
    return type(value) is int and 0 <= value < limit


def parse_frame(frame: bytes) -> tuple[Header, bytes, memoryview]:
    """Split a frame into its header, the header's bytes and the sealed piece, trusting nothing.

    raises   BadFrame  too short, too long, or not a header of this version
    """
    if not 2 < len(frame) <= MAX_FRAME:
        raise BadFrame(f"a frame of {len(frame)} bytes; between 3 and {MAX_FRAME} are allowed")
    length = int.from_bytes(frame[:2], "big")
    if not 0 < length <= MAX_HEADER or len(frame) < 2 + length:
        raise BadFrame("a frame is shorter than its header says")
    raw = bytes(frame[2 : 2 + length])
    fields = _unpack(raw, "a frame's header", max_array_len=16, max_str_len=64, max_bin_len=64)
    if type(fields) is not list or len(fields) != 9 or type(fields[0]) is not int or fields[0] != VERSION:
        raise BadFrame("a frame's header is not of this version")
    _, session, source, destination, sequence, kind, number, piece, pieces = fields
    if not (
        type(session) is bytes
        and len(session) == 16
        and type(source) is str
        and type(destination) is str
        and _count(sequence, 1 << 63)
        and _count(kind, 3)
        and _count(number, 1 << 32)
        and _count(pieces, 1 << 32)
        and _count(piece, pieces)
    ):
        raise BadFrame("a frame's header holds a field of the wrong type or range")
    return (
        Header(session, source, destination, sequence, kind, number, piece, pieces),
        raw,
        memoryview(frame)[2 + length :],
    )


def frame_of(header: bytes, sealed: bytes) -> bytes:
    """Header length, header and sealed piece, joined."""
    return len(header).to_bytes(2, "big") + header + sealed


def encode(message: Message) -> bytes:
    """A message's body.

    message   what `rounds.check_sendable` lets through
    raises    InvalidRequest  more leaves than a head can list
    """
    leaves: list[Leaf] = []
    raw: list[Raw] = []
    for leaf, data in _flatten(message):
        leaves.append(leaf)
        raw.append(data)
    head: bytes = msgpack.packb(leaves)
    if len(leaves) > MAX_LEAVES or len(head) > MAX_HEAD:
        raise InvalidRequest(
            f"a message of {len(leaves)} parts; send at most {MAX_LEAVES}, or one array in their place"
        )
    return b"".join([len(head).to_bytes(2, "big"), head, *raw])


def _flatten(message: Message) -> Iterator[tuple[Leaf, Raw]]:
    if isinstance(message, tuple):
        for part in message:
            yield from _flatten(part)
    elif isinstance(message, bytes):
        yield ("b", (len(message),)), message
    else:
        array = message.elements if isinstance(message, Secret) else message
        code = f"{array.dtype.kind}{array.dtype.itemsize}"
        raw = np.ascontiguousarray(array, _LITTLE[code])
        yield (code, array.shape), raw.tobytes() if raw.nbytes < PIECE else raw.reshape(-1).view(np.uint8).data


class Assembly:
    """A message being put together from its pieces, against its declaration.

    raises   BadFrame  from every method: the head claims another dtype, shape or number of leaves than `spec`, before
                       anything is allocated; or the pieces are not exactly as long as the head says
    """

    def __init__(self, spec: Spec, pieces: int, first_piece: Raw) -> None:
        self._leaves, start = _head(first_piece)
        wanted = list(_leaves(spec))
        if len(self._leaves) != len(wanted) or not all(map(_admits, wanted, self._leaves)):
            raise BadFrame(f"got {_in_words(self._leaves)}; expected {spec}")
        size = sum(map(_leaf_bytes, self._leaves))
        if pieces != max(1, -(-(start + size) // PIECE)):
            raise BadFrame(f"a message of {size} bytes cannot come in {pieces} pieces")
        self._spec = spec
        self._raw = bytearray(size)
        self._filled = 0
        self.missing = pieces
        self.add(memoryview(first_piece)[start:])

    def add(self, piece: Raw) -> None:
        """Append the next piece's bytes."""
        end = self._filled + len(piece)
        if end > len(self._raw):
            raise BadFrame("a message holds more bytes than its head says")
        self._raw[self._filled : end] = piece
        self._filled = end
        self.missing -= 1

    def message(self) -> Message:
        """The message, once no piece is missing; its arrays are private and writable."""
        if self._filled != len(self._raw):
            raise BadFrame("a message holds fewer bytes than its head says")
        message, _, _ = _build(self._spec, self._leaves, self._raw, 0)
        return message


def decode(body: bytes, spec: Spec) -> Message:
    """The message in a whole body: what `Assembly` does, in one go.

    raises   BadFrame  as `Assembly`
    """
    first, *rest = cut(body)
    assembly = Assembly(spec, 1 + len(rest), first)
    for piece in rest:
        assembly.add(piece)
    return assembly.message()


def contents(message: Message) -> bytes:
    """A message's bytes as they travel, without the head that describes them."""
    return b"".join(data for _, data in _flatten(message))


def cut(body: bytes) -> Sequence[Raw]:
    """A body's pieces, at least one; no copies, for a body may be as large as memory allows."""
    if len(body) <= PIECE:
        return [body]
    view = memoryview(body)
    return [view[k : k + PIECE] for k in range(0, len(body), PIECE)]


def _head(first_piece: Raw) -> tuple[list[Leaf], int]:
    length = int.from_bytes(first_piece[:2], "big")
    if len(first_piece) < 2 or not 0 < length <= MAX_HEAD or len(first_piece) < 2 + length:
        raise BadFrame("a body is shorter than its head says")
    fields = _unpack(
        first_piece[2 : 2 + length], "a body's head", max_array_len=MAX_LEAVES, max_str_len=2, max_bin_len=0
    )
    if type(fields) is not list:
        raise BadFrame("a body's head is not a list")
    return [_leaf(field) for field in fields], 2 + length


def _leaf(field: object) -> Leaf:
    if (
        type(field) is not list
        or len(field) != 2
        or type(field[0]) is not str
        or type(field[1]) is not list
        or len(field[1]) > MAX_AXES
        or not all(_count(n, 1 << 48) for n in field[1])
    ):
        raise BadFrame("a body's head describes something that is neither bytes nor an array")
    return field[0], tuple(field[1])


def _leaves(spec: Spec) -> Iterator[Bytes | BytesUpTo | Array]:
    if isinstance(spec, (Bytes, BytesUpTo, Array)):
        yield spec
    else:
        for part in spec.parts:
            yield from _leaves(part)


def _admits(spec: Bytes | BytesUpTo | Array, leaf: Leaf) -> bool:
    code, shape = leaf
    if isinstance(spec, Array):
        return code == spec.code and shape == spec.shape
    if code != "b" or len(shape) != 1:
        return False
    return shape[0] == spec.size if isinstance(spec, Bytes) else shape[0] <= spec.limit


def _leaf_bytes(leaf: Leaf) -> int:
    code, shape = leaf
    return prod(shape) * (1 if code == "b" else _LITTLE[code].itemsize)


def _in_words(head: Sequence[Leaf]) -> str:
    names = {code: str(np.dtype(dtype)) for code, dtype in DTYPES.items()}
    words = [
        f"{shape[0]} bytes" if code == "b" and shape else f"{names.get(code, 'unknown')} {shape}"
        for code, shape in head[:8]
    ]
    return words[0] if len(head) == 1 else f"({', '.join(words)})"


def _build(spec: Spec, head: list[Leaf], raw: bytearray, offset: int) -> tuple[Message, list[Leaf], int]:
    """One message from the front of `head` and of the bytes at `offset`; and what is left of both."""
    if isinstance(spec, (Bytes, BytesUpTo, Array)):
        leaf, rest = head[0], head[1:]
        end = offset + _leaf_bytes(leaf)
        if not isinstance(spec, Array):
            return bytes(raw[offset:end]), rest, end
        array = np.frombuffer(raw, _LITTLE[spec.code], count=prod(spec.shape), offset=offset).reshape(spec.shape)
        array = array.astype(spec.dtype) if offset % spec.dtype.itemsize else array.astype(spec.dtype, copy=False)
        return (array if spec.holds is None else spec.holds(array)), rest, end
    parts: list[Message] = []
    for part in spec.parts:
        message, head, offset = _build(part, head, raw, offset)
        parts.append(message)
    return tuple(parts), head, offset
