"""Sums under BFV: the promises of every sum, and those of the keys."""

from functools import cache

import numpy as np
import pytest
import tenseal

from securecompute.arithmetic.rings import Ring, decode
from securecompute.engine.rounds import payload_bytes
from securecompute.errors import EncodingOverflow, InvalidRequest, PeerMisbehaved
from securecompute.primitives import lattice as keys
from securecompute.primitives import lattice_bfv
from securecompute.primitives.lattice import BFV_4096, BFV_8192, CKKS_50
from securecompute.primitives.lattice_bfv import capacity, sent_noise
from securecompute.primitives.lattice_bytes import pack, unpack
from securecompute.protocols.sums import encrypted, lattice
from securecompute.protocols.sums.lattice import LatticeKey, LatticeScheme
from securecompute.protocols.sums.settings import Lattice, Pairwise, setting_from
from securecompute.values import Ciphertext
from tests.protocols.sums.conformance import SumPromises
from tests.protocols.sums.playing import (
    COLLECTOR,
    COORDINATOR,
    Federation,
    answer,
    describe,
    names,
    refuses,
    silent_from,
    sound,
    tamper,
)

ENCRYPTED, TOTAL = 0, 3  # rounds


@cache
def key(parameters=BFV_8192):
    """Keys of these parameters, made once."""
    return LatticeKey(parameters)


@pytest.fixture(autouse=True)
def patient(request, monkeypatch):
    """The tests cheat often under one key; but the one that counts refusals."""
    if "spent" not in request.node.name:
        monkeypatch.setattr(keys, "MOST_REFUSALS", 10**6)


class Promises(SumPromises):
    """What both choices share."""

    parameters = BFV_8192
    examples = 5
    samples = 5
    lengths = (1, 33)
    fresh_in_run = False  # a coordinator can repeat to the collector what it said in another run of one descriptor

    def setting(self, names):
        """The public half."""
        return key(self.parameters).setting

    def key(self):
        """The secret half."""
        return key(self.parameters)


class TestSmallLattice(Promises):
    """With the small parameters, which the package refuses for sums: the same code, four times as fast."""

    parameters = (BFV_4096,)
    rings = (Ring.Z32,)
    uniform = 4500

    @pytest.fixture(autouse=True)
    def allowed(self, monkeypatch):
        """Let a word be checked modulo 20 bits."""
        monkeypatch.setattr(lattice, "LEAST_MODULUS", 0)

    def bound(self, ring, n):
        """As much as fits."""
        return capacity(self.parameters) // n


@pytest.mark.slow
class TestLattice(Promises):
    """With a key for each of three plaintext moduli."""

    uniform = 9000


def federation(n=4, d=5, ring=Ring.Z64, bound=1000, secret=None, **more):
    """Everybody, with keys for every ring."""
    secret = secret or key()
    return Federation(describe(n, d, ring, bound, setting=secret.setting), key=secret, **more)


# ---- range


@pytest.mark.parametrize("n", [3, 10, pytest.param(50, marks=pytest.mark.slow)])
def test_totals_are_exact_at_the_ends_of_one_modulus_and_the_next_bound_takes_two(n):
    bound = capacity(BFV_8192[:1]) // n
    inputs = {p: [bound, -bound, 0, 1] for p in names(n)}
    played = federation(n, 4, Ring.Z64, bound, inputs=inputs)
    assert LatticeScheme(key().setting.contexts).moduli(played.descriptor) == 1
    assert answer(played, played.run(strict=True))[1] == [n * bound, -n * bound, 0, n]
    assert LatticeScheme(key().setting.contexts).moduli(describe(n, 4, Ring.Z64, bound + 1)) == 2


def test_a_total_that_the_keys_cannot_hold_is_refused_before_anything_is_sent():
    most = capacity(BFV_8192[:1]) // 3
    one = key(BFV_8192[:1])
    fits, over = (describe(3, 2, Ring.Z64, bound, setting=one.setting) for bound in (most, most + 1))
    assert lattice.cost(fits).rounds == 4
    with pytest.raises(EncodingOverflow, match="the collector makes keys for more"):
        lattice.cost(over)
    for party, part in Federation(over, {p: [most + 1] * 2 for p in names(3)}, key=one).parts().items():
        if party != COLLECTOR:
            with pytest.raises(EncodingOverflow):
                next(part)


