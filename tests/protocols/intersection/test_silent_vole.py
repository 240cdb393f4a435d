"""Silent VOLE: the identity on every row, the cost as stated, views that say nothing, peers that send garbage."""

import pickle
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from securecompute.arithmetic.gf128 import Factor
from securecompute.engine.local import play
from securecompute.engine.rounds import Array, Round, together
from securecompute.errors import BadFrame, InvalidRequest, PeerMisbehaved
from securecompute.primitives import expand_convolute, ggm, noisy_vole
from securecompute.primitives.ristretto import IDENTITY
from securecompute.protocols.intersection import silent_vole
from securecompute.protocols.intersection.silent_vole import (
    begin_receive,
    begin_send,
    cost,
    end_receive,
    end_send,
    receive,
    send,
    shape,
)
from securecompute.values import Masked, SecretMisused
from tests.seeded import SeededRandomness

HEADER = b"one session"
PROFILES = ("standard", "conservative")


@pytest.fixture(autouse=True, scope="module")
def _warm():
    silent_vole.warm()


class StartsWith(SeededRandomness):
    """A tape whose first bytes are given: the sender draws Delta first."""

    def __init__(self, seed, first):
        super().__init__(seed)
        self._first = first

    def bytes(self, n):
        first, self._first = self._first[:n], self._first[n:]
        return first + super().bytes(n - len(first))


def run(m, profile="standard", seed=0, header=HEADER, delta=b"", deliver=None):
    parts = {
        "R": receive("S", m, header, SeededRandomness(f"R {seed}"), profile),
        "S": send("R", m, header, StartsWith(f"S {seed}", delta), profile),
    }
    return play(parts, deliver)


def holds(played, m):
    (a, c), (delta, b) = played.outputs["R"], played.outputs["S"]
    assert a.shape == b.shape == c.shape == (m, 2)
    assert delta.shape == (2,)
    return (c == Factor(delta).times(a) ^ b).all()


@given(st.integers(1, 6000), st.sampled_from(PROFILES), st.integers(0, 99))
@example(1, "standard", 0)
@example(1, "conservative", 0)
@settings(max_examples=12)
def test_c_is_a_times_delta_plus_b(m, profile, seed):
    assert holds(run(m, profile, seed), m)


def test_when_the_receiver_makes_a_changes_nothing_that_anybody_sees(monkeypatch):
    """Before round 1, while it waits, or after round 2."""
    early = run(700)
    monkeypatch.setattr(silent_vole, "_EARLY", 0)
    late = run(700)
    assert holds(late, 700)
    for one, other in zip(early.outputs["R"], late.outputs["R"], strict=True):
        assert (one == other).all()
    for (u, d), (v, e) in [(run_.views["S"][1, "R"] for run_ in (early, late))]:
        assert (u.elements == v.elements).all()
        assert (d.elements == e.elements).all()


