"""Times are aware and in UTC; a shop counts its days in its own zone."""

import datetime as dt
import os
import subprocess
import sys

import pytest

from yundian.platform.core import clock


def test_now_is_aware_and_in_utc() -> None:
    assert clock.now().utcoffset() == dt.timedelta(0)


@pytest.mark.parametrize(
    ("instant", "zone", "day"),
    [
        ("2026-03-01T15:59:59Z", "Asia/Shanghai", "2026-03-01"),
        ("2026-03-01T16:00:00Z", "Asia/Shanghai", "2026-03-02"),
        ("2026-03-29T00:59:59Z", "Europe/Paris", "2026-03-29"),
        ("2026-10-24T22:00:00Z", "Europe/Paris", "2026-10-25"),
        ("2026-10-25T23:00:00Z", "Europe/Paris", "2026-10-26"),
        ("2026-01-01T07:59:59Z", "America/Los_Angeles", "2025-12-31"),
    ],
)
def test_a_day_begins_at_the_shops_own_midnight(instant: str, zone: str, day: str) -> None:
    assert clock.business_day(dt.datetime.fromisoformat(instant), zone) == dt.date.fromisoformat(day)


def test_a_test_may_start_a_process_whose_clock_is_wrong() -> None:
    program = "from yundian.platform.core import clock; print(clock.now().isoformat())"
    done = subprocess.run(
        [sys.executable, "-c", program],
        env=os.environ | {"YUNDIAN_TEST_CLOCK_SKEW_S": "-60"}, capture_output=True, text=True, check=True,
    )  # fmt: skip

    behind = clock.now() - dt.datetime.fromisoformat(done.stdout.strip())
    assert dt.timedelta(seconds=59) < behind < dt.timedelta(seconds=90)


def test_the_house_s_clock_is_what_was_heard_last_and_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    said = dt.datetime(2031, 5, 6, 7, 8, 9, tzinfo=dt.UTC)
    monkeypatch.setattr(clock, "_heard", None)
    assert abs(clock.house() - clock.now()) < dt.timedelta(seconds=5)

    clock.hear(said)
    monkeypatch.setattr(clock, "_SKEW", dt.timedelta(hours=3))

    first, second = clock.house(), clock.house()
    assert said <= first <= second < said + dt.timedelta(seconds=5)
