"""How much noise hides a correlation: the sizes of regular, dual learning-parity-with-noise over GF(2^128).

    A = G ε,    ε in F^N with one nonzero, uniform cell in each of t blocks of 2^d cells,    N = t 2^d >= 2m
    d = max(1, floor(log2(2m / least)))        t = max(least, ceil(2m / 2^d))

A, m cells, looks uniform if t is large enough for the code G (`expand_convolute`). t lies between `least` and twice
that, whatever m is: noise costs transfers, t d of them, and 2 KB a block, and no time in the code.

Profiles   standard       least = 200. A combination of rows of G that misses every noisy cell shows that A is not
                          uniform; one of relative weight δ does so with probability (1 - δ)^t, below 2^-64 for this
                          code's estimate, δ = 0.20. The best algorithms known to its authors cost 2^128 or more.
           conservative   least = 640. Holds even if the multiplier of the code brought nothing, so that A were a binary
                          code's, read 128 times. A draw of half the cells decodes if some sum of readings has no noise
                          in it: a noisy cell does no harm with probability 3/4, 2^127 sums are tried at once by linear
                          algebra, so the cost is (4/3)^t 2^-127 > 2^138 draws; at t = 172 nothing was left.
Security   LPN profile under review: both are estimates and no proof. RECOMMENDED takes the second one for large sets
           until the review is done; protocols that need no LPN are there for whoever will not rely on it.
Reference  Boyle et al., Compressing Vector OLE, CCS 2018 (dual LPN, regular noise); Raghuraman, Rindal, Tanguy,
           Expand-Convolute Codes, CRYPTO 2023, ePrint 2023/882; the weight rule of libOTe's ConfigureCode.cpp for large
           fields and a code of 21 taps and 24 delays (t >= 199); Metzner and Kapturowski, IEEE Trans. Information
           Theory 1990 (decoding of interleaved codes).
"""

from typing import Final, NamedTuple

from securecompute.errors import InvalidRequest

PROFILES: Final = {"standard": 200, "conservative": 640}  # the least number of noisy cells
RECOMMENDED: Final = "recommended"
MANY: Final = 350_000  # outputs, as many as a set of 2^18 items takes
MOST_OUTPUTS: Final = 1 << 29


class Parameters(NamedTuple):
    """t trees of depth d have N leaves, the cells of ε."""

    depth: int
    trees: int
    cells: int


def parameters(m: int, profile: str = RECOMMENDED) -> Parameters:
    """(d, t, N) for m outputs.

    raises   InvalidRequest  m is not from 1 to 2^29, or there is no such profile
    """
    profile = chosen(m, profile)
    if profile not in PROFILES:
        raise InvalidRequest(f"LPN profile {profile!r}; there are {' and '.join(PROFILES)}")
    if not 1 <= m <= MOST_OUTPUTS:
        raise InvalidRequest(f"{m} outputs of a correlation; expected 1 to 2^29")
    least = PROFILES[profile]
    depth = max(1, (2 * m // least).bit_length() - 1)
    trees = max(least, -(-2 * m >> depth))
    return Parameters(depth, trees, trees << depth)


def chosen(m: int, profile: str) -> str:
    """The profile for m outputs: the one that is named, or the one that is recommended until the review is done.

    That is conservative from 350,000 outputs, or 2^18 items, where more noise costs little beside the set.
    """
    if profile != RECOMMENDED:
        return profile
    return "conservative" if m >= MANY else "standard"
