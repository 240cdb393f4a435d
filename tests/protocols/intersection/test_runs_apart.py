"""Runs apart: what a session hashes, expands or transfers under is its own, and nothing is sent a second time."""

import numpy as np
import pytest

from securecompute.engine.local import play
from securecompute.primitives import block_hash, ggm, row_hash
from securecompute.protocols.intersection import circuit, iknp, opprf, silent_vole, vole_oprf
from securecompute.protocols.intersection.circuit import Linkage, Partner
from securecompute.protocols.intersection.star import Star, support
from securecompute.protocols.intersection.star import lead as lead_star
from securecompute.values import Masked, Plain
from tests.protocols.intersection.sets import plain
from tests.protocols.intersection.two_party import IKNP, VOLE, run
from tests.seeded import SeededRandomness

PLACES = (  # of the key among the arguments
    (block_hash, "_aes", 0),
    (row_hash, "hash_rows", 1),
    *((module, name, place) for module in (silent_vole, iknp) for name, place in (("Chooser", 1), ("Offerer", 0))),
    (silent_vole, "ExpandConvolute", 2),
)


@pytest.fixture(autouse=True, scope="module")
def _warm():
    iknp.warm()
    circuit.warm()


@pytest.fixture
def used(monkeypatch):
    """The keys of AES-128, of rows, of base transfers and of the code, each time one is used."""
    keys = []

    def recorded(real, place):
        def call(*given):
            keys.append(bytes(given[place]))
            return real(*given)

        return call

    for module, name, place in PLACES:
        monkeypatch.setattr(module, name, recorded(getattr(module, name), place))
    return keys


def linked(header, seed, names=("p", "q")):
    agreed = Linkage("L", 20, tuple(Partner(name, 10, 1) for name in names), header)
    parts = {"L": circuit.lead(agreed, plain(range(20)), SeededRandomness(f"L {seed}"))}
    for name in names:
        pay = Plain(np.zeros((1, 10), np.uint64))
        parts[name] = circuit.assist(agreed, name, plain(range(10)), pay, SeededRandomness(f"{name} {seed}"))
    return play(parts)


def common(header, seed):
    agreed = Star({"L": 20, "p": 10, "q": 10}, "L", header)
    parts = {"L": lead_star(agreed, plain(range(20)), SeededRandomness(f"L {seed}"))}
    for name in "pq":
        parts[name] = support(agreed, name, plain(range(10)), SeededRandomness(f"{name} {seed}"))
    return play(parts)


SESSIONS = {
    "vole": lambda header, seed: run(VOLE, range(20), range(10), seed, (header, header)),
    "iknp": lambda header, seed: run(IKNP, range(20), range(10), seed, (header, header)),
    "circuit": linked,
    "star": common,
}


@pytest.mark.parametrize("session", SESSIONS.values(), ids=SESSIONS)
def test_no_key_of_a_session_is_one_of_another_even_if_randomness_repeats(session, used):
    session(b"one session", 1)
    first = set(used)
    used.clear()
    session(b"another session", 1)
    assert len(first) > 5 and not first & set(used)


def rows_of(message):
    """What a message is made of: byte strings, and rows of arrays."""
    if isinstance(message, tuple):
        return set().union(*map(rows_of, message))
    if isinstance(message, bytes):
        return {message}
    array = message.elements if isinstance(message, Masked) else message
    return {row.tobytes() for row in array.reshape(-1, array.shape[-1])}


@pytest.mark.parametrize("session", SESSIONS.values(), ids=SESSIONS)
def test_nothing_is_sent_in_two_runs_under_one_header_even(session):
    """Points, masked choices, sums of trees, stores, seeds, tags: each hangs on what a party draws in this run."""
    first, second = (session(b"one session", tape).views for tape in (1, 2))
    assert {name: set(view) for name, view in first.items()} == {name: set(view) for name, view in second.items()}
    for name, view in first.items():
        for at, message in view.items():
            assert not rows_of(message) & rows_of(second[name][at]), (name, at)


@pytest.mark.parametrize("session", [linked, common])
def test_two_pairs_of_a_session_hash_under_keys_of_their_own(session, monkeypatch):
    headers = {"ask": [], "answer": [], "_padded": []}

    def recorded(module, name):
        real = getattr(module, name)

        def call(*given):
            headers[name].append(given[2])
            return real(*given)

        monkeypatch.setattr(module, name, call)

    recorded(vole_oprf, "ask")
    recorded(vole_oprf, "answer")
    recorded(opprf, "_padded")
    session(b"one session", 1)
    pairs = sorted(opprf.Terms("L", name, 1, 1, 1, b"one session").between for name in "pq")
    assert sorted(headers["ask"]) == sorted(headers["answer"]) == pairs
    assert sorted(headers["_padded"]) == sorted(2 * pairs)


def test_no_two_leaves_of_a_run_are_equal(monkeypatch):
    """Were both sides hashed under one key, the sibling of a hole would be what stands in it."""
    grow, leaves = ggm.grow, []

    def recorded(keyed, roots, depth, out):
        sums = grow(keyed, roots, depth, out)
        leaves.append(out.reshape(-1, 2).copy())
        return sums

    monkeypatch.setattr(ggm, "grow", recorded)
    run(VOLE, range(20), range(10))
    (made,) = leaves
    assert len(np.unique(made, axis=0)) == len(made)
