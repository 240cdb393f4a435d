"""How results are drawn: on given axes, from released numbers only, in colours that colour-blind readers tell apart.

What is hidden or withheld is written where it would have been drawn; nothing is drawn as zero in its place. Intervals
of risks are Wilson's, which stay within 0 and 1 (Wilson, JASA 1927).
"""

from collections.abc import Sequence
from textwrap import shorten, wrap
from typing import TYPE_CHECKING

from securecompute.analyses.formats import percent, whole
from securecompute.analyses.result import LEVEL, Count, Estimate, Statistic, Total

if TYPE_CHECKING:
    from matplotlib.axes import Axes

# Okabe and Ito (2008), without black, yellow last because it is faint on white
COLOURS = ("#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#D55E00", "#F0E442")
_HATCHES = ("", "//", "..", "xx", "\\\\")  # tell categories apart once the colours repeat
GREY = "#666666"
_TITLE_WIDTH, _LONGEST_COHORT = 72, 200  # characters
_LABELLED = 0.06  # a share narrower than this has no room for its number


def title(axes: "Axes", subject: str, where: str | None, below: str = "") -> None:
    """What is drawn, of which cohort, and a line of results; long cohorts are cut."""
    cohort = shorten(f"where {where}", _LONGEST_COHORT, placeholder=" …") if where else ""
    lines = [line for text in (subject, cohort, below) for line in wrap(text, _TITLE_WIDTH)]
    axes.set_title("\n".join(lines), fontsize=11)


def big_number(axes: "Axes", number: str, below: str) -> None:
    """One number, large, with a line of text under it."""
    axes.set_axis_off()
    axes.text(0.5, 0.58, number, ha="center", va="center", fontsize=26, color=COLOURS[0], transform=axes.transAxes)
    axes.text(0.5, 0.32, below, ha="center", va="center", fontsize=11, color=GREY, wrap=True, transform=axes.transAxes)


def risks(axes: "Axes", labels: Sequence[str], events: Sequence[Count], totals: Sequence[Total], event: str) -> None:
    """A bar for each row's risk of the event, with its interval and events/total."""
    from scipy.stats import binomtest

    reach = 0.0
    notes: list[tuple[int, float, str]] = []
    for i, (n, total) in enumerate(zip(events, totals, strict=True)):
        if not isinstance(n, int) or not isinstance(total, int):
            absent(axes, i, "hidden: too few patients")
        elif total == 0:
            absent(axes, i, "no patients")
        else:
            interval = binomtest(n, total).proportion_ci(LEVEL, method="wilson")
            risk, low, high = 100 * n / total, 100 * float(interval.low), 100 * float(interval.high)
            axes.barh(i, risk, height=0.55, color=COLOURS[i if len(labels) == 2 else 0], alpha=0.85)
            axes.errorbar(risk, i, xerr=[[max(risk - low, 0)], [max(high - risk, 0)]], color="black", capsize=4, lw=1.2)
            notes.append((i, high, f"{whole(n)}/{whole(total)}\n{percent(n, total)}"))
            reach = max(reach, high)
    for i, high, text in notes:
        axes.text(high + 0.02 * reach, i, text, va="center", ha="left", fontsize=9)
    labelled_rows(axes, labels)
    axes.set_xlim(0, 1.22 * reach if notes else 1)
    if not notes:
        axes.set_xticks([])
    axes.set_xlabel(f"patients with {event} (%), 95 % confidence interval (Wilson)")


def shares(
    axes: "Axes",
    labels: Sequence[str],
    categories: Sequence[str],
    counts: Sequence[Sequence[Count]],
    legend: str,
) -> None:
    """A stacked bar for each row: the share of each category, its count written in it where there is room."""
    from matplotlib.patches import Patch

    styles = [(COLOURS[j % len(COLOURS)], _HATCHES[j // len(COLOURS) % len(_HATCHES)]) for j in range(len(categories))]
    for i, row in enumerate(counts):
        known = [n for n in row if isinstance(n, int)]
        total = sum(known)
        if len(known) < len(row):
            absent(axes, i, "a cell is hidden: shares withheld", at=50)
        elif total == 0:
            absent(axes, i, "no patients", at=50)
        else:
            start = 0
            for n, (colour, hatch) in zip(known, styles, strict=True):
                width, left = 100 * n / total, 100 * start / total
                axes.barh(i, width, left=left, height=0.7, color=colour, hatch=hatch, ec="white")
                if n / total >= _LABELLED:
                    box = {"boxstyle": "round,pad=0.15", "fc": "white", "ec": "none", "alpha": 0.85}
                    axes.text(left + width / 2, i, whole(n), ha="center", va="center", fontsize=9, bbox=box)
                start += n
            axes.text(101, i, f"n {whole(total)}", va="center", ha="left", fontsize=9, color=GREY)
    labelled_rows(axes, labels)
    axes.set_xlim(0, 100)
    axes.set_xlabel("share of the row's patients (%)")
    patches = [
        Patch(facecolor=colour, hatch=hatch, edgecolor="white", label=category)
        for category, (colour, hatch) in zip(categories, styles, strict=True)
    ]
    columns = 1 + (len(categories) - 1) // 16
    axes.legend(
        handles=patches, title=legend, loc="upper left", bbox_to_anchor=(1.12, 1.02), frameon=False, ncols=columns
    )


def means(axes: "Axes", labels: Sequence[str], groups: Sequence[tuple[Count, Statistic]]) -> None:
    """A point for each mean, with its interval; n beside it."""
    from matplotlib.transforms import blended_transform_factory

    beside = blended_transform_factory(axes.transAxes, axes.transData)
    drawn = False
    for i, (n, mean) in enumerate(groups):
        if isinstance(mean, Estimate):
            low = mean.value if mean.low is None else mean.low
            high = mean.value if mean.high is None else mean.high
            spread = [[mean.value - low], [high - mean.value]]
            axes.errorbar(mean.value, i, xerr=spread, fmt="o", ms=7, color=COLOURS[0], capsize=5, lw=1.6)
            drawn = True
        else:
            words = "hidden: too few patients" if not isinstance(n, int) else str(mean)
            axes.text(0.5, i, words, transform=beside, ha="center", va="center", style="italic", color=GREY)
        axes.text(
            1.02,
            i,
            f"n {whole(n) if isinstance(n, int) else n}",
            transform=beside,
            ha="left",
            va="center",
            fontsize=9,
            color=GREY,
        )
    labelled_rows(axes, labels)
    axes.set_ylim(len(labels) - 0.4, -0.6)
    axes.grid(axis="x", color="#dddddd", lw=0.8)
    axes.set_axisbelow(True)
    if not drawn:
        axes.set_xticks([])


def absent(axes: "Axes", i: int, words: str, at: float = 0) -> None:
    """Words in a row that has no bar."""
    axes.text(at, i, f" {words}", ha="center" if at else "left", va="center", style="italic", color=GREY)


def labelled_rows(axes: "Axes", labels: Sequence[str], most: int = 28) -> None:
    """One labelled row for each category, the first on top, without a frame. most: characters of a label"""
    axes.set_yticks(range(len(labels)), labels=[shortened(label, most) for label in labels])
    axes.set_ylim(len(labels) - 0.5, -0.5)
    axes.tick_params(axis="y", length=0)
    axes.spines[["top", "right"]].set_visible(False)


def shortened(label: str, most: int = 28) -> str:
    return label if len(label) <= most else f"{label[: most - 1]}…"
