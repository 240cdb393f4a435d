"""What a cheat learns, as the threat model says: whoever shifts a total reads from it what a rule would have hidden."""

from collections.abc import Iterator
from contextlib import contextmanager

import pyarrow as pa

import securecompute as sc
from securecompute.analyses.result import Hidden
from securecompute.arithmetic.rings import add_into, encode
from securecompute.coordinator import Collector, Coordinator
from securecompute.engine.fabric import Recipe
from securecompute.engine.in_process import InProcess
from securecompute.institution import Institution
from securecompute.manifest import Manifest
from securecompute.network import Network
from securecompute.protocols.sums.check_words import check_ring, check_words
from securecompute.protocols.sums.pairwise import coordinate
from securecompute.protocols.sums.pairwise_keys import check_adverts
from securecompute.protocols.sums.tables import rows

EVENTS = {"east": 1, "north": 2, "west": 4}


class ShiftingCoordinator(Coordinator):
    """Adds a number of its choice to each entry of the total, with the check words that belong to it."""

    def __init__(self, shift: int) -> None:
        super().__init__()
        self._shift = shift

    def _coordinate(self, manifest: Manifest) -> Iterator:
        part = coordinate(manifest.descriptor, "collector")
        following = next(part)
        while True:
            if "collector" in following.send:
                self._add(manifest.descriptor, following.send["collector"])
            inbox = yield following
            try:
                following = part.send(inbox)
            except StopIteration as stop:
                return {"included": list(stop.value.included)}

    def _add(self, descriptor, message) -> None:
        adverts, _, _, _, (total, words) = message
        sid = check_adverts(descriptor, rows(descriptor.institutions, adverts))
        shift = encode(descriptor.ring, [self._shift] * descriptor.length)
        add_into(descriptor.ring, total.elements, shift)
        add_into(check_ring(descriptor.ring), words.elements, check_words(descriptor.ring, shift, 0, sid))


@contextmanager
def study(events, shift=0):
    tables = {name: pa.table({"event": ["yes"] * n + ["no"] * 40}) for name, n in events.items()}
    recipes = {name: Recipe(Institution, {"name": name, "source": table}) for name, table in tables.items()}
    recipes |= {"coordinator": Recipe(ShiftingCoordinator, {"shift": shift}), "collector": Recipe(Collector)}
    with Network(InProcess(recipes), tables, None) as network:
        yield network.study("s")


def count(events, shift=0):
    with study(events, shift) as asked:
        return asked.count("event = 'yes'").n


def test_an_institution_that_invents_ten_patients_reads_a_hidden_count_off_the_answer():
    assert count(EVENTS) == Hidden(10)
    assert count(EVENTS | {"west": 4 + 10}) - 10 == sum(EVENTS.values())


def test_a_coordinator_that_shifts_the_total_reads_a_hidden_count_off_the_answer():
    assert count(EVENTS, shift=1000) - 1000 == sum(EVENTS.values())


def test_a_coordinator_finds_the_total_by_whether_the_collector_gives_a_lowered_one_out():
    def released(shift):
        try:
            count(EVENTS, shift)
        except sc.PeerMisbehaved:
            return False
        return True

    assert [released(-k) for k in range(5, 10)] == [k <= sum(EVENTS.values()) for k in range(5, 10)]


def test_a_cohort_that_only_one_institution_has_gives_its_number_from_the_smallest_cell_up():
    assert count({"east": 0, "north": 0, "west": 12}) == 12
    assert count({"east": 0, "north": 0, "west": 9}) == Hidden(10)
