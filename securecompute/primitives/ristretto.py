"""The prime-order group ristretto255: elements, scalars, and hashing into both.

    hash_to_element(m) = from_uniform(expand_message_xmd(SHA-512, m, dst, 64))

An element and a scalar are 32 bytes each, the one canonical encoding; arrays of them are uint8, shape (n, 32). Only
`hash_to_element` makes an element out of data: its discrete logarithm is known to nobody, and it hits every element.
A hash used as a coordinate, or as the scalar of a known point, would leak through every blinding.

Security   No operation takes or gives the identity, and none takes an encoding that is not canonical, so what a peer
           sends either is an element of order l or names the peer. Time does not depend on scalars or elements
           (libsodium). Scalars that come from a peer go through `check_scalar` first; zero multiplies nothing.
Cost       us, one core: multiply 39, multiply_base 15, hash_to_element 13, add 11, check_element 4; invert 25, of
           many together 4 each.
Reference  RFC 9496 (the group), RFC 9380 section 5.3.1 (expand_message_xmd); libsodium by rbcl.
"""

from collections.abc import Iterable
from hashlib import sha512
from itertools import accumulate
from typing import Any

import numpy as np
from numpy.typing import NDArray

from securecompute.errors import InvalidRequest, PeerMisbehaved
from securecompute.primitives.randomness import Randomness

ELEMENT_BYTES = 32
SCALAR_BYTES = 32
ORDER = 2**252 + 27742317777372353535851937790883648493
IDENTITY = bytes(ELEMENT_BYTES)
GENERATOR = bytes.fromhex("e2f2ae0a6abc4e71a884a961c500515f58e30b6aa582dd8db6a65945e08d2d76")

_UNIFORM_BYTES = 64
_Z_PAD = sha512(bytes(128))  # its state after the block of zeros that every expansion starts with


class InvalidElement(PeerMisbehaved):
    """32 bytes that are the identity or no element at all; only a faulty or hostile party sends them."""


