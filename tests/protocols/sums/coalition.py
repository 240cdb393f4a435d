"""What a coalition of parties of a masked sum sees: rows over the inputs and over masks that it cannot compute.

A coalition has its members' random tapes and all that they received. From these it opens its boxes, gathers shares,
recombines every secret of which it has t, and expands every mask whose key it can compute. Fewer than t shares say
nothing, so the other masks stay formal. The rows are checked against the bytes that were sent: they are those of the
protocol as it ran. The check words lie under the same masks further on in the stream, so their rows are the same.
"""

from collections import defaultdict

from securecompute.arithmetic.rings import encode
from securecompute.primitives.keys import AgreementKey
from securecompute.primitives.masks import add_masks
from securecompute.primitives.shamir import recombine
from securecompute.protocols.sums import pairwise
from securecompute.protocols.sums.check_words import check_ring, check_words
from securecompute.protocols.sums.pairwise_keys import KEY, SHARE, box_context, check_adverts, open_shares
from securecompute.protocols.sums.tables import rows
from tests.privacy.linear_view import LinearView
from tests.protocols.sums.playing import ADVERTS, COLLECTOR, COORDINATOR, MASKED, REVEAL, SHARES


class Transcript:
    """A run that ended with a total, seen from above.

    late   institution -> the message that reached the coordinator after its sender was declared dropped
    """

    def __init__(self, federation, played, late=None):
        self.federation, self.descriptor, self.names = federation, federation.descriptor, federation.names
        self.views, survivors = played.views, played.outputs[COORDINATOR]
        self.shared, self.included = survivors.shared, survivors.included
        self.masked = {u: m for (at, u), m in self.views[COORDINATOR].items() if at == MASKED} | (late or {})
        self.adverts = rows(self.names, self.views[self.included[0]][ADVERTS, COORDINATOR])
        self.sid = check_adverts(self.descriptor, self.adverts)
        drawn = {u: federation.tapes[u].drawn for u in self.shared}
        self.c = {u: AgreementKey.from_private_bytes(tape[0]) for u, tape in drawn.items()}
        self.s = {u: AgreementKey.from_private_bytes(tape[1]) for u, tape in drawn.items()}
        self.b = {u: tape[2] for u, tape in drawn.items()}

    def pair_key(self, s_u, u, v):
        """k_uv, for who has s_u."""
        return pairwise.mask_key(s_u, self.adverts[v][KEY : 2 * KEY], u, v, self.sid)

    def masks(self, u):
        """[(key, sign)] of what hides the vector of u."""
        pairs = [(self.pair_key(self.s[u], u, v), +1 if v > u else -1) for v in self.shared if v != u]
        return [(pairwise.self_key(self.b[u], self.sid), +1), *pairs]

    def row(self, u):
        """The vector that u sent, as a combination of its input and of masks."""
        row = defaultdict(int, {u: 1})
        for key, sign in self.masks(u):
            row[key] += sign
        return row

    def row_is_what_was_sent(self, u):
        """Whether the bytes of y_u and of its check words are that combination."""
        ring = self.descriptor.ring
        e = encode(ring, self.federation.inputs[u])
        words = check_words(ring, e, 1, self.sid)
        add_masks(check_ring(ring), words, self.masks(u), -(-e.nbytes // 16) * 16)
        add_masks(ring, e, self.masks(u))
        y, y_words = self.masked[u]
        return (y.elements == e).all() and (y_words.elements == words).all()

    def shares_in_boxes(self, u):
        """v -> (share of b_v, share of s_v) that the others gave to u."""
        context = box_context(self.sid, COORDINATOR, COLLECTOR)
        received = rows(self.names, self.views[u][SHARES, COORDINATOR])
        opened = open_shares(u, self.descriptor, self.adverts, context, self.c[u], received)
        return {v: (both[:SHARE], both[SHARE:]) for v, both in opened.items()}

    def shares_revealed(self):
        """u -> {v: the 33 bytes that u revealed of v}, the empty rows included."""
        tables = {u: m[0].elements for (at, u), m in self.views[COLLECTOR].items() if at == REVEAL}
        return {u: {v: one_each[k].tobytes() for k, v in enumerate(self.names)} for u, one_each in tables.items()}


def secrets(transcript, coalition, planted=()):
    """(b, s): the seeds and mask keys that a coalition can compute.

    planted   (u, v, kind): shares, "b" or "s", of v that u gave away besides
    """
    b, s = {}, {}
    shares = {"b": defaultdict(dict), "s": defaultdict(dict)}
    index = {p: k for k, p in enumerate(transcript.names, 1)}
    for u in transcript.shared:
        if u in coalition:
            b[u], s[u] = transcript.b[u], transcript.s[u]
            for v, (share_b, share_s) in transcript.shares_in_boxes(u).items():
                shares["b"][v][index[u]], shares["s"][v][index[u]] = share_b, share_s
    if COLLECTOR in coalition:
        for u, of in transcript.shares_revealed().items():
            b[u] = transcript.views[COLLECTOR][REVEAL, u][1].elements.tobytes()
            for v in transcript.shared:
                shares["b" if v in transcript.included else "s"][v][index[u]] = of[v]
    for u, v, kind in planted:
        shares[kind][v][index[u]] = transcript.shares_in_boxes(u)[v][kind == "s"]
    t = transcript.descriptor.threshold
    b = {v: recombine(of) for v, of in shares["b"].items() if len(of) >= t} | b
    found = {v: recombine(of) for v, of in shares["s"].items() if len(of) >= t}
    return b, {v: AgreementKey.from_private_bytes(secret) for v, secret in found.items()} | s


def view(transcript, coalition, planted=()):
    """The coalition's view of the vectors."""
    rows_sent = {u: transcript.row(u) for u in transcript.masked}
    masks = {name for row in rows_sent.values() for name in row if name not in transcript.names}
    seen = LinearView(transcript.names, masks)
    b, s = secrets(transcript, coalition, planted)
    known = {pairwise.self_key(b_v, transcript.sid) for b_v in b.values()}
    known |= {transcript.pair_key(s_v, v, w) for v, s_v in s.items() for w in transcript.shared if w != v}
    for key in known & masks:
        seen.see({key: 1})
    for u in transcript.names:
        if u in coalition:
            seen.see({u: 1})
    if COORDINATOR in coalition:
        for row in rows_sent.values():
            seen.see(row)
    if COLLECTOR in coalition:
        total = defaultdict(int)
        for u in transcript.included:
            for name, coefficient in rows_sent[u].items():
                total[name] += coefficient
        seen.see(total)
    return seen


def allowed(transcript, coalition):
    """What a coalition may learn: its own inputs and, with the collector, the sum of U₃."""
    own = [{u: 1} for u in transcript.names if u in coalition]
    return [*own, dict.fromkeys(transcript.included, 1)] if COLLECTOR in coalition else own
