"""Programmable oblivious PRF: programmed keys have their values, others noise, and the store shows no key."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from securecompute.engine.local import play
from securecompute.errors import BadFrame, InvalidRequest
from securecompute.primitives import okvs
from securecompute.protocols.intersection import opprf, vole_oprf
from securecompute.protocols.intersection.opprf import Terms
from securecompute.values import Masked
from tests.protocols.intersection.dealing import NOTHING, blocks, dealt, numbered, uniform  # noqa: F401 - a fixture
from tests.seeded import SeededRandomness

pytestmark = pytest.mark.usefixtures("dealt")


def look_up(x, programmed, words=1, seed=0, deliver=None):
    """{key: value} of the receiver, of numbers x and {number: words}; and the record of it."""
    terms = Terms("R", "S", len(x), len(programmed), words, b"header")

    def receiver():
        draw = SeededRandomness(f"{seed} R")
        prepared = vole_oprf.prepare(numbered(x), terms.header, draw)
        return (yield from opprf.receive(terms, prepared, draw))

    def sender():
        draw = SeededRandomness(f"{seed} S")
        values = np.array(list(programmed.values()), np.uint64).reshape(-1, words)
        at = okvs.arrange(numbered(programmed), terms.header, draw)
        of = yield from opprf.answer(terms, draw)
        yield from opprf.program(terms, of, at, values, draw)

    played = play({"R": receiver(), "S": sender()}, deliver)
    return dict(zip(x, played.outputs["R"].tolist(), strict=True)), played, terms


@settings(max_examples=30)
@given(st.integers(1, 5), st.sets(st.integers(0, 60)), st.sets(st.integers(0, 60)), st.integers(0, 9))
def test_programmed_keys_have_their_values_and_others_do_not(words, x, y, seed):
    given = {k: [k + c << 40 for c in range(words)] for k in y}
    got, _, _ = look_up(sorted(x), given, words, seed)
    assert {k: v for k, v in got.items() if k in y} == {k: given[k] for k in x & y}
    assert all(w not in (k + c << 40 for c in range(words)) for k in x - y for w in got[k])


@pytest.mark.parametrize("words", [1, 2, 5])
def test_what_is_learned_elsewhere_is_uniform(words):
    """All programmed values are zero, and no key is asked for: the words of every column, and of two beside another."""
    got, _, _ = look_up(range(4000), {k + 5000: [0] * words for k in range(4000)}, words)
    values = np.array(list(got.values()), np.uint64)
    for c in range(words):
        assert uniform(values[:, c])
        assert c == 0 or uniform(values[:, c] ^ values[:, c - 1])


def test_the_store_is_uniform_whatever_is_programmed():
    """Keys that count up, values that are all one constant, which the pads hide."""
    for keys in (range(3000), range(0, 3000 << 20, 1 << 20)):
        _, played, _ = look_up([1], {k: [7] for k in keys})
        assert uniform(played.views["R"][4, "S"][1].elements)


@pytest.mark.parametrize("words", [1, 2, 5])
def test_a_programmed_key_that_was_not_asked_for_shows_nothing(words):
    """What guessing the keys finds in the store, of values that are all zero: every column uniform, and every two."""
    given = {k: [0] * words for k in range(3000)}
    _, played, terms = look_up([5000], given, words)
    seed, store = played.views["R"][4, "S"]
    guessed = okvs.decode(okvs.rows(okvs.layout(terms.n), seed, numbered(given)), store.elements)
    for c in range(words):
        assert uniform(guessed[:, c]) and all(uniform(guessed[:, c] ^ guessed[:, b]) for b in range(c))


def test_without_pads_the_store_shows_what_is_programmed(monkeypatch):
    """That the test before can fail."""
    monkeypatch.setattr(opprf, "_padded", lambda values, *_: values)
    got, _, _ = look_up(range(10), {k: [7] for k in range(100)})
    assert set(map(tuple, got.values())) == {(7,)}


def test_the_store_has_random_words_where_nothing_is_determined():
    """Twice the same keys and values: with fill nothing repeats in P2 of the second run, without it most would."""
    received = [look_up([1], {k: [7] for k in range(5)}, seed=s)[1].views["R"][4, "S"] for s in range(2)]
    (first, store), (second, another) = received
    assert first != second
    assert not (store.elements == 0).any() and not (store.elements == another.elements).any()


def test_every_pair_of_a_session_has_another_function():
    names = [("R", "S"), ("R", "T"), ("S", "R"), ("RS", "T"), ("R", "ST")]
    assert len({Terms(r, s, 1, 1, 1, b"h").between for r, s in names}) == 5


def test_parts_of_the_store_are_one_store(monkeypatch):
    monkeypatch.setattr(opprf, "_PART_WORDS", 64)
    given = {k: [k, 2 * k] for k in range(40_000)}
    got, played, terms = look_up(range(100), given, 2)
    assert got == {k: given[k] for k in range(100)}
    assert len(terms.parts) == okvs.layout(40_000).clusters == 2
    stores = [played.views["R"][4, "S"][1].elements, played.views["R"][5, "S"].elements]
    assert all(uniform(store) and store.any(axis=1).all() for store in stores)
    assert played.rounds == terms.cost().rounds == NOTHING.rounds + 2
    assert played.sent == {"R": 0, "S": terms.cost().sender}


def test_the_cost_line_is_true_over_the_real_function(monkeypatch):
    monkeypatch.undo()
    given = {k: [k, k, k] for k in range(0, 100, 2)}
    got, played, terms = look_up(range(50), given, 3)
    assert {k: v for k, v in got.items() if k % 2 == 0} == {k: given[k] for k in range(0, 50, 2)}
    cost, first = terms.cost(), vole_oprf.cost(50)
    assert cost.rounds == played.rounds == first.rounds + 1
    assert played.sent == {"R": cost.receiver, "S": cost.sender}
    assert cost.sender == first.sender + 16 + 8 * 3 * okvs.layout(50).size


@pytest.mark.parametrize("values", [np.zeros((3, 2), np.uint64), np.zeros((4, 1), np.uint64), np.zeros((3, 1))])
def test_values_that_were_not_declared_are_refused(values):
    draw = SeededRandomness(0)
    at = okvs.arrange(blocks(3), b"h", draw)
    with pytest.raises(InvalidRequest, match="values are"):
        next(opprf.program(Terms("R", "S", 1, 3, 1, b"h"), None, at, values, draw))


def test_a_value_has_a_word():
    for words in (0, -1):
        with pytest.raises(InvalidRequest, match="at least one word"):
            Terms("R", "S", 1, 1, words, b"h")


@pytest.mark.parametrize("store", [np.zeros((10, 1), np.uint64), np.zeros((146, 2), np.uint64), np.zeros((146, 1))])
@pytest.mark.parametrize("seed", [b"x" * 16, b"x" * 15])
def test_a_store_that_was_not_declared_names_its_sender(store, seed):
    def deliver(number, sender, receiver, real):
        return (seed, Masked(store)) if number == 4 else real

    with pytest.raises(BadFrame, match=r"round 4: 'S' sent 'R'"):
        look_up([1], {1: [1]}, deliver=deliver)
