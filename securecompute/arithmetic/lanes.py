"""Lanes: several small counts in one word of a ring, so that a sum of many counts takes fewer bytes.

    word = Σ_l (v_l − low) 2^{wl}          0 ≤ l < L = ⌊(k − 1) / w⌋,  w bits of N (high − low)

for counts low ≤ v ≤ high of each of N institutions, in Z_2^k, k = 32 or 64. Counts fill the lanes of a word from the
lowest; those that the last word has left stay 0.

Proof      Of any n ≤ N institutions, Σ (v − low) lies in [0, N (high − low)] and is below 2^w: no lane carries into the
           next, and the sum of the words has the sums of the lanes as its lanes. It is at most 2^{wL} − 1 < 2^{k−1}, so
           it does not wrap either, and it is the same number signed or unsigned: `largest` is a bound for a
           descriptor, which asks for N · largest ≤ 2^{k−1} − 1. A lane's total is Σ v − n low, and n is known.
Cost       4 or 8 bytes for L counts: with w = 21, say counts up to 2097 of 1000 institutions, 2.67 bytes a count.
           An institution's counts are checked here; nothing sees a lane of another's word that is too large.
"""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from securecompute.arithmetic.rings import Ring, check, zeros
from securecompute.errors import EncodingOverflow, InvalidRequest


@dataclass(frozen=True, slots=True)
class Lanes:
    """How counts of low … high, of so many institutions, stand in words of the ring.

    width     w, bits of a lane
    lanes     L, counts in a word
    raises    InvalidRequest    a ring of 128 bits, no institution, or low above high
              EncodingOverflow  a total does not fit in one word
    """

    ring: Ring
    low: int
    high: int
    institutions: int
    width: int = field(init=False)
    lanes: int = field(init=False)

    def __post_init__(self) -> None:
        if self.ring is Ring.Z128:
            raise InvalidRequest("lanes are for words of 32 or 64 bits; two words of 64 hold as many as one of 128")
        if self.institutions < 1 or self.low > self.high:
            raise InvalidRequest(f"counts from {self.low} to {self.high} of {self.institutions} institutions")
        width = max(1, (self.institutions * (self.high - self.low)).bit_length())
        if width >= self.ring.bits or self.institutions * max(-self.low, self.high) >> 63:
            raise EncodingOverflow(
                f"totals of {self.institutions} counts from {self.low} to {self.high} do not fit {self.ring}"
            )
        object.__setattr__(self, "width", width)
        object.__setattr__(self, "lanes", (self.ring.bits - 1) // width)

    def words(self, d: int) -> int:
        """How many words d counts take."""
        return -(-d // self.lanes)

    @property
    def largest(self) -> int:
        """The largest word of one institution: what a descriptor calls its bound; 1 at least, as there."""
        return max(1, sum((self.high - self.low) << (self.width * lane) for lane in range(self.lanes)))

    def pack(self, counts: NDArray[np.int64]) -> NDArray[Any]:
        """The words of one institution's counts: elements of the ring, `words(d)` of them.

        counts   int64 (d,)
        raises   EncodingOverflow  a count is below low or above high; which one is not said
                 InvalidRequest    not int64 (d,)
        """
        if counts.dtype != np.int64 or counts.ndim != 1:
            raise InvalidRequest(f"counts are {counts.dtype} {counts.shape}; expected int64 (d,)")
        if ((counts < self.low) | (counts > self.high)).any():
            raise EncodingOverflow(
                f"a count lies outside the declared {self.low} to {self.high}; declare a wider range"
            )
        words = zeros(self.ring, self.words(len(counts)))
        raised = counts.view(np.uint64) - np.uint64(self.low % (1 << 64))
        for lane in range(self.lanes):
            mine = raised[lane :: self.lanes].astype(self.ring.dtype)
            words[: len(mine)] |= mine << self.ring.dtype.type(self.width * lane)
        return words

    def unpack(self, total: NDArray[Any], d: int, included: int) -> NDArray[np.int64]:
        """The totals of d counts: int64 (d,).

        total      the sum of so many institutions' words, `included` of them
        raises     InvalidRequest    not in the ring, another length, or more institutions than declared
                   EncodingOverflow  a lane that no counts within their range can give: somebody's were beyond it
        """
        check(self.ring, total)
        if len(total) != self.words(d) or not 0 <= included <= self.institutions:
            raise InvalidRequest(f"{len(total)} words of {included} institutions; expected {self.words(d)}")
        counts, lane_mask = np.zeros(len(total) * self.lanes, np.uint64), np.uint64((1 << self.width) - 1)
        for lane in range(self.lanes):
            counts[lane :: self.lanes] = (total >> self.ring.dtype.type(self.width * lane)) & lane_mask
        above = total >> self.ring.dtype.type(self.width * self.lanes)
        if above.any() or counts[d:].any() or (counts > np.uint64(included * (self.high - self.low))).any():
            raise EncodingOverflow("a total of counts is larger than their declared range allows")
        found: NDArray[np.int64] = counts[:d].view(np.int64) + np.int64(included * self.low)
        return found
