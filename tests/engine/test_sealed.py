"""The sealed link: what opens, what does not, what is sent again, and how much may be outstanding."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from securecompute.engine.sealed import (
    ABORT_REPEATS,
    ACK_AFTER,
    RESEND_FIRST,
    RESEND_MOST,
    WINDOW,
    WINDOW_BYTES,
    Channel,
)
from securecompute.engine.session import open_session
from securecompute.engine.wire import ABORT, ACK, DATA, PIECE, frame_of, parse_frame
from securecompute.errors import AbortCode, BadFrame, PeerMisbehaved
from securecompute.primitives.keys import AgreementKey, LowOrderPoint
from tests.seeded import SeededRandomness

NAMES = ("a", "b", "c")
KEYS = {p: AgreementKey.generate(SeededRandomness(p)) for p in NAMES}
ROSTER = {p: key.public for p, key in KEYS.items()}


def end(me, peer, manifest=b"m"):
    return Channel(open_session("talk", ROSTER, manifest), me, peer, KEYS[me])


def ends():
    return end("a", "b"), end("b", "a")


def put(channel, frame, now=0.0):
    channel.receive(*parse_frame(frame), now)


def sent(channel, now=0.0):
    return list(channel.frames(now))


def read(channel, now=0.0):
    pieces = []
    while channel.peek() is not None:
        pieces.append(channel.consume(now))
    return pieces


def one_frame(text=b"hello", number=0):
    a, b = ends()
    a.send(number, text)
    [frame] = sent(a)
    return a, b, frame


def resealed(frame, **changes):
    """The frame under a header with other fields, and the same sealed piece."""
    header, _, sealed = parse_frame(frame)
    return frame_of(replace(header, **changes).encode(), bytes(sealed))


# ---- what opens


def test_a_frame_opens_at_its_receiver_and_names_its_round():
    _, b, frame = one_frame(b"hello", 3)
    put(b, frame)
    assert b.peek().round == 3
    assert read(b) == [b"hello"]


def test_a_frame_shows_neither_contents_nor_keys():
    a, _, frame = one_frame(b"a secret sentence")
    assert b"secret" not in frame and KEYS["a"].unchecked_private_bytes() not in frame
    assert "secret" not in repr(a)


@pytest.mark.parametrize(
    ("place", "reader"),
    [
        ("another session", lambda: end("b", "a", b"another")),
        ("another receiver", lambda: end("c", "a")),
        ("the other direction", lambda: end("a", "b")),
        ("from somebody else", lambda: end("b", "c")),
    ],
)
def test_a_frame_moved_elsewhere_does_not_open(place, reader):
    _, _, frame = one_frame()
    with pytest.raises(BadFrame, match="does not open under this session's keys"):
        put(reader(), frame)


@pytest.mark.parametrize(
    "changes",
    [
        {"sequence": 1},
        {"round": 1},
        {"pieces": 2},
        {"piece": 1, "pieces": 2},
        {"kind": ACK},
        {"kind": ABORT},
        {"session": bytes(16)},
        {"source": "c"},
        {"destination": "c"},
    ],
)
def test_a_frame_under_another_header_does_not_open(changes):
    _, b, frame = one_frame()
    with pytest.raises(BadFrame, match="does not open"):
        put(b, resealed(frame, **changes))


@given(st.data())
def test_a_frame_with_any_bit_changed_is_never_read(data):
    _, b, frame = one_frame()
    position = data.draw(st.integers(0, len(frame) - 1))
    changed = bytearray(frame)
    changed[position] ^= 1 << data.draw(st.integers(0, 7))
    with pytest.raises(BadFrame):
        put(b, bytes(changed))
    assert read(b) == []


@pytest.mark.parametrize("kept", range(17))
def test_a_truncated_piece_does_not_open(kept):
    _, b, frame = one_frame()
    header, raw, sealed = parse_frame(frame)
    with pytest.raises(BadFrame, match="does not open"):
        b.receive(header, raw, sealed[:kept], 0.0)


def test_a_public_key_that_anybody_could_agree_with_is_refused():
    session = open_session("talk", ROSTER | {"b": bytes(32)}, b"m")
    with pytest.raises(LowOrderPoint):
        Channel(session, "a", "b", KEYS["a"])


def test_the_two_directions_have_different_keys():
    a, b = ends()
    a.send(0, b"same text")
    b.send(0, b"same text")
    ours, theirs = parse_frame(sent(a)[0])[2], parse_frame(sent(b)[0])[2]
    assert bytes(ours) != bytes(theirs)


# ---- order, duplicates, resends


@given(st.permutations(range(8)), st.lists(st.integers(0, 7), max_size=8))
def test_frames_are_read_once_and_in_order_whatever_the_order_of_arrival(order, again):
    a, b = ends()
    for k in range(8):
        a.send(k, bytes([k]))
    frames, pieces = sent(a), []
    for k in [*order, *again]:
        put(b, frames[k])
        pieces += read(b)
    assert pieces == [bytes([k]) for k in range(8)]


def test_a_resend_is_the_same_bytes():
    a, _, frame = one_frame()
    assert sent(a, RESEND_FIRST / 2) == []
    now, again = 0.0, []
    for _ in range(6):
        now = a.due
        again += sent(a, now)
    assert again == [frame] * 6


def test_resends_come_ever_more_seldom_up_to_a_limit():
    a, _, _ = one_frame()
    waits, now = [], 0.0
    for _ in range(8):
        waits.append(a.due - now)
        now = a.due
        sent(a, now)
    assert waits == sorted(waits) and waits[0] == RESEND_FIRST and waits[-1] == RESEND_MOST


def test_an_acknowledged_frame_is_not_sent_again():
    a, b, frame = one_frame()
    put(b, frame)
    read(b)
    assert sent(b) == [] and b.due == ACK_AFTER
    [ack] = sent(b, ACK_AFTER)
    put(a, ack, ACK_AFTER)
    assert a.drained and b.drained and a.due is None
    assert sent(a, 100.0) == []


def test_what_was_consumed_and_comes_again_is_acknowledged_again():
    a, b, frame = one_frame()
    put(b, frame)
    read(b)
    sent(b, ACK_AFTER)  # this acknowledgement is lost
    put(b, frame, 1.0)
    [ack] = sent(b, 1.0)
    put(a, ack, 1.0)
    assert a.drained and read(b) == []


def test_what_was_not_consumed_is_not_acknowledged():
    _, b, frame = one_frame()
    put(b, frame)
    assert b.due is None and sent(b, 10.0) == []


def test_an_old_acknowledgement_changes_nothing():
    a, b = ends()
    for k in range(2):
        a.send(k, b"x")
    frames, acks = sent(a), []
    for frame in frames:
        put(b, frame)
        read(b)
        b.acknowledge_now()
        acks += sent(b)
    put(a, acks[1])
    put(a, acks[0])
    put(a, acks[1])
    assert a.drained


def test_an_acknowledgement_of_what_was_never_sent_is_refused():
    a, b, _ = one_frame()
    forged = b._control(ACK, (2).to_bytes(8, "big"))
    with pytest.raises(BadFrame, match="'b' acknowledged a frame that was never sent"):
        put(a, forged)


@given(st.lists(st.tuples(st.sampled_from("ab"), st.integers(1, 40), st.floats(0, 3)), max_size=40))
def test_no_number_is_ever_used_for_two_frames(steps):
    a, b = ends()
    seen, now = {}, 0.0
    for who, size, wait in steps:
        now += wait
        channel, other = (a, b) if who == "a" else (b, a)
        channel.send(0, bytes(size))
        for frame in sent(channel, now):
            header, _, _ = parse_frame(frame)
            assert seen.setdefault((who, header.kind == DATA, header.sequence), frame) == frame
            if size % 3:
                put(other, frame, now)
        read(other, now)


# ---- equivocation


def forked(text):
    """Another end with the same keys: what a hostile or restarted party would be."""
    twin = end("a", "b")
    twin.send(0, text)
    return sent(twin)[0]


@pytest.mark.parametrize("consumed", [True, False])
def test_other_contents_under_a_used_number_are_misbehaviour(consumed):
    _, b, frame = one_frame()
    put(b, frame)
    if consumed:
        read(b)
    with pytest.raises(PeerMisbehaved, match="'a' sent two different frames under number 0") as caught:
        put(b, forked(b"other"))
    assert caught.value.code is AbortCode.CONSISTENCY


@pytest.mark.parametrize("consumed", [True, False])
@pytest.mark.parametrize("position", [-1, -17])
def test_a_corrupted_duplicate_is_ignored(consumed, position):
    _, b, frame = one_frame()
    put(b, frame)
    if consumed:
        read(b)
    changed = bytearray(frame)
    changed[position] ^= 1
    put(b, bytes(changed))
    assert read(b) == ([] if consumed else [b"hello"])


def test_equivocation_is_seen_among_the_last_frames_of_a_window():
    a, b = ends()
    for k in range(WINDOW):
        a.send(k, b"x")
    for frame in sent(a):
        put(b, frame)
        read(b)
    with pytest.raises(PeerMisbehaved):
        put(b, forked(b"other"))


# ---- windows


def test_no_more_than_a_window_of_frames_travels_unacknowledged():
    a, b = ends()
    for k in range(WINDOW + 10):
        a.send(k, b"x")
    frames = sent(a)
    assert len(frames) == WINDOW
    for frame in frames:
        put(b, frame)
    read(b)
    for ack in sent(b, ACK_AFTER):
        put(a, ack)
    assert len(sent(a)) == 10


def test_no_more_than_a_window_of_bytes_travels_unacknowledged():
    a, b = ends()
    a.send(0, bytes(20 * PIECE))
    frames = sent(a)
    assert WINDOW_BYTES <= sum(map(len, frames)) < WINDOW_BYTES + 2 * PIECE
    for frame in frames:
        put(b, frame)
    assert sum(map(len, read(b))) == len(frames) * PIECE


def test_a_frame_beyond_the_window_is_refused():
    a, b = ends()
    a._numbered = WINDOW
    a.send(0, b"x")
    with pytest.raises(BadFrame, match=f"'a' sent frame {WINDOW} beyond the window at 0"):
        put(b, sent(a)[0])


def test_more_bytes_than_the_window_are_refused_before_they_are_opened():
    a, b = ends()
    sizes = []
    with pytest.raises(BadFrame, match="beyond the window"):
        for k in range(WINDOW):
            frame = a._sealed(DATA, k, 0, 0, 1, bytes(PIECE))
            put(b, frame)
            sizes.append(len(frame))
    assert sum(sizes) <= WINDOW_BYTES + 2 * PIECE


# ---- aborts


def test_an_abort_code_arrives_and_what_was_waiting_is_dropped():
    a, b, _ = one_frame()
    a.send(1, b"more")
    a.abort(AbortCode.POLICY)
    [frame] = sent(a)
    put(b, frame)
    assert b.aborted is AbortCode.POLICY and read(b) == []


def test_an_abort_code_is_repeated_a_few_times_each_under_its_own_number():
    a, _ = ends()
    a.abort(AbortCode.DEADLINE)
    frames = sent(a)
    while a.due is not None:
        frames += sent(a, a.due)
    assert len(frames) == ABORT_REPEATS == len({parse_frame(frame)[0].sequence for frame in frames})
    assert a.drained


@pytest.mark.parametrize("data", [b"", b"\x07", b"\xff", b"\x00\x00"])
def test_an_abort_code_that_does_not_exist_is_refused(data):
    a, b = ends()
    with pytest.raises(BadFrame, match="'a' sent an abort code that does not exist"):
        put(b, a._control(ABORT, data))


@pytest.mark.parametrize("data", [b"", bytes(7), bytes(9), b"\xff" * 8])
def test_an_acknowledgement_is_eight_bytes(data):
    a, b = ends()
    with pytest.raises(BadFrame, match="acknowledged"):
        put(b, a._control(ACK, data))
