"""Sums in a row: the totals are the pooled ones bit for bit, and no iteration opens another."""

import math
import struct

import numpy as np
import pytest

from securecompute.arithmetic.rings import Ring, decode, encode
from securecompute.disclosure.ledger import SurvivorLedger
from securecompute.engine.faults import Faults
from securecompute.engine.local import play
from securecompute.engine.session import open_session
from securecompute.engine.simulated import simulate
from securecompute.errors import DisclosureRefused, EncodingOverflow, InvalidRequest, PeerMisbehaved, PeerSilent
from securecompute.primitives.keys import AgreementKey
from securecompute.primitives.masks import add_masks
from securecompute.protocols.sums import chunks, iterated, pairwise
from securecompute.protocols.sums.interface import Contributor
from securecompute.protocols.sums.iterated import Fit, collect, contribute, coordinate, cost
from securecompute.protocols.sums.pairwise_keys import KEY, check_adverts, mask_key, self_key
from securecompute.protocols.sums.tables import rows
from securecompute.values import Plain
from tests.protocols.sums.playing import (
    COLLECTOR,
    COORDINATOR,
    SHARE,
    Tape,
    coordinator_changes,
    describe,
    identity,
    names,
    refuses,
    silent_from,
)
from tests.seeded import SeededRandomness

PARAMETERS, MASKED, SURVIVORS, SIGN, SIGNATURES, REVEAL = range(4, 10)  # rounds of iteration 0
MOST = 4


def at(step, iteration):
    """The round of a step in an iteration."""
    return step + 6 * iteration


def counted(parameters, iteration, k):
    """What institution k has for these parameters: something that depends on both."""
    return [int.from_bytes(parameters, "big") * (k + 1), iteration - k]


class Fitting:
    """A fit of four institutions, ready to play once.

    local   (parameters, iteration, index of the institution) -> whole numbers
    stop    the collector's parameters are the totals' first entry, until this many iterations are done
    """

    def __init__(self, local=counted, stop=MOST, step=None, start=b"\x05", seed=0, ledgers=None, **changes):
        self.descriptor = describe(4, **{"d": 2, "bound": 1 << 50} | changes)
        self.names, self.fit = self.descriptor.institutions, Fit(MOST, 16)
        self.local, self.stop, self.step, self.start = local, stop, step or self.next, start
        self.ledgers = ledgers or {p: SurvivorLedger() for p in self.names}
        self.tapes = {p: Tape(f"{seed} {p}") for p in self.names}
        self.parameters = [start]

    def next(self, total, iteration):
        """The first entry of the total, in four bytes."""
        if iteration + 1 == self.stop:
            return None
        self.parameters.append((int(total.reshape(-1)[0]) % 251).to_bytes(4, "big"))
        return self.parameters[-1]

    def parts(self):
        """Every party's part, not yet started."""
        parts = {p: self.institution(k, p) for k, p in enumerate(self.names)}
        parts[COORDINATOR] = coordinate(self.descriptor, self.fit, COLLECTOR)
        parts[COLLECTOR] = collect(self.descriptor, self.fit, COORDINATOR, self.start, self.step)
        return parts

    def institution(self, k, p):
        """One institution's part."""

        def local(parameters, iteration):
            return Plain(encode(self.descriptor.ring, self.local(parameters, iteration, k)))

        own = Contributor(p, identity(p), self.ledgers[p], self.tapes[p])
        return contribute(own, self.descriptor, self.fit, COORDINATOR, COLLECTOR, local)

    def run(self, deliver=None, strict=False):
        """Play it."""
        return play(self.parts(), deliver, strict=strict)

    def pooled(self, members=range(4)):
        """The totals that the fit must have, and its parameters, from the institutions' numbers themselves."""
        parameters, totals = self.start, []
        for i in range(self.stop):
            totals.append(
                [sum(column) for column in zip(*(self.local(parameters, i, k) for k in members), strict=True)]
            )
            parameters = (totals[-1][0] % 251).to_bytes(4, "big")
        return totals


def totals(fitting, played):
    """Who is in the totals, and the totals of all iterations, decoded."""
    survivors, found = played.outputs[COLLECTOR]
    return survivors.included, [decode(fitting.descriptor.ring, total) for total in found]