def test_every_ring_is_covered_and_takes_as_few_ciphertexts_as_it_can():
    scheme = LatticeScheme(key().setting.contexts)
    for ring, bound, r in ((Ring.Z32, 1000, 1), (Ring.Z64, (1 << 62) // 4, 2), (Ring.Z128, ((1 << 127) - 1) // 4, 3)):
        descriptor = describe(4, 9000, ring, bound)
        assert scheme.moduli(descriptor) == r
        assert scheme.shape(descriptor) == (2 * r, 393216)
        assert scheme.modulus(descriptor) > 2 * 4 * bound and scheme.modulus(descriptor) > 1 << 40


# ---- what the key holder sees


def test_what_is_decrypted_depends_on_the_total_alone():
    """Two sets of vectors with one total: the same integers, the check word's included."""
    seen = []
    for inputs in ({"h0": [5], "h1": [5], "h2": [5]}, {"h0": [0], "h1": [15], "h2": [0]}):
        integers = []

        class Watching(LatticeKey):
            __slots__ = ()

            def decrypt(self, *args, integers=integers):
                integers.extend(super().decrypt(*args))
                return integers

        secret = Watching.__new__(Watching)
        secret._keys, secret.public = key()._keys, key().public
        played = federation(3, 1, inputs=inputs, secret=secret)
        assert answer(played, played.run(strict=True))[1] == [15]
        seen.append(integers)
    assert seen[0] == seen[1] and len(seen[0]) == encrypted.entries(played.descriptor)


def test_each_institution_floods_its_ciphertext_with_its_own_randomness(monkeypatch):
    flooded = []
    flood = lattice_bfv._flood
    monkeypatch.setattr(lattice_bfv, "_flood", lambda p, r: flooded.append(r) or flood(p, r))
    played = federation()
    played.run(strict=True)
    assert [id(r) for r in flooded] == [id(played.tapes[p]) for p in played.names]
    assert all(max(map(len, played.tapes[p].drawn)) == 10 * 8192 for p in played.names)


def test_the_noise_of_a_total_of_many_stays_far_below_what_decrypts():
    p = BFV_8192[0]
    most = (p.modulus // p.plain - 1) // 2 - 1
    assert sent_noise(p, 1 << 32) < most < sent_noise(p, 1 << 34)
    rounding = 1  # a half of each of two sets of vectors, per coefficient
    assert rounding * p.degree / (1 << 8 * p.flood) < 2**-66


def test_the_total_that_leaves_the_coordinator_is_not_the_sum_of_what_it_got():
    got = {}

    def watch(at, sender, receiver, message):
        if at == ENCRYPTED:
            got[sender] = message[0].elements[0]
        if at == TOTAL:
            got["total"] = message[2].elements[0]
        return message

    federation().run(watch, strict=True)
    p = BFV_8192[0]
    words = [unpack(got[name], p.data_primes, p.degree) for name in names(4)]
    bare = pack(sum(words) % np.array(p.data_primes, np.uint64)[:, None], p.data_primes)
    assert (bare != got["total"]).mean() > 0.9


# ---- what crosses


def everything_that_crosses(secret, n=3):
    """All arrays of a run, and what goes to institutions before it."""
    crossing = list(secret.setting.contexts)

    def watch(at, sender, receiver, message):
        parts = message if isinstance(message, tuple) else (message,)
        for part in parts:
            for leaf in part if isinstance(part, tuple) else (part,):
                array = leaf.elements if isinstance(leaf, Ciphertext) else leaf
                crossing.append(array.tobytes())
        return message

    played = federation(n, secret=secret)
    played.run(watch, strict=True)
    return crossing


def test_no_secret_key_crosses_and_what_crosses_cannot_decrypt():
    secret = key(BFV_8192[:1])
    context = secret._keys[0]._context
    saved = context.serialize(
        save_public_key=False, save_secret_key=True, save_galois_keys=False, save_relin_keys=False
    )
    stretches = [saved[k : k + 24] for k in range(500, len(saved) - 500, 997)]
    crossing = everything_that_crosses(secret)
    assert len(crossing) > 10
    for data in crossing:
        assert not any(stretch in data for stretch in stretches)
        with pytest.raises((ValueError, RuntimeError)):
            tenseal.context_from(data, n_threads=1).secret_key()
    assert not keys.public_key(crossing[0])._context.is_private()


def test_a_private_context_that_crossed_would_be_seen_by_the_search():
    context = key(BFV_8192[:1])._keys[0]._context
    leaked = context.serialize(save_secret_key=True, save_galois_keys=False, save_relin_keys=False)
    assert tenseal.context_from(leaked, n_threads=1).is_private()
    saved = context.serialize(
        save_public_key=False, save_secret_key=True, save_galois_keys=False, save_relin_keys=False
    )
    assert any(saved[k : k + 24] in leaked for k in range(500, len(saved) - 500, 997))


def test_messages_have_one_length_whatever_the_data():
    sizes = []
    for inputs in ([0, 0], [1000, -1000], [1, 999]):
        sent = []

        def watch(at, sender, receiver, message, sent=sent):
            sent.append((at, sender, receiver, payload_bytes(message)))
            return message

        federation(3, 2, inputs={p: inputs for p in names(3)}).run(watch, strict=True)
        sizes.append(sent)
    assert sizes[0] == sizes[1] == sizes[2]


# ---- must fail


def test_what_is_no_ciphertext_is_refused_and_names_its_sender():
    def beyond(message):
        message[0].elements[0, :6] = 255  # a residue above its prime
        return message

    played = federation().run(tamper(ENCRYPTED, "h1", beyond))
    refuses(played, COORDINATOR, PeerMisbehaved, "'h1' sent no ciphertext")


@pytest.mark.parametrize("rows", ["zero", "one institution's", "noise"])
def test_a_total_that_is_none_is_refused(rows):
    own = {}

    def watch(at, sender, receiver, message):
        if at == ENCRYPTED:
            own[sender] = message[0].elements
        if at == TOTAL:
            if rows == "zero":
                message[2].elements[:] = 0
            elif rows == "noise":
                message[2].elements[0, 6::6] ^= 1
            else:
                message[2].elements[:] = own["h0"]
        return message

    refuses(federation().run(watch), COLLECTOR, PeerMisbehaved, "No number is given")


def test_a_key_is_spent_after_eight_refused_totals_and_not_by_accepted_ones():
    secret = LatticeKey(BFV_8192[:1])
    secret._keys[0]._refused = 7
    for _ in range(2):
        played = federation(3, secret=secret)
        assert sound(played, played.run(strict=True)) == played.names

    def garbage(message):
        message[2].elements[0, ::6] ^= 1
        return message

    for kind, words in ((PeerMisbehaved, "No number is given"), (InvalidRequest, "make a new key")):
        played = federation(3, secret=secret).run(tamper(TOTAL, COORDINATOR, garbage))
        refuses(played, COLLECTOR, kind, words)


def test_a_dropout_is_left_out():
    played = federation(5)
    assert sound(played, played.run(silent_from("h2", 0))) == ("h0", "h1", "h3", "h4")


def test_keys_and_settings_that_do_not_belong_together_are_refused():
    played = federation(3)
    for wrong in (None, key(BFV_8192[:1]), key().public):
        with pytest.raises(InvalidRequest, match="public half the descriptor names"):
            next(lattice.collect(played.descriptor, COORDINATOR, wrong))
    with pytest.raises(InvalidRequest, match="not set up for lattice"):
        lattice.cost(describe(setting=Pairwise()))
    real = keys.SecretKey(CKKS_50).public
    contexts = key().setting.contexts
    for wrong in ((), (contexts[0], contexts[0]), (real,), (contexts[0], real)):
        with pytest.raises(InvalidRequest):
            lattice.cost(describe(setting=Lattice(wrong)))
    for wrong in ((b"",), (contexts[0][:-1],), (contexts[0][:9] + b"\xff" + contexts[0][10:],)):
        with pytest.raises(PeerMisbehaved):
            lattice.cost(describe(setting=Lattice(wrong)))
    with pytest.raises(InvalidRequest, match="let wrong totals pass"):
        LatticeKey((BFV_4096,))


def test_a_setting_comes_back_from_the_control_plane():
    setting = key(BFV_8192[:1]).setting
    assert setting_from(setting.kind, setting.fields()) == setting


def test_the_total_is_given_in_the_ring_of_the_descriptor():
    played = federation(3, 2, Ring.Z128, 1 << 100, inputs={p: [-(1 << 100), 1] for p in names(3)})
    _, vector = played.run(strict=True).outputs[COLLECTOR]
    assert decode(Ring.Z128, vector) == [-3 << 100, 3]
