"""SQL over uploaded tables: what it answers, what it refuses, and that nothing outlasts a call."""

import asyncio
import json
import os
import sqlite3
import subprocess
import sys

import pytest

from tests.conftest import ROOT
from tests.retrieval import made_files
from tools.base import Context
from tools.desk import FileEntry
from tools.errors import ToolError
from tools.perform import perform
from tools.sql import sql
from tools.sql_database import Database
from tools.sql_guard import guard
from tools.sql_shown import described
from tools.sql_tables import attach

SALES = '年份,城市,销量,share,code\n2022,柏林,120,1.5,007\n2023,柏林,"1,180",,008\n\n2023,巴黎,90,2,009\n'
CARS = "European cars\n\nYear,Country,Cars sold,\n2022,Germany,10,x\n2023,France,,y\n"


class Files:
    def __init__(self, folder):
        self.folder = folder

    async def all(self):
        paths = sorted(self.folder.iterdir())
        return [FileEntry(f"file-{path.stem}", path.name, path.stat().st_size, path) for path in paths]

    async def find(self, name):
        for entry in await self.all():
            if name in (entry.id, entry.filename):
                return entry
        raise ToolError(f"there is no uploaded file {name!r}")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("files")
    (folder / "销量.csv").write_text(SALES, encoding="utf-8")
    (folder / "gbk.csv").write_bytes("城市,人口\n北京,2189\n上海,2487\n重庆,3205\n".encode("gb18030"))
    (folder / "cars.csv").write_text(CARS)
    (folder / "notes.txt").write_text("no table")
    (folder / "broken.xlsx").write_bytes(b"PK\x03\x04 no workbook")
    (folder / "broken.db").write_bytes(b"SQLite format 3\0" + b"\xff" * 4000)
    rows = [["Name", "Height", "Built"], ["Eiffel", 330, "1889"], ["CN", 553.3, "1976"]]
    (folder / "towers.xlsx").write_bytes(made_files.xlsx({"塔": rows, "Empty": [], "2 more": [["a", "b"], [1, 2]]}))
    db = sqlite3.connect(folder / "my shop.sqlite")
    db.execute("CREATE TABLE item (id INTEGER PRIMARY KEY, name TEXT, price REAL)")
    db.executemany("INSERT INTO item VALUES (?, ?, ?)", [(n, f"item {n}", n / 4) for n in range(1000)])
    db.execute('CREATE TABLE "订单" (item INTEGER, 数量 INTEGER)')
    db.execute('INSERT INTO "订单" VALUES (3, 7)')
    db.execute("CREATE VIEW dear AS SELECT * FROM item WHERE price > 200")
    db.execute("CREATE VIEW evil AS SELECT load_extension('x') AS y")
    db.execute("CREATE VIRTUAL TABLE found USING fts5(a, tokenize='trigram')")
    db.execute("INSERT INTO found VALUES ('the red fox'), ('关于灯塔的故事')")
    db.commit()
    db.close()
    return folder


def endless_views(path):
    """Before a table, views whose rows nobody lives to see counted."""
    db = sqlite3.connect(path)
    for name in ("r", "s"):
        rows = "WITH RECURSIVE x(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM x WHERE n < 1e15)"
        db.execute(f"CREATE VIEW {name} AS {rows} SELECT count(*) AS c FROM x")
    db.execute("CREATE TABLE z (n)")
    db.close()


def test_a_description_ends_in_time(tmp_path):
    endless_views(tmp_path / "views.db")
    database = Database(sqlite3.connect(":memory:", isolation_level=None))
    attach(database, tmp_path / "views.db", "views.db")
    told = described(database, guard(database, 0.2))
    database.connection.close()
    assert told.endswith(" more tables, which there was no time to look at")


@pytest.mark.slow
async def test_views_that_take_for_ever_are_named_without_their_rows(tmp_path):
    endless_views(tmp_path / "views.db")
    outcome = await ask(tmp_path, ["views.db"])
    assert outcome.fault is None
    assert outcome.text.count("cannot be read: it takes too long") == 2
    assert "Table views.z (from views.db): 0 rows" in outcome.text


async def ask(folder, files=(), query=""):
    arguments = json.dumps({"files": list(files), "query": query}, ensure_ascii=False)
    return await perform(sql, arguments, Context(files=Files(folder)))


async def test_without_files_it_lists_the_tables(folder):
    text = (await ask(folder)).text
    assert "销量.csv (file-销量, " in text
    assert "notes.txt" not in text


