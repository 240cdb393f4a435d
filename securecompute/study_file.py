"""A study as a file: who takes part, what is known of the columns, which rules hold, and what is asked.

    [study]                           [[institution]]                   [[question]]
    name = "indomethacin"             name = "Indiana"                  analysis = "crosstab"
    output = "report"                 records = "indiana.parquet"       title = "Does the drug work?"
    fabric = "ray"                    rules = { min_cell = 15 }         row = "rx"
    sum = "pairwise"                                                    column = "outcome"
    state = "ledgers"                                                   [[question]]
    helpers = ["registry"]                                              analysis = "overlap"
                                                                        on = ["surname", "born"]

sum is how vectors are hidden: "pairwise", "committee", "paillier" or "lattice", or a table with options, as { kind =
"committee", members = ["Bern", "Lyon", "Turin"] }. state is a folder where institutions remember what they have
answered; without it they forget when the run ends. helpers are neutral compute parties, for questions about patients
whom several institutions know: two institutions need one. compute names the three that compute. [dictionary] declares
the columns, by `path` or as [dictionary.columns.age], with at = ["Mayo"] where not all institutions have one; without
it they are inferred. [rules] hold at every institution; an institution's own `rules`, a table or the path of a file
with one, can only be stricter. A question takes what it takes in Python, and lists for tuples: row = ["Mayo", "rx"].
With distinct = true and `on`, a count or a crosstab is of patients, each counted once. Paths are relative to the file.
A key that is not known is an error, so that a misspelt rule is not a missing one.
"""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, cast, get_args

from securecompute.disclosure.rules import Rules, strictest
from securecompute.errors import InvalidRequest
from securecompute.protocols.sums.settings import Choice, Pairwise
from securecompute.questions import check_parameters, meant, title
from securecompute.records.columns import near
from securecompute.records.dictionary import Dictionary

FabricName = Literal["ray", "in-process"]
_TABLES = ("study", "institution", "dictionary", "rules", "question")
_STUDY = ("name", "output", "fabric", "sum", "state", "helpers", "compute")
_OPTIONS = {"members": "committee", "honest_coordinator": "committee", "key_bits": "paillier"}  # of a sum
_INSTITUTION = ("name", "records", "rules")
_DICTIONARY = ("path", "columns")


@dataclass(frozen=True, slots=True)
class InstitutionEntry:
    """One institution: its name, the file of its records, and the rules in force there."""

    name: str
    records: Path
    rules: Rules


@dataclass(frozen=True, slots=True)
class QuestionEntry:
    """One question: an analysis of the catalogue with parameters that it takes, and a heading for the report."""

    analysis: str
    parameters: Mapping[str, Any]
    title: str


@dataclass(frozen=True, slots=True)
class StudyFile:
    """What a study file says.

    dictionary   None: inferred from the records
    sum          how vectors are hidden
    state        where institutions keep what outlives a run, their ledgers of answers. None: nowhere
    helpers      neutral compute parties
    compute      the three that compute on shares. None: helpers, as far as there are any, then institutions
    """

    name: str
    output: Path
    fabric: FabricName
    institutions: tuple[InstitutionEntry, ...]
    dictionary: Dictionary | None
    questions: tuple[QuestionEntry, ...]
    sum: Choice
    state: Path | None
    helpers: tuple[str, ...] = ()
    compute: tuple[str, ...] | None = None

    @property
    def records(self) -> dict[str, Path]:
        """institution -> the file of its records."""
        return {each.name: each.records for each in self.institutions}

    @property
    def rules(self) -> dict[str, Rules]:
        """institution -> the rules in force there."""
        return {each.name: each.rules for each in self.institutions}


def read(path: str | Path, *, records_here: bool = True) -> StudyFile:
    """The study in a TOML file. Records are not opened.

    records_here   their files are on this machine, and checked to exist; else each institution finds its own by path
    raises   InvalidRequest  the file, or one that it names, is missing or not TOML; a key is unknown; a part is lacking
    """
    path = Path(path)
    document = _toml(path)
    where = f"study '{path.name}'"
    _known(document, _TABLES, where)
    study = _table(document.get("study", {}), f"{where}, [study]")
    _known(study, _STUDY, f"{where}, [study]")
    common = _rules(document.get("rules", {}), f"{where}, [rules]")
    return StudyFile(
        name=_text(study, "name", f"{where}, [study]"),
        output=path.parent / Path(_text(study, "output", f"{where}, [study]", "report")).expanduser(),
        fabric=_fabric(_text(study, "fabric", f"{where}, [study]", "ray"), where),
        institutions=_institutions(_list(document, "institution", where), path.parent, common, where, records_here),
        dictionary=_dictionary(document["dictionary"], path.parent, where) if "dictionary" in document else None,
        questions=tuple(
            _question(entry, f"{where}, question {number}")
            for number, entry in enumerate(_list(document, "question", where), 1)
        ),
        sum=_choice(study.get("sum", Pairwise.kind), f"{where}, [study]"),
        state=path.parent / Path(_text(study, "state", f"{where}, [study]")).expanduser() if "state" in study else None,
        helpers=_names(study.get("helpers", []), "helpers", f"{where}, [study]"),
        compute=_names(study["compute"], "compute", f"{where}, [study]") if "compute" in study else None,
    )


def _names(value: Any, key: str, where: str) -> tuple[str, ...]:
    if not isinstance(value, list) or not all(isinstance(name, str) and name.strip() for name in value):
        raise InvalidRequest(f"{where}: '{key}' must be a list of names, each in quotes and not empty")
    return tuple(value)


