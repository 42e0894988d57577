"""the brand's own terms of membership

Revision ID: 0019
Revises: 0018
"""

import sqlalchemy as sa
from alembic import op

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.create_table(
        "members_terms",
        sa.Column("brand_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("text_version", sa.String(20), nullable=False),
        sa.Column("text_zh", sa.String(20_000), nullable=False),
        sa.Column("text_en", sa.String(20_000), nullable=False),
        sa.Column("actor_id", sa.Uuid(), nullable=True),
        sa.PrimaryKeyConstraint("brand_id", "id", name="pk_members_terms"),
        sa.UniqueConstraint("brand_id", "number", name="uq_members_terms_brand_id_number"),
    )
    op.protect_by_brand("members_terms")


def downgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.drop_table("members_terms")
