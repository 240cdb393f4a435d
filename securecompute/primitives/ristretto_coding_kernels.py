"""Encoding and decoding of ristretto255, four elements at a time: between 32 bytes and a point of the curve.

    a point        X, Y, Z, T:  x = X / Z, y = Y / Z, x y = T / Z,   on  -x^2 + y^2 = 1 + d x^2 y^2

Numbers are as `field_25519_kernels` has them, four in each, one a lane. A kernel has one array, a workspace, in which
every number has its place; functions here are given its address, `base`.

Timing     No branch and no address depends on an element: where the RFC chooses, a mask does.
Reference  RFC 9496, sections 4.2 (SQRT_RATIO_M1), 4.3.1, 4.3.2 and 4.3.4 (MAP), step by step.
"""

from typing import Final

import numba
import numpy as np
from numpy.typing import NDArray

from securecompute.arithmetic.field_25519_kernels import (
    BITS,
    BYTES,
    LANES,
    LIMBS,
    WORDS,
    P,
    carried_difference,
    carried_total,
    difference,
    either,
    freeze,
    give,
    is_odd,
    is_zero,
    limbs_of,
    neither,
    product,
    select,
    square,
    total,
)

DIGITS: Final = 64
MULTIPLES = 8

# Places, in numbers of the field.
ZERO, ONE, _MINUS_ONE, _D, TWICE_D, _ROOT, _SHRUNK, _ONE_LESS, _D_LESS, _STRETCHED = range(10)
POINT, SECOND, GIVEN = 10, 14, 18
_POWER, _RATIO, FREE = 19, 22, 28  # of them: 3, 6, 10
TABLE = 38
MASKS = TABLE + 4 * MULTIPLES  # one number's room: five masks
RECODED = MASKS + 1
_PLACES = RECODED + -(-2 * DIGITS * LANES // WORDS)
BAD, _NO_SQUARE, _FIRST, _OTHER, _THIRD = range(5)  # masks

_d = -121665 * pow(121666, -1, P) % P
_i = pow(2, (P - 1) // 4, P)


def _root(x: int) -> int:
    """The even square root."""
    r = pow(x, (P + 3) // 8, P)
    r = r if r * r % P == x % P else r * _i % P
    return P - r if r % 2 else r


_NUMBERS = (
    0,
    1,
    P - 1,
    _d,
    2 * _d % P,
    _i,
    _root(pow(-1 - _d, -1, P)),
    (1 - _d * _d) % P,
    (_d - 1) ** 2 % P,
    P - _root(-1 - _d),  # the RFC's is the odd one
)
_CONSTANTS = np.array([limbs_of(x) for x in _NUMBERS], np.float64).view(np.uint64)
_LOW = np.uint64((1 << BITS) - 1)


def workspace() -> NDArray[np.uint64]:
    """Memory for the kernels: uint64 (words,), aligned to lines of the cache."""
    room = np.empty(_PLACES * WORDS + 8, np.uint64)
    skipped = -room.ctypes.data % 64 // 8
    return room[skipped : skipped + _PLACES * WORDS]


@numba.njit
def mask(base, k):  # type: ignore[no-untyped-def]
    """Where a mask is."""
    return base + BYTES * MASKS + 8 * LANES * k


@numba.njit
def begin(ws):  # type: ignore[no-untyped-def]
    """The constants in their places."""
    for k in range(_CONSTANTS.shape[0]):
        for limb in range(LIMBS):
            for lane in range(LANES):
                ws[WORDS * k + LANES * limb + lane] = _CONSTANTS[k, limb]


@numba.njit
def read(ws, base, place, rows, first, start):  # type: ignore[no-untyped-def]
    """Four rows' words from `first` on, without bit 255, as a number."""
    for lane in range(LANES):
        for limb in range(LIMBS):
            word, shift = BITS * limb >> 6, BITS * limb & 63
            x = rows[start + lane, first + word] >> np.uint64(shift)
            if shift > 64 - BITS and limb < LIMBS - 1:
                x |= rows[start + lane, first + word + 1] << np.uint64(64 - shift)
            ws[WORDS * place + LANES * limb + lane] = x & _LOW
    give(base + BYTES * place)


@numba.njit
def _word(ws, place, lane, word):  # type: ignore[no-untyped-def]
    """A word of the bytes of a frozen number."""
    x = np.uint64(0)
    for limb in range(LIMBS):
        value, at = ws[WORDS * place + LANES * limb + lane], BITS * limb - 64 * word
        if 0 <= at < 64:
            x |= value << np.uint64(at)
        elif -BITS < at < 0:
            x |= value >> np.uint64(-at)
    return x


@numba.njit
def _write(ws, place, rows, start):  # type: ignore[no-untyped-def]
    """A frozen number as four rows."""
    for lane in range(LANES):
        for word in range(4):
            rows[start + lane, word] = _word(ws, place, lane, word)


@numba.njit
def _power(base, to, a):  # type: ignore[no-untyped-def]
    """a^((P - 5) / 8), which is a^(2^252 - 3)."""
    t0, t1, t2 = base + BYTES * _POWER, base + BYTES * (_POWER + 1), base + BYTES * (_POWER + 2)
    square(t0, a, 1)
    square(t1, t0, 2)
    product(t1, a, t1)
    product(t0, t0, t1)
    square(t0, t0, 1)
    product(t0, t1, t0)  # 2^5 - 1
    square(t1, t0, 5)
    product(t0, t1, t0)
    square(t1, t0, 10)
    product(t1, t1, t0)  # 2^20 - 1
    square(t2, t1, 20)
    product(t1, t2, t1)
    square(t1, t1, 10)
    product(t0, t1, t0)  # 2^50 - 1
    square(t1, t0, 50)
    product(t1, t1, t0)
    square(t2, t1, 100)
    product(t1, t2, t1)
    square(t1, t1, 50)
    product(t0, t1, t0)  # 2^250 - 1
    square(t0, t0, 2)
    product(to, t0, a)


@numba.njit
def _absolute(base, to, a):  # type: ignore[no-untyped-def]
    """The even one of a and -a, close; of a loose one. `to` is not a."""
    spare = base + BYTES * (_RATIO + 5)
    is_odd(mask(base, _THIRD), a)
    carried_difference(spare, base + BYTES * ZERO, a)
    carried_difference(to, a, base + BYTES * ZERO)
    select(to, mask(base, _THIRD), spare, to)


@numba.njit
def _ratio(base, to, u, v):  # type: ignore[no-untyped-def]
    """SQRT_RATIO_M1 of the RFC, of close numbers; mask _NO_SQUARE where u / v is none."""
    cube, r, check = base + BYTES * _RATIO, base + BYTES * (_RATIO + 1), base + BYTES * (_RATIO + 2)
    spare, other = base + BYTES * (_RATIO + 3), base + BYTES * (_RATIO + 4)
    square(cube, v, 1)
    product(cube, cube, v)
    square(r, cube, 1)
    product(r, r, v)
    product(r, r, u)
    _power(base, r, r)
    product(cube, cube, u)
    product(r, r, cube)
    square(check, r, 1)
    product(check, check, v)
    product(spare, u, base + BYTES * _ROOT)
    total(spare, spare, check)
    is_zero(mask(base, _FIRST), spare)  # -i u
    total(spare, check, u)
    is_zero(mask(base, _OTHER), spare)  # -u
    difference(spare, check, u)
    is_zero(mask(base, _THIRD), spare)  # u
    neither(mask(base, _NO_SQUARE), mask(base, _THIRD), mask(base, _OTHER))
    either(mask(base, _FIRST), mask(base, _FIRST), mask(base, _OTHER))
    product(other, r, base + BYTES * _ROOT)
    select(r, mask(base, _FIRST), other, r)
    _absolute(base, to, r)


@numba.njit
def decode(ws, base, to, rows, start):  # type: ignore[no-untyped-def]
    """The points of four rows; mask BAD where a row encodes none, or the identity."""
    s, zero, one = base + BYTES * GIVEN, base + BYTES * ZERO, base + BYTES * ONE
    a, b, c = base + BYTES * FREE, base + BYTES * (FREE + 1), base + BYTES * (FREE + 2)
    v, w, x = base + BYTES * (FREE + 3), base + BYTES * (FREE + 4), base + BYTES * (FREE + 5)
    read(ws, base, GIVEN, rows, 0, start)
    square(c, s, 1)
    carried_difference(a, one, c)
    carried_total(b, one, c)
    square(c, b, 1)
    square(v, a, 1)
    product(v, v, base + BYTES * _D)
    total(v, v, c)
    carried_difference(v, zero, v)
    product(w, v, c)
    _ratio(base, w, one, w)
    product(b, b, w)
    product(w, w, b)
    product(w, w, v)
    product(x, s, b)
    total(x, x, x)
    _absolute(base, to, x)
    product(to + BYTES, a, w)
    product(to + 3 * BYTES, to, to + BYTES)
    carried_difference(to + 2 * BYTES, one, zero)
    is_odd(mask(base, BAD), to + 3 * BYTES)
    is_zero(mask(base, _FIRST), s)
    either(mask(base, BAD), mask(base, BAD), mask(base, _FIRST))
    is_odd(mask(base, _FIRST), s)
    either(mask(base, BAD), mask(base, BAD), mask(base, _FIRST))
    either(mask(base, BAD), mask(base, BAD), mask(base, _NO_SQUARE))
    is_zero(mask(base, _FIRST), to + BYTES)
    either(mask(base, BAD), mask(base, BAD), mask(base, _FIRST))
    freeze(s, s)
    for lane in range(LANES):
        other = np.uint64(0)
        for word in range(4):
            other |= _word(ws, GIVEN, lane, word) ^ rows[start + lane, word]
        ws[WORDS * MASKS + LANES * BAD + lane] |= other  # not zero where the number was not below P


@numba.njit
def encode(ws, base, point, rows, start):  # type: ignore[no-untyped-def]
    """Four points as rows."""
    x, y, z, t = point, point + BYTES, point + 2 * BYTES, point + 3 * BYTES
    a, b, c = base + BYTES * FREE, base + BYTES * (FREE + 1), base + BYTES * (FREE + 2)
    d, e, f = base + BYTES * (FREE + 3), base + BYTES * (FREE + 4), base + BYTES * (FREE + 5)
    total(a, z, y)
    carried_difference(b, z, y)
    product(a, a, b)
    product(b, x, y)
    square(c, b, 1)
    product(c, c, a)
    _ratio(base, c, base + BYTES * ONE, c)
    product(a, a, c)  # den1
    product(b, b, c)  # den2
    product(c, a, b)
    product(c, c, t)  # 1 / Z
    product(d, t, c)
    is_odd(mask(base, _FIRST), d)  # whether to rotate
    product(d, x, base + BYTES * _ROOT)
    product(e, y, base + BYTES * _ROOT)
    product(f, a, base + BYTES * _SHRUNK)
    select(e, mask(base, _FIRST), e, x)
    select(d, mask(base, _FIRST), d, y)
    select(b, mask(base, _FIRST), f, b)
    product(a, e, c)
    is_odd(mask(base, _FIRST), a)
    carried_difference(e, base + BYTES * ZERO, d)
    select(d, mask(base, _FIRST), e, d)
    carried_difference(d, z, d)
    product(a, b, d)
    _absolute(base, b, a)
    freeze(base + BYTES * GIVEN, b)
    _write(ws, GIVEN, rows, start)


@numba.njit
def map_to_point(base, to):  # type: ignore[no-untyped-def]
    """MAP of the RFC, of the number that is given."""
    t, one = base + BYTES * GIVEN, base + BYTES * ONE
    r, u, v = base + BYTES * FREE, base + BYTES * (FREE + 1), base + BYTES * (FREE + 2)
    s, c, n = base + BYTES * (FREE + 3), base + BYTES * (FREE + 4), base + BYTES * (FREE + 5)
    w = base + BYTES * (FREE + 6)
    square(r, t, 1)
    product(r, r, base + BYTES * _ROOT)
    total(u, r, one)
    product(u, u, base + BYTES * _ONE_LESS)
    product(v, r, base + BYTES * _D)
    carried_difference(v, base + BYTES * _MINUS_ONE, v)
    total(s, r, base + BYTES * _D)
    product(v, v, s)
    _ratio(base, s, u, v)
    product(n, s, t)
    _absolute(base, w, n)
    carried_difference(w, base + BYTES * ZERO, w)
    select(s, mask(base, _NO_SQUARE), w, s)
    select(c, mask(base, _NO_SQUARE), r, base + BYTES * _MINUS_ONE)
    difference(n, r, one)
    product(n, n, c)
    product(n, n, base + BYTES * _D_LESS)
    carried_difference(n, n, v)
    product(n, n, base + BYTES * _STRETCHED)  # w1
    product(w, s, v)
    carried_total(w, w, w)  # w0
    square(s, s, 1)
    difference(u, one, s)  # w2
    total(v, one, s)  # w3
    product(to, w, v)
    product(to + BYTES, u, n)
    product(to + 2 * BYTES, n, v)
    product(to + 3 * BYTES, w, u)
