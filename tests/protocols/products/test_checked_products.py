"""Right products pass, whatever their shapes; a compute party that falsifies one is noticed, whatever it does later."""

from math import prod

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from securecompute.arithmetic.ring_arrays import RingArray
from securecompute.arithmetic.rings import Ring
from securecompute.engine.local import play
from securecompute.errors import InvalidRequest, PeerMisbehaved
from securecompute.primitives.masks import Reader
from securecompute.protocols.products import checked_products as module
from securecompute.protocols.products.checked_products import ROUNDS, SUBSETS, check, sent_bytes
from securecompute.protocols.products.compute_party import ComputeParty
from securecompute.protocols.products.multiplication import finish, local_matmul
from securecompute.protocols.products.replicated import Replicated
from securecompute.protocols.products.reveal import open_to_all
from securecompute.protocols.products.streams import expand
from securecompute.values import Masked
from tests.protocols.products.playing import TRIO, share_out
from tests.protocols.products.views import complaints, parties

WRONG = "computed a product wrongly; nothing is revealed"
SIDES = st.integers(0, 4) | st.integers(SUBSETS - 1, SUBSETS + 3)


def numbers(shape, seed=1):
    """Uniform elements."""
    data = np.random.default_rng([seed, *shape]).bytes(8 * prod(shape))
    return RingArray(Ring.Z64, np.frombuffer(data, np.uint64).reshape(shape))


def triple_of(m, k, n, seed=0, error=None):
    """Shares of X, Y and X Y + error, by party."""
    x, y = numbers((m, k), 2 * seed), numbers((k, n), 2 * seed + 1)
    z = x @ y if error is None else x @ y + error
    return list(zip(*(share_out(each, seed) for each in (x, y, z)), strict=True))


def checked(*triples, seed=0, deliver=None, strict=True):
    """Check the triples; the engine's record."""
    runs = zip(TRIO, parties(seed), strict=True)
    parts = {me: check(p.at("check"), [t[p.index] for t in triples]) for me, p in runs}
    return play(parts, deliver, strict=strict)


def single(shape, value, at=(0, 0)):
    """Zeros but for one entry."""
    error = RingArray.zeros(Ring.Z64, shape)
    error.words[at] = np.uint64(value % (1 << 64))
    return error


# ---- right products


@settings(max_examples=12)
@given(SIDES, SIDES, SIDES, st.integers(0, 99))
def test_right_products_of_any_shape_pass_at_the_cost_said(m, k, n, seed):
    played = checked(triple_of(m, k, n, seed), seed=seed)
    assert (played.rounds, played.sent) == (ROUNDS, dict.fromkeys(TRIO, sent_bytes([(m, k, n)])))


def test_the_cost_line_is_true():
    assert sent_bytes([(3, 7, 5)]) == 24 * 3 * 5 + 32 * 5 + 16 * 7 + 224
    assert sent_bytes([(1000, 7, 5)]) == 24 * SUBSETS * 5 + 32 * 5 + 16 * 7 + 224
    sizes = [(3, 7, 5), (1, 2, 1), (50, 1, 60)]
    played = checked(*(triple_of(*size, seed) for seed, size in enumerate(sizes)))
    assert played.rounds == ROUNDS == 5
    assert played.sent == dict.fromkeys(TRIO, sum(sent_bytes([size]) - 224 for size in sizes) + 224)


def test_the_bound_on_what_passes_is_below_2_to_the_minus_40():
    assert 2 * 2.0**-SUBSETS + 2.0**-64 < 2.0**-40


@pytest.mark.parametrize(("a", "b"), [((3, 4), (4,)), ((4,), (4, 2)), ((4,), (4,)), ((50, 4), (4,)), ((0,), (0,))])
def test_vectors_are_matrices_of_one_row_or_column(a, b):
    x, y = numbers(a), numbers(b, 2)
    checked(list(zip(*map(share_out, (x, y, x @ y)), strict=True)))
    with pytest.raises(PeerMisbehaved, match=WRONG):
        checked(list(zip(*map(share_out, (x, y, x @ y + 1)), strict=True)))


