"""A session: one attempt of one run, used once.

    id = SHA-256(label | roster hash | manifest hash | attempt)[:16]

The id enters every key of the session, so parties that were told different rosters or manifests cannot open each
other's frames. A party that has seen an id refuses it for ever: under one id there is one set of masks.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field

import msgpack

from securecompute.engine.rounds import Party
from securecompute.errors import InvalidRequest

_LABEL = b"securecompute/session/1"


@dataclass(frozen=True, slots=True)
class Session:
    """Who takes part, under which keys, in what.

    id         16 bytes
    protocol   a word for people: what runs
    roster     party -> X25519 public key, 32 bytes, under which frames to it are sealed
    """

    id: bytes
    protocol: str
    roster: Mapping[Party, bytes]

    def __str__(self) -> str:
        return f"{self.protocol}, session {self.id.hex()[:8]}"


def open_session(protocol: str, roster: Mapping[Party, bytes], manifest: bytes, attempt: int = 1) -> Session:
    """The session of this attempt at this manifest, among this roster.

    manifest   canonical bytes; must differ between runs (it holds a fresh nonce)
    raises     InvalidRequest  a party's name is empty or longer than 64 bytes
    """
    for party in roster:
        if not 0 < len(party.encode()) <= 64:
            raise InvalidRequest(f"'{party[:80]}' is no name for a party: 1 to 64 bytes of UTF-8 are")
    members = msgpack.packb([[party, roster[party]] for party in sorted(roster)])
    fields = [_LABEL, protocol.encode(), hashlib.sha256(members).digest(), hashlib.sha256(manifest).digest(), attempt]
    return Session(hashlib.sha256(msgpack.packb(fields)).digest()[:16], protocol, dict(roster))


@dataclass(slots=True)
class SessionsUsed:
    """The ids that one party has begun. Grows only."""

    _begun: set[bytes] = field(default_factory=set)

    def begin(self, session: Session) -> None:
        """Mark the session as begun, before anything of it is computed.

        raises   InvalidRequest  it was begun before; a new attempt needs a new id
        """
        if session.id in self._begun:
            raise InvalidRequest(
                f"{session} was begun before. A session runs once, because its masks serve once: start a new attempt"
            )
        self._begun.add(session.id)
