"""What an answer about patients leaves out, and what it says where fields are written differently."""

import datetime
from dataclasses import replace

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import securecompute as sc
from securecompute.analyses.result import Hidden
from securecompute.coordinator import COLLECTOR
from securecompute.patients import catalogue, counts
from securecompute.patients.catalogue import sides_of
from securecompute.patients.identified import DAYS_READ, Identified
from securecompute.programs.expressions import apply, program_of
from securecompute.programs.plan import plan
from securecompute.programs.rehearsal import rehearse
from securecompute.programs.unidentified import unidentified
from securecompute.records.spelling import spell
from tests.patients.pooled import Drawn, gated, network

DAYS = [datetime.date(1950, 1, 1) + datetime.timedelta(days=97 * k) for k in range(40)]
WRITTEN = {
    "dashes": "%Y-%m-%d",
    "dots": "%d.%m.%Y",
    "digits": "%Y%m%d",
    "slashes": "%d/%m/%Y",
    "words": "%d %B %Y",
}
TYPED = sc.Dictionary.from_tables(
    {
        "born": {"type": "text"},
        "sex": {"type": "categorical", "categories": ["f", "m"]},
        "arm": {"type": "categorical", "categories": ["drug"]},
        "age": {"type": "integer", "low": 0, "high": 120},
    },
    "here",
)
PAIR = {"between": ["Bern", "Lyon"]}
ASKED = {
    "overlap": PAIR,
    "distinct": PAIR | {"at_least": 2},
    "distinct_crosstab": PAIR | {"row": "sex", "column": "arm"},
    "linked_crosstab": {"row": ["Bern", "sex"], "column": ["Lyon", "arm"]},
    "shared_total": PAIR | {"column": ["Lyon", "age"]},
    "approximate_distinct": PAIR,
    "linked_patients": PAIR,
}
IN_COMMON = ("overlap", "distinct", "linked_crosstab", "shared_total", "linked_patients")
FEW = settings(max_examples=12, suppress_health_check=[HealthCheck.function_scoped_fixture])


