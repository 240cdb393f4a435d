"""Matches put in the order that a leader knows: numpy's, in 4 rounds; orders that do not belong there are refused."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from securecompute.engine.local import play
from securecompute.engine.rounds import Round
from securecompute.errors import InvalidRequest, PeerMisbehaved
from securecompute.programs.execution import linkage_rounds, take_part
from securecompute.programs.linkages import ORDER, TAG, Linkage, Placed, Side, in_order
from securecompute.programs.plan import plan
from securecompute.programs.program import Input, Node, Program
from securecompute.programs.rehearsal import rehearse
from securecompute.values import Secret
from tests.programs.running import RESEARCHER, TRIO, line
from tests.seeded import SeededRandomness

ON = ((("id", "text", "whole"),),)
ONE = Linkage(ON, Side("Bern", None, 5), (Side("Lyon", None, 5),), unambiguous=True)
OTHER = Linkage(((("no", "text", "whole"),),), ONE.leader, ONE.partners, unambiguous=True)
BINS = ONE.bins


def words(owner, number=0, word=TAG, **source):
    given = source or {"partner": "Lyon"}
    declared = {"linkage": number, "word": word} | (given if word == TAG else source)
    return Node("input", (), {}, Input(owner, declared, (BINS,), 1.0, True, words=True))


def program(*nodes, linkages=(ONE, OTHER)):
    """Shows the last of these nodes; as it arrives at the other parties."""
    made = Program(tuple(nodes), ((len(nodes) - 1, RESEARCHER),), linkages=tuple(linkages))
    return Program.from_plain(made.to_plain())


MATCH = (words("Bern"), words("Lyon"), line("match", 0, 1, least=0))
ARRANGED = (*MATCH, words("Bern", word=ORDER), line("arrange", 3, 2))


def conversation(rounds, placed):
    for _ in range(rounds):
        yield Round()
    return placed


def arranged(order, same, seed=0, trio=TRIO):
    """What the researcher is shown, and the engine's record. Where `same`, both have one word."""
    made = program(*ARRANGED, linkages=[ONE])
    planned, rounds, rng = plan(made), linkage_rounds(made), np.random.default_rng(seed)
    tags = rng.integers(0, 2**64, BINS, np.uint64)
    placed = {
        "Bern": Placed({("Lyon", TAG): tags, ("Bern", ORDER): order.astype(np.uint64)}),
        "Lyon": Placed({("Lyon", TAG): tags + (1 - same).astype(np.uint64)}),
    }
    parts = {}
    for me in dict.fromkeys((*trio, "Bern", "Lyon", RESEARCHER)):
        linking = {0: conversation(rounds, placed[me])} if me in placed else {}
        parts[me] = take_part(me, trio, planned, {}, b"s" * 32, SeededRandomness(f"{seed} {me}"), linking)
    played = play(parts)
    return played.outputs[RESEARCHER][0], played


@settings(max_examples=8)
@given(st.integers(0, 2**32), st.sampled_from([TRIO, ("Bern", "B", "Lyon"), ("A", "Lyon", "Bern")]))
def test_the_match_of_bin_b_comes_to_the_place_that_the_order_gives_it(seed, trio):
    rng = np.random.default_rng(seed)
    order, same = rng.permutation(BINS), rng.integers(0, 2, BINS)
    got, _ = arranged(order, same, seed, trio)
    assert (got[order] == same).all()


WORLDS = [(np.arange(BINS), np.zeros(BINS, int)), (np.arange(BINS)[::-1], np.ones(BINS, int))]


def test_rounds_and_bytes_are_as_rehearsed_and_depend_on_nothing_secret():
    none, everybody = (arranged(order, same)[1] for order, same in WORLDS)
    assert none.rounds == everybody.rounds and none.sent == everybody.sent
    arranging = rehearse(plan(program(*ARRANGED, linkages=[ONE]))).lines[4]
    assert arranging.rounds == 4
    assert arranging.sent == (20 * BINS, 24 * BINS, 12 * BINS)


