"""A network in one process: what a researcher asks, what the institutions allow, and what stands in the errors."""

import datetime
import itertools
import math

import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import securecompute as sc
from securecompute.analyses import catalogue
from securecompute.errors import PeerLost
from securecompute.records.sources import Records

DICTIONARY = sc.Dictionary(
    (
        sc.Column("arm", "categorical", categories=("placebo", "drug")),
        sc.Column("outcome", "categorical", categories=("no", "yes")),
        sc.Column("age", "integer", unit="a", low=0, high=120),
        sc.Column("hba1c", "number", unit="%", low=0, high=20),
    )
)
ROW = st.fixed_dictionaries(
    {
        "arm": st.sampled_from(["placebo", "drug", None]),
        "outcome": st.sampled_from(["no", "yes", None]),
        "age": st.one_of(st.none(), st.integers(0, 120)),
        "hba1c": st.one_of(st.none(), st.floats(0, 20)),
    }
)
QUESTIONS = (
    ("count", {}),
    ("count", {"where": "age >= 60 and arm = 'drug'"}),
    ("crosstab", {"row": "arm", "column": "outcome"}),
    ("describe", {"column": "hba1c", "by": "arm"}),
    ("describe", {"column": "age"}),
)


def frame(rows):
    table = pd.DataFrame(rows, columns=["arm", "outcome", "age", "hba1c"])
    return pa.table(
        {
            "arm": pa.array(table.arm, pa.string(), from_pandas=True),
            "outcome": pa.array(table.outcome, pa.string(), from_pandas=True),
            "age": pa.array(table.age, pa.int64(), from_pandas=True),
            "hba1c": pa.array(table.hba1c, pa.float64(), from_pandas=True),
        }
    )


def patients(n, **fixed):
    return [
        {
            "arm": ["placebo", "drug"][k % 2],
            "outcome": ["no", "no", "yes"][k % 3],
            "age": 30 + k % 50,
            "hba1c": 5 + k % 7 / 2,
        }
        | fixed
        for k in range(n)
    ]


def network(*tables, dictionary=DICTIONARY, **options):
    sources = {f"hospital {k}": table for k, table in enumerate(tables)}
    return sc.Network.simulate(sources, dictionary=dictionary, fabric="in-process", quiet=True, **options)


def four(**options):
    return network(*(frame(patients(n)) for n in (40, 30, 20, 3)), **options)


def pooled(rows, analysis, parameters):
    """The same analysis on all rows in one place, past the protocol and the gate."""
    question = catalogue.ask(analysis, DICTIONARY, **parameters)
    module = catalogue.find(analysis)
    selected = Records.open("all", frame(rows), DICTIONARY).select(question.where)
    local = module.local(question, DICTIONARY, selected)
    vector = module.layout(question, DICTIONARY, 2**24).join(local)
    return module.layout(question, DICTIONARY, 2**24), vector, question


@settings(max_examples=25, deadline=None)
@given(
    rows=st.lists(ROW, max_size=40),
    cuts=st.lists(st.integers(0, 40), min_size=2, max_size=7),
    chosen=st.sampled_from(QUESTIONS),
    order=st.randoms(use_true_random=False),
)
def test_any_split_of_any_table_over_3_to_8_institutions_gives_the_pooled_answer_bit_for_bit(rows, cuts, chosen, order):
    from securecompute.disclosure.gate import release
    from securecompute.disclosure.rules import Rules

    analysis, parameters = chosen
    layout, vector, question = pooled(rows, analysis, parameters)
    released = layout.split(release(layout, vector, Rules(min_cell=3)).entries)
    expected = catalogue.find(analysis).finish(question, DICTIONARY, released, 3)
    shuffled = list(rows)
    order.shuffle(shuffled)
    edges = [0, *sorted(min(cut, len(rows)) for cut in cuts), len(rows)]
    tables = [frame(shuffled[a:b]) for a, b in itertools.pairwise(edges)]
    with network(*tables, rules=sc.Rules(min_cell=3)) as split:
        answer = split.study("any").ask(analysis, **parameters)
    assert answer.result.to_plain() == expected.to_plain()
    assert math.isfinite(answer.provenance.seconds)


def test_an_answer_says_who_took_part_and_what_it_cost():
    with four() as net:
        provenance = net.study("s").count().provenance
    assert provenance.trust == "single-domain"
    assert provenance.took_part == provenance.institutions == tuple(f"hospital {k}" for k in range(4))
    assert provenance.dropped_out == ()
    assert provenance.rounds == 9
    assert provenance.bytes > 4 * 700
    assert len(bytes.fromhex(provenance.session)) == 16


