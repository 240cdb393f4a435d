"""The command line: a demo, a study from a file, and what a study would cost.

Answers and JSON go to standard output; progress, the trust banner and errors, a sentence each, to standard error. The
exit code says what happened:

    0   every question was answered
    1   a fault of this software, of a party or of the machine
    2   asked wrongly
    3   refused: an answer may not leave
    4   too few institutions answered
    130 interrupted, as by Ctrl-C
"""

import json
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from datetime import UTC, datetime
from os import environ
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any

import click

from securecompute import __version__, study_file
from securecompute.errors import DisclosureRefused, InvalidRequest, PeerSilent, SecureComputeError
from securecompute.patients import catalogue as patients
from securecompute.records.dictionaries import columns_at
from securecompute.study_file import QuestionEntry, StudyFile

if TYPE_CHECKING:
    from rich.console import Console
    from rich.text import Text

    from securecompute.network import Network
    from securecompute.report import Report, Section
    from securecompute.study import Explained, Study

WIDTH = 100  # of text where no terminal says how wide it is
Say = Callable[[str], None]
_CODES = ((DisclosureRefused, 3), (InvalidRequest, 2), (PeerSilent, 4), (SecureComputeError, 1))
_GRAVITY = (0, 3, 2, 4, 1)  # of several codes the last in this order


class Failure(Exception):
    """A text for standard error, and an exit code."""

    def __init__(self, text: str, code: int) -> None:
        super().__init__(text)
        self.code = code


class Commands(click.Group):
    """Commands whose errors become sentences."""

    def invoke(self, ctx: click.Context) -> Any:
        """The command's result; exits with the error's code if there is none."""
        try:
            return super().invoke(ctx)
        except Failure as failure:
            text, code = str(failure), failure.code
        except SecureComputeError as error:
            text, code = str(error), code_of(error)
        except KeyboardInterrupt:
            text, code = "interrupted before the end", 130
        click.echo(f"securecompute: {' '.join(text.split())}", err=True)
        ctx.exit(code)


def code_of(error: SecureComputeError) -> int:
    """The exit code for an error."""
    return next(code for kind, code in _CODES if isinstance(error, kind))


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="securecompute", message="%(prog)s %(version)s")
def commands() -> None:
    """Analytics across hospitals: the data never leaves, what leaves are answers."""


EXAMPLE = """\b
A study of patients whom two hospitals know. Two need a helper, a party that holds no records:

\b
  [study]
  name = "Whom do both treat?"
  helpers = ["Registry"]

\b
  [[institution]]
  name = "Bern"
  records = "bern.parquet"

\b
  [[institution]]
  name = "Lyon"
  records = "lyon.csv"

\b
  [[question]]
  analysis = "overlap"
  on = ["surname", "born as date"]

\b
  [[question]]
  analysis = "count"
  where = "age >= 60"
  distinct = true
  on = ["surname", "born as date"]
"""

study_argument = click.argument("study", metavar="STUDY.TOML", type=click.Path(path_type=Path))
json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON, and nothing else, on standard output.")


@commands.command()
@click.argument("which", type=click.Choice(["trial", "overlap"]), default="trial")
@click.option("--keep", metavar="FOLDER", type=click.Path(path_type=Path), help="Keep the files in a new folder.")
def demo(which: str, keep: Path | None) -> None:
    """Hospitals on this machine.

    \b
    trial     a real trial at four of them: does the drug work?
    overlap   made-up patients at two of them: whom do both treat?
    """
    from importlib import import_module

    import_module(f"securecompute.demos.{which}").run(_console(), waiting, keep)


@commands.command(epilog=EXAMPLE)
@study_argument
@click.option(
    "--output",
    metavar="FOLDER",
    type=click.Path(path_type=Path),
    help="Where the report goes, in place of the study's.",
)
@click.option("--quiet", is_flag=True, help="Print nothing but errors.")
@json_option
@click.option(
    "--cluster", metavar="ADDRESS", help="Join this running Ray cluster; 'auto' finds the one on this machine."
)
def run(study: Path, output: Path | None, quiet: bool, as_json: bool, cluster: str | None) -> None:
    """Ask a study's questions and write a report of the answers.

    A question that is refused does not stop the others; the exit code says so at the end. Nothing is asked if one is
    wrong.

    Analyses: count, crosstab, describe; of patients whom several institutions know, overlap, distinct,
    approximate_distinct, distinct_crosstab, linked_crosstab, linked_patients, shared_total. A question takes what
    it takes in Python, with lists for tuples: row = ["Bern", "arm"].
    """
    file = study_file.read(study)
    from securecompute.report import check_writable

    folder = output or file.output
    check_writable(folder)
    show = not (quiet or as_json)
    sections: list[Section] = []
    with _network(file, cluster, quiet) as network:
        _check(network.study(file.name), file)
        for number, entry in enumerate(file.questions, 1):
            sections.append(_ask(network, file.name, entry, quiet))
            if show:
                _show(number, sections[-1])
    report = _report(file, network, sections)
    with _patience(quiet)("Writing the report"):
        written = report.write(folder)
    if as_json:
        click.echo(report.to_json())
    elif show:
        _console().print(f"\nThe report: {written[0]}, with {len(written) - 1} files beside it", soft_wrap=True)
    _end({number: section.outcome for number, section in enumerate(sections, 1)}, file)