@pytest.mark.parametrize("shape", [(5, 3), (60, 3), (3, 60)])
def test_gram_matrices_are_checked_as_the_products_they_are(shape):
    x = numbers(shape)
    shares = share_out(x)
    for z, right in ((x.gram(), True), (x.gram() + single((shape[1],) * 2, 1 << 63), False)):
        triples = [(s.T, s, c) for s, c in zip(shares, share_out(z, 1), strict=True)]
        assert not checked(triples, strict=False).errors if right else checked(triples, strict=False).errors


def test_no_products_take_no_round():
    played = checked()
    assert (played.rounds, sum(played.sent.values()), sent_bytes([])) == (0, 0, 0)


def test_long_sides_are_cut_and_nothing_changes(monkeypatch):
    triple = triple_of(50, 11, 45)
    whole = checked(triple, seed=5)
    monkeypatch.setattr(module, "_CHUNK", 4)
    cut = checked(triple, seed=5)
    assert all(
        [str(flat(a)) == str(flat(b)) for a, b in zip(whole.views[p].values(), cut.views[p].values(), strict=True)]
        for p in TRIO
    )
    with pytest.raises(PeerMisbehaved, match=WRONG):
        checked(triple_of(50, 11, 45, error=single((50, 45), 1, (49, 44))))


def flat(message):
    """What a message holds, as plain data."""
    if isinstance(message, tuple):
        return [flat(part) for part in message]
    return message.elements.tolist() if isinstance(message, Masked) else message


def test_a_sum_of_rows_is_of_those_that_the_bits_choose():
    members, x = np.frombuffer(bytes(range(1, 81)), np.uint64), numbers((10, 3))
    got = module._row_sums(members, x)
    for j in range(SUBSETS):
        chosen = [i for i in range(10) if int(members[i]) >> j & 1]
        assert (got.words[j] == x.words[chosen].sum(0, dtype=np.uint64)).all()


@pytest.mark.parametrize(
    ("shapes", "ring"),
    [
        (((2, 3), (3, 2), (2, 3)), Ring.Z64),
        (((2, 3), (2, 3), (2, 3)), Ring.Z64),
        (((), (1,), (1,)), Ring.Z64),
        (((1, 1), (1, 1), (1, 1)), Ring.Z128),
    ],
)
def test_what_is_no_product_mod_2_to_the_64_is_refused_before_a_message(shapes, ring):
    shares = [share_out(RingArray.zeros(ring, shape)) for shape in shapes]
    with pytest.raises(InvalidRequest, match=r"does not have the shape|wide=True"):
        checked(list(zip(*shares, strict=True)))


# ---- falsified products


def falsified(party, x, y, cheat, delta):
    """x @ y by a party that sends its share with delta added, and goes on with that."""
    z = local_matmul(x, y)
    return finish(party, z + delta if party.index == cheat else z)


def run_with_cheat(m, k, n, cheat, delta, seed=0):
    """A product with one cheat, and its check."""
    x, y = share_out(numbers((m, k), seed)), share_out(numbers((k, n), seed + 1), 1)

    def part(party):
        a, b = x[party.index], y[party.index]
        z = yield from falsified(party.at("product"), a, b, cheat, delta)
        yield from check(party.at("check"), [(a, b, z)])

    return play({me: part(p) for me, p in zip(TRIO, parties(seed), strict=True)}, strict=False)


@pytest.mark.parametrize("cheat", range(3))
@pytest.mark.parametrize("value", [1, 1 << 63, -1, 0x0123456789ABCDEF << 5])
@pytest.mark.parametrize("at", [(0, 0), (49, 1), (7, 44)])
def test_one_party_that_adds_anything_to_any_entry_is_noticed_by_all_three(cheat, value, at):
    played = run_with_cheat(50, 3, 45, cheat, single((50, 45), value, at))
    assert set(played.errors) == set(TRIO)
    assert all(isinstance(e, PeerMisbehaved) and WRONG in str(e) for e in played.errors.values())