def test_a_small_institution_counts_without_being_visible():
    with four() as net:
        assert net.study("s").count().n == 93


def test_an_empty_institution_takes_part():
    with network(frame(patients(30)), frame([]), frame(patients(12))) as net:
        assert net.study("s").count().n == 42


def test_an_empty_cohort_is_a_result():
    with four() as net:
        answer = net.study("s").count(where="age > 119")
    assert answer.n == 0
    assert "0 patients" in answer.result.headline()


def test_a_count_below_the_smallest_cell_is_hidden_and_a_sum_over_it_too():
    rows = patients(60) + patients(4, arm="drug", age=99)
    with network(frame(rows[:30]), frame(rows[30:50]), frame(rows[50:])) as net:
        study = net.study("s")
        assert study.count(where="age = 99").n.below == 10
        described = str(study.describe("hba1c", where="age = 99"))
    assert "<10" in described


@pytest.mark.parametrize("way", ["pairwise", "committee", "paillier", "lattice"])
@pytest.mark.parametrize("institutions", [1, 2])
def test_one_or_two_institutions_are_refused_with_the_reason_before_anything_starts(institutions, way):
    sources = {f"hospital {k}": "not to be opened" for k in range(institutions)}
    with pytest.raises(sc.InvalidRequest, match=r"each learns the other's exact numbers by subtracting.* helpers=\["):
        sc.Network.simulate(sources, sum=way, quiet=True)


def test_one_institution_refusing_names_the_rule_and_not_the_institution():
    rules = {"hospital 1": sc.Rules(analyses=("count",))}
    with four(rules=rules) as net:
        assert net.study("s").count().n == 93
        with pytest.raises(sc.DisclosureRefused, match="crosstab: rule 'analyses' does not list it") as refused:
            net.study("s").crosstab("arm", "outcome")
    assert "hospital 1" not in str(refused.value)


def test_a_column_that_one_institution_does_not_list_is_refused_in_a_cohort_too():
    rules = {"hospital 2": sc.Rules(columns=("arm", "outcome"))}
    with four(rules=rules) as net, pytest.raises(sc.DisclosureRefused, match="rule 'columns' does not list 'age'"):
        net.study("s").count(where="age > 50")


def test_the_strictest_institution_sets_the_smallest_cell():
    with four(rules={"hospital 3": sc.Rules(min_cell=100)}) as net:
        assert net.study("s").count().n.below == 100


def test_more_records_than_the_rules_make_room_for_are_an_error_that_says_so():
    with pytest.raises(sc.InvalidRequest, match=r"more than 35 records\. Raise max_records"):
        four(rules=sc.Rules(max_records=35))


def test_one_of_four_may_die_and_the_rest_answer():
    with four() as net:
        net.fabric.kill("hospital 3")
        answer = net.study("s").count()
    assert answer.n == 90
    assert answer.provenance.dropped_out == ("hospital 3",)


def test_two_of_four_dropping_out_fall_below_the_threshold():
    with four() as net:
        net.fabric.kill("hospital 2")
        net.fabric.kill("hospital 3")
        with pytest.raises(sc.PeerSilent, match=r"'hospital 2', 'hospital 3' are gone.*2 are left and 3 are needed"):
            net.study("s").count()


def test_a_question_answered_once_is_not_answered_without_one_of_its_institutions():
    with four() as net:
        net.study("s").count()
        net.fabric.kill("hospital 3")
        with pytest.raises(sc.DisclosureRefused, match="would reveal the numbers of 'hospital 3' by subtraction"):
            net.study("another study").count()


@pytest.mark.parametrize(
    "other_words",
    [
        {"row": "outcome", "column": "arm"},
        {"row": "arm", "column": "outcome", "correction": True},
        {"row": "arm", "column": "outcome", "exposed": "placebo", "event": "no"},
        {"row": "arm", "column": "outcome", "where": "(age>=0)"},
    ],
)
def test_the_same_sum_in_other_words_is_not_answered_without_one_of_its_institutions(other_words):
    with four() as net:
        study = net.study("s")
        study.crosstab("arm", "outcome", where="age >= 0" if "where" in other_words else None)
        net.fabric.kill("hospital 3")
        with pytest.raises(sc.DisclosureRefused, match="by subtraction"):
            study.crosstab(**other_words)


