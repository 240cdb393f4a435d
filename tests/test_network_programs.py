"""Programs on secret arrays in a network: what institutions let in, who is asked, and what no rule stops."""

import numpy as np
import pyarrow as pa
import pytest

import securecompute as sc
from securecompute.coordinator import COLLECTOR, COORDINATOR
from securecompute.programs.program import Input
from securecompute.secret_arrays.array import SecretArray, program_of
from tests.programs.running import held, line, program, run

RNG = np.random.default_rng(4)
SIZES = {"Bern": 60, "Lyon": 45, "Oslo": 30}
RULES = sc.Rules(columns=("age", "dose", "event", "rare"))


def table(n):
    """Patients: one, number 7, has the rare condition, is the oldest, and takes twice the dose of any other."""
    age, dose = np.round(RNG.uniform(20, 80, n), 1), RNG.uniform(0, 1, n)
    age[7], dose[7] = 88.0, 2.0
    return pa.table(
        {
            "age": age,
            "dose": dose,
            "event": np.where(RNG.random(n) < 0.3, "yes", "no"),
            "rare": np.where(np.arange(n) == 7, "yes", "no"),
        }
    )


TABLES = {name: table(n) for name, n in SIZES.items()}


def column(name, of="Bern"):
    return np.asarray(TABLES[of][name])


@pytest.fixture(scope="module")
def network():
    with sc.Network.simulate(TABLES, fabric="in-process", rules=RULES, quiet=True) as formed:
        yield formed


def of_columns(network, names, shape, bound):
    """An input as a researcher could write it without asking `Network.secret`."""
    return SecretArray.of_input(network, Input("Bern", {"columns": names, "where": None}, shape, bound))


def test_sums_over_all_records_are_shown_and_single_records_are_not(network):
    ages = [network.secret(name, "age") for name in SIZES]
    pooled = np.concatenate([column("age", of=name) for name in SIZES])
    assert np.concatenate(ages).mean().reveal() == pytest.approx(pooled.mean(), abs=1e-4)
    for shown in (ages[0], ages[0].max(), np.sort(ages[0]), (ages[0] > 60).sum(), ages[0][:30].sum()):
        with pytest.raises(sc.DisclosureRefused, match="rule 'arrays'"):
            shown.reveal()


def test_an_institution_may_be_shown_its_own_records(network):
    assert (network.secret("Bern", "age") * 2).reveal(to="Bern") is None
    with pytest.raises(sc.DisclosureRefused, match="single records of 'Bern' to 'Lyon'"):
        network.secret("Bern", "age").reveal(to="Lyon")


def test_how_many_records_a_cohort_has_is_public_from_the_smallest_cell_up(network):
    older = (column("age") > 50).sum()
    assert network.secret("Bern", "age", where="age > 50").shape == (older,)
    with pytest.raises(sc.DisclosureRefused, match="rule 'min_cell'"):
        network.secret("Bern", "age", where="rare = 'yes'")


@pytest.mark.parametrize(("size", "rule"), [(1, "arrays"), (60, "min_cell")])
def test_a_small_cohort_is_refused_too_if_nobody_asked_for_its_size(network, size, rule):
    source = {"columns": "age", "where": "rare = 'yes'"}
    guessed = SecretArray.of_input(network, Input("Bern", source, (size,), 128.0))
    with pytest.raises(sc.DisclosureRefused, match=f"rule '{rule}'"):
        guessed.sum().reveal()


def test_a_range_narrower_than_the_dictionarys_would_be_an_oracle_and_is_refused(network):
    with pytest.raises(sc.InvalidRequest, match="columns come with the dictionary's range"):
        network.secret("Bern", "age", bound=85.0)
    for bound in (85.0, 100.0):  # alike, whether a record is beyond it or not
        with pytest.raises(sc.InvalidRequest, match="dictionary's range, 0 to 128, or a wider one"):
            of_columns(network, "age", (60,), bound).sum().reveal()
    assert of_columns(network, "age", (60,), 256.0).sum().reveal() == pytest.approx(column("age").sum(), abs=1e-3)


def test_an_institution_may_refuse_programs_and_columns():
    strict = {name: sc.Rules(arrays="none", columns=("age",)) if name == "Oslo" else sc.Rules() for name in SIZES}
    with sc.Network.simulate(TABLES, fabric="in-process", rules=strict, quiet=True) as formed:
        with pytest.raises(sc.DisclosureRefused, match="no program may be run on records"):
            formed.secret("Oslo", "age")
        with pytest.raises(sc.DisclosureRefused, match="rule 'columns' does not list 'dose'"):
            formed.secret("Oslo", "dose")
        assert formed.secret("Bern", "age").sum().reveal() == pytest.approx(column("age").sum(), abs=1e-3)


def test_a_cohort_is_chosen_by_listed_columns_only():
    with sc.Network.simulate(TABLES, fabric="in-process", rules=sc.Rules(columns=("age",)), quiet=True) as formed:
        with pytest.raises(sc.DisclosureRefused, match="rule 'columns' does not list 'event'"):
            formed.secret("Bern", "age", where="event = 'no'")
        hidden = Input("Bern", {"columns": "age", "where": "event = 'no'"}, (40,), 128.0)
        with pytest.raises(sc.DisclosureRefused, match="rule 'columns' does not list 'event'"):
            SecretArray.of_input(formed, hidden).sum().reveal()


