"""The gate: which entries of a total may be shown.

    a count c is shown if c = 0 or c ≥ k                       k = min_cell
    a sum is shown if the count that governs it is shown

Security   The gate runs where the total is revealed and binds whoever runs it: the collector sees the total before
           the gate does. What it returns is all that an analysis, an answer or a log ever gets. A hidden count is
           known to lie in 1..k-1. Not promised: several questions together may narrow a hidden count down.
Cost       None between parties.
"""

from collections.abc import Sequence

from securecompute.disclosure.layout import Layout
from securecompute.disclosure.rules import Rules
from securecompute.errors import PeerMisbehaved
from securecompute.values import Released


def release(layout: Layout, total: Sequence[int], rules: Rules) -> Released:
    """The entries that may be shown, None in place of the others. Run by the collector.

    total    exact integers, the institutions' vectors added up, laid out as `layout`
    raises   PeerMisbehaved  a count is negative, so that some institution sent a wrong vector
             InternalFault   the total has not the layout's length
    """
    parts = layout.split(total)
    shown: list[int | None] = []
    for segment in layout:
        counts = parts[segment.governed_by or segment.name]
        if any(count < 0 for count in counts):
            raise PeerMisbehaved(
                f"the total of segment '{segment.name}' cannot be a count: an institution sent a wrong vector. "
                "Nothing was shown; ask the stewards to compare their versions and data."
            )
        visible = (count == 0 or count >= rules.min_cell for count in counts)
        shown += [entry if may else None for entry, may in zip(parts[segment.name], visible, strict=True)]
    return Released(tuple(shown))
