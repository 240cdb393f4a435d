"""Lists of common patients between Ray actors: the same lists, and none where a process was killed on the way."""

import pandas as pd
import pytest

import securecompute as sc
from securecompute.coordinator import Collector, Coordinator
from securecompute.engine.fabric import Recipe
from securecompute.errors import PeerLost
from securecompute.network import Network
from tests.mortals import MortalInstitution

pytestmark = pytest.mark.ray
PATIENTS = {"north": range(300), "south": range(250, 900), "east": range(100, 260)}
ROUNDS = {"vole": 4, "iknp": 3, "oprf": 2, "star": 4}
LISTS = sc.Rules(linkage="lists").to_plain()


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    folder = tmp_path_factory.mktemp("records")
    for name, own in PATIENTS.items():
        pd.DataFrame({"mrn": [f"patient {k}" for k in own]}).to_parquet(folder / f"{name}.parquet")
    return {name: folder / f"{name}.parquet" for name in PATIENTS}


def network(files, state, dying=None, dies_in=None):
    from securecompute.engine.on_ray import OnRay, Placement

    recipes = {"coordinator": Recipe(Coordinator), "collector": Recipe(Collector)}
    for name, path in files.items():
        own = {"name": name, "source": str(path), "rules": LISTS, "state": str(state / name)}
        recipes[name] = Recipe(MortalInstitution, own | {"dies_in": dies_in if name == dying else None})
    return Network(OnRay(recipes, placement=Placement(cluster="auto")), files, None)


def asked(formed, protocol, **more):
    names = list(PATIENTS) if protocol == "star" else ["north", "south"]
    return formed.intersect(*names, on="mrn", to="north", protocol=protocol, **more)


def written(state, name="*"):
    """institution -> its list, from its folder."""
    lists = state.glob(f"*/lists/{name}.parquet")
    return {path.parts[-3]: pd.read_parquet(path)["mrn"].tolist() for path in lists}


@pytest.fixture(scope="module")
def healthy(files, ray_cluster, tmp_path_factory):
    state = tmp_path_factory.mktemp("state")
    with network(files, state) as formed:
        yield formed, state


@pytest.mark.parametrize("protocol", ROUNDS)
def test_the_receiver_finds_its_list_in_its_folder(healthy, protocol):
    formed, state = healthy
    receipt = asked(formed, protocol, progress=[].append)
    common = range(250, 260) if protocol == "star" else range(250, 300)
    assert written(state, receipt.name) == {"north": [f"patient {k}" for k in common]}
    assert (receipt.rounds, receipt.receivers, receipt.written) == (ROUNDS[protocol], ("north",), ("north",))


STEPS = [
    step if step == ("vole", "south", 2) else pytest.param(*step, marks=pytest.mark.slow)
    for protocol, rounds in ROUNDS.items()
    for who in ("north", "south")
    for step in ((protocol, who, k) for k in range(rounds))
]


@pytest.mark.parametrize(("protocol", "who", "dies_in"), STEPS)
def test_whoever_is_killed_on_the_way_is_named_and_there_is_no_list(
    files, ray_cluster, tmp_path, protocol, who, dies_in
):
    with network(files, tmp_path, who, dies_in) as formed, pytest.raises(PeerLost, match=f"'{who}' is gone"):
        asked(formed, protocol)
    assert written(tmp_path) == {}


@pytest.mark.slow
def test_who_is_killed_after_all_is_said_changes_nothing(files, ray_cluster, tmp_path):
    with network(files, tmp_path, "south", ROUNDS["vole"]) as formed:
        assert asked(formed, "vole").receivers == ("north",)
    assert len(written(tmp_path)["north"]) == 50
