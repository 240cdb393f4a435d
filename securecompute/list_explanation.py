"""What a list of common patients would cost and who would learn what, worked out from declared numbers alone."""

from collections.abc import Collection
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Final

from securecompute import display
from securecompute.engine.rounds import Party
from securecompute.explanation import MILLISECONDS_A_ROUND
from securecompute.linking import key_of
from securecompute.list_manifest import IKNP, OPRF, STAR, VOLE, ListManifest
from securecompute.lists import cost
from securecompute.program_explanation import BYTES_A_SECOND

if TYPE_CHECKING:
    from rich.console import RenderableType

MICROSECONDS_AN_ITEM: Final = {VOLE: 1.0, IKNP: 2.0, OPRF: 200.0, STAR: 1.5}  # of all declared numbers together


@dataclass(frozen=True, slots=True, repr=False)
class ListExplanation:
    """One list, before it is told.

    receivers   who would be told, each of its own patients
    written     which of them would have the list as a file in the folder of their state; others in memory alone
    on          the key, in words
    rounds      of the whole session
    bytes       institution -> payload that it sends
    seconds     of the session, on one machine; an estimate. Identifiers are made before
    learns      (who, what) for every party
    refused     why institutions' rules would not let it run; empty if they would
    """

    institutions: tuple[Party, ...]
    receivers: tuple[Party, ...]
    written: tuple[Party, ...]
    on: str
    protocol: str
    rounds: int
    bytes: dict[Party, int]
    seconds: float
    learns: tuple[tuple[str, str], ...]
    refused: tuple[str, ...] = ()

    def to_plain(self) -> dict[str, Any]:
        """Every field by name."""
        return asdict(self)

    def text_lines(self) -> list[str]:
        """A few lines for people."""
        each = ", ".join(f"{display.size(sent)} from {party}" for party, sent in self.bytes.items())
        return [
            f"list of common patients for {' and '.join(self.receivers)}, by {self.protocol}; compared: {self.on}",
            f"{self.rounds} rounds; {each}; about {self.seconds:.2g} s",
            *(f"{name} would have it {self._place(name)}" for name in self.receivers),
            *(f"would be refused: {text}" for text in self.refused),
        ]

    def _place(self, receiver: Party) -> str:
        if receiver in self.written:
            return "as a file in the folder of its state"
        return "in memory until its software ends; with a folder, state=..., it would be a file"

    def __rich__(self) -> "RenderableType":
        return display.who_learns(self.learns, self.text_lines())

    def __str__(self) -> str:
        return display.text(self.__rich__())

    __repr__ = __str__


def explained(manifest: ListManifest, refused: Collection[str], written: Collection[Party]) -> ListExplanation:
    """The explanation of a manifest.

    refused   what institutions say of it
    written   who of them keeps lists in a folder
    """
    rounds, sent = cost(manifest)
    items = len(manifest.receivers) * sum(manifest.sizes.values())
    computing = items * MICROSECONDS_AN_ITEM[manifest.protocol] / 1e6
    return ListExplanation(
        institutions=manifest.parties,
        receivers=manifest.receivers,
        written=tuple(name for name in manifest.receivers if name in written),
        on=str(key_of(manifest.on)),
        protocol=manifest.protocol,
        rounds=rounds,
        bytes=sent,
        seconds=rounds * MILLISECONDS_A_ROUND / 1000 + max(sent.values()) / BYTES_A_SECOND + computing,
        learns=_learns(manifest),
        refused=tuple(dict.fromkeys(refused)),
    )


def _learns(manifest: ListManifest) -> tuple[tuple[str, str], ...]:
    learns: list[tuple[str, str]] = []
    several = len(manifest.parties) > 2
    for name in manifest.parties:
        others = [other for other in manifest.parties if other != name]
        sizes = " and ".join(f"at most {manifest.sizes[other]:,} at {other}" for other in others)
        if name in manifest.receivers:
            know = "all know" if several else "knows"
            what = f"which of its own patients {' and '.join(others)} {know} too"
        else:
            what = "nothing of which patients are common, or how many"
        learns.append((name, f"{what}; how many records are compared: {sizes}"))
        if several and name in manifest.receivers:
            what = f"which of {name}'s patients all the remaining institutions know"
            learns.append((f"{name} and others that collude", what))
    learns.append(("researcher", "that it was done, and those numbers; not how many patients are common, nor who"))
    learns.append(("coordinator", "what is compared, and those numbers; it takes no part"))
    learns.append(("operator of the cluster", "everything, if it looks: a simulation is one trust domain"))
    return tuple(learns)
