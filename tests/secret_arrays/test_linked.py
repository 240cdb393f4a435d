"""Linked records: pandas' inner join of the first records, gaps and duplicates included; and what they do not show."""

import re
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import securecompute as sc
from securecompute.coordinator import COLLECTOR
from securecompute.disclosure.exposure import permit
from securecompute.programs.expressions import Expression, apply, program_of
from securecompute.programs.linkages import TAG, Linkage, Side
from securecompute.programs.program import Input, Program
from securecompute.secret_arrays.array import explain, reveal
from tests.linked import hospitals, joined, network

PAIR = ("Mayo", "Duke")
BROUGHT = {"Mayo": ["rx", "age"], "Duke": ["relapse", "bmi"]}
FEW = settings(max_examples=12, suppress_health_check=[HealthCheck.function_scoped_fixture])
TABLES = hospitals({"Mayo": range(90), "Duke": range(30, 130), "Yale": range(60, 160)}, again=5, lacking=3)


def ones(column, category):
    return (column == category).to_numpy(float)


@pytest.fixture
def net(dealt):
    with network(TABLES) as formed:
        yield formed


def linked(net, *names, **more):
    columns = {name: BROUGHT.get(name, ["cost"]) for name in names}
    return net.link(*names, on="pid", columns=columns, **{"least": 10} | more), joined(TABLES, columns)


@pytest.mark.slow
@FEW
@given(
    shared=st.integers(0, 12),
    others=st.tuples(*[st.integers(0, 9)] * 3),
    gaps=st.fixed_dictionaries({"again": st.integers(0, 4), "lacking": st.integers(0, 3)}),
    seed=st.integers(0, 99),
)
def test_sums_over_rows_are_sums_over_the_inner_join(dealt, shared, others, gaps, seed):
    common, spare = range(shared), iter(range(20, 99))
    patients = {
        name: [*common, *(next(spare) for _ in range(n + 12))]  # more than could be taken for categories
        for name, n in zip(("Mayo", "Duke", "Yale"), others, strict=True)
    }
    tables = hospitals(patients, seed, absent=0.2, **gaps)
    columns = {"Mayo": ["age"], "Duke": ["bmi"], "Yale": ["cost"]}
    truth = joined(tables, columns)
    with network(tables, sc.Rules(min_cell=3, linkage="arrays")) as formed:
        try:
            pairs = formed.link("Mayo", "Duke", "Yale", on="pid", columns=columns, least=3)
        except sc.DisclosureRefused as refused:
            fewest = min(len(joined(tables, {name: each})) for name, each in columns.items())
            assert fewest < 3 and "rule 'min_cell'" in str(refused)
            return
        products = pairs["Mayo", "age"] * pairs["Duke", "bmi"] + pairs["Yale", "cost"] * pairs.matched
        if len(truth) < 3:
            with pytest.raises(sc.DisclosureRefused, match="fewer than 3 records match"):
                products.sum().reveal()
            return
        assert products.sum().reveal() == pytest.approx((truth.age * truth.bmi + truth.cost).sum(), abs=1e-4)


def test_rows_of_two_institutions_are_the_inner_join(net):
    pairs, truth = linked(net, "Mayo", "Duke", least=60 - 25)
    assert (pairs["Mayo", "age"] * pairs["Duke", "bmi"]).sum().reveal() == pytest.approx((truth.age * truth.bmi).sum())
    both = (pairs["Mayo", "rx"] * pairs["Duke", "relapse"]).sum()
    assert both.reveal() == (ones(truth.rx, "placebo") * ones(truth.relapse, "yes")).sum()
    count, bmi = reveal(pairs.matched.sum(), pairs["Duke", "bmi"].sum())
    assert count == len(truth) and bmi == pytest.approx(truth.bmi.sum())


def test_whoever_leads_the_sums_are_the_same(net):
    pairs, truth = linked(net, "Duke", "Mayo")
    assert (pairs["Mayo", "age"] * pairs["Duke", "bmi"]).sum().reveal() == pytest.approx((truth.age * truth.bmi).sum())


