"""A Ray head as `start-local.sh` starts it: a child in a session of its own, ended with all that it began."""

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
SIMULATION = ROOT / "cluster" / "simulation"
PORTS = ("GCS_PORT", "DASHBOARD_PORT", "AGENT_PORT", "CLIENT_PORT", "METRICS_PORT")
LISTENING = "0A"  # in /proc/net/tcp


def free_ports(n: int) -> list[int]:
    """Ports that nobody listens on; all held until the last is found, so that they differ."""
    with ExitStack() as held:
        sockets = [held.enter_context(socket.socket()) for _ in range(n)]
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [each.getsockname()[1] for each in sockets]


def environment(**more: str) -> dict[str, str]:
    """This process's environment without Ray's settings, with its interpreter first and the package importable."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("RAY_")}
    path = os.pathsep.join([str(Path(sys.executable).parent), kept.get("PATH", "")])
    return kept | {"PATH": path, "PYTHONPATH": str(ROOT)} | more


@dataclass
class Head:
    """A running head, and the folder that was given to it."""

    process: subprocess.Popen[str]
    folder: Path
    ports: dict[str, int]

    @classmethod
    def start(cls, folder: Path, labels: str) -> "Head":
        """Start it and wait until it says that it runs."""
        ports = dict(zip(PORTS, free_ports(len(PORTS)), strict=True))
        settings = {name: str(port) for name, port in ports.items()} | {"LABELS": labels}
        process = subprocess.Popen(
            ["sh", str(SIMULATION / "start-local.sh"), str(folder)],
            env=environment(**settings),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        said = []
        for line in process.stdout:
            said.append(line)
            if "Ray runtime started" in line:
                return cls(process, folder, ports)
        raise AssertionError("the head did not start:\n" + "".join(said))

    @property
    def token(self) -> Path:
        return self.folder / "token"

    def submit(self, *arguments: str, token: Path | None, mode: str = "token") -> subprocess.CompletedProcess[str]:
        """`ray job submit` of study.py; the token's file, or none."""
        settings = {"RAY_AUTH_MODE": mode} | ({"RAY_AUTH_TOKEN_PATH": str(token)} if token else {})
        address = f"http://127.0.0.1:{self.ports['DASHBOARD_PORT']}"
        job = ["python", str(SIMULATION / "study.py"), *arguments]
        command = [str(Path(sys.executable).parent / "ray"), "job", "submit", "--address", address, "--", *job]
        return subprocess.run(
            command, env=environment(HOME=str(self.folder), **settings), capture_output=True, text=True
        )

    def processes(self) -> Iterator[int]:
        """All processes of the head's session."""
        for status in Path("/proc").glob("[0-9]*/stat"):
            try:
                fields = status.read_text().rpartition(")")[2].split()
            except OSError:
                continue
            if int(fields[3]) == self.process.pid and fields[0] != "Z":
                yield int(status.parent.name)

    def listeners(self) -> set[str]:
        """The addresses, as the kernel writes them, on which the head's processes listen."""
        own = {link for pid in self.processes() for link in _links(pid)}
        found = set()
        for table in ("tcp", "tcp6"):
            for line in Path(f"/proc/net/{table}").read_text().splitlines()[1:]:
                fields = line.split()
                if fields[3] == LISTENING and f"socket:[{fields[9]}]" in own:
                    found.add(fields[1].split(":")[0])
        return found

    def end(self) -> None:
        """Kill its process group, and what of its session left the group."""
        os.killpg(self.process.pid, signal.SIGKILL)
        for pid in list(self.processes()):
            os.kill(pid, signal.SIGKILL)
        self.process.wait()
        self.process.stdout.close()


def _links(pid: int) -> set[str]:
    try:
        return {os.readlink(entry) for entry in Path(f"/proc/{pid}/fd").iterdir()}
    except OSError:
        return set()
