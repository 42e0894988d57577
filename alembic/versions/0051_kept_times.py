"""what a shop moved away keeps its old time until that is final; what the hours of a shop were when a day ended is known

Revision ID: 0051
Revises: 0050
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0051"
down_revision = "0050"
branch_labels = None
depends_on = None

_PAST = "stores_past_hours"


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.add_column(
        "appointments_occupancy", sa.Column("is_kept", sa.Boolean(), nullable=False, server_default=sa.false())
    )
    op.create_table(
        _PAST,
        sa.Column("brand_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("shop_id", sa.Uuid(), nullable=False),
        sa.Column("is_in_business", sa.Boolean(), nullable=False),
        sa.Column("hours", JSONB(), nullable=False),
        sa.PrimaryKeyConstraint("brand_id", "id", name=f"pk_{_PAST}"),
        sa.ForeignKeyConstraint(
            ["brand_id", "shop_id"],
            ["stores_shop.brand_id", "stores_shop.id"],
            name=f"fk_{_PAST}_brand_id_shop_id",
            ondelete="CASCADE",
        ),
    )
    op.create_index(f"ix_{_PAST}_brand_id_shop_id_created_at", _PAST, ["brand_id", "shop_id", "created_at"])
    op.protect_by_brand(_PAST)


def downgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.drop_table(_PAST)
    # Without the column nobody would know that these are nobody's appointments.
    op.execute("DELETE FROM appointments_occupancy WHERE is_kept")
    op.drop_column("appointments_occupancy", "is_kept")
