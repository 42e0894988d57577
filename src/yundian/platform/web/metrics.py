"""What the web processes count, for ``/metrics``."""

import asyncio

from yundian.platform.core import figures
from yundian.platform.core.figures import Counter, Histogram
from yundian.platform.db.database import Database
from yundian.platform.db.metrics import read_pools

REQUESTS = Histogram(
    "yundian_http_request_seconds",
    "Duration of HTTP requests by operation and status",
    ("operation", "status"),
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10),
)
RATE_LIMITED = Counter("yundian_http_rate_limited", "Requests refused by a rate limit", ("limit",))
LIMITS_UNCOUNTED = Counter("yundian_http_limits_unavailable", "Times the rate limits could not be counted")
REPLAYED = Counter("yundian_http_idempotent_replays", "Answers given again to a repeated request", ("operation",))


def request_done(operation: str, status: int, duration_s: float) -> None:
    REQUESTS.labels(operation or "none", str(status)).observe(duration_s)


def tell(database: Database) -> None:
    """Say that this web process lives, and what it holds."""
    figures.of_process("web")
    read_pools(database)


async def keep_telling(database: Database) -> None:
    """The same for ever, for whichever process of the machine is asked."""
    while True:
        tell(database)
        await asyncio.sleep(figures.TICK_S)
