"""The streams of many keys side by side, as transfers need them: each the words that `masks.Reader` gives of its key.

Security   As `masks`: pseudo-random if AES-256 is a pseudo-random permutation. All streams are read on together and
           never restarted, so that no word is given twice.
Timing     No branch and no address depends on a key.
Cost       of 256 keys, one core: 20 us to begin, and 4 ns for 16 bytes; where the processor has no instructions for AES
           2 ms, and a third of that a reading.
Reference  NIST SP 800-38A (CTR), FIPS 197.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from securecompute.errors import InvalidRequest
from securecompute.primitives.masks import KEY_BYTES, STREAM_BYTES, Reader

Words = NDArray[np.uint64]


class Streams:
    """G(k) of every key, read on from where the last reading ended."""

    __slots__ = ("_read", "_readers", "_schedules")

    def __init__(self, keys: Sequence[bytes]) -> None:
        """keys   32 bytes each. raises InvalidRequest: other than these"""
        from securecompute.primitives import aes_kernels as kernels

        if any(type(key) is not bytes or len(key) != KEY_BYTES for key in keys):
            raise InvalidRequest("a key of a stream is exactly 32 bytes")
        self._read, self._readers = 0, [] if kernels.has_instruction() else [Reader(key) for key in keys]
        self._schedules = np.empty((len(keys) - len(self._readers), kernels.SCHEDULE_WORDS), np.uint64)
        if not self._readers:
            words = np.frombuffer(bytearray(b"".join(keys)), np.uint64).reshape(-1, KEY_BYTES // 8)
            kernels.schedules(words, self._schedules)

    def __len__(self) -> int:
        return max(len(self._readers), len(self._schedules))

    def words(self, count: int) -> Words:
        """The next words of every stream: uint64 (keys, count). raises InvalidRequest: beyond 2^32 blocks"""
        from securecompute.primitives import aes_kernels as kernels

        first, last = self._read, self._read + count
        if count < 0 or 8 * last > STREAM_BYTES:
            raise InvalidRequest(f"{count} words more than a stream of 2^36 bytes holds")
        self._read = last
        if self._readers:
            return np.stack([reader.words(count) for reader in self._readers])
        blocks = np.empty((len(self), 2 * (-(-last // 2) - first // 2)), np.uint64)
        kernels.counted(self._schedules, first // 2, blocks)
        return np.ascontiguousarray(blocks[:, first % 2 :][:, :count])


def warm() -> None:
    """Compile the kernels that are used here, or load them from the cache, so that no question waits for them."""
    Streams([bytes(KEY_BYTES)]).words(2)
