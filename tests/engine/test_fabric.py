"""Errors and outcomes cross a process as plain data and come back as what they were."""

import msgpack
import pytest

from securecompute import errors
from securecompute.engine.fabric import Recipe, pack_error, pack_outcome, part_of, unpack_error, unpack_outcome
from securecompute.engine.rounds import Round
from securecompute.engine.runner import Outcome, Traffic
from securecompute.errors import AbortCode, InternalFault, InvalidRequest, SecureComputeError
from securecompute.primitives.keys import LowOrderPoint

KINDS = [kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, SecureComputeError)]


@pytest.mark.parametrize("kind", KINDS)
def test_an_error_of_the_tree_keeps_kind_text_and_code(kind):
    error = unpack_error(msgpack.unpackb(msgpack.packb(pack_error(kind("ask its steward")))))
    assert type(error) is kind
    assert str(error) == "ask its steward"
    assert error.code is kind.code


def test_an_error_beside_the_tree_becomes_its_nearest_kind():
    assert type(unpack_error(pack_error(LowOrderPoint("x")))) is errors.PeerMisbehaved


@pytest.mark.parametrize("kind", ["AbortCode", "enum", "__builtins__", "KeyError"])
def test_a_kind_that_does_not_exist_is_an_internal_fault(kind):
    assert type(unpack_error([kind, "x"])) is InternalFault


@pytest.mark.parametrize("error", [None, InvalidRequest("no such column")])
def test_an_outcome_comes_back_as_it_was(error):
    outcome = Outcome({"n": 3}, error, Traffic(9, 8, 7, 6), "reveal", {"north": AbortCode.DEADLINE}, echo=True)
    back = unpack_outcome(msgpack.unpackb(msgpack.packb(pack_outcome(outcome))))
    assert (type(back.error), str(back.error)) == (type(error), str(error))
    assert (back.value, back.traffic, back.step, back.missing, back.echo) == (
        outcome.value,
        outcome.traffic,
        outcome.step,
        outcome.missing,
        True,
    )


class Refusing:
    """A participant that refuses to write its part."""

    def answer(self, request, payload):
        raise InvalidRequest(request)

    def part(self, manifest):
        raise InvalidRequest("not this one")


class Willing(Refusing):
    """A participant that sends nothing."""

    def part(self, manifest):
        yield Round()
        return len(manifest)


def test_a_refusal_waits_until_the_part_is_resumed():
    part = part_of(Recipe(Refusing).make(), b"")
    with pytest.raises(InvalidRequest, match="not this one"):
        next(part)


def test_a_part_is_the_participants_own():
    part = part_of(Willing(), b"1234")
    assert next(part) == Round()
    with pytest.raises(StopIteration) as stop:
        next(part)
    assert stop.value.value == 4