@commands.command(epilog=EXAMPLE, short_help="Say what a study would cost, and who would learn what.")
@study_argument
@json_option
def explain(study: Path, as_json: bool) -> None:
    """Say what a study's questions would cost, and who would learn what. Nothing is asked.

    A question that is wrong, or would be refused, does not stop the others; the exit code says so at the end.

    Records are opened only where the study declares no dictionary, and then to infer one; and for questions about
    patients whom several institutions know, whose cost depends on how many there are.
    """
    from securecompute.network import Network

    file = study_file.read(study)
    with _patience(as_json)("Reading the dictionary"):
        network = Network.simulate(
            _stand_ins(file),
            dictionary=file.dictionary,
            rules=file.rules,
            fabric="in-process",
            sum=file.sum,
            helpers=file.helpers,
            compute=file.compute,
            quiet=True,
        )
    with network:
        asked = network.study(file.name)
        outcomes = {number: _explained(asked, entry) for number, entry in enumerate(file.questions, 1)}
    if as_json:
        click.echo(json.dumps(_explanations(file, outcomes), indent=2, ensure_ascii=False))
    else:
        for number, outcome in outcomes.items():
            console = _heading(number, file.questions[number - 1].title)
            console.print(_failed(outcome) if isinstance(outcome, SecureComputeError) else outcome)
    _end({number: _refusal(outcome) or outcome for number, outcome in outcomes.items()}, file)


@contextmanager
def waiting(text: str) -> Iterator[Say]:
    """A spinner with a text on standard error, where that is a terminal; yields what changes the text."""
    console = _console(stderr=True)
    with console.status(text, spinner="dots") as status:
        yield lambda now: status.update(f"{text}: {now}" if now else text)


def _patience(quiet: bool) -> Callable[[str], AbstractContextManager[Say]]:
    return (lambda _: nullcontext(lambda _: None)) if quiet else waiting


def _console(stderr: bool = False) -> "Console":
    """A console that is as wide as its terminal, or WIDTH where the text goes to a file or a pipe."""
    from rich.console import Console

    stream = sys.stderr if stderr else sys.stdout
    known = stream.isatty() or "COLUMNS" in environ
    return Console(stderr=stderr, highlight=False, emoji=False, width=None if known else WIDTH)


def _network(file: StudyFile, cluster: str | None, quiet: bool) -> "Network":
    from securecompute.network import Network
    from securecompute.simulation import RAY

    if cluster is not None and file.fabric != RAY:
        raise InvalidRequest(
            f"--cluster is for the fabric '{RAY}', and the study asks for '{file.fabric}'; leave one out"
        )
    n = len(file.institutions)
    text = f"Starting Ray and {n} institutions" if file.fabric == RAY else f"Opening the records of {n} institutions"
    with _patience(quiet)(text):
        placement = None
        if file.fabric == RAY:
            from securecompute.engine.on_ray import Placement

            placement = Placement(cluster)
        return Network.simulate(
            file.records,
            dictionary=file.dictionary,
            rules=file.rules,
            fabric=file.fabric,
            placement=placement,
            sum=file.sum,
            state=file.state,
            helpers=file.helpers,
            compute=file.compute,
            quiet=quiet,
        )


def _check(study: "Study", file: StudyFile) -> None:
    """Return if every question fits the dictionary, so that none is asked of a study that cannot be answered in full.

    raises   InvalidRequest  naming the questions that do not
    """
    wrong = []
    for number, entry in enumerate(file.questions, 1):
        try:
            with suppress(DisclosureRefused):  # which is said when it is asked, and stops no other
                study.question(entry.analysis, **entry.parameters)
        except InvalidRequest as error:
            wrong.append(f"question {number}, '{entry.title}': {error}")
    if wrong:
        raise InvalidRequest("\n".join(wrong))


