"""Ask a study's questions in a Ray cluster that runs already. One cluster is one trust domain: see ../README.md.

    ray job submit --address http://127.0.0.1:8265 -- python study.py STUDY.TOML

Each institution's actor goes to a node labelled institution=NAME and opens its own records there, by the path that the
study gives: absolute, where the node's folders are not this one's. --anywhere does without labels, for a laptop.
The last line of standard output is the answers as JSON; exit codes are those of `securecompute run`.
"""

import argparse
import json
import sys
from collections.abc import Sequence
from typing import Any

from securecompute import study_file
from securecompute.cli import code_of
from securecompute.engine.on_ray import Placement
from securecompute.errors import SecureComputeError
from securecompute.network import Network
from securecompute.study_file import StudyFile

LABEL = "institution"


def placement(file: StudyFile, cluster: str, anywhere: bool) -> Placement:
    """The cluster to join, and each institution on a node that bears its name."""
    return Placement(cluster, {} if anywhere else {name: {LABEL: name} for name in file.records})


def ask(file: StudyFile, place: Placement) -> tuple[list[dict[str, Any]], int]:
    """Each question's answer, or the kind and text of its error; and the exit code, of the last error.

    raises   SecureComputeError  the network could not be formed
    """
    answers: list[dict[str, Any]] = []
    code = 0
    with Network.simulate(file.records, dictionary=file.dictionary, rules=file.rules, placement=place) as network:
        study = network.study(file.name)
        for question in file.questions:
            try:
                answer = study.ask(question.analysis, **question.parameters).to_plain()
            except SecureComputeError as error:
                answer, code = {"error": {"kind": type(error).__name__, "text": str(error)}}, code_of(error)
            answers.append({"title": question.title} | answer)
    return answers, code


def main(arguments: Sequence[str] | None = None) -> int:
    """Read the study, join the cluster, print the answers."""
    parser = argparse.ArgumentParser(description="Ask a study's questions in a Ray cluster that runs already.")
    parser.add_argument("study", metavar="STUDY.TOML")
    parser.add_argument("--cluster", default="auto", metavar="ADDRESS", help="default: the one that this job runs in")
    parser.add_argument("--anywhere", action="store_true", help="the institutions need no labelled nodes")
    options = parser.parse_args(arguments)
    try:
        file = study_file.read(options.study, records_here=options.anywhere)
        answers, code = ask(file, placement(file, options.cluster, options.anywhere))
    except SecureComputeError as error:
        print(f"study: {error}", file=sys.stderr)
        return code_of(error)
    print(json.dumps({"study": file.name, "answers": answers}, ensure_ascii=False))
    return code


if __name__ == "__main__":
    sys.exit(main())
