"""What a key holder prepares once for `oprf`: its set as tags under one key, kept in a sealed file.

    tag(y) = F_k(y)[:t]        t = ceil((40 + log2(Q |Y|)) / 8)        tags sorted, Q = all items ever to be asked

The file is   magic | salt | ChaCha20-Poly1305(HKDF(file key, salt), mode | Q | |Y| | k | tags; magic | salt | purpose).

One key is for one set and one purpose. It is never shared between institutions, and a set that has changed gets a new
key: under one key the tags of two lists can be linked.

Security   Tags look random to whoever has not asked for them, so their order says nothing. Of all Q items asked, none
           that is not in Y matches with probability above 2^-40. Whoever learns k tests every identifier it likes
           against the list, also one received before: the file is as secret as the set, and its file key belongs
           where the institution keeps its keys. A file of another purpose, or one that was changed, does not open; an
           older file of the same purpose does.
Cost       55 us an item, once, on one core; t bytes an item to keep and to send: 7 to 11.
Reference  RFC 9497, with its section on the static Diffie-Hellman attack for why queries are limited. The layout of
           the file is ours.
"""

import struct
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import numpy as np
from numpy.typing import NDArray

from securecompute.errors import InvalidRequest
from securecompute.primitives.boxes import open_box, seal_box
from securecompute.primitives.keys import join
from securecompute.primitives.masks import KEY_BYTES, derive
from securecompute.primitives.oprf import Mode, OprfKey
from securecompute.primitives.randomness import Randomness
from securecompute.primitives.ristretto import SCALAR_BYTES, rows
from securecompute.protocols.intersection.declared import declared_set, octets
from securecompute.values import Plain

FALSE_MATCH_BITS = 40
MOST_ITEMS = 1 << 32

_MAGIC = b"securecompute oprf table 1\n"
_HEAD = struct.Struct("<BQQ")  # mode, queries, items


def tag_bytes(queries: int, ny: int) -> int:
    """t: bytes of a tag so that all queries together match falsely with probability 2^-40 at most.

    queries   all items that may be asked under the key
    raises    InvalidRequest  no queries, or more of either than 2^32
    """
    if not 0 < queries <= MOST_ITEMS or not 0 <= ny <= MOST_ITEMS:
        raise InvalidRequest(f"{queries} queries of a set of {ny}; from 1, or 0, up to 2^32")
    return -(-(FALSE_MATCH_BITS + (queries * max(ny, 1) - 1).bit_length()) // 8)


@dataclass(frozen=True, slots=True)
class Published:
    """What everybody may see of a table: tags uint8 (ny, t), in ascending order, and the public key."""

    tags: NDArray[np.uint8]
    public: bytes
    mode: Mode


class Table:
    """A key holder's set, prepared. `queries` is Q, `published` what leaves; the key inside shows in no text."""

    __slots__ = ("key", "published", "queries")

    def __init__(self, key: OprfKey, tags: NDArray[np.uint8], queries: int) -> None:
        self.key, self.queries = key, queries
        self.published = Published(tags, key.public, key.mode)

    @property
    def ny(self) -> int:
        """The declared size of the set."""
        return len(self.published.tags)

    def __repr__(self) -> str:
        return f"Table({self.key!r}, {self.ny} items, {self.queries} queries)"

    @classmethod
    def prepare(cls, y: Plain, ny: int, queries: int, mode: Mode, randomness: Randomness) -> Self:
        """Make a key and the tags of a set: the offline phase. It needs no peer.

        y         uint64 (ny, 2), unique, padded to ny; the identifiers themselves, not keyed to a session
        queries   most items that all askers together may ask before the key is thrown away
        raises    InvalidRequest  as `declared_set` and `tag_bytes`
        """
        size, ids = tag_bytes(queries, ny), octets(declared_set(y, ny))
        key = OprfKey.generate(randomness, mode)
        tags = key.outputs(rows(ids))[:, :size]
        return cls(key, ascending(tags), queries)

    def seal(self, file_key: bytes, purpose: str, randomness: Randomness) -> bytes:
        """The table as bytes that only the holder of the file key can read, or have changed.

        file_key   32 bytes, for as many files as wanted
        purpose    which set, and what for; asked again when the file is opened
        """
        salt = randomness.bytes(KEY_BYTES)
        head = _HEAD.pack(self.key.mode, self.queries, self.ny)
        content = head + self.key.unchecked_private_bytes() + self.published.tags.tobytes()
        return _MAGIC + salt + seal_box(_box_key(file_key, salt), content, join(_MAGIC, salt, purpose.encode()))

    @classmethod
    def open(cls, sealed: bytes, file_key: bytes, purpose: str) -> Self:
        """The table that was sealed.

        raises   BoxTampered     the bytes, the key or the purpose differ in any bit
                 InvalidRequest  these are no bytes of a table
        """
        start = len(_MAGIC) + KEY_BYTES
        if sealed[: len(_MAGIC)] != _MAGIC or len(sealed) < start:
            raise InvalidRequest("no file of a prepared table, or one of another version")
        salt = sealed[len(_MAGIC) : start]
        content = open_box(_box_key(file_key, salt), sealed[start:], join(_MAGIC, salt, purpose.encode()))
        mode, queries, ny = _HEAD.unpack_from(content)
        tags_at = _HEAD.size + SCALAR_BYTES
        key = OprfKey(content[_HEAD.size : tags_at], Mode(mode))
        return cls(key, np.frombuffer(content, np.uint8, offset=tags_at).reshape(ny, tag_bytes(queries, ny)), queries)

    def write(self, path: Path, file_key: bytes, purpose: str, randomness: Randomness) -> None:
        """Seal into a file that only this user may read. The file is there in full, or as it was."""
        unfinished = path.with_name(path.name + ".unfinished")
        unfinished.unlink(missing_ok=True)
        unfinished.touch(mode=0o600, exist_ok=False)
        unfinished.write_bytes(self.seal(file_key, purpose, randomness))
        unfinished.replace(path)

    @classmethod
    def read(cls, path: Path, file_key: bytes, purpose: str) -> Self:
        """The table of a file. raises as `open`"""
        return cls.open(path.read_bytes(), file_key, purpose)


def ascending(tags: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Tags as they are published: by value, an order that says nothing of the set's."""
    first, rest = words(tags)
    ordered: NDArray[np.uint8] = np.ascontiguousarray(tags[np.lexsort((rest, first))])
    return ordered


def words(tags: NDArray[np.uint8]) -> tuple[NDArray[np.uint64], NDArray[np.uint64]]:
    """The first 8 bytes of each tag and the others, as numbers that order as the bytes do: uint64 (n,) each."""
    padded = np.zeros((len(tags), 16), np.uint8)
    padded[:, : tags.shape[1]] = tags
    both = padded.view(">u8").astype(np.uint64)
    return both[:, 0], both[:, 1]


def _box_key(file_key: bytes, salt: bytes) -> bytes:
    if type(file_key) is not bytes or len(file_key) != KEY_BYTES:
        raise InvalidRequest(f"a file key is exactly {KEY_BYTES} bytes")
    return derive(file_key, salt, b"securecompute/oprf-table/v1")
