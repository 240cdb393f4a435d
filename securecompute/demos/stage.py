"""What demos share: a folder for their files, Ray with their parties, and a stage where scenes are shown.

Security   The files lie in a folder for this user alone, which is removed at the end unless it is to be kept.
"""

import os
import shutil
import signal
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from securecompute.answer import Answer
from securecompute.engine.fabric import Fabric, Recipe
from securecompute.engine.rounds import Party
from securecompute.errors import InvalidRequest
from securecompute.network import Network

if TYPE_CHECKING:
    from rich.console import Console, RenderableType

Waiting = Callable[[str], AbstractContextManager[Any]]


@contextmanager
def private_folder(keep: Path | None) -> Iterator[Path]:
    """A folder for this user alone, mode 0700: a temporary one, removed at the end, or one to keep.

    raises   InvalidRequest  the one to keep exists and holds something, or cannot be made
    """
    before = os.umask(0o077)
    try:
        if keep is not None:
            yield _new(keep)
            return
        folder = Path(tempfile.mkdtemp(prefix="securecompute-demo-"))
        signal.signal(signal.SIGTERM, leave)
        try:
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)
    finally:
        os.umask(before)


def leave(*_: object) -> NoReturn:
    """End this process in order, removing what is to be removed; for SIGTERM. raises SystemExit."""
    raise SystemExit(128 + signal.SIGTERM)


def _new(folder: Path) -> Path:
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        if any(folder.iterdir()):
            raise InvalidRequest(f"'{folder}' holds something already; name a new folder")
        folder.chmod(0o700)
    except OSError as error:
        raise InvalidRequest(f"the folder '{folder}' cannot be made: {error.strerror}") from None
    return folder


@contextmanager
def started(recipes: Mapping[Party, Recipe], waiting: Waiting, who: str) -> Iterator[Fabric]:
    """These parties, a process each, until the end."""
    with waiting(f"Starting Ray: {who}, a process each"):
        from securecompute.engine.on_ray import OnRay

        fabric = OnRay(recipes)
    signal.signal(signal.SIGTERM, leave)  # once more: Ray's handler would end this process and leave the files
    try:
        yield fabric
    finally:
        with waiting("Ending Ray"):
            fabric.close()


class Stage:
    """Where a demo plays."""

    def __init__(self, console: "Console", waiting: Waiting, fabric: Fabric, network: Network, study: str) -> None:
        self.console, self.waiting, self.fabric, self.network = console, waiting, fabric, network
        self.study = network.study(study)

    def ask(self, analysis: str, **parameters: Any) -> Answer:
        """The answer to a question of the demo's study. raises SecureComputeError"""
        with self.waiting(f"Asking: {analysis} {' by '.join(map(str, parameters.values()))}"):
            return self.study.ask(analysis, **parameters)

    def scene(self, title: str, why: str) -> None:
        """A heading, and why it matters."""
        self.console.print()
        self.console.rule(f"[bold]{title}", align="left", style="dim")
        self.console.print(f"{why}\n")

    def show(self, shown: "RenderableType") -> None:
        """Something indented."""
        from rich.padding import Padding

        self.console.print(Padding(shown, (0, 0, 0, 2), expand=False))


def introduce(console: "Console", data: str) -> None:
    """Whom one has to trust, and what the data are."""
    from rich.panel import Panel

    trust = (
        "[bold]Simulation: one trust domain.[/] Protocol and sealed messages are the real ones, but all parties run on "
        "this machine: whoever administers it could read everything. Not yet audited."
    )
    console.print(Panel(trust, style="yellow", title="whom you have to trust", title_align="left"))
    console.print(data)


def steps(console: "Console", listed: Mapping[str, str], below: str) -> None:
    """Commands to go on with, and what each is for."""
    from rich.table import Table as Grid

    console.print()
    console.rule("[bold]What next", align="left", style="dim")
    grid = Grid.grid(padding=(0, 3, 0, 0))
    for command, what in listed.items():
        grid.add_row(command, what)
    console.print(grid)
    console.print(f"\n[dim]{below}")
