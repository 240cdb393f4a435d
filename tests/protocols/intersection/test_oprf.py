"""Intersection by an oblivious function: who learns what, what it costs, and what neither side can do to the other."""

import hashlib
import hmac
from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from securecompute.engine.local import play
from securecompute.errors import BadFrame, DisclosureRefused, InvalidRequest, PeerMisbehaved
from securecompute.primitives import ristretto
from securecompute.primitives.oprf import InvalidProof, Mode, OprfKey
from securecompute.primitives.ristretto import IDENTITY, InvalidElement
from securecompute.protocols.intersection import oprf
from securecompute.protocols.intersection.header import public_key
from securecompute.protocols.intersection.oprf_table import Table, ascending, tag_bytes
from securecompute.protocols.intersection.silent_vole import Cost
from tests.protocols.intersection.sets import FEW, HEADER, Spent, far_apart, identifiers, plain
from tests.seeded import SeededRandomness

ASKER, HOLDER = "asker", "holder"
X, Y = [3, 1, 4, 15, 9, 2, 6], [5, 3, 8, 9, 7]
MODES = pytest.mark.parametrize("mode", list(Mode), ids=lambda mode: mode.name)
QUERIES = 1000


def table(y=Y, mode=Mode.OPRF, queries=QUERIES, seed="table"):
    return Table.prepare(plain(y), len(y), queries, mode, SeededRandomness(seed))


def parts(x=X, held=None, mode=Mode.OPRF, seed=0, public=None, log=None, header=HEADER):
    """Both sides, of a table that is prepared if none is given."""
    held = held or table(mode=mode)
    tape = SeededRandomness(f"asker {seed}"), SeededRandomness(f"holder {seed}")
    return {
        ASKER: oprf.receive(HOLDER, plain(x), len(x), held.ny, held.queries, held.key.mode, tape[0], public),
        HOLDER: oprf.send(ASKER, held, len(x), header, log or Spent(), tape[1]),
    }


def matched(x, mask):
    assert mask.dtype == bool and mask.shape == (len(x),)
    return {m for m, found in zip(x, mask, strict=True) if found}


def instead(number, sender, change):
    """Deliver another message of this sender in this round."""
    return lambda at, source, _, message: change(message) if (at, source) == (number, sender) else message


def with_row(message, row):
    """The same message, the last row of its elements being another."""
    if isinstance(message, tuple):
        return (with_row(message[0], row), *message[1:])
    changed = message.copy()
    changed[-1] = np.frombuffer(row, np.uint8)
    return changed


# ---- what is learnt


@settings(max_examples=20)
@given(FEW, FEW, st.sampled_from(Mode), st.randoms(use_true_random=False))
def test_the_asker_learns_the_intersection_and_the_key_holder_nothing(x, y, mode, order):
    x, y = list(x), list(y)
    order.shuffle(x)
    played = play(parts(x, table(y, mode)))
    assert matched(x, played.outputs[ASKER]) == set(x) & set(y)
    assert played.outputs[HOLDER] is None


@MODES
@pytest.mark.parametrize(("x", "y"), [([], [1]), ([1], []), ([], []), ([7], [7]), (range(50), range(50)), ([1], [2])])
def test_empty_equal_and_single_sets_are_sets(x, y, mode):
    assert matched(x, play(parts(list(x), table(list(y), mode))).outputs[ASKER]) == set(x) & set(y)


@MODES
@pytest.mark.parametrize("x", [X, []], ids=len)
def test_both_sides_may_be_far_apart(mode, x):
    assert matched(x, far_apart(parts(x, mode=mode))[ASKER]) == set(x) & set(Y)


@MODES
def test_a_table_is_asked_again_without_sending_it_again(mode):
    held, log = table(mode=mode), Spent()
    published = play({ASKER: oprf.fetch(HOLDER, held.ny, QUERIES, mode), HOLDER: oprf.publish(ASKER, held)}).outputs[
        ASKER
    ]
    for k, x in enumerate(([3, 4], [8, 100, 5])):
        tape = SeededRandomness(f"a{k}"), SeededRandomness(f"h{k}")
        played = play(
            {
                ASKER: oprf.ask(HOLDER, plain(x), len(x), published, tape[0]),
                HOLDER: oprf.answer(ASKER, held, len(x), HEADER, log, tape[1]),
            }
        )
        assert matched(x, played.outputs[ASKER]) == set(x) & set(Y)
        assert played.sent[HOLDER] == 32 * len(x) + 64 * (mode is Mode.VOPRF)


@pytest.mark.slow
def test_five_thousand_against_five_thousand():
    x, y = list(range(1000, 6000)), list(range(3000, 8000))
    assert matched(x, play(parts(x, table(y, queries=5000))).outputs[ASKER]) == set(x) & set(y)


# ---- the cost line


