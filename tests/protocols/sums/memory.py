"""How much memory each party of a sum needs: one process a party, sealed frames between them, no clock.

    python -m tests.protocols.sums.memory 3 100000000 64 0    institutions, entries, bits, members of the committee, 0
                                                              for a pairwise sum; prints what each party needed

This process carries the frames, a few at a time, as a link would; a party's peak is read from the kernel. Linux only.
"""

import pickle
import subprocess
import sys
import time
from collections import deque
from pathlib import Path

import numpy as np

from securecompute.arithmetic.rings import Ring
from securecompute.disclosure.ledger import SurvivorLedger
from securecompute.engine.runner import Limits, Runner
from securecompute.engine.session import open_session
from securecompute.primitives.keys import AgreementKey
from securecompute.protocols.sums.interface import Contributor, protocol_of
from securecompute.protocols.sums.settings import Committee, Pairwise
from securecompute.values import Plain
from tests.protocols.sums.playing import COLLECTOR, COORDINATOR, describe, identity, names
from tests.seeded import SeededRandomness

STEP = 0.05  # virtual seconds that pass when nobody has anything to say
FRAMES = 4  # that arrive at once
LIMITS = Limits(session_seconds=1e9, round_seconds=1e6)


def kibibytes(field):
    """A line of /proc/self/status, in bytes."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) << 10 for line in lines if line.startswith(field))


def party(me, n, d, bits, k):
    """One party, driven through its standard input and output: (now, frames) for ((receiver, frame) ..., result)."""
    ring = Ring(bits)
    descriptor = describe(n, d, ring, bound=d, setting=Committee(tuple(names(k))) if k else Pairwise())
    protocol = protocol_of(descriptor)
    roster = [*names(n), COORDINATOR, COLLECTOR]
    keys = {p: AgreementKey.generate(SeededRandomness(p)) for p in roster}
    session = open_session("sum", {p: key.public for p, key in keys.items()}, b"manifest")
    if me == COORDINATOR:
        part, result = protocol.coordinate(descriptor, COLLECTOR), d * ring.item_bytes
    elif me == COLLECTOR:
        part, result = protocol.collect(descriptor, COORDINATOR), d * ring.item_bytes
    else:
        x = np.arange(d * ring.item_bytes // ring.dtype.itemsize, dtype=ring.dtype).reshape(ring.shape(d))
        if ring is Ring.Z128:
            x[:, 1] = 0
            x[:, 0] //= 2
        own = Contributor(me, identity(me), SurvivorLedger(), SeededRandomness(me))
        part, result = protocol.contribute(own, descriptor, COORDINATOR, COLLECTOR, Plain(x)), 0
    runner = Runner(me, part, session, keys[me], LIMITS, 0.0)
    Path("/proc/self/clear_refs").write_text("5")  # the peak begins now
    before, began = kibibytes("VmRSS"), time.process_time()
    said = None
    while True:
        now, frames = pickle.load(sys.stdin.buffer)
        for frame in frames:
            runner.receive(frame, now)
        runner.tick(now)
        runner.run_ready(now)
        if runner.outcome is not None and said is None:
            said = (
                kibibytes("VmHWM") - before - result,
                time.process_time() - began,
                wrong(me, n, ring, runner.outcome),
            )
        pickle.dump((runner.outgoing(now), said), sys.stdout.buffer)
        sys.stdout.buffer.flush()


def wrong(me, n, ring, outcome):
    """What is wrong with a party's outcome, in words; nothing if nothing is."""
    if outcome.error is not None:
        return str(outcome.error)
    if me == COLLECTOR:
        total = outcome.value[1] if ring is not Ring.Z128 else outcome.value[1][:, 0]
        for k in range(0, len(total), 1 << 20):
            piece = total[k : k + (1 << 20)]
            if (piece != n * np.arange(k, k + len(piece), dtype=piece.dtype)).any():
                return "the total is wrong"
    return ""


def run(n, d, bits, k):
    """party -> (peak bytes beside its own vector, seconds of computing, what went wrong)."""
    command = [sys.executable, "-m", "tests.protocols.sums.memory"]
    parties = [*names(n), COORDINATOR, COLLECTOR]
    processes = {
        p: subprocess.Popen([*command, p, *map(str, (n, d, bits, k))], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        for p in parties
    }
    mail, said, now, wake = {p: deque() for p in parties}, dict.fromkeys(parties), 0.0, set(parties)
    try:
        while not all(said.values()):
            for p in parties:
                if mail[p] or p in wake:
                    frames = [mail[p].popleft() for _ in range(min(FRAMES, len(mail[p])))]
                    pickle.dump((now, frames), processes[p].stdin)
                    processes[p].stdin.flush()
                    outgoing, said[p] = pickle.load(processes[p].stdout)
                    for receiver, frame in outgoing:
                        mail[receiver].append(frame)
            wake = set() if any(mail.values()) else set(parties)
            now += STEP * bool(wake)
    finally:
        for process in processes.values():
            process.kill()
            process.communicate()
    return said


def peaks(n, d, bits, k=0):
    """party -> bytes in use at most beside its own vector: its input, or the total that it holds or gets."""
    said = run(n, d, bits, k)
    assert not any(fault for _, _, fault in said.values()), said
    return {p: peak for p, (peak, _, _) in said.items()}


if __name__ == "__main__":
    if len(sys.argv) == 6:
        party(sys.argv[1], *map(int, sys.argv[2:]))
    else:
        for who, (peak, seconds, fault) in run(*map(int, sys.argv[1:])).items():
            sys.stdout.write(f"{who:12} {peak / 1e6:6.1f} MB   {seconds:6.2f} s   {fault}\n")
