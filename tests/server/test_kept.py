"""A file of a tenant is kept whole: its bytes and its row, both or neither."""

import asyncio
import io

import pytest

from retrieval.database import Database, sqlite_engine
from server.storage import files
from server.storage.blobs import Blobs
from server.storage.kept import keep
from tests.database import begin_in


@pytest.fixture
def database(tmp_path):
    begin_in(tmp_path)
    database = Database(sqlite_engine(tmp_path / "sandtable.sqlite3"))
    yield database
    database.close()


@pytest.fixture
def blobs(tmp_path):
    return Blobs(tmp_path / "blobs")


def kept(database, blobs, source):
    about = {"tenant": "default", "filename": "a.txt", "purpose": "assistants"}
    return keep(database, blobs, source=source, size=5, **about)


async def both(database, blobs, tmp_path):
    rows = await database.read(files.all_file_ids)
    assert {path.name for path in (tmp_path / "blobs").iterdir()} == rows
    return rows


async def test_row_and_bytes(database, blobs, tmp_path):
    row = await kept(database, blobs, io.BytesIO(b"Light"))
    assert (row.bytes, blobs.path(row.id).read_bytes()) == (5, b"Light")
    assert await both(database, blobs, tmp_path) == {row.id}


@pytest.mark.parametrize("turns", range(6))
async def test_who_gives_up_leaves_no_half(database, blobs, tmp_path, turns):
    task = asyncio.create_task(kept(database, blobs, io.BytesIO(b"Light")))
    for _ in range(turns):
        await asyncio.sleep(0.001)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    rest = asyncio.all_tasks() - {asyncio.current_task()}
    await asyncio.gather(*rest, return_exceptions=True)
    assert len(await both(database, blobs, tmp_path)) <= 1


async def test_what_cannot_be_read_leaves_nothing(database, blobs, tmp_path):
    class Broken(io.BytesIO):
        def read(self, size=-1):
            raise OSError("no more")

    with pytest.raises(OSError, match="no more"):
        await kept(database, blobs, Broken())
    assert await both(database, blobs, tmp_path) == set()
