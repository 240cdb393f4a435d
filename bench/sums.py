"""What a sum costs: processor time and bytes of each party, beside Flower, TenSEAL, phe and the machine's own limit.

Both sides run on one core with one thread, for the same vector of reals from the same number of institutions. Processor
time counts, the least of three runs (our Paillier: one) each time it is a side's turn. Unless a row says otherwise it
is that of one institution, for what grows with the vector: range check, copy, check words, masks or ciphertexts. Keys,
signatures and shares are in the rows "a whole part".

    u64   62 bits, exact        u32   30 bits, exact: Flower's precision class, which keeps 22
    floor   AES-256-CTR of as many bytes as there are masks, and one addition of each, all within the L2 cache

    python -m bench.sums --growth [--quick] [--json FILE]   cost against the number of institutions and the length
"""

import os
import sys
from dataclasses import replace

from bench.harness import Claim, run, scaled
from bench.sums_sides import growth
from bench.sums_sides.others import (
    aes_and_memory,
    ckks_institution,
    flower_institution,
    flower_unmask,
    numpy_prepare,
    numpy_sum,
    phe_institution,
)
from bench.sums_sides.ours import COLLECTOR, COORDINATOR, Case, from_reals, growing, names, per_entry, whole, wire_bytes
from securecompute.arithmetic.rings import Ring

N = 10
FIRST, LAST = names(N)[0], names(N)[-1]  # LAST is in no committee
PART_BUDGET = 1e-3  # seconds of a whole part of a short sum
FLOOR = 0.8  # of the machine's own limit: 1.25 times the time
HOMOMORPHIC = ("phe", "gmpy2")
FEW = 3  # institutions, where their number does not matter: each encrypts under the same key
PAILLIER, PAILLIER_SHORT = Case("paillier", 31_000, FEW, full=True), 23_250  # both with the largest table of powers
SLOTS = 8_192
LATTICE, LATTICE_SHORT = Case("lattice", 3 * SLOTS - 3, FEW), SLOTS - 3  # full ciphertexts with three check words
WITHIN = 1 / 1.01  # of the bytes: one per cent more


def one_core() -> None:
    """Keep this process on one core, where the system can."""
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})


def power(length: int) -> str:
    """10^6 for a million."""
    return f"10^{len(str(length)) - 1}"


def pairwise_rows(length: int) -> list[Claim]:
    """Pairwise masks of a long vector, beside what nobody can go below and what Flower takes."""
    at = f"{power(length)} entries, {N} institutions"
    listed = []
    for ring, word, times in ((Ring.Z64, "u64", 3.0), (Ring.Z32, "u32", 6.0)):
        case = Case("pairwise", length, N, ring)
        masked, floor = growing(case, LAST), aes_and_memory(ring, N, length)
        flower, bare = flower_institution(N, length), flower_institution(N, length, quantise=False)
        listed += [
            Claim(f"pairwise {word}, {at}", masked, floor, "floor", FLOOR),
            Claim(f"pairwise {word} from reals, {at}", from_reals(case, LAST), flower, "Flower", times, ("flwr",)),
            Claim(f"pairwise {word}, {at}", masked, bare, "Flower, quantised before", needs=("flwr",)),
        ]
    case = Case("pairwise", length)
    clear = numpy_prepare(Ring.Z64, length)
    listed.append(Claim(f"pairwise u64, {at}", growing(case, LAST), clear, "numpy, no secrecy"))
    return listed


def homomorphic_rows(length: int, quick: bool) -> list[Claim]:
    """Masks beside ciphertexts, and our ciphertexts beside others'; what is measured on a sample says so."""
    at, pairwise = f"{power(length)} entries, {N} institutions", Case("pairwise", length)
    ciphertexts, values = (4, 2) if quick else (16, 5)
    ckks, phe = ckks_institution(length, ciphertexts), phe_institution(length, values)
    ckks_is = f"TenSEAL CKKS 8192, {ciphertexts} full ciphertexts, scaled"
    packed = scaled(per_entry(PAILLIER, names(FEW)[-1], PAILLIER_SHORT, runs=1), length)
    packed_is = f"our packed Paillier 2048, {PAILLIER.length - PAILLIER_SHORT} values, scaled"
    lattice = scaled(per_entry(LATTICE, names(FEW)[-1], LATTICE_SHORT), length)
    lattice_is = f"our lattice (BFV) {SLOTS}, {(LATTICE.length - LATTICE_SHORT) // SLOTS} full ciphertexts, scaled"
    return [
        Claim(f"pairwise u64 from reals, {at}", from_reals(pairwise, LAST), ckks, ckks_is, 50.0, ("tenseal",)),
        Claim(f"pairwise u64, {at}", growing(pairwise, LAST), packed, packed_is, 1000.0, HOMOMORPHIC),
        Claim(f"{packed_is} to {power(length)}", packed, phe, f"phe 2048, {values} values, scaled", 100.0, HOMOMORPHIC),
        Claim(f"pairwise u64, {at}", growing(pairwise, LAST), lattice, lattice_is, needs=("tenseal",)),
        Claim(f"{lattice_is} to {power(length)}", lattice, ckks, ckks_is, needs=("tenseal",)),
    ]


