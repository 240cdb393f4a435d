"""Shamir sharing: any t shares suffice, t - 1 say nothing, malformed ones are refused."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from securecompute.errors import InvalidRequest, PeerMisbehaved
from securecompute.primitives.shamir import PRIME, InconsistentShares, recombine, split
from tests.seeded import SeededRandomness

SECRETS = st.binary(min_size=32, max_size=32)
SECRET = bytes(range(32))


class Dealt:
    """Randomness that deals given field elements, as the 33 bytes of a draw each."""

    def __init__(self, *values):
        self._values = list(values)

    def bytes(self, n):
        return self._values.pop(0).to_bytes(n, "big")


def is_prime(n):
    """Miller-Rabin with the first 40 primes as bases."""
    odd, twos = n - 1, 0
    while odd % 2 == 0:
        odd, twos = odd // 2, twos + 1
    bases = [b for b in range(2, 174) if all(b % k for k in range(2, b))]
    for base in bases:
        if n % base == 0:
            return n == base
        powers = [pow(base, odd << k, n) for k in range(twos)]
        if powers[0] != 1 and n - 1 not in powers:
            return False
    return True


def interpolate_at(points, x):
    """The value at x of the polynomial through these (x, y), from the textbook formula."""
    total = 0
    for i, y in points.items():
        for j in points:
            if j != i:
                y = y * (x - j) * pow(i - j, -1, PRIME) % PRIME
        total += y
    return total % PRIME


def test_the_field_is_that_of_the_smallest_prime_above_2_256():
    assert PRIME == 2**256 + 297
    assert [n for n in range(2**256, PRIME + 1) if is_prime(n)] == [PRIME]


@given(SECRETS, st.integers(2, 6), st.integers(0, 3), st.integers(0, 2**32))
def test_any_threshold_of_the_shares_gives_the_secret_back(secret, threshold, more, seed):
    n = threshold + more
    shares = split(secret, threshold, range(1, n + 1), SeededRandomness(seed))
    assert set(shares) == set(range(1, n + 1))
    assert {len(share) for share in shares.values()} == {33}
    for chosen in itertools.islice(itertools.combinations(shares, threshold), 10):
        assert recombine({x: shares[x] for x in chosen}) == secret
    assert recombine(shares) == secret


@pytest.mark.parametrize("secret", [bytes(32), b"\xff" * 32])
def test_the_smallest_and_the_largest_secret_come_back(secret):
    shares = split(secret, 2, [7, 2**16, PRIME - 1], SeededRandomness(1))
    assert recombine(dict(itertools.islice(shares.items(), 2))) == secret
    assert recombine(shares) == secret


def test_a_share_is_the_value_of_the_dealt_polynomial():
    shares = split((5).to_bytes(32, "big"), 3, [1, 2, 10], Dealt(7, PRIME - 1))  # 5 + 7 X - X^2
    assert [int.from_bytes(share, "big") for share in shares.values()] == [11, 15, PRIME - 25]


@given(SECRETS, SECRETS, st.integers(2, 5), st.integers(0, 2**32))
def test_fewer_than_threshold_shares_fit_every_secret_by_exactly_one_draw(secret, other, threshold, seed):
    """The t - 1 shares and any other secret fix one polynomial; dealing its coefficients deals these very shares."""
    xs = range(1, threshold + 2)
    seen = dict(itertools.islice(split(secret, threshold, xs, SeededRandomness(seed)).items(), threshold - 1))
    points = {0: int.from_bytes(other, "big")} | {x: int.from_bytes(y, "big") for x, y in seen.items()}
    again = split(other, threshold, xs, Dealt(*coefficients(points)[1:]))
    assert {x: again[x] for x in seen} == seen


def coefficients(points):
    """Coefficients, lowest first, of the polynomial through the points, by Newton's divided differences."""
    xs = list(points)
    differences = list(points.values())
    for k in range(1, len(xs)):
        for i in range(len(xs) - 1, k - 1, -1):
            differences[i] = (differences[i] - differences[i - 1]) * pow(xs[i] - xs[i - k], -1, PRIME) % PRIME
    result = [0]
    for i in range(len(xs) - 1, -1, -1):
        shifted = [0, *result]
        result = [(s - xs[i] * r) % PRIME for s, r in itertools.zip_longest(shifted, result, fillvalue=0)]
        result[0] = (result[0] + differences[i]) % PRIME
    return result[: len(xs)]


