"""Is this process able to serve? ``/readyz`` says which part is not, ``/metrics`` how much of each there is."""

import asyncio
import contextlib
import hmac
from dataclasses import dataclass, field
from ipaddress import ip_address

import sqlalchemy as sa
import structlog
from prometheus_client import Metric
from prometheus_client.core import GaugeMetricFamily

from yundian.platform.core import figures
from yundian.platform.core.settings import Settings
from yundian.platform.db.database import RELAY_ROLE, open_pool
from yundian.platform.db.revision import current_revision, newest_revision
from yundian.platform.db.services import Services
from yundian.platform.outbox import health as courier
from yundian.platform.web import metrics

log = structlog.get_logger("yundian.health")

_PATIENCE_S = 2.0


@dataclass(frozen=True, slots=True)
class Check:
    """One part: ``ok``, ``down`` or ``behind``. Only what is ``required`` makes the whole unready."""

    state: str
    required: bool


@dataclass(frozen=True, slots=True)
class Readiness:
    """``ready`` when every required part is ok."""

    ready: bool
    checks: dict[str, Check] = field(default_factory=dict)


async def readiness(services: Services) -> Readiness:
    """Ask every part, briefly. Redis may be down: orders go on, events wait in the database."""
    database, schema, redis = await asyncio.gather(_database(services), _schema(services), _redis(services))
    checks = {
        "database": Check(database, required=True),
        "schema": Check(schema, required=True),
        "redis": Check(redis, required=False),
    }
    return Readiness(all(c.state == "ok" for c in checks.values() if c.required), checks)


async def measure(services: Services) -> bytes:
    """What all processes of this machine count, the courier's queues of every brand, the living workers."""
    metrics.tell(services.database)
    house: list[Metric] = []
    try:
        async with asyncio.timeout(_PATIENCE_S):
            alive = len(await courier.workers(services.redis))
            house.append(
                GaugeMetricFamily("yundian_workers_alive", "Workers heard of in the last seconds", value=alive)
            )
            pool = await open_pool(services.settings, role=RELAY_ROLE, size=1)
            try:
                house += courier.gauges(await courier.house_health(pool))
            finally:
                await pool.close()
    except Exception as error:
        log.warning("health.courier_unmeasured", error=type(error).__name__)
    return await asyncio.to_thread(figures.text, *house)


def may_measure(settings: Settings, *, authorization: str, peer: str) -> bool:
    """Whether a caller may read the figures: the token's bearer; while there is no token, this machine."""
    if settings.metrics_token is not None:
        wanted = f"Bearer {settings.metrics_token.get_secret_value()}"
        return hmac.compare_digest(authorization.encode(), wanted.encode())
    try:
        return ip_address(peer).is_loopback
    except ValueError:
        return False


async def _database(services: Services) -> str:
    with contextlib.suppress(Exception):
        async with asyncio.timeout(_PATIENCE_S), services.database.engine.connect() as connection:
            await connection.execute(sa.select(1))
            return "ok"
    return "down"


async def _schema(services: Services) -> str:
    with contextlib.suppress(Exception):
        async with asyncio.timeout(_PATIENCE_S), services.database.engine.connect() as connection:
            current = await current_revision(connection)
            return "ok" if current == await asyncio.to_thread(newest_revision) else "behind"
    return "down"


async def _redis(services: Services) -> str:
    with contextlib.suppress(Exception):
        async with asyncio.timeout(_PATIENCE_S):
            await services.redis.ping()
            return "ok"
    return "down"
