"""A stream is the words of its key's mask, in order, each once, however it is read."""

import numpy as np
import pytest

from securecompute.arithmetic.ring_arrays import RingArray, tiled, word_shape
from securecompute.arithmetic.rings import Ring
from securecompute.errors import InvalidRequest
from securecompute.primitives.masks import uniform
from securecompute.protocols.products.streams import Stream, expand
from tests.protocols.products.views import uniform as looks_uniform

BOTH = pytest.mark.parametrize("ring", [Ring.Z64, Ring.Z128], ids=str)
KEY = bytes(range(32))


@BOTH
@pytest.mark.parametrize("shape", [(), (1,), (0, 3), (5, 7), (70_001,), (3, 30_000)])
def test_an_element_is_its_words_of_the_mask(ring, shape):
    size = int(np.prod(shape))
    words = uniform(ring, KEY, size)  # the masks' own: (d,) or (d, 2)
    expected = words if ring is Ring.Z64 else words.T
    got = expand(KEY, ring, shape)
    assert got.shape == shape
    assert (got.words == expected.reshape(word_shape(ring, shape))).all()


@BOTH
@pytest.mark.parametrize("cuts", [[7], [1, 6], [3, 0, 4], [1] * 7])
def test_reading_in_pieces_gives_the_same_elements(ring, cuts):
    stream, whole = Stream(KEY, ring, (7,)), expand(KEY, ring, (7,))
    pieces = [stream.read((n,)).signed() for n in cuts]
    assert (np.concatenate(pieces) == whole.signed()).all()


@BOTH
def test_a_stream_used_in_a_formula_is_read_once_and_in_order(ring):
    x = RingArray.zeros(ring, (5, 20_000))
    got = tiled(lambda x, s: x + s, x, Stream(KEY, ring, x.shape))
    assert (got.words == expand(KEY, ring, x.shape).words).all()
    assert looks_uniform(got.words)


def test_a_stream_is_not_repeated_to_fill_a_larger_shape():
    with pytest.raises(InvalidRequest, match="source of"):
        tiled(lambda x, s: x + s, RingArray.zeros(Ring.Z64, (4, 3)), Stream(KEY, Ring.Z64, (3,)))


def test_a_key_is_32_bytes():
    with pytest.raises(InvalidRequest, match="32 bytes"):
        Stream(b"short", Ring.Z64, (1,))