def test_the_same_question_can_be_asked_again_of_the_same_institutions():
    with four() as net:
        first, second = net.study("s").count(), net.study("s").count()
    assert first.n == second.n
    assert first.provenance.session != second.provenance.session


def test_a_dead_coordinator_is_named():
    with four() as net:
        net.fabric.kill("coordinator")
        with pytest.raises(PeerLost, match="'coordinator' is gone"):
            net.study("s").count()


@pytest.mark.parametrize(
    ("institutions", "text"),
    [
        ([("North", "a"), ("north ", "b"), ("c", "c")], "two institutions are called 'North' and 'north '"),
        ([("", "a"), ("b", "b"), ("c", "c")], "an institution has no name"),
        ([("x" * 65, "a"), ("b", "b"), ("c", "c")], "longer than 64 bytes"),
        ([("Coordinator", "a"), ("b", "b"), ("c", "c")], "is the name of another role"),
        ([], "no institutions were given"),
    ],
)
def test_names_are_checked_before_anything_starts(institutions, text):
    with pytest.raises(sc.InvalidRequest, match=text):
        sc.Network.simulate(institutions, fabric="in-process", quiet=True)


def test_records_in_memory_are_refused_on_ray_before_it_starts():
    with pytest.raises(sc.InvalidRequest, match=r"'a' was given a Table; on Ray an institution loads its own records"):
        sc.Network.simulate({"a": frame([]), "b": frame([]), "c": frame([])}, quiet=True)


def test_an_unknown_fabric_is_refused():
    with pytest.raises(sc.InvalidRequest, match="there is no fabric 'spark'"):
        sc.Network.simulate({"a": "a.csv", "b": "b.csv", "c": "c.csv"}, fabric="spark", quiet=True)


def test_an_unreadable_file_names_institution_and_file(tmp_path):
    bad = tmp_path / "bad.parquet"
    bad.write_bytes(b"not parquet")
    with pytest.raises(sc.InvalidRequest, match=r"'north'.*bad\.parquet"):
        sc.Network.simulate({"north": bad, "b": frame([]), "c": frame([])}, fabric="in-process", quiet=True)


def test_columns_on_which_institutions_disagree_are_named_when_they_are_used():
    odd = frame(patients(20)).drop_columns(["outcome"])
    odd = odd.set_column(odd.column_names.index("arm"), "arm", pa.array(["A", "B"] * 10))
    with network(frame(patients(30)), odd, frame(patients(20)), dictionary=None) as net:
        study = net.study("s")
        assert study.count().n == 70
        with pytest.raises(sc.InvalidRequest) as error:
            study.crosstab("arm", "outcome")
    assert "column 'outcome' is missing at 'hospital 1'" in str(error.value)
    assert "'hospital 1' lacks 'drug', 'placebo'" in str(error.value)


def test_a_cohort_on_such_a_column_says_why_as_well():
    odd = frame(patients(20)).drop_columns(["outcome"])
    with (
        network(frame(patients(30)), odd, frame(patients(20)), dictionary=None) as net,
        pytest.raises(sc.InvalidRequest, match="column 'outcome' is missing at 'hospital 1'"),
    ):
        net.study("s").count(where="outcome = 'yes'")


def test_institutions_without_a_common_column_form_no_network():
    tables = [pa.table({f"c{k}": [1, 2]}) for k in range(3)]
    with pytest.raises(sc.InvalidRequest, match="no column is common to all institutions"):
        network(*tables, dictionary=None)


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_a_value_that_is_no_number_is_an_error_that_shows_no_value(value):
    bad = pa.table({**frame(patients(3)).to_pydict(), "hba1c": pa.array([5.5, value, 6.25])})
    with pytest.raises(sc.InvalidRequest, match="'hba1c'") as error:
        network(bad, frame([]), frame([]))
    assert "6.25" not in str(error.value)


def test_a_value_outside_the_declared_range_is_an_error_that_shows_no_value():
    with pytest.raises(sc.InvalidRequest, match="'age'") as error:
        network(frame(patients(3, age=121)), frame([]), frame([]))
    assert "121" not in str(error.value)


@pytest.mark.parametrize(
    "where", ["age > (select 1)", "lower(arm) = 'x'", "age > 1; drop table records", "age >> 1", "agee > 60"]
)
def test_a_cohort_beyond_the_allow_list_is_refused_at_the_researcher(where):
    with four() as net, pytest.raises(sc.InvalidRequest):
        net.study("s").count(where=where)


