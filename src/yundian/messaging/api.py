"""What upper rooms ask of messaging, in their own transaction: nothing is sent before its commit."""

import datetime as dt
import uuid
from collections.abc import Collection, Mapping, Sequence

from yundian.messaging.service import queueing
from yundian.messaging.types import MessageWish, Value
from yundian.platform.outbox.door import Door


async def queue(
    door: Door,
    *,
    fact_key: str,
    member_id: uuid.UUID,
    template: str,
    values: Mapping[str, Value],
    path: str = "",
    zone: str = "",
    locale: str = "",
    send_after: dt.datetime | None = None,
    useless_after: dt.datetime | None = None,
    recheck: str | None = None,
    shop_id: uuid.UUID | None = None,
) -> bool:
    """Tell a member something, once per fact and template; whether nobody had asked for it before.

    ``values`` are what the template names (``rules/templates.py``), sealed at rest; moments among them are shown
    in ``zone``. ``path`` is the local page the message leads to. It goes at ``send_after`` at the earliest, and
    not after ``useless_after``. With ``recheck``, ``messaging.due.v1`` asks its owner first: see ``answer``.
    ``shop_id`` is the shop that it is about, for HQ to find it by.

    Raises:
        TemplateUnknown: the house has no such template.
        ValuesIncomplete: it needs values that are not there.
    """
    wish = MessageWish(
        fact_key=fact_key,
        member_id=member_id,
        template=template,
        values=values,
        path=path,
        zone=zone,
        locale=locale,
        send_after=send_after,
        useless_after=useless_after,
        recheck=recheck or "",
        shop_id=shop_id,
    )
    return await queueing.queue(door, wishes=[wish]) > 0


async def queue_many(door: Door, *, wishes: Sequence[MessageWish]) -> int:
    """The same for many in one statement; how many of them are new."""
    return await queueing.queue(door, wishes=wishes)


async def withdraw(door: Door, *, fact_keys: Sequence[str]) -> int:
    """The facts are none any more: what is not sent yet is skipped; how many messages that were."""
    return await queueing.withdraw(door, fact_keys=fact_keys)


async def revise(door: Door, *, fact_key: str, values: Mapping[str, Value]) -> None:
    """The fact stands, with other values: what is not sent yet tells these."""
    await queueing.revise(door, fact_key=fact_key, values=values)


async def answer(door: Door, *, still: Collection[uuid.UUID] = (), outdated: Collection[uuid.UUID] = ()) -> None:
    """The answer to ``messaging.due.v1``, by message id. It is good for a minute; later we ask again."""
    await queueing.answer(door, still=still, outdated=outdated)
