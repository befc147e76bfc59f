"""What sandboxed code must not reach: a stand-in for the service and its data, in the process of the tests."""

import os
import secrets
import shutil
import socket
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

SECRET = "topsecret-" + secrets.token_hex(8)


@dataclass(frozen=True)
class World:
    root: Path
    names: dict[str, str]
    """By which the snippets call things."""

    def state(self) -> dict[str, tuple[bytes, int, int, int]]:
        """Contents, modes, owners and times of everything that is the service's."""
        found = {}
        for path in sorted((self.root / "service").rglob("*")):
            about = path.lstat()
            content = path.read_bytes() if path.is_file() else b""
            found[str(path)] = (content, about.st_mode, about.st_uid, about.st_mtime_ns)
        return found

    def traces(self) -> list[str]:
        """Files that came into being outside."""
        token = self.names["token"]
        places = [Path(folder) / token for folder in ("/tmp", "/var/tmp", "/dev/shm")]
        places += [*self.root.rglob(token), Path(self.names["outside"])]
        return [str(path) for path in places if path.exists()]


@contextmanager
def world(root: Path) -> Iterator[World]:
    service, source = root / "service", root / "service" / "source"
    source.mkdir(parents=True)
    (source / "own_service.py").write_text(f"SECRET = {SECRET!r}\n")
    database = service / "service.sqlite3"
    with sqlite3.connect(database) as db:
        db.execute("create table t(v)")
        db.execute("insert into t values(?)", (SECRET,))
    db.close()
    database.chmod(0o600)
    leaked = os.open(source / "own_service.py", os.O_RDONLY)
    os.set_inheritable(leaked, True)
    os.environ["SANDBOX_TEST_SECRET"] = SECRET
    token = f"sandbox-{secrets.token_hex(6)}"
    unix = str(root / "service.sock")
    with ExitStack() as stack:
        stack.callback(os.close, leaked)
        stack.callback(os.environ.pop, "SANDBOX_TEST_SECRET", None)
        stack.callback(shutil.rmtree, root, ignore_errors=True)
        tcp = stack.enter_context(_listening(socket.AF_INET, ("127.0.0.1", 0)))
        stack.enter_context(_listening(socket.AF_UNIX, unix))
        stack.enter_context(_listening(socket.AF_UNIX, f"\0{token}"))
        names = {
            "service": str(os.getpid()), "secret": SECRET, "database": str(database), "source": str(source),
            "outside": str(root / "outside.txt"), "token": token, "port": str(tcp.getsockname()[1]), "unix": unix,
            "abstract": token,
        }  # fmt: skip
        yield World(root, names)


@contextmanager
def _listening(family: int, address: object) -> Iterator[socket.socket]:
    listener = socket.socket(family)
    listener.bind(address)
    listener.listen()
    thread = threading.Thread(target=_greet, args=(listener,), daemon=True)
    thread.start()
    try:
        yield listener
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        thread.join(5)
        listener.close()


def _greet(listener: socket.socket) -> None:
    while True:
        try:
            caller, _ = listener.accept()
        except OSError:
            return
        with caller:
            caller.sendall(b"HTTP/1.0 200 OK\r\n\r\nservice")
