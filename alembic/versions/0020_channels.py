"""orders of every channel: channels, their inbox, claims; orders of other systems and what was given back of them

Revision ID: 0020
Revises: 0019
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None

_TABLES = ("channels_channel", "channels_document", "channels_claim", "orders_return")
_ADDED_TO_ORDERS = ("country", "province", "difference_minor", "is_backfill")
# What the house sets aside, collects and prepares: orders of other systems are no part of it.
_OPEN = "handed_over_at IS NULL AND closed_at IS NULL"
_HANDED_OVER = "handed_over_at IS NOT NULL"
_OWN = " AND external_id = ''"


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    _create_channel()
    _create_document()
    _create_claim()
    _widen_order()
    _widen_line()
    _create_return()
    for table in _TABLES:
        op.protect_by_brand(table)


def downgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    for table in reversed(_TABLES):
        op.drop_table(table)
    # What the schema before has no words for.
    op.execute(
        "DELETE FROM orders_line l USING orders_order o WHERE (o.brand_id, o.id) = (l.brand_id, l.order_id)"
        " AND o.external_id <> ''"
    )
    op.execute("DELETE FROM orders_order WHERE external_id <> ''")
    _narrow_line()
    _narrow_order()


def _create_channel() -> None:
    table = "channels_channel"
    op.create_table(
        table,
        *_row(),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("code", sa.String(32), nullable=False),
        sa.Column("name_zh", sa.String(80), nullable=False),
        sa.Column("name_en", sa.String(80), nullable=False),
        sa.Column("kind", sa.String(32), nullable=False),
        sa.Column("time_zone", sa.String(64), nullable=False),
        sa.Column("currency", sa.CHAR(3), nullable=False),
        sa.Column("is_active", sa.Boolean(), nullable=False),
        sa.CheckConstraint("code ~ '^[a-z][a-z0-9_]{0,31}$'", name="ck_channels_channel_code"),
        sa.CheckConstraint("name_zh <> '' AND name_en <> ''", name="ck_channels_channel_named"),
        sa.UniqueConstraint("brand_id", "code", name="uq_channels_channel_brand_id_code"),
        sa.PrimaryKeyConstraint("brand_id", "id", name="pk_channels_channel"),
    )


def _create_document() -> None:
    table = "channels_document"
    op.create_table(
        table,
        *_row(),
        *_document_key(),
        sa.Column("content_hash", sa.LargeBinary(), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=True),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("is_current", sa.Boolean(), nullable=False),
        sa.Column("subject_id", sa.Uuid(), nullable=True),
        sa.Column("member_id", sa.Uuid(), nullable=True),
        sa.Column("occurred_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.CHAR(3), nullable=False),
        sa.Column("is_different", sa.Boolean(), nullable=False),
        sa.Column("run_id", sa.Uuid(), nullable=True),
        sa.Column("line", sa.Integer(), nullable=False),
        sa.Column("raw_sealed", sa.LargeBinary(), nullable=False),
        sa.UniqueConstraint(
            "brand_id",
            "channel",
            "external_shop",
            "external_id",
            "content_hash",
            name="uq_channels_document_content",
        ),
        sa.PrimaryKeyConstraint("brand_id", "id", name="pk_channels_document"),
    )
    op.create_index("ix_channels_document_kind", table, ["brand_id", "channel", "kind", "id"])
    op.create_index(
        "ix_channels_document_not_applied",
        table,
        ["brand_id", "state", "id"],
        postgresql_where=sa.text("state <> 'applied'"),
    )
    op.create_index(
        "ix_channels_document_different",
        table,
        ["brand_id", "channel", "id"],
        postgresql_where=sa.text("is_different AND is_current"),
    )
    # It was squeezed before it was sealed.
    op.execute("ALTER TABLE channels_document ALTER COLUMN raw_sealed SET STORAGE EXTERNAL")


def _create_claim() -> None:
    table = "channels_claim"
    op.create_table(
        table,
        sa.Column("brand_id", sa.Uuid(), nullable=False),
        *_document_key(),
        sa.Column("kind", sa.String(32), nullable=False),
        sa.Column("scope", sa.String(64), nullable=False),
        sa.Column("value_hash", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("member_id", sa.Uuid(), nullable=True),
        sa.Column("credited_at", sa.DateTime(timezone=True), nullable=True),
        _reference(table, "member_id", "members_member"),
        sa.PrimaryKeyConstraint(
            "brand_id",
            "channel",
            "external_shop",
            "external_id",
            "kind",
            "scope",
            "value_hash",
            name=f"pk_{table}",
        ),
    )
    op.create_index(
        "ix_channels_claim_open",
        table,
        ["brand_id", "value_hash"],
        postgresql_where=sa.text("member_id IS NULL"),
    )


def _widen_order() -> None:
    table = "orders_order"
    # Defaults: the release before knows nothing of these.
    op.add_column(table, sa.Column("country", sa.String(2), server_default="", nullable=False))
    op.add_column(table, sa.Column("province", sa.String(60), server_default="", nullable=False))
    op.add_column(table, sa.Column("difference_minor", sa.BigInteger(), server_default="0", nullable=False))
    op.add_column(table, sa.Column("is_backfill", sa.Boolean(), server_default=sa.false(), nullable=False))
    _replace_check(
        table, "sums_up", "total_minor = goods_minor - discount_minor + shipping_minor + difference_minor"
    )
    _replace_check(
        table,
        "refunds_within_paid",
        "external_id <> '' OR (0 <= refunded_minor AND refunded_minor <= paid_minor)",
    )
    _replace_index("ix_orders_order_open_at_shop", ["fulfil_shop_id", "placed_at", "id"], _OPEN + _OWN)
    _replace_index("ix_orders_order_handed_over", ["fulfil_shop_id", "handed_over_at", "id"], _HANDED_OVER + _OWN)
    op.create_index(
        "ix_orders_order_channel",
        table,
        ["brand_id", "channel", "placed_at", "id"],
        # Partial: no younger index may pass for the primary key (0006).
        postgresql_where=sa.text("external_id <> ''"),
    )


def _narrow_order() -> None:
    table = "orders_order"
    op.drop_index("ix_orders_order_channel", table)
    _replace_index("ix_orders_order_handed_over", ["fulfil_shop_id", "handed_over_at", "id"], _HANDED_OVER)
    _replace_index("ix_orders_order_open_at_shop", ["fulfil_shop_id", "placed_at", "id"], _OPEN)
    _replace_check(table, "refunds_within_paid", "0 <= refunded_minor AND refunded_minor <= paid_minor")
    _replace_check(table, "sums_up", "total_minor = goods_minor - discount_minor + shipping_minor")
    for column in reversed(_ADDED_TO_ORDERS):
        op.drop_column(table, column)


def _widen_line() -> None:
    table = "orders_line"
    op.add_column(table, sa.Column("external_id", sa.String(64), server_default="", nullable=False))
    # A till's exchange has a negative line, a gift one without a price. The house's own lines are checked as
    # they are placed, and have something paid back only where something was sold.
    op.drop_constraint("ck_orders_line_quantity_positive", table)
    _replace_check(
        table,
        "refunds_within_total",
        "refunded_minor = 0 OR (0 < refunded_minor AND refunded_minor <= total_minor)",
    )
    _replace_check(
        table,
        "refunded_pieces_within_quantity",
        "refunded_quantity = 0 OR (0 < refunded_quantity AND refunded_quantity <= quantity)",
    )


def _narrow_line() -> None:
    table = "orders_line"
    _replace_check(
        table,
        "refunded_pieces_within_quantity",
        "0 <= refunded_quantity AND refunded_quantity <= quantity",
    )
    _replace_check(table, "refunds_within_total", "0 <= refunded_minor AND refunded_minor <= total_minor")
    op.create_check_constraint("ck_orders_line_quantity_positive", table, "quantity > 0")
    op.drop_column(table, "external_id")


def _create_return() -> None:
    table = "orders_return"
    op.create_table(
        table,
        *_row(),
        *_document_key(),
        sa.Column("order_external_id", sa.String(120), nullable=False),
        sa.Column("is_own", sa.Boolean(), nullable=False),
        sa.Column("is_counted", sa.Boolean(), nullable=False),
        sa.Column("order_id", sa.Uuid(), nullable=True),
        sa.Column("member_id", sa.Uuid(), nullable=True),
        sa.Column("shop_id", sa.Uuid(), nullable=True),
        sa.Column("number", sa.String(32), nullable=False),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.CHAR(3), nullable=False),
        sa.Column("refunded_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("is_estimated", sa.Boolean(), nullable=False),
        sa.Column("country", sa.String(2), nullable=False),
        sa.Column("province", sa.String(60), nullable=False),
        sa.Column("lines", JSONB(), nullable=False),
        sa.CheckConstraint("amount_minor >= 0", name="ck_orders_return_amount_not_negative"),
        _reference(table, "member_id", "members_member"),
        _reference(table, "order_id", "orders_order"),
        sa.UniqueConstraint(
            "brand_id",
            "channel",
            "external_shop",
            "order_external_id",
            "external_id",
            "is_own",
            name="uq_orders_return_external",
        ),
        sa.PrimaryKeyConstraint("brand_id", "id", name="pk_orders_return"),
    )
    op.create_index(
        "ix_orders_return_order",
        table,
        ["brand_id", "order_id"],
        postgresql_where=sa.text("order_id IS NOT NULL"),
    )
    op.create_index(
        "ix_orders_return_unseen",
        table,
        ["brand_id", "channel", "refunded_at", "id"],
        postgresql_where=sa.text("order_id IS NULL"),
    )


def _replace_check(table: str, name: str, condition: str) -> None:
    op.drop_constraint(f"ck_{table}_{name}", table)
    op.create_check_constraint(f"ck_{table}_{name}", table, condition)


def _replace_index(name: str, columns: list[str], condition: str) -> None:
    op.drop_index(name, "orders_order")
    op.create_index(name, "orders_order", ["brand_id", *columns], postgresql_where=sa.text(condition))


def _row() -> list[sa.Column]:
    return [
        sa.Column("brand_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
    ]


def _document_key() -> list[sa.Column]:
    return [
        sa.Column("channel", sa.String(32), nullable=False),
        sa.Column("external_shop", sa.String(64), nullable=False),
        sa.Column("external_id", sa.String(120), nullable=False),
    ]


def _reference(table: str, column: str, target: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(
        ["brand_id", column], [f"{target}.brand_id", f"{target}.id"], name=f"fk_{table}_brand_id_{column}"
    )
