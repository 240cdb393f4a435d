"""Columns put at secret ranks: numpy's, of every shape and ring; cost; views."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from securecompute.arithmetic.rings import Ring
from securecompute.engine.local import play
from securecompute.errors import InvalidRequest, PeerMisbehaved
from securecompute.protocols.products import arranging
from securecompute.protocols.products.arranging import arrange
from securecompute.protocols.products.ranking import Ranks, sources
from tests.protocols.products.playing import TRIO, alone, received, words
from tests.protocols.products.views import alike, parties, uniform


def ranks_of(party, to):
    """Shares of public ranks."""
    mask = np.random.default_rng(3).integers(0, 2**32, len(to), np.uint32)
    own = (np.asarray(to, np.uint32) - mask, mask, np.zeros_like(mask))
    return Ranks(own[party.index])


def arranged(to):
    """`arrange` by these ranks, of several, as the harness takes results."""

    def part(party, *columns):
        return tuple((yield from arrange(party.at("arrange"), ranks_of(party, to), columns)))

    return part


@given(st.integers(0, 8), st.data())
def test_row_i_goes_to_the_place_of_its_rank(n, data):
    to = data.draw(st.permutations(range(n)))
    columns = []
    for ring in (Ring.Z64, Ring.Z128):
        tail = data.draw(st.lists(st.integers(0, 3), max_size=2))
        columns.append(words(np.arange(n * int(np.prod(tail))).reshape(n, *tail) - 9, ring))
    got, _ = alone(arranged(to), *columns, seed=data.draw(st.integers(0, 99)))
    for before, after in zip(columns, got, strict=True):
        assert after.ring is before.ring
        assert (after[np.array(to, int)].words == before.words).all()


@pytest.mark.parametrize("ring", [Ring.Z64, Ring.Z128], ids=str)
def test_the_cost_line_is_true(ring):
    to = np.arange(20)[::-1]
    _, played = alone(arranged(to), words(np.arange(20), ring), words(np.arange(60).reshape(20, 3), ring))
    w = 80 * ring.item_bytes
    assert played.rounds == 4
    assert played.sent == {"P0": 4 * 20 + 2 * w, "P1": 8 * 20 + 2 * w, "P2": 4 * 20 + w}
    assert not played.views["P2"]


@pytest.mark.parametrize(("rows", "message"), [([3], "an order of 2"), ([], "equally many"), ([2, 3], "equally many")])
def test_columns_of_other_rows_are_refused(rows, message):
    with pytest.raises(InvalidRequest, match=message):
        alone(arranged([1, 0]), *(words(np.zeros(n, int)) for n in rows))


def views():
    """party -> words received, but for the opened ranks; and shares of the result."""
    to, held = np.arange(4096)[::-1], {}

    def part(party, x):
        (held[party.index],) = yield from arrange(party.at("arrange"), ranks_of(party, to), [x])
        return held[party.index]

    shares = alike(77, 4096, Ring.Z64)
    played = play({me: part(party, x) for me, party, x in zip(TRIO, parties(), shares, strict=True)})
    return {p: received(played, p) for p in TRIO}, held


def test_an_evaluator_sees_the_ranks_in_an_order_that_is_uniform_and_else_uniform_words():
    seen, held = views()
    assert [len(seen[p]) for p in TRIO] == [4, 5, 0]
    opened = [each for each in seen["P0"] if each.dtype == np.uint32][1]
    table = np.zeros((8, 8))
    np.add.at(table, (opened // 512, np.arange(4096) // 512), 1)
    assert sorted(opened) == list(range(4096))
    assert ((table - 64) ** 2 / 64).sum() < 100  # 49 degrees of freedom
    assert all(uniform(each) for p in TRIO for each in seen[p] if each is not opened)
    assert all(uniform(share.words) for i in range(3) for share in (held[i].mine, held[i].next))


@pytest.mark.parametrize(("key", "party"), [("mine", "P1"), ("next", "P0")])
def test_a_result_resent_without_its_mask_is_seen(key, party, monkeypatch):
    """What one evaluator sends last, and the other's own share of the result before, would add up to the result."""
    real, mine = arranging._seeds, {}

    def seeds(at, forms, which):
        drawn = real(at, forms, which)
        return [each - each for each in drawn] if which == key and not at.deals else drawn

    def renewed(x, index):
        mine[index] = x
        return x

    first, second = arranging.dealt_shuffle.sent_by_first, arranging.dealt_shuffle.received_by_second

    def sent_by_first(*given):
        messages, shares = first(*given)
        return messages, renewed(shares, "P0")

    monkeypatch.setattr(arranging.dealt_shuffle, "sent_by_first", sent_by_first)
    monkeypatch.setattr(arranging.dealt_shuffle, "received_by_second", lambda *given: renewed(second(*given), "P1"))

    def total():
        seen, _ = views()
        numbers = next(each for each in (seen["P0"][2], mine["P1"][0]) if sorted(each) == list(range(4096)))
        return seen[party][-1] + mine[party][1].words[sources(numbers)]

    assert uniform(total())
    monkeypatch.setattr(arranging, "_seeds", seeds)
    assert not uniform(total())


def test_a_permutation_of_ranks_is_needed():
    with pytest.raises(PeerMisbehaved, match="is not one"):
        alone(arranged([0, 0]), words([1, 2]))
