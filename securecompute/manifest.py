"""What a session computes, as data: the question, the rules in force, and who takes part in which role.

    enrolment   fixed when a network is formed: dictionary, pinned identity keys, roles
    manifest    one question under it; its canonical bytes enter the session's id
    plan        SHA-256(what is summed | cohort): what two runs of the same sum have in common

Every party derives layout, ring and thresholds from the manifest itself, so nobody can be told other ones.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import msgpack
import numpy as np
from numpy.typing import NDArray

from securecompute.analyses import catalogue
from securecompute.analyses.question import Layout, Question
from securecompute.arithmetic.lanes import Lanes
from securecompute.arithmetic.rings import Ring, choose_ring, decode, encode
from securecompute.disclosure.rules import Rules, strictest
from securecompute.engine.rounds import Party
from securecompute.errors import DisclosureRefused, InvalidRequest
from securecompute.protocols.sums.descriptor import Descriptor, default_threshold
from securecompute.protocols.sums.settings import Pairwise, Setting, setting_from
from securecompute.records.dictionaries import columns_at
from securecompute.records.dictionary import Dictionaries, Dictionary

VERSION = 1
_FIELDS = ("version", "question", "dictionary", "rules", "identities", "coordinator", "collector", "sum", "nonce")


def unpacked(encoded: Any) -> Any:
    """The plain data of a manifest's bytes, that somebody else chose. raises InvalidRequest: they are none"""
    if not isinstance(encoded, bytes):
        raise InvalidRequest("a manifest is bytes")
    try:
        return msgpack.unpackb(encoded)
    except (ValueError, msgpack.UnpackException):
        raise InvalidRequest("the manifest is not valid msgpack") from None


@dataclass(frozen=True)
class Enrolment:
    """What a party was told when the network was formed, and holds every manifest against.

    identities   institution -> Ed25519 public key, 32 bytes
    setting      how vectors are hidden; with it the collector's public key, if it has one
    compute      the three compute parties of programs on secret arrays, P_0 to P_2; none where there are no three
    own          columns beyond the dictionary, by the institution that has them: for programs, not for sums
    """

    dictionary: Dictionary
    identities: Mapping[Party, bytes]
    coordinator: Party
    collector: Party
    setting: Setting = field(default_factory=Pairwise)
    compute: tuple[Party, ...] = ()
    own: Mapping[Party, Dictionary] = field(default_factory=dict)

    @property
    def dictionaries(self) -> Dictionaries:
        """The dictionary, and beside it what institutions have themselves."""
        return Dictionaries(self.dictionary.columns, self.own)

    def columns_of(self, party: Party) -> Dictionary:
        """All columns of an institution: the dictionary's, then its own."""
        return columns_at(self.dictionaries, party)

    def to_plain(self) -> dict[str, Any]:
        """Plain data for the control plane."""
        return {
            "dictionary": self.dictionary.to_plain(),
            "identities": dict(self.identities),
            "coordinator": self.coordinator,
            "collector": self.collector,
            "sum": [self.setting.kind, self.setting.fields()],
            "compute": list(self.compute),
            "own": {name: own.to_plain() for name, own in self.own.items()},
        }

    @classmethod
    def from_plain(cls, plain: Mapping[str, Any]) -> "Enrolment":
        """What `to_plain` made. raises InvalidRequest."""
        dictionary = Dictionary.from_plain(plain["dictionary"])
        setting = setting_from(*plain["sum"])
        roles = plain["coordinator"], plain["collector"]
        own = {name: Dictionary.from_plain(each) for name, each in plain["own"].items()}
        return cls(dictionary, plain["identities"], *roles, setting, tuple(plain["compute"]), own)