def other_rows(length: int) -> list[Claim]:
    """Coordinator, collector and committee of a long sum."""
    at, among = f"{power(length)} entries", f"{power(length)} entries, {N} institutions"
    pairwise, committee = Case("pairwise", length), Case("committee", length)
    masked, unmasked = growing(pairwise, LAST), growing(pairwise, COLLECTOR)
    one_gone = growing(Case("pairwise", length, gone=1), COLLECTOR)
    added, plain = (scaled(whole, 1 / N) for whole in (growing(pairwise, COORDINATOR), numpy_sum(Ring.Z64, N, length)))
    flower = "Flower's server"
    server, server_one_gone = flower_unmask(N, N, length), flower_unmask(2 * (N - 1), N - 1, length)
    return [
        Claim(f"pairwise: coordinator, {at}, for each of {N} institutions", added, plain, "numpy, no secrecy"),
        Claim(f"pairwise: collector, {among}", unmasked, server, flower, needs=("flwr",)),
        Claim(f"pairwise: collector, {among}, one of them gone", one_gone, server_one_gone, flower, needs=("flwr",)),
        Claim(f"committee: not a member, {among}", growing(committee, LAST), masked, "pairwise"),
        Claim(f"committee: a member, {among}", growing(committee, FIRST), masked, "pairwise"),
        Claim(f"committee: collector, {among}", growing(committee, COLLECTOR), unmasked, "pairwise"),
    ]


def short_rows() -> list[Claim]:
    """A whole part of a short sum, with keys, signatures and shares."""
    parties = {"institution": names(N)[-2], "member": FIRST, "coordinator": COORDINATOR, "collector": COLLECTOR}
    listed = []
    for kind, target in (("pairwise", 1.0), ("committee", None)):
        case = Case(kind, 100, N, gone=1)
        for role, party in parties.items():
            if role != "member" or kind == "committee":
                text = f"{kind}: a whole part, {role}, 100 entries, {N} institutions, one of them gone"
                listed.append(Claim(text, whole(case, party), PART_BUDGET, "budget", target))
    return listed


def byte_rows(length: int) -> list[Claim]:
    """Sealed frames that one institution sends in a run of the engine, counted."""
    rows: list[tuple[str, Case, str, float | None, tuple[str, ...]]] = [
        ("pairwise u64", Case("pairwise", length), LAST, WITHIN, ()),
        ("pairwise u32", Case("pairwise", length, ring=Ring.Z32), LAST, WITHIN, ()),
        ("committee u64, not a member", Case("committee", length), LAST, WITHIN, ()),
        ("committee u64, a member", Case("committee", length), FIRST, None, ()),
        ("lattice", LATTICE, names(FEW)[-1], None, ("tenseal",)),
        ("Paillier 2048", replace(PAILLIER, length=3_000), names(FEW)[-1], None, HOMOMORPHIC),
    ]
    listed = []
    for name, case, party, target, needs in rows:
        text = f"{name}: bytes on the wire, {case.length:,} entries, {case.institutions} institutions"
        width = float(case.length * case.ring.item_bytes)
        listed.append(Claim(text, wire_bytes(case, party), width, "ring width", target, needs, "B"))
    return listed


def claims(quick: bool) -> list[Claim]:
    """All rows; quick: smaller samples, and of every row fewer turns."""
    length = 10**6
    rows = [pairwise_rows(length), homomorphic_rows(length, quick), other_rows(length), short_rows(), byte_rows(length)]
    return [claim for listed in rows for claim in listed]


if __name__ == "__main__":
    one_core()
    sys.exit(growth.run(sys.argv[1:]) if "--growth" in sys.argv else run(__doc__, claims))
