"""Planted record values appear nowhere outside their institution: no log, error, answer, pickle or file of Ray."""

import pickle
import traceback

import pandas as pd
import pytest

import securecompute as sc
from securecompute.arithmetic.fixed_point import scale_for
from tests.privacy.canary import files_below, forms_of_number, forms_of_text, found

NAMES = ("north", "south", "east", "west")
TEXTS = [f"CANARY-{k:04d}-f3a9c1" for k in range(80)]
NUMBERS = [round(31.7183 + 0.6180339887 * k, 10) for k in range(80)]
SCALE = scale_for(128.0, integer=False)
CANARIES = [form for text in TEXTS for form in forms_of_text(text)]
CANARIES += [form for number in NUMBERS for form in forms_of_number(number, SCALE)]


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    folder = tmp_path_factory.mktemp("records")
    paths = {}
    for k, name in enumerate(NAMES):
        rows = {
            "note": TEXTS[k::4],
            "marker": NUMBERS[k::4],
            "arm": ["a", "b"] * 10,
        }
        paths[name] = folder / f"{name}.parquet"
        pd.DataFrame(rows).to_parquet(paths[name])
    return paths


def errors_of(deeds):
    for deed in deeds:
        with pytest.raises(sc.SecureComputeError) as error:
            deed()
        yield "error", "".join(traceback.format_exception(error.value)).encode()


@pytest.mark.ray
def test_a_run_on_ray_leaves_no_record_value_anywhere(files, ray_cluster, capfd):
    from securecompute.engine.on_ray import Placement

    with sc.Network.simulate(files, placement=Placement(cluster="auto")) as network:
        study = network.study("canary")
        answers = [study.count(), study.describe("marker", by="arm"), study.count(where="marker > 31.9")]
        network.fabric.kill("west")
        errors = list(
            errors_of(
                [
                    study.count,
                    lambda: study.describe("note"),
                    lambda: study.count(where="marker > 'x'"),
                    lambda: study.count(where="note = 'x' union select 1"),
                ]
            )
        )
        shown = [("repr", repr(network).encode())]
    for answer in answers:
        shown += [("text", str(answer).encode()), ("html", answer._repr_html_().encode())]
        shown += [("json", answer.to_json().encode()), ("pickle", pickle.dumps(answer.to_plain()))]
    said = capfd.readouterr()
    shown += [("stdout", said.out.encode()), ("stderr", said.err.encode())]
    logs = list(files_below(ray_cluster.folder()))
    assert len(logs) > 10
    assert found(CANARIES, [*shown, *errors, *logs]) == []


def test_files_that_institutions_refuse_show_no_value_in_the_error(tmp_path):
    bad = tmp_path / "bad.csv"
    bad.write_text("marker\n" + "\n".join([*map(str, NUMBERS[:10]), *TEXTS[:10]]))
    with pytest.raises(sc.InvalidRequest) as error:
        sc.Network.simulate(dict.fromkeys(NAMES, bad), fabric="in-process", quiet=True)
    assert found(CANARIES, [("error", "".join(traceback.format_exception(error.value)).encode())]) == []


@pytest.mark.parametrize(
    "leak", [TEXTS[3].encode(), repr(NUMBERS[5]).encode(), *list(forms_of_number(NUMBERS[7], SCALE))]
)
def test_a_planted_leak_is_found(tmp_path, leak):
    (tmp_path / "worker.log").write_bytes(b"something " + leak + b" more")
    assert found(CANARIES, files_below(tmp_path)) == ["worker.log"]
