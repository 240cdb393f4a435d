"""A partner's secret linear model, scored on an institution's own records: neither shows the other what it has.

The partner has weights w, an intercept b and a Paillier key n; the institution has features X, one row per record. All
are integers of public bounds.

    round  step     partner -> institution             institution -> partner
    0      model    Enc(w_1) … Enc(w_p), Enc(b); a proof that n is sound
    1      scores                                      C = Enc(lanes of X w + b) · (1 + R n) · rⁿ
    2      answer   Dec(C) = lanes of X w + b + R mod n

with R uniform mod n and r uniform in Z_n^*, fresh for each ciphertext, that stay with the institution. It takes R off
and has X w + b, exactly. Several scores share a ciphertext, as many as their bound allows.

Accuracy   With weights rounded to multiples of 2⁻ᵃ, features to 2⁻ᵇ and the intercept to 2⁻ᵃ⁻ᵇ, a score is off by at
           most Σ_j (2⁻ᵃ⁻¹ |x_j| + 2⁻ᵇ⁻¹ |w_j| + 2⁻ᵃ⁻ᵇ⁻²) + 2⁻ᵃ⁻ᵇ⁻¹ from that of the unrounded numbers.
Security   Partner, whatever it sends: learns `rows`, the agreed number, to which the institution fills up its records.
           C is uniform among all ciphertexts whatever X is, as n is sound (`paillier_certificate`), R and r uniform.
           Institution, following the protocol: learns the scores of its rows, and what follows from them: p + 1 rows
           that it chose well give w and b. Outputs determine the model, which no cryptography prevents, so the partner
           sets the most rows for which it answers, and should count them over all sessions with one model.
           Institution, cheating: gets decryptions of what it likes, one for each ciphertext of a session, and so with
           one can learn as many weights as there are lanes in it.
           Not promised: right scores. The partner can encrypt another model, or answer wrongly; beyond the bound that
           is an error, within it is not seen. A partner that does so learns what it is let see of the consequences:
           with weights beyond their bound, one bit from whether the institution reports an error. Time, which depends
           on sizes and hardly on the numbers. Assumes what `paillier` assumes.
Cost       3 rounds; bytes in `cost`, exactly. ms at 2048 bits: partner 2 for each weight, 4 for each ciphertext;
           institution 9 for each ciphertext, and for each score 0.02 for each feature of 20 bits, and 0.3.
Reference  Paillier, EUROCRYPT 1999; Damgård, Jurik, Nielsen, 2010; blinded decryption as in Bost, Popa, Tu, Goldwasser,
           Machine Learning Classification over Encrypted Data, NDSS 2015.
"""

from dataclasses import dataclass

import numpy as np

from securecompute.engine.rounds import Array, Part, Party, Round, Several
from securecompute.errors import EncodingOverflow, InvalidRequest, PeerMisbehaved
from securecompute.primitives.paillier import PublicKey, SecretKey, rows
from securecompute.primitives.paillier_certificate import ROOTS, certify, check_certificate
from securecompute.primitives.paillier_pools import ShortPool, UniformPool
from securecompute.primitives.paillier_vectors import EncryptedVector, Lanes
from securecompute.primitives.randomness import Randomness
from securecompute.values import Ciphertext, Masked, Plain


@dataclass(frozen=True, slots=True)
class Scoring:
    """What partner and institution agree on beforehand.

    modulus         n, of the partner's key, big-endian
    features        p
    rows            how many are scored; an institution with fewer repeats its first
    weight_bound    largest |weight|
    feature_bound   largest |feature|; the intercept is at most weight_bound · feature_bound
    raises          InvalidRequest    a number below 1, or features beyond 62 bits
                    EncodingOverflow  a score could be wider than a ciphertext
                    BadKey            the modulus is none
    """

    modulus: bytes
    features: int
    rows: int
    weight_bound: int
    feature_bound: int

    def __post_init__(self) -> None:
        if min(self.features, self.rows, self.weight_bound, self.feature_bound) < 1 or self.feature_bound >= 1 << 62:
            raise InvalidRequest("features, rows and bounds of scores are 1 or more, and features have 62 bits at most")
        self.lanes  # noqa: B018 - raises if a score is too wide

    @property
    def key(self) -> PublicKey:
        """The partner's public key."""
        return PublicKey.received(self.modulus)

    @property
    def intercept_bound(self) -> int:
        """Largest |intercept|."""
        return self.weight_bound * self.feature_bound

    @property
    def score_bound(self) -> int:
        """Largest |score|."""
        return (self.features + 1) * self.weight_bound * self.feature_bound

    @property
    def lanes(self) -> Lanes:
        """Of the scores."""
        return Lanes.packed(self.key, self.rows, self.score_bound)


@dataclass(frozen=True, slots=True)
class Cost:
    """rounds, and payload bytes that each side sends."""

    rounds: int
    partner: int
    institution: int


