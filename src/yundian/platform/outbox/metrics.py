"""The courier's figures: Prometheus series of the workers, and the same counts for a worker's heartbeat."""

from collections.abc import Sequence
from dataclasses import dataclass

from yundian.platform.core.figures import Counter, Histogram

HANDED = Counter("yundian_courier_handed_total", "Deliveries and timers handed to the queue", ["subscriber"])
DONE = Counter("yundian_courier_done_total", "Deliveries and timers done", ["subscriber"])
FAILED = Counter("yundian_courier_failed_total", "Attempts that failed", ["subscriber"])
PARKED = Counter("yundian_courier_parked_total", "Deliveries and timers parked at last", ["subscriber"])
UNKNOWN = Counter("yundian_courier_unknown_total", "Rows put back: this code knows no such name", ["name"])
LAG = Histogram(
    "yundian_courier_lag_seconds",
    "From the recording of an event to its effect, by the database's clock",
    buckets=(0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 3600),
)


@dataclass(slots=True)
class Tally:
    """Counts since this process started."""

    handed: int = 0
    done: int = 0
    failed: int = 0
    parked: int = 0


tally = Tally()


def handed(subscriber: str, count: int) -> None:
    tally.handed += count
    HANDED.labels(subscriber).inc(count)


def done(subscriber: str, lags_s: Sequence[float]) -> None:
    tally.done += len(lags_s)
    DONE.labels(subscriber).inc(len(lags_s))
    for lag in lags_s:
        LAG.observe(lag)


def failed(subscriber: str) -> None:
    tally.failed += 1
    FAILED.labels(subscriber).inc()


def parked(subscriber: str, count: int) -> None:
    tally.parked += count
    PARKED.labels(subscriber).inc(count)


def unknown(name: str, count: int) -> None:
    UNKNOWN.labels(name).inc(count)
