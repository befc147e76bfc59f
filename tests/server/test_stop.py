"""SIGTERM to a real process: it leaves in time, in order, and nothing acknowledged is lost."""

import signal
import socket
import sqlite3
import subprocess
import sys
import threading
import time
from contextlib import closing, contextmanager, suppress

import httpx
import pytest

from tests.e2e.live import server
from tests.fake_upstream import ROLE, chunk, event

pytestmark = pytest.mark.slow

STREAM = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\n"
GRACE = 1


@contextmanager
def endless_model():
    """A model server that says two words and then nothing. Yields its URL and an event: the connection was closed."""
    closed = threading.Event()

    def answer(listener):
        with suppress(OSError):  # the test has ended before anyone asked
            connection, _ = listener.accept()
            with connection:
                connection.recv(65_536)
                connection.sendall(STREAM + event(chunk(ROLE)) + event(chunk({"content": "Once upon"})))
                while connection.recv(65_536):
                    pass
                closed.set()

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=answer, args=(listener,))
        thread.start()
        yield f"http://127.0.0.1:{listener.getsockname()[1]}/v1", closed
        with suppress(OSError):
            listener.shutdown(socket.SHUT_RDWR)
        thread.join(timeout=10)


def test_during_ingest_and_a_stream_it_stops_in_time_and_goes_on_after(tmp_path):
    with (
        endless_model() as (url, closed),
        server(
            tmp_path / "data",
            SANDTABLE_SHUTDOWN_SECONDS=str(GRACE),
            SANDTABLE_BACKENDS=f'{{"fake": {{"base_url": "{url}", "retries": 0}}}}',
        ) as live,
    ):
        with httpx.Client(base_url=live.url, timeout=60) as client:
            store, file_id = begin_long_ingest(client)
            run_id = talk_and_stop(client, live)
        assert closed.wait(10), "the request to the model was left open"
        assert (tmp_path / "data" / "lock").read_text() == ""
        live.start()
        with httpx.Client(base_url=live.url, timeout=60) as client:
            trace = client.get(f"/v1/runs/{run_id}/events").json()
            assert (trace["status"], trace["data"][-1]["type"]) == ("cancelled", "run_cancelled")
            assert trace["data"][-1]["answer"] == "Once upon"
            assert completed(client, store, file_id)["progress"]["done"] > 64
            hits = client.post(f"/v1/vector_stores/{store}/search", json={"query": "saga of winters"}).json()["data"]
            assert {hit["file_id"] for hit in hits} == {file_id}
        assert live.stop() == 0


def begin_long_ingest(client):
    """A file whose ingest takes some seconds, and has begun."""
    text = "\n\n".join(f"Chapter {n} of the long saga tells of winters. " * 30 for n in range(80))
    store = client.post("/v1/vector_stores", json={"name": "long"}).json()["id"]
    upload = {"file": ("long.txt", text.encode())}
    file_id = client.post("/v1/files", files=upload, data={"purpose": "assistants"}).json()["id"]
    client.post(f"/v1/vector_stores/{store}/files", json={"file_id": file_id}).raise_for_status()
    return store, file_id


def talk_and_stop(client, live):
    """Begin a streamed answer, send SIGTERM in its middle, check the exit; the run's id."""
    body = {"model": "chat", "messages": [{"role": "user", "content": "A story"}], "stream": True}
    extension = {"sandtable": {"backend": "fake:endless"}}
    with client.stream("POST", "/v1/chat/completions", json=body | extension) as reply:
        for line in reply.iter_lines():
            if "Once" in line:
                break
        files = client.get("/v1/vector_stores").json()["data"][0]["file_counts"]
        assert (files["in_progress"], files["total"]) == (1, 1)
        began = time.monotonic()
        live.process.send_signal(signal.SIGTERM)
        assert live.stop() == 0
        # The grace for requests under way, then the rest: the slice of chunks being embedded, and the bases.
        assert time.monotonic() - began < GRACE + 14
    return last_run(live.data_dir)


def last_run(data_dir):
    with sqlite3.connect(data_dir / "sandtable.sqlite3") as database:
        ((run_id,),) = database.execute("select id from run order by created_at desc limit 1").fetchall()
    database.close()
    return run_id


def completed(client, store, file_id):
    deadline = time.monotonic() + 60
    while True:
        file = client.get(f"/v1/vector_stores/{store}/files/{file_id}").json()
        if file["status"] != "in_progress":
            assert file["status"] == "completed", file
            return file
        assert time.monotonic() < deadline, "ingest did not go on"
        time.sleep(0.05)


def test_a_second_server_on_the_same_data_is_refused_and_told_where_the_first_is(tmp_path):
    with server(tmp_path / "data") as live:
        command = [sys.executable, "-m", "server.cli.main", "serve", "--port", "0", "--data-dir", str(live.data_dir)]
        second = subprocess.run(command, capture_output=True, text=True, timeout=60)
        assert second.returncode == 1
        assert live.url in second.stderr
        assert "Traceback" not in second.stderr
        assert httpx.get(f"{live.url}/healthz").status_code == 200
        assert live.stop() == 0


def test_a_call_over_mcp_has_the_same_grace_and_then_an_end(tmp_path):
    """The library would cut every such call off at the signal."""
    asked = {"name": "chat", "arguments": {"question": "x", "backend": "fake:m"}, "_meta": {"progressToken": 1}}
    call = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": asked}
    headers = {"accept": "application/json, text/event-stream"}
    with (
        endless_model() as (url, closed),
        server(
            tmp_path / "data",
            SANDTABLE_SHUTDOWN_SECONDS=str(GRACE),
            SANDTABLE_BACKENDS=f'{{"fake": {{"base_url": "{url}", "retries": 0}}}}',
        ) as live,
    ):
        with httpx.stream("POST", f"{live.url}/mcp", json=call, headers=headers, timeout=60) as reply:
            lines = reply.iter_lines()
            assert any("Once upon" in line for line in lines)
            began = time.monotonic()
            live.process.send_signal(signal.SIGTERM)
            with suppress(httpx.HTTPError):
                list(lines)
            assert time.monotonic() - began >= GRACE
        assert live.stop() == 0
        assert closed.wait(10), "the request to the model was left open"
    with closing(sqlite3.connect(tmp_path / "data" / "sandtable.sqlite3")) as database:
        assert database.execute("select status from run").fetchall() == [("cancelled",)]