def cost(scoring: Scoring) -> Cost:
    """What a session costs, exactly, without running it."""
    key, count = scoring.key, scoring.lanes.count
    model = (scoring.features + 1) * key.width
    return Cost(3, (ROOTS + count) * (key.bits // 8) + model, count * key.width)


def learns(scoring: Scoring, partner: Party, institution: Party) -> tuple[tuple[str, str], ...]:
    """Who learns what, in words for people."""
    return (
        (partner, f"that {scoring.rows} rows or fewer were scored; no feature and no score"),
        (
            institution,
            f"the scores of its own {scoring.rows} rows or fewer; no weight, as long as it asks for at most "
            f"{scoring.features} rows and keeps to the protocol",
        ),
    )


def lend(
    scoring: Scoring,
    institution: Party,
    weights: Plain,
    intercept: int,
    secret: SecretKey,
    most: int,
    randomness: Randomness,
) -> Part[None]:
    """Let an institution score its records. Run by the partner, who learns that it did.

    weights   int64 (p,), |weight| ≤ weight_bound
    most      rows that the partner is willing to answer for in this session
    raises    InvalidRequest    more rows are agreed, the key is not the agreed one, or weights of another form
              EncodingOverflow  a weight or the intercept lies beyond its bound
              PeerMisbehaved    the institution sent what is no ciphertext
    """
    w, key = weights.elements, scoring.key
    if scoring.rows > most:
        raise InvalidRequest(f"{scoring.rows} rows were asked for, and the partner answers for {most} at most")
    if secret.public != key:
        raise InvalidRequest("the partner's secret key is not that of the agreed modulus")
    if w.dtype != np.int64 or w.shape != (scoring.features,):
        raise InvalidRequest(f"weights are {w.dtype} {w.shape}; expected int64 ({scoring.features},)")
    model = _model(scoring, w.tolist(), intercept, ShortPool(key, randomness))
    yield Round(send={institution: (certify(secret), model)}, step="model")
    spec = Array(np.uint8, (scoring.lanes.count, key.width), Ciphertext)
    inbox = yield Round(expect={institution: spec}, step="scores", work=_work(scoring))
    plaintexts = secret.decrypt(key.residues(inbox[institution].elements, institution))
    yield Round(send={institution: Masked(rows(plaintexts, key.bits // 8))}, step="answer")


def score(scoring: Scoring, partner: Party, x: Plain, randomness: Randomness) -> Part[list[int]]:
    """The scores X w + b of one's own records. Run by the institution.

    x         int64 (m, p) with 1 ≤ m ≤ rows, |feature| ≤ feature_bound; read, never written
    returns   m integers
    raises    InvalidRequest    x is not such a matrix
              EncodingOverflow  a feature lies beyond the bound
              PeerMisbehaved    the partner's key is not sound, its model is no ciphertexts, its scores are out of range
    """
    features, key = x.elements, scoring.key
    m = len(features) if features.ndim == 2 else 0
    if features.dtype != np.int64 or features.shape != (m, scoring.features) or not 1 <= m <= scoring.rows:
        raise InvalidRequest(
            f"x is {features.dtype} {features.shape}; expected int64, 1 to {scoring.rows} rows of {scoring.features}"
        )
    if features.max() > scoring.feature_bound or features.min() < -scoring.feature_bound:
        raise EncodingOverflow(f"a feature lies beyond the declared bound {scoring.feature_bound}; raise the bound")
    p, n_bytes = scoring.features, key.bits // 8
    spec = Several((Array(np.uint8, (ROOTS, n_bytes)), Array(np.uint8, (p + 1, key.width), Ciphertext)))
    inbox = yield Round(expect={partner: spec}, step="model", work=0.02 * (p + ROOTS))
    certificate, model = inbox[partner]
    check_certificate(key, certificate)
    filled = np.concatenate([features, np.repeat(features[:1], scoring.rows - m, axis=0)])
    left, masks = _scores(scoring, model, filled, partner).leave_masked(UniformPool(key, randomness), randomness)
    yield Round(send={partner: left}, step="scores")
    answer = Array(np.uint8, (scoring.lanes.count, n_bytes), Masked)
    inbox = yield Round(expect={partner: answer}, step="answer", after=1, work=_work(scoring))
    scores = masks.take_off(inbox[partner].elements)
    if max(map(abs, scores)) > scoring.score_bound:
        raise PeerMisbehaved(f"'{partner}' answered with scores beyond what its model can reach")
    return scores[:m]


def _model(scoring: Scoring, weights: list[int], intercept: int, pool: ShortPool) -> Ciphertext:
    """Enc(w_1) … Enc(w_p), Enc(b): uint8 (p + 1, width)."""
    key, p = scoring.key, scoring.features
    vectors = (
        EncryptedVector.of(key, Lanes.single(key, p), weights, scoring.weight_bound),
        EncryptedVector.of(key, Lanes.single(key, 1), [intercept], scoring.intercept_bound),
    )
    return Ciphertext(np.concatenate([vector.leave(pool, to_owner=True).elements for vector in vectors]))


def _scores(
    scoring: Scoring, model: Ciphertext, features: np.ndarray[tuple[int, int], np.dtype[np.int64]], partner: Party
) -> EncryptedVector:
    """Enc(X w + b), in lanes."""
    key, p, received = scoring.key, scoring.features, model.elements
    w = EncryptedVector.received(key, Lanes.single(key, p), received[:p], scoring.weight_bound, partner)
    b = EncryptedVector.received(key, Lanes.single(key, 1), received[p:], scoring.intercept_bound, partner)
    ones = np.ones((len(features), 1), np.int64)
    return (w.dot(features, scoring.feature_bound) + b.dot(ones, 1)).pack()


def _work(scoring: Scoring) -> float:
    """Seconds that a deadline allows for scoring or decrypting."""
    windows = -(-scoring.feature_bound.bit_length() // 4) + 1
    return 1e-4 * scoring.rows * (scoring.features * windows + scoring.lanes.width) + 0.2 * scoring.lanes.count
