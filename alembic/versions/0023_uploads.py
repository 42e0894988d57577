"""files that people bring in, and signatures that were spent

Revision ID: 0023
Revises: 0022
"""

import sqlalchemy as sa
from alembic import op

revision = "0023"
down_revision = "0022"
branch_labels = None
depends_on = None

_TABLES = ("auth_signed_request", "channels_upload", "channels_upload_chunk")


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    _create_signed_request()
    _create_upload()
    _create_chunk()
    for table in _TABLES:
        op.protect_by_brand(table)


def downgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    for table in reversed(_TABLES):
        op.drop_table(table)


def _create_signed_request() -> None:
    op.create_table(
        "auth_signed_request",
        sa.Column("brand_id", sa.Uuid(), nullable=False),
        sa.Column("mac", sa.LargeBinary(), nullable=False),
        sa.Column("signed_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("brand_id", "mac", name="pk_auth_signed_request"),
    )
    op.create_index("ix_auth_signed_request_signed", "auth_signed_request", ["brand_id", "signed_at"])


def _create_upload() -> None:
    table = "channels_upload"
    op.create_table(
        table,
        sa.Column("brand_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("channel", sa.String(32), nullable=False),
        sa.Column("file_name", sa.String(255), nullable=False),
        sa.Column("file_bytes", sa.BigInteger(), nullable=False),
        sa.Column("file_sha256", sa.CHAR(64), nullable=False),
        sa.Column("mapping", sa.Text(), nullable=False),
        sa.Column("state", sa.String(32), nullable=False),
        sa.Column("run_id", sa.Uuid(), nullable=True),
        sa.Column("account_id", sa.Uuid(), nullable=True),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("held_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("error_code", sa.String(80), nullable=False),
        sa.Column("error_reason", sa.String(1000), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("is_kept", sa.Boolean(), nullable=False),
        sa.CheckConstraint("file_bytes >= 0", name="ck_channels_upload_bytes"),
    )
    op.create_index("ix_channels_upload_kept", table, ["brand_id", "is_kept", "created_at"])
    op.create_index("ix_channels_upload_run", table, ["brand_id", "run_id"])
    # Last, so that the checks of foreign keys use it before the first ANALYZE (ADR 0003).
    op.create_primary_key("pk_channels_upload", table, ["brand_id", "id"])


def _create_chunk() -> None:
    table = "channels_upload_chunk"
    op.create_table(
        table,
        sa.Column("brand_id", sa.Uuid(), nullable=False),
        sa.Column("upload_id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("data", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("brand_id", "upload_id", "number", name="pk_channels_upload_chunk"),
        sa.ForeignKeyConstraint(
            ["brand_id", "upload_id"],
            ["channels_upload.brand_id", "channels_upload.id"],
            name="fk_channels_upload_chunk_brand_id_upload_id",
            ondelete="CASCADE",
        ),
    )
    # It lives for days; squeezing it would cost more than its place.
    op.execute("ALTER TABLE channels_upload_chunk ALTER COLUMN data SET STORAGE EXTERNAL")
