"""A Ray of one's own on this machine, quiet and private; or a place in a running one, when asked for by name.

temporary folder   fresh, mode 0700, short (a socket's name has at most 107 bytes), removed at the end
network            loopback only: with a real address Ray listens on all interfaces
token              random, in the environment of this process: otherwise Ray writes it to a file that all may read
dashboard, autoscaler, log monitor, usage statistics: off, and their processes are not started
"""

import logging
import os
import shutil
import signal
import tempfile
import threading
import warnings
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import ray
from ray._private import node, ray_constants, utils, worker
from ray._raylet import Config  # type: ignore[attr-defined]
from ray.exceptions import RayError

from securecompute.errors import InternalFault, InvalidRequest
from securecompute.primitives.randomness import SystemRandomness

_OBJECT_STORE_BYTES: Final = 200 << 20  # sealed frames and answers pass through it; records never do
_LEFT_OUT: Final[tuple[tuple[Any, str], ...]] = (  # a third of the time that Ray takes to start
    (node.Node, "start_monitor"),  # the autoscaler
    (node.Node, "start_log_monitor"),  # copies logs to the driver
    (node.Node, "start_api_server"),  # the dashboard
    (utils, "get_dashboard_dependency_error"),  # something, not None: what is installed for a dashboard is not loaded
)
SOCKETS: Final = "sockets"
CALLS: Final = "calls"


class RayCluster:
    """This process's connection to Ray."""

    def __init__(self, address: str | None, workers: int | None = None) -> None:
        """address   of a running cluster, or "auto"; None: start a private one
        workers   processes that a private one starts at once; None: as many as there are cores

        raises   InvalidRequest  Ray already runs in this process, and this cluster was not named; or nothing answers
                 InternalFault   Ray does not start
        """
        self._folder: Path | None = None
        self._token = SystemRandomness().bytes(32).hex()
        self._joined = False
        if ray.is_initialized() and address is None:
            raise InvalidRequest(
                "Ray already runs in this process. Its cluster is joined only when it is named, because everybody in "
                "it is then in one trust domain: pass cluster='auto' or its address"
            )
        if address is None:
            self._start(workers or os.cpu_count() or 1)
        else:
            self._join(address)

    def folder(self) -> Path:
        """A folder on this machine for this user alone, mode 0700. Short: a socket's name has at most 107 bytes."""
        if self._folder is None:
            self._folder = Path(tempfile.mkdtemp(prefix="sc-"))
        return self._folder

    def close(self) -> None:
        """Leave; a private Ray ends."""
        if self._joined:
            ray.shutdown()
            self._joined = False
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)
            self._folder = None

    def _start(self, workers: int) -> None:
        # Every worker inherits these, so they stay; Ray read its own mode when it was imported, and reads it again.
        os.environ.setdefault("RAY_AUTH_MODE", "token")
        os.environ.setdefault("RAY_AUTH_TOKEN", self._token)
        os.environ |= {
            "RAY_USAGE_STATS_ENABLED": "0",
            "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",
            "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0",
        }
        ray_constants.ENABLE_RAY_CLUSTER = False  # or 127.0.0.1 would be replaced by an address that others can reach
        Config.initialize("")
        with _private_files(), _quiet(), _only_what_is_used(), _own_signals():
            try:
                ray.init(
                    address="local",
                    namespace=self._token[:16],
                    include_dashboard=False,
                    log_to_driver=False,
                    logging_level=logging.ERROR,
                    num_cpus=workers,
                    object_store_memory=_OBJECT_STORE_BYTES,
                    _node_ip_address="127.0.0.1",
                    _temp_dir=str(self.folder() / "ray"),
                )
            except BaseException as error:  # Ray raises bare exceptions here, and a person may stop the wait
                self._joined = True
                self.close()
                if isinstance(error, Exception):
                    kind = type(error).__name__
                    raise InternalFault(f"Ray did not start on this machine ({kind}). Is it busy? Try again") from None
                raise
        self._joined = True
        worker.print_to_stdstream = _discard  # how Ray reports a dead worker, in its own words, beside ours

    def _join(self, address: str) -> None:
        if ray.is_initialized():
            here = ray.get_runtime_context().gcs_address
            if address not in ("auto", here):
                raise InvalidRequest(
                    f"Ray already runs in this process, in the cluster at '{here}', not '{address}'. Name that one, or "
                    "leave it first with ray.shutdown()"
                )
            return
        local: dict[str, Any] = {}
        if address.startswith(("127.", "localhost:")):
            ray_constants.ENABLE_RAY_CLUSTER = False  # as above
            local["_node_ip_address"] = "127.0.0.1"
        with _quiet():
            try:
                ray.init(
                    address=address,
                    namespace=self._token[:16],
                    log_to_driver=False,
                    logging_level=logging.ERROR,
                    **local,
                )
            except (RayError, ConnectionError, RuntimeError, OSError, ValueError) as error:
                raise InvalidRequest(
                    f"no Ray cluster answers at '{address}', or it asks for another token: {type(error).__name__}. "
                    "Set RAY_AUTH_MODE=token, and RAY_AUTH_TOKEN_PATH to the cluster's token file"
                ) from error
        self._joined = True


