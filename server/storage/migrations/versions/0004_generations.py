"""Generations that are built, measured and swapped."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    with op.batch_alter_table("generation") as generation:
        generation.add_column(sa.Column("fingerprint", sa.String(), nullable=True))
        generation.add_column(sa.Column("dimension", sa.Integer(), nullable=True))
        generation.add_column(sa.Column("target_recall", sa.Float(), nullable=True))
        generation.add_column(sa.Column("knobs", sa.JSON(), nullable=True))
        generation.add_column(sa.Column("gate", sa.JSON(), nullable=True))
        generation.add_column(sa.Column("misses", sa.JSON(), nullable=True))
        generation.add_column(sa.Column("metrics", sa.JSON(), nullable=True))
        generation.add_column(sa.Column("attempts", sa.Integer(), server_default="0", nullable=False))
