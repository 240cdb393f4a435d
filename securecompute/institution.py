"""An institution: the only place where records are.

It opens its own source, keeps its own rules and identity key, and answers a closed list of requests: `introduce`
itself, be `enrol`led in a network, `consider` a question, a program or a list. What it considers well it takes part in:
with a masked vector, with shares, or with hidden identifiers. Its records and its own numbers never leave the object.
It also tells whether its rules `permit` a program or list, tells the shape of columns, or how many of its records would
be linked (`measure`), keeps arrays (`hold`) and loads kernels (`prepare`). What programs and lists showed to it is for
its own steward: no request reads it.
"""

from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from securecompute import lists
from securecompute.analyses import catalogue
from securecompute.computing import Brought, Holdings, bring, columns_of, part_of_program, prepare, unpack
from securecompute.disclosure.exposure import NONE
from securecompute.disclosure.ledger import BoundLedger, SurvivorLedger
from securecompute.disclosure.rules import Rules
from securecompute.engine.rounds import Part, Party
from securecompute.errors import DisclosureRefused, InvalidRequest
from securecompute.keyed_linking import declared_keys
from securecompute.linking import declared_number
from securecompute.list_manifest import ListManifest, is_list
from securecompute.lists import Listing, PatientList, PatientLists
from securecompute.manifest import Enrolment, Manifest
from securecompute.prepared_tables import PreparedTables
from securecompute.primitives.keys import IdentityKey
from securecompute.primitives.randomness import Randomness, SystemRandomness
from securecompute.program_manifest import ProgramManifest, columns_used, is_program
from securecompute.programs.rehearsal import rehearse
from securecompute.protocols.sums.interface import Contributor, protocol_of
from securecompute.protocols.sums.settings import Committee
from securecompute.records.dictionary import Dictionary
from securecompute.records.sources import Records
from securecompute.values import Plain

CONSIDERED_MOST = 64  # questions that wait for their session; older ones are forgotten


