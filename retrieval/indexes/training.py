"""Training a faiss index so that it can be stopped: one call of faiss may take minutes, and does not look up.

What surely takes less than a moment is trained on the calling thread. All else is trained by a process of its own
(`retrieval.indexes.training_worker`), which is killed as soon as nobody wants it any more.
"""

from __future__ import annotations

import math
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from retrieval.errors import TrainingEnded

if TYPE_CHECKING:
    from retrieval.indexes.rows import Stored
    from retrieval.pace import Pace

MOMENT_S: Final = 0.25
"""A process that has faiss takes as long to start."""
FLOPS: Final = 2e10
"""Of one core, in k-means over whole vectors."""
POINT_S: Final = 1.5e-7
"""For a part of a vector, a round of k-means and 16 centroids: 0.8 s for 192 such parts of 1,200 vectors."""
ROUNDS: Final = 25
LINKED_S: Final = 1e-3
"""For a centroid that joins a graph."""
DECOMPOSED: Final = 50
"""Operations for each of the d^3 of a principal component analysis: 0.15 s for 384 dimensions."""
LISTS_ROUNDS: Final = 10
PER_CENTROID: Final = 256
"""Vectors beyond which faiss takes a sample (Clustering.max_points_per_centroid)."""
LOOK_S: Final = 0.02
"""Between two looks at whether the process has ended, or is no longer wanted."""
TRAINED: Final = "trained.faiss"
_ROOT: Final = Path(__file__).resolve().parent.parent.parent


def trained(index: Any, rows: Stored, factory: str, folder: Path, pace: Pace) -> Any:
    """Train `index`, which `finder.started` made of `factory`; returns it, or one that a process trained in its place.

    `folder` has the rows, as `rows.write_rows` writes them. Raises Stopped within a moment of `pace` saying so,
    RuntimeError as faiss does, TrainingEnded.
    """
    if seconds(index, len(rows.ids)) <= MOMENT_S:
        if not index.is_trained:
            index.train(rows.vectors)
        return index
    return apart(factory, folder, pace)


def seconds(index: Any, count: int) -> float:
    """At most what training on so many vectors takes, about; infinite where that is not known."""
    import faiss

    if index.is_trained:
        return 0.0
    if isinstance(index, faiss.IndexPreTransform):
        chain: Any = index.chain
        steps = (faiss.downcast_VectorTransform(chain.at(place)) for place in range(chain.size()))
        return sum(_transform_s(one, count) for one in steps) + seconds(faiss.downcast_index(index.index), count)
    if isinstance(index, faiss.IndexHNSW):
        return seconds(faiss.downcast_index(index.storage), count)
    if isinstance(index, faiss.IndexScalarQuantizer):
        return float(count * index.d / FLOPS)
    if isinstance(index, faiss.IndexPQ | faiss.IndexPQFastScan):
        return _codes_s(index.pq, count)
    return _lists_s(index, count) if isinstance(index, faiss.IndexIVF) else math.inf


def _lists_s(index: Any, count: int) -> float:
    import faiss

    centroids = faiss.downcast_index(index.quantizer)
    if not isinstance(centroids, faiss.IndexFlat | faiss.IndexHNSWFlat):
        return math.inf
    sample = min(count, PER_CENTROID * index.nlist)
    lists = 2 * sample * index.nlist * index.d * LISTS_ROUNDS / FLOPS
    if isinstance(centroids, faiss.IndexHNSWFlat):
        lists += index.nlist * LINKED_S
    if isinstance(index, faiss.IndexIVFFlat | faiss.IndexIVFScalarQuantizer):
        return float(lists)
    coded = isinstance(index, faiss.IndexIVFPQ | faiss.IndexIVFPQFastScan)
    return float(lists + _codes_s(index.pq, count)) if coded else math.inf


def _transform_s(transform: Any, count: int) -> float:
    import faiss

    if transform.is_trained:
        return 0.0
    rows, columns = count, transform.d_in
    if isinstance(transform, faiss.PCAMatrix):
        return float((2 * rows * columns**2 + DECOMPOSED * columns**3) / FLOPS)
    return math.inf


def _codes_s(pq: Any, count: int) -> float:
    sample = min(count, PER_CENTROID * pq.ksub)
    return float(sample * pq.M * max(pq.ksub / 16, 1) * ROUNDS * POINT_S)


def apart(factory: str, folder: Path, pace: Pace) -> Any:
    import faiss

    command = (sys.executable, "-m", "retrieval.indexes.training_worker", str(folder.absolute()), factory)
    # Its stdin stays open as long as this process lives and wants it.
    worker = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=_ROOT)
    try:
        while worker.poll() is None:
            pace.wait(LOOK_S)
    finally:
        worker.kill()
        said, _ = worker.communicate()
    if worker.returncode == 0:
        made = faiss.read_index(str(folder / TRAINED))
        (folder / TRAINED).unlink()
        return made
    if said:
        raise RuntimeError(said.decode("utf-8", "replace"))
    how = f"by signal {-worker.returncode}" if worker.returncode < 0 else f"with status {worker.returncode}"
    raise TrainingEnded(
        f"the process that trained {factory!r} ended {how}: it may have needed more memory than there is"
    )
