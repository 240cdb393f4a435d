"""Parties that are lost before a program or while it runs: who they are, and what can be done without them.

Three parties compute on shares of whatever is asked, also where no record is theirs. So an institution may be missed by
a question between two others, and an error that says only that it is gone would be a riddle.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

from securecompute.analyses.formats import sentence
from securecompute.coordinator import COLLECTOR, COORDINATOR, answers, cause
from securecompute.engine.fabric import Fabric, Run
from securecompute.engine.rounds import Party
from securecompute.engine.runner import Outcome
from securecompute.errors import PeerLost, PeerSilent, SecureComputeError
from securecompute.manifest import Enrolment

HELPER: Final = "Registry"  # in examples
COMPUTE_PARTIES: Final = 3


def answered(
    fabric: Fabric, enrolment: Enrolment, parties: Sequence[Party], request: str, payload: Any = None
) -> Mapping[Party, Any]:
    """What parties answer to a request about a program. raises SecureComputeError as `answers`, with a remedy."""
    given = fabric.ask_all(parties, request, payload)
    try:
        return answers(given)
    except PeerSilent as error:
        silent = [party for party, each in given.items() if isinstance(each, PeerSilent)]
        raise _with_remedy(error, silent, enrolment, fabric.parties) from None


def reason(run: Run, enrolment: Enrolment, parties: Sequence[Party]) -> SecureComputeError:
    """The error of a program's run that explains the others, and what can be done without who was lost.

    parties   all that live on the fabric
    """
    gone = [party for party, outcome in run.outcomes.items() if _of_loss(outcome) and not outcome.missing]
    told = {party: outcome for party, outcome in run.outcomes.items() if party not in gone}
    error = cause(replace(run, outcomes=told) if any(each.error for each in told.values()) else run)
    if not isinstance(error, PeerSilent):
        return error
    if isinstance(error, PeerLost):
        noticed = [party for each in told.values() if _of_loss(each) for party in each.missing]
        return _with_remedy(error, gone or noticed, enrolment, parties)
    return _with_question(error, enrolment)


def _of_loss(outcome: Outcome) -> bool:
    """Whether it is of a party that is gone, and so misses nobody, or that notices that another one is."""
    return isinstance(outcome.error, PeerLost) and not outcome.echo


def _with_remedy(
    error: PeerSilent, lost: Collection[Party], enrolment: Enrolment, parties: Sequence[Party]
) -> PeerSilent:
    """The error, and if one of those who compute is lost, why it is missed and who could compute instead."""
    computing = [party for party in enrolment.compute if party in lost]
    if not computing:
        return error
    does, back = ("computes", "it is") if len(computing) == 1 else ("compute", "they are")
    there = dict.fromkeys((*enrolment.compute, *enrolment.identities, *parties))
    chosen = [party for party in there if party not in (*lost, COORDINATOR, COLLECTOR)][:COMPUTE_PARTIES]
    new = (name for name in (HELPER, f"{HELPER} 2", f"{HELPER} 3") if name not in there)
    chosen += [name for name, _ in zip(new, range(COMPUTE_PARTIES - len(chosen)), strict=False)]
    helpers = [party for party in chosen if party not in enrolment.identities]
    return type(error)(
        f"{error}\n{_named(computing)} {does} for this network: three parties do, on shares of whatever is asked, also "
        f"where no record is theirs. Ask again when {back} back, or form the network anew with others: "
        f"compute={chosen}{f', helpers={helpers}' if helpers else ''}"
    )


def _with_question(error: PeerSilent, enrolment: Enrolment) -> PeerSilent:
    """The error of a wait in vain: who waits too long may have been waited for, so it says whom to look at."""
    return type(error)(
        f"{error}\n{_named(enrolment.compute)} compute for this network, on shares of whatever is asked, also where no "
        "record is theirs, and each waits for the others. See which of them cannot be reached, and ask again; or form "
        f"the network anew with others, compute=[...], or a helper among them, helpers=['{HELPER}']"
    )


def _named(parties: Sequence[Party]) -> str:
    return sentence([repr(party) for party in parties])
