"""Masks: AES-256 in counter mode, entered anywhere, added exactly."""

import numpy as np
import pytest
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from hypothesis import given
from hypothesis import strategies as st

from securecompute.arithmetic.rings import Ring, add_into, decode, encode, subtract_into, zeros
from securecompute.errors import InvalidRequest
from securecompute.primitives import masks
from securecompute.primitives.masks import STREAM_BYTES, Reader, add_mask, add_masks, derive, odd_weights, uniform

RINGS = list(Ring)
KEY = bytes(range(32))
KEYS = st.binary(min_size=32, max_size=32)
SIGNS = st.sampled_from([+1, -1])
LAST = 16 << 32  # bytes of one key's stream

# NIST SP 800-38A, F.5.5, CTR-AES256.Encrypt
F55_KEY = "603deb1015ca71be2b73aef0857d77811f352c073b6108d72d9810a30914dff4"
F55_COUNTER = "f0f1f2f3f4f5f6f7f8f9fafbfcfdfeff"
F55_PLAINTEXT = (
    "6bc1bee22e409f96e93d7e117393172aae2d8a571e03ac9c9eb76fac45af8e51"
    "30c81c46a35ce411e5fbc1191a0a52eff69f2445df4f9b17ad2b417be66c3710"
)
F55_CIPHERTEXT = (
    "601ec313775789a5b7a7f504bbf3d228f443e3ca4d62b59aca84e990cacaf5c5"
    "2b0930daa23de94ce87017ba2d84988ddfc9c58db67aada613c2dd08457941a6"
)

# NIST AESAVS, KeySbox 256: AES-256 of the zero block, the first block of a stream
KEY_SBOX = [
    ("c47b0294dbbbee0fec4757f22ffeee3587ca4730c3d33b691df38bab076bc558", "46f2fb342d6f0ab477476fc501242c5f"),
    ("28d46cffa158533194214a91e712fc2b45b518076675affd910edeca5f41ac64", "4bf3b0a69aeb6657794f2901b1440ad4"),
]

RFC_5869 = [  # A.1, A.2, A.3: IKM, salt, info, OKM
    (
        "0b" * 22,
        "000102030405060708090a0b0c",
        "f0f1f2f3f4f5f6f7f8f9",
        "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf34007208d5b887185865",
    ),
    (
        bytes(range(0x00, 0x50)).hex(),
        bytes(range(0x60, 0xB0)).hex(),
        bytes(range(0xB0, 0x100)).hex(),
        "b11e398dc80327a1c8e7f78c596a49344f012eda2d4efad8a050cc4c19afa97c59045a99cac7827271cb41c65e590e09"
        "da3275600c2f09b8367793a9aca3db71cc30c58179ec3e87c14c01d5c1f3434f1d87",
    ),
    (
        "0b" * 22,
        "",
        "",
        "8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d9d201395faa4b61a96c8",
    ),
]


def stream_block(key, block):
    """Block `block` of G(key) by its definition: AES of the block's number, big-endian."""
    aes = Cipher(algorithms.AES(key), modes.ECB()).encryptor()
    return aes.update(block.to_bytes(16, "big"))


def test_the_counter_mode_agrees_with_sp_800_38a():
    stream = masks._stream(bytes.fromhex(F55_KEY), int(F55_COUNTER, 16))
    assert stream.update(bytes.fromhex(F55_PLAINTEXT)).hex() == F55_CIPHERTEXT