def choose_carrier(wanted: str | None, nodes: Collection[str]) -> str:
    """How frames travel between parties that live on these nodes: by sockets only if all live where this process does.

    wanted   "sockets", "calls" or None: whichever can
    raises   InvalidRequest  there is no such carrier, or sockets cannot reach
    """
    if wanted not in (None, SOCKETS, CALLS):
        raise InvalidRequest(f"there is no carrier '{wanted}'; choose '{SOCKETS}' or '{CALLS}'")
    together = set(nodes) == {ray.get_runtime_context().get_node_id()}
    if wanted == SOCKETS and not together:
        raise InvalidRequest(f"Unix sockets do not reach other machines; place the parties with carrier='{CALLS}'")
    return wanted or (SOCKETS if together else CALLS)


def check_labels(wanted: Mapping[str, Mapping[str, str]]) -> None:
    """Every party's labels are those of a node that is alive: Ray would wait for one for ever.

    raises   InvalidRequest  naming the parties and what is missing
    """
    if not any(wanted.values()):
        return
    nodes = [node["Labels"] for node in ray.nodes() if node["Alive"]]  # type: ignore[no-untyped-call]
    missing = [
        f"'{party}': no node is labelled " + ", ".join(f"{key}={value}" for key, value in labels.items())
        for party, labels in wanted.items()
        if labels and not any(labels.items() <= node.items() for node in nodes)
    ]
    if missing:
        raise InvalidRequest("\n".join(missing) + "\nStart its node with: ray start --labels KEY=VALUE")


@contextmanager
def _private_files() -> Iterator[None]:
    before = os.umask(0o077)
    try:
        yield
    finally:
        os.umask(before)


@contextmanager
def _only_what_is_used() -> Iterator[None]:
    """Ray starts without the processes that a private cluster has no use for; it offers no setting for that."""
    kept = [(owner, name, getattr(owner, name)) for owner, name in _LEFT_OUT if hasattr(owner, name)]
    for owner, name, _ in kept:
        setattr(owner, name, _left_out)
    try:
        yield
    finally:
        for owner, name, original in kept:
            setattr(owner, name, original)


def _left_out(*_: object, **__: object) -> str:
    return "left out"


@contextmanager
def _own_signals() -> Iterator[None]:
    """Ray takes SIGTERM for itself as it starts; whoever had it before gets it back."""
    before = signal.getsignal(signal.SIGTERM)
    try:
        yield
    finally:
        if threading.current_thread() is threading.main_thread():
            signal.signal(signal.SIGTERM, before)


@contextmanager
def _quiet() -> Iterator[None]:
    """Ray's advice to its own users is not for ours."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def _discard(*_: object, **__: object) -> None:
    """Say nothing."""
