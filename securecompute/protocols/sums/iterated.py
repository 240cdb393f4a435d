"""Pairwise-masked sums in a row, for analyses that go step by step: a total for each set of parameters.

    θ₀ = start;  in iteration i each institution computes e_u = local(θ_i, i), and θ_{i+1} = step(Σ e_u, i) or the end

Every iteration is a sum as in `pairwise`, under keys c_u, s_u, b_u of its own. With H = SHA-256 and sid of iteration i,

    sid_i = H(sid | H(θ_i))      plan_i = H(plan | most | limit | i), for the ledger H(plan_i | H(θ_i))

and sid_i stands in place of sid in every mask, check word and signature. So institutions that were told different
parameters cannot sign alike, and derive masks that do not cancel. Keys for iteration i + 1 are agreed on meanwhile:

    round      from              to                     of iteration i                  of iteration i + 1
    4 + 6i     collector         institutions           go on or not, θ_i
                                 coordinator            go on or not
    5          institution       coordinator            y_u and its check words         A_u
    6          coordinator       institution            U₃                              all A_v
    7          institution       coordinator            signature on (U₂, U₃)           boxes of shares
    8          coordinator       institution, collector signatures; to the latter Σ y   boxes
    9          institution       collector              shares

Fresh keys are needed, and not for form's sake: to take a dropout's masks off a total its s_v is recovered. If that
were the s_v of an earlier iteration too, whose b_v has been revealed, what v sent then would lie open.

Security   Of each iteration as `pairwise`; θ_i goes from the collector to the institutions alone. The collector learns
           the total of every iteration, which together may tell more than the last. All iterations have the
           institutions of the first: when a fit has nearly converged two totals differ by little but one institution's
           term if it has dropped out between them. So a dropout ends the fit with a typed error, before anything of
           that iteration is revealed; and an institution's ledger keeps one set of institutions for the whole plan,
           whatever the parameters, beside one for each iteration. The parameters are the collector's choice: what
           their totals tell, `local` must be content with.
Cost       4 + 6T rounds for T iterations, one more if T < most: three round trips each. Bytes in `cost`, exactly,
           but for the collector's: N(1 + bytes of θ_i) + 1 for an iteration, N + 1 to stop before `most`.
Reference  `pairwise`; So et al., Securing Secure Aggregation, AAAI 2023, for fixed cohorts; Pasquini et al., Eluding
           Secure Aggregation, CCS 2022, for different parameters to different institutions.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from hashlib import sha256

from securecompute.engine.rounds import Bytes, BytesUpTo, Part, Party, Round, Several, together
from securecompute.errors import DisclosureRefused, InvalidRequest, PeerSilent
from securecompute.primitives.keys import join
from securecompute.protocols.sums import pairwise
from securecompute.protocols.sums.chunks import check_vector, chunk_length
from securecompute.protocols.sums.descriptor import Descriptor, check_roles
from securecompute.protocols.sums.interface import Contributor, Cost, Elements, Ledger, Survivors
from securecompute.protocols.sums.pairwise_agreement import agree, relay
from securecompute.protocols.sums.pairwise_keys import ADVERT, BOX
from securecompute.values import Plain

Local = Callable[[bytes, int], Plain]  # parameters, iteration
Step = Callable[[Elements, int], bytes | None]  # total, iteration; None: it was the last

_STOP, _GO = b"\x00", b"\x01"
_ROUNDS = 5  # of an iteration, after its parameters


@dataclass(frozen=True, slots=True)
class Fit:
    """What all parties of a fit know beside the descriptor, whose plan stands for the whole of it.

    most      iterations at most
    limit     bytes that the parameters of one take at most
    seconds   that `local` and `step` may take, beyond the usual
    raises    InvalidRequest  no iteration, or a limit below zero
    """

    most: int
    limit: int
    seconds: float = 0.0

    def __post_init__(self) -> None:
        if self.most < 1 or self.limit < 0:
            raise InvalidRequest(f"a fit of {self.most} iterations with parameters up to {self.limit} bytes")


def cost(descriptor: Descriptor, fit: Fit, iterations: int) -> Cost:
    """What a fit that stops after so many iterations costs, exactly."""
    n, one = len(descriptor.institutions), pairwise.cost(descriptor)
    keys = ADVERT + n * (1 + BOX)
    relayed = n * n * (2 + ADVERT + BOX)
    agreements = iterations + (iterations < fit.most)
    institution = iterations * (one.institution - keys) + agreements * keys
    coordinator = iterations * (one.coordinator - relayed) + agreements * relayed
    return Cost(4 + 6 * iterations + (iterations < fit.most), institution, coordinator, institution)


def contribute(
    own: Contributor, descriptor: Descriptor, fit: Fit, coordinator: Party, collector: Party, local: Local
) -> Part[int]:
    """Take part in the fit. Run by every institution; returns how many iterations there were.

    local    this institution's vector for the parameters of an iteration, as `pairwise.contribute` takes it
    raises   as `pairwise.contribute`, and what `local` raises; DisclosureRefused also where an institution of the first
             iteration is missing; InvalidRequest also where the vector does not fit in a chunk
    """
    _check(descriptor, coordinator, collector)
    own = replace(own, ledger=_OneCohort(own.ledger, descriptor.plan))
    agreed = yield from agree(own, _iteration(descriptor, fit, 0), coordinator, collector)
    for i in range(fit.most):
        told = Several((Bytes(1), BytesUpTo(fit.limit)))
        inbox = yield Round(expect={collector: told}, step="parameters", after=3, work=fit.seconds)
        go, parameters = inbox[collector]
        if go != _GO:
            return i
        this = _iteration(descriptor, fit, i)
        this = replace(this, plan=_bound(this.plan, parameters))
        x, keys = local(parameters, i), replace(agreed, sid=_bound(agreed.sid, parameters))
        check_vector(own, this, x)
        adding = pairwise.mask_and_reveal(own, this, coordinator, collector, x, keys)
        if i + 1 == fit.most:
            yield from together(adding, _computing(fit))
        else:
            following = agree(own, _iteration(descriptor, fit, i + 1), coordinator, collector)
            _, agreed, _ = yield from together(adding, following, _computing(fit))
    return fit.most


def coordinate(descriptor: Descriptor, fit: Fit, collector: Party) -> Part[Survivors]:
    """Pass on keys, add masked vectors, see no parameters. Run by the coordinator; returns the first survivors.

    raises   as `pairwise.coordinate`; PeerSilent also where an institution of the first iteration is missing
    """
    _check(descriptor, collector)
    relayed = yield from relay(descriptor, descriptor.institutions)
    found: list[Survivors] = []
    for i in range(fit.most):
        inbox = yield Round(expect={collector: Bytes(1)}, step="parameters", after=3, work=fit.seconds)
        if inbox[collector] != _GO:
            break
        if found:  # from the second on, the quorum is the cohort
            descriptor = replace(descriptor, minimum=len(found[0].included))
            _check_complete(found[0].included, relayed.shared)
        adding = pairwise.add_up(descriptor, collector, relayed)
        if i + 1 == fit.most:
            survivors, _ = yield from together(adding, _computing(fit))
        else:
            survivors, relayed, _ = yield from together(adding, relay(descriptor, relayed.shared), _computing(fit))
        found.append(survivors)
    return found[0] if found else Survivors(relayed.shared, ())


def collect(
    descriptor: Descriptor, fit: Fit, coordinator: Party, start: bytes, step: Step
) -> Part[tuple[Survivors, list[Elements]]]:
    """Give out parameters, take the masks off the totals. Run by the collector; returns the total of each iteration.

    start    parameters of the first iteration
    step     the parameters of the next iteration from the total of this one, or None to end the fit with it
    raises   as `pairwise.collect`, and what `step` raises; InvalidRequest for parameters beyond the limit
    """
    _check(descriptor, coordinator)
    for word in ("advertise", "advertise", "share", "share"):
        yield Round(step=word)
    parameters: bytes | None = start
    told: Sequence[Party] = descriptor.institutions
    found: list[Survivors] = []
    totals: list[Elements] = []
    for i in range(fit.most):
        go, message = (_STOP, b"") if parameters is None else (_GO, parameters)
        if len(message) > fit.limit:
            raise InvalidRequest(f"parameters of {len(message)} bytes; the fit allows {fit.limit}")
        yield Round(send=dict.fromkeys(told, (go, message)) | {coordinator: go}, step="parameters")
        if parameters is None:
            break
        unmasking = pairwise.unmask(_iteration(descriptor, fit, i), coordinator, partial(_bound, parameters=message))
        (survivors, total), _ = yield from together(unmasking, _computing(fit))
        found.append(survivors)
        totals.append(total)
        told, parameters = survivors.included, step(total, i)
    return found[0], totals


def _check(descriptor: Descriptor, *others: Party) -> None:
    check_roles(descriptor, *others)
    if chunk_length(descriptor) < descriptor.length:
        raise InvalidRequest(
            f"a vector of {descriptor.length} entries in each iteration; a fit takes {chunk_length(descriptor)} at most"
        )


def _iteration(descriptor: Descriptor, fit: Fit, i: int) -> Descriptor:
    """The descriptor of iteration i: h₀, and with it every key, differs from every other iteration's."""
    numbers = (number.to_bytes(8, "big") for number in (fit.most, fit.limit, i))
    return replace(descriptor, plan=sha256(join(b"ss1/fit", descriptor.plan, *numbers)).digest())


