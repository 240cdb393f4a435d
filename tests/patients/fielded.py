"""Patients with a number and names, any of which may be missing: what tests of several keys share."""

import pyarrow as pa

import securecompute as sc
from securecompute.records.dictionary import Column, Dictionary

COLUMNS = ("mrn", "number", "given", "family", "town")
DICTIONARY = Dictionary((*(Column(name, "text") for name in COLUMNS), Column("age", "integer", low=0, high=120)))
BETWEEN = ["Bern", "Lyon"]
KEYS = ["number", "given and family in any order", "family + town"]
RULES = sc.Rules(min_cell=3)


def table(rows):
    """mrn, number, given, family, town; the age is the record's place."""
    columns = zip(*rows, strict=True) if rows else [[]] * len(COLUMNS)
    made = {name: pa.array(values, pa.string()) for name, values in zip(COLUMNS, columns, strict=True)}
    return pa.table(made | {"age": pa.array([k % 100 for k in range(len(rows))], pa.int64())})


def people(*numbers, given="ana", family="berg", town="bonn"):
    return [(f"m{n}", f"n{n}", f"{given}{n}", f"{family}{n}", f"{town}{n}") for n in numbers]


def without(rows, *columns):
    gone = [COLUMNS.index(column) for column in columns]
    return [tuple(None if k in gone else cell for k, cell in enumerate(row)) for row in rows]


SIX = people(*range(6))
