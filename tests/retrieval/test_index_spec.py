import pytest
from hypothesis import given
from hypothesis import strategies as st

from retrieval.errors import BadIndexSpec
from retrieval.indexes.spec import KNOWN, parse


@pytest.mark.parametrize(
    ("spec", "dense", "lexical", "fusion", "text"),
    [
        ("flat", "flat", False, None, "flat"),
        ("hnsw", "hnsw:32", False, None, "hnsw:32"),
        ("hnsw:016", "hnsw:16", False, None, "hnsw:16"),
        ("pgvector", "pgvector:16", False, None, "pgvector:16"),
        ("hybrid(pgvector:032,bm25,rrf)", "pgvector:32", True, "rrf", "hybrid(pgvector:32,bm25,rrf)"),
        ("ivf", "ivf", False, None, "ivf"),
        ("ivfpq", "ivfpq", False, None, "ivfpq"),
        ("faiss:IVF1024,PQ48x4fs,RFlat", "faiss:IVF1024,PQ48x4fs,RFlat", False, None, "faiss:IVF1024,PQ48x4fs,RFlat"),
        ("bm25", None, True, None, "bm25"),
        ("hybrid", "flat", True, "calibrated", "hybrid(flat,bm25)"),
        ("auto", "auto", True, "calibrated", "hybrid(auto,bm25)"),
        ("hybrid(flat,bm25)", "flat", True, "calibrated", "hybrid(flat,bm25)"),
        (" hybrid( flat , bm25, rrf ) ", "flat", True, "rrf", "hybrid(flat,bm25,rrf)"),
        ("hybrid(hnsw:16,bm25)", "hnsw:16", True, "calibrated", "hybrid(hnsw:16,bm25)"),
        ("hybrid(faiss:IVF8_HNSW32,Flat,bm25)", "faiss:IVF8_HNSW32,Flat", True, "calibrated",
         "hybrid(faiss:IVF8_HNSW32,Flat,bm25)"),
        ("hybrid(faiss:IVF8(HNSW32),PQ4x4,bm25,rrf)", "faiss:IVF8(HNSW32),PQ4x4", True, "rrf",
         "hybrid(faiss:IVF8(HNSW32),PQ4x4,bm25,rrf)"),
    ],
)  # fmt: skip
def test_reads(spec: str, dense: str | None, lexical: bool, fusion: str | None, text: str) -> None:
    found = parse(spec)
    assert (found.dense, found.lexical, found.fusion, found.text) == (dense, lexical, fusion, text)
    assert parse(found.text) == found


@pytest.mark.parametrize(
    "spec",
    [
        "", "Flat", "hnsw:", "hnsw:x", "ivf:4", "faiss:", "faiss:a b;c", "pgvector:", "flat,bm25", "hybrid()",
        "hybrid(bm25,flat)", "hybrid(flat,bm25,rrf,rrf)", "hybrid(flat)", "hybrid(flat,bm25",
        "hybrid(flat,bm25))", "hybrid(flat,bm25)x", "hybrid(hybrid,bm25)", "b m 2 5\x00",
    ],
)  # fmt: skip
def test_refuses_by_name_and_says_what_is_known(spec: str) -> None:
    with pytest.raises(BadIndexSpec) as caught:
        parse(spec)
    assert repr(spec) in str(caught.value)
    assert all(known in str(caught.value) for known in KNOWN)


@pytest.mark.parametrize("spec", ["hnsw:3", "hnsw:129", "hybrid(hnsw:0,bm25)", "pgvector:3", "pgvector:101"])
def test_the_links_of_a_graph_have_bounds(spec: str) -> None:
    with pytest.raises(BadIndexSpec, match="from 4 to 100" if "pgvector" in spec else "from 4 to 128"):
        parse(spec)


def test_what_an_engine_keeps_is_told_from_what_lies_here() -> None:
    outside = {spec: parse(spec).outside for spec in ("pgvector", "hybrid(pgvector,bm25)", "hnsw", "bm25", "auto")}
    assert [spec for spec, is_outside in outside.items() if is_outside] == ["pgvector", "hybrid(pgvector,bm25)"]


@given(st.text() | st.text("hybrid(flnsw:123,bm25)"))
def test_what_is_accepted_has_a_canonical_form(spec: str) -> None:
    try:
        found = parse(spec)
    except BadIndexSpec:
        return
    assert parse(found.text) == found
