"""The benchmark of products: what both sides compute and answer, rows where a peer is missing, and growth."""

import itertools
import json
import math
import subprocess
import sys
from types import SimpleNamespace

import numpy as np
import pytest

from bench import products
from bench.harness import Claim, compare
from bench.products_sides import growth, others
from bench.products_sides.cases import Case, in_the_clear, largest_error, operands
from bench.products_sides.gates import Ours, symmetric
from bench.products_sides.growth import Point
from bench.products_sides.others import Answer, Spu, figure, mpyc_answer, mpyc_command, numpy_seconds
from bench.products_sides.ours import TRIO, answer, most_sent, shared, side_by_side
from bench.products_sides.ray_side import Holder, to_plain
from bench.products_sides.ray_side import answer as ray_answer
from securecompute.arithmetic.ring_arrays import RingArray
from securecompute.arithmetic.rings import Ring
from securecompute.engine.fabric import Recipe
from securecompute.engine.in_process import InProcess
from securecompute.engine.rounds import Array, Bytes, Round
from securecompute.errors import BadFrame, PeerLost

OPERATIONS = ["matmul", "less", "sigmoid", "divide", "solve"]
ANSWER = {"run": 1.5, "total": 2.0, "cpu": 3.0, "error": 0.25}


@pytest.fixture(autouse=True)
def forget():
    """No test sees another's interpreter or process."""
    cached = (others.spu_interpreter, others.spu_version, others._spu_process)
    for each in cached:
        each.cache_clear()
    yield
    for each in cached:
        each.cache_clear()


@pytest.fixture
def nowhere(monkeypatch):
    """A machine without SPU."""
    monkeypatch.setattr(others, "has", lambda interpreter, module: False)


@pytest.fixture
def peer(monkeypatch, tmp_path):
    """Install a program in the place of SPU's process."""

    def install(code):
        (tmp_path / "stand_in.py").write_text("import json, sys\n" + code)
        monkeypatch.setattr(others, "spu_interpreter", lambda: sys.executable)
        monkeypatch.setattr(others, "SPU_MODULE", "stand_in")
        monkeypatch.setattr(others, "ROOT", tmp_path)

    yield install
    if others._spu_process.cache_info().currsize:
        process = others._spu_process()
        process.stdin.close()
        process.wait()
        process.stdout.close()


@pytest.mark.parametrize("operation", OPERATIONS)
def test_all_sides_have_the_same_operands_and_numpy_has_no_error(operation):
    case = Case(operation, 20)
    x = operands(case)
    assert all(np.array_equal(a, b) for a, b in zip(x, operands(case), strict=True))
    assert all(each.dtype == np.float64 for each in x)
    assert largest_error(case, in_the_clear(case)(*x)) == 0.0


@pytest.mark.parametrize("operation", OPERATIONS)
def test_the_error_is_the_largest_difference_and_is_no_number_where_the_answer_is_none(operation):
    case = Case(operation, 20)
    answer = in_the_clear(case)(*operands(case)).astype(float)
    answer.flat[3] += 0.5
    answer.flat[4] -= 2.0
    assert largest_error(case, answer) == pytest.approx(2.0)
    answer.flat[5] = math.nan
    assert math.isnan(largest_error(case, answer))


def test_divisors_are_within_their_range_and_of_both_signs():
    _, divisors = operands(Case("divide", 2000))
    assert 0.01 <= abs(divisors).min() < 0.02 and 50 < abs(divisors).max() <= 100
    assert 0.4 < (divisors < 0).mean() < 0.6


def test_what_is_compared_with_zero_is_exact_in_fixed_point_and_of_both_signs():
    (x,) = operands(Case("less", 10**5))
    assert np.array_equal(x * 2**16, np.rint(x * 2**16))
    assert 0.4 < (x < 0).mean() < 0.6


def test_equations_are_symmetric_and_positive_definite():
    x, y = operands(Case("solve", 12))
    assert np.array_equal(x, x.T) and np.linalg.eigvalsh(x).min() > 0
    assert y.shape == (12,)


def test_an_unknown_operation_is_refused():
    with pytest.raises(KeyError):
        operands(Case("cube", 3))


def test_the_cases_load_nothing_but_numpy():
    heavy = "{'rich', 'numba', 'scipy', 'securecompute', 'jax', 'mpyc'}"
    code = f"import sys; import bench.products_sides.cases; print(sorted(set(sys.modules) & {heavy}))"
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert told.stdout == "[]\n"


