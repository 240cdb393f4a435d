"""The transcript vectors: every message as written down, by two implementations; and the ones that must fail."""

import json

import numpy as np
import pytest

from securecompute.arithmetic.rings import Ring, decode
from tests.protocols.sums.playing import COLLECTOR, leaves, tamper
from tests.protocols.sums.transcript import CASES, FILE, Recorded, record, replay
from tests.vectors.sums.pairwise_verifier import Case

VECTORS = json.loads(FILE.read_text())
NUMBERS = range(len(VECTORS["cases"]))


@pytest.mark.parametrize("number", NUMBERS)
def test_the_recorded_randomness_gives_every_message_and_the_total(number):
    case = VECTORS["cases"][number]
    descriptor, messages, played = replay(case)
    survivors, vector = played.outputs[COLLECTOR]
    assert descriptor.hash().hex() == case["descriptor"]["hash"]
    assert messages == case["messages"]
    assert list(survivors.included) == case["included"]
    assert decode(Ring(case["ring"]), vector) == case["total"]


@pytest.mark.parametrize("number", NUMBERS)
def test_a_second_implementation_finds_the_same_messages_and_the_same_total(number):
    case = VECTORS["cases"][number]
    second = Case(case, VECTORS["roles"])
    assert second.h0.hex() == case["descriptor"]["hash"]
    sent = {(m["round"], m["from"]): m["leaves"] for m in case["messages"] if m["from"] in case["inputs"]}
    assert second.sent() == sent
    assert second.total() == case["total"]


@pytest.mark.parametrize("number", NUMBERS)
def test_the_file_is_what_the_seeds_give(number):
    assert len(CASES) == len(VECTORS["cases"])
    assert json.loads(json.dumps(record(number))) == VECTORS["cases"][number]


@pytest.mark.parametrize("wrong", VECTORS["must_fail"], ids=lambda wrong: wrong["comment"])
def test_a_changed_message_ends_as_written_down(wrong):
    case = VECTORS["cases"][wrong["case"]]
    place = case["messages"][wrong["message"]]

    def change(message):
        leaf = leaves(message)[wrong["leaf"]]
        leaf.view(np.uint8).reshape(-1)[wrong["byte"]] ^= wrong["xor"]
        return message

    *_, played = replay(case, deliver=tamper(place["round"], place["from"], change, place["to"]))
    error = played.errors[wrong["party"]]
    assert type(error).__name__ == wrong["error"]
    assert wrong["text"] in str(error)
    assert COLLECTOR not in played.outputs or played.outputs[COLLECTOR][0].included == tuple(case["included"])


def test_a_recorded_draw_is_given_out_once_and_whole():
    draws = Recorded(["00ff"])
    with pytest.raises(AssertionError):
        draws.bytes(1)
    with pytest.raises(StopIteration):
        draws.bytes(2)
