"""Whatever the network and the processes do: the exact total of named survivors, or an error of the closed list.

The oracle is in `schedules`. A seed with curable faults only must give the exact total of all, else "it aborted" would
hide a bug; and bugs planted on purpose must be found within 100 seeds, else the schedules are too kind.
"""

from collections.abc import Iterator

import pytest

from securecompute.engine import runner, simulated
from securecompute.engine.runner import Runner
from securecompute.engine.sealed import Channel
from securecompute.engine.wire import DATA, Header
from securecompute.errors import AbortCode, BadFrame
from tests.engine import schedules
from tests.engine.schedules import COLLECTOR, COORDINATOR, CURABLE, INCURABLE, draw, explain, judge, world

remembered_curves = schedules.remembered_curves
pytestmark = pytest.mark.usefixtures("remembered_curves")

BLOCK = 100


def failures(seeds: range) -> list[str]:
    return [explain(seed) for seed in seeds if judge(seed) is not None][:5]


@pytest.mark.parametrize("first", range(0, 2_000, BLOCK))
def test_a_run_ends_exact_or_typed(first):
    assert not failures(range(first, first + BLOCK))


@pytest.mark.slow
@pytest.mark.parametrize("first", range(2_000, 100_000, 5 * BLOCK))
def test_a_run_ends_exact_or_typed_for_many_seeds(first):
    assert not failures(range(first, first + 5 * BLOCK))


def test_every_kind_of_fault_is_switched_on_for_a_quarter_of_the_seeds():
    drawn = [draw(seed) for seed in range(2_000)]
    for kind in (*CURABLE, *INCURABLE):
        assert 400 < sum(kind in d.kinds for d in drawn) < 600
    assert {d.size for d in drawn} == {4, 5, 6}


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("frame", range(12))
def test_a_killed_institution_is_in_the_total_or_named_as_missing(frame, when):
    drawn = draw(0, frozenset(CURABLE) | frozenset(INCURABLE))
    network = schedules.Schedule(5, 0.0, seed=0, kill={"institution 2": (frame, when)})
    outcome = world(5).run(network, notice=0.05).outcomes[COLLECTOR]
    survivors, total = outcome.value
    exact = sum(1 << i for i in range(5) if f"institution {i}" in survivors.included)
    assert total.tolist() == [exact] and exact in (0b11111, 0b11011), drawn


@pytest.mark.parametrize("who", [COORDINATOR, COLLECTOR])
@pytest.mark.parametrize("frame", range(0, 24, 3))
def test_without_coordinator_or_collector_there_is_a_total_or_a_typed_end(who, frame):
    network = schedules.Schedule(4, 0.0, seed=0, kill={who: (frame, "before")})
    outcomes = world(4).run(network, notice=0.05).outcomes
    codes = {o.error.code for party, o in outcomes.items() if o.error is not None and party != who}
    assert codes <= {AbortCode.PEER_LOST, AbortCode.DEADLINE}
    if outcomes[COLLECTOR].error is None:
        assert outcomes[COLLECTOR].value[1].tolist() == [0b1111]


class TakesFramesAsTheyCome(Channel):
    """Planted: no duplicate filter, no order."""

    def receive(self, header: Header, raw: bytes, sealed: memoryview, now: float) -> None:
        """Every frame that opens is the next one."""
        if header.kind != DATA:
            super().receive(header, raw, sealed, now)
            return
        self._unread[self._consumed + len(self._unread)] = (header, self._opened(header, raw, sealed))
        self._unread_bytes += len(sealed)


class BelievesAnyFrame(Channel):
    """Planted: decrypts and does not authenticate."""

    def _opened(self, header: Header, raw: bytes, sealed: memoryview) -> bytes:
        try:
            return super()._opened(header, raw, sealed)
        except BadFrame:
            text, nonce = bytes(sealed[:-16]), (header.kind != DATA).to_bytes(4, "big") + header.sequence.to_bytes(8)
            stream = self._open.encrypt(nonce, bytes(len(text)), None)
            return bytes(a ^ b for a, b in zip(text, stream, strict=False))


class NeverResends(Channel):
    """Planted: what is lost stays lost."""

    def _repeat(self, now: float) -> Iterator[bytes]:
        yield from ()
        self._resend_due = None
        self._aborts = None


class ResendsSomethingElse(Channel):
    """Planted: a resend is sealed anew, under the number of the first."""

    def _repeat(self, now: float) -> Iterator[bytes]:
        for frame in super()._repeat(now):
            if self._unacked and frame == self._unacked[0][1]:
                yield self._sealed(DATA, self._unacked[0][0], 0, 0, 1, b"something else")
            else:
                yield frame


class SkipsNumbersThatAreLate(Channel):
    """Planted: a frame that came early is taken in place of the one before it."""

    def peek(self) -> Header | None:
        """The header of the earliest frame that is there."""
        if self._unread and self._consumed not in self._unread:
            self._consumed = min(self._unread)
        return super().peek()


@pytest.mark.parametrize(
    "planted", [TakesFramesAsTheyCome, BelievesAnyFrame, NeverResends, ResendsSomethingElse, SkipsNumbersThatAreLate]
)
def test_a_bug_planted_in_the_link_is_found_within_100_seeds(planted, monkeypatch):
    monkeypatch.setattr(runner, "Channel", planted)
    assert any(judge(seed) is not None for seed in range(100))


class HasNoDeadline(Runner):
    """Planted: nobody looks at the clock."""

    def tick(self, now: float) -> None:
        """Time passes."""

    def due(self) -> float | None:
        """Only the links ask to be woken."""
        return min((due for c in self._channels.values() if (due := c.due) is not None), default=None)


class NeedsNobody(Runner):
    """Planted: goes on without whoever is missing."""

    def _enough(self, answers: int) -> bool:
        return True

    def _complete(self) -> bool:
        return super()._complete() or self._round.expect.keys() <= self._missing.keys() | self._inbox.keys()


@pytest.mark.parametrize("planted", [HasNoDeadline, NeedsNobody])
def test_a_bug_planted_in_the_runner_is_found_within_100_seeds(planted, monkeypatch):
    monkeypatch.setattr(simulated, "Runner", planted)
    monkeypatch.setattr(simulated, "EVENTS_MOST", 20_000)
    assert any(judge(seed) is not None for seed in range(100))


def test_a_failure_is_reported_with_its_seed_and_as_few_faults_as_still_fail(monkeypatch):
    monkeypatch.setattr(runner, "Channel", NeverResends)
    seed = next(seed for seed in range(100) if judge(seed) is not None)
    assert explain(seed).startswith(f"seed {seed}: ") and "faults: drop" in explain(seed)
