"""Charts of patients whom several institutions know, drawn within given axes from released numbers only.

    bars                patients at exactly the institutions below, most first               names of
    dots and a line     which institutions these are: one row each      matrix of pairs: patients in common

Sets without patients are left out, and what is left out is said. A hidden number is written where its bar would stand,
and a withheld one in its cell of the matrix: neither is drawn as zero, nor shaded.

Reference  bars over dots as in Lex et al., UpSet, IEEE TVCG 2014.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from securecompute.analyses.formats import whole
from securecompute.analyses.plots import COLOURS, GREY, absent, labelled_rows, title
from securecompute.analyses.result import Count, Hidden, Total

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from securecompute.patients.overlap import Overlap

MOST_SETS: Final = 40  # that are drawn, those with most patients
_LEVEL = 10  # numbers over at most so many bars are written level, over more upright
_LONGEST = 16  # characters of a name above the matrix
_FAINT, _BAND = "#DDDDDD", "#F2F2F2"
_SET, _PAIR, _LINE = 0.3, 0.62, 0.34  # inches: a bar, a cell of the matrix, a row
_NAMES, _ABOVE, _GAP = 1.9, 0.9, 0.03  # inches: names beside rows, title and line below; share between bars and matrix


def overlap(axes: "Axes", result: "Overlap") -> None:
    """Sets of institutions with their patients, and what two have in common."""
    sets, left_out = drawn_sets(result)
    n = len(result.institutions)
    axes.set_axis_off()
    title(axes, "Patients by the institutions that know them", result.where)
    width, height = size(result)
    matrix, dots = n * _PAIR / (width - _NAMES), n * _LINE / (height - _ABOVE)
    above = axes.inset_axes((0, dots, 1 - matrix - _GAP, 1 - dots))
    below = axes.inset_axes((0, 0, 1 - matrix - _GAP, dots))
    _bars(above, [result.exactly[m - 1] for m in sets])
    _dots(below, result.institutions, sets)
    _matrix(axes.inset_axes((1 - matrix, 0, matrix, dots)), result)
    below.set_xlabel(f"at exactly these institutions{left_out}", fontsize=9, loc="left")


def size(result: "Overlap") -> tuple[float, float]:
    """Width and height in inches at which everything can be read."""
    sets, n = len(drawn_sets(result)[0]), len(result.institutions)
    return min(16.0, max(8.4, _NAMES + (sets + 1) * _SET + n * _PAIR)), 3.4 + n * _LINE


def drawn_sets(result: "Overlap") -> tuple[list[int], str]:
    """The numbers of the sets that are drawn, most patients first and hidden ones last, and which are not."""
    known = [m for m, n in enumerate(result.exactly, 1) if not isinstance(n, Hidden) and n > 0]
    hidden = [m for m, n in enumerate(result.exactly, 1) if isinstance(n, Hidden)]
    none = len(result.exactly) - len(known) - len(hidden)
    known.sort(key=lambda m: -_least(result.exactly[m - 1]))
    sets = [*known, *hidden][:MOST_SETS]
    fewer = len(known) + len(hidden) - len(sets)
    told = [f"{fewer} sets with fewer"] if fewer else []
    told += [f"{none} set{'s' * (none != 1)} without patients"] if none else []
    return sets, f" (not drawn: {' and '.join(told)})" if told else ""


def multiplicities(axes: "Axes", seen_at: Sequence[Count], where: str | None) -> None:
    """A bar for each number of institutions: the patients whom exactly so many know."""
    reach = max((n for n in seen_at if isinstance(n, int)), default=0)
    for row, n in enumerate(seen_at):
        if isinstance(n, Hidden):
            absent(axes, row, f"{n}: hidden")
        else:
            axes.barh(row, n, height=0.6, color=COLOURS[0], alpha=0.85)
            axes.text(n + 0.01 * reach, row, whole(n), va="center", ha="left", fontsize=9)
    labelled_rows(axes, [f"{c} institution{'s' * (c > 1)}" for c in range(1, len(seen_at) + 1)])
    axes.set_xlim(0, 1.12 * reach if reach else 1)
    if not reach:
        axes.set_xticks([])
    axes.xaxis.set_major_formatter("{x:,.0f}")
    axes.set_xlabel("patients known to exactly so many")
    title(axes, "Patients by the number of institutions that know them", where)


def _bars(axes: "Axes", counts: Sequence[Count]) -> None:
    from matplotlib.ticker import MaxNLocator

    known = [n for n in counts if isinstance(n, int)]
    reach = max(known, default=0)
    axes.bar(range(len(known)), known, width=0.62, color=COLOURS[0])
    upright = len(counts) > _LEVEL
    for column, n in enumerate(counts):
        at = n if isinstance(n, int) else 0
        axes.text(
            column,
            at + 0.02 * (reach or 1),
            whole(n) if isinstance(n, int) else str(n),
            rotation=90 if upright else 0,
            ha="center",
            va="bottom",
            fontsize=9,
            color="black" if isinstance(n, int) else GREY,
            style="normal" if isinstance(n, int) else "italic",
        )
    axes.set_xlim(-0.6, max(len(counts), 1) - 0.4)
    axes.set_ylim(0, (1.3 if upright else 1.12) * (reach or 1))
    axes.set_xticks([])
    axes.set_ylabel("patients")
    axes.yaxis.set_major_formatter("{x:,.0f}")
    axes.yaxis.set_major_locator(MaxNLocator(nbins=8, integer=True, steps=[1, 2, 5, 10]))
    axes.spines[["top", "right"]].set_visible(False)
    if not reach:
        axes.set_yticks([])


def _dots(axes: "Axes", names: Sequence[str], sets: Sequence[int]) -> None:
    for row in range(0, len(names), 2):
        axes.axhspan(row - 0.5, row + 0.5, color=_BAND, lw=0)
    for column, number in enumerate(sets):
        inside = [row for row in range(len(names)) if number >> row & 1]
        outside = [row for row in range(len(names)) if not number >> row & 1]
        axes.scatter([column] * len(outside), outside, s=34, color=_FAINT, zorder=2)
        axes.plot([column, column], [inside[0], inside[-1]], color="black", lw=1.6, zorder=3)
        axes.scatter([column] * len(inside), inside, s=34, color="black", zorder=4)
    labelled_rows(axes, names)
    axes.set_xlim(-0.6, max(len(sets), 1) - 0.4)
    axes.set_xticks([])
    axes.spines[:].set_visible(False)


def _matrix(axes: "Axes", result: "Overlap") -> None:
    """Patients in common of every two, and on the diagonal of each; the names stand beside the dots, and above."""
    names = result.institutions
    pairs = [[result.shared(a, b) for b in names] for a in names]
    most = max((n for row in pairs for n in row if isinstance(n, int)), default=0)
    for i, row in enumerate(pairs):
        for j, n in enumerate(row):
            shade = 0.1 + 0.5 * n / most if isinstance(n, int) and n else 0.0
            axes.fill([j - 0.5, j + 0.5, j + 0.5, j - 0.5], [i - 0.5, i - 0.5, i + 0.5, i + 0.5], color=COLOURS[4])
            axes.patches[-1].set_alpha(shade)
            told = whole(n) if isinstance(n, int) else str(n)
            style, colour = ("normal", "black") if isinstance(n, int) else ("italic", GREY)
            axes.text(j, i, told, ha="center", va="center", fontsize=8, style=style, color=colour)
    labels = [name if len(name) <= _LONGEST else f"{name[: _LONGEST - 1]}…" for name in names]
    tilt = 0 if max(map(len, labels)) <= _LONGEST // 2 else 40
    axes.set_xticks(range(len(names)), labels=labels, fontsize=9, rotation=tilt, ha="left" if tilt else "center")
    axes.xaxis.tick_top()
    axes.tick_params(length=0)
    axes.set_yticks([])
    axes.set_xlim(-0.5, len(names) - 0.5)
    axes.set_ylim(len(names) - 0.5, -0.5)
    axes.spines[:].set_visible(False)
    axes.set_xlabel("known to both", fontsize=9)


def _least(n: Total) -> int:
    return n if isinstance(n, int) else 0
