"""A real headless Chromium. It is never skipped: where there is none, the tests fail and say why."""

import contextlib
import json
import os
import subprocess
import sys
from collections.abc import AsyncGenerator, AsyncIterator, Iterator
from pathlib import Path

import anyio
import httpx
import pytest
from granian.constants import Interfaces
from granian.server.embed import Server
from litestar import Litestar
from playwright.async_api import Browser, BrowserContext, Page, ViewportSize, async_playwright
from pydantic import SecretStr

from tests.helpers import wait_until
from tests.nursery import Nursling
from tests.sandbox.running import RunningSandbox
from tests.web.probe import PROBE
from yundian.app.asgi import create_app
from yundian.app.config import as_environment
from yundian.app.rooms import rooms
from yundian.platform.core.settings import Settings
from yundian.platform.embedded.process import free_port

_FINDER = Path(__file__).parents[2] / "scripts" / "browser.py"
_FLAGS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
]
PHONE = ViewportSize(width=360, height=740)
DESKTOP = ViewportSize(width=1280, height=800)


@pytest.fixture(scope="session")
async def browser() -> AsyncIterator[Browser]:
    """One Chromium per test process."""
    async with launched() as browser:
        yield browser


@contextlib.asynccontextmanager
async def launched(*flags: str) -> AsyncGenerator[Browser, None]:
    """A Chromium with these flags besides ours."""
    found = await anyio.run_process([sys.executable, str(_FINDER)], check=False)
    if found.returncode != 0:
        pytest.fail(f"No browser for the browser tests: {found.stderr.decode().strip()}", pytrace=False)
    how = json.loads(found.stdout)
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(
            executable_path=how["executable"], args=[*_FLAGS, *flags], env={**os.environ, **how["environment"]}
        )
        yield browser
        await browser.close()


@pytest.fixture(scope="session")
async def site(migrated: Settings) -> AsyncIterator[str]:
    """The whole app and the probe, served over real HTTP."""
    async with served(create_app(migrated, rooms=(*rooms(), PROBE))) as address:
        yield address


@pytest.fixture(scope="session")
def sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningSandbox]:
    """WeChat, Alipay and SMS for the customers' pages."""
    running = RunningSandbox(tmp_path_factory.mktemp("customers"))
    running.start()
    yield running
    running.stop()


@pytest.fixture(scope="session")
def shop_settings(migrated: Settings, sandbox: RunningSandbox) -> Settings:
    """Settings as `yundian up` gives them to web and worker."""
    sms = json.loads((sandbox.var_dir / "sandbox/credentials.json").read_text())["sms"]
    changes = {
        "port": free_port(),
        "wechat_url": sandbox.base_url,
        "sms_url": sms["send_url"],
        "sms_key": SecretStr(sms["key"]),
    }
    return migrated.model_copy(update=changes)


@pytest.fixture(scope="session")
async def shop_site(shop_settings: Settings) -> AsyncIterator[str]:
    """The app with the sandbox around it."""
    async with served(create_app(shop_settings), port=shop_settings.port) as address:
        yield address


@pytest.fixture(scope="module")
def worker(shop_settings: Settings, scratch: Path) -> Iterator[None]:
    """A worker in a process of its own, no longer than needed: it does the work of every test's brand."""
    environment = {**os.environ, **as_environment(shop_settings), "YUNDIAN_ENVIRONMENT": "test"}
    process = Nursling("yundian", "worker", environment=environment, log=scratch / "browser-worker.log")
    yield
    process.terminate()
    try:
        process.wait(timeout=20)
    except subprocess.TimeoutExpired:
        process.kill()


@contextlib.asynccontextmanager
async def served(app: Litestar, *, port: int | None = None) -> AsyncGenerator[str, None]:
    """An app over real HTTP, on a free port unless it must know its own; its address."""
    port = port or free_port()
    server = Server(app, address="127.0.0.1", port=port, interface=Interfaces.ASGI)
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(server.serve)

        async def answers() -> bool:
            try:
                return (await client.get("/readyz")).status_code == 200
            except httpx.TransportError:
                return False

        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}") as client:
            await wait_until(answers, seconds=20, what="the site")
        yield f"http://127.0.0.1:{port}"
        server.stop()  # type: ignore[no-untyped-call]


@pytest.fixture
async def phone(browser: Browser) -> AsyncIterator[Page]:
    """A page as a customer or shop sees it: a small phone with touch, in Chinese."""
    context = await browser.new_context(
        viewport=PHONE, has_touch=True, is_mobile=True, device_scale_factor=2, locale="zh-CN"
    )
    yield await watched(context)
    await context.close()


@pytest.fixture
async def desktop(browser: Browser) -> AsyncIterator[Page]:
    """A page as HQ sees it."""
    context = await browser.new_context(viewport=DESKTOP, locale="zh-CN")
    yield await watched(context)
    await context.close()


async def watched(context: BrowserContext) -> Page:
    """A page that remembers what its console complained about, in ``page.complaints``."""
    page = await context.new_page()
    complaints: list[str] = []
    page.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.complaints = complaints  # type: ignore[attr-defined]
    return page
