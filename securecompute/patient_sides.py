"""What a question about patients is made from: institutions are asked how many records take part, and how keys read.

Each tells a public number, which its records do not exceed, and the kinds of its fields, which have to be the same at
all institutions; nothing is linked before that.
"""

from collections.abc import Sequence

from securecompute.analyses.question import Question
from securecompute.disclosure.rules import COUNTS
from securecompute.engine.rounds import Party
from securecompute.errors import InvalidRequest
from securecompute.linking import told_by
from securecompute.patients import catalogue
from securecompute.patients.counts import Sides
from securecompute.patients.keys import plain_fields
from securecompute.programs.linkages import Linkage, Side
from securecompute.records.columns import near
from securecompute.records.dictionary import Dictionary
from securecompute.records.key_types import KeyType
from securecompute.secret_arrays.linked import Linkers, check_kinds, sides_of


def sides_for(network: Linkers, question: Question, dictionary: Dictionary) -> Sides:
    """The sides of a question, as the institutions tell them.

    raises   InvalidRequest     no such institution, column or cohort; fields of other kinds at one than at another
             DisclosureRefused  a rule of one of them does not allow it
             PeerMisbehaved     one of them answers something else
    """
    names, where = question.parameters["between"] or network.institutions, question.where
    keys = catalogue.keys_of(question)
    if "keys" in question.parameters:
        return _by_keys(network, names, keys, where, question.parameters["patient"])
    brought = catalogue.brought(question, dictionary)
    sides, key = sides_of(network, names, keys[0], brought, where, COUNTS)
    return Sides(key, tuple(sides))


def _by_keys(
    network: Linkers, names: Sequence[Party], keys: Sequence[KeyType], where: str | None, patient: str | None
) -> Sides:
    for name in names:
        if name not in network.institutions:
            raise InvalidRequest(f"there is no institution '{name}'{near(name, network.institutions, 'institutions')}")
    asked = {"keys": [plain_fields(key) for key in keys], "where": where, "patient": patient}
    told = {name: told_by(name, network.fabric.ask(name, "measure", asked), keys, several=True) for name in names}
    read = {name: [Linkage.fields_from(each) for each in of_name["keys"]] for name, of_name in told.items()}
    check_kinds(read)
    parts = read[names[0]]
    if len(set(parts)) < len(parts):
        raise InvalidRequest("two of the keys are the same")
    sides = tuple(Side(name, where, told[name]["records"]) for name in names)
    return Sides(parts[0], sides, tuple(parts[1:]))
