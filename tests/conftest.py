"""What every test shares: real servers of its own, one set per test process."""

import asyncio
import contextlib
import gc
import json
import os
import shutil
import tempfile
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import hypothesis
import psutil
import pytest
from argon2 import PasswordHasher
from litestar import Litestar
from pydantic import SecretStr

from tests import clusters, factories
from tests.hangs import pytest_pyfunc_call, pytest_runtest_protocol, pytest_xdist_make_scheduler  # noqa: F401
from tests.helpers import make_client
from tests.sandbox.running import RunningSandbox
from yundian.brands.types import BrandView
from yundian.platform.auth import passwords
from yundian.platform.core import garbage
from yundian.platform.core.settings import Environment, Settings
from yundian.platform.db import migrate
from yundian.platform.db.services import Services, open_services
from yundian.platform.embedded.postgres import EmbeddedPostgres
from yundian.platform.embedded.process import exclusive
from yundian.platform.embedded.valkey import EmbeddedValkey

_PREFIX = "yundian-test-"
# What the providers do later, they do so many times sooner.
SANDBOX_TIME_SCALE = 60

# A deadline for each example fails on a busy machine; the timeout of the test is enough.
hypothesis.settings.register_profile("house", deadline=None)
hypothesis.settings.load_profile("house")

# The modules that take longest, by the processor's time that was measured: they begin first, so that at the end no
# worker is left alone with one of them. All others follow in their own order.
LONGEST_FIRST = (
    "tests/architecture/test_authorisation_matrix.py",
    "tests/fuzz/test_hostile_requests.py",
    "tests/app/test_up.py",
    "tests/browser/test_accessibility.py",
    "tests/faults/test_courier_faults.py",
    "tests/platform_db/test_migrations.py",
    "tests/fuzz/test_described_requests.py",
    "tests/faults/test_appointments_faults.py",
    "tests/faults/test_payments_faults.py",
    "tests/faults/test_main_job_faults.py",
    "tests/architecture/test_import_contracts.py",
    "tests/browser/test_appointments.py",
    "tests/browser/test_paying.py",
    "tests/sandbox/test_in_browser.py",
    "tests/journeys/test_main_job.py",
    "tests/faults/test_web_faults.py",
    "tests/platform_db/test_tenancy_walk.py",
    "tests/faults/test_idempotency_faults.py",
    "tests/channels/test_tmall.py",
    "tests/browser/test_scanning.py",
    "tests/payments/test_histories.py",
)


def pytest_sessionstart() -> None:
    """What the collection loads is no garbage."""
    gc.disable()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    places = {name: place for place, name in enumerate(LONGEST_FIRST)}
    items.sort(key=lambda item: places.get(item.nodeid.partition("::")[0], len(places)))


def pytest_collection_finish() -> None:
    garbage.settle()
    gc.enable()


def pytest_sessionfinish() -> None:
    """Libraries in C complain at exit about what nobody may collect."""
    gc.unfreeze()


@dataclass(frozen=True)
class Servers:
    """PostgreSQL and Valkey of this test process."""

    postgres: EmbeddedPostgres
    valkey: EmbeddedValkey

    @property
    def database_url(self) -> str:
        return self.postgres.app_url

    @property
    def database_owner_url(self) -> str:
        return self.postgres.owner_url

    @property
    def redis_url(self) -> str:
        return self.valkey.url


@contextlib.contextmanager
def running_servers(folder: Path, *, durable: bool = False) -> Iterator[Servers]:
    """Servers in a folder that is there, gone afterwards with their data."""
    postgres, valkey = EmbeddedPostgres(folder / "postgres", durable=durable), EmbeddedValkey(folder / "valkey")
    try:
        if not durable:
            clusters.plant(folder / "postgres")
        postgres.start()
        valkey.start()
        yield Servers(postgres=postgres, valkey=valkey)
    finally:
        valkey.destroy()
        postgres.destroy()


@pytest.fixture(scope="session")
def anyio_backend() -> tuple[str, dict[str, bool]]:
    return "asyncio", {"use_uvloop": True}


@pytest.fixture(scope="session", autouse=True)
def quick_passwords() -> Iterator[None]:
    """Thousands of accounts are made, and none has to withstand a thief; ``tests/auth`` has the true ones."""
    quick = PasswordHasher(time_cost=1, memory_cost=64, parallelism=1)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(passwords, "_HASHER", quick)
        patch.setattr(passwords, "DUMMY_HASH", quick.hash("nobody's password"))
        yield


