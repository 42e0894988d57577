"""What the members' API takes and gives, and what the forms send."""

import datetime as dt
from typing import Annotated

import msgspec

from yundian.platform.auth.types import CustomerSignedIn

AppId = Annotated[str, msgspec.Meta(pattern=r"^wx[0-9a-f]{16}$", examples=["wx0123456789abcdef"])]
LoginCode = Annotated[str, msgspec.Meta(min_length=1, max_length=200, examples=["0a1B2c3D4e5F"])]
Secret = Annotated[str, msgspec.Meta(min_length=8, max_length=64)]
Text = Annotated[str, msgspec.Meta(min_length=1, max_length=40)]
TicketText = Annotated[str, msgspec.Meta(max_length=4000)]
NextPath = Annotated[str, msgspec.Meta(max_length=1000)]


class MiniCode(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A code of `wx.login()` (or of the phone button) and the mini program it is from."""

    app_id: AppId
    code: LoginCode


class CustomerToken(msgspec.Struct, frozen=True, kw_only=True):
    """A session; send `token` as `Authorization: Bearer`."""

    token: str
    ends_at: dt.datetime

    @classmethod
    def of(cls, signed_in: CustomerSignedIn) -> "CustomerToken":
        return cls(token=signed_in.token, ends_at=signed_in.ends_at)


class PhoneForm(msgspec.Struct, kw_only=True):
    """A phone to send a code to; or the ticket of the last one, to send it another."""

    agree: bool = False
    phone: Text | None = None
    ticket: TicketText | None = None


class CodeForm(msgspec.Struct, kw_only=True):
    ticket: TicketText
    code: Annotated[str, msgspec.Meta(min_length=1, max_length=12)]


class WeChatAppForm(msgspec.Struct, kw_only=True):
    """Secrets that are left blank stay as they are."""

    app_id: Text
    secret: Secret | None = None
    token: Annotated[str, msgspec.Meta(min_length=3, max_length=32)] | None = None
    aes_key: Annotated[str, msgspec.Meta(max_length=43)] | None = None
    version: int | None = None


class TermsForm(msgspec.Struct, kw_only=True):
    """``number``: of the text that this one replaces."""

    number: int
    text_zh: Annotated[str, msgspec.Meta(min_length=1, max_length=20_000)]
    text_en: Annotated[str, msgspec.Meta(max_length=20_000)] = ""
