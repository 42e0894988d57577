"""records of one document are gathered; what stands in quarantine is sealed

Revision ID: 0021
Revises: 0020
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None

_SEALED = ("raw_sealed", "source_sealed")
_UNSEALED = "ix_intake_quarantine_unsealed"
_NEW = ("scope", "file_bytes", "bytes_read", "lines_read", "documents", "is_gathered", "last_key", "tally")


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    _add_progress()
    _seal_quarantine()
    op.create_table(
        "intake_staged",
        sa.Column("brand_id", sa.Uuid(), nullable=False),
        sa.Column("run_id", sa.Uuid(), nullable=False),
        # Bytes in their own order: documents stream out in it, wherever the server stands.
        sa.Column("key", sa.String(200, collation="C"), nullable=False),
        sa.Column("line", sa.BigInteger(), nullable=False),
        sa.Column("records", sa.BigInteger(), nullable=False),
        sa.Column("payload", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("brand_id", "run_id", "key", "line", name="pk_intake_staged"),
        sa.ForeignKeyConstraint(
            ["brand_id", "run_id"],
            ["intake_run.brand_id", "intake_run.id"],
            name="fk_intake_staged_brand_id_run_id",
            ondelete="CASCADE",
        ),
    )
    # It lives for minutes; squeezing it would cost more than its place.
    op.execute("ALTER TABLE intake_staged ALTER COLUMN payload SET STORAGE EXTERNAL")
    op.protect_by_brand("intake_staged")


def _add_progress() -> None:
    def count(name: str) -> sa.Column:
        return sa.Column(name, sa.BigInteger(), nullable=False, server_default="0")

    columns = (
        sa.Column("scope", sa.String(80), nullable=False, server_default=""),
        count("file_bytes"),
        count("bytes_read"),
        count("lines_read"),
        count("documents"),
        sa.Column("is_gathered", sa.Boolean(), nullable=False, server_default=sa.false()),
        sa.Column("last_key", sa.String(200), nullable=False, server_default=""),
        sa.Column("tally", JSONB(), nullable=False, server_default="{}"),
    )
    for column in columns:
        op.add_column("intake_run", column)


def _seal_quarantine() -> None:
    """The release before goes on with ``raw`` and ``source``; what it wrote is sealed by ``records.seal_old``."""
    table = "intake_quarantine"
    op.alter_column(table, "raw", server_default="")
    for name in _SEALED:
        op.add_column(table, sa.Column(name, sa.LargeBinary(), nullable=True))
        op.execute(f"ALTER TABLE {table} ALTER COLUMN {name} SET STORAGE EXTERNAL")
    op.create_index(_UNSEALED, table, ["brand_id", "id"], postgresql_where=sa.text("raw_sealed IS NULL"))


def downgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.drop_table("intake_staged")
    # What is sealed no older release opens: it is looked up in its file, and imported again.
    op.drop_index(_UNSEALED, "intake_quarantine")
    for name in reversed(_SEALED):
        op.drop_column("intake_quarantine", name)
    op.alter_column("intake_quarantine", "raw", server_default=None)
    for name in reversed(_NEW):
        op.drop_column("intake_run", name)
