"""One of the three compute parties, in one session: its place, its neighbours, and the streams it shares with them.

    P_i draws k_i and sends it to P_(i-1):   P_i knows k_i and k_(i+1), indices mod 3

    F(k, path, purpose) = G(HKDF(k, salt = session, info = path | purpose))

P_0 and P_1 are the evaluators, P_2 is the dealer: a step that is not linear is computed by the evaluators on additive
shares, x = y_0 + y_1, with correlated randomness that the dealer prepares. The dealer is never shown an opened value.

Security   Semi-honest, one compute party corrupted. F(k, ...) is uniform to whoever does not know k, and k_i is known
           to P_i and P_(i-1) only. A path and purpose name one stream: drawing it twice raises, since a mask hides
           once. Paths say where in a program a step stands; nothing counts along, so no restart falls out of step.
Cost       `make_keys`: 1 round, 32 bytes from each.
Reference  Araki, Furukawa, Lindell, Nof, Ohara, CCS 2016 (shared keys, zero shares); Mohassel, Rindal, CCS 2018.
"""

import operator
from collections.abc import Sequence
from typing import Any, Final, Literal, TypeAlias

import msgpack
import numpy as np
from numpy.typing import NDArray

from securecompute.arithmetic.ring_arrays import RingArray, Shape, tiled
from securecompute.arithmetic.rings import Ring
from securecompute.engine.rounds import Bytes, Part, Party, Round
from securecompute.errors import InternalFault
from securecompute.primitives.masks import KEY_BYTES, Reader, derive
from securecompute.primitives.randomness import Randomness
from securecompute.protocols.products.replicated import Replicated
from securecompute.protocols.products.streams import Stream, expand

PARTIES: Final = 3
DEALER: Final = 2
Key = Literal["mine", "next", "own"]
Triple: TypeAlias = tuple[Replicated, Replicated, Replicated]  # X, Y and what is claimed to be X Y
_ZERO: Final[tuple[Key, Key]] = ("mine", "next")


class ComputeParty:
    """P_index at one place of a program. `at` gives the same party at a place within it.

    products   matrix products done so far, for `checked_products.check`; None where they are not to be checked
    """

    __slots__ = ("_drawn", "_keys", "_path", "_session", "index", "names", "products")

    def __init__(self, index: int, names: Sequence[Party], keys: dict[Key, bytes], session: bytes) -> None:
        """names   P_0, P_1, P_2.  keys: k_index as "mine", k_(index+1) as "next", one that nobody else has as "own" """
        self.index, self.names = index, tuple(names)
        self._keys, self._session = keys, session
        self._path: tuple[str | int, ...] = ()
        self._drawn: set[bytes] = set()
        self.products: list[Triple] | None = None

    def __repr__(self) -> str:
        return f"ComputeParty(P_{self.index}, {'/'.join(map(str, self._path))})"

    @property
    def next(self) -> Party:
        """P_(i+1), which knows k_(i+1)."""
        return self.names[(self.index + 1) % PARTIES]

    @property
    def previous(self) -> Party:
        """P_(i-1), which knows k_i."""
        return self.names[(self.index - 1) % PARTIES]

    @property
    def deals(self) -> bool:
        """Whether this is the dealer, P_2."""
        return self.index == DEALER

    @property
    def dealer(self) -> Party:
        """P_2."""
        return self.names[DEALER]

    @property
    def evaluators(self) -> tuple[Party, Party]:
        """P_0 and P_1."""
        return self.names[0], self.names[1]

    @property
    def other(self) -> Party:
        """The other evaluator, of an evaluator."""
        return self.names[1 - self.index]

    @property
    def shared_with_dealer(self) -> Key:
        """Which of an evaluator's keys the dealer knows: P_0's own k_0, and k_2, the next of P_1."""
        return "mine" if self.index == 0 else "next"

    def at(self, *place: str | int) -> "ComputeParty":
        """The same party at a place within this one: its streams are others."""
        inside = ComputeParty(self.index, self.names, self._keys, self._session)
        inside._path, inside._drawn, inside.products = (*self._path, *place), self._drawn, self.products
        return inside

    def draw(self, key: Key, purpose: str, ring: Ring, shape: Shape) -> RingArray:
        """F(key, path, purpose), elements of the ring.

        raises   InternalFault  it was drawn before
        """
        return expand(self._seed(key, purpose), ring, shape)

    def stream(self, key: Key, purpose: str, ring: Ring, shape: Shape) -> Stream:
        """What `draw` gives, tile by tile: for what is used once. raises as `draw`."""
        return Stream(self._seed(key, purpose), ring, shape)

    def draw_bits(self, key: Key, purpose: str, dtype: Any, shape: Shape) -> NDArray[Any]:
        """F(key, path, purpose) as unsigned integers of this dtype: so many uniform bits each. raises as `draw`."""
        size = int(np.prod(shape, dtype=np.int64)) * np.dtype(dtype).itemsize
        words = Reader(self._seed(key, purpose)).words(-(-size // 8))
        bits: NDArray[Any] = words.view(np.uint8)[:size].view(dtype).reshape(shape)
        return bits

    def masked(self, z: RingArray) -> RingArray:
        """z + a_i, where a_0 + a_1 + a_2 = 0 and a_i looks uniform to a party that lacks one of its two keys."""
        mine, following = (self.stream(key, "zero", z.ring, z.shape) for key in _ZERO)
        return tiled(lambda z, a, b: z + a - b, z, mine, following)

    def zero(self, ring: Ring, shape: Shape) -> RingArray:
        """a_i by itself."""
        return tiled(operator.sub, *(self.stream(key, "zero", ring, shape) for key in _ZERO))

    def _seed(self, key: Key, purpose: str) -> bytes:
        info = msgpack.packb([key_index(self.index, key), *self._path, purpose])
        if info in self._drawn:
            raise InternalFault(f"the stream {'/'.join(map(str, self._path))}/{purpose} was drawn before")
        self._drawn.add(info)
        # the stream's name does not hold the key's index, which differs between the two parties that know the key
        name = msgpack.packb([*self._path, purpose])
        return derive(self._keys[key], self._session, name)


def key_index(index: int, key: Key) -> int:
    """i of the k_i that P_index calls so; -1 for its own."""
    return {"mine": index, "next": (index + 1) % PARTIES, "own": -1}[key]


def make_keys(me: Party, names: Sequence[Party], session: bytes, randomness: Randomness) -> Part[ComputeParty]:
    """Agree on the keys. Run by each of the three.

    session   what the streams are bound to, different in every run
    """
    index = list(names).index(me)
    k, own = randomness.bytes(KEY_BYTES), randomness.bytes(KEY_BYTES)
    previous, following = names[(index - 1) % PARTIES], names[(index + 1) % PARTIES]
    inbox = yield Round(send={previous: k}, expect={following: Bytes(KEY_BYTES)}, step="keys")
    return ComputeParty(index, names, {"mine": k, "next": inbox[following], "own": own}, session)