def test_what_an_institution_was_shown_stays_there(network):
    age = network.secret("Bern", "age")
    _, manifest = network.propose_program(program_of([(age, "Bern")]))
    held_name = f"{manifest.session.hex()[:16]}/0"
    with pytest.raises(sc.DisclosureRefused, match="single records of 'Bern' to 'collector'"):
        SecretArray.of_input(network, Input("Bern", {"held": held_name}, (60,), 128.0)).reveal()


def test_owners_compute_parties_and_receivers_take_part_and_the_coordinator_does_not(network):
    total = network.secret("Oslo", "age").sum()
    _, manifest = network.propose_program(program_of([(total, COLLECTOR)]))
    assert manifest.parties == ("Oslo", "Bern", "Lyon", COLLECTOR)
    assert COORDINATOR not in manifest.parties


def test_an_owner_that_does_not_compute_speaks_in_the_first_round_and_receives_nothing():
    nodes = [held("owner", np.ones(3)), line("multiply", 0, 0), line("sum", 1, axes=[0])]
    _, played = run(program(nodes, 2), {0: np.ones(3)})
    assert not played.views.get("owner")
    assert {number for view in played.views.values() for number, sender in view if sender == "owner"} == {0}


def test_two_institutions_compute_with_a_helper_that_holds_nothing_and_is_shown_nothing():
    two = {name: TABLES[name] for name in ("Bern", "Lyon")}
    with sc.Network.simulate(two, fabric="in-process", helpers=["Aid"], quiet=True) as formed:
        total = formed.secret("Bern", "age").sum() + formed.secret("Lyon", "age").sum()
        expected = column("age").sum() + column("age", of="Lyon").sum()
        assert total.reveal() == pytest.approx(expected, abs=1e-3)
        assert total.explain().compute == ("Bern", "Lyon", "Aid")
        with pytest.raises(sc.InvalidRequest):
            formed.secret("Aid", np.ones(3))
        with pytest.raises(sc.InvalidRequest):
            total.reveal(to="Aid")


@pytest.mark.parametrize(
    "compute", [["Bern", "Lyon", COLLECTOR], ["Bern", "Lyon", COORDINATOR], ["Bern", "Lyon", "Bern"]]
)
def test_three_different_parties_compute_and_neither_coordinator_nor_collector_is_one(compute):
    with pytest.raises(sc.InvalidRequest):
        sc.Network.simulate(TABLES, fabric="in-process", compute=compute, quiet=True)


def test_an_explanation_says_what_is_opened_and_who_could_read_everything(network):
    x = np.concatenate([network.secret(name, ["age", "dose"]) for name in SIZES])
    learns = dict(np.linalg.inv(x.T @ x).explain().learns)
    assert "whether a matrix was as well conditioned as declared" in learns["each compute party"]
    assert "every number" in learns["two compute parties together"]
    assert learns["coordinator"] == "the program and its shapes"
    assert "trust domain" in learns["operator of the cluster"]


def test_an_explanation_says_that_the_program_would_be_refused_and_why(network):
    age = network.secret("Bern", "age")
    (text,) = (age * 2).explain().refused
    assert "single records" in text
    assert f"would be refused: {text}" in "\n".join((age * 2).explain().text_lines())
    assert age.sum().explain().refused == ()


# What the rule 'arrays' does not stop, for the threat model to say.


def test_a_count_of_one_institution_below_the_smallest_cell_is_shown(network):
    assert network.secret("Bern", "rare").sum().reveal() == 1


def test_columns_of_zeros_and_ones_pick_a_patient(network):
    age, rare = network.secret("Bern", "age"), network.secret("Bern", "rare")
    assert (age * rare).sum().reveal() == pytest.approx(88.0, abs=1e-3)


def test_a_high_power_shows_the_largest_record(network):
    total = (network.secret("Bern", "dose") ** 16).sum().reveal()
    assert total ** (1 / 16) == pytest.approx(2.0, abs=1e-3)


def test_two_cohorts_that_differ_by_a_patient_are_subtracted(network):
    everybody, others = (network.secret("Bern", "age", where=where) for where in (None, "rare = 'no'"))
    assert everybody.shape[0] - others.shape[0] == 1
    assert everybody.sum().reveal() - others.sum().reveal() == pytest.approx(88.0, abs=1e-2)


def test_two_cohorts_of_an_institution_do_not_meet_in_one_program(network):
    everybody, others = (network.secret("Bern", "age", where=where) for where in (None, "rare = 'no'"))
    with pytest.raises(sc.DisclosureRefused, match="columns of different records of 'Bern'"):
        (everybody.sum() - others.sum()).reveal()


def test_helpers_are_listed_by_name():
    with pytest.raises(sc.InvalidRequest, match=r"helpers=\['Notary'\]"):
        sc.Network.simulate({"a": "a.parquet", "b": "b.parquet"}, helpers="Notary", quiet=True)


def test_no_request_reads_what_a_program_showed_to_an_institution(network):
    network.secret("Bern", "age").reveal(to="Bern")
    with pytest.raises(sc.InvalidRequest, match="not asked 'held'"):
        network.fabric.ask("Bern", "held", "0/0")
