"""Numbers as people read them."""

import pytest

from securecompute.analyses import formats


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.494044, "0.4940"),
        (45.269103, "45.27"),
        (0, "0.000"),
        (-0.077856, "-0.07786"),
        (999.96, "1000"),
        (1234567.89, "1,234,567.9"),
        (1.5e-7, "1.500e-07"),
    ],
)
def test_a_number_has_four_significant_digits_at_least(value, text):
    assert formats.number(value) == text


@pytest.mark.parametrize(("p", "text"), [(0.004682, "0.00468"), (0.0009, "<0.001"), (0.05, "0.0500"), (1.0, "1.00")])
def test_a_p_value_has_three_digits_or_is_below_a_thousandth(p, text):
    assert formats.p_value(p) == text


@pytest.mark.parametrize(("n", "text"), [(0, "0 patients"), (1, "1 patient"), (15_000_000, "15,000,000 patients")])
def test_patients_are_counted_in_words(n, text):
    assert formats.patients(n) == text


def test_a_share_of_nobody_is_a_dash():
    assert formats.percent(0, 0) == "–"
    assert formats.percent(27, 295) == "9.2\u00a0%"


@pytest.mark.parametrize(("words", "text"), [(["a"], "a"), (["a", "b"], "a and b"), (["a", "b", "c"], "a, b and c")])
def test_words_are_listed_as_in_a_sentence(words, text):
    assert formats.sentence(words) == text
