"""Messages of one row per institution: a table of fixed width, and flags that say which rows are there.

Its size depends on the roster alone, so it shows nothing about who is missing, and it can be declared beforehand.
"""

from collections.abc import Collection, Mapping, Sequence
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from securecompute.engine.rounds import Array, Party, Several
from securecompute.errors import PeerMisbehaved

Flags: TypeAlias = NDArray[np.uint8]  # shape (n,)
Rows: TypeAlias = NDArray[np.uint8]  # shape (n, width)


def table_spec(n: int, width: int) -> Several:
    """The declaration of a table of n institutions."""
    return Several((Array(np.uint8, (n,)), Array(np.uint8, (n, width))))


def table(names: Sequence[Party], rows: Mapping[Party, bytes], width: int) -> tuple[Flags, Rows]:
    """The message that holds these rows, each `width` bytes; the others are zero."""
    filled = np.zeros((len(names), width), np.uint8)
    for k, name in enumerate(names):
        if name in rows:
            filled[k] = np.frombuffer(rows[name], np.uint8)
    return flags(names, rows), filled


def flags(names: Sequence[Party], chosen: Collection[Party]) -> Flags:
    """1 for each name that is a member, else 0."""
    return np.array([name in chosen for name in names], np.uint8)


def rows(names: Sequence[Party], message: tuple[Flags, Rows]) -> dict[Party, bytes]:
    """The rows that are there, by institution.

    raises   PeerMisbehaved  as `members`
    """
    present, filled = message
    there = members(names, present)
    return {name: filled[k].tobytes() for k, name in enumerate(names) if name in there}


def members(names: Sequence[Party], present: Flags) -> tuple[Party, ...]:
    """The names whose flag is set.

    raises   PeerMisbehaved  a flag is neither 0 nor 1, which two readers could take for different sets
    """
    if (present > 1).any():
        raise PeerMisbehaved("a set of institutions has flags other than 0 and 1")
    return tuple(name for k, name in enumerate(names) if present[k])
