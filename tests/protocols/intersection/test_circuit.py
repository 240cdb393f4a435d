"""Linked records as shares: equal to Python dictionaries, at the cost that is said, and nobody sees who matched."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from securecompute.arithmetic.ring_arrays import RingArray
from securecompute.arithmetic.rings import Ring
from securecompute.engine.local import play
from securecompute.engine.rounds import Round
from securecompute.errors import BadFrame, InvalidRequest
from securecompute.primitives import cuckoo, okvs
from securecompute.protocols.intersection import circuit, opprf, vole_oprf
from securecompute.protocols.intersection.circuit import Linkage, Partner, assist, in_bins, lead
from securecompute.protocols.products.equality import equal
from securecompute.protocols.products.multiplication import multiply
from securecompute.values import Masked, Plain
from tests.protocols.intersection.dealing import dealt, numbered, then_meet, uniform  # noqa: F401 - a fixture
from tests.protocols.products.playing import TRIO, alone, received
from tests.seeded import SeededRandomness

pytestmark = pytest.mark.usefixtures("dealt")


@pytest.fixture(scope="module", autouse=True)
def _compiled_kernels():
    circuit.warm()


LEADER = "north"


def columns_of(records, count):
    """(count, n) words of {number: tuple of words}."""
    return np.array([list(v) for v in records.values()], np.uint64).reshape(len(records), count).T.copy()


def pair_up(x, partners, seed=0, count=1, header=b"header", deliver=None, strict=True, after=dict):
    """The two-party part, of the leader's numbers and of partners' {number: words}. returns (agreed, played)"""
    names = [f"p{k}" for k in range(len(partners))]
    agreed = Linkage(
        LEADER, len(x), tuple(Partner(n, len(y), count) for n, y in zip(names, partners, strict=True)), header
    )
    parts = {LEADER: lead(agreed, Plain(numbered(x)), SeededRandomness(f"{seed} lead"))}
    for name, y in zip(names, partners, strict=True):
        pay = Plain(columns_of(y, count))
        parts[name] = assist(agreed, name, Plain(numbered(y)), pay, SeededRandomness(f"{seed} {name}"))
    return agreed, play(after(parts), deliver, strict=strict)


def joined(led, k, half):
    """What the words of both halves mean: e, (B,), and z, (columns, B); a program works it out on shares."""
    mine = led.halves[k]
    matched = (mine.tags.words == half.tags.words).astype(np.uint64)
    return matched, (mine.columns.words + half.columns.words) * matched


numbers = st.sets(st.integers(0, 60), max_size=40)
records = st.dictionaries(st.integers(0, 60), st.tuples(st.integers(0, 2**64 - 1), st.integers(0, 9)), max_size=40)


@settings(max_examples=25)
@given(numbers, records, st.integers(0, 99))
def test_the_table_is_the_join_of_python_dictionaries(x, y, seed):
    x = sorted(x)
    _, played = pair_up(x, [y], seed, count=2)
    led, half = played.outputs[LEADER], played.outputs["p0"]
    matched, columns = joined(led, 0, half)
    table = {
        x[row]: (int(e), tuple(map(int, z))) for row, e, z in zip(led.rows, matched, columns.T, strict=True) if row >= 0
    }
    assert table == {k: (1, y[k]) if k in y else (0, (0, 0)) for k in x}
    assert not matched[led.rows < 0].any()


@given(numbers, st.sampled_from([(), (2,)]), st.integers(0, 99))
def test_the_leaders_own_numbers_stand_in_the_bins_of_their_records(x, further, seed):
    places = np.random.default_rng(seed).permutation(2 * len(x) + 1)
    rows = np.where(places < len(x), places, -1)
    own = np.array([3 * k + 1 for k in x], np.uint64).reshape(-1, *(1 for _ in further)) + np.zeros(further, np.uint64)
    placed = in_bins(rows, own)
    assert placed.dtype == np.uint64 and placed.shape == (len(rows), *further)
    assert (placed[rows >= 0] == own[rows[rows >= 0]]).all() and not placed[rows < 0].any()


@pytest.mark.parametrize(
    ("x", "y"),
    [
        ([], []),
        ([], [1, 2]),
        ([1, 2], []),
        ([5], [5]),
        ([5], [6]),
        (range(300), range(300)),
        (range(50), range(50, 90)),
    ],
)
def test_sums_over_the_table_are_sums_over_the_intersection(x, y):
    """Empty, of one record, equal, disjoint."""
    _, played = pair_up(list(x), [{k: (k + 2**63,) for k in y}])
    matched, columns = joined(played.outputs[LEADER], 0, played.outputs["p0"])
    both = set(x) & set(y)
    assert matched.sum() == len(both)
    assert int(columns.sum()) == sum(k + 2**63 for k in both) % 2**64


def test_one_table_serves_several_partners():
    x, ys = list(range(40)), [{k: (k,) for k in range(20, 60)}, {k: (2 * k,) for k in range(0, 40, 2)}, {}]
    _, played = pair_up(x, ys)
    led = played.outputs[LEADER]
    for k, y in enumerate(ys):
        matched, columns = joined(led, k, played.outputs[f"p{k}"])
        rows = zip(led.rows, matched, columns[0], strict=True)
        got = {x[row]: (int(e), int(z)) for row, e, z in rows if row >= 0}
        assert got == {i: (1, *y[i]) if i in y else (0, 0) for i in x}


def test_without_columns_there_are_only_tags():
    agreed, played = pair_up(range(30), [dict.fromkeys(range(10, 20), ())], count=0)
    matched, columns = joined(played.outputs[LEADER], 0, played.outputs["p0"])
    assert matched.sum() == 10 and columns.shape == (0, agreed.bins)


@pytest.mark.parametrize("matching", [True, False])
def test_what_the_compute_parties_receive_is_uniform_whether_all_match_or_none(matching):
    """Tags of one constant, columns of zeros: all structure there can be. As a program's match and fetch do it."""
    tags = [RingArray(Ring.Z64, np.full(4096, 5 if matching or k == 0 else 6, np.uint64)) for k in range(2)]
    columns = [RingArray.zeros(Ring.Z64, (2, 4096)) for _ in range(2)]

    def match_and_fetch(party, *shares):
        matched = yield from equal(party.at("match"), *shares[:2])
        return matched, (yield from multiply(party.at("fetch"), shares[2] + shares[3], matched.reshape((1, -1))))

    (matched, _), record = alone(match_and_fetch, *tags, *columns)
    assert (matched.words == matching).all()
    for party in TRIO:
        arrays = received(record, party)
        assert arrays and all(uniform(each) for each in arrays)


