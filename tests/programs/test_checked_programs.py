"""A program that is checked gives the same numbers, costs what is rehearsed, and reveals nothing if a party cheats."""

from dataclasses import replace

import numpy as np
import pytest

from securecompute.engine.local import play
from securecompute.errors import InvalidRequest, PeerMisbehaved
from securecompute.programs.execution import encode_input, take_part
from securecompute.programs.plan import plan
from securecompute.programs.program import Program
from securecompute.programs.rehearsal import rehearse
from securecompute.protocols.products import checked_products, fixed
from securecompute.protocols.products.checked_products import ROUNDS
from tests.programs.running import RESEARCHER, TRIO, constant, held, line, program, run
from tests.seeded import SeededRandomness

RNG = np.random.default_rng(7)
X, Y, V = RNG.normal(size=(60, 45)), RNG.normal(size=(45, 3)), RNG.normal(size=45)
DATA = {0: X, 1: Y, 2: V}
INPUTS = [held("A", X), held("D", Y), held("E", V)]
# two products side by side, one of a result, a vector's, and one with public numbers, which nobody can falsify alone
NODES = [
    *INPUTS,
    line("matmul", 0, 1),
    line("gram", 0),
    line("gram", 3),
    line("matmul", 0, 2),
    constant(np.ones(3) / 3),
]
NODES += [line("matmul", 3, 7)]
SHOWN = (3, 4, 5, 6, 8)


def checked(nodes, *shown):
    """A checked program, as it arrives at the other parties."""
    return Program.from_plain(replace(program(nodes, *shown), checked=True).to_plain())


def test_the_numbers_are_those_of_numpy():
    results = run(checked(NODES, *SHOWN), DATA)[0][RESEARCHER]
    expected = [X @ Y, X.T @ X, (X @ Y).T @ (X @ Y), X @ V, X @ Y @ (np.ones(3) / 3)]
    for k, each in enumerate(expected):
        np.testing.assert_allclose(results[k], each, atol=2e-3, rtol=0)


FLAT = np.zeros((1, 90))  # whose X'X has so many entries that it is played on fewer


@pytest.mark.parametrize(
    ("nodes", "data", "shown"),
    [
        (NODES, DATA, SHOWN),
        ([*INPUTS, line("multiply", 0, 0)], DATA, (3,)),
        ([held("A", FLAT, 1.0), line("gram", 0)], {0: FLAT}, (1,)),
    ],
)
def test_a_rehearsal_counts_the_check(nodes, data, shown):
    made = checked(nodes, *shown)
    rehearsal = rehearse(plan(made))
    _, played = run(made, data)
    assert played.rounds == 1 + rehearsal.rounds + 1
    revealed = sum(type_.ring.item_bytes * int(np.prod(shape)) + 32 for type_, shape in rehearsal.outputs)
    for i in (1, 2):  # they own no inputs
        assert played.sent[TRIO[i]] == rehearsal.sent[i] + 32 + 64 * len(made.owners) + revealed


def test_the_check_takes_its_rounds_and_nothing_where_nothing_is_checked():
    plain, with_check = (rehearse(plan(make([held("A", X), line("gram", 0)], 1))) for make in (program, checked))
    assert with_check.rounds == plain.rounds + ROUNDS  # what is only shown is exact anyway
    elementwise = [held("A", X), line("multiply", 0, 0)]
    assert rehearse(plan(checked(elementwise, 1))) == rehearse(plan(program(elementwise, 1)))


@pytest.mark.parametrize("wrong", [3, 4, 5, 6])
@pytest.mark.parametrize("cheat", range(3))
def test_one_compute_party_that_falsifies_a_product_has_nothing_revealed(cheat, wrong, monkeypatch):
    exact = fixed.finish

    def falsified(party, z, bits=0):
        if party.index == cheat and party._path[:2] == ("line", wrong):
            z = z + 0
            z.words[-1] += np.uint64(1)
        return exact(party, z, bits)

    monkeypatch.setattr(fixed, "finish", falsified)
    played = attempt(checked(NODES, *SHOWN))
    assert all(isinstance(played.errors[p], PeerMisbehaved) for p in TRIO)
    assert "nothing is revealed" in str(played.errors["A"])
    assert RESEARCHER not in played.outputs and not played.views[RESEARCHER]
    assert RESEARCHER in attempt(program(NODES, *SHOWN)).outputs  # unless it is asked for, nobody notices


def attempt(made):
    """Run it and keep what went wrong."""
    planned, parts = plan(made), {}
    for me in dict.fromkeys((*TRIO, *made.owners, *made.receivers)):
        own = {k: encode_input(planned, k, DATA[k]) for k, each in made.inputs.items() if each.owner == me}
        parts[me] = take_part(me, TRIO, planned, own, b"s" * 32, SeededRandomness(me))
    return play(parts, strict=False)


def test_every_product_of_secret_matrices_is_checked_and_no_other(monkeypatch):
    seen = []

    def noted(party, triples):
        seen.append([(x.shape, y.shape, z.shape) for x, y, z in triples])
        return honest(party, triples)

    honest = checked_products.check
    monkeypatch.setattr("securecompute.programs.execution.check", noted)
    run(checked(NODES, *SHOWN), DATA)
    run(program(NODES, *SHOWN), DATA)
    sizes = [((60, 45), (45, 3), (60, 3)), ((45, 60), (60, 45), (45, 45)), ((60, 45), (45,), (60,))]
    assert [sorted(each) for each in seen] == [sorted([*sizes, ((3, 60), (60, 3), (3, 3))])] * 3 + [[]] * 3


def test_the_wide_ring_is_refused_before_anything_is_sent():
    made = checked([held("A", X, wide=True), line("gram", 0)], 1)
    with pytest.raises(InvalidRequest, match="wide=True"):
        rehearse(plan(made))


@pytest.mark.parametrize("value", [None, 1, "yes"])
def test_whether_a_program_is_checked_is_said_and_is_true_or_false(value):
    plain = program([held("A", X), line("gram", 0)], 1).to_plain()
    assert plain["checked"] is False and Program.from_plain(plain | {"checked": True}).checked
    with pytest.raises(InvalidRequest, match="true or false"):
        Program.from_plain(plain | {"checked": value})
    del plain["checked"]
    with pytest.raises(InvalidRequest, match="checked or not"):
        Program.from_plain(plain)
