"""The oblivious function: the vectors of RFC 9497, what blinding hides, and proofs that hold or do not."""

import copy
import json
import pickle
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from securecompute.errors import InvalidRequest
from securecompute.primitives import oprf, ristretto
from securecompute.primitives.oprf import InvalidProof, Mode, OprfKey
from securecompute.primitives.ristretto import GENERATOR, IDENTITY, ORDER, InvalidElement
from securecompute.values import SecretMisused
from tests.seeded import SeededRandomness

FILE = Path(__file__).parents[1] / "vectors" / "third_party" / "rfc9497_ristretto255.json"
MODES = json.loads(FILE.read_text())["modes"]
CASES = [(mode, case) for mode in MODES for case in mode["cases"]]
INPUTS = st.lists(st.binary(max_size=40), min_size=1, max_size=4)
FEW = settings(max_examples=10)


class Tape:
    """Randomness of which the scalars drawn are given."""

    def __init__(self, *scalars):
        self.left = list(scalars)

    def bytes(self, n):
        return self.left.pop(0).ljust(n, b"\0")


def several(text):
    return [bytes.fromhex(each) for each in text.split(",")]


def rows(text):
    return ristretto.table(several(text))


def batch(key, inputs, seed=1):
    """(unblinders, blinded, evaluated) of a batch."""
    unblinders, blinded = oprf.blind(inputs, key.mode, SeededRandomness(seed))
    return unblinders, blinded, key.evaluate(blinded)


KEY = OprfKey.generate(SeededRandomness(0), Mode.VOPRF)
THREE = [b"one", b"two", b"three"]


def test_the_file_holds_every_vector_of_both_modes():
    assert [(mode["mode"], len(mode["cases"])) for mode in MODES] == [(0, 2), (1, 3)]


@pytest.mark.parametrize("mode", MODES, ids=lambda mode: Mode(mode["mode"]).name)
def test_keys_are_derived_as_in_rfc_9497(mode):
    key = OprfKey.derive(bytes.fromhex(mode["Seed"]), bytes.fromhex(mode["KeyInfo"]), Mode(mode["mode"]))
    assert key.unchecked_private_bytes().hex() == mode["skSm"]
    assert key.public.hex() == mode.get("pkSm", key.public.hex())


@pytest.mark.parametrize(("mode", "case"), CASES, ids=lambda each: each.get("Input", each.get("mode")))
def test_every_message_of_rfc_9497_is_reproduced(mode, case):
    key, inputs = OprfKey(bytes.fromhex(mode["skSm"]), Mode(mode["mode"])), several(case["Input"])
    unblinders, blinded = oprf.blind(inputs, key.mode, Tape(*several(case["Blind"])))
    assert (blinded == rows(case["BlindedElement"])).all()
    evaluated = key.evaluate(blinded)
    assert (evaluated == rows(case["EvaluationElement"])).all()
    outputs = [row.tobytes() for row in oprf.finalize(inputs, unblinders, evaluated)]
    assert outputs == several(case["Output"]) == [row.tobytes() for row in key.outputs(inputs)]
    if key.mode is Mode.VOPRF:
        proof = key.prove(blinded, evaluated, Tape(*several(case["ProofRandomScalar"])))
        assert proof.hex() == case["Proof"]
        oprf.verify(key.public, blinded, evaluated, proof)


@FEW
@given(INPUTS, st.sampled_from(Mode), st.integers(0, 9))
def test_the_asker_learns_the_key_holders_own_outputs(inputs, mode, seed):
    key = OprfKey.generate(SeededRandomness(seed), mode)
    unblinders, _, evaluated = batch(key, inputs, seed)
    assert (oprf.finalize(inputs, unblinders, evaluated) == key.outputs(inputs)).all()


def test_no_inputs_give_no_outputs():
    unblinders, blinded, evaluated = batch(KEY, [])
    assert blinded.shape == (0, 32)
    assert oprf.finalize([], unblinders, evaluated).shape == KEY.outputs([]).shape == (0, 64)


def test_every_item_is_blinded_by_a_scalar_of_its_own_drawn_uniformly():
    inputs, drawn = [b"same", b"same", b"other"], SeededRandomness(3)
    _, blinded = oprf.blind(inputs, Mode.OPRF, SeededRandomness(3))
    tag = b"HashToGroup-OPRFV1-\0-ristretto255-SHA512"
    for m, b in zip(inputs, ristretto.rows(blinded), strict=True):
        assert b == ristretto.multiply(ristretto.random_scalar(drawn), ristretto.hash_to_element(m, tag))
    assert len(set(ristretto.rows(blinded))) == 3


def test_keys_and_modes_give_unrelated_outputs():
    other = OprfKey.generate(SeededRandomness(5), Mode.VOPRF)
    same_scalar = OprfKey(KEY.unchecked_private_bytes(), Mode.OPRF)
    assert len({key.outputs([b"m"]).tobytes() for key in (KEY, other, same_scalar)}) == 3


@pytest.mark.parametrize("bad", [IDENTITY, b"\1" + bytes(31), b"\xff" * 32])
def test_the_key_holder_evaluates_nothing_but_elements(bad):
    with pytest.raises(InvalidElement):
        KEY.evaluate(ristretto.table([GENERATOR, bad]))