def opened(order, seed, trio):
    """The permutation that is opened to the first evaluator: numbers below the bins, all in one message."""
    view = arranged(order, np.zeros(BINS, int), seed, trio)[1].views[trio[0]]
    sent = [each for message in view.values() for each in arrays(message)]
    (order,) = [each for each in sent if each.shape == (BINS,) and (np.sort(each) == np.arange(BINS)).all()]
    return order


def arrays(message):
    """What is in a message beside digests."""
    if isinstance(message, tuple):
        return [each for part in message for each in arrays(part)]
    return [message.elements] if isinstance(message, Secret) else []


@pytest.mark.parametrize("trio", [TRIO, ("Bern", "B", "Lyon")], ids=["others compute", "the leader computes"])
def test_the_order_is_opened_as_a_permutation_that_is_uniform_whatever_it_was(trio):
    for order, _ in WORLDS:
        seen = np.array([opened(order, seed, trio) for seed in range(16)])
        assert len({tuple(each) for each in seen}) == 16
        halves = seen[:, : BINS // 2].mean(axis=1)  # of the order itself it would be a quarter, or three
        assert abs(halves.mean() - (BINS - 1) / 2) < 4 * BINS / np.sqrt(12 * 16 * BINS / 2)


def test_what_is_no_order_ends_the_run():
    with pytest.raises(PeerMisbehaved, match="not one"):
        arranged(np.zeros(BINS, int), np.ones(BINS, int))


@given(st.data())
def test_every_number_is_in_an_order_once_and_patients_are_where_their_records_are(data):
    count = data.draw(st.integers(1, 30))
    records = data.draw(st.integers(0, count))
    patients = np.array(data.draw(st.permutations(range(count)))[:records], np.int64)
    rows = np.array(data.draw(st.permutations([*range(records + 2), *[-1] * count]))[:count], np.int64)
    order = in_order(rows, patients)
    assert sorted(order) == list(range(count))
    known = (rows >= 0) & (rows < records)
    assert (order[known] == patients[rows[known]]).all()


@pytest.mark.parametrize(
    ("nodes", "text"),
    [
        ((*MATCH, words("Bern", 1, ORDER), line("arrange", 3, 2)), "of the same one"),
        ((*MATCH, words("Lyon", word=ORDER), line("arrange", 3, 2)), "only the leader"),
        ((words("Bern"), words("Bern", word=ORDER), line("match", 0, 1, least=0)), "leader's and its partner's words"),
        ((*MATCH, words("Bern", word=ORDER, partner="Lyon"), line("arrange", 3, 2)), "an order is of a linkage"),
        ((words("Bern", word=ORDER),), "words of a linkage mean nothing"),
        ((*MATCH, words("Bern", word=ORDER), line("add", 3, 2)), "does not take words"),
        ((*MATCH, line("arrange", 2, 2)), "arrange takes the order"),
        ((*ARRANGED, line("arrange", 3, 4)), "into one line"),
        ((*MATCH, line("negate", 2), words("Bern", word=ORDER), line("arrange", 4, 3)), "a match of the same one"),
        ((words("Bern"), words("Lyon"), words("Bern", 1), line("arrange", 0, 2)), "arrange takes the order"),
    ],
)
def test_orders_that_do_not_belong_there_are_refused(nodes, text):
    with pytest.raises(InvalidRequest, match=text):
        program(*nodes)


def test_a_linkage_by_one_key_has_no_order():
    with pytest.raises(InvalidRequest, match="an order is of a linkage"):
        program(*ARRANGED, linkages=[Linkage(ON, ONE.leader, ONE.partners)])


@pytest.mark.parametrize(
    ("changed", "text"),
    [
        ({"unambiguous": 1}, "true or false"),
        ({"patient": 3}, "a column or none"),
        ({"unambiguous": False, "patient": "mrn"}, "no column of patients"),
        ({"leader": ["Bern", None, 5, ["age"]]}, "brings along no columns"),
    ],
)
def test_linkages_that_others_sent_are_checked(changed, text):
    assert Linkage.from_plain(ONE.to_plain()) == ONE
    with pytest.raises(InvalidRequest, match=text):
        Linkage.from_plain(ONE.to_plain() | changed)
