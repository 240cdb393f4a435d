"""Values: whatever is tried on a secret raises a sentence that says what to do instead, and shows nothing."""

import copy
import json
import math
import operator
import pickle
import string
from dataclasses import dataclass

import numpy as np
import pytest

from securecompute.errors import InvalidRequest
from securecompute.values import Ciphertext, Masked, Opaque, Plain, Released, Secret, SecretMisused, Share

KINDS = [Plain, Share, Masked, Ciphertext]
REMEDY = {
    Plain: "It is an institution's own input and never leaves it.",
    Share: "Reveal it under a protocol first; only a Released value is ordinary.",
    Masked: "It is noise to whoever holds it; the masks come off only in the total.",
    Ciphertext: "Reveal it under a protocol first; only a Released value is ordinary.",
}
ARRAY = np.array([424242, 434343], np.uint64)

MISUSES = {
    "bool": bool,
    "not": operator.not_,
    "if": lambda x: 1 if x else 2,
    "len": len,
    "iter": iter,
    "list": list,
    "tuple": tuple,
    "unpacking": lambda x: [*x],
    "for": lambda x: [e for e in x],
    "sum": sum,
    "sum of secrets": lambda x: sum([x, x]),
    "max": max,
    "max of two": lambda x: max(x, x),
    "sorted": sorted,
    "sorted secrets": lambda x: sorted([x, x]),
    "any": any,
    "all": all,
    "reversed": reversed,
    "in it": lambda x: 424242 in x,
    "it in a list": lambda x: x in [1, 2],
    "list.index": lambda x: [1].index(x),
    "==": lambda x: x == ARRAY,
    "==, with the array asked first": lambda x: operator.eq(ARRAY, x),
    "!=": lambda x: x != x,
    "<": lambda x: x < x,
    ">=": lambda x: x >= 3,
    "<=, with the array asked first": lambda x: operator.le(ARRAY, x),
    "index": lambda x: x[0],
    "slice": lambda x: x[:1],
    "int": int,
    "float": float,
    "complex": complex,
    "range": range,
    "as an index": lambda x: [1, 2, 3][x],
    "hex": hex,
    "round": round,
    "math.floor": math.floor,
    "math.sqrt": math.sqrt,
    "+": lambda x: x + x,
    "+ 1": lambda x: x + 1,
    "1 +": lambda x: 1 + x,
    "array +": lambda x: ARRAY + x,
    "+ array": lambda x: x + ARRAY,
    "+=": lambda x: operator.iadd(x, 1),
    "-": lambda x: x - 1,
    "*": lambda x: 2 * x,
    "@": lambda x: x @ ARRAY,
    "array @": lambda x: ARRAY @ x,
    "/": lambda x: x / 2,
    "//": lambda x: x // 2,
    "%": lambda x: x % 2,
    "divmod": lambda x: divmod(x, 2),
    "**": lambda x: x**2,
    "pow": lambda x: pow(2, x),
    "negative": operator.neg,
    "plus": operator.pos,
    "abs": abs,
    "invert": operator.invert,
    "&": lambda x: x & 1,
    "1 |": lambda x: 1 | x,
    "^": lambda x: x ^ x,
    "<<": lambda x: x << 1,
    "1 >>": lambda x: 1 >> x,
    "hash": hash,
    "in a set": lambda x: {x},
    "as a key": lambda x: {x: 1},
    "copy.copy": copy.copy,
    "copy.deepcopy": copy.deepcopy,
    "deepcopy of a list": lambda x: copy.deepcopy([x]),
    **{f"pickle {n}": lambda x, n=n: pickle.dumps(x, n) for n in range(pickle.HIGHEST_PROTOCOL + 1)},
    "json": json.dumps,
    "bytes": bytes,
    "memoryview": memoryview,
    "np.array": np.array,
    "np.asarray": np.asarray,
    "np.array of a list": lambda x: np.array([x, x]),
    "np.asarray as objects": lambda x: np.asarray(x, object),
    "np.sum": np.sum,
    "np.mean": np.mean,
    "np.add": lambda x: np.add(x, 1),
    "np.sort": np.sort,
    "np.array_equal": lambda x: np.array_equal(x, ARRAY),
    "np.concatenate": lambda x: np.concatenate([x, x]),
    "np.copyto": lambda x: np.copyto(np.zeros(2, np.uint64), x),
    "np.full": lambda x: np.full(2, x),
    "np.save": lambda x: np.save("/dev/null", x),
    "setting an attribute": lambda x: setattr(x, "note", 1),
    "setting its elements": lambda x: setattr(x, "elements", ARRAY),
    "setting an item": lambda x: operator.setitem(x, 0, 1),
    "__getstate__": lambda x: x.__getstate__(),
    "__reduce__": lambda x: x.__reduce__(),
    "%d": lambda x: operator.mod("%d", x),
    "calling": lambda x: x(),
}
# Python itself refuses these, with its own text, before the value is asked
PYTHONS_OWN = {
    "json",
    "hash",
    "in a set",
    "as a key",
    "setting an attribute",
    "setting its elements",
    "setting an item",
    "%d",
    "calling",
    "memoryview",
}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("misuse", MISUSES)
def test_every_misuse_raises_and_says_what_to_do_instead(kind, misuse):
    with pytest.raises((TypeError, AttributeError)) as caught:
        MISUSES[misuse](kind(ARRAY))
    text = str(caught.value)
    assert "424242" not in text and "434343" not in text
    if misuse not in PYTHONS_OWN:
        assert isinstance(caught.value, SecretMisused) and isinstance(caught.value, InvalidRequest)
        assert text.startswith(f"a {kind.__name__} value ") and text.endswith(REMEDY[kind])


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    "show",
    [
        repr,
        str,
        ascii,
        format,
        lambda x: f"{x}",
        lambda x: f"{x!r:>10}",
        lambda x: f"{x:>400}",
        lambda x: f"{x:d}",
        lambda x: f"{x=}",
        lambda x: operator.mod("%s", [x]),
        lambda x: "{}".format(x),  # noqa: UP032
        lambda x: string.Template("$x").substitute(x=x),
        lambda x: str([x, {"x": x}]),
        lambda x: json.dumps(x, default=repr),
    ],
)
def test_no_text_shows_contents(kind, show):
    text = show(kind(ARRAY))
    assert "4242" not in text and "4343" not in text
    assert f"{kind.__name__}(shape=(2,), dtype=uint64)" in text


