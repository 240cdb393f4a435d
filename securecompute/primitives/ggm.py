"""Trees of pseudo-random leaves, of which the other side gets all but one a tree, without saying which.

    child_0 = AES_K0(parent) + parent,   child_1 = AES_K1(parent) + parent,   + is xor;  K0, K1 public, of one session

The sender grows t trees of depth d from roots of its own, and keeps for every level the sum of all children 0 and of
all children 1 of each tree. The receiver, to whom leaf alpha of a tree shall stay unknown, gets of each level, by
oblivious transfer, one of the two sums: of the side that the path to alpha does not take. So it knows all nodes of a
level but the one on the path; of that one's children it gets the sibling, what is missing in the sum, and not the
child on the path. Leaf number bits: the side taken on level l = 1, ..., d is bit l - 1.

Layout     Nodes of a level are ordered by side on the last level first, trees last, so that a level is hashed in two
           runs. Only the leaves are written in the order of trees. Some trees at a time go through all levels.
Security   Leaf alpha is pseudo-random to the receiver, if AES is an ideal cipher: MMO under two keys as a generator
           that doubles its input. Memory is touched at places that depend on alpha, no branch does.
Cost       2 AES a leaf. 172 trees of depth 14, one core: 0.06 s, punctured 0.07 s.
Reference  Goldreich, Goldwasser, Micali, J. ACM 1986; Boyle et al., CCS 2019 (ePrint 2019/1159) for the transfers of
           sums; two fixed keys as in libOTe's RegularPprf.
"""

from collections.abc import Iterator
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from securecompute.errors import InvalidRequest
from securecompute.primitives.block_hash import BlockHash

DEEPEST = 30

Blocks: TypeAlias = NDArray[np.uint64]
Keyed: TypeAlias = tuple[BlockHash, BlockHash]  # under K0, under K1

_TILE = 1 << 18  # leaves that are grown together, 4 MiB: fewer cost more in calls than they save in the cache


def grow(keyed: Keyed, roots: Blocks, depth: int, out: Blocks) -> Blocks:
    """Grow full trees; returns the sums of the children of each side.

    roots    uint64 (t, 2), secret
    depth    1 to 30
    out      uint64 (t, 2^depth, 2), any strides: leaf p of tree i is written to [i, p]
    returns  uint64 (depth, t, 2 sides, 2); those of the last level are of leaves
    raises   InvalidRequest  another depth, or arrays that do not fit
    """
    _check(roots, (len(roots), 2), depth, out)
    sums = np.empty((depth, len(roots), 2, 2), np.uint64)
    for trees in _batches(len(roots), depth):
        nodes = roots[trees][None]
        for level in range(depth):
            nodes = _children(keyed, nodes)
            sums[level, trees] = _sums(nodes)
        _write(out[trees], nodes)
    return sums


def grow_punctured(keyed: Keyed, alpha: NDArray[np.uint64], depth: int, siblings: Blocks, out: Blocks) -> Blocks:
    """Grow what the receiver can; returns the sum of all leaves but alpha, of each tree.

    alpha     uint64 (t,), below 2^depth, secret
    depth     1 to 30
    siblings  uint64 (depth, t, 2): of each level the sum of the side that alpha's path does not take
    out       uint64 (t, 2^depth, 2), any strides: leaf p of tree i is written to [i, p], zero at p = alpha
    returns   uint64 (t, 2)
    raises    InvalidRequest  another depth, arrays that do not fit, or an alpha beyond the last leaf
    """
    t = len(alpha)
    _check(siblings, (depth, t, 2), depth, out)
    if alpha.dtype != np.uint64 or alpha.ndim != 1 or (alpha >> np.uint64(depth)).any():
        raise InvalidRequest(f"alpha is {alpha.dtype} {alpha.shape}; expected uint64 (trees,), each below 2^{depth}")
    rest = np.empty((t, 2), np.uint64)
    for trees in _batches(t, depth):
        nodes, hole = np.zeros((1, len(alpha[trees]), 2), np.uint64), np.zeros(len(alpha[trees]), np.intp)
        for level in range(depth):
            side = (alpha[trees] >> np.uint64(level) & np.uint64(1)).astype(np.intp)
            nodes, hole, rest[trees] = _step(keyed, nodes, hole, side, siblings[level, trees])
        _write(out[trees], nodes)
    return rest


def path_sides(alpha: NDArray[np.uint64], depth: int) -> NDArray[np.bool_]:
    """The side that the path to each leaf takes on each level: bool (depth, t)."""
    levels = np.arange(depth, dtype=np.uint64)[:, None]
    sides: NDArray[np.bool_] = (alpha >> levels & np.uint64(1)).astype(np.bool_)
    return sides


def _step(
    keyed: Keyed, nodes: Blocks, hole: NDArray[np.intp], side: NDArray[np.intp], sibling: Blocks
) -> tuple[Blocks, NDArray[np.intp], Blocks]:
    """One level down: all children but the one on the path, its place, and the sum of the others of each tree.

    nodes   (parents, trees, 2), zero at `hole`, which holds a place for each tree
    """
    parents, tree = len(nodes), np.arange(len(hole))
    nodes = _children(keyed, nodes)
    nodes[hole, tree] = 0  # both are hashes of a zero that stands for what is unknown
    nodes[hole + parents, tree] = 0
    known = _sums(nodes)
    nodes[hole + (1 - side) * parents, tree] = sibling ^ known[tree, 1 - side]
    return nodes, hole + side * parents, sibling ^ known[tree, side]


def _children(keyed: Keyed, nodes: Blocks) -> Blocks:
    """Children of (n, trees, 2): (2 n, trees, 2), those of side 0 first."""
    n, trees, _ = nodes.shape
    children = np.empty((2, n * trees, 2), np.uint64)
    for side in (0, 1):
        keyed[side](nodes.reshape(-1, 2), out=children[side])
    return children.reshape(2 * n, trees, 2)


def _sums(nodes: Blocks) -> Blocks:
    """Sums of each tree's children of each side: (trees, 2 sides, 2)."""
    halves = nodes.reshape(2, len(nodes) // 2, -1)
    sums: Blocks = np.bitwise_xor.reduce(halves, axis=1)
    return sums.reshape(2, -1, 2).transpose(1, 0, 2)


def _write(out: Blocks, leaves: Blocks) -> None:
    out[...] = leaves.transpose(1, 0, 2)


def _batches(trees: int, depth: int) -> Iterator[slice]:
    """Trees that are grown together."""
    step = max(1, _TILE >> depth)
    return (slice(start, min(start + step, trees)) for start in range(0, trees, step))


def _check(given: Blocks, shape: tuple[int, ...], depth: int, out: Blocks) -> None:
    """`given` has this shape, of which the last axis but one is of trees, and `out` holds their leaves."""
    if not 1 <= depth <= DEEPEST:
        raise InvalidRequest(f"a tree has 1 to {DEEPEST} levels, not {depth}")
    if given.dtype != np.uint64 or given.shape != shape:
        raise InvalidRequest(f"{given.dtype} {given.shape} for trees; expected uint64 {shape}")
    leaves = (shape[-2], 1 << depth, 2)
    if out.dtype != np.uint64 or out.shape != leaves or not out.flags.writeable:
        raise InvalidRequest(f"leaves go to {out.dtype} {out.shape}; expected writeable uint64 {leaves}")