def test_a_silent_party_yields_as_many_rounds():
    agreed, played = pair_up(range(5), [{3: (1,)}])
    assert played.rounds == agreed.rounds == 5


def test_what_the_leader_receives_is_a_seed_and_a_uniform_store():
    """The partner's records and columns are as structured as can be: consecutive identifiers, all columns zero."""
    y = {k: (0,) for k in range(2000)}
    _, played = pair_up(range(10), [y])
    view = played.views[LEADER]
    assert set(view) == {(4, "p0")}
    ((seed, store),) = view[4, "p0"]
    assert len(seed) == 16 and store.elements.shape == (okvs.layout(6000).size, 2)
    assert uniform(store.elements)


def test_what_the_leader_learns_of_a_record_is_uniform_whether_it_matches_or_not():
    """Masks are of the bin: neither tag nor column shows the payload, which is zero for half and 1 for the others."""
    x, y = range(3000), {k: (k % 2,) for k in range(0, 3000, 2)}
    _, played = pair_up(x, [y])
    led = played.outputs[LEADER]
    member = np.array([row >= 0 and x[row] in y for row in led.rows])
    for chosen in (member, ~member):
        assert uniform(led.halves[0].tags.words[chosen]) and uniform(led.halves[0].columns.words[0, chosen])
    assert len(set(led.halves[0].tags.words.tolist())) == len(member)


