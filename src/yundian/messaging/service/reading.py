"""HQ's log: which messages, to whom, how they ended, and why not."""

import datetime as dt
import uuid

import msgspec

from yundian.messaging.errors import MessageUnknown
from yundian.messaging.repository import log as repository
from yundian.messaging.states import ENDED_BADLY
from yundian.messaging.types import AttemptView, MessageFilter, MessageView
from yundian.platform.core import clock
from yundian.platform.db.paging import Page, cut, decode_cursor
from yundian.platform.outbox.door import Door

_RECENT = dt.timedelta(days=7)


async def list_messages(door: Door, *, wanted: MessageFilter, cursor: str | None, limit: int) -> Page[MessageView]:
    """The newest first."""
    before_id = decode_cursor(cursor, (uuid.UUID,))[0] if cursor else None
    found = await repository.messages(door, wanted=wanted, before_id=before_id, limit=limit + 1)
    items, next_cursor = cut(found, limit, lambda one: (one.id,))
    return Page(items=items, next_cursor=next_cursor)


async def get_message(door: Door, *, message_id: uuid.UUID) -> tuple[MessageView, list[AttemptView]]:
    """One message and each try; ``MessageUnknown``."""
    found = await repository.message(door, message_id=message_id)
    if found is None:
        raise MessageUnknown
    return found, await repository.attempts(door, message_id=message_id)


async def of_member(door: Door, *, member_id: uuid.UUID, limit: int) -> list[MessageView]:
    wanted = msgspec.structs.replace(MessageFilter(), member_id=member_id)
    return await repository.messages(door, wanted=wanted, before_id=None, limit=limit)


async def troubles(door: Door) -> dict[str, int]:
    """How many messages of the last days stand where a person may want to look, by state."""
    states = [state.value for state in ENDED_BADLY]
    return await repository.counts(door, states=states, since=clock.now() - _RECENT)
