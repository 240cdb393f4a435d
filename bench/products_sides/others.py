"""The others, by their own code: SPU in its simulator, MPyC by its launcher; and numpy, which keeps nothing secret.

SPU needs an older numpy than we do, so it runs in an environment of its own: the interpreter that SECURECOMPUTE_SPU
names, else this one, else spu/bin/python inside this environment, where `make peers` puts it. One process of it answers
every request, so that its start is in no figure. MPyC starts three processes for each run.

    spu_figure(case, SPU_ABY3_64, "run")      a Measure: seconds, or what else an Answer tells
    needs_spu()                               for a Claim's `needs`: empty where SPU can run
"""

import json
import math
import os
import socket
import subprocess
import sys
from collections.abc import Callable
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from typing import Any

from bench.harness import Measure, lazily, timed
from bench.products_sides.cases import Case, in_the_clear, operands

ROOT = Path(__file__).parents[2]
INTERPRETER = "SECURECOMPUTE_SPU"
SPU_MODULE, MPYC_FILE = "bench.products_sides.spu_peer", Path(__file__).with_name("mpyc_peer.py")
MPYC_SECONDS = 1800  # after which a run counts as hung
NAN = math.nan


@dataclass(frozen=True, slots=True)
class Spu:
    """How SPU runs: protocol "aby3" or "semi2k", parties, bits of its ring, its defaults or its accurate settings."""

    protocol: str
    parties: int
    field: int
    accurate: bool = False

    def __str__(self) -> str:
        """As a reader would call it: SPU ABY3 FM64."""
        name = "ABY3" if self.protocol == "aby3" else f"semi2k, {self.parties} parties,"
        return f"SPU {name} FM{self.field}" + (", accurate settings" if self.accurate else "")


SPU_ABY3_64, SPU_ABY3_128 = Spu("aby3", 3, 64), Spu("aby3", 3, 128)
SPU_ABY3_64_ACCURATE, SPU_ABY3_128_ACCURATE = Spu("aby3", 3, 64, True), Spu("aby3", 3, 128, True)
SPU_SEMI2K = tuple(Spu("semi2k", parties, field) for parties in (2, 3) for field in (64, 128))


@dataclass(frozen=True, slots=True)
class Answer:
    """What one run tells; not a number where a peer does not say.

    run        seconds, from shares of the operands to shares of the result
    total      seconds, with sharing and revealing
    cpu        processor seconds of `total`: of all parties with SPU, of one with MPyC
    error      largest absolute difference to numpy's answer
    compile    seconds of making the program, in neither of the above
    bytes, messages    sent by the party that sends most
    rounds     of which SPU does not tell: it counts messages
    """

    run: float
    total: float
    cpu: float
    error: float
    compile: float = NAN
    bytes: float = NAN
    messages: float = NAN
    rounds: float = NAN


class Runs:
    """One side of a case, for several rows: a row of seconds runs it, the others read the run before them.

    So an error stands beside the time in which it was had, and no run is paid for twice.
    """

    def __init__(self, run: Callable[[], Answer], once: bool = False) -> None:
        """once   it takes so long that it runs a single time, and every figure is of that run"""
        self._run, self._once = run, once
        self._latest: Answer | None = None

    def anew(self, name: str) -> Measure:
        """A figure of a new run. Raises AttributeError for a name that no answer has."""
        return figure(self._next, name)

    def latest(self, name: str) -> Measure:
        """A figure of the latest run; of a first one, if there was none. Raises as `anew`."""
        return figure(lambda: self._latest or self._next(), name)

    def _next(self) -> Answer:
        if self._latest is None or not self._once:
            self._latest = self._run()
        return self._latest


def has(interpreter: str, module: str) -> bool:
    """Whether an interpreter would find a module; nothing is imported."""
    code = f"import importlib.util, sys; sys.exit(importlib.util.find_spec({module!r}) is None)"
    try:
        return subprocess.run([interpreter, "-I", "-c", code], capture_output=True, check=False).returncode == 0
    except OSError:
        return False


