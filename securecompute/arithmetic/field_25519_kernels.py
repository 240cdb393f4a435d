"""The field of 2^255 - 19, four numbers at a time: one in each lane of a vector, so that one instruction serves four.

    x = x_0 + 2^51 x_1 + ... + 2^204 x_4,      x_k a whole number in a double, of either sign

The product of two limbs a b, of up to 103 bits, is cut at bit 51 by two instructions that round once (fma):

    h = a b + c    c = 1.5 2^103, where doubles are 2^51 apart, so that h - c is the nearest multiple of 2^51 to a b
    l = a b - (h - c),    whole, at most 2^50 on either side, hence exact

h and l are added up as integers: a whole number n beside c, or beside 1.5 2^52, is n units in the last place. What
passes 2^255 comes back 19 times.

Sizes      A limb is close if it is at most 2^50 + 2^12 on either side, loose if at most three times that. What is here
           gives close numbers, but `total` and `difference`, which carry nothing: of two close ones, or a sum of two
           and a close one, they are loose. `product` takes a close and a loose one, in either order, `square` a close
           one, all others loose ones.
Exact      |a b| <= 3 (2^50 + 2^12)^2 < 2^102, so h stays where the spacing is 2^51. Ten of h and l are below 2^54, 19
           times that below 2^59: integers never pass 2^63. Doubles round to nearest, as they do unless told otherwise.
Memory     A number is 20 words at an address: limb by limb, four lanes each. The caller owns the memory, and keeps it.
Timing     No branch and no address depends on a number; products and sums of doubles that are neither tiny nor infinite
           take the same time.
Cost       ns for four numbers, one core with AVX2: product 25, square 14, others 3 to 6.
Reference  Bernstein, Curve25519, PKC 2006, for limbs in doubles; Emmart, Zheng, Weems, ARITH 2018, for the two fma.
"""

from collections.abc import Callable
from functools import cache
from typing import Any, Final

import numba
from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.core.registry import cpu_target
from numba.extending import intrinsic

P: Final = 2**255 - 19
BITS: Final = 51
LIMBS: Final = 5
LANES: Final = 4
WORDS: Final = LIMBS * LANES  # of a number, in all lanes
BYTES: Final = 8 * WORDS

_HALF, _MASK = 1 << BITS - 1, (1 << BITS) - 1
_HIGH, _UNIT = 1.5 * 2.0**103, 1.5 * 2.0**52  # where doubles are 2^51 apart, and 1
_HIGH_BITS, _UNIT_BITS = 0x4668 << 48, 0x4338 << 48  # of these two
_ONE_BITS, _SIGN = 0x3FF0 << 48, 1 << 63
_WORD, _REAL = ir.IntType(64), ir.DoubleType()
_WORDS, _REALS = ir.VectorType(_WORD, LANES), ir.VectorType(_REAL, LANES)
_ADDRESS: Any = types.intp
_NOTHING: Any = types.void
_DECLARED: Any = cgutils.get_or_insert_function

Limbs = list[Any]


@cache
def has_vectors() -> bool:
    """Whether the compiler may use vectors of four lanes and fma, as NUMBA_CPU_FEATURES or this processor says."""
    features: str = cpu_target.target_context.codegen().magic_tuple()[2]
    return {"+avx2", "+fma"} <= set(features.split(","))


def limbs_of(x: int) -> list[int]:
    """Close limbs of a number below 2^255."""
    limbs = [(x >> BITS * k) & _MASK for k in range(LIMBS)]
    for k in range(LIMBS):
        over = limbs[k] + _HALF >> BITS
        limbs[k] -= over << BITS
        limbs[(k + 1) % LIMBS] += over * (19 if k == LIMBS - 1 else 1)
    return limbs


