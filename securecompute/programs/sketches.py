"""Sketches: cells in which the patients of an institution leave marks, as an input of a program.

    {"sketch": {"on": fields, "where": cohort, "records": number}}        x_c = 1 if some patient's cell is c, else 0

Which cell is a patient's, a hash of the identifier says, the same at every institution (`records/sketches.py`). So sums
of sketches are 0 just where nobody has a patient, and no two institutions need to talk. Public are the fields, the
cohort, and a number that the institution's patients do not exceed. A sketch whose cells could be told apart would give
patients away; so it enters only programs that are made from a question (`program_manifest`).
"""

from collections.abc import Mapping
from typing import Any, Final

from securecompute.engine.rounds import Party
from securecompute.errors import InvalidRequest
from securecompute.programs.linkages import Linkage, Parts, Side

SKETCH: Final = "sketch"
FEWEST_CELLS, MOST_CELLS = 1 << 10, 1 << 24


def sketched(source: Mapping[str, Any]) -> bool:
    """Whether an input is a sketch."""
    return SKETCH in source


def source_of(on: Parts, side: Side) -> dict[str, Any]:
    """The source of a side's sketch. It brings no columns."""
    fields = [[list(field) for field in part] for part in on]
    return {SKETCH: {"on": fields, "where": side.where, "records": side.records}}


def sketched_side(source: Mapping[str, Any], owner: Party) -> tuple[Parts, Side]:
    """The fields and the side of a sketch, from plain data that somebody else chose. raises InvalidRequest."""
    plain = source[SKETCH]
    if set(source) != {SKETCH} or not isinstance(plain, dict) or set(plain) != {"on", "where", "records"}:
        raise InvalidRequest("a sketch has on, where and records")
    on, side = Linkage.fields_from(plain["on"]), Side.from_plain([owner, plain["where"], plain["records"], []])
    if not on:
        raise InvalidRequest("a sketch is of at least one field")
    return on, side


def check_cells(cells: Any) -> int:
    """The number of a sketch's cells. raises InvalidRequest: it is none, or out of range"""
    if type(cells) is not int or not FEWEST_CELLS <= cells <= MOST_CELLS:
        raise InvalidRequest(
            f"cells is {cells!r}; it is a whole number from {FEWEST_CELLS:,} to {MOST_CELLS:,}. Leave it out for "
            "as many as there may be patients ask for"
        )
    return cells
