import pytest
from hypothesis import given
from hypothesis import strategies as st

from retrieval.errors import BadIndexSpec
from retrieval.indexes.spec import KNOWN, parse


@pytest.mark.parametrize(
    ("spec", "dense", "lexical", "fusion", "text"),
    [
        ("flat", "flat", False, None, "flat"),
        ("bm25", None, True, None, "bm25"),
        ("hybrid", "flat", True, "calibrated", "hybrid(flat,bm25)"),
        ("auto", "flat", True, "calibrated", "hybrid(flat,bm25)"),
        ("hybrid(flat,bm25)", "flat", True, "calibrated", "hybrid(flat,bm25)"),
        (" hybrid( flat , bm25, rrf ) ", "flat", True, "rrf", "hybrid(flat,bm25,rrf)"),
    ],
)
def test_reads(spec: str, dense: str | None, lexical: bool, fusion: str | None, text: str) -> None:
    found = parse(spec)
    assert (found.dense, found.lexical, found.fusion, found.text) == (dense, lexical, fusion, text)


@pytest.mark.parametrize("spec", KNOWN)
def test_the_canonical_text_means_the_same(spec: str) -> None:
    assert parse(parse(spec).text) == parse(spec)


@pytest.mark.parametrize(
    "spec",
    [
        "", "Flat", "hnsw", "hnsw:32", "ivfpq", "faiss:IVF1024,PQ48x4fs,RFlat", "pgvector", "flat,bm25", "hybrid()",
        "hybrid(bm25,flat)", "hybrid(hnsw:32,bm25)", "hybrid(flat,bm25,rrf,rrf)", "hybrid(flat)", "hybrid(flat,bm25",
        "hybrid(flat,bm25))", "hybrid(flat,bm25)x", "b m 2 5\x00",
    ],
)  # fmt: skip
def test_refuses_by_name_and_says_what_is_known(spec: str) -> None:
    with pytest.raises(BadIndexSpec) as caught:
        parse(spec)
    assert repr(spec) in str(caught.value)
    assert all(known in str(caught.value) for known in KNOWN)


@given(st.text())
def test_nothing_else_is_accepted(spec: str) -> None:
    if spec.replace(" ", "") not in KNOWN:
        with pytest.raises(BadIndexSpec):
            parse(spec)
