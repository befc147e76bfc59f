"""Trainings of a tiny encoder: what they write, what they come to, how they go on after being cut short."""

import json
import signal
import subprocess
import sys

import numpy as np
import pytest

from retrieval.embedders.load import load
from retrieval.errors import TrainingRefused
from retrieval.training.bases import base_of
from retrieval.training.examples import read
from retrieval.training.recipe import Recipe
from retrieval.training.train import train
from tests.conftest import ROOT
from tests.retrieval import tiny_encoder

QUICK = Recipe(epochs=2, batch_size=8, learning_rate=2e-3, max_tokens=24, patience=50)


@pytest.fixture(scope="module")
def base(tmp_path_factory):
    return tiny_encoder.make(tmp_path_factory.mktemp("tiny"))


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    path = tmp_path_factory.mktemp("data") / "rows.jsonl"
    path.write_text(tiny_encoder.lines(tiny_encoder.rows()), "utf-8")
    return path


def trained(base, data, folder, recipe=QUICK, **more):
    told = []
    found = train(
        read(data), folder / "out", recipe, base=str(base), work=folder / "work", name="ft:x", told=told.append, **more
    )
    return found, told


@pytest.mark.slow
def test_a_training_writes_an_embedder_and_what_it_has_brought(base, data, tmp_path):
    found, told = trained(base, data, tmp_path, QUICK.model_copy(update={"epochs": 6}))
    assert found == json.loads((tmp_path / "out" / "trained.json").read_text("utf-8"))
    measured = found["measured"]
    assert set(measured["means"]) == {"untuned", "tuned", "bm25", "hybrid", "hybrid_untuned"}
    assert set(measured["gain"]["mrr"]) == {"mean", "low", "high", "p_value"}
    assert measured["n_queries"] == found["questions"]["held"] > 0
    first, last = (found["validation"][when]["average_rank"] for when in ("untuned", "tuned"))
    assert last <= first
    losses = [event["train_loss"] for event in told if "train_loss" in event]
    assert losses[-1] < losses[0]
    kinds = [event["type"] for event in told]
    assert {"progress", "metrics", "checkpoint", "message"} == set(kinds)
    total = [event for event in told if event["type"] == "progress"][-1]
    assert total["done"] == total["total"] == found["training"]["steps"]


@pytest.mark.slow
def test_what_was_trained_is_an_embedder(base, data, tmp_path):
    trained(base, data, tmp_path, QUICK.model_copy(update={"blend": False}))
    embedder = load(str(tmp_path / "out"), cache_dir=tmp_path / "cache")
    vectors = embedder.embed(["where is the ant ?", "note 1 . amber birch ."], kind="query")
    assert vectors.shape == (2, 32)
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)
    untuned = load(str(base), cache_dir=tmp_path / "cache")
    assert untuned.fingerprint != embedder.fingerprint
    assert not np.allclose(untuned.embed(["where is the ant ?"], kind="query"), vectors[:1], atol=1e-3)
    assert (embedder.window, embedder.dimension, embedder.scripts) == (32, 32, frozenset())


@pytest.mark.slow
def test_two_towers_are_one_embedder(base, data, tmp_path):
    found, _ = trained(base, data, tmp_path, QUICK.model_copy(update={"towers": "two", "blend": False}))
    assert found["towers"] == "two"
    embedder = load(str(tmp_path / "out"), cache_dir=tmp_path / "cache")
    text = ["where is the ant ?"]
    query, document = (embedder.embed(text, kind=kind) for kind in ("query", "document"))
    assert not np.allclose(query, document, atol=1e-3)
    for side, vectors in (("query", query), ("document", document)):
        alone = load(str(tmp_path / "out" / side), cache_dir=tmp_path / "cache")
        np.testing.assert_allclose(alone.embed(text, kind="query"), vectors, atol=1e-6)
    assert embedder.fingerprint.endswith("-towers")
    with pytest.raises(TrainingRefused, match="two encoders already"):
        base_of(str(tmp_path / "out"))


@pytest.mark.slow
def test_weights_of_the_base_stay_where_nothing_is_learned(base, data, tmp_path):
    """At a rate of almost 0 the vectors are those of the base; frozen layers are exactly those of the base."""
    from safetensors.numpy import load_file

    recipe = QUICK.model_copy(update={"epochs": 1, "frozen_layers": 1, "blend": False})
    trained(base, data, tmp_path, recipe)
    before = load_file(base / "model.safetensors")
    after = load_file(tmp_path / "out" / "model" / "model.safetensors")
    same = {name for name, weight in before.items() if np.array_equal(weight, after[name])}
    assert {name for name in before if "embeddings" in name or "layer.0." in name} <= same
    assert not any("layer.1." in name and name.endswith("query.weight") for name in same)


@pytest.mark.parametrize(
    ("change", "param", "said"),
    [
        ({"frozen_layers": 2}, "frozen_layers", "the model has 2, one of which has to learn"),
        ({"learning_rate": 0.01, "scale": 1000.0, "frozen_layers": 9}, "frozen_layers", "frozen_layers is 9"),
    ],
)
def test_settings_that_do_not_fit_the_model_are_refused(base, data, tmp_path, change, param, said):
    with pytest.raises(TrainingRefused, match=said) as refused:
        trained(base, data, tmp_path, QUICK.model_copy(update=change))
    assert refused.value.param == param
    assert not (tmp_path / "out").exists()


def order(folder, base, data, **recipe):
    folder.mkdir()
    text = {"recipe": {**QUICK.model_dump(), **recipe}, "base": str(base), "scripts": [], "name": "ft:x"}
    (folder / "order.json").write_text(json.dumps({**text, "out": str(folder / "out")}), "utf-8")
    (folder / "training.jsonl").write_text(data.read_text("utf-8"), "utf-8")


def worker(folder):
    command = [sys.executable, "-m", "retrieval.training.worker", str(folder)]
    return subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


@pytest.mark.slow
def test_a_killed_training_goes_on_to_the_same_weights(base, data, tmp_path):
    from safetensors.numpy import load_file

    for name in ("whole", "killed"):
        order(tmp_path / name, base, data, epochs=20)
    with worker(tmp_path / "whole") as process:
        events = [json.loads(line) for line in process.stdout]
    assert events[-1]["type"] == "done"
    with worker(tmp_path / "killed") as process:
        for line in process.stdout:
            if json.loads(line)["type"] == "checkpoint":
                process.send_signal(signal.SIGKILL)
                break
        process.wait()
    assert not (tmp_path / "killed" / "out").exists()
    with worker(tmp_path / "killed") as process:
        again = [json.loads(line) for line in process.stdout]
    assert again[-1]["type"] == "done"
    begun = next(event for event in again if event["type"] == "progress")
    assert begun["done"] > 0
    losses = [
        json.loads((tmp_path / name / "out" / "trained.json").read_text("utf-8"))["training"]["train_loss"]
        for name in ("whole", "killed")
    ]
    assert losses[1] == pytest.approx(losses[0], abs=1e-3)
    assert any("goes on from checkpoint-" in event.get("message", "") for event in again)
    one, other = (load_file(tmp_path / name / "out" / "model" / "model.safetensors") for name in ("whole", "killed"))
    assert all(np.allclose(one[name], other[name], atol=1e-5) for name in one)


@pytest.mark.slow
def test_a_worker_ends_with_its_parent(base, data, tmp_path):
    order(tmp_path / "job", base, data, epochs=200)
    process = worker(tmp_path / "job")
    assert process.stdout.readline()
    process.stdin.close()
    assert process.wait(30) == 1
    process.stdout.close()
