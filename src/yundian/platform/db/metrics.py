"""What the connections of this machine's processes are busy with, for ``/metrics``."""

from sqlalchemy.pool import QueuePool

from yundian.platform.core.figures import Gauge
from yundian.platform.db.database import Database

POOL = Gauge(
    "yundian_db_pool_connections",
    "Connections of this machine's processes",
    ("pool", "state"),
    multiprocess_mode="livesum",
)


def read_pools(database: Database) -> None:
    """Set the gauges of the two pools of this process to what they are now."""
    pool = database.engine.pool
    if isinstance(pool, QueuePool):
        POOL.labels("session", "in_use").set(pool.checkedout())
        POOL.labels("session", "idle").set(pool.checkedin())
    idle = database.idle_connections
    POOL.labels("asyncpg", "in_use").set(database.pool.get_size() - idle)
    POOL.labels("asyncpg", "idle").set(idle)
