"""A program run by three compute parties: every operation begins as soon as its inputs are there.

Operations that do not wait for each other share rounds, so a program takes as many rounds as its longest chain. What a
line draws is bound to its number, and every party begins the same lines in the same order.

    before        of a program with linkages: leaders and partners converse, and have words to share like numbers
    round 0       compute parties exchange keys; every owner shares its numbers
    round 1       holders of a share compare digests of the inputs; the program begins
    last round    the outputs are revealed, each to its receiver; before it, a checked program's products are checked

Security   as the operations' protocols: semi-honest, one compute party corrupted. Nothing but the outputs is shown,
           except what an operation lists as opened. What is shown is rounded to the nearest, so a product that is shown
           is a function of the encoded numbers alone; of earlier lines, the random rounding is part of the result. It
           tells whoever sees both the result and an evaluator's messages of digits below the last one that is kept.
           In a checked program one compute party that falsifies a product of secret matrices is noticed before the
           reveal, as `checked_products` says; what an operation itself opens has been seen by then.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from securecompute.arithmetic.ring_arrays import RingArray
from securecompute.engine.rounds import Inbox, Part, Party, Round, advance, divided, merged, together
from securecompute.errors import EncodingOverflow, InvalidRequest, NonFiniteInput
from securecompute.primitives.randomness import Randomness
from securecompute.programs.lines import line, shown
from securecompute.programs.linkages import TOTALS, Placed, linked
from securecompute.programs.operation import Operand, secret
from securecompute.programs.plan import Plan
from securecompute.programs.program import Input, Program
from securecompute.programs.rehearsal import rehearse
from securecompute.protocols.products.checked_products import check
from securecompute.protocols.products.compute_party import ComputeParty, make_keys
from securecompute.protocols.products.dealing import Form
from securecompute.protocols.products.fixed import Fixed
from securecompute.protocols.products.inputs import accept, compare, provide
from securecompute.protocols.products.reveal import collect, reveal
from securecompute.values import Plain


def encode_input(plan: Plan, node: int, x: NDArray[np.float64]) -> Plain:
    """An owner's numbers, checked and encoded as the plan says. Run by the owner.

    raises   InvalidRequest    another shape than declared, or no whole number where whole ones are
             EncodingOverflow  a number is beyond the declared bound, or a row or column beyond the norms; not which
             NonFiniteInput    a NaN or an infinity
    """
    declared, type_ = plan.program.inputs[node], plan.input_type(node)
    if x.shape != declared.shape:
        raise InvalidRequest(f"a secret was declared with shape {declared.shape} and has {x.shape}")
    check_declared(declared, x)
    return Plain(RingArray.quantised(type_.ring, x, type_.scale).words)


def check_declared(declared: Input, x: NDArray[np.float64]) -> None:
    """Hold numbers against what was declared of them. raises as `encode_input`."""
    if not np.isfinite(x).all():
        raise NonFiniteInput("a secret has a NaN or an infinity; leave such rows out")
    if np.abs(x).max(initial=0.0) > declared.bound:
        raise EncodingOverflow(f"a number is beyond the declared bound {declared.bound:g}; declare a larger one")
    if declared.least is not None and x.min(initial=declared.least) < declared.least:
        raise EncodingOverflow(f"a number is below the declared least {declared.least:g}; declare a smaller one")
    if declared.integer and (x != np.rint(x)).any():
        raise InvalidRequest("a number is not whole, where whole ones are declared")
    if declared.norms is not None:
        rows, columns = (float(np.sqrt((x**2).sum(axis=axis).max(initial=0.0))) for axis in (-1, 0))
        if rows > declared.norms[0] or columns > declared.norms[1]:
            raise EncodingOverflow("a row or column is longer than the declared norms; declare larger ones")


def take_part(
    me: Party,
    trio: Sequence[Party],
    plan: Plan,
    own: Mapping[int, Plain],
    session: bytes,
    randomness: Randomness,
    linking: Mapping[int, Part[Placed]] | None = None,
) -> Part[dict[int, NDArray[np.float64]]]:
    """One party's whole part: owner, compute party, receiver, or several of these.

    own       this party's inputs by node, from `encode_input`: all but words of linkages, and of what a leader brings
              into one the numbers of each record, in the order of its identifiers
    linking   its parts in the linkages that it is in, by their number
    session   what masks are bound to, 32 bytes, different in every run
    returns   output number -> the numbers revealed to this party
    raises    PeerMisbehaved  shares that two parties hold differ, or a product that is checked is wrong
    """
    own = {**own, **(yield from _link(me, plan.program, own, linking or {}))}
    encoded = [RingArray(plan.input_type(n).ring, own[n].elements) for n in sorted(own)]
    if me not in trio:
        yield from together(provide(me, trio, encoded, session, randomness)) if own else _silent(1)
        return (yield from _receive(me, trio, plan))
    owners = plan.program.owners
    sharing = [
        provide(me, trio, encoded, session, randomness)
        if owner == me
        else accept(me, trio, owner, [_form(plan, n) for n in _owned(plan, owner)], session)
        for owner in owners
    ]
    keys_and_shares = yield from together(make_keys(me, trio, session, randomness), *sharing)
    party, given = keys_and_shares[0], dict(zip(owners, keys_and_shares[1:], strict=True))
    inputs = {
        n: Fixed(share, plan.input_type(n))
        for owner, (shares, _) in given.items()
        for n, share in zip(_owned(plan, owner), shares, strict=True)
    }
    digests = {owner: both for owner, (_, both) in given.items()}
    party.products = [] if plan.program.checked else None
    _, outputs = yield from together(compare(me, trio, digests), evaluate(party, plan, inputs))
    yield from check(party.at("check"), party.products or [])
    return (yield from _reveal(me, trio, plan, outputs))


def _link(
    me: Party, program: Program, own: Mapping[int, Plain], linking: Mapping[int, Part[Placed]]
) -> Part[dict[int, Plain]]:
    """All linkages side by side; this party's inputs of them, by node."""
    numbers = sorted(linking)
    found = yield from together(_silent(linkage_rounds(program)), *(linking[number] for number in numbers))
    placed: dict[int, Placed] = dict(zip(numbers, found[1:], strict=True))
    inputs = {n: each for n, each in program.inputs.items() if each.owner == me and linked(each.source) is not None}
    return {n: _in_bins(each, placed[each.source["linkage"]], own.get(n)) for n, each in inputs.items()}


