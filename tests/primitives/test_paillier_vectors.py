"""Vectors under Paillier: exact in every lane to its very bound, refused beyond it, and randomised when they leave."""

import copy
import inspect
import pickle

import gmpy2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from securecompute.errors import EncodingOverflow, InvalidRequest, PeerMisbehaved
from securecompute.primitives.paillier import below, numbers, rows
from securecompute.primitives.paillier_pools import FixedBase, ShortPool, UniformPool
from securecompute.primitives.paillier_vectors import EncryptedVector, Lanes, Masks, total
from securecompute.values import Ciphertext, SecretMisused
from tests.primitives.paillier_keys import jacobi_of_randomiser, secret_key
from tests.seeded import SeededRandomness

SECRET = secret_key()
KEY = SECRET.public
N, N2 = int(KEY.n), int(KEY.n2)
OTHER = secret_key(name="other").public
POOL = ShortPool(KEY, SeededRandomness("short"))
UNIFORM = UniformPool(KEY, SeededRandomness("uniform"))


def vector(entries, bound=None, lanes=None):
    """One's own integers."""
    bound = bound or max(1, *map(abs, entries))
    return EncryptedVector.of(KEY, lanes or Lanes.packed(KEY, len(entries), 64 * bound), entries, bound)


def single(entries, bound):
    """One's own integers, one per ciphertext."""
    return vector(entries, bound, Lanes.single(KEY, len(entries)))


def opened(v, pool=POOL):
    """What the owner of the key reads after the vector left."""
    left = v.leave(pool, to_owner=False)
    assert type(left) is Ciphertext
    return v.lanes.unpack(SECRET.decrypt(KEY.residues(left.elements, "x")), N)


# ---- lanes


@given(st.integers(1, 1 << 700), st.data())
def test_lanes_give_back_what_was_packed_at_the_ends_of_their_range_too(bound, data):
    entry = st.one_of(st.sampled_from([-bound, bound, 0, -1]), st.integers(-bound, bound))
    entries = data.draw(st.lists(entry, min_size=1, max_size=70))
    lanes = Lanes.packed(KEY, len(entries), bound)
    packed = lanes.pack(entries)
    assert len(packed) == lanes.count
    assert all(2 * abs(m) < N for m in packed)
    assert lanes.unpack([m % N for m in packed], N) == entries


@given(st.integers(1, 1 << 64), st.integers(2, 2000))
def test_a_lane_is_as_wide_as_the_proof_asks_and_no_wider(e, institutions):
    lanes = Lanes.packed(KEY, 5, institutions * e)
    assert 2 * institutions * e < 1 << lanes.width <= 4 * institutions * e
    assert lanes.each == (2048 - 2) // lanes.width


@pytest.mark.parametrize("bits", [2048, 3072])
def test_so_many_totals_of_64_bits_fit_a_ciphertext(bits):
    assert Lanes.packed(secret_key(bits).public, 1000, (1 << 63) - 1).each == {2048: 31, 3072: 47}[bits]


@pytest.mark.parametrize("institutions", [3, 4, 7, 10])
@pytest.mark.parametrize("e", [1, 2, 1000, (1 << 31) - 1])
@pytest.mark.parametrize("sign", [1, -1])
def test_the_sum_of_the_largest_entries_is_exact_in_every_lane(institutions, e, sign):
    lanes = Lanes.packed(KEY, 2 * Lanes.packed(KEY, 1, institutions * e).each, institutions * e)
    all_at_the_end = [sign * e] * lanes.length
    alternating = [sign * e * (-1) ** k for k in range(lanes.length)]
    for entries in (all_at_the_end, alternating):
        plaintexts = [institutions * m % N for m in lanes.pack(entries)]
        assert lanes.unpack(plaintexts, N) == [institutions * entry for entry in entries]


@pytest.mark.parametrize("lane", [0, 1, 30])
def test_an_entry_beyond_what_a_lane_holds_would_spoil_its_neighbour(lane):
    lanes = Lanes.packed(KEY, 31, (1 << 63) - 1)
    entries = [0] * 31
    entries[lane] = lanes.most + 1  # what the refusals below keep out
    with_overflow = lanes.pack(entries)
    assert lane == 30 or lanes.unpack([m % N for m in with_overflow], N) != entries
    if lane == 30:
        with pytest.raises(PeerMisbehaved):
            lanes.unpack([m % N for m in with_overflow], N)


def test_an_entry_that_no_lane_holds_is_refused():
    Lanes.packed(KEY, 1, (1 << 2045) - 1)
    with pytest.raises(EncodingOverflow):
        Lanes.packed(KEY, 1, 1 << 2045)


