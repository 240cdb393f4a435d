"""Random bytes into the decoder: a value of the declared shape, or BadFrame; nothing else, in bounded memory.

    python tests/fuzz/fuzz_wire.py -max_total_time=60

The first byte of an input chooses what reads the rest: the frame parser, or the decoder with one of the declarations
below. The vectors of the codec's tests are the seeds. Needs atheris: Python 3.12 or 3.13, Linux.
"""

import json
import resource
import sys
import tempfile
from pathlib import Path

import atheris

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parents[1]))

with atheris.instrument_imports(include=["securecompute.engine", "msgpack"]):
    from securecompute.engine.rounds import Array, Bytes, BytesUpTo, Several
    from securecompute.engine.wire import PIECE, Assembly, decode, encode, frame_of, parse_frame
    from securecompute.errors import BadFrame

MEMORY = 1 << 31  # bytes of address space beyond which a decoder has believed a claim
SPECS = (
    Bytes(5),
    BytesUpTo(100),
    Array("u8", (3,)),
    Array("i8", (1,)),
    Array("f8", ()),
    Array("u2", (2, 3)),
    Array("u4", (4, 0)),
    Several(()),
    Several((Bytes(1), Array("u8", (1,)), Several((Array("u1", (2,)),)))),
    Several((BytesUpTo(2), BytesUpTo(3))),
)


def read(data: bytes) -> None:
    """What a peer's bytes may do: give what was declared, which reads the same when it is sent on, or be refused."""
    if not data:
        return
    choice, rest = data[0], data[1:]
    try:
        if choice == 0:
            header, raw, sealed = parse_frame(rest)
            if frame_of(raw, bytes(sealed)) != rest or parse_frame(frame_of(header.encode(), b""))[0] != header:
                raise RuntimeError("a frame that reads in two ways")
        elif choice == 1:
            assembly = Assembly(Bytes(2 * PIECE), 3, rest)
            while assembly.missing:
                assembly.add(rest)
            assembly.message()
        else:
            spec = SPECS[choice % len(SPECS)]
            message = decode(rest, spec)
            if not spec.admits(message):
                raise RuntimeError(f"decoded to something that was not declared: {spec}")
            decode(encode(message), spec)
    except BadFrame:
        return


def seeds(folder: Path) -> None:
    """Write the codec's vectors as inputs, for every declaration."""
    vectors = HERE.parent / "vectors" / "wire"
    for name, field, choices in (("frames", "frame", [0]), ("bodies", "body", range(1, 2 + len(SPECS)))):
        for number, vector in enumerate(json.loads((vectors / f"{name}.json").read_text())):
            written = vector[field]
            runs = [[written, 1]] if isinstance(written, str) else written
            for choice in choices:
                data = bytes([choice]) + b"".join(bytes.fromhex(h) * n for h, n in runs)
                (folder / f"{name}-{number}-{choice}").write_bytes(data)


def main() -> None:
    """Fuzz with the seeds, or with the corpus folders named on the command line as well."""
    with tempfile.TemporaryDirectory() as folder:
        seeds(Path(folder))
        atheris.Setup([*sys.argv, folder], read)
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY, resource.RLIM_INFINITY))
        atheris.Fuzz()


if __name__ == "__main__":
    main()
