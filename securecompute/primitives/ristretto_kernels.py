"""Compiled loops of the group ristretto255: four elements at a time, one in each lane of the field's vectors.

    a point        X, Y, Z, T:  x = X / Z, y = Y / Z, x y = T / Z,   on  -x^2 + y^2 = 1 + d x^2 y^2
    an addend      Y + X, Y - X, Z, 2 d T                             4 products, and 4 for the sum
    s P            s = sum of 16^i e_i, |e_i| <= 8:  64 times 4 doublings and an addend out of P, 2P, ..., 8P

The formulas hold for all points, so that none is treated in a way of its own.

Memory     Everything is at places of one array, `workspace`, of which a number of the field takes 20 words.
Timing     No branch and no address depends on an element or a scalar: an addend is a masked sum over the whole table.
Exact      What comes in and goes out are 32 bytes, as four words; the number of rows is a multiple of four. What is no
           element is computed with all the same: flags say where one was.
Cost       us a row, one core with AVX2: a product 19, one of one element 7, H 4, decode and encode 1.5 each.
Reference  RFC 9496, sections 4.3 and 4.5; Hisil, Wong, Carter, Dawson, ASIACRYPT 2008, for the formulas.
"""

from typing import Any

import numba
import numpy as np
from numpy.typing import NDArray

from securecompute.arithmetic.compiled import compiled
from securecompute.arithmetic.field_25519_kernels import (
    BYTES,
    LANES,
    LIMBS,
    WORDS,
    Lanes,
    carried_difference,
    carried_total,
    difference,
    operation,
    product,
    square,
    total,
)
from securecompute.primitives.ristretto_coding_kernels import (
    BAD,
    DIGITS,
    FREE,
    GIVEN,
    MASKS,
    MULTIPLES,
    ONE,
    POINT,
    RECODED,
    SECOND,
    TABLE,
    TWICE_D,
    ZERO,
    begin,
    decode,
    encode,
    map_to_point,
    read,
)


