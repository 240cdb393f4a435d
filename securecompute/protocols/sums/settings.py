"""The trust settings of a sum: who could see what, chosen by name, and what everybody must know to take part.

    pairwise    nobody holds a key; institutions mask each other's vectors
    committee   three or five named institutions hold the masks' seeds
    paillier    the collector holds a Paillier key, the coordinator adds ciphertexts that it cannot read
    lattice     the same with BFV, for longer vectors

A `Choice` is what a researcher writes; a `Setting` is what a network was formed with: a choice with names and public
keys filled in. Settings are data; each names the file of this folder that runs it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, TypeAlias

from securecompute.engine.rounds import Party
from securecompute.errors import InvalidRequest

PAILLIER_BITS = (2048, 3072, 4096)
COMMITTEES = (3, 5)  # members


@dataclass(frozen=True, slots=True)
class Pairwise:
    """No keys beside the institutions' own."""

    kind: ClassVar[str] = "pairwise"

    def fields(self) -> list[Any]:
        """Canonical plain values: what enters the descriptor's hash beside the name."""
        return []


@dataclass(frozen=True, slots=True)
class Committee:
    """Seeds are replicated to these institutions.

    members              three or five, in order of their names; one or two of them may collude with the coordinator
    honest_coordinator   trust that it shows all members the same survivors: one member more may then drop out
    raises               InvalidRequest  another number of members, or one twice
    """

    kind: ClassVar[str] = "committee"
    members: tuple[Party, ...]
    honest_coordinator: bool = False

    def __post_init__(self) -> None:
        if type(self.honest_coordinator) is not bool:
            raise InvalidRequest("honest_coordinator is true or false")
        if len(self.members) not in COMMITTEES or list(self.members) != sorted(set(self.members)):
            raise InvalidRequest(
                f"a committee of {len(self.members)}: name three or five different institutions, in alphabetical order"
            )

    @property
    def tolerated(self) -> int:
        """τ: members that may collude, 1 of three or 2 of five."""
        return (len(self.members) - 1) // 2

    @property
    def quorum(self) -> int:
        """q: members that must sign one survivor set, so that no two sets find enough: 2q − k > τ."""
        return self.tolerated + 1 if self.honest_coordinator else (len(self.members) + self.tolerated) // 2 + 1

    def fields(self) -> list[Any]:
        """As `Pairwise.fields`."""
        return [list(self.members), self.honest_coordinator]


@dataclass(frozen=True, slots=True)
class Paillier:
    """Ciphertexts under the collector's key.

    modulus   n, big-endian, as many bytes as the key has
    """

    kind: ClassVar[str] = "paillier"
    modulus: bytes

    def fields(self) -> list[Any]:
        """As `Pairwise.fields`."""
        return [self.modulus]


@dataclass(frozen=True, slots=True)
class Lattice:
    """BFV ciphertexts under the collector's keys.

    contexts   public contexts, one for each plaintext modulus, serialised; a total too wide for one takes more
    """

    kind: ClassVar[str] = "lattice"
    contexts: tuple[bytes, ...]

    def fields(self) -> list[Any]:
        """As `Pairwise.fields`."""
        return [list(self.contexts)]


Setting: TypeAlias = Pairwise | Committee | Paillier | Lattice
SETTINGS: tuple[type[Setting], ...] = (Pairwise, Committee, Paillier, Lattice)
KINDS = tuple(setting.kind for setting in SETTINGS)


def setting_from(kind: str, fields: Sequence[Any]) -> Setting:
    """The setting with this name and these fields, as they come from the control plane. raises InvalidRequest."""
    chosen: Any = next((setting for setting in SETTINGS if setting.kind == kind), None)
    try:
        setting: Setting = chosen(*(tuple(field) if isinstance(field, list) else field for field in fields))
        return setting
    except TypeError:
        raise InvalidRequest(f"no way to add is called '{kind}' with {len(fields)} fields") from None


@dataclass(frozen=True, slots=True)
class Choice:
    """What a researcher asks for: `sum = "paillier"`, or `sum = { kind = "committee", members = [...] }`.

    members, honest_coordinator   of a committee, in any order; without names, the first five or three institutions
    key_bits                      of a Paillier key: 3072, or 2048 for what need not stay secret beyond this decade
    raises                        InvalidRequest  there is no such kind, committee or size of a key
    """

    kind: str = Pairwise.kind
    members: tuple[Party, ...] = ()
    honest_coordinator: bool = False
    key_bits: int = 3072

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise InvalidRequest(f"there is no sum '{self.kind}'; there are {', '.join(KINDS)}")
        if type(self.key_bits) is not int or self.key_bits not in PAILLIER_BITS:
            raise InvalidRequest(f"key_bits is one of {', '.join(map(str, PAILLIER_BITS))}")
        if self.members:
            _check_members(self.members)

    @classmethod
    def parse(cls, value: "Choice | str | Mapping[str, Any]") -> "Choice":
        """The choice that a study file or an argument makes. raises InvalidRequest."""
        if isinstance(value, Choice):
            return value
        table = {"kind": value} if isinstance(value, str) else value
        if not isinstance(table, Mapping) or not isinstance(table.get("kind"), str):
            raise InvalidRequest(
                f"sum is one of {', '.join(KINDS)}, in quotes, or a table with a 'kind' and its options, as "
                '{ kind = "paillier", key_bits = 2048 }'
            )
        kind = cls(table["kind"]).kind
        options = {"committee": {"members", "honest_coordinator"}, "paillier": {"key_bits"}}.get(kind, set())
        if unknown := sorted(set(table) - options - {"kind"}):
            offered = f"it takes {', '.join(sorted(options))}" if options else "it takes none"
            raise InvalidRequest(f"sum '{kind}' has no option '{unknown[0]}'; {offered}")
        return cls(kind, **{k: _option(k, table[k]) for k in options & set(table)})

    def to_plain(self) -> dict[str, Any]:
        """What `parse` takes: the kind, and its options."""
        if self.kind == Committee.kind:
            members = {"members": list(self.members)} if self.members else {}
            return {"kind": self.kind, "honest_coordinator": self.honest_coordinator} | members
        return {"kind": self.kind} | ({"key_bits": self.key_bits} if self.kind == Paillier.kind else {})

    def committee(self, institutions: Sequence[Party]) -> Committee:
        """The committee among these institutions. raises InvalidRequest."""
        names = sorted(institutions)
        if strangers := sorted(set(self.members) - set(names)):
            raise InvalidRequest(
                f"'{strangers[0]}' is to be in the committee and is no institution of the network; "
                f"there are {', '.join(names)}"
            )
        chosen = self.members or tuple(names[: 5 if len(names) >= 5 else 3])
        return Committee(tuple(sorted(chosen)), self.honest_coordinator)


def _option(name: str, value: Any) -> Any:
    if name == "members":
        if not isinstance(value, Sequence) or isinstance(value, str) or not all(isinstance(m, str) for m in value):
            raise InvalidRequest("the members of a committee are a list of institutions' names")
        _check_members(value)
        return tuple(value)
    if name == "honest_coordinator" and not isinstance(value, bool):
        raise InvalidRequest("honest_coordinator is true or false")
    return value


def _check_members(members: Sequence[Party]) -> None:
    if twice := sorted({name for name in members if members.count(name) > 1}):
        raise InvalidRequest(f"'{twice[0]}' is in the committee twice; name three or five different institutions")
    if len(members) not in COMMITTEES:
        raise InvalidRequest(f"a committee of {len(members)}; name three or five institutions, or none for the first")
