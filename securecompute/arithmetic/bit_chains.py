"""Chains of comparisons of digits, on masked bits: which digit decides, and whether all are equal.

    L_i = l_i XOR e_i L_(i-1), L_0 = l_0            [c < r] of digits 0 to i, from [c_j < r_j] and [c_j = r_j]
    E_i = e_i E_(i-1), E_0 = e_0                    [c = r] of them

A product of shared bits comes from their masked values, which are public, and from shares of every product of masks:

    b_1 ... b_k = XOR over T of (product of (b_j XOR m_j), j not in T) (product of m_j, j in T)

taken variable by variable: with R[T] a table over the sets of variables not yet taken, R'[T] = R[T with j] XOR
(b_j XOR m_j) R[T]. From e_1 upwards every shorter chain stands in the table on the way, so all prefixes come for free.

Masks are needed of l_0 to l_(k-2), of e_1 to e_(k-1), and of e_0 for E; dealt are the products over
    {e_j: j in T},  {l_i} and {e_j: j in T, j > i},  {e_0} and {e_j: j in T}        for all T not empty
"""

from dataclasses import dataclass

import numpy as np

from securecompute.arithmetic.bit_planes import Planes


@dataclass(frozen=True, slots=True)
class Chains:
    """`count` chains of `length` digits each; wanted are L (`order`), E (`whole`) or both."""

    length: int
    count: int
    order: bool
    whole: bool

    @property
    def opened(self) -> int:
        """Bits of a chain that are shown masked."""
        if self.length == 1:
            return 0
        return (self.length - 1) * (1 + self.order) + self.whole

    @property
    def dealt(self) -> int:
        """Products of masks of a chain that are dealt."""
        if self.length == 1:
            return 0
        subsets = 1 << (self.length - 1)
        pairs = 2 * subsets - 2 - (self.length - 1) if self.order else 0
        return subsets - self.length + pairs + self.whole * (subsets - 1)

    def inputs(self, less: Planes | None, equal: Planes) -> Planes:
        """What is shown masked, of l and e, (length, count, row_bytes): (opened, count, row_bytes)."""
        if self.length == 1:
            return equal[:0]
        rows = [] if less is None else [less[:-1]]
        return np.concatenate([*rows, equal[1:], equal[: self.whole]])

    def products(self, masks: Planes) -> Planes:
        """What is dealt, from the masks (opened, count, row_bytes): (dealt, count, row_bytes)."""
        if self.length == 1:
            return masks[:0]
        lower, upper, whole = self._split(masks)
        sets = _subsets(upper)
        rows = [sets[_several(self.length - 1)]]
        rows += [lower[i] & sets[:: 1 << i][1:] for i in range(len(lower))]
        rows += [e_0 & sets[1:] for e_0 in whole]
        return np.concatenate(rows)

    def prefixes(
        self, shown: Planes, masks: Planes, products: Planes, less: Planes | None, equal: Planes, one: int
    ) -> tuple[Planes | None, Planes | None]:
        """This holder's shares of L_0 to L_(k-1) and of E_0 to E_(k-1), (length, count, row_bytes) each, if wanted.

        shown             the masked bits, public
        masks, products   shares of them
        less, equal       shares of l and e
        one               this holder's share of ones: 255 or 0
        """
        if self.length == 1:
            return less, equal if self.whole else None
        (l_shown, e_shown, e0_shown), (l_masks, e_masks, e0_mask) = self._split(shown), self._split(masks)
        several = _several(self.length - 1)
        sets = np.empty((1 << (self.length - 1), *shown.shape[1:]), np.uint8)
        sets[0] = one
        sets[[1 << j for j in range(self.length - 1)]] = e_masks
        sets[several] = products[: len(several)]
        tables, used = [], len(several)
        for i, mask in enumerate([*l_masks, *e0_mask]):
            over = sets[:: 1 << i] if i < len(l_masks) else sets
            bit = (*l_shown, *e0_shown)[i]
            tables.append(bit & over)
            tables[-1][0] ^= mask
            tables[-1][1:] ^= products[used : used + len(over) - 1]
            used += len(over) - 1
        whole = _folded([tables[-1]], e_shown, equal[0]) if self.whole else None
        if less is None:
            return None, whole
        order = _folded(tables[: self.length - 1], e_shown, less[0])
        order[-1] ^= less[-1]
        return order, whole

    def _split(self, rows: Planes) -> tuple[Planes, Planes, Planes]:
        """Of rows like `inputs`: of l_0 to l_(k-2), of e_1 to e_(k-1), of e_0."""
        lower = (self.length - 1) * self.order
        upper = lower + self.length - 1
        return rows[:lower], rows[lower:upper], rows[upper:]


def _folded(tables: list[Planes], e_shown: Planes, first: Planes) -> Planes:
    """All prefixes. tables: of l_i over the e above it, for every i but the last; or of e_0 alone."""
    prefixes = np.empty((len(e_shown) + 1, *first.shape), np.uint8)
    prefixes[0], table = first, tables[0]
    for i, e in enumerate(e_shown, 1):
        table = table[1::2] ^ (e & table[::2])
        if i < len(tables):
            table ^= tables[i]
        prefixes[i] = table[0]
    return prefixes


def _subsets(masks: Planes) -> Planes:
    """The product of every set of masks; bit j of a row's number says whether mask j is in it."""
    table = np.empty((1 << len(masks), *masks.shape[1:]), np.uint8)
    table[0] = 255
    for j, mask in enumerate(masks):
        np.bitwise_and(table[: 1 << j], mask, out=table[1 << j : 2 << j])
    return table


def _several(variables: int) -> list[int]:
    """Numbers of the sets of two or more variables."""
    return [t for t in range(1 << variables) if t & (t - 1)]
