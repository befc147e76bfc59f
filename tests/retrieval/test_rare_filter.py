"""A filter that keeps one chunk in a thousand, under every kind of index."""

from uuid import uuid4

import numpy as np
import pytest

from retrieval.indexes.postgres import Postgres
from tests.retrieval.test_collection import eq
from tests.retrieval.workshop import SMALL, workshop

pytestmark = pytest.mark.slow

CHUNKS, RARE = 5_000, 5
"""Few enough to write down, and far above the size below which any search is exact."""
SPECS = (
    "hnsw", "hnsw:8", "ivf", "ivfpq", "auto", "bm25", "faiss:IVF32,SQ8", "faiss:HNSW16_SQ8", "faiss:PCA16,IVF16,Flat",
    "faiss:SQ8", "hybrid(hnsw,bm25)", "hybrid(ivfpq,bm25)", "hybrid(flat,bm25,rrf)",
)  # fmt: skip
QUERIES = ("river 7 bridge", "the bridge over the river", "bridge 3 river 12", "nothing like the river")
WORDS = [f"{noun} {n}" for noun in ("river", "bridge", "stone", "tower", "market") for n in range(40)]


def passage(dice):
    """Of one chunk: some 80 words."""
    return " ".join(dice.choice(WORDS, 40).tolist())


async def filled(shop):
    """The chunks of one large file, and of a small one that the filter keeps."""
    dice = np.random.default_rng(11)
    await shop.add("many", "\n\n".join(passage(dice) for _ in range(CHUNKS)), {"kept": False}, SMALL)
    for n in range(RARE):
        await shop.add(f"few-{n}", f"nothing like the river {n} bridge {n}", {"kept": True}, SMALL)
    assert len(shop.collection.generation) >= 1000 * RARE


async def check(shop, lane):
    """As many as there are, in the order of an exact search among them."""
    for query in QUERIES:
        for k in (1, RARE, 10):
            hits = await shop.collection.search(query, k, where=eq("kept", True), lane=lane)
            files = [hit.file_id for hit in hits]
            assert len(set(files)) == min(k, RARE), (lane.generation.spec.text, query, files)
            assert all(file.startswith("few-") for file in files)
            if lane.generation.spec.dense is not None and not lane.generation.spec.lexical:
                exact = await shop.collection.search(
                    query, k, where=eq("kept", True), lane=shop.collection.lanes["gen_1"]
                )
                assert np.allclose([hit.score for hit in hits], [hit.score for hit in exact], atol=1e-5)


async def test_every_kind_finds_what_a_rare_filter_keeps(tmp_path):
    async with workshop(tmp_path, index="flat") as shop:
        await filled(shop)
        for spec in SPECS:
            row = await shop.build(spec)
            assert row.status == "ready", (spec, row.error)
        assert len(shop.collection.lanes) == len(SPECS) + 1
        for lane in shop.collection.lanes.values():
            await check(shop, lane)


async def test_so_does_postgresql(tmp_path, postgres):
    engine = Postgres(postgres.url, f"test_{uuid4().hex}")
    async with workshop(tmp_path, index="flat", postgres=engine) as shop:
        await filled(shop)
        for spec in ("pgvector", "hybrid(pgvector,bm25)"):
            assert (await shop.build(spec)).status == "ready"
        for lane in shop.collection.lanes.values():
            await check(shop, lane)
    engine.close()
