"""What a party says of others that ended a session early: for each code that can come on the wire, an error and its
remedy."""

from collections.abc import Sequence

from securecompute.engine.rounds import Party
from securecompute.errors import (
    AbortCode,
    BadFrame,
    Cancelled,
    DisclosureRefused,
    InternalFault,
    PeerLost,
    PeerMisbehaved,
    PeerSilent,
    SecureComputeError,
)


def lost(gone: Sequence[Party], too_few: str) -> PeerLost:
    """The error of a session that cannot go on without these parties, whose process or link is gone.

    too_few   as for `ended_by`
    """
    names = ", ".join(f"'{party}'" for party in gone)
    are = "is" if len(gone) == 1 else "are"
    return PeerLost(f"{names} {are} gone: process or link ended{too_few}. Ask again without, or later")


def ended_by(gone: Sequence[Party], code: AbortCode, too_few: str) -> SecureComputeError:
    """The error of a session that these parties ended, each with this code.

    too_few   how many are left and needed, where a quorum was asked for: "; 2 are left and 3 are needed", or ""
    """
    names = ", ".join(f"'{party}'" for party in gone)
    match code:
        case AbortCode.PEER_LOST:
            return PeerLost(f"{names} ended the session: {code.value}{too_few}. Ask again without it, or later")
        case AbortCode.POLICY:
            return DisclosureRefused(f"{names} abstained: rules or data do not allow this{too_few}")
        case AbortCode.DEADLINE:
            return PeerSilent(f"{names} gave up waiting for a party that did not answer{too_few}. Ask again")
        case AbortCode.BAD_FRAME:
            return BadFrame(f"{names} ended the session: {code.value}. Tell the stewards")
        case AbortCode.CONSISTENCY:
            return PeerMisbehaved(f"{names} ended the session: {code.value}. Tell the stewards")
        case AbortCode.CANCELLED:
            return Cancelled(f"{names} ended the session: {code.value}")
        case AbortCode.INTERNAL:
            return InternalFault(f"{names} ended the session: {code.value}. See the log there")
