"""The oblivious function: both sides agree on R's keys and nowhere else, what each sees is noise, the cost is true."""

import pickle

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from securecompute.engine.local import play
from securecompute.errors import BadFrame, InvalidRequest
from securecompute.primitives import okvs
from securecompute.primitives.block_hash import BlockHash
from securecompute.primitives.okvs import Layout, Unsolvable
from securecompute.protocols.intersection import vole, vole_oprf
from securecompute.protocols.intersection.header import public_key
from securecompute.protocols.intersection.vole_oprf import answer, ask, cost, prepare
from securecompute.values import Masked, SecretMisused
from tests.protocols.intersection.sets import HEADER, identifiers
from tests.seeded import SeededRandomness


@pytest.fixture(autouse=True, scope="module")
def _warm():
    vole.warm()


@pytest.fixture
def many_parts(monkeypatch):
    """Five clusters, of which two travel in a message, at sizes that a test can afford."""
    monkeypatch.setattr(okvs, "layout", lambda n: Layout(5, 400, 700, 45))
    monkeypatch.setattr(vole_oprf, "_PART_ROWS", 1500)


def run(keys, seed=0, profile="standard", deliver=None, header=HEADER, arrived=None):
    draw = SeededRandomness(f"R {seed}")
    parts = {
        "R": ask("S", prepare(keys, header, draw), header, draw, profile),
        "S": answer("R", len(keys), header, SeededRandomness(f"S {seed}"), profile, arrived),
    }
    return play(parts, deliver)


@given(st.integers(0, 600), st.sampled_from(["standard", "conservative"]), st.integers(0, 99))
@example(0, "standard", 0)
@example(1, "standard", 0)
@settings(max_examples=8)
def test_both_sides_have_the_same_function_on_the_receivers_keys_alone(n, profile, seed):
    keys = identifiers(range(1000))
    played = run(keys[:n], seed, profile)
    values, key = played.outputs["R"], played.outputs["S"]
    everywhere = key(keys)
    assert values.shape == (n, 2)
    assert (everywhere[:n] == values).all()
    assert len(np.unique(everywhere, axis=0)) == 1000


def test_the_function_is_the_formula_under_keys_of_its_own():
    """Ho(Decode(K, y) + Delta HB(y)), of what S holds: HB under the seed of the store, Ho under the header."""
    keys = identifiers(range(60))
    key = run(keys[:40]).outputs["S"]
    inner = BlockHash(public_key(key._seed, "oblivious function: input"))(keys)
    decoded = okvs.decode(okvs.rows(okvs.layout(40), key._seed, keys), key._store)
    expected = BlockHash(public_key(HEADER, "oblivious function: output"))(decoded ^ key._delta.times(inner))
    assert (key(keys) == expected).all()


def test_what_the_receiver_decodes_at_other_keys_is_no_value(monkeypatch):
    """R's own C, decoded where nothing of it is programmed: F differs there by Delta times something."""
    keys, seen = identifiers(range(200)), []
    decode = okvs.decode
    monkeypatch.setattr(okvs, "decode", lambda of, store, *some: seen.append(store) or decode(of, store, *some))
    draw = SeededRandomness("R")
    prepared = prepare(keys[:100], HEADER, draw)
    played = play({"R": ask("S", prepared, HEADER, draw), "S": answer("R", 100, HEADER, SeededRandomness("S"))})
    c, of = seen[-1], okvs.rows(okvs.layout(100), prepared.seed, keys)
    guessed = vole_oprf._output_hash(HEADER)(decode(of, c))
    same = (guessed == played.outputs["S"](keys)).all(axis=1)
    assert same.tolist() == [True] * 100 + [False] * 100


def test_clusters_that_come_one_after_the_other_make_one_function(many_parts):
    keys, heard = identifiers(range(2000)), []
    decoded = np.zeros((2000, 2), np.uint64)

    def arrived(key, clusters):
        of = key.rows(keys)
        key.decode(of, clusters, decoded)
        heard.append((clusters, of.keys(clusters), decoded.any(axis=1).sum()))

    played = run(keys[:1500], arrived=arrived)
    assert [number for number, _ in played.views["S"]] == [0, 1, 2, 3, 4]
    assert [clusters for clusters, *_ in heard] == [range(0, 2), range(2, 4), range(4, 5)]
    assert sorted(np.concatenate([places for _, places, _ in heard])) == list(range(2000))
    assert [number for *_, number in heard] == np.cumsum([len(places) for _, places, _ in heard]).tolist()
    key = played.outputs["S"]
    everywhere = key(keys)
    assert (everywhere[:1500] == played.outputs["R"]).all()
    assert (everywhere == key.finish(keys, decoded)).all()


@pytest.mark.parametrize("n", [0, 1, 700])
@pytest.mark.parametrize("profile", ["standard", "conservative"])
def test_the_cost_line_is_true(n, profile):
    played, stated = run(identifiers(range(n)), profile=profile), cost(n, profile)
    assert played.rounds == stated.rounds == 3
    assert played.sent == {"R": stated.receiver, "S": stated.sender}