async def test_tables_are_described(folder):
    text = (await ask(folder, ["销量.csv", "towers.xlsx", "file-my shop", "cars.csv"])).text
    assert (
        "Table 销量 (from 销量.csv): 3 rows, columns:\n  年份 INTEGER\n  城市 TEXT\n  销量 INTEGER\n  share REAL\n"
        in text
    )
    assert "  code TEXT\n" in text
    assert "Table 塔 (from towers.xlsx, sheet 塔): 2 rows" in text
    assert "Table t_2_more (from towers.xlsx, sheet 2 more): 1 rows" in text
    assert "Table my_shop.item (from my shop.sqlite): 1,000 rows" in text
    assert "Table my_shop.订单 (from my shop.sqlite): 1 rows" in text
    assert (
        "Table cars (from cars.csv): 2 rows, columns:\n  Year INTEGER\n  Country TEXT\n"
        '  "Cars sold" INTEGER\n  column_4 TEXT' in text
    )
    assert "| 2023 | 柏林 | 1180 | NULL | 008 |" in text


@pytest.mark.parametrize(
    ("files", "query", "says"),
    [
        (["销量.csv"], "SELECT 城市, sum(销量) AS 总 FROM 销量 GROUP BY 城市 ORDER BY 总 DESC", "| 城市 | 总 |\n| 柏林 | 1300 |\n| 巴黎 | 90 |\n2 rows."),  # noqa: E501
        (["gbk.csv"], "SELECT max(人口) FROM gbk", "| 3205 |\n1 row."),
        (["towers.xlsx"], 'SELECT Name FROM 塔 WHERE Height > 400', "| CN |"),
        (["cars.csv"], 'SELECT "Cars sold" FROM cars WHERE Country = \'Germany\'', "| 10 |"),
        (["my shop.sqlite"], "SELECT i.name, o.数量 FROM item i JOIN 订单 o ON o.item = i.id", "| item 3 | 7 |"),
        (["my shop.sqlite"], "SELECT count(*) FROM dear", "| 199 |"),
        (["my shop.sqlite", "销量.csv"], 'SELECT (SELECT count(*) FROM my_shop.item) + (SELECT count(*) FROM 销量) AS "all of it"', "| 1003 |"),  # noqa: E501
        (["my shop.sqlite"], "WITH RECURSIVE r(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM r WHERE n < 9) SELECT count(*), max(n) FROM r", "| 9 | 9 |"),  # noqa: E501
        (["my shop.sqlite"], "SELECT name, rank() OVER (ORDER BY price DESC) AS place FROM item LIMIT 1", "| item 999 | 1 |"),  # noqa: E501
        (["my shop.sqlite"], "SELECT * FROM item", "there are more: ask for fewer columns"),
        (["my shop.sqlite"], "SELECT NULL, x'0102', 'a|b'", "| NULL | (binary, 2 bytes) | a|b |"),
        (["my shop.sqlite"], "-- nothing", "write one SELECT"),
        (["my shop.sqlite"], "SELECT snippet(found, 0, '[', ']', '…', 5) FROM found WHERE found MATCH 'fox' ORDER BY bm25(found)", "red [fox] |"),  # noqa: E501
        (["my shop.sqlite"], "SELECT a FROM found WHERE a LIKE '%灯塔的%'", "| 关于灯塔的故事 |"),
    ],
)  # fmt: skip
async def test_queries(folder, files, query, says):
    outcome = await ask(folder, files, query)
    assert outcome.fault is None
    assert says in outcome.text