@settings(max_examples=15)
@given(
    st.integers(1, 60), st.integers(1, 60), st.integers(1, (1 << 64) - 1), st.integers(0, 2), st.booleans(), st.data()
)
def test_errors_in_one_entry_or_all_of_them_are_noticed(m, n, value, cheat, everywhere, data):
    at = data.draw(st.integers(0, m - 1)), data.draw(st.integers(0, n - 1))
    error = RingArray.zeros(Ring.Z64, (m, n)) + value if everywhere else single((m, n), value, at)
    assert set(run_with_cheat(m, 2, n, cheat, error).errors) == set(TRIO)


def test_nothing_is_noticed_where_nothing_is_wrong():
    assert not run_with_cheat(50, 3, 45, 1, RingArray.zeros(Ring.Z64, (50, 45))).errors


def test_of_several_products_any_one_that_is_wrong_is_noticed():
    sizes = [(3, 2, 3), (50, 4, 45), (1, 5, 1)]
    for wrong, (m, _, n) in enumerate(sizes):
        errors = [single((m, n), 1 << 63) if k == wrong else None for k in range(3)]
        triples = [triple_of(*size, k, errors[k]) for k, size in enumerate(sizes)]
        assert set(checked(*triples, strict=False).errors) == set(TRIO)


@pytest.mark.parametrize(("n", "least", "most"), [(1, 4, 12), (3, 8, 15)])
def test_with_one_subset_half_or_three_quarters_of_the_errors_of_2_to_the_63_are_missed(n, least, most, monkeypatch):
    """One side of random bits misses half, both miss three quarters: so the bits are needed, and random."""
    monkeypatch.setattr(module, "SUBSETS", 1)
    triple = triple_of(3, 1, n, error=single((3, n), 1 << 63))
    missed = sum(not checked(triple, seed=seed, strict=False).errors for seed in range(16))
    assert least <= missed <= most


# ---- cheating in the check itself


def cheat_in_check(monkeypatch, cheat, d, d_row):
    """That party adds d to A B and d_row to A' B, which it then sends."""
    honest = module._local_products

    def falsified_products(claim):
        z = honest(claim)
        return z + RingArray(Ring.Z128, np.concatenate([d.words, d_row.words], 1)) if claim.a.index == cheat else z

    monkeypatch.setattr(module, "_local_products", falsified_products)


def wide(x):
    """In Z_2^128, as unsigned words."""
    return RingArray(Ring.Z128, np.stack([x.words, np.zeros_like(x.words)]))


NOTHING, ROW = RingArray.zeros(Ring.Z128, (3, 3)), RingArray.zeros(Ring.Z128, (1, 3))
E = single((3, 3), 1 << 63, (1, 2))  # sides this short are taken as they are: L E R is E


@pytest.mark.parametrize("cheat", range(3))
def test_falsifying_the_check_of_a_right_product_is_noticed(cheat, monkeypatch):
    for d, d_row in ((wide(E), ROW), (wide(single((3, 3), 1)) << 64, ROW), (NOTHING, wide(E[1:2]) << 3)):
        with monkeypatch.context() as patch:
            cheat_in_check(patch, cheat, d, d_row)
            assert set(checked(triple_of(3, 2, 3), strict=False).errors) == set(TRIO)


