"""Rate limits that hold across processes: counted in Redis, in one atomic script.

Of a generous limit a process counts a caller's requests itself and tells Redis of some together: most callers ask
for less than that, and cost no round trip. A strict limit is asked for each time.

When Redis is down requests go through (a shop must be able to sell), a warning and a metric say so, and Redis is
asked again after a few seconds. What guards passwords is the lock-out in the database, not this.
"""

import asyncio
import time
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Protocol

import structlog
from limits import RateLimitItem, parse
from limits.aio.storage import RedisStorage
from limits.aio.strategies import SlidingWindowCounterRateLimiter
from litestar import Request
from litestar.enums import ScopeType
from litestar.middleware import ASGIMiddleware
from litestar.types import ASGIApp, Receive, Scope, Send
from redis.asyncio import Redis

from yundian.platform.core.errors import TooManyRequests
from yundian.platform.web import metrics
from yundian.platform.web.context import RequestContext, current

log = structlog.get_logger("yundian.web")

OPT = "rate_limit"
_TIMEOUT_S = 0.3
_REST_S = 5.0
# So much of a limit may a process let through that Redis was not told of yet, and never more requests than this.
_UNTOLD_SHARE, _MOST_UNTOLD = 1 / 40, 25
_MOST_TALLIES = 20_000


@dataclass(slots=True)
class _Tally:
    """What one caller asked for here; ``step`` requests are told together."""

    until: float
    step: int
    untold: int = 0


class Limiter:
    """The counters of one process, all in the same Redis."""

    def __init__(self, redis: Redis) -> None:
        storage = RedisStorage(
            # Never dialled: the pool knows the address.
            "async+redis://localhost:6379",
            implementation="redispy",
            key_prefix="limit",
            connection_pool=redis.connection_pool,  # type: ignore[arg-type]
        )
        self._strategy = SlidingWindowCounterRateLimiter(storage)
        self._asleep_until = 0.0
        self._tallies: dict[tuple[str, ...], _Tally] = {}

    async def hit(self, rate: str, *key: str) -> None:
        """Count one request; ``TooManyRequests`` when there were more than ``rate`` (``"10/minute"``)."""
        now = time.monotonic()
        if now < self._asleep_until:
            return
        item = _parsed(rate)
        tally = self._tally(item, rate, key, now)
        tally.untold += 1
        if tally.untold < tally.step:
            return
        cost, tally.untold = tally.untold, 0
        try:
            async with asyncio.timeout(_TIMEOUT_S):
                if await self._strategy.hit(item, *key, cost=cost):
                    return
                if cost > 1:
                    # Near the limit each counts, until the window is over.
                    tally.step = 1
                    if await self._strategy.hit(item, *key):
                        return
                window = await self._strategy.get_window_stats(item, *key)
        except Exception as error:
            self._rest(error)
            return
        metrics.RATE_LIMITED.labels(key[0]).inc()
        raise TooManyRequests(retry_after_s=max(1, round(window.reset_time - time.time())))

    def _tally(self, item: RateLimitItem, rate: str, key: tuple[str, ...], now: float) -> _Tally:
        tally = self._tallies.get((rate, *key))
        if tally is None or tally.until <= now:
            if len(self._tallies) >= _MOST_TALLIES:
                self._tallies = {name: one for name, one in self._tallies.items() if one.until > now}
            if len(self._tallies) >= _MOST_TALLIES:
                self._tallies.clear()
            step = max(1, min(_MOST_UNTOLD, int(item.amount * _UNTOLD_SHARE)))
            tally = self._tallies[(rate, *key)] = _Tally(until=now + item.get_expiry(), step=step)
        return tally

    def _rest(self, error: Exception) -> None:
        self._asleep_until = time.monotonic() + _REST_S
        metrics.LIMITS_UNCOUNTED.inc()
        log.warning("web.limits_unavailable", error=type(error).__name__, asks_again_in_s=_REST_S)


class LimitMiddleware(ASGIMiddleware):
    """The general limit, and a route's own (``opt={"rate_limit": "10/minute"}``) in its place."""

    scopes = (ScopeType.HTTP,)
    exclude_opt_key = "exclude_from_limits"

    async def handle(self, scope: Scope, receive: Receive, send: Send, next_app: ASGIApp) -> None:
        context = current()
        own = scope["route_handler"].opt.get(OPT)
        limiter = limiter_of(scope["litestar_app"])
        if own is not None:
            await limiter.hit(own, context.operation, _caller(context))
        else:
            settings = scope["litestar_app"].state.settings
            is_known = context.principal.is_authenticated
            rate = settings.rate_by_principal if is_known else settings.rate_by_address
            await limiter.hit(rate, "general", _caller(context))
        await next_app(scope, receive, send)


async def check(request: Request[Any, Any, Any], name: str, key: str, *, rate: str) -> None:
    """Count by something that only the handler knows, for example the login name together with the address."""
    await limiter_of(request.app).hit(rate, name, current().client, key)


class _HasState(Protocol):
    state: Any


def limiter_of(app: _HasState) -> Limiter:
    limiter: Limiter = app.state.limiter
    return limiter


def _caller(context: RequestContext) -> str:
    principal = context.principal
    return f"{principal.kind}:{principal.id}" if principal.is_authenticated else f"address:{context.client}"


@lru_cache(maxsize=64)
def _parsed(rate: str) -> RateLimitItem:
    return parse(rate)
