"""Asking for a message, taking it back, confirming it: each in the asker's transaction."""

import datetime as dt
import secrets
import uuid
from collections.abc import Collection, Mapping, Sequence
from zoneinfo import ZoneInfo

from yundian.brands import api as brands
from yundian.members import api as members
from yundian.messaging.errors import MessageUnknown, NobodyToTest, NotToSendAgain
from yundian.messaging.repository import log as log_repository
from yundian.messaging.repository import queue as repository
from yundian.messaging.repository.queue import NewMessage
from yundian.messaging.rules import rendering
from yundian.messaging.rules.samples import sample_values
from yundian.messaging.rules.templates import LOCALES, house_template
from yundian.messaging.types import Channel, MessageWish, Value
from yundian.platform.core import clock
from yundian.platform.core.crypto import Keyring
from yundian.platform.db.keys import keyring_of
from yundian.platform.outbox.door import Door

PURPOSE = "messaging.values"
MAX_FACT_KEY, MAX_PATH, MAX_RECHECK = 120, 300, 60


async def queue(door: Door, *, wishes: Sequence[MessageWish]) -> int:
    """Queue what nobody queued before; how many that were. One statement."""
    if not wishes:
        return 0
    now, keyring = clock.now(), keyring_of(door)
    return await repository.queue(door, messages=[_stored(keyring, wish, now) for wish in wishes], now=now)


async def queue_test(door: Door, *, code: str, phone: str, channel: Channel | None, path: str) -> None:
    """Send a template with sample values to the member with this phone: at once, in spite of night and choices.

    ``NobodyToTest`` when no member has it.
    """
    member_id = await members.find_by_phone(door, phone=phone)
    if member_id is None:
        raise NobodyToTest
    template, now = house_template(code), clock.now()
    text = rendering.packed(sample_values(template, now=now, zone=await brands.zone_of(door)))
    message = NewMessage(
        member_id=member_id,
        fact_key=f"test:{secrets.token_hex(12)}",
        template=code,
        message_class=template.message_class,
        values_sealed=keyring_of(door).encrypt(PURPOSE, text),
        send_after=now,
        path=path,
        is_test=True,
        only_channel=channel.value if channel else "",
    )
    await repository.queue(door, messages=[message], now=now)


async def withdraw(door: Door, *, fact_keys: Sequence[str]) -> int:
    """What is not sent yet is not sent; how many messages that were."""
    return await repository.withdraw(door, fact_keys=fact_keys, now=clock.now())


async def revise(door: Door, *, fact_key: str, values: Mapping[str, Value]) -> None:
    """Messages of a fact that are not sent yet, with other values."""
    sealed = keyring_of(door).encrypt(PURPOSE, rendering.packed(values))
    await repository.revise(door, fact_key=fact_key, values_sealed=sealed)


async def answer(door: Door, *, still: Collection[uuid.UUID], outdated: Collection[uuid.UUID]) -> None:
    """What the owner of facts says about messages that are due."""
    await repository.answer(door, still=sorted(still), outdated=sorted(outdated), now=clock.now())


async def send_again(door: Door, *, message_id: uuid.UUID) -> None:
    """HQ wants one sent that failed, is parked, or may have been sent. ``NotToSendAgain`` for any other."""
    if await log_repository.message(door, message_id=message_id) is None:
        raise MessageUnknown
    if not await repository.send_again(door, message_id=message_id, now=clock.now()):
        raise NotToSendAgain


async def send_parked_again(door: Door) -> int:
    """HQ wants everything sent that waits for a person; how many messages."""
    return await repository.send_parked_again(door, now=clock.now())


def _stored(keyring: Keyring, wish: MessageWish, now: dt.datetime) -> NewMessage:
    template = house_template(wish.template)
    rendering.check_values(template, wish.values)
    _check(wish)
    return NewMessage(
        member_id=wish.member_id,
        fact_key=wish.fact_key,
        template=template.code,
        message_class=template.message_class,
        values_sealed=keyring.encrypt(PURPOSE, rendering.packed(wish.values)),
        send_after=wish.send_after or now,
        useless_after=wish.useless_after,
        path=wish.path,
        zone=wish.zone,
        locale=wish.locale,
        recheck=wish.recheck,
        shop_id=wish.shop_id,
    )


def _check(wish: MessageWish) -> None:
    """Mistakes of the asking code, which nobody could put right when the message is due."""
    checks = (
        (0 < len(wish.fact_key) <= MAX_FACT_KEY, "fact_key has 1 to 120 characters"),
        (len(wish.path) <= MAX_PATH and (not wish.path or wish.path.startswith("/")), "path is local"),
        (len(wish.recheck) <= MAX_RECHECK, "recheck has at most 60 characters"),
        (wish.locale in ("", *LOCALES), "locale is one of the house's"),
    )
    for is_right, what in checks:
        if not is_right:
            raise ValueError(what)
    if wish.zone:
        ZoneInfo(wish.zone)
