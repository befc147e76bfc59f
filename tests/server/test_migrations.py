import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import text

import server.storage.tables
from retrieval.database import Database, sqlite_engine
from retrieval.tables import metadata
from server.storage.migrate import HEAD, MIGRATIONS, NewerDatabase, migrate


@pytest.fixture
def database(tmp_path):
    database = Database(sqlite_engine(tmp_path / "test.sqlite3"))
    yield database
    database.close()


async def test_migrations_make_exactly_the_tables_of_the_code(database):
    assert await database.write(migrate) is True
    assert await database.write(migrate) is False
    assert server.storage.tables.run.metadata is metadata
    differences = await database.read(lambda db: compare_metadata(MigrationContext.configure(db), metadata))
    assert differences == []


def test_head_is_the_newest_revision():
    assert ScriptDirectory(str(MIGRATIONS)).get_current_head() == HEAD


async def test_a_database_of_a_later_version_is_refused_and_left_alone(database):
    await database.write(migrate)
    await database.write(lambda db: db.execute(text("update alembic_version set version_num = '9999'")))
    with pytest.raises(NewerDatabase, match="9999"):
        await database.write(migrate)


async def test_a_failed_change_leaves_nothing_behind(database):
    await database.write(migrate)

    def half(db):
        db.execute(text("insert into file_batch values ('b', 'c', 0, 0)"))
        raise RuntimeError("in the middle")

    with pytest.raises(RuntimeError, match="in the middle"):
        await database.write(half)
    assert await database.read(lambda db: db.execute(text("select count(*) from file_batch")).scalar()) == 0
