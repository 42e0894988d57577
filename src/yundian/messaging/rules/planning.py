"""What to do with a message whose time has come: a decision over facts, without a database."""

import datetime as dt
from dataclasses import dataclass, field

from yundian.members.types import Reach
from yundian.messaging.rules import timing
from yundian.messaging.states import AttemptState, SkipReason
from yundian.messaging.types import Channel, MessageClass, PolicyFields, TemplateFields

# The cheapest and nearest first; what reaches everybody last.
_ORDER = (Channel.MINI, Channel.OFFICIAL, Channel.SMS)


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """A message with all that decides about it. ``apps``: the brand's app id per WeChat channel.

    ``is_allowed``: what she chose, if she did. ``has_consented``: she agreed to the text about marketing.
    ``last_refusal``: how the last way ended, if one was tried. ``is_told_in_time``: rather at night than too late.
    """

    message_class: MessageClass
    is_test: bool
    only_channel: str
    zone: str
    useless_after: dt.datetime | None
    recheck: str
    checked_at: dt.datetime | None
    tried: frozenset[str]
    tries: int
    last_code: str
    is_exhausted: bool
    template: TemplateFields
    policy: PolicyFields
    reach: Reach | None = field(repr=False)
    apps: dict[Channel, str]
    is_allowed: bool | None
    has_consented: bool
    is_told_in_time: bool = False


@dataclass(frozen=True, slots=True)
class Skip:
    reason: SkipReason


@dataclass(frozen=True, slots=True)
class WaitQuiet:
    until: dt.datetime


@dataclass(frozen=True, slots=True)
class Ask:
    """The owner must say whether the fact still holds."""


@dataclass(frozen=True, slots=True)
class GiveUp:
    """Every way was tried. ``is_parked``: a provider was down, so a person may try again."""

    code: str
    is_parked: bool


@dataclass(frozen=True, slots=True)
class Send:
    """The ways to try in this order; the first may lack a consent."""

    ways: tuple[Channel, ...]


Plan = Skip | WaitQuiet | Ask | GiveUp | Send


def decide(case: Case, *, now: dt.datetime) -> Plan:
    """Refusals of the member's first, then the ways that are left, the clock, and the owner."""
    skip = _reason_to_skip(case, now)
    if skip is not None:
        return Skip(skip)
    ways = tuple(way for way in _ways(case) if way.value not in case.tried)
    if not ways and case.tries:
        return GiveUp(case.last_code, case.is_exhausted)
    quiet_until = _quiet_until(case, now)
    if quiet_until is not None:
        if case.useless_after is not None and case.useless_after <= quiet_until:
            return Skip(SkipReason.TOO_LATE)
        return WaitQuiet(quiet_until)
    if not ways:
        return Skip(SkipReason.NO_CHANNEL)
    is_answered = case.checked_at is not None and now - case.checked_at <= timing.ANSWER_GOOD_FOR
    if case.recheck and not is_answered:
        return Ask()
    return Send(ways)


def _reason_to_skip(case: Case, now: dt.datetime) -> SkipReason | None:
    if case.useless_after is not None and case.useless_after <= now:
        return SkipReason.TOO_LATE
    if case.reach is None or not case.reach.is_active:
        return SkipReason.MEMBER_CLOSED
    if case.is_test:
        return None
    if not case.template.is_enabled:
        return SkipReason.DISABLED
    if case.message_class is not MessageClass.ORDER and case.is_allowed is False:
        return SkipReason.OPTED_OUT
    if case.message_class is MessageClass.MARKETING and not (case.has_consented and case.is_allowed):
        return SkipReason.NO_CONSENT
    return None


def _quiet_until(case: Case, now: dt.datetime) -> dt.datetime | None:
    """Until when it waits: the morning, or the latest moment of the night at which it is still of use."""
    night_ends = _night_ends(case, now)
    can_wait = not case.is_told_in_time or case.message_class is MessageClass.MARKETING
    if night_ends is None or case.useless_after is None or can_wait:
        return night_ends
    latest = case.useless_after - timing.OF_USE_BEFORE
    if latest >= night_ends:
        return night_ends
    return latest if latest > now else None


def _night_ends(case: Case, now: dt.datetime) -> dt.datetime | None:
    is_loud = case.is_test or (case.template.is_urgent and case.message_class is not MessageClass.MARKETING)
    if is_loud:
        return None
    return timing.quiet_until(now, start=case.policy.quiet_from, end=case.policy.quiet_until, zone=case.zone)


def _ways(case: Case) -> list[Channel]:
    wanted = [way for way in _ORDER if not case.only_channel or way.value == case.only_channel]
    return [way for way in wanted if _is_open(case, way)]


def _is_open(case: Case, way: Channel) -> bool:
    if case.reach is None:
        return False
    if way is Channel.SMS:
        return case.policy.is_sms_on and case.reach.phone is not None
    template_id = case.template.mini_template_id if way is Channel.MINI else case.template.official_template_id
    return bool(template_id) and case.apps.get(way, "") in case.reach.openids


def repeat_at(
    case: Case,
    state: AttemptState,
    *,
    began: dt.datetime,
    remembered_for: dt.timedelta,
    is_wanted: bool,
    now: dt.datetime,
) -> dt.datetime | None:
    """When a try whose end nobody knows can be repeated without a second message; ``None``: never.

    It may be the first that she hears of it: it is left when she wants it no more, and rings at night only just
    after it began.
    """
    if not is_wanted or state is not AttemptState.STARTED or now - began >= remembered_for:
        return None
    if _reason_to_skip(case, now) is not None:
        return None
    morning = _night_ends(case, now)
    if morning is None or now - began < timing.STILL_THE_SAME_EVENING:
        return now
    is_of_use = case.useless_after is None or morning < case.useless_after
    return morning if is_of_use and morning - began < remembered_for else None
