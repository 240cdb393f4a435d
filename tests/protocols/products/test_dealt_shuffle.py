"""The shuffle whose order the dealer knows: one order for all columns, opened or not, and every mask needed."""

import numpy as np
import pytest

from securecompute.arithmetic.ring_arrays import RingArray
from securecompute.arithmetic.rings import Ring
from securecompute.engine.local import play
from securecompute.engine.rounds import Round
from securecompute.protocols.products import dealt_shuffle as module
from securecompute.protocols.products.dealing import Form, expected, packed, unpacked
from securecompute.protocols.products.dealt_shuffle import Column, words
from tests.protocols.products.playing import TRIO, received
from tests.protocols.products.views import parties, uniform

N = 4096
NUMBERS = np.arange(N, dtype=np.uint32)
OPENED, BY_XOR = words(N, np.uint32, opened=True), words(N, np.uint64, by_xor=True)
ADDED, WIDE = words(N, np.uint32), Column(Form(Ring.Z128, (N, 2)))


def plain(column):
    """What is shuffled, and P_1's share of it: all rows alike but for the one that is opened."""
    if column is WIDE:
        ones = np.ones((N, 2), np.int64)
        return RingArray.integers(Ring.Z128, 9 * ones), RingArray.integers(Ring.Z128, 4 * ones)
    value = NUMBERS if column is OPENED else np.full(N, 9, column.form.kind)
    return value, np.full(N, 4, column.form.kind)


def run(columns, seed=0):
    """Each evaluator's new shares, the second's message as the first gets it, and all the play."""
    held = {}

    def part(party):
        forms = [c.form for c in columns]
        p0, p1, dealer = TRIO
        own = [
            second if party.index else c.minus(x, second)
            for c, (x, second) in zip(columns, map(plain, columns), strict=True)
        ]
        if party.deals:
            yield Round()
            yield Round(send={p1: packed(module.dealt(party, columns))})
        elif party.index == 1:
            yield Round(send={p0: packed(module.sent_by_second(party, columns, own))})
            inbox = yield Round(expect=dict.fromkeys((p0, dealer), expected(forms)))
            heard, corrections = (unpacked(forms, inbox[p]) for p in (p0, dealer))
            held[1] = module.received_by_second(party, columns, heard, corrections)
        else:
            inbox = yield Round(expect={p1: expected(forms)})
            messages, held[0] = module.sent_by_first(party, columns, own, unpacked(forms, inbox[p1]))
            yield Round(send={p1: packed(messages)})

    played = play({me: part(party) for me, party in zip(TRIO, parties(seed), strict=True)})
    return held, played


def raw(x):
    return x.words if isinstance(x, RingArray) else x


def test_all_columns_are_put_in_one_order_that_is_opened_or_stays_shared(monkeypatch):
    orders, real = {}, module.random_order

    def noted(party, key, n):
        orders[party.index, key] = real(party, key, n)
        return orders[party.index, key]

    monkeypatch.setattr(module, "random_order", noted)
    held, _ = run([OPENED, ADDED, BY_XOR, WIDE])
    opened, *second = held[1]
    nothing, *first = held[0]
    assert nothing is None
    assert (opened == NUMBERS[orders[0, "mine"]][orders[1, "next"]]).all()
    assert (orders[2, "next"] == orders[0, "mine"]).all() and (orders[2, "mine"] == orders[1, "next"]).all()
    assert (first[0] + second[0] == 9).all() and (first[1] ^ second[1] == 9).all()
    assert set((first[2] + second[2]).signed().ravel()) == {9}


def test_three_messages_of_the_columns_size_and_none_to_the_dealer():
    _, played = run([OPENED, BY_XOR, WIDE])
    assert played.sent == dict.fromkeys(TRIO, N * (4 + 8 + 32))
    assert not played.views["P2"]


@pytest.mark.parametrize("column", [ADDED, BY_XOR, WIDE])
def test_all_that_is_received_is_uniform_and_so_are_the_new_shares(column):
    held, played = run([column])
    assert all(uniform(each) for p in ("P0", "P1") for each in received(played, p))
    assert uniform(raw(held[0][0])) and uniform(raw(held[1][0]))


def without(monkeypatch, *purposes):
    """Streams that are all zeros."""
    real = Column.drawn

    def drawn(column, party, key, purpose):
        mask = real(column, party, key, purpose)
        return column.minus(mask, mask) if purpose in purposes else mask

    monkeypatch.setattr(Column, "drawn", drawn)


@pytest.mark.parametrize("column", [ADDED, BY_XOR, WIDE])
def test_a_mask_left_out_is_seen(column, monkeypatch):
    without(monkeypatch, "alpha")
    held, played = run([column])
    assert not uniform(received(played, "P0")[0])
    without(monkeypatch, "alpha", "alpha'")  # P_1 knows alpha
    assert not uniform(received(run([column])[1], "P1")[0])
    without(monkeypatch, "new share")
    held, _ = run([column])
    assert not uniform(raw(held[1][0]))


def test_a_mask_that_only_one_side_takes_off_spoils_the_result(monkeypatch):
    real = Column.drawn

    def drawn(column, party, key, purpose):
        mask = real(column, party, key, purpose)
        return column.plus(mask, mask) if party.deals and purpose == "alpha'" else mask

    monkeypatch.setattr(Column, "drawn", drawn)
    held, _ = run([ADDED])
    assert not (held[0][0] + held[1][0] == 9).all()