def test_a_coefficient_is_drawn_again_unless_it_is_below_the_prime():
    zero = bytes(32)
    assert split(zero, 2, [1, 2], Dealt(PRIME, 2**257 - 1, PRIME - 1))[1] == (PRIME - 1).to_bytes(33, "big")
    assert split(zero, 2, [1, 2], Dealt(PRIME, 5))[1] == (5).to_bytes(33, "big")
    assert split(zero, 2, [1, 2], Dealt((0x7F << 257) | 5))[1] == (5).to_bytes(33, "big")  # 257 bits of a draw count


def test_every_coefficient_is_drawn_anew():
    one, other = (split(SECRET, 4, [1, 2, 3, 4], SeededRandomness(seed)) for seed in (1, 2))
    assert not set(one.values()) & set(other.values())
    shares = {x: int.from_bytes(y, "big") for x, y in one.items()}
    drawn = coefficients(shares)[1:]
    assert len(set(drawn)) == 3 and all(drawn)


@given(st.integers(1, 2**256 - 1), st.integers(0, 2**32))
def test_too_few_or_wrong_shares_give_another_secret(change, seed):
    shares = split(SECRET, 3, [1, 2, 3], SeededRandomness(seed))
    wrong = (int.from_bytes(shares[2], "big") + change) % PRIME
    for given_shares in ({1: shares[1], 2: shares[2]}, shares | {2: wrong.to_bytes(33, "big")}):
        assert recombine(given_shares) != SECRET


@pytest.mark.parametrize("share", [PRIME.to_bytes(33, "big"), b"\xff" * 33, bytes(32), bytes(34), b"", bytearray(33)])
def test_a_share_that_is_not_33_bytes_below_the_prime_is_refused_naming_its_index(share):
    shares = split(SECRET, 2, [1, 2], SeededRandomness(1))
    with pytest.raises(InconsistentShares, match="share of index 2") as refusal:
        recombine(shares | {2: share})
    assert isinstance(refusal.value, PeerMisbehaved)


@pytest.mark.parametrize("value", [2**256, PRIME - 1])
def test_a_secret_that_no_dealer_could_have_is_refused(value):
    shares = {x: ((value + 3 * x) % PRIME).to_bytes(33, "big") for x in (1, 2)}
    with pytest.raises(InconsistentShares, match="do not belong together"):
        recombine(shares)


@pytest.mark.parametrize("threshold", [-1, 0, 1, 4])
def test_a_threshold_is_at_least_2_and_at_most_the_number_of_shares(threshold):
    with pytest.raises(InvalidRequest, match="threshold"):
        split(SECRET, threshold, [1, 2, 3], SeededRandomness(1))


@pytest.mark.parametrize("xs", [[0, 1, 2], [1, 1, 2], [-1, 1, 2], [PRIME, 1, 2], [PRIME + 1, 1, 2]])
def test_indices_are_distinct_and_none_is_the_secrets_own(xs):
    with pytest.raises(InvalidRequest, match="indices"):
        split(SECRET, 2, xs, SeededRandomness(1))
    if len(set(xs)) == 3:
        with pytest.raises(InvalidRequest, match="indices"):
            recombine(dict.fromkeys(xs, bytes(33)))


@pytest.mark.parametrize("secret", [bytes(31), bytes(33), bytearray(32), "0" * 32])
def test_a_secret_is_exactly_32_bytes(secret):
    with pytest.raises(InvalidRequest, match="exactly 32 bytes"):
        split(secret, 2, [1, 2], SeededRandomness(1))


def test_no_shares_are_no_secret():
    with pytest.raises(InvalidRequest, match="no shares"):
        recombine({})


def test_all_shares_lie_on_one_polynomial_of_degree_below_the_threshold():
    shares = {x: int.from_bytes(y, "big") for x, y in split(SECRET, 3, range(1, 8), SeededRandomness(3)).items()}
    first = {x: shares[x] for x in (1, 2, 3)}
    assert all(interpolate_at(first, x) == y for x, y in shares.items())
    assert interpolate_at({x: shares[x] for x in (1, 2)}, 3) != shares[3]
