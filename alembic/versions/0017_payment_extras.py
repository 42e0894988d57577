"""what group-buy needs of payments: closing in time, refunds apart, notices that do not stay for ever

Revision ID: 0017
Revises: 0016
"""

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.add_column("payments_payment", sa.Column("closing_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("payments_refund", sa.Column("sent_at", sa.DateTime(timezone=True), nullable=True))
    op.alter_column("payments_notice", "sealed", existing_type=sa.LargeBinary(), nullable=True)
    op.create_index(
        "ix_payments_notice_sealed",
        "payments_notice",
        ["brand_id", "id"],
        postgresql_where=sa.text("sealed IS NOT NULL"),
    )


def downgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.drop_index("ix_payments_notice_sealed", table_name="payments_notice")
    op.execute("UPDATE payments_notice SET sealed = ''::bytea WHERE sealed IS NULL")
    op.alter_column("payments_notice", "sealed", existing_type=sa.LargeBinary(), nullable=False)
    op.drop_column("payments_refund", "sent_at")
    op.drop_column("payments_payment", "closing_at")
