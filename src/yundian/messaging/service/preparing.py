"""What is due becomes parcels: everything that decides is read in a few statements, and every try is stored
before a provider hears of it."""

import datetime as dt
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import structlog
from cryptography.exceptions import InvalidTag
from sqlmodel.ext.asyncio.session import AsyncSession

from yundian.brands import api as brands
from yundian.brands.types import PolicyView as BrandPolicy
from yundian.members import api as members
from yundian.members.types import Reach
from yundian.messaging.events import MessageDue
from yundian.messaging.ports import Carrier, Parcel
from yundian.messaging.repository import credits as credit_repository
from yundian.messaging.repository import messages as repository
from yundian.messaging.repository import settings as settings_repository
from yundian.messaging.repository.credits import CreditKey
from yundian.messaging.repository.messages import Due, End, Later, Move, OpenAttempt, Start
from yundian.messaging.rules import planning, timing
from yundian.messaging.rules.planning import Case
from yundian.messaging.rules.templates import house_template
from yundian.messaging.service import deciding, hearing, wrapping
from yundian.messaging.service.choosing import MARKETING_TEXT, MARKETING_VERSION
from yundian.messaging.states import AttemptState, MessageState, SkipReason
from yundian.messaging.types import Channel, MessageClass, PolicyView, TemplateView
from yundian.platform.core.ids import new_id
from yundian.platform.core.settings import Settings
from yundian.platform.db.keys import keyring_of
from yundian.platform.outbox import outbox
from yundian.platform.outbox.door import brand_of
from yundian.platform.wechat.types import WeChatApp

log: structlog.stdlib.BoundLogger = structlog.get_logger("yundian.messaging")

