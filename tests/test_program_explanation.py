"""What `explain` says of errors: a number, and what the number does not say."""

import numpy as np
import pyarrow as pa
import pytest

import securecompute as sc

AGES = np.round(np.random.default_rng(3).uniform(20, 80, 40), 1)


@pytest.fixture(scope="module")
def ages():
    tables = {name: pa.table({"age": AGES}) for name in ("Bern", "Lyon", "Oslo")}
    with sc.Network.simulate(tables, fabric="in-process", rules=sc.Rules(columns=("age",)), quiet=True) as formed:
        yield formed.secret("Bern", "age")


def test_a_mean_and_a_deviation_have_bounds_that_hold(ages):
    shown = sc.explain(ages.mean(), ages.std())
    (mean, spread), got = shown.errors, sc.reveal(ages.mean(), ages.std())
    assert abs(float(got[0]) - AGES.mean()) <= mean < 1e-5
    assert abs(float(got[1]) - AGES.std()) <= spread < 0.1
    assert "sqrt: so near 0" in " ".join(shown.remarks)


def test_a_number_closer_to_the_threshold_than_its_error_is_spoken_of(ages):
    explanation = (ages > ages.mean()).sum().explain()
    assert explanation.errors == (0.0,)
    assert "largest error from rounding: none\n" in str(explanation)
    (remark,) = explanation.remarks
    assert "apart, which may compare either way" in remark and remark in " ".join(str(explanation).split())


def test_without_a_bound_it_is_said_why_and_what_helps(ages):
    explanation = (1 / (ages - 50)).sum().explain()
    assert explanation.errors == (None,)
    assert "not derived" in str(explanation) and "declare its least, or clip it" in " ".join(explanation.remarks)
    assert explanation.to_plain()["remarks"] == explanation.remarks
