"""An institution's own side of linkages by several keys: whom its records are of, and by which identifiers of each key.

    one linkage a key; in each of them every patient of the cohort who has the key, and shares it with no other patient
    all padded with random identifiers to one number: that of all records of the institution, rounded up

So all linkages of a question have equally many bins, and none says how many have its key. A patient is a record, or the
records that have one number of the institution's own. Whoever leads takes one identifier a patient and key, that of the
first record, and numbers the patients; its partner takes every identifier that its patients have.
"""

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from securecompute.disclosure.rules import COUNTS, Rules
from securecompute.engine.rounds import Party
from securecompute.errors import InvalidRequest
from securecompute.linking import Own, check_number, key_of, padded, parts_of, permits_measuring, with_spare
from securecompute.primitives.randomness import Randomness
from securecompute.program_manifest import columns_used
from securecompute.programs.linkages import MOST_KEYS, Linkage, Side
from securecompute.records.linkage_keys import LinkageKeys, read_linkage_keys
from securecompute.records.rows import Rows
from securecompute.records.sources import Records


def own_keys(records: Records, linkages: Sequence[Linkage], me: Party, randomness: Randomness) -> dict[int, Own]:
    """What an institution brings into those of a program's linkages that are by several keys, by their numbers.

    raises   InvalidRequest  no such column or cohort, linkages of different records, or another number of records is
                             declared than was told
    """
    keyed = {n: each for n, each in enumerate(linkages) if each.unambiguous and me in each.sides}
    if not keyed:
        return {}
    first = next(iter(keyed.values()))
    side = first.sides[me]
    if any((each.sides[me], each.patient) != (side, first.patient) for each in keyed.values()):
        raise InvalidRequest("the linkages by several keys of a program are of the same records of an institution")
    rows = records.select(side.where)
    check_number(side, records.n)
    keys = read_linkage_keys(rows, [key_of(each.on) for each in keyed.values()], patient=first.patient)
    which = hashlib.sha256(np.sort(rows.places).tobytes()).digest()
    return {
        number: _own(rows, keys, k, linkage.leader == side, side, which, randomness)
        for k, (number, linkage) in enumerate(keyed.items())
    }


def _own(rows: Rows, keys: LinkageKeys, k: int, leads: bool, side: Side, which: bytes, randomness: Randomness) -> Own:
    found, numbers = keys.of_type[k], None
    ids, taken = found.ids, found.rows
    if leads:
        taken, first = np.unique(taken, return_index=True)  # in each record's place its patient's first one
        ids, numbers = ids[first], np.searchsorted(np.unique(keys.patients), taken)
    return Own(with_spare(ids, side.records, randomness), {}, len(ids), which, rows, taken, numbers)


def declared_keys(records: Records, asked: Mapping[str, Any], rules: Rules) -> dict[str, Any]:
    """How many records would take part, as others may know it, and the keys with the kinds of their fields.

    asked    keys, where and patient of linkages by several keys
    raises   InvalidRequest     as `own_keys`, or another number of keys than 1 to 16
             DisclosureRefused  a rule does not allow it, or a column of a key, of the cohort, or of patients
    """
    given, where, patient = asked["keys"], asked.get("where"), asked.get("patient")
    if not isinstance(given, list) or not 1 <= len(given) <= MOST_KEYS:
        raise InvalidRequest(f"patients are told apart by 1 to {MOST_KEYS} keys")
    if not all(each is None or type(each) is str for each in (where, patient)):
        raise InvalidRequest("a cohort, and the column of patients, are texts")
    key_types = [key_of(Linkage.fields_from(each)) for each in given]
    permits_measuring(rules, COUNTS)
    told_apart_by = [
        *(name for key_type in key_types for name in key_type.columns),
        *([] if patient is None else [patient]),
    ]
    rules.permits_key("linkage", told_apart_by)
    rules.permits_columns("linkage", columns_used({"where": where}, records.dictionary))
    rows = records.select(where)
    keys = read_linkage_keys(rows, key_types, patient=patient)
    parts = [parts_of(found.key_type) for found in keys.of_type]
    return {"records": padded(records.n), "keys": [[[list(field) for field in part] for part in key] for key in parts]}
