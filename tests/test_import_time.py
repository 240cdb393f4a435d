"""`import securecompute` stays light: checked by what it loads, because a timer would fail on a busy machine."""

import json
import subprocess
import sys

HEAVY = {"ray", "numba", "matplotlib", "duckdb", "pandas", "pyarrow", "scipy", "sqlglot", "rich"}


def loaded_after(statement: str) -> set[str]:
    """The top-level modules that a fresh interpreter has loaded after the statement."""
    report = f"{statement}; import json, sys; print(json.dumps([m for m in sys.modules if '.' not in m]))"
    ran = subprocess.run([sys.executable, "-c", report], capture_output=True, text=True, check=True)
    return set(json.loads(ran.stdout))


def test_importing_the_package_loads_no_heavy_library():
    assert loaded_after("import securecompute").isdisjoint(HEAVY)


def test_catching_an_error_of_the_package_loads_no_heavy_library():
    assert loaded_after("from securecompute import InvalidRequest").isdisjoint(HEAVY)


def test_the_check_sees_a_library_that_is_loaded():
    assert "rich" in loaded_after("import rich")
