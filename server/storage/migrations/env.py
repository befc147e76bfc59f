"""Alembic's entry point: runs the migrations on the connection that `server.storage.migrate` hands over."""

from alembic import context

import server.storage.tables
from retrieval.tables import metadata

assert server.storage.tables.run.metadata is metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    render_as_batch=True,
    transaction_per_migration=True,
)
with context.begin_transaction():
    context.run_migrations()
