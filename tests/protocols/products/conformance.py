"""Every gate and every operation of programs between parties, with what every fabric promises of them.

These sessions reach every part of `protocols.products`: programs that together have every operation of the catalogue,
the gates that no operation uses, and scores of an encrypted model. Every tape is seeded, so what is shown is the same
word for word wherever the parts run. A test class for a fabric inherits the promises and gives the fabric:

    @pytest.fixture
    def fabric():
        return Mine(RECIPES)

    class TestMine(ConformancePromises):
        pass
"""

import hashlib
import importlib
import inspect
import pkgutil
import sys
import typing
from collections.abc import Generator
from functools import cache

import msgpack
import numpy as np
import pytest

from securecompute.arithmetic.ring_arrays import RingArray
from securecompute.arithmetic.rings import Ring
from securecompute.engine.fabric import Recipe
from securecompute.engine.local import play
from securecompute.engine.rounds import together
from securecompute.programs.execution import encode_input, take_part
from securecompute.programs.linkages import Linkage, Placed, Side, in_order
from securecompute.programs.plan import plan
from securecompute.programs.program import Input, Node, Program
from securecompute.protocols import products
from securecompute.protocols.intersection import circuit
from securecompute.protocols.products.bit_sharing import to_arithmetic
from securecompute.protocols.products.comparison import less
from securecompute.protocols.products.compute_party import make_keys
from securecompute.protocols.products.dealing import Form
from securecompute.protocols.products.encrypted_scores import Scoring, lend, score
from securecompute.protocols.products.fixed import Fixed, times_public
from securecompute.protocols.products.inputs import accept, provide
from securecompute.protocols.products.leading_one import leading_one
from securecompute.protocols.products.multiplication import gram, matmul
from securecompute.protocols.products.normalisation import magnitude
from securecompute.protocols.products.reveal import open_to_all
from securecompute.protocols.products.selection import relu
from securecompute.protocols.products.shuffle import shuffle
from securecompute.protocols.products.sort import order_statistics
from securecompute.values import Plain
from tests.primitives.paillier_keys import secret_key
from tests.programs.running import held, line
from tests.protocols.products.between_parties import OWNERS, PARTIES, Computer
from tests.protocols.products.playing import RECEIVER, TRIO
from tests.seeded import SeededRandomness

LEFT, RIGHT = OWNERS
RNG = np.random.default_rng(17)
M = RNG.normal(size=(6, 3))
X = {
    "x": RNG.normal(size=(3, 4)),
    "y": np.array([-1.5, 0.25, 3.0, 0.0]),
    "n": np.array([3.0, -2.0, 3.0, 0.0]),
    "p": np.array([0.06, 7.5, 1.0, 2.0]),
    "s": M.T @ M / 6 + np.diag([1.0, 3.0, 9.0]),
    "b": RNG.normal(size=3),
}
BOUND, LEAST = {"s": 16}, {"p": 0.05}

# ---- programs

CHEAP = [  # (operation, operands, attributes), in both rings
    ("add", "xy", {}),
    ("subtract", "xy", {}),
    ("negate", "x", {}),
    ("reshape", "x", {"shape": [4, 3]}),
    ("transpose", "x", {"axes": [1, 0]}),
    ("index", "x", {"index": [[0, 2, 1], 1]}),
    ("sum", "x", {"axes": [0]}),
    ("concatenate", "xx", {"axis": 1}),
    ("stack", "yp", {"axis": 0}),
    ("widen", "x", {}),
    ("multiply", "xy", {}),
    ("matmul", "xy", {}),
    ("gram", "x", {}),
    ("shrink", "x", {"factor": 0.3}),
    ("clip", "x", {"low": -1.0, "high": 0.5}),
    ("less", "xy", {}),
    ("equal", "ny", {}),
    ("where", ("less", "x", "y"), {}),
    ("maximum", "xy", {}),
    ("minimum", "xy", {}),
    ("absolute", "x", {}),
    ("max", "x", {"axis": 1}),
    ("min", "x", {"axis": 1}),
    ("argmax", "x", {"axis": 1}),
    ("argmin", "x", {"axis": 0}),
    ("sort", "n", {"axis": 0}),
    ("argsort", "n", {"axis": 0}),
    ("top_k", "y", {"k": 2}),
    ("sigmoid", "y", {}),
    ("tanh", "y", {}),
    ("normal_cdf", "y", {}),
    ("erf", "y", {}),
    ("exp", "y", {}),
    ("log", "p", {}),
    ("reciprocal", "p", {}),
    ("rsqrt", "p", {}),
    ("sqrt", "p", {}),
    ("divide", "yp", {}),
    ("softmax", "x", {"axis": 1}),
]
DEAR = [  # in Z_2^128 whatever the operands are in
    ("solve", "sb", {"condition": 100.0, "bound": 100.0}),
    ("inverse", "s", {"condition": 100.0, "bound": 100.0}),
    ("cholesky", "s", {"condition": 100.0}),
    ("eigh", "s", {"k": 2, "ratio": 0.75}),
]
PROGRAMS = {"narrow": CHEAP + DEAR, "wide": CHEAP, "checked": [("matmul", "xy", {}), ("gram", "x", {})]}


