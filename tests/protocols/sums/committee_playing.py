"""What the tests of a committee's sum share: its rounds, runs with it, and what a coalition of its parties sees.

A coalition has its members' random tapes and all that they received. From these it opens its boxes and expands every
mask whose seed it has; the other masks stay formal. The rows are checked against the bytes that were sent.
"""

from collections import defaultdict

from securecompute.arithmetic.rings import encode
from securecompute.primitives.keys import AgreementKey
from securecompute.primitives.masks import add_masks
from securecompute.protocols.sums import committee_institution
from securecompute.protocols.sums.check_words import check_ring, check_words
from securecompute.protocols.sums.chunks import words_offset
from securecompute.protocols.sums.committee_keys import check_members, groups, open_seeds
from securecompute.protocols.sums.pairwise_keys import box_context
from securecompute.protocols.sums.settings import Committee
from securecompute.protocols.sums.tables import flags, rows, table
from tests.privacy.linear_view import LinearView
from tests.protocols.sums.playing import COLLECTOR, COORDINATOR, Federation, describe, names

# Rounds in which somebody sends: members the even ones, other institutions SPEAK alone.
ADVERTISE, KEYS, SPEAK, BOXES, OPENED, SURVIVORS, SIGN, VERDICT, REVEAL = range(9)
MEMBERS_SEND = (ADVERTISE, SPEAK, OPENED, SIGN, REVEAL)


def setting(k=3, honest=False):
    """The first k institutions are the members."""
    return Committee(tuple(names(k)), honest_coordinator=honest)


def federation(k=3, n=5, honest=False, d=5, seed=0, ledgers=None, told=None, collectors=None, inputs=None, **changes):
    """n institutions of which the first k are members, ready to play once."""
    descriptor = describe(n, d, setting=setting(k, honest), **changes)
    return Federation(descriptor, inputs, seed, ledgers, told, collectors)


def spoken_with(change, *leaf):
    """A change of an array of what an institution says: 0 its advertisement, 1 its boxes."""

    def changed(message):
        parts = list(message)
        for k in leaf:
            parts[k] = change(parts[k])
        return tuple(parts)

    return changed


def survivors(n, *included):
    """A change that puts this U in the coordinator's message to a member."""
    return lambda message: flags(names(n), included)


def verdict_rows(k, change):
    """A change of the signatures of a verdict."""

    def changed(message):
        shown, chosen, signatures = message
        return shown, chosen, table(names(k), change(rows(names(k), signatures)), signatures[1].shape[1])

    return changed


def revealed(run, played):
    """The members that sent what they reveal, whether or not it arrived: it is the last of what they send."""
    everything = run.protocol.cost(run.descriptor).member
    return {m for m in run.descriptor.setting.members if played.sent[m] == everything}


class Transcript:
    """A run that ended with a total, seen from above."""

    def __init__(self, federation, played):
        self.federation, self.descriptor, self.names = federation, federation.descriptor, federation.names
        self.committee, self.views = self.descriptor.setting, played.views
        self.included = played.outputs[COLLECTOR][0].included
        self.spoken = {u: m for (at, u), m in self.views[COORDINATOR].items() if at == SPEAK}
        adverts = rows(self.committee.members, self.views[self.included[0]][KEYS, COORDINATOR])
        self.sid = check_members(self.descriptor, adverts)
        self.seeds = {}
        for u in self.spoken:
            own_keys = 2 if u in self.committee.members else 1
            drawn = federation.tapes[u].drawn[own_keys:]
            self.seeds[u] = dict(zip(groups(self.committee), drawn, strict=True))

    def key(self, u, T):
        """k_uT."""
        return committee_institution.mask_key(self.seeds[u][T], self.sid, T, u)

    def row(self, u):
        """The vector that u sent, as a combination of its input and of masks."""
        return {u: 1} | {self.key(u, T): 1 for T in self.seeds[u]}

    def row_is_what_was_sent(self, u):
        """Whether the bytes of y_u and of its check words are that combination."""
        ring, masks = self.descriptor.ring, [(self.key(u, T), +1) for T in self.seeds[u]]
        e = encode(ring, self.federation.inputs[u])
        words = check_words(ring, e, 1, self.sid)
        add_masks(check_ring(ring), words, masks, words_offset(self.descriptor))
        add_masks(ring, e, masks)
        _, _, y, y_words = self.spoken[u]
        return (y.elements == e).all() and (y_words.elements == words).all()

    def seeds_of(self, m):
        """u -> the seeds that the member m can read, with its tape."""
        c_m = AgreementKey.from_private_bytes(self.federation.tapes[m].drawn[0])
        context = box_context(self.sid, COORDINATOR, COLLECTOR)
        table_of_adverts, boxes = self.views[m][BOXES, COORDINATOR]
        opened = {m: self.seeds[m]}
        for u, advert in rows(self.names, table_of_adverts).items():
            box = boxes[self.names.index(u)].tobytes()
            if u != m:
                opened[u] = open_seeds(m, self.descriptor, self.sid, context, c_m, u, advert, box)
        return {u: seeds for u, seeds in opened.items() if seeds}


def view(transcript, coalition):
    """The coalition's view of the vectors."""
    sent = {u: transcript.row(u) for u in transcript.spoken}
    masks = {name for row in sent.values() for name in row if name not in transcript.names}
    seen = LinearView(transcript.names, masks)
    for p in set(coalition) & set(transcript.names):
        seen.see({p: 1})
        known = {p: transcript.seeds.get(p, {})}
        if p in transcript.committee.members:
            known |= transcript.seeds_of(p)
        for u, seeds in known.items():
            for T, seed in seeds.items():
                assert seed == transcript.seeds[u][T]
                seen.see({transcript.key(u, T): 1})
    if COORDINATOR in coalition:
        for row in sent.values():
            seen.see(row)
    if COLLECTOR in coalition:
        total = defaultdict(int)
        for u in transcript.included:
            for name, coefficient in sent[u].items():
                total[name] += coefficient
        seen.see(total)
        for T in groups(transcript.committee):
            seen.see({transcript.key(u, T): 1 for u in transcript.included})
    return seen


def allowed(transcript, coalition):
    """What a coalition may learn: its own inputs and, with the collector, the sum over U."""
    own = [{u: 1} for u in transcript.names if u in coalition]
    return [*own, dict.fromkeys(transcript.included, 1)] if COLLECTOR in coalition else own