class Institution:
    """One institution's own software."""

    def __init__(
        self,
        name: Party,
        source: Any,
        dictionary: Mapping[str, Any] | None = None,
        rules: Mapping[str, Any] | None = None,
        state: str | Path | None = None,
        randomness: Randomness | None = None,
    ) -> None:
        """Open the records and the ledger.

        source       what `records.sources.load` takes; a path where the institution lives in another process
        dictionary   declared, as `Dictionary.to_plain` gives it; None: inferred from the records
        rules        as `Rules.to_plain` gives them; None: the defaults
        state        folder for what must outlive the process: the ledger of answers, lists that it was told, sets
                     prepared for questions; made if it is not there. None: they are forgotten when the process ends
        raises       InvalidRequest  the records cannot be read, do not fit the dictionary, or are more than the rules
                                     make room for: said now, because said of a cohort it would tell its size;
                                     the ledger cannot be used
        """
        self.name = name
        self._records = Records.open(name, source, None if dictionary is None else Dictionary.from_plain(dictionary))
        self._rules = Rules() if rules is None else Rules.from_plain(rules)
        if self._records.n > self._rules.max_records:
            most = self._rules.max_records
            raise InvalidRequest(f"'{name}' holds more than {most} records. Raise max_records in its rules")
        self._randomness = randomness or SystemRandomness()
        self._identity = IdentityKey.generate(self._randomness)
        self._ledger = _ledger(name, state)
        self._enrolment: Enrolment | None = None
        self._held_against: Dictionary | None = None
        self._considered: dict[bytes, Plain | Brought | Listing] = {}
        self._holdings = Holdings()
        folder = None if state is None else Path(state)
        self._lists = PatientLists(name, None if folder is None else folder / "lists")
        self._tables = PreparedTables(name, folder, self._randomness)

    def __repr__(self) -> str:
        return f"Institution({self.name!r})"

    def answer(self, request: str, payload: Any) -> Any:
        """One of the requests above. raises SecureComputeError."""
        if request == "introduce":
            return self._introduce()
        if request == "enrol":
            return self._enrol(Enrolment.from_plain(payload))
        if request == "consider":
            return self._consider(payload)
        if request == "permit":
            return self._permits(payload)
        if request == "prepare":
            return prepare(payload)
        if request == "measure":
            return self._measured(payload)
        if request == "hold":
            return self._holdings.keep(unpack(payload))
        raise InvalidRequest(f"an institution is not asked '{request}'")

    def shown(self, name: str) -> NDArray[np.float64]:
        """What a program showed to this institution alone, for its own steward: no request reads it."""
        return self._holdings.shown(name)

    @property
    def lists(self) -> tuple[PatientList, ...]:
        """The lists of common patients that this institution was told, for its own steward: no request reads them."""
        return tuple(self._lists)

    def write_list(self, name: str, path: str | Path, columns: Collection[str] | None = None) -> None:
        """Write the records of a list to a .csv or .parquet file, for its own steward. raises as `lists.write`

        columns   of the records; None: those of the key
        """
        lists.write(self._lists.find(name), self._records, path, columns)

    def part(self, manifest: bytes) -> Part[dict[str, Any]]:
        """This institution's part of a session whose manifest it has considered.

        raises   DisclosureRefused  it has not, or refused
        """
        x = self._considered.pop(manifest, None)
        if x is None:
            raise DisclosureRefused(f"'{self.name}' has not agreed to this question")
        if isinstance(x, Plain):
            return self._contribute(Manifest.decode(manifest, self._enrolled), x)
        if isinstance(x, Listing):
            return self._listed(ListManifest.decode(manifest, self._enrolled), x)
        program = ProgramManifest.decode(manifest, self._enrolled)
        return part_of_program(self.name, program, x, self._holdings, self._randomness)

    def _contribute(self, manifest: Manifest, x: Plain) -> Part[dict[str, Any]]:
        enrolment, descriptor, setting = manifest.enrolment, manifest.descriptor, manifest.enrolment.setting
        data_version = self._records.data_version(manifest.columns)
        guards = setting.members if isinstance(setting, Committee) else ()
        self._ledger.pledge(descriptor.plan, guards, data_version)
        own = Contributor(self.name, self._identity, BoundLedger(self._ledger, data_version), self._randomness)
        included = yield from protocol_of(descriptor).contribute(
            own, descriptor, enrolment.coordinator, enrolment.collector, x
        )
        return {"included": list(included)}

    def _listed(self, manifest: ListManifest, brought: Listing) -> Part[dict[str, Any]]:
        told = yield from lists.conversation(self.name, manifest, brought, self._tables, self._randomness)
        if told is None:
            return {}
        self._lists.keep(told, self._records)
        return {"written": self._lists.written}

    def _introduce(self) -> dict[str, Any]:
        return {
            "identity": self._identity.public,
            "dictionary": self._records.dictionary.to_plain(),
            "rules": self._rules.to_plain(),
        }

    def _enrol(self, enrolment: Enrolment) -> None:
        """Pin the network's keys and take its dictionary, once.

        raises   InvalidRequest  a second enrolment, another key under this name, records that do not fit, or another
                                 dictionary after that: many ranges, tried in turn, would find the smallest value
        """
        if self._enrolment is not None:
            raise InvalidRequest(f"'{self.name}' is enrolled already; keys are pinned once")
        if enrolment.identities.get(self.name) != self._identity.public:
            raise InvalidRequest(f"the enrolment names another identity key for '{self.name}'")
        if self._held_against not in (None, enrolment.dictionary):
            raise InvalidRequest(f"'{self.name}' was held against another dictionary before; start it anew")
        self._held_against = enrolment.dictionary
        own = enrolment.own.get(self.name, Dictionary(()))
        if any(name not in self._records.dictionary or self._records.dictionary[name] != own[name] for name in own):
            raise InvalidRequest(f"the enrolment describes columns of '{self.name}' as they are not")
        if enrolment.columns_of(self.name) != self._records.dictionary:
            self._records = self._records.under(enrolment.columns_of(self.name))
        self._enrolment = enrolment

    @property
    def _enrolled(self) -> Enrolment:
        if self._enrolment is None:
            raise InvalidRequest(f"'{self.name}' is in no network yet")
        return self._enrolment

    def _consider(self, encoded: bytes) -> None:
        """Hold a question, program or list against this institution's own rules, and prepare what it brings.

        raises   InvalidRequest     the manifest is not of this network, or the vector cannot be right
                 DisclosureRefused  a rule does not allow it
        """
        while len(self._considered) >= CONSIDERED_MOST:
            del self._considered[next(iter(self._considered))]
        if is_list(encoded):
            self._considered[encoded] = self._listing(encoded)
        else:
            self._considered[encoded] = self._inputs(encoded) if is_program(encoded) else self._vector(encoded)

    def _permits(self, encoded: bytes) -> dict[str, bool]:
        """Hold a program or list against the rules, and prepare nothing. Of a list: whether it would be `written` here.

        raises   as `_consider`, of the rules alone
        """
        if is_list(encoded):
            ListManifest.decode(encoded, self._enrolled).respects(self._rules, self.name)
            return {"written": self._lists.written}
        ProgramManifest.decode(encoded, self._enrolled).respects(self._rules, self.name)
        return {}

    def _listing(self, encoded: bytes) -> Listing:
        """This institution's identifiers for a list that its rules allow."""
        manifest = ListManifest.decode(encoded, self._enrolled)
        manifest.respects(self._rules, self.name)
        return lists.bring(self.name, manifest, self._records, self._tables, self._randomness)

    def _inputs(self, encoded: bytes) -> Brought:
        """This institution's numbers for a program on secret arrays, which its rules let in."""
        manifest = ProgramManifest.decode(encoded, self._enrolled)
        manifest.respects(self._rules, self.name)
        if self.name in manifest.enrolment.compute:
            rehearse(manifest.plan)
        return bring(self.name, manifest, self._records, self._holdings, self._rules, self._randomness)

    def _measured(self, source: Any) -> Any:
        """The shape of columns; of a side of linkages its public number, and its keys with the kinds of the fields."""
        if isinstance(source, dict) and "keys" in source:
            return declared_keys(self._records, source, self._rules)
        if isinstance(source, dict) and "on" in source:
            return declared_number(self._records, source, self._rules)
        return list(self._columns(source).shape)

    def _columns(self, source: Any) -> NDArray[np.float64]:
        """The columns of a source, for its shape. raises DisclosureRefused: the rules let no records into programs."""
        if not isinstance(source, dict):
            raise InvalidRequest("a source is a table of columns and cohort")
        self._rules.permits("secret arrays", columns_used(source, self._records.dictionary))
        if self._rules.arrays == NONE:
            raise DisclosureRefused("rule 'arrays': no program may be run on records; ask a question of the catalogue")
        return columns_of(self._records, source, self._rules.min_cell)[0]

    def _vector(self, encoded: bytes) -> Plain:
        """This institution's vector for a question."""
        manifest = Manifest.decode(encoded, self._enrolled)
        manifest.respects(self._rules)
        question, dictionary = manifest.question, self._records.dictionary
        statistic = catalogue.find(question.analysis).local(question, dictionary, self._records.select(question.where))
        return Plain(manifest.vector(statistic))


def _ledger(name: Party, state: str | Path | None) -> SurvivorLedger:
    if state is None:
        return SurvivorLedger()
    try:
        Path(state).mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise InvalidRequest(f"'{name}' cannot make its folder '{state}': {error.strerror}") from None
    return SurvivorLedger(Path(state) / "ledger.sqlite")
