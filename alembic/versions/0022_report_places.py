"""numbers by country and province

Revision ID: 0022
Revises: 0021
"""

import sqlalchemy as sa
from alembic import op

revision = "0022"
down_revision = "0021"
branch_labels = None
depends_on = None

_NOBODY = "'00000000-0000-0000-0000-000000000000'::uuid"
_MEMBER_KEY = ("brand_id", "basis", "business_date", "member_id", "channel", "shop_id", "campaign_id")
# Members in 64 parts: a part's buyers are counted within the processor's caches.
_BUCKET = "(get_byte(uuid_send(member_id), 15) & 63)::smallint"


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    _create_place_day()
    _create_channel()
    for table in ("reports_place_day", "reports_channel"):
        op.protect_by_brand(table)
    _place_members()
    # A till's sale may take something back in the same document: an exchange has a negative line.
    _check_fact("amount", "line_no >= 0 AND (amount_minor >= 0 OR line_no = 0 OR kind = 'sale')")
    _check_fact("quantity", "quantity >= 0 OR kind = 'sale'")


def downgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    _check_fact("quantity", "quantity >= 0")
    _check_fact("amount", "line_no >= 0 AND (amount_minor >= 0 OR line_no = 0)")
    op.execute("TRUNCATE reports_member_day")
    op.drop_constraint("pk_reports_member_day", "reports_member_day")
    op.drop_column("reports_member_day", "bucket")
    op.drop_column("reports_member_day", "province")
    op.drop_column("reports_member_day", "country")
    op.create_primary_key("pk_reports_member_day", "reports_member_day", [*_MEMBER_KEY, "currency"])
    _fill_members("")
    op.drop_table("reports_channel")
    op.drop_table("reports_place_day")


def _create_place_day() -> None:
    op.create_table(
        "reports_place_day",
        sa.Column("brand_id", sa.Uuid(), nullable=False),
        sa.Column("basis", sa.String(8), nullable=False),
        sa.Column("business_date", sa.Date(), nullable=False),
        sa.Column("channel", sa.String(32), nullable=False),
        sa.Column("country", sa.String(2), nullable=False),
        sa.Column("province", sa.String(60), nullable=False),
        sa.Column("currency", sa.CHAR(3), nullable=False),
        sa.Column("orders", sa.BigInteger(), nullable=False),
        sa.Column("lines", sa.BigInteger(), nullable=False),
        sa.Column("quantity", sa.BigInteger(), nullable=False),
        sa.Column("gross_minor", sa.BigInteger(), nullable=False),
        sa.Column("refunds", sa.BigInteger(), nullable=False),
        sa.Column("refunds_minor", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint(
            "brand_id",
            "basis",
            "business_date",
            "channel",
            "country",
            "province",
            "currency",
            name="pk_reports_place_day",
        ),
    )
    op.execute(
        """
        INSERT INTO reports_place_day (brand_id, basis, business_date, channel, country, province, currency,
            orders, lines, quantity, gross_minor, refunds, refunds_minor)
        SELECT brand_id, basis, business_date, channel, country::text, province, currency,
            count(DISTINCT document_id) FILTER (WHERE kind = 'sale'),
            count(*) FILTER (WHERE kind = 'sale' AND line_no > 0),
            coalesce(sum(quantity) FILTER (WHERE kind = 'sale'), 0)::bigint,
            coalesce(sum(amount_minor) FILTER (WHERE kind = 'sale'), 0)::bigint,
            count(DISTINCT document_id) FILTER (WHERE kind = 'refund'),
            coalesce(sum(amount_minor) FILTER (WHERE kind = 'refund'), 0)::bigint
        FROM reports_fact GROUP BY 1, 2, 3, 4, 5, 6, 7
        """
    )


def _create_channel() -> None:
    op.create_table(
        "reports_channel",
        sa.Column("brand_id", sa.Uuid(), nullable=False),
        sa.Column("channel", sa.String(32), nullable=False),
        sa.Column("name_zh", sa.String(80), nullable=False),
        sa.Column("name_en", sa.String(80), nullable=False),
        sa.PrimaryKeyConstraint("brand_id", "channel", name="pk_reports_channel"),
    )


def _place_members() -> None:
    """Buyers are counted by place too: the rows are made anew from the facts."""
    op.execute("TRUNCATE reports_member_day")
    op.add_column("reports_member_day", sa.Column("country", sa.String(2), nullable=False))
    op.add_column("reports_member_day", sa.Column("province", sa.String(60), nullable=False))
    bucket = sa.Column("bucket", sa.SmallInteger(), sa.Computed(_BUCKET, persisted=True), nullable=False)
    op.add_column("reports_member_day", bucket)
    op.drop_constraint("pk_reports_member_day", "reports_member_day")
    key = ["brand_id", "basis", "bucket", *_MEMBER_KEY[2:], "country", "province", "currency"]
    op.create_primary_key("pk_reports_member_day", "reports_member_day", key)
    _fill_members("country::text AS country, province,")


def _fill_members(place: str) -> None:
    names = "country, province," if place else ""
    numbers = ", ".join(str(number) for number in range(1, 11 if place else 9))
    op.execute(
        f"""
        INSERT INTO reports_member_day ({", ".join(_MEMBER_KEY)}, {names} currency, orders)
        SELECT brand_id, basis, business_date, member_id, channel, coalesce(shop_id, {_NOBODY}),
            coalesce(campaign_id, {_NOBODY}), {place} currency, count(DISTINCT document_id)
        FROM reports_fact WHERE kind = 'sale' AND member_id IS NOT NULL GROUP BY {numbers}
        """  # noqa: S608
    )


def _check_fact(name: str, condition: str) -> None:
    op.drop_constraint(op.f(f"ck_reports_fact_{name}"), "reports_fact")
    op.create_check_constraint(op.f(f"ck_reports_fact_{name}"), "reports_fact", condition)