@pytest.mark.parametrize("ring", RINGS)
@pytest.mark.parametrize(("key", "block"), KEY_SBOX)
def test_a_mask_starts_with_the_known_encryption_of_the_zero_block(ring, key, block):
    assert uniform(ring, bytes.fromhex(key), 16 // ring.item_bytes).tobytes().hex() == block


@pytest.mark.parametrize("ring", RINGS)
def test_block_i_of_the_stream_is_aes_of_i_at_the_edges_of_every_tile(ring):
    d = (2 * 262_144 + 64) // ring.item_bytes
    stream = uniform(ring, KEY, d).tobytes()
    for block in (0, 1, 2, 16_383, 16_384, 16_385, 32_767, 32_768, 32_771):
        assert stream[16 * block : 16 * block + 16] == stream_block(KEY, block)


def test_block_i_is_element_i_of_the_largest_ring():
    for i, element in enumerate(uniform(Ring.Z128, KEY, 3)):
        low, high = stream_block(KEY, i)[:8], stream_block(KEY, i)[8:]
        assert element.tolist() == [int.from_bytes(low, "little"), int.from_bytes(high, "little")]


@pytest.mark.parametrize("ring", RINGS)
@given(key=KEYS, block=st.integers(0, 2**32 - 4))
def test_a_stream_can_be_entered_at_any_block(ring, key, block):
    y = zeros(ring, 48 // ring.item_bytes)
    add_mask(ring, y, key, +1, 16 * block)
    assert y.tobytes() == b"".join(stream_block(key, block + i) for i in range(3))


@pytest.mark.parametrize("ring", RINGS)
def test_segments_masked_apart_equal_the_whole_masked_at_once(ring):
    whole = uniform(ring, KEY, 100_000)
    parts = zeros(ring, 100_000)
    for start in (60_000, 0, 20_000):
        end = {0: 20_000, 20_000: 60_000, 60_000: 100_000}[start]
        add_mask(ring, parts[start:end], KEY, +1, start * ring.item_bytes)
    assert (parts == whole).all()


@pytest.mark.parametrize("ring", RINGS)
@given(key=KEYS, sign=SIGNS, integers=st.lists(st.integers(-(2**31), 2**31 - 1), max_size=5))
def test_a_mask_is_added_exactly_and_its_opposite_takes_it_off(ring, key, sign, integers):
    x = encode(ring, integers)
    y, expected, mask = x.copy(), x.copy(), uniform(ring, key, len(integers))
    add_mask(ring, y, key, sign)
    (add_into if sign > 0 else subtract_into)(ring, expected, mask)
    assert (y == expected).all()
    add_mask(ring, y, key, -sign)
    assert decode(ring, y) == integers


@pytest.mark.parametrize("ring", RINGS)
def test_several_masks_at_once_equal_one_after_the_other(ring):
    d = 270_000 // ring.item_bytes
    keyed = [(bytes([k]) * 32, sign) for k, sign in enumerate([+1, -1, -1, +1])]
    at_once, in_turn = uniform(ring, KEY, d), uniform(ring, KEY, d)
    add_masks(ring, at_once, keyed, 32)
    for key, sign in keyed:
        add_mask(ring, in_turn, key, sign, 32)
    assert (at_once == in_turn).all()


@pytest.mark.parametrize("ring", RINGS)
def test_more_masks_than_a_byte_counts_carries_come_off_again(ring):
    keyed = [(k.to_bytes(32, "big"), sign) for k, sign in enumerate([+1] * 150 + [-1] * 150)]
    y = encode(ring, [0, 1, -1])
    add_masks(ring, y, keyed)
    expected = encode(ring, [0, 1, -1])
    for key, sign in keyed:
        (add_into if sign > 0 else subtract_into)(ring, expected, uniform(ring, key, 3))
    assert (y == expected).all()


@pytest.mark.parametrize("ring", RINGS)
def test_a_strided_view_is_masked_and_its_neighbours_are_not(ring):
    y = zeros(ring, 10)
    add_mask(ring, y[::2], KEY, +1)
    assert (y[::2] == uniform(ring, KEY, 5)).all()
    assert not y[1::2].any()


def test_each_of_the_256_bits_of_a_key_changes_the_stream():
    streams = {uniform(Ring.Z64, KEY, 4).tobytes()}
    for bit in range(256):
        key = bytearray(KEY)
        key[bit // 8] ^= 1 << bit % 8
        streams.add(uniform(Ring.Z64, bytes(key), 4).tobytes())
    assert len(streams) == 257


@pytest.mark.parametrize("key", [b"", bytes(16), bytes(24), bytes(31), bytes(33), bytes(64), "0" * 32, bytearray(32)])
def test_a_key_of_other_than_32_bytes_is_refused(key):
    for use in (
        lambda: add_mask(Ring.Z64, zeros(Ring.Z64, 1), key, +1),
        lambda: uniform(Ring.Z64, key, 1),
        lambda: odd_weights(key, 1),
    ):
        with pytest.raises(InvalidRequest, match="exactly 32 bytes"):
            use()


@pytest.mark.parametrize("ring", RINGS)
@pytest.mark.parametrize("entry", [0, -1, 12345])
def test_masked_bytes_are_uniform_whatever_they_hide(ring, entry):
    y = encode(ring, [entry] * (65_536 // ring.item_bytes))
    add_mask(ring, y, KEY, +1)
    counts = np.bincount(y.view(np.uint8).ravel(), minlength=256)
    assert 170 < ((counts - 256) ** 2 / 256).sum() < 360  # chi-square, 255 degrees of freedom


def test_two_vectors_under_one_mask_give_away_their_difference():
    y, z = encode(Ring.Z64, [1000]), encode(Ring.Z64, [42])
    add_mask(Ring.Z64, y, KEY, +1)
    add_mask(Ring.Z64, z, KEY, +1)
    subtract_into(Ring.Z64, y, z)
    assert decode(Ring.Z64, y) == [958]  # why a key and range of its stream is used once


@pytest.mark.parametrize("sign", [0, 2, -2, "+"])
def test_a_sign_is_plus_or_minus_one(sign):
    with pytest.raises(InvalidRequest, match="sign"):
        add_mask(Ring.Z64, zeros(Ring.Z64, 1), KEY, sign)


@pytest.mark.parametrize("offset", [-16, 1, 8, 15, 17, LAST, LAST - 16])
def test_an_offset_off_the_blocks_or_a_stream_beyond_2_32_blocks_is_refused(offset):
    with pytest.raises(InvalidRequest, match=r"multiple of 16 within 2\^36"):
        add_mask(Ring.Z64, zeros(Ring.Z64, 3), KEY, +1, offset)


def test_the_last_block_of_a_stream_is_usable():
    y = zeros(Ring.Z64, 2)
    add_mask(Ring.Z64, y, KEY, +1, LAST - 16)
    assert y.tobytes() == stream_block(KEY, 2**32 - 1)


@pytest.mark.parametrize("ring", RINGS)
def test_only_a_writeable_vector_in_the_ring_is_masked(ring):
    read_only = zeros(ring, 2)
    read_only.flags.writeable = False
    for y in (read_only, np.zeros(2), zeros(Ring.Z64 if ring is Ring.Z32 else Ring.Z32, 2)):
        with pytest.raises(InvalidRequest):
            add_mask(ring, y, KEY, +1)


def test_a_refusal_leaves_the_vector_as_it_was():
    y = zeros(Ring.Z64, 4)
    with pytest.raises(InvalidRequest):
        add_masks(Ring.Z64, y, [(KEY, +1), (bytes(16), +1)])
    assert not y.any()


@pytest.mark.parametrize("ring", RINGS)
def test_an_empty_vector_takes_a_mask(ring):
    assert len(uniform(ring, KEY, 0)) == 0


@pytest.mark.parametrize("cuts", [[70_001], [0, 1, 2, 3], [32_768, 32_769], [7] * 100])
def test_a_stream_read_on_from_where_it_was_left_is_the_whole_stream(cuts):
    reader = Reader(KEY)
    assert (np.concatenate([reader.words(n) for n in cuts]) == uniform(Ring.Z64, KEY, sum(cuts))).all()


def test_a_reader_stops_at_the_end_of_the_stream_and_takes_no_other_key(monkeypatch):
    monkeypatch.setattr(masks, "STREAM_BYTES", 80)
    reader = Reader(KEY)
    reader.words(9)
    with pytest.raises(InvalidRequest, match="2 words more"):
        reader.words(2)
    with pytest.raises(InvalidRequest, match="32 bytes"):
        Reader(b"short")
    assert STREAM_BYTES == LAST


def test_weights_are_odd_and_otherwise_the_stream():
    weights = odd_weights(KEY, 1000)
    assert (weights.dtype, weights.shape) == (np.uint64, (1000,))
    assert (weights & np.uint64(1)).all()
    assert (weights == uniform(Ring.Z64, KEY, 1000) | np.uint64(1)).all()


@given(st.integers(1, 2**64 - 1))
def test_an_odd_weight_never_hides_a_change_of_its_entry(change):
    assert all(int(w) * change % 2**64 for w in odd_weights(KEY, 20))


@pytest.mark.parametrize(("ikm", "salt", "info", "okm"), RFC_5869)
def test_derive_agrees_with_rfc_5869(ikm, salt, info, okm):
    assert derive(*map(bytes.fromhex, (ikm, salt, info)), len(okm) // 2).hex() == okm


def test_derive_gives_32_bytes_unless_told():
    assert derive(b"ikm", b"salt", b"info") == derive(b"ikm", b"salt", b"info", 64)[:32]


@pytest.mark.parametrize("length", [-1, 0, 8161])
def test_derive_gives_1_to_8160_bytes(length):
    assert len(derive(b"ikm", b"", b"", 8160)) == 8160
    with pytest.raises(InvalidRequest, match="HKDF"):
        derive(b"ikm", b"", b"", length)
