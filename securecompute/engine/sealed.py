"""One direction-aware, sealed, ordered link between two parties of a session, as a state machine without I/O.

    k        = HKDF(X25519(me, peer), salt = session id, info = label | both names)
    k_(s,d)  = HKDF(k, salt = session id, info = s | d)
    frame    = header, ChaCha20-Poly1305(k_(s,d), nonce = (0 | sequence), piece, header)

A frame moved to another session, direction or sequence number does not open. A piece is sealed once: a resend is the
same bytes. Acknowledgements and abort codes have a counter of their own, nonce (1 | counter), and are never resent.
What a receiver has consumed it acknowledges; at most WINDOW frames and WINDOW_BYTES travel beyond that, so neither side
can make the other buffer more.

Security   Who holds neither key learns sizes, order and times of frames and can only delay or destroy them. The keys
           are as fresh as the parties' X25519 keys, which here live as long as a party's process: no forward secrecy
           within that time.
Reference  RFC 7748, RFC 5869, RFC 8439.
"""

from collections import deque
from collections.abc import Iterator
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305

from securecompute.engine.rounds import Party
from securecompute.engine.session import Session
from securecompute.engine.wire import ABORT, ACK, DATA, PIECE, Header, Raw, cut, frame_of
from securecompute.errors import AbortCode, BadFrame, PeerMisbehaved
from securecompute.primitives.keys import AgreementKey
from securecompute.primitives.masks import derive

WINDOW: Final = 64  # frames beyond the last one consumed
WINDOW_BYTES: Final = 8 * PIECE
ACK_AFTER: Final = 0.1  # seconds that an acknowledgement may wait for others
RESEND_FIRST: Final = 0.25  # seconds; doubled each time, up to
RESEND_MOST: Final = 2.0
ABORT_REPEATS: Final = 6
CODES: Final = tuple(AbortCode)
_SEAL_LABEL: Final = b"securecompute/seal/1"


def _nonce(kind: int, sequence: int) -> bytes:
    return (0 if kind == DATA else 1).to_bytes(4, "big") + sequence.to_bytes(8, "big")


