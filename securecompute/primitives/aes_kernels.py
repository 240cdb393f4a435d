"""Compiled AES-256 in counter mode, of many keys: a key costs a tenth of a microsecond here, and seven in a library.

    row i = AES_k_i(c), AES_k_i(c + 1), ...        the counter c in 16 bytes, big-endian

Exact      The processor's instructions, as FIPS 197 has the rounds and the expansion of the key.
Timing     No branch and no address depends on a key.
Cost       ns, one core: 60 a key, 4 for 16 bytes.
Reference  FIPS 197; NIST SP 800-38A; Gueron, Intel AES New Instructions Set, 2010, for the expansion of the key.
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

from securecompute.arithmetic.compiled import compiled

SCHEDULE_WORDS: Final = 30  # fifteen keys of rounds
TOGETHER: Final = 8  # blocks, so that no instruction waits for the one before it

_ROUNDS = 14
_BYTE, _WORD = ir.IntType(8), ir.IntType(64)
_BLOCK, _FOUR = ir.VectorType(_WORD, 2), ir.VectorType(ir.IntType(32), 4)
_ADDRESS: Any = types.intp
_NOTHING: Any = types.void
_DECLARED: Any = cgutils.get_or_insert_function


@cache
def has_instruction() -> bool:
    """Whether the compiler may use the instructions for AES, as NUMBA_CPU_FEATURES or this processor says."""
    features: str = cpu_target.target_context.codegen().magic_tuple()[2]
    return "+aes" in features.split(",")


class _Blocks:
    """Instructions on blocks."""

    def __init__(self, builder: Any) -> None:
        self.build = builder

    def pointer(self, address: Any, k: int) -> Any:
        at = self.build.add(address, ir.Constant(address.type, 16 * k))
        return self.build.inttoptr(at, _BLOCK.as_pointer())

    def load(self, address: Any, k: int) -> Any:
        return self.build.load(self.pointer(address, k), align=8)

    def store(self, block: Any, address: Any, k: int) -> None:
        self.build.store(block, self.pointer(address, k), align=8)

    def call(self, name: str, *arguments: Any) -> Any:
        shape = ir.FunctionType(arguments[0].type, [argument.type for argument in arguments])
        return self.build.call(_DECLARED(self.build.module, shape, name), list(arguments))

    def shuffled(self, x: Any, lanes: list[int]) -> Any:
        """32-bit lanes of x; lane 4 is zero."""
        chosen = ir.Constant(ir.VectorType(ir.IntType(32), 4), lanes)
        words = self.build.shuffle_vector(self.build.bitcast(x, _FOUR), ir.Constant(_FOUR, None), chosen)
        return self.build.bitcast(words, _BLOCK)

    def next_key(self, before: Any, last: Any, constant: int, lane: int) -> Any:
        """The key of the round two after `before`, `last` being between them."""
        mixed = self.call("llvm.x86.aesni.aeskeygenassist", last, ir.Constant(_BYTE, constant))
        key = before
        for _ in range(3):
            before = self.shuffled(before, [4, 0, 1, 2])
            key = self.build.xor(key, before)
        return self.build.xor(key, self.shuffled(mixed, [lane] * 4))


def _emit_schedule(blocks: _Blocks, to: Any, key: Any) -> None:
    keys = [blocks.load(key, 0), blocks.load(key, 1)]
    while len(keys) <= _ROUNDS:
        even = len(keys) % 2 == 0
        constant = 1 << len(keys) // 2 - 1 if even else 0
        keys.append(blocks.next_key(keys[-2], keys[-1], constant, 3 if even else 2))
    for k, round_key in enumerate(keys):
        blocks.store(round_key, to, k)


def _encrypted(count: int) -> Callable[..., None]:
    """So many blocks, of counters one after the other."""

    def emit(blocks: _Blocks, to: Any, schedule: Any, counter: Any) -> None:
        zero, states = ir.Constant(_BLOCK, None), []
        for k in range(count):
            number = blocks.call("llvm.bswap.i64", blocks.build.add(counter, _WORD(k)))
            states.append(blocks.build.insert_element(zero, number, ir.IntType(32)(1)))
        states = [blocks.build.xor(state, blocks.load(schedule, 0)) for state in states]
        for step in range(1, _ROUNDS + 1):
            name = "llvm.x86.aesni.aesenc" + ("last" if step == _ROUNDS else "")
            key = blocks.load(schedule, step)
            states = [blocks.call(name, state, key) for state in states]
        for k, state in enumerate(states):
            blocks.store(state, to, k)

    return emit


def _operation(emit: Callable[..., None], count: int) -> Any:
    """What `emit` writes, as a function of numba's language on so many addresses or numbers."""

    def declared() -> tuple[Any, Any]:
        def generate(context: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
            emit(_Blocks(builder), *arguments)
            return context.get_dummy_value()

        return _NOTHING(*[_ADDRESS] * count), generate

    forms: dict[int, Callable[..., Any]] = {
        2: lambda _context, a, b: declared(),
        3: lambda _context, a, b, c: declared(),
    }
    return intrinsic(forms[count])


_schedule = _operation(_emit_schedule, 2)
_encrypt_one, _encrypt_some = _operation(_encrypted(1), 3), _operation(_encrypted(TOGETHER), 3)


@numba.njit
def _row(schedule, counter, to, blocks):  # type: ignore[no-untyped-def]
    whole = blocks // TOGETHER * TOGETHER
    for k in range(0, whole, TOGETHER):
        _encrypt_some(to + 16 * k, schedule, counter + k)
    for k in range(whole, blocks):
        _encrypt_one(to + 16 * k, schedule, counter + k)


@compiled
def schedules(keys, out):  # type: ignore[no-untyped-def]
    """The keys of all rounds.

    keys   uint64 (n, 4)
    out    uint64 (n, 30), written
    """
    for i in range(keys.shape[0]):
        _schedule(out.ctypes.data + 8 * SCHEDULE_WORDS * i, keys.ctypes.data + 32 * i)


@compiled
def counted(of, counter, out):  # type: ignore[no-untyped-def]
    """Blocks of the counters from this one on, a row for each key.

    of        uint64 (n, 30), of `schedules`
    counter   below 2^62
    out       uint64 (n, 2 blocks), written
    """
    for i in range(out.shape[0]):
        _row(
            of.ctypes.data + 8 * SCHEDULE_WORDS * i, counter, out.ctypes.data + 8 * out.shape[1] * i, out.shape[1] >> 1
        )
