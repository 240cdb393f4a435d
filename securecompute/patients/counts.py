"""Counts of patients over several institutions, as expressions on shares, of which only gated numbers are shown.

Institutions stand in an order. Each but the first leads a linkage in which all before it are partners, so that for its
records the shares say at which of those they are known too:

    e_ij(b) = 1 if the record of i in bin b is also one of j's,      j < i

    common(T)   = Σ_b Π_(j in T, j < i) e_ij(b),   i = max T          patients known at all of T, others aside
    exactly(T)  = Σ_(U ⊇ T) (−1)^|U \\ T| common(U)                     at those of T and nowhere else
    first_i(b)  = Π_(j < i) (1 − e_ij(b))                             1 where no earlier one knows the patient of i

A patient is known at an institution if a record of the cohort has its identifier there. What is shown of a count n is
n if n = 0 or n ≥ k, the smallest cell, and that it is closed otherwise; n itself stays on shares.

Beside its counts every question shows w = Σ_i w_i in the same way: the records of the cohorts that have no readable
value in some field of the key, or none of several keys, at all institutions together. They take part in no count. No
w_i is shown, nor how many records repeat an identifier: with w and a `count` of the cohort that would give hidden
counts away.

Cost        N (N − 1) / 2 conversations of two, and a product for every set of institutions: so N is at most 8 where
            sets are counted; of distinct patients, N − 1 products a row.
Reference   inclusion and exclusion; the owner of a patient as in the reference's union, with the order reversed.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import reduce
from typing import Final

import numpy as np
from numpy.typing import NDArray

from securecompute.engine.rounds import Party
from securecompute.errors import InvalidRequest
from securecompute.programs.expressions import Expression, apply
from securecompute.programs.linkages import CELLS, TAG, TOTALS, Linkage, Parts, Side
from securecompute.programs.program import Input
from securecompute.programs.unidentified import MOST_RECORDS, source_of

EXACT: Final = "counts of patients with equal identifiers are exact"
MOST_SETS: Final = 8  # institutions of which every set is counted


@dataclass(frozen=True, slots=True)
class Sides:
    """Whose patients a question is about, and by which fields they are told apart: what its program is made from.

    on       the fields, with the kinds that the institutions told
    sides    in the order of the question
    further  of a question by several keys, those after the first
    """

    on: Parts
    sides: tuple[Side, ...]
    further: tuple[Parts, ...] = ()

    @property
    def keys(self) -> tuple[Parts, ...]:
        """In order of priority."""
        return (self.on, *self.further)

    @property
    def names(self) -> tuple[Party, ...]:
        """The institutions."""
        return tuple(side.party for side in self.sides)

    @property
    def linkages(self) -> tuple[Linkage, ...]:
        """One for each institution but the first, which leads it; those before it are its partners."""
        return tuple(Linkage(self.on, self.sides[i], self.sides[:i]) for i in range(1, len(self.sides)))


def words_of(linkage: Linkage, partner: Side, word: str | int) -> tuple[Expression, Expression]:
    """The leader's words and the partner's."""
    source = {"partner": partner.party, "word": word}
    leader, other = (
        Expression.of_input(Input(owner, source, (linkage.bins,), 1.0, True, words=True), linkage)
        for owner in (linkage.leader.party, partner.party)
    )
    return leader, other


def match_of(linkage: Linkage, partner: Side, least: int) -> Expression:
    """1 where the partner has the record of the leader's, else 0. least: with fewer, the program is refused"""
    return apply("match", *words_of(linkage, partner, TAG), least=least)


def matches(linkage: Linkage) -> list[Expression]:
    """e_ij for every partner j of the leader i."""
    return [match_of(linkage, partner, 0) for partner in linkage.partners]


def totals(linkage: Linkage, side: Side, names: Sequence[str], width: int) -> Expression:
    """A side's records by combination of categories, or all of them: (width,)."""
    source = {TOTALS: list(names)}
    return Expression.of_input(Input(side.party, source, (width,), float(side.records), True, least=0.0), linkage)


def cells(linkage: Linkage, names: Sequence[str], width: int) -> Expression:
    """A row of zeros and a one for each bin with a record of the leader: (bins, width)."""
    source = {CELLS: list(names)}
    return Expression.of_input(
        Input(linkage.leader.party, source, (linkage.bins, width), 1.0, True, least=0.0), linkage
    )


def common(linkages: Sequence[Linkage]) -> Expression:
    """Patients known at all of a set of institutions: one number for every set, (2^N - 1,).

    The set number m, from 1 on, holds institution j if bit j of m is set.

    raises   InvalidRequest  more institutions than can be counted so
    """
    sides = list(linkages[-1].sides.values())
    sides = [*sides[1:], sides[0]]
    if len(sides) > MOST_SETS:
        raise InvalidRequest(f"sets of at most {MOST_SETS} institutions are counted; name some, between=[...]")
    counts = [totals(linkages[0], sides[0], (), 1)]
    for linkage in linkages:
        counts.append(totals(linkage, linkage.leader, (), 1))
        known: list[Expression] = []  # the product of each set of partners, in the order of their numbers
        for match in matches(linkage):
            known += [match, *(apply("multiply", product, match) for product in known)]
        counts += [apply("reshape", apply("sum", each, axes=[0]), shape=[1]) for each in known]
    return apply("concatenate", *counts, axis=0)


def exactly(institutions: int) -> NDArray[np.float64]:
    """The matrix that turns `common` into numbers of patients at exactly the institutions of each set."""
    sets = np.arange(1, 1 << institutions)
    above = (sets[:, None] & sets[None, :]) == sets[:, None]
    odd = np.bitwise_count(sets[:, None] ^ sets[None, :]) % 2 == 1
    return np.where(above, np.where(odd, -1.0, 1.0), 0.0)


def without_key(sides: Sides) -> Expression:
    """Records of the cohorts that have none of the keys, at all institutions together: (1,)."""
    own = [
        Expression.of_input(
            Input(side.party, source_of(sides.keys, side.where), (1,), float(MOST_RECORDS), True, least=0.0)
        )
        for side in sides.sides
    ]
    return reduce(lambda a, b: apply("add", a, b), own)


def linear(matrix: NDArray[np.float64], counts: Expression) -> Expression:
    """Sums of counts: a public matrix of whole numbers (r, n), times (n,)."""
    return apply("sum", apply("multiply", matrix, counts), axes=[1])


def distinct(linkages: Sequence[Linkage], names: Sequence[str], width: int) -> Expression:
    """Distinct patients by combination of categories, as the first institution that knows them has it: (width,)."""
    first = linkages[0].partners[0]
    counted = totals(linkages[0], first, names, width)
    for linkage in linkages:
        unknown = [apply("subtract", 1.0, match) for match in matches(linkage)]
        alone = reduce(lambda a, b: apply("multiply", a, b), unknown)
        new = apply("matmul", apply("reshape", alone, shape=[1, linkage.bins]), cells(linkage, names, width))
        counted = apply("add", counted, apply("reshape", new, shape=[width]))
    return counted


def gated(counts: Expression, min_cell: int) -> Expression:
    """What may be shown of counts (n,): two rows, the count or 0 where it is closed, and whether it is."""
    none, small = apply("equal", counts, 0.0), apply("less", counts, float(min_cell))
    closed = apply("subtract", small, none)  # 0 is small, too
    shown = apply("multiply", counts, apply("subtract", 1.0, closed))
    return apply("stack", shown, closed, axis=0)
