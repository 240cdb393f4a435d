"""Intersection by silent products, beyond what `test_two_party` says of it: profiles, many messages, large sets."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from securecompute.errors import BadFrame, InvalidRequest
from securecompute.primitives import okvs
from securecompute.primitives.lpn import PROFILES
from securecompute.primitives.okvs import Layout
from securecompute.protocols.intersection import tags, vole, vole_oprf
from securecompute.protocols.intersection.tags import tag_bytes
from securecompute.protocols.intersection.vole import cost, receive, send
from securecompute.values import Plain
from tests.protocols.intersection.sets import FEW, HEADER, plain
from tests.protocols.intersection.two_party import VOLE, found, instead, run, run_on
from tests.seeded import SeededRandomness


@pytest.fixture(autouse=True, scope="module")
def _warm():
    vole.warm()


@settings(max_examples=8)
@given(FEW, FEW, st.sampled_from(list(PROFILES)))
def test_the_result_is_the_same_under_every_profile(x, y, profile):
    x = sorted(x)
    assert found(run(VOLE, x, y, profile=profile), x) == sorted(set(x) & y)


@pytest.mark.parametrize("profile", list(PROFILES))
def test_the_cost_line_is_true_under_every_profile(profile):
    played, stated = run(VOLE, range(300), range(4000), profile=profile), cost(300, 4000, profile)
    assert played.rounds == stated.rounds == 4
    assert played.sent == {"R": stated.receiver, "S": stated.sender}


def test_many_clusters_in_many_messages(monkeypatch):
    monkeypatch.setattr(okvs, "layout", lambda n: Layout(5, 400, 700, 45))
    monkeypatch.setattr(vole_oprf, "_PART_ROWS", 1500)
    monkeypatch.setattr(tags, "_PART_BYTES", 2000)
    x, y = range(1200), range(600, 1800)
    played = run(VOLE, x, y)
    assert found(played, x) == list(range(600, 1200))
    size = tag_bytes(1200, 1200)
    assert played.rounds == cost(1200, 1200).rounds == 2 + 3 + -(-1200 // (2000 // size))
    assert played.sent == {"R": cost(1200, 1200).receiver, "S": cost(1200, 1200).sender}


@pytest.mark.slow
@pytest.mark.parametrize(("nx", "ny"), [(1, 1 << 20), (1 << 20, 1), (1 << 17, 1 << 17)])
def test_large_sets_beside_small_ones(nx, ny):
    def many(n, seed):
        return np.frombuffer(bytearray(SeededRandomness(seed).bytes(16 * n)), np.uint64).reshape(n, 2)

    x, y = many(nx, "x"), many(ny, "y")
    common = -(-min(nx, ny) // 2)
    y[:common] = x[nx - common :]
    played = run_on(VOLE, Plain(x), Plain(y), nx, ny)
    assert np.flatnonzero(played.outputs["R"]).tolist() == list(range(nx - common, nx))


def test_a_million_items_each_take_less_than_290_bits_an_item():
    stated = cost(1 << 20, 1 << 20)
    assert stated.rounds == 4
    assert 8 * (stated.receiver + stated.sender) < 280 * (1 << 20)


@pytest.mark.parametrize(
    ("number", "sender", "change"), [(1, "R", lambda message: message[0]), (2, "S", lambda message: message[::-1])]
)
def test_a_message_of_the_products_of_another_form_names_its_sender(number, sender, change):
    with pytest.raises(BadFrame, match=f"round {number}: '{sender}' sent"):
        run(VOLE, range(5), range(5), deliver=instead(number, sender, change))


@pytest.mark.parametrize("part", [receive, send])
def test_a_profile_that_there_is_not_is_refused_before_anything_is_sent(part):
    with pytest.raises(InvalidRequest, match="profile"):
        next(part("peer", plain([1, 2, 3]), 3, 3, HEADER, SeededRandomness(0), "bold"))
