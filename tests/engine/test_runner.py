"""The runner: deadlines, quorums, what is dropped, what ends a session, and with which words."""

import numpy as np
import pytest

from securecompute.engine.rounds import Array, Bytes, BytesUpTo, Round
from securecompute.engine.runner import Limits, Runner
from securecompute.engine.sealed import Channel
from securecompute.engine.session import open_session
from securecompute.engine.wire import encode, parse_frame
from securecompute.errors import (
    AbortCode,
    BadFrame,
    DisclosureRefused,
    InternalFault,
    InvalidRequest,
    PeerLost,
    PeerMisbehaved,
    PeerSilent,
    SecureComputeError,
)
from securecompute.primitives.keys import AgreementKey
from securecompute.values import Plain
from tests.seeded import SeededRandomness

NAMES = ("me", "north", "south", "west")
KEYS = {p: AgreementKey.generate(SeededRandomness(p)) for p in NAMES}
SESSION = open_session("talk", {p: key.public for p, key in KEYS.items()}, b"m")


class Bench:
    """A runner, and the other ends of its links in the hands of the test."""

    def __init__(self, part, limits=None, session=SESSION):
        self.seen = []
        self.runner = Runner(
            "me", part, session, KEYS["me"], limits or Limits(), 0.0, lambda *view: self.seen.append(view)
        )
        self.peers = {p: Channel(SESSION, p, "me", KEYS[p]) for p in NAMES[1:]}
        self.runner.run_ready(0.0)

    def say(self, peer, number, message, now=0.0, resume=True):
        """The peer's message of that round arrives."""
        self.peers[peer].send(number, encode(message))
        for frame in list(self.peers[peer].frames(now)):
            self.runner.receive(frame, now)
        if resume:
            self.runner.run_ready(now)

    def abort(self, peer, code, now=0.0):
        """The peer's abort code arrives."""
        self.peers[peer].abort(code)
        for frame in list(self.peers[peer].frames(now)):
            self.runner.receive(frame, now)
        self.runner.run_ready(now)

    def wait(self, now):
        """Time passes."""
        self.runner.tick(now)
        self.runner.run_ready(now)

    def told(self, now=0.0):
        """What the peers are told: the abort code that reaches each."""
        for peer, frame in self.runner.outgoing(now):
            self.peers[peer].receive(*parse_frame(frame), now)
        return {p: channel.aborted for p, channel in self.peers.items()}

    @property
    def error(self):
        return None if self.runner.outcome is None else self.runner.outcome.error


def listen(*senders, quorum=None, rounds=1, spec=None, **more):
    """Wait for the senders in every round; return who was heard in each."""
    heard = []
    for _ in range(rounds):
        inbox = yield Round(expect=dict.fromkeys(senders, spec or Bytes(1)), quorum=quorum, step="listen", **more)
        heard.append(tuple(inbox))
    return heard


# ---- deadlines


@pytest.mark.parametrize(
    ("limits", "more", "seconds"),
    [
        (Limits(), {}, 30.0),
        (Limits(), {"spec": Array(np.uint64, (250_000,))}, 32.0),
        (Limits(round_seconds=5.0), {}, 5.0),
        (Limits(bytes_per_second=1000.0), {"spec": BytesUpTo(10_000)}, 40.0),
        (Limits(), {"work": 15.0}, 45.0),
        (Limits(), {"after": 2}, 90.0),
        (Limits(), {"after": 1, "work": 10.0, "spec": Bytes(2_000_000)}, 84.0),
        (Limits(session_seconds=20.0), {"after": 5}, 20.0),
    ],
)
def test_the_deadline_of_a_round_is_the_formula(limits, more, seconds):
    bench = Bench(listen("north", **more), limits)
    assert bench.runner.due() == pytest.approx(seconds, abs=0.001)
    bench.wait(seconds - 0.01)
    assert bench.runner.outcome is None
    bench.wait(seconds + 0.01)
    assert isinstance(bench.error, PeerSilent)


