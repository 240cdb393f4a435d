"""Sums under CKKS: within the stated error, for who has the key, and for nobody else."""

import pickle
from functools import cache

import numpy as np
import pytest

from securecompute.disclosure.ledger import SurvivorLedger
from securecompute.engine.local import play
from securecompute.engine.rounds import check_sendable, payload_bytes
from securecompute.errors import (
    DisclosureRefused,
    EncodingOverflow,
    InvalidRequest,
    NonFiniteInput,
    PeerMisbehaved,
    PeerSilent,
)
from securecompute.primitives.lattice import BFV_4096, CKKS_40, CKKS_50, public_key
from securecompute.primitives.lattice_ckks import CkksVector
from securecompute.protocols.sums import lattice_approximate as approximate
from securecompute.protocols.sums.descriptor import default_threshold
from securecompute.protocols.sums.interface import Contributor, Survivors
from securecompute.protocols.sums.lattice import LatticeKey
from securecompute.protocols.sums.lattice_approximate import ApproximateKey, error, release
from securecompute.protocols.sums.settings import Lattice, Pairwise
from securecompute.values import Ciphertext, Plain, SecretMisused
from tests.protocols.sums.playing import (
    COLLECTOR,
    COORDINATOR,
    describe,
    identity,
    names,
    refuses,
    silent_from,
    tamper,
)
from tests.seeded import SeededRandomness

ENCRYPTED, NONCES, SIGNED, TOTAL = range(4)


@cache
def key(parameters=CKKS_50):
    """A key of these parameters, made once."""
    return ApproximateKey(parameters)


@pytest.fixture(autouse=True)
def unspent():
    """The tests cheat often under one key."""
    key()._refused = 0


def column(k, d, bound):
    """An institution's numbers, the ends of the range among them."""
    x = np.random.default_rng(k).uniform(-bound, bound, d)
    x[0] = bound
    x.flags.writeable = False
    return x


class Sum:
    """Institutions, coordinator and collector, ready to play."""

    def __init__(self, n=4, d=5, bound=1000, secret=None, ledgers=None, **changes):
        self.key = secret or key()
        self.descriptor = describe(n, d, bound=bound, setting=self.key.setting, **changes)
        self.names = self.descriptor.institutions
        self.ledgers = ledgers or {p: SurvivorLedger() for p in self.names}
        self.inputs = {p: column(k, d, bound) for k, p in enumerate(self.names)}

    def parts(self, seed=0):
        """Every party's part."""
        parts = {p: self.institution(p, seed) for p in self.names}
        parts[COORDINATOR] = approximate.coordinate(self.descriptor, COLLECTOR)
        parts[COLLECTOR] = approximate.collect(self.descriptor, COORDINATOR, self.key)
        return parts

    def institution(self, p, seed=0, signed_by=None):
        """One institution's part."""
        own = Contributor(p, identity(signed_by or p), self.ledgers[p], SeededRandomness(f"{seed} {p}"))
        return approximate.contribute(own, self.descriptor, COORDINATOR, COLLECTOR, Plain(self.inputs[p]))

    def run(self, deliver=None, strict=False, seed=0):
        """Play it."""
        return play(self.parts(seed), deliver, strict=strict)

    def off(self, played):
        """The survivors, and how far the total is off theirs."""
        survivors, total = played.outputs[COLLECTOR]
        assert total.elements.dtype == np.float64
        return survivors, np.abs(total.elements - sum(self.inputs[p] for p in survivors.included)).max()


# ---- the total


@pytest.mark.parametrize("parameters", [CKKS_50, CKKS_40], ids=["2^50", "2^40"])
@pytest.mark.parametrize(("n", "d", "bound"), [(3, 1, 1), (3, 4096, 1000), (10, 50, 10**6)])
def test_the_total_is_within_the_stated_error_of_the_plain_total(parameters, n, d, bound):
    played = Sum(n, d, bound, key(parameters))
    survivors, off = played.off(played.run(strict=True))
    assert survivors == Survivors(played.names, played.names)
    assert off <= error(played.descriptor, n) < 1e-6 * bound


def test_the_stated_error_is_that_of_the_scheme():
    assert error(Sum(10).descriptor, 10) < 1e-9
    assert error(Sum(10, secret=key(CKKS_40)).descriptor, 10) < 1e-6


