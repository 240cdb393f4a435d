"""Integers under BFV: exact, and refused before they could be otherwise."""

import numpy as np
import pytest
import tenseal
from hypothesis import given, settings
from hypothesis import strategies as st
from tenseal import sealapi

from securecompute.errors import EncodingOverflow, InvalidRequest, PeerMisbehaved
from securecompute.primitives import lattice_bfv
from securecompute.primitives.lattice import BFV_4096, BFV_8192, CKKS_50, SecretKey
from securecompute.primitives.lattice_bfv import BfvVector, capacity, decrypt, dot, fresh_noise, sent_noise, wire_shape
from securecompute.primitives.lattice_bytes import ciphertext_bytes, message, parameters_id
from tests.primitives.lattice_keys import public, secret
from tests.seeded import SeededRandomness

SMALL, ONE, LARGE = [BFV_4096], [BFV_8192[0]], list(BFV_8192)
CHOICES = pytest.mark.parametrize("parameters", [SMALL, ONE, LARGE], ids=["4096", "8192", "8192 x 3"])


def keys(parameters):
    """Public keys of several parameters."""
    return [public(p) for p in parameters]


def opened(parameters, vector):
    """What the vector holds."""
    return decrypt([secret(p) for p in parameters], vector)


def noise_bits(p, words):
    """Bits of the noise in a ciphertext, as SEAL measures it."""
    context = secret(p)._context
    sealed = ciphertext_bytes(parameters_id(p.scheme, p.degree, p.data_primes, p.plain), False, 1.0, words)
    loaded = tenseal.bfv_vector_from(context, message((1, p.slots), (2, sealed))).ciphertext()[0]
    budget = sealapi.Decryptor(context.data.seal_context(), context.data.secret_key()).invariant_noise_budget(loaded)
    return (p.modulus // p.plain).bit_length() - 1 - budget


def sent(parameters, integers, bound, seed=0):
    """A vector on the wire, flooded."""
    return BfvVector.encrypt(keys(parameters), integers, bound).to_wire(SeededRandomness(seed))


# ---- exactness


@pytest.mark.parametrize("n", [3, 10, 50])
@pytest.mark.parametrize("parameters", [SMALL, ONE], ids=["4096", "8192"])
def test_a_sum_is_exact_with_every_entry_at_the_ends_of_the_range(n, parameters):
    bound = capacity(parameters) // n
    entries = [bound, -bound, 0, 1]
    rows = [sent(parameters, entries, bound, seed) for seed in range(min(n, 3))]
    total = None
    for k in range(n):  # a party's ciphertext may be added several times: the plaintexts are what counts
        vector = BfvVector.from_wire(keys(parameters), rows[k % len(rows)], 4, bound)
        total = vector if total is None else total.add(vector)
    assert total.bound == n * bound
    assert opened(parameters, total) == [n * e for e in entries]
    again = BfvVector.from_wire(keys(parameters), total.to_wire(), 4, n * bound, terms=n)
    assert opened(parameters, again) == [n * e for e in entries]


@CHOICES
def test_the_largest_magnitudes_are_exact_and_the_next_one_is_refused(parameters):
    most = capacity(parameters)
    entries = [most, -most, most - 1, 0]
    assert opened(parameters, BfvVector.encrypt(keys(parameters), entries, most)) == entries
    with pytest.raises(EncodingOverflow, match="do not fit"):
        BfvVector.encrypt(keys(parameters), entries, most + 1)


def test_without_the_refusal_the_next_total_would_be_wrong(monkeypatch):
    most = capacity(SMALL)
    half = BfvVector.encrypt(keys(SMALL), [most], most)
    one = BfvVector.encrypt(keys(SMALL), [1], 1)
    with pytest.raises(EncodingOverflow):
        half.add(one)
    monkeypatch.setattr(lattice_bfv, "capacity", lambda _: 10**9)
    assert opened(SMALL, half.add(one)) == [-most]


def test_residues_at_the_end_wrap_on_purpose():
    t, bound = BFV_8192[0].plain, 5
    vectors = [BfvVector.encrypt(keys(ONE), [5, -5, word], bound, residues=1) for word in (t + 3, 10 * t - 1)]
    assert opened(ONE, vectors[0].add(vectors[1])) == [10, -10, 2]
    with pytest.raises(EncodingOverflow):
        BfvVector.encrypt(keys(ONE), [5, -6, 1], bound, residues=1)


@settings(max_examples=8)
@given(st.lists(st.integers(-40, 40), min_size=1, max_size=9), st.integers(-50, 50), st.data())
def test_sums_differences_and_multiples_are_those_of_the_integers(x, factor, data):
    y = data.draw(st.lists(st.integers(-40, 40), min_size=len(x), max_size=len(x)))
    a, b = (BfvVector.encrypt(keys(SMALL), v, 40) for v in (x, y))
    result = a.add(b).scale(factor).subtract(b)
    assert opened(SMALL, result) == [factor * (p + q) - q for p, q in zip(x, y, strict=True)]
    assert result.bound == abs(factor) * 80 + 40


def test_long_vectors_and_wide_integers_take_several_ciphertexts():
    x = [(-1) ** k * (k << 150) for k in range(9000)]
    rows = sent(LARGE, x, 9000 << 150)
    assert rows.shape == wire_shape(LARGE, 9000) == (6, 393216)
    vector = BfvVector.from_wire(keys(LARGE), rows, 9000, 9000 << 150)
    assert opened(LARGE, vector.add(vector).subtract(vector.scale(3))) == [-e for e in x]


@CHOICES
def test_a_plain_matrix_times_encrypted_weights_is_exact(parameters):
    weights, source = [3, -4, 0, 1], np.random.default_rng(0)
    matrix = source.integers(-9, 9, (parameters[0].slots + 3, 4), endpoint=True)
    matrix[:, 2] = 0
    encrypted = [BfvVector.replicated(keys(parameters), w, 4) for w in weights]
    result = dot(encrypted, matrix, 9)
    assert opened(parameters, result) == (matrix @ np.array(weights)).tolist()
    assert result.bound == 4 * 4 * 9 and result.length == len(matrix)


# ---- refused


def test_a_difference_of_a_vector_and_itself_is_an_encryption_of_zero():
    vector = BfvVector.encrypt(keys(SMALL), [7, -7], 7)
    assert opened(SMALL, vector.subtract(vector)) == [0, 0]
    row = vector.subtract(vector).to_wire()[0]
    assert row.any() and opened(SMALL, BfvVector.from_wire(keys(SMALL), row[None], 2, 0)) == [0, 0]


@pytest.mark.parametrize("entry", [6, -6])
def test_an_entry_beyond_the_bound_is_refused_and_not_shown(entry):
    with pytest.raises(EncodingOverflow) as refused:
        BfvVector.encrypt(keys(SMALL), [0, entry], 5)
    assert str(entry) not in str(refused.value)
    with pytest.raises(EncodingOverflow):
        dot([BfvVector.replicated(keys(SMALL), 1, 1)], np.array([[entry]]), 5)


def test_operations_that_could_overflow_are_refused_before_they_are_done():
    most = capacity(SMALL)
    vector = BfvVector.encrypt(keys(SMALL), [1], most // 2)
    vector.scale(2)
    for deed in (lambda: vector.scale(3), lambda: vector.add(vector).add(vector), lambda: vector.scale(-3)):
        with pytest.raises(EncodingOverflow, match="do not fit"):
            deed()
    weight = BfvVector.replicated(keys(SMALL), 1, 1000)
    with pytest.raises(EncodingOverflow, match="do not fit"):
        dot([weight], np.array([[1]]), 1000)


def test_noise_that_could_outgrow_the_ciphertext_is_refused():
    flooded = BfvVector.from_wire(keys(SMALL), sent(SMALL, [1], 1), 1, 1)
    with pytest.raises(EncodingOverflow, match="noise"):
        flooded.scale(1 << 13)
    weight = BfvVector.from_wire(keys(SMALL), sent(SMALL, [1] * 4096, 1), 4096, 1)
    with pytest.raises(EncodingOverflow, match="noise"):
        dot([weight], np.array([[1]]), 1)
    assert opened(SMALL, flooded.scale(1 << 10)) == [1 << 10]


def test_other_keys_lengths_and_shapes_are_refused():
    vector, other = (BfvVector.encrypt(keys(SMALL), [1] * d, 1) for d in (2, 3))
    stranger = SecretKey(BFV_4096)
    foreign = BfvVector.encrypt([lattice_bfv.PublicKey(stranger.public)], [1, 1], 1)
    for operand in (other, foreign):
        with pytest.raises(InvalidRequest, match="have no sum"):
            vector.add(operand)
    with pytest.raises(InvalidRequest, match="not the secret keys"):
        decrypt([stranger], vector)
    for wrong in ([], [BFV_4096, BFV_4096], [BFV_4096, BFV_8192[0]], [CKKS_50]):
        with pytest.raises(InvalidRequest):
            capacity(wrong)
    for matrix in (np.ones((2, 2), np.int64), np.ones((2, 1)), np.ones(2, np.int64), np.ones((0, 1), np.int64)):
        with pytest.raises(InvalidRequest, match="expected int64"):
            dot([BfvVector.replicated(keys(SMALL), 1, 1)], matrix, 1)
    with pytest.raises(InvalidRequest, match="replicated"):
        dot([vector], np.ones((2, 1), np.int64), 1)
    with pytest.raises(InvalidRequest, match="nothing to encrypt"):
        BfvVector.encrypt(keys(SMALL), [], 1)
    with pytest.raises(PeerMisbehaved, match="another shape"):
        BfvVector.from_wire(keys(SMALL), sent(SMALL, [1], 1), 5000, 1)


# ---- what leaves


@CHOICES
def test_what_leaves_has_one_length_whatever_the_integers(parameters):
    most = capacity(parameters)
    shapes = {sent(parameters, x, most).shape for x in ([0] * 9, [most] * 9, [-most] * 9, list(range(9)))}
    assert shapes == {wire_shape(parameters, 9)}


def test_nothing_leaves_twice_alike_and_a_sum_is_not_the_sum_of_what_was_seen():
    vector = BfvVector.encrypt(keys(SMALL), [1, 2], 5)
    first, second = vector.to_wire(), vector.to_wire()
    assert (first != second).mean() > 0.9
    added = BfvVector.from_wire(keys(SMALL), first, 2, 5).add(BfvVector.from_wire(keys(SMALL), second, 2, 5))
    bare = np.stack([lattice_bfv.pack(words, BFV_4096.data_primes) for words in added.words[0]])
    assert (added.to_wire() != bare).mean() > 0.9


@pytest.mark.parametrize("p", [BFV_4096, BFV_8192[0]], ids=["4096", "8192"])
def test_noise_stays_below_the_bound_that_is_proved(p):
    vector = BfvVector.encrypt([public(p)], [capacity([p])] * p.slots, capacity([p]))
    assert noise_bits(p, vector.words[0][0]) <= fresh_noise(p).bit_length() + 1
    flooded = lattice_bfv.unpack(vector.to_wire(SeededRandomness(0))[0], p.data_primes, p.degree)
    assert 8 * p.flood - 3 <= noise_bits(p, flooded) <= sent_noise(p, 1).bit_length() + 1
    weights = [BfvVector.replicated([public(p)], 3, 3) for _ in range(3)]
    product = dot(weights, np.full((p.slots, 3), 5), 5)
    assert noise_bits(p, product.words[0][0]) <= product.noise.bit_length() + 1


@pytest.mark.parametrize("p", [BFV_4096, BFV_8192[0]], ids=["4096", "8192"])
def test_the_flood_covers_its_range_evenly_and_is_drawn_from_the_randomness_that_is_given(p):
    residues = lattice_bfv._flood(p, SeededRandomness(1))
    assert (residues == lattice_bfv._flood(p, SeededRandomness(1))).all()
    assert (residues != lattice_bfv._flood(p, SeededRandomness(2))).any()
    modulus, values = p.modulus, []
    for column in residues.T.tolist():
        value = sum(r * (modulus // q) * pow(modulus // q, -1, q) for r, q in zip(column, p.data_primes, strict=True))
        value %= modulus
        values.append(value - modulus if value > modulus // 2 else value)
    half = 1 << 8 * p.flood - 1
    assert -half <= min(values) < -0.99 * half and 0.99 * half < max(values) < half
    counts = np.histogram(np.array(values, float) / half, 16, (-1, 1))[0]
    assert ((counts - p.degree / 16) ** 2 / (p.degree / 16)).sum() < 50  # χ², 15 degrees of freedom, p = 1e-5


def test_the_noise_that_the_key_holder_sees_of_a_product_tells_of_the_matrix():
    """Why `dot` is not called circuit-private."""
    weight = BfvVector.replicated([public(BFV_4096)], 1, 1)
    small, spread = np.ones((4096, 1), np.int64), np.resize([1, -1, 5, 9], (4096, 1))
    bits = [noise_bits(BFV_4096, dot([weight], matrix, 9).words[0][0]) for matrix in (small, spread)]
    assert bits[1] > bits[0] + 5
