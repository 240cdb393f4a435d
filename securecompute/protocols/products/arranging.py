"""Columns put in the order of secret ranks: row i goes to the place that its rank says, which nobody learns.

    (ranks, columns) are shuffled together, the ranks are opened, the evaluators put every row where it goes;
    then the columns are made replicated:   s_0 = F(k_0), s_2 = F(k_2), s_1 = x − s_0 − s_2

    P_1 → P_0: the shuffle's    P_0 → P_1: the shuffle's    P_1 → P_0: the ranks, x_1 − s_2    P_0 → P_1: x_0 − s_0

Security   Semi-honest, one corrupted. The ranks are opened in an order that is uniform to each evaluator, so they are a
           uniform permutation, whatever they were. The rest is as in `dealt_shuffle` and `dealing.reshare`. Leakage:
           shapes. The dealer receives nothing.
Cost       4 rounds. 4 bytes a row from P_0 and the dealer, 8 from P_1; per element, w = 8 or 16 bytes, 2w from both
           evaluators and w from the dealer.
Reference  Chida, Hamada, Ikarashi, Kikuchi, Kiribuchi, Pinkas, ePrint 2019/695; `dealt_shuffle`.
"""

from collections.abc import Sequence

import numpy as np

from securecompute.arithmetic.ring_arrays import RingArray
from securecompute.engine.rounds import Part, Round
from securecompute.errors import InvalidRequest
from securecompute.protocols.products import dealt_shuffle
from securecompute.protocols.products.compute_party import ComputeParty, Key
from securecompute.protocols.products.dealing import Form, additive, expected, packed, unpacked
from securecompute.protocols.products.dealt_shuffle import Column, words
from securecompute.protocols.products.ranking import Ranks, sources
from securecompute.protocols.products.replicated import Replicated
from securecompute.protocols.products.shuffle import rows_of


def arrange(party: ComputeParty, ranks: Ranks, columns: Sequence[Replicated]) -> Part[list[Replicated]]:
    """The columns with row i, along the first axis, at ranks[i]. Run by each of the three.

    columns   any shapes and rings with as many rows as there are ranks
    raises    InvalidRequest  a column has other rows
              PeerMisbehaved  what was opened is not an order
    """
    if rows_of([x.shape for x in columns]) != ranks.rows:
        raise InvalidRequest(f"columns of {columns[0].shape[0]} rows cannot be put in an order of {ranks.rows}")
    forms = [words(ranks.rows, np.uint32, opened=True), *(Column(Form.of(x.mine)) for x in columns)]
    shares = [ranks.share, *(additive(party, x) for x in columns)]
    if party.index == 0:
        return (yield from _first(party, forms, shares))
    if party.index == 1:
        return (yield from _second(party, forms, shares))
    yield Round()
    yield Round(send={party.names[1]: packed(dealt_shuffle.dealt(party, forms))})
    yield Round()
    yield Round()
    seeds = zip(_seeds(party, forms, "mine"), _seeds(party, forms, "next"), strict=True)
    return [Replicated(party.index, s_2, s_0) for s_2, s_0 in seeds]


def _first(party: ComputeParty, forms: Sequence[Column], shares: Sequence[object]) -> Part[list[Replicated]]:
    specs = [c.form for c in forms]
    inbox = yield Round(expect={party.other: expected(specs)})
    messages, renewed = dealt_shuffle.sent_by_first(party, forms, shares, unpacked(specs, inbox[party.other]))
    yield Round(send={party.other: packed(messages)})
    inbox = yield Round(expect={party.other: expected(specs)})
    numbers, *theirs = unpacked(specs, inbox[party.other])
    come, seeds = sources(numbers), _seeds(party, forms, "mine")
    mine = [x[come] - s_0 for x, s_0 in zip(renewed[1:], seeds, strict=True)]
    yield Round(send={party.other: packed(mine)})
    return [Replicated(party.index, s_0, a + b) for s_0, a, b in zip(seeds, mine, theirs, strict=True)]


def _second(party: ComputeParty, forms: Sequence[Column], shares: Sequence[object]) -> Part[list[Replicated]]:
    specs = [c.form for c in forms]
    yield Round(send={party.other: packed(dealt_shuffle.sent_by_second(party, forms, shares))})
    inbox = yield Round(expect={party.other: expected(specs), party.dealer: expected(specs)})
    heard, corrections = unpacked(specs, inbox[party.other]), unpacked(specs, inbox[party.dealer])
    numbers, *shuffled = dealt_shuffle.received_by_second(party, forms, heard, corrections)
    come, seeds = sources(numbers), _seeds(party, forms, "next")
    mine = [x[come] - s_2 for x, s_2 in zip(shuffled, seeds, strict=True)]
    yield Round(send={party.other: packed([numbers, *mine])})
    inbox = yield Round(expect={party.other: expected(specs[1:])})
    theirs = unpacked(specs[1:], inbox[party.other])
    return [Replicated(party.index, a + b, s_2) for s_2, a, b in zip(seeds, mine, theirs, strict=True)]


def _seeds(party: ComputeParty, forms: Sequence[Column], key: Key) -> list[RingArray]:
    return [party.at("share", k).draw(key, "share", c.form.kind, c.form.shape) for k, c in enumerate(forms[1:])]
