"""What an answer about patients takes, and what the collector is sent of it."""

import numpy as np
import pytest

from securecompute.analyses.result import Hidden
from securecompute.coordinator import COLLECTOR, COORDINATOR
from securecompute.values import Secret
from tests.patients.pooled import Drawn, network

THREE = Drawn((5, 3, 2, 9, 0, 1, 4))
TRIO = ("Bern", "Lyon", "Oslo")


def arrays(message):
    """The ring words in a message; the rest of it are digests."""
    if isinstance(message, tuple):
        return [words for part in message for words in arrays(part)]
    return [message.elements] if isinstance(message, Secret) else []


def test_the_collector_is_sent_two_rows_and_a_closed_count_is_in_neither(dealt):
    with network(THREE.tables) as net:
        answer = net.study("s").overlap(on="pid")
        view = net.fabric.views[COLLECTOR]
    last = max(number for number, _ in view)
    assert set(view) == {(last, party) for party in TRIO}
    shares = [words for message in view.values() for words in arrays(message)]
    assert [share.shape for share in shares] == [(2, 7), (2, 1)] * 3
    assert sum(shares[1::2]).astype(np.uint64).tolist() == [[0], [0]]
    shown, closed = sum(shares[::2]).astype(np.uint64)
    assert shown.tolist() == [5, 3, 0, 9, 0, 0, 4]
    assert closed.tolist() == [0, 0, 1, 0, 0, 1, 0]
    assert answer.exactly == (5, 3, Hidden(3), 9, 0, Hidden(3), 4)


def test_two_runs_send_the_collector_other_words_for_the_same_answer(dealt):
    with network(THREE.tables) as net:
        study, views = net.study("s"), []
        for _ in range(2):
            study.distinct(on="pid", seen=True)
            views.append([words for message in net.fabric.views[COLLECTOR].values() for words in arrays(message)])
    assert not any((one == two).any() for one, two in zip(*views, strict=True))


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("overlap", {}),
        ("distinct", {}),
        ("distinct", {"seen": True}),
        ("distinct_crosstab", {"row": "sex", "column": "arm"}),
    ],
)
def test_what_is_explained_before_is_what_it_takes(name, options):
    with network(Drawn((9, 8, 12)).tables) as net:
        study = net.study("s")
        explained = study.explain(name, on="pid", **options)
        runs, run = [], net.fabric.run
        net.fabric.run = lambda *given: runs.append(run(*given)) or runs[-1]
        answer = study.ask(name, on="pid", **options)
    outcomes = runs[0].outcomes
    assert explained.rounds == answer.provenance.rounds
    assert explained.bytes == {party: o.traffic.sent for party, o in outcomes.items() if o.traffic.sent}
    assert COORDINATOR not in outcomes


def test_an_explanation_says_who_learns_what():
    with network(THREE.tables) as net:
        learns = dict(net.study("s").explain("overlap", on="pid").learns)
    assert "at most 64 at Lyon" in learns["Bern"] and "nothing of which match, or how many" in learns["Bern"]
    assert learns["coordinator"] == "the program and its shapes"
    assert learns["researcher"]
