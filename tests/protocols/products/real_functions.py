"""What the tests of functions of real numbers share: gates run on secret fixed-point numbers, and what came of them."""

from dataclasses import dataclass

import numpy as np

from securecompute.arithmetic.fixed_types import FixedType
from securecompute.arithmetic.ring_arrays import RingArray
from securecompute.arithmetic.rings import Ring
from securecompute.protocols.products.fixed import Fixed
from tests.protocols.products.playing import TRIO, alone, received
from tests.protocols.products.views import uniform


@dataclass
class Number:
    """Real numbers, to be encoded and shared."""

    values: np.ndarray
    scale: int = 20
    bound: float = 8.0
    ring: Ring = Ring.Z64

    @property
    def words(self):
        return RingArray.quantised(self.ring, np.asarray(self.values, np.float64), self.scale)

    @property
    def encoded(self):
        """The numbers that are really computed with."""
        return self.words.reals(self.scale)


@dataclass
class Came:
    """What a gate gave: real numbers, their type, and the engine's record."""

    values: np.ndarray
    type: FixedType
    played: object

    @property
    def unit(self):
        return 2.0**-self.type.scale


def run(gate, *numbers, seed=0, **options):
    """gate(party, *numbers, **options) of three parties on shares dealt by hand."""
    types = {}

    def function(party, *shares):
        fixed = [Fixed.of(s, n.scale, n.bound) for s, n in zip(shares, numbers, strict=True)]
        y = yield from gate(party, *fixed, **options)
        types[party.index] = y.type
        return y.share

    words, played = alone(function, *(n.words for n in numbers), seed=seed)
    assert types[0] == types[1] == types[2]
    assert types[0].ring is numbers[0].ring
    values = words.reals(types[0].scale)
    assert (np.abs(values) <= types[0].bound).all(), "the public bound holds"
    return Came(values, types[0], played)


def log_spaced(low, high, count, seed=0):
    """Numbers of every magnitude between the two, both of them, and the powers of two between with their neighbours."""
    exponents = np.arange(np.ceil(np.log2(low)), np.floor(np.log2(high)) + 1)
    borders = np.concatenate([2.0**exponents * (1 + e) for e in (-(2.0**-20), 0, 2.0**-20)])
    spread = np.exp(np.random.default_rng(seed).uniform(np.log(low), np.log(high), count))
    return np.concatenate([np.clip(borders, low, high), spread, [low, high]])


def floor_power(low):
    """The power of two at or below."""
    return 2.0 ** np.floor(np.log2(low))


def masked(played):
    """Whether all that a party received is uniform, and what the evaluators swapped, added to what they sent.

    Of long arrays only: of a few numbers octets tell nothing.
    """
    seen = [a for party in TRIO for a in received(played, party)]
    for (number, sender), message in played.views["P0"].items():
        theirs, own = _arrays(message), _arrays(played.views["P1"].get((number, "P0"), ()))
        if sender == "P1" and [a.shape for a in theirs] == [a.shape for a in own]:
            seen += [a + b for a, b in zip(theirs, own, strict=True)]
    seen = [a for a in seen if a.nbytes >= 4096]
    return all(map(uniform, seen)) and bool(seen)


def _arrays(message):
    """Ring elements in a message."""
    if isinstance(message, tuple):
        return [a for part in message for a in _arrays(part)]
    return [message.elements] if message.elements.dtype == np.uint64 else []