def born(how, days=DAYS):
    """Records of people who were born on these days, written in this way."""
    n = len(days)
    return pa.table(
        {
            "born": pa.array([day and day.strftime(WRITTEN[how]) for day in days], pa.string()),
            "sex": ["f", "m"] * (n // 2) + ["f"] * (n % 2),
            "arm": ["drug"] * n,
            "age": [20 + k % 80 for k in range(n)],
        }
    )


def written(*ways):
    return network(dict(zip(("Bern", "Lyon", "Oslo"), map(born, ways), strict=False)), dictionary=None)


def ask(net, name, on, **more):
    key = {"keys": [on]} if name == "linked_patients" else {"on": on}
    return net.study("s").ask(name, **ASKED[name], **key, **more)


@pytest.mark.parametrize("name", ASKED)
def test_an_unreadable_column_at_one_institution_shows_in_every_question(name, dealt):
    with written("dashes", "slashes") as net:
        answer = ask(net, name, ["born as date"])
    assert answer.identified.without == 40
    assert answer.to_plain()["result"]["records without the key"] == 40
    left_out = "none of the keys" if name == "linked_patients" else "no readable value there"
    assert f"40 records have {left_out} and are not counted." in answer.result.notes()
    assert any("In born days are read that are written as 1961-03-07" in note for note in answer.result.notes())


@pytest.mark.parametrize("name", ASKED)
def test_fields_that_are_written_differently_are_named_where_nobody_is_in_common(name, dealt):
    with written("dashes", "dots") as net:
        texts, dates = ask(net, name, ["born"]), ask(net, name, ["born as date"])
    told = "'born as date' or 'born as number'."
    assert texts.identified.without == dates.identified.without == 0
    assert any(note.endswith(told) for note in texts.result.notes()) == (name in IN_COMMON)
    assert not any("may write a field differently" in note for note in dates.result.notes())


def test_what_the_note_says_finds_them(dealt):
    with written("dashes", "dots", "digits") as net:
        study = net.study("s")
        assert study.overlap(on=["born"]).result.seen_at(2) == 0
        assert study.overlap(on=["born as date"]).common == 40
        assert study.overlap(on=[sc.Field("born", kind="date")]).common == 40


def test_one_institution_that_writes_differently_is_named(dealt):
    with written("dashes", "dashes", "words") as net:
        notes = net.study("s").overlap(on=["born"]).result.notes()
    assert "No patient of Oslo is known to another institution." in notes
    assert notes[-1].startswith("Institutions may write a field differently: born is compared as text.")


SETS = st.lists(st.sampled_from(["dashes", "dots", "slashes", "words", "nothing"]), min_size=2, max_size=3)


@FEW
@given(SETS, st.integers(1, 12))
def test_the_number_is_that_of_the_records_that_cannot_be_read_whichever_institutions_have_them(dealt, ways, n):
    """Of each institution nobody sees it: only their sum is shown, where it is not small."""
    tables = {
        name: born("dashes", [None] * n) if how == "nothing" else born(how, DAYS[:n])
        for name, how in zip(("Bern", "Lyon", "Oslo"), ways, strict=False)
    }
    with network(tables, dictionary=TYPED) as net:
        answer = net.study("s").overlap(on=["born as date"])
    readable = sum(how in ("dashes", "dots") for how in ways)
    assert answer.identified.without == gated(n * (len(ways) - readable))
    assert answer.exactly[-1] == gated(n if readable == len(ways) else 0)


@pytest.mark.parametrize(("lacking", "shown"), [(0, 0), (1, Hidden(3)), (2, 4), (9, 18)])
def test_a_number_below_the_smallest_cell_is_closed(lacking, shown, dealt):
    with network(Drawn((9, 9, 9), lacking=lacking).tables) as net:
        assert net.study("s").overlap(on="pid").identified.without == shown


def test_a_record_with_any_of_several_keys_is_counted(dealt):
    tables = {name: born("dashes", [None, *DAYS[:20], *[None] * 7]) for name in ("Bern", "Lyon")}
    tables["Lyon"] = tables["Lyon"].set_column(1, "sex", pa.array([None] * 28, pa.string()))
    with network(tables, dictionary=None) as net:
        study, keys = net.study("s"), [["born as date"], ["born", "age"], ["sex", "age"]]
        answers = [study.linked_patients(between=["Bern", "Lyon"], keys=keys[:k]) for k in (1, 2, 3)]
    assert [answer.identified.without for answer in answers] == [16, 16, 8]


@pytest.mark.parametrize("name", ASKED)
def test_it_adds_no_round_and_its_bound_says_nothing_of_the_records(name):
    """Nor do its bytes: they are those of a number, whatever institutions declare."""
    declared = {"dashes": DAYS, "dots": DAYS * 20}
    tables = {who: born(how, days) for who, (how, days) in zip(("Bern", "Lyon"), declared.items(), strict=True)}
    with network(tables, dictionary=TYPED) as net:
        key = {"keys": [["born as date"]]} if name == "linked_patients" else {"on": ["born as date"]}
        question = net.study("s").question(name, **ASKED[name], **key)
        _, manifest = net.propose_counting(question)
        counted = catalogue.find(name).program(question, sides_of(manifest.program), net.dictionaries)
    gate = getattr(catalogue.find(name), "gated", counts.gated)
    alone = program_of([(gate(counted, 3), COLLECTOR)])
    assert rehearse(manifest.plan).rounds == rehearse(plan(alone)).rounds
    own = [each for each in manifest.program.inputs.values() if unidentified(each.source)]
    assert [(each.shape, each.bound, each.least) for each in own] == [((1,), 2.0**40, 0.0)] * 2


@pytest.fixture(scope="module")
def net():
    with network(Drawn((5, 3, 12, 9, 0, 1, 14), lacking=2).tables, rules=sc.Rules(min_cell=3, arrays="any")) as formed:
        yield formed


def numbers_of(net):
    manifest = net.propose_counting(net.study("s").question("overlap", on="pid"))[1]
    return manifest, counts.without_key(sides_of(manifest.program))


def test_no_program_of_a_researcher_takes_it_in(net):
    """It could show the number of one institution, or a small one."""
    manifest, number = numbers_of(net)
    for shown in (number, counts.gated(number, 3), apply("add", number, 1.0)):
        made = program_of([(shown, COLLECTOR)])
        with pytest.raises(sc.InvalidRequest, match="made from a question, and no other"):
            net.run_program(made)
        with pytest.raises(sc.InvalidRequest, match="made from a question, and no other"):
            net.fabric.ask("Bern", "consider", replace(manifest, program=made, question=None).encode())


@pytest.mark.parametrize("rule", [{"linkage": "none"}, {"columns": ("age", "sex")}, {"analyses": ("distinct",)}])
def test_an_institution_holds_its_own_rules_against_it(net, rule):
    manifest, number = numbers_of(net)
    alone = replace(manifest, program=program_of([(counts.gated(number, 3), COLLECTOR)]))
    with pytest.raises(sc.DisclosureRefused, match=f"rule '{next(iter(rule))}'"):
        alone.respects(sc.Rules(min_cell=3, **rule), "Lyon")


def test_an_institution_that_declares_another_bound_is_refused(net):
    """What it declares everybody makes anew; a bound of its own would say something of its records."""
    plain = numbers_of(net)[0]
    source = plain.program.to_plain()
    for node in source["nodes"]:
        if node[0] == "input" and unidentified(node[2]["source"]):
            node[2]["bound"] = 64.0
    with pytest.raises(sc.InvalidRequest, match="declared as one whole number from 0 to"):
        type(plain.program).from_plain(source)


@pytest.mark.parametrize("written", DAYS_READ.replace(" and ", ", ").split(", "))
def test_days_that_are_named_are_read(written):
    assert spell(pa.array([written], pa.large_string()), "date").to_pylist() == ["1961-03-07"]
    assert written in str(sc.Field.__doc__)


def test_a_day_that_may_be_another_one_is_not_read_and_this_is_said_where_fields_are():
    assert spell(pa.array(["03/07/1961"], pa.large_string()), "date").to_pylist() == [None]
    assert "unreadable, 03/07/1961 above all" in str(sc.Field.__doc__)


ONE, TWO = Identified(("born",), 0), Identified(("born", "surname"), 0)


@pytest.mark.parametrize(
    ("identified", "without", "sentence"),
    [
        (ONE, 0, "Every record has a readable value there."),
        (ONE, 1, "1 record has no readable value there and is not counted."),
        (ONE, 1439, "1,439 records have no readable value there and are not counted."),
        (ONE, Hidden(10), "<10 records have no readable value there and are not counted."),
        (TWO, 0, "Every record has a readable value in each of these."),
        (TWO, 439, "439 records have no readable value in some of these and are not counted."),
        (replace(TWO, several=True), 0, "Every record has one of the keys."),
        (replace(TWO, several=True), 439, "439 records have none of the keys and are not counted."),
        (replace(ONE, several=True), Hidden(10), "<10 records have none of the keys and are not counted."),
    ],
)
def test_it_is_said_in_a_sentence(identified, without, sentence):
    told = replace(identified, without=without, days=("born",))
    first = [] if told.several else [f"Records that agree in {' and '.join(told.by)} are one patient's."]
    read = [note for note in told.notes() if "days are read" in note]
    assert told.notes() == [*first, sentence, *read] and len(read) == (without != 0)


def test_several_columns_of_text_are_each_named():
    told = replace(TWO, texts=("born", "dose (mg)"))
    assert told.if_nobody() == [
        "Institutions may write a field differently: born and dose (mg) are compared as text. If one of them holds "
        "dates or numbers, say so: 'born as date' or 'born as number'; "
        "'\"dose (mg)\" as date' or '\"dose (mg)\" as number'."
    ]
    assert TWO.if_nobody() == []


def test_forms_dates_and_names_in_any_order_are_not_named(dealt):
    days = pa.array(DAYS, pa.date32())
    tables = {
        name: born("words")
        .append_column("day", days)
        .append_column("town", pa.array([f"{name}{k}" for k in range(40)]))
        for name in ("Bern", "Lyon")
    }
    keys = ["day", "soundex(town)", "sex and arm in any order", "born"]
    with network(tables, dictionary=None) as net:
        told = net.study("s").overlap(on=keys).identified
    assert (told.texts, told.days, told.by) == (("born",), (), tuple(keys))
