"""What a compute party sees, and whether all of it together is uniform while inputs and shares stay the same.

Every element of an array is shared in the same way, so whatever differs between elements comes from masks. A party's
view is what it received and the streams of which it has the keys; it is uniform if every sum and difference of some of
these is. Two masks that cancel, one that is left out or used twice, show as a sum that is not.
"""

from itertools import islice, product

import numpy as np
import pytest

from securecompute.arithmetic.ring_arrays import RingArray
from securecompute.engine.local import play
from securecompute.protocols.products.compute_party import ComputeParty
from securecompute.protocols.products.replicated import Replicated
from securecompute.protocols.products.streams import expand
from tests.protocols.products.playing import SESSION, TRIO, received
from tests.seeded import SeededRandomness

MOST = 3000  # combinations


def parties(seed=0, names=TRIO, session=SESSION):
    """Three compute parties that have agreed on keys, by index."""
    k = [SeededRandomness(f"{seed} k{i}").bytes(32) for i in range(3)]
    own = [SeededRandomness(f"{seed} own {i}").bytes(32) for i in range(3)]
    keys = [{"mine": k[i], "next": k[(i + 1) % 3], "own": own[i]} for i in range(3)]
    return [ComputeParty(i, names, keys[i], session) for i in range(3)]


def alike(value, size, ring):
    """The three parties' shares of so many times one number, all elements shared alike."""
    a, b = 0x0123456789ABCDEF << 3, -0x0FEDCBA987654321 << 5
    parts = [RingArray.integers(ring, [v] * size) for v in (a + 1, b + 1, value - a - b - 2)]
    return [Replicated(i, parts[i], parts[(i + 1) % 3]) for i in range(3)]


def watch(function, *inputs, size=512, seed=0):
    """Run function(party, *shares) on numbers shared alike.

    inputs    (number, ring)
    returns   party -> [arrays received], party -> [streams drawn whose keys it shares with others]
    """
    shares, drawn, held = [alike(v, size, ring) for v, ring in inputs], {p: [] for p in TRIO}, {}
    seed_of, ring = ComputeParty._seed, inputs[0][1]

    def noted(party, key, purpose):
        key_of_stream = seed_of(party, key, purpose)
        drawn[TRIO[party.index]].append(expand(key_of_stream, ring, (size,)))
        return key_of_stream

    def part(party):
        held[party.index] = yield from function(party, *(each[party.index] for each in shares))

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ComputeParty, "_seed", noted)
        played = play({me: part(party) for me, party in zip(TRIO, parties(seed), strict=True)})
    return {p: [RingArray(ring, words) for words in received(played, p)] for p in TRIO}, drawn


def complaints(seen, drawn):
    """The combinations of what was seen and drawn that are not uniform."""
    found = []
    signs = (each for each in product((0, 1, -1), repeat=len(seen) + len(drawn)) if any(each[: len(seen)]))
    for each in islice((s for s in signs if next(v for v in s if v) == 1), MOST):
        total = RingArray.zeros(seen[0].ring, seen[0].shape)
        for sign, array in zip(each, [*seen, *drawn], strict=True):
            total = total + array if sign > 0 else total - array if sign else total
        if not uniform(total.words):
            found.append(each)
    return found


def uniform(words):
    """Chi-square of the octets, 255 degrees of freedom, within six standard deviations: for thousands of trials."""
    octets = np.ascontiguousarray(words).view(np.uint8).reshape(-1)
    expected = octets.size / 256
    return 150 < ((np.bincount(octets, minlength=256) - expected) ** 2 / expected).sum() < 400
