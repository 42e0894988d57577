"""What the API and the forms of auth accept and answer. Passwords and codes are bounded before they are hashed."""

import datetime as dt
import uuid
from typing import Annotated

import msgspec
from msgspec import Meta

from yundian.platform.auth.types import GrantView, SignedIn
from yundian.platform.core.errors import InvalidInput
from yundian.platform.core.principal import Grant, Principal, Role

Login = Annotated[str, Meta(min_length=1, max_length=120, examples=["li.na@example.com", "13800138000"])]
Secret = Annotated[str, Meta(min_length=1, max_length=128)]
Code = Annotated[str, Meta(min_length=6, max_length=20, examples=["492039"])]
Name = Annotated[str, Meta(min_length=1, max_length=80, examples=["李娜"])]


class _Input(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    pass


class SignIn(_Input):
    """``code`` is the six digits of the authenticator app or a recovery code, for accounts that use two steps."""

    login: Login
    password: Secret
    code: Code | None = None


class CodeStep(_Input):
    ticket: Annotated[str, Meta(max_length=1000)]
    code: Code


class PasswordChange(_Input):
    current_password: Secret
    new_password: Secret


class CodeInput(_Input):
    code: Code


class PasswordInput(_Input):
    current_password: Secret


class SignInForm(_Input):
    login: Login
    password: Secret


class PasswordForm(_Input):
    current_password: Secret
    new_password: Secret
    repeated: Secret

    def check_repeated(self) -> None:
        if self.repeated != self.new_password:
            raise InvalidInput("repeated", "this is not the same password")


class GrantInput(_Input):
    """A role; shop roles name their shop, HQ roles none."""

    role: Role
    shop_id: uuid.UUID | None = None

    def grant(self) -> Grant:
        return Grant(self.role, self.shop_id)


class PersonCreate(_Input):
    login: Login
    display_name: Name
    grants: Annotated[list[GrantInput], Meta(max_length=50)] = []


class PersonForm(_Input):
    """A new account on HQ's screen: with one HQ role or none; shop roles are given beside the shop."""

    login: Login
    display_name: Name
    role: Role | None = None

    def grants(self) -> list[Grant]:
        return [] if self.role is None else [Grant(self.role)]


class KeyForm(_Input):
    """``scopes`` are separated by blanks."""

    name: Name
    scopes: Annotated[str, Meta(max_length=1000)] = ""


class PersonRename(_Input):
    display_name: Name


class ShopPersonCreate(_Input):
    """``role``: ``shop_staff``, or ``shop_owner`` when HQ asks."""

    login: Login
    display_name: Name
    role: Role = Role.SHOP_STAFF


class ApiKeyCreate(_Input):
    name: Name
    scopes: Annotated[list[str], Meta(max_length=20, examples=[["orders:write"]])] = []


class SessionToken(msgspec.Struct, frozen=True, kw_only=True):
    """Send ``token`` as ``Authorization: Bearer``. With ``must_change_password`` nothing else is open yet."""

    token: str
    must_change_password: bool
    ends_at: dt.datetime

    @classmethod
    def of(cls, signed_in: SignedIn) -> "SessionToken":
        return cls(
            token=signed_in.token,
            must_change_password=signed_in.must_change_password,
            ends_at=signed_in.ends_at,
        )


class Me(msgspec.Struct, frozen=True, kw_only=True):
    """Who is signed in, and what she may do."""

    id: uuid.UUID | None
    brand_id: uuid.UUID
    name: str
    grants: list[GrantView]
    must_change_password: bool

    @classmethod
    def of(cls, principal: Principal) -> "Me":
        return cls(
            id=principal.id,
            brand_id=principal.brand,
            name=principal.name,
            grants=sorted(
                (GrantView(role=g.role, shop_id=g.shop_id) for g in principal.grants),
                key=lambda grant: (grant.role, str(grant.shop_id)),
            ),
            must_change_password=principal.must_change_password,
        )


class RecoveryCodes(msgspec.Struct, frozen=True, kw_only=True):
    """Shown once; each stands in for the authenticator app once."""

    recovery_codes: list[str]
