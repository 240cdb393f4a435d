"""As declared: what a coordinator that lies learns of one institution from a sum under a key."""

import numpy as np

from securecompute.protocols.sums import encrypted
from securecompute.values import Ciphertext
from tests.protocols.sums.playing import COLLECTOR, describe
from tests.protocols.sums.test_encrypted import TOTAL, VECTORS, WIDTH, Cast, answer


def handing_on_one(cast, shift=0):
    """The coordinator hands on h3's integers, each entry shifted, as if they were the total."""
    vectors, nonces = {}, {}

    def deliver(at, sender, to, message):
        if at == VECTORS:
            vectors[sender], nonces[sender] = message[0].elements, message[1].tobytes()
        if at != TOTAL:
            return message
        others = {u: nonces[u] for u in ("h0", "h1", "h2")}
        forged = cast.scheme.decrypt(cast.descriptor, vectors["h3"], 1)
        added = encrypted._integers(cast.descriptor, [shift] * 5, others)
        forged = [a + b for a, b in zip(forged, added, strict=True)]
        integers = [np.frombuffer(v.to_bytes(WIDTH, "big", signed=True), np.uint8) for v in forged]
        return *message[:2], Ciphertext(np.stack(integers))

    return deliver


def test_a_coordinator_that_lies_can_hand_on_one_institutions_vector():
    cast = Cast()
    assert answer(cast, cast.run(handing_on_one(cast)))[1] == cast.inputs["h3"]


def test_a_coordinator_that_lies_finds_one_institutions_number_by_what_the_collector_refuses():
    """Without any answer: shifted to just below what four institutions can reach, it is refused if it was larger."""
    most, found = 4 * describe().bound, 0
    for bit in reversed(range(4)):  # h3 holds 8 in every entry
        cast = Cast()
        played = cast.run(handing_on_one(cast, most - (found + (1 << bit)) + 1))
        found += (1 << bit) * (COLLECTOR in played.errors)
    assert found == 8 == cast.inputs["h3"][0]
