"""A program that would take too long to rehearse is refused by counting, before anything of it is played."""

import re
import time

import numpy as np
import pytest

from securecompute.errors import InvalidRequest
from securecompute.programs import rehearsal
from securecompute.programs.budget import MOST_SECONDS, Budget, is_whole, seconds
from securecompute.programs.catalogue import find
from securecompute.programs.plan import plan
from securecompute.programs.program import Input, Node
from securecompute.programs.rehearsal import rehearse
from tests.programs.running import constant, held, line, program, run


def declared(*shape, bound=8.0, **more):
    """An input that nobody has to hold."""
    return Node("input", (), {}, Input("A", {"held": "A"}, shape, bound, **more))


def ending(nodes):
    """A program that shows the last line."""
    return plan(program(nodes, len(nodes) - 1))


def sorts(count, size=4000):
    """As many sorts, no two of them of equally many numbers."""
    nodes = [declared(size)]
    for k in range(count):
        nodes += [line("index", 0, index=[[0, size - k, 1]]), line("sort", len(nodes), axis=0)]
        nodes.append(line("sum", len(nodes) - 1, axes=[0]))
    return nodes


def decompositions(count):
    """As many eigenvalue problems, of one matrix under so many bounds."""
    nodes = [declared(3, 3)]
    for k in range(count):
        nodes += [constant(1 + k / 8), line("multiply", 0, len(nodes)), line("eigh", len(nodes) + 1, k=3, ratio=0.9)]
    return nodes


def comparisons(count):
    """As many comparisons, each with another public number."""
    nodes = [declared(4000)]
    for k in range(count):
        nodes += [constant(k / 1000 + 0.5), line("less", 0, len(nodes))]
    return nodes


HOSTILE = [
    (sorts(300), "300 of sort"),
    (decompositions(60), "60 of eigh"),
    (comparisons(3000), "3000 of less"),
    ([declared(10**8), line("top_k", 0, k=10**7), line("max", 0, axis=0)], "1 of max"),
    ([declared(3000, 3000), line("cholesky", 0, condition=10.0)], "1 of cholesky"),
    ([declared(10**5, 10**5), declared(1, wide=True), line("add", 0, 1)], "1 of add"),
]


@pytest.mark.parametrize(("nodes", "text"), HOSTILE)
def test_a_hostile_program_is_refused_before_anything_is_played(nodes, text, monkeypatch):
    monkeypatch.setattr(rehearsal, "play", lambda parts: pytest.fail("played"))
    planned, began = ending(nodes), time.process_time()
    with pytest.raises(InvalidRequest, match=text) as refused:
        rehearse(planned)
    assert time.process_time() - began < 2
    assert re.search(rf"about \d+ s, and may take {MOST_SECONDS:g}", str(refused.value))


def test_what_playing_tells_is_counted_as_well(monkeypatch):
    """If counting ahead missed lines, for instance all of them, the count of what is played would stop it."""
    monkeypatch.setattr(rehearsal, "_foreseen", lambda _: Budget())
    monkeypatch.setattr(rehearsal, "_line", lambda *key: PLAYED)
    with pytest.raises(InvalidRequest, match="of sort"):
        rehearse(ending(sorts(300)))


PLAYED = rehearse(ending([declared(3), line("negate", 0)])).lines[1]


def test_lines_that_are_played_alike_are_counted_once():
    rows = [line("index", 0, index=[k]) for k in range(200)]
    nodes = [declared(200, 4000), *rows, *(line("sort", 1 + k, axis=0) for k in range(200))]
    budget = rehearsal._foreseen(ending([*nodes, line("stack", *range(201, 401), axis=0)]))
    budget.check()


@pytest.mark.parametrize("p", [5, 200])
def test_what_the_operations_are_made_for_is_within(p):
    nodes = [declared(p, p), line("cholesky", 0, condition=1e4), line("inverse", 0, condition=1e4, bound=1e3)]
    rehearsal._foreseen(ending([*nodes, line("eigh", 0, k=min(p, 16), ratio=0.9)])).check()


QUIET = [
    line("sum", 0, axes=[1]),
    line("transpose", 0, axes=[1, 0]),
    line("negate", 0),
    line("reshape", 0, shape=[1 << 34]),
    line("index", 0, index=[[0, 7, 1]]),
    line("add", 0, 0),
    line("concatenate", 0, 0, axis=0),
    line("stack", 0, 0, axis=2),
]


@pytest.mark.parametrize("operation", QUIET)
def test_arrays_beyond_any_memory_are_rehearsed_without_any(operation):
    rehearsed = rehearse(ending([declared(1 << 17, 1 << 17), operation]))
    assert rehearsed.lines[1].rounds == 0 and rehearsed.lines[1].sent == (0, 0, 0)


@pytest.mark.parametrize(
    "nodes",
    [
        [held("A", np.zeros(5000), 1.0), line("sort", 0, axis=0)],
        [held("A", np.zeros(5000), 1.0), line("top_k", 0, k=4999)],
        [held("A", np.zeros((3, 2001)), 1.0), line("max", 0, axis=0)],
        [held("A", np.zeros((2001, 3)), 1.0), line("argmin", 0, axis=1)],
        [held("A", np.zeros((2001, 3)), 1.0), line("softmax", 0, axis=1)],
        [held("A", np.zeros((2001, 3)), 1.0), line("widen", 0)],
        [held("A", np.zeros((2001, 3)), 1.0, wide=True), held("A", np.zeros(3), 1.0), line("subtract", 0, 1)],
    ],
)
def test_what_is_carried_over_from_few_is_what_many_take(nodes):
    planned = ending(nodes)
    shapes = [planned.program.types[k].shape for k in nodes[-1].inputs]
    operation = find(nodes[-1].operation)
    assert operation.quiet or not is_whole(operation, shapes, planned.sites[-1])
    rehearsed = rehearse(planned)
    data = {k: np.zeros(node.value.shape) for k, node in enumerate(nodes[:-1])}
    _, played = run(planned.program, data)
    (shown, shape) = rehearsed.outputs[0]
    revealed = shown.ring.item_bytes * int(np.prod(shape)) + 32
    assert played.rounds == rehearsed.rounds + 2
    assert played.sent["B"] == rehearsed.sent[1] + 32 + 64 + revealed


def test_the_seconds_that_are_counted_are_about_those_that_it_takes():
    for nodes in (sorts(1)[:3], decompositions(1), [declared(4000), line("reciprocal", 0)]):
        planned = ending(nodes)
        rehearse(planned)
        rehearsal._line.cache_clear()
        began = time.process_time()
        rehearse(planned)
        took = time.process_time() - began
        shapes = [planned.program.types[k].shape for k in nodes[-1].inputs]
        counted = seconds(find(nodes[-1].operation), shapes, planned.sites[-1])
        assert took < 20 * counted and counted < 50 * took
