"""What a session computes that tells institutions which of their patients others know too, as data.

Named are the protocol, the institutions with their public numbers, the fields of the key, and who receives. Who alone
receives may choose its own records by a cohort; nobody else has one, since a list says of each person on it that he is
in everybody's. Every party of the session derives its part from the manifest itself, and a fresh nonce in it binds all
that is hashed.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import msgpack

from securecompute.disclosure.rules import Rules
from securecompute.engine.rounds import Party
from securecompute.errors import InvalidRequest
from securecompute.linking import INTERSECT, key_of
from securecompute.manifest import Enrolment, unpacked
from securecompute.program_manifest import columns_used
from securecompute.programs.linkages import Linkage, Parts, Side

VERSION = 1
VOLE, IKNP, OPRF, STAR = PROTOCOLS = "vole", "iknp", "oprf", "star"
MOST_INSTITUTIONS = 65
_FIELDS = ("version", "list", "on", "sides", "receivers", "columns", "identities", "nonce")


def is_list(encoded: bytes) -> bool:
    """Whether a manifest is of a list of common patients. raises InvalidRequest: it is no manifest."""
    plain = unpacked(encoded)
    return isinstance(plain, dict) and "list" in plain


@dataclass(frozen=True)
class ListManifest:
    """One intersection of several institutions' patients.

    protocol    "vole", "iknp" or "oprf" for two institutions, "star" for three or more
    on          fields that identify a patient, with their kinds
    sides       the institutions in turn, each with its public number; they bring no columns. Who alone receives may
                have a cohort
    receivers   who is told its own patients that all others know: one of the institutions, or several
    nonce       32 bytes, fresh
    """

    protocol: str
    on: Parts
    sides: tuple[Side, ...]
    receivers: tuple[Party, ...]
    enrolment: Enrolment
    nonce: bytes

    def encode(self) -> bytes:
        """Canonical bytes."""
        names = self.enrolment.identities
        values: tuple[Any, ...] = (
            VERSION,
            self.protocol,
            [[list(field) for field in part] for part in self.on],
            [side.to_plain() for side in self.sides],
            list(self.receivers),
            [self.enrolment.columns_of(name).hash() for name in sorted(names)],
            [[name, names[name]] for name in sorted(names)],
            self.nonce,
        )
        encoded: bytes = msgpack.packb(dict(zip(_FIELDS, values, strict=True)))
        return encoded

    @classmethod
    def decode(cls, encoded: bytes, enrolment: Enrolment) -> "ListManifest":
        """The manifest in these bytes, if it is of this enrolment. Run by every party of the session.

        raises   InvalidRequest  not such a manifest, another roster, institutions that are not there or too many or
                                 few of them for the protocol, fields of no kind, a receiver that takes no part, or a
                                 cohort that somebody else would learn of
        """
        plain = unpacked(encoded)
        if not isinstance(plain, dict) or tuple(plain) != _FIELDS or plain["version"] != VERSION:
            raise InvalidRequest(f"a list's manifest of version {VERSION} has the fields {', '.join(_FIELDS)}")
        if not isinstance(plain["nonce"], bytes) or len(plain["nonce"]) != 32:
            raise InvalidRequest("a manifest's nonce is 32 bytes")
        manifest = cls.of(plain, enrolment, plain["nonce"])
        if manifest.encode() != encoded:
            raise InvalidRequest("the manifest names another roster or dictionary than this network was formed with")
        return manifest

    @classmethod
    def of(cls, asked: Any, enrolment: Enrolment, nonce: bytes) -> "ListManifest":
        """The manifest of list, on, sides and receivers, that somebody else chose. raises InvalidRequest as `decode`"""
        if not isinstance(asked, dict) or not {"list", "on", "sides", "receivers"} <= set(asked):
            raise InvalidRequest("a list is asked for by its protocol, its fields, its sides and who receives")
        sides, receivers = asked["sides"], asked["receivers"]
        if not isinstance(sides, list) or not isinstance(receivers, list) or {type(r) for r in receivers} - {str}:
            raise InvalidRequest("a list's sides are a list, and its receivers a list of names")
        named = tuple(Side.from_plain(side) for side in sides)
        fields = Linkage.fields_from(asked["on"])
        manifest = cls(asked["list"], fields, named, tuple(receivers), enrolment, nonce)
        manifest._check()
        return manifest

    def _check(self) -> None:
        names = [side.party for side in self.sides]
        for name in names:
            if name not in self.enrolment.identities:
                raise InvalidRequest(f"'{name}' holds no records in this network")
        if not 2 <= len(set(names)) == len(names) <= MOST_INSTITUTIONS:
            raise InvalidRequest(f"a list is of 2 to {MOST_INSTITUTIONS} institutions' patients, each named once")
        if any(side.columns for side in self.sides):
            raise InvalidRequest("no columns are brought into a list of common patients")
        check_protocol(self.protocol, len(names))
        if not self.receivers or len(set(self.receivers)) != len(self.receivers):
            raise InvalidRequest("a list is told to one institution, or to several that are each named once")
        for name in self.receivers:
            if name not in names:
                raise InvalidRequest(f"'{name}' takes no part, so it cannot be told a list of its patients")
        check_cohorts({side.party: side.where for side in self.sides}, self.receivers)
        key_of(self.on).label()

    def side(self, me: Party) -> Side:
        """An institution's own. raises InvalidRequest: it takes no part"""
        found = next((side for side in self.sides if side.party == me), None)
        if found is None:
            raise InvalidRequest(f"'{me}' takes no part in this list")
        return found

    @property
    def sizes(self) -> Mapping[Party, int]:
        """institution -> its public number."""
        return MappingProxyType({side.party: side.records for side in self.sides})

    @property
    def parties(self) -> tuple[Party, ...]:
        """Who takes part: the institutions and nobody else."""
        return tuple(side.party for side in self.sides)

    @property
    def session(self) -> bytes:
        """What everything that is hashed is bound to: 32 bytes."""
        return hashlib.sha256(self.encode()).digest()

    @property
    def name(self) -> str:
        """Under which a receiver keeps its list, for its steward."""
        return self.session.hex()[:16]

    def header(self, receiver: Party) -> bytes:
        """The public header of the run that tells this institution.

        A session is 32 bytes, and before the name stands its length: no header begins another one, so that what a
        protocol appends to one is never read as a part of another.
        """
        name = receiver.encode()
        return self.session + len(name).to_bytes(2, "big") + name

    def respects(self, rules: Rules, me: Party) -> None:
        """Return if the list keeps these rules. Run by an institution on its own.

        raises   DisclosureRefused  naming the rule
                 InvalidRequest     it takes no part, or its cohort cannot be read
        """
        side, columns = self.side(me), self.enrolment.columns_of(me)
        rules.permits_list([name for name in self.receivers if name != me])
        rules.permits(INTERSECT, columns_used({"where": side.where}, columns))
        rules.permits_key(INTERSECT, key_of(self.on).columns)


