import numpy as np
import pytest

from retrieval.embedders.sentence_transformer import SentenceTransformerEmbedder
from retrieval.errors import EmbedderMissing
from tests.retrieval import tiny_model

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tiny_model.make(tmp_path_factory.mktemp("tiny"))


@pytest.fixture(scope="module")
def embedder(folder):
    return SentenceTransformerEmbedder(str(folder))


def test_reads_the_model(embedder):
    assert (embedder.dimension, embedder.window, embedder.scripts) == (16, 32, frozenset())


def test_queries_and_documents_get_the_models_own_prompts(embedder, folder):
    from sentence_transformers import SentenceTransformer

    model = SentenceTransformer(str(folder), device="cpu")
    for kind, prompt in (("query", "query: "), ("document", "passage: ")):
        expected = model.encode([f"{prompt}the old dog"], prompt="", normalize_embeddings=True)
        np.testing.assert_allclose(embedder.embed(["the old dog"], kind=kind), expected, atol=1e-5)


def test_the_fingerprint_follows_the_weights(embedder, folder, tmp_path):
    from sentence_transformers import SentenceTransformer

    assert SentenceTransformerEmbedder(str(folder)).fingerprint == embedder.fingerprint
    changed = SentenceTransformer(str(folder), device="cpu")
    next(changed.parameters()).data[0, 0] += 1
    changed.save(str(tmp_path / "changed"))
    assert SentenceTransformerEmbedder(str(tmp_path / "changed")).fingerprint != embedder.fingerprint


def test_a_model_that_is_not_here_says_so_and_names_ways_out(tmp_path):
    embedder = SentenceTransformerEmbedder(str(tmp_path / "absent"))
    with pytest.raises(EmbedderMissing, match=r"absent.*hf download.*default"):
        embedder.embed(["a"], kind="query")


def test_a_folder_without_a_model_says_so(tmp_path):
    (tmp_path / "config.json").write_text("{}")
    with pytest.raises(EmbedderMissing, match="cannot be loaded"):
        SentenceTransformerEmbedder(str(tmp_path)).embed(["a"], kind="query")
