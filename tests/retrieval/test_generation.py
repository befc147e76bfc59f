"""The base on disk: what it saves, what it must not be trusted for, and that it never decides what is found."""

import json
import shutil

import numpy as np
import pytest

from retrieval.generation import Batch, Generation
from retrieval.indexes.spec import parse
from retrieval.pace import Pace, Stopped
from tests.retrieval.hashing import HashEmbedder

WORDS = [
    "norway",
    "germany",
    "charger",
    "battery",
    "harbour",
    "港口",
    "渔船",
    "ferry",
    "winter",
    "saga",
    "road",
    "grid",
]
QUERIES = ["norway battery", "港口 渔船", "winter saga"]


class Source:
    """The database's part: texts by chunk id. `made` lists the ids that were asked for."""

    def __init__(self, embedder, dense=True):
        self.texts = {}
        self.embedder = embedder
        self.dense = dense
        self.made = []

    def alive(self):
        return np.array(sorted(self.texts), np.int64)

    def batch(self, ids):
        texts = [self.texts[id] for id in ids]
        return Batch(
            np.array(ids, np.int64), texts, None, self.embedder.embed(texts, kind="document") if self.dense else None
        )

    def batches(self, ids):
        self.made += ids.tolist()
        for start in range(0, len(ids), 7):
            yield self.batch(ids[start : start + 7].tolist())


def text(n):
    return " ".join(WORDS[(n * step) % len(WORDS)] for step in (1, 2, 5)) + f" note{n}"


@pytest.fixture(params=["flat", "bm25", "hybrid", "hnsw", "ivf", "auto", "hybrid(faiss:PQ4x4,bm25,rrf)"])
def spec(request):
    return parse(request.param)


@pytest.fixture
def source(spec):
    return Source(HashEmbedder(), dense=spec.dense is not None)


def opened(spec, source, directory, embedder=None):
    generation = Generation(spec, embedder or source.embedder, directory)
    generation.open(source.alive(), source.batches)
    return generation


def add(generation, source, ids):
    source.texts |= {id: text(id) for id in ids}
    generation.add(source.batch(list(ids)))


def results(generation, source, k=10, allow=None):
    vectors = source.embedder.embed(QUERIES, kind="query")
    ranked = [generation.search(query, vector, k, allow) for query, vector in zip(QUERIES, vectors, strict=True)]
    return [[(r.id, round(r.score, 4)) for r in one] for one in ranked]


@pytest.fixture
def folded(spec, source, tmp_path):
    """A generation with a base on disk, and 5 changes since."""
    generation = opened(spec, source, tmp_path / "gen")
    add(generation, source, range(1, 41))
    assert generation.fold_if_due(at_least=10)
    add(generation, source, range(41, 46))
    return generation


def test_reopened_from_its_base_it_finds_the_same(spec, source, folded, tmp_path):
    before = results(folded, source)
    again = opened(spec, source, tmp_path / "gen")
    assert results(again, source) == before
    assert sorted(source.made) == list(range(41, 46))
    assert len(again) == 45


def test_what_went_since_the_base_stays_gone(spec, source, folded, tmp_path):
    for id in (1, 2, 40, 45):
        del source.texts[id]
    folded.remove(np.array([1, 2, 40, 45], np.int64))
    again = opened(spec, source, tmp_path / "gen")
    assert results(again, source, k=50) == results(folded, source, k=50)
    assert not {id for one in results(again, source, k=50) for id, _ in one} & {1, 2, 40, 45}


def test_an_allowed_subset_is_all_that_is_found(spec, source, folded, tmp_path):
    allow = np.array([3, 7, 41, 44], np.int64)
    again = opened(spec, source, tmp_path / "gen")
    found = results(again, source, k=50, allow=allow)
    assert found == results(folded, source, k=50, allow=allow)
    assert {id for one in found for id, _ in one} <= set(allow.tolist())


def test_a_newer_base_takes_the_place_of_the_older(spec, source, folded, tmp_path):
    add(folded, source, range(46, 120))
    assert folded.fold_if_due(at_least=10)
    assert [path.name for path in (tmp_path / "gen").iterdir()] == ["base-2"]
    assert results(opened(spec, source, tmp_path / "gen"), source) == results(folded, source)
    assert source.made == []
    assert not folded.fold_if_due(at_least=10)


def test_a_fold_waits_for_half_of_the_base_or_a_quarter_where_the_tail_is_slower(spec, source, tmp_path):
    generation = opened(spec, source, tmp_path / "gen")
    add(generation, source, range(1, 101))
    assert generation.fold_if_due(at_least=10)
    due = 150 if spec.dense in (None, "flat") else 125
    add(generation, source, range(101, due))
    assert not generation.fold_if_due(at_least=10)
    add(generation, source, range(due, due + 1))
    assert generation.fold_if_due(at_least=10)


