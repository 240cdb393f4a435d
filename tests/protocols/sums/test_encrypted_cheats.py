"""A lying coordinator of a sum under a key gets one institution's numbers, as declared, and no total unsigned."""

import numpy as np

from securecompute.protocols.sums import encrypted, encrypted_rounds
from securecompute.protocols.sums.tables import rows, table
from securecompute.values import Ciphertext
from tests.protocols.sums.playing import COLLECTOR, COORDINATOR, describe, identity, names, without
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


def test_the_signature_of_an_institution_outside_the_set_does_not_count():
    def outsider(at, sender, to, message):
        if at != TOTAL:
            return None if (at, sender) == (VECTORS, "h3") else message
        nonces, there = rows(names(4), message[0]), dict(rows(names(4), message[1]))
        del there["h2"]
        there["h3"] = identity("h3").sign(b"ss1/u3", encrypted_rounds.signed_message(describe(), COORDINATOR, nonces))
        return message[0], table(names(4), there, 64), message[2]

    assert answer(Cast(), Cast().run(without((VECTORS, "h3"))))[0] == ("h0", "h1", "h2")
    assert "not signed by 'h3'" in str(Cast().run(outsider).errors[COLLECTOR])


def test_weights_and_tags_of_the_word_are_of_one_descriptor():
    one, other = (describe(nonce=nonce * 32) for nonce in (b"n", b"o"))
    for e, nonces in (([1, 0, 0, 0, 0], {}), ([0] * 5, {"h0": bytes(32)})):
        assert encrypted._integers(one, e, nonces)[-1] != encrypted._integers(other, e, nonces)[-1]