def revealed(played):
    """The iterations of which anybody revealed anything."""
    return {(number - REVEAL) // 6 for number, p in played.views[COLLECTOR] if p != COORDINATOR}


# ---- totals


@pytest.mark.parametrize("ring", [Ring.Z64, Ring.Z128])
@pytest.mark.parametrize("stop", [1, 2, MOST])
def test_every_total_is_the_plain_total_for_the_parameters_of_its_iteration(ring, stop):
    fitting = Fitting(stop=stop, ring=ring)
    played = fitting.run(strict=True)
    assert totals(fitting, played) == (fitting.names, fitting.pooled())
    assert all(played.outputs[p] == stop for p in fitting.names)
    assert played.outputs[COORDINATOR].included == fitting.names


@pytest.mark.parametrize("stop", [1, 2, 3, MOST])
def test_the_cost_line_is_true(stop):
    fitting = Fitting(stop=stop)
    played, said = fitting.run(strict=True), cost(fitting.descriptor, fitting.fit, stop)
    early = stop < MOST
    assert played.rounds == said.rounds == 4 + 6 * stop + early
    told = sum(4 * (1 + len(parameters)) + 1 for parameters in fitting.parameters) + early * (4 + 1)
    sent = dict.fromkeys(fitting.names, said.institution) | {COORDINATOR: said.coordinator, COLLECTOR: told}
    assert played.sent == sent


# Temperature in °F before each launch, and whether an O-ring was distressed: Rogers Commission Report, 1986, vol. I.
LAUNCHES = [
    *[(66, 0), (70, 1), (69, 0), (68, 0), (67, 0), (72, 0), (73, 0), (70, 0), (57, 1), (63, 1), (70, 1), (78, 0)],
    *[(67, 0), (53, 1), (67, 0), (75, 0), (70, 0), (81, 0), (76, 0), (79, 0), (75, 1), (76, 0), (58, 1)],
]
UNIT = 1 << 40


def newton_terms(parameters, launches):
    """Gradient and information of a logistic regression, each record's term rounded to 2⁻⁴⁰."""
    a, b = struct.unpack("<2d", parameters)
    sums = [0] * 5
    for temperature, distress in launches:
        x = (temperature - 70) / 10
        p = 1 / (1 + math.exp(-(a + b * x)))
        terms = (distress - p, (distress - p) * x, p * (1 - p), p * (1 - p) * x, p * (1 - p) * x * x)
        sums = [total + round(term * UNIT) for total, term in zip(sums, terms, strict=True)]
    return sums


def newton(parameters, sums):
    """The next parameters; None once they no longer move."""
    (a, b), (g, gx, h, hx, hxx) = struct.unpack("<2d", parameters), [s / UNIT for s in sums]
    determinant = h * hxx - hx * hx
    step = (hxx * g - hx * gx) / determinant, (h * gx - hx * g) / determinant
    return None if max(map(abs, step)) < 1e-9 else struct.pack("<2d", a + step[0], b + step[1])


def test_a_logistic_regression_takes_the_steps_of_the_pooled_one_bit_for_bit():
    thetas, pooled = [bytes(16)], []

    def step(total, iteration):
        following = newton(thetas[-1], decode(Ring.Z64, total))
        thetas.extend([] if following is None else [following])
        return following

    fitting = Fitting(lambda theta, i, k: newton_terms(theta, LAUNCHES[k::4]), step=step, start=thetas[0], d=5)
    fitting.fit = Fit(12, 16)
    _, found = totals(fitting, fitting.run(strict=True))
    theta = bytes(16)
    while theta is not None:
        pooled.append(newton_terms(theta, LAUNCHES))
        last, theta = theta, newton(theta, pooled[-1])
    assert found == pooled
    assert thetas[-1] == last
    a, b = struct.unpack("<2d", last)
    assert (round(a - 7 * b, 4), round(b / 10, 4)) == (15.0429, -0.2322)  # as published: Dalal, Fowlkes, Hoadley, 1989


@pytest.mark.parametrize("seed", range(3))
def test_a_network_that_loses_repeats_and_reorders_frames_changes_nothing(seed):
    fitting = Fitting(stop=2)
    parts = fitting.parts()
    keys = {p: AgreementKey.generate(SeededRandomness(p)) for p in parts}
    session = open_session("fit", {p: key.public for p, key in keys.items()}, b"manifest")
    network = Faults(seed, drop=0.1, duplicate=0.1, reorder=0.1, replay=0.1)
    survivors, found = simulate(session, parts, keys, network).outcomes[COLLECTOR].value
    assert survivors.included == fitting.names
    assert [decode(Ring.Z64, total) for total in found] == fitting.pooled()


# ---- keys


def test_no_key_or_seed_serves_in_two_iterations():
    fitting = Fitting()
    played = fitting.run(strict=True)
    drawn = [draw for tape in fitting.tapes.values() for draw in tape.drawn if len(draw) == 32]
    assert len(drawn) == len(set(drawn)) == 4 * 4 * MOST  # c, s, b and a nonce
    public = [row[k : k + KEY] for i in range(MOST) for row in adverts(fitting, played, i).values() for k in (0, KEY)]
    assert len(public) == len(set(public)) == 4 * 2 * MOST


def test_one_input_in_every_iteration_under_one_set_of_parameters_looks_different_in_each():
    fitting = Fitting(lambda theta, i, k: [7, 7], step=lambda total, i: b"\x05")
    seen = fitting.run(strict=True).views[COORDINATOR]
    for p in fitting.names:
        sent = [seen[at(MASKED, i), p][0][0].elements for i in range(MOST)]
        differences = {tuple((one - other).tolist()) for k, one in enumerate(sent) for other in sent[:k]}
        assert len(differences) == MOST * (MOST - 1) // 2
        assert not any(0 in difference for difference in differences)


class Reusing(Tape):
    """The tape of an institution with one long-lived s_u."""

    def bytes(self, n):
        """The next bytes; s_u is the second of each four draws of 32."""
        fresh, before = super().bytes(n), [draw for draw in self.drawn if len(draw) == 32]
        if n == 32 and len(before) % 4 == 2:
            self.drawn[-1] = before[1]
        return self.drawn[-1] if n == 32 else fresh


def adverts(fitting, played, i):
    """The keys of iteration i, as h0 was told them."""
    message = played.views["h0"][1, COORDINATOR] if i == 0 else played.views["h0"][at(SURVIVORS, i - 1), COORDINATOR][1]
    return rows(fitting.names, message)


def opened(fitting, played, i, v, s_v):
    """What coordinator and collector together make of what v sent in iteration i, given a key that they recovered."""
    told = adverts(fitting, played, i)
    this = iterated._iteration(fitting.descriptor, fitting.fit, i)
    sid = iterated._bound(check_adverts(this, told), fitting.parameters[i])
    b_v = played.views[COLLECTOR][at(REVEAL, i), v][0][1].elements.tobytes()
    masks = [(self_key(b_v, sid), -1)]
    for w in fitting.names:
        if w != v:
            masks.append((mask_key(s_v, told[w][KEY : 2 * KEY], v, w, sid), -1 if w > v else +1))
    y = played.views[COORDINATOR][at(MASKED, i), v][0][0].elements.copy()
    add_masks(fitting.descriptor.ring, y, masks)
    return decode(fitting.descriptor.ring, y)


@pytest.mark.parametrize(("tape", "opens"), [(Tape, False), (Reusing, True)])
def test_a_key_recovered_after_a_later_dropout_opens_nothing_of_an_earlier_iteration_unless_it_were_the_same(
    tape, opens
):
    fitting = Fitting()
    fitting.tapes["h2"] = tape("0 h2")
    played = fitting.run(silent_from("h2", at(SIGN, 1)))
    assert revealed(played) == {0}
    drawn = [draw for draw in fitting.tapes["h2"].drawn if len(draw) == 32]
    recovered = AgreementKey.from_private_bytes(drawn[4 + 1])  # of iteration 1
    earlier = counted(fitting.parameters[0], 0, 2)
    assert (opened(fitting, played, 0, "h2", recovered) == earlier) == opens
    own = AgreementKey.from_private_bytes(drawn[1])
    assert opened(fitting, played, 0, "h2", own) == earlier  # the sum of all masks is right


# ---- dropouts


@pytest.mark.parametrize("iteration", [1, 2])
@pytest.mark.parametrize("step", [MASKED, SIGN])
def test_a_dropout_ends_the_fit_before_anything_of_that_iteration_is_revealed(iteration, step):
    fitting = Fitting()
    played = fitting.run(silent_from("h2", at(step, iteration)))
    assert COLLECTOR not in played.outputs
    refuses(played, COORDINATOR, PeerSilent, "'h2'")
    assert revealed(played) == set(range(iteration))


@pytest.mark.parametrize("step", [SIGN, REVEAL])
def test_who_drops_out_of_the_first_total_after_it_is_in_ends_the_fit_after_it(step):
    fitting = Fitting()
    played = fitting.run(silent_from("h2", step))
    assert COLLECTOR not in played.outputs
    refuses(played, COORDINATOR, PeerSilent, "'h2'")
    assert revealed(played) == {0}


@pytest.mark.parametrize("first", [0, SHARE, MASKED])
def test_who_drops_out_before_the_first_total_is_left_out_of_all(first):
    fitting = Fitting()
    played = fitting.run(silent_from("h2", first))
    assert totals(fitting, played) == (("h0", "h1", "h3"), fitting.pooled((0, 1, 3)))


def test_a_coordinator_that_leaves_an_institution_out_of_a_later_total_is_refused_by_all_before_they_sign():
    def without_h2(message):
        return (np.array([1, 1, 0, 1], np.uint8), *message[1:])

    fitting = Fitting()
    played = fitting.run(coordinator_changes(at(SURVIVORS, 1), without_h2))
    for p in ("h0", "h1", "h3"):
        refuses(played, p, DisclosureRefused, "an institution of the first total is missing")
    assert revealed(played) == {0}
    assert not any(number == at(SIGN, 1) for number, _ in played.views[COORDINATOR])


def test_another_fit_of_the_plan_has_the_same_institutions_or_none_wherever_it_begins():
    first = Fitting()
    first.run(strict=True)
    for start in (b"\x05", b"\x06"):
        again = Fitting(seed=1, start=start, ledgers=first.ledgers)
        played = again.run(silent_from("h2", MASKED))
        assert all(type(played.errors[p]) is DisclosureRefused for p in ("h0", "h1", "h3"))
        assert not revealed(played)
    again = Fitting(seed=2, start=b"\x06", ledgers=first.ledgers)
    assert totals(again, again.run(strict=True)) == (again.names, again.pooled())


def test_the_ledger_is_told_a_plan_of_its_own_for_each_iteration_and_for_other_parameters():
    class Noting(SurvivorLedger):
        def __init__(self):
            super().__init__()
            self.plans = []

        def commit(self, plan, survivors):
            super().commit(plan, survivors)
            self.plans.append(plan)

    ledgers = {p: Noting() for p in names(4)}
    for start in (b"\x05", b"\x06"):
        Fitting(start=start, ledgers=ledgers).run(strict=True)
    plans = ledgers["h0"].plans
    assert plans[::2] == [b"p" * 32] * 2 * MOST
    assert len(set(plans[1::2])) == 2 * MOST


# ---- parameters


def split(iteration, *to):
    """A collector that tells these institutions other parameters."""

    def deliver(number, sender, receiver, message):
        if (number, sender) == (at(PARAMETERS, iteration), COLLECTOR) and receiver in to:
            return (message[0], bytes(len(message[1])))
        return message

    return deliver


@pytest.mark.parametrize("iteration", [0, 1])
@pytest.mark.parametrize("to", [("h1",), ("h0", "h1"), ("h1", "h2", "h3")])
def test_institutions_that_were_told_different_parameters_end_before_anything_is_revealed(iteration, to):
    played = Fitting().run(split(iteration, *to))
    assert revealed(played) == set(range(iteration))
    assert all(type(played.errors[p]) is PeerMisbehaved for p in names(4))
    assert all("the survivor set is not signed by" in str(played.errors[p]) for p in names(4))


def test_even_if_they_revealed_the_check_words_would_fail(monkeypatch):
    monkeypatch.setattr(pairwise, "check_signatures", lambda *_: None)
    played = Fitting().run(split(1, "h1"))
    refuses(played, COLLECTOR, PeerMisbehaved, "check words do not agree")
    assert revealed(played) == {0, 1}


def test_without_the_parameters_in_sid_a_total_over_different_parameters_would_come_out(monkeypatch):
    monkeypatch.setattr(iterated, "_bound", lambda name, parameters: name)
    assert COLLECTOR in Fitting(stop=2).run(split(1, "h1")).outputs


def test_the_coordinator_sees_whether_the_fit_goes_on_and_no_parameters():
    fitting = Fitting(stop=2)
    played = fitting.run(strict=True)
    said = [message for (_, p), message in played.views[COORDINATOR].items() if p == COLLECTOR]
    assert said == [b"\x01", b"\x01", b"\x00"]
    shapes = {i: played.views[COORDINATOR][at(MASKED, i), "h0"] for i in range(2)}
    assert all(len(message) == 2 for message in shapes.values())  # the vector; the next advertisement


def test_a_collector_that_stops_some_and_not_others_gets_nothing_more():
    def stop_h1(number, sender, receiver, message):
        return (b"\x00", b"") if (number, receiver) == (at(PARAMETERS, 1), "h1") else message

    played = Fitting().run(stop_h1)
    assert played.outputs["h1"] == 1
    assert revealed(played) == {0}


# ---- what is refused


def test_a_vector_longer_than_a_chunk_is_refused_by_everybody(monkeypatch):
    monkeypatch.setattr(chunks, "CHUNK_BYTES", 32)
    for part in Fitting(d=5).parts().values():
        with pytest.raises(InvalidRequest, match="a fit takes 4 at most"):
            next(part)


def test_parameters_beyond_the_limit_are_refused_by_the_collector():
    played = Fitting(start=bytes(17)).run()
    refuses(played, COLLECTOR, InvalidRequest, "parameters of 17 bytes; the fit allows 16")


@pytest.mark.parametrize(("most", "limit"), [(0, 16), (3, -1)])
def test_a_fit_without_iterations_or_with_a_limit_below_zero_is_refused(most, limit):
    with pytest.raises(InvalidRequest, match="a fit of"):
        Fit(most, limit)


def test_a_vector_beyond_the_bound_ends_the_fit_and_says_so_to_its_institution_alone():
    played = Fitting(lambda theta, i, k: [0, 1 << 51 if (i, k) == (1, 2) else 0]).run()
    refuses(played, "h2", EncodingOverflow, "declared bound")
    assert revealed(played) == {0}
