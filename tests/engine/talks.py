"""Small parts for the conformance suite: importable, with plain parameters and plain results, so that they can be made
in another process."""

import hashlib
from collections.abc import Sequence
from typing import Any

import msgpack
import numpy as np

from securecompute import errors
from securecompute.engine.rounds import DTYPES, Array, Bytes, BytesUpTo, Part, Party, Round, Several, together
from securecompute.values import Masked

Plain = list[Any]


class Talker:
    """A participant whose manifest says which of the functions below it is to play, with which parameters."""

    def __init__(self, me: Party) -> None:
        self.me = me

    def answer(self, request: str, payload: Any) -> Any:
        """An echo."""
        return [self.me, request, payload]

    def part(self, manifest: bytes) -> Part[Any]:
        """The talk that the manifest names for this party."""
        _, talks = msgpack.unpackb(manifest)
        name, parameters = talks[self.me]
        return talk(name, parameters)


def talk(name: str, parameters: dict[str, Any]) -> Part[Any]:
    """The part of this name."""
    part: Part[Any] = globals()[name](**parameters)
    return part


def pattern(size: int) -> bytes:
    """`size` bytes in which no two stretches of 8 are alike: nothing can be swapped or repeated unseen."""
    return (np.arange(size // 8 + 1, dtype=np.uint64) * np.uint64(0x9E3779B97F4A7C15)).tobytes()[:size]


def digest(message: bytes) -> str:
    """What a part returns in place of a long message."""
    return hashlib.sha256(message).hexdigest()


def sample(code: str, shape: Sequence[int]) -> np.ndarray[Any, Any]:
    """An array of this dtype and shape with every byte in use."""
    dtype = np.dtype(DTYPES[code])
    count = int(np.prod(shape))
    return np.frombuffer(pattern(dtype.itemsize * count), dtype).reshape(shape)


def chat(me: Party, others: Sequence[Party], rounds: int, word: str) -> Part[Plain]:
    """Tell all others the round's number in every round; return what was heard, in order."""
    heard: Plain = []
    for k in range(rounds):
        inbox = yield Round({p: f"{word} {me} {p} {k}".encode() for p in others}, dict.fromkeys(others, BytesUpTo(99)))
        heard.append([inbox[p].decode() for p in others])
    return heard


def send_all(to: Party, sizes: Sequence[int]) -> Part[None]:
    """Send one message of each size, a round each, waiting for nothing."""
    for size in sizes:
        yield Round({to: pattern(size)}, work=60.0)


def receive_all(source: Party, sizes: Sequence[int]) -> Part[Plain]:
    """Receive one message of each size; return length and digest of each."""
    heard: Plain = []
    for size in sizes:
        inbox = yield Round(expect={source: Bytes(size)}, work=60.0)
        heard.append([len(inbox[source]), digest(inbox[source])])
    return heard


def send_arrays(to: Party, kinds: Sequence[Sequence[Any]]) -> Part[None]:
    """Send an array of each (dtype code, shape), each beside a byte that puts it out of line, and all of it masked."""
    for code, shape in kinds:
        yield Round({to: (b"!", sample(code, shape), Masked(sample(code, shape)))})


def receive_arrays(source: Party, kinds: Sequence[Sequence[Any]]) -> Part[Plain]:
    """Receive them; return dtype, shape, bytes, and the name of the wrapper."""
    heard: Plain = []
    for code, shape in kinds:
        spec = Array(DTYPES[code], tuple(shape))
        masked = Array(DTYPES[code], tuple(shape), Masked)
        inbox = yield Round(expect={source: Several((Bytes(1), spec, masked))})
        _, bare, wrapped = inbox[source]
        same = bare.tobytes() == wrapped.elements.tobytes()
        heard.append([str(bare.dtype), list(bare.shape), bare.tobytes(), type(wrapped).__name__, same])
    return heard


def send_twice(to: Party) -> Part[Plain]:
    """Send one array in two rounds; return it as it is afterwards."""
    mine = sample("u8", [4]).copy()
    for _ in range(2):
        yield Round({to: mine}, {to: Bytes(1)})
    return [int(x) for x in mine]


def write_on_both(source: Party) -> Part[Plain]:
    """Overwrite what came before and after; return whether it could be written, and the second as it came."""
    inbox = yield Round({source: b"!"}, {source: Array(np.uint64, (4,))})
    first = inbox[source]
    writeable = bool(first.flags.writeable)
    first[:] = 0
    inbox = yield Round({source: b"!"}, {source: Array(np.uint64, (4,))})
    return [writeable, [int(x) for x in inbox[source]], [int(x) for x in first]]


def say(to: Party, size: int) -> Part[str]:
    """Send so many bytes, once."""
    yield Round({to: pattern(size)}, step="say")
    return "said"


def listen(sources: Sequence[Party], size: int, quorum: int | None = None) -> Part[Plain]:
    """Wait for so many bytes from each; return who was heard."""
    inbox = yield Round(expect=dict.fromkeys(sources, Bytes(size)), quorum=quorum, step="listen")
    return list(inbox)


def be_silent() -> Part[str]:
    """Take part, and say nothing."""
    yield Round()
    return "silent"


def fail(kind: str) -> Part[None]:
    """End with an error of this kind before the first round; a kind that is not ours is a fault."""
    yield from ()
    raise getattr(errors, kind, ValueError)("patient 424242 has a secret")


def refuse_to_send() -> Part[None]:
    """Try to send what has no wire form."""
    yield Round({"anybody": "text"})  # type: ignore[dict-item]


def side_by_side(peer: Party, words: Sequence[str]) -> Part[Plain]:
    """Several talks with one peer that share their rounds."""

    def swap(word: str) -> Part[str]:
        inbox = yield Round({peer: word.encode()}, {peer: BytesUpTo(99)})
        heard: str = inbox[peer].decode()
        return heard

    return list((yield from together(*map(swap, words))))