def test_tags_and_columns_of_a_bin_have_masks_of_their_own():
    """All columns are zero, so that what the leader learns of a match is the masks: of these no two are one."""
    _, played = pair_up(range(3000), [{k: (0, 0) for k in range(3000)}], count=2)
    led = played.outputs[LEADER]
    taken, half = led.rows >= 0, led.halves[0]
    words = np.stack([half.tags.words, *half.columns.words])[:, taken]
    for one, other in ((0, 1), (0, 2), (1, 2)):
        assert uniform(words[one] ^ words[other]) and uniform(words[one] + words[other])


@pytest.mark.parametrize("headers", [(b"h1", b"h2"), (b"h", b"h")])
def test_nothing_is_used_twice(headers):
    """Two runs of the same sets, under one header even: no word of the halves or of the messages is the same."""
    runs = [pair_up(range(50), [{k: (k,) for k in range(50)}], k, header=header)[1] for k, header in enumerate(headers)]
    seen = [
        {
            *run.outputs["p0"].tags.words.tolist(),
            *run.outputs["p0"].columns.words.ravel().tolist(),
            *run.outputs[LEADER].halves[0].tags.words.tolist(),
            *run.outputs[LEADER].halves[0].columns.words.ravel().tolist(),
            *run.views[LEADER][4, "p0"][0][1].elements.ravel().tolist(),
        }
        for run in runs
    ]
    assert not seen[0] & seen[1]


def test_the_leaders_keys_are_those_of_its_bins_and_fresh_ones_where_a_bin_is_empty(monkeypatch):
    asked = []
    real = circuit.vole_oprf.prepare
    monkeypatch.setattr(circuit.vole_oprf, "prepare", lambda keys, *rest: asked.append(keys) or real(keys, *rest))
    runs = [pair_up(range(30), [{}], seed)[1].outputs[LEADER] for seed in range(2)]
    taken = runs[0].rows >= 0
    assert (runs[0].rows == runs[1].rows).all()  # one header, one table
    assert (asked[0][taken] == asked[1][taken]).all() and not (asked[0][~taken] == asked[1][~taken]).any()
    assert len(np.unique(asked[0], axis=0)) == len(taken) == cuckoo.bins(30)


def test_what_was_not_declared_is_refused():
    agreed = Linkage(LEADER, 3, (Partner("p0", 2, 1),), b"header")
    three, two, pay = Plain(numbered([1, 2, 3])), Plain(numbered([1, 2])), Plain(np.zeros((1, 2), np.uint64))
    draw = SeededRandomness(0)
    for part, message in (
        (lead(agreed, two, draw), "another size"),
        (lead(agreed, Plain(numbered([1, 2, 1])), draw), "twice"),
        (lead(agreed, Plain(np.zeros(3)), draw), "identifiers are float64"),
        (assist(agreed, "p0", three, pay, draw), "another size"),
        (assist(agreed, "p0", Plain(numbered([4, 4])), pay, draw), "twice"),
        (assist(agreed, "p0", two, Plain(np.zeros((2, 2), np.uint64)), draw), "columns are uint64"),
        (assist(agreed, "p0", two, Plain(np.zeros((1, 2))), draw), "columns are float64"),
        (assist(agreed, "p1", two, pay, draw), "no partner"),
    ):
        with pytest.raises(InvalidRequest, match=message):
            next(part)


