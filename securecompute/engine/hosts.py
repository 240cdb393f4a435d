"""One party's process on a fabric with processes: its key, its sessions, and the runner of each, on asyncio.

The host knows no Ray and no socket: frames come in through `deliver` and go out through `carry`. A part is resumed in a
thread of its own, so frames and deadlines are attended to while it computes.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Final

from securecompute.engine.fabric import Participant, part_of
from securecompute.engine.rounds import Party
from securecompute.engine.runner import Limits, Outcome, Runner, Turn
from securecompute.engine.session import Session, SessionsUsed, open_session
from securecompute.engine.wire import parse_frame
from securecompute.errors import BadFrame, InvalidRequest
from securecompute.primitives.keys import AgreementKey
from securecompute.primitives.randomness import SystemRandomness

EARLY_FRAMES: Final = 1024  # frames kept for a session that has begun elsewhere but not here yet
Carry = Callable[[Party, list[bytes]], Awaitable[None]]


@dataclass(slots=True)
class _Live:
    """A session that has begun here."""

    session: Session
    manifest: bytes
    news: asyncio.Event
    early: list[bytes] = field(default_factory=list)
    lost: list[Party] = field(default_factory=list)
    runner: Runner | None = None


class Host:
    """One party's side of all its sessions."""

    def __init__(self, me: Party, participant: Participant, limits: Limits, carry: Carry) -> None:
        """carry   takes frames to a party; may lose them, must not raise"""
        self.me, self.participant = me, participant
        self._limits, self._carry = limits, carry
        self._key = AgreementKey.generate(SystemRandomness())
        self._used = SessionsUsed()
        self._live: dict[bytes, _Live] = {}
        self._lingering: set[asyncio.Task[None]] = set()
        self._threads = ThreadPoolExecutor(thread_name_prefix="part")

    @property
    def public(self) -> bytes:
        """The X25519 public key under which frames to this party are sealed, 32 bytes."""
        return self._key.public

    def begin(self, protocol: str, roster: Mapping[Party, bytes], manifest: bytes) -> bytes:
        """Begin a session: from now on its frames are kept. Returns its id.

        raises   InvalidRequest  it was begun before, or the roster names another key for this party
        """
        session = open_session(protocol, roster, manifest)
        if roster.get(self.me) != self.public:
            raise InvalidRequest(f"{session}: the roster names another key for '{self.me}'")
        self._used.begin(session)
        self._live[session.id] = _Live(session, manifest, asyncio.Event())
        return session.id

    async def run(self, session_id: bytes) -> Outcome:
        """This party's outcome of a session that has begun. Lost frames are answered for a while after it."""
        live, loop = self._live[session_id], asyncio.get_running_loop()
        part = part_of(self.participant, live.manifest)
        live.runner = runner = Runner(self.me, part, live.session, self._key, self._limits, loop.time())
        for party in live.lost:
            runner.lose(party, loop.time())
        for frame in live.early:
            runner.receive(frame, loop.time())
        live.early.clear()
        while runner.outcome is None:
            await self._attend(live, runner)
        await self._carry_all(runner)
        task = loop.create_task(self._linger(live, runner))
        self._lingering.add(task)
        task.add_done_callback(self._lingering.discard)
        return runner.outcome

    def deliver(self, frame: bytes) -> None:
        """Take in a frame; one for no session of this party is dropped."""
        try:
            header, raw, sealed = parse_frame(frame)
        except BadFrame:
            return
        live = self._live.get(header.session)
        if live is None:
            return
        if live.runner is not None:
            live.runner.take(header, raw, sealed, asyncio.get_running_loop().time())
            live.news.set()
        elif len(live.early) < EARLY_FRAMES:
            live.early.append(frame)

    def lose(self, session_id: bytes, party: Party) -> None:
        """A party of the session is gone for good."""
        live = self._live.get(session_id)
        if live is None:
            return
        if live.runner is None:
            live.lost.append(party)
        else:
            live.runner.lose(party, asyncio.get_running_loop().time())
            live.news.set()

    def step(self, session_id: bytes) -> str:
        """What the session is doing, in a word."""
        live = self._live.get(session_id)
        return "" if live is None or live.runner is None else live.runner.step

    async def _attend(self, live: _Live, runner: Runner) -> None:
        """Do all that can be done now, then wait for news or the next deadline."""
        loop = asyncio.get_running_loop()
        live.news.clear()
        runner.tick(loop.time())
        while runner.ready:
            runner.proceed(await self._resumed(live, runner), loop.time())
            await self._carry_all(runner)
        await self._carry_all(runner)
        due = runner.due()
        if runner.outcome is not None or live.news.is_set():
            return
        await self._news(live, due)

    async def _resumed(self, live: _Live, runner: Runner) -> Turn:
        """What the part does next. While it computes, what it sent before goes on as peers acknowledge it."""
        computing = asyncio.get_running_loop().run_in_executor(self._threads, runner.resume)
        computing.add_done_callback(lambda _: live.news.set())
        live.news.clear()
        while not computing.done():
            await self._news(live, runner.due())
            live.news.clear()
            await self._carry_all(runner)
        return computing.result()

    async def _news(self, live: _Live, due: float | None) -> None:
        """Wait for news, until then at most."""
        timer = None if due is None else asyncio.get_running_loop().call_at(due, live.news.set)
        await live.news.wait()
        if timer is not None:
            timer.cancel()

    async def _carry_all(self, runner: Runner) -> None:
        batches: dict[Party, list[bytes]] = {}
        for party, frame in runner.outgoing(asyncio.get_running_loop().time()):
            batches.setdefault(party, []).append(frame)
        for party, frames in batches.items():
            await self._carry(party, frames)

    async def _linger(self, live: _Live, runner: Runner) -> None:
        """Answer for lost frames until nothing is outstanding, or for as long as the limits say."""
        loop = asyncio.get_running_loop()
        while not runner.drained and runner.closed_at is not None and loop.time() < runner.closed_at:
            live.news.clear()
            await self._carry_all(runner)
            due = runner.due()
            await self._news(live, min(runner.closed_at, due or runner.closed_at))
        await self._carry_all(runner)
        del self._live[live.session.id]
