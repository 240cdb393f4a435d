"""Expressions become programs: each computed once, in order, of plain data, whatever their depth."""

import pickle

import numpy as np
import pytest

from securecompute.arithmetic.rings import Ring
from securecompute.errors import EncodingOverflow, InvalidRequest
from securecompute.programs.expressions import Expression, apply, program_of, public_numbers
from securecompute.programs.program import Input, Program
from securecompute.values import SecretMisused


def numbers(shape=(3, 2), bound=4.0, owner="Bern", name="x", **declared):
    return Expression.of_input(Input(owner, {"held": name}, shape, bound, **declared))


def lines(*outputs):
    return [node.operation for node in program_of([(each, "collector") for each in outputs]).nodes]


def test_operands_stand_before_what_uses_them_and_inputs_keep_their_declaration():
    x = numbers()
    program = program_of([(apply("gram", apply("negate", x)), "Lyon")])
    assert [node.operation for node in program.nodes] == ["input", "negate", "gram"]
    assert program.nodes[0].value is x.value
    assert program.nodes[2].inputs == (1,)
    assert program.outputs == ((2, "Lyon"),)


def test_what_is_written_twice_is_computed_once():
    first, second = (apply("add", apply("negate", numbers()), np.full((3, 2), 1.5)) for _ in range(2))
    assert first is not second
    assert lines(first, second, apply("add", first, second)) == ["input", "negate", "constant", "add", "add"]


@pytest.mark.parametrize(
    "other",
    [
        apply("negate", numbers(name="y")),
        apply("negate", numbers(owner="Lyon")),
        apply("negate", numbers(bound=5.0)),
        apply("add", numbers(), 1.0),
        apply("reshape", numbers(), shape=[2, 3]),
        apply("transpose", numbers(), axes=[1, 0]),
    ],
)
def test_different_expressions_have_different_keys(other):
    seen = [apply("negate", numbers()), apply("add", numbers(), 2.0), apply("reshape", numbers(), shape=[6])]
    assert other.key not in {each.key for each in seen}


def test_constants_differ_by_shape_too():
    assert Expression.constant(np.zeros((2, 3))).key != Expression.constant(np.zeros((3, 2))).key
    assert Expression.constant(np.zeros((0, 3))).key != Expression.constant(np.zeros((0, 2))).key


def test_a_chain_longer_than_pythons_stack_becomes_a_program():
    x = numbers()
    for _ in range(1500):
        x = apply("negate", x)
    assert lines(x) == ["input"] + ["negate"] * 1500
    del x  # and its memory goes without a stack of that depth


def test_an_expression_with_as_many_paths_as_there_are_atoms_has_few_lines():
    x = numbers(bound=2.0**-60, wide=True)
    for _ in range(100):
        x = apply("add", x, x)
    assert len(lines(x)) == 101


def test_a_program_that_is_too_long_is_refused(monkeypatch):
    monkeypatch.setattr("securecompute.programs.program.MOST_NODES", 20)
    x = numbers()
    for _ in range(20):
        x = apply("negate", x)
    with pytest.raises(InvalidRequest, match="at most 20 lines"):
        program_of([(x, "collector")])


def test_a_program_is_plain_data_that_others_read_alike():
    x = numbers()
    picked = apply("index", apply("add", x, np.array(0.25)), index=[[0, 2, 1], []])
    program = program_of([(picked, "collector"), (x, "Lyon")])
    read = Program.from_plain(program.to_plain())
    assert read.types == program.types
    assert read.outputs == program.outputs


def test_the_type_is_that_of_the_program():
    x = numbers(integer=True, wide=True)
    result = apply("sum", apply("multiply", x, 3.0), axes=[0])
    assert result.type == program_of([(result, "collector")]).types[-1]
    assert (result.shape, result.type.bound, result.type.integer, result.type.ring) == ((2,), 36.0, True, Ring.Z128)


def test_owners_are_all_whose_numbers_are_used():
    both = apply("add", numbers(owner="Lyon"), apply("negate", numbers(owner="Bern")))
    assert apply("add", both, 1.0).owners == ("Bern", "Lyon")


def test_a_constant_is_a_copy_that_nobody_writes_to():
    mine = np.ones(3)
    constant = Expression.constant(mine)
    mine[0] = 7.0
    assert constant.value.tolist() == [1, 1, 1]
    with pytest.raises(ValueError, match="read-only"):
        constant.value[0] = 7.0


@pytest.mark.parametrize(
    ("given", "text"),
    [
        (np.nan, "a NaN or an infinity"),
        ([1.0, -np.inf], "a NaN or an infinity"),
        (np.longdouble("1e400"), "a NaN or an infinity"),
        (1e40, "beyond every ring"),
        (2**60 + 1, "beyond 2\\^53"),
        (np.array([2**63], np.uint64), "beyond 2\\^53"),
        (10**30, "dtype object"),
        ("seven", "dtype <U5"),
        (None, "dtype object"),
        (1j, "dtype complex128"),
        (np.array("2020-01-01", "M8[D]"), "dtype datetime64"),
        ([[1.0], [1.0, 2.0]], "rows of one length"),
        (np.ma.masked_array([1.0, 2.0], [True, False]), "a masked array hides numbers"),
        (np.zeros((1,) * 7), "at most 64 MB"),
    ],
)
def test_what_is_no_public_number_is_refused(given, text):
    with pytest.raises(InvalidRequest, match=text):
        Expression.constant(given)


@pytest.mark.parametrize("given", [3, 2.5, True, np.float32(0.1), [1, 2], np.arange(6).reshape(2, 3).T, np.int8(-3)])
def test_what_numpy_takes_as_numbers_is_public(given):
    got = public_numbers(given)
    assert got.dtype == np.float64
    assert got.shape == np.shape(given)
    assert (got == given).all()


def test_numbers_beyond_the_ring_are_refused_where_they_are_written():
    x = numbers(bound=2.0**40)
    with pytest.raises(EncodingOverflow, match=r"multiply: numbers up to .* are beyond .*wide=True"):
        apply("multiply", x, x)
    wide = numbers(bound=2.0**70, wide=True)
    with pytest.raises(EncodingOverflow, match=r"declare smaller ranges$"):
        apply("multiply", wide, wide)


@pytest.mark.parametrize(
    ("operation", "attributes", "text"),
    [
        ("divine", {}, "there is no operation 'divine'"),
        ("reshape", {}, "has the attributes shape"),
        ("reshape", {"shape": [1] * 7}, "at most 6 axes"),
        ("sum", {"axes": [5]}, "sum over axes"),
        ("index", {"index": [9]}, "out of bounds"),
    ],
)
def test_an_operation_is_checked_as_it_is_written(operation, attributes, text):
    with pytest.raises(InvalidRequest, match=text):
        apply(operation, numbers(), **attributes)


def test_an_expression_is_not_pickled():
    with pytest.raises(SecretMisused, match="not pickled"):
        pickle.dumps(numbers())
