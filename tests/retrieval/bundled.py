"""One cache of the bundled embedder's runtime graph for all tests of a run: it takes seconds to make."""

import atexit
import tempfile
from functools import cache
from pathlib import Path

from retrieval.embedders.runtime import prepare


@cache
def cache_dir() -> Path:
    folder = tempfile.TemporaryDirectory()
    atexit.register(folder.cleanup)
    prepare(Path(folder.name))
    return Path(folder.name)
