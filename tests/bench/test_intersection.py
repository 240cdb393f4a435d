"""The benchmark of intersections: files, our hospitals against sets, peers that may be absent, rows and growth."""

import json
import math
import sys

import numpy as np
import pytest

from bench import intersection
from bench.harness import compare
from bench.intersection_sides import answers, files, growth, others, ours
from bench.intersection_sides.answers import Answer, Runs, right
from bench.intersection_sides.files import common, identifiers, members, named, written
from bench.intersection_sides.growth import Point
from bench.intersection_sides.ours import Hospital, answer
from bench.intersection_sides.ways import WAYS, hospitals
from bench.products_sides import others as interpreters
from securecompute.engine.fabric import Recipe
from securecompute.engine.in_process import InProcess
from securecompute.errors import PeerLost

TOLD = Answer(2.0, (1.0, 0.5), (1024, 4096), 3, core=1.5, reading=0.25, bytes=80.0)


def on(count):
    """So many hospitals in this process."""
    return InProcess({name: Recipe(Hospital, {"me": name}) for name in hospitals(count)})


@pytest.fixture
def nowhere(monkeypatch):
    """A machine without peers."""
    cached = (interpreters.spu_interpreter, others.needs, others.version, others._spu, others._openmined)
    monkeypatch.setattr(interpreters, "has", lambda interpreter, module: False)
    for each in cached:
        each.cache_clear()
    yield
    for each in cached:
        each.cache_clear()


@pytest.fixture
def peers(monkeypatch, tmp_path):
    """Install a program in the place of the peers' processes."""
    started = (others._spu, others._openmined)

    def install(code):
        for name in ("SPU_SCRIPT", "OPENMINED_SCRIPT"):
            monkeypatch.setattr(others, name, tmp_path / "stand_in.py")
        (tmp_path / "stand_in.py").write_text("import json, sys\n" + code)
        monkeypatch.setattr(others, "spu_interpreter", lambda: sys.executable)

    for each in started:
        each.cache_clear()
    yield install
    for peer in [*others._spu(), others._openmined()]:
        peer.process.stdin.close()
        peer.process.wait()
        peer.process.stdout.close()
    for each in started:
        each.cache_clear()


@pytest.mark.parametrize("sizes", [(100, 100), (10, 200), (200, 10), (30, 40, 50), (1, 1)])
def test_files_have_so_many_identifiers_and_half_of_the_smallest_is_in_all(sizes):
    sets = [members(path) for path in written(sizes)]
    assert tuple(map(len, sets)) == sizes
    assert len(set.intersection(*sets)) == common(sizes) == min(sizes) // 2
    assert len(set.union(*sets)) == common(sizes) + sum(size - common(sizes) for size in sizes)
    assert all(len(each) == 12 and each.isdigit() for each in set.union(*sets))


def test_the_order_of_a_file_says_nothing_of_what_is_common():
    texts = identifiers(np.arange(1000)).to_pylist()
    assert len(set(texts)) == 1000
    kept = [place for place, text in enumerate(texts) if text in set(identifiers(np.arange(500)).to_pylist())]
    assert 400 < np.mean(kept) < 600
    assert texts != sorted(texts)


def test_sizes_are_called_as_a_reader_would():
    called = [named((1 << 20, 1 << 20)), named((1 << 12, 1 << 20)), named((1000, 1)), named((1024, 1024, 1024))]
    assert called == ["2^20 each", "2^12 and 2^20", "1,000 and 1", "2^10 each"]


@pytest.mark.parametrize("way", [way for way in WAYS if way != "star"])
@pytest.mark.parametrize("sizes", [(60, 90), (90, 60)])
def test_the_receiver_writes_what_both_have_in_its_own_order(way, sizes):
    told = answer(way, sizes, on(2))
    receiver, sender = written(sizes)
    lines = receiver.read_text().splitlines()
    both = members(receiver) & members(sender)
    assert told.found == len(both)
    wanted = [lines[0], *(line for line in lines[1:] if line.strip('"') in both)]
    result = ours.result_of(sizes).read_text().replace('"', "").splitlines()
    assert result == [line.replace('"', "") for line in wanted]


