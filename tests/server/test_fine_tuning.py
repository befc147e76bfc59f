"""/v1/fine_tuning/jobs without a training: what is refused, queued, listed, cancelled, and taken from judgments."""

import json

import pytest
from sqlalchemy import update

from retrieval.errors import EmbedderMissing
from retrieval.tables import generation
from server.storage import trainings
from server.trained_models import TrainedModels, read_name
from tests.retrieval import tiny_encoder
from tests.server.conftest import make_store, put, serving, upload

ROWS = tiny_encoder.lines(tiny_encoder.rows())


@pytest.fixture(scope="module")
def base(tmp_path_factory):
    """Of no use to a worker: every job here is cancelled, or refused, before it would load it."""
    folder = tmp_path_factory.mktemp("base") / "model"
    folder.mkdir()
    (folder / "modules.json").write_text("[]")
    return folder


@pytest.fixture
async def client(tmp_path):
    async with serving(tmp_path / "data") as client:
        # Jobs wait: nobody takes them from the queue.
        await client.app.state.services.trainings.stop()
        yield client


async def create(client, **body):
    return await client.post("/v1/fine_tuning/jobs", json=body)


async def refused(client, **body):
    reply = await create(client, **body)
    assert reply.status_code == 400, reply.text
    error = reply.json()["error"]
    assert list(client.app.state.services.trainings.models.jobs()) == []
    return error["param"], error["code"], error["message"]


async def test_a_job_is_queued_listed_and_cancelled(client, base):
    file_id = await upload(client, "rows.jsonl", ROWS, purpose="fine-tune")
    asked = {"model": str(base), "training_file": file_id, "suffix": "notes", "seed": 7, "metadata": {"for": "a test"}}
    hyperparameters = {"n_epochs": 2, "batch_size": 8, "learning_rate_multiplier": 2}
    method = {"type": "supervised", "supervised": {"hyperparameters": hyperparameters}}
    reply = await create(client, **asked, method=method, sandtable={"towers": "two", "hard_negatives": 2})
    assert reply.status_code == 200, reply.text
    job = reply.json()
    assert (job["status"], job["seed"], job["metadata"]) == ("queued", 7, {"for": "a test"})
    assert job["hyperparameters"] == hyperparameters == job["method"]["supervised"]["hyperparameters"]
    recipe = job["sandtable"]["recipe"]
    assert (recipe["towers"], recipe["hard_negatives"], recipe["learning_rate"]) == ("two", 2, 1e-4)
    second = (await create(client, model=str(base), training_file=file_id)).json()
    listed = (await client.get("/v1/fine_tuning/jobs", params={"limit": 1})).json()
    assert ([one["id"] for one in listed["data"]], listed["has_more"]) == ([second["id"]], True)
    events = (await client.get(f"/v1/fine_tuning/jobs/{job['id']}/events")).json()["data"]
    assert [event["message"] for event in events] == ["The job is queued."]
    cancelled = await client.post(f"/v1/fine_tuning/jobs/{job['id']}/cancel")
    assert cancelled.json()["status"] == "cancelled"
    again = await client.post(f"/v1/fine_tuning/jobs/{job['id']}/cancel")
    assert (again.status_code, again.json()["error"]["code"]) == (409, "job_not_running")
    models: TrainedModels = client.app.state.services.trainings.models
    assert list(models.jobs()) == [second["id"]]
    assert (await client.get("/v1/fine_tuning/jobs/ftjob-none")).status_code == 404


async def test_what_cannot_be_trained_is_refused(client, base):
    good = await upload(client, "rows.jsonl", ROWS, purpose="fine-tune")
    asked = {"model": str(base), "training_file": good}
    missing = await refused(client, **{**asked, "training_file": "file-none"})
    assert missing[:2] == ("training_file", "invalid_training_file")
    bad = await upload(client, "bad.jsonl", ROWS + "\n{}", purpose="fine-tune")
    param, _, message = await refused(client, **{**asked, "training_file": bad})
    assert (param, "line 33" in message) == ("training_file", True)
    one_group = await upload(client, "one.jsonl", '{"query": "q", "positive": "p"}\n', purpose="fine-tune")
    assert "1 groups" in (await refused(client, **{**asked, "training_file": one_group}))[2]
    param, code, message = await refused(client, **asked, validation_file=good)
    assert (param, code) == ("validation_file", "invalid_validation_file")
    assert "32 of its questions are in the training file too" in message
    param, _, message = await refused(client, **{**asked, "model": "gpt-4o-mini"})
    assert (param, "give 'minilm'" in message) == ("model", True)
    assert (await refused(client, **{**asked, "model": "ft:nothing-here"}))[0] == "model"
    assert (await refused(client, **asked, suffix="a b"))[:2] == ("suffix", "invalid_value")
    assert (await refused(client, **asked, method={"type": "dpo"}))[:2] == ("method", "unsupported_parameter")
    assert (await refused(client, **asked, integrations=[{"type": "wandb"}]))[0] == "integrations"
    assert (await refused(client, **asked, sandtable={"scale": -1}))[0] == "sandtable.scale"
    assert (await refused(client, **asked, sandtable={"loss": "mse"}))[:2] == ("sandtable.loss", "unknown_parameter")
    twice = {"hyperparameters": {"n_epochs": 3}, "sandtable": {"epochs": 2}}
    assert (await refused(client, **asked, **twice))[0] == "sandtable.epochs"