@cache
def program_of(name):
    """The program, which shows the receiver every line, and its inputs' numbers by node."""
    wide, checked = name == "wide", name == "checked"
    nodes = [
        held(LEFT if of in "xsn" else RIGHT, x, BOUND.get(of, 8), integer=of == "n", wide=wide, least=LEAST.get(of))
        for of, x in X.items()
    ]
    names = {of: k for k, of in enumerate(X)}
    for operation, operands, attributes in PROGRAMS[name]:
        names[operation] = len(nodes)
        nodes.append(line(operation, *(names[each] for each in operands), **attributes))
    outputs = tuple((k, RECEIVER) for k in range(len(X), len(nodes)))
    made = Program(tuple(nodes), outputs, checked)
    return Program.from_plain(made.to_plain()), dict(enumerate(X.values()))


def program_part(me, name, session, tape):
    """One party's part in a program; the receiver returns what it is shown."""
    program, data = program_of(name)
    planned = plan(program)
    own = {k: encode_input(planned, k, data[k]) for k, each in program.inputs.items() if each.owner == me}
    shown = yield from take_part(me, TRIO, planned, own, session, tape)
    return [shown[k].tobytes() for k in sorted(shown)]


# ---- a program over linked records

ON = ((("id", "text", "whole"),),)
LINKAGES = (
    Linkage(ON, Side(LEFT, None, 4), (Side(RIGHT, None, 3, ("c",)),)),
    Linkage(ON, Side(LEFT, None, 4), (Side(RIGHT, None, 3),), unambiguous=True),  # by one of several keys
)
IDS = {LEFT: np.arange(8, dtype=np.uint64).reshape(4, 2), RIGHT: np.arange(4, 10, dtype=np.uint64).reshape(3, 2)}
PAY = (np.array([[7, 8, 9]], np.uint64), np.zeros((0, 3), np.uint64))


@cache
def linked_program():
    """It shows the receiver every line that is not a word."""
    words = [
        Node("input", (), {}, Input(owner, source, (LINKAGES[0].bins,), 1.0, True, words=True))
        for owner, source in (
            *[(owner, {"linkage": 0, "partner": RIGHT, "word": word}) for word in ("tag", 0) for owner in OWNERS],
            *[(owner, {"linkage": 1, "partner": RIGHT, "word": "tag"}) for owner in OWNERS],
            (LEFT, {"linkage": 1, "word": "order"}),
        )
    ]
    lines = [
        line("match", 0, 1, least=2),
        line("fetch", 7, 2, 3, bound=10.0, integer=True),
        line("enough", 7, least=2),
        line("match", 4, 5, least=0),
        line("arrange", 6, 10),
    ]
    made = Program((*words, *lines), tuple((k, RECEIVER) for k in (7, 8, 9, 11)), linkages=LINKAGES)
    return Program.from_plain(made.to_plain())


def linked_part(me, _, session, tape):
    """One party's part; the leader of the linkage is the left owner."""
    own = {LEFT: _led, RIGHT: _assisted}.get(me)
    linking = {k: own(k, each.agreed(session, k), tape) for k, each in enumerate(LINKAGES) if own}
    shown = yield from take_part(me, TRIO, plan(linked_program()), {}, session, tape, linking)
    return [shown[k].tobytes() for k in sorted(shown)]


def _led(_, agreed, tape):
    led = yield from circuit.lead(agreed, Plain(IDS[LEFT]), tape)
    order = {(LEFT, "order"): in_order(led.rows, np.arange(4))}
    return Placed(_words(led.halves[0]) | order, led.rows)


def _assisted(k, agreed, tape):
    return Placed(_words((yield from circuit.assist(agreed, RIGHT, Plain(IDS[RIGHT]), Plain(PAY[k]), tape))))


def _words(half):
    columns = {(RIGHT, c): column for c, column in enumerate(half.columns.words)}
    return {(RIGHT, "tag"): half.tags.words} | columns


# ---- gates that no operation uses

BITS = 20


def inputs_of(ring):
    """Signed integers, a matrix."""
    return [
        RingArray.integers(ring, [5, -3, 0, 1 << 40, -(1 << 40)]),
        RingArray.integers(ring, [[1, -2], [3 << 20, 4]]),
    ]


def gates(party, x, a):
    """Name -> part, each at a place of its own."""
    shifted = x[[1, 2, 3, 4, 0]]
    return {
        "less": less(party.at("less"), x, shifted),
        "relu": relu(party.at("relu"), x),
        "matmul": matmul(party.at("matmul"), a, a.T, BITS),
        "gram": gram(party.at("gram"), a, BITS),
        "leading_one": leading_one(party.at("leading_one"), x[[0, 2, 3]], 0, 42),
        "magnitude": _magnitude(party.at("magnitude"), x),
        "shuffle": shuffle(party.at("shuffle"), [x, shifted]),
        "order_statistics": order_statistics(party.at("order_statistics"), x, [2], bits=50),
        "times_public": times_public(party.at("times_public"), Fixed.of(x, BITS, 2.0**21), 0.3, BITS, BITS),
    }


