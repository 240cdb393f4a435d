"""The Paillier sum keeps the promises of every sum; its ciphertexts are as small, fresh and checked as it says."""

from functools import lru_cache
from types import SimpleNamespace

import gmpy2
import numpy as np
import pytest

from securecompute.arithmetic.rings import Ring
from securecompute.disclosure.ledger import SurvivorLedger
from securecompute.errors import EncodingOverflow, InvalidRequest, PeerMisbehaved
from securecompute.primitives import paillier as keys
from securecompute.primitives import paillier_pools as pools
from securecompute.primitives.paillier import BadKey, numbers, rows
from securecompute.primitives.paillier_vectors import Lanes
from securecompute.protocols.sums.encrypted import entries
from securecompute.protocols.sums.interface import Contributor
from securecompute.protocols.sums.paillier import collect, contribute, cost, learns, make_key
from securecompute.protocols.sums.settings import Choice, Paillier, Pairwise
from securecompute.values import Ciphertext, Plain
from tests.primitives.paillier_keys import factors, secret_key
from tests.protocols.sums.conformance import SumPromises
from tests.protocols.sums.playing import (
    COLLECTOR,
    COORDINATOR,
    Federation,
    answer,
    describe,
    identity,
    names,
    refuses,
    tamper,
)
from tests.seeded import SeededRandomness

VECTORS, NONCES, SIGNED, TOTAL = range(4)
SECRET = secret_key()
KEY = SECRET.public
SETTING = Paillier(KEY.modulus)


@pytest.fixture(autouse=True, scope="module")
def remembered_powers():
    """Powers are functions: what was computed once is remembered, for runs alike but for one message."""
    remembered = SimpleNamespace(**vars(gmpy2))
    remembered.powmod, remembered.powmod_sec = (lru_cache(1 << 12)(f) for f in (gmpy2.powmod, gmpy2.powmod_sec))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pools, "gmpy2", remembered)
        patch.setattr(keys, "gmpy2", remembered)
        yield


class TestPromises(SumPromises):
    """The collector has the key."""

    lengths = (1, 5, 33)
    examples, samples, uniform = 6, 12, 40
    fresh_in_run = False  # a coordinator can repeat to the collector what it said in another run of one descriptor

    def setting(self, names):
        """The key of the tests."""
        return SETTING

    def key(self):
        """Its secret half."""
        return SECRET


def federation(inputs=None, secret=SECRET, seed=0, **changes):
    """Four institutions under a key."""
    changes = {"setting": Paillier(secret.public.modulus), **changes}
    return Federation(describe(**changes), inputs, seed, key=secret)


def sent_by(played, p):
    """The ciphertexts that an institution sent."""
    return played.views[COORDINATOR][VECTORS, p][0].elements


# ---- size and exactness


