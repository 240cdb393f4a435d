"""OpenMined's private set intersection, both of its sides in one process: a request a line, an answer a line.

    python bench/intersection_sides/openmined_peer.py       requests {"receiver", "sender"}, two CSV files

An answer is the seconds from reading both files to the client's result, as the two sides follow each other, and how
many were found. Its result is the intersection's positions; the sender's set is sent as it is, not compressed.

It runs in SPU's environment and imports nothing of ours.
"""

import json
import os
import resource
import sys
import time
from contextlib import suppress
from pathlib import Path

import private_set_intersection.python as psi


def identifiers(path: str) -> list[str]:
    """The lines of a CSV file after its head."""
    with open(path) as lines:
        return [line.strip().strip('"') for line in lines][1:]


def forget_peak() -> None:
    """Let the most memory held so far be what is held now, where the system can."""
    with suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5")


def main() -> None:
    """Answer requests until there are none."""
    answers = os.fdopen(os.dup(1), "w")
    for line in sys.stdin:
        request = json.loads(line)
        forget_peak()
        start, cpu = time.perf_counter(), time.process_time()
        x, y = identifiers(request["receiver"]), identifiers(request["sender"])
        client, server = psi.client.CreateWithNewKey(True), psi.server.CreateWithNewKey(True)
        setup = server.CreateSetupMessage(2.0**-40, len(x), y, psi.DataStructure.RAW)
        asked = client.CreateRequest(x)
        answered = server.ProcessRequest(asked)
        found = len(client.GetIntersection(setup, answered))
        seconds, busy = time.perf_counter() - start, time.process_time() - cpu
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        sent = setup.ByteSize() + asked.ByteSize() + answered.ByteSize()
        told = {"seconds": seconds, "cpu": busy, "peak_kib": peak, "found": found, "bytes": sent}
        answers.write(json.dumps(told) + "\n")
        answers.flush()


if __name__ == "__main__":
    main()
