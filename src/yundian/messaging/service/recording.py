"""What became of tries: each ends once, and its message moves only from there."""

import datetime as dt
from collections.abc import Sequence

import structlog

from yundian.messaging.ports import Accepted, Carrier, Outcome, Rejected
from yundian.messaging.repository import credits as credit_repository
from yundian.messaging.repository import messages as repository
from yundian.messaging.repository.messages import End, Later
from yundian.messaging.rules import timing
from yundian.messaging.rules.verdicts import Verdict
from yundian.messaging.service.preparing import BUSY, UNCLEAR, Try
from yundian.messaging.states import AttemptState, MessageState
from yundian.messaging.types import Channel
from yundian.platform.outbox.door import Door

log: structlog.stdlib.BoundLogger = structlog.get_logger("yundian.messaging")


async def record(
    door: Door, *, results: Sequence[tuple[Try, Outcome]], carrier: Carrier, now: dt.datetime
) -> None:
    """End what has an end; where a provider forgets doubles, an unclear try is repeated instead."""
    await repository.lock(door, message_ids=[one.parcel.message_id for one, _ in results])
    later = [
        Later(one.parcel.message_id, now + timing.look_again_after(now - one.began), _heard(said))
        for one, said in results
        if _is_open(one, said, carrier)
    ]
    over = {one.parcel.attempt_id: (one, said) for one, said in results if not _is_open(one, said, carrier)}
    await repository.postpone(door, later=later)
    ended = await repository.end(door, ends=[_end(one, said, now) for one, said in over.values()], now=now)
    for attempt_id in sorted(ended, key=lambda each: over[each][0].parcel.message_id):
        one, said = over[attempt_id]
        await _settle_credit(door, one, said, now)
        _tell(one, said)


def _is_open(one: Try, said: Outcome, carrier: Carrier) -> bool:
    if isinstance(said, Rejected):
        return one.is_repeat and said.verdict is Verdict.AGAIN
    return not isinstance(said, Accepted) and bool(carrier.remembers(one.parcel.channel))


def _heard(said: Outcome) -> str:
    return "" if isinstance(said, Accepted) else f"{UNCLEAR}{said.code}"[:60]


def _end(one: Try, said: Outcome, now: dt.datetime) -> End:
    attempt_id, channel = one.parcel.attempt_id, one.parcel.channel
    if isinstance(said, Accepted):
        return End(
            attempt_id=attempt_id,
            attempt_state=AttemptState.ACCEPTED,
            provider_ref=said.provider_ref[:80],
            state=MessageState.SENT,
        )
    if not isinstance(said, Rejected) or one.is_repeat:
        return End(
            attempt_id=attempt_id,
            attempt_state=AttemptState.UNKNOWN,
            code=said.code,
            state=MessageState.UNKNOWN,
            reason=_heard(said),
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
    attempt_id = one.parcel.attempt_id
    if said.verdict is Verdict.NO_CONSENT:
        await credit_repository.void(door, key=one.credit, reference=f"voided:{attempt_id}", now=now)
    else:
        await credit_repository.give_back(door, key=one.credit, attempt_id=attempt_id, now=now)


def _tell(one: Try, said: Outcome) -> None:
    facts = {"message_id": str(one.parcel.message_id), "channel": one.parcel.channel.value}
    if isinstance(said, Accepted):
        log.info("messaging.sent", **facts)
    else:
        log.warning("messaging.not_sent", outcome=type(said).__name__, code=said.code, **facts)
