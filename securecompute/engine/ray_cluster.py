"""A Ray of one's own on this machine, quiet and private; or a place in a running one, when asked for by name.

temporary folder   fresh, mode 0700, short (a socket's name has at most 107 bytes), removed at the end
network            loopback only: with a real address Ray listens on all interfaces
token              random, in the environment of this process: otherwise Ray writes it to a file that all may read
dashboard, usage statistics, logs to the driver: off
"""

import logging
import os
import shutil
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import ray
from ray._private import ray_constants, worker
from ray._raylet import Config  # type: ignore[attr-defined]

from securecompute.errors import InternalFault, InvalidRequest
from securecompute.primitives.randomness import SystemRandomness

_OBJECT_STORE_BYTES = 200 << 20  # sealed frames and answers pass through it; records never do


class RayCluster:
    """This process's connection to Ray."""

    def __init__(self, address: str | None) -> None:
        """address   of a running cluster; None: start a private one

        raises   InvalidRequest  Ray already runs in this process; or nothing answers at the address
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
            self._start()
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

    def _start(self) -> None:
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
        with _private_files(), _quiet():
            try:
                ray.init(
                    address="local",
                    namespace=self._token[:16],
                    include_dashboard=False,
                    log_to_driver=False,
                    logging_level=logging.ERROR,
                    num_cpus=os.cpu_count() or 1,
                    object_store_memory=_OBJECT_STORE_BYTES,
                    _node_ip_address="127.0.0.1",
                    _temp_dir=str(self.folder() / "ray"),
                )
            except (RuntimeError, OSError, ValueError) as error:
                self.close()
                raise InternalFault(f"Ray did not start on this machine: {type(error).__name__}") from error
        self._joined = True
        worker.print_to_stdstream = _discard  # how Ray reports a dead worker, in its own words, beside ours

    def _join(self, address: str) -> None:
        if ray.is_initialized():
            return
        with _quiet():
            try:
                ray.init(address=address, namespace=self._token[:16], log_to_driver=False, logging_level=logging.ERROR)
            except (ConnectionError, RuntimeError, OSError, ValueError) as error:
                raise InvalidRequest(f"no Ray cluster answers at '{address}': {type(error).__name__}") from error
        self._joined = True


@contextmanager
def _private_files() -> Iterator[None]:
    before = os.umask(0o077)
    try:
        yield
    finally:
        os.umask(before)


@contextmanager
def _quiet() -> Iterator[None]:
    """Ray's advice to its own users is not for ours."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def _discard(*_: object, **__: object) -> None:
    """Say nothing."""
