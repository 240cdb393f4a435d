"""The bytes of lattice objects: our own for the wire, and SEAL's, put together and taken apart here.

What travels is the residues of two polynomials, one after the other: for each prime qᵢ of the modulus, n residues
below qᵢ, little-endian in ⌈bits(qᵢ)/8⌉ bytes each. Every other field of SEAL's form (parameters, level, size, scale) is
known beforehand, so it is not sent.

Security   SEAL and TenSEAL parse nothing that another party wrote: what arrives has one length, each residue is checked
           here, and the bytes that SEAL is given are composed here around them, uncompressed. That matters: TenSEAL
           0.3.18 dies of a segmentation fault on a vector whose list of ciphertexts is shorter than its list of sizes,
           and reads beyond its memory if a size exceeds the slots. The width follows from the parameters alone.
Cost       ns per residue: pack 2, unpack with its check 4.
Reference  the saved form of Microsoft SEAL 4 objects; TenSEAL's messages are Protocol Buffers.
"""

import struct
from collections.abc import Sequence
from hashlib import blake2b
from math import prod
from typing import TypeAlias

import numpy as np
import pyarrow
from numpy.typing import NDArray
from tenseal.sealapi import Serialization

from securecompute.errors import InternalFault, PeerMisbehaved

Words: TypeAlias = NDArray[np.uint64]  # residues, shape (2, primes, n)

_HEADER = struct.Struct("<HBBBBHQ")  # magic, header bytes, major, minor, compression, reserved, bytes in all
_SEAL = Serialization.SEALHeader()
_ZSTD = 2


