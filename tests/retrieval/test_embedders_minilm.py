import json
from functools import cache

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from retrieval.embedders.minilm import MiniLM
from retrieval.embedders.samples import CHECKING, FITTING
from retrieval.embedders.weights import model_folder
from tests.retrieval.bundled import cache_dir


@cache
def embedder(threads: int = 1) -> MiniLM:
    return MiniLM(cache_dir(), threads)


@pytest.mark.slow
def test_meaning_beats_words():
    question, answer, decoy = embedder().embed(
        ["How old is the bridge?", "The crossing was built in 1870.", "How good is the fridge?"], kind="document"
    )
    assert question @ answer > question @ decoy


@pytest.mark.slow
def test_more_threads_give_the_same_vectors():
    np.testing.assert_array_equal(
        embedder(3).embed(CHECKING, kind="document"), embedder(1).embed(CHECKING, kind="document")
    )


@pytest.mark.slow
@settings(max_examples=25, deadline=None)
@given(st.text(max_size=80))
def test_any_text_has_a_unit_vector(text):
    assert np.linalg.norm(embedder().embed([text], kind="query")[0]) == pytest.approx(1, abs=1e-5)


def test_text_of_the_window_is_one_window_and_a_token_more_is_two():
    model = embedder()
    fits, repeated, longer = model.embed(
        ["river " * 254, "river " * 254 + " ", "river " * 254 + "mountain"], kind="document"
    )
    np.testing.assert_array_equal(fits, repeated)
    assert fits @ longer < 0.99999


def reference():
    """sentence-transformers on the same weights, float32."""
    from sentence_transformers import SentenceTransformer

    return SentenceTransformer(str(model_folder()), device="cpu")


@pytest.mark.slow
def test_close_to_sentence_transformers():
    texts = [text for text in CHECKING + FITTING if len(text) < 900] + [
        f"{text} {text[::-1]}" for text in CHECKING[:12]
    ]
    assert len(texts) >= 50
    theirs = reference().encode(texts, normalize_embeddings=True, show_progress_bar=False)
    assert (embedder().embed(texts, kind="document") * theirs).sum(axis=1).min() >= 0.99


@pytest.mark.slow
def test_recall_is_that_of_sentence_transformers(data_dir):
    folder = data_dir / "xquad-en"
    corpus, queries = (
        {row["_id"]: row["text"] for row in map(json.loads, (folder / name).read_text("utf-8").splitlines())}
        for name in ("corpus.jsonl", "queries.jsonl")
    )
    judged = [line.split("\t") for line in (folder / "qrels.tsv").read_text("utf-8").splitlines()[1:]]
    gold = np.array([list(corpus).index(document) for _, document, _ in judged])
    asked = [queries[query] for query, _, _ in judged]

    def recall(questions, documents) -> float:
        return float((np.argmax(questions @ documents.T, axis=1) == gold).mean())

    model, theirs = embedder(threads=2), reference()
    ours = recall(*(model.embed(texts, kind="document") for texts in (asked, list(corpus.values()))))
    encode = {"normalize_embeddings": True, "show_progress_bar": False}
    assert ours >= recall(*(theirs.encode(texts, **encode) for texts in (asked, list(corpus.values())))) - 0.005
