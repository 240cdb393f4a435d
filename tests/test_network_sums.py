"""A network under each way to add: the same answers, who could see what is said, and what institutions remember."""

from dataclasses import replace

import pytest

import securecompute as sc
from securecompute import study_file
from securecompute.coordinator import Collector
from securecompute.demos.trial import write_files
from securecompute.disclosure.ledger import SurvivorLedger
from securecompute.errors import PeerMisbehaved
from securecompute.institution import Institution
from securecompute.protocols.sums.settings import KINDS, Choice, Pairwise
from tests.test_network import DICTIONARY, four, frame, network, patients

WAYS = [
    "pairwise",
    "committee",
    {"kind": "committee", "members": ["Indiana", "Michigan", "Case"], "honest_coordinator": True},
    {"kind": "paillier", "key_bits": 2048},
    "lattice",
]


@pytest.fixture(scope="module")
def trial(tmp_path_factory):
    """The study of the indomethacin trial at its four institutions."""
    folder = tmp_path_factory.mktemp("trial")
    write_files(folder)
    return study_file.read(folder / "study.toml")


@pytest.mark.parametrize("way", WAYS, ids=str)
def test_the_published_numbers_come_out_whichever_way_the_vectors_are_hidden(trial, way):
    """Elmunzer et al., NEJM 2012: pancreatitis in 27 of 295 with indomethacin, in 52 of 307 with placebo."""
    with sc.Network.simulate(
        trial.records, dictionary=trial.dictionary, fabric="in-process", sum=way, quiet=True
    ) as net:
        study = net.study("indomethacin")
        explanation = study.explain("crosstab", row="rx", column="outcome")
        answer = study.crosstab("rx", "outcome")
    kind = way if isinstance(way, str) else way["kind"]
    rows = {row[0]: row[1:] for row in answer.result.tables()[0].rows}
    assert (rows["1_indomethacin"][:3], rows["0_placebo"][:3]) == ((268, 27, 295), (255, 52, 307))
    assert answer.provenance.protocol == explanation.protocol == f"{kind} sum"
    assert answer.provenance.rounds == explanation.rounds
    assert set(answer.provenance.took_part) == set(trial.records)


@pytest.mark.parametrize("way", WAYS[3:], ids=str)
def test_a_sum_under_a_key_says_who_holds_it_who_adds_blindly_and_what_both_could_read_together(trial, way):
    with sc.Network.simulate(
        trial.records, dictionary=trial.dictionary, fabric="in-process", sum=way, quiet=True
    ) as net:
        learns = dict(net.study("s").explain("count").learns)
    assert learns["collector"].startswith("holds the key; the total")
    assert learns["coordinator"].endswith("encrypted vectors, which it adds and cannot read")
    assert learns["coordinator and collector together"].startswith("every institution's own numbers")


def test_the_collector_makes_one_key_and_takes_part_under_no_other():
    way = {"kind": "paillier", "key_bits": 2048}
    with four(sum=way) as net, pytest.raises(sc.InvalidRequest, match="made its key already"):
        net.fabric.ask("collector", "key", way)
    enrolled = net._enrolment
    other = Collector()
    other.answer("key", way)
    for collector in (other, Collector()):
        with pytest.raises(sc.InvalidRequest, match="not the collector's"):
            collector.answer("enrol", {"enrolment": enrolled.to_plain()})
    Collector().answer("enrol", {"enrolment": replace(enrolled, setting=Pairwise()).to_plain()})


@pytest.mark.parametrize("kind", KINDS)
def test_a_steward_can_refuse_a_way_to_add(kind):
    others = tuple(other for other in KINDS if other != kind)
    with pytest.raises(sc.DisclosureRefused, match=f"rule 'sums' does not list '{kind}'"):
        four(rules={"hospital 2": sc.Rules(sums=others)}, sum=kind)


def test_a_committee_of_named_institutions_is_in_the_explanation():
    with four(sum={"kind": "committee", "members": ["hospital 3", "hospital 1", "hospital 0"]}) as net:
        explanation = net.study("s").explain("count")
    assert explanation.members_lost == 0
    assert any("hospital 0, hospital 1, hospital 3" in who for who, _ in explanation.learns)
    assert "one in the committee" in explanation.lines()[1]


def test_a_way_to_add_that_is_not_there_is_an_error_before_any_record_is_opened():
    with pytest.raises(sc.InvalidRequest, match="there is no sum 'fhe'"):
        four(sum="fhe")


ABSENT = {f"hospital {k}": f"no-{k}.parquet" for k in range(4)}  # not looked for until the rest is right


