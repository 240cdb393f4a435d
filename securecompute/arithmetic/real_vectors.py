"""Vectors of real numbers as ring elements: x ↔ rint(2ᶠ x) mod 2ᵏ, half to even.

    Z_2³², Z_2⁶⁴   the rounded double converts to an integer without an error
    Z_2¹²⁸         y = 2ᶠ⁻⁶² x,  h = rint(y),  w = rint(2⁶² (y − h)):  the element is 2⁶² h + w, as |h| < 2⁶³, |w| ≤ 2⁶¹

Exact      Powers of two move only the exponent, y − h has no bit that y had not, and 2⁶² h is even: the one rounding is
           that of the last digit. What underflows is far below half a unit.
Cost       ns per element, one core: 1.5 for 2³², 2 for 2⁶⁴, 7 for 2¹²⁸, piece by piece in the cache. Compiled loops
           need a fifth of it; to load their compiler costs more than that saves below 10⁸ elements.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from securecompute.arithmetic.headroom import check_fits
from securecompute.arithmetic.rings import Ring
from securecompute.errors import EncodingOverflow, InvalidRequest, NonFiniteInput

MOST_BITS = 125  # of |2^f x| in Z_2^128: leaves room for a sum of four at least, and h in 63 bits

_PIECE = 1 << 14
_SPLIT = 62


def encode_reals(ring: Ring, x: NDArray[np.float64], scale: int, limit: float, column: str) -> NDArray[Any]:
    """rint(2^f x) in the ring, own memory.

    x        float64, shape (n,), in the column's unit
    scale    f, fractional bits; negative ones drop whole bits
    limit    largest |x| that the dictionary allows, same unit
    column   its name, for the messages
    returns  elements of the ring, length n
    raises   EncodingOverflow  2^f limit does not fit the ring, or 2^125; some |x| > limit
             NonFiniteInput    NaN or an infinity
             InvalidRequest    x is not float64 (n,); a limit that is not finite and positive
    """
    if x.dtype != np.float64 or x.ndim != 1:
        raise InvalidRequest(f"'{column}' is {x.dtype} {x.shape}; expected float64 (n,)")
    bound = check_fits(column, limit, scale, 1, 1, ring)
    if bound > 1 << MOST_BITS:
        raise EncodingOverflow(f"'{column}': limit ±{limit:g} at scale {scale} exceeds 2^{MOST_BITS}; lower the scale")
    y = np.empty(ring.shape(len(x)), ring.dtype)
    write = _write_limbs if ring is Ring.Z128 else _write_words
    for start in range(0, len(x), _PIECE):
        piece = x[start : start + _PIECE]
        if not -limit <= piece.min() <= piece.max() <= limit:  # False for NaN
            raise _refusal(x, limit, column)
        write(piece, scale, y[start : start + _PIECE])
    return y


def _write_words(x: NDArray[np.float64], scale: int, y: NDArray[Any]) -> None:
    scaled = x * 2.0**scale
    np.copyto(y.view(f"<i{y.dtype.itemsize}"), np.rint(scaled, out=scaled), casting="unsafe")


def _write_limbs(x: NDArray[np.float64], scale: int, y: NDArray[np.uint64]) -> None:
    """2⁶² h + w in two limbs: the low two bits of h stay in the low limb, and a negative w may borrow from the high."""
    scaled = x * 2.0 ** (scale - _SPLIT)
    top = np.rint(scaled)
    np.subtract(scaled, top, out=scaled)
    np.multiply(scaled, 2.0**_SPLIT, out=scaled)
    h, w = top.astype(np.int64), np.rint(scaled, out=scaled).astype(np.int64)
    low = h.view(np.uint64) << np.uint64(_SPLIT)
    borrows = (low == 0) & (w < 0)
    np.add(low, w.view(np.uint64), out=y[:, 0])
    np.subtract(h >> 2, borrows, out=y[:, 1].view(np.int64))


def _refusal(x: NDArray[np.float64], limit: float, column: str) -> InvalidRequest:
    if not np.isfinite(x).all():
        return NonFiniteInput(f"'{column}' holds NaN or an infinity; write missing values as nulls")
    return EncodingOverflow(f"'{column}' holds a value beyond ±{limit:g}; correct it or the declared range")