def test_of_three_institutions_a_row_is_a_patient_of_all(net):
    pairs, truth = linked(net, "Yale", "Duke", "Mayo")
    shown = pairs["Yale", "cost"] * pairs["Mayo", "age"]
    assert shown.sum().reveal() == (truth.cost * truth.age).sum()
    assert pairs.matched.sum().reveal() == len(truth)
    two = joined(TABLES, {"Yale": ["cost"], "Mayo": BROUGHT["Mayo"]})
    assert pairs.matched_at("Mayo").sum().reveal() == len(two) > len(truth)


def test_a_cohort_may_be_of_each_institution(net):
    older = {"Mayo": "age > 50"}
    pairs = net.link("Mayo", "Duke", on="pid", where=older)
    mayo = TABLES["Mayo"].to_pandas()
    patients = set(mayo[mayo.age > 50].pid.dropna()) & set(TABLES["Duke"].to_pandas().pid.dropna())
    assert pairs.matched.sum().reveal() == len(patients)


def test_fewer_than_least_are_refused_by_one_bit_and_nothing_else_is_said(net):
    pairs, truth = linked(net, "Mayo", "Duke", least=96)
    with pytest.raises(sc.DisclosureRefused, match="fewer than 96 records match") as refused:
        pairs.matched.sum().reveal()
    assert str(len(truth)) not in str(refused.value).split("session")[1].split(",", 1)[1]
    enough, _ = linked(net, "Mayo", "Duke", least=len(truth))
    assert enough.matched.sum().reveal() == len(truth)
    short, _ = linked(net, "Mayo", "Duke", least=len(truth) + 1)
    with pytest.raises(sc.DisclosureRefused):
        short.matched.sum().reveal()


def test_least_is_of_the_patients_of_all_institutions_not_of_two(dealt):
    tables = hospitals({"Mayo": range(60), "Duke": range(35), "Yale": range(30, 70)}, absent=0)  # 5 at all
    with network(tables) as formed:
        pairs = formed.link("Mayo", "Duke", "Yale", on="pid", least=10)
        assert formed.link("Mayo", "Duke", on="pid").matched.sum().reveal() == 35
        assert formed.link("Mayo", "Yale", on="pid").matched.sum().reveal() == 30
        for shown in (pairs.matched.sum(), pairs.matched.mean()):
            with pytest.raises(sc.DisclosureRefused, match="fewer than 10 records match"):
                shown.reveal()


def test_one_number_is_shown_for_every_smallest_cell_of_patients(net):
    pairs, _ = linked(net, "Mayo", "Duke", least=19)
    sums = pairs["Mayo", "age"].sum(), pairs["Duke", "bmi"].sum()
    with pytest.raises(sc.DisclosureRefused, match=r"one for every 10 records .* link with least=20 or more"):
        reveal(*sums)
    more, _ = linked(net, "Mayo", "Duke", least=20)
    assert len(reveal(more["Mayo", "age"].sum(), more["Duke", "bmi"].sum())) == 2


def test_single_rows_and_picked_rows_are_shown_to_nobody(net):
    pairs, _ = linked(net, "Mayo", "Duke")
    age, bmi, matched = pairs["Mayo", "age"], pairs["Duke", "bmi"], pairs.matched
    first = np.eye(len(matched))[0]
    for shown in (matched, age, bmi, matched[0], age[:20].sum(), bmi.max(), np.sort(age)[-1], (age > 60).sum()):
        with pytest.raises(sc.DisclosureRefused, match="rule 'arrays'"):
            shown.reveal()
    for shown in ((matched * first).sum(), first @ bmi, np.cumsum(matched)[3]):
        with pytest.raises(sc.DisclosureRefused, match="rule 'arrays'"):
            shown.reveal()
    for own in ("Mayo", "Duke"):
        with pytest.raises(sc.DisclosureRefused, match="single records of"):
            matched.reveal(to=own)