class Lanes:
    """Instructions on vectors of four lanes, of words (integers) or reals (doubles)."""

    def __init__(self, builder: Any) -> None:
        self.build = builder

    def constant(self, value: int) -> Any:
        return ir.Constant(_WORDS, [value % 2**64] * LANES)

    def real(self, value: float) -> Any:
        return ir.Constant(_REALS, [value] * LANES)

    def pointer(self, address: Any, k: int = 0) -> Any:
        """To vector k of what is at an address."""
        at = self.build.add(address, ir.Constant(address.type, 8 * LANES * k))
        return self.build.inttoptr(at, _WORDS.as_pointer())

    def at(self, address: Any, k: int = 0) -> Any:
        """Vector k of what is at an address, as words."""
        return self.build.load(self.pointer(address, k), align=8)

    def put(self, vector: Any, address: Any, k: int = 0) -> None:
        self.build.store(self.words(vector), self.pointer(address, k), align=8)

    def spread(self, address: Any, k: int) -> Any:
        """Word k of what is at an address, in all lanes."""
        at = self.build.add(address, ir.Constant(address.type, 8 * k))
        word = self.build.load(self.build.inttoptr(at, _WORD.as_pointer()), align=8)
        unset = ir.Constant(_WORDS, ir.Undefined)
        first = self.build.insert_element(unset, word, ir.IntType(32)(0))
        return self.build.shuffle_vector(first, unset, ir.Constant(ir.VectorType(ir.IntType(32), LANES), None))

    def load(self, address: Any) -> Limbs:
        return [self.reals(self.at(address, k)) for k in range(LIMBS)]

    def store(self, limbs: Limbs, address: Any) -> None:
        for k, limb in enumerate(limbs):
            self.put(limb, address, k)

    def reals(self, words: Any) -> Any:
        return self.build.bitcast(words, _REALS)

    def words(self, vector: Any) -> Any:
        return self.build.bitcast(vector, _WORDS)

    def fma(self, x: Any, y: Any, z: Any) -> Any:
        """x y + z, rounded once."""
        shape = ir.FunctionType(_REALS, [_REALS] * 3)
        return self.build.call(_DECLARED(self.build.module, shape, "llvm.fma.v4f64"), [x, y, z])

    def equal(self, x: Any, value: int) -> Any:
        """All ones in the lanes of words that have this value."""
        return self.build.sext(self.build.icmp_unsigned("==", x, self.constant(value)), _WORDS)

    def chosen(self, x: Any, y: Any, mask: Any) -> Any:
        """Words of x where the mask is set, else of y."""
        return self.build.xor(y, self.build.and_(self.build.xor(x, y), mask))

    def negated(self, x: Any, mask: Any) -> Any:
        """Minus x, words of a real, where the mask is set."""
        return self.build.xor(x, self.build.and_(mask, self.constant(_SIGN)))

    def one(self, mask: Any) -> Any:
        """The words of 1.0 where the mask is set, else of 0.0."""
        return self.build.and_(mask, self.constant(_ONE_BITS))

    def nineteen(self, x: Any) -> Any:
        """19 x, of words."""
        twice, sixteen = (self.build.shl(x, self.constant(bits)) for bits in (1, 4))
        return self.build.add(self.build.add(x, twice), sixteen)

    def carried(self, v: Limbs) -> Limbs:
        """Close limbs of reals up to 2^53."""
        high, over, rest = self.real(_HIGH), [], []
        for x in v:
            units = self.build.fsub(self.build.fadd(x, high), high)
            over.append(units)
            rest.append(self.build.fsub(x, units))
        down = [self.real((19 if k == 0 else 1) * 2.0**-BITS) for k in range(LIMBS)]
        return [self.fma(over[k - 1], down[k], rest[k]) for k in range(LIMBS)]

    def reduced(self, z: Limbs, beside: list[int]) -> Limbs:
        """Close limbs, as reals, of words that are below 2^62 on either side when `beside` is taken off."""
        raised = []
        for x, less in zip(z, beside, strict=True):
            raised.append(self.build.add(x, self.constant((1 << 62) + _HALF - less)))
        over = [self.build.lshr(x, self.constant(BITS)) for x in raised]
        over = [self.nineteen(over[-1]), *over[:-1]]
        limbs = []
        for k, x in enumerate(raised):
            rest = self.build.add(self.build.and_(x, self.constant(_MASK)), over[k])
            lowered = _UNIT_BITS - _HALF - (19 if k == 0 else 1) * (1 << 62 - BITS)
            units = self.reals(self.build.add(rest, self.constant(lowered)))
            limbs.append(self.build.fsub(units, self.real(_UNIT)))
        return limbs

    def frozen(self, v: Limbs) -> Limbs:
        """The number from 0 to P - 1 of loose limbs: words, each below 2^51."""
        h = []
        for k, x in enumerate(self.carried(v)):
            units = self.words(self.build.fadd(x, self.real(_UNIT)))
            h.append(self.build.add(units, self.constant(2 * _MASK - 36 * (k == 0) - _UNIT_BITS)))  # + 2 P
        self.chain(h, wrap=True)
        q = self.constant(19)  # h + 19 passes 2^255 if h is not below P
        for x in h:
            q = self.build.lshr(self.build.add(x, q), self.constant(BITS))
        h[0] = self.build.add(h[0], self.nineteen(q))
        self.chain(h, wrap=False)
        return h

    def chain(self, h: Limbs, wrap: bool) -> None:
        """What a limb, a word, has beyond 51 bits goes to the next one; from the last one to the first, or nowhere."""
        for k in range(LIMBS):
            over = self.build.lshr(h[k], self.constant(BITS))
            h[k] = self.build.and_(h[k], self.constant(_MASK))
            if k < LIMBS - 1:
                h[k + 1] = self.build.add(h[k + 1], over)
            elif wrap:
                h[0] = self.build.add(h[0], self.nineteen(over))