@cache
def spu_interpreter() -> str | None:
    """The interpreter that has SPU, None where none has. If one is named, no other is looked at."""
    named, beside = os.environ.get(INTERPRETER), str(Path(sys.prefix, "spu", "bin", "python"))
    candidates = [named] if named else [sys.executable, beside]
    return next((found for found in candidates if has(found, "spu")), None)


def needs_spu() -> tuple[str, ...]:
    """What a Claim against SPU needs: nothing where an interpreter has it, else the module that nobody has."""
    return () if spu_interpreter() else ("spu",)


@cache
def spu_version() -> str | None:
    """SPU's version, None where it is not installed."""
    interpreter = spu_interpreter()
    if interpreter is None:
        return None
    code = "from importlib.metadata import version; print(version('spu'))"
    return subprocess.run([interpreter, "-c", code], capture_output=True, text=True, check=True).stdout.strip()


@cache
def _spu_process() -> "subprocess.Popen[str]":
    """SPU's process; it ends when its requests do, which is when this process ends."""
    interpreter = spu_interpreter()
    if interpreter is None:
        raise ModuleNotFoundError("no interpreter has SPU: make peers installs it", name="spu")
    command = [interpreter, "-m", SPU_MODULE]
    return subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


def spu(case: Case, how: Spu, traffic: bool = False) -> Answer:
    """One run of SPU; with traffic, a second one that counts bytes and messages. Raises RuntimeError if SPU fails."""
    process = _spu_process()
    if process.stdin is None or process.stdout is None:
        raise RuntimeError("SPU's process has no pipes")
    process.stdin.write(json.dumps(asdict(case) | asdict(how) | {"traffic": traffic}) + "\n")
    process.stdin.flush()
    line = process.stdout.readline()
    if not line:
        raise RuntimeError(f"SPU's process ended with {process.wait()} at {case}, {how}")
    return Answer(**json.loads(line))


def free_ports() -> int:
    """A port that nobody listens at; those after it are likely free too."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def mpyc_command(case: Case, port: int) -> list[str]:
    """MPyC's launcher with three parties."""
    return [sys.executable, str(MPYC_FILE), case.operation, str(case.size), "-M3", "-B", str(port)]


def mpyc_answer(printed: str) -> Answer:
    """The answer within what MPyC prints. Raises ValueError if there is none."""
    found = [line for line in printed.splitlines() if line.startswith("{")]
    if not found:
        raise ValueError("MPyC printed no answer")
    return Answer(**json.loads(found[-1]))


def mpyc(case: Case) -> Answer:
    """One run of MPyC with three parties: matmul, less or divide. Raises CalledProcessError if it fails."""
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    command = mpyc_command(case, free_ports())
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True, timeout=MPYC_SECONDS)
    return mpyc_answer(done.stdout)


def figure(answer: Callable[[], Answer], name: str) -> Measure:
    """A measure of one figure of an answer, run anew each time. Raises AttributeError for a name it does not have."""
    if name not in Answer.__dataclass_fields__:
        raise AttributeError(f"an answer has no figure {name!r}")
    return lambda: float(getattr(answer(), name))


def spu_figure(case: Case, how: Spu, name: str) -> Measure:
    """A measure of one figure of SPU's answer; `bytes` and `messages` run it with its profile."""
    return figure(lambda: spu(case, how, traffic=name in ("bytes", "messages")), name)


def spu_runs(case: Case, how: Spu, once: bool = False, traffic: bool = False) -> Runs:
    """SPU's runs of a case."""
    return Runs(lambda: spu(case, how, traffic), once)


def mpyc_runs(case: Case) -> Runs:
    """MPyC's single run of a case."""
    return Runs(lambda: mpyc(case), once=True)


def mpyc_figure(case: Case, name: str) -> Measure:
    """A measure of one figure of MPyC's answer."""
    return figure(lambda: mpyc(case), name)


@lazily
def numpy_seconds(case: Case) -> Measure:
    """Seconds of numpy in float64, on operands that anybody can read."""
    x: tuple[Any, ...] = operands(case)
    work = in_the_clear(case)
    return timed(lambda: work(*x))
