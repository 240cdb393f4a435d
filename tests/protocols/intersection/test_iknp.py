"""Intersection by extended transfers, beyond what `test_two_party` says of it: its width, its store, its messages."""

from hashlib import blake2b
from math import comb

import numpy as np
import pytest

from securecompute.errors import InvalidRequest
from securecompute.primitives import okvs
from securecompute.protocols.intersection import iknp
from securecompute.protocols.intersection.header import public_key
from securecompute.protocols.intersection.iknp import cost, receive, send
from securecompute.protocols.intersection.tags import tag_bytes
from tests.protocols.intersection.sets import HEADER, identifiers, plain
from tests.protocols.intersection.two_party import IKNP, found, run
from tests.seeded import SeededRandomness


@pytest.fixture(autouse=True, scope="module")
def _warm():
    iknp.warm()


@pytest.fixture
def small_messages(monkeypatch):
    """Several messages of U, at sizes that a test can afford."""
    monkeypatch.setattr(iknp, "MOST_BYTES", 10_000)


def test_many_clusters_in_many_messages(monkeypatch):
    """Five clusters of one message each: what is decoded piece by piece is as right as in one."""
    monkeypatch.setattr(okvs, "layout", lambda n: okvs.Layout(5, 400, 700, 45))
    monkeypatch.setattr(iknp, "MOST_BYTES", 60_000)
    x, y = range(0, 1200), range(600, 1800)
    played = run(IKNP, x, y)
    assert [number for number, _ in played.views["S"]] == [0, 1, 2, 3, 4, 5]
    assert found(played, x) == list(range(600, 1200))


@pytest.mark.parametrize(("nx", "ny"), [(1, 1), (300, 4000), (4000, 300)])
def test_every_byte_of_the_cost_is_accounted_for(nx, ny, small_messages):
    played, stated = run(IKNP, range(nx), range(ny)), cost(nx, ny)
    pieces, size = len(list(okvs.pieces(okvs.layout(nx), 10_000 // 56))), tag_bytes(nx, ny)
    assert played.rounds == stated.rounds == 1 + pieces + 1
    assert played.sent["R"] == stated.receiver == 48 + 56 * okvs.layout(nx).size
    assert played.sent["S"] == stated.sender == 28_672 + size * ny


def test_the_width_gives_every_item_128_hidden_bits():
    """ny Pr[Bin(448, 1/2) < 128] <= 2^-40, in whole numbers."""
    light = sum(comb(iknp.WIDTH, ones) for ones in range(128))
    assert iknp.MOST_ITEMS * light << 40 <= 1 << iknp.WIDTH
    assert iknp.WIDTH == 448


def test_items_of_the_other_set_are_hidden_by_at_least_128_bits():
    """Decode(P, y) + h(y) for y outside X, which is what s is multiplied by; zero for x in X."""
    ids, code = identifiers(range(2000)), iknp._Code(HEADER)
    inside, outside = ids[:1000], ids[1000:]
    rows = okvs.rows(okvs.layout(1000), bytes(16), inside)
    store = okvs.encode(rows, code(inside), None)
    assert not (okvs.decode(rows, store) ^ code(inside)).any()
    seen = okvs.decode(okvs.rows(okvs.layout(1000), bytes(16), outside), store) ^ code(outside)
    ones = np.unpackbits(seen.view(np.uint8), axis=1).sum(axis=1)
    assert ones.min() > 150
    assert abs(ones.mean() - 224) < 2
    assert ones.std() < 13  # of 448 independent bits 10.6


def test_what_leaves_is_a_hash_of_all_448_bits_under_the_header():
    """The beginning of a row would do for a result too, and show an item that is guessed by the bits that s spares."""
    rows, code = np.frombuffer(SeededRandomness(1).bytes(56 * 20), np.uint64).reshape(20, 7), iknp._Code(HEADER)
    person = public_key(HEADER, "iknp: tags")
    assert [h.tobytes() for h in code.hashed(rows)] == [
        blake2b(row.tobytes(), digest_size=16, person=person).digest() for row in rows
    ]


def test_a_store_that_cannot_be_solved_costs_another_seed(monkeypatch):
    peel, tried = okvs.peel, []

    def at_the_third(rows):
        tried.append(rows)
        if len(tried) < 3:
            raise okvs.Unsolvable("planted")
        return peel(rows)

    monkeypatch.setattr(okvs, "peel", at_the_third)
    assert found(run(IKNP, range(40), range(20, 60)), range(40)) == list(range(20, 40))
    assert len({rows.places.tobytes() for rows in tried}) == 3


def test_after_eight_seeds_it_ends(monkeypatch):
    def never(_):
        raise okvs.Unsolvable("planted")

    monkeypatch.setattr(okvs, "peel", never)
    with pytest.raises(okvs.Unsolvable):
        run(IKNP, range(4), range(4))


@pytest.mark.parametrize("part", [receive, send])
def test_more_items_than_the_width_is_for_are_refused_before_anything_is_sent(part):
    sizes = (3, iknp.MOST_ITEMS + 1) if part is receive else (iknp.MOST_ITEMS + 1, 3)
    with pytest.raises(InvalidRequest, match="sets of"):
        next(part("peer", plain([1, 2, 3]), *sizes, HEADER, SeededRandomness(0)))


def test_the_senders_choices_are_448_bits_of_its_own(monkeypatch):
    drawn, chooser = [], iknp.Chooser
    monkeypatch.setattr(iknp, "Chooser", lambda choices, *more: (drawn.append(choices), chooser(choices, *more))[1])
    for seed in range(2):
        next(send("R", plain([1, 2]), 2, 2, HEADER, SeededRandomness(seed)))
    words = np.packbits(drawn).view(np.uint64)
    assert len(words) == 2 * iknp.WORDS == len(set(words.tolist()))
