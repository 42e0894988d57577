"""pictures of products

Revision ID: 0028
Revises: 0027
"""

import sqlalchemy as sa
from alembic import op

revision = "0028"
down_revision = "0027"
branch_labels = None
depends_on = None

_TABLES = ("catalog_picture_file", "catalog_picture")


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    _create_file()
    _create_picture()
    for table in _TABLES:
        op.protect_by_brand(table)


def downgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    for table in reversed(_TABLES):
        op.drop_table(table)


def _create_file() -> None:
    table = "catalog_picture_file"
    op.create_table(
        table,
        sa.Column("brand_id", sa.Uuid(), nullable=False),
        sa.Column("digest", sa.String(64, collation="C"), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("width", sa.Integer(), nullable=False),
        sa.Column("height", sa.Integer(), nullable=False),
        sa.Column("small_width", sa.Integer(), nullable=False),
        sa.Column("small_height", sa.Integer(), nullable=False),
        sa.Column("small", sa.LargeBinary(), nullable=False),
        sa.Column("large", sa.LargeBinary(), nullable=False),
        sa.Column("card", sa.LargeBinary(), nullable=False),
        sa.CheckConstraint("digest ~ '^[0-9a-f]{64}$'", name="ck_catalog_picture_file_digest"),
        sa.CheckConstraint(
            "least(width, height, small_width, small_height) > 0", name="ck_catalog_picture_file_sizes"
        ),
    )
    # They are squeezed already; and one of them is read without the others.
    for column in ("small", "large", "card"):
        op.execute(f"ALTER TABLE {table} ALTER COLUMN {column} SET STORAGE EXTERNAL")
    # Last, so that the checks of foreign keys use it before the first ANALYZE (ADR 0003).
    op.create_primary_key(f"pk_{table}", table, ["brand_id", "digest"])


def _create_picture() -> None:
    table = "catalog_picture"
    op.create_table(
        table,
        sa.Column("brand_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("product_id", sa.Uuid(), nullable=False),
        sa.Column("digest", sa.String(64, collation="C"), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("removed_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["brand_id", "product_id"],
            ["catalog_product.brand_id", "catalog_product.id"],
            name="fk_catalog_picture_brand_id_product_id",
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["brand_id", "digest"],
            ["catalog_picture_file.brand_id", "catalog_picture_file.digest"],
            name="fk_catalog_picture_brand_id_digest",
        ),
        sa.UniqueConstraint(
            "brand_id", "product_id", "digest", name="uq_catalog_picture_brand_id_product_id_digest"
        ),
        sa.PrimaryKeyConstraint("brand_id", "id", name="pk_catalog_picture"),
    )
    op.create_index(
        "ix_catalog_picture_brand_id_product_id_position", table, ["brand_id", "product_id", "position"]
    )
    op.create_index("ix_catalog_picture_brand_id_digest", table, ["brand_id", "digest"])