def test_who_was_not_heard_in_time_is_named_with_place_and_step():
    bench = Bench(listen("north", "south", "west", rounds=2))
    for peer in NAMES[1:]:
        bench.say(peer, 0, b"x")
    bench.say("south", 1, b"x")
    bench.wait(31.0)
    place = f"talk, session {SESSION.id.hex()[:8]}, at 'me', round 1 (listen): "
    assert str(bench.error).startswith(place + "'north', 'west' did not answer in time")


def test_every_round_has_a_deadline_of_its_own():
    bench = Bench(listen("north", rounds=2))
    bench.say("north", 0, b"x", now=29.0)
    assert bench.runner.due() == pytest.approx(29.0 + 0.1)  # an acknowledgement
    bench.wait(58.0)
    assert bench.runner.outcome is None
    bench.say("north", 1, b"x", now=58.9)
    assert bench.runner.outcome.value == [("north",), ("north",)]


def test_a_round_that_is_complete_when_time_is_up_is_not_late():
    bench = Bench(listen("north"))
    bench.say("north", 0, b"x", now=30.5, resume=False)
    bench.wait(30.5)
    assert bench.runner.outcome.value == [("north",)]


def test_no_deadline_ends_a_part_while_it_computes():
    bench = Bench(listen("north"))
    bench.say("north", 0, b"x", resume=False)
    turn = bench.runner.resume()
    bench.runner.tick(1000.0)
    assert bench.runner.outcome is None and not bench.runner.ready
    bench.runner.proceed(turn, 1000.0)
    assert bench.runner.outcome.value == [("north",)]


def test_a_session_has_a_hard_end():
    bench = Bench(listen("north", rounds=1000), Limits(session_seconds=100.0))
    for k in range(5):
        bench.say("north", k, b"x", now=25.0 * k)
        bench.wait(25.0 * k)
    assert isinstance(bench.error, PeerSilent)


# ---- quorums


def test_with_a_quorum_the_round_goes_on_at_the_deadline():
    bench = Bench(listen("north", "south", "west", quorum=2))
    bench.say("west", 0, b"x")
    bench.say("north", 0, b"x")
    assert bench.runner.outcome is None
    bench.wait(31.0)
    assert bench.runner.outcome.value == [("north", "west")]
    assert bench.runner.outcome.missing == {"south": AbortCode.DEADLINE}


def test_below_the_quorum_the_deadline_ends_the_session():
    bench = Bench(listen("north", "south", "west", quorum=2))
    bench.say("west", 0, b"x")
    bench.wait(31.0)
    assert isinstance(bench.error, PeerSilent)


def test_with_all_others_lost_a_quorum_does_not_wait():
    bench = Bench(listen("north", "south", "west", quorum=1))
    bench.say("west", 0, b"x")
    bench.runner.lose("north", 0.0)
    bench.abort("south", AbortCode.POLICY)
    assert bench.runner.outcome.value == [("west",)]
    assert bench.runner.outcome.missing == {"north": AbortCode.PEER_LOST, "south": AbortCode.POLICY}


def test_a_lost_party_whose_message_had_come_is_heard():
    bench = Bench(listen("north", "south"))
    bench.say("north", 0, b"x")
    bench.runner.lose("north", 0.0)
    bench.say("south", 0, b"x")
    assert bench.runner.outcome.value == [("north", "south")]


def test_losing_a_stranger_or_oneself_changes_nothing():
    bench = Bench(listen("north"))
    bench.runner.lose("nobody", 0.0)
    bench.runner.lose("me", 0.0)
    bench.say("north", 0, b"x")
    assert bench.runner.outcome.missing == {}


def test_an_inbox_is_in_the_order_declared():
    bench = Bench(listen("west", "north", "south"))
    for peer in ("north", "south", "west"):
        bench.say(peer, 0, b"x")
    assert bench.runner.outcome.value == [("west", "north", "south")]


def test_a_tardy_message_is_dropped():
    bench = Bench(listen("north", "south", quorum=1, rounds=2))
    bench.say("north", 0, b"x")
    bench.wait(31.0)
    bench.say("south", 0, b"late", now=31.0)
    bench.say("north", 1, b"x", now=31.0)
    assert bench.runner.outcome.value == [("north",), ("north",)]
    assert [view[1] for view in bench.seen] == ["north", "north"]