@pytest.mark.parametrize("cheat", range(3))
def test_a_false_product_under_an_equally_false_check_is_noticed_unless_the_numbers_are_guessed(cheat, monkeypatch):
    """D = E hides the error from U. V = t D + D' is zero for one t in 2^64: D' = −t D for a guess of t."""
    guess = np.uint64(0xDEADBEEFCAFEF00D)  # odd: an error of 2^63 has few multiples mod 2^128
    for error in (E, single((3, 3), 1), single((3, 3), 12345, (2, 2))):
        row = wide(error).sum(0).reshape((1, 3))
        for d_row in (ROW, -row * int(guess)):
            with monkeypatch.context() as patch:
                cheat_in_check(patch, cheat, wide(error), d_row)
                assert set(checked(triple_of(3, 2, 3, error=error), strict=False).errors) == set(TRIO)
                guessed = wide(RingArray(Ring.Z64, np.full((1, 3), guess)))
                patch.setattr(module, "_factors", lambda numbers, count, t=guessed: t)
                caught = checked(triple_of(3, 2, 3, error=error), strict=False).errors
                assert bool(caught) is (d_row is ROW)


def test_every_message_is_needed_unchanged():
    triple = triple_of(3, 2, 3)
    honest = checked(triple)
    places = [(number, sender, me) for me in TRIO for number, sender in honest.views[me]]
    assert len(places) == 4 * 6 + 3

    def change(message):
        if isinstance(message, tuple):
            return (change(message[0]), *message[1:])
        if isinstance(message, bytes):
            return bytes([message[0] ^ 1]) + message[1:]
        elements = message.elements.copy()
        elements.reshape(-1)[0] ^= np.uint64(1)
        return Masked(elements)

    for place in places:
        played = checked(triple, deliver=lambda n, s, r, x, at=place: change(x) if (n, s, r) == at else x, strict=False)
        assert any(isinstance(e, PeerMisbehaved) for e in played.errors.values())
        if place[0] != 1:  # an opening: its receiver notices
            assert "hold the same share and sent different ones" in str(played.errors[place[2]])


# ---- tosses


def tossed(seed=0, stubborn=None):
    """What the three toss, one of them with other streams than the rest know."""
    each = parties(seed)
    if stubborn is not None:
        each[stubborn] = parties("other")[stubborn]

    def part(party):
        return (yield from module._toss(party.at("toss"))).words(4).tolist()

    return play({me: part(p) for me, p in zip(TRIO, each, strict=True)}, strict=False)


def test_a_toss_is_the_same_for_all_and_another_in_every_run():
    outcomes = [tossed(seed).outputs for seed in range(3)]
    assert all(len({str(o[me]) for me in TRIO}) == 1 for o in outcomes)
    assert len({str(o["P0"]) for o in outcomes}) == 3


@pytest.mark.parametrize("stubborn", range(3))
def test_a_party_cannot_choose_its_share_of_a_toss(stubborn):
    assert tossed(stubborn=stubborn).errors


def test_the_share_of_a_toss_that_a_party_lacks_comes_from_the_one_that_waits_for_its_products():
    views = checked(triple_of(3, 2, 3)).views
    for i, me in enumerate(TRIO):
        for opening, products in ((0, None), (2, 1)):
            assert isinstance(views[me][opening, TRIO[i - 1]][0], Masked)
            digest = views[me][opening, TRIO[i - 2]]
            assert isinstance(digest, bytes) and len(digest) == 32
            assert products is None or (products, me) in views[TRIO[i - 1]]


# ---- what is seen


def zeros(shape):
    """The three parties' shares of zeros, all of them zero: what is seen then is masks alone."""
    return [Replicated(i, *(RingArray.zeros(Ring.Z64, shape),) * 2) for i in range(3)]


