"""What finding common patients costs: beside SPU's and OpenMined's intersections, the wire, and budgets of our own.

Hospitals in processes of their own on this machine, from CSV files of identifiers to the receiver's CSV file of those
that all have; SPU too takes two processes, OpenMined one. In every case half of the smallest set is in all of them.

    RR22, KKRT, ECDH     SPU's protocols; each run finds as many as there are, or the benchmark ends
    identifiers to result    the session alone, without reading and writing
    bytes at 1 Gb/s      derived from the payload; nothing is slowed down, and the machine's sockets count as no time
    OpenMined, 2^16      derived from 2^12, sixteenfold: its time is elliptic curves, and linear

    python -m bench.intersection --growth [--quick] [--json FILE]   cost an item against the size of the sets
"""

import hashlib
import sys
from collections.abc import Iterable

from bench.harness import Claim, Measure, lazily, run, scaled, timed
from bench.intersection_sides import growth
from bench.intersection_sides.answers import Figure, Runs, busy, core, peak_mib, reading, seconds, sent
from bench.intersection_sides.files import Sizes, named, power
from bench.intersection_sides.others import ECDH, KKRT, OPENMINED, RR22, needs, openmined_runs, spu_runs, version
from bench.intersection_sides.ours import ours

BITS_BUDGET = 290.0  # of payload an item of either set
STAR_BUDGET = 10.0  # seconds of five institutions of 2^20 each
LARGE = 1 << 20
SMALL = 1 << 12  # for what takes a curve point an item
GIGABIT, FAST_ETHERNET = 1e9, 1e8  # bits a second
FLAT = 1.5


def called(peer: str) -> str:
    """As the table names a protocol of SPU."""
    return f"SPU {peer}" + (f" {number}" if (number := version("spu")) else "")


def pair_rows(n: int, times: float, own: Runs, bits: float | None) -> list[Claim]:
    """Sets of n each against SPU; times: how much sooner than any protocol of its."""
    sizes, text = (n, n), f"{power(n)} each"
    rr22, kkrt = spu_runs(RR22, sizes), spu_runs(KKRT, sizes)
    rows = [
        Claim(text, own.anew(seconds), rr22.anew(seconds), called(RR22), times, needs()),
        Claim(f"{text}: processor, both", own.latest(busy), rr22.latest(busy), called(RR22), None, needs()),
        Claim(f"{text}: peak memory", *_both(own, rr22, peak_mib), called(RR22), None, needs(), "MiB"),
        Claim(text, own.anew(seconds), kkrt.anew(seconds), called(KKRT), times, needs()),
        Claim(f"{text}: identifiers to result", own.latest(core), own.latest(seconds), "CSV to CSV"),
    ]
    if bits is not None:
        traffic = scaled(own.latest(sent), 8 / n)
        target = 1.0 if n >= LARGE else None  # smaller sets spread the cost of their correlation over fewer
        rows.append(Claim(f"{text}: traffic an item", traffic, bits, "budget of 2^20", target, unit="bits"))
    return rows


def limit_rows(n: int, own: Runs) -> list[Claim]:
    """What no protocol gets below: reading and hashing identifiers, and the bytes on a wire."""
    text = f"{power(n)} each"
    rows = [
        Claim(f"{text}: CSV file to identifiers", own.latest(reading), hashed(n), "SHA-256 of each, in memory"),
        Claim(f"{text}: identifiers to result", own.latest(core), own.latest(reading), "reading both CSV files"),
    ]
    for rate, name in ((GIGABIT, "1 Gb/s"), (FAST_ETHERNET, "100 Mb/s")):
        wire = scaled(own.latest(sent), 8 / rate)
        rows.append(Claim(f"{text}: identifiers to result", own.latest(core), wire, f"its bytes at {name}, derived"))
    return rows


@lazily
def hashed(n: int) -> Measure:
    """One call of hashlib for each identifier, which lies in memory."""
    texts = [b"%012d" % k for k in range(n)]
    return timed(lambda: [hashlib.sha256(text).digest()[:16] for text in texts])


