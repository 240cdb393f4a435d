"""Rounds: what may be declared and sent, how it reads in an error, and how sub-protocols share rounds."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from securecompute.engine.local import play
from securecompute.engine.rounds import (
    Array,
    Bytes,
    BytesUpTo,
    Round,
    Several,
    check_received,
    check_sendable,
    payload_bytes,
    private_copy,
    shape_of,
    together,
)
from securecompute.errors import BadFrame, InvalidRequest, PeerMisbehaved, PeerSilent
from securecompute.values import Ciphertext, Masked, Plain, Share

VECTOR = np.arange(3, dtype=np.uint64)


@pytest.mark.parametrize(
    ("spec", "message", "admitted"),
    [
        (Bytes(2), b"ab", True),
        (Bytes(2), b"a", False),
        (Bytes(2), bytearray(b"ab"), False),
        (Bytes(2), "ab", False),
        (BytesUpTo(2), b"", True),
        (BytesUpTo(2), b"abc", False),
        (Array(np.uint64, (3,)), VECTOR, True),
        (Array(np.uint64, (3,)), VECTOR.astype(np.int64), False),
        (Array(np.uint64, (3,)), VECTOR.reshape(3, 1), False),
        (Array(np.uint64, (3,)), VECTOR.tolist(), False),
        (Array(np.uint64, (3,)), Masked(VECTOR), False),
        (Array(np.uint64, (3,), Masked), Masked(VECTOR), True),
        (Array(np.uint64, (3,), Masked), Share(VECTOR), False),
        (Array(np.uint64, (3,), Masked), VECTOR, False),
        (Array(np.float64, ()), np.array(1.0), True),
        (Array(np.float64, ()), 1.0, False),
        (Several((Bytes(1), Bytes(2))), (b"a", b"bc"), True),
        (Several((Bytes(1), Bytes(2))), (b"a",), False),
        (Several((Bytes(1), Bytes(2))), [b"a", b"bc"], False),
        (Several(()), (), True),
    ],
)
def test_a_declaration_admits_what_it_says_and_nothing_else(spec, message, admitted):
    assert spec.admits(message) is admitted


@pytest.mark.parametrize("dtype", [np.float32, np.bool_, np.int32, np.int8, np.complex128, object, "U3", "M8[s]"])
def test_a_dtype_without_a_wire_form_cannot_be_declared(dtype):
    with pytest.raises(InvalidRequest, match="do not travel; use one of uint8"):
        Array(dtype, (1,))


def test_a_plain_value_cannot_be_declared():
    with pytest.raises(InvalidRequest, match="never travels"):
        Array(np.uint64, (1,), Plain)


@pytest.mark.parametrize(
    ("message", "sentence"),
    [
        (Plain(VECTOR), "mask, share or encrypt it first"),
        ((b"fine", (Plain(VECTOR),)), "mask, share or encrypt it first"),
        ("text", "a str .* Send bytes or an array"),
        (None, "a NoneType .* Send bytes or an array"),
        (7, "a int .* Send bytes or an array"),
        ([b"list"], "a list .* Send bytes or an array"),
        (bytearray(b"x"), "a bytearray .* Send bytes or an array"),
        (VECTOR.astype(np.float32), "float32 .* send one of uint8"),
        (VECTOR == 1, "bool .* send one of uint8"),
        (np.array([None]), "object .* send one of uint8"),
        (Masked(VECTOR.astype(np.int32)), "int32 .* send one of uint8"),
        (Masked([1, 2]), "a Masked .* Send bytes or an array"),
        (np.zeros((1,) * 9, np.uint64), "of at most 8 axes"),
    ],
)
def test_what_may_not_travel_is_refused_before_it_leaves_with_a_remedy(message, sentence):
    with pytest.raises(InvalidRequest, match=f"'north'.*{sentence}|{sentence}") as caught:
        check_sendable("north", message)
    assert "north" in str(caught.value)


@pytest.mark.parametrize(
    "message",
    [b"", VECTOR, VECTOR.astype(">u8"), Share(VECTOR), Masked(VECTOR), Ciphertext(VECTOR), (), (b"", (VECTOR,))],
)
def test_bytes_arrays_hidden_values_and_tuples_of_them_may_travel(message):
    check_sendable("north", message)


def test_shapes_and_sizes_are_told_without_contents():
    message = (b"secret", Masked(VECTOR), (VECTOR.reshape(3, 1),))
    assert shape_of(message) == "(6 bytes, uint64 (3,), (uint64 (3, 1)))"
    assert payload_bytes(message) == 6 + 24 + 24
    assert str(Several((Bytes(6), BytesUpTo(9), Array(np.uint8, (2, 1))))) == "(6 bytes, at most 9 bytes, uint8 (2, 1))"
    assert Several((Bytes(6), BytesUpTo(9), Array(np.float64, (2, 1)))).limit == 6 + 9 + 16


def test_a_message_that_was_not_declared_is_named_with_round_sender_and_both_shapes():
    with pytest.raises(BadFrame, match=r"round 1: 'north' sent 'collector' uint64 \(3,\); expected uint64 \(4,\)"):
        check_received(1, "north", "collector", Array(np.uint64, (4,)), VECTOR)


def test_a_copy_shares_no_memory():
    message = (b"x", VECTOR, Masked(VECTOR))
    text, array, masked = private_copy(message)
    array[0] = masked.elements[0] = 99
    assert text == b"x" and type(masked) is Masked and VECTOR[0] == 0


# ---- lock step


def swap(peer, message, spec, rounds=1):
    """Exchange messages; return the last one heard."""
    heard = None
    for _ in range(rounds):
        heard = (yield Round({peer: message}, {peer: spec}, step="swap"))[peer]
    return heard


def test_lock_step_counts_rounds_and_bytes_and_keeps_views():
    played = play({"a": swap("b", b"xy", Bytes(3), 2), "b": swap("a", b"xyz", Bytes(2), 2)})
    assert played.outputs == {"a": b"xyz", "b": b"xy"}
    assert (played.rounds, played.sent) == (2, {"a": 4, "b": 6})
    assert played.views["a"] == {(0, "b"): b"xyz", (1, "b"): b"xyz"}


def write_on_what_came(peer, mine):
    heard = yield Round({peer: mine}, {peer: Array(np.uint64, (3,))})
    heard[peer] += np.uint64(1)
    return mine.tolist()


def test_what_a_part_does_with_a_message_changes_neither_the_sender_nor_the_view():
    played = play({"a": write_on_what_came("b", VECTOR.copy()), "b": write_on_what_came("a", VECTOR.copy())})
    assert played.outputs == {"a": [0, 1, 2], "b": [0, 1, 2]}
    assert played.views["a"][0, "b"].tolist() == [0, 1, 2]


def test_a_lost_message_names_who_was_not_heard():
    with pytest.raises(PeerSilent, match="round 0: 'b' did not hear from 'a'"):
        play(
            {"a": swap("b", b"x", Bytes(1)), "b": swap("a", b"x", Bytes(1))},
            lambda n, sender, receiver, message: None if sender == "a" else message,
        )


def test_a_message_that_nobody_was_due_to_send_names_its_sender():
    def talk():
        yield Round({"a": b"x"})

    with pytest.raises(BadFrame, match="round 0: 'b' sent 'a' a message, and none was due from it"):
        play({"a": quiet(), "b": talk()})


def test_a_party_that_fails_falls_silent_when_errors_are_recorded():
    def fail():
        yield Round({"b": b"x"})
        raise PeerMisbehaved("no")

    played = play({"a": fail(), "b": swap("a", b"x", Bytes(1), 2)}, strict=False)
    assert isinstance(played.errors["a"], PeerMisbehaved) and isinstance(played.errors["b"], PeerSilent)


def gather(parties, quorum):
    heard = yield Round(expect=dict.fromkeys(parties, Bytes(1)), quorum=quorum)
    return list(heard)


def say(receiver, word=b"x"):
    yield Round({receiver: word})


def quiet():
    yield Round()


def test_a_quorum_bears_silence_and_the_inbox_is_in_the_order_declared():
    talkers = ["c", "a", "b"]
    parts = lambda quorum: {"me": gather(talkers, quorum)} | {p: say("me") for p in sorted(talkers)}  # noqa: E731
    silence_a = lambda n, sender, receiver, message: None if sender == "a" else message  # noqa: E731
    assert play(parts(2), silence_a).outputs["me"] == ["c", "b"]
    assert play(parts(2)).outputs["me"] == talkers
    with pytest.raises(PeerSilent, match="did not hear from 'a'"):
        play(parts(3), silence_a)


# ---- sharing rounds


@given(st.lists(st.integers(0, 4), min_size=0, max_size=4))
def test_sub_protocols_side_by_side_take_the_rounds_of_the_longest(lengths):
    def all_of(peer):
        return together(*(swap(peer, bytes([k]), Bytes(1), n) for k, n in enumerate(lengths)))

    played = play({"a": all_of("b"), "b": all_of("a")})
    expected = tuple(bytes([k]) if n else None for k, n in enumerate(lengths))
    assert played.outputs == {"a": expected, "b": expected}
    assert played.rounds == max(lengths, default=0)
    assert played.sent == {"a": sum(lengths), "b": sum(lengths)}


def test_sub_protocols_may_be_nested_and_have_other_partners():
    def a():
        return (yield from together(together(swap("b", b"1", Bytes(1))), swap("c", b"22", Bytes(2))))

    def b():
        return (yield from together(together(swap("a", b"3", Bytes(1)))))

    played = play({"a": a(), "b": b(), "c": together(swap("a", b"44", Bytes(2)))})
    assert played.outputs == {"a": ((b"3",), b"44"), "b": ((b"1",),), "c": (b"22",)}
    assert played.rounds == 1


def test_shared_rounds_wait_as_long_as_the_most_patient_and_are_named_after_all():
    def patient(step, after, work):
        yield Round(step=step, after=after, work=work)

    shared = next(together(patient("mask", 1, 5.0), patient("share", 3, 2.0), patient("mask", 0, 0.0)))
    assert (shared.step, shared.after) == ("mask + share", 3)
    assert shared.work >= 5.0


def hear(senders, quorum):
    heard = yield Round(expect=dict.fromkeys(senders, Bytes(1)), quorum=quorum)
    return dict(heard)


def say_both(receiver, *words):
    yield from together(*(say(receiver, word) for word in words))


def test_sub_protocols_that_bear_the_same_silence_share_rounds_and_hear_the_same_parties():
    senders = ["a", "b", "c"]

    def parts(quorum):
        me = together(hear(senders, quorum), hear(reversed(senders), quorum), quiet())
        return {"me": me} | {p: say_both("me", b"x", b"y") for p in senders}

    def silence_b(number, sender, receiver, message):
        return None if sender == "b" else message

    one, other, _ = play(parts(2), silence_b).outputs["me"]
    assert (one, other) == ({"a": b"x", "c": b"x"}, {"a": b"y", "c": b"y"})
    assert [len(heard) for heard in play(parts(2)).outputs["me"][:2]] == [3, 3]
    with pytest.raises(PeerSilent):
        play(parts(3), silence_b)


@pytest.mark.parametrize(
    ("one", "other"),
    [((("a", "b"), 1), (("a", "b"), 2)), ((("a", "b"), 1), (("a", "b"), None)), ((("a", "b"), 1), (("a", "c"), 1))],
    ids=["another quorum", "no quorum", "other senders"],
)
def test_sub_protocols_that_bear_different_silence_may_not_share_rounds(one, other):
    for first, second in ((one, other), (other, one)):
        with pytest.raises(InvalidRequest, match="shares rounds only with such as"):
            next(together(hear(*first), quiet(), hear(*second)))


def test_an_error_in_one_sub_protocol_ends_all():
    def fail():
        yield Round()
        raise PeerMisbehaved("no")

    with pytest.raises(PeerMisbehaved):
        play({"a": together(fail(), swap("b", b"x", Bytes(1))), "b": together(swap("a", b"x", Bytes(1)))})
