"""A web server of its own for the fault tests: ``yundian serve``, whose worker may die where it is told."""

import contextlib
import os
import signal
import socket
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import anyio
import httpx
import psutil

from tests.helpers import wait_until
from tests.nursery import Nursling
from yundian.platform.core.settings import Settings


@dataclass(frozen=True)
class Web:
    """A server, and a client of it."""

    client: httpx.AsyncClient
    supervisor: int

    @property
    def workers(self) -> list[int]:
        """The processes that serve; beside them runs a helper of multiprocessing."""
        children = psutil.Process(self.supervisor).children()
        return [child.pid for child in children if "resource_tracker" not in " ".join(child.cmdline())]


class WebServer:
    """``yundian serve`` at one address, however often it is killed and started again."""

    def __init__(self, settings: Settings, **more: str) -> None:
        self._port = free_port()
        self._environment = environment_of(settings, **more)
        self.log = settings.var_dir / f"web-{self._port}.log"
        self.client = httpx.AsyncClient(base_url=f"http://127.0.0.1:{self._port}", timeout=30)
        self._process: Nursling | None = None

    async def start(self) -> None:
        """Unless it runs, or its supervisor is about to replace a killed worker."""
        if self._process is None or self._process.poll() is not None:
            self._process = _start(self._port, self._environment, self.log)
        try:
            await wait_until(lambda: answers(self.client), seconds=60, what="the web process")
        except AssertionError as error:
            raise AssertionError(f"{error}\n{self.log.read_text(errors='replace')[-3000:]}") from error

    def go_on(self) -> None:
        """If it stands still."""
        if self._process is not None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGCONT)

    def kill(self) -> None:
        """All of it at once."""
        if self._process is not None:
            _end(self._process)

    async def aclose(self) -> None:
        await self.client.aclose()
        await anyio.to_thread.run_sync(self.kill)


def free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


def environment_of(settings: Settings, **more: str) -> dict[str, str]:
    """What a server of its own must know; ``more`` are further variables."""
    return {
        **os.environ,
        "DATABASE_URL": settings.database_url,
        "REDIS_URL": settings.redis_url,
        "YUNDIAN_VAR_DIR": str(settings.var_dir),
        "YUNDIAN_ENVIRONMENT": "test",
        **more,
    }


@asynccontextmanager
async def web_process(settings: Settings, *, die_at: str = "", **more: str) -> AsyncGenerator["Web"]:
    """A server that answers; ``more`` are further variables of its environment."""
    port = free_port()
    environment = environment_of(settings, YUNDIAN_TEST_DIE_AT=die_at, **more)
    log = settings.var_dir / f"web-{port}.log"
    process = _start(port, environment, log)
    try:
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=30) as client:
            try:
                await wait_until(lambda: answers(client), seconds=60, what="the web process")
            except AssertionError as error:
                raise AssertionError(f"{error}\n{log.read_text(errors='replace')[-3000:]}") from error
            yield Web(client, process.pid)
    finally:
        await anyio.to_thread.run_sync(_end, process)


async def answers(client: httpx.AsyncClient) -> bool:
    """Whether the server is alive at all."""
    try:
        return (await client.get("/healthz")).status_code == 200
    except httpx.TransportError:
        return False


def _start(port: int, environment: dict[str, str], log: Path) -> Nursling:
    return Nursling("yundian", "serve", "--port", str(port), environment=environment, log=log)


def _end(process: Nursling) -> None:
    """The supervisor and its worker at once: these tests are not about an orderly end."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait(timeout=10)
