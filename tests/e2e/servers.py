"""Servers for tests: a free port, a process group that is surely ended, and when it answers."""

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

BIN = Path(sys.executable).parent
#: No job runner beside the server, no telemetry, and one thread a process: tests share their cores.
QUIET = {"MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false", "MLFLOW_DISABLE_TELEMETRY": "true", "OMP_NUM_THREADS": "1"}


def free_port() -> int:
    """A port of the loopback interface that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@dataclass(frozen=True)
class Server:
    """A running server: its address, its process (which leads a group of its own) and its log."""

    url: str
    process: "subprocess.Popen[bytes]"
    log: Path

    def end(self, how: signal.Signals = signal.SIGTERM) -> None:
        """Signal every process of the group; what has not ended after ten seconds is killed."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, how)
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.process.wait(10)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()


@contextlib.contextmanager
def serving(command: Sequence[str | Path], port: int, folder: Path, health: str = "/health",
            env: Mapping[str, str] | None = None, seconds: float = 90) -> Iterator[Server]:
    """Run ``command`` in ``folder`` until the block ends; enter it once ``health`` answers."""
    log = folder / f"server-{port}.log"
    with log.open("wb") as out:
        process = subprocess.Popen(list(map(str, command)), cwd=folder, env={**os.environ, **QUIET, **(env or {})},
                                   stdout=out, stderr=subprocess.STDOUT, start_new_session=True)
    server = Server(f"http://127.0.0.1:{port}", process, log)
    try:
        wait_until_up(server, health, seconds)
        yield server
    finally:
        server.end()


def wait_until_up(server: Server, health: str, seconds: float) -> None:
    """Ask for ``health`` until it answers. Raises RuntimeError with the log when it does not, or the process ends."""
    end = time.monotonic() + seconds
    while time.monotonic() < end and server.process.poll() is None:
        try:
            with urllib.request.urlopen(server.url + health, timeout=5):
                return
        except (urllib.error.URLError, OSError):
            time.sleep(0.2)
    raise RuntimeError(f"{server.url}{health} does not answer:\n{server.log.read_text(errors='replace')[-3000:]}")


@contextlib.contextmanager
def mlflow_ui(database: Path) -> Iterator[Server]:
    """``mlflow ui`` on a database file."""
    port = free_port()
    command = [BIN / "mlflow", "ui", "--backend-store-uri", f"sqlite:///{database.resolve()}",
               "--host", "127.0.0.1", "--port", str(port), "--workers", "1"]
    with serving(command, port, database.parent) as server:
        yield server
