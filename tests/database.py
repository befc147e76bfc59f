"""A database of the present schema, made once per process: making one takes longer than most tests."""

import tempfile
from functools import cache
from pathlib import Path

from retrieval.database import sqlite_engine
from server.storage.migrate import migrate


@cache
def _up_to_date() -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "sandtable.sqlite3")
        engine = sqlite_engine(path)
        with engine.begin() as connection:
            migrate(connection)
        engine.dispose()
        assert [left.name for left in path.parent.iterdir()] == [path.name]
        return path.read_bytes()


def begin_in(data_dir):
    """Put one there, unless the directory has one. `tests/server/test_migrations.py` is about making them."""
    path = Path(data_dir, "sandtable.sqlite3")
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(_up_to_date())
