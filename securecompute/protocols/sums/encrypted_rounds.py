"""The four rounds of a sum under a key, whatever is encrypted and however it adds up.

    round  step       institution -> coordinator      coordinator ->
    0      encrypted  C_u and nonce_u
    1      encrypted                                  institutions of U: all nonces, which name U and sid
    2      signed     signature on (sid, U)
    3      signed                                     collector: nonces, at least t signatures, C

`encrypted` (integers) and `lattice_approximate` (reals) say what C_u holds and who learns what; each role's rounds are
the same for both.
"""

from collections.abc import Callable, Mapping
from hashlib import sha256

import numpy as np

from securecompute.engine.rounds import Array, Part, Party, Round, Several
from securecompute.errors import PeerMisbehaved
from securecompute.primitives.keys import join, verify
from securecompute.protocols.sums.descriptor import Descriptor, set_hash
from securecompute.protocols.sums.interface import Contributor, Cost, Survivors
from securecompute.protocols.sums.pairwise_keys import NONCE, SIGNATURE, check_size
from securecompute.protocols.sums.tables import rows, table, table_spec
from securecompute.values import Ciphertext

_WORK_PER_BYTE = 2e-5  # seconds of computing per byte of ciphertext that a deadline allows for


def exact_cost(descriptor: Descriptor, ciphertext: Array) -> Cost:
    """What a run costs in which each institution sends such a ciphertext."""
    n, vector = len(descriptor.institutions), ciphertext.limit
    nonces, signatures = n * (1 + NONCE), n * (1 + SIGNATURE)
    institution = vector + NONCE + SIGNATURE
    return Cost(4, institution, n * nonces + nonces + signatures + vector, institution)


def send_and_sign(
    own: Contributor, descriptor: Descriptor, coordinator: Party, ciphertext: Ciphertext, nonce: bytes
) -> Part[tuple[Party, ...]]:
    """An institution's rounds; returns U. Its ledger is told before U is signed.

    nonce    32 bytes, fresh
    raises   PeerMisbehaved     U is too small, or leaves out or misquotes this institution
             DisclosureRefused  the ledger knows another survivor set for this plan
    """
    names, n = descriptor.institutions, len(descriptor.institutions)
    yield Round(send={coordinator: (ciphertext, np.frombuffer(nonce, np.uint8))}, step="encrypted")
    work = n * ciphertext.elements.nbytes * _WORK_PER_BYTE
    inbox = yield Round(expect={coordinator: table_spec(n, NONCE)}, step="encrypted", after=1, work=work)
    nonces = rows(names, inbox[coordinator])
    if nonces.get(own.name) != nonce:
        raise PeerMisbehaved("the coordinator left out this institution or changed its nonce")
    check_size(descriptor, nonces, "are in the total")
    included = tuple(nonces)
    own.ledger.check(descriptor.plan, included)
    own.ledger.commit(descriptor.plan, included)
    signature = own.identity.sign(b"ss1/u3", signed_message(descriptor, coordinator, nonces))
    yield Round(send={coordinator: np.frombuffer(signature, np.uint8)}, step="signed")
    return included


def add_up(
    descriptor: Descriptor,
    collector: Party,
    ciphertext: Array,
    total: Callable[[Mapping[Party, Ciphertext]], Ciphertext],
) -> Part[Survivors]:
    """The coordinator's rounds.

    ciphertext   what each institution sends
    total        their sum; raises PeerMisbehaved naming who sent none
    raises       PeerSilent  fewer than max(t, m) institutions sent a vector, or fewer than t signed
    """
    names, expected = descriptor.institutions, Several((ciphertext, Array(np.uint8, (NONCE,))))
    inbox = yield Round(
        expect=dict.fromkeys(names, expected),
        quorum=descriptor.quorum,
        step="encrypted",
        work=ciphertext.limit * _WORK_PER_BYTE,
    )
    included = tuple(sorted(inbox))
    added = total({u: inbox[u][0] for u in included})
    nonces = table(names, {u: inbox[u][1].tobytes() for u in included}, NONCE)
    yield Round(send=dict.fromkeys(included, nonces), step="encrypted")

    signature = Array(np.uint8, (SIGNATURE,))
    inbox = yield Round(expect=dict.fromkeys(included, signature), quorum=descriptor.threshold, step="signed")
    signatures = table(names, {u: row.tobytes() for u, row in inbox.items()}, SIGNATURE)
    yield Round(send={collector: (nonces, signatures, added)}, step="signed")
    return Survivors(included, included)


def hear_total(
    descriptor: Descriptor, coordinator: Party, ciphertext: Array
) -> Part[tuple[dict[Party, bytes], Ciphertext]]:
    """The collector's rounds: the nonces of U, and the total, once enough of U have signed it.

    raises   PeerMisbehaved  U is too small, or not signed by t of it
             PeerSilent      the coordinator sent nothing
    """
    names, n = descriptor.institutions, len(descriptor.institutions)
    for step in ("encrypted", "encrypted", "signed"):
        yield Round(step=step)
    spec = Several((table_spec(n, NONCE), table_spec(n, SIGNATURE), ciphertext))
    work = (n + 1) * ciphertext.limit * _WORK_PER_BYTE
    inbox = yield Round(expect={coordinator: spec}, step="signed", after=3, work=work)
    nonces_table, signatures, total = inbox[coordinator]
    nonces = rows(names, nonces_table)
    check_size(descriptor, nonces, "are in the total")
    _check_signatures(descriptor, signed_message(descriptor, coordinator, nonces), nonces, rows(names, signatures))
    return nonces, total


def signed_message(descriptor: Descriptor, coordinator: Party, nonces: Mapping[Party, bytes]) -> bytes:
    """sid | U, with sid = SHA-256(h₀ | coordinator | the nonces of U). h₀ names the collector by its key."""
    fields = [field for u in sorted(nonces) for field in (u.encode(), nonces[u])]
    sid = sha256(join(b"ss1/sid", descriptor.hash(), coordinator.encode(), *fields)).digest()
    return join(sid, set_hash(nonces))


def _check_signatures(
    descriptor: Descriptor, message: bytes, included: Mapping[Party, bytes], signatures: Mapping[Party, bytes]
) -> None:
    """raises   PeerMisbehaved  a signature is not that of a member of U, or fewer than t signed"""
    for u, signature in signatures.items():
        if u not in included or not verify(descriptor.identities[u], b"ss1/u3", message, signature):
            raise PeerMisbehaved(f"the survivor set is not signed by '{u}'")
    if len(signatures) < descriptor.threshold:
        raise PeerMisbehaved(f"{len(signatures)} signatures on the survivor set; {descriptor.threshold} are needed")
