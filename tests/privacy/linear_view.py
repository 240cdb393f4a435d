"""What a linear view gives away, exactly.

Each thing seen is a combination of inputs x and of formal uniform masks r that the viewer cannot compute:

    view = A x + R r        over GF(p), p = 2⁶¹ − 1

A combination of rows in which R vanishes shows A x; every other is uniform. So after row reduction of [R | A] the
A-part of the rows without R is all that is learned. The rank of R must be the same over GF(2): were a mask's
coefficient even, low bits would show in a ring of 2ᵏ.
"""

from collections.abc import Hashable, Mapping

P = (1 << 61) - 1

Row = Mapping[Hashable, int]


class LinearView:
    """Rows of [R | A]. Inputs and masks are named by anything that can be a key of a dict."""

    def __init__(self, inputs, masks):
        self.inputs, self.masks = list(inputs), list(masks)
        self.rows = []

    def see(self, row: Row):
        """Add something seen: coefficients of inputs and masks, by name."""
        if unknown := row.keys() - {*self.inputs, *self.masks}:
            raise KeyError(f"unknown names: {unknown}")
        self.rows.append([row.get(name, 0) for name in (*self.masks, *self.inputs)])

    def learned(self):
        """A basis of the combinations of inputs that the view shows, modulo P."""
        return [row[len(self.masks) :] for row in reduced(self.rows, P) if not any(row[: len(self.masks)])]

    def learns_only(self, *allowed: Row):
        """Whether everything learned is a combination of these combinations of inputs, and no low bit leaks."""
        spanning = [[row.get(name, 0) for name in self.inputs] for row in allowed]
        within = len(reduced(spanning + self.learned(), P)) == len(reduced(spanning, P))
        masks = [row[: len(self.masks)] for row in self.rows]
        return within and len(reduced(masks, P)) == len(reduced(masks, 2))


def reduced(rows, p):
    """The rows that are not zero of the reduced row echelon form modulo a prime."""
    rows, done = [[v % p for v in row] for row in rows], 0
    for column in range(len(rows[0]) if rows else 0):
        pivot = next((k for k in range(done, len(rows)) if rows[k][column]), None)
        if pivot is None:
            continue
        rows[done], rows[pivot] = rows[pivot], rows[done]
        inverse = pow(rows[done][column], -1, p)
        rows[done] = [v * inverse % p for v in rows[done]]
        for k, row in enumerate(rows):
            if k != done and (factor := row[column]):
                rows[k] = [(v - factor * w) % p for v, w in zip(row, rows[done], strict=True)]
        done += 1
    return rows[:done]
