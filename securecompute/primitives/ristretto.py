"""The prime-order group ristretto255: elements, scalars, and hashing into both.

    hash_to_element(m) = from_uniform(expand_message_xmd(SHA-512, m, dst, 64))

An element and a scalar are 32 bytes each, the one canonical encoding; arrays of them are uint8, shape (n, 32). Only
`hash_to_element` makes an element out of data: its discrete logarithm is known to nobody, and it hits every element.
A hash used as a coordinate, or as the scalar of a known point, would leak through every blinding.

Security   No operation takes or gives the identity, and none takes an encoding that is not canonical, so what a peer
           sends either is an element of order l or names the peer. Time does not depend on scalars or elements
           (libsodium, and `ristretto_kernels` for many rows). Scalars that come from a peer go through `check_scalar`
           first; zero multiplies nothing.
Many rows  Eight or more go four at a time where the processor has vectors (AVX2 and fma), once the kernel has given, in
           this process, what libsodium gives, bit for bit; else one by one.
Cost       us, one core: multiply 39, multiply_base 15, hash_to_element 13, add 11, check_element 4; invert 25, of
           many together 4 each. Of many with vectors: multiply 13, by one element 5, hash 5.
Reference  RFC 9496 (the group), RFC 9380 section 5.3.1 (expand_message_xmd); libsodium by rbcl.
"""

from collections.abc import Callable, Iterable
from functools import cache
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

UNIFORM_BYTES = 64  # that make an element
FEWEST = 8  # rows that go through the kernels

_Z_PAD = sha512(bytes(128))  # its state after the block of zeros that every expansion starts with


class InvalidElement(PeerMisbehaved):
    """32 bytes that are the identity or no element at all; only a faulty or hostile party sends them."""