def _in_bins(declared: Input, placed: Placed, x: Plain | None) -> Plain:
    if x is not None:
        return x if TOTALS in declared.source else Plain(placed.spread(x.elements))
    return Plain(placed.words[declared.source.get("partner", declared.owner), declared.source["word"]])


def linkage_rounds(program: Program) -> int:
    """How many rounds come before the first, for the linkages."""
    return max((linkage.agreed(b"", 0).rounds for linkage in program.linkages), default=0)


def evaluate(party: ComputeParty, plan: Plan, inputs: Mapping[int, Fixed]) -> Part[list[Fixed]]:
    """The outputs, rounded and ready to be revealed. Run by each of the three."""
    lines = _Lines(party, plan, inputs)
    inboxes: dict[int, Inbox | None] = lines.begin()
    while True:
        rounds: dict[int, Round] = {}
        while inboxes:  # what ends lets others begin, in the same round
            ended, waiting = advance(lines.running, dict(sorted(inboxes.items())))
            rounds |= waiting
            lines.end(ended)
            inboxes = lines.begin()
        if not rounds:
            return lines.outputs
        rounds = dict(sorted(rounds.items()))
        heard = yield merged(rounds)
        inboxes = dict(divided(rounds, heard))


class _Lines:
    """Which lines of a program have ended, run, or wait for others. Outputs count on after the last line."""

    def __init__(self, party: ComputeParty, plan: Plan, inputs: Mapping[int, Fixed]) -> None:
        nodes = plan.program.nodes
        self._party, self._plan = party, plan
        self._values: dict[int, Any] = dict(inputs)
        self._values |= {k: node.value for k, node in enumerate(nodes) if isinstance(node.value, np.ndarray)}
        self._needs = {k: node.inputs for k, node in enumerate(nodes) if k not in self._values}
        self._needs |= {len(nodes) + k: (node,) for k, (node, _) in enumerate(plan.program.outputs)}
        self._uses = Counter(used for needs in self._needs.values() for used in needs)
        self.running: dict[int, Part[Any]] = {}

    def begin(self) -> dict[int, Inbox | None]:
        """Begin what can; the beginners' inboxes, in order."""
        ready = [k for k, needs in self._needs.items() if all(each in self._values for each in needs)]
        for k in sorted(ready):
            needs = self._needs.pop(k)
            self.running[k] = self._part(k, [self._values[each] for each in needs])
            self._uses.subtract(needs)
            for each in needs:
                if not self._uses[each]:  # nobody else needs it: its memory may go
                    self._values.pop(each, None)
        return dict.fromkeys(sorted(ready))

    def end(self, ended: Mapping[int, Any]) -> None:
        """Keep what these lines gave."""
        self._values |= ended
        for k in ended:
            del self.running[k]

    @property
    def outputs(self) -> list[Fixed]:
        """In order."""
        first = len(self._plan.program.nodes)
        return [self._values[first + k] for k in range(len(self._plan.program.outputs))]

    def _part(self, k: int, operands: list[Operand]) -> Part[Fixed]:
        nodes = self._plan.program.nodes
        if k < len(nodes):
            return line(self._party.at("line", k), nodes[k].operation, operands, self._plan.sites[k])
        node, _ = self._plan.program.outputs[k - len(nodes)]
        return shown(self._party.at("output", k), secret(operands[0]), self._plan.sites[node].result)


def _reveal(me: Party, trio: Sequence[Party], plan: Plan, outputs: Sequence[Fixed]) -> Part[dict[int, Any]]:
    parts = [reveal(trio, to, x.share) for (_, to), x in zip(plan.program.outputs, outputs, strict=True)]
    revealed = yield from together(*parts)
    return {k: y.reals(x.scale) for k, (y, x) in enumerate(zip(revealed, outputs, strict=True)) if y is not None}


def _receive(me: Party, trio: Sequence[Party], plan: Plan) -> Part[dict[int, Any]]:
    """What is revealed to a party that is not one of the three, which waits while they compute."""
    mine = [k for k, (_, receiver) in enumerate(plan.program.outputs) if receiver == me]
    if not mine:
        return {}
    rehearsal = rehearse(plan)
    yield from _silent(rehearsal.rounds)
    forms = [Form(t.ring, shape) for t, shape in (rehearsal.outputs[k] for k in mine)]
    revealed = yield from together(*(collect(trio, form, after=rehearsal.rounds) for form in forms))
    return {k: y.reals(rehearsal.outputs[k][0].scale) for k, y in zip(mine, revealed, strict=True)}


def _silent(rounds: int) -> Part[None]:
    for _ in range(rounds):
        yield Round()


def _owned(plan: Plan, owner: Party) -> list[int]:
    return [n for n, each in plan.program.inputs.items() if each.owner == owner]


def _form(plan: Plan, node: int) -> Form:
    return Form(plan.input_type(node).ring, plan.program.inputs[node].shape)
