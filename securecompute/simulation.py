"""What it takes to simulate a network: what is said of it, checks before anything starts, a recipe for every party."""

import hashlib
import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from securecompute.computing import Helper
from securecompute.coordinator import COLLECTOR, COORDINATOR
from securecompute.disclosure.rules import Rules, strictest
from securecompute.engine.fabric import Fabric, Recipe
from securecompute.engine.rounds import Party
from securecompute.engine.runner import Limits
from securecompute.errors import InvalidRequest
from securecompute.institution import Institution
from securecompute.protocols.sums.interface import check_installed
from securecompute.protocols.sums.settings import Choice, Committee
from securecompute.records.columns import near
from securecompute.records.dictionaries import columns_at
from securecompute.records.dictionary import Dictionaries, Dictionary

if TYPE_CHECKING:
    from securecompute.engine.on_ray import Placement

RAY, IN_PROCESS = "ray", "in-process"
COMPUTE_PARTIES = 3
BANNER = "simulation: one trust domain. Whoever administers this cluster could read every institution's records."


def announce() -> None:
    """Say that this is a simulation, beside what is printed."""
    from rich.console import Console

    Console(stderr=True, highlight=False).print(BANNER, style="yellow")


def named(institutions: Mapping[Party, Any] | Iterable[tuple[Party, Any]], helpers: int = 0) -> dict[Party, Any]:
    """The institutions by name. raises InvalidRequest: no names, equal or reserved ones, or too few."""
    pairs = list(institutions.items() if isinstance(institutions, Mapping) else institutions)
    if not all(isinstance(pair, tuple) and len(pair) == 2 for pair in pairs):
        raise InvalidRequest("institutions are given by name, as {'Bern': 'bern.parquet', 'Lyon': 'lyon.parquet'}")
    seen: dict[str, Party] = {}
    for name, _ in pairs:
        if not isinstance(name, str) or not name.strip() or len(name.encode()) > 64:
            raise InvalidRequest("an institution has no name, or one longer than 64 bytes; give each a short one")
        folded = name.strip().casefold()
        if folded in seen:
            raise InvalidRequest(f"two institutions are called '{seen[folded]}' and '{name}'; give each its own name")
        if folded in (COORDINATOR, COLLECTOR):
            raise InvalidRequest(f"'{name}' is the name of another role; call the institution something else")
        seen[folded] = name
    if not pairs:
        raise InvalidRequest("no institutions were given; name at least three with their records")
    if len(pairs) + helpers < 3 or len(pairs) < 2:
        raise InvalidRequest(
            f"a network of {len(pairs)} institution{'s' * (len(pairs) != 1)}: with two, each learns the other's exact "
            "numbers by subtracting its own from the total. Name three or more, or for questions about patients whom "
            "both may know a third party that holds no records, helpers=['Registry']"
        )
    return dict(pairs)


def check_choice(choice: Choice, rules: Any, names: Mapping[Party, Any]) -> None:
    """Return if this way to add can be had: told before keys are made, and before Ray takes seconds to start."""
    given = [rules] if isinstance(rules, Rules) else list((rules or {}).values())
    if given:
        strictest(*given).permits_sum(choice.kind)
    if choice.kind == Committee.kind:
        choice.committee(tuple(names))
    check_installed(choice.kind)


def check_state(state: Any, here: bool) -> None:
    """Return if institutions can keep folders in it; on other machines only they can know. raises InvalidRequest."""
    if not isinstance(state, (str, os.PathLike)) or not str(state).strip() or "\0" in str(state):
        raise InvalidRequest("state is a folder where institutions keep their ledgers; name one, or leave state out")
    if here:
        folder = Path(state).expanduser().absolute()
        above = next(place for place in (folder, *folder.parents) if os.path.lexists(place))
        if not above.is_dir() or not os.access(above, os.W_OK):
            raise InvalidRequest(
                f"state '{state}': '{above}' is no folder one may write to; name another, or leave state out"
            )


def check_agreements(dictionary: Any, rules: Any, names: Iterable[Party]) -> None:
    """Return if these are a dictionary and rules, and each rule is somebody's. raises InvalidRequest."""
    if dictionary is not None and not isinstance(dictionary, Dictionary):
        raise InvalidRequest(
            f"dictionary is a {type(dictionary).__name__}; read one with sc.Dictionary.from_toml('columns.toml')"
        )
    for name, theirs in dictionary.own.items() if isinstance(dictionary, Dictionaries) else ():
        if name not in names:
            raise InvalidRequest(
                f"the dictionary says that column '{next(iter(theirs))}' is at '{name}', which is no institution"
                f"{near(name, names, 'institutions')}"
            )
    if rules is None or isinstance(rules, Rules):
        return
    if not isinstance(rules, Mapping):
        raise InvalidRequest(
            f"rules is a {type(rules).__name__}; write sc.Rules(min_cell=10), for all or by institution"
        )
    for name, own in rules.items():
        if name not in names:
            raise InvalidRequest(
                f"rules are given for '{name}', which is no institution (for all of them write "
                f"rules=sc.Rules(...)){near(str(name), names, 'institutions')}"
            )
        if not isinstance(own, Rules):
            raise InvalidRequest(f"the rules of '{name}' are a {type(own).__name__}; write sc.Rules(min_cell=10)")


