"""Matches of a linkage, and the numbers that matched records bring along: what its words are for.

    match(t', t) = [t' = t]  in every bin          fetch(e, p', u) = e (p' + u)   (mod 2^64)
    arrange(o, e)_o(b) = e_b                       o, an order of the bins that the leader knows

t is the partner's secret for a bin, and t' what the leader has learned in its place: the same where the partner has the
bin's record, else uniform. So is p' + u the partner's number there, at the scale that the plan of the program gives it,
and elsewhere a uniform word that the product with 0 removes. A false match has probability 2^-64 a bin, 2^-40 in all.

Of several partners the product of their matches says whether all have the record; `enough` refuses if few are so.

An order is opened shuffled, as the ranks of a sort are: uniform, whatever it was. A leader that is a compute party
knows it, and finds out how the other evaluator shuffled these rows; that permutation hides the order and nothing else.
What a leader enters that is no order says nothing of anybody's records, and ends the run.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from securecompute.engine.rounds import Part
from securecompute.errors import DisclosureRefused, InvalidRequest
from securecompute.primitives.cuckoo import MOST
from securecompute.programs import attributes
from securecompute.programs.linear import silent
from securecompute.programs.operation import (
    Attributes,
    Deviation,
    Elementwise,
    Estimate,
    Operand,
    Shape,
    Site,
    ValueType,
    secret,
)
from securecompute.protocols.products.arranging import arrange
from securecompute.protocols.products.compute_party import ComputeParty
from securecompute.protocols.products.dealing import additive
from securecompute.protocols.products.equality import equal
from securecompute.protocols.products.fixed import Fixed
from securecompute.protocols.products.multiplication import multiply
from securecompute.protocols.products.ranking import Ranks
from securecompute.protocols.products.replicated import Replicated
from securecompute.protocols.products.verdict import refuse_if_any


class Match(Elementwise):
    """Where the partner has the leader's record. least: with fewer matches than these, the program is refused."""

    name = "match"
    arity = 2
    attributes: ClassVar[Mapping[str, Any]] = {"least": attributes.whole(0, MOST)}
    opens = "whether enough records match for the program to go on"
    takes_words = True

    def result(self, x: Sequence[ValueType], a: Attributes) -> ValueType:
        if not all(each.words for each in x) or x[0].shape != x[1].shape:
            raise InvalidRequest("match takes the leader's and the partner's words of one linkage")
        return ValueType(x[0].shape, 1.0, integer=True, least=0.0)

    def opened(self, a: Attributes) -> str:
        return self.opens if a["least"] else ""

    def wants(self, x: Sequence[ValueType], site: Site) -> Sequence[int]:
        return [0, 0]

    def run(self, party: ComputeParty, x: Sequence[Operand], site: Site) -> Part[Fixed]:
        tags, least = [secret(each).share for each in x], int(site.attributes["least"])
        same = yield from equal(party.at("equal"), *tags)
        yield from _refuse_fewer(party, same, least, site) if least else silent(None)
        return Fixed.of(same, 0, 1.0)

    def error(self, x: Sequence[Estimate], site: Site, scale: int) -> Deviation:
        return Deviation(0.0)


class Enough(Elementwise):
    """Zeros and ones as they are. least: with fewer ones than these, the program is refused."""

    name = "enough"
    attributes: ClassVar[Mapping[str, Any]] = {"least": attributes.whole(1, MOST)}
    opens = Match.opens

    def result(self, x: Sequence[ValueType], a: Attributes) -> ValueType:
        if not (x[0].integer and x[0].bound <= 1 and x[0].least >= 0):
            raise InvalidRequest("enough takes zeros and ones, such as a product of matches")
        return x[0]

    def wants(self, x: Sequence[ValueType], site: Site) -> Sequence[int]:
        return [0]

    def run(self, party: ComputeParty, x: Sequence[Operand], site: Site) -> Part[Fixed]:
        yield from _refuse_fewer(party, secret(x[0]).share, int(site.attributes["least"]), site)
        return secret(x[0])

    def error(self, x: Sequence[Estimate], site: Site, scale: int) -> Deviation:
        return Deviation(0.0)

    def grown(self, x: Sequence[ValueType], a: Attributes) -> int:
        return x[0].size

    def rehearsal_inputs(self, shapes: Sequence[Shape], bounds: Sequence[float]) -> Sequence[NDArray[np.float64]]:
        return [np.ones(shapes[0])]


def _refuse_fewer(party: ComputeParty, ones: Replicated, least: int, site: Site) -> Part[None]:
    whole = ones.size == site.result.size  # else a rehearsal on few bins, all of which match
    lacking = (-ones.sum().reshape((1,))) + (least if whole else 0)
    yield from refuse_if_any(party.at("least"), lacking, f"fewer than {least} records match", DisclosureRefused)


class Fetch(Elementwise):
    """The partner's number where a record matched, 0 elsewhere. bound, integer: of the number, as of an input."""

    name = "fetch"
    arity = 3
    attributes: ClassVar[Mapping[str, Any]] = {"bound": attributes.real(0, 2.0**53), "integer": attributes.truth}
    takes_words = True

    def result(self, x: Sequence[ValueType], a: Attributes) -> ValueType:
        if [each.words for each in x] != [False, True, True] or len({each.shape for each in x}) > 1:
            raise InvalidRequest("fetch takes a match, and the leader's and the partner's words of its linkage")
        return ValueType(x[0].shape, max(float(a["bound"]), 2.0**-30), a["integer"])

    def wants(self, x: Sequence[ValueType], site: Site) -> Sequence[int]:
        return [0, 0, 0]

    def run(self, party: ComputeParty, x: Sequence[Operand], site: Site) -> Part[Fixed]:
        matched, learned, known = (secret(each).share for each in x)
        share = yield from multiply(party, matched, learned + known)
        return Fixed.of(share, fetched_scale(site), site.result.bound)

    def error(self, x: Sequence[Estimate], site: Site, scale: int) -> Deviation:
        return Deviation(0.0 if site.result.integer else 2.0 ** -(scale + 1))


class Arrange(Elementwise):
    """What a linkage gave, in the order that its leader knows: 4 rounds."""

    name = "arrange"
    arity = 2
    takes_words = True

    def result(self, x: Sequence[ValueType], a: Attributes) -> ValueType:
        if [each.words for each in x] != [True, False] or x[0].shape != x[1].shape or len(x[0].shape) != 1:
            raise InvalidRequest("arrange takes the order of a linkage, and a match of it")
        return replace(x[1], norms=None)

    def wants(self, x: Sequence[ValueType], site: Site) -> Sequence[int]:
        return [0, site.demand]

    def run(self, party: ComputeParty, x: Sequence[Operand], site: Site) -> Part[Fixed]:
        places, values = (secret(each) for each in x)
        share = additive(party, places.share)
        mod_2_32 = np.zeros(places.shape, np.uint32) if share is None else share.words.astype(np.uint32)
        (placed,) = yield from arrange(party, Ranks(mod_2_32), [values.share])
        return Fixed(placed, values.type)

    def error(self, x: Sequence[Estimate], site: Site, scale: int) -> Deviation:
        return Deviation(x[1].error)

    def rehearsal_inputs(self, shapes: Sequence[Shape], bounds: Sequence[float]) -> Sequence[NDArray[np.float64]]:
        return [np.arange(*shapes[0], dtype=np.float64), np.zeros(shapes[1])]


def fetched_scale(site: Site) -> int:
    """The fractional bits with which the partner of a linkage encodes the numbers of a fetch."""
    return 0 if site.result.integer else site.demand


OPERATIONS = (Match(), Enough(), Fetch(), Arrange())