def test_what_is_left_of_a_message_that_the_round_went_on_without_is_dropped():
    spec = BytesUpTo(3 << 20)
    bench = Bench(listen("north", "south", quorum=1, rounds=2, spec=spec))
    south = bench.peers["south"]
    south.send(0, encode(b"s" * (2 << 20)))
    first, *rest = list(south.frames(0.0))
    bench.runner.receive(first, 0.0)
    bench.say("north", 0, b"n")
    bench.runner.lose("south", 0.0)
    bench.runner.run_ready(0.0)
    assert bench.runner.traffic.rounds == 2
    for frame in rest:
        bench.runner.receive(frame, 0.0)
    bench.say("north", 1, b"n")
    assert bench.runner.outcome.value == [("north",), ("north",)]


def test_a_message_that_ends_between_deadline_and_resumption_counts():
    bench = Bench(listen("north", "south", quorum=1, spec=BytesUpTo(3 << 20)))
    south = bench.peers["south"]
    south.send(0, encode(b"s" * (1 << 20)))
    first, last = list(south.frames(0.0))
    bench.runner.receive(first, 0.0)
    bench.say("north", 0, b"n")
    bench.runner.tick(40.0)
    bench.runner.receive(last, 40.0)
    bench.runner.run_ready(40.0)
    assert bench.runner.outcome.value == [("north", "south")]


def listen_then_only_north():
    yield Round(expect={"north": Bytes(1), "south": Bytes(1)}, quorum=1)
    inbox = yield Round(expect={"north": Bytes(1)})
    return tuple(inbox)


def test_what_a_missing_party_sends_in_later_rounds_is_dropped_too():
    bench = Bench(listen_then_only_north())
    bench.say("north", 0, b"x")
    bench.wait(31.0)
    bench.say("south", 0, b"x", now=31.0)
    bench.say("south", 1, b"x", now=31.0)
    bench.say("north", 1, b"x", now=31.0)
    assert bench.runner.outcome.value == ("north",)


# ---- what ends a session

ENDS = {
    AbortCode.PEER_LOST: (PeerLost, "'north' ended the session: a party is gone"),
    AbortCode.DEADLINE: (PeerSilent, "'north' gave up waiting"),
    AbortCode.BAD_FRAME: (
        BadFrame,
        "'north' ended the session: a frame could not be opened or decoded",
    ),
    AbortCode.POLICY: (DisclosureRefused, "'north' abstained"),
    AbortCode.CONSISTENCY: (PeerMisbehaved, "'north' ended the session: the parties were not told the same"),
    AbortCode.INTERNAL: (InternalFault, "'north' ended the session: a party failed inside."),
    AbortCode.CANCELLED: (SecureComputeError, "'north' ended the session: a person stopped it"),
}


@pytest.mark.parametrize("code", AbortCode)
def test_an_abort_code_ends_the_session_with_its_kind_of_error_and_goes_on_to_everybody(code):
    bench = Bench(listen("north", "south"))
    bench.abort("north", code)
    kind, words = ENDS[code]
    assert isinstance(bench.error, kind) and words in str(bench.error) and bench.error.code is code
    told = bench.told()
    assert told["south"] is told["west"] is code


@pytest.mark.parametrize("code", AbortCode)
def test_an_abort_of_somebody_not_waited_for_is_only_remembered(code):
    bench = Bench(listen("south", rounds=2))
    bench.abort("north", code)
    bench.say("south", 0, b"x")
    assert bench.runner.outcome is None
    bench.say("south", 1, b"x")
    assert bench.error is None and bench.runner.outcome.missing == {"north": code}


def test_a_person_may_stop_a_session_and_everybody_is_told():
    bench = Bench(listen("north"))
    bench.runner.cancel(1.0)
    bench.runner.cancel(2.0)
    assert bench.error.code is AbortCode.CANCELLED and str(bench.error).count("session") == 1
    assert set(bench.told().values()) == {AbortCode.CANCELLED}