async def test_judgments_of_a_collection_are_training_data(client, base):
    store = await make_store(client)
    rows, ids = tiny_encoder.rows(3), []
    for row in rows:
        ids.append((await put(client, store, f"{len(ids)}.txt", row["positive"]))[0])
    assert "no judgments" in (await refused(client, model=str(base), training_file=store))[2]
    judged = [{"query": row["query"], "file_id": id, "grade": 1} for row, id in zip(rows, ids, strict=True)]
    judged.append({"query": rows[0]["query"], "file_id": ids[1], "grade": 0})
    judged[2] |= {"start": 0, "end": 4}
    assert (await client.post(f"/v1/vector_stores/{store}/judgments", json={"judgments": judged})).status_code == 200
    reply = await create(client, model=str(base), training_file=store)
    assert reply.status_code == 200, reply.text
    folder = client.app.state.services.trainings.models.work(reply.json()["id"])
    written = [json.loads(line) for line in (folder / "training.jsonl").read_text("utf-8").splitlines()]
    asked = [row for row in written if "query" in row]
    assert [(row["query"], row["positives"]) for row in asked] == [(row["query"], [row["positive"]]) for row in rows]
    assert asked[0]["negatives"] == [rows[1]["positive"]]
    assert [row["passage"] for row in written if "passage" in row] == [row["positive"] for row in rows]


async def test_another_tenant_sees_no_job(tmp_path, base):
    keys = [{"key": f"key-{name}", "tenant": name} for name in ("one", "two")]
    async with serving(tmp_path / "data", keys=keys) as client:
        await client.app.state.services.trainings.stop()
        client.headers["authorization"] = "Bearer key-one"
        file_id = await upload(client, "rows.jsonl", ROWS, purpose="fine-tune")
        job = (await create(client, model=str(base), training_file=file_id)).json()
        client.headers["authorization"] = "Bearer key-two"
        assert (await client.get("/v1/fine_tuning/jobs")).json()["data"] == []
        assert (await client.get(f"/v1/fine_tuning/jobs/{job['id']}")).status_code == 404
        assert (await refused_file(client, base, file_id))["param"] == "training_file"


async def refused_file(client, base, file_id):
    return (await create(client, model=str(base), training_file=file_id)).json()["error"]


async def trained(client, tenant, number):
    """A job that has made a model; nobody reads its weights."""
    services, job_id = client.app.state.services, f"ftjob-{number:024x}"
    models = services.trainings.models
    name = models.name(job_id, "notes")
    asked = {"model": "minilm", "training_file": "file-x", "validation_file": None, "suffix": "notes"}
    values = {"id": job_id, "tenant": tenant, "asked": asked, "recipe": {}, "metadata": {}}
    for folder in (models.model(name), models.checkpoint(job_id, 2)):
        folder.mkdir(parents=True)
        (folder / "modules.json").write_text("[]")

    def change(db):
        trainings.create(db, values)
        trainings.end(db, job_id, "succeeded", fine_tuned_model=name)

    await services.database.write(change)
    return name


async def listed(client):
    found = (await client.get("/v1/models")).json()["data"]
    return [model["id"] for model in found if model["id"].startswith("ft:")]


