"""MPyC in processes of its own: three parties on this machine by its own launcher, joined by TCP; prints one answer.

    python mpyc_peer.py OPERATION SIZE -M3      with the repository's root on PYTHONPATH

Secure fixed point of 64 bits with 32 fractional bits: MPyC divides rightly only where l = 2f, as its SecFxp says. An
answer is timed from shares of the operands to shares of the result, after one run that does not count.

    run      until this party holds its shares of the result; a barrier before and after
    total    sharing, run and revealing
"""

import json
import operator
import sys
import time
from collections.abc import Callable
from typing import Any

from mpyc.runtime import mpc

from bench.products_sides.cases import Case, largest_error, operands

BITS = 64
PROGRAMS: dict[str, Callable[..., Any]] = {
    "matmul": operator.matmul,
    "less": lambda x: x < 0,
    "divide": operator.truediv,
}


async def run(case: Case) -> dict[str, float]:
    """One run: seconds of running and all, processor seconds of this party, largest error."""
    fixed = mpc.SecFxp(BITS)
    start, cpu = time.perf_counter(), time.process_time()
    x = [mpc.input(fixed.array(each), 0) for each in operands(case)]
    await mpc.gather(x)
    await mpc.barrier()
    begun = time.perf_counter()
    z = PROGRAMS[case.operation](*x)
    await mpc.gather(z)
    await mpc.barrier()
    ended = time.perf_counter()
    answer = await mpc.output(z)
    took = {"total": time.perf_counter() - start, "cpu": time.process_time() - cpu}
    return {"run": ended - begun, **took, "error": largest_error(case, answer.astype(float))}


async def main(case: Case) -> None:
    """Connect, run twice, print the second."""
    await mpc.start()
    await run(case)
    answer = await run(case)
    await mpc.shutdown()
    if mpc.pid == 0:
        print(json.dumps(answer))


if __name__ == "__main__":
    mpc.run(main(Case(sys.argv[1], int(sys.argv[2]))))
