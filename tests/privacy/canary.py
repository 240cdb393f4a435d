"""Finds planted record values in anything, in every form that software turns a value into."""

import base64
import json
import struct
from collections.abc import Iterable, Iterator
from pathlib import Path


def forms_of_text(text: str) -> Iterator[bytes]:
    """UTF-8, UTF-16, hex, base64 in three alignments, JSON-escaped."""
    raw = text.encode()
    yield raw
    yield text.encode("utf-16-le")
    yield raw.hex().encode()
    yield json.dumps(text).strip('"').encode()
    for shift in range(3):
        encoded = base64.b64encode(b"\0" * shift + raw)
        yield encoded[4 if shift else 0 : len(encoded) - 4]


def forms_of_number(value: float, scale: int) -> Iterator[bytes]:
    """Decimal text, float64 and float32, and fixed point with so many fractional bits, in both byte orders."""
    yield repr(value).encode()
    for order in "<>":
        yield struct.pack(f"{order}d", value)
        yield struct.pack(f"{order}f", value)
        yield struct.pack(f"{order}q", round(value * 2**scale))


def found(canaries: Iterable[bytes], haystacks: Iterable[tuple[str, bytes]]) -> list[str]:
    """The names of the haystacks that hold a canary."""
    needles = set(canaries)
    return [name for name, content in haystacks if any(needle in content for needle in needles)]


def files_below(folder: Path) -> Iterator[tuple[str, bytes]]:
    """Every regular file below a folder, with its contents."""
    for path in sorted(folder.rglob("*")):
        if path.is_file() and not path.is_symlink():
            yield str(path.relative_to(folder)), path.read_bytes()
