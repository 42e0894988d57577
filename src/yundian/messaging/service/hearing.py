"""What providers and people say afterwards: it arrived, it did not, she wants no more."""

import datetime as dt
import uuid
from collections.abc import Sequence

import structlog

from yundian.members import api as members
from yundian.members.types import JoinedVia
from yundian.messaging.errors import AttemptUnderWay
from yundian.messaging.repository import credits as credit_repository
from yundian.messaging.repository import endings as repository
from yundian.messaging.repository.credits import CreditKey
from yundian.messaging.service import choosing
from yundian.messaging.types import MessageClass
from yundian.platform.core import clock
from yundian.platform.db import directory
from yundian.platform.db.database import Database
from yundian.platform.outbox.door import Door
from yundian.platform.sms.telling import Reply, Report

log: structlog.stdlib.BoundLogger = structlog.get_logger("yundian.messaging")

_JUST_NOW = dt.timedelta(minutes=2)
# WeChat tells of a message within seconds; its first tries to tell may have failed.
_TOLD_WITHIN = dt.timedelta(minutes=30)
_OFFERS_REMEMBERED_FOR = dt.timedelta(days=30)
_SUCCESS, _NO_ERROR = "success", "0"
# What a person answers to be left alone, as the signatures of such messages tell her to.
_STOP_WORDS = frozenset({"r", "t", "td", "n", "q", "stop", "退订", "拒收", "退"})


async def template_ended(door: Door, *, app_id: str, provider_ref: str, status: str) -> None:
    """How a template message ended. Other people's messages are none of ours.

    ``AttemptUnderWay`` when we may not have written down its number yet: the courier asks again.
    """
    attempt_id = await _known(door, app_id, provider_ref)
    if attempt_id is not None:
        await _ended(door, attempt_id, provider_ref, "" if status == _SUCCESS else status)


async def subscription_ended(
    door: Door, *, app_id: str, template_id: str, provider_ref: str, error_code: str, member_id: uuid.UUID | None
) -> None:
    """The same of a subscription message. Without a number that we know, it ends the one of hers that is unclear.

    ``AttemptUnderWay`` as above.
    """
    now, attempt_id = clock.now(), None
    if member_id is not None:
        attempt_id = await repository.by_number(door, app_id=app_id, provider_ref=provider_ref)
        attempt_id = attempt_id or await repository.unclear_one(
            door, member_id=member_id, app_id=app_id, template_ref=template_id, since=now - _TOLD_WITHIN
        )
    attempt_id = attempt_id or await _known(door, app_id, provider_ref)
    if attempt_id is not None:
        await _ended(door, attempt_id, provider_ref, "" if error_code == _NO_ERROR else error_code)


async def taken_back(door: Door, *, app_id: str, template_id: str, member_id: uuid.UUID, ref: str) -> None:
    """She switched a template off in WeChat: what she agreed to before is worth nothing."""
    key = CreditKey(member_id, app_id, template_id)
    await credit_repository.void(door, key=key, reference=f"refused:{ref}", now=clock.now())


def reference_of(brand_id: uuid.UUID, attempt_id: uuid.UUID) -> str:
    """What a provider of short messages hands back with its report: it knows no brands."""
    return f"{attempt_id}.{brand_id.hex}"


async def sms_reported(database: Database, *, reports: Sequence[Report]) -> int:
    """Which short messages arrived; how many of them may be ours. In any order, as often as they are told."""
    found: dict[uuid.UUID, list[tuple[uuid.UUID, Report]]] = {}
    for one in reports:
        if (ids := _ids(one.reference)) is not None:
            found.setdefault(ids[0], []).append((ids[1], one))
    for brand_id, told in found.items():
        async with database.connection(brand_id) as tx:
            await repository.lock(tx, attempt_ids=[attempt_id for attempt_id, _ in told])
            for attempt_id, one in told:
                code = "" if one.is_delivered else one.code or "failed"
                await _end(tx, attempt_id, one.provider_ref[:80], code)
    return sum(len(told) for told in found.values())


async def sms_answered(database: Database, *, replies: Sequence[Reply]) -> int:
    """Who answers that she wants no more offers gets none, of any brand that sent her some lately; how many did.

    A provider does not say which brand she answers.
    """
    stopped = 0
    since = clock.now() - _OFFERS_REMEMBERED_FOR
    stops = [one for one in replies if one.text.strip().lower() in _STOP_WORDS]
    brand_ids = await directory.brand_ids(database) if stops else []
    for one in stops:
        for brand_id in brand_ids:
            async with database.connection(brand_id) as tx:
                member_id = await members.find_by_phone(tx, phone=one.phone)
                if member_id is None or not await repository.heard_offers(tx, member_id=member_id, since=since):
                    continue
                await choosing.choose(
                    tx,
                    member_id=member_id,
                    message_class=MessageClass.MARKETING,
                    is_allowed=False,
                    via=JoinedVia.PHONE,
                )
                stopped += 1
    return stopped


async def _known(door: Door, app_id: str, provider_ref: str) -> uuid.UUID | None:
    attempt_id = await repository.by_number(door, app_id=app_id, provider_ref=provider_ref)
    if attempt_id is None and await repository.is_under_way(door, app_id=app_id, since=clock.now() - _JUST_NOW):
        raise AttemptUnderWay
    return attempt_id


async def _ended(door: Door, attempt_id: uuid.UUID, provider_ref: str, code: str) -> None:
    await repository.lock(door, attempt_ids=[attempt_id])
    await _end(door, attempt_id, provider_ref, code)


async def _end(door: Door, attempt_id: uuid.UUID, provider_ref: str, code: str) -> None:
    now = clock.now()
    if code:
        await repository.bounced(door, attempt_id=attempt_id, code=code[:40], now=now)
        log.warning("messaging.bounced", attempt_id=str(attempt_id), code=code[:40])
    else:
        await repository.delivered(door, attempt_id=attempt_id, provider_ref=provider_ref, now=now)


def _ids(reference: str) -> tuple[uuid.UUID, uuid.UUID] | None:
    attempt_id, _, brand_id = reference.partition(".")
    try:
        return uuid.UUID(brand_id), uuid.UUID(attempt_id)
    except ValueError:
        return None
