"""What auth takes and returns."""

import datetime as dt
import uuid
from dataclasses import dataclass
from enum import StrEnum

import msgspec

from yundian.platform.core.principal import Role


@dataclass(frozen=True, slots=True, kw_only=True)
class Client:
    """Where a sign-in comes from, and in which language; ``old_token`` is the session it replaces."""

    ip: str = ""
    user_agent: str = ""
    locale: str = ""
    old_token: str | None = None


class AccountStatus(StrEnum):
    ACTIVE = "active"
    REVOKED = "revoked"


class Action(StrEnum):
    """What the audit trail tells."""

    ACCOUNT_CREATED = "account.created"
    ACCOUNT_REVOKED = "account.revoked"
    ACCOUNT_RESTORED = "account.restored"
    PASSWORD_RESET = "password.reset"  # noqa: S105  an action's name
    PASSWORD_CHANGED = "password.changed"  # noqa: S105  an action's name
    ROLE_GRANTED = "role.granted"
    ROLE_REMOVED = "role.removed"
    SECOND_FACTOR_ON = "second_factor.on"
    SECOND_FACTOR_OFF = "second_factor.off"
    KEY_CREATED = "key.created"
    KEY_REVOKED = "key.revoked"


class GrantView(msgspec.Struct, frozen=True, kw_only=True):
    """A role and the shop it holds for; HQ roles have none."""

    role: Role
    shop_id: uuid.UUID | None


class PersonView(msgspec.Struct, frozen=True, kw_only=True):
    """A staff account as HQ sees it."""

    id: uuid.UUID
    login: str
    display_name: str
    status: AccountStatus
    must_change_password: bool
    has_second_factor: bool
    last_login_at: dt.datetime | None
    created_at: dt.datetime
    grants: list[GrantView]


class ShopPersonView(msgspec.Struct, frozen=True, kw_only=True):
    """A person of one shop as the shop's owner sees her."""

    id: uuid.UUID
    login: str
    display_name: str
    status: AccountStatus
    role: Role
    last_login_at: dt.datetime | None


class NewPassword(msgspec.Struct, frozen=True, kw_only=True):
    """An account and its temporary password, which is shown once; null when the account had its own already."""

    account_id: uuid.UUID
    login: str
    temporary_password: str | None


class SessionView(msgspec.Struct, frozen=True, kw_only=True):
    """A place where one is signed in."""

    id: uuid.UUID
    created_at: dt.datetime
    expires_at: dt.datetime
    user_agent: str
    is_current: bool


class AuditView(msgspec.Struct, frozen=True, kw_only=True):
    """One line of the audit trail; ``actor`` is null for the operator's command line."""

    id: uuid.UUID
    at: dt.datetime
    action: str
    detail: str
    subject_id: uuid.UUID
    subject: str
    actor: str | None


class ApiKeyView(msgspec.Struct, frozen=True, kw_only=True):
    id: uuid.UUID
    key_id: str
    name: str
    scopes: list[str]
    created_at: dt.datetime
    revoked_at: dt.datetime | None
    last_used_at: dt.datetime | None


class NewApiKey(msgspec.Struct, frozen=True, kw_only=True):
    """A key as it is sent in ``Authorization: Bearer``; shown once."""

    id: uuid.UUID
    key: str


class SignedIn(msgspec.Struct, frozen=True, kw_only=True):
    """A new session; ``token`` is the cookie's value and the bearer token."""

    token: str
    brand_id: uuid.UUID
    account_id: uuid.UUID
    must_change_password: bool
    ends_at: dt.datetime


class CustomerSignedIn(msgspec.Struct, frozen=True, kw_only=True):
    """A new session of a customer; ``token`` is the cookie's value and the mini program's bearer token."""

    token: str
    member_id: uuid.UUID
    ends_at: dt.datetime


class Enrolment(msgspec.Struct, frozen=True, kw_only=True):
    """A second factor being set up: the URI for the QR code, and the secret to type where there is no camera."""

    uri: str
    secret: str
