"""What the model is told: tables described, rows, and errors with what would help."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Callable, Iterable, Sequence
from difflib import get_close_matches
from typing import TYPE_CHECKING

from tools.sql_database import Database, quoted

if TYPE_CHECKING:
    from tools.sql_guard import Clock

MOST_ROWS = 500
MOST_CHARS = 18_000
LONGEST_CELL = 300
SAMPLE = 3
MOST_TABLES = 50
TABLE_SECONDS = 4.0
"""For the description of one, which counts its rows."""
ALIAS = re.compile(r'''(?:\bas|\))\s+"((?:[^"]|"")*)"''', re.I)
COMMON = re.compile(r""""((?:[^"]|"")*)"\s*(?:\([^()]*\))?\s+as\s*\(""", re.I)
QUOTED = re.compile(r"""'(?:[^']|'')*'|--[^\n]*|/\*.*?\*/|"((?:[^"]|"")*)\"""", re.S)
ELSEWHERE = {
    "year": "strftime('%Y', day)", "month": "strftime('%m', day)", "day": "strftime('%d', day)", "now": "date('now')",
    "date_trunc": "strftime('%Y-%m', day)", "extract": "strftime('%Y', day)", "left": "substr(text, 1, n)",
    "right": "substr(text, -n)", "isnull": "ifnull(x, y)", "nvl": "ifnull(x, y)", "to_char": "strftime or printf",
    "datediff": "julianday(a) - julianday(b)", "len": "length(text)", "if": "iif(x, a, b)", "regexp": "LIKE or GLOB",
    "median": "an ORDER BY with LIMIT 1 OFFSET half of the count", "stddev": "sqrt(avg(x*x) - avg(x)*avg(x))",
}  # fmt: skip


def described(database: Database, clock: Clock) -> str:
    """The tables with their columns and first rows, in the clock's time. What takes long to read, such as a view that
    computes much, is named without."""
    parts: list[str] = []
    tables = database.tables()
    for schema, name in tables[:MOST_TABLES]:
        if clock.over():
            parts.append(f"and {len(tables) - len(parts)} more tables, which there was no time to look at")
            return "\n\n".join(parts)
        place = _plain(name) if schema == "main" else f"{_plain(schema)}.{_plain(name)}"
        source = database.sources[name] if schema == "main" else database.schemas[schema]
        try:
            with clock.at_most(TABLE_SECONDS):
                parts.append(_described(database, schema, name, place, source))
        except sqlite3.Error as error:
            why = "it takes too long" if str(error) == "interrupted" else error
            parts.append(f"{place} (from {source}) cannot be read: {why}")
    if len(tables) > MOST_TABLES:
        parts.append(f"and {len(tables) - MOST_TABLES} more tables")
    return "\n\n".join(parts) or "The files hold no tables."


def _described(database: Database, schema: str, name: str, place: str, source: str) -> str:
    table = f"{quoted(schema)}.{quoted(name)}"
    columns = database.columns(schema, name)
    count = database.connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0]
    types = [kind or _type(database, table, column) for column, kind in columns]
    lines = [f"Table {place} (from {source}): {count:,} rows, columns:"]
    lines += [f"  {_plain(column)} {kind}" for (column, _), kind in zip(columns, types, strict=True)]
    if count:
        lines.append(f"The first {min(SAMPLE, count)}:")
        lines.append(told(database.connection.execute(f"SELECT * FROM {table} LIMIT {SAMPLE}"), counted=False))
    return "\n".join(lines)


def _type(database: Database, table: str, column: str) -> str:
    found = database.connection.execute(f"SELECT DISTINCT typeof({quoted(column)}) FROM {table} LIMIT 6").fetchall()
    kinds = sorted(str(row[0]).upper() for row in found if row[0] != "null")
    return " or ".join(kinds) or "(empty)"


