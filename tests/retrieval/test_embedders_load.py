from pathlib import Path

import pytest

from retrieval.embedders.load import load
from retrieval.embedders.minilm import MiniLM
from retrieval.embedders.sentence_transformer import SentenceTransformerEmbedder
from retrieval.errors import EmbedderMissing


@pytest.mark.parametrize("spec", ["default", "minilm", "all-MiniLM-L6-v2"])
def test_names_of_the_bundled_embedder(spec, tmp_path):
    embedder = load(spec, cache_dir=tmp_path)
    assert isinstance(embedder, MiniLM)
    assert (embedder.name, embedder.dimension, embedder.window) == ("all-MiniLM-L6-v2", 384, 256)
    assert embedder.scripts == {"Latin"}
    assert not list(tmp_path.iterdir()), "naming an embedder must not build it"


@pytest.mark.parametrize("spec", ["st:some/model", "some/model"])
def test_any_other_name_is_a_sentence_transformers_model(spec, tmp_path):
    embedder = load(spec, cache_dir=tmp_path)
    assert isinstance(embedder, SentenceTransformerEmbedder)
    assert (embedder.name, embedder.scripts) == ("some/model", frozenset())


@pytest.mark.parametrize("spec", ["", "st:", "st:  "])
def test_no_name_is_refused(spec):
    with pytest.raises(EmbedderMissing, match="names no model"):
        load(spec, cache_dir=Path("unused"))


def test_no_threads_are_refused():
    with pytest.raises(ValueError, match="threads"):
        MiniLM(Path("unused"), threads=0)