@given(st.integers(1, 5000), st.integers(300, 2000))
@settings(max_examples=6)
def test_the_identity_holds_over_several_runs_of_any_length(m, length):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(silent_vole, "LONGEST", dict.fromkeys(PROFILES, length))
        assert shape(m).runs == -(-m // length)
        assert holds(run(m), m)


@pytest.mark.parametrize("profile", PROFILES)
@pytest.mark.parametrize("bit", [0, 63, 64, 127])
def test_the_identity_holds_for_a_delta_of_one_bit(profile, bit):
    played = run(500, profile, delta=(1 << bit).to_bytes(16, "little"))
    assert played.outputs["S"][0].tobytes() == (1 << bit).to_bytes(16, "little")
    assert holds(played, 500)


def test_a_delta_of_zero_makes_both_sides_equal():
    played = run(500, delta=bytes(16))
    assert (played.outputs["R"][1] == played.outputs["S"][1]).all()


@pytest.mark.parametrize("m", [1, 777, 5000])
@pytest.mark.parametrize("profile", PROFILES)
def test_the_cost_line_is_true(m, profile):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(silent_vole, "LONGEST", dict.fromkeys(PROFILES, 2500))
        played, made, stated = run(m, profile), shape(m, profile), cost(m, profile)
    transfers, noise = made.runs * made.depth * made.trees, made.runs * made.trees
    assert played.rounds == stated.rounds == 3
    assert played.sent["R"] == stated.receiver == 32 + 1024 * -(-transfers // 64) + 2048 * noise
    assert played.sent["S"] == stated.sender == 16384 + 32 * transfers + 16 * noise


def test_the_sizes_are_those_of_the_parameters():
    assert shape(1_407_616, "standard").runs == 4
    assert shape(1_407_616).runs == shape(1_407_616, "conservative").runs == 2
    assert shape(352_000).runs == 1
    for m in (1, 100, 87_000, 1_407_616, 22_500_000):
        for profile in PROFILES:
            made = shape(m, profile)
            assert made.leaves >= 2 * made.length
            assert (made.runs - 1) * made.length < m <= made.runs * made.length
            assert [made.rows(made.runs - 1).stop, made.rows(0).start] == [m, 0]


def test_what_each_side_receives_is_listed_and_nothing_else():
    views = run(700).views
    made = shape(700)
    assert set(views["S"]) == {(0, "R"), (1, "R")}
    assert set(views["R"]) == {(0, "S"), (2, "S")}
    assert made.extension.admits(views["S"][1, "R"])
    assert made.correction.admits(views["R"][2, "S"])


def test_what_each_side_receives_is_uniform():
    views = run(5000).views
    for message in (*views["S"][1, "R"], *views["R"][2, "S"]):
        octets = message.elements.view(np.uint8).ravel()
        counts, expected = np.bincount(octets, minlength=256), octets.size / 256
        assert 150 < ((counts - expected) ** 2 / expected).sum() < 380  # chi-square, 255 degrees of freedom


def rows_of(played):
    """Every block that was sent or is a result, as bytes."""
    blocks = [played.outputs["R"][0], played.outputs["R"][1], played.outputs["S"][1]]
    blocks += [message.elements for message in (*played.views["S"][1, "R"], *played.views["R"][2, "S"])]
    return [row.tobytes() for array in blocks for row in array.ravel()[: array.size // 2 * 2].reshape(-1, 2)]


def test_two_runs_share_no_row_even_under_one_header():
    first, second = rows_of(run(2000, seed=1)), rows_of(run(2000, seed=2))
    assert len(set(first)) == len(first)
    assert not set(first) & set(second)


def test_several_runs_of_one_protocol_share_no_row():
    """One Delta and one pair of base transfers serve all runs: streams are read on, never restarted."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(silent_vole, "LONGEST", {"standard": 500})
        rows = rows_of(run(2000))
    assert len(set(rows)) == len(rows)


def test_sums_of_trees_travel_under_masks_on_both_sides():
    """Were the side that R did not choose in the clear, R could make whole trees, and Delta from them."""
    made, sums = shape(300), []
    with pytest.MonkeyPatch.context() as patch:
        grow = ggm.grow
        patch.setattr(ggm, "grow", lambda *arguments: sums.append(grow(*arguments).copy()) or sums[-1].copy())
        played = run(300)
    received = played.views["R"][2, "S"][0].elements[0]
    assert received.shape == sums[0].shape == (made.depth, made.trees, 2, 2)
    assert not (received == sums[0]).all(axis=-1).any()


def test_a_can_be_sent_beside_the_third_round():
    """As a protocol does that masks with A: three rounds in all, and S has the product at their end."""

    def receiver():
        noise = yield from begin_receive("S", 800, HEADER, SeededRandomness(1))
        c, _ = yield from together(end_receive("S", noise), iter_of(Round(send={"S": noise.a})))
        return c

    def sender():
        done = yield from begin_send("R", 800, HEADER, SeededRandomness(2))
        heard = iter_of(Round(expect={"R": Array(np.uint64, (800, 2))}))
        _, inbox = yield from together(end_send("R", done), heard)
        return done.b ^ Factor(done.delta).times(inbox["R"])

    def iter_of(turn):
        return (yield turn)

    played = play({"R": receiver(), "S": sender()})
    assert played.rounds == 3
    assert (played.outputs["R"] == played.outputs["S"]).all()


def test_what_is_kept_between_rounds_shows_nothing_and_stays():
    parts = {
        "R": begin_receive("S", 50, HEADER, SeededRandomness(1)),
        "S": begin_send("R", 50, HEADER, SeededRandomness(2)),
    }
    for kept in play(parts).outputs.values():
        assert repr(kept) == f"{type(kept).__name__}(...)"
        with pytest.raises(SecretMisused):
            pickle.dumps(kept)


def test_parties_with_other_headers_hold_nothing_that_fits():
    parts = {
        "R": receive("S", 300, b"one", SeededRandomness(1)),
        "S": send("R", 300, b"two", SeededRandomness(2)),
    }
    outputs = play(parts).outputs
    (a, c), (delta, b) = outputs["R"], outputs["S"]
    assert not (c == Factor(delta).times(a) ^ b).all(axis=1).any()


def planted(round_number, sender, change):
    def deliver(number, source, _receiver, message):
        return change(message) if (number, source) == (round_number, sender) else message

    return deliver


def never(*_, **__):
    raise AssertionError("a kernel ran on what was not checked")


@pytest.mark.parametrize("bad", [IDENTITY, b"\x01" + bytes(31), b"\xff" * 32], ids=["identity", "odd", "large"])
@pytest.mark.parametrize("sender", ["R", "S"])
def test_a_bad_point_names_its_sender_before_any_kernel(bad, sender, monkeypatch):
    parts = {"R": receive("S", 300, HEADER, SeededRandomness(0)), "S": send("R", 300, HEADER, SeededRandomness(1))}
    rounds = {party: next(part) for party, part in parts.items()}
    other = "RS".replace(sender, "")
    points = rounds[sender].send[other].copy()
    points.reshape(-1, 32)[-1] = np.frombuffer(bad, np.uint8)
    for place, name in ((ggm, "grow"), (noisy_vole, "receive"), (expand_convolute.ExpandConvolute, "encode")):
        monkeypatch.setattr(place, name, never)
    with pytest.raises(PeerMisbehaved, match=f"'{sender}'"):
        parts[other].send({sender: points})


CHANGES = {
    "shorter": lambda array: array[:-1],
    "longer": lambda array: np.concatenate([array, array[:1]]),
    "of another dtype": lambda array: array.view(np.int64) if array.dtype == np.uint64 else array.astype(np.uint64),
    "flat": lambda array: array.ravel(),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
@pytest.mark.parametrize(("number", "sender"), [(0, "R"), (0, "S"), (1, "R"), (2, "S")])
def test_a_message_of_another_form_names_its_sender(number, sender, change, monkeypatch):
    def changed(message):
        if isinstance(message, np.ndarray):
            return change(message) if message.ndim > 1 else message[:-1]
        return Masked(change(message[0].elements)), message[1]

    monkeypatch.setattr(*[(noisy_vole, "answer", never), (ggm, "grow_punctured", never)][number == 2])
    with pytest.raises(BadFrame, match=f"'{sender}' sent"):
        run(300, deliver=planted(number, sender, changed))


def test_a_missing_or_additional_array_names_its_sender():
    for number, sender in ((1, "R"), (2, "S")):
        for change in (lambda message: message[:1], lambda message: (*message, message[0])):
            with pytest.raises(BadFrame, match=f"'{sender}' sent"):
                run(300, deliver=planted(number, sender, change))


@pytest.mark.parametrize("part", [0, 1])
@pytest.mark.parametrize(("number", "sender"), [(1, "R"), (2, "S")])
def test_a_changed_word_breaks_the_identity_and_is_not_repaired(number, sender, part):
    """Semi-honest: nothing notices, and nothing pretends that the result were right."""

    def change(message):
        arrays = [each.elements.copy() for each in message]
        arrays[part] ^= np.uint64(1)
        return tuple(map(Masked, arrays))

    assert not holds(run(300, delta=b"\x01" + bytes(15), deliver=planted(number, sender, change)), 300)


def test_nonsense_is_refused_by_either_side():
    for part in (receive, send):
        for m, profile, header, said in (
            (0, "standard", HEADER, "at least one"),
            (-5, "standard", HEADER, "at least one"),
            (5, "none", HEADER, "profile"),
            (5, "standard", b"", "header"),
        ):
            with pytest.raises(InvalidRequest, match=said):
                next(part("peer", m, header, SeededRandomness(0), profile))


def test_the_secret_of_the_extension_is_not_delta(monkeypatch):
    """What is learned of one of them must not tell of the other: 256 choices, of which the first 128 are Delta."""
    chosen = []
    chooser = silent_vole.Chooser
    monkeypatch.setattr(
        silent_vole, "Chooser", lambda choices, *rest: chosen.append(choices) or chooser(choices, *rest)
    )
    delta, _ = run(300).outputs["S"]
    first, second = np.packbits(chosen[0], bitorder="little").view(np.uint64).reshape(2, 2)
    assert (first == delta).all()
    assert len({0, *first.tolist(), *second.tolist()}) == 5  # of both all 128 bits are drawn


def test_every_tree_grows_from_a_root_of_its_own(monkeypatch):
    roots, grow = [], ggm.grow
    monkeypatch.setattr(ggm, "grow", lambda *given: roots.append(given[1].copy()) or grow(*given))
    monkeypatch.setattr(silent_vole, "LONGEST", {"standard": 500})
    run(1000)
    words = np.concatenate(roots).ravel().tolist()
    assert len(roots) == 2 and len({0, *words}) == 1 + len(words) == 1 + 4 * shape(1000).trees


def test_values_of_noise_are_never_zero():
    class Zeros:
        def bytes(self, n):
            return bytes(n)

    _, beta = silent_vole._noise(replace(shape(10), trees=7), Zeros())
    assert beta.any(axis=1).all()


def test_noise_stands_anywhere_in_its_tree_and_elsewhere_in_every_run():
    made = shape(100_000)
    places, beta = silent_vole._noise(made, SeededRandomness(1))
    bits = places.ravel()[:, None] >> np.arange(made.depth, dtype=np.uint64) & np.uint64(1)
    assert (places < 1 << made.depth).all() and abs(bits.mean(axis=0) - 0.5).max() < 0.15
    others, other_beta = silent_vole._noise(made, SeededRandomness(2))
    assert (places == others).mean() < 0.1 and not (beta == other_beta).any()
    assert len(np.unique(beta)) == beta.size