def _magnitude(party, x):
    size, below = yield from magnitude(party, x)
    return [size, (yield from to_arithmetic(party.at("below"), below, x.ring))]


def gates_part(me, bits, session, tape):
    """One party's part: an owner shares, the three run every gate side by side and open what it gave."""
    inputs = inputs_of(Ring(bits))
    if me not in TRIO:
        yield from together(*([provide(me, TRIO, inputs, session, tape)] if me == LEFT else []))
        return None
    forms = [Form.of(x) for x in inputs]
    party, (shares, _) = yield from together(make_keys(me, TRIO, session, tape), accept(me, TRIO, LEFT, forms, session))
    running = gates(party, *shares)
    results = dict(zip(running, (yield from together(*running.values())), strict=True))
    flat = [getattr(x, "share", x) for each in results.values() for x in (each if isinstance(each, list) else [each])]
    opened = yield from together(*(open_to_all(party.at("open", k), x) for k, x in enumerate(flat)))
    return [x.words.tobytes() for x in opened]


# ---- scores of an encrypted model


def scores_part(me, rows, session, tape):
    """The left owner's model, the right one's records."""
    secret = secret_key()
    scoring = Scoring(secret.public.modulus, 2, rows, 1000, 1000)
    if me == LEFT:
        weights = np.array([5, -7], np.int64)
        weights.flags.writeable = False
        return lend(scoring, RIGHT, Plain(weights), 11, secret, rows, tape)
    records = np.arange(2 * rows, dtype=np.int64).reshape(rows, 2)
    records.flags.writeable = False
    return score(scoring, LEFT, Plain(records), tape)


# ---- sessions

KINDS = {"program": program_part, "linked": linked_part, "gates": gates_part, "scores": scores_part}
SESSIONS = {  # name -> manifest, parties
    **{name: (msgpack.packb({"program": name}), PARTIES) for name in PROGRAMS},
    "linked records": (msgpack.packb({"linked": 1}), PARTIES),
    "gates, Z_2^64": (msgpack.packb({"gates": 64}), PARTIES[:-1]),
    "gates, Z_2^128": (msgpack.packb({"gates": 128}), PARTIES[:-1]),
    "scores": (msgpack.packb({"scores": 3}), OWNERS),
}


class Participant(Computer):
    """One party of any of the sessions, or of a product."""

    def part(self, manifest):
        """This party's part."""
        given = msgpack.unpackb(manifest)
        if isinstance(given, list):
            return super().part(manifest)
        ((kind, argument),) = given.items()
        session, tape = hashlib.sha256(manifest).digest(), SeededRandomness(f"{self.me} {argument}")
        return KINDS[kind](self.me, argument, session, tape)


RECIPES = {party: Recipe(Participant, {"me": party}) for party in PARTIES}


@cache
def locked(name):
    """The session in lock step: the engine's record, and the code that ran."""
    manifest, parties = SESSIONS[name]
    ran = set()
    sys.setprofile(lambda frame, event, _: ran.add(frame.f_code) if event == "call" else None)
    try:
        played = play({party: Participant(party).part(manifest) for party in parties})
    finally:
        sys.setprofile(None)
    return played, ran


class ConformancePromises:
    """What holds of every gate and operation wherever its parts run."""

    @pytest.mark.parametrize("name", SESSIONS)
    def test_what_is_shown_is_word_for_word_that_of_the_lock_step(self, fabric, name):
        manifest, parties = SESSIONS[name]
        run, (played, _) = fabric.run("conformance", parties, manifest), locked(name)
        assert [str(outcome.error) for outcome in run.outcomes.values() if outcome.error] == []
        assert {party: outcome.value for party, outcome in run.outcomes.items()} == played.outputs
        assert {party: outcome.traffic.sent for party, outcome in run.outcomes.items()} == played.sent


# ---- what there is to be reached

_PREFIX = f"{products.__name__}."


def public_parts():
    """Name -> function, of every public function or method in `protocols.products` that gives a part."""
    found = {}
    for module in (importlib.import_module(each.name) for each in pkgutil.iter_modules(products.__path__, _PREFIX)):
        functions = [each for each in vars(module).values() if getattr(each, "__module__", None) == module.__name__]
        methods = [each for kind in functions if inspect.isclass(kind) for each in vars(kind).values()]
        for function in filter(inspect.isfunction, (*functions, *methods)):
            given = function.__annotations__.get("return")
            if typing.get_origin(given) is Generator and not function.__name__.startswith("_"):
                found[f"{module.__name__.removeprefix(_PREFIX)}.{function.__qualname__}"] = function
    return found


def parts_run(names):
    """The names of `public_parts` that these sessions run."""
    ran = set().union(*(locked(name)[1] for name in names))
    return {name for name, function in public_parts().items() if function.__code__ in ran}
