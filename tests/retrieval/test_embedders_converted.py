import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from retrieval.embedders.converted import FolderEmbedder
from retrieval.embedders.load import load
from retrieval.embedders.sentence_transformer import SentenceTransformerEmbedder
from retrieval.errors import EmbedderMissing
from tests.retrieval import tiny_model

pytestmark = pytest.mark.slow

TEXTS = ["the old cat runs", "a dog", "", "中文", "a new house ."]
LONG = "the house is old , the river is new . " * 20


@pytest.fixture(scope="module")
def cache(tmp_path_factory):
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tiny_model.make(tmp_path_factory.mktemp("tiny"))


def changed(folder, target, pooling="mean", activation=None):
    """The model with another pooling, and a projection after a normalisation."""
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.base.modules import Dense, Normalize

    model = SentenceTransformer(str(folder), device="cpu")
    model[1].pooling_mode = pooling
    if activation is not None:
        model.append(Normalize())
        model.append(Dense(16, 8, bias=True, activation_function=activation))
    model.save(str(target))
    return target


def same(folder, cache, runtime="onnx"):
    ours, torch = load(str(folder), cache_dir=cache), SentenceTransformerEmbedder(str(folder))
    assert isinstance(ours, FolderEmbedder)
    assert runtime in ours.fingerprint
    assert (ours.dimension, ours.window) == (torch.dimension, torch.window)
    for kind in ("query", "document"):
        found, expected = ours.embed(TEXTS, kind=kind), torch.embed(TEXTS, kind=kind)
        assert (found * expected).sum(axis=1).min() > 0.9999
    assert ours.count_tokens([LONG, "a dog"]) == torch.count_tokens([LONG, "a dog"])


def test_its_vectors_are_torchs(folder, cache):
    same(folder, cache)


@pytest.mark.parametrize(("pooling", "tanh"), [("cls", None), ("mean", False), ("cls", True)])
def test_so_are_those_of_other_poolings_and_projections(folder, cache, tmp_path, pooling, tanh):
    import torch

    activation = None if tanh is None else torch.nn.Tanh() if tanh else torch.nn.Identity()
    same(changed(folder, tmp_path / "changed", pooling, activation), cache)


def test_a_part_that_is_not_known_stays_with_torch(folder, cache, tmp_path):
    same(changed(folder, tmp_path / "max", "max"), cache, "torch")


def test_the_fingerprint_follows_the_weights_and_not_the_place(folder, cache, tmp_path):
    import torch

    first = load(str(folder), cache_dir=cache).fingerprint
    copy = tmp_path / "copy"
    copy.symlink_to(folder)
    assert load(f"st:{copy}", cache_dir=cache).fingerprint == first
    other = changed(folder, tmp_path / "other", activation=torch.nn.Identity())
    assert load(str(other), cache_dir=cache).fingerprint.partition("-")[0] != first.partition("-")[0]


def test_it_is_converted_once_and_again_if_the_graph_is_damaged(folder, tmp_path):
    def graph():
        return next(tmp_path.glob("*/graph.onnx"))

    load(str(folder), cache_dir=tmp_path).embed(["a"], kind="query")
    made = graph().stat().st_mtime_ns
    load(str(folder), cache_dir=tmp_path).embed(["a"], kind="query")
    assert graph().stat().st_mtime_ns == made
    graph().write_bytes(b"damaged")
    load(str(folder), cache_dir=tmp_path).embed(["a"], kind="query")
    assert graph().stat().st_size > 100


def test_torch_is_not_loaded(folder, cache):
    script = (
        "import sys; from pathlib import Path; from retrieval.embedders.load import load; "
        f"load({str(folder)!r}, cache_dir=Path({str(cache)!r})).embed(['a dog'], kind='query'); "
        "sys.exit('torch' in sys.modules)"
    )
    root = Path(__file__).resolve().parents[2]
    subprocess.run([sys.executable, "-c", script], check=True, cwd=root)


def test_the_end_of_a_long_text_counts(folder, cache):
    embedder = load(str(folder), cache_dir=cache)
    first, second = embedder.embed([LONG, LONG + "中文 cat dog cat"], kind="document")
    assert first @ second < 0.9999


def test_a_folder_without_a_model_says_so(tmp_path):
    (tmp_path / "config.json").write_text("{}")
    with pytest.raises(EmbedderMissing, match="cannot be loaded"):
        load(str(tmp_path), cache_dir=tmp_path / "cache").embed(["a"], kind="query")


def test_no_text_no_vector(folder, cache):
    vectors = load(str(folder), cache_dir=cache).embed([], kind="query")
    assert (vectors.shape, vectors.dtype) == ((0, 16), np.float32)
