"""How the suite of promises builds a sum in a setting, spoils its messages and judges what comes of it."""

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import lru_cache
from typing import Any

import numpy as np
import pytest

from securecompute.arithmetic.rings import Ring
from securecompute.disclosure.ledger import SurvivorLedger
from securecompute.engine.faults import Faults
from securecompute.engine.local import Played
from securecompute.engine.rounds import Party
from securecompute.engine.session import open_session
from securecompute.engine.simulated import Simulated, simulate
from securecompute.errors import (
    DisclosureRefused,
    InternalFault,
    SecureComputeError,
)
from securecompute.primitives.keys import AgreementKey, IdentityKey, verify
from securecompute.protocols.sums.descriptor import Descriptor
from securecompute.protocols.sums.settings import Setting
from tests.protocols.sums.playing import (
    Federation,
    copied,
    describe,
    names,
    sound,
)
from tests.seeded import SeededRandomness

Place = tuple[int, Party, Party]  # round, sender, receiver


class RefusingLedger:
    """An institution's ledger that knows another answer to everything, once it is told rather than asked."""

    def check(self, plan: bytes, survivors: Sequence[Party]) -> None:
        """Nothing against it yet."""

    def commit(self, plan: bytes, survivors: Sequence[Party]) -> None:
        """Refuse."""
        raise DisclosureRefused("this plan was answered for other institutions, just now")


class NotingLedger(SurvivorLedger):
    """A ledger that notes in a log what it was told, and when."""

    def __init__(self, me: Party, log: list[Any]) -> None:
        super().__init__()
        self.me, self.log = me, log

    def commit(self, plan: bytes, survivors: Sequence[Party]) -> None:
        """As the ledger does."""
        super().commit(plan, survivors)
        self.log.append(("commit", self.me, tuple(survivors)))


_agree = AgreementKey.agree


@lru_cache(1 << 16)
def _agreed(mine: bytes, theirs: bytes, salt: bytes, info: bytes) -> bytes:
    return _agree(AgreementKey.from_private_bytes(mine), theirs, salt, info)


_signed = lru_cache(1 << 16)(IdentityKey.sign)
_verified = lru_cache(1 << 16)(verify)


@contextmanager
def remembered_curves() -> Iterator[None]:
    """Signatures and key agreements are functions: within this context, what was computed once is remembered."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(AgreementKey, "agree", lambda key, *given: _agreed(key.unchecked_private_bytes(), *given))
        patch.setattr(IdentityKey, "sign", lambda key, *given: _signed(key, *given))
        for name, module in list(sys.modules.items()):
            if name.startswith("securecompute.protocols.sums") and getattr(module, "verify", None) is verify:
                patch.setattr(module, "verify", _verified)
        yield


class Harness:
    """How the suite builds a sum in a setting. A subclass overrides what differs; protocols that are slow draw less.

    n, d          institutions and length, where nothing else is at stake
    sizes         numbers of institutions that are tried
    rings         that the setting can add in
    lengths       that are tried
    examples      totals that are drawn
    samples       changes, replays and losses that are tried, of each kind
    uniform       entries of the vector whose masked bytes are counted
    fresh_in_run  a message of another run of the same descriptor is refused, not only one of another descriptor
    """

    n = 4
    d = 3
    sizes: tuple[int, int, int] = (3, 4, 5)
    rings: tuple[Ring, ...] = tuple(Ring)
    lengths: tuple[int, ...] = (1, 2, 5, 33)
    examples = 30
    samples = 40
    uniform = 1 << 13
    fresh_in_run = True

    @pytest.fixture(autouse=True, scope="class")
    @classmethod
    def remembered(cls) -> Iterator[None]:
        """Runs are alike but for a message or two."""
        with remembered_curves():
            yield

    def setting(self, names: Sequence[Party]) -> Setting:
        """The setting among these institutions."""
        raise NotImplementedError

    def key(self) -> Any:
        """The collector's secret key, where it has one."""
        return None

    def guards(self, names: Sequence[Party]) -> Sequence[Party]:
        """The institutions whose ledgers keep a total from being repeated over another set."""
        return names

    def spare(self, names: Sequence[Party]) -> Sequence[Party]:
        """Institutions any one of which may be silent from the start, of n."""
        return names

    def bound(self, ring: Ring, n: int) -> int:
        """Largest entry that n institutions may declare."""
        return ((1 << (ring.bits - 1)) - 1) // n

    def describe(self, n: int | None = None, d: int | None = None, ring: Ring | None = None, **more: Any) -> Descriptor:
        """A descriptor in the setting."""
        n = n or self.n
        return describe(n, d or self.d, ring or self.rings[0], setting=self.setting(names(n)), **more)

    def federation(self, descriptor: Descriptor | None = None, inputs: Any = None, **more: Any) -> Federation:
        """Everybody, ready to play once."""
        return Federation(descriptor or self.describe(), inputs, key=self.key(), **more)

    def simulate(self, federation: Federation, network: Faults | None = None) -> Simulated:
        """Play it sealed, on a network with faults and a clock."""
        parts = federation.parts()
        keys = {p: AgreementKey.generate(SeededRandomness(p)) for p in parts}
        session = open_session("sum", {p: key.public for p, key in keys.items()}, b"manifest")
        return simulate(session, parts, keys, network, death_noticed_after=0.05)


def named(played: Played) -> bool:
    """Whether whoever ended early ended with an error that says why, and not with a fault of the software."""
    errors = list(played.errors.values())
    return all(isinstance(error, SecureComputeError) and not isinstance(error, InternalFault) for error in errors)


def sound_and_named(federation: Federation, played: Played) -> tuple[Party, ...] | None:
    """Assert that no wrong number came out and that errors are typed; the number's survivors, None if there is none."""
    included = sound(federation, played)
    assert named(played), played.errors
    assert included is None or len(included) >= federation.descriptor.quorum
    return included


def messages(federation: Federation) -> dict[Place, Any]:
    """Everything that is sent when nothing goes wrong."""
    sent: dict[Place, Any] = {}

    def watch(number: int, sender: Party, receiver: Party, message: Any) -> Any:
        sent[number, sender, receiver] = copied(message)
        return message

    federation.run(watch, strict=True)
    return sent


def instead(place: Place, message: Any) -> Any:
    """Deliver this message in that place."""
    return lambda *at: message if at[:3] == place else at[3]


def hidden(message: Any, kind: type) -> list[np.ndarray]:
    """The arrays in a message that are of this kind of secret."""
    if isinstance(message, tuple):
        return [array for part in message for array in hidden(part, kind)]
    return [message.elements] if isinstance(message, kind) else []