@pytest.mark.parametrize(("bits", "each"), [(2048, 31), (3072, 47)])
def test_so_many_entries_of_64_bits_travel_in_a_ciphertext(bits, each):
    largest = ((1 << 63) - 1) // 4
    setting = Paillier(secret_key(bits).public.modulus)
    with_counter = [describe(d=d, bound=largest, setting=setting) for d in (each - 1, each)]
    assert [cost(one).institution for one in with_counter] == [2 * bits // 4 + 96, 3 * bits // 4 + 96]


def test_lanes_are_as_narrow_as_the_bound_allows():
    assert cost(describe(n=10, d=100, bound=200, setting=SETTING)).institution == 2 * 512 + 96


@pytest.mark.parametrize("n", [3, 5])
@pytest.mark.parametrize("sign", [1, -1])
def test_totals_of_the_largest_entries_are_exact_in_every_lane(n, sign):
    bound = (1 << 20) - 1
    d = 2 * Lanes.packed(KEY, 1, n * bound).each
    largest = {p: [sign * bound] * d for p in names(n)}
    alternating = {p: [sign * bound * (-1) ** k for k in range(d)] for p in names(n)}
    for inputs in (largest, alternating):
        played = federation(inputs, n=n, d=d, bound=bound)
        assert answer(played, played.run(strict=True))[1] == [n * entry for entry in inputs["h0"]]


def test_one_entry_beyond_the_bound_is_refused_before_anything_leaves():
    inputs = {p: [0] * 5 for p in names(4)} | {"h1": [0, 0, 1001, 0, 0]}
    played = federation(inputs).run()
    assert type(played.errors["h1"]) is EncodingOverflow
    assert (VECTORS, "h1") not in played.views[COORDINATOR]


def test_a_key_of_3072_bits_adds_as_well():
    run = federation(secret=secret_key(3072), ring=Ring.Z128, bound=1 << 100)
    assert answer(run, run.run(strict=True))[1] == run.total()


# ---- what the coordinator sees


def test_what_an_institution_sends_differs_each_time_and_is_never_the_bare_ciphertext():
    inputs = {p: [7] * 5 for p in names(4)}
    sent = [sent_by(federation(inputs, seed=seed).run(strict=True), p) for seed in range(2) for p in ("h0", "h1")]
    assert len({each.tobytes() for each in sent}) == 4
    for each in sent:
        assert all((c - 1) % KEY.n != 0 for c in numbers(each))


def test_without_the_randomisers_the_coordinator_would_read_the_vectors(monkeypatch):
    monkeypatch.setattr(pools.ShortPool, "take", lambda pool, count: [gmpy2.mpz(1)] * count)
    run = federation()
    sent = sent_by(run.run(strict=True), "h2")
    lanes = Lanes.packed(KEY, entries(run.descriptor) - 1, 4 * run.descriptor.bound)
    assert lanes.unpack([int((c - 1) // KEY.n) for c in numbers(sent)[:-1]], int(KEY.n))[:5] == run.inputs["h2"]


def test_all_ciphertexts_have_one_length_whatever_they_hold():
    shapes = {
        sent_by(federation({p: [entry] * 5 for p in names(4)}).run(strict=True), "h0").shape
        for entry in (0, 1, -1, 1000, -1000)
    }
    assert shapes == {(2, 512)}


def test_each_institution_draws_a_base_of_its_own(monkeypatch):
    bases = []
    made = pools.ShortPool.__init__

    def noting(pool, key, randomness):
        made(pool, key, randomness)
        bases.append(pool._base)

    monkeypatch.setattr(pools.ShortPool, "__init__", noting)
    federation().run(strict=True)
    assert len(set(bases)) == 4


# ---- what the collector sees


def test_the_collector_decrypts_the_total_and_its_randomiser_does_not_depend_on_the_vectors():
    def seen(inputs):
        total = federation(inputs).run(strict=True).views[COLLECTOR][TOTAL, COORDINATOR][2].elements
        return SECRET.decrypt(numbers(total)), [SECRET.root(c % KEY.n) for c in numbers(total)]

    inputs = {p: [10 * k] * 5 for k, p in enumerate(names(4))}
    split_otherwise = inputs | {"h1": [25, 0, 30, -1, 40], "h2": [5, 30, 0, 31, -10]}
    others = {p: [9 * k, 0, 0, 1, 2] for k, p in enumerate(names(4))}
    assert seen(inputs) == seen(split_otherwise)
    assert seen(others)[0] != seen(inputs)[0]
    assert seen(others)[1] == seen(inputs)[1]


# ---- what is refused


P, _ = factors(SECRET)
MALFORMED = {
    "zero": 0,
    "n": int(KEY.n),
    "n squared": int(KEY.n2),
    "a multiple of p": 7 * P,
    "all bits": (1 << 4096) - 1,
}


@pytest.mark.parametrize("bad", MALFORMED.values(), ids=MALFORMED)
def test_an_institution_that_sends_what_is_no_ciphertext_is_named_by_the_coordinator(bad):
    played = federation().run(tamper(VECTORS, "h2", lambda m: (Ciphertext(rows([1, bad], 512)), m[1])))
    refuses(played, COORDINATOR, PeerMisbehaved, "'h2' sent a Paillier ciphertext that is none")


@pytest.mark.parametrize("bad", MALFORMED.values(), ids=MALFORMED)
def test_a_coordinator_that_sends_what_is_no_ciphertext_is_named_by_the_collector(bad):
    played = federation().run(tamper(TOTAL, COORDINATOR, lambda m: (*m[:2], Ciphertext(rows([1, bad], 512)))))
    refuses(played, COLLECTOR, PeerMisbehaved, "'coordinator' sent a Paillier ciphertext that is none")


def test_a_total_of_anything_but_lanes_is_refused():
    def random(message):
        return *message[:2], Ciphertext(rows([pow(3, 1 << 4000, int(KEY.n2))] * 2, 512))

    refuses(federation().run(tamper(TOTAL, COORDINATOR, random)), COLLECTOR, PeerMisbehaved, "")


@pytest.mark.parametrize("key", [None, "key", KEY, secret_key(name="other")], ids=["none", "text", "public", "other"])
def test_the_collector_needs_the_secret_key_of_the_descriptor(key):
    with pytest.raises(InvalidRequest, match="collector's key"):
        next(collect(describe(setting=SETTING), COORDINATOR, key))


def first_round(descriptor):
    """What an institution does first."""
    own = Contributor("h0", identity("h0"), SurvivorLedger(), SeededRandomness(0))
    return next(contribute(own, descriptor, COORDINATOR, COLLECTOR, Plain(np.zeros(5, np.uint64))))


@pytest.mark.parametrize("modulus", [b"", KEY.modulus[1:], (int(KEY.n) + 1).to_bytes(256, "big"), bytes(256)])
def test_nothing_is_encrypted_under_a_modulus_that_is_none(modulus):
    with pytest.raises(BadKey):
        first_round(describe(setting=Paillier(modulus)))


def test_a_descriptor_for_another_way_to_add_is_refused():
    with pytest.raises(InvalidRequest, match="pairwise"):
        first_round(describe(setting=Pairwise()))


def test_a_key_is_made_for_a_choice():
    secret, setting = make_key(Choice("paillier", key_bits=2048), SeededRandomness("paillier 2048 "))
    assert setting == SETTING
    assert secret.public == KEY


def test_who_reads_everything_together_is_said():
    assert "every institution's own numbers" in dict(learns(describe(), "relay", "lab"))["relay and lab together"]
