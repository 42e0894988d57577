"""Members, what they are recognised by, what they agreed to; codes on their way; the brand's apps at WeChat."""

import datetime as dt
import uuid

import sqlalchemy as sa
from sqlmodel import Field

from yundian.members.states import MemberStatus
from yundian.members.types import AppKind, IdentityKind, JoinedVia
from yundian.platform.db.base import EditableRow, Row, brand_key, brand_reference, text_enum

_HASH_BYTES = 32


class Member(EditableRow, table=True):
    """A customer of the brand: one person, as far as is known."""

    __tablename__ = "members_member"

    nickname: str = Field(default="", sa_type=sa.String(80))
    picture_url: str = Field(default="", sa_type=sa.String(500))
    status: MemberStatus = Field(default=MemberStatus.ACTIVE, sa_type=text_enum(MemberStatus))
    joined_via: JoinedVia = Field(sa_type=text_enum(JoinedVia))


class Identity(Row, table=True):
    """What a member is recognised by: found by its keyed hash, sealed to be shown or used. It ends, unchanged."""

    __tablename__ = "members_identity"
    __table_args__ = (
        brand_reference("member_id", "members_member"),
        sa.Index(
            "uq_members_identity_live",
            "brand_id",
            "kind",
            "scope",
            "value_hash",
            unique=True,
            postgresql_where=sa.text("ended_at IS NULL"),
        ),
        sa.Index("ix_members_identity_member", "brand_id", "member_id"),
    )

    member_id: uuid.UUID
    kind: IdentityKind = Field(sa_type=text_enum(IdentityKind))
    scope: str = Field(default="", sa_type=sa.String(64))
    value_hash: bytes = Field(sa_type=sa.LargeBinary(_HASH_BYTES))
    value_sealed: bytes
    verified_at: dt.datetime
    ended_at: dt.datetime | None = None


class Consent(Row, table=True):
    """A member agreed to a text, in this version, at that time. Never changed."""

    __tablename__ = "members_consent"
    __table_args__ = (
        brand_key("member_id", "document", "text_version"),
        brand_reference("member_id", "members_member"),
    )

    member_id: uuid.UUID
    document: str = Field(sa_type=sa.String(40))
    text_version: str = Field(sa_type=sa.String(20))
    via: JoinedVia = Field(sa_type=text_enum(JoinedVia))


class SmsCode(Row, table=True):
    """A code on its way to a phone; only its keyed hash is kept."""

    __tablename__ = "members_sms_code"
    __table_args__ = (sa.Index("ix_members_sms_code_expires", "brand_id", "expires_at"),)

    phone_hash: bytes = Field(sa_type=sa.LargeBinary(_HASH_BYTES))
    code_hash: bytes = Field(sa_type=sa.LargeBinary(_HASH_BYTES))
    expires_at: dt.datetime
    tries: int = 0
    used_at: dt.datetime | None = None


class SmsQuota(Row, table=True):
    """How many codes went to a phone, or were asked for from an address, since ``day_at``."""

    __tablename__ = "members_sms_quota"
    __table_args__ = (
        brand_key("key_hash"),
        sa.Index("ix_members_sms_quota_last", "brand_id", "last_at"),
    )

    key_hash: bytes = Field(sa_type=sa.LargeBinary(_HASH_BYTES))
    sent: int
    day_at: dt.datetime
    last_at: dt.datetime


class UsedState(Row, table=True):
    """A way back from WeChat that was taken: it leads in once."""

    __tablename__ = "members_used_state"
    __table_args__ = (
        brand_key("state_hash"),
        sa.Index("ix_members_used_state_created", "brand_id", "created_at"),
    )

    state_hash: bytes = Field(sa_type=sa.LargeBinary(_HASH_BYTES))


class WeChatApp(EditableRow, table=True):
    """The brand's official account or mini program. Secrets are sealed and never shown again."""

    __tablename__ = "members_wechat_app"
    __table_args__ = (brand_key("kind"), brand_key("app_id"))

    kind: AppKind = Field(sa_type=text_enum(AppKind))
    app_id: str = Field(sa_type=sa.String(32))
    secret_sealed: bytes
    token_sealed: bytes | None = None
    aes_key_sealed: bytes | None = None


class WeChatEvent(Row, table=True):
    """What WeChat told of a follower: subscribed, left, scanned a code with a scene. Kept once."""

    __tablename__ = "members_wechat_event"
    __table_args__ = (
        brand_key("app_id", "ref_hash"),
        sa.Index("ix_members_wechat_event_openid", "brand_id", "openid_hash", "id"),
    )

    app_id: str = Field(sa_type=sa.String(32))
    # The openid is part of WeChat's own reference.
    ref_hash: bytes = Field(sa_type=sa.LargeBinary(_HASH_BYTES))
    kind: str = Field(sa_type=sa.String(32))
    openid_hash: bytes = Field(sa_type=sa.LargeBinary(_HASH_BYTES))
    openid_sealed: bytes
    scene: str = Field(default="", sa_type=sa.String(64))
    happened_at: dt.datetime
