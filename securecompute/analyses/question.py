"""A question: the name of an analysis with its parameters and a cohort, all of it data.

It is what a researcher asks, what a steward accepts, what is logged and what travels. It holds no code: an institution
looks the name up in its own catalogue and has the same analysis check the parameters again.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from securecompute.disclosure.layout import Layout, Segment
from securecompute.errors import InvalidRequest

__all__ = ["Layout", "Question", "Segment"]

_FIELDS = ("analysis", "parameters", "where")


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked. Made by an analysis's `ask`, which checks it against the dictionary.

    analysis     name in the catalogue
    parameters   names of columns and options: strings, lists of strings, numbers, booleans and None
    where        the cohort's expression in canonical text; None: every patient
    """

    analysis: str
    parameters: Mapping[str, Any] = field(default_factory=dict, hash=False)
    where: str | None = None

    def to_plain(self) -> dict[str, Any]:
        """Strings, numbers and tables only, for JSON, hashes and the wire."""
        return {"analysis": self.analysis, "parameters": dict(self.parameters), "where": self.where}

    @classmethod
    def from_plain(cls, plain: Any) -> "Question":
        """The question that `to_plain` gave. Somebody else may have written it: `catalogue.check` it next.

        raises   InvalidRequest  it has not the form of a question
        """
        if not isinstance(plain, Mapping) or set(plain) != set(_FIELDS):
            raise InvalidRequest(f"a question has the fields {', '.join(_FIELDS)} and no others")
        analysis, parameters, where = (plain[name] for name in _FIELDS)
        if not isinstance(analysis, str) or not (where is None or isinstance(where, str)):
            raise InvalidRequest("a question's analysis and cohort are texts")
        if not isinstance(parameters, Mapping) or not all(_is_plain(*item) for item in parameters.items()):
            raise InvalidRequest("a question's parameters are texts, lists of them, numbers or true and false, by name")
        return cls(analysis, dict(parameters), where)

    def describe(self) -> str:
        """One line for people: crosstab(row=rx, column=outcome) where age >= 50."""
        listed = {name: ", ".join(v) if isinstance(v, list) else v for name, v in self.parameters.items()}
        given = ", ".join(f"{name}={value}" for name, value in listed.items() if value is not None)
        return f"{self.analysis}({given})" + (f" where {self.where}" if self.where else "")


def _is_plain(name: object, value: object) -> bool:
    texts = isinstance(value, list) and all(isinstance(each, str) for each in value)
    return isinstance(name, str) and (texts or value is None or isinstance(value, (str, bool, int, float)))
