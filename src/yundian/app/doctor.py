"""``yundian doctor``: is this installation sound, and if not, what to do about it."""

import asyncio
import json
import platform
import shutil
import sys
from collections.abc import Awaitable, Callable
from dataclasses import asdict, dataclass
from enum import StrEnum
from pathlib import Path

import asyncpg
import httpx
from redis.asyncio import Redis
from rich.console import Console
from rich.table import Table
from sqlalchemy.ext.asyncio import AsyncConnection, create_async_engine
from sqlalchemy.pool import NullPool

from yundian.app.config import local_host
from yundian.platform.core import clock
from yundian.platform.core.settings import Settings
from yundian.platform.db import migrate, tenancy
from yundian.platform.db.database import RELAY_ROLE, open_pool, sqlalchemy_url
from yundian.platform.db.redis_pool import open_redis_pool
from yundian.platform.db.revision import current_revision
from yundian.platform.outbox import health

_TIMEOUT_S = 10.0
_OLDEST_POSTGRES = 160_000
_CLOCK_WARN_S = 2.0
_DISK_FAIL_MIB, _DISK_WARN_MIB = 256, 2_048
_LAG_WARN_S, _LAG_FAIL_S = 5.0, 60.0
_STATIC = Path(__file__).parents[1] / "platform" / "web"


class Level(StrEnum):
    OK = "ok"
    WARN = "warn"
    FAIL = "fail"


@dataclass(frozen=True)
class Finding:
    """One line of the report; ``advice`` says what to do when it is not well."""

    check: str
    level: Level
    detail: str
    advice: str = ""


Check = Callable[[Settings], Awaitable[Finding]]


def run(settings: Settings, *, as_json: bool) -> int:
    """Run every check, print the report, and return 1 if anything failed."""
    findings = asyncio.run(examine(settings))
    if as_json:
        sys.stdout.write(
            json.dumps([asdict(finding) for finding in findings], ensure_ascii=False, indent=2) + "\n"
        )
    else:
        _show(findings)
    return int(any(finding.level is Level.FAIL for finding in findings))


async def examine(settings: Settings) -> list[Finding]:
    """All findings, in the order in which one would repair them."""
    return [await _guarded(check, settings) for check in CHECKS]


async def _guarded(check: Check, settings: Settings) -> Finding:
    name = check.__name__.removeprefix("check_")
    needed = _NEEDS.get(name)
    if needed is not None and not getattr(settings, needed.lower()):
        return Finding(name, Level.FAIL, f"{needed} is not set")
    try:
        async with asyncio.timeout(_TIMEOUT_S):
            return await check(settings)
    except TimeoutError:
        return Finding(name, Level.FAIL, f"no answer within {_TIMEOUT_S:.0f} s", _ADVICE.get(name, ""))
    except Exception as error:
        text = str(error).strip() or type(error).__name__
        return Finding(name, Level.FAIL, text.splitlines()[0][:200], _ADVICE.get(name, ""))


async def check_python(settings: Settings) -> Finding:
    detail = f"{platform.python_version()} on {platform.system()} {platform.machine()}"
    level = Level.OK if sys.version_info >= (3, 11) else Level.FAIL
    return Finding("python", level, detail, "" if level is Level.OK else "Install Python 3.11 or newer.")


async def check_settings(settings: Settings) -> Finding:
    urls = {
        "DATABASE_URL": settings.database_url,
        "DATABASE_OWNER_URL": settings.database_owner_url,
        "REDIS_URL": settings.redis_url,
    }
    missing = [name for name, value in urls.items() if not value]
    if missing:
        advice = "Start `yundian up`, or set them in the environment."
        return Finding("settings", Level.FAIL, f"not set: {', '.join(missing)}", advice)
    settings.master_key_bytes()
    return Finding("settings", Level.OK, f"environment {settings.environment.value}")


async def check_database(settings: Settings) -> Finding:
    connection = await asyncpg.connect(settings.database_url, timeout=_TIMEOUT_S)
    try:
        version = int(await connection.fetchval("SHOW server_version_num"))
    finally:
        await connection.close()
    if version < _OLDEST_POSTGRES:
        return Finding(
            "database", Level.FAIL, f"PostgreSQL {version // 10_000}", "PostgreSQL 16 or newer is needed."
        )
    return Finding(
        "database", Level.OK, f"PostgreSQL {version // 10_000}.{version % 10_000} at {_place(settings)}"
    )


async def check_roles(settings: Settings) -> Finding:
    async def look(connection: AsyncConnection) -> Finding:
        report = await tenancy.inspect_role(connection)
        if report.problems:
            advice = "Give DATABASE_URL a plain role; only DATABASE_OWNER_URL may own tables."
            return Finding("roles", Level.FAIL, f"{report.login} {', '.join(report.problems)}", advice)
        return Finding("roles", Level.OK, f"{report.login} is a plain role under row policies")

    return await _with_database(settings.database_url, look)


async def check_schema(settings: Settings) -> Finding:
    head = migrate.head_revision(settings)

    async def look(connection: AsyncConnection) -> Finding:
        current = await current_revision(connection)
        if current == head:
            return Finding("schema", Level.OK, f"at its head {head}")
        return Finding("schema", Level.FAIL, f"at {current}, head is {head}", "Run `yundian migrate`.")

    return await _with_database(settings.database_url, look)


async def check_clock(settings: Settings) -> Finding:
    connection = await asyncpg.connect(settings.database_url, timeout=_TIMEOUT_S)
    try:
        before = clock.now()
        theirs = await connection.fetchval("SELECT clock_timestamp()")
        middle = before + (clock.now() - before) / 2
    finally:
        await connection.close()
    off = abs((theirs - middle).total_seconds())
    if off > _CLOCK_WARN_S:
        return Finding("clock", Level.WARN, f"{off:.1f} s away from the database's", "Let NTP set both clocks.")
    return Finding("clock", Level.OK, f"{off * 1000:.0f} ms away from the database's")


