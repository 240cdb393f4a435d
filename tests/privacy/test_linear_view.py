"""The exact view test finds what is shown, and only that."""

import pytest

from tests.privacy.linear_view import LinearView, P, reduced


def three_masked(last):
    """x + r, y + s, z + `last`."""
    view = LinearView("xyz", "rst")
    for row in ({"x": 1, "r": 1}, {"y": 1, "s": 1}, {"z": 1, **last}):
        view.see(row)
    return view


def test_vectors_under_independent_masks_show_nothing():
    view = three_masked({"t": 1})
    assert view.learned() == []
    assert view.learns_only()


def test_masks_that_cancel_show_the_sum_and_nothing_else():
    view = three_masked({"r": -1, "s": -1})
    assert view.learned() == [[1, 1, 1]]
    assert view.learns_only({"x": 1, "y": 1, "z": 1})
    assert not view.learns_only()


def test_a_mask_used_twice_shows_the_difference():
    view = three_masked({"r": 1})
    assert view.learned() == [[1, 0, P - 1]]
    assert not view.learns_only({"x": 1, "y": 1, "z": 1})


def test_a_mask_that_is_seen_shows_the_input_under_it():
    view = three_masked({"t": 1})
    view.see({"s": 1})
    assert view.learned() == [[0, 1, 0]]


def test_an_even_coefficient_of_a_mask_is_found_though_it_hides_over_a_field():
    view = three_masked({"t": 2})
    assert view.learned() == []
    assert not view.learns_only()


def test_an_unknown_name_is_an_error_of_the_test():
    with pytest.raises(KeyError):
        LinearView("x", "r").see({"q": 1})


@pytest.mark.parametrize("p", [2, P])
def test_reduction_keeps_the_rank(p):
    assert reduced([], p) == []
    assert reduced([[0, 0], [0, 0]], p) == []
    assert reduced([[1, 1], [1, 0], [0, 1]], p) == [[1, 0], [0, 1]]