def test_rounds_and_bytes_are_as_the_cost_says():
    for n, d in ((3, 5), (5, 4096)):
        played = Sum(n, d)
        ran, said = played.run(strict=True), approximate.cost(played.descriptor)
        assert ran.rounds == said.rounds == 4
        assert ran.sent == dict.fromkeys(played.names, said.institution) | {
            COORDINATOR: said.coordinator,
            COLLECTOR: 0,
        }
        assert said.institution == 245760 * (1 + (d == 4096)) + 96 and said.member == said.institution


def test_everybody_is_told_who_is_in_the_total_and_the_coordinator_nothing_else():
    played = Sum(5)
    ran = played.run(silent_from("h3", ENCRYPTED))
    included = ("h0", "h1", "h2", "h4")
    survivors, off = played.off(ran)
    assert survivors == ran.outputs[COORDINATOR] == Survivors(included, included)
    assert off <= error(played.descriptor, 4)
    assert all(ran.outputs[p] == included for p in included)


def test_who_learns_what_is_said_of_every_role():
    said = dict(approximate.learns(Sum().descriptor, COORDINATOR, COLLECTOR))
    assert {COORDINATOR, COLLECTOR, "each institution"} < set(said)
    assert "show to nobody" in said[COLLECTOR]


# ---- the total stays


def test_the_total_is_not_released_and_the_refusal_says_why_and_what_instead():
    played = Sum(3)
    _, total = played.run(strict=True).outputs[COLLECTOR]
    with pytest.raises(DisclosureRefused, match=r"error tells of the secret key.*exact sum under BFV"):
        release(total)


def test_the_total_cannot_be_printed_sent_or_pickled():
    _, total = Sum(3).run(strict=True).outputs[COLLECTOR]
    assert type(total) is Plain
    assert str(total) == repr(total) == "Plain(shape=(5,), dtype=float64)"
    with pytest.raises(InvalidRequest, match="Plain value was about to go"):
        check_sendable("researcher", total)
    for deed in (pickle.dumps, float, list, np.asarray, lambda t: t[0]):
        with pytest.raises(SecretMisused):
            deed(total)


def test_what_crosses_holds_no_secret_key_and_has_one_length_whatever_the_data():
    context = key()._context
    saved = context.serialize(
        save_public_key=False, save_secret_key=True, save_galois_keys=False, save_relin_keys=False
    )
    stretches = [saved[k : k + 24] for k in range(500, len(saved) - 500, 997)]
    sizes = []
    for flip in (1, -1, 0):
        played, sent = Sum(3), []
        played.inputs = {p: flip * x for p, x in played.inputs.items()}

        def watch(at, sender, receiver, message, sent=sent):
            sent.append((at, sender, receiver, payload_bytes(message)))
            octets = message[-1].elements if isinstance(message[-1], Ciphertext) else message[0]
            octets = octets.elements if isinstance(octets, Ciphertext) else octets
            assert not any(stretch in np.asarray(octets).tobytes() for stretch in stretches)
            return message

        played.run(watch, strict=True)
        sizes.append(sent)
    assert sizes[0] == sizes[1] == sizes[2]
    assert not any(stretch in key().public for stretch in stretches)
    assert not public_key(key().public)._context.is_private()


# ---- must fail


def test_inputs_that_are_not_what_was_declared_are_refused_before_anything_is_sent():
    for x, kind in (
        (np.full(5, 1000.5), EncodingOverflow),
        (np.array([0, 0, np.nan, 0, 0]), NonFiniteInput),
        (np.array([0, 0, -np.inf, 0, 0]), NonFiniteInput),
        (np.zeros(4), InvalidRequest),
        (np.zeros(5, np.int64), InvalidRequest),
    ):
        played = Sum()
        played.inputs["h0"] = x
        with pytest.raises(kind):
            next(played.institution("h0"))
    with pytest.raises(InvalidRequest, match="pins another identity"):
        next(Sum().institution("h0", signed_by="h1"))


def test_a_total_that_could_wrap_round_the_modulus_is_refused():
    played = Sum(3, 2, 1 << 54)
    played.run(strict=True)
    with pytest.raises(EncodingOverflow, match="do not fit"):
        next(Sum(4, 2, 1 << 54).institution("h0"))


