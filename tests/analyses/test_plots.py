"""Figures: what is drawn is what was released, and what was not is in words."""

import pytest
from matplotlib.figure import Figure

from tests.analyses.pooled import answer, ask, cross, rows


def drawn(result):
    axes = Figure().subplots()
    result.plot(axes)
    return axes


def words(axes):
    return [text.get_text().strip() for text in axes.texts]


def test_a_bar_is_as_long_as_the_risk_and_says_events_of_total():
    axes = drawn(answer(ask("crosstab", row="arm", column="event"), cross([[30, 10], [30, 20]])))
    assert [bar.get_width() for bar in axes.patches] == [25.0, 40.0]
    assert words(axes) == ["10/40\n25.0\u00a0%", "20/50\n40.0\u00a0%"]
    assert axes.get_title(loc="center").startswith("event by arm\nodds ratio 2.000 (95")
    assert axes.get_xlabel() == "patients with event: 1_yes (%), 95 % confidence interval (Wilson)"


def test_a_hidden_row_has_words_and_no_bar():
    axes = drawn(answer(ask("crosstab", row="arm", column="event"), cross([[30, 9], [30, 20]])))
    assert len(axes.patches) == 1
    assert words(axes) == ["hidden: too few patients", "20/50\n40.0\u00a0%"]


def test_shares_add_up_to_a_hundred_and_a_row_with_a_hidden_cell_is_not_drawn():
    axes = drawn(answer(ask("crosstab", row="arm", column="stage"), cross([[30, 10, 60], [9, 20, 0]], column="stage")))
    assert [bar.get_width() for bar in axes.patches] == [30.0, 10.0, 60.0]
    assert words(axes) == ["30", "10", "60", "n 100", "a cell is hidden: shares withheld"]
    assert [text.get_text() for text in axes.get_legend().get_texts()] == ["I", "II", "III"]


def test_means_are_points_with_n_beside_them():
    institution = rows(arm=["placebo"] * 12 + ["drug"] * 9, age=[*range(40, 52), *[50] * 9])
    axes = drawn(answer(ask("describe", column="age", by="arm"), institution))
    assert [line.get_xdata().tolist() for line in axes.lines if line.get_marker() == "o"] == [[45.5]]
    assert words(axes) == ["n 12", "hidden: too few patients", "n <10"]
    assert axes.get_xlabel() == "age (years)"


@pytest.mark.parametrize(
    ("name", "parameters"),
    [
        ("count", {}),
        ("crosstab", {"row": "arm", "column": "event"}),
        ("crosstab", {"row": "arm", "column": "stage"}),
        ("describe", {"column": "age", "by": "arm"}),
    ],
)
def test_nobody_can_be_drawn(name, parameters):
    axes = drawn(answer(ask(name, **parameters), rows()))
    assert not axes.patches
    assert words(axes)


def test_a_count_is_written_large():
    assert words(drawn(answer(ask("count", where="age > 3"), rows(age=[50] * 12)))) == ["12 patients", "where age > 3"]


def test_a_title_names_the_cohort_and_stays_within_the_figure():
    where = " or ".join(f"age = {age}" for age in range(100))
    title = drawn(answer(ask("describe", column="risk", where=where), rows(risk=[1.0] * 12))).get_title()
    assert title.startswith("mean risk\nwhere age = 0 or age = 1 or")
    assert title.endswith(" …")
    assert max(map(len, title.splitlines())) <= 72
