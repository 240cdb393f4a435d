"""A sketch as an input: what it says of its side, how its cells are declared, and what is none."""

import pytest

from securecompute.errors import InvalidRequest
from securecompute.programs.linkages import Side
from securecompute.programs.program import Input, Node
from securecompute.programs.sketches import MOST_CELLS, check_cells, sketched, sketched_side, source_of
from tests.programs.running import line, program

ON = ((("name", "text", "soundex"),), (("a", "text", "whole"), ("b", "text", "whole")))
SIDE = Side("Bern", "age > 50", 64)
SOURCE = source_of(ON, SIDE)


def of_cells(source=SOURCE, shape=(1024,), bound=1.0, whole=True, **declared):
    declared = {"least": 0.0} | declared
    return program([Node("input", (), {}, Input("Bern", source, shape, bound, whole, **declared)), summed(shape)], 1)


def summed(shape):
    return line("sum", 0, axes=list(range(len(shape))))


def test_a_source_says_whose_patients_and_by_which_fields():
    assert sketched(SOURCE) and not sketched({"held": "x"})
    assert sketched_side(SOURCE, "Bern") == (ON, SIDE)
    assert of_cells().inputs[0].source == SOURCE


@pytest.mark.parametrize(
    ("source", "text"),
    [
        (SOURCE | {"columns": "age"}, "a sketch has on, where and records"),
        (SOURCE | {"linkage": 0}, "a sketch has on, where and records"),
        ({"sketch": SOURCE["sketch"] | {"cells": 9}}, "a sketch has on, where and records"),
        ({"sketch": []}, "a sketch has on, where and records"),
        ({"sketch": SOURCE["sketch"] | {"on": []}}, "at least one field"),
        ({"sketch": SOURCE["sketch"] | {"on": [["name"]]}}, "a field of a linkage is"),
        ({"sketch": SOURCE["sketch"] | {"where": 3}}, "a cohort or none"),
        ({"sketch": SOURCE["sketch"] | {"records": 0}}, "0 records in a linkage"),
        ({"sketch": SOURCE["sketch"] | {"records": True}}, "True records in a linkage"),
    ],
)
def test_a_source_that_is_no_sketchs_is_refused(source, text):
    with pytest.raises(InvalidRequest, match=text):
        of_cells(source)


@pytest.mark.parametrize(
    "declared",
    [{"bound": 2.0}, {"whole": False}, {"least": None}, {"least": -1.0}, {"wide": True}, {"norms": (1.0, 1.0)}],
)
def test_cells_are_zeros_and_ones_and_declared_as_these(declared):
    with pytest.raises(InvalidRequest, match="whole numbers from 0 to 1"):
        of_cells(**declared)


@pytest.mark.parametrize("shape", [(), (1023,), (MOST_CELLS + 1,), (1024, 2)])
def test_the_number_of_cells_is_within_limits(shape):
    with pytest.raises(InvalidRequest, match="a whole number from 1,024 to 16,777,216"):
        of_cells(shape=shape)


@pytest.mark.parametrize("cells", [1024.0, "1024", True, None, 1023, MOST_CELLS + 1])
def test_what_is_no_number_of_cells_is_refused(cells):
    with pytest.raises(InvalidRequest, match="cells is"):
        check_cells(cells)
