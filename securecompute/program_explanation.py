"""What a program on secret arrays would cost and who would learn what, worked out by rehearsing it."""

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from math import inf, prod
from typing import TYPE_CHECKING, Any

from securecompute import display
from securecompute.engine.rounds import Party
from securecompute.explanation import MILLISECONDS_A_ROUND
from securecompute.program_manifest import ProgramManifest
from securecompute.programs.accuracy import deviations, merged
from securecompute.programs.catalogue import find
from securecompute.programs.execution import linkage_rounds
from securecompute.programs.program import Program
from securecompute.programs.rehearsal import Rehearsal, rehearse
from securecompute.programs.sketches import sketched, sketched_side

if TYPE_CHECKING:
    from rich.console import RenderableType

BYTES_A_SECOND = 2e8  # to mask, seal, send and open, with the arithmetic on what was sent
PRODUCTS_A_SECOND = 8e9  # multiplications and additions of matrix products, on one core
CHECKED = "products of matrices are checked: one compute party that falsifies them escapes with probability 2^-40"
SETTING_UP, REVEALING = 1, 1  # rounds


@dataclass(frozen=True, slots=True, repr=False)
class ProgramExplanation:
    """One program, before it runs.

    lines     operations
    compute   P_0, P_1 and P_2
    rounds    of the whole session
    bytes     party -> payload that it sends
    seconds   of each compute party's computing and of the rounds, on one machine; an estimate
    errors    for each output, how far it is off at most, from rounding alone; None where no bound is derived
    remarks   where these hold, or why there is none
    shown     for each output, its shape and receiver
    learns    (who, what) for every party
    checked   whether products of matrices are checked before anything is revealed
    refused   why institutions' rules would not let it run; empty if they would
    """

    lines: int
    compute: tuple[Party, ...]
    rounds: int
    bytes: dict[Party, int]
    seconds: float
    errors: tuple[float | None, ...]
    shown: tuple[tuple[tuple[int, ...], Party], ...]
    learns: tuple[tuple[str, str], ...]
    checked: bool = False
    remarks: tuple[str, ...] = ()
    refused: tuple[str, ...] = ()

    def to_plain(self) -> dict[str, Any]:
        """Every field by name."""
        return asdict(self)

    def text_lines(self) -> list[str]:
        """A few lines for people."""
        each = ", ".join(f"{display.size(sent)} from {party}" for party, sent in self.bytes.items())
        errors = ["not derived" if error is None else f"{error:.1e}" if error else "none" for error in self.errors]
        errors = errors if any(error != "none" for error in errors) else ["none"]
        return [
            f"secret program of {self.lines} line{'s' * (self.lines != 1)}, computed by {', '.join(self.compute)}",
            f"{self.rounds} rounds; {each}; about {self.seconds:.2g} s",
            f"largest error from rounding: {', '.join(errors)}",
            *self.remarks,
            *([CHECKED] if self.checked else []),
            *(f"would be refused: {text}" for text in self.refused),
        ]

    def __rich__(self) -> "RenderableType":
        return display.who_learns(self.learns, self.text_lines())

    def __str__(self) -> str:
        return display.text(self.__rich__())

    __repr__ = __str__


def explain_program(manifest: ProgramManifest, refused: Iterable[str] = ()) -> ProgramExplanation:
    """The explanation. refused: what institutions say of it; raises what the program itself would, before it runs."""
    program, trio = manifest.program, manifest.enrolment.compute
    rehearsal = rehearse(manifest.plan)
    found = deviations(manifest.plan, rehearsal)
    sent = _bytes(manifest, rehearsal)
    seconds = rehearsal.rounds * MILLISECONDS_A_ROUND / 1000 + max(sent.values()) / BYTES_A_SECOND
    seconds += _matrix_products(program) / PRODUCTS_A_SECOND
    return ProgramExplanation(
        lines=len(rehearsal.lines),
        compute=trio,
        rounds=linkage_rounds(program) + SETTING_UP + rehearsal.rounds + REVEALING,
        bytes=sent,
        seconds=seconds,
        errors=tuple(each.most if each.most < inf else None for each in found),
        shown=tuple((program.types[node].shape, receiver) for node, receiver in program.outputs),
        learns=_learns(manifest),
        checked=program.checked,
        remarks=tuple(map(str, merged(remark for each in found for remark in each.remarks))),
        refused=tuple(dict.fromkeys(refused)),
    )


