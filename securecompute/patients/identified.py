"""By what a question tells patients apart, and what that leaves out: the same part of every answer.

A record takes no part without a readable value in each field of the key, or, where there are several keys, with none
of them. How many do not, at all institutions together, is a count as any other (`counts`). Fields that institutions
write differently are readable and equal nowhere, which no number shows; so an answer that finds nobody in common says
which of them are compared as they are written, and how else they can be.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from securecompute.analyses.formats import sentence, whole
from securecompute.analyses.question import Question
from securecompute.analyses.result import Count, plain_count
from securecompute.patients.counts import Sides
from securecompute.patients.keys import texts_of
from securecompute.records.key_types import Field, KeyType
from securecompute.records.spelling import Kind

if TYPE_CHECKING:
    from securecompute.records.dictionary import Dictionary

DAYS_READ: Final = "1961-03-07, 1961/03/07, 1961.03.07, 19610307 and 7.3.1961"


@dataclass(frozen=True, slots=True)
class Identified:
    """What tells patients apart.

    by        the fields of the key; or keys, each as one text, in order of priority
    several   they are keys, of which one is enough
    without   records without it, which are not counted
    texts     columns that are compared as text
    days      columns of other types than dates in which days are read
    """

    by: tuple[str, ...]
    without: Count
    several: bool = False
    texts: tuple[str, ...] = ()
    days: tuple[str, ...] = ()

    def notes(self) -> list[str]:
        """What a patient is, where there is one key; how many records are left out; which texts are read as days."""
        notes = [] if self.several else [f"Records that agree in {sentence(list(self.by))} are one patient's."]
        notes.append(self._left_out())
        if self.days and self.without != 0:
            notes.append(
                f"In {sentence(list(self.days))} days are read that are written as {DAYS_READ}; not 03/07/1961, which "
                "may be in March or in July."
            )
        return notes

    def if_nobody(self) -> list[str]:
        """A sentence for an answer that finds nobody in common: which fields may be written differently, if any."""
        if not self.texts:
            return []
        named = "; ".join(" or ".join(_as(name, kind) for kind in ("date", "number")) for name in self.texts)
        one = len(self.texts) == 1
        compared, held = ("is", "it holds") if one else ("are", "one of them holds")
        return [
            f"Institutions may write a field differently: {sentence(list(self.texts))} {compared} compared as text. "
            f"If {held} dates or numbers, say so: {named}."
        ]

    def to_plain(self) -> dict[str, Any]:
        """Fields or keys, and the records without."""
        return {"keys" if self.several else "on": list(self.by), "records without the key": plain_count(self.without)}

    def _left_out(self) -> str:
        one, key = len(self.by) == 1, "one of the keys" if self.several else "a readable value there"
        if self.without == 0:
            return f"Every record has {key if one or self.several else 'a readable value in each of these'}."
        n = whole(self.without) if isinstance(self.without, int) else str(self.without)
        have, are = ("record has", "is") if self.without == 1 else ("records have", "are")
        none = "none of the keys" if self.several else f"no readable value {'there' if one else 'in some of these'}"
        return f"{n} {have} {none} and {are} not counted."


def identified(question: Question, sides: Sides, without: Count, dictionary: "Dictionary") -> Identified:
    """Of a question, by its keys as institutions told them."""
    several = "keys" in question.parameters
    by = tuple(question.parameters["keys" if several else "on"])
    fields = [part[0] for key in sides.keys for part in key if len(part) == 1]  # what stands in any order are names
    texts = dict.fromkeys(column for column, kind, form in fields if (kind, form) == ("text", "whole"))
    days = dict.fromkeys(column for column, kind, _ in fields if kind == "date")
    written = tuple(column for column in days if column not in dictionary or dictionary[column].type != "date")
    return Identified(by, without, several, tuple(texts), written)


def _as(column: str, kind: Kind) -> str:
    """'born as date'"""
    (text,) = texts_of(KeyType((Field(column, kind=kind),)))
    return f"'{text}'"
