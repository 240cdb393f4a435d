"""Records without a key as an input: which keys and cohort it names, how it is declared, and what is none."""

import pytest

from securecompute.errors import InvalidRequest
from securecompute.programs.program import Input, Node
from securecompute.programs.unidentified import MOST_RECORDS, keys_and_cohort, source_of, unidentified
from tests.programs.running import line, program

KEYS = ((("born", "date", "whole"),),), ((("a", "text", "whole"), ("b", "text", "whole")), (("c", "text", "soundex"),))
SOURCE = source_of(KEYS, "age > 50")
PLAIN = SOURCE["without key"]


def of_number(source=SOURCE, shape=(1,), bound=float(MOST_RECORDS), whole=True, **declared):
    declared = {"least": 0.0} | declared
    return program(
        [Node("input", (), {}, Input("Bern", source, shape, bound, whole, **declared)), line("negate", 0)], 1
    )


def test_a_source_says_which_keys_and_of_whom():
    assert unidentified(SOURCE) and not unidentified({"held": "x"})
    assert keys_and_cohort(SOURCE) == (KEYS, "age > 50")
    assert of_number().inputs[0].source == SOURCE


@pytest.mark.parametrize(
    ("source", "text"),
    [
        (SOURCE | {"columns": "age"}, "told by keys and where"),
        (SOURCE | {"linkage": 0}, "told by keys and where|no linkage 0"),
        ({"without key": PLAIN | {"records": 9}}, "told by keys and where"),
        ({"without key": []}, "told by keys and where"),
        ({"without key": PLAIN | {"keys": []}}, "1 to 16 of them"),
        ({"without key": PLAIN | {"keys": PLAIN["keys"] * 9}}, "1 to 16 of them"),
        ({"without key": PLAIN | {"keys": "born"}}, "1 to 16 of them"),
        ({"without key": PLAIN | {"keys": [[]]}}, "at least one field"),
        ({"without key": PLAIN | {"keys": [[["born"]]]}}, "a field of a linkage is"),
        ({"without key": PLAIN | {"where": 3}}, "a cohort or none"),
    ],
)
def test_a_source_that_names_something_else_is_refused(source, text):
    with pytest.raises(InvalidRequest, match=text):
        of_number(source)


@pytest.mark.parametrize(
    "declared",
    [
        {"bound": 64.0},
        {"bound": 2.0 * MOST_RECORDS},
        {"whole": False},
        {"least": None},
        {"least": -1.0},
        {"least": 1.0},
        {"wide": True},
        {"norms": (1.0, 1.0)},
        {"shape": (2,)},
        {"shape": ()},
    ],
)
def test_it_is_declared_in_one_way_which_says_nothing_of_the_records(declared):
    with pytest.raises(InvalidRequest, match=r"one whole number from 0 to 1099511627776$"):
        of_number(**declared)
