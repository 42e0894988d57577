"""A short message, and what a provider says to it. Phones and texts stay out of ``repr``."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol


@dataclass(frozen=True, slots=True, kw_only=True)
class Sms:
    """``text`` is the whole message without its signature, for providers that take text. Others take the number
    of a template they approved and its ``values``. ``reference`` is ours, one for each message."""

    phone: str = field(repr=False)
    text: str = field(repr=False)
    sign: str
    reference: str
    template: str = ""
    values: Mapping[str, str] = field(default_factory=dict, repr=False)


class Fault(StrEnum):
    """Whose fault a refusal is, which decides what comes next."""

    BUSY = "busy"  # nobody's: the same again, later
    PERSON = "person"  # this phone takes no messages
    SETUP = "setup"  # our account, signature or template: no message goes before somebody puts it right


@dataclass(frozen=True, slots=True)
class Taken:
    """On its way; ``provider_ref`` is the provider's number."""

    provider_ref: str


@dataclass(frozen=True, slots=True)
class Refused:
    """Certainly not sent. ``code`` is the provider's word."""

    code: str
    fault: Fault


@dataclass(frozen=True, slots=True)
class Unknown:
    """No answer, or none that makes sense: it may have been sent."""

    reason: str


Said = Taken | Refused | Unknown


class SmsGateway(Protocol):
    """A provider of short messages. ``is_idempotent``: the same reference again is not sent twice."""

    is_idempotent: bool

    async def send(self, sms: Sms) -> Said: ...

    async def aclose(self) -> None: ...
