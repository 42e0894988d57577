"""Servers that these tests may kill."""

import asyncio
import shutil
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from _pytest.terminal import TerminalReporter

from tests import courier_room
from tests.conftest import Servers, running_servers
from tests.faults import summary
from tests.faults.kit import LEASE_S, House
from yundian.platform.core.settings import Environment, Settings
from yundian.platform.db import migrate
from yundian.platform.db.database import Database


@pytest.fixture(scope="session")
def fault_servers(scratch: Path) -> Iterator[Servers]:
    """Not the ones that all other tests share."""
    folder = scratch / "faults"
    folder.mkdir(mode=0o711, exist_ok=True)
    with running_servers(folder) as started:
        yield started
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def fault_settings(fault_servers: Servers, scratch: Path) -> Settings:
    settings = Settings(
        environment=Environment.TEST,
        var_dir=scratch / "var",
        database_url=fault_servers.database_url,
        database_owner_url=fault_servers.database_owner_url,
        redis_url=fault_servers.redis_url,
        courier_lease_s=LEASE_S,
    )
    asyncio.run(migrate.upgrade(settings))
    asyncio.run(courier_room.make_tables(settings.database_owner_url))
    return settings


@pytest.fixture
async def house(fault_servers: Servers, fault_settings: Settings, tmp_path: Path) -> AsyncIterator[House]:
    database = Database(fault_settings)
    await database.open()
    house = House(fault_servers, fault_settings, database, tmp_path / "workers.log")
    yield house
    await house.end_workers()
    await database.close()


def pytest_terminal_summary(terminalreporter: TerminalReporter) -> None:
    """After a long run: who was killed where, and whether it did harm."""
    summary.write(terminalreporter)
