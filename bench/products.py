"""What products on shares cost: beside SPU and MPyC, float64, and the budgets that we have set ourselves.

Three compute parties in three threads of one process, as SPU's simulator runs its own, from shares of the operands to
shares of the result; numpy's answer on the operands as they are says how far off each side is. Errors are the largest
absolute difference, of the runs whose seconds stand above them.

    Z64, Z128   our rings; the scale of a product comes from the norms of its factors
    one run     what takes the others so long that it runs once

    python -m bench.products --growth [--quick] [--json FILE]   cost against n and the number of institutions
"""

import sys
from collections.abc import Sequence
from functools import cache

import numpy as np

from bench.harness import Claim, Measure, least, run, scaled, timed
from bench.products_sides import growth
from bench.products_sides.cases import Case
from bench.products_sides.gates import symmetric
from bench.products_sides.kernels import one_thread, reals, words
from bench.products_sides.others import (
    SPU_ABY3_64,
    SPU_ABY3_128,
    Runs,
    Spu,
    mpyc_runs,
    needs_spu,
    spu_runs,
    spu_version,
)
from bench.products_sides.ours import most_sent, ours
from bench.products_sides.ray_side import on_ray
from securecompute.arithmetic.ring_products import matmul, warm
from securecompute.arithmetic.rings import Ring

KERNEL = 1024
RAY_BUDGET = 0.4  # seconds of a product on Ray
GRAM_BUDGET = 100e3  # bytes that a party sends for X'X
COLUMNS = 100
PICO = 1e12


def called(how: Spu, once: bool = False) -> str:
    """As the table names SPU."""
    version = spu_version()
    return str(how) + (f", {version}" if version else "") + (", one run" if once else "")


def kernel_rows() -> list[Claim]:
    """The ring's product of matrices on one thread, a multiplication and an addition at a time."""
    a, b, x, y = words(KERNEL, KERNEL), words(KERNEL, KERNEL), reals(KERNEL, KERNEL), reals(KERNEL, KERNEL)
    each = PICO / KERNEL**3
    warm()
    sides: list[Measure] = [least(timed(lambda: matmul(a, b)), 3), least(timed(lambda: x @ y), 3)]
    kernel, doubles = (scaled(side, each) for side in sides)
    integers = cache(scaled(timed(lambda: np.matmul(a, b)), each))
    text, unit = f"A B mod 2^64, n = {KERNEL}, one thread, a multiply-add", "ps"
    return [
        Claim(text, kernel, doubles, "numpy float64, one thread", 0.6, unit=unit),
        Claim(text, kernel, integers, "numpy uint64, one run", 50.0, unit=unit),
    ]


def product_rows(n: int, quick: bool) -> list[Claim]:
    """Matrices n x n of standard normal numbers."""
    case, needs = Case("matmul", n), needs_spu()
    z64, peer = ours("matmul", n), spu_runs(case, SPU_ABY3_64)
    rows = _time_and_error(f"product n = {n}, Z64", z64, peer, called(SPU_ABY3_64), 5.0, 10.0)
    cpu = z64.latest("cpu"), peer.latest("cpu")
    rows.append(Claim(f"product n = {n}, Z64: processor, all parties", *cpu, called(SPU_ABY3_64), needs=needs))
    if not quick:
        wide, z128, name = spu_runs(case, SPU_ABY3_128), ours("matmul", n, ring=Ring.Z128), called(SPU_ABY3_128)
        rows += _time_and_error(f"product n = {n}, Z64", z64, wide, name, 10.0, 1.0)
        rows.append(Claim(f"product n = {n}, Z128", z128.anew("run"), wide.anew("run"), name, 4.0, needs))
        errors = z128.latest("error"), wide.latest("error")
        rows.append(Claim(f"product n = {n}, Z128: error", *errors, name, 1.0, needs, ""))
    text = f"product n = {n}, Z64, on Ray"
    return [*rows, Claim(text, on_ray("matmul", n).anew("run"), RAY_BUDGET, "budget", 1.0)]


