"""What can stand where a number is expected."""

from math import inf, nan

import pytest

from securecompute.analyses.result import Estimate, Hidden, NotEstimable, Withheld, reasons
from securecompute.errors import DisclosureRefused, InternalFault, InvalidRequest


@pytest.mark.parametrize("values", [(nan,), (inf,), (1.0, nan, 2.0), (1.0, 0.0, -inf)])
def test_an_estimate_is_finite(values):
    with pytest.raises(InternalFault, match="not finite"):
        Estimate(*values)


def test_an_estimate_shows_its_interval():
    assert str(Estimate(0.494044, 0.300996, 0.810907)) == "0.4940 (95\u00a0% CI 0.3010 to 0.8109)"
    assert str(Estimate(13.3)) == "13.30"
    assert float(Estimate(13.3)) == 13.3


@pytest.mark.parametrize("name", ["value", "low", "high"])
def test_what_is_missing_has_no_value_and_says_why(name):
    with pytest.raises(InvalidRequest, match="not estimable: no patients"):
        getattr(NotEstimable("no patients"), name)
    with pytest.raises(DisclosureRefused, match="withheld: a cell is hidden"):
        getattr(Withheld("a cell is hidden"), name)


@pytest.mark.parametrize("missing", [Hidden(10), NotEstimable("x"), Withheld("x")])
def test_what_is_missing_takes_no_part_in_arithmetic(missing):
    for deed in (lambda: missing + 1, lambda: missing < 1, lambda: float(missing), lambda: sum([missing])):
        with pytest.raises(TypeError):
            deed()


def test_statistics_with_one_reason_share_a_sentence():
    statistics = {"mean": NotEstimable("nobody"), "sd": NotEstimable("nobody"), "n": 3, "t": NotEstimable("alone")}
    assert reasons(statistics, " of x") == ["mean and sd of x: not estimable: nobody.", "t of x: not estimable: alone."]
