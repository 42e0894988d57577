"""appointments: a day at most, fewer entries in indexes, who looked is counted and forgotten

Revision ID: 0027
Revises: 0026
"""

import sqlalchemy as sa
from alembic import op

revision = "0027"
down_revision = "0026"
branch_labels = None
depends_on = None

_COUNT = "appointments_viewing_count"
_LENGTH = "ck_appointments_occupancy_length"
_DAYS = "ck_appointments_policy_viewing_days"
# Most rows have nothing there: they need no entry.
_PARTIAL = {
    "ix_appointments_occupancy_brand_id_booking_id": ("appointments_occupancy", "booking_id"),
    "ix_appointments_occupancy_brand_id_session_id": ("appointments_occupancy", "session_id"),
    "ix_appointments_booking_brand_id_payment_id": ("appointments_booking", "payment_id"),
}


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.create_check_constraint(_LENGTH, "appointments_occupancy", "ends_at - starts_at <= interval '24 hours'")
    _index(is_partial=True)
    op.add_column(
        "appointments_policy", sa.Column("viewing_days", sa.Integer(), nullable=False, server_default="60")
    )
    op.create_check_constraint(_DAYS, "appointments_policy", "viewing_days BETWEEN 7 AND 400")
    op.create_table(
        _COUNT,
        sa.Column("brand_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("shop_id", sa.Uuid(), nullable=False),
        sa.Column("service_id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.String(8), nullable=False),
        sa.Column("key", sa.String(40), nullable=False),
        sa.Column("viewers", sa.Integer(), nullable=False),
        sa.CheckConstraint("viewers > 0", name=f"ck_{_COUNT}_viewers"),
        sa.UniqueConstraint(
            "brand_id", "day", "shop_id", "service_id", "kind", "key",
            name=f"uq_{_COUNT}_once",
        ),
    )  # fmt: skip
    op.create_primary_key(f"pk_{_COUNT}", _COUNT, ["brand_id", "id"])
    op.protect_by_brand(_COUNT)


def downgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.drop_table(_COUNT)
    op.drop_constraint(_DAYS, "appointments_policy")
    op.drop_column("appointments_policy", "viewing_days")
    _index(is_partial=False)
    op.drop_constraint(_LENGTH, "appointments_occupancy")


def _index(*, is_partial: bool) -> None:
    for name, (table, column) in _PARTIAL.items():
        op.drop_index(name, table)
        where = sa.text(f"{column} IS NOT NULL") if is_partial else None
        op.create_index(name, table, ["brand_id", column], postgresql_where=where)
