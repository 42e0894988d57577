"""how long people were planned to work is kept day by day, when the day is over

Revision ID: 0048
Revises: 0047
"""

import sqlalchemy as sa
from alembic import op

revision = "0048"
down_revision = "0047"
branch_labels = None
depends_on = None

_DAYS, _SHOPS = "appointments_planned", "appointments_planned_shop"
_REFERRED = {"shop_id": "stores_shop", "staff_id": "appointments_staff"}

# Of shops with people: from when on somebody was entered. What was planned since is worked out by the worker.
_BEGIN = f"""
INSERT INTO {_SHOPS} (brand_id, shop_id, kept_until)
SELECT h.brand_id, h.shop_id, min((p.created_at AT TIME ZONE 'UTC')::date) - 2
FROM appointments_staff_shop h JOIN appointments_staff p ON p.brand_id = h.brand_id AND p.id = h.staff_id
GROUP BY h.brand_id, h.shop_id
"""  # noqa: S608


def _refers(table: str, column: str) -> sa.ForeignKeyConstraint:
    target = _REFERRED[column]
    return sa.ForeignKeyConstraint(
        ["brand_id", column], [f"{target}.brand_id", f"{target}.id"], name=f"fk_{table}_brand_id_{column}"
    )


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.create_table(
        _DAYS,
        sa.Column("brand_id", sa.Uuid(), nullable=False),
        sa.Column("shop_id", sa.Uuid(), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("staff_id", sa.Uuid(), nullable=False),
        sa.Column("minutes", sa.SmallInteger(), nullable=False),
        sa.PrimaryKeyConstraint("brand_id", "shop_id", "day", "staff_id", name=f"pk_{_DAYS}"),
        sa.CheckConstraint("minutes BETWEEN 1 AND 1500", name=f"ck_{_DAYS}_minutes"),
        _refers(_DAYS, "shop_id"),
        _refers(_DAYS, "staff_id"),
    )
    op.protect_by_brand(_DAYS)
    op.create_table(
        _SHOPS,
        sa.Column("brand_id", sa.Uuid(), nullable=False),
        sa.Column("shop_id", sa.Uuid(), nullable=False),
        sa.Column("kept_until", sa.Date(), nullable=False),
        sa.PrimaryKeyConstraint("brand_id", "shop_id", name=f"pk_{_SHOPS}"),
        _refers(_SHOPS, "shop_id"),
    )
    op.create_index(f"ix_{_SHOPS}_brand_id_kept_until", _SHOPS, ["brand_id", "kept_until"])
    op.protect_by_brand(_SHOPS)
    op.execute(_BEGIN)


def downgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.drop_table(_SHOPS)
    op.drop_table(_DAYS)