class _Sums:
    """z_k, k < 10: sums of parts of products whose place is 2^51k, as words."""

    def __init__(self, lanes: Lanes) -> None:
        self._lanes, self._beside = lanes, [0] * (2 * LIMBS)
        self._sums: Limbs = [None] * (2 * LIMBS)

    def add(self, k: int, x: Any, y: Any) -> None:
        """+ x y at place k."""
        lanes = self._lanes
        high = lanes.fma(x, y, lanes.real(_HIGH))
        low = lanes.fma(x, y, lanes.build.fsub(lanes.real(_HIGH + 3 * 2.0**BITS), high))  # 3 2^51 = 1.5 2^52
        self._add(k, low, _UNIT_BITS)
        self._add(k + 1, high, _HIGH_BITS)

    def _add(self, k: int, part: Any, beside: int) -> None:
        words = self._lanes.words(part)
        self._beside[k] += beside
        self._sums[k] = words if self._sums[k] is None else self._lanes.build.add(self._sums[k], words)

    def limbs(self) -> Limbs:
        lanes, z, beside = self._lanes, self._sums, self._beside
        folded = [lanes.build.add(z[k], lanes.nineteen(z[k + LIMBS])) for k in range(LIMBS)]
        return lanes.reduced(folded, [beside[k] + 19 * beside[k + LIMBS] for k in range(LIMBS)])


