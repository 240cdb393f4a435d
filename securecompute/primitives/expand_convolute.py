"""The expand-convolute code over F = GF(2^128): it compresses N cells, few of them noisy, to m that look uniform.

    e = e0 | e1 of m and L = N - m cells                                      out = e0 + E C' C e1        (+ is xor)
    C: for i = 0 .. L-1:  e1[i+1+k] += e1[i] for the bits k < 24 of taps[i];  e1[i+25] = g (e1[i+25] + e1[i])   mod L
    E: out[i] is the sum of 21 cells: one of each eleventh, ten anywhere

C' is a second pass with other taps. Taps, picks and the multiplier g come from one public seed; the map is F-linear, so
C = A Δ + B of the cells holds for what it makes of them.

Multiplier   It is what makes the code one over F and not a binary one that is applied to the 128 bits of a cell side by
             side. There the noisy cells of A alone are found by linear algebra if they are at most 128 (a test does
             it), and soon after if they are more. With g the test finds none. This is no proof.
Security     That A is pseudo-random is the dual LPN assumption for this code; how much noise it takes, and that this is
             under review, stands in `lpn`. The map itself is public and hides nothing.
Timing       No branch and no address depends on a cell where the processor has carry-less products.
Cost         one core, m = 350,000, N = 2m: 30 ms for one vector and 55 ms for two side by side. At four times the size
             the cells leave the cache, and it takes 260 and 460 ms: several codes are faster than one large code.
Reference    Raghuraman, Rindal, Tanguy, Expand-Convolute Codes for Pseudorandom Correlation Generators from LPN, CRYPTO
             2023, ePrint 2023/882, in the systematic form with two passes, weight 21 and 24 delays of libOTe's
             ExConvCode.h and Expander.h, which multiply likewise (CoeffCtx.h). Streams and g are our own.
"""

import numpy as np

from securecompute.arithmetic import gf128
from securecompute.arithmetic.gf128 import Blocks
from securecompute.errors import InvalidRequest
from securecompute.primitives.lpn import MOST_OUTPUTS
from securecompute.primitives.masks import Reader, derive

SEED_BYTES = 16
FEWEST_CONVOLVED = 26  # so that no step of a pass comes round to its own cell

_PICKS = 21
_STEPS, _ROWS = 1 << 15, 1 << 11  # whose taps or picks are drawn at once, and stay in the second-level cache
_LABEL = b"securecompute/expand-convolute/v1/"


class ExpandConvolute:
    """One code, F^N -> F^m. It is public: its seed is."""

    __slots__ = ("_g", "_seed", "cells", "outputs")

    def __init__(self, m: int, cells: int, seed: bytes) -> None:
        """m outputs of N = `cells` inputs.

        seed     16 bytes, fixed before the noise is drawn
        raises   InvalidRequest  m is not from 1 to 2^29, cells not from m + 26 to below m + 2^32; another seed
        """
        if not 1 <= m <= MOST_OUTPUTS or not FEWEST_CONVOLVED <= cells - m < 1 << 32:
            raise InvalidRequest(f"a code from {cells} cells to {m}; expected 1 to 2^29, and at least 26 cells more")
        if type(seed) is not bytes or len(seed) != SEED_BYTES:
            raise InvalidRequest("the seed of a code is exactly 16 bytes")
        self.outputs, self.cells, self._seed = m, cells, seed
        self._g = np.frombuffer(derive(seed, b"", _LABEL + b"multiplier", 16), "<u8").astype(np.uint64)

    def encode(self, e: Blocks) -> Blocks:
        """G e, in place: the first m rows of e, which hold the result; the rows after them are destroyed.

        e        uint64 (N, 2), or (N, 4) for two vectors side by side; contiguous, writeable
        raises   InvalidRequest  another array
        """
        words = e.shape[-1] if isinstance(e, np.ndarray) and e.dtype == np.uint64 and e.ndim == 2 else 0
        if words not in (2, 4) or len(e) != self.cells or not (e.flags.c_contiguous and e.flags.carray):
            raise InvalidRequest(f"a code of {self.cells} cells takes writeable, contiguous uint64 (N, 2) or (N, 4)")
        out, convolved = e[: self.outputs].reshape(-1), e[self.outputs :].reshape(-1)
        for label in (b"taps 1", b"taps 2"):
            self._convolve(words, convolved, self._stream(label))
        self._expand(words, out, convolved, self._stream(b"picks"))
        return e[: self.outputs]

    def _convolve(self, words: int, cells: Blocks, stream: Reader) -> None:
        from securecompute.arithmetic.gf128_kernels import tables_of
        from securecompute.primitives import expand_convolute_kernels as kernels

        length = cells.size // words
        by_instruction = gf128.kernel_name() == gf128.BY_INSTRUCTION
        tables = None if by_instruction else tables_of(*self._g)
        for start in range(0, length, _STEPS):
            steps = min(_STEPS, length - start)
            taps = stream.words((steps + 1) // 2).view(np.uint32)[:steps]
            if tables is None:
                kernels.convolve_by_instruction(words, cells, start, taps, *self._g)
            else:
                kernels.convolve_by_tables(words, cells, start, taps, tables)

    def _expand(self, words: int, out: Blocks, cells: Blocks, stream: Reader) -> None:
        from securecompute.primitives import expand_convolute_kernels as kernels

        for start in range(0, self.outputs, _ROWS):
            count = _PICKS * min(_ROWS, self.outputs - start)
            draws = stream.words((count + 1) // 2).view(np.uint32)[:count]
            kernels.expand(words, out, start, cells, draws)

    def _stream(self, label: bytes) -> Reader:
        return Reader(derive(self._seed, b"", _LABEL + label))


def warm() -> None:
    """Compile the kernels that are used here, or load them from the cache, so that no question waits for them."""
    ExpandConvolute(1, 1 + FEWEST_CONVOLVED, bytes(SEED_BYTES)).encode(np.zeros((1 + FEWEST_CONVOLVED, 2), np.uint64))