@pytest.mark.parametrize(
    ("options", "kind", "text"),
    [
        (
            {"sum": {"kind": "committee", "members": ["hospital 0", "hospital 1", "Oslo"]}},
            sc.InvalidRequest,
            "'Oslo' is to",
        ),
        ({"sum": Choice("committee", ("a", "b", "c"))}, sc.InvalidRequest, "'a' is to be in the committee"),
        ({"sum": "lattice", "rules": sc.Rules(sums=("paillier",))}, sc.DisclosureRefused, "does not list 'lattice'"),
        (
            {"sum": "paillier", "rules": {"hospital 1": sc.Rules(sums=("committee", "lattice"))}},
            sc.DisclosureRefused,
            "lists committee, lattice; choose from these, or ask the stewards",
        ),
    ],
)
def test_a_way_to_add_that_cannot_be_had_is_told_before_ray_starts(options, kind, text):
    with pytest.raises(kind, match=text):
        sc.Network.simulate(ABSENT, quiet=True, **options)


def test_what_is_not_installed_is_told_before_ray_starts(monkeypatch):
    def absent(name):
        raise ModuleNotFoundError("No module named 'tenseal'", name="tenseal")

    monkeypatch.setattr("securecompute.protocols.sums.interface.import_module", absent)
    with pytest.raises(sc.InvalidRequest, match="sum 'lattice' needs the package 'tenseal'; install securecompute"):
        sc.Network.simulate(ABSENT, sum="lattice", quiet=True)


@pytest.mark.parametrize("state", ["", " ", 3, True, b"ledgers", ["ledgers"], "led\0gers"])
def test_a_state_that_names_no_folder_is_an_error_before_ray_starts(state):
    with pytest.raises(sc.InvalidRequest, match="state is a folder where institutions keep their ledgers; name one"):
        sc.Network.simulate(ABSENT, state=state, quiet=True)


