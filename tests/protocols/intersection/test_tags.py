"""Tags: as long as they must be, in an order that says nothing, wrong as seldom as is said."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from securecompute.arithmetic.lookup import Lookup
from securecompute.engine.local import play
from securecompute.errors import InvalidRequest
from securecompute.protocols.intersection import tags
from securecompute.protocols.intersection.tags import match, rounds, send, tag_bytes
from tests.seeded import SeededRandomness


def values(n, seed):
    return np.frombuffer(bytearray(SeededRandomness(seed).bytes(16 * n)), np.uint64).reshape(n, 2)


def run(own, other, seed="order"):
    nx, ny = len(own), len(other)
    return play({"R": match("S", own, ny), "S": send("R", other, nx, SeededRandomness(seed))})


@pytest.mark.parametrize(
    ("nx", "ny", "size"),
    [
        (0, 0, 5),
        (1, 1, 5),
        (1, 2, 6),
        (16, 16, 6),
        (16, 17, 7),
        (1 << 16, 1 << 16, 9),
        (1 << 20, 1 << 20, 10),
        (1 << 20, 1 << 21, 11),
        (1 << 24, 1 << 24, 11),
        (1 << 12, 1 << 20, 9),
        (1 << 32, 1 << 32, 13),
    ],
)
def test_a_tag_has_forty_bits_more_than_pairs(nx, ny, size):
    assert tag_bytes(nx, ny) == size


@given(st.integers(0, 1 << 32), st.integers(0, 1 << 32))
def test_false_matches_are_rarer_than_2_to_the_minus_40(nx, ny):
    size = tag_bytes(nx, ny)
    assert max(nx, 1) * max(ny, 1) << 40 <= 1 << 8 * size
    assert max(nx, 1) * max(ny, 1) << 40 > 1 << 8 * (size - 1)


@pytest.mark.parametrize("sizes", [(-1, 1), (1, -1), ((1 << 32) + 1, 1), (1, (1 << 32) + 1)])
def test_other_sizes_are_refused(sizes):
    with pytest.raises(InvalidRequest, match="sets of"):
        tag_bytes(*sizes)


@given(st.integers(0, 50), st.integers(0, 50), st.integers(0, 50), st.integers(1, 9))
def test_common_values_are_found_in_parts_of_any_size(own, common, other, part):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tags, "_PART_BYTES", 9 * part)
        x, y = values(own + common, "x"), values(other + common, "y")
        y[:common] = x[own:]
        played = run(x, y)
        assert played.rounds == rounds(own + common, other + common)
        assert played.outputs["R"].tolist() == [False] * own + [True] * common
        assert played.sent == {"R": 0, "S": len(y) * tag_bytes(len(x), len(y))}


def test_tags_are_sent_in_an_order_of_their_own():
    """Places of the same 400 values: unrelated to the order given, and to that of another run."""
    given_, orders = values(400, "x"), []
    for seed in (1, 2):
        sent = run(given_, given_, seed=seed).views["R"][0, "S"]
        places = {row.tobytes(): k for k, row in enumerate(np.ascontiguousarray(given_.view(np.uint8)[:, :8]))}
        orders.append([places[row.tobytes()] for row in np.ascontiguousarray(np.pad(sent, ((0, 0), (0, 8)))[:, :8])])
    for order in orders:
        assert sorted(order) == list(range(400))
        assert abs(np.corrcoef(order, np.arange(400))[0, 1]) < 0.2  # four standard deviations
    assert abs(np.corrcoef(*orders)[0, 1]) < 0.2


def test_every_order_is_as_likely():
    """The order given, and its reverse, look alike in what is sent: positions of three values over 6,000 runs."""
    counts = dict.fromkeys([(a, b, c) for a in range(3) for b in range(3) for c in range(3) if len({a, b, c}) == 3], 0)
    x = np.array([[0, 0], [1, 0], [2, 0]], np.uint64)
    randomness = SeededRandomness("orders")
    for _ in range(6000):
        part = send("R", x, 3, randomness)
        counts[tuple(next(part).send["R"][:, 0].tolist())] += 1
    assert sum((count - 1000) ** 2 / 1000 for count in counts.values()) < 25  # χ², 5 degrees of freedom: 1 in 7,000


def test_false_matches_are_as_frequent_as_said_with_shortened_tags(monkeypatch):
    """At 8 bits instead of 40 a run of disjoint sets has a false match with probability 2^-8: 6 of 1,536 runs."""
    monkeypatch.setattr(tags, "ERROR_BITS", 8)
    size = tag_bytes(4096, 4096)
    assert size == 4
    randomness, wrong = SeededRandomness("false matches"), 0
    for _ in range(1536):
        own = np.frombuffer(randomness.bytes(16 * 4096), np.uint64).reshape(4096, 2)
        lookup = Lookup(own, size)
        lookup.mark(np.frombuffer(randomness.bytes(size * 4096), np.uint8).reshape(4096, size))
        wrong += int(lookup.found.sum())
    assert 1 <= wrong <= 16  # Poisson of mean 6: all but 1 in 400