def test_loading_the_others_imports_no_peer():
    code = "import sys; import bench.products_sides.others; print(sorted(set(sys.modules) & {'spu', 'jax', 'mpyc'}))"
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert told.stdout == "[]\n"


def test_without_spu_a_row_says_so_and_runs_nothing(nowhere):
    def never():
        raise AssertionError("measured")

    theirs = others.spu_figure(Case("matmul", 8), others.SPU_ABY3_64, "run")
    row = compare(Claim("product", never, theirs, str(others.SPU_ABY3_64), 5.0, others.needs_spu()), turns=1)
    assert row.other_is == "SPU ABY3 FM64: not installed (spu)"
    assert (row.ours, row.other, row.ratio, row.met) == (None, None, None, None)
    assert others.spu_version() is None


def test_without_spu_a_run_is_refused_by_name(nowhere):
    with pytest.raises(ModuleNotFoundError, match="make peers"):
        others.spu(Case("matmul", 8), others.SPU_ABY3_64)


def test_where_an_interpreter_has_spu_a_row_needs_nothing(monkeypatch):
    monkeypatch.delenv(others.INTERPRETER, raising=False)
    monkeypatch.setattr(others, "has", lambda interpreter, module: interpreter.endswith("spu/bin/python"))
    assert others.needs_spu() == ()
    assert others.spu_interpreter().startswith(sys.prefix)


def test_a_named_interpreter_is_the_only_one_looked_at(monkeypatch):
    looked = []
    monkeypatch.setenv(others.INTERPRETER, "/no/such/python")
    monkeypatch.setattr(others, "has", lambda interpreter, module: looked.append(interpreter))
    assert others.spu_interpreter() is None
    assert looked == ["/no/such/python"]


def test_an_interpreter_is_asked_for_a_module_without_importing_it():
    assert others.has(sys.executable, "numpy")
    assert not others.has(sys.executable, "no_such_module")
    assert not others.has("/no/such/python", "numpy")


def test_requests_go_to_one_process_and_answers_come_back_in_order(peer):
    peer(
        "for count, line in enumerate(sys.stdin):\n"
        "    asked = json.loads(line)\n"
        "    answer = {'run': count, 'total': asked['size'], 'cpu': asked['field'], 'error': asked['accurate']}\n"
        "    print(json.dumps(answer | {'bytes': asked['traffic']}), flush=True)\n"
    )
    first = others.spu(Case("matmul", 8), others.SPU_ABY3_64)
    second = others.spu(Case("less", 9), others.SPU_ABY3_128_ACCURATE, traffic=True)
    assert (first.run, first.total, first.cpu, first.error, first.bytes) == (0, 8, 64, False, False)
    assert (second.run, second.total, second.cpu, second.error, second.bytes) == (1, 9, 128, True, True)


def test_only_bytes_and_messages_ask_for_the_profile(peer):
    peer(
        "for line in sys.stdin:\n"
        "    seen = json.loads(line)['traffic']\n"
        "    print(json.dumps(dict(run=seen, total=seen, cpu=0, error=0, bytes=seen, messages=seen)), flush=True)\n"
    )
    case, how = Case("matmul", 8), others.SPU_ABY3_64
    told = {name: others.spu_figure(case, how, name)() for name in ("run", "total", "bytes", "messages")}
    assert told == {"run": 0.0, "total": 0.0, "bytes": 1.0, "messages": 1.0}


def test_a_process_that_ends_is_an_error_with_the_case(peer):
    peer("sys.stdin.readline(); sys.exit(3)\n")
    with pytest.raises(RuntimeError, match=r"ended with 3 at .*matmul"):
        others.spu(Case("matmul", 8), others.SPU_ABY3_64)


def test_settings_are_called_as_a_reader_would():
    named = [str(how) for how in (others.SPU_ABY3_128_ACCURATE, Spu("semi2k", 2, 64))]
    assert named == ["SPU ABY3 FM128, accurate settings", "SPU semi2k, 2 parties, FM64"]


def test_the_last_answer_that_mpyc_prints_counts():
    printed = "Barrier 0\n" + json.dumps(ANSWER | {"run": 9.0}) + "\n" + json.dumps(ANSWER) + "\nStop\n"
    answer = mpyc_answer(printed)
    assert (answer.run, answer.error) == (1.5, 0.25)
    assert math.isnan(answer.bytes) and math.isnan(answer.compile)


