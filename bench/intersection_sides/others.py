"""The peers, by their own code: SPU in two processes joined by its own link, OpenMined in one.

Both need an older numpy or protobuf than we do, so they run in the environment that `make peers` makes for SPU, which
SECURECOMPUTE_SPU may name instead. Their processes are started once and answer every request, so that their start and
their link's are in no figure.
"""

import json
import subprocess
from functools import cache
from pathlib import Path
from typing import Any

from bench.intersection_sides.answers import Answer, Runs, right
from bench.intersection_sides.files import Sizes, folder, written
from bench.products_sides.others import free_ports, has, spu_interpreter

HERE = Path(__file__).parent
SPU_SCRIPT, OPENMINED_SCRIPT = HERE / "spu_psi_peer.py", HERE / "openmined_peer.py"
RR22, KKRT, ECDH = "RR22", "KKRT", "ECDH"
OPENMINED = "private_set_intersection"


class Peer:
    """A process that answers a line with a line. It ends when its requests do, which is when this process ends."""

    def __init__(self, *command: str) -> None:
        """Start it. Raises ModuleNotFoundError where no interpreter has the peers."""
        interpreter = spu_interpreter()
        if interpreter is None:
            raise ModuleNotFoundError("no interpreter has SPU: make peers installs it", name="spu")
        self.process = subprocess.Popen(
            [interpreter, *command], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
        )

    def tell(self, request: dict[str, str]) -> None:
        """Send a request."""
        if self.process.stdin is None:
            raise RuntimeError("a peer's process has no pipes")
        self.process.stdin.write(json.dumps(request) + "\n")
        self.process.stdin.flush()

    def hear(self) -> dict[str, Any]:
        """Its answer. Raises RuntimeError if it has ended."""
        line = "" if self.process.stdout is None else self.process.stdout.readline()
        if not line:
            raise RuntimeError(f"a peer's process ended with {self.process.wait()}")
        told: dict[str, Any] = json.loads(line)
        return told


@cache
def _spu() -> tuple[Peer, Peer]:
    ports = [str(free_ports()), str(free_ports())]
    return Peer(str(SPU_SCRIPT), "0", *ports), Peer(str(SPU_SCRIPT), "1", *ports)


@cache
def _openmined() -> Peer:
    return Peer(str(OPENMINED_SCRIPT))


def spu(protocol: str, sizes: Sizes) -> Answer:
    """One run of SPU, from CSV to CSV; the seconds are of whoever ends last. Raises RuntimeError if it fails."""
    for number, (peer, path) in enumerate(zip(_spu(), written(sizes), strict=True)):
        peer.tell({"protocol": protocol, "csv": str(path), "out": str(Path(folder().name, f"spu-{number}.csv"))})
    told = [peer.hear() for peer in _spu()]
    cpu, peak = tuple(each["cpu"] for each in told), tuple(each["peak_kib"] for each in told)
    return right(Answer(max(each["seconds"] for each in told), cpu, peak, told[0]["found"]), sizes)


def openmined(sizes: Sizes) -> Answer:
    """One run of OpenMined's package, from CSV to the result. Raises RuntimeError if it fails."""
    receiver, sender = written(sizes)
    _openmined().tell({"receiver": str(receiver), "sender": str(sender)})
    told = _openmined().hear()
    cpu, peak = (told["cpu"],), (told["peak_kib"],)
    return right(Answer(told["seconds"], cpu, peak, told["found"], bytes=told["bytes"]), sizes)


def spu_runs(protocol: str, sizes: Sizes) -> Runs:
    """SPU's runs of a case."""
    return Runs(lambda: spu(protocol, sizes))


def openmined_runs(sizes: Sizes) -> Runs:
    """OpenMined's runs of a case."""
    return Runs(lambda: openmined(sizes))


@cache
def needs(module: str = "spu") -> tuple[str, ...]:
    """What a Claim against a peer needs: nothing where the interpreter for peers has it, else SPU."""
    interpreter = spu_interpreter()
    return () if interpreter is not None and has(interpreter, module) else ("spu",)


@cache
def version(distribution: str) -> str | None:
    """A peer's version, None where it is not installed."""
    interpreter = spu_interpreter()
    if interpreter is None:
        return None
    code = f"from importlib.metadata import version; print(version({distribution!r}))"
    done = subprocess.run([interpreter, "-c", code], capture_output=True, text=True, check=False)
    return done.stdout.strip() or None