def _ask(network: "Network", name: str, entry: QuestionEntry, quiet: bool) -> "Section":
    from securecompute.report import Section

    explanation: Explained | None = None
    with _patience(quiet)(f"Asking: {entry.title}") as say:
        study = network.study(name, progress=say)
        try:
            explanation = study.explain(entry.analysis, **entry.parameters)
            return Section(entry.title, entry.analysis, study.ask(entry.analysis, **entry.parameters), explanation)
        except SecureComputeError as error:
            return Section(entry.title, entry.analysis, error, explanation)


def _report(file: StudyFile, network: "Network", sections: "list[Section]") -> "Report":
    from securecompute.report import Report

    trust, now = network.fabric.trust, datetime.now(UTC)
    return Report(file.name, trust, network.institutions, tuple(sections), now, __version__)


def _heading(number: int, title: str) -> "Console":
    from rich.text import Text

    console = _console()
    console.print()
    console.rule(Text(f"{number}. {title}", style="bold"), align="left", style="dim")
    return console


def _show(number: int, section: "Section") -> None:
    from rich.text import Text

    console = _heading(number, section.title)
    console.print(section.answer or Text(f"{section.failure}.", style="bold red"))


def _stand_ins(file: StudyFile) -> dict[str, Any]:
    """institution -> a table without records where that is enough to explain every question; else the file of them."""
    if file.dictionary is None or any(entry.analysis in patients.CATALOGUE for entry in file.questions):
        return dict(file.records)
    import pyarrow as pa

    types = {"integer": pa.int64(), "number": pa.float64(), "date": pa.date32()}
    declared = {name: columns_at(file.dictionary, name).columns for name in file.records}
    fields = {name: [(each.name, types.get(each.type, pa.string())) for each in declared[name]] for name in declared}
    return {name: pa.schema(fields[name]).empty_table() for name in fields}


def _explained(study: "Study", entry: QuestionEntry) -> "Explained | SecureComputeError":
    try:
        return study.explain(entry.analysis, **entry.parameters)
    except SecureComputeError as error:
        return error


def _failed(error: SecureComputeError) -> "Text":
    """What stands in an explanation's place. As text: what others wrote is no markup."""
    from rich.text import Text

    refused = "Refused" if isinstance(error, DisclosureRefused) else "Not explained"
    return Text.assemble((f"{refused}.", "bold red"), f" {error}")


def _refusal(outcome: "Explained | SecureComputeError") -> DisclosureRefused | None:
    """That institutions' rules would not let it run, if an explanation says so."""
    from securecompute.program_explanation import ProgramExplanation

    texts = outcome.refused if isinstance(outcome, ProgramExplanation) else ()
    return DisclosureRefused("\n".join(texts)) if texts else None


def _explanations(file: StudyFile, outcomes: "dict[int, Explained | SecureComputeError]") -> dict[str, Any]:
    """What `explain --json` prints."""
    questions = [
        {"title": file.questions[number - 1].title}
        | (
            {"error": {"kind": type(outcome).__name__, "text": str(outcome)}}
            if isinstance(outcome, SecureComputeError)
            else {"explanation": outcome.to_plain()}
        )
        for number, outcome in outcomes.items()
    ]
    return {"study": file.name, "institutions": list(file.records), "questions": questions}


def _end(outcomes: dict[int, Any], file: StudyFile) -> None:
    """Return if every question was answered. raises Failure saying which were not, and why."""
    errors = {number: error for number, error in outcomes.items() if isinstance(error, SecureComputeError)}
    if errors:
        texts = [
            f"question {number}, '{file.questions[number - 1].title}': {error}" for number, error in errors.items()
        ]
        raise Failure("\n".join(texts), max((code_of(error) for error in errors.values()), key=_GRAVITY.index))


def _unforeseen(kind: type[BaseException], fault: BaseException, trace: TracebackType | None) -> None:
    """A fault that nobody foresaw, as a sentence: kind and place, for its text may hold values."""
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    place = f" at {Path(trace.tb_frame.f_code.co_filename).name}:{trace.tb_lineno}" if trace is not None else ""
    click.echo(f"securecompute: an internal fault, {kind.__name__}{place}; please report it", err=True)


def main() -> None:
    """The program `securecompute`."""
    sys.excepthook = _unforeseen
    commands(prog_name="securecompute")
