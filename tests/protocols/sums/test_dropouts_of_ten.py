"""Ten institutions, any number of which fall silent at any step: the exact total of named survivors, or a refusal.

A refusal comes exactly when fewer are left than the setting says that it takes, which `bears` computes from the
documented thresholds alone. Institution i contributes 2^i, so a wrong total would name who is missing or twice there.
"""

import random

import pytest

from securecompute.errors import DisclosureRefused, PeerSilent
from securecompute.protocols.sums.settings import Committee, Pairwise
from tests.protocols.sums.committee_playing import OPENED, SPEAK
from tests.protocols.sums.conformance_harness import remembered_curves
from tests.protocols.sums.playing import ADVERTISE, MASKED, REVEAL, SHARE, SIGN, Federation, describe, names, sound

TEN = tuple(names(10))
SETTINGS = {
    "pairwise": Pairwise(),
    "a committee of three": Committee(TEN[:3]),
    "a committee of three, honest coordinator": Committee(TEN[:3], honest_coordinator=True),
    "a committee of five": Committee(TEN[3:8]),
    "a committee of five, honest coordinator": Committee(TEN[3:8], honest_coordinator=True),
}
STEPS = (ADVERTISE, SHARE, MASKED, SIGN, REVEAL)  # the same rounds in both protocols
assert (SPEAK, OPENED) == (SHARE, MASKED)


@pytest.fixture(autouse=True, scope="module")
def remembered():
    """Runs are alike but for who is missing."""
    with remembered_curves():
        yield


def federation(setting, seed=0, ledgers=None):
    """Ten institutions; t = 7, m = 3."""
    return Federation(describe(10, 2, setting=setting), {p: [1 << k, -k] for k, p in enumerate(TEN)}, seed, ledgers)


def bears(setting, lost):
    """Who is in the total when each of `lost`, institution -> step, is silent from that step on; None: a refusal."""

    def left(step, of=TEN):
        return tuple(p for p in of if lost.get(p, REVEAL + 1) > step)

    if isinstance(setting, Pairwise):
        return left(MASKED) if len(left(REVEAL)) >= 7 else None
    enough = len(left(SIGN, setting.members)) >= setting.quorum and len(left(SPEAK)) >= 3
    return left(SPEAK) if enough and len(left(REVEAL, setting.members)) > setting.tolerated else None


def losing(lost):
    """Lose what these say, each from its step on."""
    return lambda at, who, to, message: None if at >= lost.get(who, at + 1) else message


def outcome(setting, lost):
    """Play it; who is in the total, or None."""
    run = federation(setting)
    played = run.run(losing(lost))
    included = sound(run, played)
    if included is None:
        assert {type(error) for p, error in played.errors.items() if p not in lost} == {PeerSilent}
    return included


def draws(step, count, sets, others=False):
    """So many sets of so many institutions that fall silent at this step, or with `others` at this and other steps."""
    pick = random.Random(f"{step} {count} {others}")
    for _ in range(sets):
        lost = pick.sample(TEN, count)
        yield {p: pick.choice(STEPS) if others and k else step for k, p in enumerate(lost)}


@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize("setting", SETTINGS.values(), ids=SETTINGS)
def test_any_number_that_fall_silent_at_one_step_leaves_the_exact_total_or_a_refusal(setting, step):
    for count in range(1, 6):
        for lost in draws(step, count, 1):
            assert outcome(setting, lost) == bears(setting, lost), lost


@pytest.mark.parametrize("setting", SETTINGS.values(), ids=SETTINGS)
def test_any_number_that_fall_silent_at_different_steps_leaves_the_exact_total_or_a_refusal(setting):
    for step in STEPS:
        for count in (2, 4):
            for lost in draws(step, count, 1, others=True):
                assert outcome(setting, lost) == bears(setting, lost), lost


@pytest.mark.slow
@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize("setting", SETTINGS.values(), ids=SETTINGS)
def test_many_sets_of_any_number_that_fall_silent_at_any_steps(setting, step):
    for count in range(1, 10):
        for others in (False, True):
            for lost in draws(step, count, 3, others):
                assert outcome(setting, lost) == bears(setting, lost), lost


@pytest.mark.parametrize("setting", SETTINGS.values(), ids=SETTINGS)
def test_the_draws_hold_totals_and_refusals_of_every_setting(setting):
    said = [bears(setting, lost) for step in STEPS for count in range(1, 6) for lost in draws(step, count, 1)]
    assert said.count(None) >= 3 and len(said) - said.count(None) >= 5 and len(set(said)) >= 5


@pytest.mark.parametrize("setting", SETTINGS.values(), ids=SETTINGS)
def test_two_different_sets_for_one_plan_are_refused_by_the_institutions_themselves(setting):
    late = [p for p in TEN if p not in getattr(setting, "members", ())][-2:]
    guards = getattr(setting, "members", TEN)
    for first, second in ((), late[:1]), (late[:1], ()), (late[:1], late[1:]):
        one = federation(setting, seed=1)
        two = federation(setting, seed=2, ledgers=one.ledgers)
        assert sound(one, one.run(losing(dict.fromkeys(first, SPEAK)))) == tuple(p for p in TEN if p not in first)
        played = two.run(losing(dict.fromkeys(second, SPEAK)))
        assert sound(two, played) is None
        asked = [p for p in guards if p not in (*first, *second)]
        assert all(type(played.errors[p]) is DisclosureRefused for p in asked)
