"""What every benchmark of growth shares: the fit, the file, the plot."""

import json
from dataclasses import dataclass

import pytest
from rich.table import Table

from bench import growth


@dataclass(frozen=True)
class Point:
    n: int


FOUND, FITTED = [Point(2), Point(3)], [Point(5)]


def run(*arguments, drawn, **options):
    asked = []
    fitted = growth.run(
        arguments,
        "Cost of nothing.",
        "less",
        lambda quick: asked.append(quick) or FOUND,
        lambda found: FITTED if found is FOUND else [],
        lambda found, fitted: Table(f"{len(found)} and {len(fitted)}"),
        lambda found, fitted, file: drawn.append((found, fitted, file)),
        **options,
    )
    return fitted, asked


def test_an_exponent_is_that_of_a_power():
    assert growth.exponent([1, 10, 100], [3.0 * n**1.5 for n in (1, 10, 100)]) == 1.5
    assert growth.exponent([1, 2], [7.0, 7.0]) == 0.0


def test_figures_are_printed_and_nothing_is_written_unless_asked(capsys):
    drawn = []
    assert run("--growth", drawn=drawn) == (FITTED, [False])
    assert "2 and 1" in capsys.readouterr().out and not drawn
    assert run("--growth", "--quick", drawn=drawn) == (FITTED, [True])


def test_the_points_are_in_the_file_and_the_plot_is_beside_it(tmp_path):
    drawn, file = [], tmp_path / "told.json"
    run("--json", str(file), drawn=drawn, fits="flat")
    written = json.loads(file.read_text())
    assert written.keys() == {"machine", "points", "flat"}
    assert (written["points"], written["flat"]) == ([{"n": 2}, {"n": 3}], [{"n": 5}])
    assert drawn == [(FOUND, FITTED, tmp_path / "told.svg")]


def test_a_series_is_a_row():
    shown = growth.series_table("Title", [("a", "n", "2: 1 s", "1.00"), ("b", "n", "3: 2 s", "-")])
    assert [column.header for column in shown.columns] == ["series", "against", "points", "slope"]
    assert shown.row_count == 2 and list(shown.columns[0].cells) == ["a", "b"]


@pytest.mark.parametrize("ticks", [(), (4, 2, 4)])
def test_a_plot_has_its_words_as_text_and_is_the_same_every_time(tmp_path, ticks):
    for name in ("one.svg", "two.svg"):
        with growth.drawn(tmp_path / name, "salt", figsize=(2, 2)) as figure:
            axes = figure.subplots()
            axes.loglog([2, 4], [1, 2])
            growth.dressed(axes, "places", "seconds", ticks)
            assert not ticks or [label.get_text() for label in axes.get_xticklabels()] == ["2", "4"]
    first, second = ((tmp_path / name).read_text() for name in ("one.svg", "two.svg"))
    assert first == second and "places" in first and "seconds" in first
