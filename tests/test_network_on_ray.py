"""A network of Ray actors: the same answers, and what the death of a process turns into."""

import os
import stat
import time

import pandas as pd
import pytest

import securecompute as sc
from securecompute.coordinator import Collector, Coordinator
from securecompute.engine.fabric import Recipe
from securecompute.errors import PeerLost
from securecompute.network import Network
from tests.mortals import MortalCollector, MortalCoordinator, MortalInstitution

pytestmark = pytest.mark.ray
SIZES = {"north": 101, "south": 202, "east": 404, "west": 808}  # each sum of some of them says which


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    folder = tmp_path_factory.mktemp("records")
    for name, n in SIZES.items():
        rows = {"arm": ["a", "b"] * (n // 2) + ["a"] * (n % 2), "age": [30 + k % 40 for k in range(n)]}
        pd.DataFrame(rows).to_parquet(folder / f"{name}.parquet")
    return {name: folder / f"{name}.parquet" for name in SIZES}


def network(files, ray_cluster, carrier="sockets", **special):
    from securecompute.engine.on_ray import OnRay, Placement

    recipes = {name: Recipe(MortalInstitution, {"name": name, "source": str(path)}) for name, path in files.items()}
    recipes |= {"coordinator": Recipe(Coordinator), "collector": Recipe(Collector)} | special
    return Network(OnRay(recipes, placement=Placement(cluster="auto", carrier=carrier)), files, None)


def dying(files, name, dies_in):
    return {name: Recipe(MortalInstitution, {"name": name, "source": str(files[name]), "dies_in": dies_in})}


@pytest.mark.parametrize("carrier", ["calls", "sockets"])
def test_a_question_is_answered_and_stamped(files, ray_cluster, carrier):
    with network(files, ray_cluster, carrier) as net:
        answer = net.study("s").count(where="age >= 30")
    assert answer.n == sum(SIZES.values())
    assert answer.provenance.trust == "single-domain"
    assert answer.provenance.rounds == 9


STEPS = [step if step in (0, 4, 5, 9) else pytest.param(step, marks=pytest.mark.slow) for step in range(10)]


@pytest.mark.parametrize("dies_in", STEPS)
def test_an_institution_killed_at_any_step_is_left_out_or_was_counted_whole(files, ray_cluster, dies_in):
    with network(files, ray_cluster, **dying(files, "west", dies_in)) as net:
        begun = time.monotonic()
        answer = net.study("s").count()
        assert time.monotonic() - begun < 5
    counted = dies_in >= 5  # its masked vector, round 4, had left
    assert answer.n == sum(SIZES.values()) - (0 if counted else SIZES["west"])
    assert answer.provenance.dropped_out == (() if counted else ("west",))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("role", "mortal", "dies_in"),
    [("coordinator", MortalCoordinator, k) for k in range(8)] + [("collector", MortalCollector, k) for k in range(10)],
)
def test_a_killed_coordinator_or_collector_is_a_sentence_that_names_it(files, ray_cluster, role, mortal, dies_in):
    with network(files, ray_cluster, **{role: Recipe(mortal, {"dies_in": dies_in})}) as net:
        begun = time.monotonic()
        with pytest.raises(PeerLost, match=f"'{role}' is gone"):
            net.study("s").count()
        assert time.monotonic() - begun < 5


def test_two_of_four_killed_is_a_sentence_with_names_phase_and_need(files, ray_cluster):
    special = dying(files, "west", 3) | dying(files, "east", 3)
    with network(files, ray_cluster, **special) as net:
        begun = time.monotonic()
        with pytest.raises(PeerLost, match=r"round 4 \(masked\): .*'east'.* gone.*2 are left and 3 are needed"):
            net.study("s").count()
        assert time.monotonic() - begun < 5


def test_an_institution_that_died_before_is_left_out_and_stays_dead(files, ray_cluster, capfd):
    with network(files, ray_cluster) as net:
        net.fabric.kill("north")
        study = net.study("s")
        assert study.count().n == sum(SIZES.values()) - SIZES["north"]
        assert study.count(where="age > 60").provenance.dropped_out == ("north",)
        with pytest.raises(PeerLost, match="'north' is gone: its process was ended"):
            net.fabric.ask("north", "introduce")
    said = capfd.readouterr()
    assert "actor died" not in said.err + said.out


def test_a_file_that_cannot_be_read_is_named_with_its_institution_and_nothing_is_left_running(files, ray_cluster):
    broken = {"west": Recipe(MortalInstitution, {"name": "west", "source": "nowhere.parquet"})}
    with pytest.raises(sc.InvalidRequest, match=r"records of 'west'.*nowhere\.parquet"):
        network(files, ray_cluster, **broken)


def test_ray_listens_on_loopback_only_and_its_folder_is_this_users_alone(ray_cluster):
    import ray

    assert ray.util.get_node_ip_address() == "127.0.0.1"
    assert stat.S_IMODE(os.stat(ray_cluster.folder()).st_mode) == 0o700
    assert os.environ["RAY_AUTH_MODE"] == "token"


def test_a_second_private_ray_is_refused_because_joining_must_be_asked_for(files, ray_cluster):
    with pytest.raises(sc.InvalidRequest, match="joined only when it is named"):
        sc.Network.simulate(files, quiet=True)


def test_files_that_are_not_there_are_told_before_ray_starts(files):
    wrong = dict(files, north="nowhere/north.parquet", east="nowhere/east.parquet")
    with pytest.raises(sc.InvalidRequest, match=r"'north'.*no file north\.parquet\n.*'east'.*no file east\.parquet"):
        sc.Network.simulate(wrong, quiet=True)
