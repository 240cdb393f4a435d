"""Trees with a hole: equal to full trees but at one leaf each, at every depth and place."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from securecompute.errors import InvalidRequest
from securecompute.primitives import ggm
from securecompute.primitives.block_hash import BlockHash
from tests.seeded import SeededRandomness

KEYED = BlockHash(b"left key 16 byte"), BlockHash(b"right key 16 byt")


def blocks(n, seed="roots"):
    return np.frombuffer(SeededRandomness(f"{seed} {n}").bytes(16 * n), np.uint64).reshape(n, 2)


def transferred(sums, alpha):
    """What oblivious transfer gives: on each level the sum of the side that the path does not take."""
    depth, trees = sums.shape[:2]
    return np.array(
        [[sums[level, i, 1 - (int(alpha[i]) >> level & 1)] for i in range(trees)] for level in range(depth)]
    ).reshape(depth, trees, 2)


def both(alpha, depth, tampered=None):
    """Full leaves, punctured leaves and the sum of the rest."""
    alpha = np.array(alpha, np.uint64)
    full, holed = (np.full((len(alpha), 1 << depth, 2), 7, np.uint64) for _ in "fh")
    sums = ggm.grow(KEYED, blocks(len(alpha)), depth, full)
    siblings = transferred(sums, alpha)
    if tampered is not None:
        siblings[tampered] ^= np.uint64(1)
    return full, holed, ggm.grow_punctured(KEYED, alpha, depth, siblings, holed)


def without(full, alpha):
    expected = full.copy()
    expected[np.arange(len(full)), np.array(alpha, np.intp)] = 0
    return expected


@pytest.mark.parametrize("depth", range(1, 15))
def test_a_punctured_tree_is_the_full_tree_except_at_alpha(depth):
    last = (1 << depth) - 1
    alpha = sorted({0, last, 1, last - 1, last // 3, last // 2, last // 2 + 1})
    full, holed, rest = both(alpha, depth)
    assert (holed == without(full, alpha)).all()
    assert (rest == np.bitwise_xor.reduce(without(full, alpha), axis=1)).all()


@given(st.integers(1, 7), st.data())
def test_every_place_can_be_the_hole(depth, data):
    alpha = data.draw(st.lists(st.integers(0, (1 << depth) - 1), min_size=1, max_size=8))
    full, holed, _ = both(alpha, depth)
    assert (holed == without(full, alpha)).all()


@pytest.mark.parametrize("depth", [1, 2, 5])
def test_leaves_are_hashes_along_the_path(depth):
    """A leaf from its root, one hash a level, by the bits of its number from the lowest on."""
    full, _, _ = both([0, 0], depth)
    for tree in (0, 1):
        for leaf in range(1 << depth):
            node = blocks(2)[tree : tree + 1]
            for level in range(depth):
                node = KEYED[leaf >> level & 1](node)
            assert (full[tree, leaf] == node[0]).all()


def test_sums_are_of_each_sides_nodes_on_every_level():
    out = np.empty((3, 16, 2), np.uint64)
    sums = ggm.grow(KEYED, blocks(3), 4, out)
    for level in range(4):
        nodes = np.empty((3, 2 << level, 2), np.uint64)
        ggm.grow(KEYED, blocks(3), level + 1, nodes)
        for side in (0, 1):
            of_side = nodes[:, (np.arange(2 << level) >> level & 1) == side]
            assert (sums[level, :, side] == np.bitwise_xor.reduce(of_side, axis=1)).all()


@pytest.mark.parametrize("spared", [0, 1])
def test_to_zero_only_one_child_of_the_hole_would_be_seen(spared, monkeypatch):
    """The planted fault: one child of the unknown node stays the hash of zero, which spoils later sums."""

    class Forgetful(np.ndarray):
        def __setitem__(self, place, value):
            if isinstance(place, tuple) and isinstance(value, int) and value == 0:
                self.forgotten += 1
                if self.forgotten == spared + 1:
                    return
            super().__setitem__(place, value)

    children = ggm._children

    def careless(keyed, nodes):
        made = children(keyed, np.asarray(nodes)).view(Forgetful)
        made.forgotten = 0
        return made

    full, right, _ = both([5], 3)
    assert (right == without(full, [5])).all()
    monkeypatch.setattr(ggm, "_children", careless)
    holed, sums = np.empty((1, 8, 2), np.uint64), ggm.grow(KEYED, blocks(1), 3, np.empty((1, 8, 2), np.uint64))
    ggm.grow_punctured(KEYED, np.array([5], np.uint64), 3, transferred(sums, [5]), holed)
    assert (holed != without(full, [5])).any()


def test_a_wrong_sum_spoils_the_sibling_and_with_it_all_later_ones():
    full, holed, _ = both([6], 4, tampered=(1, 0))
    wrong = (holed != without(full, [6])).any(axis=2)[0]
    leaves = np.arange(16)
    assert (wrong == ((leaves & 1 == 0) & (leaves != 6))).all()  # odd leaves are of the sibling on level 1


def test_the_leaf_at_alpha_is_not_what_the_receiver_could_make_of_zero():
    full, holed, _ = both([9], 4)
    assert (full[0, 9] != 0).all()
    assert not (holed[0, 9]).any()


@settings(max_examples=5)
@given(st.integers(1, 5))
def test_trees_are_grown_in_batches_of_any_size(tile):
    expected, full = both(range(8), 3)[0], np.empty((8, 8, 2), np.uint64)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ggm, "_TILE", 8 * tile)
        ggm.grow(KEYED, blocks(8), 3, full)
    assert (full == expected).all()


def test_leaves_can_go_between_other_columns():
    wide = np.full((4, 8, 4), 3, np.uint64)
    ggm.grow(KEYED, blocks(4), 3, wide[..., 2:])
    assert (wide[..., 2:] == both(range(4), 3)[0]).all()
    assert (wide[..., :2] == 3).all()


def test_path_sides_are_the_bits_of_alpha():
    sides = ggm.path_sides(np.array([6, 1], np.uint64), 3)
    assert sides.tolist() == [[False, True], [True, False], [True, False]]


@pytest.mark.parametrize("depth", [0, -1, 31])
def test_a_tree_has_at_least_one_level_and_at_most_thirty(depth):
    with pytest.raises(InvalidRequest, match="levels"):
        ggm.grow(KEYED, blocks(1), depth, np.empty((1, 2, 2), np.uint64))


def test_arrays_that_do_not_fit_are_refused():
    out, alpha, siblings = np.empty((2, 4, 2), np.uint64), np.zeros(2, np.uint64), np.zeros((2, 2, 2), np.uint64)
    fixed = out.copy()
    fixed.flags.writeable = False
    for wrong in (out[:, :3], out[:1], out.astype(np.int64), fixed):
        with pytest.raises(InvalidRequest, match="leaves"):
            ggm.grow(KEYED, blocks(2), 2, wrong)
    for wrong in (blocks(2)[:, :1], blocks(2).astype(np.int64)):
        with pytest.raises(InvalidRequest, match="trees"):
            ggm.grow(KEYED, wrong, 2, out)
    with pytest.raises(InvalidRequest, match="trees"):
        ggm.grow_punctured(KEYED, alpha, 2, siblings[:1], out)
    for wrong in (alpha.astype(np.int64), np.full(2, 4, np.uint64)):
        with pytest.raises(InvalidRequest, match="alpha"):
            ggm.grow_punctured(KEYED, wrong, 2, siblings, out)
