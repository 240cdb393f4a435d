"""Patients of a list appear nowhere but at its receiver: not in messages, answers, logs, pickles or others' folders."""

import hashlib
import pickle
import traceback

import numpy as np
import pyarrow as pa
import pytest
from pyarrow import parquet

import securecompute as sc
from securecompute.records.identifiers import read_identifiers
from securecompute.values import Secret
from tests.privacy.canary import files_below, forms_of_text, found

TEXTS = [f"CANARY-{k:04d}-b71e52" for k in range(60)]
PATIENTS = {"north": TEXTS[:40], "south": TEXTS[20:], "east": TEXTS[10:50]}
TABLES = {name: pa.table({"mrn": pa.array(own, pa.string())}) for name, own in PATIENTS.items()}
IDS = read_identifiers(pa.table({"mrn": pa.array(TEXTS, pa.string())}), "mrn").ids
RULES = sc.Rules(linkage="lists")
HASHES = (hashlib.sha256, hashlib.sha512, hashlib.sha1, hashlib.md5, hashlib.blake2b)


def forms():
    """Texts, identifiers, their first words, and what unkeyed hashes make of them: a dictionary for an attack."""
    for text in TEXTS:
        yield from forms_of_text(text)
        for spelled in (text.encode(), text.lower().encode()):
            yield from (made(spelled).digest()[:8] for made in HASHES)
    for row in IDS:
        yield from (row.tobytes(), row.tobytes().hex().encode(), row[:1].tobytes(), row[1:].tobytes())
        yield from (made(row.tobytes()).digest()[:8] for made in HASHES)


CANARIES = list(forms())


def contents(message):
    """The bytes of a message."""
    if isinstance(message, tuple):
        return b"".join(map(contents, message))
    array = message.elements if isinstance(message, Secret) else message
    return array if isinstance(array, bytes) else np.ascontiguousarray(array).tobytes()


def told(network, protocol):
    """A list of this protocol, and all that leaves a trace of it outside the institutions."""
    names = list(PATIENTS) if protocol == "star" else ["north", "south"]
    receipt = network.intersect(*names, on="mrn", to="north", protocol=protocol)
    yield from ((kind, text.encode()) for kind, text in (("text", str(receipt)), ("repr", repr(receipt))))
    yield "pickle", pickle.dumps(receipt)


@pytest.mark.parametrize("protocol", ["vole", "iknp", "oprf", "star"])
def test_no_message_holds_an_identifier_or_what_a_dictionary_could_find(protocol):
    with sc.Network.simulate(TABLES, fabric="in-process", rules=RULES, quiet=True) as network:
        shown = list(told(network, protocol))
        views = network.fabric.views
        shown += [(f"{party} {at}", contents(m)) for party, view in views.items() for at, m in view.items()]
        receiver = network.fabric._participants["north"]
        assert receiver.lists[0].places.tolist() == list(range(20, 40))
        others = [each for name, each in network.fabric._participants.items() if name != "north"]
        assert not any(getattr(each, "lists", ()) for each in others)
    assert len(shown) > 5
    assert found(CANARIES, shown) == []


@pytest.mark.parametrize("leak", [TEXTS[3].encode(), IDS[5].tobytes(), hashlib.sha256(IDS[7].tobytes()).digest()])
def test_a_planted_leak_is_found(leak):
    assert found(CANARIES, [("message", b"something " + leak + b" more")]) == ["message"]


@pytest.mark.ray
def test_on_ray_only_the_receivers_folder_holds_the_list(tmp_path, ray_cluster, capfd):
    from securecompute.engine.on_ray import Placement

    paths = {name: tmp_path / f"{name}.parquet" for name in TABLES}
    for name, table in TABLES.items():
        parquet.write_table(table, paths[name])
    state = tmp_path / "state"
    placement = Placement(cluster="auto")
    with sc.Network.simulate(paths, placement=placement, rules=RULES, state=state, quiet=True) as network:
        shown = [each for protocol in ("vole", "oprf", "star") for each in told(network, protocol)]
        network.fabric.kill("south")
        with pytest.raises(sc.PeerSilent) as error:
            list(told(network, "vole"))
        shown.append(("error", "".join(traceback.format_exception(error.value)).encode()))
    said = capfd.readouterr()
    shown += [("stdout", said.out.encode()), ("stderr", said.err.encode()), *files_below(ray_cluster.folder())]
    folders = list(files_below(state))
    lists = [(name, content) for name, content in folders if "/lists/" in name]
    assert all(name.startswith("north-") for name, _ in lists) and len(lists) == 3
    assert found(CANARIES, lists) == [name for name, _ in lists]
    others = [each for each in folders if each not in lists]
    assert any(name.endswith(".table") for name, _ in others)
    assert found(CANARIES, [*shown, *others]) == []
