"""Every gate and every operation on the fabric without processes; and that none is left out."""

import numpy as np
import pytest

from securecompute.engine.in_process import InProcess
from securecompute.programs import matching
from securecompute.programs.catalogue import OPERATIONS
from tests.protocols.products.conformance import (
    DEAR,
    RECIPES,
    SESSIONS,
    ConformancePromises,
    linked_program,
    locked,
    parts_run,
    program_of,
    public_parts,
)
from tests.protocols.products.playing import RECEIVER


@pytest.fixture(scope="module")
def fabric():
    return InProcess(RECIPES)


class TestInProcess(ConformancePromises):
    """The promises, on a network without faults."""


def test_every_operation_of_the_catalogue_is_in_a_program_and_shown():
    of_words, dear = {each.name for each in matching.OPERATIONS}, {operation for operation, _, _ in DEAR}
    for name, left_out in (("narrow", of_words), ("wide", of_words | dear)):
        assert OPERATIONS.keys() - shown(program_of(name)[0]) == left_out
        assert len(locked(name)[0].outputs[RECEIVER]) == len(program_of(name)[0].outputs)
    assert shown(linked_program()) == of_words
    outputs = locked("linked records")[0].outputs[RECEIVER]
    matched, fetched, enough, arranged = (np.frombuffer(each) for each in outputs)
    assert (enough == matched).all()
    assert arranged[:4].tolist() == [0, 0, 1, 1] and not arranged[4:].any()
    assert sorted(fetched[matched == 1]) == [7, 8]
    assert not fetched[matched == 0].any()


def shown(program):
    """The operations whose results are outputs."""
    return {program.nodes[k].operation for k, _ in program.outputs}


def test_every_public_part_of_the_products_runs_in_some_session():
    assert len(public_parts()) > 90
    assert public_parts().keys() - parts_run(SESSIONS) == set()


def test_what_no_session_runs_is_missed():
    assert "shuffle.shuffle" not in parts_run(["scores"])