BUSY, UNCLEAR = "busy:", "unclear:"
_ASKED = "asked:"
Choices = Mapping[tuple[uuid.UUID, MessageClass], tuple[bool, dt.datetime]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Desk:
    """All that decides about the messages in hand."""

    brand: BrandPolicy
    brand_code: str
    policy: PolicyView
    templates: Mapping[str, TemplateView]
    reaches: Mapping[uuid.UUID, Reach] = field(repr=False)
    choices: Choices
    consented: frozenset[uuid.UUID]
    apps: Mapping[Channel, WeChatApp]
    settings: Settings
    now: dt.datetime


@dataclass(frozen=True, slots=True)
class Try:
    """A parcel, how often this way was taken, when this try began, and the consent it uses.

    ``is_repeat``: the provider may have it already, so its refusal now proves nothing.
    """

    parcel: Parcel
    channel_tries: int
    began: dt.datetime
    credit: CreditKey | None = None
    is_repeat: bool = False


@dataclass(slots=True)
class Sheet:
    """What is decided, to be written at once."""

    moves: list[Move] = field(default_factory=list)
    starts: list[Start] = field(default_factory=list)
    ends: list[End] = field(default_factory=list)
    later: list[Later] = field(default_factory=list)
    asked: list[MessageDue] = field(default_factory=list)
    tries: list[Try] = field(default_factory=list)


async def prepare(
    session: AsyncSession,
    *,
    brand_id: uuid.UUID,
    apps: Mapping[Channel, WeChatApp],
    carrier: Carrier,
    settings: Settings,
    now: dt.datetime,
    limit: int,
) -> tuple[list[Try], int]:
    """The parcels to carry now, and how many messages were looked at."""
    due = await repository.due(session, now=now, limit=limit)
    if not due:
        return [], 0
    desk = await _desk(session, brand_id, due, apps, settings, now)
    sheet = Sheet()
    known = _leave_unknown(desk, due, sheet)
    await _take_up(
        session, desk, [one for one in known if one.state == MessageState.SENDING.value], carrier, sheet
    )
    chosen = _decide(desk, [one for one in known if one.state != MessageState.SENDING.value], sheet)
    await _open(session, desk, chosen, sheet)
    await repository.move(session, moves=sheet.moves, now=now)
    await repository.end(session, ends=sheet.ends, now=now)
    await repository.start(session, starts=sheet.starts, now=now, lease_until=now + timing.LEASE)
    await repository.postpone(session, later=sheet.later)
    await outbox.record(session, *sheet.asked)
    return sheet.tries, len(due)


async def _desk(
    session: AsyncSession,
    brand_id: uuid.UUID,
    due: Sequence[Due],
    apps: Mapping[Channel, WeChatApp],
    settings: Settings,
    now: dt.datetime,
) -> Desk:
    ids = {one.member_id for one in due}
    templates = await deciding.list_templates(session, brand_id=brand_id)
    return Desk(
        brand=await brands.get_policy(session, brand_id=brand_id),
        brand_code=await brands.code_of(session),
        policy=await deciding.get_policy(session, brand_id=brand_id),
        templates={template.code: template for template in templates},
        reaches=await members.reach_of(session, ids=ids),
        choices=await settings_repository.choices(session, ids=ids),
        consented=frozenset(
            await members.agreed(session, ids=ids, document=MARKETING_TEXT, text_version=MARKETING_VERSION)
        ),
        apps=apps,
        settings=settings,
        now=now,
    )


def _leave_unknown(desk: Desk, due: Sequence[Due], sheet: Sheet) -> list[Due]:
    """What another version of the house queued, by a template that this one does not have, is left to it."""
    known = [one for one in due if one.template in desk.templates]
    for one in due:
        if one.template not in desk.templates:
            again_at = desk.now + timing.LEAVE_UNKNOWN_FOR
            sheet.moves.append(Move(one.id, MessageState(one.state), one.reason, again_at))
            log.error("messaging.template_unknown", message_id=str(one.id), template=one.template)
    return known


async def _take_up(session: AsyncSession, desk: Desk, due: Sequence[Due], carrier: Carrier, sheet: Sheet) -> None:
    """Tries whose worker is heard of no more: the same once more where that makes no second message."""
    if not due:
        return
    attempts = await repository.open_attempts(session, messages=due)
    for one in due:
        attempt = attempts[one.id]
        at = planning.repeat_at(
            _case(desk, one),
            attempt.state,
            began=attempt.created_at,
            remembered_for=_remembered_for(carrier, attempt),
            is_wanted=one.reason != SkipReason.WITHDRAWN.value,
            now=desk.now,
        )
        if at is not None and at > desk.now:
            sheet.later.append(Later(one.id, at))
            continue
        parcel = _parcel(session, desk, one, attempt.channel, attempt) if at is not None else None
        if parcel is not None:
            sheet.tries.append(Try(parcel, one.channel_tries, attempt.created_at, is_repeat=True))
            sheet.later.append(Later(one.id, desk.now + timing.LEASE))
            continue
        code = one.reason.removeprefix(UNCLEAR) if one.reason.startswith(UNCLEAR) else "lost"
        sheet.ends.append(
            End(
                attempt_id=attempt.id,
                attempt_state=AttemptState.UNKNOWN,
                code=code,
                state=MessageState.UNKNOWN,
                reason=f"{UNCLEAR}{code}",
            )
        )
        log.warning("messaging.outcome_unknown", message_id=str(one.id), channel=attempt.channel.value)


def _remembered_for(carrier: Carrier, attempt: OpenAttempt) -> dt.timedelta:
    """A provider drops doubles by the number that it was told, and not under another one."""
    is_known = attempt.channel is not Channel.SMS or bool(attempt.reference)
    return carrier.remembers(attempt.channel) if is_known else dt.timedelta(0)


def _decide(desk: Desk, due: Sequence[Due], sheet: Sheet) -> list[tuple[Due, tuple[Channel, ...]]]:
    """Writes down what is not sent now; returns what is, with its ways."""
    chosen = []
    for one in due:
        plan = planning.decide(_case(desk, one), now=desk.now)
        if isinstance(plan, planning.Send):
            chosen.append((one, plan.ways))
        elif isinstance(plan, planning.Skip):
            sheet.moves.append(_skipped(one, plan.reason))
        elif isinstance(plan, planning.WaitQuiet):
            sheet.moves.append(Move(one.id, MessageState.WAITING_QUIET, "quiet_hours", plan.until))
        elif isinstance(plan, planning.GiveUp):
            state = MessageState.PARKED if plan.is_parked else MessageState.FAILED
            sheet.moves.append(Move(one.id, state, plan.code))
        else:
            _ask(desk, one, sheet)
    return chosen


def _ask(desk: Desk, one: Due, sheet: Sheet) -> None:
    """Ask the owner; asked in vain too often, a person decides."""
    asked = int(one.reason.removeprefix(_ASKED)) + 1 if one.reason.startswith(_ASKED) else 1
    if asked > timing.MAX_ASKED:
        sheet.moves.append(Move(one.id, MessageState.PARKED, "no_answer_of_owner"))
        log.error("messaging.nobody_answers", recheck=one.recheck, template=one.template)
        return
    again_at = desk.now + timing.ask_again_after(asked)
    sheet.moves.append(Move(one.id, MessageState.CHECKING, f"{_ASKED}{asked}", again_at))
    sheet.asked.append(
        MessageDue(
            message_id=one.id,
            recheck=one.recheck,
            fact_key=one.fact_key,
            template=one.template,
            member_id=one.member_id,
        )
    )


async def _open(
    session: AsyncSession, desk: Desk, chosen: Sequence[tuple[Due, tuple[Channel, ...]]], sheet: Sheet
) -> None:
    """Take a consent or a place under the cap, in one order for all workers, and begin the tries."""
    for one, ways in sorted(chosen, key=lambda pair: (pair[0].member_id, pair[0].template, pair[0].id)):
        attempt_id = new_id()
        channel, credit = await _way(session, desk, one, ways, attempt_id)
        if channel is None:
            sheet.moves.append(_skipped(one, SkipReason.NO_CREDIT))
            continue
        # Before it counts under the cap: what cannot be read is not sent.
        parcel = _parcel(session, desk, one, channel, None, attempt_id)
        is_sent = parcel is not None and await _is_under_cap(session, desk, one)
        if credit is not None and not is_sent:
            await credit_repository.give_back(session, key=credit, attempt_id=attempt_id, now=desk.now)
        if parcel is None:
            sheet.moves.append(Move(one.id, MessageState.PARKED, "unreadable"))
            continue
        if not is_sent:
            sheet.moves.append(_skipped(one, SkipReason.FREQUENCY_CAP))
            continue
        sheet.starts.append(
            Start(
                attempt_id=attempt_id,
                message_id=one.id,
                channel=channel,
                app_id=parcel.app.app_id if parcel.app else "",
                template_ref=parcel.template_ref,
                recipient=wrapping.masked(parcel),
                reference=parcel.reference,
            )
        )
        tries = one.channel_tries + 1 if one.channel == channel.value else 1
        sheet.tries.append(Try(parcel, tries, desk.now, credit))


async def _way(
    session: AsyncSession, desk: Desk, one: Due, ways: Sequence[Channel], attempt_id: uuid.UUID
) -> tuple[Channel | None, CreditKey | None]:
    """The first way that is open; the mini program's is open to who has agreed once more."""
    for way in ways:
        if way is not Channel.MINI:
            return way, None
        template_id = desk.templates[one.template].mini_template_id
        key = CreditKey(one.member_id, desk.apps[way].app_id, template_id)
        if await credit_repository.use(session, key=key, attempt_id=attempt_id, now=desk.now):
            return way, key
    return None, None


async def _is_under_cap(session: AsyncSession, desk: Desk, one: Due) -> bool:
    """Counted once for each marketing message, however many tries it takes."""
    if one.message_class != MessageClass.MARKETING.value or one.is_counted or one.is_test:
        return True
    day = timing.day_of(desk.now, desk.brand.time_zone)
    most = desk.policy.marketing_per_day
    return await credit_repository.count_day(session, member_id=one.member_id, day=day, most=most, now=desk.now)


def _parcel(
    session: AsyncSession,
    desk: Desk,
    one: Due,
    channel: Channel,
    attempt: OpenAttempt | None,
    attempt_id: uuid.UUID | None = None,
) -> Parcel | None:
    """``None`` when its words cannot be read, or there is nobody at the end of the way any more."""
    number = attempt.id if attempt else attempt_id or new_id()
    try:
        return wrapping.wrap(
            wrapping.Order(
                reference=attempt.reference if attempt else hearing.reference_of(brand_of(session), number),
                attempt_id=number,
                message=one,
                channel=channel,
                template=desk.templates[one.template],
                reach=desk.reaches[one.member_id],
                app=desk.apps.get(channel),
                brand_name=desk.brand.display_name,
                brand_name_en=desk.brand.display_name_en,
                brand_code=desk.brand_code,
                locale=one.locale or desk.reaches[one.member_id].locale or desk.brand.default_locale,
                zone=one.zone or desk.brand.time_zone,
            ),
            keyring=keyring_of(session),
            settings=desk.settings,
        )
    except (InvalidTag, LookupError, ValueError, TypeError) as error:
        log.error("messaging.unreadable", message_id=str(one.id), error=type(error).__name__)
        return None


def _case(desk: Desk, one: Due) -> Case:
    message_class = MessageClass(one.message_class)
    choice = desk.choices.get((one.member_id, message_class))
    return Case(
        message_class=message_class,
        is_test=one.is_test,
        only_channel=one.only_channel,
        zone=one.zone or desk.brand.time_zone,
        useless_after=one.useless_after,
        recheck=one.recheck,
        checked_at=one.checked_at,
        tried=frozenset(one.tried),
        tries=one.tries,
        last_code=one.reason,
        is_exhausted=one.reason.startswith(BUSY),
        template=desk.templates[one.template],
        policy=desk.policy,
        reach=desk.reaches.get(one.member_id),
        apps={channel: app.app_id for channel, app in desk.apps.items()},
        is_allowed=choice[0] if choice else None,
        has_consented=one.member_id in desk.consented,
        is_told_in_time=house_template(one.template).is_told_in_time,
    )


def _skipped(one: Due, reason: SkipReason) -> Move:
    return Move(one.id, MessageState.SKIPPED, reason.value)
