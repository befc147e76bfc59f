"""kill -9 at random moments, as `test_swap_kill`, with generations in PostgreSQL: no table is left over either."""

import time

import psycopg
import pytest

from tests.e2e.test_swap_kill import killed

ROUNDS = 4
SPECS = ("pgvector:64", "pgvector", "hybrid(pgvector,bm25)", "hnsw")
SWEPT_SECONDS = 20


def tables(url):
    with psycopg.connect(url) as connection:
        rows = connection.execute("SELECT tablename FROM pg_tables WHERE schemaname LIKE 'sandtable_%'").fetchall()
    return {name for (name,) in rows}


def nothing_left_over(client, store, url):
    """Every table is a generation's, at once or as soon as it was swept."""
    found = client.get(f"/v1/vector_stores/{store}/generations", params={"limit": 100}).json()["data"]
    wanted = {made["id"] for made in found if "pgvector" in made["spec"]["index"]}
    until = time.monotonic() + SWEPT_SECONDS
    while (there := tables(url)) != wanted and time.monotonic() < until:
        time.sleep(0.05)
    assert there == wanted


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_whatever_is_cut_short_no_table_is_left_over(tmp_path, postgres, record_property):
    with psycopg.connect(postgres.url, autocommit=True) as connection:
        connection.execute("CREATE DATABASE killed")
    url = postgres.url.rpartition("/")[0] + "/killed"

    def after(client, store):
        nothing_left_over(client, store, url)

    steps = killed(tmp_path / "data", ROUNDS, 7, SPECS, after, SANDTABLE_PGVECTOR_URL=url)
    record_property("killed during", ", ".join(steps))
