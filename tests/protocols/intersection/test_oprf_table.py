"""A prepared table: tags as long as the bound on false matches asks, and a file that only its key opens."""

import math
import stat

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from securecompute.errors import InvalidRequest
from securecompute.primitives.boxes import BoxTampered
from securecompute.primitives.oprf import Mode, OprfKey
from securecompute.protocols.intersection.oprf_table import MOST_ITEMS, Table, ascending, tag_bytes
from tests.protocols.intersection.sets import FEW, identifiers, plain
from tests.seeded import SeededRandomness

KEY = bytes(range(32))
PURPOSE = "stroke 2026, to north"


def prepared(y=(1, 2, 3), queries=100, mode=Mode.VOPRF):
    return Table.prepare(plain(y), len(y), queries, mode, SeededRandomness(0))


def same(one, other):
    return (
        one.key.unchecked_private_bytes() == other.key.unchecked_private_bytes()
        and (one.published.tags == other.published.tags).all()
        and (one.key.mode, one.queries, one.ny) == (other.key.mode, other.queries, other.ny)
        and (one.published.public, one.published.mode) == (other.published.public, other.published.mode)
    )


@given(st.integers(1, MOST_ITEMS), st.integers(1, MOST_ITEMS))
def test_tags_are_the_shortest_whole_bytes_with_the_bound_on_false_matches(queries, ny):
    t = tag_bytes(queries, ny)
    assert queries * ny * 2**40 <= 256**t
    assert queries * ny * 2**40 > 256 ** (t - 1)


def test_tags_have_the_lengths_of_the_formula():
    for queries, ny in ((1, 1), (1 << 16, 1 << 16), (1 << 20, 1 << 20), (1 << 24, 1 << 24), (1000, 5)):
        assert tag_bytes(queries, ny) == math.ceil((40 + math.log2(queries * ny)) / 8)
    assert tag_bytes(1, 0) == 5


@pytest.mark.parametrize(("queries", "ny"), [(0, 1), (-1, 1), (1, -1), (MOST_ITEMS + 1, 1), (1, MOST_ITEMS + 1)])
def test_sizes_beyond_reason_are_refused(queries, ny):
    with pytest.raises(InvalidRequest):
        tag_bytes(queries, ny)


def test_short_tags_match_falsely_as_often_as_their_length_says():
    # at one byte, of 256 items not in a set of 40 about 40 match: the tag is the only thing that separates them
    outputs = OprfKey.generate(SeededRandomness(2), Mode.OPRF).outputs(
        [bytes([i, j]) for i in range(2) for j in range(148)]
    )
    held, asked = set(outputs[:40, 0].tolist()), outputs[40:, 0]
    found = sum(int(tag) in held for tag in asked)
    assert abs(found - len(asked) * len(held) / 256) < 5 * math.sqrt(len(asked) * len(held) / 256)


@given(FEW)
def test_the_tags_are_the_beginnings_of_the_outputs_in_ascending_order(y):
    held = prepared(sorted(y))
    t = tag_bytes(100, len(y))
    outputs = held.key.outputs([row.tobytes() for row in identifiers(sorted(y))])
    assert [tag.tobytes() for tag in held.published.tags] == sorted(row.tobytes()[:t] for row in outputs)


@given(st.lists(st.binary(min_size=11, max_size=11), max_size=8))
def test_tags_are_put_in_the_order_of_their_bytes(tags):
    array = np.frombuffer(b"".join(tags), np.uint8).reshape(-1, 11)
    assert [row.tobytes() for row in ascending(array)] == sorted(tags)


@pytest.mark.parametrize("y", [(), (1,), tuple(range(40))])
@pytest.mark.parametrize("mode", list(Mode))
def test_a_sealed_table_opens_to_the_same_table(y, mode):
    held = prepared(y, mode=mode)
    assert same(held, Table.open(held.seal(KEY, PURPOSE, SeededRandomness(1)), KEY, PURPOSE))


@pytest.mark.parametrize(("key", "purpose"), [(bytes(32), PURPOSE), (KEY, "stroke 2026, to south"), (KEY, "")])
def test_another_key_or_purpose_opens_nothing(key, purpose):
    with pytest.raises(BoxTampered):
        Table.open(prepared().seal(KEY, PURPOSE, SeededRandomness(1)), key, purpose)


def test_a_file_that_was_changed_anywhere_does_not_open():
    sealed = prepared().seal(KEY, PURPOSE, SeededRandomness(1))
    for at in (0, 26, 27, 40, 59, 80, len(sealed) - 1):
        changed = bytearray(sealed)
        changed[at] ^= 1
        with pytest.raises((BoxTampered, InvalidRequest)):
            Table.open(bytes(changed), KEY, PURPOSE)
    for cut in (b"", sealed[:10], sealed[:40], sealed[:-1], sealed + b"\0"):
        with pytest.raises((BoxTampered, InvalidRequest)):
            Table.open(cut, KEY, PURPOSE)


def test_no_two_files_are_sealed_under_one_key():
    held, randomness = prepared(), SeededRandomness(1)
    one, other = (held.seal(KEY, PURPOSE, randomness) for _ in range(2))
    assert one[27:59] != other[27:59]
    same = sum(a == b for a, b in zip(one[59:], other[59:], strict=True))
    assert same < 10  # of 86 bytes; under one key all but the 16 that authenticate them


def test_a_sealed_file_holds_neither_key_nor_tags_in_the_open():
    held = prepared(tuple(range(20)))
    sealed = held.seal(KEY, PURPOSE, SeededRandomness(1))
    assert held.key.unchecked_private_bytes() not in sealed
    assert not any(tag.tobytes() in sealed for tag in held.published.tags)


def test_a_file_key_of_another_size_is_refused():
    with pytest.raises(InvalidRequest):
        prepared().seal(b"short", PURPOSE, SeededRandomness(1))


def test_a_table_in_a_file_is_whole_and_its_owners_alone(tmp_path):
    path, held = tmp_path / "table", prepared()
    path.write_bytes(b"an older one")
    held.write(path, KEY, PURPOSE, SeededRandomness(1))
    assert same(held, Table.read(path, KEY, PURPOSE))
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [file.name for file in tmp_path.iterdir()] == ["table"]


def test_a_table_shows_no_secret():
    held = prepared()
    assert held.key.unchecked_private_bytes().hex()[:8] not in repr(held)
    assert "3 items" in repr(held)
