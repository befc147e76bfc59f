"""Trainings by the unmodified `openai` SDK on a real server: followed, swapped in, rolled back, killed, cancelled."""

import json
import time

import httpx
import openai
import pytest

from tests.e2e.live import Server
from tests.retrieval import tiny_encoder

pytestmark = pytest.mark.slow
RECIPE = {"learning_rate": 2e-3, "max_tokens": 24, "patience": 100}


@pytest.fixture(scope="module")
def live(tmp_path_factory):
    folder = tmp_path_factory.mktemp("tuning")
    server = Server(folder / "data")
    server.base = str(tiny_encoder.make(folder / "tiny"))
    yield server
    server.kill()


@pytest.fixture
def client(live):
    with openai.OpenAI(base_url=f"{live.url}/v1", api_key="unused", max_retries=0) as client:
        yield client


@pytest.fixture(scope="module")
def training_file(live):
    with openai.OpenAI(base_url=f"{live.url}/v1", api_key="unused") as client:
        rows = tiny_encoder.lines(tiny_encoder.rows())
        return client.files.create(file=("rows.jsonl", rows.encode()), purpose="fine-tune").id


def begun(client, live, training_file, epochs, **more):
    return client.fine_tuning.jobs.create(
        model=live.base,
        training_file=training_file,
        method={"type": "supervised", "supervised": {"hyperparameters": {"n_epochs": epochs, "batch_size": 8}}},
        extra_body={"sandtable": {**RECIPE, **more}},
        suffix="notes",
    )


def until(client, job, wanted, seconds=90):
    end = time.monotonic() + seconds
    while True:
        job = client.fine_tuning.jobs.retrieve(job.id)
        if wanted(job):
            return job
        assert job.status in ("queued", "running"), job.error
        assert time.monotonic() < end, job
        time.sleep(0.05)


def ended(client, job):
    return until(client, job, lambda job: job.status == "succeeded")


def steps(client, job):
    return [step.step_number for step in client.fine_tuning.jobs.checkpoints.list(job.id)]


def test_a_training_is_followed_swapped_in_and_rolled_back(client, live, training_file):
    store = client.vector_stores.create(name="notes")
    texts = [row["positive"] for row in tiny_encoder.rows(4)]
    for n, text in enumerate(texts):
        file = client.files.create(file=(f"{n}.txt", text.encode()), purpose="assistants")
        client.vector_stores.files.create_and_poll(file.id, vector_store_id=store.id, poll_interval_ms=50)
    before = [hit.file_id for hit in client.vector_stores.search(store.id, query="amber")]

    job = begun(client, live, training_file, 4)
    assert job.status == "queued"
    latencies = []

    def answered(job):
        began = time.monotonic()
        assert [hit.file_id for hit in client.vector_stores.search(store.id, query="amber")] == before
        latencies.append(time.monotonic() - began)
        return job.status == "succeeded"

    done = until(client, job, answered)
    assert max(latencies) < 5
    assert len(latencies) > 10
    assert done.fine_tuned_model.startswith("ft:notes-")
    assert done.trained_tokens > 0
    assert done.finished_at >= done.created_at
    measured = done.model_extra["sandtable"]["measured"]
    assert set(measured["gain"]["mrr"]) == {"mean", "low", "high", "p_value"}
    assert json.loads(client.files.content(done.result_files[0]).content)["measured"] == measured
    events = list(client.fine_tuning.jobs.list_events(job.id, limit=5))
    assert events[0].message == f"The embedder {done.fine_tuned_model} is ready."
    assert events[-1].message == "The job is queued."
    assert "average_rank" in next(event for event in events if event.type == "metrics").data
    kept = client.fine_tuning.jobs.checkpoints.list(job.id).data
    assert 1 <= len(kept) <= 2
    assert kept[0].metrics.step == kept[0].step_number
    assert [one.id for one in client.fine_tuning.jobs.list(limit=1).data] == [job.id]

    for name in (done.fine_tuned_model, kept[0].fine_tuned_model_checkpoint):
        embedded = client.embeddings.create(model=name, input=["note 1 .", "amber birch"])
        assert (embedded.model, [len(one.embedding) for one in embedded.data]) == (name, [32, 32])
    with pytest.raises(openai.NotFoundError, match="no trained embedder"):
        client.embeddings.create(model="ft:nothing", input="note")

    path = f"/v1/vector_stores/{store.id}/generations"
    with httpx.Client(base_url=live.url, timeout=60) as api:
        first = api.get(path).json()["data"][0]["id"]
        for embedder in (done.fine_tuned_model, kept[0].fine_tuned_model_checkpoint):
            made = api.post(path, json={"index": "flat", "embedder": embedder}).raise_for_status().json()
            while made["status"] in ("queued", "building", "measuring"):
                time.sleep(0.05)
                made = api.get(f"{path}/{made['id']}").json()
            assert (made["status"], made["spec"]["embedder"]) == ("ready", embedder), made
            assert api.post(f"{path}/{made['id']}/activate", json={}).json()["status"] == "active"
            found = client.vector_stores.search(store.id, query="where is the ant bee ?", max_num_results=3)
            assert len(found.data) == 3
        assert api.post(f"{path}/{first}/activate", json={}).json()["status"] == "active"
    assert [hit.file_id for hit in client.vector_stores.search(store.id, query="amber")] == before
    with pytest.raises(openai.ConflictError, match="is needed by the generation"):
        client.models.delete(done.fine_tuned_model)
    # What was trained is a base to go on from.
    again = client.fine_tuning.jobs.create(model=done.fine_tuned_model, training_file=training_file)
    assert client.fine_tuning.jobs.cancel(again.id).status == "cancelled"


def test_a_job_goes_on_after_kill_9(client, live, training_file):
    job = begun(client, live, training_file, 30)
    until(client, job, lambda job: steps(client, job))
    reached = max(steps(client, job))
    live.kill()
    live.start(int(live.url.rpartition(":")[2]))
    done = ended(client, job)
    told = [event.message for event in client.fine_tuning.jobs.list_events(job.id, limit=100)]
    resumed = [message for message in told if message.startswith("goes on from checkpoint-")]
    assert len(resumed) == 1
    assert int(resumed[0].rpartition("-")[2]) >= reached
    assert done.model_extra["sandtable"]["training"]["epochs"] == 30


def test_a_running_job_is_cancelled_at_once(client, live, training_file):
    job = begun(client, live, training_file, 200)
    until(client, job, lambda job: job.model_extra["sandtable"]["progress"] is not None and steps(client, job))
    began = time.monotonic()
    assert client.fine_tuning.jobs.cancel(job.id).status == "cancelled"
    assert time.monotonic() - began < 5
    assert client.fine_tuning.jobs.checkpoints.list(job.id).data == []
    assert client.fine_tuning.jobs.retrieve(job.id).fine_tuned_model is None


def tidied(folder):
    end = time.monotonic() + 60
    while [path.name for path in folder.iterdir()] != ["worker.log"]:
        assert time.monotonic() < end, list(folder.iterdir())
        time.sleep(0.05)


def test_a_training_that_fails_says_why(client, live, training_file):
    job = begun(client, live, training_file, 4, frozen_layers=2)
    failed = until(client, job, lambda job: job.status == "failed")
    assert failed.error.param == "frozen_layers"
    assert "one of which has to learn" in failed.error.message
    folder = live.data_dir / "fine_tuning" / job.id
    tidied(folder)  # Said to have failed first.
    (folder / "training.jsonl").write_text("As if the service had been killed before it was tidied up.")
    live.kill()
    live.start()
    tidied(folder)
