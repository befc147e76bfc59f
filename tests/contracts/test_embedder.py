"""What every embedder keeps."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from backends.profiles import Profile
from retrieval.embedders.load import load
from retrieval.embedders.minilm import MiniLM
from retrieval.embedders.sentence_transformer import SentenceTransformerEmbedder
from server.embedders import Embedders
from tests.embedding_server import embedding_server
from tests.retrieval import tiny_model
from tests.retrieval.bundled import cache_dir

TEXTS = (
    "the old cat runs",
    "",
    "a dog",
    "the river runs by the new house , the old dog is a cat .",
    "中文 文",
    "   \n\t ",
    "🚲 ünïcode ﷽ \ud800 \x00",
    "dog",
    "the house is old , the river is new . " * 60,
)


SLOW = [pytest.param(name, marks=pytest.mark.slow) for name in ("sentence-transformers", "converted")]
KINDS = ["minilm", "http", "http, base64", *SLOW]


@pytest.fixture(scope="module", params=KINDS)
def embedder(request, tmp_path_factory):
    if request.param == "minilm":
        yield MiniLM(cache_dir())
    elif request.param.startswith("http"):
        with embedding_server(most_texts=7) as server:
            encoding = "base64" if "base64" in request.param else "float"
            options = {"max_tokens": 64, "query_prefix": "query: ", "encoding": encoding}
            profile = Profile(name="mine", base_url=server.url, embeddings=options)
            embedders = Embedders(tmp_path_factory.mktemp("cache"), {"mine": profile})
            yield embedders.load("mine:words")
            embedders.close()
    elif request.param == "converted":
        folder = tiny_model.make(tmp_path_factory.mktemp("tiny"))
        yield load(str(folder), cache_dir=tmp_path_factory.mktemp("cache"))
    else:
        yield SentenceTransformerEmbedder(str(tiny_model.make(tmp_path_factory.mktemp("tiny"))))


@pytest.mark.parametrize("kind", ["query", "document"])
def test_unit_vectors_one_a_text(embedder, kind):
    vectors = embedder.embed(TEXTS, kind=kind)
    assert vectors.shape == (len(TEXTS), embedder.dimension)
    assert vectors.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)


def test_no_text_no_vector(embedder):
    vectors = embedder.embed([], kind="document")
    assert vectors.shape == (0, embedder.dimension)
    assert vectors.dtype == np.float32


@pytest.mark.slow
def test_a_vector_depends_on_its_text_alone(embedder):
    together = embedder.embed(TEXTS, kind="document")
    backwards = embedder.embed(TEXTS[::-1], kind="document")[::-1]
    alone = np.concatenate([embedder.embed([text], kind="document") for text in TEXTS])
    assert (together * backwards).sum(axis=1).min() > 0.999
    assert (together * alone).sum(axis=1).min() > 0.999


def test_the_same_again(embedder):
    first, second = (embedder.embed(TEXTS, kind="query") for _ in range(2))
    np.testing.assert_array_equal(first, second)


def test_different_texts_differ(embedder):
    cat, dog = embedder.embed(["the old cat runs", "a new dog house ."], kind="document")
    assert cat @ dog < 0.99


@pytest.mark.slow
def test_the_end_of_a_long_text_counts(embedder):
    start = "the house is old . " * embedder.window
    other = "a dog , a cat , a dog , " * embedder.window
    first, whole = embedder.embed([start, start + other], kind="document")
    assert first @ whole < 0.999


@pytest.mark.slow
def test_threads_share_an_embedder(embedder):
    expected = embedder.embed(TEXTS, kind="document")
    with ThreadPoolExecutor(4) as threads:
        results = list(threads.map(lambda _: embedder.embed(TEXTS, kind="document"), range(8)))
    for result in results:
        assert (result * expected).sum(axis=1).min() > 0.999


def test_counts_the_tokens_of_the_texts_themselves(embedder):
    assert embedder.count_tokens([]) == embedder.count_tokens([""]) == 0
    assert embedder.count_tokens(["the cat", "dog"]) == 3
    assert embedder.count_tokens(["the " * 2000]) == 2000
    assert embedder.count_tokens(["\ud800"]) == embedder.count_tokens(["?"])


def test_says_what_it_is(embedder):
    assert embedder.fingerprint == embedder.fingerprint != ""
    assert embedder.name
    assert embedder.window > 2
