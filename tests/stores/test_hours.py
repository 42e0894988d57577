"""Weekly opening hours against a clock walked minute by minute, in zones with awkward clocks."""

import datetime as dt
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from stores.rules import hours
from stores.types import Interval
from yundian.platform.core.errors import InvalidInput

UTC = dt.UTC

# Places and days around which clocks jumped: an hour, half an hour, at midnight, and by a whole day.
JUMPS = [
    ("Asia/Shanghai", dt.datetime(2026, 5, 1, tzinfo=UTC)),
    ("America/New_York", dt.datetime(2026, 3, 8, 7, tzinfo=UTC)),
    ("America/New_York", dt.datetime(2026, 11, 1, 6, tzinfo=UTC)),
    ("Australia/Lord_Howe", dt.datetime(2026, 4, 4, 15, tzinfo=UTC)),
    ("Australia/Lord_Howe", dt.datetime(2026, 10, 3, 15, 30, tzinfo=UTC)),
    ("America/Sao_Paulo", dt.datetime(2018, 11, 4, 3, tzinfo=UTC)),
    ("America/Sao_Paulo", dt.datetime(2018, 2, 18, 2, tzinfo=UTC)),
    ("America/St_Johns", dt.datetime(2010, 11, 7, 2, 31, tzinfo=UTC)),
    ("Pacific/Apia", dt.datetime(2011, 12, 30, 10, tzinfo=UTC)),
]


def first_instants(zone: str, around: dt.datetime) -> dict[dt.datetime, dt.datetime]:
    """By walking: the first minute at which the zone's clock shows a wall time or a later one."""
    home = ZoneInfo(zone)
    moment = around - dt.timedelta(days=6)
    first: dict[dt.datetime, dt.datetime] = {}
    shown = moment.astimezone(home).replace(tzinfo=None)
    while moment < around + dt.timedelta(days=5):
        wall = moment.astimezone(home).replace(tzinfo=None)
        while shown <= wall:
            first[shown] = moment
            shown += dt.timedelta(minutes=1)
        moment += dt.timedelta(minutes=1)
    return first


FIRST = {(zone, around): first_instants(zone, around) for zone, around in JUMPS}


def by_walking(week: list[Interval], zone: str, around: dt.datetime, instant: dt.datetime) -> bool:
    first = FIRST[zone, around]
    day = around.astimezone(ZoneInfo(zone)).date()
    for offset in range(-3, 3):
        date = day + dt.timedelta(days=offset)
        midnight = dt.datetime.combine(date, dt.time())
        for one in week:
            if one.weekday == date.isoweekday():
                opens = first[midnight + dt.timedelta(minutes=one.opens)]
                closes = first[midnight + dt.timedelta(minutes=one.closes)]
                if opens <= instant < closes:
                    return True
    return False


@st.composite
def weeks(draw: st.DrawFn) -> list[Interval]:
    made = draw(
        st.lists(
            st.tuples(st.integers(1, 7), st.integers(0, 1439), st.integers(1, 1440)), max_size=12, unique=True
        )
    )
    kept: list[Interval] = []
    for weekday, opens, length in made:
        try:
            kept = list(hours.checked([*kept, Interval(weekday, opens, opens + length)]))
        except InvalidInput:
            continue
    return kept


@example([Interval(7, 0, 60)], ("America/St_Johns", dt.datetime(2010, 11, 7, 2, 31, tzinfo=UTC)), 14)
@settings(max_examples=200, deadline=None)
@given(week=weeks(), jump=st.sampled_from(JUMPS), minute=st.integers(-1500, 1500))
def test_open_or_closed_is_what_the_walked_clock_says(
    week: list[Interval], jump: tuple[str, dt.datetime], minute: int
) -> None:
    zone, around = jump
    instant = around + dt.timedelta(minutes=minute)

    is_open = hours.is_open_at(week, zone=zone, instant=instant)

    assert is_open == by_walking(week, zone, around, instant)


@pytest.mark.parametrize(
    ("instant", "is_open"),
    [
        ("2026-05-01T23:59:00+08:00", True),
        ("2026-05-02T01:59:59+08:00", True),
        ("2026-05-02T02:00:00+08:00", False),
        ("2026-05-01T17:59:59+08:00", False),
        ("2026-05-01T12:00:00+02:00", True),
    ],
)
def test_a_bar_that_closes_after_midnight(instant: str, is_open: bool) -> None:
    friday = [hours.interval(weekday=5, opens="18:00", closes="02:00")]

    assert hours.is_open_at(friday, zone="Asia/Shanghai", instant=dt.datetime.fromisoformat(instant)) is is_open


def test_written_hours_are_read() -> None:
    assert hours.parse("Mo-Fr 10:00-22:00; Sa,Su 09:30-12:00,13:00-01:00") == (
        *(Interval(day, 600, 1320) for day in range(1, 6)),
        *(Interval(day, *span) for day in (6, 7) for span in ((570, 720), (780, 1500))),
    )
    assert hours.parse("24/7") == tuple(Interval(day, 0, 1440) for day in range(1, 8))
    assert hours.parse("10:00-22:00") == tuple(Interval(day, 600, 1320) for day in range(1, 8))
    assert hours.parse("Sa-Mo 10:00-24:00") == tuple(Interval(day, 600, 1440) for day in (1, 6, 7))
    assert hours.parse("") == ()


@pytest.mark.parametrize(
    "text",
    [
        "Mo 10:00",
        "Mo 25:00-26:00",
        "Xx 10:00-11:00",
        "Mo 10:00-12:00,11:00-13:00",
        "Su 20:00-03:00; Mo 02:00-04:00",
    ],
)
def test_impossible_hours_are_refused(text: str) -> None:
    with pytest.raises(InvalidInput):
        hours.parse(text)


def test_the_end_of_the_day_and_the_next_day_are_told_apart() -> None:
    assert [hours.text_of(minute) for minute in (0, 570, 1440, 1500)] == ["00:00", "09:30", "24:00", "01:00"]
