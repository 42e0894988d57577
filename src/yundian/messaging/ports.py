"""What messaging needs from outside: somebody who takes a message for a person."""

import datetime as dt
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

from yundian.messaging.rules.verdicts import Verdict
from yundian.messaging.types import Channel
from yundian.platform.wechat.types import WeChatApp


@dataclass(frozen=True, slots=True, kw_only=True)
class Parcel:
    """One try, ready to go. ``to`` is an openid or a phone; what a channel does not use is empty.

    ``reference`` is what the provider of short messages is told of us, and tells back.
    """

    attempt_id: uuid.UUID
    message_id: uuid.UUID
    channel: Channel
    to: str = field(repr=False)
    template_ref: str
    reference: str = ""
    app: WeChatApp | None = None
    data: Mapping[str, Mapping[str, str]] = field(default_factory=dict, repr=False)
    leads_to: str = ""
    text: str = field(default="", repr=False)
    sign: str = ""
    values: Mapping[str, str] = field(default_factory=dict, repr=False)


@dataclass(frozen=True, slots=True)
class Accepted:
    """The provider took it, under this number."""

    provider_ref: str


@dataclass(frozen=True, slots=True)
class Rejected:
    """Certainly not sent; ``code`` is the provider's word."""

    code: str
    verdict: Verdict


@dataclass(frozen=True, slots=True)
class Unclear:
    """It may have been sent."""

    code: str


Outcome = Accepted | Rejected | Unclear


class Carrier(Protocol):
    """Takes parcels to providers. Never raises for what a provider does."""

    async def carry(self, parcel: Parcel) -> Outcome: ...

    def remembers(self, channel: Channel) -> dt.timedelta:
        """How long the same try again is not sent twice; nothing where it always is."""