def residue_bytes(prime: int) -> int:
    """Bytes that a residue takes on the wire."""
    return -(-prime.bit_length() // 8)


def width(primes: Sequence[int], degree: int) -> int:
    """Bytes of two polynomials on the wire."""
    return 2 * degree * sum(map(residue_bytes, primes))


def pack(words: Words, primes: Sequence[int]) -> NDArray[np.uint8]:
    """Two polynomials as they travel: uint8 (width,)."""
    octets = words.astype("<u8").view(np.uint8).reshape(*words.shape, 8)
    pieces = [octets[c, i, :, : residue_bytes(q)].ravel() for c in range(2) for i, q in enumerate(primes)]
    return np.concatenate(pieces)


def unpack(packed: NDArray[np.uint8], primes: Sequence[int], degree: int) -> Words:
    """Two polynomials from the wire: uint64 (2, primes, n).

    raises   PeerMisbehaved  not uint8 of that width, or a residue is not below its prime
    """
    if packed.dtype != np.uint8 or packed.shape != (width(primes, degree),):
        raise PeerMisbehaved(
            f"a ciphertext or key is {packed.dtype} {packed.shape}; expected {width(primes, degree)} bytes"
        )
    octets = np.zeros((2, len(primes), degree, 8), np.uint8)
    start = 0
    for c in range(2):
        for i, q in enumerate(primes):
            end = start + degree * residue_bytes(q)
            octets[c, i, :, : residue_bytes(q)] = packed[start:end].reshape(degree, -1)
            start = end
    words: Words = octets.view("<u8")[..., 0].astype(np.uint64, copy=False)
    if (words >= np.array(primes, np.uint64)[:, None]).any():
        raise PeerMisbehaved("a ciphertext or key holds a residue that is not below its prime")
    return words


def seal_object(body: bytes) -> bytes:
    """A saved SEAL object, uncompressed."""
    size = _HEADER.size + len(body)
    return _HEADER.pack(_SEAL.magic, _HEADER.size, _SEAL.version_major, _SEAL.version_minor, 0, 0, size) + body


def parameters_bytes(scheme: int, degree: int, primes: Sequence[int], plain: int) -> bytes:
    """SEAL's encryption parameters."""
    moduli = b"".join(seal_object(struct.pack("<Q", q)) for q in (*primes, plain))
    return seal_object(struct.pack("<BQQ", scheme, degree, len(primes)) + moduli)


def parameters_id(scheme: int, degree: int, primes: Sequence[int], plain: int) -> bytes:
    """The hash by which SEAL tells parameters, and levels of one modulus, apart: 32 bytes."""
    fields = (scheme, degree, *primes, plain)
    return blake2b(struct.pack(f"<{len(fields)}Q", *fields), digest_size=32).digest()


def ciphertext_bytes(identifier: bytes, transformed: bool, scale: float, words: Words) -> bytes:
    """SEAL's ciphertext, or public key, of two polynomials; `transformed`: in number-theoretic transform."""
    return seal_object(_ciphertext_head(identifier, transformed, scale, words.shape) + words.astype("<u8").tobytes())


def words_of(
    seal_bytes: bytes, identifier: bytes, transformed: bool, scales: Sequence[float], shape: tuple[int, ...]
) -> Words:
    """The residues of a ciphertext that SEAL has saved in this process, compressed; its scale is one of `scales`.

    raises   InternalFault  it is not of the form that this file knows
    """
    heads = [_ciphertext_head(identifier, transformed, scale, shape) for scale in scales]
    size = len(heads[0])
    if _HEADER.unpack_from(seal_bytes)[4] != _ZSTD:
        raise InternalFault("SEAL saves objects in a form that this version of securecompute does not know")
    compressed = pyarrow.py_buffer(seal_bytes)[_HEADER.size :]
    body = pyarrow.decompress(compressed, size + 8 * prod(shape), codec="zstd", asbytes=True)
    if body[:size] not in heads:
        raise InternalFault("SEAL made a ciphertext of another form than was asked for")
    return np.frombuffer(body, "<u8", offset=size).reshape(shape).astype(np.uint64, copy=False)


def _ciphertext_head(identifier: bytes, transformed: bool, scale: float, shape: tuple[int, ...]) -> bytes:
    size, primes, degree = shape
    words = seal_object(struct.pack("<Q", prod(shape)))
    words = words[: _HEADER.size - 8] + struct.pack("<Q", len(words) + 8 * prod(shape)) + words[_HEADER.size :]
    return identifier + struct.pack("<BQQQdQ", transformed, size, degree, primes, scale, 1) + words


def message(*fields: tuple[int, bytes | int | float]) -> bytes:
    """A Protocol Buffers message of these (number, value): bytes, a count, or a double."""
    return b"".join(_field(number, value) for number, value in fields)


def _field(number: int, value: bytes | int | float) -> bytes:
    if isinstance(value, bytes):
        return _varint(number << 3 | 2) + _varint(len(value)) + value
    if isinstance(value, int):
        return _varint(number << 3) + _varint(value)
    return _varint(number << 3 | 1) + struct.pack("<d", value)


def _varint(value: int) -> bytes:
    septets = []
    while value > 127:
        septets.append(value & 127 | 128)
        value >>= 7
    return bytes([*septets, value])


def field_of(serialised: bytes, number: int) -> bytes:
    """The bytes of a field of a message that TenSEAL has made in this process. raises InternalFault: not there."""
    start = 0
    while start < len(serialised):
        key, start = _read_varint(serialised, start)
        if key & 7 == 2:
            length, start = _read_varint(serialised, start)
            if key >> 3 == number:
                return serialised[start : start + length]
            start += length
        elif key & 7 == 1:
            start += 8
        else:
            _, start = _read_varint(serialised, start)
    raise InternalFault("TenSEAL made a message of another form than this version of securecompute knows")


def _read_varint(serialised: bytes, start: int) -> tuple[int, int]:
    value = shift = 0
    for position in range(start, len(serialised)):
        value |= (serialised[position] & 127) << shift
        shift += 7
        if serialised[position] < 128:
            return value, position + 1
    raise InternalFault("TenSEAL made a message that ends early")
