"""The operations that SPU tests its frontend on, with numbers as it draws them: within our bounds, or refused.

The names, shapes and ranges are those of `spu/tests/jnp_testbase.py` of SPU 0.9, which accepts an error of 0.15 for all
of them. Of unsigned numbers only the range is kept: whole numbers have a sign here, and do not wrap.
"""

import numpy as np
import pytest

from securecompute.errors import InvalidRequest, NonFiniteInput
from securecompute.secret_arrays.array import SecretArray, reveal
from securecompute.secret_arrays.gates import top_k
from securecompute.secret_arrays.inputs import secret_array
from tests.secret_arrays.local_network import LocalNetwork

RNG = np.random.default_rng(41)
FLOAT, WHOLE, BOOL = "fib"
REAL, ALL = FLOAT + WHOLE, FLOAT + WHOLE + BOOL


def kept_as(kind, numbers):
    """Numbers drawn as real ones, of the kind that is tested."""
    return numbers.astype({FLOAT: np.float64, WHOLE: np.int64, BOOL: np.bool_}[kind])


def default(kind, shape):
    """0 to 99, 0.1 to 10, or truth values."""
    if kind == FLOAT:
        return RNG.uniform(0.1, 10, shape)
    return RNG.integers(0, 100, shape) if kind == WHOLE else RNG.random(shape) < 0.5


def drawn(draw, after=lambda x: x):
    """Of a normal or uniform distribution, converted, then changed."""
    return lambda kind, shape: kept_as(kind, after(kept_as(kind, draw(shape))))


def apart(x):
    """0.1 or more away from 0."""
    x = np.where(x == 0, np.ones_like(x), x)
    return x + np.where(x > 0, 0.1, -0.1)


def some_equal(kind, shape):
    """About half equal to the first."""
    x = RNG.normal(size=shape) * 100
    return kept_as(kind, np.where(RNG.random(shape) < 0.5, x.flat[0], x))


small = drawn(lambda shape: RNG.normal(size=shape) * 1e-3)
tiny = drawn(lambda shape: RNG.random(shape) * 2e-5)
positive = drawn(lambda shape: RNG.random(shape) * 2, lambda x: x + 1)
normal = drawn(lambda shape: RNG.normal(size=shape) * 3)
large = drawn(lambda shape: RNG.normal(size=shape) * 2**30)
far = drawn(lambda shape: RNG.normal(size=shape) * 3, apart)
truths = drawn(lambda shape: RNG.random(shape) < 0.5)

EXACT = 2.0**-28  # numbers as they are held: sums, choices, orders
PRODUCT = 2.0**-20  # a truncation or two of numbers up to 100
CURVE, QUOTIENT, LOG = 1e-6, 1e-6, 4e-6

# (names, arguments, kinds, draw, bound of the error)
TABLE = [
    ("abs absolute add maximum minimum fmin fmax", None, ALL, default, EXACT),
    ("subtract negative positive conj conjugate real imag isrealobj", None, REAL, default, EXACT),
    ("fabs", 1, FLOAT, default, EXACT),
    ("multiply square outer kron", None, ALL, default, PRODUCT),
    ("equal not_equal greater greater_equal less less_equal", 2, ALL, some_equal, 0),
    ("array_equal array_equiv", 2, REAL, some_equal, 0),
    ("logical_and logical_or logical_xor", 2, ALL, truths, 0),
    ("logical_not", 1, ALL, truths, 0),
    ("exp expm1 exp2", 1, REAL, small, CURVE),
    ("expm1 exp2 log1p", 1, REAL, tiny, LOG),
    ("log log2 log10 log1p sqrt", 1, REAL, positive, LOG),
    ("reciprocal", 1, FLOAT, default, QUOTIENT),
    ("divide true_divide", 2, REAL, far, 2.0**-15),  # 15 bits are shown of quotients in the narrow ring
    ("signbit", 1, REAL, large, 0),
    ("sinh cosh", 1, REAL, small, CURVE),
    ("tanh sign", 1, REAL, normal, CURVE),
    ("heaviside hypot", 2, REAL, default, QUOTIENT),
    ("logaddexp logaddexp2", 2, FLOAT, default, LOG),
    ("deg2rad rad2deg", 1, FLOAT, default, PRODUCT),
    ("angle atleast_1d atleast_2d atleast_3d", 1, REAL, default, PRODUCT),
    ("isreal iscomplex isfinite isnan isinf isposinf isneginf", 1, FLOAT, normal, 0),
    ("ravel transpose", 1, ALL, default, EXACT),
    ("ediff1d", 3, WHOLE, default, 0),
    ("mean sum max min ptp", 1, REAL, default, EXACT * 64),
    ("prod", 1, ALL, tiny, EXACT),
    ("var std", 1, REAL, default, PRODUCT * 64),
    ("any all", 1, ALL, truths, 0),
    ("argmin argmax sort", 1, ALL, some_equal, EXACT * 64),
    ("median", 1, REAL, some_equal, EXACT * 64),
]
TWO = {"add", "maximum", "minimum", "fmin", "fmax", "subtract", "multiply", "outer", "kron"}
REDUCED = {"mean", "sum", "prod"}  # along every axis, with and without it kept