def gram_rows(rows: int) -> list[Claim]:
    """What a party sends for X'X: nothing that depends on the number of records."""
    x = [np.random.default_rng(1).uniform(-1.0, 1.0, (rows, COLUMNS))]
    text = f"X'X, {COLUMNS} columns, {rows:,} records"
    exact, short = (most_sent(symmetric(rows, COLUMNS, scale), x) for scale in (40, 20))
    return [
        Claim(f"{text}: sent by a party", exact, GRAM_BUDGET, "budget", 1.0, unit="B"),
        Claim(f"{text}, truncated: sent by the dealer", short, exact, "not truncated", unit="B"),
    ]


def elementwise_rows(size: int, quick: bool) -> list[Claim]:
    """Comparisons, sigmoids, quotients of so many numbers."""
    needs, name, once = needs_spu(), called(SPU_ABY3_64), called(SPU_ABY3_64, once=not quick)
    bits, numbers, less = ours("less as bits", size), ours("less", size), spu_runs(Case("less", size), SPU_ABY3_64)
    shown = f"{size:,}"
    rows = _time_and_error(f"{shown} comparisons, as shared bits", bits, less, name, 1.0, None)
    numbers_are = f"{shown} comparisons, as numbers 0 and 1"
    rows.append(Claim(numbers_are, numbers.anew("run"), less.anew("run"), f"{name}, as bits", 1.0, needs))
    for operation, text in (("sigmoid", f"{shown} sigmoids"), ("divide", f"{shown} divisions")):
        peer = spu_runs(Case(operation, size), SPU_ABY3_64, once=not quick)
        rows += _time_and_error(text, ours(operation, size), peer, once, 1.0, 1.0)
    text = f"{shown} comparisons, as numbers 0 and 1, on Ray"
    return [*rows, Claim(text, on_ray("less", size).anew("run"), numbers.latest("run"), "ours in process")]


def solve_rows(n: int, quick: bool) -> list[Claim]:
    """A system of n equations: what round latency decides."""
    text, name, needs = f"solve n = {n}", called(SPU_ABY3_64, once=True) + ", Gauss-Jordan", needs_spu()
    near, far, peer = ours("solve", n), on_ray("solve", n), spu_runs(Case("solve", n), SPU_ABY3_64, True, traffic=True)
    return [
        *_time_and_error(text, near, peer, name, None, 1.0),
        Claim(
            f"{text}: rounds", near.latest("rounds"), peer.latest("messages"), "messages of SPU", None, needs, "rounds"
        ),
        Claim(f"{text}, on Ray", far.anew("run"), near.latest("run"), "ours in process"),
    ]


def mpyc_rows() -> list[Claim]:
    """What MPyC can do in seconds; its three parties are processes that TCP joins."""
    rows = []
    for operation, size, text in (
        ("matmul", 64, "product n = 64, Z64"),
        ("less", 1_000, "1,000 comparisons, as numbers 0 and 1"),
        ("divide", 100, "100 divisions"),
    ):
        peer = mpyc_runs(Case(operation, size))
        rows.append(Claim(text, ours(operation, size).anew("run"), peer.anew("run"), "MPyC, one run", None, ("mpyc",)))
    return rows


def claims(quick: bool) -> list[Claim]:
    """All rows; quick: smaller sizes, and neither SPU in its larger ring nor MPyC."""
    rows: Sequence[list[Claim]] = (
        kernel_rows(),
        product_rows(512 if quick else 1024, quick),
        gram_rows(2_000),
        elementwise_rows(10**4 if quick else 10**6, quick),
        solve_rows(30 if quick else 100, quick),
        [] if quick else mpyc_rows(),
    )
    return [claim for listed in rows for claim in listed]


def _time_and_error(
    text: str, own: Runs, peer: Runs, name: str, times: float | None, exacter: float | None
) -> list[Claim]:
    """Two rows against SPU: seconds of runs in turns, and the errors of the last of them."""
    errors = own.latest("error"), peer.latest("error")
    return [
        Claim(text, own.anew("run"), peer.anew("run"), name, times, needs_spu()),
        Claim(f"{text}: error", *errors, name, exacter, needs_spu(), ""),
    ]


if __name__ == "__main__":
    one_thread()
    sys.exit(growth.run(sys.argv[1:]) if "--growth" in sys.argv else run(__doc__, claims))
