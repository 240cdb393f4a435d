"""What can stand where a number is expected."""

from math import inf, nan

import pytest

from securecompute.analyses.result import Estimate, Hidden, NotEstimable, Withheld, count, reasons
from securecompute.errors import DisclosureRefused, InternalFault, InvalidRequest, PeerMisbehaved


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


@pytest.mark.parametrize(("released", "most"), [(-1, inf), (11, 10)])
def test_a_count_that_no_records_have_is_no_answer(released, most):
    with pytest.raises(PeerMisbehaved, match="cannot be one: a party did not follow the protocol"):
        count(released, 3, most)
    assert (count(0, 3, most), count(10, 3, most), count(None, 3, most)) == (0, 10, Hidden(3))
