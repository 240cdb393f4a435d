"""A study's answers as files: one page to read and print, and the numbers to go on with.

    report.html                       everything on one page, which loads nothing from anywhere
    answers.json                      everything as data, numbers at full precision
    1-crosstab.svg, 1-crosstab.png    a question's figure
    1-crosstab-2.parquet              a question's tables, the main one first

Security   A report holds released numbers only. Titles and names of columns and categories, which others wrote, are
           escaped by the template; figures are images, in which nothing can run; the page forbids itself to load
           or run anything.
"""

import json
import os
from base64 import b64encode
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from io import BytesIO
from pathlib import Path
from typing import Any

from securecompute import display
from securecompute.answer import Answer
from securecompute.errors import DisclosureRefused, InvalidRequest, SecureComputeError
from securecompute.study import Explained

PAGE, DATA = "report.html", "answers.json"
TRUST = {
    "single-domain": (
        "Simulation: one trust domain.",
        "The parties spoke the real protocol in sealed messages, but under one administrator, who could have read "
        "every institution's records. The software has not been audited from outside yet.",
    )
}


def check_writable(folder: Path) -> None:
    """Return if a report can be written to this folder, so that it is known before anything is asked.

    raises   InvalidRequest  it, or the nearest folder above it that exists, is no folder or may not be written
    """
    above = next(place for place in (folder, *folder.absolute().parents) if place.exists())
    if not above.is_dir() or not os.access(above, os.W_OK):
        raise InvalidRequest(
            f"the report cannot be written to '{folder}': '{above.name}' is no folder one may write to"
        )


@dataclass(frozen=True, slots=True)
class Section:
    """One question of a study: its answer, or the error in the answer's place.

    explanation   who learns what; None where the question was refused before it could be explained
    """

    title: str
    analysis: str
    outcome: Answer | SecureComputeError
    explanation: Explained | None = None

    @property
    def answer(self) -> Answer | None:
        """The answer, if there is one."""
        return self.outcome if isinstance(self.outcome, Answer) else None

    @property
    def failure(self) -> str:
        """What stands in the answer's place; "" if there is an answer."""
        if isinstance(self.outcome, Answer):
            return ""
        return "Refused" if isinstance(self.outcome, DisclosureRefused) else "Not answered"

    def to_plain(self) -> dict[str, Any]:
        """Title, and the answer, with what was said before it of cost and who learns what, or why there is none."""
        if isinstance(self.outcome, Answer):
            told = {} if self.explanation is None else {"explanation": self.explanation.to_plain()}
            return {"title": self.title, "analysis": self.analysis, "answer": self.outcome.to_plain()} | told
        error = {"kind": type(self.outcome).__name__, "text": str(self.outcome)}
        return {"title": self.title, "analysis": self.analysis, "error": error}


@dataclass(frozen=True, slots=True)
class Report:
    """A study's questions with their answers.

    trust   as Provenance.trust
    when    the day and time that the page shows, with its zone
    """

    study: str
    trust: str
    institutions: tuple[str, ...]
    sections: tuple[Section, ...]
    when: datetime
    version: str

    def to_plain(self) -> dict[str, Any]:
        """What answers.json holds."""
        return {
            "study": self.study,
            "trust": self.trust,
            "institutions": list(self.institutions),
            "when": self.when.isoformat(timespec="seconds"),
            "securecompute": self.version,
            "questions": [section.to_plain() for section in self.sections],
        }

    def to_json(self) -> str:
        """`to_plain` as JSON text."""
        return json.dumps(self.to_plain(), indent=2, ensure_ascii=False, allow_nan=False)

    def to_html(self) -> str:
        """The page."""
        return self._page([_images(section) for section in self.sections])

    def write(self, folder: Path) -> list[Path]:
        """Write all files into a folder, which is made if need be; files of the same names are replaced.

        returns   what was written, the page first
        raises    InvalidRequest  the folder cannot be written
        """
        images = [_images(section) for section in self.sections]
        files = {PAGE: self._page(images).encode(), DATA: f"{self.to_json()}\n".encode()}
        for number, (section, drawn) in enumerate(zip(self.sections, images, strict=True), 1):
            stem = f"{number}-{section.analysis}"
            files |= {f"{stem}.{suffix}": image for suffix, image in drawn.items()}
            files |= {f"{stem}-{k}.parquet": table for k, table in enumerate(_tables(section), 1)}
        try:
            folder.mkdir(parents=True, exist_ok=True)
            for name, content in files.items():
                (folder / name).write_bytes(content)
        except OSError as error:
            raise InvalidRequest(f"the report cannot be written to '{folder}': {error.strerror}") from None
        return [folder / name for name in files]

    def _page(self, images: Sequence[Mapping[str, bytes]]) -> str:
        from jinja2 import Environment, FileSystemLoader, StrictUndefined

        environment = Environment(
            loader=FileSystemLoader(Path(__file__).parent),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        environment.filters |= {"cell": display.cell, "size": display.size, "address": _data_address}
        headline, explanation = TRUST.get(self.trust, (self.trust, ""))
        return environment.get_template("report.html.jinja").render(
            report=self,
            trust_headline=headline,
            trust_explanation=explanation,
            images=images,
            part=[(name, _took_part(name, self.sections)) for name in self.institutions],
            data=DATA,
        )


def _images(section: Section) -> dict[str, bytes]:
    """suffix -> bytes of the figure's files, none without an answer. The same answer gives the same bytes."""
    if section.answer is None:
        return {}
    from matplotlib import rc_context

    figure, images = section.answer.plot(), {}
    for suffix, metadata in (("svg", {"Date": None}), ("png", {})):
        buffer = BytesIO()
        with rc_context({"svg.hashsalt": "securecompute"}):
            figure.savefig(buffer, format=suffix, dpi=200, metadata=metadata)
        images[suffix] = buffer.getvalue()
    return images


def _data_address(svg: bytes) -> str:
    """The figure as a data: address, so that the page needs no file beside it."""
    return f"data:image/svg+xml;base64,{b64encode(svg).decode()}"


def _tables(section: Section) -> Iterator[bytes]:
    """Each table of the answer as a Parquet file."""
    from pyarrow import BufferOutputStream, parquet

    if section.answer is not None:
        for position in range(len(section.answer.result.tables())):
            sink = BufferOutputStream()
            parquet.write_table(section.answer.to_arrow(position), sink)
            yield sink.getvalue().to_pybytes()


def _took_part(institution: str, sections: Sequence[Section]) -> str:
    """In which answers an institution's records are."""
    answered = [(number, section.answer) for number, section in enumerate(sections, 1) if section.answer]
    inside = [number for number, answer in answered if institution in answer.provenance.took_part]
    if not answered or not inside:
        return "in no answer"
    return "in all answers" if len(inside) == len(answered) else f"in answers {', '.join(map(str, inside))}"
