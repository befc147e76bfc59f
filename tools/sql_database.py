"""The tables that one question in SQL is about."""

from __future__ import annotations

import sqlite3
from contextlib import suppress
from dataclasses import dataclass, field


@dataclass
class Database:
    connection: sqlite3.Connection
    sources: dict[str, str] = field(default_factory=dict)
    """Of each table made of rows, where they come from."""
    schemas: dict[str, str] = field(default_factory=dict)
    """Of each attached database, its file name."""
    refused: list[str] = field(default_factory=list)

    def new_name(self, wanted: str) -> str:
        taken = {name.casefold() for name in (*self.sources, *self.schemas, "main", "temp")}
        name, number = wanted, 2
        while name.casefold() in taken:
            name, number = f"{wanted}_{number}", number + 1
        return name

    def tables(self) -> list[tuple[str, str]]:
        """Schema and name; views are tables too."""
        found = [("main", name) for name in self.sources]
        for schema in self.schemas:
            listed = f"""SELECT name FROM "{schema}".sqlite_master WHERE type IN ('table', 'view') ORDER BY rowid"""
            found += [(schema, str(row[0])) for row in self.connection.execute(listed)]
        return [(schema, name) for schema, name in found if not name.lower().startswith("sqlite_")]

    def names(self) -> frozenset[str]:
        return frozenset(name.lower() for _, name in self.tables())

    def columns(self, schema: str, table: str) -> list[tuple[str, str]]:
        """Name and type."""
        rows = self.connection.execute(f"PRAGMA {quoted(schema)}.table_info({quoted(table)})")
        return [(str(row[1]), str(row[2])) for row in rows]

    def all_columns(self) -> list[str]:
        """Of every table that can be read: a view may call what is not to be called, and then tells no columns."""
        found = []
        for schema, table in self.tables():
            with suppress(sqlite3.Error):
                found += [name for name, _ in self.columns(schema, table)]
        return found


def quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
