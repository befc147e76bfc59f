"""The process that trains an index: python -m retrieval.indexes.training_worker FOLDER FACTORY

FOLDER has the vectors; the trained, empty index comes to it. What faiss does not want to do it says on stdout, and ends
with status 1. The process ends with its stdin, and on Linux with the thread that started it.
"""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from retrieval.indexes import finder
from retrieval.indexes.rows import read_rows
from retrieval.indexes.training import TRAINED
from retrieval.pace import step_back
from retrieval.parent import die_with_parent


def main() -> None:
    folder, factory = Path(sys.argv[1]), sys.argv[2]
    die_with_parent()
    # Libraries may print: the reply keeps the real stdout for itself.
    reply = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    threading.Thread(target=_end_with_stdin, daemon=True).start()
    step_back()
    try:
        train(folder, factory)
    except RuntimeError as error:
        reply.write(str(error))
        reply.close()
        sys.exit(1)


def train(folder: Path, factory: str) -> None:
    """Raises RuntimeError as faiss does."""
    import faiss

    faiss.omp_set_num_threads(1)
    rows = read_rows(folder)
    index = finder.started(factory, rows.faiss.d)
    with _silence():
        index.train(rows.vectors)
    faiss.write_index(index, str(folder / TRAINED))


@contextmanager
def _silence() -> Iterator[None]:
    """faiss prints a line for every clustering that it finds small, hundreds of them; the plan has told of it."""
    kept, nowhere = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 2)
    try:
        yield
    finally:
        os.dup2(kept, 2)


def _end_with_stdin() -> None:
    # Not of sys.stdin, whose lock a thread may not hold when Python ends.
    while os.read(0, 1 << 16):
        pass
    os._exit(1)


if __name__ == "__main__":
    main()