class Channel:
    """This party's end of the link to one peer."""

    def __init__(self, session: Session, me: Party, peer: Party, key: AgreementKey) -> None:
        """key   this party's own; the peer's public key is in the session's roster.

        raises   PeerMisbehaved  the peer's public key has small order
        """
        low, high = sorted((me, peer))
        both = key.agree(session.roster[peer], session.id, _SEAL_LABEL + f"{len(low)}|{low}|{high}".encode())
        self.peer = peer
        self._session, self._me = session, me
        self._seal = ChaCha20Poly1305(derive(both, session.id, f"{len(me)}|{me}|{peer}".encode()))
        self._open = ChaCha20Poly1305(derive(both, session.id, f"{len(peer)}|{peer}|{me}".encode()))
        self._numbered = self._controls = 0  # next sequence numbers of data and control frames
        self._waiting: deque[tuple[int, int, int, Raw]] = deque()  # round, piece, pieces, bytes: not yet sealed
        self._unacked: deque[tuple[int, bytes]] = deque()  # sequence, sealed frame
        self._in_flight = 0  # bytes in _unacked
        self._consumed = 0  # next sequence number that the runner will read
        self._control_seen = -1
        self._unread: dict[int, tuple[Header, bytes]] = {}
        self._unread_bytes = 0
        self._tags: dict[int, bytes] = {}  # sequence -> tag, of the last WINDOW consumed and all unread
        self._acked = 0  # what the peer was last told
        self._ack_due: float | None = None
        self._resend_due: float | None = None
        self._resend_wait = RESEND_FIRST
        self._aborts: tuple[AbortCode, int] | None = None
        self.aborted: AbortCode | None = None  # what the peer said, if it ended the session

    # ---- sending

    def send(self, number: int, body: bytes) -> None:
        """Queue a message of this round."""
        pieces = cut(body)
        self._waiting.extend((number, k, len(pieces), piece) for k, piece in enumerate(pieces))

    def abort(self, code: AbortCode) -> None:
        """Queue the code with which this party ends the session; what was waiting is dropped."""
        self._waiting.clear()
        self._unacked.clear()
        self._in_flight = 0
        self._resend_due = None
        self._aborts = (code, ABORT_REPEATS)

    def acknowledge_now(self) -> None:
        """Send what is still unacknowledged without waiting for more."""
        if self._acked < self._consumed:
            self._ack_due = 0.0

    @property
    def drained(self) -> bool:
        """Whether the peer has consumed all that was sent, and has been told the like."""
        return not self._waiting and not self._unacked and self._ack_due is None and self._aborts is None

    @property
    def due(self) -> float | None:
        """When `frames` next has something to do by itself."""
        acknowledge, resend = self._ack_due, self._resend_due
        if acknowledge is None or resend is None:
            return resend if acknowledge is None else acknowledge
        return min(acknowledge, resend)

    def idle(self, now: float) -> bool:
        """Whether `frames` has nothing to yield now: asked for every peer after every frame, so it must be quick."""
        if self._waiting or self._aborts is not None:
            return False
        due = self.due
        return due is None or now < due

    def frames(self, now: float) -> Iterator[bytes]:
        """The frames to put on the link now."""
        if self._resend_due is not None and now >= self._resend_due:
            yield from self._repeat(now)
        while self._waiting and len(self._unacked) < WINDOW and self._in_flight < WINDOW_BYTES:
            number, piece, pieces, data = self._waiting.popleft()
            frame = self._sealed(DATA, self._numbered, number, piece, pieces, data)
            self._unacked.append((self._numbered, frame))
            self._numbered += 1
            self._in_flight += len(frame)
            if self._resend_due is None:
                self._resend_due = now + self._resend_wait
            yield frame
        if self._ack_due is not None and now >= self._ack_due:
            yield self._control(ACK, self._consumed.to_bytes(8, "big"))
            self._acked, self._ack_due = self._consumed, None
        if self._aborts is not None and self._resend_due is None:
            yield from self._repeat(now)

    def _repeat(self, now: float) -> Iterator[bytes]:
        """The oldest frame not yet consumed, as it was; or the abort code, a few times, for nobody confirms it."""
        if self._aborts is not None:
            code, left = self._aborts
            yield self._control(ABORT, bytes([CODES.index(code)]))
            self._aborts = (code, left - 1) if left > 1 else None
            self._resend_due = now + self._resend_wait if left > 1 else None
        elif self._unacked:
            yield self._unacked[0][1]
            self._resend_due = now + self._resend_wait
        else:
            self._resend_due = None
        self._resend_wait = min(2 * self._resend_wait, RESEND_MOST)

    def _control(self, kind: int, data: bytes) -> bytes:
        self._controls += 1
        return self._sealed(kind, self._controls - 1, 0, 0, 1, data)

    def _sealed(self, kind: int, sequence: int, number: int, piece: int, pieces: int, data: Raw) -> bytes:
        header = Header(self._session.id, self._me, self.peer, sequence, kind, number, piece, pieces).encode()
        return frame_of(header, self._seal.encrypt(_nonce(kind, sequence), data, header))

    # ---- receiving

    def receive(self, header: Header, raw: bytes, sealed: memoryview, now: float) -> None:
        """Take in a frame from the peer.

        raises   BadFrame        it does not open, or is out of every window
                 PeerMisbehaved  it opens, under a number that the peer already used for something else
        """
        if header.kind != DATA:
            self._receive_control(header, raw, sealed, now)
            return
        sequence, tag = header.sequence, bytes(sealed[-16:])
        if sequence < self._consumed or sequence in self._unread:
            if sequence < self._consumed:
                self._ack_due = now  # the peer resends what was consumed: an acknowledgement was lost
            if self._tags.get(sequence, tag) != tag and self._opens(header, raw, sealed):
                raise PeerMisbehaved(f"'{self.peer}' sent two different frames under number {sequence}")
            return
        if sequence >= self._consumed + WINDOW or self._unread_bytes + len(sealed) > WINDOW_BYTES + 2 * PIECE:
            raise BadFrame(f"'{self.peer}' sent frame {sequence} beyond the window at {self._consumed}")
        self._unread[sequence] = (header, self._opened(header, raw, sealed))
        self._unread_bytes += len(sealed)
        self._tags[sequence] = tag

    def _receive_control(self, header: Header, raw: bytes, sealed: memoryview, now: float) -> None:
        data = self._opened(header, raw, sealed)
        if header.sequence <= self._control_seen:
            return
        self._control_seen = header.sequence
        if header.kind == ABORT:
            if len(data) != 1 or data[0] >= len(CODES):
                raise BadFrame(f"'{self.peer}' sent an abort code that does not exist")
            self.aborted = CODES[data[0]]
            return
        consumed = int.from_bytes(data, "big")
        if len(data) != 8 or consumed > self._numbered:
            raise BadFrame(f"'{self.peer}' acknowledged a frame that was never sent")
        while self._unacked and self._unacked[0][0] < consumed:
            self._in_flight -= len(self._unacked.popleft()[1])
            self._resend_wait = RESEND_FIRST
            self._resend_due = now + self._resend_wait
        if not self._unacked and self._aborts is None:
            self._resend_due = None

    def _opened(self, header: Header, raw: bytes, sealed: memoryview) -> bytes:
        try:
            return self._open.decrypt(_nonce(header.kind, header.sequence), sealed, raw)
        except InvalidTag:
            raise BadFrame(f"a frame from '{self.peer}' does not open under this session's keys") from None

    def _opens(self, header: Header, raw: bytes, sealed: memoryview) -> bool:
        try:
            self._opened(header, raw, sealed)
        except BadFrame:
            return False
        return True

    def peek(self) -> Header | None:
        """The header of the next piece in order, if it has come."""
        entry = self._unread.get(self._consumed)
        return None if entry is None else entry[0]

    def consume(self, now: float) -> bytes:
        """Take the next piece in order; `peek` said that it is there."""
        _, piece = self._unread.pop(self._consumed)
        self._unread_bytes -= len(piece) + 16
        self._tags.pop(self._consumed - WINDOW, None)
        self._consumed += 1
        if self._consumed - self._acked >= WINDOW // 2 or len(piece) >= PIECE // 2:
            self._ack_due = now
        elif self._ack_due is None:
            self._ack_due = now + ACK_AFTER
        return piece
