"""products, SKUs, tags, search terms

Revision ID: 0006
Revises: 0005
"""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.create_table(
        "catalog_product",
        *_row(editable=True),
        sa.Column("code", sa.String(64), nullable=False),
        sa.Column("name", sa.String(200), nullable=False),
        sa.Column("product_line", sa.String(80), nullable=False),
        sa.Column("category", sa.String(80), nullable=False),
        sa.Column("product_type", sa.String(80), nullable=False),
        sa.Column("description", sa.String(8000), nullable=False),
        sa.Column("status", sa.String(32), nullable=False),
        sa.UniqueConstraint("brand_id", "code", name="uq_catalog_product_brand_id_code"),
        sa.CheckConstraint("code <> '' AND name <> ''", name="ck_catalog_product_named"),
    )
    op.create_index("ix_catalog_product_brand_id_status_code", "catalog_product", ["brand_id", "status", "code"])
    op.create_index(
        "ix_catalog_product_brand_id_category_code", "catalog_product", ["brand_id", "category", "code"]
    )
    op.create_index(
        "ix_catalog_product_brand_id_product_type_code", "catalog_product", ["brand_id", "product_type", "code"]
    )
    # Last: every index begins with brand_id, and before the first ANALYZE the planner thinks them equal for
    # "brand_id = and id =". Of equals it takes the youngest, and keeps it for the foreign keys' checks.
    op.create_primary_key("pk_catalog_product", "catalog_product", ["brand_id", "id"])
    op.create_table(
        "catalog_product_tag",
        *_row(),
        sa.Column("product_id", sa.Uuid(), nullable=False),
        sa.Column("tag", sa.String(40), nullable=False),
        sa.PrimaryKeyConstraint("brand_id", "id", name="pk_catalog_product_tag"),
        sa.UniqueConstraint(
            "brand_id", "tag", "product_id", name="uq_catalog_product_tag_brand_id_tag_product_id"
        ),
        _of_product("catalog_product_tag", ondelete="CASCADE"),
    )
    op.create_index(
        "ix_catalog_product_tag_brand_id_product_id", "catalog_product_tag", ["brand_id", "product_id"]
    )
    op.create_table(
        "catalog_product_term",
        *_row(),
        sa.Column("product_id", sa.Uuid(), nullable=False),
        sa.Column("term", sa.String(24, collation="C"), nullable=False),
        sa.PrimaryKeyConstraint("brand_id", "id", name="pk_catalog_product_term"),
        sa.UniqueConstraint(
            "brand_id", "term", "product_id", name="uq_catalog_product_term_brand_id_term_product_id"
        ),
        _of_product("catalog_product_term", ondelete="CASCADE"),
    )
    op.create_index(
        "ix_catalog_product_term_brand_id_product_id", "catalog_product_term", ["brand_id", "product_id"]
    )
    op.create_table(
        "catalog_sku",
        *_row(editable=True),
        sa.Column("product_id", sa.Uuid(), nullable=False),
        sa.Column("code", sa.String(64), nullable=False),
        sa.Column("shade_name", sa.String(120), nullable=False),
        sa.Column("shade_hex", sa.CHAR(7), nullable=True),
        sa.Column("option_text", sa.String(80), nullable=False),
        sa.Column("barcode", sa.String(14), nullable=True),
        sa.Column("price_minor", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.CHAR(3), nullable=False),
        sa.Column("status", sa.String(32), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.UniqueConstraint("brand_id", "code", name="uq_catalog_sku_brand_id_code"),
        sa.UniqueConstraint("brand_id", "barcode", name="uq_catalog_sku_brand_id_barcode"),
        _of_product("catalog_sku"),
        sa.CheckConstraint("code <> ''", name="ck_catalog_sku_named"),
        sa.CheckConstraint("price_minor > 0", name="ck_catalog_sku_price_positive"),
        sa.CheckConstraint("shade_hex ~ '^#[0-9a-f]{6}$'", name="ck_catalog_sku_shade_hex"),
        sa.CheckConstraint("barcode ~ '^([0-9]{8}|[0-9]{12,14})$'", name="ck_catalog_sku_barcode"),
    )
    op.create_index(
        "ix_catalog_sku_brand_id_product_id_position", "catalog_sku", ["brand_id", "product_id", "position"]
    )
    op.create_primary_key("pk_catalog_sku", "catalog_sku", ["brand_id", "id"])
    for table in ("catalog_product", "catalog_product_tag", "catalog_product_term", "catalog_sku"):
        op.protect_by_brand(table)


def downgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    for table in ("catalog_sku", "catalog_product_term", "catalog_product_tag", "catalog_product"):
        op.drop_table(table)


def _row(*, editable: bool = False) -> list[sa.Column]:
    columns = [
        sa.Column("brand_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
    ]
    if editable:
        columns += [
            sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
            sa.Column("version", sa.Integer(), nullable=False),
        ]
    return columns


def _of_product(table: str, *, ondelete: str | None = None) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(
        ["brand_id", "product_id"],
        ["catalog_product.brand_id", "catalog_product.id"],
        name=f"fk_{table}_brand_id_product_id",
        ondelete=ondelete,
    )