@pytest.mark.parametrize("bad", [IDENTITY, b"\1" + bytes(31), b"\xff" * 32])
def test_the_asker_takes_nothing_but_elements_back(bad):
    unblinders, blinded, evaluated = batch(KEY, THREE)
    evaluated[1] = np.frombuffer(bad, np.uint8)
    with pytest.raises(InvalidElement):
        oprf.finalize(THREE, unblinders, evaluated)
    with pytest.raises(InvalidElement):
        oprf.verify(KEY.public, blinded, evaluated, bytes(63) + b"\1")


@pytest.mark.parametrize("scalar", [bytes(32), ORDER.to_bytes(32, "little"), bytes(31), b"\xff" * 32])
def test_a_key_of_zero_or_not_canonical_is_refused(scalar):
    with pytest.raises(InvalidRequest):
        OprfKey(scalar, Mode.OPRF)


@FEW
@given(INPUTS, st.integers(0, 9))
def test_an_honest_batch_is_proven(inputs, seed):
    _, blinded, evaluated = batch(KEY, inputs, seed)
    oprf.verify(KEY.public, blinded, evaluated, KEY.prove(blinded, evaluated, SeededRandomness(seed)))


def test_another_key_for_one_item_of_a_batch_is_found():
    _, blinded, evaluated = batch(KEY, THREE)
    other = OprfKey.generate(SeededRandomness(7), Mode.VOPRF)
    evaluated[2] = other.evaluate(blinded)[2]
    with pytest.raises(InvalidProof):
        oprf.verify(KEY.public, blinded, evaluated, KEY.prove(blinded, evaluated, SeededRandomness(1)))


def test_a_proof_holds_for_its_public_key_its_items_and_their_order_only():
    _, blinded, evaluated = batch(KEY, THREE)
    proof = KEY.prove(blinded, evaluated, SeededRandomness(1))
    other = OprfKey.generate(SeededRandomness(7), Mode.VOPRF)
    for public, b, e in (
        (other.public, blinded, evaluated),
        (KEY.public, blinded[::-1], evaluated[::-1]),
        (KEY.public, blinded[:2], evaluated[:2]),
        (KEY.public, evaluated, blinded),
    ):
        with pytest.raises(InvalidProof):
            oprf.verify(public, b, e, proof)


@pytest.mark.parametrize("position", [0, 31, 32, 63])
def test_a_changed_proof_is_refused(position):
    _, blinded, evaluated = batch(KEY, THREE)
    proof = bytearray(KEY.prove(blinded, evaluated, SeededRandomness(1)))
    proof[position] ^= 1
    with pytest.raises(InvalidProof):
        oprf.verify(KEY.public, blinded, evaluated, bytes(proof))


@pytest.mark.parametrize("proof", [b"", bytes(64), b"\xff" * 64, b"\1" + bytes(63), bytes(65)])
def test_a_proof_of_another_form_is_refused(proof):
    _, blinded, evaluated = batch(KEY, THREE)
    with pytest.raises(InvalidProof):
        oprf.verify(KEY.public, blinded, evaluated, proof)


def test_a_public_key_that_is_no_element_verifies_nothing():
    _, blinded, evaluated = batch(KEY, THREE)
    with pytest.raises(InvalidElement):
        oprf.verify(IDENTITY, blinded, evaluated, KEY.prove(blinded, evaluated, SeededRandomness(1)))


def test_what_cannot_be_proven_is_refused():
    _, blinded, evaluated = batch(KEY, THREE)
    for b, e in ((blinded[:0], evaluated[:0]), (blinded, evaluated[:2])):
        with pytest.raises(InvalidRequest):
            KEY.prove(b, e, SeededRandomness(1))
    many = np.zeros((oprf.LARGEST_BATCH + 1, 32), np.uint8)
    with pytest.raises(InvalidRequest):
        KEY.prove(many, many, SeededRandomness(1))
    with pytest.raises(InvalidRequest, match="proves nothing"):
        OprfKey.generate(SeededRandomness(0), Mode.OPRF).prove(blinded, evaluated, SeededRandomness(1))


def test_inputs_and_seeds_of_a_wrong_size_are_refused():
    with pytest.raises(InvalidRequest):
        KEY.outputs([bytes(0xFFFF)])
    with pytest.raises(InvalidRequest):
        OprfKey.derive(bytes(31), b"", Mode.OPRF)
    with pytest.raises(InvalidRequest):
        OprfKey.derive(bytes(32), bytes(0x10000), Mode.OPRF)
    unblinders, _, evaluated = batch(KEY, THREE)
    with pytest.raises(InvalidRequest):
        oprf.finalize(THREE[:2], unblinders, evaluated)


def test_a_key_shows_and_gives_away_nothing_of_itself():
    assert KEY.unchecked_private_bytes().hex()[:8] not in repr(KEY)
    for leak in (pickle.dumps, copy.copy, copy.deepcopy):
        with pytest.raises(SecretMisused):
            leak(KEY)
