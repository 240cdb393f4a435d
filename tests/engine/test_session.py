"""A session's id: bound to who takes part, in what, at which attempt; and used once."""

import pytest

from securecompute.engine.session import SessionsUsed, open_session
from securecompute.errors import InvalidRequest

ROSTER = {"north": b"n" * 32, "south": b"s" * 32}


def test_everybody_who_was_told_the_same_opens_the_same_session():
    one, other = open_session("sum", ROSTER, b"m"), open_session("sum", dict(reversed(ROSTER.items())), b"m")
    assert one.id == other.id and len(one.id) == 16


def test_an_id_stays_what_it_was_when_the_software_changes():
    assert open_session("sum", ROSTER, b"m").id.hex() == "1cf56ea4ea14f3f5816aee717c68d5b6"


@pytest.mark.parametrize(
    "different",
    [
        ("sums", ROSTER, b"m", 1),
        ("sum", ROSTER, b"n", 1),
        ("sum", ROSTER, b"m", 2),
        ("sum", ROSTER | {"south": b"t" * 32}, b"m", 1),
        ("sum", ROSTER | {"west": b"w" * 32}, b"m", 1),
        ("sum", {"north": b"n" * 32}, b"m", 1),
        ("sum", {"north": b"s" * 32, "south": b"n" * 32}, b"m", 1),
        ("summ", ROSTER, b"", 1),
    ],
)
def test_whatever_differs_gives_another_session(different):
    assert open_session(*different).id != open_session("sum", ROSTER, b"m").id


@pytest.mark.parametrize("name", ["", "n" * 65, "ü" * 33])
def test_a_name_is_1_to_64_bytes(name):
    with pytest.raises(InvalidRequest, match="is no name for a party: 1 to 64 bytes of UTF-8 are"):
        open_session("sum", {name: bytes(32)}, b"m")


def test_the_roster_is_kept_as_it_was():
    roster = dict(ROSTER)
    session = open_session("sum", roster, b"m")
    roster.clear()
    assert session.roster == ROSTER


def test_a_session_is_begun_once_and_never_again():
    used = SessionsUsed()
    session = open_session("sum", ROSTER, b"m")
    used.begin(session)
    used.begin(open_session("sum", ROSTER, b"m", attempt=2))
    for _ in range(2):
        with pytest.raises(InvalidRequest, match=r"sum, session .* was begun before.*start a new attempt"):
            used.begin(open_session("sum", ROSTER, b"m"))


def test_a_text_names_the_protocol_and_the_beginning_of_the_id():
    session = open_session("sum", ROSTER, b"m")
    assert str(session) == f"sum, session {session.id.hex()[:8]}"
