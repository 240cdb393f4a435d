"""Participants whose process ends, by SIGKILL, when their part reaches a given round."""

import os
import signal
from itertools import count
from typing import Any

from securecompute.coordinator import Collector, Coordinator
from securecompute.engine.rounds import Part
from securecompute.institution import Institution


def mortal(part: Part[Any], dies_in: int | None) -> Part[Any]:
    """The same part; the process is killed before the part yields its round of this number."""
    inbox: Any = None
    for number in count():
        if number == dies_in:
            os.kill(os.getpid(), signal.SIGKILL)
        try:
            following = part.send(inbox)
        except StopIteration as stop:
            return stop.value
        inbox = yield following
    return None


class MortalInstitution(Institution):
    """An institution that dies in a round of its part, if one is given."""

    def __init__(self, *, dies_in: int | None = None, **arguments: Any) -> None:
        super().__init__(**arguments)
        self._dies_in = dies_in

    def part(self, manifest: bytes) -> Part[dict[str, Any]]:
        """The institution's part, up to that round."""
        return mortal(super().part(manifest), self._dies_in)


class MortalCoordinator(Coordinator):
    """A coordinator that dies in a round of its part."""

    def __init__(self, dies_in: int) -> None:
        super().__init__()
        self._dies_in = dies_in

    def part(self, manifest: bytes) -> Part[dict[str, Any]]:
        """The coordinator's part, up to that round."""
        return mortal(super().part(manifest), self._dies_in)


class MortalCollector(Collector):
    """A collector that dies in a round of its part."""

    def __init__(self, dies_in: int) -> None:
        super().__init__()
        self._dies_in = dies_in

    def part(self, manifest: bytes) -> Part[dict[str, Any]]:
        """The collector's part, up to that round."""
        return mortal(super().part(manifest), self._dies_in)