def test_the_cost_of_many_parts_is_true(many_parts):
    played, stated = run(identifiers(range(1500))), cost(1500)
    assert played.rounds == stated.rounds == 5
    assert played.sent == {"R": stated.receiver, "S": stated.sender}


def test_prepared_keys_serve_several_peers_each_under_another_mask():
    keys, draw = identifiers(range(300)), SeededRandomness("R")
    prepared, runs = prepare(keys, HEADER, draw), []
    for peer in ("east", "west"):
        header = HEADER + peer.encode()
        runs.append(play({"R": ask(peer, prepared, header, draw), peer: answer("R", 300, header, draw)}))
        assert (runs[-1].outputs[peer](keys) == runs[-1].outputs["R"]).all()
    (seed, one), (same, other) = (
        played.views[peer][2, "R"] for played, peer in zip(runs, ("east", "west"), strict=True)
    )
    assert seed == same
    assert (one.elements != other.elements).any(axis=1).all()
    assert not rows_of(runs[0].outputs["R"]) & rows_of(runs[1].outputs["R"])


def rows_of(array):
    return {row.tobytes() for row in np.ascontiguousarray(array)}


def test_two_runs_under_one_header_have_nothing_in_common():
    keys = identifiers(range(300))
    first, second = run(keys, 1), run(keys, 2)
    sent = [rows_of(played.views["S"][2, "R"][1].elements) for played in (first, second)]
    assert not sent[0] & sent[1]
    assert not rows_of(first.outputs["R"]) & rows_of(second.outputs["R"])


def test_what_the_sender_receives_is_uniform_whatever_the_keys_are():
    for keys in (
        np.arange(8000, dtype=np.uint64).reshape(4000, 2),
        np.zeros((0, 2), np.uint64),
        identifiers(range(4000)),
    ):
        octets = run(keys).views["S"][2, "R"][1].elements.view(np.uint8)
        counts, expected = np.bincount(octets.ravel(), minlength=256), octets.size / 256
        assert 150 < ((counts - expected) ** 2 / expected).sum() < 380  # χ², 255 degrees of freedom


def test_a_seed_that_fails_is_replaced(monkeypatch):
    peel, tried = okvs.peel, []

    def at_the_third(rows):
        tried.append(rows.places.tobytes())
        if len(tried) < 3:
            raise Unsolvable("planted")
        return peel(rows)

    monkeypatch.setattr(okvs, "peel", at_the_third)
    keys = identifiers(range(100))
    prepared = prepare(keys, HEADER, SeededRandomness(0))
    assert len(tried) == len(set(tried)) == 3
    monkeypatch.undo()
    draw = SeededRandomness("R")
    played = play({"R": ask("S", prepared, HEADER, draw), "S": answer("R", 100, HEADER, draw)})
    assert (played.outputs["S"](keys) == played.outputs["R"]).all()


def test_a_set_that_fits_no_store_ends_before_anything_is_sent(monkeypatch):
    monkeypatch.setattr(okvs, "layout", lambda n: Layout(1, n, 70, 20))
    with pytest.raises(Unsolvable, match=f"{okvs.SEEDS} seeds"):
        prepare(identifiers(range(100)), HEADER, SeededRandomness(0))


def test_sessions_have_seeds_of_their_own_even_if_randomness_repeats():
    keys = identifiers(range(10))
    one, other = (prepare(keys, header, SeededRandomness(0)).seed for header in (b"one", b"other"))
    assert one != other


def test_the_seed_of_a_store_is_new_in_every_run_under_one_header_too():
    keys = identifiers(range(10))
    assert len({prepare(keys, HEADER, SeededRandomness(tape)).seed for tape in range(5)}) == 5


def test_equal_keys_and_other_arrays_are_refused():
    for wrong, said in (
        (identifiers([1, 2, 1]), "twice"),
        (identifiers([1, 2]).astype(np.int64), "uint64"),
        (identifiers([1, 2])[:, :1], "uint64"),
    ):
        with pytest.raises(InvalidRequest, match=said):
            prepare(wrong, HEADER, SeededRandomness(0))
    with pytest.raises(InvalidRequest, match="profile"):
        cost(10, "bold")


def test_neither_side_shows_or_gives_away_what_it_holds():
    keys = identifiers(range(3))
    for held in (run(keys).outputs["S"], prepare(keys, HEADER, SeededRandomness(0))):
        assert repr(held) == f"{type(held).__name__}(...)"
        with pytest.raises(SecretMisused):
            pickle.dumps(held)


@pytest.mark.parametrize(
    "change",
    [
        lambda message: message[1],
        lambda message: (message[0][:-1], message[1]),
        lambda message: (message[0], Masked(message[1].elements[:-1])),
        lambda message: (message[0], Masked(message[1].elements[:, :1])),
        lambda message: (message[0], message[1].elements),
    ],
)
def test_a_masked_set_of_another_form_names_its_sender(change):
    def deliver(number, source, _receiver, message):
        return change(message) if (number, source) == (2, "R") else message

    with pytest.raises(BadFrame, match="round 2: 'R' sent 'S'"):
        run(identifiers(range(5)), deliver=deliver)