@pytest.fixture(scope="session")
def scratch() -> Iterator[Path]:
    """A folder of this test process; other accounts may pass through (PostgreSQL never runs as root)."""
    sweep_killed_runs(Path(tempfile.gettempdir()))
    folder = Path(tempfile.mkdtemp(prefix=f"{_PREFIX}{os.getpid()}-"))
    folder.chmod(0o711)
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def servers(scratch: Path) -> Iterator[Servers]:
    """PostgreSQL and Valkey, started once per test process; nothing global is set."""
    with running_servers(scratch) as started:
        yield started


@pytest.fixture(scope="session")
def settings(servers: Servers, scratch: Path) -> Settings:
    """Settings that point at this process's servers."""
    return Settings(
        environment=Environment.TEST,
        var_dir=scratch / "var",
        database_url=servers.database_url,
        database_owner_url=servers.database_owner_url,
        redis_url=servers.redis_url,
    )


@pytest.fixture(scope="session")
def migrated(settings: Settings) -> Settings:
    """The same settings, with the schema at head and the application's role in place."""
    asyncio.run(migrate.upgrade(settings))
    return settings


@pytest.fixture(scope="session")
async def services(migrated: Settings) -> AsyncIterator[Services]:
    """The open connections of this test process, as the plain application role."""
    async with open_services(migrated) as services:
        yield services


@pytest.fixture(scope="session")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningSandbox]:
    """WeChat, Alipay and SMS of this test process. Tests that move its clock or kill it start one of their own."""
    running = RunningSandbox(tmp_path_factory.mktemp("gateway"), time_scale=SANDBOX_TIME_SCALE)
    running.start()
    yield running
    running.stop()


@pytest.fixture
def sandbox(gateway: RunningSandbox) -> Iterator[RunningSandbox]:
    """The sandbox with everything working; what a test breaks is whole again afterwards."""
    yield gateway
    gateway.http.delete("/sandbox/api/faults")


@pytest.fixture(scope="session")
def outside(migrated: Settings, gateway: RunningSandbox) -> Settings:
    """The same house with the sandbox around it."""
    sms = json.loads((gateway.var_dir / "sandbox/credentials.json").read_text())["sms"]
    changes = {"wechat_url": gateway.base_url, "sms_url": sms["send_url"], "sms_key": SecretStr(sms["key"])}
    return migrated.model_copy(update=changes)


@pytest.fixture(scope="session")
async def app(migrated: Settings) -> AsyncIterator[Litestar]:
    """The whole web app, its lifespan running."""
    from yundian.app.asgi import create_app  # noqa: PLC0415  rooms' own tests need not load every room

    app = create_app(migrated)
    async with app.lifespan():
        yield app


@pytest.fixture
async def client(app: Litestar) -> AsyncIterator[httpx.AsyncClient]:
    """A browser without a session, without redirects."""
    async with make_client(app) as client:
        yield client


@pytest.fixture
async def brand(services: Services) -> BrandView:
    """A brand of this test alone: tests isolate by brand and commit for real."""
    return await factories.make_brand(services.settings)


@pytest.fixture
async def other_brand(services: Services) -> BrandView:
    """Somebody else's brand."""
    return await factories.make_brand(services.settings)


def sweep_killed_runs(temporary: Path) -> None:
    """A test run that was killed could not stop its servers; the next one does, those of single modules, too."""
    with exclusive(temporary / f"yundian-sweep-{os.geteuid()}"):
        for folder in temporary.glob(f"{_PREFIX}*"):
            number = folder.name.removeprefix(_PREFIX).split("-", 1)[0]
            if number.isdigit() and not psutil.pid_exists(int(number)) and _is_ours(folder):
                for depth in ("", "*/"):
                    for found in folder.glob(f"{depth}postgres"):
                        EmbeddedPostgres(found).destroy()
                    for found in folder.glob(f"{depth}valkey"):
                        EmbeddedValkey(found).destroy()
                shutil.rmtree(folder, ignore_errors=True)


def _is_ours(folder: Path) -> bool:
    """Whether it belongs to this account, and is still there: its own run may be clearing up."""
    try:
        return folder.stat().st_uid == os.geteuid()
    except FileNotFoundError:
        return False
