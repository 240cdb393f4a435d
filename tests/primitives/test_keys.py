"""Keys: RFC vectors, refused points, and secrets that do not show."""

import copy
import pickle

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from hypothesis import given
from hypothesis import strategies as st

from securecompute.errors import InvalidRequest, PeerMisbehaved
from securecompute.primitives.keys import AgreementKey, IdentityKey, LowOrderPoint, join, verify
from securecompute.primitives.masks import derive
from securecompute.values import SecretMisused
from tests.seeded import SeededRandomness

KINDS = [IdentityKey, AgreementKey]

# RFC 7748, section 6.1: private, public; and the secret in common
ALICE = (
    "77076d0a7318a57d3c16c17251b26645df4c2f87ebc0992ab177fba51db92c2a",
    "8520f0098930a754748b7ddcb43ef75a0dbf3a0d26381af4eba4a98eaa9b4e6a",
)
BOB = (
    "5dab087e624a8a4b79e17f8b83800ee66f3bb1292618b6fd1c2f8b27ff88e0eb",
    "de9edb7d7b7dc1b4d35b61c2ece435373f8343c85b78674dadfc7e146f882b4f",
)
IN_COMMON = bytes.fromhex("4a5d9d5ba4ce2de1728e3bf480350f25e07e21c947d19e3376f09b3c1e161742")

# RFC 8032, section 7.1, tests 1 and 2: private, public, message, signature
ED25519 = [
    (
        "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
        "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
        "",
        "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555f"
        "b8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b",
    ),
    (
        "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
        "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
        "72",
        "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da"
        "085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00",
    ),
]

# u-coordinates whose order divides 8, as numbers below 2^256: on the curve, on its twist, and not reduced mod p
P = 2**255 - 19
ORDER_8 = [
    325606250916557431795983626356110631294008115727848805560023387167927233504,
    39382357235489614581723060781553021112529911719440698176882885853963445705823,
]
LOW_ORDER = [0, 1, *ORDER_8, P - 1, P, P + 1]


def agreement_key(seed):
    return AgreementKey.generate(SeededRandomness(seed))


@pytest.mark.parametrize(("mine", "theirs"), [(ALICE, BOB), (BOB, ALICE)])
def test_x25519_agrees_with_rfc_7748(mine, theirs):
    key = AgreementKey.from_private_bytes(bytes.fromhex(mine[0]))
    assert key.public.hex() == mine[1]
    assert key.agree(bytes.fromhex(theirs[1]), b"salt", b"info") == derive(IN_COMMON, b"salt", b"info")


@pytest.mark.parametrize(("private", "public", "message", "signature"), ED25519)
def test_ed25519_agrees_with_rfc_8032(private, public, message, signature):
    key = IdentityKey.from_private_bytes(bytes.fromhex(private))
    assert key.public.hex() == public
    assert key._key.sign(bytes.fromhex(message)).hex() == signature


def test_both_ends_agree_and_the_key_depends_on_salt_and_info():
    a, b = agreement_key("a"), agreement_key("b")
    k = a.agree(b.public, b"session", b"mask")
    assert len(k) == 32
    assert b.agree(a.public, b"session", b"mask") == k
    others = [(b.public, b"session 2", b"mask"), (b.public, b"session", b"seal"), (a.public, b"session", b"mask")]
    assert k not in [a.agree(*other) for other in others]


@pytest.mark.parametrize("high_bit", [0, 1 << 255])  # X25519 ignores the highest bit of a coordinate
@pytest.mark.parametrize("u", LOW_ORDER)
def test_a_public_key_of_low_order_is_refused(u, high_bit):
    with pytest.raises(LowOrderPoint, match="low order") as refusal:
        agreement_key("a").agree((u | high_bit).to_bytes(32, "little"), b"", b"")
    assert isinstance(refusal.value, PeerMisbehaved)


