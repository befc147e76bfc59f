"""Threads, and runs that survive the process."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    op.create_table(
        "thread",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("tenant", sa.String(), nullable=False),
        sa.Column("metadata", sa.JSON(), nullable=False),
        sa.Column("created_at", sa.Float(), nullable=False),
        sa.Column("updated_at", sa.Float(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("thread_by_age", "thread", ["tenant", "created_at"], unique=False)
    with op.batch_alter_table("run") as run:
        run.add_column(sa.Column("durable", sa.Boolean(), server_default="0", nullable=False))
        run.add_column(sa.Column("order", sa.JSON(), server_default="{}", nullable=False))
        run.add_column(sa.Column("metadata", sa.JSON(), server_default="{}", nullable=False))
        run.create_index("ix_run_status", ["status"], unique=False)
