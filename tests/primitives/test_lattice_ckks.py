"""Real numbers under CKKS: within the stated error, and never to be shown."""

import pickle

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from securecompute.engine.rounds import check_sendable
from securecompute.errors import EncodingOverflow, InvalidRequest, NonFiniteInput, PeerMisbehaved
from securecompute.primitives.lattice import BFV_4096, CKKS_40, CKKS_50, SecretKey
from securecompute.primitives.lattice_ckks import CkksVector, PublicKey, capacity, decrypt, dot, wire_shape
from securecompute.values import Plain, SecretMisused
from tests.primitives.lattice_keys import public, secret

CHOICES = pytest.mark.parametrize("p", [CKKS_50, CKKS_40], ids=["2^50", "2^40"])


def opened(p, vector):
    """What the vector holds, for a test."""
    return decrypt(secret(p), vector).elements


def column(seed, d, bound):
    """d numbers, the ends of the range among them."""
    x = np.random.default_rng(seed).uniform(-bound, bound, d)
    x[:2] = bound, -bound
    return x


@CHOICES
@pytest.mark.parametrize("n", [3, 10, 50])
@pytest.mark.parametrize("bound", [1.0, 1e4])
def test_the_error_of_a_sum_stays_within_what_is_stated_and_is_no_empty_statement(p, n, bound):
    columns = [column(seed, 4096, bound) for seed in range(2)]
    vectors = [
        CkksVector.from_wire(public(p), CkksVector.encrypt(public(p), x, bound).to_wire(), 4096, bound) for x in columns
    ]
    total = vectors[0]
    for k in range(1, n):
        total = total.add(vectors[k % 2])
    plain = columns[0] * (n - n // 2) + columns[1] * (n // 2)
    error = np.abs(opened(p, total) - plain).max()
    assert error < total.error < 1000 * error
    assert total.bound == n * bound


def test_the_stated_errors_are_those_of_the_docstring():
    for p, error in ((CKKS_50, 3e-11), (CKKS_40, 2.1e-8)):
        wire = CkksVector.encrypt(public(p), np.ones(3), 300.0).to_wire()
        assert CkksVector.from_wire(public(p), wire, 3, 300.0).error < error


@CHOICES
def test_a_plain_matrix_times_encrypted_weights_is_within_the_stated_error(p):
    w, matrix = column(0, 4, 3.0), np.random.default_rng(1).uniform(-3, 3, (p.slots + 5, 4))
    matrix[:, 2], matrix[:, 3] = 0, 1e-30  # which encode as nothing at all
    result = dot([CkksVector.replicated(public(p), each, 3.0) for each in w], matrix, 3.0)
    error = np.abs(opened(p, result) - matrix @ w).max()
    assert error < result.error < 1000 * error
    assert result.bound == 4 * 3 * 3 and result.scale_bits == 2 * p.scale


@settings(max_examples=8)
@given(st.lists(st.floats(-40, 40), min_size=1, max_size=9), st.integers(-50, 50).filter(bool), st.data())
def test_sums_differences_and_multiples_are_those_of_the_numbers(x, factor, data):
    y = data.draw(st.lists(st.floats(-40, 40), min_size=len(x), max_size=len(x)))
    a, b = (CkksVector.encrypt(public(CKKS_50), np.array(v), 40.0) for v in (x, y))
    result = a.add(b).scale(factor).subtract(b)
    assert np.abs(opened(CKKS_50, result) - (factor * (np.array(x) + y) - y)).max() < result.error


def test_what_could_wrap_round_the_modulus_is_refused():
    p = CKKS_50
    most = capacity(p, p.scale)
    assert 2**55 < most < 2**56
    half = CkksVector.encrypt(public(p), np.array([most / 2, -1.0]), most / 2)
    error = np.abs(opened(p, half) - [most / 2, -1.0]).max()
    assert error < half.error
    for deed in (
        lambda: half.add(half),
        lambda: half.scale(2),
        lambda: CkksVector.encrypt(public(p), np.ones(1), most),
    ):
        with pytest.raises(EncodingOverflow, match="do not fit"):
            deed()
    with pytest.raises(EncodingOverflow, match="do not fit"):
        dot([CkksVector.replicated(public(p), 1.0, 8.0)], np.ones((1, 1)), 8.0)


@pytest.mark.parametrize("number", [np.nan, np.inf, -np.inf])
def test_what_is_no_number_is_refused(number):
    with pytest.raises(NonFiniteInput):
        CkksVector.encrypt(public(CKKS_50), np.array([0.0, number]), 5.0)
    with pytest.raises(NonFiniteInput):
        dot([CkksVector.replicated(public(CKKS_50), 1.0, 1.0)], np.array([[number]]), 5.0)


def test_an_entry_beyond_the_bound_is_refused_and_not_shown():
    with pytest.raises(EncodingOverflow) as refused:
        CkksVector.encrypt(public(CKKS_50), np.array([0.0, 543.25]), 5.0)
    assert "543" not in str(refused.value)


def test_other_keys_lengths_scales_and_types_are_refused():
    key = public(CKKS_50)
    vector = CkksVector.encrypt(key, np.ones(2), 1.0)
    product = dot([CkksVector.replicated(key, 1.0, 1.0)], np.ones((2, 1)), 1.0)
    foreign = CkksVector.encrypt(PublicKey(SecretKey(CKKS_50).public), np.ones(2), 1.0)
    for other in (CkksVector.encrypt(key, np.ones(3), 1.0), product, foreign):
        with pytest.raises(InvalidRequest, match="have no sum"):
            vector.add(other)
    with pytest.raises(InvalidRequest, match="not the secret key"):
        decrypt(secret(CKKS_40), vector)
    with pytest.raises(InvalidRequest, match="CKKS key"):
        CkksVector.encrypt(public(BFV_4096), np.ones(2), 1.0)
    for x in (np.ones(2, np.float32), np.ones((2, 2)), np.ones(0)):
        with pytest.raises(InvalidRequest, match="expected float64"):
            CkksVector.encrypt(key, x, 1.0)
    for bound in (0.0, -1.0, np.inf, np.nan):
        with pytest.raises(InvalidRequest, match="positive"):
            CkksVector.encrypt(key, np.zeros(2), bound)
    with pytest.raises(InvalidRequest, match="columns"):
        dot([CkksVector.replicated(key, 1.0, 1.0)], np.ones((2, 2)), 1.0)
    with pytest.raises(InvalidRequest, match="replicated"):
        dot([vector], np.ones((2, 1)), 1.0)
    with pytest.raises(PeerMisbehaved, match="another shape"):
        CkksVector.from_wire(key, vector.to_wire(), 5000, 1.0)


@CHOICES
def test_what_leaves_has_one_length_and_is_never_twice_alike(p):
    shapes = set()
    for x in (np.zeros(5), np.full(5, 1e6), column(0, 5, 1e6)):
        vector = CkksVector.encrypt(public(p), x, 1e6)
        first, second = vector.to_wire(), vector.to_wire()
        assert (first != second).mean() > 0.9
        shapes |= {first.shape, second.shape}
    assert shapes == {wire_shape(p, 5)}


def test_what_is_decrypted_can_be_used_and_not_shown_sent_or_pickled():
    total = decrypt(secret(CKKS_50), CkksVector.encrypt(public(CKKS_50), np.array([123.5]), 200.0))
    assert type(total) is Plain and "123" not in repr(total) + f"{total}"
    with pytest.raises(InvalidRequest, match="Plain value was about to go"):
        check_sendable("anybody", total)
    with pytest.raises(SecretMisused):
        pickle.dumps(total)
