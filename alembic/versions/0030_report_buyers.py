"""on which days each member bought; members who may be one person; channels are named by the room that owns them

Revision ID: 0030
Revises: 0029
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0030"
down_revision = "0029"
branch_labels = None
depends_on = None

_TABLE, _NAMES, _TWINS = "reports_buyer", "reports_channel", "members_twin"


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.create_table(
        _TABLE,
        sa.Column("brand_id", sa.Uuid(), nullable=False),
        sa.Column("basis", sa.String(8), nullable=False),
        sa.Column("currency", sa.CHAR(3), nullable=False),
        sa.Column("member_id", sa.Uuid(), nullable=False),
        sa.Column("first_day", sa.Date(), nullable=False),
        sa.Column("last_day", sa.Date(), nullable=False),
        sa.Column("days", postgresql.ARRAY(sa.Date()), nullable=False),
    )
    op.execute(
        f"""
        INSERT INTO {_TABLE} (brand_id, basis, currency, member_id, first_day, last_day, days)
        SELECT brand_id, basis, currency, member_id, min(business_date), max(business_date),
            array_agg(DISTINCT business_date ORDER BY business_date)
        FROM reports_member_day WHERE orders > 0 GROUP BY 1, 2, 3, 4
        """  # noqa: S608
    )
    op.create_primary_key(f"pk_{_TABLE}", _TABLE, ["brand_id", "basis", "currency", "member_id"])
    op.protect_by_brand(_TABLE)
    op.drop_table(_NAMES)
    _create_twins()
    op.protect_by_brand(_TWINS)


def downgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.drop_table(_TWINS)
    op.create_table(
        _NAMES,
        sa.Column("brand_id", sa.Uuid(), nullable=False),
        sa.Column("channel", sa.String(32), nullable=False),
        sa.Column("name_zh", sa.String(80), nullable=False),
        sa.Column("name_en", sa.String(80), nullable=False),
        sa.PrimaryKeyConstraint("brand_id", "channel", name=f"pk_{_NAMES}"),
    )
    op.execute(
        f"INSERT INTO {_NAMES} SELECT brand_id, code, name_zh, name_en FROM channels_channel"  # noqa: S608
    )
    op.protect_by_brand(_NAMES)
    op.drop_table(_TABLE)


def _create_twins() -> None:
    op.create_table(
        _TWINS,
        sa.Column("brand_id", sa.Uuid(), nullable=False),
        sa.Column("member_id", sa.Uuid(), nullable=False),
        sa.Column("other_id", sa.Uuid(), nullable=False),
        sa.Column("seen_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("decided_by", sa.Uuid(), nullable=True),
        sa.PrimaryKeyConstraint("brand_id", "member_id", "other_id", name=f"pk_{_TWINS}"),
        sa.CheckConstraint("member_id < other_id", name=f"ck_{_TWINS}_once"),
        *(
            sa.ForeignKeyConstraint(
                ["brand_id", column],
                ["members_member.brand_id", "members_member.id"],
                name=f"fk_{_TWINS}_brand_id_{column}",
            )
            for column in ("member_id", "other_id")
        ),
    )
    op.create_index(f"ix_{_TWINS}_brand_id_other_id", _TWINS, ["brand_id", "other_id"])
