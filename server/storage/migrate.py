"""Bring the database to the newest schema. Costs one query when it is there already."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sqlalchemy import Connection

MIGRATIONS = Path(__file__).parent / "migrations"
HEAD = "0008"
"""The newest revision; a test holds it to the files, so that a start need not import Alembic to find out."""


class NewerDatabase(Exception):
    """The database was written by a later version of Sandtable."""


def migrate(connection: Connection) -> bool:
    """Run what is missing; True if there was something. Raises NewerDatabase."""
    from sqlalchemy import inspect, text

    current = None
    if inspect(connection).has_table("alembic_version"):
        current = connection.execute(text("select version_num from alembic_version")).scalar_one_or_none()
    if current == HEAD:
        return False
    from alembic import command
    from alembic.config import Config
    from alembic.script import ScriptDirectory

    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    known = {revision.revision for revision in ScriptDirectory.from_config(config).walk_revisions()}
    if current is not None and current not in known:
        raise NewerDatabase(
            f"the database has schema {current!r}, this version knows up to {HEAD!r}: use a newer Sandtable, "
            "or another data directory"
        )
    config.attributes["connection"] = connection
    command.upgrade(config, "head")
    return True