def room(comb: bool) -> NDArray[np.uint64]:
    """Memory for the table of one element's multiples, or none: uint64 (32 or 0, 8, 20)."""
    return np.empty((DIGITS // 2 if comb else 0, MULTIPLES, 4 * LIMBS), np.uint64)


def _emit_pick(shared: bool) -> Any:
    """An addend: |e| of the table's, 0 being Y + X = Y - X = Z = 1; where e < 0 of minus that. `digit` is |e|, then
    a mask of its sign. A table that all lanes share has one word where others have four."""

    def emit(lanes: Lanes, to: Any, table: Any, digit: Any) -> None:
        build = lanes.build
        size, negative = lanes.at(digit), lanes.at(digit, 1)
        chosen = [lanes.equal(size, k) for k in range(MULTIPLES + 1)]
        picked = []
        for k in range(4 * LIMBS):
            part, limb = divmod(k, LIMBS)
            found = lanes.one(chosen[0]) if limb == 0 and part < 3 else lanes.constant(0)
            for entry in range(MULTIPLES):
                word = (lanes.spread if shared else lanes.at)(table, 4 * LIMBS * entry + k)
                found = build.or_(found, build.and_(chosen[entry + 1], word))
            picked.append(found)
        for k in range(LIMBS):
            plus, minus, z, t = picked[k::LIMBS]
            swap = build.and_(build.xor(plus, minus), negative)
            parts = build.xor(plus, swap), build.xor(minus, swap), z, lanes.negated(t, negative)
            for part, vector in enumerate(parts):
                lanes.put(vector, to, LIMBS * part + k)

    return operation(emit, 3)


_pick, _pick_shared = _emit_pick(shared=False), _emit_pick(shared=True)


@numba.njit
def _addend(base, to, point):  # type: ignore[no-untyped-def]
    carried_total(to, point + BYTES, point)
    carried_difference(to + BYTES, point + BYTES, point)
    carried_total(to + 2 * BYTES, point + 2 * BYTES, base + BYTES * ZERO)
    product(to + 3 * BYTES, point + 3 * BYTES, base + BYTES * TWICE_D)


@numba.njit
def _add(base, point, addend):  # type: ignore[no-untyped-def]
    """point += addend."""
    a, b = base + BYTES * FREE, base + BYTES * (FREE + 1)
    c, d = base + BYTES * (FREE + 2), base + BYTES * (FREE + 3)
    x, y = base + BYTES * (FREE + 4), base + BYTES * (FREE + 5)
    total(a, point + BYTES, point)
    difference(b, point + BYTES, point)
    product(a, a, addend)
    product(b, b, addend + BYTES)
    product(c, addend + 3 * BYTES, point + 3 * BYTES)
    product(d, addend + 2 * BYTES, point + 2 * BYTES)
    total(d, d, d)
    carried_difference(x, a, b)
    total(y, a, b)
    carried_total(a, d, c)
    difference(b, d, c)
    product(point, x, b)
    product(point + BYTES, y, a)
    product(point + 2 * BYTES, a, b)
    product(point + 3 * BYTES, x, y)


@numba.njit
def _double(base, point, with_t):  # type: ignore[no-untyped-def]
    """point += point; T only if it is wanted."""
    a, b = base + BYTES * FREE, base + BYTES * (FREE + 1)
    c, d = base + BYTES * (FREE + 2), base + BYTES * (FREE + 3)
    x, y = base + BYTES * (FREE + 4), base + BYTES * (FREE + 5)
    carried_total(c, point, point + BYTES)
    square(a, point, 1)
    square(b, point + BYTES, 1)
    square(c, c, 1)
    square(d, point + 2 * BYTES, 1)
    total(d, d, d)
    total(y, b, a)
    carried_difference(a, b, a)
    carried_difference(x, c, y)
    difference(b, d, a)
    product(point, x, b)
    product(point + BYTES, y, a)
    product(point + 2 * BYTES, a, b)
    if with_t:
        product(point + 3 * BYTES, x, y)


@numba.njit
def _recode(ws, scalars, start):  # type: ignore[no-untyped-def]
    """Four scalars, without bit 255, as digits from -8 to 8: sizes, and masks of signs."""
    for lane in range(LANES):
        over = np.int64(0)
        for k in range(DIGITS):
            word = scalars[start + lane, k >> 4]
            nibble = np.int64((word >> np.uint64(4 * (k & 15))) & np.uint64(15))
            if k == DIGITS - 1:
                nibble &= np.int64(7)
            nibble += over
            over = (nibble + np.int64(8)) >> np.int64(4) if k < DIGITS - 1 else np.int64(0)
            nibble -= over << np.int64(4)
            sign = nibble >> np.int64(63)
            at = WORDS * RECODED + 2 * LANES * k + lane
            ws[at] = np.uint64((nibble ^ sign) - sign)
            ws[at + LANES] = np.uint64(sign)


@numba.njit
def _multiples(base, point, second):  # type: ignore[no-untyped-def]
    """The table: P, 2P, ..., 8P as addends. `second` is overwritten."""
    table = base + BYTES * TABLE
    for k in range(4):
        carried_difference(second + BYTES * k, point + BYTES * k, base + BYTES * ZERO)
    _addend(base, table, point)
    for k in range(1, MULTIPLES):
        _add(base, second, table)
        _addend(base, table + 4 * BYTES * k, second)


@numba.njit
def _nothing(base, point):  # type: ignore[no-untyped-def]
    """point <- the identity."""
    for k in range(4):
        carried_difference(point + BYTES * k, base + BYTES * (ONE if k == 1 or k == 2 else ZERO), base + BYTES * ZERO)


@numba.njit
def _comb(ws, base, comb):  # type: ignore[no-untyped-def]
    """Multiples of 256^i times the point that stands in all lanes, i < 32: uint64 (32, 8, 4 * LIMBS)."""
    point, second = base + BYTES * POINT, base + BYTES * SECOND
    for group in range(comb.shape[0] // LANES):
        for lane in range(LANES):
            for k in range(4 * LIMBS):
                comb[LANES * group + lane, 0, k] = ws[WORDS * POINT + LANES * k]
            for _ in range(8):
                _double(base, point, True)
        for k in range(4 * LIMBS):
            comb[LANES * group, 1, k] = ws[WORDS * POINT + LANES * k]  # where the next group begins
            for lane in range(LANES):
                ws[WORDS * POINT + LANES * k + lane] = comb[LANES * group + lane, 0, k]
        _multiples(base, point, second)
        for k in range(4 * LIMBS):
            for lane in range(LANES):
                ws[WORDS * POINT + LANES * k + lane] = comb[LANES * group, 1, k]
        for entry in range(MULTIPLES):
            for k in range(4 * LIMBS):
                for lane in range(LANES):
                    comb[LANES * group + lane, entry, k] = ws[WORDS * (TABLE + 4 * entry) + LANES * k + lane]


@numba.njit
def _times(base, point, second):  # type: ignore[no-untyped-def]
    """point <- the recoded scalar times it; `second` is overwritten."""
    table, digits = base + BYTES * TABLE, base + BYTES * RECODED
    _multiples(base, point, second)
    _nothing(base, point)
    for k in range(DIGITS - 1, -1, -1):
        if k < DIGITS - 1:
            for doubling in range(4):
                _double(base, point, doubling == 3)
        _pick(second, table, digits + 16 * LANES * k)
        _add(base, point, second)


@numba.njit
def _flag(ws, bad, start):  # type: ignore[no-untyped-def]
    for lane in range(LANES):
        bad[start + lane] |= ws[WORDS * MASKS + LANES * BAD + lane]


@numba.njit
def _hashed(ws, base, to, uniform, start):  # type: ignore[no-untyped-def]
    """The points of four rows of 64 uniform bytes, as addends. POINT is left alone."""
    third = base + BYTES * TABLE
    read(ws, base, GIVEN, uniform, 0, start)
    map_to_point(base, to)
    read(ws, base, GIVEN, uniform, 4, start)
    map_to_point(base, third)
    _addend(base, third + 4 * BYTES, third)
    _add(base, to, third + 4 * BYTES)


@numba.njit
def _combed(base, table, point, second):  # type: ignore[no-untyped-def]
    """point <- the recoded scalar times what the comb is of: odd digits, 16 times them, even digits."""
    digits = base + BYTES * RECODED
    _nothing(base, point)
    for odd in range(1, -1, -1):
        for k in range(DIGITS // 2):
            _pick_shared(second, table + 8 * MULTIPLES * 4 * LIMBS * k, digits + 16 * LANES * (2 * k + odd))
            _add(base, point, second)
        for doubling in range(4 * odd):
            _double(base, point, doubling == 3)


@compiled
def compute(ws, comb, scalars, elements, uniform, minus, out, bad):  # type: ignore[no-untyped-def]
    """out[i] = scalars[i] (elements[i] + H(uniform[i])); arrays without rows are left out.

    ws         `workspace`
    comb       `room(True)`: then elements are four equal rows E, and out[i] = scalars[i] E + H(uniform[i])
    scalars    uint64 (n, 4), of which bit 255 is not used; elements uint64 (n, 4), uniform uint64 (n, 8)
    minus      H is subtracted
    out        uint64 (n, 4), written; n is a multiple of four
    bad        uint64 (n,), zeros, written: not zero where an element is none, or the identity
    """
    base, table = ws.ctypes.data, comb.ctypes.data
    point, second = base + BYTES * POINT, base + BYTES * SECOND
    begin(ws)
    if comb.shape[0]:
        decode(ws, base, point, elements, 0)
        _flag(ws, bad, 0)
        _comb(ws, base, comb)
    for start in range(0, out.shape[0], LANES):
        if scalars.shape[0]:
            _recode(ws, scalars, start)
        if comb.shape[0]:
            _combed(base, table, point, second)
        elif elements.shape[0]:
            decode(ws, base, point, elements, start)
            _flag(ws, bad, start)
        else:
            _nothing(base, point)
        if uniform.shape[0]:
            _hashed(ws, base, second, uniform, start)
            if minus:
                carried_difference(second, base + BYTES * ZERO, second)
                carried_difference(second + 3 * BYTES, base + BYTES * ZERO, second + 3 * BYTES)
            _addend(base, base + BYTES * TABLE, second)
            _add(base, point, base + BYTES * TABLE)
        if scalars.shape[0] and not comb.shape[0]:
            _times(base, point, second)
        encode(ws, base, point, out, start)
