"""Training of indexes: what takes long is trained by a process of its own, which ends when nobody wants it."""

import threading

import numpy as np
import pytest

from retrieval.indexes import finder, training
from retrieval.indexes.ann import AnnIndex
from retrieval.indexes.rows import stored, write_rows
from retrieval.pace import Pace, Stopped


def vectors(count, dimension):
    made = np.random.default_rng(count).standard_normal((count, dimension), np.float32)
    return made / np.linalg.norm(made, axis=1, keepdims=True)


def index_of(spec, made):
    index = AnnIndex(spec, made.shape[1])
    index.add(np.arange(len(made)), made)
    return index


@pytest.mark.parametrize(
    ("factory", "count", "briefly"),
    [
        ("IVF28,Flat", 1_200, True),
        ("IVF12,SQ8", 500, True),
        ("SQ8", 50_000, True),
        ("IVF1600,Flat", 160_000, False),
        ("IVF128,PQ192x4fs", 5_000, False),
        ("OPQ16_64,IVF4,PQ16", 300, False),
        ("PCA64,Flat", 300, True),
        ("PCA64,IVF128,PQ32", 5_000, False),
        ("HNSW32_SQ8", 5_000, True),
        ("IVF16_HNSW8,Flat", 1_000, True),
        ("IVF1024_HNSW32,Flat", 100_000, False),
        ("RQ4x6", 300, False),
    ],
)
def test_only_what_surely_takes_a_moment_is_trained_beside_searches(factory, count, briefly):
    index = finder.started(factory, 384)
    assert (training.seconds(index, count) <= training.MOMENT_S) == briefly


def test_centroids_are_not_ordered_for_a_search_that_is_not_made():
    parts = finder.started("OPQ8,IVF4,PQ8", 64), finder.started("PQ8", 64)
    told = [part.do_polysemous_training for index in parts for part in finder.faiss_kinds.parts(index)
            if hasattr(part, "do_polysemous_training")]  # fmt: skip
    assert told == [False, False]


@pytest.mark.slow
def test_a_training_of_minutes_stops_when_it_is_told_to_and_leaves_nothing(tmp_path):
    index, pace = index_of("faiss:OPQ32,IVF64,PQ32", vectors(20_000, 64)), Pace()
    began = threading.Timer(1, pace.stop)
    began.start()
    with pytest.raises(Stopped):
        index.snapshot(pace)(tmp_path)
    assert not (tmp_path / training.TRAINED).exists()
    with pytest.raises(Stopped):
        index.snapshot(Pace(seconds=0.5))(tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize("factory", ["IVF16,Flat", "IVF16,PQ32x4fs", "PCA16,IVF8,SQ8"])
def test_an_index_trained_apart_is_the_one_that_would_be_trained_here(factory, tmp_path):
    rows = stored(np.arange(1_500), vectors(1_500, 64))
    write_rows(rows, tmp_path)
    here = finder.started(factory, 64)
    here.train(rows.vectors)
    apart = training.apart(factory, tmp_path, Pace())
    assert not (tmp_path / training.TRAINED).exists()
    for index in (here, apart):
        index.add(rows.vectors)
    (own, first), (others, second) = (index.search(rows.vectors[:50], 10) for index in (here, apart))
    assert (first == second).mean() > 0.99
    assert np.allclose(own, others, atol=1e-3)


@pytest.mark.slow
def test_what_faiss_will_not_train_is_searched_exactly_and_says_why(tmp_path):
    made = vectors(1_200, 64)
    rules = {"planned": lambda dense, count, dimension: training_plan("IVF2000,Flat")}
    index = AnnIndex("made", 64, **rules)
    index.add(np.arange(len(made)), made)
    index.snapshot()(tmp_path)
    loaded = AnnIndex.load(tmp_path, "made", **rules)
    (note,) = loaded.plan.notes
    assert "faiss could not build IVF2000,Flat" in note
    assert "1200" in note
    assert loaded.search(made[:1], 1)[1].tolist() == [[0]]


def training_plan(factory):
    from retrieval.indexes.plan import Plan

    return Plan(factory)