def watched(monkeypatch, count=16, k=16):
    """Check products of zeros. returns party -> W, W' and rho as it received them, with the streams that it knows."""
    monkeypatch.setattr(module, "SUBSETS", 16)
    seeds, seed_of = {}, ComputeParty._seed

    def noted(party, key, purpose):
        seeds[party.index, *party._path[-2:], purpose, key] = seed_of(party, key, purpose)
        return seeds[party.index, *party._path[-2:], purpose, key]

    monkeypatch.setattr(ComputeParty, "_seed", noted)
    triple = list(zip(zeros((17, k)), zeros((k, 17)), zeros((17, 17)), strict=True))
    views = checked(*[triple] * count).views
    seen = {}
    for i, me in enumerate(TRIO):
        products = [RingArray(Ring.Z128, m[0].elements) for m in views[me][1, TRIO[i - 2]]]
        rho = RingArray(Ring.Z128, views[me][3, TRIO[i - 1]][0].elements)
        drawn = {
            (purpose, key): [expand(seeds[i, at, j, purpose, key], Ring.Z128, shape) for j in range(count)]
            for purpose, at, shape in (("zero", "product", (17, 16)), ("random", "claim", (k,)))
            for key in ("mine", "next")
        }
        masks = [drawn["zero", key] for key in ("mine", "next")]
        seen[me] = [
            (products[0][:16].reshape((-1,)), [each[0][:16].reshape((-1,)) for each in masks]),
            (joined([p[16] for p in products]), [joined([p[16] for p in each]) for each in masks]),
            (rho, [joined(drawn["random", key]) for key in ("mine", "next")]),
        ]
    return seen


def joined(arrays):
    return RingArray(Ring.Z128, np.concatenate([each.words for each in arrays], axis=1))


def test_all_that_a_party_sees_before_the_end_is_uniform_for_fixed_shares(monkeypatch):
    for seen in watched(monkeypatch).values():
        assert complaints([array for array, _ in seen], []) == []
        assert all(complaints([array], known) == [] for array, known in seen)


def test_a_mask_left_out_is_caught(monkeypatch):
    random = module._random

    def left_out(party, shape):
        kept = random(party, shape)
        return kept if len(shape) == 1 else kept * 0

    monkeypatch.setattr(module, "_random", left_out)
    for seen in watched(monkeypatch).values():
        assert [bool(complaints([array], [])) for array, _ in seen] == [False, False, True]


def opened_last(monkeypatch, triple, seed=0):
    """U and V as all three see them."""
    values = []

    def noted(party, x):
        value = yield from open_to_all(party, x)
        values.append(value.words.tolist())
        return value

    monkeypatch.setattr(module, "open_to_all", noted)
    played = checked(triple, seed=seed, strict=False)
    assert all(each == values[-6] for each in values[-6::2]) and all(each == values[-5] for each in values[-5::2])
    return values[-2:], played


def test_what_is_opened_last_is_zero_of_right_products(monkeypatch):
    values, played = opened_last(monkeypatch, triple_of(50, 3, 45))
    assert not np.any(values[0]) and not np.any(values[1]) and not played.errors


def test_what_is_opened_last_tells_of_the_errors_alone(monkeypatch):
    """The same errors in products of other numbers: the same is seen."""
    error = single((50, 45), 1 << 63, (3, 4)) + single((50, 45), 99, (40, 40))
    seen = [opened_last(monkeypatch, triple_of(50, 3, 45, seed, error)) for seed in (1, 2)]
    assert seen[0][0] == seen[1][0] and np.any(seen[0][0][1])
    assert all(set(played.errors) == set(TRIO) for _, played in seen)


def test_bits_and_numbers_are_read_on_from_one_product_to_the_next():
    """Two products of one shape have bits of their own: else errors of one could be made to fit the other."""
    party = parties()[0]
    stream = Reader(bytes(32))
    x = Replicated(0, *(RingArray.integers(Ring.Z64, np.eye(50, dtype=np.int64)),) * 2)
    one, two = (module._claim(party.at("claim", k), stream, x, x, x) for k in range(2))
    assert (one.a.mine.words != two.a.mine.words).any() and (one.b.mine.words != one.a.mine.words.T).any()
    assert (one.mask.mine.words != two.mask.mine.words).all()


def test_the_numbers_that_combine_rows_are_whole_words_of_the_second_toss_and_each_is_another():
    stream = Reader(bytes(32))
    one, two = (module._factors(stream, 3) for _ in range(2))
    assert np.concatenate([one.words[0], two.words[0]], 1).tolist() == [Reader(bytes(32)).words(6).tolist()]
    assert not one.words[1].any() and one.shape == (1, 3)