def test_mpyc_without_an_answer_is_an_error():
    with pytest.raises(ValueError, match="no answer"):
        mpyc_answer("Start\nStop\n")


def test_mpyc_is_started_with_three_parties_at_a_free_port(monkeypatch):
    started = []

    def run(command, **how):
        started.append((command, how["env"]["PYTHONPATH"]))
        return SimpleNamespace(stdout=json.dumps(ANSWER))

    monkeypatch.setattr(others.subprocess, "run", run)
    assert others.mpyc_figure(Case("divide", 50), "total")() == 2.0
    [(command, path)] = started
    assert command[2:5] == ["divide", "50", "-M3"] and int(command[6]) > 0
    assert (others.Path(path) / "bench" / "harness.py").exists()
    assert mpyc_command(Case("less", 5), 40_000)[-2:] == ["-B", "40000"]


def test_a_figure_that_no_answer_has_is_refused_before_it_runs():
    with pytest.raises(AttributeError, match="speed"):
        figure(lambda: Answer(**ANSWER), "speed")
    assert figure(lambda: Answer(**ANSWER), "cpu")() == 3.0


def test_numpy_takes_time():
    assert numpy_seconds(Case("matmul", 16))() > 0


def test_a_side_runs_anew_for_seconds_and_is_read_again_for_its_error():
    answers = iter(Answer(k, k, k, error=k + 0.5) for k in range(9))
    runs = others.Runs(lambda: next(answers))
    assert [runs.latest("error")(), runs.anew("run")(), runs.latest("error")(), runs.latest("error")()] == [
        0.5,
        1,
        1.5,
        1.5,
    ]


def test_what_takes_minutes_runs_once():
    answers = iter([Answer(1.0, 2.0, 3.0, 4.0)])
    runs = others.Runs(lambda: next(answers), once=True)
    assert [runs.anew("run")(), runs.anew("run")(), runs.latest("total")()] == [1.0, 1.0, 2.0]


@pytest.mark.parametrize(
    ("gate", "size", "ring", "most"),
    [
        ("matmul", 24, Ring.Z64, 1e-6),
        ("matmul", 24, Ring.Z128, 1e-12),
        ("less", 500, Ring.Z64, 0.0),
        ("less as bits", 500, Ring.Z64, 0.0),
        ("sigmoid", 500, Ring.Z64, 4e-7),
        ("divide", 500, Ring.Z64, 4e-5),
        ("solve", 5, Ring.Z64, 1e-9),
    ],
)
def test_our_answer_is_right_and_counts_what_was_sent(gate, size, ring, most):
    told = answer(Ours(gate, size, ring))
    assert told.error <= most
    assert 0 < told.run <= told.total
    assert told.bytes > 0 and told.rounds >= told.messages / 2 > 0


def test_a_product_costs_the_rounds_and_bytes_that_its_protocol_says():
    told = answer(Ours("matmul", 16))
    assert (told.rounds, told.bytes) == (2, 4 * 8 * 16**2)


def test_fresh_shares_add_up_and_differ_from_run_to_run():
    x = RingArray.integers(Ring.Z64, np.arange(6))
    one, other = shared(x, (b"a" * 32, b"b" * 32)), shared(x, (b"c" * 32, b"d" * 32))
    assert np.array_equal((one[0].mine + one[1].mine + one[2].mine).words, x.words)
    assert not np.array_equal(one[0].mine.words, other[0].mine.words)
    assert all(one[i].next is one[(i + 1) % 3].mine for i in range(3))


def test_parts_side_by_side_end_with_the_error_of_the_one_that_failed():
    def fails():
        yield Round()
        raise RuntimeError("no more")

    def waits():
        yield Round(expect={"one": Bytes(4)})

    with pytest.raises(RuntimeError, match="no more"):
        side_by_side({"one": fails(), "two": waits(), "three": waits()})


def test_a_message_between_threads_is_a_copy_and_must_be_what_was_declared():
    sent = np.zeros(3, np.uint64)

    def says():
        yield Round(send={"two": sent, "three": sent})

    def hears(length):
        return (yield Round(expect={"one": Array(np.uint64, (length,))}))["one"]

    played = side_by_side({"one": says(), "two": hears(3), "three": hears(3)})
    assert np.array_equal(played.outputs["two"], sent) and played.outputs["two"] is not sent
    assert (played.rounds, played.sent["one"], played.messages["one"]) == (1, 48, 2)
    with pytest.raises(BadFrame):
        side_by_side({"one": says(), "two": hears(3), "three": hears(4)})


