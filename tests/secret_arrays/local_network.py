"""A network in one thread, for tests of secret arrays: three compute parties in lock step, and who else takes part."""

import numpy as np

from securecompute.coordinator import COLLECTOR
from securecompute.programs.program import Input, Program
from securecompute.secret_arrays.array import SecretArray
from tests.programs.running import run

INSTITUTIONS = ("Bern", "Lyon", "Turin", "Ghent")
TRIO = INSTITUTIONS[:3]


class LocalNetwork:
    """What secret arrays ask of a network. Remembers the programs that it ran, and what institutions were shown."""

    institutions = INSTITUTIONS

    def __init__(self):
        self.programs, self.kept, self._held = [], {}, {}

    def secret(self, owner, x, bound=None, **declared):
        """The numbers of an institution, which it is given to hold."""
        x = np.asarray(x)
        name = f"{owner} {len(self._held)}"
        self._held[name] = x.astype(np.float64)
        largest = float(np.abs(x).max(initial=0.0)) if bound is None else float(bound)
        whole = x.dtype.kind in "iub"
        return SecretArray.of_input(self, Input(owner, {"held": name}, x.shape, largest, whole, **declared))

    def run_program(self, program):
        """As every institution would run it: from plain data."""
        received = Program.from_plain(program.to_plain())
        self.programs.append(received)
        data = {k: self._held[declared.source["held"]] for k, declared in received.inputs.items()}
        outputs, _ = run(received, data, TRIO)
        self.kept = {party: shown for party, shown in outputs.items() if shown and party != COLLECTOR}
        return outputs.get(COLLECTOR, {})

    def explain_program(self, program):
        """The program itself, which the tests look at."""
        return program
