"""MMO, TMMO and the permutation: row by row what their formulas say over one call of AES a block."""

import numpy as np
import pytest
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from securecompute.errors import InvalidRequest
from securecompute.primitives import block_hash
from securecompute.primitives.block_hash import BlockHash, permute

KEY = bytes(range(16))


def random_blocks(n, seed=0):
    return np.random.default_rng(seed).integers(0, 2**64, (n, 2), np.uint64)


def aes(key, octets):
    encryptor = Cipher(algorithms.AES(key), modes.ECB()).encryptor()
    return encryptor.update(octets) + encryptor.finalize()


def xor(a, b):
    return bytes(x ^ y for x, y in zip(a, b, strict=True))


def rows(x):
    return [row.tobytes() for row in x]


def mmo(x):
    return xor(aes(KEY, x), x)


def tmmo(j, x):
    return xor(aes(KEY, xor(aes(KEY, x), j.to_bytes(16, "little"))), aes(KEY, x))


@pytest.fixture(params=[1, 7, block_hash._TILE])
def tile(request, monkeypatch):
    """Tiles that end before, within and after the rows."""
    monkeypatch.setattr(block_hash, "_TILE", request.param)


@pytest.mark.parametrize("n", [0, 1, 7, 50])
def test_every_row_is_hashed_by_the_formula(tile, n):
    x = random_blocks(n)
    before, h = x.copy(), BlockHash(KEY)
    assert rows(h(x)) == [mmo(row) for row in rows(x)]
    assert rows(h.tweaked(x)) == [tmmo(j, row) for j, row in enumerate(rows(x))]
    assert rows(h.tweaked(x, 2**40)) == [tmmo(2**40 + j, row) for j, row in enumerate(rows(x))]
    assert rows(permute(KEY, x)) == [aes(KEY, row) for row in rows(x)]
    assert np.array_equal(x, before)


def test_the_permutation_is_aes_128_of_fips_197():
    plain = bytes.fromhex("00112233445566778899aabbccddeeff")
    cipher = permute(KEY, np.frombuffer(plain, np.uint64).reshape(1, 2))
    assert cipher.tobytes().hex() == "69c4e0d86a7b0430d8cdb78070b4c55a"


def test_indices_reach_the_last_word_and_no_further():
    x = random_blocks(2)
    assert rows(BlockHash(KEY).tweaked(x, 2**64 - 2)) == [tmmo(2**64 - 2 + j, row) for j, row in enumerate(rows(x))]
    for first in (-1, 2**64 - 1, 2**64):
        with pytest.raises(InvalidRequest, match="indices"):
            BlockHash(KEY).tweaked(x, first)


def test_results_of_one_object_do_not_depend_on_its_earlier_calls():
    x, h = random_blocks(40), BlockHash(KEY)
    first = h(x), h.tweaked(x, 3)
    assert np.array_equal(h(x[5:9]), first[0][5:9])
    assert np.array_equal(h.tweaked(x[5:9], 8), first[1][5:9])


def test_a_result_can_be_written_in_place_or_between_other_rows(tile):
    x, h = random_blocks(20), BlockHash(KEY)
    children = np.zeros((20, 2, 2), np.uint64)
    h(x, out=children[:, 1])
    assert np.array_equal(children[:, 1], h(x)) and not children[:, 0].any()
    for call in (h, h.tweaked):
        same = x.copy()
        assert call(same, out=same) is same
        assert np.array_equal(same, call(x))


def test_inputs_may_be_read_only_or_strided():
    x, h = random_blocks(20), BlockHash(KEY)
    frozen = x.copy()
    frozen.flags.writeable = False
    for same in (frozen, np.repeat(x, 3, axis=0)[::3], np.asfortranarray(x)):
        assert np.array_equal(h(same), h(x)) and np.array_equal(h.tweaked(same, 1), h.tweaked(x, 1))
        assert np.array_equal(permute(KEY, same), permute(KEY, x))


@pytest.mark.parametrize("key", [b"", bytes(15), bytes(24), bytes(32), bytearray(16), None])
def test_other_keys_are_refused(key):
    for call in (BlockHash, lambda key: permute(key, random_blocks(1))):
        with pytest.raises(InvalidRequest, match="exactly 16 bytes"):
            call(key)


def test_other_arrays_are_refused():
    h, x = BlockHash(KEY), random_blocks(3)
    for wrong in (np.zeros((3, 2)), np.zeros((3, 4), np.uint64), np.zeros(2, np.uint64), b"x" * 16):
        for call in (h, h.tweaked, lambda x: permute(KEY, x)):
            with pytest.raises(InvalidRequest):
                call(wrong)
    frozen = x.copy()
    frozen.flags.writeable = False
    for out in (frozen, random_blocks(4), np.zeros((3, 2))):
        for call in (h, h.tweaked):
            with pytest.raises(InvalidRequest, match="out"):
                call(x, out=out)