@pytest.mark.parametrize(("mode", "more"), [(Mode.OPRF, 0), (Mode.VOPRF, 32 + 64)])
def test_the_cost_line_is_true(mode, more):
    played = play(parts(mode=mode))
    t = tag_bytes(QUERIES, len(Y))
    assert played.rounds == 2
    assert played.sent == {ASKER: 32 * len(X), HOLDER: t * len(Y) + 32 * len(X) + more}
    assert oprf.cost(len(X), len(Y), QUERIES, mode) == Cost(played.rounds, played.sent[ASKER], played.sent[HOLDER])


def test_long_lists_have_a_proof_for_every_batch(monkeypatch):
    monkeypatch.setattr(oprf, "LARGEST_BATCH", 3)
    played = play(parts(mode=Mode.VOPRF))
    assert matched(X, played.outputs[ASKER]) == {3, 9}
    assert played.sent[HOLDER] == tag_bytes(QUERIES, len(Y)) * len(Y) + 32 + 32 * len(X) + 64 * 3


def test_another_key_is_found_in_every_batch_of_a_long_list(monkeypatch):
    monkeypatch.setattr(oprf, "LARGEST_BATCH", 3)
    wrong = OprfKey.generate(SeededRandomness(9), Mode.VOPRF).public
    for place in range(len(X)):

        def change(message, place=place):
            ((evaluated, proofs),) = message
            evaluated = evaluated.copy()
            evaluated[place] = np.frombuffer(wrong, np.uint8)
            return ((evaluated, proofs),)

        with pytest.raises(InvalidProof, match=f"from '{HOLDER}'"):
            play(parts(mode=Mode.VOPRF), instead(1, HOLDER, change))


@pytest.mark.parametrize(("mode", "messages"), [(Mode.OPRF, 1), (Mode.VOPRF, 2)])
def test_each_side_sees_what_the_docstring_lists_and_nothing_else(mode, messages):
    views = play(parts(mode=mode)).views
    assert set(views[HOLDER]) == {(0, ASKER)}  # (round, sender): the whole leakage
    assert set(views[ASKER]) == {(0, HOLDER), (1, HOLDER)}
    for (message,) in views[ASKER].values():
        assert isinstance(message, np.ndarray) if messages == 1 else len(message) == messages


# ---- what it looks like


def flat(message):
    """All bytes of a message."""
    return b"".join(map(flat, message)) if isinstance(message, tuple) else bytes(message)


def test_what_the_key_holder_sees_is_new_in_every_session():
    one, other = (set(ristretto.rows(play(parts(seed=k)).views[HOLDER][0, ASKER][0])) for k in range(2))
    assert len(one) == len(other) == len(X)
    assert not one & other


def test_the_order_of_the_tags_does_not_depend_on_the_order_of_the_set():
    assert (table(Y).published.tags == table(Y[::-1]).published.tags).all()


def test_the_tags_look_uniform_whatever_the_set():
    tags = table(list(range(600)), queries=1 << 20).published.tags[:, 1:]  # their order is in the first bytes
    counts = np.bincount(tags.reshape(-1), minlength=256)
    expected = tags.size / 256
    assert 150 < ((counts - expected) ** 2 / expected).sum() < 400  # chi-square, 255 degrees of freedom


def test_two_keys_give_lists_that_cannot_be_linked_and_one_key_lists_that_can():
    first, again, other = table(), table(), table(seed="another")
    assert (first.published.tags == again.published.tags).all()
    assert not set(ristretto.rows(first.published.tags)) & set(ristretto.rows(other.published.tags))


def find_nothing(held, sent):
    """Who knows every identifier and all that is public hashes it in every way that the protocol could have."""
    known = [HEADER, held.key.public, public_key(HEADER, "queries of a session")]
    tags = [b"HashToGroup-OPRFV1-" + bytes([m]) + b"-ristretto255-SHA512" for m in (0, 1)]
    one = OprfKey((1).to_bytes(32, "little"), held.key.mode)
    for member in {*X, *Y}:
        name = identifiers([member]).tobytes()
        guesses = [name, *(ristretto.hash_to_element(name, tag) for tag in tags), one.outputs([name]).tobytes()]
        guesses += [hashlib.sha256(name).digest(), hashlib.sha512(name).digest()]
        guesses += [hmac.digest(key, name, digest) for key, digest in product(known, ("sha256", "sha512"))]
        for guess in guesses:
            assert not any(guess[: tag_bytes(QUERIES, len(Y))] in message for message in sent)


@MODES
def test_a_dictionary_of_identifiers_finds_nothing_in_what_is_sent(mode):
    views = play(parts(mode=mode)).views
    find_nothing(table(mode=mode), [flat(message) for view in views.values() for message in view.values()])


def test_the_dictionary_finds_a_list_that_was_made_without_a_secret_key():
    one = OprfKey((1).to_bytes(32, "little"), Mode.OPRF)
    weak = ascending(one.outputs([row.tobytes() for row in identifiers(Y)])[:, : tag_bytes(QUERIES, len(Y))])
    with pytest.raises(AssertionError):
        find_nothing(Table(one, weak, QUERIES), [weak.tobytes()])