def _bytes(manifest: ProgramManifest, rehearsal: Rehearsal) -> dict[Party, int]:
    """Payload: keys, inputs, digests, the program's lines, what is revealed."""
    program, trio = manifest.program, manifest.enrolment.compute
    sent = _linking(program)
    for owner in program.owners:
        words = sum(
            prod(each.shape) * manifest.plan.input_type(k).ring.item_bytes
            for k, each in program.inputs.items()
            if each.owner == owner
        )
        sent[owner] = sent.get(owner, 0) + (words + 3 * 32 if owner in trio else 2 * words + 4 * 32)
    for i, party in enumerate(trio):
        shown = 0
        for (_, receiver), (type_, shape) in zip(program.outputs, rehearsal.outputs, strict=True):
            words, place = prod(shape) * type_.ring.item_bytes, trio.index(receiver) if receiver in trio else None
            if place is None:
                shown += words + 32
            else:
                shown += {(place - 1) % 3: words, (place + 1) % 3: 32}.get(i, 0)
        sent[party] = sent.get(party, 0) + 32 + 64 * len(program.owners) + rehearsal.sent[i] + shown
    return sent


def _linking(program: Program) -> dict[Party, int]:
    """Payload of the conversations of linkages."""
    sent: dict[Party, int] = {}
    for linkage in program.linkages:
        agreed = linkage.agreed(b"", 0)
        for partner in agreed.partners:
            leads, helps = agreed.sent(partner)
            sent[agreed.leader] = sent.get(agreed.leader, 0) + leads
            sent[partner.name] = sent.get(partner.name, 0) + helps
    return sent


def _matrix_products(program: Program) -> int:
    """Multiplications and additions of one compute party in products of matrices."""
    total = 0
    for node, type_ in zip(program.nodes, program.types, strict=True):
        if node.operation in ("matmul", "gram"):
            inner = program.types[node.inputs[0]].shape[-1 if node.operation == "matmul" else 0]
            total += (4 if node.operation == "matmul" else 2) * type_.size * inner * (1 + 6 * (type_.ring.bits > 64))
    return total


def _learns(manifest: ProgramManifest) -> tuple[tuple[str, str], ...]:
    program, trio = manifest.program, manifest.enrolment.compute
    learns: list[tuple[str, str]] = []
    for receiver in program.receivers:
        shapes = [program.types[node].shape for node, to in program.outputs if to == receiver]
        what = " and ".join("one number" if prod(shape) == 1 else f"numbers of shape {shape}" for shape in shapes)
        if manifest.question is not None:
            what = f"the answer, in which counts below {manifest.rules.min_cell} are hidden"
        else:
            what = f"{what}, as computed"
        learns.append(("researcher" if receiver == manifest.enrolment.collector else receiver, what))
    for party in dict.fromkeys(party for linkage in program.linkages for party in linkage.sides):
        numbers = {
            side.party: side.records
            for linkage in program.linkages
            if party in linkage.sides
            for side in linkage.sides.values()
            if side.party != party
        }
        sizes = " and ".join(f"at most {n:,} at {name}" for name, n in numbers.items())
        learns.append((party, f"how many records are linked: {sizes}; nothing of which match, or how many"))
    sketches = [sketched_side(each.source, each.owner)[1] for each in program.inputs.values() if sketched(each.source)]
    if sketches:
        sizes = " and ".join(f"at most {side.records:,} at {side.party}" for side in sketches)
        learns.append(("each institution", f"how many patients are counted: {sizes}; nothing of who they are"))
    opened = dict.fromkeys(find(node.operation).opened(node.attributes) for node in program.nodes if node.value is None)
    beside = "".join(f"; {what}" for what in opened if what)
    learns.append(("each compute party", f"the program and its shapes{beside}; its shares are uniform words"))
    learns.append(("two compute parties together", f"every number in the program ({', '.join(trio)})"))
    learns.append(("coordinator", "the program and its shapes"))
    learns.append(("operator of the cluster", "everything, if it looks: a simulation is one trust domain"))
    return tuple(learns)
