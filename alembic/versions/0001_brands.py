"""brand, directory, brand policy

Revision ID: 0001
Revises: none
"""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.create_table(
        "brand",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("code", sa.String(32), nullable=False),
        sa.Column("name", sa.String(80), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_brand"),
        sa.UniqueConstraint("code", name="uq_brand_code"),
    )
    op.create_table(
        "directory",
        sa.Column("kind", sa.String(32), nullable=False),
        sa.Column("key_hash", sa.LargeBinary(), nullable=False),
        sa.Column("brand_id", sa.Uuid(), nullable=False),
        sa.PrimaryKeyConstraint("kind", "key_hash", name="pk_directory"),
    )
    op.create_table(
        "brand_policy",
        sa.Column("brand_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("display_name", sa.String(80), nullable=False),
        sa.Column("default_locale", sa.String(8), nullable=False),
        sa.Column("time_zone", sa.String(40), nullable=False),
        sa.Column("currency", sa.CHAR(3), nullable=False),
        sa.Column("after_sale_days", sa.Integer(), nullable=False),
        sa.Column("link_window_days", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("brand_id", "id", name="pk_brand_policy"),
        sa.CheckConstraint("id = brand_id", name="ck_brand_policy_one_row"),
        sa.CheckConstraint("after_sale_days BETWEEN 0 AND 29", name="ck_brand_policy_after_sale_window"),
        sa.CheckConstraint("link_window_days BETWEEN 1 AND 365", name="ck_brand_policy_link_window"),
    )
    op.protect_by_brand("brand_policy")


def downgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.drop_table("brand_policy")
    op.drop_table("directory")
    op.drop_table("brand")
