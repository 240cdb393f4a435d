"""SPU in a process of its own: reads a request a line, runs it in SPU's simulator, writes an answer a line.

    python -m bench.products_sides.spu_peer < requests     each {"operation", "size", "protocol", "parties", ...}

The parties are threads joined by SPU's in-memory link, as in `spu.utils.simulation`; that simulator's call is taken
apart here, so that compiling, sharing, running and revealing have each their own clock.

    run      all parties, from shares of the operands to shares of the answer
    total    sharing, run and revealing; compiling is in neither

Operands and answers are float64: jax's float32 would add an error of its own, 9e-6 in a product of 1024 x 1024.
SPU and its jax need numpy < 2 and Python < 3.12, so this file imports nothing of ours but the cases.
"""

import json
import os
import re
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from functools import cache
from typing import Any, BinaryIO

import jax
import jax.numpy as jnp
import numpy as np
from spu import api, libspu
from spu.utils import frontend

from bench.products_sides.cases import Case, largest_error, operands

BARRIER_SECONDS = 60.0  # so that a party that failed before it does not hold up the others for ever
LINK = re.compile(rb"total send bytes (\d+), recv bytes \d+, send actions (\d+)")
# The most accurate settings found on the operands of the cases, for either ring: fractional bits, Goldschmidt steps,
# method and steps of exp. `sigmoid_mode` is not among them: jax's logistic reaches SPU as exp and reciprocal.
ACCURATE = {64: (24, 3, "EXP_PADE", 8), 128: (44, 4, "EXP_TAYLOR", 20)}


def gauss_jordan(x: Any, y: Any) -> Any:
    """x^-1 y without pivots, for x positive definite: one division and one outer product a column.

    `jnp.linalg.solve` runs in SPU too, but unrolls to 14,000 messages at n = 10 where this takes 560.
    """
    n = x.shape[0]

    def eliminate(k: Any, rows: Any) -> Any:
        pivot_row = jax.lax.dynamic_slice(rows, (k, 0), (1, n + 1))
        pivot_row = pivot_row / jax.lax.dynamic_slice(pivot_row, (0, k), (1, 1))
        rows = rows - jax.lax.dynamic_slice(rows, (0, k), (n, 1)) * pivot_row
        return jax.lax.dynamic_update_slice(rows, pivot_row, (k, 0))

    return jax.lax.fori_loop(0, n, eliminate, jnp.concatenate([x, y[:, None]], 1))[:, n]


PROGRAMS: dict[str, Callable[..., Any]] = {
    "matmul": jnp.matmul,
    "less": lambda x: x < 0,
    "sigmoid": jax.nn.sigmoid,
    "divide": jnp.divide,
    "solve": gauss_jordan,
}


def settings(request: dict[str, Any]) -> Any:
    """SPU's runtime settings: its defaults, or the accurate ones."""
    kinds = {"aby3": libspu.ProtocolKind.ABY3, "semi2k": libspu.ProtocolKind.SEMI2K}
    fields = {64: libspu.FieldType.FM64, 128: libspu.FieldType.FM128}
    config = libspu.RuntimeConfig(protocol=kinds[request["protocol"]], field=fields[request["field"]])
    if request["accurate"]:
        bits, steps, method, exp_steps = ACCURATE[request["field"]]
        config.fxp_fraction_bits, config.fxp_div_goldschmidt_iters = bits, steps
        config.fxp_exp_mode, config.fxp_exp_iters = getattr(libspu.RuntimeConfig.ExpMode, method), exp_steps
    return config


@cache
def compiled(case: Case) -> tuple[Any, float]:
    """SPU's program, and the seconds that making it took."""
    start, x = time.perf_counter(), operands(case)
    names, secret = [f"in{k}" for k in range(len(x))], [libspu.Visibility.VIS_SECRET] * len(x)
    function = PROGRAMS[case.operation]
    program, _ = frontend.compile(frontend.Kind.JAX, function, x, {}, names, secret, lambda out: ["out"])
    return program, time.perf_counter() - start


def together(work: Callable[[int], None], parties: int) -> None:
    """Run every party's part in a thread of its own. Raises RuntimeError when one of them raised."""
    raised: list[BaseException] = []

    def guarded(rank: int) -> None:
        try:
            work(rank)
        except BaseException as error:
            raised.append(error)

    threads = [threading.Thread(target=guarded, args=(rank,), daemon=True) for rank in range(parties)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if raised:
        raise RuntimeError("a party of SPU failed") from raised[0]


def run(request: dict[str, Any], profile: bool = False) -> dict[str, float]:
    """One run: seconds of compiling, running and all, processor seconds of all, largest error."""
    case, parties, config = Case(request["operation"], request["size"]), request["parties"], settings(request)
    config.enable_pphlo_profile = profile
    program, compiling = compiled(case)
    io, x = api.Io(parties, config), operands(case)
    start, cpu = time.perf_counter(), time.process_time()
    shares = [io.make_shares(each, libspu.Visibility.VIS_SECRET) for each in x]
    link = libspu.link.Desc()
    for rank in range(parties):
        link.add_party(f"id{rank}", f"thread{rank}")
    begun, ended = [0.0] * parties, [0.0] * parties
    out: list[Any] = [None] * parties
    barrier = threading.Barrier(parties, timeout=BARRIER_SECONDS)

    def party(rank: int) -> None:
        runtime = api.Runtime(libspu.link.create_mem(link, rank), config)
        for name, share in zip(program.input_names, shares, strict=True):
            runtime.set_var(name, share[rank])
        barrier.wait()
        begun[rank] = time.perf_counter()
        runtime.run(program)
        ended[rank] = time.perf_counter()
        out[rank] = runtime.get_var("out")

    together(party, parties)
    answer = np.asarray(io.reconstruct(out), np.float64)
    took = {"total": time.perf_counter() - start, "cpu": time.process_time() - cpu}
    return {"compile": compiling, "run": max(ended) - min(begun), **took, "error": largest_error(case, answer)}


def traffic(log: bytes) -> dict[str, float]:
    """Bytes and messages of the party that sends most, from what SPU's profile printed for each."""
    sent = [(int(size), int(count)) for size, count in LINK.findall(log)]
    return {"bytes": max(size for size, _ in sent), "messages": max(count for _, count in sent)}


def answered(request: dict[str, Any], log: BinaryIO) -> dict[str, float]:
    """A run without profile, then, if asked for, one with it: profiling takes time."""
    answer = run(request)
    if request["traffic"]:
        log.truncate(0)
        run(request, profile=True)
        log.seek(0)
        answer |= traffic(log.read())
    return answer


def main() -> None:
    """Answer until the requests end. SPU logs to the standard output, so answers go to a copy of it."""
    jax.config.update("jax_enable_x64", True)
    jax.config.update("jax_platforms", "cpu")
    with os.fdopen(os.dup(1), "w") as replies, tempfile.TemporaryFile("a+b") as log:
        os.dup2(log.fileno(), 1)
        for line in sys.stdin:
            replies.write(json.dumps(answered(json.loads(line), log)) + "\n")
            replies.flush()


if __name__ == "__main__":
    main()