def test_a_fold_that_is_stopped_leaves_all_as_it_was(tmp_path):
    source = Source(HashEmbedder())
    generation = opened(parse("hnsw"), source, tmp_path / "gen")
    add(generation, source, range(1, 41))
    before, pace = results(generation, source), Pace()
    pace.stop()
    with pytest.raises(Stopped):
        generation.fold_if_due(at_least=10, pace=pace)
    assert not list((tmp_path / "gen").iterdir())
    assert results(generation, source) == before
    assert results(opened(parse("hnsw"), source, tmp_path / "gen"), source) == before


def test_searches_and_changes_go_on_while_a_graph_is_built(tmp_path):
    """Every slice of the building adds a chunk, takes one away and searches."""
    source = Source(HashEmbedder())
    generation = opened(parse("hnsw"), source, tmp_path / "gen")
    add(generation, source, range(1, 1201))
    seen = []

    def told(done, total):
        seen.append((done, total))
        add(generation, source, [2000 + len(seen)])
        generation.remove(np.array([len(seen)], np.int64))
        del source.texts[len(seen)]
        found = {id for one in results(generation, source, k=2000) for id, _ in one}
        assert found == set(source.texts)

    assert generation.fold_if_due(at_least=10, pace=Pace(told=told))
    assert seen == [(0, 1200), *((min(n, 1200), 1200) for n in range(256, 1281, 256))]
    assert {id for one in results(generation, source, k=2000) for id, _ in one} == set(source.texts)
    again = opened(parse("hnsw"), source, tmp_path / "gen")
    assert results(again, source) == results(generation, source)
    assert len(source.made) == len(seen)


def flip(path):
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(data)


def some_file(base, spec):
    return base / ("dense/ids.npy" if spec.dense else "lexical/places.npy")


DAMAGES = {
    "flipped byte": lambda base, spec: flip(some_file(base, spec)),
    "flipped id": lambda base, spec: flip(base / "ids.npy"),
    "missing file": lambda base, spec: some_file(base, spec).unlink(),
    "cut file": lambda base, spec: some_file(base, spec).write_bytes(some_file(base, spec).read_bytes()[:-8]),
    "cut manifest": lambda base, spec: (base / "manifest.json").write_text((base / "manifest.json").read_text()[:60]),
    "no manifest": lambda base, spec: (base / "manifest.json").unlink(),
    "list as manifest": lambda base, spec: (base / "manifest.json").write_text("[1, 2]"),
    "other format": lambda base, spec: change(base, format=99),
    "other fingerprint": lambda base, spec: change(base, fingerprint="hashing-2"),
    "other dimension": lambda base, spec: change(base, dimension=48),
    "other index": lambda base, spec: change(base, index="of old"),
    "only half written": lambda base, spec: base.rename(base.with_name("tmp-1")),
    "of a stranger's name": lambda base, spec: base.rename(base.with_name("base-old")),
}


def change(base, **values):
    path = base / "manifest.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | values))


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_base_that_is_not_whole_is_made_again_from_the_database(spec, source, folded, tmp_path, damage):
    before = results(folded, source)
    DAMAGES[damage](tmp_path / "gen" / "base-1", spec)
    again = opened(spec, source, tmp_path / "gen")
    assert results(again, source) == before
    # Words are the same whatever the model.
    lacking = 41 if spec.dense is None and damage in ("other fingerprint", "other dimension") else 1
    assert sorted(source.made) == list(range(lacking, 46))
    assert not list((tmp_path / "gen").glob("tmp-*"))


def test_behind_a_damaged_base_an_older_one_that_is_whole_is_used(spec, source, folded, tmp_path):
    gen = tmp_path / "gen"
    shutil.copytree(gen / "base-1", gen / "base-2")
    flip(gen / "base-2" / "ids.npy")
    before = results(folded, source)
    assert results(opened(spec, source, gen), source) == before
    assert sorted(source.made) == list(range(41, 46))


def test_another_embedder_of_the_same_size_does_not_use_the_base_of_vectors(source, folded, tmp_path, spec):
    other = HashEmbedder("hashing-2")
    source.embedder = other
    again = opened(spec, source, tmp_path / "gen", other)
    assert sorted(source.made) == list(range(41 if spec.dense is None else 1, 46))
    best = [one[0][0] for one in results(again, source)]
    assert all(set(QUERIES[n].split()) & set(text(id).split()) for n, id in enumerate(best))


def test_an_empty_generation_is_opened_searched_and_saved(spec, source, tmp_path):
    generation = opened(spec, source, tmp_path / "gen")
    assert (results(generation, source), len(generation)) == ([[], [], []], 0)
    assert generation.fold_if_due(at_least=0)
    assert results(opened(spec, source, tmp_path / "gen"), source) == [[], [], []]
