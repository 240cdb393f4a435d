"""Our side: hospitals as Ray actors that read their CSV files and run a session; the receiver then writes a CSV file.

    seconds   reading, by all at once, then the session, then writing
    reading   a file to identifiers: `read_identifiers`
    core      the session, identifiers to the receiver's result: messages encoded, sealed, sent through Unix sockets

Written are the rows that were found, in the file's order, which is read once more for it. Not in it: starting Ray,
loading kernels. Processor seconds and memory are of an actor's whole process.
"""

import atexit
import itertools
import resource
import time
from collections.abc import Sequence
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any

import msgpack
import pyarrow as pa
from pyarrow import csv

from bench.intersection_sides.answers import Answer, Runs, right
from bench.intersection_sides.files import KEY, Sizes, folder, written
from bench.intersection_sides.ways import RECEIVER, WAYS, Found, Session, hospitals, warm
from securecompute.engine.fabric import Fabric, Recipe
from securecompute.engine.rounds import Part, Party
from securecompute.errors import SecureComputeError
from securecompute.records.identifiers import Identifiers, read_identifiers
from securecompute.values import Plain

_numbers = itertools.count()


class Hospital:
    """One hospital: a file's identifiers, and what a session found among them."""

    def __init__(self, me: Party) -> None:
        self.me, self._file = me, Path()
        self._own: Identifiers | None = None
        self._found: Found = None
        self._busy = 0.0
        warm()
        read_identifiers(pa.table({KEY: ["0"]}), KEY)

    def answer(self, request: str, payload: Any) -> Any:
        """`read` a file, `write` another, what it all took (`used`)."""
        return {"read": self._read, "write": self._write, "used": self._used}[request](payload)

    def part(self, manifest: bytes) -> Part[None]:
        """manifest: a fresh number, how, and the sizes"""
        _, way, sizes = msgpack.unpackb(manifest)
        of = Session(dict(zip(hospitals(len(sizes)), sizes, strict=True)), manifest)
        if self._own is None:
            raise RuntimeError("no file was read")
        self._found = yield from WAYS[way](self.me, Plain(self._own.ids), of)

    def _read(self, path: str) -> None:
        forget_peak()
        self._busy, self._file = processor_seconds(), Path(path)
        self._own = read_identifiers(self._file, KEY)

    def _write(self, path: str) -> int:
        """How many rows."""
        if self._own is None or self._found is None:
            raise RuntimeError("nothing was found yet")
        text = csv.ConvertOptions(column_types={KEY: pa.string()})
        rows = csv.read_csv(self._file, convert_options=text).take(self._own.rows[self._found])
        csv.write_csv(rows, path)
        return len(rows)

    def _used(self, _: Any) -> list[float]:
        """Processor seconds since reading began, and the most memory held since then, in KiB."""
        return [processor_seconds() - self._busy, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss]


def processor_seconds() -> float:
    """Of this process, all threads."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def forget_peak() -> None:
    """Let the most memory held so far be what is held now, where the system can."""
    with suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5")


@cache
def fabric(count: int) -> Fabric:
    """So many hospitals on a private Ray, which ends with this process."""
    import ray

    from securecompute.engine.on_ray import OnRay, Placement

    names, joined = hospitals(count), Placement(cluster="auto") if ray.is_initialized() else None
    running = OnRay({name: Recipe(Hospital, {"me": name}) for name in names}, placement=joined)
    atexit.register(running.close)
    return running


def answer(way: str, sizes: Sizes, on: Fabric) -> Answer:
    """One run on a fabric of hospitals. Raises what ended it; RuntimeError for another result than there is."""
    files, names = written(sizes), hospitals(len(sizes))
    manifest: bytes = msgpack.packb([next(_numbers), way, sizes])
    start = time.perf_counter()
    _asked(on, names, "read", *map(str, files))
    reading = time.perf_counter() - start
    run = on.run("intersection", names, manifest)
    for outcome in run.outcomes.values():
        if outcome.error is not None:
            raise outcome.error
    rows = on.ask(RECEIVER, "write", str(result_of(sizes)))
    seconds = time.perf_counter() - start
    used = _asked(on, names, "used")
    cpu, peak = tuple(each[0] for each in used), tuple(int(each[1]) for each in used)
    sent = sum(outcome.traffic.sent for outcome in run.outcomes.values())
    return right(Answer(seconds, cpu, peak, rows, run.seconds, reading, sent), sizes)


def result_of(sizes: Sizes) -> Path:
    """The file that the receiver writes."""
    return Path(folder().name, f"found-{'-'.join(map(str, sizes))}.csv")


def _asked(on: Fabric, names: Sequence[Party], request: str, *payloads: Any) -> list[Any]:
    """Everybody's answer: each to its own payload, at the same time. Raises the first error."""
    if payloads:
        from concurrent.futures import ThreadPoolExecutor

        with ThreadPoolExecutor(len(names)) as threads:
            return list(threads.map(lambda name, payload: on.ask(name, request, payload), names, payloads))
    told = on.ask_all(names, request)
    for each in told.values():
        if isinstance(each, SecureComputeError):
            raise each
    return [told[name] for name in names]


def ours(way: str, sizes: Sizes) -> Runs:
    """Our runs of a case."""
    return Runs(lambda: answer(way, sizes, fabric(len(sizes))))