def _choice(value: Any, where: str) -> Choice:
    try:
        return Choice.parse(value)
    except InvalidRequest as error:
        raise InvalidRequest(f"{where}: {error}") from None


def _toml(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise InvalidRequest(f"there is no file '{path}'") from None
    except IsADirectoryError:
        raise InvalidRequest(f"'{path}' is a folder; name the TOML file in it") from None
    except UnicodeDecodeError:
        raise InvalidRequest(f"'{path}' is not a text in UTF-8; name a TOML file, and save it as UTF-8") from None
    except OSError as error:
        raise InvalidRequest(f"'{path}' cannot be read: {error.strerror}") from None
    except tomllib.TOMLDecodeError as error:
        raise InvalidRequest(f"'{path}' is not TOML: {error}") from None


def _known(table: Mapping[str, Any], keys: tuple[str, ...], where: str) -> None:
    for key in table:
        if keys is not _STUDY:
            _not_of_the_study(key, where)
        if key in _OPTIONS and keys is _STUDY:
            written = f'sum = {{ kind = "{_OPTIONS[key]}", {key} = … }}'
            raise InvalidRequest(f"{where}: '{key}' is an option of sum; write {written}")
        if key not in keys:
            raise InvalidRequest(f"{where}: unknown key '{key}'{near(key, keys, 'keys')}")


def _not_of_the_study(key: str, where: str) -> None:
    if key in ("sum", "state", "helpers", "compute"):
        raise InvalidRequest(f"{where}: '{key}' is for the whole study; write it under [study]")


def _table(value: Any, where: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise InvalidRequest(f"{where} must be a table of keys and values")
    return value


def _list(document: Mapping[str, Any], name: str, where: str) -> list[dict[str, Any]]:
    entries = document.get(name, [])
    if not isinstance(entries, list):
        raise InvalidRequest(f"{where}: write each {name} under a heading of its own, [[{name}]] in double brackets")
    if not entries:
        raise InvalidRequest(f"{where} has no {name}; add at least one [[{name}]]")
    return [_table(entry, f"{where}, [[{name}]]") for entry in entries]


def _text(table: Mapping[str, Any], key: str, where: str, default: str | None = None) -> str:
    if key not in table and default is None:
        raise InvalidRequest(f"{where} has no '{key}'; add one")
    value = table.get(key, default)
    if not isinstance(value, str) or not value.strip():
        raise InvalidRequest(f"{where}: '{key}' must be a text, in quotes and not empty")
    return value


def _fabric(name: str, where: str) -> FabricName:
    if name not in get_args(FabricName):
        raise InvalidRequest(
            f"{where}, [study]: there is no fabric '{name}'{near(name, get_args(FabricName), 'fabrics')}"
        )
    return cast(FabricName, name)


def _institutions(
    entries: list[dict[str, Any]], folder: Path, common: Rules, where: str, here: bool
) -> tuple[InstitutionEntry, ...]:
    found: dict[str, InstitutionEntry] = {}
    for number, entry in enumerate(entries, 1):
        place = f"{where}, institution {number}"
        _known(entry, _INSTITUTION, place)
        name = _text(entry, "name", place)
        if name.casefold() in found:
            raise InvalidRequest(f"{place}: there is an institution '{name}' already; give each its own name")
        records = folder / Path(_text(entry, "records", place)).expanduser()
        if here and not records.is_file():
            raise InvalidRequest(f"{place}: '{name}' has no file '{records}'; paths are relative to the study file")
        own = _rules(entry.get("rules", {}), f"{place}, rules", common, folder)
        found[name.casefold()] = InstitutionEntry(name, records, strictest(common, own))
    return tuple(found.values())


def _rules(value: Any, where: str, common: Rules | None = None, folder: Path | None = None) -> Rules:
    """Rules from a table, or from the [rules] of a file that a path names; what they do not say is as in `common`."""
    if isinstance(value, str) and folder is not None:
        file = _toml(folder / Path(value).expanduser())
        if "rules" not in file:
            raise InvalidRequest(f"{where}: '{value}' has no [rules] table")
        value = file["rules"]
    for key in value if isinstance(value, dict) else ():
        _not_of_the_study(key, where)
    plain = {} if common is None else common.to_plain()
    try:
        return Rules.from_plain(plain | value if isinstance(value, dict) else value)
    except InvalidRequest as error:
        raise InvalidRequest(f"{where}: {error}") from None


def _dictionary(value: Any, folder: Path, where: str) -> Dictionary:
    here = f"{where}, [dictionary]"
    table = _table(value, here)
    _known(table, _DICTIONARY, here)
    if len(table) != 1:
        raise InvalidRequest(f"{here} needs either a 'path' or columns, as [dictionary.columns.age]")
    if "path" in table:
        return Dictionary.from_toml(folder / Path(_text(table, "path", here)).expanduser())
    return Dictionary.from_tables(table["columns"], here)


def _question(entry: Mapping[str, Any], where: str) -> QuestionEntry:
    given = {key: value for key, value in entry.items() if key not in ("analysis", "title")}
    named = _text(entry, "analysis", where)
    try:
        analysis, parameters = meant(named, given)
        check_parameters(analysis, parameters)
    except InvalidRequest as error:
        raise InvalidRequest(f"{where}: {error}") from None
    return QuestionEntry(analysis, parameters, _text(entry, "title", where, title(analysis, parameters)))
