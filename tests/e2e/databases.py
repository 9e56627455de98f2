"""A PostgreSQL cluster for one test: its own folder, its own port on the loopback interface."""

import contextlib
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

from servers import free_port


@contextlib.contextmanager
def postgresql() -> Iterator[str]:
    """URL of an empty database ``mlflow``; the cluster is stopped and removed afterwards.

    Raises FileNotFoundError when Debian's PostgreSQL is not installed.
    """
    folder = Path(tempfile.mkdtemp(prefix="postgresql-"))
    data, port = folder / "data", free_port()
    if os.geteuid() == 0:
        shutil.chown(folder, "postgres")
    try:
        _run("initdb", "--pgdata", data, "--username", "mlflow", "--auth", "trust", "--encoding", "UTF8", "--no-sync")
        options = f"-c listen_addresses=127.0.0.1 -c port={port} -c unix_socket_directories={folder} -c fsync=off"
        _run("pg_ctl", "start", "--pgdata", data, "--wait", "--log", folder / "log", "--options", options)
        try:
            _run("createdb", "--host", "127.0.0.1", "--port", str(port), "--username", "mlflow", "mlflow")
            yield f"postgresql://mlflow@127.0.0.1:{port}/mlflow"
        finally:
            _run("pg_ctl", "stop", "--pgdata", data, "--mode", "immediate")
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _run(program: str, *arguments: str | Path) -> None:
    """One of PostgreSQL's programs, as the user postgres where we are root (whom initdb and postgres refuse)."""
    found = sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{program}"))
    if not found:
        raise FileNotFoundError(f"/usr/lib/postgresql/*/bin/{program}: not there; apt-get install postgresql")
    as_postgres = ["runuser", "-u", "postgres", "--"] if os.geteuid() == 0 else []
    subprocess.run([*as_postgres, found[-1], *arguments], check=True, cwd="/", stdin=subprocess.DEVNULL,
                   stdout=subprocess.DEVNULL)