def test_an_unknown_analysis_or_parameter_suggests_the_near_one():
    with four() as net:
        with pytest.raises(sc.InvalidRequest, match="crosstab"):
            net.study("s").ask("crostab", row="arm", column="outcome")
        with pytest.raises(sc.InvalidRequest, match="column"):
            net.study("s").ask("describe", colum="age")


def test_an_explanation_gives_the_bytes_that_a_run_then_sends():
    with four() as net:
        study = net.study("s")
        explanation = study.explain("crosstab", row="arm", column="outcome")
        _, manifest = net.propose(study.question("crosstab", row="arm", column="outcome"))
        assert (
            explanation.bytes_institution * 4 + explanation.bytes_coordinator
            <= study.crosstab("arm", "outcome").provenance.bytes
        )
        assert explanation.entries == manifest.descriptor.length
    assert explanation.rounds == 9
    assert explanation.dropouts == 1
    assert [who for who, _ in explanation.learns][:2] == ["researcher", "each institution"]


def test_an_explanation_of_one_number_does_not_call_it_numbers():
    with four() as net:
        assert "pairwise sum of 1 number over 4 institutions" in net.study("s").explain("count").lines()[0]


def test_a_network_names_itself_without_showing_records():
    with four() as net:
        assert repr(net) == "Network(hospital 0, hospital 1, hospital 2, hospital 3; in-process, trust single-domain)"


def test_the_banner_says_simulation(capsys):
    sources = {f"h{k}": frame(patients(5)) for k in range(3)}
    with sc.Network.simulate(sources, dictionary=DICTIONARY, fabric="in-process"):
        pass
    assert "simulation: one trust domain" in capsys.readouterr().err


def test_dates_can_select_a_cohort():
    days = [datetime.date(2020, 1, 1), datetime.date(2021, 1, 1)] * 10
    with network(*(pa.table({"seen": days}) for _ in range(3)), dictionary=None) as net:
        assert net.study("s").count(where="seen >= '2020-06-01'").n == 30


@pytest.mark.parametrize(
    ("rules", "text"),
    [
        ({"min_cell": 20}, r"'min_cell', which is no institution \(for all of them write rules=sc.Rules\(...\)\)"),
        (
            {"hospitol 1": sc.Rules(min_cell=20)},
            r"'hospitol 1', which is no institution .* did you mean 'hospital 1'\?$",
        ),
        ({"hospital 1": {"min_cell": 20}}, r"the rules of 'hospital 1' are a dict; write sc.Rules\(min_cell=10\)"),
        (20, "rules is a int"),
    ],
)
def test_rules_that_would_hold_nowhere_are_an_error(rules, text):
    with pytest.raises(sc.InvalidRequest, match=text):
        four(rules=rules)


@pytest.mark.parametrize("dictionary", ["columns.toml", {"age": "integer"}])
def test_a_dictionary_of_another_kind_says_how_to_read_one(dictionary):
    with pytest.raises(sc.InvalidRequest, match=r"dictionary is a (str|dict); read one with sc.Dictionary.from_toml"):
        four(dictionary=dictionary)


@pytest.mark.parametrize("institutions", [["a.csv", "b.csv", "c.csv"], pd.DataFrame({"age": [1]}), "ab"])
def test_institutions_without_names_are_an_error_that_shows_the_form(institutions):
    with pytest.raises(sc.InvalidRequest, match=r"given by name, as \{'Bern': 'bern.parquet'"):
        sc.Network.simulate(institutions, fabric="in-process", quiet=True)


def test_a_closed_network_answers_nothing_and_may_be_closed_again():
    with four() as hospitals:
        study = hospitals.study("trial")
    hospitals.close()
    for ask in (study.ask, study.explain):
        with pytest.raises(sc.InvalidRequest, match="the network is closed; ask inside its `with`, or make it anew"):
            ask("count")


def test_an_error_about_one_column_says_nothing_about_others():
    tables = [frame(patients(20)).append_column("e", pa.array([str(k)] * 20)) for k in range(3)]
    with network(*tables, dictionary=None) as hospitals:
        with pytest.raises(sc.InvalidRequest) as caught:
            hospitals.study("trial").crosstab("arm", "outcme")
        assert str(caught.value) == "there is no column 'outcme'; did you mean 'outcome'?"
        with pytest.raises(sc.InvalidRequest, match=r"^column 'e' has other categories"):
            hospitals.study("trial").crosstab("arm", "e")
