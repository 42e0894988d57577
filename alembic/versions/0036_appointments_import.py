"""which appointments a file brought in, so that an import can be taken back

Revision ID: 0036
Revises: 0035
"""

import sqlalchemy as sa
from alembic import op

revision = "0036"
down_revision = "0035"
branch_labels = None
depends_on = None

_TABLE = "appointments_import"


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.create_table(
        _TABLE,
        sa.Column("brand_id", sa.Uuid(), nullable=False),
        sa.Column("run_id", sa.Uuid(), nullable=False),
        sa.Column("booking_id", sa.Uuid(), nullable=False),
        sa.PrimaryKeyConstraint("brand_id", "run_id", "booking_id", name=f"pk_{_TABLE}"),
        sa.ForeignKeyConstraint(
            ["brand_id", "run_id"],
            ["intake_run.brand_id", "intake_run.id"],
            name=f"fk_{_TABLE}_brand_id_run_id",
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["brand_id", "booking_id"],
            ["appointments_booking.brand_id", "appointments_booking.id"],
            name=f"fk_{_TABLE}_brand_id_booking_id",
            ondelete="CASCADE",
        ),
    )
    op.create_index(f"ix_{_TABLE}_brand_id_booking_id", _TABLE, ["brand_id", "booking_id"])
    op.protect_by_brand(_TABLE)


def downgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.drop_table(_TABLE)