@pytest.mark.parametrize(
    ("message", "words"),
    [
        (b"xy", "'north' sent 'me' something else: got 2 bytes; expected 1 bytes"),
        (np.zeros(3), r"'north' sent 'me' something else: got float64 (3,); expected 1 bytes"),
        ((b"x", b""), "'north' sent 'me' something else: got (1 bytes, 0 bytes); expected 1 bytes"),
    ],
)
def test_a_message_of_undeclared_shape_ends_the_session_with_its_senders_name(message, words):
    bench = Bench(listen("north"))
    bench.say("north", 0, message)
    assert isinstance(bench.error, BadFrame) and words in str(bench.error)
    assert set(bench.told().values()) == {AbortCode.BAD_FRAME}


def test_a_later_piece_that_does_not_fit_names_its_sender_too():
    bench = Bench(listen("north", spec=Bytes(2 << 20)))
    body = encode(bytes(2 << 20))
    bench.peers["north"].send(0, body + b"more")
    for frame in list(bench.peers["north"].frames(0.0)):
        bench.runner.receive(frame, 0.0)
    assert "'north' sent 'me' something else: a message holds more bytes" in str(bench.error)


@pytest.mark.parametrize(
    ("number", "words"),
    [
        (0, "'south' sent a message for round 0, in which none was due from it"),
        (1, None),
    ],
)
def test_a_message_that_was_not_due_is_named_once_its_round_has_come(number, words):
    bench = Bench(listen("north", rounds=2))
    bench.say("south", number, b"x")
    assert (bench.error is None) == (words is None)
    assert words is None or words in str(bench.error)


def test_a_second_message_in_one_round_is_named():
    bench = Bench(listen("north", "south"))
    bench.say("north", 0, b"x")
    bench.say("north", 0, b"x")
    assert "'north' sent a message for round 0, in which none was due from it" in str(bench.error)


def test_a_message_left_out_is_named_when_the_next_one_comes():
    bench = Bench(listen("north", rounds=3))
    bench.say("north", 1, b"x")
    assert "'north' left out its message of round 0" in str(bench.error)


def test_a_message_ahead_of_its_round_waits():
    bench = Bench(listen("north", "south", rounds=2))
    bench.say("north", 0, b"x")
    bench.say("north", 1, b"x")
    bench.say("south", 0, b"x")
    bench.say("south", 1, b"x")
    assert bench.runner.outcome.value == [("north", "south")] * 2


def test_frames_of_others_and_for_others_are_dropped():
    bench = Bench(listen("north"))
    elsewhere = open_session("talk", SESSION.roster, b"another")
    stranger = AgreementKey.generate(SeededRandomness("stranger"))
    for channel in (
        Channel(elsewhere, "north", "me", KEYS["north"]),
        Channel(SESSION, "north", "south", KEYS["north"]),
        Channel(SESSION, "stranger", "me", stranger),
        Channel(SESSION, "me", "north", KEYS["me"]),
    ):
        channel.send(0, encode(b"y"))
        for frame in list(channel.frames(0.0)):
            bench.runner.receive(frame, 0.0)
    bench.say("north", 0, b"x")
    assert bench.runner.outcome.value == [("north",)]


def test_bytes_that_are_no_frame_end_the_session():
    bench = Bench(listen("north"))
    bench.runner.receive(b"GET / HTTP/1.1\r\n\r\n", 0.0)
    assert isinstance(bench.error, BadFrame)


# ---- what a part may do


def fail(deed):
    yield Round(expect={"north": Bytes(1)}, step="before")
    deed()


def raise_secret():
    raise ValueError("patient 424242")


