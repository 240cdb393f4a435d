"""Settings of a sum: what a choice becomes, what a committee is, and what enters the descriptor."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from securecompute.errors import InvalidRequest
from securecompute.protocols.sums.descriptor import Descriptor
from securecompute.protocols.sums.interface import make_key, protocol_of
from securecompute.protocols.sums.settings import (
    KINDS,
    Choice,
    Committee,
    Lattice,
    Paillier,
    Pairwise,
    setting_from,
)
from tests.protocols.sums.playing import describe, names
from tests.seeded import SeededRandomness

SETTINGS = [
    Pairwise(),
    Committee(("a", "b", "c")),
    Committee(("a", "b", "c"), honest_coordinator=True),
    Paillier(b"\x01" * 384),
    Lattice((b"one", b"two")),
]


@pytest.mark.parametrize("setting", SETTINGS)
def test_a_setting_crosses_the_control_plane_as_plain_values(setting):
    assert setting_from(setting.kind, setting.fields()) == setting


@pytest.mark.parametrize(("kind", "fields"), [("fhe", []), ("pairwise", [1]), ("paillier", []), ("lattice", [1, 2])])
def test_a_setting_that_is_not_known_is_refused(kind, fields):
    with pytest.raises(InvalidRequest, match=f"no way to add is called '{kind}'"):
        setting_from(kind, fields)


@given(st.sampled_from(KINDS), st.booleans(), st.sampled_from([2048, 3072, 4096]))
def test_a_choice_written_down_and_read_is_the_same_choice(kind, honest, bits):
    choice = Choice(
        kind,
        ("a", "b", "c") if kind == "committee" else (),
        honest if kind == "committee" else False,
        bits if kind == "paillier" else 3072,
    )
    assert Choice.parse(choice.to_plain()) == choice


def test_a_committee_without_names_is_the_first_five_institutions_or_three_where_there_are_fewer():
    assert Choice("committee").committee(["d", "b", "a", "c"]) == Committee(("a", "b", "c"))
    assert Choice("committee").committee(["f", "e", "d", "b", "a", "c"]).members == tuple("abcde")


@pytest.mark.parametrize("members", [("a", "b"), ("a", "b", "c", "d"), ("a", "a", "b"), ("b", "a", "c")])
def test_a_committee_has_three_or_five_different_members_in_order(members):
    with pytest.raises(InvalidRequest, match="three or five different"):
        Committee(members)


@pytest.mark.parametrize(
    ("members", "text"),
    [
        (["b", "a", "b"], "'b' is in the committee twice; name three or five different institutions"),
        (["a", "b", "c", "d"], "a committee of 4; name three or five"),
        ([], "a committee of 0; name three or five institutions, or none"),
    ],
)
def test_a_committee_is_checked_when_it_is_chosen(members, text):
    with pytest.raises(InvalidRequest, match=text):
        Choice.parse({"kind": "committee", "members": members})


def test_the_members_of_a_chosen_committee_may_stand_in_any_order():
    chosen = Choice.parse({"kind": "committee", "members": ["c", "a", "b"]})
    assert chosen.committee(["a", "b", "c", "d"]) == Committee(("a", "b", "c"))


@pytest.mark.parametrize("bits", [1024, 2048.0, "2048", True, None, [2048]])
def test_a_size_of_a_key_that_is_none_of_three_whole_numbers_is_refused(bits):
    for make in (
        lambda: Choice.parse({"kind": "paillier", "key_bits": bits}),
        lambda: Choice("paillier", key_bits=bits),
    ):
        with pytest.raises(InvalidRequest, match="key_bits is one of 2048, 3072, 4096"):
            make()


def test_a_choice_that_is_made_by_hand_is_checked_too():
    with pytest.raises(InvalidRequest, match="there is no sum 'fhe'"):
        Choice("fhe")
    with pytest.raises(InvalidRequest, match="'a' is in the committee twice"):
        Choice("committee", ("a", "a", "b"))


@pytest.mark.parametrize("word", ["false", 1, None])
def test_trust_in_the_coordinator_is_yes_or_no(word):
    with pytest.raises(InvalidRequest, match="true or false"):
        setting_from("committee", [["a", "b", "c"], word])


def test_a_committee_of_strangers_is_refused():
    with pytest.raises(InvalidRequest, match="'x' is to be in the committee and is no institution"):
        Choice("committee", ("a", "b", "x")).committee(["a", "b", "c"])
    with pytest.raises(InvalidRequest, match="members are institutions"):
        describe(setting=Committee(("h0", "h1", "h9")))


@pytest.mark.parametrize("honest", [False, True])
@pytest.mark.parametrize("size", [3, 5])
def test_no_two_survivor_sets_can_both_find_a_quorum_of_a_committee(size, honest):
    """A colluding member signs both; an honest one signs one. An honest coordinator shows one set only."""
    committee = Committee(tuple("abcde"[:size]), honest)
    assert committee.quorum > committee.tolerated  # else colluders alone could sign
    assert honest or 2 * committee.quorum - size > committee.tolerated
    assert size - committee.quorum == {(3, False): 0, (5, False): 1, (3, True): 1, (5, True): 2}[size, honest]


def test_settings_that_differ_make_descriptors_that_differ():
    pinned = describe(n=4).identities
    settings = [
        Pairwise(),
        *(Committee(tuple(names(3)), honest) for honest in (False, True)),
        Committee(("h0", "h1", "h3")),
        Paillier(b"\x01" * 384),
        Paillier(b"\x02" * 384),
        Lattice((b"one",)),
        Lattice((b"one", b"two")),
    ]
    hashes = {describe(identities=pinned, setting=setting).hash() for setting in settings}
    assert len(hashes) == len(settings)
    assert all(isinstance(describe(setting=setting), Descriptor) for setting in settings)


def test_what_a_way_to_add_needs_and_is_not_installed_is_named(monkeypatch):
    from securecompute.protocols.sums import interface

    def absent(name):
        raise ModuleNotFoundError("No module named 'phe'", name="phe")

    monkeypatch.setattr(interface, "import_module", absent)
    with pytest.raises(InvalidRequest, match=r"sum 'paillier' needs the package 'phe'; install securecompute\[homo"):
        protocol_of(describe(setting=Paillier(b"\x01" * 384)))


def test_only_an_encrypted_sum_has_a_key():
    with pytest.raises(InvalidRequest, match="a pairwise sum has no key"):
        make_key(Choice("pairwise"), SeededRandomness(1))