def expand_message_xmd(message: bytes, dst: bytes, length: int) -> bytes:
    """`length` bytes that look uniform, from a message under a domain separation tag (SHA-512).

    dst      1 to 255 bytes, another for every use
    raises   InvalidRequest  a tag of another length, or not 1 to 16320 bytes asked for
    """
    blocks = -(-length // 64)
    if not 0 < len(dst) <= 255 or not 0 < blocks <= 255:
        raise InvalidRequest(f"expand_message_xmd: a tag of {len(dst)} bytes (1 to 255), {length} bytes (1 to 16320)")
    tag = dst + bytes([len(dst)])
    first = _Z_PAD.copy()
    first.update(message + length.to_bytes(2, "big") + b"\0" + tag)
    b_0 = first.digest()
    block = sha512(b_0 + b"\1" + tag).digest()
    if blocks == 1:
        return block[:length]
    expanded = [block]
    for i in range(2, blocks + 1):
        block = sha512(bytes(x ^ y for x, y in zip(b_0, block, strict=True)) + bytes([i]) + tag).digest()
        expanded.append(block)
    return b"".join(expanded)[:length]


def from_uniform(uniform: bytes) -> bytes:
    """The element that 64 uniform bytes stand for. raises InvalidRequest: not 64 bytes"""
    import rbcl

    if len(uniform) != _UNIFORM_BYTES:
        raise InvalidRequest(f"{len(uniform)} uniform bytes; an element is made of {_UNIFORM_BYTES}")
    return bytes(rbcl.crypto_core_ristretto255_from_hash(uniform))


def hash_to_element(message: bytes, dst: bytes) -> bytes:
    """The element of a message: what nobody knows the discrete logarithm of. raises as `expand_message_xmd`"""
    return from_uniform(expand_message_xmd(message, dst, _UNIFORM_BYTES))


def hash_to_scalar(message: bytes, dst: bytes) -> bytes:
    """The scalar of a message. raises as `expand_message_xmd`"""
    import rbcl

    return bytes(rbcl.crypto_core_ristretto255_scalar_reduce(expand_message_xmd(message, dst, _UNIFORM_BYTES)))


def check_element(element: bytes) -> bytes:
    """The element itself. raises InvalidElement: the identity, or not the canonical encoding of an element"""
    import rbcl

    sized = type(element) is bytes and len(element) == ELEMENT_BYTES
    if not sized or element == IDENTITY or not rbcl.crypto_core_ristretto255_is_valid_point(element):
        raise _no_element()
    return element


def check_scalar(scalar: bytes) -> bytes:
    """The scalar itself. Its time depends on the highest bits alone, which an order so near 2^252 tells anyway.

    raises   InvalidRequest  zero, or not the canonical encoding of a scalar
    """
    if type(scalar) is not bytes or len(scalar) != SCALAR_BYTES or not 0 < int.from_bytes(scalar, "little") < ORDER:
        raise InvalidRequest("a scalar is 32 bytes, little-endian, above zero and below the order of the group")
    return scalar


def random_scalar(randomness: Randomness) -> bytes:
    """A uniform scalar that is not zero: 64 bytes drawn, less than 2^-250 from uniform."""
    import rbcl

    while True:
        scalar = bytes(rbcl.crypto_core_ristretto255_scalar_reduce(randomness.bytes(_UNIFORM_BYTES)))
        if scalar != IDENTITY:
            return scalar


def multiply(scalar: bytes, element: bytes) -> bytes:
    """scalar * element.

    raises   InvalidElement  the element is the identity or not canonical
             InvalidRequest  the scalar is zero; either is not 32 bytes
    """
    import rbcl

    _check_sizes(scalar, element)
    try:
        return bytes(rbcl.crypto_scalarmult_ristretto255(scalar, element))
    except RuntimeError:  # libsodium says -1, rbcl this
        check_scalar(scalar)
        raise _no_element() from None


def multiply_base(scalar: bytes) -> bytes:
    """scalar * G. raises InvalidRequest: the scalar is zero or not 32 bytes"""
    import rbcl

    _check_sizes(scalar)
    try:
        return bytes(rbcl.crypto_scalarmult_ristretto255_base(scalar))
    except RuntimeError:
        raise InvalidRequest("zero, or a multiple of the order, times the generator is no element") from None


def add(p: bytes, q: bytes) -> bytes:
    """p + q. raises InvalidElement: one of them, or the sum, is the identity; or one is not canonical"""
    import rbcl

    return _combined(rbcl.crypto_core_ristretto255_add, p, q)


def subtract(p: bytes, q: bytes) -> bytes:
    """p - q. raises as `add`"""
    import rbcl

    return _combined(rbcl.crypto_core_ristretto255_sub, p, q)


def invert(scalar: bytes) -> bytes:
    """1 / scalar. raises InvalidRequest: it is zero or not 32 bytes"""
    import rbcl

    _check_sizes(scalar)
    if scalar == IDENTITY:
        raise InvalidRequest("zero has no inverse")
    return bytes(rbcl.crypto_core_ristretto255_scalar_invert(scalar))


def multiply_scalars(s: bytes, t: bytes) -> bytes:
    """s * t mod l. raises InvalidRequest: not 32 bytes"""
    import rbcl

    _check_sizes(s, t)
    return bytes(rbcl.crypto_core_ristretto255_scalar_mul(s, t))


def subtract_scalars(s: bytes, t: bytes) -> bytes:
    """s - t mod l. raises InvalidRequest: not 32 bytes"""
    import rbcl

    _check_sizes(s, t)
    return bytes(rbcl.crypto_core_ristretto255_scalar_sub(s, t))


def rows(array: NDArray[np.uint8]) -> list[bytes]:
    """The rows of uint8 (n, w), each as bytes. raises InvalidRequest: another dtype or number of axes"""
    if array.dtype != np.uint8 or array.ndim != 2:
        raise InvalidRequest(f"{array.dtype} {array.shape}; expected uint8 (n, width)")
    width, packed = array.shape[1], array.tobytes()
    return [packed[start : start + width] for start in range(0, len(packed), width)] if width else [b""] * len(array)


def table(encodings: Iterable[bytes]) -> NDArray[np.uint8]:
    """Elements or scalars as an array of their own: uint8 (n, 32)."""
    return np.frombuffer(bytearray(b"".join(encodings)), np.uint8).reshape(-1, ELEMENT_BYTES)


def multiply_all(scalars: NDArray[np.uint8] | bytes, elements: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """`multiply` row by row, or by one scalar: uint8 (n, 32). raises as `multiply`, and InvalidRequest: not as many"""
    if isinstance(scalars, bytes):
        return table(multiply(scalars, element) for element in rows(elements))
    if scalars.shape != elements.shape:
        raise InvalidRequest(f"{scalars.shape} scalars for {elements.shape} elements")
    return table(map(multiply, rows(scalars), rows(elements)))


def random_scalars(randomness: Randomness, n: int) -> NDArray[np.uint8]:
    """n scalars as of `random_scalar`: uint8 (n, 32)."""
    return table(random_scalar(randomness) for _ in range(n))


def invert_all(scalars: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """`invert` of every row, by one inversion and 3(n - 1) products (Montgomery's trick): uint8 (n, 32).

    raises   InvalidRequest  one of them is zero
    """
    factors = rows(scalars)
    if not factors:
        return table([])
    products = list(accumulate(factors, multiply_scalars))
    rest, inverses = invert(products[-1]), []
    for factor, before in zip(reversed(factors[1:]), reversed(products[:-1]), strict=True):
        inverses.append(multiply_scalars(rest, before))
        rest = multiply_scalars(rest, factor)
    return table(reversed([*inverses, rest]))


def _combined(operation: Any, p: bytes, q: bytes) -> bytes:
    _check_sizes(p, q)
    combined = bytes(operation(p, q))  # all zero too where p or q is not canonical: rbcl drops libsodium's -1
    if IDENTITY in (p, q, combined):
        raise _no_element()
    return combined


def _check_sizes(*encodings: bytes) -> None:
    for encoding in encodings:
        if type(encoding) is not bytes or len(encoding) != ELEMENT_BYTES:
            raise InvalidRequest("an element, and a scalar, is exactly 32 bytes")


def _no_element() -> InvalidElement:
    return InvalidElement("32 bytes that are the identity or no element; their sender is faulty or hostile")
