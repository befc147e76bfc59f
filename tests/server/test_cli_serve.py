"""The service as a process, and commands beside it."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from server.cli.serve import listen
from server.cli.service import url_of
from server.data_lock import NAME
from tests.conftest import ROOT
from tests.e2e.live import server
from tests.server.command_line import CommandLine


@pytest.fixture(scope="module")
def live(tmp_path_factory):
    with server(tmp_path_factory.mktemp("live") / "data") as running:
        yield running


@pytest.fixture
def sandtable(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    return CommandLine(capsys)


@pytest.mark.slow
def test_commands_use_the_service_that_has_the_data_directory(sandtable, live, tmp_path):
    (tmp_path / "fox.md").write_text("The red fox lives in Graz.\n")
    there = ["--data-dir", str(live.data_dir)]
    result = sandtable.fine("ingest", "fox.md", "-c", "notes", *there)
    assert live.url in result.err
    assert result.out.splitlines() == ["added     fox.md", "notes (new): 1 added"]
    # The same file over --url, as other clients are given it.
    result = sandtable.fine("ingest", "fox.md", "-c", "notes", "--url", f"{live.url}/v1/", "--json")
    assert [file["result"] for file in result.json["files"]] == ["unchanged"]
    result = sandtable.fine("ask", "Where does the red fox live?", "-c", "notes", *there)
    assert result.out.startswith("The red fox lives in Graz.")
    assert f"served at {live.url}" in sandtable("doctor", *there).out


def test_a_collection_of_a_common_name_is_chosen_by_id(sandtable, live):
    import httpx

    ids = [httpx.post(f"{live.url}/v1/vector_stores", json={"name": "twin"}).json()["id"] for _ in "ab"]
    error = sandtable("search", "x", "-c", "twin", "--url", live.url, "--json").json["error"]
    assert error["code"] == "ambiguous_collection"
    assert all(id in error["message"] for id in ids)
    assert sandtable.fine("search", "x", "-c", ids[0], "--url", live.url, "--json").json["vector_store_id"] == ids[0]


def test_a_port_that_is_taken_is_said_before_anything_is_opened(sandtable, live, tmp_path):
    port = live.url.rpartition(":")[2]
    result = sandtable("serve", "--port", port, "--data-dir", "other")
    assert (result.code, result.out) == (1, "")
    assert f"port {port}" in result.err
    assert "--port" in result.err
    assert not (tmp_path / "other").exists()


def test_a_data_directory_that_is_served_is_not_served_twice(sandtable, live):
    error = sandtable("serve", "--port", "0", "--data-dir", live.data_dir, "--json").json["error"]
    assert error["code"] == "data_directory_in_use"
    assert live.url in error["message"]


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.7"])
def test_the_network_needs_a_key(sandtable, host):
    result = sandtable("serve", "--host", host)
    assert result.code == 1
    assert "SANDTABLE_API_KEY" in result.err


def test_an_address_of_another_machine_is_refused(sandtable, monkeypatch):
    monkeypatch.setenv("SANDTABLE_API_KEY", "secret")
    result = sandtable("serve", "--host", "192.0.2.7", "--port", "0")
    assert result.code == 1
    assert "'192.0.2.7'" in result.err


@pytest.mark.parametrize(
    ("backend", "named"), [("nope:x", "'nope'"), ("openai:m", "OPENAI_API_KEY"), ("scripted:/no/such", "/no/such")]
)
def test_a_backend_that_cannot_be_is_said_at_start(sandtable, monkeypatch, backend, named):
    monkeypatch.setenv("SANDTABLE_BACKEND", backend)
    error = sandtable("serve", "--port", "0", "--json")
    assert error.code == 1
    assert error.json["error"]["code"] == "bad_backend"
    assert named in error.json["error"]["message"]


def test_a_log_level_that_is_none_is_said(sandtable, monkeypatch):
    monkeypatch.setenv("SANDTABLE_LOG_LEVEL", "loud")
    result = sandtable("serve", "--port", "0")
    assert result.code == 1
    assert "'loud'" in result.err


def test_a_url_can_be_called_from_this_machine():
    with listen("0.0.0.0", 0) as listener:
        assert url_of(listener) == f"http://127.0.0.1:{listener.getsockname()[1]}"
    if socket.has_ipv6:
        with listen("::1", 0) as listener:
            assert url_of(listener) == f"http://[::1]:{listener.getsockname()[1]}"


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_one_line_when_ready_and_a_graceful_end(tmp_path, number):
    command = [sys.executable, "-m", "server.cli.main", "serve", "--port", "0", "--data-dir", str(tmp_path), "--json"]
    environment = {**os.environ, "SANDTABLE_BACKEND": "extractive"}
    process = subprocess.Popen(
        command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    lines = [process.stdout.readline()]
    while lines[-1] not in ("}\n", ""):
        lines.append(process.stdout.readline())
    ready = json.loads("".join(lines))
    lock = Path(tmp_path, NAME)
    assert lock.read_text() == ready["url"]
    process.send_signal(number)
    rest, log = process.communicate(timeout=30)
    assert (process.returncode, rest) == (0, "")
    assert ready["backend"] == "extractive"
    assert "backend extractive (it is set explicitly); embedder all-MiniLM-L6-v2" in log
    assert lock.read_text() == ""


@pytest.mark.slow
def test_the_demo_takes_the_first_key_and_leaves_nothing_behind(sandtable, tmp_path, monkeypatch):
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    config = tmp_path / "keys.toml"
    config.write_text('backend = "extractive"\n[[keys]]\nkey = "secret-key"\ntenant = "ann"\n')
    command = [sys.executable, "-m", "server.cli.main", "demo", "--json", "--config", str(config)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=100)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["ok"]
    assert list(tmp_path.glob("sandtable-*")) == []


@pytest.mark.slow
def test_an_interrupted_ingest_is_finished_by_the_next_command(sandtable, tmp_path):
    (tmp_path / "docs").mkdir()
    for number in range(40):
        text = " ".join(f"Fact {number}.{n}: the tower of town {number * n} is {n} metres high." for n in range(120))
        (tmp_path / "docs" / f"{number}.md").write_text(text)
    command = [sys.executable, "-m", "server.cli.main", "ingest", "docs", "-c", "towers", "--json"]
    process = subprocess.Popen(
        command, env={**os.environ, "PYTHONPATH": str(ROOT)}, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        # A shell has what it runs in the background ignore the signal, and tests may run there.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )  # fmt: skip
    files = tmp_path / ".sandtable" / "files"
    while process.poll() is None and not (files.exists() and len(list(files.iterdir())) >= 40):
        time.sleep(0.005)
    process.send_signal(signal.SIGINT)
    out, _ = process.communicate(timeout=60)
    assert process.returncode == 1
    assert json.loads(out)["error"]["code"] == "interrupted"
    result = sandtable.fine("ingest", "docs", "-c", "towers", "--json")
    assert {file["result"] for file in result.json["files"]} <= {"added", "unchanged"}
    assert {file["result"] for file in sandtable.fine("ingest", "docs", "-c", "towers", "--json").json["files"]} == {
        "unchanged"
    }
