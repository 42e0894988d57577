"""What became of tries: each ends once, and its message moves only from there."""

import datetime as dt
from collections.abc import Sequence

import structlog

from yundian.messaging.errors import AttemptUnderWay
from yundian.messaging.ports import Accepted, Carrier, Outcome, Rejected
from yundian.messaging.repository import credits as credit_repository
from yundian.messaging.repository import messages as repository
from yundian.messaging.repository.messages import End
from yundian.messaging.rules import timing
from yundian.messaging.rules.verdicts import Verdict
from yundian.messaging.service.preparing import BUSY, Try
from yundian.messaging.states import AttemptState, MessageState
from yundian.messaging.types import Channel
from yundian.platform.core import clock
from yundian.platform.outbox.door import Door

log: structlog.stdlib.BoundLogger = structlog.get_logger("yundian.messaging")

_SUCCESS = "success"
_JUST_NOW = dt.timedelta(minutes=2)


async def record(
    door: Door, *, results: Sequence[tuple[Try, Outcome]], carrier: Carrier, now: dt.datetime
) -> None:
    """End what has an end; where a provider forgets doubles, an unclear try is repeated instead."""
    again_at = {
        one.parcel.message_id: now + timing.look_again_after(now - one.began)
        for one, said in results
        if _is_open(one, said, carrier)
    }
    over = {one.parcel.attempt_id: (one, said) for one, said in results if not _is_open(one, said, carrier)}
    await repository.postpone(door, next_at=again_at)
    ended = await repository.end(door, ends=[_end(one, said, now) for one, said in over.values()], now=now)
    for attempt_id in sorted(ended, key=lambda each: over[each][0].parcel.message_id):
        one, said = over[attempt_id]
        await _settle_credit(door, one, said, now)
        _tell(one, said)


async def wechat_says(door: Door, *, app_id: str, provider_ref: str, status: str) -> None:
    """How a template message ended, as WeChat tells afterwards. Other people's messages are none of ours.

    ``AttemptUnderWay`` when we may not have written down its number yet: the courier asks again.
    """
    now = clock.now()
    if not await repository.is_known(door, app_id=app_id, provider_ref=provider_ref):
        if await repository.is_under_way(door, app_id=app_id, since=now - _JUST_NOW):
            raise AttemptUnderWay
        return
    if status == _SUCCESS:
        await repository.delivered(door, app_id=app_id, provider_ref=provider_ref, now=now)
    else:
        await repository.bounced(door, app_id=app_id, provider_ref=provider_ref, code=status, now=now)


def _is_open(one: Try, said: Outcome, carrier: Carrier) -> bool:
    return not isinstance(said, Accepted | Rejected) and bool(carrier.remembers(one.parcel.channel))


def _end(one: Try, said: Outcome, now: dt.datetime) -> End:
    attempt_id, channel = one.parcel.attempt_id, one.parcel.channel
    if isinstance(said, Accepted):
        return End(
            attempt_id=attempt_id,
            attempt_state=AttemptState.ACCEPTED,
            provider_ref=said.provider_ref[:80],
            state=MessageState.SENT,
        )
    if not isinstance(said, Rejected):
        return End(
            attempt_id=attempt_id,
            attempt_state=AttemptState.UNKNOWN,
            code=said.code,
            state=MessageState.UNKNOWN,
            reason=f"unclear:{said.code}",
        )
    is_again = said.verdict is Verdict.AGAIN
    is_exhausted = one.channel_tries >= _most_tries(channel)
    return End(
        attempt_id=attempt_id,
        attempt_state=AttemptState.REFUSED,
        code=said.code,
        state=MessageState.QUEUED,
        reason=f"{BUSY if is_again else 'refused:'}{said.code}"[:60],
        tried=channel.value if is_exhausted or not is_again else "",
        next_at=now + timing.again_after(one.channel_tries) if is_again and not is_exhausted else now,
    )


def _most_tries(channel: Channel) -> int:
    return timing.MAX_SMS_TRIES if channel is Channel.SMS else timing.MAX_WECHAT_TRIES


async def _settle_credit(door: Door, one: Try, said: Outcome, now: dt.datetime) -> None:
    """What was certainly not sent used no consent; where WeChat knows of none, ours are worth nothing."""
    if one.credit is None or not isinstance(said, Rejected):
        return
    settle = credit_repository.void if said.verdict is Verdict.NO_CONSENT else credit_repository.give_back
    await settle(door, key=one.credit, attempt_id=one.parcel.attempt_id, now=now)


def _tell(one: Try, said: Outcome) -> None:
    facts = {"message_id": str(one.parcel.message_id), "channel": one.parcel.channel.value}
    if isinstance(said, Accepted):
        log.info("messaging.sent", **facts)
    else:
        log.warning("messaging.not_sent", outcome=type(said).__name__, code=said.code, **facts)
