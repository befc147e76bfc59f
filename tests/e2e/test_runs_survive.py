"""kill -9 every few seconds while runs are in flight: every accepted run ends, in order on its thread, no event is
missing or doubled for a client that reconnects by id, and a keyed side effect happens once."""

import json
import threading
import time

import httpx
import pytest

from tests.e2e.live import Server
from tests.server.step_pipeline import SETTING, effects

STEPS = 8
THREADS = 10
ON_EACH = 5
"""Runs in flight on a thread: one runs, the others wait."""
SECONDS = 120.0
PERIOD = 5.0


class Client(threading.Thread):
    """Keeps runs in flight on one thread of the service, and follows them one after the other to their end."""

    def __init__(self, service, number, ledger, until):
        super().__init__(daemon=True)
        self.service, self.number, self.ledger, self.until = service, number, ledger, until
        self.accepted = []
        self.traces = {}
        self.reconnections = 0
        self.failure = None

    def run(self):
        try:
            with httpx.Client(timeout=30) as self.http:
                self.thread_id = self.again(lambda: self.http.post(self.url("/threads"), json={}))["thread_id"]
                followed = 0
                while time.monotonic() < self.until or followed < len(self.accepted):
                    while time.monotonic() < self.until and len(self.accepted) - followed < ON_EACH:
                        self.submit()
                    if followed < len(self.accepted):
                        self.follow(self.accepted[followed][0])
                        followed += 1
        except Exception as error:
            self.failure = error

    def url(self, path):
        return f"{self.service.url}{path}"

    def again(self, call):
        """The reply of a request that may be made twice, once the service is there."""
        while True:
            try:
                reply = call()
            except httpx.HTTPError:
                time.sleep(0.05)
                continue
            assert reply.status_code < 300, reply.text
            return reply.json()

    def submit(self):
        question = f"{self.number}-{len(self.accepted)}-{time.monotonic_ns()}"
        options = {"steps": STEPS, "pause": 0.1, "ledger": self.ledger}
        body = {"assistant_id": "steps", "input": {"question": question}, "context": {"options": options}}
        try:
            reply = self.http.post(self.url(f"/threads/{self.thread_id}/runs"), json=body)
        except httpx.HTTPError:
            time.sleep(0.05)  # nobody knows whether this one was accepted
            return
        assert reply.status_code == 200, reply.text
        self.accepted.append((reply.json()["run_id"], question))

    def follow(self, run_id):
        """Read the run's events to its end, from where the connection broke each time."""
        trace = self.traces[run_id] = []
        while not (trace and trace[-1]["type"].startswith("run_") and trace[-1]["type"] not in BEGINNINGS):
            headers = {"accept": "text/event-stream", **({"last-event-id": str(trace[-1]["seq"])} if trace else {})}
            try:
                with self.http.stream("GET", self.url(f"/v1/runs/{run_id}/events"), headers=headers) as reply:
                    assert reply.status_code == 200, reply.read()
                    for line in reply.iter_lines():
                        if line.startswith("data: "):
                            trace.append(json.loads(line.removeprefix("data: ")))
            except httpx.HTTPError:
                self.reconnections += 1
                time.sleep(0.05)


BEGINNINGS = ("run_started", "run_resumed")


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_every_accepted_run_ends_whatever_kills_the_process(tmp_path):
    ledger = str(tmp_path / "ledger.sqlite3")
    service = Server(tmp_path / "data", SANDTABLE_PIPELINES=json.dumps(SETTING))
    until = time.monotonic() + SECONDS
    clients = [Client(service, number, ledger, until) for number in range(THREADS)]
    kills = 0
    try:
        for client in clients:
            client.start()
        while time.monotonic() < until:
            time.sleep(PERIOD)
            service.kill()
            kills += 1
            service.start()
        for client in clients:
            client.join(timeout=240)
            assert not client.is_alive(), "a run did not end"
        assert service.stop() == 0
    finally:
        if service.process.poll() is None:
            service.kill()
    assert [client.failure for client in clients if client.failure] == []
    check(clients, effects(ledger))
    assert kills >= SECONDS // (PERIOD * 4)  # a busy machine takes as long to start as to the next kill
    assert sum(client.reconnections for client in clients) > kills


def check(clients, done):
    runs = [(run_id, question, client) for client in clients for run_id, question in client.accepted]
    assert len(runs) > THREADS * ON_EACH
    resumed = 0
    for run_id, question, client in runs:
        trace = client.traces[run_id]
        assert [event["seq"] for event in trace] == list(range(1, len(trace) + 1))
        assert (trace[-1]["type"], trace[-1]["answer"]) == ("run_finished", "".join(f"{n} " for n in range(STEPS)))
        assert done[question] == list(range(STEPS)), question
        resumed += any(event["type"] == "run_resumed" for event in trace)
    assert resumed > 0
    order = list(done)
    for client in clients:
        places = [order.index(question) for _, question in client.accepted]
        assert places == sorted(places)
        ends = [client.traces[run_id][-1]["at"] for run_id, _ in client.accepted]
        assert ends == sorted(ends)
