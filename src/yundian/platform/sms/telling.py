"""What a provider tells afterwards: which messages arrived, and what people answered. Two dialects, one reader."""

from dataclasses import dataclass, field

import msgspec

_MOST = 1000
_CODE_LENGTH = 40


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """How a message ended. ``reference`` is ours; ``code`` the provider's word."""

    reference: str
    is_delivered: bool
    code: str
    provider_ref: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """What somebody answered."""

    phone: str = field(repr=False)
    text: str = field(repr=False)


class _Report(msgspec.Struct):
    """Alibaba Cloud's names (``out_id``, ``success``, ``err_code``, ``biz_id``) beside those of ``http.py``."""

    reference: str = ""
    out_id: str = ""
    status: str = ""
    success: bool | None = None
    code: str = ""
    err_code: str = ""
    message_id: str = ""
    biz_id: str = ""


class _Reply(msgspec.Struct):
    phone: str = ""
    phone_number: str = ""
    text: str = ""
    content: str = ""


def reports(body: bytes) -> list[Report]:
    """Raises ``msgspec.DecodeError`` for what is no list of reports."""
    return [
        Report(
            reference=one.reference or one.out_id,
            is_delivered=one.success if one.success is not None else one.status == "delivered",
            code=(one.code or one.err_code)[:_CODE_LENGTH],
            provider_ref=one.message_id or one.biz_id,
        )
        for one in msgspec.json.decode(body, type=list[_Report])[:_MOST]
    ]


def replies(body: bytes) -> list[Reply]:
    """Raises ``msgspec.DecodeError`` for what is no list of replies."""
    found = msgspec.json.decode(body, type=list[_Reply])[:_MOST]
    return [Reply(phone=one.phone or one.phone_number, text=one.text or one.content) for one in found]