def test_no_bit_is_opened_about_fewer_patients_than_a_smallest_cell(net):
    pairs, _ = linked(net, "Mayo", "Duke", least=9)
    outside = net.secret("Yale", np.ones(3))
    for shown in ((pairs.matched.sum(),), (outside.sum(), pairs.matched.sum() * 0)):
        with pytest.raises(sc.DisclosureRefused, match=r"rule 'min_cell': .*link with least=10 or more|rule 'arrays'"):
            reveal(*shown)
    shown = program_of([(pairs.matched.sum().expression, COLLECTOR), (outside.sum().expression, COLLECTOR)])
    unseen = Program(shown.nodes, shown.outputs[1:], linkages=shown.linkages)
    for owner in ("Mayo", "Duke"):
        with pytest.raises(sc.DisclosureRefused, match="rule 'min_cell'"):
            permit(unseen, owner, "aggregates", 10)
        permit(unseen, owner, "aggregates", 9)


@pytest.mark.parametrize("n", [90, 3000], ids=["played as they are", "played on few rows"])
def test_an_explanation_says_the_rounds_and_the_bytes_of_the_run(n):
    whose = {"Mayo": range(n), "Duke": range(n // 3, n + 40), "Yale": range(n // 2, n + 70)}
    tables = hospitals(whose, again=5, lacking=3)
    columns = {"Yale": ["cost"], "Mayo": ["age"], "Duke": ["bmi"]}
    with network(tables) as formed:  # with conversations as they are
        pairs = formed.link("Yale", "Duke", "Mayo", on="pid", columns=columns, least=20)
        shown = pairs.matched.sum(), pairs["Mayo", "age"] @ pairs["Duke", "bmi"]
        told = explain(*shown)
        program = program_of([(each.expression, COLLECTOR) for each in shown])
        run, numbers = formed._run_program(*formed.propose_program(program), None)
    traffic = {party: outcome.traffic for party, outcome in run.outcomes.items()}
    assert told.rounds == max(each.rounds for each in traffic.values())
    assert told.bytes == {party: each.sent for party, each in traffic.items() if party != COLLECTOR}
    assert numbers[0] == len(joined(tables, columns))
    assert "whether enough records match" in dict(told.learns)["each compute party"]


MISTAKEN = {
    "a list of institutions": ((["Mayo", "Duke"],), {}, "are named one after the other: link('Mayo', 'Duke', on="),
    "one institution": (("Mayo",), {}, "two institutions or more are linked, each named once"),
    "one twice": (("Mayo", "Mayo"), {}, "two institutions or more are linked, each named once"),
    "nobody": (("Mayo", "Dule"), {}, "there is no institution 'Dule'; did you mean 'Duke'?"),
    "a key that nobody has": (PAIR, {"on": "pidd"}, "no column 'pidd' at 'Mayo' and 'Duke'; did you mean 'pid'?"),
    "a key that one lacks": (PAIR, {"on": ["pid", "age"]}, "no column 'age' at 'Duke'; 'Mayo' has it"),
    "no key": (PAIR, {"on": []}, "at least one field"),
    "another's column": (
        PAIR,
        {"columns": {"Mayo": ["relapse"]}},
        "there is no column 'relapse' at 'Mayo'; 'Duke' has it",
    ),
    "a column that nobody has": (
        PAIR,
        {"columns": {"Duke": ["relaps"]}},
        "there is no column 'relaps' at 'Duke'; did you mean 'relapse'?",
    ),
    "columns of nobody": (PAIR, {"columns": ["rx"]}, "columns are named by institution: columns={'Mayo': "),
    "a column alone": (PAIR, {"columns": {"Mayo": "rx"}}, "are a list of names: columns={'Mayo': ['rx']}"),
    "numbers for columns": (PAIR, {"columns": {"Mayo": [3]}}, "columns of 'Mayo' are a list of names: columns={"),
    "columns of another": (PAIR, {"columns": {"Yale": ["cost"]}}, "'Yale' takes no part in the linkage; name it, or"),
    "a cohort of another": (PAIR, {"where": {"Yale": "cost > 3"}}, "'Yale' takes no part in the linkage; name it, or"),
    "a cohort that is a number": (PAIR, {"where": 3}, "where is a condition in words, 'age > 50', or one for each"),
    "one of them a number": (PAIR, {"where": {"Mayo": 3}}, "the cohort of 'Mayo' is a condition in words: where="),
    "a cohort that one cannot read": (PAIR, {"where": "age > 50"}, "'Duke': there is no column 'age'"),
    "least 0": (PAIR, {"least": 0}, "least is 0; it is how many patients in common a program needs to go on, and"),
    "least in words": (PAIR, {"least": "ten"}, "a whole number, from the smallest cell, 10, on. Leave it out for 10"),
    "least half": (PAIR, {"least": 10.5}, "least is 10.5"),
    "least true": (PAIR, {"least": True}, "least is True"),
    "least beyond all": (PAIR, {"least": 2**40}, f"least is {2**40}"),
    "least beyond one": (PAIR, {"least": 97}, "least is 97, and 'Mayo' has at most 96 patients; no more can be in"),
}


@pytest.mark.parametrize(("names", "asked", "text"), MISTAKEN.values(), ids=MISTAKEN)
def test_a_mistake_is_an_error_that_says_where_it_is_and_what_to_write(net, names, asked, text):
    with pytest.raises(sc.InvalidRequest, match=re.escape(text)):
        net.link(*names, **{"on": "pid"} | asked)


# Programs that no `Network.link` writes.

ON = ((("pid", "text", "whole"),),)
LEADER, FIRST, SECOND = Side("Mayo", None, 96, ("age",)), Side("Duke", None, 112, ("bmi",)), Side("Yale", None, 112)
LINKAGE = Linkage(ON, LEADER, (FIRST, SECOND))
BINS = LINKAGE.bins


def words(owner="Mayo", partner="Duke", word=TAG, linkage=LINKAGE, bins=BINS, **changed):
    declared = Input(owner, {"partner": partner, "word": word}, (bins,), 1.0, True, words=True)
    return Expression.of_input(replace(declared, **changed), linkage)


def pair(partner="Duke", word=TAG):
    return words("Mayo", partner, word), words(partner, partner, word)


def match(partner="Duke", least=10):
    return apply("match", *pair(partner), least=least)


def fetch(matched, tags):
    return apply("fetch", matched, *tags, bound=64.0, integer=False)


def shown(*expressions):
    made = program_of([(each, COLLECTOR) for each in expressions])
    return Program.from_plain(made.to_plain())


def total(x):
    return apply("sum", x, axes=[0])


def test_the_programs_that_are_spoiled_below_are_right_as_they_are():
    assert shown(total(match()), total(fetch(match(), pair(word=0)))).linkages == (LINKAGE,)


SPOILED = {
    "added": (lambda: total(apply("add", *pair())), "add does not take words of a linkage"),
    "compared": (lambda: total(apply("equal", *pair())), "equal does not take words"),
    "summed": (lambda: total(words()), "sum does not take words"),
    "counted": (lambda: apply("enough", words(), least=10), "does not take words|zeros and ones"),
    "shown": (words, "mean nothing by themselves"),
    "one twice": (lambda: total(apply("match", words(), words(), least=10)), "words of a linkage go into one line"),
    "of one side": (
        lambda: total(apply("match", words(), words("Mayo", "Yale"), least=10)),
        "takes a leader's and its partner's words",
    ),
    "of two partners": (
        lambda: total(apply("match", words(), words("Yale", "Yale"), least=10)),
        "takes a leader's and its partner's words",
    ),
    "a partner's alone": (
        lambda: total(apply("match", words("Duke"), words("Yale", "Yale"), least=10)),
        "takes a leader's and its partner's words",
    ),
    "match of a number": (lambda: total(apply("match", *pair(word=0), least=10)), "does not take the word 0"),
    "fetch of a tag": (lambda: total(fetch(match("Yale"), pair())), "does not take the word 'tag'"),
    "fetch by another match": (lambda: total(fetch(match("Yale"), pair(word=0))), "takes the match of the same"),
    "fetch by no match": (
        lambda: total(fetch(apply("multiply", match(), 1.0), pair(word=0))),
        "takes the match of the same",
    ),
    "a word that is not brought": (lambda: total(fetch(match(), pair(word=1))), "brings no word 1"),
    "a partner that is not there": (
        lambda: total(apply("match", words("Mayo", "Rush"), words("Rush", "Rush"), least=10)),
        "name one of its partners",
    ),
    "the leader as its partner": (
        lambda: total(apply("match", words("Mayo", "Mayo"), words("Duke", "Mayo"), least=10)),
        "name one of its partners",
    ),
    "another's words": (
        lambda: total(apply("match", words("Yale", "Duke"), words("Duke"), least=10)),
        "belong to its leader or to the partner",
    ),
    "other bins": (
        lambda: total(apply("match", words(bins=BINS - 1), words("Duke", bins=BINS - 1), least=10)),
        "a row for each of",
    ),
    "a partner's numbers": (
        lambda: total(words("Duke", words=False)),
        "only the leader of a linkage, 'Mayo', brings in numbers itself",
    ),
}


@pytest.mark.parametrize(("make", "text"), SPOILED.values(), ids=SPOILED)
def test_words_go_where_they_belong_and_nowhere_else(make, text):
    with pytest.raises(sc.InvalidRequest, match=text):
        shown(make())


def proposed(net, *expressions):
    return net.run_program(shown(*expressions))


def told(net, name, *columns):
    """A side as the institution tells it."""
    asked = {"on": [[["pid", "text", "whole"]]], "columns": list(columns), "purpose": "arrays"}
    return Side(name, None, net.fabric.ask(name, "measure", asked)["records"], columns)


def forged(net, leader=(), partner=(), on=ON):
    return Linkage(on, replace(told(net, "Mayo"), **dict(leader)), (replace(told(net, "Duke"), **dict(partner)),))


def matches(linkage, least=10):
    (partner,) = linkage.partners
    made = [words(owner, partner.party, TAG, linkage, linkage.bins) for owner in (linkage.leader.party, partner.party)]
    return apply("match", *made, least=least)


def test_a_linkage_as_it_is_told_is_taken(net):
    assert proposed(net, total(matches(forged(net))))[0] == 60


@pytest.mark.parametrize(
    ("changed", "error", "text"),
    [
        ({"partner": {"party": "Rush"}}, sc.InvalidRequest, "'Rush' holds no"),
        ({"leader": {"records": 112}}, sc.InvalidRequest, "another number of records than 'Mayo' told"),
        ({"leader": {"records": 64}}, sc.InvalidRequest, "another number of records than 'Mayo' told"),
        ({"partner": {"records": 128}}, sc.InvalidRequest, "another number of records than 'Duke' told"),
        ({"partner": {"where": "bmi > 100"}}, sc.DisclosureRefused, "rule 'min_cell'"),
        ({"partner": {"columns": ("rx",)}}, sc.InvalidRequest, "no column 'rx'"),
        ({"partner": {"columns": (("relapse", "maybe"),)}}, sc.InvalidRequest, "no category 'maybe'"),
        ({"partner": {"columns": (("bmi", "25"),)}}, sc.InvalidRequest, "not categorical"),
        ({"on": ((("mrn", "text", "whole"),),)}, sc.InvalidRequest, "no column 'mrn'"),
    ],
    ids=str,
)
def test_a_linkage_that_was_not_told_so_is_refused(net, changed, error, text):
    with pytest.raises(error, match=text):
        proposed(net, total(matches(forged(net, **changed))))


def test_numbers_are_declared_with_the_dictionarys_range_and_only_what_is_brought(net):
    """A narrower range would be refused or not as the records are."""
    linkage = Linkage(ON, told(net, "Mayo", "age"), (told(net, "Duke", "bmi"),))

    def column(name, most, **more):
        declared = Input("Mayo", {"columns": name}, (linkage.bins,), most, True, least=0.0, **more)
        return total(apply("multiply", matches(linkage), Expression.of_input(declared, linkage)))

    def fetched(most):
        tags = [words(owner, "Duke", 0, linkage, linkage.bins) for owner in ("Mayo", "Duke")]
        return total(apply("fetch", matches(linkage), *tags, bound=most, integer=False))

    assert proposed(net, column("age", 128.0))[0] > 0 and proposed(net, fetched(64.0))[0] > 0
    for narrow in (column("age", 100.0), fetched(40.0)):
        with pytest.raises(sc.InvalidRequest, match="the dictionary's range"):
            proposed(net, narrow)
    with pytest.raises(sc.InvalidRequest, match="does not bring 'rx'"):
        proposed(net, column("rx", 1.0))


def test_records_are_linked_for_arrays_only_where_a_rule_says_so(dealt):
    with network(TABLES) as formed:
        linkage = forged(formed)
    for strict in ({"linkage": "counts"}, {"linkage": "none"}):
        rules = {name: sc.Rules(**strict) if name == "Duke" else sc.Rules(linkage="arrays") for name in TABLES}
        with network(TABLES, rules) as formed:
            with pytest.raises(sc.DisclosureRefused, match="rule 'linkage'"):
                formed.link("Mayo", "Duke", on="pid")
            with pytest.raises(sc.DisclosureRefused, match="rule 'linkage'"):
                proposed(formed, total(matches(linkage)))


@pytest.mark.parametrize(
    ("ask", "text"),
    [
        (lambda net: net.link("Mayo", on="pid"), "two institutions or more"),
        (lambda net: net.link("Mayo", "Mayo", on="pid"), "each named once"),
        (lambda net: net.link("Mayo", "Duke", on="pidd"), "no column 'pidd' at 'Mayo' and 'Duke'; did you mean"),
        (lambda net: net.link("Mayo", "Duk", on="pid"), "no institution 'Duk'"),
        (lambda net: net.link("Mayo", "Duke", on="pid", columns={"Mayo": "age"}), "'Mayo' are a list of names"),
        (
            lambda net: linked(net, "Mayo", "Duke")[0]["Duke", "rx"],
            "'Duke' brought no column 'rx'.*Mayo: rx, age.*columns={",
        ),
        (lambda net: linked(net, "Mayo", "Duke")[0]["rx"], "named by institution and column"),
        (
            lambda net: linked(net, "Mayo", "Duke")[0].matched_at("Mayo"),
            "'Mayo' is not looked up for 'Mayo' here; name 'Duke'",
        ),
        (lambda net: linked(net, "Mayo", "Duke")[0].model(("Duke", "bmi"), ["age"]), "lists by institution: {'Mayo'"),
        (lambda net: linked(net, "Mayo", "Duke")[0].model(("Duke", "bmi"), {"Mayo": "age"}), "lists by institution"),
        (lambda net: linked(net, "Mayo", "Duke")[0].model(("Duke", "bmi"), {}), "a model has columns"),
        (lambda net: net.link("Mayo", "Duke", on="pid", columns={"Duke": ["stage"]}), "'stage' has 3 categories"),
    ],
)
def test_what_is_asked_wrongly_is_a_clear_error(net, ask, text):
    with pytest.raises(sc.InvalidRequest, match=text):
        ask(net)


def test_a_models_columns_have_names_that_tell_them_apart(dealt):
    tables = hospitals({"Mayo": range(60), "Duke": range(30, 90), "Yale": range(60)})
    tables["Duke"] = tables["Duke"].append_column("age", tables["Mayo"]["age"])
    with network(tables) as formed:
        pairs = formed.link("Mayo", "Duke", on="pid", columns={"Mayo": ["rx", "age"], "Duke": ["bmi", "age"]})
        told = pairs.model(("Duke", "bmi"), {"Mayo": ["rx", "age"], "Duke": ["age"]})
        assert told["names"] == ["rx", "age at Mayo", "age at Duke"]
        assert [each.shape for each in (*told["X"], told["y"], told["matched"])] == [(len(pairs.matched),)] * 5
