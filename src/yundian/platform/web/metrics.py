"""What the web process counts, for ``/metrics``."""

from prometheus_client import Counter, Gauge, Histogram
from sqlalchemy.pool import QueuePool

from yundian.platform.db.database import Database

REQUESTS = Histogram(
    "yundian_http_request_seconds",
    "Duration of HTTP requests by operation and status",
    ("operation", "status"),
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10),
)
RATE_LIMITED = Counter("yundian_http_rate_limited", "Requests refused by a rate limit", ("limit",))
LIMITS_UNCOUNTED = Counter("yundian_http_limits_unavailable", "Times the rate limits could not be counted")
REPLAYED = Counter("yundian_http_idempotent_replays", "Answers given again to a repeated request", ("operation",))
WORKERS = Gauge("yundian_workers_alive", "Workers heard of in the last seconds")
POOL = Gauge("yundian_db_pool_connections", "Connections of this process", ("pool", "state"))


def request_done(operation: str, status: int, duration_s: float) -> None:
    REQUESTS.labels(operation or "none", str(status)).observe(duration_s)


def read_pools(database: Database) -> None:
    """Set the gauges of the two pools to what they are now."""
    pool = database.engine.pool
    if isinstance(pool, QueuePool):
        POOL.labels("session", "in_use").set(pool.checkedout())
        POOL.labels("session", "idle").set(pool.checkedin())
    idle = database.idle_connections
    POOL.labels("asyncpg", "in_use").set(database.pool.get_size() - idle)
    POOL.labels("asyncpg", "idle").set(idle)
