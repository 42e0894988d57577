"""The sandbox's two clocks: the wall for stamps, and one that tests can push forward for durations."""

import datetime as dt
from zoneinfo import ZoneInfo

from yundian.platform.core import clock
from yundian.sandbox.store import Store

BEIJING = ZoneInfo("Asia/Shanghai")


class SandboxClock:
    """``tick`` measures lifetimes and schedules; pushing it forward lets codes expire and retries fall due."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._ahead_s = float(store.setting("clock_ahead_s") or 0)

    def tick(self) -> float:
        """Seconds, for durations only."""
        return clock.now().timestamp() + self._ahead_s

    def advance(self, seconds: float) -> None:
        """Let so many seconds pass at once; remembered over a restart."""
        self._ahead_s += seconds
        self._store.set_setting("clock_ahead_s", str(self._ahead_s))


def beijing_now() -> dt.datetime:
    """The wall clock as both providers stamp it."""
    return clock.now().astimezone(BEIJING)


def compact(at: float) -> str:
    """``yyyyMMddHHmmss`` in Beijing, as WeChat Pay writes it."""
    return dt.datetime.fromtimestamp(at, BEIJING).strftime("%Y%m%d%H%M%S")


def readable(at: float) -> str:
    """``yyyy-MM-dd HH:mm:ss`` in Beijing, as Alipay and people read it."""
    return dt.datetime.fromtimestamp(at, BEIJING).strftime("%Y-%m-%d %H:%M:%S")


def from_compact(text: str) -> float:
    """Seconds since 1970 of WeChat Pay's form; raises ``ValueError``."""
    return dt.datetime.strptime(text, "%Y%m%d%H%M%S").replace(tzinfo=BEIJING).timestamp()


def from_readable(text: str) -> float:
    """Seconds since 1970 of Alipay's form; raises ``ValueError``."""
    return dt.datetime.strptime(text, "%Y-%m-%d %H:%M:%S").replace(tzinfo=BEIJING).timestamp()