def test_many_hospitals_find_what_all_have():
    sizes = (50, 40, 60)
    assert answer("star", sizes, on(3)).found == 20
    assert members(ours.result_of(sizes)) == set.intersection(*map(members, written(sizes)))


def test_a_run_tells_its_seconds_processor_memory_and_bytes():
    told = answer("vole", (300, 200), on(2))
    assert 0 < told.reading < told.seconds and 0 < told.core < told.seconds
    assert len(told.cpu) == len(told.peak_kib) == 2 and min(told.cpu) > 0 and min(told.peak_kib) > 10_000
    from securecompute.protocols.intersection import vole

    cost = vole.cost(300, 200)
    assert told.bytes == cost.receiver + cost.sender


def test_another_result_than_there_is_ends_the_benchmark(monkeypatch):
    assert right(TOLD, (6, 7)) is TOLD
    with pytest.raises(RuntimeError, match="3 of 4"):
        right(TOLD, (8, 8))
    monkeypatch.setitem(WAYS, "nothing", lambda me, own, of: _nothing(own))
    with pytest.raises(RuntimeError, match="0 of 5"):
        answer("nothing", (10, 10), on(2))


def _nothing(own):
    yield from ()
    return np.zeros(len(own.elements), np.bool_)


def test_what_ends_a_session_is_raised():
    running = on(2)
    original = running.run

    def run(*arguments):
        running.kill("h1")
        return original(*arguments)

    running.run = run
    with pytest.raises(PeerLost):
        answer("vole", (10, 10), running)


def test_a_file_that_cannot_be_read_is_an_error_of_the_run(monkeypatch, tmp_path):
    monkeypatch.setattr(ours, "written", lambda sizes: (tmp_path / "none.csv", tmp_path / "none.csv"))
    with pytest.raises(Exception, match=r"none\.csv"):
        answer("vole", (10, 10), on(2))


def test_a_side_runs_anew_for_seconds_and_is_read_again_for_the_rest():
    runs = iter(Answer(k, (k, k), (1024 * k,), 0) for k in range(9))
    side = Runs(lambda: next(runs))
    told = [side.latest(answers.seconds)(), side.anew(answers.seconds)(), side.latest(answers.busy)()]
    assert told == [0, 1, 2] and side.latest(answers.peak_mib)() == 1


def test_figures_are_those_of_the_answer():
    figures = (answers.seconds, answers.core, answers.reading, answers.busy, answers.peak_mib, answers.sent)
    assert [figure(TOLD) for figure in figures] == [2.0, 1.5, 0.25, 1.5, 4.0, 80.0]


def test_peers_are_told_their_files_and_the_later_one_counts(peers):
    peers(
        "for count, line in enumerate(sys.stdin):\n"
        "    asked, rank = json.loads(line), int(sys.argv[1]) if sys.argv[1:] else 5\n"
        "    lines = len(open(asked.get('csv') or asked['sender']).readlines())\n"
        "    told = {'seconds': rank + lines / 1000, 'cpu': rank, 'peak_kib': count, 'found': 5, 'bytes': 7}\n"
        "    print(json.dumps(told), flush=True)\n"
    )
    told = others.spu("RR22", (10, 20))
    assert (told.seconds, told.cpu, told.found) == (1.021, (0, 1), 5) and math.isnan(told.core)
    assert others.spu("KKRT", (10, 20)).peak_kib == (1, 1)
    told = others.openmined((10, 20))
    assert (told.seconds, told.cpu, told.bytes) == (5.021, (5,), 7)
    with pytest.raises(RuntimeError, match="5 of 10"):
        others.spu("RR22", (20, 20))


def test_a_peer_that_ends_is_an_error(peers):
    peers("sys.stdin.readline(); sys.exit(3)\n")
    with pytest.raises(RuntimeError, match="ended with 3"):
        others.openmined((4, 4))