@pytest.mark.parametrize(
    ("query", "why"),
    [
        ("DELETE FROM item", "only SELECT is possible"),
        ("INSERT INTO item VALUES (1, 2, 3)", "only SELECT is possible"),
        ("UPDATE item SET price = 0", "only SELECT is possible"), ("DROP TABLE item", "only SELECT is possible"),
        ("CREATE TABLE x (a)", "only SELECT is possible"), ("CREATE TEMP TABLE x (a)", "only SELECT is possible"),
        ("CREATE VIRTUAL TABLE x USING fts5(a)", "only SELECT is possible"),
        ("ALTER TABLE item ADD x", "only SELECT"), ("ATTACH DATABASE '/etc/passwd' AS x", "only SELECT is possible"),
        ("DETACH my_shop", "only SELECT is possible"), ("PRAGMA database_list", "only SELECT is possible"),
        ("PRAGMA writable_schema = ON", "only SELECT is possible"),
        ("SELECT * FROM pragma_database_list", "there are my_shop.item"),
        ("VACUUM INTO '/tmp/x'", "only SELECT is possible"), ("BEGIN", "only SELECT is possible"),
        ("SELECT 1; DELETE FROM item", "only one statement at a time"), ("ANALYZE", "only SELECT is possible"),
        ("SELECT * FROM dbstat", "there are my_shop.item"),
        ("SELECT load_extension('x')", "function load_extension is not to be used"),
        ("SELECT * FROM evil", "load_extension"), ("SELECT fts3_tokenizer('x')", "fts3_tokenizer is not to be used"),
        ("SELECT readfile('/etc/passwd')", "no function readfile"),
        ("SELECT randomblob(1000000000)", "randomblob is not to be used"), ("SELECT edit('x')", "no function edit"),
        ("SELECT replace(printf('%.900000c', 'a'), 'a', 'bbb')", "makes too much"),
        ("SELECT nam FROM item", "no such column: nam; the columns are id, name, price"),
        ("SELECT nam FROM item", "did you mean name?"), ("SELECT * FROM itme", "did you mean my_shop.item?"),
        ('SELECT "nmae" FROM item', 'there is no column or table "nmae"; did you mean name?'),
        ("SELECT * FROM item WHERE name = \"item 3\"", "text is written in single quotes"),
        ("SELECT year(name) FROM item", "SQLite has no function year: use strftime('%Y', day)"),
        ("SELEC 1", "syntax error; the query is held to SQLite's dialect"),
    ],
)  # fmt: skip
async def test_what_is_refused_says_what_would_help(folder, query, why):
    before = (folder / "my shop.sqlite").read_bytes()
    outcome = await ask(folder, ["my shop.sqlite"], query)
    assert outcome.fault == "refused"
    assert why in outcome.text
    assert (folder / "my shop.sqlite").read_bytes() == before


@pytest.mark.parametrize(
    ("file", "why"),
    [
        ("notes.txt", "is no table; queries go to .csv"), ("nothing.csv", "there is no uploaded file"),
        ("broken.xlsx", "'broken.xlsx' cannot be read as tables"),
        ("broken.db", "'broken.db' cannot be read as tables"),
    ],
)  # fmt: skip
async def test_files_that_are_no_tables(folder, file, why):
    outcome = await ask(folder, [file], "SELECT 1")
    assert outcome.fault == "refused"
    assert why in outcome.text


async def test_a_query_needs_files(folder):
    assert "name the 'files'" in (await ask(folder, [], "SELECT 1")).text
    assert (await perform(sql, "{}", Context())).text == "there are no uploaded files here"


RUNAWAYS = {
    "endless": "WITH RECURSIVE r(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM r) SELECT count(*) FROM r",
    "crossed": "SELECT count(*) FROM item a, item b, item c, item d WHERE a.price + b.price > c.price",
}


@pytest.mark.parametrize("query", RUNAWAYS.values(), ids=RUNAWAYS)
def test_a_runaway_query_is_stopped(folder, query):
    answer = worker(folder, query, seconds=0.3)
    assert "took too long and was stopped" in answer["error"]


def test_a_query_that_fills_memory_ends_its_process_only(folder):
    query = "WITH RECURSIVE r(n, t) AS (SELECT 1, 'x' UNION ALL SELECT n + 1, t || n FROM r) SELECT n FROM r ORDER BY t"
    assert worker(folder, query, seconds=20, memory_mb=192) is None


def worker(folder, query, **limits):
    """What the process answers; None: it ended without."""
    request = {"files": [{"path": str(folder / "my shop.sqlite"), "filename": "my shop.sqlite"}], "query": query}
    done = subprocess.run(
        [sys.executable, "-m", "tools.sql_worker"],
        input=json.dumps({"memory_mb": 512, **request, **limits}).encode(), capture_output=True, timeout=60,
        check=False, cwd=ROOT,
    )  # fmt: skip
    try:
        return json.loads(done.stdout)
    except ValueError:
        return None


async def test_a_call_that_is_cancelled_leaves_no_process(folder):
    task = asyncio.create_task(ask(folder, ["my shop.sqlite"], RUNAWAYS["endless"]))
    async with asyncio.timeout(20):
        while not (children := processes()):
            await asyncio.sleep(0.01)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert not children & processes()


def processes():
    """Of this test's own."""
    listed = subprocess.run(["ps", "-eo", "ppid,pid,args"], capture_output=True, text=True, check=True).stdout
    found = [line.split(maxsplit=2) for line in listed.splitlines() if "tools.sql_worker" in line]
    return {pid for parent, pid, _ in found if int(parent) == os.getpid()}