async def test_what_was_trained_is_listed_and_deleted(tmp_path):
    keys = [{"key": f"key-{name}", "tenant": name} for name in ("one", "two")]
    async with serving(tmp_path / "data", keys=keys) as client:
        client.headers["authorization"] = "Bearer key-one"
        name, other = await trained(client, "one", 1), await trained(client, "one", 2)
        models = client.app.state.services.trainings.models
        assert await listed(client) == [name, other]
        assert (await client.get(f"/v1/models/{name}:step-2")).json()["id"] == f"{name}:step-2"

        client.headers["authorization"] = "Bearer key-two"
        assert await listed(client) == []
        for reply in (await client.get(f"/v1/models/{name}"), await client.delete(f"/v1/models/{name}")):
            assert (reply.status_code, reply.json()["error"]["code"]) == (404, "model_not_found")

        client.headers["authorization"] = "Bearer key-one"
        gone = await client.delete(f"/v1/models/{other}:step-2")
        assert gone.json() == {"id": f"{other}:step-2", "object": "model", "deleted": True}
        assert await listed(client) == [name, other]
        assert (await client.delete(f"/v1/models/{name}")).json()["deleted"]
        assert await listed(client) == [other]
        assert (await client.delete(f"/v1/models/{name}")).status_code == 404
        assert not models.checkpoint(read_name(name).job_id, 2).exists()
        assert (await client.get(f"/v1/models/{name}:step-2")).status_code == 404
        for wrong in ("ft:", "ft:../x", "ft:no-such", f"{other}:step-02", f"{other}:step-x"):
            assert (await client.delete(f"/v1/models/{wrong}")).status_code == 404, wrong
        refusal = await client.delete("/v1/models/rag")
        assert (refusal.status_code, refusal.json()["error"]["code"]) == (400, "model_not_deletable")
        assert (await client.delete("/v1/models/nosuch")).status_code == 404


async def needed_by(client, model):
    reply = await client.delete(f"/v1/models/{model}")
    assert (reply.status_code, reply.json()["error"]["code"]) == (409, "model_in_use"), reply.text
    who, _, way_out = reply.json()["error"]["message"].partition(" is needed by ")[2].partition("; ")
    assert way_out == "it can be deleted once that is gone, or has another."
    return who


async def test_what_somebody_has_is_not_deleted(tmp_path, base):
    keys = [{"key": f"key-{name}", "tenant": name} for name in ("one", "two")]
    async with serving(tmp_path / "data", keys=keys) as client:
        await client.app.state.services.trainings.stop()
        client.headers["authorization"] = "Bearer key-two"
        name, prefix = await trained(client, "two", 1), "ft:notes-"
        store = await make_store(client, name="mine")
        client.headers["authorization"] = "Bearer key-one"
        others = await make_store(client, name="other")

        async def has(store, embedder):
            def change(db):
                db.execute(update(generation).where(generation.c.collection_id == store).values(embedder=embedder))

            await client.app.state.services.database.write(change)

        client.headers["authorization"] = "Bearer key-two"
        await has(others, f"ft:another-{name.removeprefix(prefix)}:step-2")
        assert await needed_by(client, name) == "something of somebody else's"
        assert await needed_by(client, f"{name}:step-2") == "something of somebody else's"
        await has(store, f"{name}:step-2")
        assert "of 'mine'" in await needed_by(client, name)
        await has(store, name)
        await has(others, "minilm")
        assert (await client.delete(f"/v1/models/{name}:step-2")).status_code == 200
        assert "of 'mine'" in await needed_by(client, name)
        await has(store, "minilm")

        file_id = await upload(client, "rows.jsonl", ROWS, purpose="fine-tune")
        job = (await create(client, model=name, training_file=file_id)).json()
        assert await needed_by(client, name) == f"the training {job['id']!r}, which begins from it"
        assert (await client.post(f"/v1/fine_tuning/jobs/{job['id']}/cancel")).status_code == 200
        assert (await client.delete(f"/v1/models/{name}")).status_code == 200


@pytest.mark.slow
async def test_the_embedder_of_the_settings_is_not_deleted(tmp_path):
    async with serving(tmp_path / "data") as client:
        name = await trained(client, "default", 1)
    async with serving(tmp_path / "data", embedder=f"{name}:step-2") as client:
        assert await needed_by(client, name) == "the setting `embedder`"


async def test_what_was_deleted_embeds_no_more(tmp_path):
    async with serving(tmp_path / "data") as client:
        name = await trained(client, "default", 1)
        embedder = client.app.state.services.collections.embedder
        for spec in (name, f"{name}:step-2"):
            embedder(spec)
        assert (await client.delete(f"/v1/models/{name}")).status_code == 200
        for spec in (name, f"{name}:step-2"):
            with pytest.raises(EmbedderMissing):
                embedder(spec)


async def test_a_removal_that_was_cut_short_is_ended_at_the_next_start(tmp_path):
    data = tmp_path / "data"
    async with serving(data) as client:
        name, kept = await trained(client, "default", 1), await trained(client, "default", 2)
        models = client.app.state.services.trainings.models
        models.set_aside(read_name(name))
        models.set_aside(read_name(f"{kept}:step-2"))
    async with serving(data) as client:
        assert await listed(client) == [kept]
        assert list(data.rglob("~gone-*")) == []


def test_no_suffix_makes_a_name_that_is_swept(tmp_path):
    models = TrainedModels(tmp_path)
    folder = models.model(models.name("ftjob-1", ".gone-x"))
    folder.mkdir(parents=True)
    models.sweep()
    assert folder.is_dir()