def test_a_state_that_is_a_file_or_may_not_be_written_is_an_error_before_ray_starts(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    (tmp_path / "link").symlink_to(tmp_path / "nowhere")
    for state, above in (("file", "file"), ("file/ledgers", "file"), ("link", "link")):
        with pytest.raises(sc.InvalidRequest, match=rf"{above}' is no folder one may write to; name another"):
            sc.Network.simulate(ABSENT, state=tmp_path / state, quiet=True)
    monkeypatch.setattr("os.access", lambda path, mode: False)
    with pytest.raises(sc.InvalidRequest, match="is no folder one may write to"):
        sc.Network.simulate(ABSENT, state=tmp_path / "new", quiet=True)


def test_as_many_may_drop_out_as_leave_a_quorum_of_the_committee():
    """Of eight, three are enough for a total, but four of the five members must be there."""
    with network(*(frame(patients(12)) for _ in range(8)), sum="committee") as net:
        explanation = net.study("s").explain("count")
        assert (explanation.dropouts, explanation.members_lost) == (4, 1)
        for k in (4, 5, 6, 7):
            net.fabric.kill(f"hospital {k}")
        assert net.study("s").count().n == 48


def test_an_explanation_says_what_the_sum_was_set_up_with():
    with four(sum="committee") as net:
        members = [f"hospital {k}" for k in range(3)]
        told = net.study("s").explain("count")
        assert told.to_plain()["sum"] == {"kind": "committee", "members": members, "honest_coordinator": False}
        assert not any("different survivors" in who for who, _ in told.learns)
    with four(sum={"kind": "committee", "honest_coordinator": True}) as net:
        learns = dict(net.study("s").explain("count").learns)
        assert "two sets" in learns["collector, if coordinator shows members different survivors"]
    with four(sum={"kind": "paillier", "key_bits": 2048}) as net:
        short = net.study("s").explain("count")
    assert short.lines()[0].endswith("mod 2^32, under a key of 2048 bits")
    assert short.to_plain()["sum"] == {"kind": "paillier", "key_bits": 2048}
    with four() as net:
        pairwise = net.study("s").explain("count")
    assert pairwise.to_plain()["sum"] == {"kind": "pairwise"}
    assert "key" not in pairwise.lines()[0]
    assert short.seconds > pairwise.seconds  # fewer rounds, but it encrypts


def test_what_institutions_have_answered_outlives_the_network(tmp_path):
    with four(state=tmp_path) as first:
        assert first.study("s").count().n == 93
    with four(state=tmp_path) as again:
        assert again.study("s").count().n == 93
    with four(state=tmp_path) as fewer:
        fewer.fabric.kill("hospital 3")
        with pytest.raises(sc.DisclosureRefused, match=r"already answered with .* the numbers of 'hospital 3'"):
            fewer.study("s").count()
    with four() as forgetful:
        forgetful.fabric.kill("hospital 3")
        assert forgetful.study("s").count().n == 90


def test_what_was_answered_from_other_records_does_not_bind(tmp_path):
    tables = [frame(patients(n)) for n in (40, 30, 20, 3)]
    with network(*tables, state=tmp_path) as first:
        first.study("s").count()
    changed = [frame(patients(n)) for n in (41, 31, 21, 3)]
    with network(*changed, state=tmp_path) as later:
        later.fabric.kill("hospital 3")
        assert later.study("s").count().n == 93


@pytest.mark.parametrize("lost", range(4))
@pytest.mark.parametrize("way", ["pairwise", "committee", "lattice"])
def test_a_network_formed_anew_with_one_institution_fewer_is_refused_though_its_dictionary_is_another(
    lost, way, tmp_path
):
    """Institutions differ in the range of ages, so that without one of them the inferred dictionary changes."""
    tables = {f"h{k}": frame(patients(20 + k, age=20 << k)) for k in range(4)}
    options = {"fabric": "in-process", "quiet": True, "state": tmp_path}
    with sc.Network.simulate(tables, **options) as first:
        assert first.study("s").count().n == 86
    del tables[f"h{lost}"]
    with (
        sc.Network.simulate(tables, sum=way, **options) as fewer,
        pytest.raises(sc.DisclosureRefused, match=r"already answered|asked before"),
    ):
        fewer.study("s").count()


def test_a_dictionary_of_fewer_columns_or_other_rules_or_another_packing_do_not_make_another_plan(tmp_path):
    question = {"row": "arm", "column": "outcome"}
    with four(state=tmp_path) as first:
        first.study("s").crosstab(**question)
    narrow = sc.Dictionary((DICTIONARY["arm"], DICTIONARY["outcome"]))
    for change in ({"dictionary": narrow}, {"rules": sc.Rules(max_records=100_000)}, {"rules": sc.Rules(min_cell=11)}):
        with four(state=tmp_path, **change) as again:
            again.fabric.kill("hospital 3")
            with pytest.raises(sc.DisclosureRefused, match="already answered"):
                again.study("s").crosstab(**question)


COMMITTEES = [
    {"kind": "committee", "members": [f"hospital {k}" for k in members]} for members in ((0, 1, 2), (1, 2, 3))
]


@pytest.mark.parametrize(
    ("first", "second"),
    [(COMMITTEES[0], COMMITTEES[1]), (COMMITTEES[0], "lattice"), ("pairwise", COMMITTEES[0])],
    ids=str,
)
def test_a_plan_whose_ledgers_are_a_committees_is_never_asked_of_others(first, second, tmp_path):
    with four(sum=first, state=tmp_path) as net:
        net.study("s").count()
    with four(sum=first, state=tmp_path) as again:
        again.study("s").count()
    with four(sum=second, state=tmp_path) as other, pytest.raises(sc.DisclosureRefused, match="was asked before of"):
        other.study("s").count()


def test_each_institution_keeps_its_own_ledger_in_a_folder_for_its_user_alone(tmp_path):
    with four(state=tmp_path) as net:
        net.study("s").count()
    folders = sorted(tmp_path.iterdir())
    assert len(folders) == 4
    assert all(folder.stat().st_mode & 0o077 == 0 for folder in folders)
    for folder in folders:
        ledger = SurvivorLedger(folder / "ledger.sqlite")
        assert ledger._database.execute("SELECT count(*) FROM answered").fetchone() == (1,)


def test_a_folder_that_cannot_be_made_is_an_error_that_names_it(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(sc.InvalidRequest, match=r"'hospital 0' cannot make its folder"):
        Institution("hospital 0", frame([]), state=tmp_path / "file")


def test_a_key_is_given_up_when_too_many_totals_under_it_were_wrong(monkeypatch):
    """Each of them may tell a coordinator that made it one bit of an institution's number."""
    from securecompute import coordinator

    def wrong(layout, total, rules):
        raise PeerMisbehaved("the total cannot be right")

    with four(sum={"kind": "paillier", "key_bits": 2048}) as net, four() as masked:
        with monkeypatch.context() as patch:
            patch.setattr(coordinator, "release", wrong)
            for _ in range(coordinator.MOST_REFUSALS):
                for each in (net, masked):
                    with pytest.raises(PeerMisbehaved):
                        each.study("s").count()
        with pytest.raises(sc.InvalidRequest, match="form the network anew"):
            net.study("s").count()
        assert masked.study("s").count().n == 93  # under masks there is no key to be given up


@pytest.mark.parametrize("way", ["pairwise", "committee", {"kind": "paillier", "key_bits": 2048}], ids=str)
def test_small_counts_share_words_where_that_takes_fewer_bytes(way):
    """Of hospitals with at most 100,000 records a count takes 19 bits of a total, and three fit a word of 64."""
    question = {"row": "arm", "column": "outcome"}
    with four(sum=way) as wide:
        expected, alone = wide.study("s").crosstab(**question), wide.study("s").explain("crosstab", **question)
    with four(sum=way, rules=sc.Rules(max_records=100_000)) as narrow:
        answer, packed = narrow.study("s").crosstab(**question), narrow.study("s").explain("crosstab", **question)
    assert answer.result.to_plain() == expected.result.to_plain()
    assert packed.entries == alone.entries == 6
    if way != {"kind": "paillier", "key_bits": 2048}:  # which packs everything into one ciphertext as it is
        assert (packed.bytes_institution - alone.bytes_institution) == 2 * 8 - 6 * 4


def test_counts_beside_sums_do_not_share_words():
    with four(rules=sc.Rules(max_records=100_000)) as net:
        assert net.study("s").explain("describe", column="age").ring_bits >= 64
        _, manifest = net.propose(net.study("s").question("describe", column="age"))
    assert manifest.lanes is None