@pytest.mark.parametrize("kind", KINDS)
def test_there_is_no_dictionary_of_attributes_to_look_into(kind):
    with pytest.raises(TypeError):
        vars(kind(ARRAY))
    assert np.ndarray not in {
        type(getattr(kind(ARRAY), name, None)) for name in dir(kind) if not name.endswith("elements")
    }


@pytest.mark.parametrize("kind", KINDS)
def test_a_protocol_reads_the_very_array(kind):
    assert kind(ARRAY).elements is ARRAY
    assert isinstance(kind(ARRAY), Secret)


def test_identity_is_not_a_comparison_of_contents():
    x = Masked(ARRAY)
    assert x is x and x in [x]


def test_a_released_value_is_ordinary():
    released = Released((21, None))
    assert released == Released((21, None)) and hash(released) == hash(Released((21, None)))
    assert "21" in repr(released) and pickle.loads(pickle.dumps(released)) == released
    assert copy.deepcopy(released).entries == (21, None)


class OfSlots(Opaque):
    __slots__ = ("_key",)

    def __init__(self, key):
        self._key = key


@dataclass(frozen=True, slots=True, repr=False)
class OfFields(Opaque):
    key: bytes


@pytest.mark.parametrize("kind", [OfSlots, OfFields])
def test_what_is_opaque_shows_nothing_and_is_neither_pickled_nor_copied(kind):
    kept = kind(b"424242")
    assert repr(kept) == str(kept) == f"{kept}" == f"{kind.__name__}(...)"
    for leave in (pickle.dumps, copy.copy, copy.deepcopy, lambda x: pickle.dumps({"k": [x]})):
        with pytest.raises(SecretMisused, match="cannot be pickled or copied"):
            leave(kept)
