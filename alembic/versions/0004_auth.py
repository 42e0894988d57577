"""staff accounts, grants, sessions, API keys

Revision ID: 0004
Revises: 0003
"""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

ACCOUNT = ["auth_account.brand_id", "auth_account.id"]


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.create_table(
        "auth_account",
        sa.Column("brand_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("login_hash", sa.LargeBinary(), nullable=False),
        sa.Column("login_sealed", sa.LargeBinary(), nullable=False),
        sa.Column("display_name", sa.String(80), nullable=False),
        sa.Column("password_hash", sa.String(200), nullable=False),
        sa.Column("must_change_password", sa.Boolean(), nullable=False),
        sa.Column("status", sa.String(32), nullable=False),
        sa.Column("totp_sealed", sa.LargeBinary(), nullable=True),
        sa.Column("is_totp_enabled", sa.Boolean(), nullable=False),
        sa.Column("totp_last_step", sa.BigInteger(), nullable=False),
        sa.Column("last_login_at", sa.DateTime(timezone=True), nullable=True),
        sa.UniqueConstraint("brand_id", "login_hash", name="uq_auth_account_brand_id_login_hash"),
    )
    # Last, so that the checks of foreign keys use it before the first ANALYZE (ADR 0003).
    op.create_primary_key("pk_auth_account", "auth_account", ["brand_id", "id"])
    op.protect_by_brand("auth_account")

    op.create_table(
        "auth_grant",
        sa.Column("brand_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("account_id", sa.Uuid(), nullable=False),
        sa.Column("role", sa.String(32), nullable=False),
        sa.Column("shop_id", sa.Uuid(), nullable=True),
        sa.PrimaryKeyConstraint("brand_id", "id", name="pk_auth_grant"),
        sa.UniqueConstraint(
            "brand_id",
            "account_id",
            "role",
            "shop_id",
            name="uq_auth_grant_once",
            postgresql_nulls_not_distinct=True,
        ),
        sa.CheckConstraint(
            "(role IN ('hq_admin', 'hq_analyst')) = (shop_id IS NULL)", name="ck_auth_grant_shop_of_role"
        ),
        sa.ForeignKeyConstraint(["brand_id", "account_id"], ACCOUNT, name="fk_auth_grant_brand_id_account_id"),
    )
    op.create_index("ix_auth_grant_shop", "auth_grant", ["brand_id", "shop_id"])
    op.protect_by_brand("auth_grant")

    op.create_table(
        "auth_session",
        sa.Column("brand_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("token_hash", sa.LargeBinary(), nullable=False),
        sa.Column("account_id", sa.Uuid(), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ends_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("revoked_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ip_hash", sa.LargeBinary(), nullable=False),
        sa.Column("user_agent", sa.String(120), nullable=False),
        sa.PrimaryKeyConstraint("brand_id", "id", name="pk_auth_session"),
        sa.UniqueConstraint("brand_id", "token_hash", name="uq_auth_session_brand_id_token_hash"),
        sa.ForeignKeyConstraint(["brand_id", "account_id"], ACCOUNT, name="fk_auth_session_brand_id_account_id"),
    )
    op.create_index("ix_auth_session_account", "auth_session", ["brand_id", "account_id"])
    op.create_index("ix_auth_session_expires", "auth_session", ["brand_id", "expires_at"])
    op.protect_by_brand("auth_session")

    op.create_table(
        "auth_login_attempt",
        sa.Column("brand_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("login_hash", sa.LargeBinary(), nullable=False),
        sa.Column("failed", sa.Integer(), nullable=False),
        sa.Column("locked_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("tried_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("brand_id", "id", name="pk_auth_login_attempt"),
        sa.UniqueConstraint("brand_id", "login_hash", name="uq_auth_login_attempt_brand_id_login_hash"),
    )
    op.create_index("ix_auth_login_attempt_tried", "auth_login_attempt", ["brand_id", "tried_at"])
    op.protect_by_brand("auth_login_attempt")

    op.create_table(
        "auth_recovery_code",
        sa.Column("brand_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("account_id", sa.Uuid(), nullable=False),
        sa.Column("code_hash", sa.LargeBinary(), nullable=False),
        sa.Column("used_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("brand_id", "id", name="pk_auth_recovery_code"),
        sa.UniqueConstraint(
            "brand_id", "account_id", "code_hash", name="uq_auth_recovery_code_brand_id_account_id_code_hash"
        ),
        sa.ForeignKeyConstraint(
            ["brand_id", "account_id"], ACCOUNT, name="fk_auth_recovery_code_brand_id_account_id"
        ),
    )
    op.protect_by_brand("auth_recovery_code")

    op.create_table(
        "auth_api_key",
        sa.Column("brand_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("key_id", sa.String(32), nullable=False),
        sa.Column("name", sa.String(80), nullable=False),
        sa.Column("secret_sealed", sa.LargeBinary(), nullable=False),
        sa.Column("scopes", sa.ARRAY(sa.String(64)), nullable=False),
        sa.Column("revoked_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("last_used_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("brand_id", "id", name="pk_auth_api_key"),
        sa.UniqueConstraint("brand_id", "key_id", name="uq_auth_api_key_brand_id_key_id"),
    )
    op.protect_by_brand("auth_api_key")

    op.create_table(
        "auth_audit",
        sa.Column("brand_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("actor_id", sa.Uuid(), nullable=True),
        sa.Column("action", sa.String(40), nullable=False),
        sa.Column("subject_id", sa.Uuid(), nullable=False),
        sa.Column("detail", sa.String(200), nullable=False),
        sa.PrimaryKeyConstraint("brand_id", "id", name="pk_auth_audit"),
    )
    op.create_index("ix_auth_audit_subject", "auth_audit", ["brand_id", "subject_id"])
    op.protect_by_brand("auth_audit")


def downgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    for table in ("audit", "api_key", "recovery_code", "login_attempt", "session", "grant", "account"):
        op.drop_table(f"auth_{table}")
