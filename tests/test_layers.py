"""The rules of the layout, read from the source: what a file may import, touch and contain.

Each rule is a function from a file's place and its syntax tree to complaints. The first test runs every rule over the
package; the rest plant a fault for each rule and ask that it is found, so that no rule can fall silent.
"""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1] / "securecompute"

# A module imports only from its own entry and those above it; `__init__` is the front door of the package.
ORDER = (
    "errors",
    "values",
    "arithmetic",
    "primitives",
    "engine",
    "protocols",
    "programs",
    "disclosure",
    "records",
    "analyses",
    "patients",
    "questions",
    "display",
    "answer",
    "manifest",
    "program_manifest",
    "linking",
    "keyed_linking",
    "list_manifest",
    "prepared_tables",
    "lists",
    "computing",
    "institution",
    "coordinator",
    "losses",
    "explanation",
    "program_explanation",
    "list_explanation",
    "secret_arrays",
    "patient_sides",
    "intersect",
    "simulation",
    "study",
    "network",
    "fits",
    "study_file",
    "report",
    "__init__",
    "demos",
    "cli",
    "__main__",
)
CONVERSATIONS = ("protocols/", "programs/", "analyses/")
KNOW_RAY = {"engine/on_ray.py", "engine/ray_cluster.py"}
BORDERS = {"engine/runner.py", "engine/on_ray.py", "engine/ray_cluster.py"}  # a fault becomes a place and a kind
SCHEDULES_FAULTS = ("engine/faults.py", "random")  # what a simulated network does to frames is no secret
NOT_IN_CONVERSATIONS = {"ray", "socket", "asyncio", "threading", "time", "os", "subprocess", "random", "pickle"}
NOWHERE = {"pickle", "cloudpickle", "random", "numpy.random", "secrets"}
MAY_OPEN_SECRETS = (
    "values.py",
    "arithmetic/",
    "primitives/",
    "protocols/",
    "programs/",
    "linking.py",
    "engine/wire.py",
    "engine/rounds.py",
)
MAY_PRINT = ("cli.py",)
LONGEST = 400


def within(module: str, names: set[str]) -> bool:
    """Whether the module, or a package that holds it, is one of the names."""
    return any(module == name or module.startswith(name + ".") for name in names)


def called(node: ast.Call) -> str:
    """The last word of what is called: `g` for g() and for f.g()."""
    return str(getattr(node.func, "attr", getattr(node.func, "id", "")))


def imports(path: str, tree: ast.AST) -> Iterator[tuple[int, str]]:
    """(line, absolute dotted name) of everything imported, inside functions and by `import_module("...")` too."""
    package = ["securecompute", *path.split("/")[:-1]]
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else []
            stem = ".".join([*base, *([node.module] if node.module else [])])
            yield from ((node.lineno, f"{stem}.{alias.name}") for alias in node.names)
        elif isinstance(node, ast.Call) and called(node) in ("import_module", "__import__"):
            yield from ((node.lineno, str(name.value)) for name in node.args[:1] if isinstance(name, ast.Constant))


def place(path: str) -> str:
    """The entry of ORDER that a file belongs to."""
    return path.split("/")[0].removesuffix(".py")


def imports_point_up(path: str, tree: ast.AST) -> Iterator[str]:
    here = place(path)
    if here not in ORDER:
        yield f"{path} is not in the order of the layout; give it a place in ORDER"
        return
    for line, name in imports(path, tree):
        if within(name, {"securecompute"}):
            there = next((part for part in name.split(".")[1:2] if part in ORDER), "__init__")
            if ORDER.index(there) > ORDER.index(here):
                yield f"{path}:{line} imports {name}, which is not above it"


def ray_stays_in_two_files(path: str, tree: ast.AST) -> Iterator[str]:
    for line, name in imports(path, tree):
        if within(name, {"ray"}) and path not in KNOW_RAY:
            yield f"{path}:{line} imports ray; only engine/on_ray.py and engine/ray_cluster.py do"


def conversations_reach_nothing(path: str, tree: ast.AST) -> Iterator[str]:
    for line, name in imports(path, tree):
        if path.startswith(CONVERSATIONS) and within(name, NOT_IN_CONVERSATIONS):
            yield f"{path}:{line} imports {name}; a protocol or analysis only yields rounds"


def randomness_has_one_source(path: str, tree: ast.AST) -> Iterator[str]:
    for line, name in imports(path, tree):
        if within(name, NOWHERE) and (path, name) != SCHEDULES_FAULTS:
            yield f"{path}:{line} imports {name}; use primitives/randomness.py, and the codec of the engine"
        if within(name, {"os.urandom", "os.getrandom"}) and path != "primitives/randomness.py":
            yield f"{path}:{line} imports {name}; only primitives/randomness.py draws"
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            name = f"{node.value.id}.{node.attr}"
            if name in ("os.urandom", "os.getrandom") and path != "primitives/randomness.py":
                yield f"{path}:{node.lineno} uses {name}; only primitives/randomness.py draws"
            if name in ("np.random", "numpy.random"):
                yield f"{path}:{node.lineno} uses {name}; use primitives/randomness.py"


def secrets_are_opened_where_they_are_computed_on(path: str, tree: ast.AST) -> Iterator[str]:
    if path.startswith(MAY_OPEN_SECRETS):
        return
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and node.attr in ("elements", "_elements"):
            yield f"{path}:{node.lineno} opens a secret with .{node.attr}"


