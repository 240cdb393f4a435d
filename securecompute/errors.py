"""What can go wrong, as one tree: each kind has its own remedy.

    InvalidRequest      asked wrongly: change the request or the data
    PeerMisbehaved      a party sent what it should not have: tell its steward
    PeerSilent          a party did not answer in time: try again, or without it
    DisclosureRefused   the answer may not leave: ask for something coarser
    InternalFault       a fault of this software: report it
    Cancelled           a person stopped it

A text may name institutions, columns and declared bounds; never a record, a share, a key or a small count, because
texts are logged. Between parties no text travels at all, only one of the codes of `AbortCode`.
"""

import enum
from typing import ClassVar


class AbortCode(enum.Enum):
    """Why a party ended a session early. Closed: a party can say nothing else on the wire."""

    PEER_LOST = "a party is gone"
    DEADLINE = "a party is connected but did not answer in time"
    BAD_FRAME = "a frame could not be opened or decoded"
    POLICY = "an institution abstained: its rules or its data do not allow this"
    CONSISTENCY = "the parties were not told the same"
    INTERNAL = "a party failed inside"
    CANCELLED = "a person stopped it"


class SecureComputeError(Exception):
    """Anything this package raises on purpose."""

    code: ClassVar[AbortCode] = AbortCode.INTERNAL


class InvalidRequest(SecureComputeError):
    """The request, or the data it meets, is not valid."""

    code = AbortCode.POLICY


class EncodingOverflow(InvalidRequest):
    """A value or a total could leave the ring; raise the bound or the ring."""


class PrecisionLoss(InvalidRequest):
    """Numbers would be rounded more coarsely than was asked; lower the limit, the precision, or take a wider ring."""


class IllConditioned(InvalidRequest):
    """A matrix is singular or worse conditioned than declared: drop a collinear column, or add a ridge."""


class NonFiniteInput(InvalidRequest):
    """A column holds NaN or an infinity; write missing values as nulls."""


class PeerMisbehaved(SecureComputeError):
    """A party sent something that the protocol does not allow."""

    code = AbortCode.CONSISTENCY


class BadFrame(PeerMisbehaved):
    """Bytes that cannot be opened, decoded or placed in the conversation."""

    code = AbortCode.BAD_FRAME


class PeerSilent(SecureComputeError):
    """Too few parties answered before the deadline."""

    code = AbortCode.DEADLINE


class PeerLost(PeerSilent):
    """A party's process or link is gone."""

    code = AbortCode.PEER_LOST


class DisclosureRefused(SecureComputeError):
    """The answer exists or could exist, and may not leave."""

    code = AbortCode.POLICY


class InternalFault(SecureComputeError):
    """A fault of this software, or of the machine under it."""

    code = AbortCode.INTERNAL


class Cancelled(SecureComputeError):
    """A person stopped the session."""

    code = AbortCode.CANCELLED
