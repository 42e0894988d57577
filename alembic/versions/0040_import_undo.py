"""an import is taken back in the background: how far it is, and why some were kept

Revision ID: 0040
Revises: 0039
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0040"
down_revision = "0039"
branch_labels = None
depends_on = None

_TABLE = "appointments_import_undo"


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.create_table(
        _TABLE,
        sa.Column("brand_id", sa.Uuid(), nullable=False),
        sa.Column("run_id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("account_id", sa.Uuid(), nullable=True),
        sa.Column("total", sa.BigInteger(), nullable=False),
        sa.Column("removed", sa.BigInteger(), nullable=False),
        sa.Column("kept", JSONB(), nullable=False),
        sa.Column("last_id", sa.Uuid(), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("brand_id", "run_id", name=f"pk_{_TABLE}"),
        sa.ForeignKeyConstraint(
            ["brand_id", "run_id"],
            ["intake_run.brand_id", "intake_run.id"],
            name=f"fk_{_TABLE}_brand_id_run_id",
            ondelete="CASCADE",
        ),
    )
    op.protect_by_brand(_TABLE)


def downgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.drop_table(_TABLE)
