"""what somebody who is away cannot keep is given to others in the background; links end; a break is said once

Revision ID: 0054
Revises: 0053
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import ARRAY

revision = "0054"
down_revision = "0053"
branch_labels = None
depends_on = None

_TABLE, _DAYS = "appointments_replacement", "appointments_staff_day"
_BREAK = "uq_appointments_staff_day_break"


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.create_table(
        _TABLE,
        sa.Column("brand_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("staff_id", sa.Uuid(), nullable=True),
        sa.Column("shop_id", sa.Uuid(), nullable=True),
        sa.Column("actor_id", sa.Uuid(), nullable=True),
        sa.Column("booking_ids", ARRAY(sa.Uuid()), nullable=False),
        sa.Column("staff_ids", ARRAY(sa.Uuid()), nullable=False),
        sa.Column("done", sa.Integer(), nullable=False),
        sa.Column("given", sa.Integer(), nullable=False),
        sa.Column("asked", sa.Integer(), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("brand_id", "id", name=f"pk_{_TABLE}"),
        sa.ForeignKeyConstraint(
            ["brand_id", "staff_id"],
            ["appointments_staff.brand_id", "appointments_staff.id"],
            name=f"fk_{_TABLE}_brand_id_staff_id",
        ),
        sa.ForeignKeyConstraint(
            ["brand_id", "shop_id"],
            ["stores_shop.brand_id", "stores_shop.id"],
            name=f"fk_{_TABLE}_brand_id_shop_id",
        ),
        sa.CheckConstraint("(staff_id IS NULL) <> (shop_id IS NULL)", name=f"ck_{_TABLE}_of_one"),
        sa.CheckConstraint(
            "done BETWEEN 0 AND cardinality(booking_ids) AND cardinality(staff_ids) = cardinality(booking_ids)",
            name=f"ck_{_TABLE}_how_far",
        ),
    )
    op.create_index(f"ix_{_TABLE}_brand_id_staff_id", _TABLE, ["brand_id", "staff_id"])
    op.create_index(f"ix_{_TABLE}_brand_id_shop_id", _TABLE, ["brand_id", "shop_id"])
    op.protect_by_brand(_TABLE)
    version = sa.Column("link_version", sa.Integer(), server_default="0", nullable=False)
    op.add_column("appointments_booking", version)
    # The same break twice says nothing more than once.
    op.execute(f"""
        DELETE FROM {_DAYS} d USING {_DAYS} first WHERE d.kind = 'break' AND first.kind = 'break'
        AND first.brand_id = d.brand_id AND first.staff_id = d.staff_id AND first.day = d.day
        AND first.starts = d.starts AND first.ends = d.ends AND first.id < d.id
    """)  # noqa: S608
    columns = ["brand_id", "staff_id", "day", "starts", "ends"]
    op.create_index_concurrently(_BREAK, _DAYS, columns, unique=True, postgresql_where=sa.text("kind = 'break'"))


def downgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.drop_index_concurrently(_BREAK)
    op.drop_column("appointments_booking", "link_version")
    op.drop_table(_TABLE)
