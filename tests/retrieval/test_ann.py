"""What approximate indexes find of what there is, whatever is filtered out, removed or new; and their rules of size."""

import numpy as np
import pytest

from retrieval.errors import BadIndexSpec
from retrieval.indexes.ann import AnnIndex
from retrieval.indexes.factory import check
from retrieval.indexes.plan import AUTO_GRAPH, Plan, plan

DIMENSION, COUNT, K = 48, 5_000, 10
SPECS = (
    "hnsw:16",
    "hnsw:32",
    "ivf",
    "ivfpq",
    "faiss:IVF32,SQ8",
    "faiss:IVF16_HNSW8,PQ24x4fs,RFlat",
    "faiss:HNSW16_SQ8",
)


def like_embeddings(count, seed):
    """Groups within groups on the sphere, as texts of topics are."""
    dice = np.random.default_rng(seed)
    topics = np.random.default_rng(1).standard_normal((20, DIMENSION))
    themes = topics[np.arange(400) % 20] + 0.7 * np.random.default_rng(2).standard_normal((400, DIMENSION))
    made = themes[dice.integers(0, 400, count)] + 0.8 * dice.standard_normal((count, DIMENSION))
    return (made / np.linalg.norm(made, axis=1, keepdims=True)).astype(np.float32)


VECTORS, QUERIES = like_embeddings(COUNT, 3), like_embeddings(100, 4)


@pytest.fixture(scope="module", params=SPECS)
def built(request, tmp_path_factory):
    """A factory of indexes with `VECTORS` in their base under the ids 0, 2, 4, ..."""
    index, folder = AnnIndex(request.param, DIMENSION), tmp_path_factory.mktemp("index")
    index.add(np.arange(COUNT) * 2, VECTORS)
    index.snapshot()(folder)
    return lambda: AnnIndex.load(folder, request.param)


def recall(index, vectors, ids, allow=None):
    """Of the exact nearest neighbours among `ids` (those allowed), the share that is found."""
    kept = np.ones(len(ids), np.bool_) if allow is None else np.isin(ids, allow)
    _, found = index.search(QUERIES, K, allow)
    exact = ids[kept][np.argsort(-(QUERIES @ vectors[kept].T), axis=1)[:, :K]]
    assert (np.sort(found, axis=1)[:, -exact.shape[1] :] >= 0).all()
    shares = [len(np.intersect1d(a, b)) / exact.shape[1] for a, b in zip(found, exact, strict=True)]
    return float(np.mean(shares))


def test_it_finds_nearly_all_of_what_there_is(built):
    index = built()
    assert index.plan.factory is not None
    assert recall(index, VECTORS, np.arange(COUNT) * 2) >= 0.95


@pytest.mark.parametrize("share", [0.001, 0.004, 0.02, 0.1, 0.3, 0.6, 0.9])
def test_a_filter_costs_no_recall(built, share):
    ids = np.arange(COUNT) * 2
    kept = np.sort(np.random.default_rng(5).choice(ids, int(COUNT * share), replace=False))
    found = recall(built(), VECTORS, ids, allow=kept)
    assert found >= (0.99 if share <= 0.1 else 0.95)


