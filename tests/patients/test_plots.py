"""Charts of overlaps: a bar is as high as its number, and what is hidden or withheld is in words."""

import warnings

import pytest
from matplotlib.figure import Figure

from securecompute import display
from securecompute.analyses.result import Hidden, Table
from securecompute.patients import plots
from securecompute.patients.distinct import Distinct
from securecompute.patients.overlap import Overlap

LONG = "Universitätsklinikum Hamburg-Eppendorf, Klinik für Neurologie"
THREE = Overlap(("A", "B", LONG), (1200, 339, Hidden(10), 88, 0, 431, 210), ("pid",), None)


def drawn(result):
    """The bars', dots' and pairs' axes."""
    axes = Figure().subplots()
    result.plot(axes)
    return axes, *axes.child_axes


def words(axes):
    return [text.get_text().strip() for text in axes.texts]


def test_a_bar_is_as_high_as_its_number_and_a_hidden_one_is_words():
    _, bars, _, _ = drawn(THREE)
    assert [bar.get_height() for bar in bars.patches] == [1200, 431, 339, 210, 88]
    assert words(bars) == ["1,200", "431", "339", "210", "88", "<10"]
    written = [text.get_position() for text in bars.texts]
    assert all(at > bar.get_height() for (_, at), bar in zip(written, bars.patches, strict=False))
    assert [column for column, _ in written] == [0, 1, 2, 3, 4, 5]


def test_dots_below_say_which_institutions_and_what_is_not_drawn():
    _, _, dots, _ = drawn(THREE)
    lines = [tuple(line.get_ydata()) for line in dots.lines]
    assert lines == [(0, 0), (1, 2), (1, 1), (0, 2), (2, 2), (0, 1)]
    assert dots.get_xlabel() == "at exactly these institutions (not drawn: 1 set without patients)"
    assert [label.get_text() for label in dots.get_yticklabels()] == ["A", "B", f"{LONG[:27]}…"]


def test_a_pair_that_is_withheld_is_words_without_colour():
    _, _, _, pairs = drawn(THREE)
    withheld = "withheld"
    assert words(pairs) == [withheld, withheld, "210", withheld, withheld, "641", "210", "641", "729"]
    assert [patch.get_alpha() == 0 for patch in pairs.patches] == [text == withheld for text in words(pairs)]


def test_of_many_sets_those_with_most_patients_are_drawn():
    many = Overlap(tuple("ABCDEF"), tuple(range(1, 64)), ("pid",), None)
    sets, told = plots.drawn_sets(many)
    assert [many.exactly[m - 1] for m in sets] == [*range(63, 63 - plots.MOST_SETS, -1)]
    assert told == " (not drawn: 23 sets with fewer)"


@pytest.mark.parametrize(
    ("names", "counts"),
    [
        (("A", "B"), (0, 0, 0)),
        (("A", "B"), (Hidden(10), Hidden(10), Hidden(10))),
        ((LONG, LONG[::-1]), (120, Hidden(10), 0)),
        (tuple(f"Hospital {k}" for k in range(5)), tuple(range(31))),
        (tuple(f"{LONG[:40]} {k}" for k in range(8)), tuple(range(255))),
    ],
)
def test_everything_has_its_room(names, counts):
    result = Overlap(names, counts, ("pid",), "age > 60 and sex = 'f'")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        figure = display.figure(result, "three institutions")
        figure.draw_without_rendering()
    width, height = figure.get_size_inches()
    assert width <= 16 and height <= 9
    axes = figure.axes[0]
    for child in (axes, *axes.child_axes):
        box = child.get_tightbbox().transformed(figure.transFigure.inverted())
        assert box.x0 > -0.01 and box.x1 < 1.01 and box.y0 > -0.01 and box.y1 < 1.01


def test_multiplicities_are_bars_and_a_hidden_one_is_words():
    axes = Figure().subplots()
    Distinct(0, 1, (2500, 400, Hidden(10), 0), ("A", "B", "C", "D"), ("pid",), "age > 5").plot(axes)
    assert [bar.get_width() for bar in axes.patches] == [2500, 400, 0]
    assert words(axes) == ["2,500", "400", "<10: hidden", "0"]
    assert [label.get_text() for label in axes.get_yticklabels()][::3] == ["1 institution", "4 institutions"]


def test_a_number_alone_is_written_large():
    axes = Figure().subplots()
    Distinct(5439, 2, (), ("A", "B", "C"), ("pid",), "age > 5").plot(axes)
    assert words(axes) == ["5,439 distinct patients", "known to at least 2 of A, B and C\nwhere age > 5"]


def test_patients_are_whole_on_the_axis_too():
    few = Overlap(("A", "B"), (3, 2, 3), ("pid",), None)
    _, bars, _, _ = drawn(few)
    ticks = bars.get_yticks()
    assert len(ticks) > 2 and all(tick == int(tick) for tick in ticks)


def test_a_table_too_wide_to_be_read_is_shown_in_parts_with_every_number():
    names = tuple(f"category {k}" for k in range(40))
    table = Table("By category", ("arm", *names), (("drug", *range(100, 140)), ("none", *range(200, 240))))
    shown = display.text(display.grid(table))
    assert all(word in shown for word in (*names, *map(str, (*range(100, 140), *range(200, 240)))))
    assert max(map(len, shown.splitlines())) <= 120 and shown.count("drug") == shown.count("By category") > 1
    assert display.bands(table, 2000) == [table]
