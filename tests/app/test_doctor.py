"""The doctor names what is wrong and what to do about it, and its exit code tells machines."""

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import Servers
from yundian.app import doctor
from yundian.app.doctor import Finding, Level
from yundian.platform.core.settings import Environment, Settings
from yundian.platform.db import migrate

pytestmark = pytest.mark.anyio


def _by_name(findings: list[Finding]) -> dict[str, Finding]:
    return {finding.check: finding for finding in findings}


@pytest.fixture(scope="module")
def untouched(settings: Settings, servers: Servers) -> Iterator[Settings]:
    """A database of this module alone: in the shared one other tests leave events that nobody delivers."""
    urls = servers.postgres.create_database("doctor")
    sound = settings.model_copy(update={"database_url": urls.app, "database_owner_url": urls.owner})
    asyncio.run(migrate.upgrade(sound))
    yield sound
    servers.postgres.drop_database("doctor")


async def test_sound_servers_are_reported_sound(untouched: Settings) -> None:
    found = _by_name(await doctor.examine(untouched))
    for check in ("python", "settings", "database", "roles", "schema", "clock", "redis", "queue", "disk"):
        assert found[check].level is Level.OK, found[check]


async def test_an_owner_as_application_role_is_a_failure_with_advice(settings: Settings) -> None:
    unsafe = settings.model_copy(update={"database_url": settings.database_owner_url})
    finding = await doctor.check_roles(unsafe)
    assert finding.level is Level.FAIL
    assert "plain role" in finding.advice


async def test_a_database_that_is_down_does_not_hide_the_other_findings(settings: Settings) -> None:
    down = settings.model_copy(update={"database_url": "postgresql://yundian:secret@127.0.0.1:1/yundian"})
    findings = await doctor.examine(down)
    found = _by_name(findings)
    assert found["database"].level is Level.FAIL
    assert found["redis"].level is Level.OK
    assert not any("secret" in finding.detail for finding in findings)


def test_nothing_set_is_said_and_fails(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    empty = Settings(environment=Environment.TEST, var_dir=tmp_path, database_url="", redis_url="")
    assert doctor.run(empty, as_json=True) == 1
    report = {line["check"]: line for line in json.loads(capsys.readouterr().out)}
    assert "DATABASE_URL" in report["settings"]["detail"]
    assert report["database"]["detail"] == "DATABASE_URL is not set"
    assert doctor.run(empty, as_json=False) == 1
    assert "yundian up" in capsys.readouterr().out