def other_rows(n: int, vole: Runs) -> list[Claim]:
    """The other ways to intersect two large sets, each beside the default."""
    return [
        Claim(f"{power(n)} each, {way}", ours(way, (n, n)).anew(seconds), vole.latest(seconds), "our default")
        for way in ("vole, standard noise", "iknp")
    ]


def curve_rows(n: int) -> list[Claim]:
    """Where an item costs a point of a curve: our reusable tables against SPU's, OpenMined against our default."""
    sizes, large = (n, n), (1 << 16, 1 << 16)
    table, vole = ours("oprf", sizes), ours("vole", large)
    scaled_up = scaled(openmined_runs(sizes).anew(seconds), large[0] / n)
    name = f"openmined-psi {version('openmined-psi') or ''}, {power(n)} scaled"
    return [
        Claim(
            f"{power(n)} each, oprf",
            table.anew(seconds),
            spu_runs(ECDH, sizes).anew(seconds),
            called(ECDH),
            None,
            needs(),
        ),
        Claim(f"{power(large[0])} each", vole.anew(seconds), scaled_up, name, 50.0, needs(OPENMINED)),
    ]


def unbalanced_rows(pairs: Iterable[Sizes]) -> list[Claim]:
    """Sets of different sizes, the receiver's first."""
    rows = []
    for sizes in pairs:
        own, peer = ours("vole", sizes), spu_runs(RR22, sizes)
        rows.append(Claim(named(sizes), own.anew(seconds), peer.anew(seconds), called(RR22), None, needs()))
    return rows


def star_rows(n: int, counts: Iterable[int], two: Runs) -> list[Claim]:
    """Many institutions, of whom the first learns what is common to all."""
    rows = []
    for count in counts:
        text, several = f"{count} institutions of {power(n)}", ours("star", (n,) * count)
        rows.append(Claim(text, several.anew(seconds), two.latest(seconds), "two of them, our default"))
        rows.append(Claim(f"{text}: peak memory", *_both(several, two, peak_mib), "two of them", unit="MiB"))
        if (count, n) == (5, 1 << 20):
            rows.append(Claim(text, several.latest(seconds), STAR_BUDGET, "budget", 1.0))
    return rows


def flat_rows(small: tuple[int, Runs], large: tuple[int, Runs]) -> list[Claim]:
    """What an item costs in a large set and in a small one."""
    rows = []
    for what, figure in (("CSV to CSV", seconds), ("processor, both", busy)):
        (n, few), (m, many) = small, large
        sides = scaled(many.latest(figure), 1e6 / m), scaled(few.latest(figure), 1e6 / n)
        rows.append(Claim(f"{power(m)} each, an item: {what}", *sides, f"{power(n)} each", 1 / FLAT, unit="µs"))
    return rows


def claims(quick: bool) -> list[Claim]:
    """All rows; quick: one size, and few others."""
    n = 1 << 18 if quick else 1 << 20
    own = ours("vole", (n, n))
    rows = pair_rows(n, 1.5, own, BITS_BUDGET) + limit_rows(n, own)
    if quick:
        return rows + curve_rows(SMALL // 4)[1:] + unbalanced_rows([(SMALL, n)])
    few = ours("vole", (1 << 16, 1 << 16))
    return [
        *pair_rows(1 << 16, 1.0, few, None),
        *rows,
        *flat_rows((1 << 16, few), (n, own)),
        *other_rows(n, own),
        *curve_rows(SMALL),
        *unbalanced_rows([(SMALL, n), (n, SMALL)]),
        *star_rows(1 << 16, (3, 5, 10), few),
        *star_rows(n, (3, 5, 10), own),
    ]


def _both(own: Runs, other: Runs, figure: Figure) -> tuple[Measure, Measure]:
    return own.latest(figure), other.latest(figure)


if __name__ == "__main__":
    sys.exit(growth.run(sys.argv[1:]) if "--growth" in sys.argv else run(__doc__, claims))
