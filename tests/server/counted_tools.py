"""Tools whose effects are counted in an SQLite file, as a user of the service might write them."""

import asyncio
import os
import sqlite3
import time
from contextlib import closing
from typing import Annotated

from pydantic import Field

from tools.base import Context, tool

LEDGER = "COUNTED_TOOLS_LEDGER"
"""The variable that names the file."""
To = Annotated[str, Field(description="Who gets it.")]
Cents = Annotated[int, Field(description="How much.", ge=1)]


@tool(needs_approval=True)
def pay(to: To, cents: Cents, context: Context) -> str:
    """Send money."""
    return record("pay", f"{to} {cents}", context.key)


@tool
def note(text: Annotated[str, Field(description="What.")], context: Context) -> str:
    """Keep a note."""
    return record("note", text, context.key)


@tool
def step(text: Annotated[str, Field(description="What.")], context: Context) -> str:
    """Do something outside that takes a while."""
    time.sleep(0.2)
    said = record("step", text, context.key)
    time.sleep(0.2)
    return said


@tool(read_only=True)
async def pause(seconds: float, after: list[str]) -> str:
    """Wait."""
    await asyncio.sleep(seconds)
    return f"waited {seconds:g}"


@tool(seconds=60)
def slow(text: Annotated[str, Field(description="What.")], context: Context) -> str:
    """Do something outside, then take long to say so."""
    said = record("slow", text, context.key)
    if not os.path.exists(f"{os.environ[LEDGER]}.go"):
        time.sleep(60)
    return said


def record(what: str, text: str, key: str) -> str:
    """Once for each key; every try is counted."""
    with closing(sqlite3.connect(os.environ[LEDGER], timeout=30)) as db, db:
        db.execute("create table if not exists effect (key text primary key, what text, text text)")
        db.execute("create table if not exists try (key text, what text, text text)")
        db.execute("insert into try values (?, ?, ?)", (key, what, text))
        db.execute("insert or ignore into effect values (?, ?, ?)", (key, what, text))
    return f"{what}: {text}"


def rows(path: str, table: str) -> list[tuple[str, str]]:
    """(what, text), in order."""
    if not os.path.exists(path):
        return []
    with closing(sqlite3.connect(path, timeout=30)) as db:
        made = db.execute("select 1 from sqlite_master where name = ?", (table,)).fetchone()
        return db.execute(f"select what, text from {table} order by rowid").fetchall() if made else []