def check_paths(sources: Mapping[Party, Any]) -> None:
    """Every file is there: told before Ray takes seconds to start. On other machines only the institutions can know."""
    missing = [f"records of '{n}': there is no file {Path(s).name}" for n, s in sources.items() if not Path(s).exists()]
    if missing:
        raise InvalidRequest("\n".join(missing))


def recipe(
    name: Party,
    source: Any,
    dictionary: Dictionary | None,
    rules: Rules | Mapping[Party, Rules] | None,
    fabric: str,
    state: str | Path | None,
) -> Recipe:
    if fabric == RAY and not isinstance(source, str) and not hasattr(source, "__fspath__"):
        raise InvalidRequest(
            f"'{name}' was given a {type(source).__name__}; on Ray an institution loads its own records, so give the "
            "path of a Parquet, CSV or Arrow file, or simulate with fabric='in-process'"
        )
    own = rules if isinstance(rules, Rules) or rules is None else rules.get(name)
    arguments = {
        "name": name,
        "source": str(source) if fabric == RAY else source,
        "dictionary": None if dictionary is None else columns_at(dictionary, name).to_plain(),
        "rules": None if own is None else own.to_plain(),
        "state": None if state is None else str(Path(state).expanduser().absolute() / _folder(name)),
    }
    return Recipe(Institution, arguments)


def _folder(name: Party) -> str:
    """A name for an institution's folder that no file system refuses, different for different institutions."""
    plain = "".join(letter if letter.isalnum() and letter.isascii() else "-" for letter in name)
    return f"{plain}-{hashlib.sha256(name.encode()).hexdigest()[:8]}"


def start(recipes: Mapping[Party, Recipe], fabric: str, placement: "Placement | None", limits: Limits | None) -> Fabric:
    if fabric == IN_PROCESS:
        from securecompute.engine.in_process import InProcess

        return InProcess(recipes, limits)
    if fabric == RAY:
        from securecompute.engine.on_ray import OnRay  # starts Ray's own imports, which take seconds

        return OnRay(recipes, limits, placement)
    raise InvalidRequest(f"there is no fabric '{fabric}'; choose '{RAY}' or '{IN_PROCESS}'")


def helper_recipes(helpers: Sequence[Party], institutions: Mapping[Party, Any]) -> dict[Party, Recipe]:
    """Recipes for neutral compute parties. raises InvalidRequest: a name that somebody else has."""
    if isinstance(helpers, str):
        raise InvalidRequest(f"helpers are given as a list of names: helpers=['{helpers}']")
    taken = {name.casefold() for name in institutions} | {COORDINATOR, COLLECTOR}
    for name in helpers:
        if not isinstance(name, str) or not name.strip() or len(name.encode()) > 64:
            raise InvalidRequest("a helper has no name, or one longer than 64 bytes; give it a short one")
        if name.strip().casefold() in taken:
            raise InvalidRequest(
                f"a helper called '{name}' would be two parties in one; a helper has a name of its own"
            )
        taken.add(name.strip().casefold())
    return {name: Recipe(Helper, {"name": name}) for name in helpers}


def compute_parties(
    compute: Sequence[Party] | None, institutions: Sequence[Party], helpers: Sequence[Party]
) -> tuple[Party, ...]:
    """Who P_0, P_1 and P_2 are: the three that were named, else helpers as far as there are any, then institutions.

    raises   InvalidRequest  not three different parties, or one that is neither institution nor helper
    """
    if isinstance(compute, str):
        raise InvalidRequest("three parties compute; give their names as a list")
    if compute is None:
        chosen = [*institutions[: max(0, COMPUTE_PARTIES - len(helpers))], *helpers]
        return tuple(chosen[:COMPUTE_PARTIES])
    there = [*institutions, *helpers]
    for name in compute:
        if name in (COORDINATOR, COLLECTOR):
            raise InvalidRequest(f"the {name} computes on no shares: it would be two parties in one; name a helper")
        if name not in there:
            close = near(str(name), there, "parties")
            raise InvalidRequest(
                f"there is no party '{name}' to compute{close}{'' if close.endswith('?') else '.'} "
                f"A helper is named as such, too: helpers=['{name}']"
            )
    if len(set(compute)) != COMPUTE_PARTIES or len(compute) != COMPUTE_PARTIES:
        raise InvalidRequest("three different parties compute on shares; name three institutions or helpers")
    return tuple(compute)
