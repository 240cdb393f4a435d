"""Random products over GF(2^128) by a secret element, shared as sums: a silent vector oblivious linear evaluation.

R, the receiver, gets A and C, S, the sender, gets Delta and B, all pseudo-random, with

    C = A * Delta + B        m rows; + is xor

m rows are cut into k equal runs. For each run S grows t trees of 2^d leaves, v, of which R gets all but one a tree;
products of t random beta of R's by Delta fill these holes, so that R has w = v + Delta eps, eps being beta at the
holes and zero elsewhere. A public linear code G from N = t 2^d to m/k rows makes noise out of that:

    B = G v,   C = G w,   A = G eps

    round  direction   arrays (T = k d t transfers)
    1      S -> R      points of 256 base transfers, u8 (256, 2, 32): choices are the bits of Delta, and of another s
           R -> S      a point, u8 (32,)
    2      R -> S      extension u64 (128, ceil(T / 64)), products u64 (128, k t, 2)
    3      S -> R      sums of trees, masked, u64 (k, d, t, 2, 2); corr u64 (k, t, 2) = sum of a tree's leaves + b

R has A after round 2: a protocol that sends something under A takes `begin_receive` and `begin_send`, and sends it in
round 3, beside `end_receive` and `end_send`. So both sides work at the same time.

Security   Semi-honest, two parties. R learns A and C, S Delta and B, and neither more: the messages are uniform or
           pseudo-random to whoever gets them. Leakage: m and the profile. That A is pseudo-random to S is dual LPN
           over GF(2^128) with regular noise, for the code and the noise rate of the profile (`lpn`), which is under
           review. Further assumes AES as an ideal cipher, AES-256 as a pseudo-random permutation, CDH in ristretto255.
           Not promised: any of it against a party that deviates; there is no check of consistency.
           `header` belongs to one run: another run, or another pair of parties, has another header.
           Of R's own noise, places decide which memory is touched, and no branch.
Cost       3 rounds. R sends 32 + 1024 ceil(T / 64) + 2048 k t bytes, S 16384 + 32 T + 16 k t: `cost`, exactly. At
           m = 1.4 million 3.1 and 0.5 MB, and 0.4 and 0.25 s of one core.
Reference  Boyle, Couteau, Gilboa, Ishai, Kohl, Rindal, Scholl, CCS 2019 (ePrint 2019/1159); Raghuraman, Rindal,
           Tanguy, CRYPTO 2023 (ePrint 2023/882) for the code; the rounds as in Raghuraman, Rindal, CCS 2022.
"""

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from securecompute.arithmetic import bit_matrix
from securecompute.engine.rounds import Array, Part, Party, Round, Several
from securecompute.errors import InvalidRequest
from securecompute.primitives import expand_convolute, ggm, lpn, noisy_vole, transfer_extension
from securecompute.primitives.block_hash import BlockHash
from securecompute.primitives.expand_convolute import ExpandConvolute
from securecompute.primitives.lpn import RECOMMENDED
from securecompute.primitives.masks import Reader
from securecompute.primitives.randomness import Randomness
from securecompute.primitives.transfer_extension import BASE, bits_of, masks_of, packed, words_of
from securecompute.primitives.transfers import Chooser, Offerer
from securecompute.protocols.intersection.header import public_key
from securecompute.values import Masked, Opaque

Blocks: TypeAlias = NDArray[np.uint64]

LONGEST = {"standard": 360_000, "conservative": 720_000}  # rows of a run: the code's vectors then stay in the cache

_EARLY = 180_000  # rows: up to here R makes A sooner than S its points, for which it waits
_SECONDS_PER_ROW = 2e-6  # of computing that a deadline allows for


@dataclass(frozen=True, slots=True)
class Cost:
    """rounds, and payload bytes that each side sends."""

    rounds: int
    receiver: int
    sender: int


@dataclass(frozen=True, slots=True)
class Shape:
    """How m rows are made: runs of `length` rows, the last one cut, each of t trees of the depth, N leaves in all."""

    m: int
    runs: int
    length: int
    depth: int
    trees: int

    @property
    def leaves(self) -> int:
        """N, of one run."""
        return self.trees << self.depth

    @property
    def transfers(self) -> int:
        """T, of all runs: one for each level of each tree."""
        return self.runs * self.depth * self.trees

    @property
    def noise(self) -> int:
        """Trees of all runs."""
        return self.runs * self.trees

    @property
    def extension(self) -> Several:
        """Round 2."""
        columns = Array(np.uint64, (BASE, words_of(self.transfers)), holds=Masked)
        return Several((columns, Array(np.uint64, (BASE, self.noise, 2), holds=Masked)))

    @property
    def correction(self) -> Several:
        """Round 3."""
        sums = Array(np.uint64, (self.runs, self.depth, self.trees, 2, 2), holds=Masked)
        return Several((sums, Array(np.uint64, (self.runs, self.trees, 2), holds=Masked)))

    @property
    def seconds(self) -> float:
        """What a deadline allows for the trees and the code."""
        return self.m * _SECONDS_PER_ROW

    def rows(self, run: int) -> slice:
        """Which rows of the result a run makes."""
        return slice(run * self.length, min((run + 1) * self.length, self.m))


