"""What every fabric promises, one short test each. A test class for a fabric inherits them and gives the harness:

    class TestMine(LinkPromises):
        @pytest.fixture
        def harness(self):
            harness = OnFabric(lambda recipes, limits: Mine(recipes, limits))
            yield harness
            harness.close()

A talk is the name of a function in `talks` with plain parameters, so that a fabric can make it in another process.
"""

import os
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Protocol

import msgpack
import pytest

from securecompute.engine.fabric import Fabric, Recipe
from securecompute.engine.local import play
from securecompute.engine.rounds import Inbox, Part, Party, payload_bytes
from securecompute.engine.runner import Limits, Outcome, Traffic
from securecompute.errors import AbortCode, BadFrame, InternalFault, InvalidRequest, PeerLost, PeerSilent
from tests.engine.talks import Talker, digest, pattern, sample, talk

Talk = tuple[str, dict[str, Any]]
NAMES = ("a", "b", "c", "d")
LIMITS = Limits(round_seconds=2.0, linger_seconds=5.0)
MIB = 1 << 20


class Harness(Protocol):
    """A fabric with the four parties of NAMES, as the suite uses it."""

    def run(self, talks: Mapping[Party, Talk], nonce: bytes | None = None) -> Mapping[Party, Outcome]:
        """Run one session. nonce: None for a fresh session; the same again for the same session again."""

    def kill(self, party: Party) -> None:
        """End a party's process."""

    def close(self) -> None:
        """End everything."""


class OnFabric:
    """The harness around a fabric."""

    def __init__(self, make: Callable[[Mapping[Party, Recipe], Limits], Fabric]) -> None:
        self.fabric = make({party: Recipe(Talker, {"me": party}) for party in NAMES}, LIMITS)

    def run(self, talks: Mapping[Party, Talk], nonce: bytes | None = None) -> Mapping[Party, Outcome]:
        """Run one session."""
        manifest = msgpack.packb([os.urandom(16) if nonce is None else nonce, talks])
        return self.fabric.run("talk", list(talks), manifest).outcomes

    def kill(self, party: Party) -> None:
        """End a party's process."""
        self.fabric.kill(party)

    def close(self) -> None:
        """End everything."""
        self.fabric.close()


class LockStep:
    """The harness around `play`, which has no links: nothing to seal, nobody to kill."""

    def run(self, talks: Mapping[Party, Talk], nonce: bytes | None = None) -> Mapping[Party, Outcome]:
        """Play the talks."""
        traffic = {party: Traffic() for party in talks}
        played = play({p: _counted(talk(*t), traffic[p]) for p, t in talks.items()}, strict=False)
        outcomes = {}
        for party in talks:
            traffic[party].sent = played.sent[party]
            traffic[party].received = sum(map(payload_bytes, played.views[party].values()))
            outcomes[party] = Outcome(played.outputs.get(party), played.errors.get(party), traffic[party], "", {})
        return outcomes

    def kill(self, party: Party) -> None:
        """Nobody has a process here."""
        raise NotImplementedError

    def close(self) -> None:
        """Nothing is open."""


def _counted(part: Part[Any], traffic: Traffic) -> Part[Any]:
    inbox: Inbox | None = None
    while True:
        try:
            turn = part.send(inbox)  # type: ignore[arg-type]
        except StopIteration as stop:
            return stop.value
        traffic.rounds += 1
        inbox = yield turn


def chats(rounds: int, word: str, names: tuple[Party, ...] = NAMES) -> dict[Party, Talk]:
    """Everybody talks with everybody."""
    return {
        me: ("chat", {"me": me, "others": [p for p in names if p != me], "rounds": rounds, "word": word})
        for me in names
    }


def heard(rounds: int, word: str, names: tuple[Party, ...] = NAMES) -> dict[Party, Any]:
    """What everybody hears in `chats`."""
    return {me: [[f"{word} {p} {me} {k}" for p in names if p != me] for k in range(rounds)] for me in names}


def values(outcomes: Mapping[Party, Outcome]) -> dict[Party, Any]:
    """Everybody's value; an error of anybody fails the test."""
    assert {p: str(o.error) for p, o in outcomes.items() if o.error is not None} == {}
    return {p: o.value for p, o in outcomes.items()}


