"""From Z_2^64 to Z_2^128 and back: the same signed number in a ring with more headroom.

The dealer draws r, uniform in Z_2^64. With |x| < 2^62 the evaluators open c = x + 2^62 + r mod 2^64 and compute in
Z_2^128, linearly in the dealt values r' = r mod 2^63 and r >> 63,

    y = c' − r' + b 2^63 − 2^62,     c' = c mod 2^63,     b = (r >> 63) XOR (c >> 63)

Proof      As for `truncation` with f = 0, where U = 0: y = x, exactly. Back: residues mod 2^128 reduced mod 2^64.
Security   Semi-honest, one corrupted; c is uniform. Leakage: none.
Cost       2 rounds; evaluators 16 bytes an element, the dealer 16 to tell and 32 dealt. Narrowing is local.
Reference  Escudero, Ghosh, Keller, Rachuri, Scholl, CRYPTO 2020 (ePrint 2020/338), section 5.
"""

import numpy as np

from securecompute.arithmetic.ring_arrays import RingArray
from securecompute.arithmetic.rings import Ring
from securecompute.engine.rounds import Part
from securecompute.errors import InvalidRequest
from securecompute.protocols.products.compute_party import ComputeParty
from securecompute.protocols.products.dealing import Form, deal, receive, reshare
from securecompute.protocols.products.fixed import Fixed
from securecompute.protocols.products.replicated import Replicated

_TOP = 63


def widen(party: ComputeParty, x: Fixed) -> Part[Fixed]:
    """The same numbers in Z_2^128; no message if they are there. Run by each of the three."""
    if x.ring is Ring.Z128:
        return x
    return Fixed.of((yield from widen_integers(party, x.share)), x.scale, x.bound)


def widen_integers(party: ComputeParty, x: Replicated) -> Part[Replicated]:
    """Shares in Z_2^128 of signed integers |x| < 2^62, shared in Z_2^64. Run by each of the three.

    raises   InvalidRequest  x is not in Z_2^64
    """
    if x.ring is not Ring.Z64:
        raise InvalidRequest(f"only {Ring.Z64} can be widened")
    shape, offset = x.shape, x + (1 << (_TOP - 1))
    if party.deals:
        r = party.draw("own", "r", Ring.Z64, shape)
        dealt = [_wide(r.low(_TOP)), _wide(r.bit(_TOP)) << _TOP]
        yield from deal(party, dealt, tell=[(offset.mine + r, offset.next + r)])
        return (yield from reshare(party, Ring.Z128, shape, None))
    heard = yield from receive(party, [Form(Ring.Z128, shape)] * 2, told=[Form(Ring.Z64, shape)])
    c = offset.mine + offset.next + heard.told[0]
    r_low, r_top = heard.shares
    c_top = _wide(c.bit(_TOP))
    y = r_top - r_top * (c_top << 1) - r_low
    if party.index == 0:
        y = y + _wide(c.low(_TOP)) + (c_top << _TOP) - (1 << (_TOP - 1))
    return (yield from reshare(party, Ring.Z128, shape, y))


def narrow(x: Fixed) -> Fixed:
    """The same numbers in Z_2^64. No message. raises EncodingOverflow: they leave no headroom there."""
    if x.ring is Ring.Z64:
        return x
    mine, following = (RingArray(Ring.Z64, np.ascontiguousarray(s.words[0, ...])) for s in (x.share.mine, x.share.next))
    return Fixed.of(Replicated(x.share.index, mine, following), x.scale, x.bound)


def _wide(x: RingArray) -> RingArray:
    """Unsigned words as elements of Z_2^128."""
    return RingArray(Ring.Z128, np.stack([x.words, np.zeros_like(x.words)]))
