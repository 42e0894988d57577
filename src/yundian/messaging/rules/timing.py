"""When to send: not at night, and again after ever longer pauses."""

import datetime as dt
from zoneinfo import ZoneInfo

# Seconds before the next try on the same way, by how often it was tried.
_AGAIN_AFTER_S = (30, 120, 600, 1800, 7200)
# The owner is asked again, if no answer came.
_ASK_AGAIN_AFTER_S = (30, 120, 600, 3600)
# A worker that claimed a message and is heard of no more.
LEASE = dt.timedelta(seconds=60)
# No call to a provider begins later than this after the claim: the slowest ends within the lease.
CARRY_FOR_S = 20.0
# What she has to know before something begins is of use so long before it.
OF_USE_BEFORE = dt.timedelta(minutes=60)
# A try that began before the night may be repeated so long into it.
STILL_THE_SAME_EVENING = dt.timedelta(minutes=10)
# As long as a provider that drops doubles remembers them: WeChat says ten minutes; a reference is kept with the
# message, and after a day nobody waits for it.
TEMPLATE_REMEMBERED_FOR = dt.timedelta(minutes=9)
SMS_REMEMBERED_FOR = dt.timedelta(hours=24)
# An answer of the owner is good for so long.
ANSWER_GOOD_FOR = dt.timedelta(seconds=60)
# A message by a template that this version of the house does not have: during an upgrade another worker knows it.
LEAVE_UNKNOWN_FOR = dt.timedelta(minutes=5)
# WeChat gets little patience before the next way is taken; the last way gets more.
MAX_WECHAT_TRIES = 3
MAX_SMS_TRIES = 6
MAX_ASKED = len(_ASK_AGAIN_AFTER_S)


def quiet_until(now: dt.datetime, *, start: dt.time, end: dt.time, zone: str) -> dt.datetime | None:
    """The end of the quiet hours that ``now`` is in; ``None`` outside. They may pass midnight.

    The end is the wall clock's: in a night with a change of clocks it is an hour earlier or later.
    """
    if start == end:
        return None
    local = now.astimezone(ZoneInfo(zone))
    for day in (local.date() - dt.timedelta(days=1), local.date()):
        begins = dt.datetime.combine(day, start, tzinfo=local.tzinfo)
        last_day = day if end > start else day + dt.timedelta(days=1)
        ends = dt.datetime.combine(last_day, end, tzinfo=local.tzinfo)
        if begins.astimezone(dt.UTC) <= now < ends.astimezone(dt.UTC):
            return ends.astimezone(dt.UTC)
    return None


def again_after(tries: int) -> dt.timedelta:
    """The pause after so many tries on one way."""
    return dt.timedelta(seconds=_AGAIN_AFTER_S[min(max(tries, 1), len(_AGAIN_AFTER_S)) - 1])


def look_again_after(age: dt.timedelta) -> dt.timedelta:
    """The pause before a try of that age, whose end nobody knows, is repeated."""
    return min(max(age / 2, dt.timedelta(seconds=15)), dt.timedelta(minutes=30))


def ask_again_after(asked: int) -> dt.timedelta:
    return dt.timedelta(seconds=_ASK_AGAIN_AFTER_S[min(max(asked, 1), len(_ASK_AGAIN_AFTER_S)) - 1])


def day_of(now: dt.datetime, zone: str) -> dt.date:
    return now.astimezone(ZoneInfo(zone)).date()
