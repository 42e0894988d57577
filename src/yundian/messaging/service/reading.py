"""HQ's log: which messages, to whom, how they ended, and why not."""

import datetime as dt
import uuid
from collections import Counter

import msgspec

from yundian.messaging.errors import MessageUnknown
from yundian.messaging.repository import log as repository
from yundian.messaging.rules.templates import TEMPLATES
from yundian.messaging.states import ENDED_BADLY, MessageState
from yundian.messaging.types import AttemptView, MessageFilter, MessageView, Outcome, Summary
from yundian.platform.core import clock
from yundian.platform.db.paging import Page, cut, decode_cursor
from yundian.platform.outbox.door import Door

_RECENT = dt.timedelta(days=7)
_GONE = (MessageState.SENT, MessageState.DELIVERED)
_NOT_GONE = (MessageState.SKIPPED, *ENDED_BADLY)
_COUNTED_AS: dict[MessageState, tuple[str, ...]] = {
    MessageState.QUEUED: ("asked", "waiting"),
    MessageState.WAITING_QUIET: ("asked", "waiting"),
    MessageState.CHECKING: ("asked", "waiting"),
    MessageState.SENDING: ("asked", "waiting"),
    MessageState.SENT: ("asked", "sent"),
    MessageState.DELIVERED: ("asked", "sent", "delivered"),
    MessageState.SKIPPED: ("asked", "skipped"),
    MessageState.UNKNOWN: ("asked", "unknown"),
    MessageState.FAILED: ("asked", "failed"),
    MessageState.PARKED: ("asked", "failed"),
}


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


def is_late(message: MessageView) -> bool:
    """Whether it is of no use any more."""
    return message.useless_after is not None and message.useless_after <= clock.house()


def may_send_again(message: MessageView) -> bool:
    """Whether a person may have it sent once more."""
    return may_be_wanted_again(message) and not is_late(message) and not message.is_erased


def may_be_wanted_again(message: MessageView) -> bool:
    """Whether it ended so that a person may want it sent once more."""
    return message.state in ENDED_BADLY


async def of_member(door: Door, *, member_id: uuid.UUID, limit: int) -> list[MessageView]:
    wanted = msgspec.structs.replace(MessageFilter(), member_id=member_id)
    return await repository.messages(door, wanted=wanted, before_id=None, limit=limit)


async def tests_of(door: Door, *, code: str, limit: int) -> list[MessageView]:
    """The newest tests of a template."""
    return await repository.tests(door, code=code, limit=limit)


async def summary(door: Door, *, since: dt.datetime, before: dt.datetime) -> Summary:
    """What became of the messages that were asked for in that time, and why those that did not go did not."""
    outcomes: dict[str, Counter[str]] = {}
    reasons: Counter[tuple[str, str]] = Counter()
    channels: Counter[str] = Counter()
    for one in await repository.tally(door, since=since, before=before):
        counted = outcomes.setdefault(one.template, Counter())
        counted.update(dict.fromkeys(_COUNTED_AS[one.state], one.number))
        if one.state in _NOT_GONE and one.reason:
            reasons[one.template, one.reason] += one.number
        if one.state in _GONE and one.channel:
            channels[one.channel] += one.number
    total: Counter[str] = Counter()
    for counted in outcomes.values():
        total.update(counted)
    return Summary(
        outcomes=[Outcome(template=code, **outcomes[code]) for code in TEMPLATES if code in outcomes],
        total=Outcome(template="", **total),
        reasons=[(template, reason, number) for (template, reason), number in reasons.most_common()],
        channels=dict(channels),
    )


async def troubles(door: Door) -> dict[str, int]:
    """How many messages of the last days stand where a person may want to look, by state."""
    states = [state.value for state in ENDED_BADLY]
    return await repository.counts(door, states=states, since=clock.now() - _RECENT)
