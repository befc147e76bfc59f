"""What every test may use, and the two things none may do: reach another machine, or depend on this user's settings."""

import os
import sys
from collections.abc import Iterator
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import hypothesis
import pytest

from tests.postgres import NoPostgres, PostgresServer, connections, shared_postgres

pytest.register_assert_rewrite("tests.peers.scenes")

ROOT = Path(__file__).resolve().parents[1]
DATA_VARIABLE = "SANDTABLE_TEST_DATA"


class NetworkRefused(RuntimeError):
    """A test tried to reach another machine. No OSError: code that expects a dead network must not swallow it."""


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--passages", type=int, default=5_000, help="of the live swap in tests/e2e/test_swap.py")


def pytest_configure() -> None:
    # A test that computes the same takes many times as long on a machine that does other things beside.
    # The same examples every time: `--hypothesis-profile=default` looks for others.
    hypothesis.settings.register_profile("unhurried", deadline=None, derandomize=True)
    hypothesis.settings.load_profile("unhurried")
    for name in _settings_and_keys():
        del os.environ[name]
    os.environ["HF_HUB_OFFLINE"] = "1"
    # As the service sets it: only known types come back from a checkpoint. Read when langgraph is imported.
    os.environ["LANGGRAPH_STRICT_MSGPACK"] = "true"
    # ONNX Runtime reports its use to its maker by default; only this stops it.
    os.environ["ORT_DISABLE_TELEMETRY"] = "1"
    sys.addaudithook(_only_this_machine)


def _settings_and_keys() -> list[str]:
    """Variables that would give the service under test a backend, a key or a directory of the user's."""
    from backends.presets import PRESETS

    keys = {name for preset in PRESETS.values() for name in preset.key_names} | {"OPENAI_BASE_URL"}
    ours = {name for name in os.environ if name.startswith("SANDTABLE_") and name != DATA_VARIABLE}
    return [name for name in os.environ if name in keys | ours]


def _only_this_machine(event: str, arguments: tuple[Any, ...]) -> None:
    """An audit hook, so that it also sees what C code does with sockets. Raises NetworkRefused."""
    match event, arguments:
        case (("socket.getaddrinfo" | "socket.gethostbyname"), (host, *_)):
            allowed = host is None or _is_here(host)
        case (("socket.connect" | "socket.sendto" | "socket.sendmsg"), (_, (host, *_))):
            allowed = _is_here(host)
        case _:
            return
    if not allowed:
        raise NetworkRefused(f"{event} {host!r}: tests reach this machine only; start a server on 127.0.0.1")


def _is_here(host: str | bytes) -> bool:
    name = host.decode("latin-1") if isinstance(host, bytes) else host
    try:
        address = ip_address(name.partition("%")[0])
    except ValueError:
        return name in ("", "localhost")
    return address.is_loopback or address.is_unspecified


@pytest.fixture(scope="session")
def data_dir() -> Path:
    """The folder of data sets, each a folder with corpus.jsonl, queries.jsonl and qrels.tsv."""
    given = os.environ.get(DATA_VARIABLE)
    folder = Path(given) if given else ROOT.parent / "shared" / "data"
    if not folder.is_dir():
        pytest.skip(f"no data sets: {str(folder)!r} is no folder; set {DATA_VARIABLE} to theirs")
    return folder


@pytest.fixture(scope="session")
def cache_dir() -> Path:
    """The user's cache of runtime graphs, as the service uses it, so that the graph is made once and not per test."""
    from platformdirs import user_cache_dir

    return Path(user_cache_dir("sandtable", appauthor=False))


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgresServer]:
    """A PostgreSQL with pgvector that all tests share; one that stops it makes its own."""
    try:
        server = shared_postgres()
    except NoPostgres as error:
        pytest.skip(str(error))
    yield server
    connections().close()
    server.close()