def _bound(name: bytes, parameters: bytes) -> bytes:
    """A plan or sid that no other parameters have."""
    return sha256(join(b"ss1/parameters", name, sha256(parameters).digest())).digest()


def _computing(fit: Fit) -> Part[None]:
    """Rounds in which nothing is said, so that deadlines allow for what an institution computes."""
    for _ in range(_ROUNDS):
        yield Round(work=fit.seconds)


def _check_complete(cohort: Sequence[Party], left: Sequence[Party]) -> None:
    if gone := [f"'{party}'" for party in cohort if party not in left]:
        raise PeerSilent(f"{', '.join(gone)} fell silent; a fit goes on only with all institutions of its first total")


class _OneCohort:
    """An institution's ledger as one fit sees it: every total with the institutions of the first.

    It remembers them for the fit's own plan too, so that no other fit of this plan, from whatever start, may have
    others.
    """

    def __init__(self, ledger: Ledger, plan: bytes) -> None:
        self._ledger, self._plan = ledger, plan
        self._first: tuple[Party, ...] | None = None

    def check(self, plan: bytes, survivors: Sequence[Party]) -> None:
        """raises   DisclosureRefused  others than in the first iteration, or as the ledger"""
        if self._first is not None and tuple(survivors) != self._first:
            raise DisclosureRefused(
                "an institution of the first total is missing, or one more has come; near the end of a fit two totals "
                "would differ by its numbers. Begin the fit again when all can be reached"
            )
        self._ledger.check(self._plan, survivors)
        self._ledger.check(plan, survivors)

    def commit(self, plan: bytes, survivors: Sequence[Party]) -> None:
        """As `check`, and remember it for the fit and for the iteration."""
        self.check(plan, survivors)
        self._ledger.commit(self._plan, survivors)
        self._ledger.commit(plan, survivors)
        self._first = tuple(survivors)