@pytest.mark.parametrize(
    ("nx", "partners"),
    [
        (3, ()),
        (3, (Partner(LEADER, 1),)),
        (3, (Partner("p0", 1), Partner("p0", 2))),
        (-1, (Partner("p0", 1),)),
        (cuckoo.MOST + 1, (Partner("p0", 1),)),
        (3, (Partner("p0", -1),)),
        (3, (Partner("p0", 1, -1),)),
    ],
)
def test_what_is_no_linkage_is_refused(nx, partners):
    with pytest.raises(InvalidRequest):
        Linkage(LEADER, nx, partners, b"header")


@pytest.mark.parametrize("message", [np.zeros((3, 2), np.uint64), np.zeros((146, 1), np.uint64), b"x"])
def test_a_store_of_another_size_is_a_typed_error(message):
    def deliver(number, sender, receiver, real):
        if number < 4 or isinstance(message, bytes):
            return real if number < 4 else ((b"x" * 16, message),)
        return ((b"x" * 16, Masked(message)),)

    with pytest.raises(BadFrame, match=r"round 4: 'p0' sent 'north'"):
        pair_up(range(5), [{k: (1,) for k in range(4)}], deliver=deliver)


def test_halves_show_no_contents():
    _, played = pair_up(range(5), [{3: (1,)}])
    assert "rows" not in repr(played.outputs[LEADER]) and "[" not in repr(played.outputs["p0"])


def test_a_waiting_party_goes_along():
    agreed = Linkage(LEADER, 2, (Partner("p0", 1, 0),), b"h")

    def waiting():
        for _ in range(agreed.rounds):
            yield Round()

    parts = {
        LEADER: lead(agreed, Plain(numbered([1, 2])), SeededRandomness(1)),
        "p0": assist(agreed, "p0", Plain(numbered([2])), Plain(np.zeros((0, 1), np.uint64)), SeededRandomness(2)),
        "compute": waiting(),
    }
    assert play(parts).rounds == 5


def test_over_the_real_function_the_table_and_the_bytes_are_as_said(monkeypatch):
    monkeypatch.undo()
    x, ys = range(40), [{k: (k,) for k in range(20, 60)}, {k: (2 * k,) for k in range(0, 40, 2)}]
    agreed, played = pair_up(x, ys)
    assert played.rounds == agreed.rounds == vole_oprf.cost(agreed.bins).rounds + 1
    sent = [agreed.sent(p) for p in agreed.partners]
    assert played.sent == {LEADER: sent[0][0] + sent[1][0], "p0": sent[0][1], "p1": sent[1][1]}
    for k, y in enumerate(ys):
        matched, columns = joined(played.outputs[LEADER], k, played.outputs[f"p{k}"])
        assert matched.sum() == 20
        assert columns.sum() == sum(v for i, (v,) in y.items() if i in x)


def test_one_store_reaches_every_partner_under_a_mask_of_its_own(monkeypatch):
    """What two partners see together: both stores are uniform, and so is what is left when P cancels."""
    monkeypatch.undo()
    agreed, played = pair_up(range(1000), [{1: (0,)}, {2: (0,)}])
    of_store = okvs.layout(agreed.bins).size, 2
    first, second = (next(a for a in received(played, p) if a.shape == of_store) for p in ("p0", "p1"))
    assert uniform(first) and uniform(second) and uniform(first ^ second)
    assert not (first == second).any(axis=1).any()


def test_a_longer_partner_makes_the_others_wait(monkeypatch):
    """Stores in messages of a few rows: whoever has fewer of them goes along in silence."""
    monkeypatch.setattr(opprf, "_PART_WORDS", 64)
    agreed, played = pair_up(range(20), [{k: (k,) for k in range(20_000)}, {3: (5,)}], after=then_meet)
    assert len(agreed.terms(agreed.partners[0]).parts) == 3
    assert played.rounds - 1 == agreed.rounds == 4 + 3
    assert set(played.outputs) == {LEADER, "p0", "p1"}
    for k, total in ((0, 190), (1, 5)):
        _, columns = joined(played.outputs[LEADER], k, played.outputs[f"p{k}"])
        assert columns.sum() == total
