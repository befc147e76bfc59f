from pathlib import Path

import numpy as np
import pytest

from retrieval.indexes.flat import FlatIndex


def filled(count: int = 50, dimension: int = 8) -> tuple[FlatIndex, np.ndarray]:
    vectors = np.random.default_rng(0).standard_normal((count, dimension)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    index = FlatIndex(dimension)
    index.add(np.arange(count), vectors)
    return index, vectors


def test_a_vector_is_nearest_to_itself() -> None:
    index, vectors = filled()
    scores, ids = index.search(vectors, 1)
    assert ids[:, 0].tolist() == list(range(50))
    assert scores[:, 0] == pytest.approx(1.0)


def test_other_memory_layouts_are_read_alike() -> None:
    index, vectors = filled()
    for given in (np.asfortranarray(vectors), vectors.astype(np.float64), np.repeat(vectors, 2, axis=0)[::2]):
        made = FlatIndex(8)
        made.add(np.arange(50, dtype=np.int32), given)
        assert made.search(given[:3], 4)[1].tolist() == index.search(vectors[:3], 4)[1].tolist()


@pytest.mark.parametrize("shape", [(2, 7), (1, 8), (16,)])
def test_vectors_of_another_shape_are_refused(shape: tuple[int, ...]) -> None:
    index, _ = filled()
    with pytest.raises(ValueError, match="do not fit 2 ids x 8"):
        index.add(np.array([1, 2]), np.zeros(shape, np.float32))


@pytest.mark.parametrize("shape", [(1, 7), (8,)])
def test_queries_of_another_shape_are_refused(shape: tuple[int, ...]) -> None:
    index, _ = filled()
    with pytest.raises(ValueError, match="are not \\(n, 8\\)"):
        index.search(np.zeros(shape, np.float32), 3)


def test_duplicates_come_by_id() -> None:
    index = FlatIndex(2)
    index.add(np.array([8, 2, 5]), np.tile(np.float32([[0.6, 0.8]]), (3, 1)))
    assert index.search(np.float32([[0.6, 0.8]]), 3)[1].tolist() == [[2, 5, 8]]


def test_one_by_one_is_as_all_at_once() -> None:
    grown = FlatIndex(8)
    index, vectors = filled(300)
    for id in range(300):
        grown.add(np.array([id]), vectors[id : id + 1])
    assert grown.search(vectors[:5], 7)[1].tolist() == index.search(vectors[:5], 7)[1].tolist()


def test_a_loaded_index_takes_its_dimension_from_the_file(tmp_path: Path) -> None:
    index, vectors = filled()
    index.snapshot()(tmp_path)
    loaded = FlatIndex.load(tmp_path)
    assert (loaded.dimension, len(loaded)) == (8, 50)
    assert loaded.search(vectors[:2], 3)[1].tolist() == index.search(vectors[:2], 3)[1].tolist()