def nothing_is_asserted(path: str, tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Assert):
            yield f"{path}:{node.lineno} asserts; python -O would remove the check"


def _raises_again(handler: ast.ExceptHandler) -> bool:
    last = handler.body[-1]
    return isinstance(last, ast.Raise) and last.exc is None


def no_error_is_swept_up(path: str, tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.ExceptHandler):
            caught = {n.id for n in ast.walk(node.type) if isinstance(n, ast.Name)} if node.type else {"Exception"}
            if caught & {"Exception", "BaseException"} and not (path in BORDERS or _raises_again(node)):
                yield f"{path}:{node.lineno} catches everything; name the errors that are expected"


def only_the_command_line_prints(path: str, tree: ast.AST) -> Iterator[str]:
    if path in MAY_PRINT:
        return
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and called(node) == "print" and isinstance(node.func, ast.Name):
            yield f"{path}:{node.lineno} prints"


RULES = (
    imports_point_up,
    ray_stays_in_two_files,
    conversations_reach_nothing,
    randomness_has_one_source,
    secrets_are_opened_where_they_are_computed_on,
    nothing_is_asserted,
    no_error_is_swept_up,
    only_the_command_line_prints,
)


def a_file_is_one_idea_long(path: str, source: str) -> Iterator[str]:
    lines = source.count("\n")
    if lines > LONGEST:
        yield f"{path} has {lines} lines; beyond {LONGEST} it holds two ideas"


def complaints(path: str, source: str) -> list[str]:
    """What every rule says about one file; path is relative to the package, with forward slashes."""
    tree = ast.parse(source)
    return [text for rule in RULES for text in rule(path, tree)] + list(a_file_is_one_idea_long(path, source))


def test_the_package_keeps_every_rule_of_its_layout():
    found = [
        text
        for file in sorted(PACKAGE.rglob("*.py"))
        for text in complaints(file.relative_to(PACKAGE).as_posix(), file.read_text())
    ]
    assert not found, "\n".join(found)


@pytest.mark.parametrize(
    ("path", "source", "complaint"),
    [
        ("utils.py", "", "not in the order"),
        ("utils/strings.py", "", "not in the order"),
        ("errors.py", "from securecompute.values import Plain", "not above it"),
        ("errors.py", "import securecompute.network", "not above it"),
        ("engine/local.py", "from securecompute import protocols", "not above it"),
        ("engine/local.py", "from securecompute import Network", "not above it"),
        ("engine/local.py", "from ..protocols.sums import pairwise", "not above it"),
        ("engine/local.py", "from .. import network", "not above it"),
        ("engine/local.py", "def f():\n    from securecompute.records.cohort import parse", "not above it"),
        ("engine/local.py", "import_module('securecompute.cli')", "not above it"),
        ("institution.py", "import ray", "imports ray"),
        ("network.py", "def f():\n    from ray.util import placement_group", "imports ray"),
        ("network.py", "importlib.import_module('ray')", "imports ray"),
        ("engine/links.py", "import ray.exceptions", "imports ray"),
        *[("protocols/sums/all.py", f"import {name}", "only yields rounds") for name in sorted(NOT_IN_CONVERSATIONS)],
        ("analyses/count.py", "from os import path", "only yields rounds"),
        *[("records/sources.py", f"import {name}", "use primitives/randomness.py") for name in sorted(NOWHERE)],
        ("records/sources.py", "from numpy import random", "use primitives/randomness.py"),
        ("records/sources.py", "from numpy.random import default_rng", "use primitives/randomness.py"),
        ("records/sources.py", "x = np.random.default_rng()", "use primitives/randomness.py"),
        ("primitives/keys.py", "from os import urandom", "only primitives/randomness.py"),
        ("primitives/keys.py", "import os\nos.urandom(32)", "only primitives/randomness.py"),
        ("network.py", "x.elements", "opens a secret"),
        ("engine/local.py", "x._elements", "opens a secret"),
        ("values.py", "assert True", "asserts"),
        ("engine/local.py", "try:\n    f()\nexcept Exception:\n    g()", "catches everything"),
        ("engine/local.py", "try:\n    f()\nexcept (OSError, Exception) as e:\n    g()", "catches everything"),
        ("engine/local.py", "try:\n    f()\nexcept BaseException:\n    pass", "catches everything"),
        ("engine/local.py", "try:\n    f()\nexcept:\n    g()", "catches everything"),
        ("network.py", "print('hello')", "prints"),
        ("records/sources.py", "x = 1\n" * (LONGEST + 1), "two ideas"),
    ],
)
def test_a_planted_fault_is_found(path, source, complaint):
    assert any(complaint in text for text in complaints(path, source))


@pytest.mark.parametrize(
    ("path", "source"),
    [
        ("cli.py", "from securecompute import __version__\nprint(__version__)"),
        ("engine/on_ray.py", "import ray\nfrom securecompute.engine.rounds import Round\nfrom . import rounds"),
        ("protocols/sums/pairwise.py", "from ...primitives import masks\nx.elements"),
        ("primitives/randomness.py", "import os\nos.urandom(32)"),
        ("network.py", "from raylib import time"),
        ("engine/local.py", "try:\n    f()\nexcept OSError:\n    g()"),
        ("records/sources.py", "x = 1\n" * LONGEST),
    ],
)
def test_what_is_allowed_raises_no_complaint(path, source):
    assert complaints(path, source) == []