class Promises:
    """What holds wherever parts run."""

    def test_messages_arrive_exactly_once_and_in_order(self, harness: Harness) -> None:
        assert values(harness.run(chats(20, "hello"))) == heard(20, "hello")

    def test_a_party_may_run_far_ahead_of_its_peer(self, harness: Harness) -> None:
        sizes = [k % 7 for k in range(300)]
        talks = {"a": ("send_all", {"to": "b", "sizes": sizes}), "b": ("receive_all", {"source": "a", "sizes": sizes})}
        assert values(harness.run(talks))["b"] == [[size, digest(pattern(size))] for size in sizes]

    @pytest.mark.parametrize("size", [0, 1, MIB - 10, MIB - 1, MIB, MIB + 1, 20_000_000])
    def test_bytes_arrive_as_they_were(self, harness: Harness, size: int) -> None:
        self.check_bytes(harness, size)

    @pytest.mark.slow
    def test_a_hundred_megabytes_arrive_as_they_were(self, harness: Harness) -> None:
        self.check_bytes(harness, 100_000_000)

    def check_bytes(self, harness: Harness, size: int) -> None:
        """Send so many bytes; compare them with what arrives."""
        talks = {
            "a": ("send_all", {"to": "b", "sizes": [size]}),
            "b": ("receive_all", {"source": "a", "sizes": [size]}),
        }
        assert values(harness.run(talks))["b"] == [[size, digest(pattern(size))]]

    def test_arrays_of_every_dtype_arrive_as_they_were(self, harness: Harness) -> None:
        codes = ["u1", "u2", "u4", "u8", "i8", "f8"]
        kinds = [[code, shape] for code in codes for shape in ([], [0], [3], [2, 3], [2, 0, 1], [200_001])]
        talks = {
            "a": ("send_arrays", {"to": "b", "kinds": kinds}),
            "b": ("receive_arrays", {"source": "a", "kinds": kinds}),
        }
        expected = [[str(s.dtype), list(s.shape), s.tobytes(), "Masked", True] for s in (sample(*k) for k in kinds)]
        assert values(harness.run(talks))["b"] == expected

    def test_received_arrays_are_writable_private_copies(self, harness: Harness) -> None:
        talks = {"a": ("send_twice", {"to": "b"}), "b": ("write_on_both", {"source": "a"})}
        sent = [int(x) for x in sample("u8", [4])]
        assert values(harness.run(talks)) == {"a": sent, "b": [True, sent, [0] * 4]}

    def test_a_message_of_undeclared_shape_ends_with_its_senders_name(self, harness: Harness) -> None:
        talks = {"a": ("say", {"to": "b", "size": 2}), "b": ("listen", {"sources": ["a"], "size": 1})}
        error = harness.run(talks)["b"].error
        assert isinstance(error, BadFrame) and "'a' sent 'b'" in str(error) and "expected 1 bytes" in str(error)

    def test_waiting_for_a_silent_party_ends_and_names_it(self, harness: Harness) -> None:
        talks: dict[Party, Talk] = {"a": ("be_silent", {}), "b": ("listen", {"sources": ["a"], "size": 1})}
        error = harness.run(talks)["b"].error
        assert isinstance(error, PeerSilent) and "'a'" in str(error)

    def test_a_quorum_goes_on_without_a_silent_party(self, harness: Harness) -> None:
        talks: dict[Party, Talk] = {p: ("say", {"to": "d", "size": 1}) for p in "ac"}
        talks |= {"b": ("be_silent", {}), "d": ("listen", {"sources": ["a", "b", "c"], "size": 1, "quorum": 2})}
        assert values(harness.run(talks))["d"] == ["a", "c"]

    def test_below_the_quorum_there_is_no_value(self, harness: Harness) -> None:
        talks: dict[Party, Talk] = {"a": ("say", {"to": "d", "size": 1})}
        talks |= {p: ("be_silent", {}) for p in "bc"}
        talks |= {"d": ("listen", {"sources": ["a", "b", "c"], "size": 1, "quorum": 2})}
        assert isinstance(harness.run(talks)["d"].error, PeerSilent)

    def test_rounds_and_bytes_are_counted_alike_everywhere(self, harness: Harness) -> None:
        kinds = [["u8", [5]], ["u2", [3]]]
        talks = {
            "a": ("send_arrays", {"to": "b", "kinds": kinds}),
            "b": ("receive_arrays", {"source": "a", "kinds": kinds}),
        }
        a, b = (harness.run(talks)[p].traffic for p in "ab")
        assert (a.rounds, a.sent, a.received) == (2, 2 + 2 * 40 + 2 * 6, 0)
        assert (b.rounds, b.sent, b.received) == (2, 0, 2 + 2 * 40 + 2 * 6)

    def test_sub_protocols_share_rounds(self, harness: Harness) -> None:
        words = ["one", "two", "three"]
        outcomes = harness.run({p: ("side_by_side", {"peer": q, "words": words}) for p, q in ("ab", "ba")})
        assert values(outcomes) == {"a": words, "b": words}
        assert outcomes["a"].traffic.rounds == 1


