"""What the tests of sums share: a run with seeded parties, ways to tamper with it, and random tapes."""

from dataclasses import replace

import numpy as np

from securecompute.arithmetic.rings import Ring, decode, encode
from securecompute.disclosure.ledger import SurvivorLedger
from securecompute.engine.local import play
from securecompute.primitives.keys import IdentityKey
from securecompute.protocols.sums.descriptor import Descriptor, default_threshold
from securecompute.protocols.sums.interface import Contributor, protocol_of
from securecompute.protocols.sums.tables import rows, table
from securecompute.values import Ciphertext, Masked, Plain, Share
from tests.seeded import SeededRandomness

COORDINATOR, COLLECTOR = "coordinator", "collector"
SECRETS = Masked | Share | Ciphertext
# Rounds of a pairwise sum in which somebody sends; the institutions' are the even ones.
ADVERTISE, ADVERTS, SHARE, SHARES, MASKED, SURVIVORS, SIGN, SIGNATURES, REVEAL = range(9)
INSTITUTIONS_SEND = (ADVERTISE, SHARE, MASKED, SIGN, REVEAL)


def names(n):
    """n institutions."""
    return [f"h{k}" for k in range(n)]


FOUR = tuple(names(4))


def identity(name):
    """The long-term key that `name` has in every test."""
    return IdentityKey.generate(SeededRandomness(f"identity {name}"))


def describe(n=4, d=5, ring=Ring.Z64, bound=1000, **changes):
    """A descriptor for n institutions."""
    pinned = {name: identity(name).public for name in names(n)}
    usual = Descriptor(b"p" * 32, pinned, ring, d, bound, default_threshold(n), 3, b"n" * 32)
    return replace(usual, **changes)


class Tape:
    """Randomness that keeps what it gave, in order: a party's random tape."""

    def __init__(self, seed):
        self._source = SeededRandomness(seed)
        self.drawn = []

    def bytes(self, n):
        """The next n bytes."""
        self.drawn.append(self._source.bytes(n))
        return self.drawn[-1]


class Federation:
    """Institutions, coordinator and collector of one descriptor, ready to play once.

    inputs    institution -> whole numbers; by default 2^i in every entry of institution i: a culprit shows
    ledgers   institution -> ledger; kept from one run to the next
    told      institution -> the descriptor that it was told, if another
    key       the collector's secret key, where it has one
    """

    def __init__(self, descriptor=None, inputs=None, seed=0, ledgers=None, told=None, collectors=None, key=None):
        self.descriptor = descriptor or describe()
        self.names = self.descriptor.institutions
        self.inputs = inputs or {p: [1 << k] * self.descriptor.length for k, p in enumerate(self.names)}
        self.ledgers = ledgers or {p: SurvivorLedger() for p in self.names}
        self.tapes = {p: Tape(f"{seed} {p}") for p in self.names}
        self.told, self.collectors, self.key = told or {}, collectors or {}, key
        self.protocol = protocol_of(self.descriptor)

    def parts(self):
        """Every party's part, not yet started."""
        parts = {p: self.institution(p) for p in self.names}
        parts[COORDINATOR] = self.protocol.coordinate(self.descriptor, COLLECTOR)
        parts[COLLECTOR] = self.protocol.collect(self.descriptor, COORDINATOR, self.key)
        return parts

    def institution(self, p):
        """One institution's part."""
        descriptor = self.told.get(p, self.descriptor)
        x = encode(self.descriptor.ring, self.inputs[p])
        x.flags.writeable = False  # an input is only read
        own = Contributor(p, identity(p), self.ledgers[p], self.tapes[p])
        return self.protocol.contribute(own, descriptor, COORDINATOR, self.collectors.get(p, COLLECTOR), Plain(x))

    def run(self, deliver=None, strict=False):
        """Play it."""
        return play(self.parts(), deliver, strict=strict)

    def total(self, included=None):
        """What the sum over these institutions must be."""
        return [sum(column) for column in zip(*(self.inputs[p] for p in included or self.names), strict=True)]


def answer(federation, played):
    """The collector's survivors and total, decoded; None if it got none."""
    if COLLECTOR not in played.outputs:
        return None
    survivors, vector = played.outputs[COLLECTOR]
    return survivors, decode(federation.descriptor.ring, vector)


def without(*lost):
    """Lose messages: each of `lost` is (round, sender) or (round, sender, receiver)."""

    def deliver(number, sender, receiver, message):
        return None if {(number, sender), (number, sender, receiver)} & set(lost) else message

    return deliver


def silent_from(party, first):
    """Lose everything that a party sends from this round on."""
    return lambda number, sender, receiver, message: None if sender == party and number >= first else message


def tamper(number, sender, change, receiver=None):
    """Change what `sender` sends in a round, to everybody or to one receiver; `change` gets a copy of the arrays."""

    def deliver(at, source, to, message):
        if (at, source) != (number, sender) or receiver not in (None, to):
            return message
        return change(copied(message))

    return deliver


def copied(message):
    """The same message in arrays of its own."""
    if isinstance(message, tuple):
        return tuple(copied(part) for part in message)
    if isinstance(message, SECRETS):
        return type(message)(message.elements.copy())
    return message if isinstance(message, bytes) else message.copy()


def leaves(message):
    """The arrays in a message, in order; bytes have none."""
    if isinstance(message, bytes):
        return []
    if isinstance(message, tuple):
        return [leaf for part in message for leaf in leaves(part)]
    return [message.elements if isinstance(message, SECRETS) else message]


def flip(leaf, *index):
    """A change that flips the lowest bit of one element of a message's leaf."""

    def change(message):
        leaves(message)[leaf][index] ^= np.array(1, leaves(message)[leaf].dtype)
        return message

    return change


def in_turn(*delivers):
    """One tampering after the other."""

    def deliver(number, sender, receiver, message):
        for each in delivers:
            message = message if message is None else each(number, sender, receiver, message)
        return message

    return deliver


def set_of(*members):
    """A change that puts another set of institutions in a message."""
    return lambda message: np.array([p in members for p in names(len(message))], np.uint8)


def sound(federation, played):
    """Assert that whatever happened, no wrong number came out; and return the number's survivors, None if none did."""
    found = answer(federation, played)
    if found is None:
        assert COLLECTOR in played.errors
        return None
    survivors, total = found
    assert total == federation.total(survivors.included)
    return survivors.included


def coordinator_changes(number, change, receiver=None):
    """What the coordinator does to its own messages."""
    return tamper(number, COORDINATOR, change, receiver)


def revealed(played):
    """The institutions that revealed anything."""
    return {p for at, p in played.views[COLLECTOR] if at == REVEAL}


def refuses(played, party, kind, words):
    """Assert that a party ended with this error."""
    assert type(played.errors[party]) is kind, played.errors.get(party)
    assert words in str(played.errors[party])


def with_rows(change):
    """A change of the rows of a table of adverts."""

    def changed(message):
        there = change(dict(rows(FOUR, message)))
        return table(FOUR, there, message[1].shape[1])

    return changed