@pytest.mark.parametrize("size", [0, 31, 33, 64])
def test_a_public_key_of_another_size_is_refused(size):
    with pytest.raises(PeerMisbehaved, match=f"public key of {size} bytes"):
        agreement_key("a").agree(bytes(size), b"", b"")


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("private", [bytes(31), bytes(33), bytearray(32), "0" * 32])
def test_a_private_key_is_exactly_32_bytes(kind, private):
    with pytest.raises(InvalidRequest, match="exactly 32 bytes"):
        kind.from_private_bytes(private)


@pytest.mark.parametrize("kind", KINDS)
def test_a_fresh_key_is_made_of_the_given_randomness_alone(kind):
    assert kind.generate(SeededRandomness(1)).public == kind.generate(SeededRandomness(1)).public
    assert kind.generate(SeededRandomness(1)).public != kind.generate(SeededRandomness(2)).public


@given(st.binary(min_size=32, max_size=32))
def test_an_agreement_key_comes_back_from_its_private_bytes(private):
    key = AgreementKey.from_private_bytes(private)
    assert key.unchecked_private_bytes() == private
    assert AgreementKey.from_private_bytes(key.unchecked_private_bytes()).public == key.public


@given(st.binary(max_size=40), st.binary(max_size=40))
def test_a_signature_verifies_for_its_label_and_message(label, message):
    key = IdentityKey.generate(SeededRandomness(1))
    signature = key.sign(label, message)
    assert len(signature) == 64
    assert verify(key.public, label, message, signature) is True


@pytest.mark.parametrize("place", ["public", "label", "message", "signature"])
def test_changing_anything_makes_a_signature_false(place):
    key = IdentityKey.generate(SeededRandomness(1))
    parts = {"public": key.public, "label": b"adv", "message": b"hello", "signature": key.sign(b"adv", b"hello")}
    for bit in (0, 8 * len(parts[place]) - 1):
        changed = bytearray(parts[place])
        changed[bit // 8] ^= 1 << bit % 8
        assert verify(**parts | {place: bytes(changed)}) is False


@pytest.mark.parametrize(("public", "signature"), [(31, 64), (33, 64), (32, 0), (32, 63), (32, 65)])
def test_bytes_of_a_wrong_form_are_no_signature(public, signature):
    assert verify(bytes(public), b"label", b"message", bytes(signature)) is False


def test_a_signature_does_not_pass_under_another_label_that_joins_to_the_same_text():
    key = IdentityKey.generate(SeededRandomness(1))
    signature = key.sign(b"ab", b"c")
    assert not verify(key.public, b"a", b"bc", signature)
    Ed25519PublicKey.from_public_bytes(key.public).verify(signature, b"\0\0\0\2ab\0\0\0\1c")


@given(st.lists(st.binary(max_size=6), max_size=4), st.lists(st.binary(max_size=6), max_size=4))
def test_different_parts_join_to_different_bytes(one, other):
    assert (join(*one) == join(*other)) == (one == other)


def test_a_joined_part_follows_its_length():
    assert join(b"abc", b"", b"d") == b"\0\0\0\3abc\0\0\0\0\0\0\0\1d"


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("show", [repr, str, "{}".format])
def test_a_keys_text_shows_its_kind_and_the_start_of_its_public_half_only(kind, show):
    key = kind.from_private_bytes(bytes(range(1, 33)))
    assert show(key) == f"{kind.__name__}(public={key.public.hex()[:16]}...)"
    assert not hasattr(key, "__dict__")


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    "leave",
    [
        pickle.dumps,
        copy.copy,
        copy.deepcopy,
        lambda key: pickle.dumps({"k": [key]}),
        lambda key: key.__getstate__(),
        lambda key: key.__reduce__(),
    ],
)
def test_a_key_cannot_be_pickled_or_copied(kind, leave):
    with pytest.raises(SecretMisused, match="pickled or copied"):
        leave(kind.generate(SeededRandomness(1)))
