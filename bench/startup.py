"""How long until the first answer, and how much memory an institution takes before its records.

Each figure comes from fresh interpreters. One run starts a private Ray, a network of four institutions with 10,000
patients each, and asks one question; the rows about Ray share such runs.
"""

import itertools
import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

from bench.harness import Claim, Measure, run, timed

INSTITUTIONS = ("Bern", "Lyon", "Oslo", "Riga")
PATIENTS = 10_000
IMPORT_BUDGET = 0.5  # seconds
MEMORY_BUDGET = 80.0  # MB beyond the records

_FIRST_ANSWER = """
import json, sys, time
from pathlib import Path
begun = time.perf_counter()
from securecompute.engine.on_ray import OnRay
from securecompute.network import Network
imported = time.perf_counter()
files = json.loads(sys.argv[1])
with Network.simulate(files, quiet=True) as network:
    ready = time.perf_counter()
    network.study("bench").crosstab("arm", "event")
    answered = time.perf_counter()
    network.study("bench").describe("age", by="arm")
    again = time.perf_counter()
    def pss(party):
        lines = Path(f"/proc/{network.fabric.pid(party)}/smaps_rollup").read_text().splitlines()
        return next(int(line.split()[1]) for line in lines if line.startswith("Pss:")) / 1024
    memory = max(pss(name) for name in files)
print(json.dumps({
    "import": imported - begun, "ready": ready - imported, "first": answered - ready, "second": again - answered,
    "all": answered - begun, "memory": memory,
}))
"""


def fresh(code: str, *arguments: str) -> str:
    """What a fresh interpreter prints when it runs this code."""
    done = subprocess.run([sys.executable, "-c", code, *arguments], capture_output=True, text=True, check=True)
    return done.stdout


def write_records(folder: Path) -> dict[str, str]:
    """A Parquet file of made-up patients for each institution."""
    import pandas

    files = {}
    for name in INSTITUTIONS:
        rows = range(PATIENTS)
        columns = {
            "arm": ["drug" if k % 2 else "placebo" for k in rows],
            "event": ["yes" if k % 7 < 2 else "no" for k in rows],
            "age": [30 + k % 50 for k in rows],
        }
        files[name] = str(folder / f"{name}.parquet")
        pandas.DataFrame(columns).to_parquet(files[name])
    return files


class Runs:
    """Runs to the first answer, each made once and read by every row that needs it."""

    def __init__(self) -> None:
        self._folder = tempfile.TemporaryDirectory()
        self._files = json.dumps(write_records(Path(self._folder.name)))
        self._done: list[dict[str, float]] = []

    def figure(self, name: str) -> Measure:
        """A measure that reads this figure of one run after the other; the one that does not count is the first run."""
        numbers: Iterator[int] = itertools.count(-1)

        def read() -> float:
            number = max(0, next(numbers))
            while len(self._done) <= number:
                self._done.append(json.loads(fresh(_FIRST_ANSWER, self._files)))
            return self._done[number][name]

        return read


def claims(quick: bool) -> list[Claim]:
    """Rows about the import, the way to the first answer, and memory."""
    runs = Runs()
    imports = timed(lambda: fresh("import securecompute"))
    rows = [
        Claim("import securecompute, with the interpreter", imports, IMPORT_BUDGET, "budget", 1.0),
        Claim("import securecompute", imports, timed(lambda: fresh("import ray")), "import ray"),
    ]
    memory = runs.figure("memory")
    rows.append(Claim("memory of an institution (PSS)", memory, MEMORY_BUDGET, "budget", 1.0, unit="MB"))
    texts: Sequence[tuple[str, str]] = (
        ("import", "import of what Ray needs"),
        ("ready", "Ray and a network of four ready"),
        ("first", "first answer, a cross-tab"),
        ("second", "second answer, a mean by arm"),
    )
    rows += [Claim(text, runs.figure(name), runs.figure("all"), "all until the first answer") for name, text in texts]
    return rows


if __name__ == "__main__":
    sys.exit(run(__doc__, claims))