def check_cohorts(cohorts: Mapping[Party, str | None], receivers: Sequence[Party]) -> None:
    """Return if nobody learns from a list who is in another institution's cohort: only who alone is told has one.

    raises   InvalidRequest  naming whose cohort, who would learn of it, and what to do
    """
    for name, where in cohorts.items():
        told = [f"'{other}'" for other in receivers if other != name]
        if where is not None and told:
            remedy = _remedy(name, receivers)
            raise InvalidRequest(f"a cohort at '{name}' would tell {' and '.join(told)} who is in it; {remedy}")


def _remedy(name: Party, receivers: Sequence[Party]) -> str:
    if name in receivers:
        return f"leave it out, or ask for a list to '{name}' alone"
    if len(receivers) == 1:
        return f"leave it out there. '{receivers[0]}' may choose its own records: where={{'{receivers[0]}': ...}}"
    return "leave it out there"


def check_protocol(protocol: Any, institutions: int) -> None:
    """Return if this protocol intersects so many institutions' sets. raises InvalidRequest"""
    if not isinstance(protocol, str) or protocol not in PROTOCOLS:
        raise InvalidRequest(f"there is no protocol {protocol!r} for lists; there are {', '.join(PROTOCOLS)}")
    if (protocol == STAR) != (institutions > 2):
        raise InvalidRequest(f"'{STAR}' is for three institutions or more, {', '.join(PROTOCOLS[:3])} are for two")
