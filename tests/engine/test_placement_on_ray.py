"""Where parties live: in a private cluster or in one that was named, on labelled nodes, and how far sockets reach."""

import pytest

from securecompute.engine.fabric import Recipe
from securecompute.errors import InvalidRequest
from tests.engine.talks import Talker

pytestmark = pytest.mark.ray
PARTIES = ("north", "south")


@pytest.fixture
def here(ray_cluster):
    """The label that Ray gives to the one node of the tests' cluster."""
    import ray

    return {"ray.io/node-id": ray.get_runtime_context().get_node_id()}


def place(labels=None, cluster="auto", carrier=None):
    from securecompute.engine.on_ray import OnRay, Placement

    recipes = {party: Recipe(Talker, {"me": party}) for party in PARTIES}
    return OnRay(recipes, placement=Placement(cluster, labels or {}, carrier))


def test_parties_live_where_their_labels_say_and_talk_by_sockets_on_one_node(here):
    fabric = place({party: here for party in PARTIES})
    assert fabric.parties == PARTIES
    assert fabric.carrier == "sockets"
    fabric.close()


def test_labels_that_no_node_has_are_an_error_that_names_who_and_what(here):
    with pytest.raises(InvalidRequest, match=r"'south': no node is labelled institution=South") as refused:
        place({"north": here, "south": {"institution": "South"}})
    assert "north" not in str(refused.value)


def test_one_label_of_two_is_not_enough(here):
    with pytest.raises(InvalidRequest, match="'north': no node"):
        place({"north": here | {"institution": "North"}})


def test_another_cluster_than_this_process_is_in_is_refused(ray_cluster):
    with pytest.raises(InvalidRequest, match=r"not '10\.1\.2\.3:6379'"):
        place(cluster="10.1.2.3:6379")


def test_leaving_a_joined_cluster_does_not_end_it(ray_cluster):
    import ray

    place().close()
    assert ray.is_initialized()


@pytest.mark.parametrize(
    ("wanted", "elsewhere", "carrier"), [(None, False, "sockets"), (None, True, "calls"), ("calls", False, "calls")]
)
def test_frames_travel_by_sockets_only_if_everybody_lives_here(here, wanted, elsewhere, carrier):
    from securecompute.engine.ray_cluster import choose_carrier

    assert choose_carrier(wanted, {*here.values(), *(["another node"] if elsewhere else [])}) == carrier


@pytest.mark.parametrize("nodes", [{"another node"}, {"this node", "another node"}])
def test_sockets_that_cannot_reach_are_refused(ray_cluster, nodes):
    from securecompute.engine.ray_cluster import choose_carrier

    with pytest.raises(InvalidRequest, match="do not reach other machines"):
        choose_carrier("sockets", nodes)


def test_a_carrier_that_does_not_exist_is_refused(ray_cluster):
    from securecompute.engine.ray_cluster import choose_carrier

    with pytest.raises(InvalidRequest, match="there is no carrier 'pigeons'"):
        choose_carrier("pigeons", set())
