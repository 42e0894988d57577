"""import runs and quarantine

Revision ID: 0005
Revises: 0004
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.create_table(
        "intake_run",
        sa.Column("brand_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("kind", sa.String(40), nullable=False),
        sa.Column("file_name", sa.String(255), nullable=False),
        sa.Column("file_sha256", sa.CHAR(64), nullable=False),
        sa.Column("mapping_name", sa.String(80), nullable=False),
        sa.Column("mapping_sha256", sa.CHAR(64), nullable=False),
        sa.Column("mapping", sa.Text(), nullable=False),
        sa.Column("state", sa.String(32), nullable=False),
        sa.Column("records_read", sa.BigInteger(), nullable=False),
        sa.Column("applied", sa.BigInteger(), nullable=False),
        sa.Column("unchanged", sa.BigInteger(), nullable=False),
        sa.Column("quarantined", sa.BigInteger(), nullable=False),
        sa.Column("error", sa.String(500), nullable=False),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
    )
    op.create_index("ix_intake_run_same_file", "intake_run", ["brand_id", "kind", "file_sha256", "mapping_sha256"])
    op.create_index("ix_intake_run_kind", "intake_run", ["brand_id", "kind", "id"])
    # Last, so that the checks of foreign keys use it before the first ANALYZE (ADR 0003).
    op.create_primary_key("pk_intake_run", "intake_run", ["brand_id", "id"])
    op.protect_by_brand("intake_run")
    op.create_table(
        "intake_quarantine",
        sa.Column("brand_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("run_id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.String(40), nullable=False),
        sa.Column("line", sa.BigInteger(), nullable=False),
        sa.Column("column_name", sa.String(200), nullable=False),
        sa.Column("code", sa.String(80), nullable=False),
        sa.Column("reason", sa.String(1000), nullable=False),
        sa.Column("raw", sa.Text(), nullable=False),
        sa.Column("source", JSONB(), nullable=True),
        sa.Column("content_hash", sa.LargeBinary(), nullable=False),
        sa.Column("state", sa.String(32), nullable=False),
        sa.Column("settled_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("brand_id", "id", name="pk_intake_quarantine"),
        sa.UniqueConstraint(
            "brand_id", "kind", "content_hash", name="uq_intake_quarantine_brand_id_kind_content_hash"
        ),
        sa.ForeignKeyConstraint(
            ["brand_id", "run_id"],
            ["intake_run.brand_id", "intake_run.id"],
            name="fk_intake_quarantine_brand_id_run_id",
            ondelete="CASCADE",
        ),
    )
    op.create_index("ix_intake_quarantine_state", "intake_quarantine", ["brand_id", "kind", "state", "id"])
    op.create_index("ix_intake_quarantine_run", "intake_quarantine", ["brand_id", "run_id", "id"])
    op.protect_by_brand("intake_quarantine")
    op.create_table(
        "intake_key",
        sa.Column("brand_id", sa.Uuid(), nullable=False),
        sa.Column("run_id", sa.Uuid(), nullable=False),
        sa.Column("key", sa.String(200), nullable=False),
        sa.Column("line", sa.BigInteger(), nullable=False),
        sa.Column("content_hash", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("brand_id", "run_id", "key", name="pk_intake_key"),
        sa.ForeignKeyConstraint(
            ["brand_id", "run_id"],
            ["intake_run.brand_id", "intake_run.id"],
            name="fk_intake_key_brand_id_run_id",
            ondelete="CASCADE",
        ),
    )
    op.protect_by_brand("intake_key")


def downgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.drop_table("intake_key")
    op.drop_table("intake_quarantine")
    op.drop_table("intake_run")