async def check_redis(settings: Settings) -> Finding:
    async with Redis.from_pool(open_redis_pool(settings)) as client:
        info = await client.info()
        policy = str(info.get("maxmemory_policy"))
        version = info.get("valkey_version") or info.get("redis_version")
    detail = f"version {version}, AOF {'on' if info.get('aof_enabled') else 'off'}, {policy}"
    if info.get("aof_last_write_status", "ok") != "ok":
        return Finding("redis", Level.FAIL, f"{detail}; its last write failed", "Look at its disk.")
    if not info.get("aof_enabled"):
        return Finding("redis", Level.WARN, detail, "Turn on appendonly; a restart delays all waiting jobs.")
    if policy != "noeviction":
        return Finding("redis", Level.WARN, detail, "Set maxmemory-policy noeviction, or jobs may vanish.")
    return Finding("redis", Level.OK, detail)


async def check_queue(settings: Settings) -> Finding:
    pool = await open_pool(settings, role=RELAY_ROLE, size=1)
    try:
        courier = await health.house_health(pool)
    finally:
        await pool.close()
    lag = max(courier.oldest_pending_s, courier.oldest_fresh_s)
    detail = f"{courier.pending + courier.fresh:,} waiting, the oldest for {lag:.1f} s, {courier.parked:,} parked"
    if lag > _LAG_FAIL_S:
        return Finding("queue", Level.FAIL, detail, "Is a worker running? `yundian worker` adds one.")
    if courier.parked:
        return Finding(
            "queue", Level.WARN, detail, "Look at the parked deliveries on HQ's screen and run them again."
        )
    return Finding("queue", Level.WARN if lag > _LAG_WARN_S else Level.OK, detail)


async def check_workers(settings: Settings) -> Finding:
    async with Redis.from_pool(open_redis_pool(settings)) as client:
        beats = await health.workers(client)
    if not beats:
        return Finding("workers", Level.WARN, "none has reported", "Start `yundian up` or `yundian worker`.")
    return Finding("workers", Level.OK, f"{len(beats)} alive")


async def check_assets(settings: Settings) -> Finding:
    missing = [
        name
        for name, found in (
            ("static/vendor", any((_STATIC / "static" / "vendor").glob("*.js"))),
            ("translations", any((_STATIC / "locale").rglob("*.mo"))),
        )
        if not found
    ]
    if missing:
        return Finding("assets", Level.FAIL, f"not built: {', '.join(missing)}", "Run `make assets`.")
    return Finding("assets", Level.OK, "built")


async def check_web(settings: Settings) -> Finding:
    address = f"http://{local_host(settings)}:{settings.port}/readyz"
    async with httpx.AsyncClient(timeout=5, trust_env=False) as client:
        try:
            answer = await client.get(address)
        except httpx.HTTPError:
            return Finding(
                "web", Level.WARN, f"{address} does not answer", "Start `yundian up` or `yundian serve`."
            )
    level = Level.OK if answer.status_code == httpx.codes.OK else Level.FAIL
    advice = "" if level is Level.OK else "Its answer names the part that is not ready."
    return Finding("web", level, f"{address} answers {answer.status_code}", advice)


async def check_disk(settings: Settings) -> Finding:
    folder = settings.var_dir.absolute()
    while not folder.exists():
        folder = folder.parent
    free = shutil.disk_usage(folder).free // (1024 * 1024)
    level = Level.FAIL if free < _DISK_FAIL_MIB else Level.WARN if free < _DISK_WARN_MIB else Level.OK
    return Finding("disk", level, f"{free:,} MiB free at {folder}", "" if level is Level.OK else "Make room.")


async def _with_database(url: str, look: Callable[[AsyncConnection], Awaitable[Finding]]) -> Finding:
    engine = create_async_engine(sqlalchemy_url(url), poolclass=NullPool)
    try:
        async with engine.connect() as connection:
            return await look(connection)
    finally:
        await engine.dispose()


def _place(settings: Settings) -> str:
    """Host and port; never the password."""
    url = sqlalchemy_url(settings.database_url)
    return f"{url.host}:{url.port or 5432}"


def _show(findings: list[Finding]) -> None:
    marks = {Level.OK: "[green]✓[/]", Level.WARN: "[yellow]![/]", Level.FAIL: "[red]✗[/]"}
    table = Table(show_header=False, box=None, padding=(0, 1))
    table.add_column()
    table.add_column(style="bold")
    table.add_column(overflow="fold")
    for finding in findings:
        advice = f"\n[dim]{finding.advice}[/]" if finding.advice else ""
        table.add_row(marks[finding.level], finding.check, finding.detail + advice)
    Console(highlight=False).print(table)


_ADVICE = {
    "database": "Is the server of DATABASE_URL up? `yundian up` starts one.",
    "roles": "The database must answer first.",
    "schema": "The database must answer first.",
    "clock": "The database must answer first.",
    "redis": "Is the server of REDIS_URL up? `yundian up` starts one.",
    "queue": "The database must answer first.",
}

_NEEDS = {
    "database": "DATABASE_URL",
    "roles": "DATABASE_URL",
    "schema": "DATABASE_URL",
    "clock": "DATABASE_URL",
    "queue": "DATABASE_URL",
    "redis": "REDIS_URL",
    "workers": "REDIS_URL",
}

CHECKS: tuple[Check, ...] = (
    check_python,
    check_settings,
    check_database,
    check_roles,
    check_schema,
    check_clock,
    check_redis,
    check_queue,
    check_workers,
    check_assets,
    check_disk,
    check_web,
)
