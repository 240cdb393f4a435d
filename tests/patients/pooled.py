"""Institutions with drawn patients, and what Python's sets and pandas say of their pooled records."""

from collections import Counter
from dataclasses import dataclass

import numpy as np
import pandas as pd
import pyarrow as pa
from hypothesis import strategies as st

import securecompute as sc
from securecompute.analyses.result import Hidden, Withheld
from securecompute.records.dictionary import Column, Dictionary

NAMES = ("Bern", "Lyon", "Oslo", "Ghent")
SEX, ARM = ("f", "m"), ("placebo", "drug")
DICTIONARY = Dictionary(
    (
        Column("pid", "text"),
        Column("age", "integer", low=0, high=120),
        Column("sex", "categorical", categories=SEX),
        Column("arm", "categorical", categories=ARM),
    )
)
SCHEMA = pa.schema([("pid", pa.string()), ("age", pa.int64()), ("sex", pa.string()), ("arm", pa.string())])
CELL = 3
RULES = sc.Rules(min_cell=CELL)


@dataclass(frozen=True)
class Drawn:
    """Patients at exactly the institutions of each set, and how many records stand twice or lack a key."""

    exactly: tuple[int, ...]
    again: int = 0
    lacking: int = 0
    seed: int = 0

    @property
    def names(self):
        return NAMES[: (len(self.exactly) + 1).bit_length() - 1]

    @property
    def tables(self):
        """institution -> its records, in an order of its own."""
        rng = np.random.default_rng(self.seed)
        records = {name: [] for name in self.names}
        patient = 0
        for number, n in enumerate(self.exactly, 1):
            for _ in range(n):
                for j, name in enumerate(self.names):
                    records[name] += [f"p{patient}"] * (number >> j & 1)
                patient += 1
        return {name: self._table(rng, pids) for name, pids in records.items()}

    def _table(self, rng, pids):
        pids = [*pids, *pids[: self.again], *[None] * self.lacking]
        pids = [pids[k] for k in rng.permutation(len(pids))]
        sex, arm = (rng.choice([*values, None], len(pids)).tolist() for values in (SEX, ARM))
        age = rng.integers(30, 90, len(pids)).tolist()
        return pa.table({"pid": pids, "age": age, "sex": sex, "arm": arm}, SCHEMA)


@st.composite
def drawn(draw, most=4):
    """2 to 4 institutions, of which some may be empty, disjoint or equal."""
    n = draw(st.integers(2, most))
    few = st.sampled_from([0, 0, 0, 1, 2, 3, 5, 9])
    exactly = draw(st.lists(few, min_size=2**n - 1, max_size=2**n - 1))
    return Drawn(tuple(exactly), draw(st.integers(0, 3)), draw(st.integers(0, 2)), draw(st.integers(0, 99)))


def network(tables, **options):
    """In process, with helpers as far as they are needed."""
    helpers = ["Helper", "Other"][: max(0, 3 - len(tables))]
    options = {"dictionary": DICTIONARY, "rules": RULES, **options}
    return sc.Network.simulate(tables, fabric="in-process", helpers=helpers, quiet=True, **options)


def without_key(tables, where=lambda frame: frame, key="pid"):
    """Records that have no key, all institutions together."""
    return sum(int(where(table.to_pandas())[key].isna().sum()) for table in tables.values())


def known_at(tables, where=lambda frame: frame, on=("pid",)):
    """patient -> the number of the set of institutions that know him."""
    known = Counter()
    for j, table in enumerate(tables.values()):
        frame = where(table.to_pandas() if isinstance(table, pa.Table) else table)
        for patient in set(frame[list(on)].dropna().itertuples(index=False, name=None)):
            known[patient] |= 1 << j
    return known


def exactly(tables, **options):
    """Patients at exactly the institutions of each set."""
    numbers = Counter(known_at(tables, **options).values())
    return tuple(numbers[m] for m in range(1, 1 << len(tables)))


def gated(n, cell=CELL):
    """What may be shown of a count."""
    return n if n == 0 or n >= cell else Hidden(cell)


def together(counts, cell=CELL):
    """What may be worked out of counts that are each shown or not."""
    counts = list(counts)
    if len(counts) == 1:
        return gated(counts[0], cell)
    closed = any(isinstance(gated(n, cell), Hidden) for n in counts)
    return Withheld("a count in it is hidden, and this would let it be worked out") if closed else sum(counts)


def first_records(tables):
    """Pooled records without their duplicates: of each patient the first one's, in the order of the institutions."""
    frames = [table.to_pandas() for table in tables.values()]
    return pd.concat(frames).dropna(subset="pid").drop_duplicates("pid")