def test_roles_keys_and_settings_that_do_not_belong_together_are_refused():
    played = Sum(3)
    for part in (
        approximate.coordinate(played.descriptor, "h1"),
        approximate.collect(played.descriptor, "h1", played.key),
    ):
        with pytest.raises(InvalidRequest, match="two roles"):
            next(part)
    for wrong in (None, key(CKKS_40), LatticeKey):
        with pytest.raises(InvalidRequest, match="public half the descriptor names"):
            next(approximate.collect(played.descriptor, COORDINATOR, wrong))
    for setting in (Pairwise(), Lattice(()), Lattice(key().setting.contexts * 2)):
        with pytest.raises(InvalidRequest, match="one CKKS key"):
            approximate.cost(describe(setting=setting))
    with pytest.raises(InvalidRequest, match="CKKS key"):
        ApproximateKey(BFV_4096)


def test_what_is_no_ciphertext_is_refused_and_names_its_sender():
    def beyond(message):
        message[0].elements[0, :8] = 255
        return message

    refuses(Sum().run(tamper(ENCRYPTED, "h1", beyond)), COORDINATOR, PeerMisbehaved, "'h1' sent no ciphertext")


@pytest.mark.parametrize("instead", ["zero", "one institution's", "noise"])
def test_a_total_that_is_none_is_refused(instead):
    own = {}

    def watch(at, sender, receiver, message):
        if at == ENCRYPTED:
            own[sender] = message[0].elements
        if at == TOTAL:
            message = (*message[:2], Ciphertext(message[2].elements.copy()))
            if instead == "zero":
                message[2].elements[:] = 0
            elif instead == "noise":
                message[2].elements[0, 6::8] ^= 1
            else:
                message[2].elements[:] = own["h0"]
        return message

    refuses(Sum().run(watch), COLLECTOR, PeerMisbehaved, "No number is given")


def test_a_total_beyond_what_the_institutions_can_reach_is_refused_though_the_counter_is_right():
    def shifted(message):
        public, rows = public_key(key().public), message[2].elements
        shift = CkksVector.encrypt(public, np.array([1e6, 0, 0, 0, 0, 0]), 1e6)
        rows[:] = CkksVector.from_wire(public, rows, 6, 1e6).add(shift).to_wire()
        return message

    played = Sum().run(tamper(TOTAL, COORDINATOR, shifted))
    refuses(played, COLLECTOR, PeerMisbehaved, "not one of the survivors' vectors")


def test_a_key_is_spent_by_refused_totals():
    played = Sum(3)

    def zero(message):
        message[2].elements[:] = 0
        return message

    played.key._refused = 7
    played.run(strict=True)
    refuses(Sum(3).run(tamper(TOTAL, COORDINATOR, zero)), COLLECTOR, PeerMisbehaved, "No number")
    refuses(Sum(3).run(), COLLECTOR, InvalidRequest, "make a new key")


def test_an_institution_signs_one_set_for_a_plan():
    first = Sum(5)
    first.run(strict=True)
    played = Sum(5, ledgers=first.ledgers).run(silent_from("h4", ENCRYPTED), seed=1)
    assert COLLECTOR in played.errors
    assert all(type(played.errors[p]) is DisclosureRefused for p in names(4))


def test_fewer_institutions_than_the_quorum_give_nothing():
    assert default_threshold(4) == 3
    lost = ("h2", "h3")
    played = Sum().run(lambda at, who, to, message: None if who in lost else message)
    assert type(played.errors[COORDINATOR]) is PeerSilent and COLLECTOR in played.errors


def test_an_institution_that_is_left_out_or_shown_too_few_does_not_sign():
    def only(*members):
        def change(message):
            message[0][:] = [name in members for name in names(4)]
            return message

        return tamper(NONCES, COORDINATOR, change)

    refuses(Sum().run(only("h1", "h2", "h3")), "h0", PeerMisbehaved, "left out this institution")
    refuses(Sum().run(only("h0", "h1")), "h0", PeerMisbehaved, "institutions are in the total")


@pytest.mark.parametrize("leaf", [0, 1])
def test_a_survivor_set_that_is_not_signed_by_enough_is_refused(leaf):
    def forged(message):
        message[1][1][0, 0] ^= 1
        return message

    def few(message):
        message[1][0][:2] = 0
        return message

    words = ("not signed by 'h0'", "2 signatures")[leaf]
    change = (forged, few)[leaf]
    refuses(Sum().run(tamper(TOTAL, COORDINATOR, change)), COLLECTOR, PeerMisbehaved, words)