@pytest.mark.parametrize(
    "plaintexts",
    [[1 << 2046], [N // 2], [0, 0], [], [1 << 64]],
    ids=["too wide", "far off", "too many", "too few", "beyond the length"],
)
def test_plaintexts_that_hold_no_such_vector_are_refused(plaintexts):
    with pytest.raises(PeerMisbehaved):
        Lanes(1, 64, 31).unpack(plaintexts, N)


# ---- arithmetic


@settings(max_examples=15)
@given(st.data())
def test_sums_differences_and_multiples_are_those_of_the_integers(data):
    entry = st.integers(-1000, 1000)
    a, b = (data.draw(st.lists(entry, min_size=3, max_size=3)) for _ in range(2))
    factor = data.draw(st.integers(-9, 9))
    one, other = vector(a, 1000), vector(b, 1000)
    assert opened(one + other) == [x + y for x, y in zip(a, b, strict=True)]
    assert opened(one - other) == [x - y for x, y in zip(a, b, strict=True)]
    assert opened(one.scale(factor)) == [factor * x for x in a]


@settings(max_examples=10)
@given(st.data())
def test_a_matrix_times_a_vector_is_the_integer_product(data):
    m, d, limit = data.draw(st.integers(1, 4)), data.draw(st.integers(1, 3)), data.draw(st.integers(1, 1 << 40))
    x = [data.draw(st.lists(st.integers(-limit, limit), min_size=d, max_size=d)) for _ in range(m)]
    w = data.draw(st.lists(st.integers(-(1 << 60), 1 << 60), min_size=d, max_size=d))
    product = [sum(a * b for a, b in zip(row, w, strict=True)) for row in x]
    scores = single(w, 1 << 60).dot(np.array(x, np.int64), limit)
    assert opened(scores) == product
    assert opened(scores.pack()) == product


@pytest.mark.parametrize("entry", [0, 1, -1, -16])
def test_every_multiplication_of_a_product_is_of_wide_numbers_whatever_the_entries_are(entry, monkeypatch):
    """A number that is narrow yet, or 1, is multiplied faster: the time would tell the receiver of the entries."""
    narrow, power, sent = [], FixedBase.power, received([5, 7])

    def watched(base, exponent, *product):
        narrow.extend(each for each in product or [gmpy2.mpz(1)] if each.bit_length() < KEY.n2.bit_length() - 64)
        return power(base, exponent, *product)

    monkeypatch.setattr(FixedBase, "power", watched)
    sent.dot(np.array([[entry, entry]], np.int64), 16)
    assert not narrow


def test_packing_fills_several_ciphertexts():
    entries = list(range(-100, 100))
    packed = single(entries, 1 << 200).pack()
    assert packed.lanes.each == 10
    assert opened(packed) == entries


def test_bounds_grow_with_every_operation():
    v = single([1, 2], 100)
    assert (v + v).bound == (v - v).bound == 200
    assert v.scale(-7).bound == 700
    assert v.dot(np.ones((3, 2), np.int64), 5).bound == 2 * 5 * 100


def test_an_operation_whose_result_could_leave_its_lanes_is_refused_at_the_very_bound():
    lanes = Lanes.packed(KEY, 2, 3 * 1000)  # room for 2047 * 2
    v = vector([1, 1], 1000, lanes)
    assert lanes.most == 4095
    assert opened(v.scale(4)) == [4, 4]
    assert opened(v + v + v + v) == [4, 4]
    for beyond in (lambda: v.scale(5), lambda: v.scale(-5), lambda: v + v + v + v + v, lambda: v - v - v - v - v):
        with pytest.raises(EncodingOverflow, match="could leave lanes"):
            beyond()


def test_a_product_that_could_leave_the_modulus_is_refused():
    v = single([1], 1 << 2000)
    v.dot(np.ones((1, 1), np.int64), (1 << 45) - 1)
    with pytest.raises(EncodingOverflow):
        v.dot(np.ones((1, 1), np.int64), 1 << 45)


@pytest.mark.parametrize("entries", [[1001], [-1001], [0, 0, 1001], [1 << 90]])
def test_one_entry_beyond_the_declared_bound_is_refused_and_not_shown(entries):
    with pytest.raises(EncodingOverflow, match="declared bound 1000") as refused:
        EncryptedVector.of(KEY, Lanes.packed(KEY, len(entries), 4000), entries, 1000)
    assert "1001" not in str(refused.value)


def test_a_bound_that_the_lanes_do_not_hold_is_refused():
    with pytest.raises(EncodingOverflow):
        EncryptedVector.of(KEY, Lanes.packed(KEY, 1, 1000), [0], 1024)


@pytest.mark.parametrize("entry", [11, -11, -(1 << 63), (1 << 63) - 1])
def test_a_matrix_with_an_entry_beyond_its_limit_is_refused(entry):
    with pytest.raises(EncodingOverflow, match="declared limit 10"):
        single([1, 1], 1).dot(np.array([[0, entry]]), 10)


@pytest.mark.parametrize(
    "matrix", [np.ones((2, 3), np.int64), np.ones(2, np.int64), np.ones((2, 2)), np.ones((0, 2), np.int64)]
)
def test_a_matrix_of_another_shape_is_refused(matrix):
    with pytest.raises(InvalidRequest, match="ciphertexts"):
        single([1, 1], 1).dot(matrix, 10)


def test_vectors_in_lanes_are_not_multiplied_by_matrices_nor_packed_again():
    with pytest.raises(InvalidRequest, match="single"):
        vector([1, 1]).dot(np.ones((1, 2), np.int64), 1)
    with pytest.raises(InvalidRequest, match="packed"):
        vector([1, 1]).pack()


def test_vectors_under_two_keys_or_in_two_forms_are_not_added():
    stranger = EncryptedVector.of(OTHER, Lanes.single(OTHER, 1), [1], 1)
    for other in (stranger, vector([1])):
        with pytest.raises(InvalidRequest, match="cannot be added"):
            single([1], 1) + other


def test_another_number_of_entries_than_declared_is_refused():
    with pytest.raises(InvalidRequest, match="3 entries for lanes of 2"):
        EncryptedVector.of(KEY, Lanes.packed(KEY, 2, 9), [1, 2, 3], 9)


# ---- the door


@pytest.mark.parametrize("pool", [POOL, UNIFORM], ids=["short", "uniform"])
def test_what_leaves_differs_each_time_and_is_never_the_bare_ciphertext(pool):
    v = vector([3, -4])
    left = [v.leave(pool, to_owner=True).elements.tobytes() for _ in range(3)]
    bare = rows([(1 + m * N) % N2 for m in v.lanes.pack([3, -4])], 512).tobytes()
    assert len({*left, bare}) == 4


@pytest.mark.parametrize("operation", [lambda v: v + v, lambda v: v - v, lambda v: v.scale(1), lambda v: v.scale(0)])
def test_the_result_of_an_operation_leaves_randomised_too(operation):
    v = EncryptedVector.received(KEY, Lanes.single(KEY, 1), rows([1 + 5 * N], 512), 10, "h1")
    one, other = (int(numbers(operation(v).leave(UNIFORM, to_owner=True).elements)[0]) for _ in range(2))
    assert one != other
    assert (one - 1) % N != 0
    assert (other - 1) % N != 0


@pytest.mark.parametrize("entries", [[0], [1], [10**15], [-(10**15)]])
def test_all_that_is_on_the_wire_is_residues_of_one_length(entries):
    left = vector(entries, 10**15).leave(POOL, to_owner=False).elements
    assert left.shape == (1, 512)
    assert left.dtype == np.uint8


def test_no_randomiser_is_used_twice():
    v = single([0] * 5, 1)
    pool = ShortPool(KEY, SeededRandomness(9))
    pool.fill(8)
    left = [c for _ in range(2) for c in numbers(v.leave(pool, to_owner=False).elements)]
    assert len(set(left)) == 10  # of zeros: each ciphertext is its randomiser


def test_a_pool_of_another_key_is_refused():
    with pytest.raises(InvalidRequest, match="another key"):
        vector([1]).leave(ShortPool(OTHER, SeededRandomness(0)), to_owner=False)


def received(entries):
    """A vector that the owner of the key sent."""
    left = single(entries, 100).leave(POOL, to_owner=False).elements
    return EncryptedVector.received(KEY, Lanes.single(KEY, len(entries)), left, 100, "owner")


def test_what_was_computed_from_received_ciphertexts_goes_to_the_owner_of_the_key_from_a_uniform_pool_only():
    scores = received([1, 2]).dot(np.array([[3, 4]]), 10)
    for v in (scores, scores.pack(), received([1]), received([1]) + single([1], 1), single([1], 1) - received([1])):
        with pytest.raises(InvalidRequest, match="UniformPool only"):
            v.leave(POOL, to_owner=True)
        v.leave(UNIFORM, to_owner=True)
    with pytest.raises(InvalidRequest, match="UniformPool"):
        scores.leave_masked(POOL, SeededRandomness(0))


def symbols(x, pool, to_owner):
    """What the owner of the key sees, in the randomisers of x·(its ciphertext), if it sent r of Jacobi symbol -1."""
    r = next(r for r in range(2, 99) if jacobi_of_randomiser(SECRET, pow(r, N, N2)) == -1)
    sent = rows([(1 + 7 * N) * pow(r, N, N2) % N2], 512)
    v = EncryptedVector.received(KEY, Lanes.single(KEY, 1), sent, 10, "owner").dot(np.array([[x]]), 10)
    return [jacobi_of_randomiser(SECRET, numbers(v.leave(pool, to_owner=to_owner).elements)[0]) for _ in range(8)]


def test_short_exponents_would_tell_the_owner_whether_a_secret_factor_is_odd_and_uniform_ones_do_not():
    assert symbols(4, POOL, False) == [1] * 8
    assert symbols(5, POOL, False) == [-1] * 8
    assert {*symbols(4, UNIFORM, True)} == {*symbols(5, UNIFORM, True)} == {1, -1}


def test_masked_plaintexts_are_uniform_and_only_their_masks_give_the_entries_back():
    v = received([5, -6]).dot(np.array([[1, 0], [0, 1], [1, 1]]), 1).pack()
    left, masks = v.leave_masked(UNIFORM, SeededRandomness(4))
    seen = SECRET.decrypt(KEY.residues(left.elements, "x"))
    drawn = int(below(KEY.n, SeededRandomness(4)))
    assert seen == [(v.lanes.pack([5, -6, -1])[0] + drawn) % N]  # one-time pad mod n
    assert masks.take_off(rows(seen, 256)) == [5, -6, -1]


def test_masks_are_taken_off_once():
    left, masks = received([5]).leave_masked(UNIFORM, SeededRandomness(4))
    seen = rows(SECRET.decrypt(KEY.residues(left.elements, "x")), 256)
    masks.take_off(seen)
    with pytest.raises(InvalidRequest, match="before"):
        masks.take_off(seen)


@pytest.mark.parametrize("answer", [[], [0, 0], [N], [(1 << 2048) - 1]], ids=["none", "two", "n", "beyond n"])
def test_masked_plaintexts_of_another_form_are_refused(answer):
    masks = Masks(KEY, Lanes.single(KEY, 1), SeededRandomness(0))
    with pytest.raises(PeerMisbehaved):
        masks.take_off(rows(answer, 256))


@pytest.mark.parametrize("secret", [vector([1]), Masks(KEY, Lanes.single(KEY, 1), SeededRandomness(0))])
def test_vectors_and_masks_show_nothing_and_cannot_be_copied_or_pickled(secret):
    assert repr(secret) == f"{type(secret).__name__}(...)"
    for deed in (pickle.dumps, copy.copy, copy.deepcopy):
        with pytest.raises(SecretMisused):
            deed(secret)


def test_there_are_two_doors_and_no_other_method_gives_anything_but_a_vector():
    public = {name: f for name, f in inspect.getmembers(EncryptedVector, inspect.isfunction) if name[0] != "_"}
    doors = {name for name, f in public.items() if "Ciphertext" in str(inspect.signature(f).return_annotation)}
    assert doors == {"leave", "leave_masked"}
    assert set(public) - doors == {"scale", "dot", "pack"}


# ---- what arrives


def test_a_received_vector_of_another_number_of_ciphertexts_is_refused():
    with pytest.raises(PeerMisbehaved, match="'h1' sent 2 ciphertexts; expected 1"):
        EncryptedVector.received(KEY, Lanes.packed(KEY, 2, 9), rows([1, 1], 512), 9, "h1")


def test_the_total_is_the_sum_of_what_was_sent():
    lanes = Lanes.packed(KEY, 40, 3 * 1000)
    sent = {f"h{k}": vector([k * 100] * 40, 1000, lanes).leave(POOL, to_owner=True).elements for k in range(3)}
    assert lanes.unpack(SECRET.decrypt(KEY.residues(total(KEY, sent), "x")), N) == [300] * 40


def test_who_sent_what_is_no_ciphertext_is_named_by_the_total():
    good = vector([1]).leave(POOL, to_owner=True).elements
    with pytest.raises(PeerMisbehaved, match="'h1'"):
        total(KEY, {"h0": good, "h1": np.zeros_like(good), "h2": good})
