"""One line of a program at a compute party, and one output: what is played in a run, and rehearsed before."""

from collections.abc import Sequence

from securecompute.arithmetic.rings import Ring
from securecompute.engine.rounds import Part, together
from securecompute.programs.catalogue import find
from securecompute.programs.linear import silent
from securecompute.programs.operation import Operand, Site, ValueType, check_digits_of_quotient, secret
from securecompute.programs.plan import FEWEST_FRACTIONAL, check_digits, shown_scale
from securecompute.protocols.products.compute_party import ComputeParty
from securecompute.protocols.products.fixed import Fixed
from securecompute.protocols.products.rounding import truncate_to_nearest
from securecompute.protocols.products.widening import widen


def line(party: ComputeParty, name: str, operands: Sequence[Operand], site: Site) -> Part[Fixed]:
    """One operation, its operands brought into one ring before.

    raises   PrecisionLoss  the result would keep too few digits
    """
    secrets = [k for k, x in enumerate(operands) if isinstance(x, Fixed)]
    wide = site.result.ring is Ring.Z128
    widened = yield from together(
        *(widen(party.at("widen", k), secret(operands[k])) if wide else silent(secret(operands[k])) for k in secrets)
    )
    both = dict(zip(secrets, widened, strict=True))
    result = yield from find(name).run(party.at("run"), [both.get(k, x) for k, x in enumerate(operands)], site)
    check_digits(result.scale, site.result.bound, site.result.integer)
    if site.result.loose:
        check_digits_of_quotient(result.scale, site.result.bound)
    return result.within(site.result.bound)  # the plan's, so that a rehearsal on few elements goes on as the run does


def shown(party: ComputeParty, x: Fixed, type_: ValueType) -> Part[Fixed]:
    """The value as it will be shown: rounded to the nearest where its last bits are noise."""
    scale = shown_scale(x.scale, type_.integer, type_.exact)
    if type_.loose:
        check_digits_of_quotient(scale, x.bound, FEWEST_FRACTIONAL)
    if scale == x.scale:
        return x
    rounded = yield from truncate_to_nearest(party, x.share, x.scale - scale)
    return Fixed.of(rounded, scale, x.bound + 2.0**-scale)
