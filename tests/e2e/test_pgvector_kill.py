"""kill -9 at random moments, as `test_swap_kill`, with generations in PostgreSQL: no table is left over either."""

import random
import time

import httpx
import psycopg
import pytest

from benchmarks.traffic import Passage, put
from tests.e2e.live import Server
from tests.e2e.test_swap_kill import FILES, Swapper, check, text

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
    dice, data_dir, steps = random.Random(7), tmp_path / "data", []
    live = Server(data_dir, SANDTABLE_PGVECTOR_URL=url)
    try:
        with httpx.Client(base_url=live.url, timeout=60) as client:
            store = client.post("/v1/vector_stores", json={"name": "killed"}).json()["id"]
            files = put(client, store, [Passage(text(n), 0) for n in range(FILES)])
        for round in range(ROUNDS):
            swapper = Swapper(live.url, store, round, SPECS)
            time.sleep(dice.uniform(0.02, 3.0))
            live.kill()
            swapper.join(60)
            assert not swapper.is_alive()
            steps.append(swapper.steps[-1] if swapper.steps else "start")
            live.start()
            with httpx.Client(base_url=live.url, timeout=60) as client:
                check(client, store, data_dir, files)
                nothing_left_over(client, store, url)
        record_property("killed during", ", ".join(steps))
    finally:
        if live.process.poll() is None:
            live.kill()
