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


def ended_by(gone: Sequence[Party], code: AbortCode, too_few: str) -> SecureComputeError:
    """The error of a session that these parties ended, or that cannot go on without them.

    too_few   how many are left and needed, where a quorum was asked for: "; 2 are left and 3 are needed", or ""
    """
    names = ", ".join(f"'{party}'" for party in gone)
    are = "is" if len(gone) == 1 else "are"
    match code:
        case AbortCode.PEER_LOST:
            return PeerLost(f"{names} {are} gone: process or link ended{too_few}. Ask again without, or later")
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
