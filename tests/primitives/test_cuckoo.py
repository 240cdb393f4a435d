"""Cuckoo tables: everyone has a place of their own, found whenever there is one, and bins are enough."""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import gammaln

from securecompute.errors import InternalFault, InvalidRequest
from securecompute.primitives import cuckoo


@pytest.fixture(scope="module", autouse=True)
def _compiled_kernels():
    cuckoo.warm()


def hashes(n, seed=0):
    return np.random.default_rng(seed).integers(0, 2**64, (n, 2), dtype=np.uint64)


def log_choose(a, b):
    return gammaln(a + 1) - gammaln(b + 1) - gammaln(a - b + 1)


def log2_failure(n, count):
    """The bound of the module's docstring, term by term, in logarithms."""
    k = np.arange(3, min(n, count), dtype=float)
    s = k + 1
    if not len(k):
        return -np.inf
    z = 2.149  # least for many bins; of few, where it is not, the other bound is the smaller one
    inside = s * (log_choose(k, 3) - log_choose(count, 3))
    twice = gammaln(3 * s + 1) + k * np.log(np.expm1(z) - z) - 3 * s * np.log(z)
    twice -= s * (np.log(count) + np.log(count - 1) + np.log(count - 2))
    terms = log_choose(n, s) + log_choose(count, k) + 3 * s * np.log1p(count / 2**39) + np.minimum(inside, twice)
    return (terms.max() + np.log(np.exp(terms - terms.max()).sum())) / np.log(2)


@given(st.integers(0, 600), st.integers(0, 9))
def test_every_item_has_one_of_its_bins_to_itself(n, seed):
    count = cuckoo.bins(n)
    wanted = cuckoo.places(hashes(n, seed), count)
    table = cuckoo.place(wanted, count)
    taken = np.flatnonzero(table.row >= 0)
    assert sorted(table.row[taken].tolist()) == list(range(n))
    assert (wanted[table.row[taken], table.choice[taken]] == taken).all()
    assert (table.choice[table.row < 0] == 0).all() and (table.row >= -1).all()


@given(st.lists(st.permutations(range(5)), max_size=6))
def test_a_placement_is_found_just_when_one_exists(orders):
    """Of up to six items in five bins, against trying all ways."""
    wanted = np.array([order[:3] for order in orders], np.uint32).reshape(-1, 3)
    ways = itertools.product(range(3), repeat=len(wanted))
    exists = any(len({int(row[k]) for row, k in zip(wanted, way, strict=True)}) == len(wanted) for way in ways)
    if exists:
        assert (cuckoo.place(wanted, 5).row >= 0).sum() == len(wanted)
    else:
        with pytest.raises(InternalFault, match="nothing was sent"):
            cuckoo.place(wanted, 5)


@given(st.integers(3, 2**25), st.lists(st.integers(0, 2**64 - 1), min_size=2, max_size=2))
def test_places_are_the_formula_and_distinct(count, words):
    low, high = words
    h0, h1, h2 = low % 2**39, high % 2**39, (low >> 39) + (high >> 39 << 25) % 2**39
    a, b, c = h0 * count >> 39, h1 * (count - 1) >> 39, h2 * (count - 2) >> 39
    b += b >= a
    c += c >= min(a, b)
    c += c >= max(a, b)
    (found,) = cuckoo.places(np.array([words], np.uint64), count).tolist()
    assert found == [a, b, c] and len({a, b, c}) == 3 and max(found) < count


def test_every_triple_of_bins_is_as_likely():
    found = np.sort(cuckoo.places(hashes(120_000), 6), axis=1)
    counts = np.unique(found, axis=0, return_counts=True)[1]
    assert len(counts) == 20
    assert ((counts - 6000) ** 2 / 6000).sum() < 44  # χ², 19 degrees of freedom: one in a thousand


def test_no_placement_exists_with_probability_2_to_the_minus_40_at_most():
    sizes = [*range(0, 600, 3), 601, 750, 1000, 1500, *(1 << k for k in range(11, 18))]
    bounds = {n: log2_failure(n, cuckoo.bins(n)) for n in sizes}
    assert -42 < max(bounds.values()) < -41
    assert max(bounds, key=bounds.get) < 100


@pytest.mark.slow
@pytest.mark.parametrize(("n", "bound"), [(1 << 20, -100), (1 << 24, -119)])
def test_for_many_items_it_is_far_below(n, bound):
    assert bound - 2 < log2_failure(n, cuckoo.bins(n)) < bound


def test_the_bound_is_above_what_happens_in_tables_that_are_too_small():
    """8 items in 9 bins: how often there is none, of 400 tables, and what the bound says."""
    failed = 0
    for seed in range(400):
        try:
            cuckoo.place(cuckoo.places(hashes(8, seed), 9), 9)
        except InternalFault:
            failed += 1
    assert 0 < failed / 400 < 2 ** log2_failure(8, 9)


def test_bins_are_few():
    assert [cuckoo.bins(n) for n in (0, 1, 10, 1 << 20)] == [128, 130, 141, 1_363_277]


def test_what_is_no_table_is_refused():
    for n in (-1, cuckoo.MOST + 1):
        with pytest.raises(InvalidRequest, match="items in a cuckoo table"):
            cuckoo.bins(n)
    for wrong in (np.zeros((3, 2)), np.zeros((3, 3), np.uint64), np.zeros(2, np.uint64)):
        with pytest.raises(InvalidRequest, match="hashes are"):
            cuckoo.places(wrong, 10)
    for count in (2, 2**25 + 1):
        with pytest.raises(InvalidRequest, match="bins; a cuckoo table"):
            cuckoo.places(hashes(1), count)
    for wrong in (np.zeros((3, 3), np.uint64), np.zeros((3, 2), np.uint32)):
        with pytest.raises(InvalidRequest, match="places are"):
            cuckoo.place(wrong, 10)
    with pytest.raises(InvalidRequest, match="beyond the last bin"):
        cuckoo.place(np.array([[0, 1, 3]], np.uint32), 3)


def test_a_table_shows_nobody():
    assert repr(cuckoo.place(cuckoo.places(hashes(3), 132), 132)) == "Table(132 bins)"