# ---- an asker that does not play fair


@pytest.mark.parametrize("row", [IDENTITY, b"\1" + bytes(31), b"\xff" * 32], ids=bytes.hex)
def test_the_key_holder_answers_no_list_with_a_row_that_is_no_element(row):
    with pytest.raises(InvalidElement, match=f"from '{ASKER}'"):
        play(parts(), instead(0, ASKER, lambda message: with_row(message, row)))


def test_more_items_than_declared_are_not_answered():
    held = table()
    with pytest.raises(BadFrame):
        play(parts(X, held) | {HOLDER: oprf.send(ASKER, held, len(X) - 1, HEADER, Spent(), SeededRandomness(0))})


def test_every_item_is_logged_before_anything_is_sent():
    log, held = Spent(), table()
    part = oprf.send(ASKER, held, len(X), HEADER, log, SeededRandomness(0))
    next(part)
    assert log.asked == [(held.key.public, ASKER, public_key(HEADER, "queries of a session"), len(X))]


def test_what_exceeds_the_queries_of_a_table_is_refused_before_anything_is_sent():
    held, log = table(queries=2 * len(X) + 1), Spent()
    for k in range(2):
        play(parts(held=held, log=log, seed=k))
    with pytest.raises(DisclosureRefused):
        next(oprf.send(ASKER, held, len(X), HEADER, log, SeededRandomness(0)))
    with pytest.raises(DisclosureRefused):
        next(oprf.answer(ASKER, held, 2, HEADER, log, SeededRandomness(0)))
    play(parts([1], held, log=log))  # the one that is left


# ---- a key holder that does not play fair


def test_another_key_is_found_if_proofs_are_asked_for():
    held, other = table(mode=Mode.VOPRF), table(mode=Mode.VOPRF, seed="other")
    cheat = Table(other.key, held.published.tags, QUERIES)
    with pytest.raises(InvalidProof):
        play(parts(held=cheat), instead(0, HOLDER, lambda message: ((message[0][0], held.key.public),)))


def test_another_key_for_one_item_is_found_if_proofs_are_asked_for():
    wrong = OprfKey.generate(SeededRandomness(9), Mode.VOPRF)
    for mode, error in ((Mode.VOPRF, InvalidProof), (Mode.OPRF, None)):

        def change(message):
            return with_row(message, wrong.evaluate(ristretto.table([ristretto.GENERATOR])).tobytes())

        if error:
            with pytest.raises(error):
                play(parts(held=table(mode=mode)), instead(1, HOLDER, change))
        else:  # without proofs the item is missed, and nothing is noticed
            played = play(parts([1, 3], table(mode=mode)), instead(1, HOLDER, change))
            assert matched([1, 3], played.outputs[ASKER]) == set()


def test_a_key_that_is_not_the_one_known_is_refused():
    held = table(mode=Mode.VOPRF)
    play(parts(held=held, public=held.key.public))
    with pytest.raises(PeerMisbehaved, match=f"'{HOLDER}' published a table under another public key"):
        play(parts(held=held, public=table(mode=Mode.VOPRF, seed="other").key.public))


def test_tags_out_of_order_are_refused():
    held = table()
    for tags in (held.published.tags[::-1], held.published.tags[[1, 0, 2, 3, 4]], held.published.tags[[0, 1, 2, 4, 3]]):
        with pytest.raises(PeerMisbehaved, match="ascending"):
            play(parts(held=Table(held.key, np.ascontiguousarray(tags), QUERIES)))


def test_tags_that_differ_in_their_last_bytes_only_are_in_order_too():
    key, queries = OprfKey.generate(SeededRandomness(1), Mode.OPRF), 1 << 32
    length = tag_bytes(queries, 2)
    assert length > 8
    low, high = (np.array([7] * (length - 1) + [last], np.uint8) for last in (1, 2))
    for tags in ([low, high], [low, low]):
        play(parts(held=Table(key, np.array(tags), queries)))
    with pytest.raises(PeerMisbehaved, match="ascending"):
        play(parts(held=Table(key, np.array([high, low]), queries)))


@pytest.mark.parametrize("row", [IDENTITY, b"\1" + bytes(31)], ids=bytes.hex)
@MODES
def test_the_asker_takes_no_answer_that_is_no_element(mode, row):
    with pytest.raises(InvalidElement, match=f"from '{HOLDER}'"):
        play(parts(mode=mode), instead(1, HOLDER, lambda message: with_row(message, row)))


# ---- what is refused on one's own side


def test_a_set_that_is_not_what_was_declared_is_refused_by_its_owner():
    for x, nx in (([1, 1], 2), ([1, 2], 3)):
        with pytest.raises(InvalidRequest):
            next(oprf.receive(HOLDER, plain(x), nx, 5, QUERIES, Mode.OPRF, SeededRandomness(0)))
        with pytest.raises(InvalidRequest):
            Table.prepare(plain(x), nx, QUERIES, Mode.OPRF, SeededRandomness(0))