@dataclass(frozen=True)
class Manifest:
    """One question to one network.

    rules   in force: at least as strict as every institution's own
    nonce   32 bytes, fresh: two runs of one question have different sessions
    """

    question: Question
    enrolment: Enrolment
    rules: Rules
    nonce: bytes

    def encode(self) -> bytes:
        """Canonical bytes."""
        names = self.enrolment.identities
        values = (
            VERSION,
            _sorted(self.question.to_plain()),
            self.enrolment.dictionary.hash(),
            _sorted(self.rules.to_plain()),
            [[name, names[name]] for name in sorted(names)],
            self.enrolment.coordinator,
            self.enrolment.collector,
            [self.protocol, hashlib.sha256(msgpack.packb(self.enrolment.setting.fields())).digest()],
            self.nonce,
        )
        encoded: bytes = msgpack.packb(dict(zip(_FIELDS, values, strict=True)))
        return encoded

    @classmethod
    def decode(cls, encoded: bytes, enrolment: Enrolment) -> "Manifest":
        """The manifest in these bytes, if it is of this enrolment and its question is valid. Run by every party.

        raises   InvalidRequest  not a manifest, an unknown field, another roster or dictionary, or an invalid question
        """
        plain = unpacked(encoded)
        if not isinstance(plain, dict) or set(plain) != set(_FIELDS) or plain["version"] != VERSION:
            raise InvalidRequest(f"a manifest of version {VERSION} has the fields {', '.join(_FIELDS)} and no others")
        if not isinstance(plain["nonce"], bytes) or len(plain["nonce"]) != 32:
            raise InvalidRequest("a manifest's nonce is 32 bytes")
        question = catalogue.check(Question.from_plain(plain["question"]), enrolment.dictionary)
        manifest = cls(question, enrolment, Rules.from_plain(plain["rules"]), plain["nonce"])
        if manifest.encode() != encoded:
            raise InvalidRequest(
                "the manifest names another roster, dictionary, role or way to add than this network was formed with"
            )
        return manifest

    @property
    def protocol(self) -> str:
        """What runs, in words: "pairwise sum"."""
        return f"{self.enrolment.setting.kind} sum"

    @cached_property
    def layout(self) -> Layout:
        """What the vector of totals holds."""
        analysis = catalogue.find(self.question.analysis)
        return analysis.layout(self.question, self.enrolment.dictionary, self.rules.max_records)

    @cached_property
    def lanes(self) -> Lanes | None:
        """How counts share the words of the vector, where that takes fewer bytes; None: an entry to a word."""
        n, layout = len(self.enrolment.identities), self.layout
        if any(segment.kind != "count" for segment in layout) or n * layout.bound >= 1 << 62:
            return None
        lanes = Lanes(Ring.Z64, 0, layout.bound, max(n, 1))
        alone = choose_ring(max(1, layout.bound), max(n, 1)).item_bytes * layout.length
        return lanes if Ring.Z64.item_bytes * lanes.words(layout.length) < alone else None

    def vector(self, statistic: Mapping[str, Any]) -> NDArray[Any]:
        """One institution's vector, elements of the descriptor's ring. raises EncodingOverflow."""
        entries = self.layout.join(statistic)
        if self.lanes is not None:
            return self.lanes.pack(np.array(entries, np.int64))
        return encode(self.descriptor.ring, entries)

    def totals(self, total: NDArray[Any], institutions: int) -> list[int]:
        """The entries in a total over so many institutions. raises EncodingOverflow: no counts have such a total."""
        if self.lanes is not None:
            entries: list[int] = self.lanes.unpack(total, self.layout.length, institutions).tolist()
            return entries
        return decode(self.descriptor.ring, total)

    @cached_property
    def descriptor(self) -> Descriptor:
        """The sum that answers the question.

        raises   InvalidRequest    two institutions, or rules that the roster cannot meet
                 EncodingOverflow  no ring holds the total
        """
        n, bound, layout, lanes = len(self.enrolment.identities), max(1, self.layout.bound), self.layout, self.lanes
        if 3 <= n < self.rules.min_institutions:
            raise DisclosureRefused(
                f"rule 'min_institutions' is {self.rules.min_institutions} and the network has {n}: it cannot be asked"
            )
        return Descriptor(
            plan=self.plan,
            identities=self.enrolment.identities,
            ring=lanes.ring if lanes else choose_ring(bound, max(n, 1)),
            length=lanes.words(layout.length) if lanes else layout.length,
            bound=lanes.largest if lanes else bound,
            threshold=default_threshold(n),
            minimum=self.rules.min_institutions,
            nonce=self.nonce,
            setting=self.enrolment.setting,
        )

    @property
    def plan(self) -> bytes:
        """32 bytes that all questions with this sum have in common, in whichever words and with whichever options.

        Cohorts count as the same if their canonical text is; other words for the same patients make another plan. Not
        so rules, roster, way to add or dictionary: a network formed anew, with one institution fewer, has another
        inferred dictionary, and its totals can be subtracted all the same.
        """
        analysis = catalogue.find(self.question.analysis)
        summed = [self.question.analysis, *analysis.summed(self.question)]
        return hashlib.sha256(msgpack.packb([summed, self.question.where])).digest()

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns that the answer depends on, those of the cohort included, in order."""
        return tuple(sorted(set(catalogue.columns_used(self.question, self.enrolment.dictionary))))

    def respects(self, rules: Rules) -> None:
        """Return if the question and the rules in force keep these rules. Run by an institution on its own.

        raises   DisclosureRefused  naming the rule
        """
        rules.permits(self.question.analysis, self.columns)
        rules.permits_sum(self.enrolment.setting.kind)
        both = strictest(rules, self.rules)
        if (both.min_cell, both.min_institutions) != (self.rules.min_cell, self.rules.min_institutions):
            raise DisclosureRefused(
                "the proposed rules are laxer than an institution's own: 'min_cell' or 'min_institutions'"
            )
        if self.rules.max_records < rules.max_records:  # else an overflow would tell on which side of it a count lies
            raise DisclosureRefused("the proposed rules leave less room than an institution's own: 'max_records'")


def _sorted(plain: Any) -> Any:
    """The same plain data with every mapping's keys in order."""
    if isinstance(plain, Mapping):
        return {key: _sorted(plain[key]) for key in sorted(plain)}
    return [_sorted(item) for item in plain] if isinstance(plain, (list, tuple)) else plain
