"""Vectors by others, run against our wrappers: what is valid passes, what is invalid is refused by its own error.

Where a wrapper fixes what a vector varies (the nonce of a box, the framing of a signed message), the test takes that
away and keeps the rest. A list of failing case numbers is compared with the empty one, so that all of them are told.
"""

import json
from pathlib import Path

import pytest

from securecompute.engine import sealed
from securecompute.engine.session import open_session
from securecompute.engine.wire import DATA, Header
from securecompute.errors import BadFrame, InvalidRequest
from securecompute.primitives import boxes, keys, masks
from securecompute.primitives.boxes import BoxTampered, open_box, seal_box
from securecompute.primitives.keys import AgreementKey, LowOrderPoint, verify
from securecompute.primitives.masks import derive
from tests.seeded import SeededRandomness

FOLDER = Path(__file__).parents[1] / "vectors" / "third_party"


def numbers(case):
    """The case with its hexadecimal fields as bytes."""
    texts = ("tcId", "comment", "flags", "result", "size", "source")
    return {name: value if name in texts else bytes.fromhex(value) for name, value in case.items()}


def cases(name):
    """All cases of a Wycheproof file; with the public key of their group, if it has one."""
    held = json.loads((FOLDER / name).read_text())
    listed = [
        numbers(case) | {"pk": bytes.fromhex(group.get("publicKey", {}).get("pk", ""))}
        for group in held["testGroups"]
        for case in group["tests"]
    ]
    assert len(listed) == held["numberOfTests"]
    return listed


def failing(chosen, holds):
    """The numbers of the cases for which `holds` does not; none chosen is a failure too."""
    assert chosen
    return [case["tcId"] for case in chosen if not holds(case)]


def refused(error, call):
    """Whether the call raises this error, and not a relative of it."""
    try:
        call()
    except error as raised:
        return type(raised) is error
    return False


def split(listed, apart):
    """The cases for which `apart` holds, and the others."""
    return [case for case in listed if apart(case)], [case for case in listed if not apart(case)]


X25519 = split(cases("x25519_test.json"), lambda case: "LowOrderPublic" in case["flags"])


def agreed(case):
    return AgreementKey.from_private_bytes(case["private"]).agree(case["public"], b"salt", b"info")


def test_x25519_gives_the_known_secret_on_the_curve_on_its_twist_and_for_unreduced_coordinates():
    assert failing(X25519[1], lambda case: agreed(case) == derive(case["shared"], b"salt", b"info")) == []
    assert {"Twist", "NonCanonicalPublic"} <= {flag for case in X25519[1] for flag in case["flags"]}


def test_x25519_refuses_every_point_of_low_order():
    assert len(X25519[0]) == 31
    assert failing(X25519[0], lambda case: refused(LowOrderPoint, lambda: agreed(case))) == []


HKDF = split(cases("hkdf_sha256_test.json"), lambda case: case["result"] == "valid")


def derived(case):
    return derive(case["ikm"], case["salt"], case["info"], case["size"])


def test_hkdf_gives_the_known_key():
    assert failing(HKDF[0], lambda case: derived(case) == case["okm"]) == []


def test_hkdf_refuses_to_give_more_than_it_has():
    assert failing(HKDF[1], lambda case: refused(InvalidRequest, lambda: derived(case))) == []


ED25519 = split(cases("ed25519_test.json"), lambda case: case["result"] == "invalid")


@pytest.fixture
def unframed(monkeypatch):
    """A signature is of the message alone, without label and lengths."""
    monkeypatch.setattr(keys, "join", lambda label, message: message)


def signed(case):
    return verify(case["pk"], b"", case["msg"], case["sig"])


def test_ed25519_verifies_what_is_valid_and_keys_of_small_order_that_somebody_pinned(unframed):
    assert failing(ED25519[1], lambda case: signed(case) is True) == []
    odd = {flag for case in ED25519[1] if case["result"] == "acceptable" for flag in case["flags"]}
    assert odd == {"SmallOrderPublicKey", "MixedOrderPublicKey"}


def test_ed25519_is_false_for_forged_cut_lengthened_and_malleated_signatures(unframed):
    assert failing(ED25519[0], lambda case: signed(case) is False) == []
    assert {"SignatureMalleability", "TruncatedSignature"} <= {flag for case in ED25519[0] for flag in case["flags"]}


def test_ed25519_with_its_framing_verifies_no_signature_of_a_bare_message_under_a_sound_key():
    assert failing(ED25519[1], lambda case: signed(case) is False or case["flags"] == ["SmallOrderPublicKey"]) == []


AEAD, OTHER_NONCES = split(cases("chacha20_poly1305_test.json"), lambda case: "InvalidNonceSize" not in case["flags"])
VALID, INVALID = split(AEAD, lambda case: case["result"] == "valid")


@pytest.fixture
def nonce(monkeypatch):
    """Sets the nonce that boxes and frames use, 0 or a counter otherwise."""

    def put(value):
        monkeypatch.setattr(boxes, "_NONCE", value)
        monkeypatch.setattr(sealed, "_nonce", lambda kind, sequence: value)

    return put


def opened(case, nonce):
    nonce(case["iv"])
    return open_box(case["key"], case["ct"] + case["tag"], case["aad"])


def test_a_box_is_the_known_one_and_opens(nonce):
    def same(case):
        nonce(case["iv"])
        box = seal_box(case["key"], case["msg"], case["aad"])
        return box == case["ct"] + case["tag"] and opened(case, nonce) == case["msg"]

    assert failing(VALID, same) == []


def test_a_box_with_a_changed_tag_does_not_open(nonce):
    assert failing(INVALID, lambda case: refused(BoxTampered, lambda: opened(case, nonce))) == []


def test_a_nonce_of_another_size_is_refused(nonce):
    assert len(boxes._NONCE) == len(sealed._nonce(DATA, 2**63)) == 12
    assert failing(OTHER_NONCES, lambda case: refused(ValueError, lambda: opened(case, nonce))) == []


@pytest.fixture
def frame(nonce):
    """What is in a frame that is sealed as the case says."""
    mine, theirs = (AgreementKey.generate(SeededRandomness(name)) for name in "ab")
    session = open_session("talk", {"a": mine.public, "b": theirs.public}, b"m")
    channel = sealed.Channel(session, "a", "b", mine)
    header = Header(session.id, "b", "a", 0, DATA, 0, 0, 1)

    def within(case):
        nonce(case["iv"])
        channel._open = sealed.ChaCha20Poly1305(case["key"])
        return channel._opened(header, case["aad"], memoryview(case["ct"] + case["tag"]))

    return within


def test_a_sealed_frame_opens_if_it_is_the_known_one_and_is_bad_otherwise(frame):
    assert failing(VALID, lambda case: frame(case) == case["msg"]) == []
    assert failing(INVALID, lambda case: refused(BadFrame, lambda: frame(case))) == []


def encrypted(case):
    return masks._stream(case["key"], int.from_bytes(case["counter"], "big")).update(case["msg"])


@pytest.mark.parametrize("case", json.loads((FOLDER / "aes_256_ctr.json").read_text())["tests"])
def test_the_stream_of_masks_is_the_counter_mode_of_the_standards(case):
    assert encrypted(numbers(case)) == numbers(case)["ct"]


def test_the_stream_of_masks_is_what_gcm_encrypts_with():
    """GCM with a nonce of 96 bits encrypts in counter mode from the block nonce | 2 on."""
    gcm = [case | {"counter": case["iv"] + (2).to_bytes(4, "big")} for case in cases("aes_256_gcm_test.json")]
    assert failing(gcm, lambda case: encrypted(case) == case["ct"]) == []