def told(cursor: sqlite3.Cursor, *, counted: bool = True) -> str:
    if cursor.description is None:
        return "The query is empty: write one SELECT."
    lines = [_line(column[0] for column in cursor.description)]
    size, shown, more = len(lines[0]), 0, False
    for row in cursor:
        line = _line(map(_shown, row))
        if shown >= MOST_ROWS or size + len(line) > MOST_CHARS:
            more = True
            break
        lines.append(line)
        size, shown = size + len(line) + 1, shown + 1
    if counted:
        lines.append(
            f"The first {shown} rows; there are more: ask for fewer columns, for aggregates, or with LIMIT and OFFSET."
            if more
            else f"{shown} row{'' if shown == 1 else 's'}."
        )
    return "\n".join(lines)


def _line(cells: Iterable[str]) -> str:
    return f"| {' | '.join(' '.join(cell.split()) for cell in cells)} |"


def _shown(value: object) -> str:
    match value:
        case None:
            return "NULL"
        case bytes():
            return f"(binary, {len(value)} bytes)"
        case float():
            return f"{value:.15g}"
        case _:
            text = str(value)
            return text if len(text) <= LONGEST_CELL else f"{text[: LONGEST_CELL - 1]}…"


def misquoted(database: Database, query: str) -> str | None:
    """What is wrong with a name in double quotes that stands for nothing: SQLite would take it for a text, and a
    comparison with a column that is not there would quietly be false."""
    columns = {column.casefold() for column in database.all_columns()}
    known = columns | {name.casefold() for pair in database.tables() for name in pair}
    known |= {name.replace('""', '"').casefold() for name in (*ALIAS.findall(query), *COMMON.findall(query))}
    for name in QUOTED.findall(query):
        if name and name.replace('""', '"').casefold() not in known:
            near = _near(name, sorted(columns))
            return f'there is no column or table "{name}"{near}; text is written in single quotes'
    return None


def explained(error: Exception, database: Database, over: Callable[[], bool]) -> str:
    text = str(error)
    if text == "interrupted" or over():
        return "the query took too long and was stopped: join on equal columns, filter with WHERE, or aggregate"
    if database.refused:
        return f"{database.refused[-1]}; there are {_all(database)}"
    if "one statement" in text:
        return "only one statement at a time: write one SELECT"
    if (found := re.match(r"no such table: (.*)", text)) is not None:
        return f"there is no table {found[1]}; there are {_all(database)}{_near(found[1], _tables(database))}"
    if (found := re.match(r"(?:no such column: |ambiguous column name: )(.*)", text)) is not None:
        database.connection.set_authorizer(None)
        columns = database.all_columns()
        known = ", ".join(map(_plain, dict.fromkeys(columns[:100])))
        return f"{text}; the columns are {known}{_near(found[1].rpartition('.')[2], columns)}"
    if (found := re.match(r"no such function: (.*)", text)) is not None:
        instead = ELSEWHERE.get(found[1].lower())
        return f"SQLite has no function {found[1]}" + (f": use {instead}" if instead else "")
    if "too big" in text or "out of memory" in text:
        return f"the query makes too much: {text}; select less"
    return f"{text}; the query is held to SQLite's dialect, one SELECT over {_all(database)}"


def _tables(database: Database) -> list[str]:
    database.connection.set_authorizer(None)
    return [name if schema == "main" else f"{schema}.{name}" for schema, name in database.tables()]


def _all(database: Database) -> str:
    return ", ".join(_tables(database)[:MOST_TABLES]) or "no tables"


def _near(wanted: str, known: Sequence[str]) -> str:
    """`known` may be `schema.table`: people misspell the last part."""
    by_last = {name.rpartition(".")[2]: name for name in known}
    near = get_close_matches(wanted.rpartition(".")[2], by_last, n=1, cutoff=0.6)
    return f"; did you mean {_plain(by_last[near[0]])}?" if near else ""


def _plain(name: str) -> str:
    return name if re.fullmatch(r"[^\W\d]\w*(\.[^\W\d]\w*)?", name) else quoted(name)
