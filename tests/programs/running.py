"""What the tests of programs share: nodes in one word, and a run of a program between three compute parties."""

import numpy as np

from securecompute.engine.local import play
from securecompute.programs.execution import encode_input, take_part
from securecompute.programs.plan import plan
from securecompute.programs.program import Input, Node, Program
from tests.seeded import SeededRandomness

TRIO = ("A", "B", "C")
RESEARCHER = "researcher"


def held(owner, x, bound=None, **declared):
    """An input that its owner holds."""
    largest = float(np.abs(x).max(initial=0.0)) if bound is None else float(bound)
    return Node("input", (), {}, Input(owner, {"held": owner}, np.shape(x), largest, **declared))


def records(owner, *shape, bound=10.0, columns="c"):
    """An input of an institution's records."""
    return Node("input", (), {}, Input(owner, {"columns": columns, "where": None}, shape, bound))


def line(operation, *inputs, **attributes):
    """An operation on earlier nodes."""
    return Node(operation, inputs, attributes)


def constant(numbers):
    """Public numbers."""
    return Node.constant(np.asarray(numbers, np.float64))


def program(nodes, *shown, receiver=RESEARCHER):
    """The nodes, of which some are shown; as it arrives at the other parties."""
    made = Program(tuple(nodes), tuple((node, receiver) for node in shown))
    return Program.from_plain(made.to_plain())


def run(made, data, trio=TRIO, seed=0, deliver=None):
    """Run it with the data of its inputs by node: (everybody's outputs, the engine's record)."""
    planned = plan(made)
    parts = {}
    for me in dict.fromkeys((*trio, *made.owners, *made.receivers)):
        own = {k: encode_input(planned, k, data[k]) for k, each in made.inputs.items() if each.owner == me}
        parts[me] = take_part(me, trio, planned, own, b"s" * 32, SeededRandomness(f"{seed} {me}"))
    played = play(parts, deliver)
    return played.outputs, played


def shown(nodes, data, *outputs):
    """What the researcher is shown of these nodes, in order."""
    results = run(program(nodes, *outputs), data)[0][RESEARCHER]
    return [results[k] for k in range(len(outputs))]