# (names, arguments, draw, what the error says, why)
REFUSED = [
    ("ceil floor trunc rint fix", 1, default, "rounded after they are revealed", "its steps are at the last place"),
    ("divmod floor_divide fmod remainder mod", 2, far, "quotient|remainder", "the same"),
    ("modf", 1, default, "quotient or remainder", "the same"),
    ("gcd lcm", 2, default, "quotient or remainder", "a loop whose length is secret"),
    ("float_power power", 2, tiny, r"np.exp\(k \* np.log\(x\)\)", "0 to the 0, and no bound"),
    (
        "sin cos tan arcsin arccos arctan arccosh arctanh i0 sinc unwrap",
        1,
        small,
        "no program computes",
        "no operation",
    ),
    ("arctan2", 2, default, "no program computes", "no operation"),
    ("arcsinh", 1, small, r"write np.sign\(x\) \*", "written out"),
    ("cbrt", 1, positive, r"np.exp\(np.log\(x\) / 3\)", "written out"),
    ("copysign", 2, default, "write np.where", "written out"),
    ("isclose", 2, some_equal, "tolerance", "its default tolerance may be below the last place"),
    ("ldexp", 2, default, "power of two", "no floating point"),
    ("nextafter", 2, default, "fixed last place", "no floating point"),
    ("bitwise_and bitwise_or bitwise_xor", 2, default, r"write \(x != 0\)", "numbers have no bits"),
    ("bitwise_not invert", 1, default, r"write \(x != 0\)", "numbers have no bits"),
    ("bitwise_count", 1, default, "no bits of a number", "numbers have no bits"),
    ("left_shift right_shift", 2, default, "power of two", "numbers have no bits"),
    ("nanmean nansum nanprod nanmax nanmin nanvar nanstd nanargmax nanargmin", 1, default, "has no NaN", "no NaN"),
]


class Shared:
    """A network's secrets, each shown beside what numpy says: all in one program."""

    def __init__(self):
        self.network, self.secret, self.expected = LocalNetwork(), [], []

    def add(self, label, function, arguments, bound):
        """The function of secret arguments is to be as of plain ones."""
        owners = self.network.institutions
        got = function(*(self.network.secret(owners[k], each) for k, each in enumerate(arguments)))
        plain = [each.astype(np.int64) if each.dtype == np.bool_ and label in COUNTED else each for each in arguments]
        expected = np.asarray(function(*plain))
        if isinstance(got, SecretArray):
            self.secret.append(got)
            self.expected.append((label, expected, bound))
        else:
            np.testing.assert_array_equal(got, expected)

    def check(self):
        """Run the program once. Of each the type is numpy's, and the error within the bound."""
        for got, (label, expected, bound) in zip(reveal(*self.secret), self.expected, strict=True):
            assert np.shape(got) == expected.shape, label
            error = np.abs(np.asarray(got, np.float64) - expected).max(initial=0)
            assert error <= bound, (label, error)


COUNTED = TWO | {"square", "prod", "abs", "absolute"}  # truth values count as 0 and 1 here, as in Python


def cases(kind):
    """(name, function, arguments, draw, bound) for every operation that is tested on such numbers."""
    for names, arguments, kinds, draw, bound in TABLE:
        for name in names.split() if kind in kinds else ():
            count = arguments or 1 + (name in TWO)
            yield name, getattr(np, name), count, draw, bound


@pytest.mark.parametrize(("kind", "shape"), [(FLOAT, (2, 3, 4)), (WHOLE, (2, 3, 4)), (BOOL, (4,))])
def test_operations_are_numpys(kind, shape):
    shared = Shared()
    for name, function, count, draw, bound in cases(kind):
        arguments = [draw(kind, shape) for _ in range(count)]
        if name in ("argmin", "argmax"):
            shared.add(name, lambda x, f=function: f(x, axis=-1), arguments, bound)
        elif name in REDUCED:
            for axis in (*range(len(shape)), None):
                kept = axis == 0
                shared.add(name, lambda x, f=function, a=axis, k=kept: f(x, axis=a, keepdims=k), arguments, bound)
        else:
            shared.add(name, function, arguments, bound)
    shared.check()


def test_what_is_not_drawn_in_those_shapes():
    shared = Shared()
    for kind in REAL:
        shared.add("polyval", np.polyval, [default(kind, (3,)), default(kind, (3,))], 2.0**-8)
        shared.add("top_k", two_largest, [default(kind, (2, 3, 4))], EXACT)
    shared.add("take", lambda x: np.take(x, [8, 0, 3]), [RNG.integers(0, 32, 10)], 0)
    shared.add("angle", lambda x: np.angle(x, deg=True), [normal(FLOAT, (2, 3))], 0)
    shared.check()


def two_largest(x):
    """Along the last axis."""
    return top_k(x, 2) if isinstance(x, SecretArray) else np.sort(x, axis=-1)[..., :-3:-1]


@pytest.mark.parametrize(("names", "count", "draw", "text", "reason"), REFUSED, ids=lambda x: str(x)[:20])
def test_what_is_refused_says_what_to_write(names, count, draw, text, reason):
    network = LocalNetwork()
    for name in names.split():
        kind = WHOLE if "bitwise" in name or "shift" in name or name in ("gcd", "lcm", "invert", "ldexp") else FLOAT
        secrets = [network.secret("Bern", draw(kind, (4,))) for _ in range(count)]
        with pytest.raises(InvalidRequest, match=text):
            getattr(np, name)(*secrets)
    assert reason


@pytest.mark.parametrize("missing", [np.nan, np.inf, -np.inf])
def test_infinities_and_what_is_no_number_are_not_shared_at_all(missing):
    with pytest.raises(NonFiniteInput):
        secret_array(LocalNetwork(), "Bern", np.array([1.0, missing]), None, None, None, False)
