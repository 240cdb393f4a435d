"""Rows of a store: those of the formula, the same in every version, and solved where peeling gets nowhere."""

import hashlib
from dataclasses import replace

import numpy as np
import pytest
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from hypothesis import given, settings
from hypothesis import strategies as st

from securecompute.primitives.masks import Reader, derive
from securecompute.primitives.okvs import Layout, Unsolvable, decode, encode, layout, rows
from tests.seeded import SeededRandomness

SEED = b"sixteen bytes..."
LOW = (1 << 32) - 1


def words(n, width, seed):
    return np.frombuffer(SeededRandomness(f"{seed}").bytes(8 * n * width), np.uint64).reshape(n, width)


def row_by_hand(shape, seed, key):
    """Cluster, three sparse columns and the dense bits of a key of 16 bytes."""
    keys = derive(seed, b"securecompute/okvs", b"rows", 32)
    first, second = (
        int.from_bytes(Cipher(algorithms.AES(k), modes.ECB()).encryptor().update(key), "little")
        for k in (keys[:16], keys[16:])
    )
    h = [first >> 32 * k & LOW for k in range(4)]
    left, three = list(range(shape.sparse)), []
    for word in h[:3]:  # one of the columns that are left, in their order
        three.append(left.pop(word * len(left) >> 32))
    return h[3] * shape.clusters >> 32, three, second & (1 << shape.dense) - 1


@settings(max_examples=20)
@given(st.integers(1, 9), st.integers(3, 40) | st.integers(1000, 30_000), st.integers(1, 64), st.integers(0, 99))
def test_a_row_is_the_formula_on_two_hashes_of_its_key(clusters, sparse, dense, seed):
    shape, keys = Layout(clusters, 50, sparse, dense), words(50, 2, seed)
    of = rows(shape, SEED, keys)
    for k, place in enumerate(of.order.tolist()):
        three, bits = map(int, of.places[k])
        cluster = int(np.searchsorted(of.starts, k, side="right")) - 1
        told = cluster, [three >> 16 * j & 0xFFFF for j in range(3)], bits
        assert told == row_by_hand(shape, SEED, keys[place].tobytes())


def test_both_parties_get_these_rows_from_a_seed_in_every_version():
    of = rows(layout(50_000), SEED, words(50_000, 2, "keys"))
    made = of.starts.tobytes() + of.order.tobytes() + of.places.tobytes()
    assert hashlib.sha256(made).hexdigest() == "ace698b93b7d7f12eea31489a99142d3acfc3abc70055af7fa091db6657872ba"


def with_equal_columns(gap, n=1024, dense=43):
    """Rows of n keys in columns 1.4 times as many, `gap` of them with the three sparse columns of another key."""
    of = rows(Layout(1, n, int(1.4 * n), dense), SEED, words(n, 2, "keys"))
    places = of.places.copy()
    places[n - gap :, 0] = places[:gap, 0]
    return replace(of, places=places)


@pytest.mark.parametrize("gap", [1, 3, 12])
@pytest.mark.parametrize("width", [1, 2, 5])
@pytest.mark.parametrize("filled", [False, True])
def test_keys_with_the_same_sparse_columns_are_told_apart_by_the_dense_ones(gap, width, filled):
    of, values = with_equal_columns(gap), words(1024, width, "values")
    store = encode(of, values, Reader(bytes(32)) if filled else None)
    assert (decode(of, store) == values).all()
    assert store.any(axis=1).all() == filled


def test_more_keys_with_the_same_sparse_columns_than_there_are_dense_ones_are_unsolvable():
    of = with_equal_columns(0, dense=8)
    places = of.places.copy()
    places[:10, 0] = places[0, 0]  # ten keys, nine columns: their own sum of three, and eight
    with pytest.raises(Unsolvable, match="dependent"):
        encode(replace(of, places=places), words(1024, 1, "values"), None)


@pytest.mark.parametrize("n", [1, 1000, 40_000])
def test_no_column_of_a_filled_store_is_left_as_it_was(n):
    store = encode(rows(layout(n), SEED, words(n, 2, "keys")), words(n, 2, "values"), Reader(bytes(32)))
    assert store.all() and len(np.unique(store, axis=0)) == len(store)
