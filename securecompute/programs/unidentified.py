"""How many records tell no patient, as an input of a program.

    {"without key": {"keys": [fields, ...], "where": cohort}}     x = records of the cohort that have none of the keys

A record lacks a key if it has no readable value in some field of it; there is mostly one key. Such records take no
part in what is counted of patients, so a sum of these numbers says how much that leaves out. Of one institution the
number may be small, or say that a whole column cannot be read: so it enters only programs that are made from a
question (`program_manifest`), which show the sum of all, gated. Its bound is a constant: one that followed the records,
or what institutions declare of their patients, would say something of how many have no key.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from securecompute.errors import InvalidRequest
from securecompute.programs.linkages import MOST_KEYS, Linkage, Parts

WITHOUT: Final = "without key"
MOST_RECORDS: Final = 1 << 40  # that an institution may hold


def unidentified(source: Mapping[str, Any]) -> bool:
    """Whether an input is such a number."""
    return WITHOUT in source


def source_of(keys: Sequence[Parts], where: str | None) -> dict[str, Any]:
    """The source of an institution's number."""
    return {WITHOUT: {"keys": [[[list(field) for field in part] for part in key] for key in keys], "where": where}}


def keys_and_cohort(source: Mapping[str, Any]) -> tuple[tuple[Parts, ...], str | None]:
    """What a source names, from plain data that somebody else chose. raises InvalidRequest."""
    plain = source[WITHOUT]
    if set(source) != {WITHOUT} or not isinstance(plain, dict) or set(plain) != {"keys", "where"}:
        raise InvalidRequest("records without a key are told by keys and where")
    keys, where = plain["keys"], plain["where"]
    if not isinstance(keys, list) or not 1 <= len(keys) <= MOST_KEYS or not (where is None or type(where) is str):
        raise InvalidRequest(f"records without a key lack 1 to {MOST_KEYS} of them, in a cohort or none")
    told = tuple(Linkage.fields_from(key) for key in keys)
    if not all(told):
        raise InvalidRequest("a key that records lack has at least one field")
    return told, where