class LinkPromises(Promises):
    """What holds where messages travel between parties."""

    @pytest.mark.parametrize(
        ("kind", "code"),
        [
            ("InvalidRequest", AbortCode.POLICY),
            ("DisclosureRefused", AbortCode.POLICY),
            ("PeerMisbehaved", AbortCode.CONSISTENCY),
            ("BadFrame", AbortCode.BAD_FRAME),
            ("PeerSilent", AbortCode.DEADLINE),
            ("InternalFault", AbortCode.INTERNAL),
            ("no error of ours", AbortCode.INTERNAL),
        ],
    )
    def test_an_abort_code_reaches_everybody(self, harness: Harness, kind: str, code: AbortCode) -> None:
        others = chats(50, "x", ("a", "b", "c"))
        for _, parameters in others.values():
            parameters["others"].append("d")
        outcomes = harness.run(others | {"d": ("fail", {"kind": kind})})
        assert {p: o.error and o.error.code for p, o in outcomes.items()} == dict.fromkeys(NAMES, code)

    def test_no_text_of_an_error_travels(self, harness: Harness) -> None:
        talks: dict[Party, Talk] = {
            "a": ("listen", {"sources": ["b"], "size": 1}),
            "b": ("fail", {"kind": "PeerSilent"}),
        }
        assert "424242" not in str(harness.run(talks)["a"].error)

    def test_a_fault_is_told_without_its_text(self, harness: Harness) -> None:
        error = harness.run({"a": ("fail", {"kind": "unforeseen"}), "b": ("be_silent", {})})["a"].error
        assert isinstance(error, InternalFault) and "424242" not in str(error) and "ValueError in fail" in str(error)

    def test_what_has_no_wire_form_is_refused_at_its_sender(self, harness: Harness) -> None:
        error = harness.run({"a": ("refuse_to_send", {}), "b": ("be_silent", {})})["a"].error
        assert isinstance(error, InvalidRequest)

    def test_two_sessions_at_once_do_not_mix(self, harness: Harness) -> None:
        words = ["one", "another"]
        with ThreadPoolExecutor() as threads:
            both = list(threads.map(lambda word: values(harness.run(chats(10, word))), words))
        assert both == [heard(10, word) for word in words]

    def test_one_session_after_another(self, harness: Harness) -> None:
        for word in ("one", "another", "a third"):
            assert values(harness.run(chats(3, word))) == heard(3, word)

    def test_a_session_id_is_refused_the_second_time(self, harness: Harness) -> None:
        assert values(harness.run(chats(2, "once"), nonce=b"the same")) == heard(2, "once")
        with pytest.raises(InvalidRequest, match="was begun before"):
            harness.run(chats(2, "once"), nonce=b"the same")

    def test_a_killed_party_is_lost_and_those_who_need_it_end(self, mortal: Harness) -> None:
        mortal.kill("b")
        outcomes = mortal.run(chats(2, "x"))
        assert all(isinstance(o.error, PeerLost) for o in outcomes.values())
        told = [str(outcomes[p].error) for p in "acd"]  # whoever notices first names it, and tells the others
        assert any("'b' is gone" in text for text in told)
        assert all("'b' is gone" in text or "ended the session: a party is gone" in text for text in told)

    def test_a_quorum_goes_on_without_a_killed_party(self, mortal: Harness) -> None:
        mortal.kill("b")
        talks: dict[Party, Talk] = {p: ("say", {"to": "d", "size": 1}) for p in "abc"}
        talks |= {"d": ("listen", {"sources": ["a", "b", "c"], "size": 1, "quorum": 2})}
        outcome = mortal.run(talks)["d"]
        assert outcome.error is None and outcome.value == ["a", "c"]
        assert outcome.missing == {"b": AbortCode.PEER_LOST}

    def test_closing_twice_is_fine(self, mortal: Harness) -> None:
        mortal.close()
        mortal.close()

    @pytest.fixture
    def mortal(self, harness: Harness) -> Harness:
        """A harness that the test may break. Give a fresh one here where `harness` is shared."""
        return harness