def test_bytes_of_a_gram_matrix_do_not_depend_on_the_records():
    sent = [most_sent(symmetric(n, 10, 40), [np.ones((n, 10))])() for n in (5, 50)]
    assert sent == [8 * 10**2] * 2
    assert most_sent(symmetric(5, 10, 20), [np.ones((5, 10))])() == 4 * 8 * 10**2


def test_actors_make_shares_by_themselves_and_their_result_is_right():
    on = InProcess({name: Recipe(Holder, {"me": name}) for name in TRIO})
    cases = [Ours("matmul", 12), Ours("less as bits", 40)]
    for how in cases:
        on.ask_all(TRIO, "hold", to_plain(how))
    for how, rounds in zip([*cases, cases[0]], (2, 3, 2), strict=True):
        told = ray_answer(how, on)
        assert told.error < 1e-6
        assert told.rounds == 1 + rounds


def test_what_ends_a_session_of_actors_is_raised():
    on, how = InProcess({name: Recipe(Holder, {"me": name}) for name in TRIO}), Ours("less", 10)
    on.ask_all(TRIO, "hold", to_plain(how))
    on.kill("P1")
    with pytest.raises(PeerLost):
        ray_answer(how, on)


def test_every_row_can_be_listed_without_a_peer_and_none_runs(nowhere):
    for quick in (True, False):
        listed = products.claims(quick)
        against_spu = [claim for claim in listed if "SPU" in claim.other_is]
        assert len(against_spu) >= 10
        rows = [compare(claim, turns=1) for claim in against_spu]
        assert all(row.other_is.endswith("not installed (spu)") and row.ours is None for row in rows)
        assert {claim.target for claim in listed} >= {0.6, 50.0, 5.0, 10.0, 1.0}
    assert ("mpyc",) in {claim.needs for claim in products.claims(False)}


def test_the_kernel_rows_are_in_time_for_one_multiply_add(monkeypatch):
    monkeypatch.setattr(products, "KERNEL", 64)
    row = compare(products.kernel_rows()[0], turns=1)
    assert 1 < row.ours < 1e6 and 1 < row.other < 1e6


def test_growth_counts_the_steps_and_bytes_of_each_role(monkeypatch):
    monkeypatch.setattr(growth, "RECORDS", 10)
    monkeypatch.setattr(growth, "COLUMNS", 4)
    found = {(p.series, p.unit): p.amount for p in growth.of_institutions(3)}
    assert {series for series, _ in found} == {"evaluator", "dealer", "institution", "receiver"}
    assert found["institution", "B"] == 2 * (10 * 4 * 8) + 4 * 32  # x_2 to its two holders, four seeds
    assert all(p.amount > 0 for p in growth.of_product(16))


def test_a_clock_runs_only_while_a_part_works(monkeypatch):
    monkeypatch.setattr(growth.time, "thread_time", itertools.count().__next__)
    spent = {"one": 0.0}
    part = growth.clocked((Round() for _ in range(3)), spent, "one")
    assert len(list(part)) == 3
    assert spent["one"] == 4.0


def test_slopes_are_the_exponents_of_powers():
    points = [Point("a", "n", n, "s", 1e-9 * n**3) for n in (128, 512, 1024, 2048)]
    points += [Point("b", "institutions", k, "B", 7.0) for k in (3, 5)]
    assert [(s.series, s.exponent, s.points) for s in growth.slopes(points)] == [("a", 3.0, 3), ("b", 0.0, 2)]


def test_growth_writes_a_table_a_plot_and_its_points(monkeypatch, tmp_path, capsys):
    points = [
        Point("a", against, x, unit, float(x))
        for against in ("n", "institutions")
        for x in (512, 1024)
        for unit in "sB"
    ]
    monkeypatch.setattr(growth, "points", lambda quick: points)
    file = tmp_path / "growth.json"
    assert growth.run(["--growth", "--json", str(file)]) == 0
    assert "1.00" in capsys.readouterr().out
    written = json.loads(file.read_text())
    assert len(written["points"]) == 8 and len(written["slopes"]) == 4
    assert "slope 1.00" in file.with_suffix(".svg").read_text()
