"""What the tests of products share: three compute parties with seeded tapes, who run a function of shared numbers."""

from itertools import chain

import numpy as np

from securecompute.arithmetic.ring_arrays import RingArray
from securecompute.arithmetic.rings import Ring
from securecompute.engine.local import play
from securecompute.engine.rounds import Round, together
from securecompute.protocols.products.compute_party import ComputeParty, make_keys
from securecompute.protocols.products.dealing import Form
from securecompute.protocols.products.inputs import accept, provide
from securecompute.protocols.products.replicated import Replicated
from securecompute.protocols.products.reveal import collect, reveal
from tests.seeded import SeededRandomness

TRIO = ("P0", "P1", "P2")
OWNER, RECEIVER = "owner", "receiver"
SESSION = b"one session"


def words(values, ring=Ring.Z64):
    """Ring elements of whole numbers."""
    return RingArray.integers(ring, values)


def compute(function, *inputs, seed=0, deliver=None, strict=True, names=TRIO):
    """Share the inputs (RingArrays), run `function(party, *shares) -> Part[Replicated | tuple]`, reveal what it gives.

    returns   (values, played): the RingArrays revealed, one or a tuple as the function gave; and the engine's record.
    """
    forms = [Form.of(x) for x in inputs]
    shapes = {}

    def compute_party(me):
        (party, (shares, _)) = yield from together(
            make_keys(me, names, SESSION, SeededRandomness(f"{seed} {me}")), accept(me, names, OWNER, forms, SESSION)
        )
        results = yield from function(party, *shares)
        several = results if isinstance(results, tuple) else (results,)
        shapes[me] = [Form.of(x.mine) for x in several]
        for x in several:
            yield from reveal(names, RECEIVER, x)
        return None if isinstance(results, tuple) else "one"

    def owner():
        yield from together(provide(OWNER, names, inputs, SESSION, SeededRandomness(f"{seed} owner")))

    def receiver():
        # waits in silence for as long as the others compute, then takes what they reveal
        while not shapes:
            yield Round()
        values = []
        for form in shapes[names[0]]:
            values.append((yield from collect(names, form)))
        return values

    parts = {me: compute_party(me) for me in names} | {OWNER: owner(), RECEIVER: receiver()}
    played = play(parts, deliver, strict=strict)
    values = played.outputs.get(RECEIVER)
    if values is None:
        return None, played
    return (values[0] if played.outputs[names[0]] == "one" else tuple(values)), played


def share_out(x, seed=0):
    """The three parties' Replicated of a RingArray, made by hand, for tests of what needs no message."""
    draw = SeededRandomness(seed)
    parts = [RingArray(x.ring, np.frombuffer(draw.bytes(x.nbytes), np.uint64).reshape(x.words.shape)) for _ in "01"]
    parts.append(x - parts[0] - parts[1])
    return [Replicated(i, parts[i], parts[(i + 1) % 3]) for i in range(3)]


def recombine(shares):
    """What the three hold together."""
    return shares[0].mine + shares[1].mine + shares[2].mine


def alone(function, *inputs, seed=0, deliver=None, keep=False):
    """Run `function(party, *shares)` at the three with shares dealt by hand: only the function's own rounds and bytes.

    returns   (values, played) as `compute`; `played.rounds`, `.sent` and `.views` are the function's own
    """
    shares = [share_out(x, f"{seed} {k}") for k, x in enumerate(inputs)]
    parts, held = {}, {}

    def part(i, party):
        held[i] = yield from function(party, *(each[i] for each in shares))

    keys = [SeededRandomness(f"{seed} k{i}").bytes(32) for i in range(3)]
    for i, me in enumerate(TRIO):
        mine = {"mine": keys[i], "next": keys[(i + 1) % 3], "own": SeededRandomness(f"{seed} own {i}").bytes(32)}
        parts[me] = part(i, ComputeParty(i, TRIO, mine, SESSION))
    played = play(parts, deliver)
    if keep:
        return held, played
    if isinstance(held[0], tuple):
        return tuple(recombine(each) for each in zip(*(held[i] for i in range(3)), strict=True)), played
    return recombine([held[i] for i in range(3)]), played


def received(played, party):
    """Every array of words that a compute party received, in order."""
    return list(chain.from_iterable(_leaves(message) for message in played.views[party].values()))


def _leaves(message):
    if isinstance(message, tuple):
        return list(chain.from_iterable(map(_leaves, message)))
    return [] if isinstance(message, bytes) else [getattr(message, "elements", message)]
