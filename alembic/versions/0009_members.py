"""members, their identities and sessions, codes, the brands' apps at WeChat

Revision ID: 0009
Revises: 0008
"""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

MEMBER = ["members_member.brand_id", "members_member.id"]


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    _create_session()
    _create_member()
    _create_identity()
    _create_consent()
    _create_codes()
    _create_wechat()


def _row() -> list[sa.Column[object]]:
    return [
        sa.Column("brand_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
    ]


def _edited() -> list[sa.Column[object]]:
    return [
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
    ]


def _create_session() -> None:
    op.create_table(
        "auth_customer_session",
        *_row(),
        sa.Column("token_hash", sa.LargeBinary(), nullable=False),
        sa.Column("member_id", sa.Uuid(), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ends_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("revoked_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ip_hash", sa.LargeBinary(), nullable=False),
        sa.Column("user_agent", sa.String(120), nullable=False),
        sa.PrimaryKeyConstraint("brand_id", "id", name="pk_auth_customer_session"),
        sa.UniqueConstraint("brand_id", "token_hash", name="uq_auth_customer_session_brand_id_token_hash"),
    )
    op.create_index("ix_auth_customer_session_member", "auth_customer_session", ["brand_id", "member_id"])
    op.create_index("ix_auth_customer_session_expires", "auth_customer_session", ["brand_id", "expires_at"])
    op.protect_by_brand("auth_customer_session")


def _create_member() -> None:
    op.create_table(
        "members_member",
        *_row(),
        *_edited(),
        sa.Column("nickname", sa.String(80), nullable=False),
        sa.Column("picture_url", sa.String(500), nullable=False),
        sa.Column("status", sa.String(32), nullable=False),
        sa.Column("joined_via", sa.String(32), nullable=False),
    )
    # Last, so that the checks of foreign keys use it before the first ANALYZE (ADR 0003).
    op.create_primary_key("pk_members_member", "members_member", ["brand_id", "id"])
    op.protect_by_brand("members_member")


def _create_identity() -> None:
    table = "members_identity"
    op.create_table(
        table,
        *_row(),
        sa.Column("member_id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.String(32), nullable=False),
        sa.Column("scope", sa.String(64), nullable=False),
        sa.Column("value_hash", sa.LargeBinary(), nullable=False),
        sa.Column("value_sealed", sa.LargeBinary(), nullable=False),
        sa.Column("verified_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("brand_id", "id", name=f"pk_{table}"),
        sa.ForeignKeyConstraint(["brand_id", "member_id"], MEMBER, name=f"fk_{table}_brand_id_member_id"),
    )
    op.create_index(
        "uq_members_identity_live",
        table,
        ["brand_id", "kind", "scope", "value_hash"],
        unique=True,
        postgresql_where=sa.text("ended_at IS NULL"),
    )
    op.create_index("ix_members_identity_member", table, ["brand_id", "member_id"])
    op.protect_by_brand(table)


def _create_consent() -> None:
    table = "members_consent"
    op.create_table(
        table,
        *_row(),
        sa.Column("member_id", sa.Uuid(), nullable=False),
        sa.Column("document", sa.String(40), nullable=False),
        sa.Column("text_version", sa.String(20), nullable=False),
        sa.Column("via", sa.String(32), nullable=False),
        sa.PrimaryKeyConstraint("brand_id", "id", name=f"pk_{table}"),
        sa.UniqueConstraint(
            "brand_id",
            "member_id",
            "document",
            "text_version",
            name=f"uq_{table}_brand_id_member_id_document_text_version",
        ),
        sa.ForeignKeyConstraint(["brand_id", "member_id"], MEMBER, name=f"fk_{table}_brand_id_member_id"),
    )
    op.protect_by_brand(table)


def _create_codes() -> None:
    op.create_table(
        "members_sms_code",
        *_row(),
        sa.Column("phone_hash", sa.LargeBinary(), nullable=False),
        sa.Column("code_hash", sa.LargeBinary(), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("used_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("brand_id", "id", name="pk_members_sms_code"),
    )
    op.create_index("ix_members_sms_code_expires", "members_sms_code", ["brand_id", "expires_at"])
    op.protect_by_brand("members_sms_code")
    op.create_table(
        "members_sms_quota",
        *_row(),
        sa.Column("key_hash", sa.LargeBinary(), nullable=False),
        sa.Column("sent", sa.Integer(), nullable=False),
        sa.Column("day_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("last_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("brand_id", "id", name="pk_members_sms_quota"),
        sa.UniqueConstraint("brand_id", "key_hash", name="uq_members_sms_quota_brand_id_key_hash"),
    )
    op.create_index("ix_members_sms_quota_last", "members_sms_quota", ["brand_id", "last_at"])
    op.protect_by_brand("members_sms_quota")
    op.create_table(
        "members_used_state",
        *_row(),
        sa.Column("state_hash", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("brand_id", "id", name="pk_members_used_state"),
        sa.UniqueConstraint("brand_id", "state_hash", name="uq_members_used_state_brand_id_state_hash"),
    )
    op.create_index("ix_members_used_state_created", "members_used_state", ["brand_id", "created_at"])
    op.protect_by_brand("members_used_state")


def _create_wechat() -> None:
    op.create_table(
        "members_wechat_app",
        *_row(),
        *_edited(),
        sa.Column("kind", sa.String(32), nullable=False),
        sa.Column("app_id", sa.String(32), nullable=False),
        sa.Column("secret_sealed", sa.LargeBinary(), nullable=False),
        sa.Column("token_sealed", sa.LargeBinary(), nullable=True),
        sa.Column("aes_key_sealed", sa.LargeBinary(), nullable=True),
        sa.PrimaryKeyConstraint("brand_id", "id", name="pk_members_wechat_app"),
        sa.UniqueConstraint("brand_id", "kind", name="uq_members_wechat_app_brand_id_kind"),
        sa.UniqueConstraint("brand_id", "app_id", name="uq_members_wechat_app_brand_id_app_id"),
    )
    op.protect_by_brand("members_wechat_app")
    op.create_table(
        "members_wechat_event",
        *_row(),
        sa.Column("app_id", sa.String(32), nullable=False),
        sa.Column("ref_hash", sa.LargeBinary(), nullable=False),
        sa.Column("kind", sa.String(32), nullable=False),
        sa.Column("openid_hash", sa.LargeBinary(), nullable=False),
        sa.Column("openid_sealed", sa.LargeBinary(), nullable=False),
        sa.Column("scene", sa.String(64), nullable=False),
        sa.Column("happened_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("brand_id", "id", name="pk_members_wechat_event"),
        sa.UniqueConstraint(
            "brand_id", "app_id", "ref_hash", name="uq_members_wechat_event_brand_id_app_id_ref_hash"
        ),
    )
    op.create_index("ix_members_wechat_event_openid", "members_wechat_event", ["brand_id", "openid_hash", "id"])
    op.protect_by_brand("members_wechat_event")


def downgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    for table in (
        "wechat_event",
        "wechat_app",
        "used_state",
        "sms_quota",
        "sms_code",
        "consent",
        "identity",
        "member",
    ):
        op.drop_table(f"members_{table}")
    op.drop_table("auth_customer_session")
