"""One of two processes of SPU's private set intersection: reads a request a line, writes an answer a line.

    python bench/intersection_sides/spu_psi_peer.py RANK PORT PORT     requests {"protocol", "csv", "out"}

The link between both is made once, so that it is in no figure; an answer is the seconds of SPU's own call, from a CSV
file to a CSV file, and how many it found. SPU is told that the keys are unique, which spares it a look.

It runs in SPU's environment and imports nothing of ours.
"""

import json
import os
import resource
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

import spu.libspu.link as link
import spu.psi as psi

KEY = "id"
CURVE = psi.EllipticCurveType.CURVE_25519


def config(request: dict[str, str]) -> Any:
    """SPU's settings, its defaults beyond what has to be said."""
    return psi.PsiExecuteConfig(
        protocol_conf=psi.PsiProtocolConfig(
            protocol=getattr(psi.PsiProtocol, f"PROTOCOL_{request['protocol']}"),
            receiver_rank=0,
            broadcast_result=False,
            ecdh_params=psi.EcdhParams(curve=CURVE),
        ),
        input_params=psi.InputParams(path=request["csv"], selected_keys=[KEY], keys_unique=True),
        output_params=psi.OutputParams(path=request["out"], disable_alignment=True),
    )


def forget_peak() -> None:
    """Let the most memory held so far be what is held now, where the system can."""
    with suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5")


def main(rank: int, ports: list[int]) -> None:
    """Answer requests until there are none."""
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what SPU itself prints is no answer
    parties = link.Desc()
    for number, port in enumerate(ports):
        parties.add_party(str(number), f"127.0.0.1:{port}")
    context = link.create_brpc(parties, rank)
    for line in sys.stdin:
        request = json.loads(line)
        forget_peak()
        start, cpu = time.perf_counter(), time.process_time()
        report = psi.psi_execute(config(request), context)
        seconds, busy = time.perf_counter() - start, time.process_time() - cpu
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        found = int(report.intersection_count)
        answers.write(json.dumps({"seconds": seconds, "cpu": busy, "peak_kib": peak, "found": found}) + "\n")
        answers.flush()
    context.stop_link()


if __name__ == "__main__":
    main(int(sys.argv[1]), [int(port) for port in sys.argv[2:]])