@pytest.mark.parametrize(
    "deed", [raise_secret, lambda: {}["424242"], lambda: 1 // 0, lambda: int("424242x"), lambda: [][424242]]
)
def test_an_unforeseen_fault_is_told_by_its_place_without_its_text(deed):
    bench = Bench(fail(deed))
    bench.say("north", 0, b"x")
    assert isinstance(bench.error, InternalFault) and bench.error.code is AbortCode.INTERNAL
    text = str(bench.error)
    assert "424242" not in text and ", line " in text and "its text stays unsaid" in text
    assert bench.error.__cause__ is bench.error.__context__ is bench.error.__traceback__ is None
    assert set(bench.told().values()) == {AbortCode.INTERNAL}


def test_an_error_of_a_part_keeps_its_kind_and_gets_its_place():
    def deed():
        raise DisclosureRefused("rule 'smallest cell'")

    bench = Bench(fail(deed))
    bench.say("north", 0, b"x")
    assert type(bench.error) is DisclosureRefused
    place = f"talk, session {SESSION.id.hex()[:8]}, at 'me', round 0 (before): "
    assert str(bench.error) == place + "rule 'smallest cell'"


@pytest.mark.parametrize(
    ("yielded", "words"),
    [
        (Round({"nobody": b"x"}), "'me' would talk to 'nobody', who is not in the roster"),
        (Round(expect={"nobody": Bytes(1)}), "'me' would talk to 'nobody'"),
        (Round({"me": b"x"}), "'me' would talk to 'me'"),
        (
            Round(expect={"north": Bytes(1 << 31 | 1)}),
            "would take 2147483649 bytes from 'north'; the limit is 2147483648",
        ),
        (Round({"north": Plain(np.zeros(1, np.uint64))}), "mask, share or encrypt it first"),
        (Round({"north": "text"}), "Send bytes or an array"),
        (Round({"north": np.zeros(1, np.float32)}), "send one of uint8"),
        (Round({"north": (b"",) * 2000}), "a message of 2000 parts"),
        (None, "a part yielded a NoneType; it yields rounds"),
        ({"north": b"x"}, "a part yielded a dict; it yields rounds"),
    ],
)
def test_what_a_part_may_not_do_is_refused_with_a_sentence(yielded, words):
    def part():
        yield yielded

    bench = Bench(part())
    assert isinstance(bench.error, InvalidRequest) and words in str(bench.error)


def test_an_unusable_key_in_the_roster_ends_the_session_with_a_typed_error():
    def part():
        yield Round({"north": b"x"}, {"north": Bytes(1)})

    for key in (bytes(32), b"short"):
        session = open_session("talk", SESSION.roster | {"north": key}, b"m")
        bench = Bench(part(), session=session)
        assert isinstance(bench.error, PeerMisbehaved)


def test_a_part_is_closed_when_its_session_ends_early():
    closed = []

    def part():
        try:
            yield Round(expect={"north": Bytes(1)})
        finally:
            closed.append(True)

    Bench(part()).runner.cancel(0.0)
    assert closed == [True]


def test_a_finished_party_lingers_until_all_has_arrived():
    def part():
        yield Round({"north": b"x"})

    bench = Bench(part(), Limits(linger_seconds=7.0))
    assert bench.runner.outcome.value is None and not bench.runner.drained
    assert bench.runner.closed_at == 7.0
    [(_, frame)] = bench.runner.outgoing(0.0)
    assert [again for _, again in bench.runner.outgoing(1.0)] == [frame]


def test_a_finished_party_lingers_as_long_as_its_peer_shows_life_but_not_beyond_the_session():
    def part():
        for _ in range(100):
            yield Round({"north": b"x"})

    bench = Bench(part(), Limits(linger_seconds=7.0, session_seconds=20.0))
    bench.told(5.0)
    bench.peers["north"].consume(5.0)
    for frame in list(bench.peers["north"].frames(6.0)):
        bench.runner.receive(frame, 6.0)
    assert bench.runner.closed_at == 13.0
    bench.peers["north"].consume(15.0)
    for frame in list(bench.peers["north"].frames(16.0)):
        bench.runner.receive(frame, 16.0)
    assert bench.runner.closed_at == 20.0


def test_traffic_counts_payload_rounds_and_everything_on_the_wire():
    def part():
        yield Round({"north": b"12345"}, {"north": Bytes(1)})
        yield Round({"south": np.zeros(2, np.uint64)})

    bench = Bench(part())
    bench.say("north", 0, b"x")
    wire = sum(len(frame) for _, frame in bench.runner.outgoing(0.0))
    traffic = bench.runner.outcome.traffic
    assert (traffic.rounds, traffic.sent, traffic.received, traffic.wire) == (2, 21, 1, wire)


def test_the_view_is_every_message_that_the_part_received():
    bench = Bench(listen("north", "south"))
    bench.say("south", 0, b"s")
    bench.say("north", 0, b"n")
    assert bench.seen == [(0, "south", b"s"), (0, "north", b"n")]
