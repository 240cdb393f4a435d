"""What an institution has already answered: for each plan and version of its data one set of institutions, for ever.

A total over U and a total of the same plan over U without X differ by X's numbers, whatever the cryptography does. So
whoever has revealed for one set refuses every other, and remembers before it reveals: the record is on the disk, not
in a buffer, when `commit` returns.

Where a committee's ledgers stand for everybody's, an institution says its part before it knows the set. So it
remembers too, before it speaks, whose ledgers guard the plan: those of another committee, or its own, would not know
what the first ones answered.

Security   Stops a total from being repeated over another set, also after a crash or restart when the ledger has a file;
           without one, while this object lives. Whoever can write the file can forget. Not stopped: another plan that
           selects nearly the same records, and the same plan over data that has changed since at every institution
           whose signature a set still finds.
Cost       A commit waits for the disk twice, about 5 ms; without a file 30 µs.
Reference  Denning, Denning and Schwartz, The tracker, ACM TODS 4(1), 1979: allowed answers whose difference is not.
"""

import json
import sqlite3
import threading
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from securecompute.disclosure.durable import open_ledger
from securecompute.engine.rounds import Party
from securecompute.errors import DisclosureRefused, InternalFault

_TABLE = """
CREATE TABLE IF NOT EXISTS {name} (
    plan BLOB NOT NULL, data_version TEXT NOT NULL, {what} TEXT NOT NULL, PRIMARY KEY (plan, data_version)
) STRICT, WITHOUT ROWID
"""
_TABLES = (_TABLE.format(name="answered", what="survivors"), _TABLE.format(name="guarded", what="guards"))


class SurvivorLedger:
    """One institution's memory. Safe to share between threads, sessions and, with a file, processes."""

    __slots__ = ("_database", "_lock")

    def __init__(self, path: Path | None = None) -> None:
        """path   a file that outlives the process; made if it is not there. None: memory, forgotten with this object

        raises    InvalidRequest  the file cannot be opened, or is not a ledger
        """
        self._lock = threading.Lock()
        self._database = open_ledger(path, _TABLES)

    def close(self) -> None:
        """Let go of the file."""
        self._database.close()

    def check(self, plan: bytes, survivors: Sequence[Party], data_version: str = "") -> None:
        """Return if the plan has not been answered from this data, or for the same institutions.

        raises   DisclosureRefused  naming the plan, whom it was answered with, and whose numbers would show
                 InternalFault      the ledger's file cannot be read
        """
        with self._transaction("DEFERRED"):
            _compare(plan, self._answered(plan, data_version), frozenset(survivors))

    def commit(self, plan: bytes, survivors: Sequence[Party], data_version: str = "") -> None:
        """As `check`, and remember the answer. To be called before anything is revealed.

        raises   DisclosureRefused  as `check`; the earlier answer stays the one remembered
                 InternalFault      the record cannot be written: nothing may be revealed
        """
        now = frozenset(survivors)
        with self._transaction("IMMEDIATE"):  # one step, so two sessions cannot both be first
            answered = self._answered(plan, data_version)
            _compare(plan, answered, now)
            if answered is None:
                row = (plan, data_version, json.dumps(sorted(now)))
                self._database.execute("INSERT INTO answered VALUES (?, ?, ?)", row)

    def pledge(self, plan: bytes, guards: Sequence[Party], data_version: str = "") -> None:
        """Remember whose ledgers guard a plan. To be called before anything is said that they could open.

        guards   the members of a committee; nobody, where every institution asks its own ledger
        raises   DisclosureRefused  other ledgers have guarded this plan
                 InternalFault      the record cannot be read or written: nothing may be said
        """
        with self._transaction("IMMEDIATE"):
            found = self._database.execute(
                "SELECT guards FROM guarded WHERE plan = ? AND data_version = ?", (plan, data_version)
            ).fetchone()
            if found is None:
                row = (plan, data_version, json.dumps(sorted(guards)))
                self._database.execute("INSERT INTO guarded VALUES (?, ?, ?)", row)
            elif (earlier := frozenset(json.loads(found[0]))) != frozenset(guards):
                raise DisclosureRefused(
                    f"plan {plan.hex()[:8]} was asked before {_guarded(earlier)}, and is now asked {_guarded(guards)}: "
                    "whose ledgers would not know for whom it was answered. Ask it as the first time"
                )

    @contextmanager
    def _transaction(self, kind: str) -> Iterator[None]:
        try:
            with self._lock, self._database:
                self._database.execute(f"BEGIN {kind}")
                yield
        except sqlite3.Error as error:
            raise InternalFault(f"the ledger cannot be read or written, so nothing is revealed: {error}") from None

    def _answered(self, plan: bytes, data_version: str) -> frozenset[Party] | None:
        found = self._database.execute(
            "SELECT survivors FROM answered WHERE plan = ? AND data_version = ?", (plan, data_version)
        ).fetchone()
        return None if found is None else frozenset(json.loads(found[0]))


class BoundLedger:
    """A ledger as one session sees it: what is answered there is answered from this version of the data."""

    __slots__ = ("_data_version", "_ledger")

    def __init__(self, ledger: SurvivorLedger, data_version: str) -> None:
        self._ledger, self._data_version = ledger, data_version

    def check(self, plan: bytes, survivors: Sequence[Party]) -> None:
        """As `SurvivorLedger.check`."""
        self._ledger.check(plan, survivors, self._data_version)

    def commit(self, plan: bytes, survivors: Sequence[Party]) -> None:
        """As `SurvivorLedger.commit`."""
        self._ledger.commit(plan, survivors, self._data_version)


def _compare(plan: bytes, answered: frozenset[Party] | None, asked: frozenset[Party]) -> None:
    if answered is None or asked == answered:
        return
    ways = [
        f"answering again {word} {_listed(others)} would reveal the numbers of {_listed(others)} by subtraction"
        for word, others in (("without", answered - asked), ("with", asked - answered))
        if others
    ]
    raise DisclosureRefused(
        f"plan {plan.hex()[:8]} was already answered with {_listed(answered)}; {' and '.join(ways)}. "
        "Ask again when the same institutions can be reached"
    )


def _guarded(guards: Collection[Party]) -> str:
    return f"of the committee of {_listed(guards)}" if guards else "of every institution itself"


def _listed(parties: Collection[Party]) -> str:
    return ", ".join(f"'{party}'" for party in sorted(parties))