def test_what_is_new_and_what_is_gone_count_at_once(built):
    index, dice = built(), np.random.default_rng(6)
    gone = dice.choice(COUNT * 2, 1_500, replace=False) // 2 * 2
    index.remove(gone)
    ids = np.concatenate([np.setdiff1d(np.arange(COUNT) * 2, gone), np.arange(500) * 2 + 1])
    index.add(np.arange(500) * 2 + 1, like_embeddings(500, 7))
    vectors = np.concatenate([VECTORS[ids[ids % 2 == 0] // 2], like_embeddings(500, 7)])
    assert len(index) == len(ids)
    assert recall(index, vectors, ids) >= 0.95
    assert recall(index, vectors, ids, allow=np.sort(dice.choice(ids, 20, replace=False))) == 1.0


def test_scores_are_exact_whatever_the_codes(built):
    index = built()
    scores, ids = index.search(QUERIES, K)
    exact = np.take_along_axis(QUERIES @ VECTORS.T, ids // 2, axis=1)
    assert scores == pytest.approx(exact, abs=1e-5)
    assert (np.diff(scores, axis=1) <= 0).all()


def test_below_its_training_minimum_a_spec_falls_to_smaller_codes_or_to_none():
    assert plan("ivf", 155, 384) == Plan(
        None, notes=("ivf trains on at least 156 vectors, there are 155: exact search",)
    )
    assert plan("ivf", 156, 384).factory == "IVF4,Flat"
    assert plan("ivfpq", 155, 384).factory is None
    assert plan("ivfpq", 600, 384).factory == "IVF15,SQ8"
    assert plan("ivfpq", 600, 384).notes == ("ivfpq trains on at least 624 vectors, there are 600: 8-bit codes",)
    assert plan("ivfpq", 624, 384) == Plan("IVF16,PQ192x4fs", 4)
    assert plan("ivfpq", 5_000, 7).factory == "IVF128,SQ8"
    assert plan("ivfpq", 1_000_000, 384).factory == "IVF4000,PQ192x4fs"
    assert plan("faiss:IVF64,PQ48", 200, 384).notes == (
        "IVF64,PQ48 trains on at least 256 vectors, there are 200: exact search",
    )
    few = plan("faiss:IVF64,Flat,RFlat", 100, 384)
    assert (few.factory, few.refine) == ("IVF64,Flat", 4)
    assert few.notes == ("IVF64,Flat,RFlat is best trained on 2,496 vectors or more; it was on 100",)
    assert plan("faiss:IVF64,Flat", 2_496, 384) == Plan("IVF64,Flat")
    assert plan("hnsw:16", 1, 384) == Plan("HNSW16")
    assert plan("hnsw:16", 0, 384) == Plan(None)


def test_auto_is_exact_until_a_graph_pays():
    assert plan("auto", AUTO_GRAPH - 1, 384).factory is None
    assert plan("auto", AUTO_GRAPH, 384).factory == "HNSW32"


@pytest.mark.parametrize(
    ("factory", "why"),
    [
        ("Nonsense", "could not parse"),
        ("IVF16,PQ7", "no index"),
        ("IDMap,Flat", "own part"),
        ("LSH", "no index"),
        ("IVF64,PQ48,Refine(SQ8)", "own part"),
    ],
)
def test_what_faiss_cannot_make_is_refused_by_name(factory, why):
    with pytest.raises(BadIndexSpec, match=f"faiss:{factory}".replace("(", r"\(").replace(")", r"\)")) as caught:
        check(f"faiss:{factory}", 384)
    assert why in str(caught.value)


@pytest.mark.parametrize(
    ("factory", "why"),
    [
        ("PQ1x20", "the bits of its codes are 20, and may be 12 at most"),
        ("PQ1x24", "bits"),
        ("IVF16,PQ4x13np", "bits"),
        ("HNSW20000", "the links of its graph are 20,000, and may be 128 at most"),
        ("IVF64_HNSW500,Flat", "links"),
        ("NSG129,Flat", "links"),
        ("IVF1048577,Flat", "its lists are 1,048,577"),
        ("IVF1048576(IVF1048576),Flat", "its lists are 2,097,152"),
        ("PCA5000,Flat", "a number in it is 5,000"),
        ("OPQ16_99999,PQ16", "a number in it is 99,999"),
        ("IVF16,PQ4x4fs_1000000", "a number in it is 1,000,000"),
        ("RQ4x20", "bits"),
        ("RQ64x12", "the centroids of its codebooks are 262,144"),
        ("RQ2x8_90x8", "the centroids of its codebooks are 23,040"),
        ("PRQ4x64x8", "the centroids of its codebooks are 65,536"),
        ("LSQ33x8", "centroids"),
        ("ZnLattice12x30_4", "the squared radius of its lattice is 30"),
        (",".join(["RR4096"] * 20) + ",Flat", "its parts are 21"),
    ],
)
def test_what_is_too_large_is_refused_before_faiss_makes_it(factory, why):
    with pytest.raises(BadIndexSpec) as caught:
        check(f"faiss:{factory}", 384)
    assert f"index spec 'faiss:{factory}': " in str(caught.value)
    assert why in str(caught.value)


@pytest.mark.parametrize(
    "factory",
    [
        "IVF1024,PQ48x4fs,RFlat",
        "RQ4x8",
        "IVF4096,PQ32x12",
        "PRQ2x4x8",
        "HNSW32",
        "OPQ16,IVF256,PQ16",
        "PQ48x4fs",
        "SQ8",
    ],
)
def test_what_faiss_can_make_passes(factory):
    check(f"faiss:{factory}", 384)


def test_vectors_that_are_all_alike_are_no_trouble(tmp_path):
    index = AnnIndex("ivfpq", DIMENSION)
    index.add(np.arange(2_000), np.repeat(VECTORS[:1], 2_000, axis=0))
    index.snapshot()(tmp_path)
    scores, ids = AnnIndex.load(tmp_path, "ivfpq").search(VECTORS[:1], K)
    assert scores == pytest.approx(np.ones((1, K)))
    assert len(set(ids[0].tolist())) == K
