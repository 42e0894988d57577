"""Staff accounts, what they may do, and how they prove who they are. Every row belongs to one brand."""

import datetime as dt
import uuid

import sqlalchemy as sa
from sqlmodel import Field, SQLModel

from yundian.platform.auth.types import AccountStatus
from yundian.platform.core.principal import Role
from yundian.platform.db.base import EditableRow, Row, brand_key, brand_reference, text_enum

_HASH_BYTES = 32


class Account(EditableRow, table=True):
    """A person of the staff. The login is personal data: sealed, and found by its keyed hash."""

    __tablename__ = "auth_account"
    __table_args__ = (brand_key("login_hash"),)

    login_hash: bytes = Field(sa_type=sa.LargeBinary(_HASH_BYTES))
    login_sealed: bytes
    display_name: str = Field(sa_type=sa.String(80))
    password_hash: str = Field(sa_type=sa.String(200))
    must_change_password: bool = False
    status: AccountStatus = Field(default=AccountStatus.ACTIVE, sa_type=text_enum(AccountStatus))
    # Set but not enabled: being set up. The step of the last accepted code keeps a code from working twice.
    totp_sealed: bytes | None = None
    is_totp_enabled: bool = False
    totp_last_step: int = Field(default=0, sa_type=sa.BigInteger)
    last_login_at: dt.datetime | None = None


class AccountGrant(Row, table=True):
    """A role of an account: HQ roles for the brand, shop roles for one shop, which auth knows by id only."""

    __tablename__ = "auth_grant"
    __table_args__ = (
        sa.UniqueConstraint(
            "brand_id",
            "account_id",
            "role",
            "shop_id",
            name="uq_auth_grant_once",
            postgresql_nulls_not_distinct=True,
        ),
        sa.CheckConstraint("(role IN ('hq_admin', 'hq_analyst')) = (shop_id IS NULL)", name="shop_of_role"),
        sa.Index("ix_auth_grant_shop", "brand_id", "shop_id"),
        brand_reference("account_id", "auth_account"),
    )

    account_id: uuid.UUID
    role: Role = Field(sa_type=text_enum(Role))
    shop_id: uuid.UUID | None = None


class StaffSession(Row, table=True):
    """A signed-in browser or client. Only the hash of its token is kept."""

    __tablename__ = "auth_session"
    __table_args__ = (
        brand_key("token_hash"),
        sa.Index("ix_auth_session_account", "brand_id", "account_id"),
        sa.Index("ix_auth_session_expires", "brand_id", "expires_at"),
        brand_reference("account_id", "auth_account"),
    )

    token_hash: bytes = Field(sa_type=sa.LargeBinary(_HASH_BYTES))
    account_id: uuid.UUID
    # Slides with use, up to ends_at.
    expires_at: dt.datetime
    ends_at: dt.datetime
    revoked_at: dt.datetime | None = None
    ip_hash: bytes = Field(sa_type=sa.LargeBinary(_HASH_BYTES))
    user_agent: str = Field(sa_type=sa.String(120))


class CustomerSession(Row, table=True):
    """A customer's browser or mini program. Whose it is, auth knows by id only."""

    __tablename__ = "auth_customer_session"
    __table_args__ = (
        brand_key("token_hash"),
        sa.Index("ix_auth_customer_session_member", "brand_id", "member_id"),
        sa.Index("ix_auth_customer_session_expires", "brand_id", "expires_at"),
    )

    token_hash: bytes = Field(sa_type=sa.LargeBinary(_HASH_BYTES))
    member_id: uuid.UUID
    # Slides with use, up to ends_at.
    expires_at: dt.datetime
    ends_at: dt.datetime
    revoked_at: dt.datetime | None = None
    ip_hash: bytes = Field(sa_type=sa.LargeBinary(_HASH_BYTES))
    user_agent: str = Field(sa_type=sa.String(120))


class LoginAttempt(Row, table=True):
    """Wrong tries of one login since its last success; logins that nobody has are counted under no brand's id."""

    __tablename__ = "auth_login_attempt"
    __table_args__ = (
        brand_key("login_hash"),
        sa.Index("ix_auth_login_attempt_tried", "brand_id", "tried_at"),
    )

    login_hash: bytes = Field(sa_type=sa.LargeBinary(_HASH_BYTES))
    failed: int
    locked_until: dt.datetime | None = None
    tried_at: dt.datetime


class RecoveryCode(Row, table=True):
    """Stands in for the authenticator app, once."""

    __tablename__ = "auth_recovery_code"
    __table_args__ = (
        brand_key("account_id", "code_hash"),
        brand_reference("account_id", "auth_account"),
    )

    account_id: uuid.UUID
    code_hash: bytes = Field(sa_type=sa.LargeBinary(_HASH_BYTES))
    used_at: dt.datetime | None = None


class ApiKey(Row, table=True):
    """Another system's key. The secret is sealed, not hashed: it also signs requests (HMAC)."""

    __tablename__ = "auth_api_key"
    __table_args__ = (brand_key("key_id"),)

    key_id: str = Field(sa_type=sa.String(32))
    name: str = Field(sa_type=sa.String(80))
    secret_sealed: bytes
    scopes: list[str] = Field(sa_type=sa.ARRAY(sa.String(64)))
    revoked_at: dt.datetime | None = None
    last_used_at: dt.datetime | None = None


class SignedRequest(SQLModel, table=True):
    """A signature that was spent, kept for as long as it could be tried again."""

    __tablename__ = "auth_signed_request"
    __table_args__ = (sa.Index("ix_auth_signed_request_signed", "brand_id", "signed_at"),)

    brand_id: uuid.UUID = Field(primary_key=True)
    mac: bytes = Field(primary_key=True, sa_type=sa.LargeBinary(_HASH_BYTES))
    signed_at: dt.datetime


class AuditEntry(Row, table=True):
    """Who did what on whom; written in the transaction that did it, never changed."""

    __tablename__ = "auth_audit"
    __table_args__ = (sa.Index("ix_auth_audit_subject", "brand_id", "subject_id"),)

    # Null: the operator's command line.
    actor_id: uuid.UUID | None = None
    action: str = Field(sa_type=sa.String(40))
    subject_id: uuid.UUID
    detail: str = Field(default="", sa_type=sa.String(200))