def operation(emit: Callable[..., None], count: int) -> Any:
    """What `emit` writes with `Lanes`, as a function of numba's language on so many addresses."""

    def declared(*_addresses: Any) -> tuple[Any, Any]:
        def generate(context: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
            emit(Lanes(builder), *arguments)
            return context.get_dummy_value()

        return _NOTHING(*[_ADDRESS] * count), generate

    forms: dict[int, Callable[..., Any]] = {
        1: lambda _context, a: declared(a),
        2: lambda _context, a, b: declared(a, b),
        3: lambda _context, a, b, c: declared(a, b, c),
        4: lambda _context, a, b, c, d: declared(a, b, c, d),
    }
    return intrinsic(forms[count])


def _emit_product(lanes: Lanes, to: Any, a: Any, b: Any) -> None:
    f, g, sums = lanes.load(a), lanes.load(b), _Sums(lanes)
    for i in range(LIMBS):
        for j in range(LIMBS):
            sums.add(i + j, f[i], g[j])
    lanes.store(sums.limbs(), to)


def _emit_square(lanes: Lanes, to: Any, a: Any) -> None:
    f, sums = lanes.load(a), _Sums(lanes)
    for i in range(LIMBS):
        sums.add(2 * i, f[i], f[i])
        twice = lanes.build.fadd(f[i], f[i])
        for j in range(i + 1, LIMBS):
            sums.add(i + j, twice, f[j])
    lanes.store(sums.limbs(), to)


def _sums(lanes: Lanes, a: Any, b: Any) -> Limbs:
    return [lanes.build.fadd(x, y) for x, y in zip(lanes.load(a), lanes.load(b), strict=True)]


def _differences(lanes: Lanes, a: Any, b: Any) -> Limbs:
    return [lanes.build.fsub(x, y) for x, y in zip(lanes.load(a), lanes.load(b), strict=True)]


def _emit_given(lanes: Lanes, at: Any) -> None:
    words = [lanes.build.or_(lanes.at(at, k), lanes.constant(0x4330 << 48)) for k in range(LIMBS)]
    lanes.store(lanes.carried([lanes.build.fsub(lanes.reals(x), lanes.real(2.0**52)) for x in words]), at)


def _emit_zero(lanes: Lanes, to: Any, a: Any) -> None:
    any_bit = lanes.constant(0)
    for limb in lanes.frozen(lanes.load(a)):
        any_bit = lanes.build.or_(any_bit, limb)
    lanes.put(lanes.equal(any_bit, 0), to)


def _emit_odd(lanes: Lanes, to: Any, a: Any) -> None:
    lanes.put(lanes.equal(lanes.build.and_(lanes.frozen(lanes.load(a))[0], lanes.constant(1)), 1), to)


def _emit_select(lanes: Lanes, to: Any, mask: Any, a: Any, b: Any) -> None:
    for k in range(LIMBS):
        lanes.put(lanes.chosen(lanes.at(a, k), lanes.at(b, k), lanes.at(mask)), to, k)


def _emit_neither(lanes: Lanes, to: Any, a: Any, b: Any) -> None:
    lanes.put(lanes.build.xor(lanes.build.or_(lanes.at(a), lanes.at(b)), lanes.constant(-1)), to)


_multiply, _square = operation(_emit_product, 3), operation(_emit_square, 2)
_carry_total = operation(lambda lanes, to, a, b: lanes.store(lanes.carried(_sums(lanes, a, b)), to), 3)
_carry_difference = operation(lambda lanes, to, a, b: lanes.store(lanes.carried(_differences(lanes, a, b)), to), 3)
_freeze = operation(lambda lanes, to, a: lanes.store(lanes.frozen(lanes.load(a)), to), 2)
_give, _is_zero, _is_odd = operation(_emit_given, 1), operation(_emit_zero, 2), operation(_emit_odd, 2)

total = operation(lambda lanes, to, a, b: lanes.store(_sums(lanes, a, b), to), 3)
difference = operation(lambda lanes, to, a, b: lanes.store(_differences(lanes, a, b), to), 3)
select, neither = operation(_emit_select, 4), operation(_emit_neither, 3)
either = operation(lambda lanes, to, a, b: lanes.put(lanes.build.or_(lanes.at(a), lanes.at(b)), to), 3)


@numba.njit
def product(to, a, b):  # type: ignore[no-untyped-def]
    """a b."""
    _multiply(to, a, b)


@numba.njit
def square(to, a, times):  # type: ignore[no-untyped-def]
    """a squared so many times."""
    _square(to, a)
    for _ in range(times - 1):
        _square(to, to)


@numba.njit
def carried_total(to, a, b):  # type: ignore[no-untyped-def]
    """a + b."""
    _carry_total(to, a, b)


@numba.njit
def carried_difference(to, a, b):  # type: ignore[no-untyped-def]
    """a - b."""
    _carry_difference(to, a, b)


@numba.njit
def give(at):  # type: ignore[no-untyped-def]
    """A number from what stands there as words, each below 2^51."""
    _give(at)


@numba.njit
def freeze(to, a):  # type: ignore[no-untyped-def]
    """The words, each below 2^51, of the number between 0 and P - 1. What they are cannot be computed with."""
    _freeze(to, a)


@numba.njit
def is_zero(to, a):  # type: ignore[no-untyped-def]
    """A mask of four lanes: all ones where the number is zero."""
    _is_zero(to, a)


@numba.njit
def is_odd(to, a):  # type: ignore[no-untyped-def]
    """A mask of four lanes: all ones where the number, between 0 and P - 1, is odd."""
    _is_odd(to, a)