def expand_message_xmd(message: bytes, dst: bytes, length: int) -> bytes:
    """`length` bytes that look uniform, from a message under a domain separation tag (SHA-512).

    dst      1 to 255 bytes, another for every use
    raises   InvalidRequest  a tag of another length, or not 1 to 16320 bytes asked for
    """
    blocks = -(-length // 64)
    if not 0 < blocks <= 255:
        raise InvalidRequest(f"expand_message_xmd: {length} bytes asked for; it gives 1 to 16320")
    tag = _tag(dst)
    first = _Z_PAD.copy()
    first.update(message + length.to_bytes(2, "big") + b"\0" + tag)
    b_0 = first.digest()
    block = sha512(b_0 + b"\1" + tag).digest()
    expanded = [block]
    for i in range(2, blocks + 1):
        block = sha512(bytes(x ^ y for x, y in zip(b_0, block, strict=True)) + bytes([i]) + tag).digest()
        expanded.append(block)
    return b"".join(expanded)[:length]


def _tag(dst: bytes) -> bytes:
    if not 0 < len(dst) <= 255:
        raise InvalidRequest(f"expand_message_xmd: a tag of {len(dst)} bytes; it has 1 to 255")
    return dst + bytes([len(dst)])


def from_uniform(uniform: bytes) -> bytes:
    """The element that 64 uniform bytes stand for. raises InvalidRequest: not 64 bytes"""
    import rbcl

    if len(uniform) != UNIFORM_BYTES:
        raise InvalidRequest(f"{len(uniform)} uniform bytes; an element is made of {UNIFORM_BYTES}")
    return bytes(rbcl.crypto_core_ristretto255_from_hash(uniform))


def hash_to_element(message: bytes, dst: bytes) -> bytes:
    """The element of a message: what nobody knows the discrete logarithm of. raises as `expand_message_xmd`"""
    return from_uniform(expand_message_xmd(message, dst, UNIFORM_BYTES))


def hash_to_scalar(message: bytes, dst: bytes) -> bytes:
    """The scalar of a message. raises as `expand_message_xmd`"""
    import rbcl

    return bytes(rbcl.crypto_core_ristretto255_scalar_reduce(expand_message_xmd(message, dst, UNIFORM_BYTES)))


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
        scalar = bytes(rbcl.crypto_core_ristretto255_scalar_reduce(randomness.bytes(UNIFORM_BYTES)))
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


def from_uniform_all(uniform: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """`from_uniform` of every row of uint8 (n, 64): uint8 (n, 32). raises InvalidRequest: other than these"""
    if not _in_lanes(len(uniform)):
        return table(map(from_uniform, rows(uniform)))
    return _computed(lambda row: from_uniform(uniform[row].tobytes()), uniform=uniform)


def expand_each(messages: Iterable[bytes], dst: bytes) -> NDArray[np.uint8]:
    """What `hash_to_element` makes an element of, for every message: uint8 (n, 64)."""
    tag = _tag(dst)
    first, second = UNIFORM_BYTES.to_bytes(2, "big") + b"\0" + tag, b"\1" + tag
    expanded = []
    for message in messages:  # `expand_message_xmd` of one block, without its checks
        state = _Z_PAD.copy()
        state.update(message + first)
        expanded.append(sha512(state.digest() + second).digest())
    return np.frombuffer(b"".join(expanded), np.uint8).reshape(-1, UNIFORM_BYTES)


def multiply_all(
    scalars: NDArray[np.uint8] | bytes, elements: NDArray[np.uint8], uniform: NDArray[np.uint8] | None = None
) -> NDArray[np.uint8]:
    """`multiply` row by row, or by one scalar: uint8 (n, 32).

    uniform   uint8 (n, 64): the elements that they stand for are added first, s (P + H)
    raises    as `multiply` and `add`, and InvalidRequest: not as many
    """
    many = scalars if not isinstance(scalars, bytes) else _repeated(scalars, len(elements))
    if many.shape != elements.shape or (uniform is not None and len(uniform) != len(elements)):
        raise InvalidRequest(f"{many.shape} scalars for {elements.shape} elements")

    def one(row: int) -> bytes:
        element = elements[row].tobytes()
        if uniform is not None:
            element = add(element, from_uniform(uniform[row].tobytes()))
        return multiply(many[row].tobytes(), element)

    if not _in_lanes(len(elements)):
        return table(map(one, range(len(elements))))
    return _computed(one, many, elements, uniform)


def multiply_one(
    scalars: NDArray[np.uint8], element: bytes, less: NDArray[np.uint8] | None = None
) -> NDArray[np.uint8]:
    """One element times every scalar: uint8 (n, 32), of uint8 (n, 32).

    less     uint8 (n, 64): the elements that they stand for are taken off, s P - H
    raises   as `multiply` and `subtract`, and InvalidRequest: not as many
    """
    if less is not None and len(less) != len(scalars):
        raise InvalidRequest(f"{scalars.shape} scalars for {less.shape} uniform bytes")

    def one(row: int) -> bytes:
        product = multiply(scalars[row].tobytes(), element)
        return product if less is None else subtract(product, from_uniform(less[row].tobytes()))

    if not _in_lanes(len(scalars)):
        return table(map(one, range(len(scalars))))
    return _computed(one, scalars, _repeated(element, 4), less, comb=True)


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


def warm() -> None:
    """Compile the kernel that is used here, or load it from the cache, so that no question waits for it."""
    _in_lanes(FEWEST)


def _computed(
    one: Callable[[int], bytes],
    scalars: NDArray[np.uint8] | None = None,
    elements: NDArray[np.uint8] | None = None,
    uniform: NDArray[np.uint8] | None = None,
    comb: bool = False,
) -> NDArray[np.uint8]:
    """What the kernel makes of all rows; where it makes nothing, what `one` makes of a row or raises."""
    from securecompute.primitives import ristretto_kernels as kernels
    from securecompute.primitives.ristretto_coding_kernels import workspace

    s, p, u = _words(scalars), _words(elements), _words(uniform, UNIFORM_BYTES)
    out = np.empty((max(map(len, (s, p, u))), ELEMENT_BYTES // 8), np.uint64)
    bad = np.zeros(len(out), np.uint64)
    kernels.compute(workspace(), kernels.room(comb), s, p, u, comb, out, bad)
    count = max(len(given) for given in (scalars, elements, uniform) if given is not None)
    for row in np.flatnonzero(((bad != 0) | ~out.any(axis=1))[:count]).tolist():
        out[row] = np.frombuffer(one(row), "<u8")
    return out[:count].astype("<u8", copy=False).view(np.uint8)


def _in_lanes(count: int) -> bool:
    """Whether so many rows go through the kernel, four at a time."""
    if count < FEWEST:
        return False
    from securecompute.arithmetic.field_25519_kernels import has_vectors

    return has_vectors() and _as_libsodium()


@cache
def _as_libsodium() -> bool:
    """Whether the kernel gives what it should, here, in all that it does."""
    uniform = expand_each([bytes([k]) for k in range(FEWEST)], b"kernel of ristretto255")
    scalars = table(hash_to_scalar(row, b"kernel of ristretto255") for row in rows(uniform))
    elements = [multiply_base(s) for s in rows(scalars)]
    hashed = [from_uniform(u) for u in rows(uniform)]
    triples = list(zip(rows(scalars), elements, hashed, strict=True))
    products = [multiply(s, add(p, h)) for s, p, h in triples]
    differences = [subtract(p, h) for _, p, h in triples]
    found = _computed(lambda row: IDENTITY, scalars, table(elements), uniform)
    one = _computed(lambda row: IDENTITY, scalars, _repeated(GENERATOR, 4), uniform, comb=True)
    return rows(found) == products and rows(one) == differences


def _words(array: NDArray[np.uint8] | None, width: int = ELEMENT_BYTES) -> NDArray[np.uint64]:
    """Rows for the kernels, as many as make fours: uint64 (n, width / 8)."""
    given = np.empty((0, width), np.uint8) if array is None else array
    if given.dtype != np.uint8 or given.ndim != 2 or given.shape[1] != width:
        raise InvalidRequest(f"{given.dtype} {given.shape}; expected uint8 (n, {width})")
    words = np.zeros((-(-len(given) // 4) * 4, width), np.uint8)
    words[: len(given)] = given
    return words.view("<u8").astype(np.uint64, copy=False)


def _repeated(encoding: bytes, count: int) -> NDArray[np.uint8]:
    """One element or scalar in every row: uint8 (count, 32)."""
    _check_sizes(encoding)
    return np.broadcast_to(np.frombuffer(encoding, np.uint8), (count, ELEMENT_BYTES))


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
