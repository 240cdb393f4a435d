"""Chains on masked bits give every prefix of the comparison, from as many products of masks as they say."""

from itertools import product

import numpy as np
import pytest

from securecompute.arithmetic.bit_chains import Chains

FORMS = [Chains(k, 2, order, whole) for k, order, whole in product(range(1, 8), (False, True), (False, True))]
FORMS = [each for each in FORMS if each.order or each.whole]


def draw(form, seed=0):
    """Uniform bytes for links and masks."""
    random = np.random.default_rng([seed, form.length])
    links = random.integers(0, 256, (2, form.length, form.count, 5)).astype(np.uint8)
    masks = random.integers(0, 256, (form.opened, form.count, 5)).astype(np.uint8)
    return random, links, masks


def expected(less, equal):
    """L and E of every prefix, by their definition."""
    order, whole = [less[0]], [equal[0]]
    for l_, e in zip(less[1:], equal[1:], strict=True):
        order.append(l_ ^ (e & order[-1]))
        whole.append(e & whole[-1])
    return np.array(order), np.array(whole)


def shared(random, values):
    share = random.integers(0, 256, values.shape).astype(np.uint8)
    return share, values ^ share


@pytest.mark.parametrize("form", FORMS, ids=str)
def test_all_prefixes_come_out(form):
    random, (less, equal), masks = draw(form)
    given = less if form.order else None
    products = form.products(masks)
    assert (len(form.inputs(given, equal)), len(products)) == (form.opened, form.dealt)
    shown = form.inputs(given, equal) ^ masks
    sides = zip(*(shared(random, each) for each in (less, equal, masks, products)), strict=True)
    results = [
        form.prefixes(shown, m, p, l_ if form.order else None, e, one)
        for (l_, e, m, p), one in zip(sides, (255, 0), strict=True)
    ]
    for wanted, value, shares in zip(
        (form.order, form.whole), expected(less, equal), zip(*results, strict=True), strict=True
    ):
        if wanted:
            assert (shares[0] ^ shares[1] == value).all()
        else:
            assert shares == (None, None)


@pytest.mark.parametrize("form", [each for each in FORMS if each.length > 1], ids=str)
def test_every_product_that_is_dealt_is_needed(form):
    _, (less, equal), masks = draw(form)
    given = less if form.order else None
    shown, products = form.inputs(given, equal) ^ masks, form.products(masks)
    right = form.prefixes(shown, masks, products, given, equal, 255)
    for k in range(form.dealt):
        wrong = products.copy()
        wrong[k] ^= 255
        spoilt = form.prefixes(shown, masks, wrong, given, equal, 255)
        assert any((a != b).any() for a, b in zip(right, spoilt, strict=True) if a is not None)


def test_the_numbers_of_products_are_those_of_the_literature():
    assert [Chains(k, 1, True, False).dealt for k in (1, 2, 3, 4, 6)] == [0, 1, 5, 15, 83]
    assert [Chains(4, 1, True, whole).opened for whole in (False, True)] == [6, 7]
    assert Chains(4, 1, False, True).dealt == 2**4 - 1 - 4