def test_without_peers_their_rows_say_so_and_run_nothing(nowhere, monkeypatch):
    monkeypatch.setattr(ours, "fabric", _never)
    for quick in (True, False):
        rows = [compare(c, turns=1) for c in intersection.claims(quick) if "SPU" in c.other_is or "open" in c.other_is]
        assert len(rows) >= 6
        assert all("not installed" in row.other_is and row.ours is None for row in rows)
    with pytest.raises(ModuleNotFoundError, match="make peers"):
        others.Peer("script")


def _never(*_):
    raise AssertionError("measured")


def test_the_rows_have_the_targets_that_are_promised():
    targets = {(c.text, c.target) for c in intersection.claims(False) if c.target is not None}
    assert {
        ("2^20 each", 1.5),
        ("2^16 each", 1.0),
        ("2^16 each", 50.0),
        ("2^20 each: traffic an item", 1.0),
        ("2^20 each, an item: CSV to CSV", 1 / 1.5),
    } <= targets
    assert ("2^18 each", 1.5) in {(c.text, c.target) for c in intersection.claims(True)}


def test_figures_an_item_are_of_one_item(monkeypatch):
    side = Runs(lambda: TOLD)
    rows = [compare(claim, 1) for claim in intersection.flat_rows((10, side), (20, side))]
    assert [(row.ours, row.other, row.met) for row in rows] == [(1e5, 2e5, True), (0.75e5, 1.5e5, True)]
    wires = [row for row in map(compare, intersection.limit_rows(4, side), [1] * 4) if "derived" in row.other_is]
    assert [row.other for row in wires] == pytest.approx([80 * 8 / 1e9, 80 * 8 / 1e8])


def test_growth_is_flat_where_an_item_costs_the_same():
    points = [Point("a", n, "s", n * cost) for n, cost in ((1 << 14, 9.0), (1 << 16, 1.0), (1 << 17, 1.4))]
    points += [Point("b", n, "s", n * cost) for n, cost in ((1 << 16, 1.0), (1 << 17, 1.6))]
    points += [Point("c", n, "MiB", n * n) for n in (1 << 16, 1 << 17)]
    assert [(each.series, each.ratio, each.met) for each in growth.flatness(points)] == [
        ("a", 1.4, True),
        ("b", 1.6, False),
    ]


def test_growth_takes_all_figures_of_the_fastest_pass(monkeypatch):
    passes = iter([TOLD, Answer(3.0, (9.0, 9.0), (0, 0), 0), Answer(2.5, (1.0, 2.0), (2048, 0), 0, 1.0, 0.1, 10.0)])
    monkeypatch.setattr(growth, "fabric", lambda count: None)
    monkeypatch.setattr(growth, "answer", lambda way, sizes, fabric: next(passes))
    monkeypatch.setattr(growth, "QUICK_SIZES", [8])
    told = {point.series: point.amount for point in growth.points(quick=True)}
    assert told == {
        "CSV to CSV": 2.5,
        "identifiers to result": 1.0,
        "processor, receiver": 1.0,
        "processor, sender": 2.0,
        "processor, both": 3.0,
        "traffic an item": 10.0,
        "peak memory": 2.0,
    }


@pytest.mark.parametrize(("worst", "status"), [(1.4, 0), (1.6, 1)])
def test_growth_writes_a_table_a_plot_and_its_points(monkeypatch, tmp_path, capsys, worst, status):
    costs = (1 << 16, 1e-6), (1 << 17, worst * 1e-6)
    runs = [(n, Answer(n * cost, (n * cost,) * 2, (1, 1), 0, n, n, n)) for n, cost in costs]
    points = [point for n, told in runs for point in growth.points_of(n, told)]
    monkeypatch.setattr(growth, "points", lambda quick: points)
    file = tmp_path / "growth.json"
    assert growth.run(["--growth", "--json", str(file)]) == status
    printed = capsys.readouterr().out
    assert f"{worst:.2f}" in printed and "2^17" in printed
    assert len(json.loads(file.read_text())["points"]) == len(points)
    assert "CSV to CSV" in file.with_suffix(".svg").read_text()


def test_the_peak_is_forgotten_where_the_system_can():
    ours.forget_peak()
    assert ours.processor_seconds() > 0


def test_files_are_gone_with_the_process():
    assert files.folder() is files.folder()