def shape(m: int, profile: str = RECOMMENDED) -> Shape:
    """How m rows are made.

    raises   InvalidRequest  no row is asked for, or there is no such profile
    """
    if m < 1:
        raise InvalidRequest(f"{m} products asked for; at least one")
    profile = lpn.chosen(m, profile)
    if profile not in LONGEST:
        raise InvalidRequest(f"no profile '{profile}'; one of {', '.join(LONGEST)}")
    runs = -(-m // LONGEST[profile])
    length = -(-m // runs)
    noise = lpn.parameters(length, profile)
    return Shape(m, runs, length, noise.depth, noise.trees)


def cost(m: int, profile: str = RECOMMENDED) -> Cost:
    """What a run of the protocol costs. raises as `shape`"""
    made = shape(m, profile)
    return Cost(3, 32 + made.extension.limit, 2 * BASE * 64 + made.correction.limit)


@dataclass(frozen=True, slots=True, repr=False)
class Noise(Opaque):
    """What R has after round 2: A already, and what it needs for C."""

    a: Blocks
    shape: Shape
    keys: "_Keys"
    alpha: Blocks
    wanted: NDArray[np.bool_]
    pads: Blocks
    products: Blocks


@dataclass(frozen=True, slots=True, repr=False)
class Correction(Opaque):
    """What S has after round 2: its result already, and what R still needs."""

    delta: Blocks
    b: Blocks
    shape: Shape
    message: tuple[Masked, Masked]


def receive(
    peer: Party, m: int, header: bytes, randomness: Randomness, profile: str = RECOMMENDED
) -> Part[tuple[Blocks, Blocks]]:
    """R's part: A and C, each uint64 (m, 2).

    peer      S
    header    public; of this run of these two parties
    profile   of the code's noise, as `lpn` has them; the same on both sides
    raises    InvalidRequest  as `shape`
              PeerMisbehaved  a point of S is no element, or the identity
    """
    noise = yield from begin_receive(peer, m, header, randomness, profile)
    return noise.a, (yield from end_receive(peer, noise))


def send(
    peer: Party, m: int, header: bytes, randomness: Randomness, profile: str = RECOMMENDED
) -> Part[tuple[Blocks, Blocks]]:
    """S's part: Delta, uint64 (2,), and B, uint64 (m, 2).

    peer      R
    raises    InvalidRequest  as `shape`
              PeerMisbehaved  the point of R is no element, or the identity
    """
    correction = yield from begin_send(peer, m, header, randomness, profile)
    yield from end_send(peer, correction)
    return correction.delta, correction.b


def begin_receive(
    peer: Party, m: int, header: bytes, randomness: Randomness, profile: str = RECOMMENDED
) -> Part[Noise]:
    """Rounds 1 and 2 of R. A waits for nothing of S's, so that R can use it in the third. As `receive`."""
    made, keys = shape(m, profile), _Keys(header)
    offerer, (alpha, beta) = Offerer(keys.base, randomness), _noise(made, randomness)
    noise = beta.reshape(made.runs, made.trees, 2)
    early = _encoded_noise(made, keys, alpha, noise) if made.m <= _EARLY else None
    points = Array(np.uint8, (2 * BASE, 2, 32))
    inbox = yield Round(send={peer: offerer.point}, expect={peer: points}, step="base transfers")
    streams = [(Reader(zero), Reader(one)) for zero, one in offerer.keys(inbox[peer], peer)]
    d, products = noisy_vole.receive(streams[:BASE], beta)
    wanted = np.stack([~ggm.path_sides(of_run, made.depth) for of_run in alpha])
    u, t = transfer_extension.choose(streams[BASE:], packed(wanted.ravel()))
    pads = transfer_extension.chosen_pads(keys.pads, t)[: made.transfers].reshape(*wanted.shape, 2)
    yield Round(send={peer: (Masked(u), Masked(d))}, step="extend")
    a = _encoded_noise(made, keys, alpha, noise) if early is None else early
    return Noise(a, made, keys, alpha, wanted, pads, products.reshape(made.runs, made.trees, 2))


def end_receive(peer: Party, noise: Noise) -> Part[Blocks]:
    """Round 3 of R: C."""
    inbox = yield Round(expect={peer: noise.shape.correction}, step="correct", work=noise.shape.seconds)
    return corrected(noise, inbox[peer])


def corrected(noise: Noise, message: tuple[Masked, Masked]) -> Blocks:
    """C from what S sends in round 3, for who has other things to do between."""
    sums, corr = (part.elements for part in message)
    chosen = masks_of(noise.wanted)[..., None]
    siblings = (sums[:, :, :, 0] & ~chosen | sums[:, :, :, 1] & chosen) ^ noise.pads
    return _encoded_leaves(noise.shape, noise.keys, noise.alpha, siblings, corr ^ noise.products)


def begin_send(
    peer: Party, m: int, header: bytes, randomness: Randomness, profile: str = RECOMMENDED
) -> Part[Correction]:
    """Rounds 1 and 2 of S. As `send`."""
    made, keys = shape(m, profile), _Keys(header)
    delta, s = _blocks(randomness, 2)
    chooser = Chooser(bits_of(np.concatenate([delta, s])), keys.base, randomness)
    inbox = yield Round(send={peer: chooser.points}, expect={peer: Array(np.uint8, (32,))}, step="base transfers")
    streams = [Reader(key) for key in chooser.keys(inbox[peer], peer)]

    b, sums = _grown(made, keys, randomness)  # waits for nothing, so R's round 2 is made meanwhile
    inbox = yield Round(expect={peer: made.extension}, step="extend", work=made.seconds)
    u, d = (message.elements for message in inbox[peer])
    q = transfer_extension.answer(streams[BASE:], s, u)
    leaves = sums[:, -1, :, 0] ^ sums[:, -1, :, 1]
    corr = leaves ^ noisy_vole.answer(streams[:BASE], delta, d).reshape(leaves.shape)
    sums ^= transfer_extension.both_pads(keys.pads, q, s)[: made.transfers].reshape(sums.shape)
    return Correction(delta, b, made, (Masked(sums), Masked(corr)))


def end_send(peer: Party, correction: Correction) -> Part[None]:
    """Round 3 of S."""
    yield Round(send={peer: correction.message}, step="correct", work=correction.shape.seconds)


def warm() -> None:
    """Compile all kernels, or load them from the cache, so that no session waits for them."""
    bit_matrix.warm()
    expand_convolute.warm()
    noisy_vole.warm()


class _Keys:
    """The public keys of a run."""

    __slots__ = ("base", "code", "pads", "sides")

    def __init__(self, header: bytes) -> None:
        self.base = public_key(header, "vole: base transfers")
        self.pads = BlockHash(public_key(header, "vole: pads of transfers"))
        zero, one = (BlockHash(public_key(header, f"vole: child {side}")) for side in (0, 1))
        self.sides = zero, one
        self.code = public_key(header, "vole: code")


def _noise(made: Shape, randomness: Randomness) -> tuple[Blocks, Blocks]:
    """Where the holes are, uint64 (runs, trees), and what is put there, never zero, uint64 (runs * trees, 2)."""
    places = np.frombuffer(randomness.bytes(8 * made.noise), np.uint64) & np.uint64((1 << made.depth) - 1)
    beta = _blocks(randomness, made.noise)
    beta[:, 0] |= ~beta.any(axis=1)
    return places.reshape(made.runs, made.trees), beta


def _grown(made: Shape, keys: _Keys, randomness: Randomness) -> tuple[Blocks, Blocks]:
    """B, and the sums of all trees: uint64 (runs, depth, trees, 2 sides, 2)."""
    code = ExpandConvolute(made.length, made.leaves, keys.code)
    b, v = np.empty((made.m, 2), np.uint64), np.empty((made.leaves, 2), np.uint64)
    sums = np.empty((made.runs, made.depth, made.trees, 2, 2), np.uint64)
    for run in range(made.runs):
        roots, rows = _blocks(randomness, made.trees), made.rows(run)
        sums[run] = ggm.grow(keys.sides, roots, made.depth, v.reshape(made.trees, -1, 2))
        b[rows] = code.encode(v)[: rows.stop - rows.start]
    return b, sums


def _encoded_noise(made: Shape, keys: _Keys, alpha: Blocks, beta: Blocks) -> Blocks:
    """A: beta at its places in the trees, else zero, through the code."""
    code, tree = ExpandConvolute(made.length, made.leaves, keys.code), np.arange(made.trees)
    a, eps = np.empty((made.m, 2), np.uint64), np.empty((made.leaves, 2), np.uint64)
    for run in range(made.runs):
        rows = made.rows(run)
        eps[...] = 0
        eps.reshape(made.trees, -1, 2)[tree, alpha[run].astype(np.intp)] = beta[run]
        a[rows] = code.encode(eps)[: rows.stop - rows.start]
    return a


def _encoded_leaves(made: Shape, keys: _Keys, alpha: Blocks, siblings: Blocks, holes: Blocks) -> Blocks:
    """C: the leaves, and in the hole of each tree what is given xor the others, through the code."""
    code, tree = ExpandConvolute(made.length, made.leaves, keys.code), np.arange(made.trees)
    c, w = np.empty((made.m, 2), np.uint64), np.empty((made.leaves, 2), np.uint64)
    for run in range(made.runs):
        rows, of_trees = made.rows(run), w.reshape(made.trees, -1, 2)
        rest = ggm.grow_punctured(keys.sides, alpha[run], made.depth, siblings[run], of_trees)
        of_trees[tree, alpha[run].astype(np.intp)] = holes[run] ^ rest
        c[rows] = code.encode(w)[: rows.stop - rows.start]
    return c


def _blocks(randomness: Randomness, n: int) -> Blocks:
    """Uniform blocks, writeable: uint64 (n, 2)."""
    return np.frombuffer(bytearray(randomness.bytes(16 * n)), np.uint64).reshape(n, 2)
