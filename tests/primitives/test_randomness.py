"""Random bytes come from one place."""

import ast
from pathlib import Path

import pytest

import securecompute
from securecompute.primitives.randomness import SystemRandomness
from tests.seeded import SeededRandomness

PACKAGE = Path(securecompute.__file__).parent


def library_draws(text):
    """Places where a library would draw for itself; test_layers.py looks for the modules that draw."""
    for node in ast.walk(ast.parse(text)):
        name = ast.unparse(node) if isinstance(node, ast.Attribute) else ""
        if name.endswith(("PrivateKey.generate", ".generate_key", ".uuid1", ".uuid4")):
            yield name


def test_no_library_draws_for_itself():
    drawn = {str(path): list(library_draws(path.read_text(encoding="utf-8"))) for path in PACKAGE.rglob("*.py")}
    assert not [path for path, names in drawn.items() if names]


@pytest.mark.parametrize(
    "text",
    [
        "X25519PrivateKey.generate()",
        "ed25519.Ed25519PrivateKey.generate()",
        "ChaCha20Poly1305.generate_key()",
        "make = Fernet.generate_key",
        "uuid.uuid4()",
    ],
)
def test_a_library_that_draws_for_itself_would_be_noticed(text):
    assert list(library_draws(text))


@pytest.mark.parametrize("n", [0, 1, 32, 1000])
@pytest.mark.parametrize("randomness", [SystemRandomness(), SeededRandomness(7)], ids=["system", "seeded"])
def test_as_many_bytes_come_as_were_asked_for(randomness, n):
    assert type(randomness.bytes(n)) is bytes
    assert len(randomness.bytes(n)) == n


def test_the_system_does_not_repeat_itself():
    assert len({SystemRandomness().bytes(32) for _ in range(100)}) == 100


def test_the_same_seed_gives_the_same_bytes_and_each_call_new_ones():
    one, two = SeededRandomness("a"), SeededRandomness("a")
    first = one.bytes(32)
    assert (two.bytes(32), two.bytes(32)) == (first, one.bytes(32))
    assert first != one.bytes(32) != SeededRandomness("b").bytes(32)
